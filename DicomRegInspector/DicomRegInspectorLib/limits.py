"""How much of a file is read, followed and believed, each limit once; `docs/limits.md` is made of this.

They are far beyond what real objects have, and there so that time and memory follow a file's size whatever it holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """A number beyond which something is not done."""

    value: int
    what: str
    """What is bounded."""
    why: str
    """Where real objects lie, or what is beyond."""
    met: str
    """What is said where it is met, ``{}`` for the number; without ``is_said`` what is done then."""
    unit: str = ""
    is_said: bool = True

    @property
    def text(self) -> str:
        """The number with its unit."""
        if self.unit != "bytes":
            return f"{self.value:,} {self.unit}".rstrip()
        for name, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
            if self.value >= size:
                return f"{self.value / size:,.3g} {name}"
        return f"{self.value:,} bytes"

    @property
    def shown(self) -> str:
        """The sentence for a page, where what depends on the file is three dots."""
        return re.sub(r"\{\w[^}]*\}", "…", self.met).format(self.text)

    @property
    def sentence(self) -> str:
        """What is said or done where it is met."""
        return self.met.format(self.text)


# Of DICOM files.
LEVELS = Limit(
    64,
    "Sequences within sequences",
    "the deepest objects of the standard have fewer than ten; readers break off deeper ones with an error of their own",
    "nests sequences more than {} levels deep, far deeper than any object needs, and is not read further.",
)
ELEMENTS = Limit(
    20_000_000,
    "Elements and items that are looked at one by one",
    "some ten seconds; what is passed over whole does not count",
    "holds more than {} elements, far more than any object needs, and is not read further.",
)
HEADER_PIECES = Limit(
    400_000,
    "Pieces of a header that pydicom reads, several for an element; 2,000 more for each frame that the file announces",
    "seconds, and 700 bytes for each item of a sequence; functional groups of a frame take some hundred",
    "has a header of more than {} pieces, which is not read further.",
)
HEADER_PIECES_OF_FRAME = 2_000
INFLATED_HEADER = Limit(
    1 << 26,
    "A deflated data set before its pixels",
    "headers have some kilobytes, with tables of frames some megabytes",
    "has a header of more than {}, inflated, which is not read further.",
    "bytes",
)
INFLATED = Limit(
    8 << 30,
    "A deflated data set that is read forward",
    "twice what the largest grid of one element needs",
    "inflates to more than {}, and is not read further.",
    "bytes",
)
UNPACKED = Limit(
    4 << 30,
    "A deflated data set that is unpacked to disk, to look up places in it",
    "the largest Pixel Data of one element",
    "inflates to more than {}, and is not read further.",
    "bytes",
)
DEFLATION = Limit(
    1032,
    "How many times its size a deflate stream inflates to",
    "no more is possible (RFC 1951): what a header announces beyond it is not there",
    "what the header announces is refused as more than the file can hold",
    is_said=False,
)
UNPACKED_TIMES = Limit(
    64,
    "How many times its size is kept inflated on disk of a deflated file that is read again",
    "images and vectors inflate to some two times their size",
    "it is inflated again for all that is asked of it",
    is_said=False,
)
KEPT_VALUES = Limit(
    1 << 27,
    "Values and items that are kept of a registration, a structure set or a directory, with what holds them in memory",
    "a hundred thousand references to images",
    "holds more than {} of the elements that are read of such a file.",
    "bytes",
)
KEPT_VALUE = Limit(
    1 << 16,
    "One value that is read with the header",
    "texts and numbers; pixels and vectors are read where they lie",
    "its place is noted, and it is read when it is needed",
    "bytes",
    is_said=False,
)
LISTED_ITEMS = Limit(
    400_000,
    "References to images whose UIDs are kept of one file",
    "the largest studies have tens of thousands",
    "the others are counted",
    is_said=False,
)
FOLLOWED_FRAGMENTS = Limit(
    100_000,
    "Fragments of compressed pixels that inspecting follows",
    "one or two for each frame",
    "whether the file is complete stays open; checking pixels follows 40 times as many",
    is_said=False,
)
FRAGMENTS = Limit(
    4_000_000,
    "Fragments of compressed pixels that checking pixels follows",
    "one or two for each frame; the largest slides have some hundred thousand frames",
    "there are more than {} fragments",
)
FRAMES = Limit(
    100_000,
    "Frames without a place of their own that become slices",
    "long fluoroscopies have some thousand, slides are told as what they are",
    "; the first {} of a file are looked at",
)
TILES = Limit(
    4096,
    "Slices in one mosaic image",
    "mosaics have some hundred",
    "the image is taken for one slice",
    is_said=False,
)
DECODED_FRAMES = Limit(
    32,
    "Frames of a compressed file that checking pixels decodes, evenly over all of them",
    "damage that is not in the fragments' own lengths hits most frames",
    "the other frames' fragments are checked, but not decoded",
    is_said=False,
)
DECODING = Limit(
    60,
    "Time for one frame to decode",
    "the largest of pathology and mammography take some seconds; some decoders never come back from damaged ones",
    "its decoder crashes or never ends on a frame, which must be damaged",
    "s",
)
ELEMENT = Limit(
    0xFFFFFFFE,
    "A value that is written into one element",
    "lengths are 32-bit numbers, and the highest means undefined (PS3.5 section 7.1)",
    "do not fit a DICOM element, which holds {} at most",
    "bytes",
)

# Of other files.
TEXT_HEADER = Limit(
    1 << 16,
    "The header of an NRRD or MetaImage file",
    "some hundred bytes",
    "what comes behind is not looked for, and the file refused as without its end",
    "bytes",
    is_said=False,
)
ELASTIX_TEXT = Limit(
    1 << 30,
    "A parameter file of elastix",
    "millions of control points",
    "has more than {} of text",
    "bytes",
)
INITIAL_TRANSFORMS = Limit(
    50,
    "Transforms of elastix that name one another as initial",
    "two or three",
    "is an initial transform of itself, or of more than {} others",
)
COORDINATES = Limit(
    10**9,
    "Numbers of matrices, spline coefficients and contours",
    "no places in or around a patient, and squares of them no numbers any more",
    "holds a matrix with numbers out of all range",
    "mm",
)
LANDMARKS = Limit(
    100_000,
    "Rows of a landmark file",
    "thousands are unusual",
    "holds more than {} landmarks",
)
COMPRESSION = Limit(
    1100,
    "Voxels of a volume in another format for each byte of its file, where it is compressed; one where it is not",
    "deflate makes 1,032 bytes of one at most",
    "claims {size} voxels, but only {bytes} bytes are there; it is cut off or damaged",
)
BZIP2 = Limit(
    50_000,
    "The same of one packed by bzip2",
    "what it makes of zeros",
    "claims {size} voxels, but only {bytes} bytes are there; it is cut off or damaged",
)
HDF5_PARTS = Limit(
    100_000,
    "Messages, links, chunks and nodes of trees in an HDF5 file",
    "transform files have some hundred; beyond, a file is damaged or made to be followed for ever",
    "has parts without end",
)
BELIEVED_VALUES = Limit(
    1 << 21,
    "Numbers that a volume in another format may claim whatever its size",
    "they fit any machine",
    "the limit above holds",
    is_said=False,
)
CUT_SLICES = Limit(
    100_000,
    "Slices of a resampled volume",
    "a whole body in steps of 20 µm",
    "A spacing of {step:g} mm makes {slices:,} slices; choose a wider one.",
)

# Of what is compared.
AUDITED_ITEMS = Limit(
    100,
    "Items of registrations that one inspection compares with their images",
    "each takes a second or so, and what its images take to be read",
    "only {} items of one inspection are compared with their images",
)
AUDIT_IMAGES = Limit(
    1 << 30,
    "Images that are kept for the next items to be compared",
    "all of a patient's at usual sizes",
    "they are read again",
    "bytes",
    is_said=False,
)

LIMITS = tuple(value for value in list(globals().values()) if isinstance(value, Limit))
"""All of them, in the order of the page."""
