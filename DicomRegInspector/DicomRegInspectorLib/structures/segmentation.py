"""DICOM Segmentations (PS3.3 A.51): the voxels of each segment."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..dicom.identity import identities_in
from ..errors import FileError, errors_of_file
from ..memory import require_memory
from ..privacy import Identities
from ..registration.file.write.dicom_object import Reference
from ..words import millimetres
from .model import Voxels
from .structure import Structure, StructureSet

if TYPE_CHECKING:
    from pydicom import Dataset

ON_LATTICE_MM = 0.01
"""Frames that lie farther than this from evenly spaced places are on no lattice."""
_Place = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class _Lattice:
    """Where the voxels of all frames lie."""

    index_to_lps: NDArray[np.float64]
    layers: tuple[int, ...]
    """Of each frame."""


def read_segmentation(path: str) -> StructureSet:
    """Read the segments of a Segmentation as voxels; of a fractional one those of half the largest value and more.

    Raises
    ------
    FileError
        When it cannot be decoded, or its frames do not lie on a lattice.
    UsageError
        When memory does not suffice.
    """
    import pydicom

    with errors_of_file(path, "holds segments that cannot be read"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        groups = list(header.get("PerFrameFunctionalGroupsSequence") or ())
        if not groups:
            raise FileError(path, "has no Per-frame Functional Groups Sequence (5200,9230): nothing places its frames.")
        lattice = _lattice(path, header, groups)
        parts = _parts(path, header, groups, lattice.layers)
        identities = identities_in(path)
        structures = tuple(
            _structure(segment, header, parts.pop(int(segment.SegmentNumber), []), lattice, identities)
            for segment in header.SegmentSequence
            if int(segment.SegmentNumber)
        )
        if not structures:
            raise FileError(path, "has no segments in Segment Sequence (0062,0002).")
        return StructureSet(
            path,
            structures,
            str(header.get("FrameOfReferenceUID", "")),
            identities.masked(str(header.get("ContentLabel", ""))),
            str(header.get("SOPClassUID", "")),
            str(header.get("SOPInstanceUID", "")),
            str(header.get("StudyInstanceUID", "")),
            _references(header),
        )


def _group(header: Dataset, own: Dataset, keyword: str) -> Dataset | None:
    """The item of a functional group, of a frame or shared (PS3.3 C.7.6.16)."""
    shared = header.get("SharedFunctionalGroupsSequence") or ()
    for holder in (own, *shared):
        if keyword in holder and holder[keyword].value:
            item: Dataset = holder[keyword].value[0]
            return item
    return None


def _lattice(path: str, header: Dataset, groups: list[Dataset]) -> _Lattice:
    corners = np.empty((len(groups), 3))
    for number, own in enumerate(groups):
        position = _group(header, own, "PlanePositionSequence")
        if position is None or "ImagePositionPatient" not in position:
            raise FileError(path, "has frames without Image Position (Patient) (0020,0032): they lie on no volume.")
        corners[number] = np.array(position.ImagePositionPatient, float)
    orientation, measures = (
        _group(header, groups[0], keyword) for keyword in ("PlaneOrientationSequence", "PixelMeasuresSequence")
    )
    if orientation is None or measures is None:
        raise FileError(path, "says nothing of the orientation or of the spacing of its pixels.")
    along, down = np.array(orientation.ImageOrientationPatient, float).reshape(2, 3)
    rows_mm, columns_mm = (float(value) for value in measures.PixelSpacing)
    normal = np.cross(along, down)
    heights = corners @ normal
    distinct = np.unique(np.round(heights, 4))
    said = float(measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 0)
    steps = np.diff(distinct)
    for step in (said, float(steps.min()) if len(steps) else 0.0):
        if step <= 0:
            continue
        layers = np.rint((heights - heights.min()) / step)
        expected = corners[heights.argmin()] + layers[:, None] * step * normal
        if np.linalg.norm(corners - expected, axis=1).max() <= ON_LATTICE_MM:
            matrix = np.eye(4)
            matrix[:3, :3] = np.column_stack([along * columns_mm, down * rows_mm, normal * step])
            matrix[:3, 3] = corners[heights.argmin()]
            return _Lattice(matrix, tuple(int(layer) for layer in layers))
    found = (
        f"{len(distinct)} places, {millimetres(float(steps.min()))} mm apart and more" if len(steps) else "one place"
    )
    raise FileError(
        path, f"has frames that lie on no lattice ({found}); expected evenly spaced ones, or a spacing that says so."
    )


def _parts(
    path: str, header: Dataset, groups: list[Dataset], layers: tuple[int, ...]
) -> dict[int, list[tuple[_Place, NDArray[np.bool_]]]]:
    """Of each segment what its frames hold, without what is empty around it, and where (i, j, k) that begins."""
    from pydicom.pixels import iter_pixels

    kind = str(header.get("SegmentationType", "BINARY"))
    least = (float(header.get("MaximumFractionalValue", 1)) / 2) if kind == "FRACTIONAL" else 1
    found: dict[int, list[tuple[_Place, NDArray[np.bool_]]]] = defaultdict(list)
    for own, layer, pixels in zip(groups, layers, iter_pixels(path), strict=True):
        if kind == "LABELMAP":
            segments = {int(value): pixels == value for value in np.unique(pixels) if value}
        else:
            identification = _group(header, own, "SegmentIdentificationSequence")
            if identification is None:
                raise FileError(path, "has a frame without Segment Identification Sequence (0062,000A).")
            segments = {int(identification.ReferencedSegmentNumber): pixels >= least}
        for segment, there in segments.items():
            rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
            if len(rows):
                part = there[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
                found[segment].append(((int(columns[0]), int(rows[0]), layer), part))
    return found


def _structure(
    segment: Dataset,
    header: Dataset,
    parts: list[tuple[_Place, NDArray[np.bool_]]],
    lattice: _Lattice,
    identities: Identities,
) -> Structure:
    number, label = int(segment.SegmentNumber), str(segment.get("SegmentLabel", ""))
    kind = segment.get("SegmentedPropertyTypeCodeSequence")
    return Structure(
        number,
        identities.masked(label) or f"segment {number}",
        voxels=_voxels(parts, lattice.index_to_lps),
        interpreted_type="",
        generation_algorithm=str(segment.get("SegmentAlgorithmType", "")),
        description=str(segment.get("SegmentDescription", "") or (kind[0].get("CodeMeaning", "") if kind else "")),
        written_name=label,
        frame_uid=str(header.get("FrameOfReferenceUID", "")),
    )


def _voxels(parts: list[tuple[_Place, NDArray[np.bool_]]], index_to_lps: NDArray[np.float64]) -> Voxels:
    if not parts:
        return Voxels(np.zeros((1, 1, 1), bool), index_to_lps)
    first = np.array([place for place, _ in parts])
    last = first + [(part.shape[1], part.shape[0], 1) for _, part in parts]
    low, high = first.min(axis=0), last.max(axis=0)
    size = high - low
    require_memory(int(size.prod()), f"a segment of {' × '.join(map(str, size))} voxels")
    array = np.zeros(tuple(size[::-1]), bool)
    for (i, j, k), part in parts:
        array[k - low[2], j - low[1] :, i - low[0] :][: part.shape[0], : part.shape[1]] |= part
    moved = index_to_lps.copy()
    moved[:3, 3] += moved[:3, :3] @ low
    return Voxels(array, moved)


def _references(header: Dataset) -> tuple[Reference, ...]:
    """The images of Referenced Series Sequence (0008,1115)."""
    study = str(header.get("StudyInstanceUID", ""))
    return tuple(
        Reference(
            str(instance.get("ReferencedSOPClassUID", "")),
            str(instance.get("ReferencedSOPInstanceUID", "")),
            str(series.get("SeriesInstanceUID", "")),
            study,
        )
        for series in header.get("ReferencedSeriesSequence") or ()
        for instance in series.get("ReferencedInstanceSequence") or ()
    )
