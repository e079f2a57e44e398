"""What one file says of its pixels, kept as it says it: contradictions and all, for :mod:`.pixel_checks` to judge."""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ...dicom.element_walk import Dataset, Element, Encoding, open_dataset
from ...dicom.tags import (
    BITS_ALLOCATED,
    BITS_STORED,
    COLUMNS,
    DOUBLE_FLOAT_PIXEL_DATA,
    FLOAT_PIXEL_DATA,
    FRAMES,
    HIGH_BIT,
    INTERCEPT,
    PHOTOMETRIC,
    PIXEL_DATA,
    PLANAR,
    REPRESENTATION,
    RESCALE_TYPE,
    ROWS,
    SAMPLES,
    SLOPE,
    UNDEFINED,
    UNITS,
    Tag,
    tag_text,
)
from ...errors import TruncatedFileError
from ..geometry.frames import PER_FRAME_GROUPS, SHARED_GROUPS
from ..geometry.header_numbers import CHECKED_NUMBERS, invalid_numbers
from ..pixels.slow_format import PIXEL_VALUE_TRANSFORMATION

SMALLEST, LARGEST, PADDING, PADDING_LIMIT = 0x00280106, 0x00280107, 0x00280120, 0x00280121
IMAGER_SPACING, NOMINAL_SPACING, PLANE_SPACING = 0x00181164, 0x00182010, 0x30020011
MAGNIFICATION, CALIBRATION_TYPE, ASPECT_RATIO = 0x00181114, 0x00280A02, 0x00280034
LOSSY, LOSSY_RATIO, LOSSY_METHOD = 0x00282110, 0x00282112, 0x00282114
PALETTES = {"red": 0x00281101, "green": 0x00281102, "blue": 0x00281103}
PALETTE_DATA = {"red": (0x00281201, 0x00281221), "green": (0x00281202, 0x00281222), "blue": (0x00281203, 0x00281223)}
PROVIDER_URL = 0x00287FE0
OFFSETS, OFFSET_LENGTHS, TOTAL_LENGTH = 0x7FE00001, 0x7FE00002, 0x7FE00003
REGIONS, PIXEL_MEASURES = 0x00186011, 0x00289110
_PLANES = (0x00209113, 0x00209116)
"""Plane Position and Plane Orientation Sequence."""

_KINDS: dict[int, str] = {
    Tag.IMAGE_TYPE: "text",
    Tag.SOP_CLASS_UID: "text",
    Tag.SOP_INSTANCE_UID: "text",
    Tag.MODALITY: "text",
    Tag.STUDY_INSTANCE_UID: "text",
    Tag.SERIES_INSTANCE_UID: "text",
    Tag.PIXEL_SPACING: "decimal",
    FRAMES: "decimal",
    PHOTOMETRIC: "text",
    SLOPE: "decimal",
    INTERCEPT: "decimal",
    RESCALE_TYPE: "text",
    UNITS: "text",
    IMAGER_SPACING: "decimal",
    NOMINAL_SPACING: "decimal",
    PLANE_SPACING: "decimal",
    MAGNIFICATION: "decimal",
    CALIBRATION_TYPE: "text",
    ASPECT_RATIO: "decimal",
    LOSSY: "text",
    LOSSY_RATIO: "decimal",
    LOSSY_METHOD: "text",
    **dict.fromkeys((SAMPLES, PLANAR, ROWS, COLUMNS, BITS_ALLOCATED, BITS_STORED, HIGH_BIT, REPRESENTATION), "short"),
    **dict.fromkeys((SMALLEST, LARGEST, PADDING, PADDING_LIMIT), "short"),
    **dict.fromkeys(PALETTES.values(), "short"),
}
_BULK = (PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA)
_MAX_TEXT = 4096
KEYWORDS = {
    PIXEL_DATA: "PixelData",
    FLOAT_PIXEL_DATA: "FloatPixelData",
    DOUBLE_FLOAT_PIXEL_DATA: "DoubleFloatPixelData",
}

_NAMES: dict[int, str] = {
    Tag.PIXEL_SPACING: "Pixel Spacing",
    SAMPLES: "Samples per Pixel",
    PHOTOMETRIC: "Photometric Interpretation",
    PLANAR: "Planar Configuration",
    FRAMES: "Number of Frames",
    ROWS: "Rows",
    COLUMNS: "Columns",
    BITS_ALLOCATED: "Bits Allocated",
    BITS_STORED: "Bits Stored",
    HIGH_BIT: "High Bit",
    REPRESENTATION: "Pixel Representation",
    SMALLEST: "Smallest Image Pixel Value",
    LARGEST: "Largest Image Pixel Value",
    PADDING: "Pixel Padding Value",
    PADDING_LIMIT: "Pixel Padding Range Limit",
    INTERCEPT: "Rescale Intercept",
    SLOPE: "Rescale Slope",
    RESCALE_TYPE: "Rescale Type",
    IMAGER_SPACING: "Imager Pixel Spacing",
    NOMINAL_SPACING: "Nominal Scanned Pixel Spacing",
    PLANE_SPACING: "Image Plane Pixel Spacing",
    CALIBRATION_TYPE: "Pixel Spacing Calibration Type",
    ASPECT_RATIO: "Pixel Aspect Ratio",
    LOSSY: "Lossy Image Compression",
    LOSSY_RATIO: "Lossy Image Compression Ratio",
    PIXEL_DATA: "Pixel Data",
    FLOAT_PIXEL_DATA: "Float Pixel Data",
    DOUBLE_FLOAT_PIXEL_DATA: "Double Float Pixel Data",
    OFFSETS: "Extended Offset Table",
    OFFSET_LENGTHS: "Extended Offset Table Lengths",
    TOTAL_LENGTH: "Encapsulated Pixel Data Value Total Length",
    **{tag: f"{colour.capitalize()} Palette Color Lookup Table Descriptor" for colour, tag in PALETTES.items()},
}


def named(tag: int) -> str:
    """Name and tag of an element, without pydicom's dictionary, which takes more memory than the checks."""
    return f"{_NAMES[tag]} {tag_text(tag)}"


@dataclass(frozen=True)
class Overlay:
    """One overlay plane (C.9.2); in older files its bits lie among those of the pixels."""

    group: int
    bits_allocated: int
    bit_position: int
    has_data: bool


@dataclass(frozen=True)
class Region:
    """Calibration of a part of an ultrasound image (C.8.5.5)."""

    units: tuple[int, int]
    """Physical Units X and Y Direction: 3 is cm."""
    deltas: tuple[float, float]
    """Physical Delta X and Y: units from one pixel to the next."""
    data_type: int


@dataclass(eq=False)
class PixelFacts:
    """One file's elements about pixels."""

    dataset: Dataset
    values: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    """Tag to values; an element that is present and empty, or holds no such value, has none."""
    vrs: dict[int, str] = field(default_factory=dict)
    """Tag to value representation; empty text where the encoding does not say."""
    bulk: dict[int, Element] = field(default_factory=dict)
    """Pixel Data, Float Pixel Data and Double Float Pixel Data, as far as present."""
    present: set[int] = field(default_factory=set)
    """Tags of all elements at the top."""
    offsets: Element | None = None
    offset_lengths: Element | None = None
    total_length: int | None = None
    overlays: tuple[Overlay, ...] = ()
    regions: tuple[Region, ...] = ()
    frame_items: int | None = None
    """Items of Per-Frame Functional Groups Sequence; None without one."""
    rescales: Counter[tuple[float, float, str]] = field(default_factory=Counter)
    """Slope, intercept and type of functional groups, with the number of frames that have them."""
    spacings: Counter[tuple[float, ...]] = field(default_factory=Counter)
    """Pixel Spacing of functional groups, with the number of frames that have it."""
    number_texts: dict[int, bytes] = field(default_factory=dict)
    """Raw values of :data:`~..geometry.header_numbers.CHECKED_NUMBERS` at the top; of frames where they are none."""

    @property
    def path(self) -> str:
        """The file."""
        return self.dataset.path

    @property
    def syntax(self) -> str:
        """Transfer Syntax UID; empty where the file has none."""
        return self.dataset.transfer_syntax_uid

    def get(self, tag: int, default: Any = None) -> Any:
        """An element's first value."""
        values = self.values.get(tag)
        return values[0] if values else default

    def text(self, tag: int) -> str:
        """An element's first value as upper-case text; empty where there is none."""
        return str(self.get(tag, "")).upper()

    def integer(self, tag: int) -> int | None:
        """An element's first value, if it is a whole number."""
        value = self.get(tag)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            return None
        return int(value) if value == int(value) else None

    @property
    def is_image(self) -> bool:
        """Whether the object has Rows and Columns."""
        return bool(self.get(ROWS) and self.get(COLUMNS))

    @property
    def frames(self) -> int:
        """Number of Frames; 1 where absent or unusable."""
        number = self.integer(FRAMES)
        return number if number is not None and number > 0 else 1

    @property
    def signed(self) -> bool:
        """Whether Pixel Representation says that values have a sign."""
        return self.get(REPRESENTATION) == 1


@contextmanager
def open_facts(path: str) -> Iterator[PixelFacts]:
    """Read a file's facts; the file stays open for what is looked up in its pixels.

    Raises
    ------
    NotDicomError, TruncatedFileError, FileError
    """
    with open_dataset(path) as dataset:
        facts = PixelFacts(dataset)
        overlays: dict[int, dict[int, int]] = {}
        try:
            for element in dataset.elements(dataset.start, dataset.size, dataset.encoding):
                facts.present.add(element.tag)
                if element.tag in _BULK:
                    facts.bulk[element.tag] = element
                    if element.tag == PIXEL_DATA:
                        break
                elif 0x6000 <= element.tag >> 16 <= 0x601E:
                    _note_overlay(dataset, element, overlays)
                else:
                    _note(facts, element)
        except TruncatedFileError:
            # What is cut off within Float Pixel Data is told with its bytes.
            if not any(tag in facts.bulk for tag in (FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA)):
                raise
        facts.overlays = tuple(
            Overlay(group, one.get(0x0100, 0), one.get(0x0102, 0), 0x3000 in one)
            for group, one in sorted(overlays.items())
            # Curves and private uses of these groups hold no plane.
            if 0x0010 in one and 0x0011 in one
        )
        yield facts


def _note(facts: PixelFacts, element: Element) -> None:
    dataset, tag = facts.dataset, element.tag
    kind = _KINDS.get(tag)
    if tag in CHECKED_NUMBERS and element.length != UNDEFINED:
        facts.number_texts[tag] = dataset.bytes_at(element.offset, min(element.length, _MAX_TEXT))
    if kind is not None:
        facts.values[tag] = _values(dataset, element, kind, dataset.encoding, facts.signed)
        facts.vrs[tag] = element.vr
    elif tag == OFFSETS:
        facts.offsets = element
    elif tag == OFFSET_LENGTHS:
        facts.offset_lengths = element
    elif tag == TOTAL_LENGTH and element.length == 8:
        facts.total_length = dataset.encoding.number(dataset.bytes_at(element.offset, 8))
    elif tag == REGIONS:
        facts.regions = tuple(_regions(dataset, element))
    elif tag == SHARED_GROUPS:
        _note_groups(facts, element, 0)
    elif tag == PER_FRAME_GROUPS:
        facts.frame_items = _note_groups(facts, element, 1)


def _values(dataset: Dataset, element: Element, kind: str, encoding: Encoding, signed: bool = False) -> tuple[Any, ...]:
    if element.length == UNDEFINED:
        return ()
    raw = dataset.bytes_at(element.offset, min(element.length, _MAX_TEXT))
    if kind in ("short", "double"):
        order = "<" if encoding.little else ">"
        size, letter = (2, "h" if element.vr == "SS" or (signed and not element.vr) else "H")
        if kind == "double":
            size, letter = 8, "d"
        count = len(raw) // size
        return struct.unpack(f"{order}{count}{letter}", raw[: count * size])
    parts = [part.strip(" \0") for part in raw.decode("ascii", "replace").strip(" \0").split("\\")]
    if kind == "text":
        return tuple(parts) if parts != [""] else ()
    numbers = []
    for part in parts:
        try:
            number = float(part)
        except ValueError:
            return ()
        numbers.append(number)
    return tuple(numbers)


def _note_overlay(dataset: Dataset, element: Element, overlays: dict[int, dict[int, int]]) -> None:
    one = overlays.setdefault(element.tag >> 16, {})
    number = element.tag & 0xFFFF
    one[number] = 0
    if number in (0x0100, 0x0102) and element.length == 2:
        one[number] = dataset.encoding.number(dataset.bytes_at(element.offset, 2))


def _regions(dataset: Dataset, sequence: Element) -> Iterator[Region]:
    kinds = {0x00186014: "short", 0x00186024: "short", 0x00186026: "short", 0x0018602C: "double", 0x0018602E: "double"}
    for start, end, encoding in dataset.items(sequence, dataset.size, dataset.encoding):
        found = {
            element.tag: _values(dataset, element, kinds[element.tag], encoding)
            for element in dataset.elements(start, end, encoding)
            if element.tag in kinds
        }
        first = {tag: (found.get(tag) or (0,))[0] for tag in kinds}
        yield Region((first[0x00186024], first[0x00186026]), (first[0x0018602C], first[0x0018602E]), first[0x00186014])


def _note_invalid(facts: PixelFacts, group: Element, end: int, encoding: Encoding) -> None:
    """Keep those numbers of a frame's plane that are none, one for each element."""
    dataset = facts.dataset
    for inner_start, inner_end, inner in dataset.items(group, end, encoding):
        for element in dataset.elements(inner_start, inner_end, inner):
            if element.tag in CHECKED_NUMBERS and element.length != UNDEFINED:
                raw = dataset.bytes_at(element.offset, min(element.length, _MAX_TEXT))
                if any(invalid_numbers({element.tag: raw})):
                    # Functional groups count, whatever stands at the top.
                    facts.number_texts[element.tag] = raw


def _note_groups(facts: PixelFacts, sequence: Element, weight: int) -> int:
    """Count rescales and spacings of functional groups; returns the number of items."""
    dataset, count = facts.dataset, 0
    for start, end, encoding in dataset.items(sequence, dataset.size, dataset.encoding):
        count += 1
        for group in dataset.elements(start, end, encoding):
            if group.tag in _PLANES or group.tag == PIXEL_MEASURES:
                _note_invalid(facts, group, end, encoding)
            if group.tag not in (PIXEL_VALUE_TRANSFORMATION, PIXEL_MEASURES):
                continue
            for inner_start, inner_end, inner in dataset.items(group, end, encoding):
                found = {
                    element.tag: _values(dataset, element, "text" if element.tag == RESCALE_TYPE else "decimal", inner)
                    for element in dataset.elements(inner_start, inner_end, inner)
                    if element.tag in (SLOPE, INTERCEPT, RESCALE_TYPE, Tag.PIXEL_SPACING)
                }
                if group.tag == PIXEL_MEASURES:
                    facts.spacings[found.get(Tag.PIXEL_SPACING, ())] += weight
                    continue
                slope, intercept = ((found.get(tag) or (math.nan,))[0] for tag in (SLOPE, INTERCEPT))
                facts.rescales[slope, intercept, (found.get(RESCALE_TYPE) or ("",))[0]] += weight
    return count
