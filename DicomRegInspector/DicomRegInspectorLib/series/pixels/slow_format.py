"""How pixels are stored, by pydicom: files that are not plain, Modality LUTs, rescaling per frame, doses, floats."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...dicom import tags
from ...dicom.dataset import open_dataset
from ...dicom.deflated_source import DeflatedSource
from ...dicom.header import Header
from ...dicom.pixel_extent import native_length
from ...dicom.pydicom_header import read_elements
from ...dicom.raw_elements import first_item
from ...dicom.source import MAX_DEFLATION
from ...errors import FileError, errors_of_file
from ...limits import INFLATED_HEADER
from ...memory import require_memory
from ..geometry.frames import FUNCTIONAL_GROUP_CLASSES, PER_FRAME_GROUPS, SHARED_GROUPS
from .rescale import Rescale, linear_rescale

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DOSE_GRID_SCALING, DOSE_UNITS = 0x3004000E, 0x30040002
PIXEL_VALUE_TRANSFORMATION = 0x00289145
MAX_HEADER = INFLATED_HEADER.value


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
    wanted = [*tags.KEPT, tags.MODALITY_LUT]
    if header.sop_class_uid == tags.RT_DOSE:
        wanted += [DOSE_GRID_SCALING, DOSE_UNITS]
    if header.sop_class_uid in FUNCTIONAL_GROUP_CLASSES:
        wanted += [SHARED_GROUPS, PER_FRAME_GROUPS]
    dataset = read_elements(header.path, wanted, header.number_of_frames)
    if not header.transfer_syntax_uid and dataset.original_encoding[1] is False:
        raise FileError(
            header.path, "is big endian and names no transfer syntax: its pixels cannot be read. Convert it."
        )
    place, keyword = _place(header)
    if not keyword:
        problem = "has no pixel data. Get the images again from the source system."
        raise FileError(header.path, problem, code="pixel-data-missing")
    problem = "describes its pixels in a way that cannot be parsed"
    with errors_of_file(header.path, problem, code="pixel-not-decodable"):
        values = {tag: _value(dataset, tag) for tag in tags.KEPT if tag in dataset}
        rescales = _rescales(header, dataset, scale_dose=scale_dose)
        units = _units(dataset, scale_dose=scale_dose)
        return SlowValues(values, place, rescales, units, keyword)


def _value(dataset: Dataset, tag: int) -> Any:
    value = dataset[tag].value
    if value is None or value == "":
        return None
    kind = tags.KEPT[tag]
    if kind == "XS":
        # Without Pixel Representation at hand, pydicom may leave an implicit element's bytes as they are.
        little = dataset.original_encoding[1] is not False
        whole = int.from_bytes(value, "little" if little else "big") if isinstance(value, bytes) else int(value)
        return whole & 0xFFFF
    if kind in ("US", "IS"):
        return int(value)
    return float(value) if kind == "DS" else str(value)


def _place(header: Header) -> tuple[tuple[int | None, int | None], str]:
    """Where in the file the value of Pixel Data lies; of floats only that they are there, since pydicom finds them."""
    with open_dataset(header.path) as dataset:
        keyword = ""
        for element in dataset.walk.elements(tags.PIXEL_KEYWORDS):
            if element.tag == tags.PIXEL_DATA:
                is_placed = header.transfer_syntax_uid != tags.DEFLATED_LITTLE_ENDIAN
                length = None if element.length == tags.UNDEFINED else element.length
                return (element.offset, length) if is_placed else (None, None), "PixelData"
            keyword = keyword or tags.PIXEL_KEYWORDS[element.tag]
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
    if scale_dose and header.sop_class_uid == tags.RT_DOSE:
        if dataset.get(DOSE_GRID_SCALING) is None or dataset[DOSE_GRID_SCALING].value in (None, ""):
            raise FileError(header.path, f"{tags.element_name(DOSE_GRID_SCALING)} is missing: its dose has no scale.")
        return (linear_rescale(header, float(dataset[DOSE_GRID_SCALING].value), 0.0),)
    if tags.MODALITY_LUT in dataset and dataset[tags.MODALITY_LUT].value:
        return (_table(dataset),)
    if PER_FRAME_GROUPS not in dataset or (tags.INTERCEPT in dataset and tags.SLOPE in dataset):
        return ()
    shared = _transformation(first_item(dataset, SHARED_GROUPS))
    frames = [_transformation(frame) or shared for frame in dataset[PER_FRAME_GROUPS].value]
    if not any(frames):
        return ()
    made = {frame: linear_rescale(header, *frame) if frame else Rescale() for frame in set(frames)}
    distinct = list(made.values())
    return (distinct[0],) if len(distinct) == 1 else tuple(made[frame] for frame in frames)


def _transformation(groups: Dataset | None) -> tuple[float, float] | None:
    """Slope and intercept of a Pixel Value Transformation (C.7.6.16.2.9)."""
    item = first_item(groups, PIXEL_VALUE_TRANSFORMATION)
    if item is None or tags.SLOPE not in item or tags.INTERCEPT not in item:
        return None
    return float(item[tags.SLOPE].value), float(item[tags.INTERCEPT].value)


def _table(dataset: Dataset) -> Rescale:
    """The Modality LUT (C.11.1.1) as pydicom's apply_modality_lut reads it."""
    item = dataset[tags.MODALITY_LUT].value[0]
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
    if tags.UNITS in dataset:
        return str(dataset[tags.UNITS].value or "")
    for groups in (first_item(dataset, SHARED_GROUPS), first_item(dataset, PER_FRAME_GROUPS)):
        item = first_item(groups, PIXEL_VALUE_TRANSFORMATION)
        if item is not None and tags.RESCALE_TYPE in item:
            return str(item[tags.RESCALE_TYPE].value or "")
    return ""
