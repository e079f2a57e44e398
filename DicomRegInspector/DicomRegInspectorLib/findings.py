"""What an inspection can find: the vocabulary that every room shares.

A finding states one fact about one subject with the numbers that prove it. Codes are stable; scripts filter on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["info", "warning", "error"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")
"""From least to most severe. ``error``: used as it is, geometry or values come out wrong."""


@dataclass(frozen=True)
class CodeInfo:
    """What a finding code means, whatever file it is found in."""

    title: str
    """A few words, as a table heading would say it."""
    remedy: str
    """What a user can do about it, in one sentence."""


CODES: dict[str, CodeInfo] = {
    # Slice geometry
    "slice-gap": CodeInfo(
        "Slices missing",
        "Import the missing slices, or split or resample the series at the gap; do not average the spacing over it.",
    ),
    "slice-overlap": CodeInfo(
        "Slices closer than the spacing",
        "Split the series here, or drop the overlapping slice, before it is used as a regular volume.",
    ),
    "duplicate-position": CodeInfo(
        "Several slices at one position",
        "Separate the acquisitions (by acquisition, time or image type) and keep one slice for each position.",
    ),
    "spacing-change": CodeInfo(
        "Slice spacing changes",
        "Split the series at this border into sections of constant spacing, or resample it to one spacing.",
    ),
    "spacing-jitter": CodeInfo(
        "Slice positions are rounded",
        "Nothing is needed: the differences are no larger than the precision the positions were written with.",
    ),
    "position-missing": CodeInfo(
        "Slice without a position",
        "Get the images with Image Position (Patient) from the source system; without it a slice cannot be placed.",
    ),
    "position-constant": CodeInfo(
        "All slices at one position", "Treat these as a time series or get corrected positions: they are not a volume."
    ),
    "orientation-mixed": CodeInfo("Several slice orientations", "Load each orientation as an image of its own."),
    "orientation-invalid": CodeInfo(
        "Invalid orientation", "Get corrected images: row and column directions must be perpendicular unit vectors."
    ),
    "gantry-tilt": CodeInfo(
        "Tilted (sheared) stack",
        "Load the series with its acquisition transform, or resample it orthogonally; a plain volume would be sheared.",
    ),
    "in-plane-shift": CodeInfo(
        "Slices shifted in plane", "Check the positions: single slices lie beside the line that the others form."
    ),
    "size-mixed": CodeInfo("Several image sizes", "Load each image size as a series of its own."),
    "pixel-spacing-mixed": CodeInfo(
        "Several pixel spacings", "Load each pixel spacing as a series of its own, or resample to one."
    ),
    "header-spacing-disagrees": CodeInfo(
        "Header spacing disagrees with positions",
        "Trust the positions; Spacing Between Slices and Slice Thickness do not place a slice.",
    ),
    "thickness-change": CodeInfo(
        "Slice thickness changes",
        "Split the series at this border: slices of different thickness average different amounts of tissue.",
    ),
    "acquisitions-mixed": CodeInfo(
        "Several acquisitions in one series", "Separate the acquisitions before making a volume."
    ),
    "localizer-in-series": CodeInfo("Localizer among the slices", "Leave the localizer out of the volume."),
    "frame-of-reference-mixed": CodeInfo(
        "Several frames of reference",
        "Load each frame of reference as a volume of its own: positions in different frames cannot be compared.",
    ),
    "geometry-ignored-by-readers": CodeInfo(
        "Readers ignore this geometry",
        "Check position and spacing after loading: common readers use 1 mm and the origin for this kind of object.",
    ),
    "order-disagrees": CodeInfo(
        "Instance order is not slice order", "Sort by position, never by instance number, slice location or file name."
    ),
    # Registrations
    "reg-sop-class-mismatch": CodeInfo(
        "Wrong SOP class for the content", "Read by content (as here); ask the vendor to write the class that matches."
    ),
    "reg-tag-order": CodeInfo(
        "Elements out of order", "Read with a tolerant reader; ask the vendor to write elements in ascending order."
    ),
    "reg-units-suspect": CodeInfo(
        "Vectors may not be in millimetres",
        "Compare the registered images before use; load with vectors scaled from voxels if that is what they are.",
    ),
    "reg-direction-suspect": CodeInfo(
        "Field may be stored in the other direction",
        "Check that the two images were not exchanged; if they were not, load the registration reversed.",
    ),
    "reg-axis-signs-suspect": CodeInfo(
        "Signs of x and y may have slipped",
        "Compare the registered images before use, and ask the vendor whether vectors are written in LPS.",
    ),
    "reg-matrices-suspect": CodeInfo(
        "Matrices may not be meant as they are written",
        "Compare the registered images before use; load with the matrices ignored if the field contains them already.",
    ),
    "reg-deformation-suspect": CodeInfo(
        "Images agree better without the deformation",
        "Check that these are the images the registration was made for, and not one that was resampled by it already.",
    ),
    "reg-audit-undecided": CodeInfo(
        "Images do not tell how the registration is meant",
        "Compare the registered images by eye, or choose two images that show the same anatomy inside the grid.",
    ),
    "reg-vectors-undefined": CodeInfo(
        "Undefined vectors",
        "Do not use the registration where vectors are undefined (NaN); they load as zero displacement.",
    ),
    "reg-vectors-nonfinite": CodeInfo(
        "Infinite vectors",
        "Ask for a new export: a displacement cannot be infinite; such vectors load as zero displacement.",
    ),
    "reg-vectors-byte-order": CodeInfo(
        "Vectors in another byte order",
        "Compare the loaded field with the source system; ask the vendor to write the vectors as OF.",
    ),
    "reg-grid-size-mismatch": CodeInfo(
        "Vector count does not match the grid", "Ask for a new export: the vectors cannot be placed."
    ),
    "reg-grid-invalid": CodeInfo(
        "Invalid grid geometry",
        "Ask for a new export: the grid's place, directions, dimensions or resolution cannot be used.",
    ),
    "reg-matrix-invalid": CodeInfo(
        "Invalid matrix",
        "Ask for a new export: a transformation matrix needs 16 finite numbers and 0 0 0 1 as its last row.",
    ),
    "reg-matrix-not-rigid": CodeInfo("Matrix is not rigid", "Check that scaling or shear is meant here."),
    "reg-matrix-singular": CodeInfo("Matrix cannot be inverted", "Ask for a new export: this matrix collapses space."),
    "reg-near-zero": CodeInfo(
        "Registration does nearly nothing", "Check that the exported registration is the one you meant."
    ),
    "reg-folding": CodeInfo("Field folds", "Do not map dose or contours through the folded region."),
    "reg-frame-unknown": CodeInfo(
        "Frame of reference without images",
        "Find the images the registration was made for, or check that they were exported with it.",
    ),
    "reg-bulk-motion": CodeInfo(
        "Field contains the bulk motion", "Do not apply the separate rigid registration on top of this field."
    ),
    "reg-double-application": CodeInfo(
        "Motion would be applied twice", "Apply either the field or the separate matrix, not both."
    ),
    "reg-grid-does-not-cover": CodeInfo(
        "Grid does not cover the image",
        "Do not use the registration outside the grid: the standard defines nothing there.",
    ),
    "reg-incomplete": CodeInfo(
        "Registration is incomplete", "Ask for a new export: what is missing decides where points go."
    ),
    "reg-not-read": CodeInfo(
        "Registration of a kind not read", "Nothing is wrong with the file; its content is named but not evaluated."
    ),
    # Pixels
    "pixel-data-missing": CodeInfo("No pixel data", "Get the images again from the source system."),
    "pixel-data-length": CodeInfo("Pixel data has the wrong length", "Get the images again from the source system."),
    "pixel-bits-inconsistent": CodeInfo("Bit depths disagree", "Check the values before measuring on them."),
    "pixel-frames-disagree": CodeInfo("Number of frames disagrees", "Get the object again from the source system."),
    "rescale-varies": CodeInfo("Rescale differs between slices", "Apply the rescale slice by slice."),
    "rescale-absurd": CodeInfo(
        "Rescale cannot be meant", "Compare values with the source system before measuring on them; rescale by hand."
    ),
    "pixel-photometric": CodeInfo(
        "Colours contradict the header", "Check the displayed colours; get the images again if they are wrong."
    ),
    "pixel-lossy": CodeInfo(
        "Loss by compression is not said as it is",
        "Do not take the values for original ones; ask how it was compressed.",
    ),
    "pixel-spacing-kind": CodeInfo(
        "Which pixel spacing applies", "Measure in the plane that the spacing named here holds for."
    ),
    "pixel-not-decodable": CodeInfo("Pixel data cannot be decoded", "Install a decoder for the transfer syntax named."),
    # Files
    "file-unreadable": CodeInfo("File cannot be read", "Check the file and its permissions, or get it again."),
    "file-truncated": CodeInfo("File is cut off", "Copy or export the file again: its end is missing."),
}
"""Every code that can be reported, with what it means and what to do."""


@dataclass(frozen=True)
class Finding:
    """One fact about one subject, with the numbers that prove it.

    Raises
    ------
    ValueError
        When the code is not one of :data:`CODES` or the severity not one of :data:`SEVERITIES`.
    """

    code: str
    severity: Severity
    message: str
    subject: str
    """What it is about: a file name, ``series 1.2.3``, ``item 1 of reg.dcm``."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON values; a number's unit is in its key (``gap_mm``)."""

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"unknown finding code {self.code!r}")
        if self.severity not in SEVERITIES:
            raise ValueError(f"unknown severity {self.severity!r}; expected one of {', '.join(SEVERITIES)}")

    @property
    def title(self) -> str:
        """The code's meaning in a few words."""
        return CODES[self.code].title

    @property
    def remedy(self) -> str:
        """What a user can do about it, in one sentence."""
        return CODES[self.code].remedy

    def to_dict(self) -> dict[str, Any]:
        """The finding as the JSON report holds it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "subject": self.subject,
            "evidence": dict(self.evidence),
        }


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with the most severe first; within a severity the order stays."""
    return sorted(findings, key=lambda finding: -SEVERITIES.index(finding.severity))


def worst_severity(findings: Iterable[Finding]) -> Severity | None:
    """The highest severity among the findings, or None when there are none."""
    return max((finding.severity for finding in findings), key=SEVERITIES.index, default=None)
