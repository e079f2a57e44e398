"""How pixels are stored, by pydicom: files that are not plain, Modality LUTs, rescaling per frame, doses, floats."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...dicom.dataset import open_dataset
from ...dicom.header import Header
from ...dicom.pixel_extent import native_length
from ...dicom.pydicom_header import read_elements
from ...dicom.source import MAX_DEFLATION, DeflatedSource
from ...dicom.tags import (
    DEFLATED_LITTLE_ENDIAN,
    INTERCEPT,
    KEPT,
    MODALITY_LUT,
    PIXEL_DATA,
    PIXEL_KEYWORDS,
    RESCALE_TYPE,
    SLOPE,
    UNDEFINED,
    UNITS,
    element_name,
)
from ...errors import FileError, errors_of_file
from ..geometry.frames import FUNCTIONAL_GROUP_CLASSES, PER_FRAME_GROUPS, RT_DOSE, SHARED_GROUPS
from .memory import require_memory
from .rescale import Rescale, linear_rescale

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DOSE_GRID_SCALING, DOSE_UNITS = 0x3004000E, 0x30040002
PIXEL_VALUE_TRANSFORMATION = 0x00289145
MAX_HEADER = 1 << 26
"""Bytes of a deflated dataset besides its pixels."""


@dataclass(frozen=True)
class SlowValues:
    """What :func:`~.format.read_pixel_format` needs of a file."""

    values: dict[int, Any]
    place: tuple[int | None, int | None]
    rescales: tuple[Rescale, ...]
    """Empty: by Rescale Slope and Intercept of the file."""
    units: str
    keyword: str


def slow_values(header: Header, *, scale_dose: bool) -> SlowValues:
    """Read by pydicom.

    Raises FileError.
    """
    tags = [*KEPT, MODALITY_LUT]
    if header.sop_class_uid == RT_DOSE:
        tags += [DOSE_GRID_SCALING, DOSE_UNITS]
    if header.sop_class_uid in FUNCTIONAL_GROUP_CLASSES:
        tags += [SHARED_GROUPS, PER_FRAME_GROUPS]
    if header.transfer_syntax_uid == DEFLATED_LITTLE_ENDIAN:
        dataset = inflated_dataset(header)
        keyword = next((keyword for tag, keyword in PIXEL_KEYWORDS.items() if tag in dataset), "")
        place: tuple[int | None, int | None] = (None, None)
    else:
        dataset = read_elements(header.path, tags)
        if not header.transfer_syntax_uid and dataset.original_encoding[1] is False:
            raise FileError(
                header.path, "is big endian and names no transfer syntax: pixels cannot be told. Convert it."
            )
        place, keyword = _place(header)
    if not keyword:
        problem = "has no pixel data. Get the images again from the source system."
        raise FileError(header.path, problem, code="pixel-data-missing")
    problem = "describes its pixels in a way that cannot be parsed"
    with errors_of_file(header.path, problem, code="pixel-not-decodable"):
        values = {tag: _value(dataset, tag) for tag in KEPT if tag in dataset}
        rescales = _rescales(header, dataset, scale_dose=scale_dose)
        units = _units(dataset, scale_dose=scale_dose)
        return SlowValues(values, place, rescales, units, keyword)


def _value(dataset: Dataset, tag: int) -> Any:
    value = dataset[tag].value
    if value is None or value == "":
        return None
    kind = KEPT[tag]
    if kind == "XS":
        # Without Pixel Representation at hand, pydicom may leave an implicit element's bytes as they are.
        little = dataset.original_encoding[1] is not False
        whole = int.from_bytes(value, "little" if little else "big") if isinstance(value, bytes) else int(value)
        return whole & 0xFFFF
    if kind in ("US", "IS"):
        return int(value)
    return float(value) if kind == "DS" else str(value)


def _place(header: Header) -> tuple[tuple[int | None, int | None], str]:
    """Where the value of Pixel Data lies; of floats only that they are there, since pydicom finds them."""
    with open_dataset(header.path) as dataset:
        keyword = ""
        for element in dataset.walk.elements(PIXEL_KEYWORDS):
            if element.tag == PIXEL_DATA:
                return (element.offset, None if element.length == UNDEFINED else element.length), "PixelData"
            keyword = keyword or PIXEL_KEYWORDS[element.tag]
    return (None, None), keyword


def inflated_dataset(header: Header) -> Dataset:
    """Inflate the whole of a deflated file (PS3.5 annex A.5), no bigger than its header says its pixels are.

    Raises
    ------
    FileError, TruncatedFileError, UsageError
    """
    from pydicom.filereader import read_dataset, read_file_meta_info

    limit = native_length(header.elements) + MAX_HEADER
    with open_dataset(header.path) as dataset:
        start = dataset.start
    require_memory(min(limit, MAX_DEFLATION * header.size), f"{header.path} inflated")
    inflated = io.BytesIO()
    with DeflatedSource(header.path, start, limit) as source:
        source.copy_to(inflated)
    inflated.seek(0)
    found = read_dataset(inflated, False, True)
    found.file_meta = read_file_meta_info(header.path)
    return found


def _rescales(header: Header, dataset: Dataset, *, scale_dose: bool) -> tuple[Rescale, ...]:
    if scale_dose and header.sop_class_uid == RT_DOSE:
        if dataset.get(DOSE_GRID_SCALING) is None or dataset[DOSE_GRID_SCALING].value in (None, ""):
            raise FileError(header.path, f"{element_name(DOSE_GRID_SCALING)} is missing: its dose has no scale.")
        return (linear_rescale(header, float(dataset[DOSE_GRID_SCALING].value), 0.0),)
    if MODALITY_LUT in dataset and dataset[MODALITY_LUT].value:
        return (_table(dataset),)
    if PER_FRAME_GROUPS not in dataset or (INTERCEPT in dataset and SLOPE in dataset):
        return ()
    shared = _transformation(_first(dataset, SHARED_GROUPS))
    frames = [_transformation(frame) or shared for frame in dataset[PER_FRAME_GROUPS].value]
    if not any(frames):
        return ()
    made = {frame: linear_rescale(header, *frame) if frame else Rescale() for frame in set(frames)}
    distinct = list(made.values())
    return (distinct[0],) if len(distinct) == 1 else tuple(made[frame] for frame in frames)


def _first(dataset: Dataset | None, tag: int) -> Dataset | None:
    items = dataset[tag].value if dataset is not None and tag in dataset else None
    return items[0] if items else None


def _transformation(groups: Dataset | None) -> tuple[float, float] | None:
    """Slope and intercept of a Pixel Value Transformation (C.7.6.16.2.9)."""
    item = _first(groups, PIXEL_VALUE_TRANSFORMATION)
    if item is None or SLOPE not in item or INTERCEPT not in item:
        return None
    return float(item[SLOPE].value), float(item[INTERCEPT].value)


def _table(dataset: Dataset) -> Rescale:
    """The Modality LUT (C.11.1.1) as pydicom's apply_modality_lut reads it."""
    item = dataset[MODALITY_LUT].value[0]
    count, first, bits = (int(value) for value in item.LUTDescriptor)
    count = count or 2**16
    if bits not in (8, 16):
        raise ValueError(f"Modality LUT of {bits} bits")
    data = item.LUTData
    if isinstance(data, bytes):
        big = not getattr(dataset, "original_encoding", (False, True))[1]
        entries = np.frombuffer(data, dtype=">u2" if big else "<u2", count=count)
    else:
        entries = np.atleast_1d(np.asarray(data))
    if entries.size < count:
        raise ValueError(f"Modality LUT of {entries.size} entries, {count} announced")
    return Rescale(table=entries[:count].astype(f"u{bits // 8}"), first_mapped=first)


def _units(dataset: Dataset, *, scale_dose: bool) -> str:
    if DOSE_UNITS in dataset:
        return str(dataset[DOSE_UNITS].value or "") if scale_dose else ""
    if UNITS in dataset:
        return str(dataset[UNITS].value or "")
    for groups in (_first(dataset, SHARED_GROUPS), _first(dataset, PER_FRAME_GROUPS)):
        item = _first(groups, PIXEL_VALUE_TRANSFORMATION)
        if item is not None and RESCALE_TYPE in item:
            return str(item[RESCALE_TYPE].value or "")
    return ""
