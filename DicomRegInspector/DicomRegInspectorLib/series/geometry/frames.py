"""Slices of objects that hold many frames: functional groups, dose grids, reconstructed nuclear medicine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...dicom.header import Header, numbers
from ...dicom.tags import Tag
from ...errors import FileError
from .stacks import Slice, axes_of, precision_of, slice_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SHARED_GROUPS = 0x52009229
PER_FRAME_GROUPS = 0x52009230
GRID_FRAME_OFFSETS = 0x3004000C
RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
NUCLEAR_MEDICINE = "1.2.840.10008.5.1.4.1.1.20"
DETECTOR_INFORMATION = 0x00540022
SLICE_VECTOR = 0x00540080
FUNCTIONAL_GROUP_CLASSES = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{suffix}"
    for suffix in (
        "2.1",
        "2.2",
        "4.1",
        "4.3",
        "4.4",
        "128.1",
        "130",
        "66.4",
        "66.7",
        "30",
        "6.2",
        "13.1.1",
        "13.1.3",
        "77.1.5.4",
        "7.1",
        "7.2",
        "7.3",
        "7.4",
    )
)
"""SOP classes whose frames carry their own plane (PS3.3 C.7.6.16)."""

# (group sequence, element, name): what frames may differ by, besides their plane.
_FRAME_VALUES = (
    (0x00209111, 0x00209128, "temporal position"),
    (0x00189117, 0x00189087, "b-value"),
    (0x00189114, 0x00189082, "echo time"),
    (0x00209111, 0x00189074, "acquisition date and time"),
    (0x00189226, 0x00089007, "image type"),
    (0x00189329, 0x00089007, "image type"),
    (0x00289110, 0x00180050, "slice thickness"),
    (0x00289110, 0x00180088, "spacing between slices"),
)
_PLANE_POSITION, _PLANE_ORIENTATION, _PIXEL_MEASURES = 0x00209113, 0x00209116, 0x00289110


def slices_of(header: Header) -> list[Slice]:
    """All slices of a file, in frame order; a single one without a plane where its frames have none.

    Raises
    ------
    FileError
        When a file with several frames can no longer be read.
    """
    if header.sop_class_uid == RT_DOSE and (header.number_of_frames > 1 or Tag.NUMBER_OF_FRAMES in header.elements):
        return _dose_slices(header)
    if header.sop_class_uid in FUNCTIONAL_GROUP_CLASSES and Tag.IMAGE_POSITION not in header.elements:
        return _functional_group_slices(header) or [slice_of(header)]
    if header.sop_class_uid == NUCLEAR_MEDICINE and header.number_of_frames > 1:
        return _nuclear_slices(header) or [slice_of(header)]
    return [slice_of(header)]


def _read(header: Header, tags: list[int]) -> Dataset:
    """The named elements of a file, by pydicom, before its pixel data."""
    from ...dicom.pydicom_header import read_elements

    return read_elements(header.path, tags)


def _raw(dataset: Dataset | None, tag: int) -> bytes:
    """An element's own bytes; empty where absent or no longer raw."""
    if dataset is None:
        return b""
    value = getattr(dataset.get_item(tag), "value", None)
    return value if isinstance(value, bytes) else b""


def _number_from(dataset: Dataset | None, tag: int) -> float | str | None:
    """A value as number where it is one, as text otherwise."""
    if dataset is None or dataset.get_item(tag) is None:
        return None
    value: Any = dataset[tag].value
    if tag in (0x00089007, 0x00189074):
        text = value if isinstance(value, str) else "\\".join(str(part) for part in value or ())
        return text.upper() or None
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else None


def _first(groups: Dataset | None, tag: int) -> Dataset | None:
    if groups is None or tag not in groups:
        return None
    items = groups[tag].value
    return items[0] if items else None


def _functional_group_slices(header: Header) -> list[Slice]:
    """Plane of each frame: its own functional groups first, the shared ones where it has none (C.7.6.16.1)."""
    dataset = _read(header, [SHARED_GROUPS, PER_FRAME_GROUPS])
    try:
        shared = _first(dataset, SHARED_GROUPS)
        frames = dataset[PER_FRAME_GROUPS].value if PER_FRAME_GROUPS in dataset else []
        return [_frame_slice(header, shared, frame, number) for number, frame in enumerate(frames, start=1)]
    except RecursionError as error:
        raise FileError(header.path, "has sequences nested too deeply to be read.") from error
    except Exception as error:  # items are parsed only when asked for, and broken ones raise many kinds
        problem = f"has functional groups that cannot be parsed ({type(error).__name__})."
        raise FileError(header.path, problem) from error


def _frame_slice(header: Header, shared: Dataset | None, frame: Dataset, number: int) -> Slice:
    def group(tag: int) -> Dataset | None:
        own = _first(frame, tag)
        return own if own is not None else _first(shared, tag)

    position = _raw(group(_PLANE_POSITION), Tag.IMAGE_POSITION)
    orientation = _raw(group(_PLANE_ORIENTATION), Tag.IMAGE_ORIENTATION)
    spacing = _raw(group(_PIXEL_MEASURES), Tag.PIXEL_SPACING)
    values = {name: _number_from(group(sequence), tag) for sequence, tag, name in reversed(_FRAME_VALUES)}
    return Slice(
        header,
        numbers(position, 3),
        numbers(orientation, 6),
        numbers(spacing, 2),
        precision_of(position),
        precision_of(orientation),
        number,
        {name: value for name, value in values.items() if value is not None},
    )


def _dose_slices(header: Header) -> list[Slice]:
    """Frames of an RT Dose by Grid Frame Offset Vector (C.8.8.3.2).

    Offsets that begin with 0 are distances along the normal from Image Position; others are the z coordinates
    themselves, allowed for transverse planes only.
    """
    first = slice_of(header)
    raw = _raw(_read(header, [GRID_FRAME_OFFSETS]), GRID_FRAME_OFFSETS)
    count = max(raw.count(b"\\") + 1, 1) if raw.strip(b" \0") else 0
    offsets = numbers(raw, count) if count else None
    if offsets is None or count != header.number_of_frames or not _can_be_placed(first):
        if header.number_of_frames == 1:
            return [first]
        return [_moved(first, None, number, 0.0) for number in range(1, min(header.number_of_frames, 100_000) + 1)]
    assert first.position_lps_mm is not None and first.orientation is not None
    normal = axes_of(first.orientation)[2]
    corner = np.asarray(first.position_lps_mm)
    along = np.asarray(offsets)
    if offsets[0] != 0 and abs(abs(normal[2]) - 1) < 1e-3:
        along = (along - corner[2]) * np.sign(normal[2])
    corners = corner + along[:, None] * normal
    digit = max(precision_of(raw), first.precision_mm if offsets[0] != 0 else 0.0)
    return [_moved(first, corners[k], k + 1, digit) for k in range(count)]


def _nuclear_slices(header: Header) -> list[Slice]:
    """Frames of a reconstructed tomogram: first plane by the detector item, then Spacing Between Slices (C.8.4.15)."""
    step = header.spacing_between_slices_mm
    if "RECON TOMO" not in header.image_type or not step:
        return []
    dataset = _read(header, [DETECTOR_INFORMATION, SLICE_VECTOR])
    try:
        detector = _first(dataset, DETECTOR_INFORMATION)
        value = dataset[SLICE_VECTOR].value if SLICE_VECTOR in dataset else None
    except Exception as error:  # see _functional_group_slices
        problem = f"has detector information that cannot be parsed ({type(error).__name__})."
        raise FileError(header.path, problem) from error
    position, orientation = _raw(detector, Tag.IMAGE_POSITION), _raw(detector, Tag.IMAGE_ORIENTATION)
    first = Slice(
        header,
        numbers(position, 3),
        numbers(orientation, 6),
        header.pixel_spacing_mm,
        precision_of(position),
        precision_of(orientation),
    )
    vector = np.atleast_1d(np.asarray(value if value is not None else [], dtype=np.float64))
    if not _can_be_placed(first) or vector.size != header.number_of_frames:
        return []
    assert first.orientation is not None
    corners = np.asarray(first.position_lps_mm) + (vector[:, None] - 1) * step * axes_of(first.orientation)[2]
    return [_moved(first, corners[k], k + 1, first.precision_mm) for k in range(vector.size)]


def _can_be_placed(first: Slice) -> bool:
    if first.position_lps_mm is None or first.orientation is None:
        return False
    return bool(np.linalg.norm(np.cross(first.orientation[:3], first.orientation[3:])) > 0.5)


def _moved(first: Slice, corner: Any, number: int, digit: float) -> Slice:
    position = tuple(float(value) for value in corner) if corner is not None else None
    return Slice(
        first.header, position, first.orientation, first.pixel_spacing_mm, digit, first.orientation_precision, number
    )
