"""How the pixels of one file are stored and what their values mean, without reading them.

Plain files are read by the walk that their headers are read by, those with much before their pixels by the walk for
files of any encoding, all others by pydicom.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...dicom import tags
from ...dicom.dataset import open_dataset
from ...dicom.element_head import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding, element_head
from ...dicom.fast_header import FIRST_READ
from ...dicom.header import Header
from ...dicom.header_walk import Selection, codes_of, walk
from ...dicom.source import MAX_DEFLATION, open_regular_file
from ...dicom.tags import Tag
from ...dicom.undefined_length import NotPlainError
from ...errors import FileError, TruncatedFileError
from ...words import plural
from ..geometry.frames import FUNCTIONAL_GROUP_CLASSES
from .padding import stored_padding
from .rescale import Rescale, StoredRange, linear_rescale

_LONGEST = 4096
"""Bytes of a value that are looked at; those that are kept have a few."""
_NOT_PLAIN = frozenset([tags.MODALITY_LUT, tags.FLOAT_PIXEL_DATA, tags.DOUBLE_FLOAT_PIXEL_DATA])
_WANTED = frozenset([*tags.KEPT, *_NOT_PLAIN, tags.PIXEL_DATA])
_ENCODINGS = {
    tags.IMPLICIT_LITTLE_ENDIAN: IMPLICIT_LITTLE,
    tags.EXPLICIT_LITTLE_ENDIAN: EXPLICIT_LITTLE,
    tags.EXPLICIT_BIG_ENDIAN: Encoding(True, False),
}
_FAST = Selection(
    codes_of(
        {
            Tag.MEDIA_STORAGE_SOP_CLASS_UID: (b"UI",),
            Tag.TRANSFER_SYNTAX_UID: (b"UI",),
            **{tag: (b"US", b"SS") if kind == "XS" else (kind.encode(),) for tag, kind in tags.KEPT.items()},
            **dict.fromkeys(_NOT_PLAIN, ()),
        }
    ),
    tags.PIXEL_DATA - 1,
)


@dataclass(frozen=True, eq=False)
class PixelFormat:
    """What decides how the pixels of one file are read."""

    header: Header
    rows: int
    columns: int
    samples: int
    photometric: str
    """Photometric Interpretation."""
    planar: int
    bits_allocated: int
    bits_stored: int
    high_bit: int | None
    signed: bool
    frames: int
    offset: int | None
    """Of the value of Pixel Data in the file; None where only pydicom can tell (deflated files)."""
    length: int | None
    """Bytes of Pixel Data; None for compressed frames and where only pydicom can tell."""
    keyword: str
    """``PixelData``, ``FloatPixelData`` or ``DoubleFloatPixelData``."""
    rescales: tuple[Rescale, ...]
    """One for all frames, or one for each."""
    units: str
    """Of the values after rescaling, as the file names them (HU, BQML); empty where it does not."""
    padding_elements: tuple[int | None, int | None] = (None, None)
    """Pixel Padding Value and Pixel Padding Range Limit as unsigned numbers; None where absent."""

    @property
    def padding(self) -> tuple[int, int] | None:
        """The lowest and the highest stored value that is no pixel of the image; None where there are none."""
        if self.is_color or self.keyword != "PixelData":
            return None
        return stored_padding(*self.padding_elements, self.stored, signed=self.signed)

    @property
    def path(self) -> str:
        """The file."""
        return self.header.path

    @property
    def syntax(self) -> str:
        """Transfer Syntax UID."""
        return self.header.transfer_syntax_uid

    @property
    def is_color(self) -> bool:
        """Whether a pixel has several samples, or stands for them (palette)."""
        return self.samples > 1 or self.photometric == "PALETTE COLOR"

    @property
    def big_endian(self) -> bool:
        """Whether native pixels have their most significant byte first."""
        return self.syntax == tags.EXPLICIT_BIG_ENDIAN

    @property
    def stored(self) -> StoredRange:
        """Type (in this machine's byte order) and range of the stored values."""
        if self.keyword != "PixelData":
            return StoredRange(np.dtype(np.float32 if self.keyword == "FloatPixelData" else np.float64), 0, 0)
        if self.bits_allocated == 1:
            return StoredRange(np.dtype(np.uint8), 0, 1)
        dtype = np.dtype(f"{'i' if self.signed else 'u'}{self.bits_allocated // 8}")
        bits = self.bits_stored
        return StoredRange(dtype, -(2 ** (bits - 1)) if self.signed else 0, 2 ** (bits - self.signed) - 1)

    @property
    def is_direct(self) -> bool:
        """Whether a frame is a plain run of bytes in the file that can be read where it is wanted."""
        return (
            self.offset is not None
            and not tags.is_encapsulated(self.syntax)
            and self.keyword == "PixelData"
            and self.bits_allocated in (8, 16, 32, 64)
            # Big-endian bytes may be exchanged in pairs, by their value representation (PS3.5 annex A.3).
            and not (self.big_endian and self.bits_allocated == 8)
            and (self.photometric in ("MONOCHROME1", "MONOCHROME2") if self.samples == 1 else self.photometric == "RGB")
        )

    def rescale(self, frame: int) -> Rescale:
        """Return the value of a frame (from 0)."""
        return self.rescales[frame if len(self.rescales) > 1 else 0]


def read_pixel_format(header: Header, *, scale_dose: bool = False) -> PixelFormat:
    """Read how a file's pixels are stored.

    ``scale_dose``: take Dose Grid Scaling (3004,000E) for the slope of an RT Dose.

    Raises
    ------
    FileError
        The file cannot be read; it has no pixel data (code ``pixel-data-missing``); its description of the pixels is
        missing or contradicts itself (``pixel-bits-inconsistent``).
    TruncatedFileError
        The file ends within its pixel data.
    """
    try:
        plain = _walk_file(header)
    except FileError:
        plain = None  # pydicom reads it, or says what is wrong
    if plain is not None:
        values, place, size = plain
        return _checked(header, values, place, _linear(header, values), values.get(tags.UNITS) or "", size)
    from .slow_format import slow_values

    try:
        size = os.stat(header.path).st_size
    except OSError as error:
        raise FileError(header.path, f"cannot be read ({error.strerror or error}).") from error
    slow = slow_values(header, scale_dose=scale_dose)
    rescales = slow.rescales or _linear(header, slow.values)
    return _checked(header, slow.values, slow.place, rescales, slow.units, size, slow.keyword)


Place = tuple["int | None", "int | None"]


def _walk_file(header: Header) -> tuple[dict[int, Any], Place, int] | None:
    """Kept elements, the place of Pixel Data and the file's size; None of what is not plain."""
    syntax = header.transfer_syntax_uid
    encoding = _ENCODINGS.get(syntax, EXPLICIT_LITTLE if tags.is_encapsulated(syntax) else None)
    if encoding is None or header.sop_class_uid in FUNCTIONAL_GROUP_CLASSES or header.sop_class_uid == tags.RT_DOSE:
        return None
    fast = _walk_fast(header, encoding) if encoding.little else None
    if fast is not None:
        return fast
    values: dict[int, Any] = {}
    with open_dataset(header.path) as dataset:
        walk = dataset.walk
        if dataset.encoding != encoding:
            return None
        for element in walk.elements(_WANTED, up_to=tags.PIXEL_DATA):
            tag = element.tag
            if tag in _NOT_PLAIN or walk.out_of_order:
                return None
            if tag == tags.PIXEL_DATA:
                is_fragmented = element.length == tags.UNDEFINED
                if is_fragmented and not encoding.explicit:
                    return None
                return values, (element.offset, None if is_fragmented else element.length), dataset.size
            if element.vr and element.vr not in (("US", "SS") if tags.KEPT[tag] == "XS" else (tags.KEPT[tag],)):
                return None
            try:
                values[tag] = _value(tags.KEPT[tag], walk.value(element, _LONGEST), element.encoding)
            except ValueError:
                return None
    return None


def _walk_fast(header: Header, encoding: Encoding) -> tuple[dict[int, Any], Place, int] | None:
    """What :func:`_walk_file` gives, where the first bytes of a file are enough; None where they are not."""
    file, size = open_regular_file(header.path)
    with file:
        data = file.read(FIRST_READ)
    if data[128:132] != b"DICM":
        return None
    try:
        elements, offset, tag = walk(data, size, _FAST)
        head = element_head(data[offset : offset + 12], offset, encoding) if tag == tags.PIXEL_DATA else None
        if head is None or elements.pop(Tag.TRANSFER_SYNTAX_UID).rstrip(b"\0") != header.transfer_syntax_uid.encode():
            return None
        elements.pop(Tag.MEDIA_STORAGE_SOP_CLASS_UID, None)
        is_fragmented = head.length == tags.UNDEFINED
        if not _NOT_PLAIN.isdisjoint(elements) or (is_fragmented and not encoding.explicit):
            return None
        values = {tag: _value(tags.KEPT[tag], raw[:_LONGEST], encoding) for tag, raw in elements.items()}
    except (NotPlainError, IndexError, struct.error, ValueError):
        return None
    return values, (head.offset, None if is_fragmented else head.length), size


def _value(kind: str, raw: bytes, encoding: Encoding) -> Any:
    """A kept element's value; None when it is empty, ValueError when it is none."""
    if kind in ("US", "XS"):
        if len(raw) not in (0, 2):
            raise ValueError(raw)
        return encoding.number(raw) if raw else None
    text = raw.strip(b" \0").decode("ascii", "replace")
    if kind in ("IS", "DS"):
        return (int if kind == "IS" else float)(text) if text else None
    return text or None


def _linear(header: Header, values: dict[int, Any]) -> tuple[Rescale, ...]:
    """Rescale Slope and Intercept; as stored unless both are there, as in pydicom's apply_modality_lut."""
    slope, intercept = values.get(tags.SLOPE), values.get(tags.INTERCEPT)
    if slope is None or intercept is None:
        return (Rescale(),)
    return (linear_rescale(header, float(slope), float(intercept)),)


def _checked(
    header: Header,
    values: dict[int, Any],
    place: Place,
    rescales: tuple[Rescale, ...],
    units: str,
    size: int,
    keyword: str = "PixelData",
) -> PixelFormat:
    def required(tag: int) -> int:
        value = values.get(tag)
        if not isinstance(value, int):
            raise _inconsistent(header, f"{tags.element_name(tag)} is missing, without which pixels cannot be read.")
        return value

    is_float = keyword != "PixelData"
    if not values.get(tags.PHOTOMETRIC):
        raise _inconsistent(
            header, f"{tags.element_name(tags.PHOTOMETRIC)} is missing, without which pixels cannot be read."
        )
    samples = values.get(tags.SAMPLES) or 1
    found = PixelFormat(
        header=header,
        rows=required(tags.ROWS),
        columns=required(tags.COLUMNS),
        samples=samples,
        photometric=str(values[tags.PHOTOMETRIC]).upper(),
        planar=values.get(tags.PLANAR) or 0,
        bits_allocated=required(tags.BITS_ALLOCATED),
        bits_stored=required(tags.BITS_ALLOCATED if is_float else tags.BITS_STORED),
        high_bit=values.get(tags.HIGH_BIT),
        signed=bool(not is_float and required(tags.REPRESENTATION) & 1),
        frames=max(values.get(tags.FRAMES) or 1, 1),
        offset=place[0],
        length=place[1],
        keyword=keyword,
        rescales=rescales,
        units=units or str(values.get(tags.RESCALE_TYPE) or ""),
        padding_elements=(values.get(tags.PADDING), values.get(tags.PADDING_LIMIT)),
    )
    _require_bits(found)
    _require_length(found, size)
    return found


def _inconsistent(header: Header, problem: str) -> FileError:
    return FileError(header.path, problem, code="pixel-bits-inconsistent")


def _require_bits(pixel_format: PixelFormat) -> None:
    allocated, stored = pixel_format.bits_allocated, pixel_format.bits_stored
    if allocated not in (1, 8, 16, 32, 64) or not 1 <= stored <= allocated:
        raise _inconsistent(
            pixel_format.header,
            f"{tags.element_name(tags.BITS_ALLOCATED)} is {allocated}, {tags.element_name(tags.BITS_STORED)} {stored}; "
            "pixels of 1, 8, 16, 32 or 64 bits with no more bits stored than allocated can be read.",
        )
    if pixel_format.samples not in (1, 3):
        raise _inconsistent(
            pixel_format.header,
            f"{tags.element_name(tags.SAMPLES)} is {pixel_format.samples}; 1 (grey) and 3 (colour) can be read.",
        )


def _require_length(pixel_format: PixelFormat, size: int) -> None:
    """Whether the file is long enough for what it claims; nothing is allocated before."""
    start = pixel_format.offset or 0
    end = size if pixel_format.length is None else min(start + pixel_format.length, size)
    held = max(end - start, 0)
    if pixel_format.syntax == tags.DEFLATED_LITTLE_ENDIAN:
        held *= MAX_DEFLATION
    if tags.is_encapsulated(pixel_format.syntax):
        # Every frame has at least one item, whose header has 8 bytes.
        needed, what = pixel_format.frames * 8, f"{pixel_format.frames:,} compressed frames"
    else:
        bits = pixel_format.rows * pixel_format.columns * pixel_format.samples * pixel_format.bits_allocated
        if pixel_format.photometric == "YBR_FULL_422":
            bits = bits // 3 * 2
        needed = (bits * pixel_format.frames + 7) // 8
        what = (
            f"{plural(pixel_format.frames, 'frame')} of {pixel_format.rows} × {pixel_format.columns} pixels, "
            f"{plural(pixel_format.samples, 'sample')} of {pixel_format.bits_allocated} bits"
        )
    if held >= needed:
        return
    if pixel_format.length is not None and start + pixel_format.length > size:
        problem = (
            f"is cut off: Pixel Data announces {pixel_format.length:,} bytes, the file has {held:,} left. "
            "Copy or export it again."
        )
        raise TruncatedFileError(pixel_format.path, problem)
    problem = f"Pixel Data holds {held:,} bytes; {what} need {needed:,}. Get it again from the source system."
    raise FileError(pixel_format.path, problem, code="pixel-data-length")
