"""Frames of nuclear medicine objects: slices of reconstructions, and what their frame vectors tell apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ...dicom.header import Header, numbers
from ...dicom.raw_elements import raw_of, vector_of
from ...dicom.tags import STORAGE, Tag
from ...errors import errors_of_file
from .dose_frames import MOST_FRAMES, can_be_placed, moved
from .stacks import Slice, axes_of, precision_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

NUCLEAR_MEDICINE = STORAGE + "20"
DETECTOR_INFORMATION, SLICE_VECTOR, NUMBER_OF_SLICES = 0x00540022, 0x00540080, 0x00540081
_VECTORS = {
    0x00540010: "energy window",
    0x00540020: "detector",
    0x00540030: "phase",
    0x00540060: "R-R interval",
    0x00540070: "time slot",
    0x00540100: "time slice",
}
"""Frame Increment Pointer (0028,0009) names some of these, each with a value for every frame (C.8.4.8)."""


def is_reconstruction(header: Header) -> bool:
    """Tell whether a nuclear medicine object holds slices: RECON TOMO, RECON GATED TOMO … (C.8.4.9.1.1.3)."""
    return any(value.startswith("RECON") for value in header.image_type)


def nuclear_slices(header: Header, step_mm: float | None) -> list[Slice]:
    """Return frames of a reconstruction: the first plane by the detector's item, then by Slice Vector (C.8.4.15).

    ``step_mm``: from one slice to the next along the normal; negative where they run against it, None where it is not
    known.
    Raises FileError when the file can no longer be read, or its detector information cannot be parsed.

    Returns one slice for each frame, without a position where it is not known; nothing where frames are no slices.
    """
    if not is_reconstruction(header):
        return []
    from ...dicom.pydicom_header import read_elements

    dataset = read_elements(header.path, [DETECTOR_INFORMATION, SLICE_VECTOR, NUMBER_OF_SLICES, *_VECTORS])
    with errors_of_file(header.path, "has detector information that cannot be parsed"):
        detectors = list(dataset[DETECTOR_INFORMATION].value or ()) if DETECTOR_INFORMATION in dataset else []
        firsts = [_first_plane(header, item) for item in detectors] or [_first_plane(header, None)]
        vectors = {name: vector_of(dataset, tag) for tag, name in _VECTORS.items()}
        places = vector_of(dataset, SLICE_VECTOR)
        slices = int((vector_of(dataset, NUMBER_OF_SLICES) or (0,))[0])
    count = min(header.number_of_frames, MOST_FRAMES)
    if len(places) != header.number_of_frames and not any(vectors.values()) and slices in (0, count):
        # Without vectors, frames are the slices in their order.
        places = tuple(float(number) for number in range(1, count + 1))
    known = {name: vector for name, vector in vectors.items() if len(vector) == header.number_of_frames}
    return [_frame(firsts, known, places, number, step_mm, header) for number in range(1, count + 1)]


def _frame(
    firsts: list[Slice],
    vectors: Mapping[str, tuple[float, ...]],
    places: tuple[float, ...],
    number: int,
    step_mm: float | None,
    header: Header,
) -> Slice:
    values = {name: vector[number - 1] for name, vector in vectors.items()}
    detector = int(values.get("detector", 1)) - 1
    first = firsts[detector] if 0 <= detector < len(firsts) else firsts[0]
    if header.instance_number is not None:
        values["instance"] = float(header.instance_number)
    if not step_mm or not can_be_placed(first) or len(places) != header.number_of_frames:
        return moved(first, None, number, 0.0, **values)
    assert first.orientation is not None
    corner = np.asarray(first.position_lps_mm) + (places[number - 1] - 1) * step_mm * axes_of(first.orientation)[2]
    return moved(first, corner, number, first.precision_mm, **values)


def _first_plane(header: Header, detector: Dataset | None) -> Slice:
    position, orientation = raw_of(detector, Tag.IMAGE_POSITION), raw_of(detector, Tag.IMAGE_ORIENTATION)
    position = position or header.raw(Tag.IMAGE_POSITION)
    orientation = orientation or header.raw(Tag.IMAGE_ORIENTATION)
    return Slice(
        header,
        numbers(position, 3),
        numbers(orientation, 6),
        header.pixel_spacing_mm,
        precision_of(position),
        precision_of(orientation),
    )
