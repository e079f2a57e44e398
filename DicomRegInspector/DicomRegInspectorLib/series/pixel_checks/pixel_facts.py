"""What one file says of its pixels, kept as it says it: contradictions and all, for :mod:`.check_pixels` to judge."""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ...dicom import tags
from ...dicom.dataset import Dataset, open_dataset
from ...dicom.element_head import ElementHead
from ...dicom.element_walk import ElementWalk
from ...dicom.header import decoded
from ...dicom.identity import header_of, identities_of
from ...dicom.tags import (
    Tag,
)
from ...errors import TruncatedFileError
from ...findings.about import Subject, about_file
from ...privacy import NOBODY, Identities
from ..geometry.frames import PER_FRAME_GROUPS, SHARED_GROUPS
from ..geometry.header_numbers import CHECKED_NUMBERS, invalid_numbers
from ..pixels.slow_format import PIXEL_VALUE_TRANSFORMATION

SMALLEST, LARGEST = 0x00280106, 0x00280107
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
    tags.FRAMES: "decimal",
    tags.PHOTOMETRIC: "text",
    tags.SLOPE: "decimal",
    tags.INTERCEPT: "decimal",
    tags.RESCALE_TYPE: "text",
    tags.UNITS: "text",
    IMAGER_SPACING: "decimal",
    NOMINAL_SPACING: "decimal",
    PLANE_SPACING: "decimal",
    MAGNIFICATION: "decimal",
    CALIBRATION_TYPE: "text",
    ASPECT_RATIO: "decimal",
    LOSSY: "text",
    LOSSY_RATIO: "decimal",
    LOSSY_METHOD: "text",
    **dict.fromkeys(
        (
            tags.SAMPLES,
            tags.PLANAR,
            tags.ROWS,
            tags.COLUMNS,
            tags.BITS_ALLOCATED,
            tags.BITS_STORED,
            tags.HIGH_BIT,
            tags.REPRESENTATION,
        ),
        "short",
    ),
    **dict.fromkeys((SMALLEST, LARGEST, tags.PADDING, tags.PADDING_LIMIT), "short"),
    **dict.fromkeys(PALETTES.values(), "short"),
}
_MAX_TEXT = 4096
_OVERLAY_GROUPS = range(0x6000, 0x6020, 2)
_OVERLAY_ROWS, _OVERLAY_COLUMNS, _OVERLAY_BITS, _OVERLAY_POSITION, _OVERLAY_DATA = 0x10, 0x11, 0x100, 0x102, 0x3000
_WANTED = frozenset(
    [
        *_KINDS,
        *CHECKED_NUMBERS,
        *tags.PIXEL_KEYWORDS,
        OFFSETS,
        OFFSET_LENGTHS,
        TOTAL_LENGTH,
        REGIONS,
        SHARED_GROUPS,
        PER_FRAME_GROUPS,
    ]
    + [*PALETTE_DATA["red"], *PALETTE_DATA["green"], *PALETTE_DATA["blue"], tags.MODALITY_LUT, PROVIDER_URL]
    + [
        group << 16 | number
        for group in _OVERLAY_GROUPS
        for number in (_OVERLAY_ROWS, _OVERLAY_COLUMNS, _OVERLAY_BITS, _OVERLAY_POSITION, _OVERLAY_DATA)
    ]
)
_REGION_KINDS = {
    0x00186014: "short",
    0x00186024: "short",
    0x00186026: "short",
    0x0018602C: "double",
    0x0018602E: "double",
}
_GROUP_KINDS = {
    tags.SLOPE: "decimal",
    tags.INTERCEPT: "decimal",
    tags.RESCALE_TYPE: "text",
    Tag.PIXEL_SPACING: "decimal",
}
_IN_GROUPS = {
    **dict.fromkeys(_PLANES, CHECKED_NUMBERS),
    PIXEL_MEASURES: CHECKED_NUMBERS,
    PIXEL_VALUE_TRANSFORMATION: frozenset([tags.SLOPE, tags.INTERCEPT, tags.RESCALE_TYPE]),
}
"""Which elements of which functional groups are looked at."""

_NAMES: dict[int, str] = {
    Tag.PIXEL_SPACING: "Pixel Spacing",
    tags.SAMPLES: "Samples per Pixel",
    tags.PHOTOMETRIC: "Photometric Interpretation",
    tags.PLANAR: "Planar Configuration",
    tags.FRAMES: "Number of Frames",
    tags.ROWS: "Rows",
    tags.COLUMNS: "Columns",
    tags.BITS_ALLOCATED: "Bits Allocated",
    tags.BITS_STORED: "Bits Stored",
    tags.HIGH_BIT: "High Bit",
    tags.REPRESENTATION: "Pixel Representation",
    SMALLEST: "Smallest Image Pixel Value",
    LARGEST: "Largest Image Pixel Value",
    tags.PADDING: "Pixel Padding Value",
    tags.PADDING_LIMIT: "Pixel Padding Range Limit",
    tags.INTERCEPT: "Rescale Intercept",
    tags.SLOPE: "Rescale Slope",
    tags.RESCALE_TYPE: "Rescale Type",
    IMAGER_SPACING: "Imager Pixel Spacing",
    NOMINAL_SPACING: "Nominal Scanned Pixel Spacing",
    PLANE_SPACING: "Image Plane Pixel Spacing",
    CALIBRATION_TYPE: "Pixel Spacing Calibration Type",
    ASPECT_RATIO: "Pixel Aspect Ratio",
    LOSSY: "Lossy Image Compression",
    LOSSY_RATIO: "Lossy Image Compression Ratio",
    tags.PIXEL_DATA: "Pixel Data",
    tags.FLOAT_PIXEL_DATA: "Float Pixel Data",
    tags.DOUBLE_FLOAT_PIXEL_DATA: "Double Float Pixel Data",
    OFFSETS: "Extended Offset Table",
    OFFSET_LENGTHS: "Extended Offset Table Lengths",
    TOTAL_LENGTH: "Encapsulated Pixel Data Value Total Length",
    **{tag: f"{colour.capitalize()} Palette Color Lookup Table Descriptor" for colour, tag in PALETTES.items()},
}


def named(tag: int) -> str:
    """Name and tag of an element, without pydicom's dictionary, which takes more memory than the checks."""
    return f"{_NAMES[tag]} {tags.tag_text(tag)}"


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
    bulk: dict[int, ElementHead] = field(default_factory=dict)
    """Pixel Data, Float Pixel Data and Double Float Pixel Data, as far as present."""
    present: set[int] = field(default_factory=set)
    """Tags of the elements at the top, of those that anything here asks for."""
    offsets: ElementHead | None = None
    offset_lengths: ElementHead | None = None
    total_length: int | None = None
    overlays: tuple[Overlay, ...] = ()
    regions: tuple[Region, ...] = ()
    frame_items: int | None = None
    """Items of Per-Frame Functional Groups Sequence; None without one."""
    rescales: Counter[tuple[float, float, str]] = field(default_factory=Counter)
    """Slope, intercept and type of functional groups, with the number of frames that have them."""
    spacings: Counter[tuple[float, ...]] = field(default_factory=Counter)
    """Pixel Spacing of functional groups, with the number of frames that have it."""
    identities: Identities = NOBODY
    """Whom the file names: no text here does."""
    character_set: bytes = b""
    """Specific Character Set (0008,0005)."""
    number_texts: dict[int, bytes] = field(default_factory=dict)
    """Raw values of :data:`~..geometry.header_numbers.CHECKED_NUMBERS` at the top; of frames where they are none."""

    @property
    def path(self) -> Subject:
        """The file, as findings about it name it."""
        return about_file(self.dataset.path)

    @property
    def syntax(self) -> str:
        """Transfer Syntax UID; empty where the file has none."""
        return self.dataset.transfer_syntax_uid

    def get(self, tag: int, default: Any = None) -> Any:
        """Return an element's first value."""
        values = self.values.get(tag)
        return values[0] if values else default

    def text(self, tag: int) -> str:
        """Return an element's first value as upper-case text; empty where there is none."""
        return str(self.get(tag, "")).upper()

    def integer(self, tag: int) -> int | None:
        """Return an element's first value, if it is a whole number."""
        value = self.get(tag)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            return None
        return int(value) if value == int(value) else None

    @property
    def is_image(self) -> bool:
        """Whether the object has Rows and Columns."""
        return bool(self.get(tags.ROWS) and self.get(tags.COLUMNS))

    @property
    def frames(self) -> int:
        """Number of Frames; 1 where absent or unusable."""
        number = self.integer(tags.FRAMES)
        return number if number is not None and number > 0 else 1

    @property
    def signed(self) -> bool:
        """Whether Pixel Representation says that values have a sign."""
        return self.get(tags.REPRESENTATION) == 1


@contextmanager
def open_facts(path: str) -> Iterator[PixelFacts]:
    """Read a file's facts; the file stays open for what is looked up in its pixels.

    Raises
    ------
    NotDicomError, TruncatedFileError, FileError
    """
    with open_dataset(path, look_up=True) as dataset:
        header = header_of(path)
        character_set = header.get(Tag.SPECIFIC_CHARACTER_SET, b"")
        facts = PixelFacts(dataset, identities=identities_of(header), character_set=character_set)
        overlays: dict[int, dict[int, int]] = {}
        try:
            for element in dataset.walk.elements(_WANTED):
                facts.present.add(element.tag)
                if element.tag in tags.PIXEL_KEYWORDS:
                    facts.bulk[element.tag] = element
                    if element.tag == tags.PIXEL_DATA:
                        break
                elif element.tag >> 16 in _OVERLAY_GROUPS:
                    _note_overlay(dataset.walk, element, overlays)
                else:
                    _note(facts, element)
        except TruncatedFileError:
            # What is cut off within Float Pixel Data is told with its bytes.
            if not any(tag in facts.bulk for tag in (tags.FLOAT_PIXEL_DATA, tags.DOUBLE_FLOAT_PIXEL_DATA)):
                raise
        facts.overlays = tuple(
            Overlay(group, found.get(_OVERLAY_BITS, 0), found.get(_OVERLAY_POSITION, 0), _OVERLAY_DATA in found)
            for group, found in sorted(overlays.items())
            # Curves and private uses of these groups hold no plane.
            if _OVERLAY_ROWS in found and _OVERLAY_COLUMNS in found
        )
        yield facts


def _note(facts: PixelFacts, element: ElementHead) -> None:
    walk, tag = facts.dataset.walk, element.tag
    kind = _KINDS.get(tag)
    if tag in CHECKED_NUMBERS:
        facts.number_texts[tag] = walk.value(element, _MAX_TEXT)
    if kind is not None:
        facts.values[tag] = _values(facts, element, kind)
        facts.vrs[tag] = element.vr
    elif tag == OFFSETS:
        facts.offsets = element
    elif tag == OFFSET_LENGTHS:
        facts.offset_lengths = element
    elif tag == TOTAL_LENGTH and element.length == 8:
        facts.total_length = element.encoding.number(walk.value(element, 8))
    elif tag == REGIONS:
        facts.regions = tuple(_regions(facts, element))
    elif tag == SHARED_GROUPS:
        _note_groups(facts, element, 0)
    elif tag == PER_FRAME_GROUPS:
        facts.frame_items = _note_groups(facts, element, 1)


def _values(facts: PixelFacts, element: ElementHead, kind: str) -> tuple[Any, ...]:
    raw = facts.dataset.walk.value(element, _MAX_TEXT)
    if kind in ("short", "double"):
        order = "<" if element.encoding.little else ">"
        size, letter = (2, "h" if element.vr == "SS" or (facts.signed and not element.vr) else "H")
        if kind == "double":
            size, letter = 8, "d"
        count = len(raw) // size
        return struct.unpack(f"{order}{count}{letter}", raw[: count * size])
    text = facts.identities.masked(decoded(raw, facts.character_set))
    parts = [part.strip(" \0") for part in text.split("\\")]
    if kind == "text":
        return tuple(parts) if parts != [""] else ()
    try:
        return tuple(float(part) for part in parts)
    except ValueError:
        return ()


def _note_overlay(walk: ElementWalk, element: ElementHead, overlays: dict[int, dict[int, int]]) -> None:
    found, number = overlays.setdefault(element.tag >> 16, {}), element.tag & 0xFFFF
    is_number = number in (_OVERLAY_BITS, _OVERLAY_POSITION) and element.length == 2
    found[number] = element.encoding.number(walk.value(element, 2)) if is_number else 0


def _regions(facts: PixelFacts, sequence: ElementHead) -> Iterator[Region]:
    walk = facts.dataset.walk
    for _ in walk.items(sequence):
        found = {
            element.tag: _values(facts, element, _REGION_KINDS[element.tag]) for element in walk.elements(_REGION_KINDS)
        }
        first = {tag: (found.get(tag) or (0,))[0] for tag in _REGION_KINDS}
        yield Region((first[0x00186024], first[0x00186026]), (first[0x0018602C], first[0x0018602E]), first[0x00186014])


def _note_groups(facts: PixelFacts, sequence: ElementHead, weight: int) -> int:
    """Count rescales and spacings of functional groups, and keep numbers that are none; returns the number of items."""
    walk, count = facts.dataset.walk, 0
    for _ in walk.items(sequence):
        count += 1
        for group in walk.elements(_IN_GROUPS):
            for _ in walk.items(group):
                found = {}
                for element in walk.elements(_IN_GROUPS[group.tag]):
                    _note_invalid(facts, element)
                    if element.tag in _GROUP_KINDS:
                        found[element.tag] = _values(facts, element, _GROUP_KINDS[element.tag])
                if group.tag == PIXEL_MEASURES:
                    facts.spacings[found.get(Tag.PIXEL_SPACING, ())] += weight
                elif group.tag == PIXEL_VALUE_TRANSFORMATION:
                    slope, intercept = ((found.get(tag) or (math.nan,))[0] for tag in (tags.SLOPE, tags.INTERCEPT))
                    facts.rescales[slope, intercept, (found.get(tags.RESCALE_TYPE) or ("",))[0]] += weight
    return count


def _note_invalid(facts: PixelFacts, element: ElementHead) -> None:
    """Keep a number of a frame's plane that is none, one for each element."""
    if element.tag in CHECKED_NUMBERS:
        raw = facts.dataset.walk.value(element, _MAX_TEXT)
        if any(invalid_numbers({element.tag: raw}, lambda: facts.identities)):
            # Functional groups count, whatever stands at the top.
            facts.number_texts[element.tag] = raw
