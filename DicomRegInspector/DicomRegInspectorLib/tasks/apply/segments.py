"""Segmentation objects through a transform, segment by segment, with what they say of each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...dicom.fast_header import read_header
from ...errors import NotDicomError, UsageError, errors_of_file
from ...memory import require_memory
from ...output_file import replace_file
from ...progress import Progress
from ...registration.file.write.dicom_object import (
    NewIdentity,
    ReferencedImages,
    copied,
    dataset_with,
    new_object,
    new_uid,
    place_in_frame,
)
from ...series.geometry.kinds import SEGMENTATIONS
from ...series.pixels.choose_stack import files_below
from ...series.regularize.reference import ReferenceGrid
from ...series.write.parametric_map import import_highdicom
from ...space import apply_matrix
from ...structures.read import read_structures
from ...structures.structure import Structure, StructureSet
from ...volumes import Volume
from ..image_export.derivation import Derivation, describe_derivation
from ..image_export.planes import planes_of
from ..image_export.reference import OTHER_PATIENT, ReferenceImages, reference_images
from ..image_export.segments import segmentation_of
from .applied import Applied, Coverage, Part
from .dose_object import reference_of
from .frames import check_frames, check_reference, said_of_frames
from .images import is_volume_file, told_of, write_volume
from .inputs import header_of
from .part_findings import part_findings
from .request import ApplyRequest
from .resample import resample
from .shares import MOST_OF_EACH, counted_labels, folded_percent, sampled_labels, shares_of
from .target import dicom_reference, target_grid

if TYPE_CHECKING:
    from pydicom import Dataset

_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


@dataclass(frozen=True, eq=False)
class _Layers:
    """Segments as label volumes on one lattice: as few as hold them without overlap."""

    arrays: list[NDArray[np.uint16]]
    """(nk, nj, ni) each; places in the set's structures, from 1."""
    index_to_lps: NDArray[np.float64]


def segmentation_file(path: str) -> str | None:
    """Return the Segmentation that a path leads to, itself or alone in a folder; None where there is none."""
    if os.path.isdir(path):
        files = [file for file in files_below(path) if _is_segmentation_file(file)]
        return files[0] if len(files) == 1 else None
    return path if _is_segmentation_file(path) else None


def _is_segmentation_file(path: str) -> bool:
    try:
        return read_header(path).sop_class_uid in SEGMENTATIONS
    except NotDicomError:
        return False


def apply_segmentation(request: ApplyRequest, path: str, progress: Progress | None = None) -> Applied:
    """Bring a Segmentation along, into another Segmentation or a label volume.

    Names, colours, codes and whatever else is said of a segment are kept.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    FileError
        When a file cannot be read.
    UsageError
        When frames disagree, nothing of it has a place in the output, segments that overlap are to go into a label
        volume, or the output cannot be written.
    """
    _require_output(request)
    given = read_structures(path)
    findings = check_frames(request, given.frame_uid, request.input)
    layers = _layers(given)
    target, words = target_grid(request, Volume(layers.arrays[0], layers.index_to_lps, frame_uid=given.frame_uid))
    if request.reference:
        findings += check_reference(request, target.frame_uid, request.reference[0])
    sampled = [
        resample(
            array, layers.index_to_lps, request.transform, target, interpolation="nearest", fill=0, progress=progress
        )
        for array in layers.arrays
    ]
    parts = _parts(request, given, [layer.array for layer in sampled], target)
    frame = target.frame_uid or request.transform.output_frame_uid
    volumes = [Volume(layer.array, target.affine_lps, "the result", frame_uid=frame) for layer in sampled]
    notes = [f"Onto {words}.", *said_of_frames(request, given.frame_uid), *_notes(given, parts, path)]
    if reference_images(dicom_reference(request.reference)).is_of_another_patient(header_of(path)):
        notes.append(OTHER_PATIENT)
    if is_volume_file(request.output):
        format_ = _write_labels(request, given, volumes)
    else:
        format_ = _write_segmentation(request, given, volumes)
    return Applied(
        "labels",
        request.transform,
        request.output,
        format=format_,
        interpolation="nearest",
        parts=parts,
        findings=(*findings, *(finding for part in parts for finding in part_findings(request, part))),
        notes=tuple(notes),
        **told_of(volumes[0], replace(sampled[0], coverage=_within(sampled[0].coverage))),
    )


def _require_output(request: ApplyRequest) -> None:
    if not is_volume_file(request.output) and request.output.suffix.lower() != ".dcm":
        raise UsageError(f"{request.output}: a Segmentation goes into a DICOM file (.dcm) or a volume file (.nrrd …)")


def _within(coverage: Coverage) -> Coverage:
    """A segmentation says of all places around its frames that no segment is there: they are not beyond it."""
    return replace(coverage, outside=0)


def _layers(given: StructureSet) -> _Layers:
    """Put segments side by side where they do not overlap; their voxels are parts of one lattice."""
    voxels = [structure.voxels for structure in given.structures]
    first = voxels[0]
    assert first is not None
    to_index = np.linalg.inv(first.index_to_lps)
    starts = [np.rint(apply_matrix(to_index, own.index_to_lps[:3, 3])).astype(int) for own in voxels if own is not None]
    stops = [start + own.dimensions for start, own in zip(starts, voxels, strict=True) if own is not None]
    low, size = np.min(starts, axis=0), np.max(stops, axis=0) - np.min(starts, axis=0)
    require_memory(2 * int(size.prod()), f"{given.path}: its segments, {' × '.join(map(str, size))} voxels")
    arrays: list[NDArray[np.uint16]] = []
    for number, (start, own) in enumerate(zip(starts, voxels, strict=True), 1):
        assert own is not None
        i, j, k = start - low
        nk, nj, ni = own.array.shape
        place = (slice(k, k + nk), slice(j, j + nj), slice(i, i + ni))
        layer = next((array for array in arrays if not array[place][own.array].any()), None)
        if layer is None:
            layer = np.zeros(tuple(size[::-1]), np.uint16)
            arrays.append(layer)
        layer[place][own.array] = number
    index_to_lps = first.index_to_lps.copy()
    index_to_lps[:3, 3] = apply_matrix(first.index_to_lps, low.astype(float))
    return _Layers(arrays, index_to_lps)


def _parts(
    request: ApplyRequest, given: StructureSet, layers: list[NDArray[np.integer]], target: ReferenceGrid
) -> tuple[Part, ...]:
    """Of each segment what came of it; each is in one of the layers, by its place in the set."""
    counts: dict[int, int] = {}
    after: dict[int, NDArray[np.float64]] = {}
    for layer in layers:
        own = counted_labels(layer)
        counts |= own
        after |= sampled_labels(layer, target.affine_lps, own)
    return tuple(
        _part(structure, counts.get(number, 0), after.get(number), request, target)
        for number, structure in enumerate(given.structures, 1)
    )


def _part(
    structure: Structure,
    count: int,
    after: NDArray[np.float64] | None,
    request: ApplyRequest,
    target: ReferenceGrid,
) -> Part:
    own = structure.voxels
    assert own is not None
    where = np.argwhere(own.array)[:, ::-1].astype(float)
    points = apply_matrix(own.index_to_lps, where[:: max(len(where) // MOST_OF_EACH, 1)])
    undefined, outside = shares_of(points, request.transform, target)
    voxel_ml = abs(float(np.linalg.det(target.affine_lps[:3, :3]))) / 1000
    volumes = own.volume_mm3 / 1000, count * voxel_ml
    folded = folded_percent(request.transform, points, after)
    return Part(structure.name, structure.number, *volumes, undefined, outside, len(points), folded)


def _notes(given: StructureSet, parts: Sequence[Part], path: str) -> list[str]:
    notes = [
        f"Segment {part.number} ({part.name}) has no voxel in the output."
        for part in parts
        if part.volume_before_ml and not part.volume_after_ml
    ]
    notes += [
        f"Segment {structure.number} ({structure.name}) is empty."
        for structure in given.structures
        if structure.is_empty
    ]
    if str(header_of(path).get("SegmentationType", "")) == "FRACTIONAL":
        notes.append("Of the fractional segments voxels of half the largest value and more were taken.")
    return notes


def _write_labels(request: ApplyRequest, given: StructureSet, volumes: list[Volume]) -> str:
    if len(volumes) > 1:
        raise UsageError(
            f"{request.output}: segments overlap, and a voxel of a label volume has one label; name a DICOM file (.dcm)"
        )
    numbers = np.array([0, *(structure.number for structure in given.structures)], np.uint16)
    return write_volume(request, replace(volumes[0], array=numbers[volumes[0].array])).replace("values", "labels")


def _write_segmentation(request: ApplyRequest, given: StructureSet, volumes: list[Volume]) -> str:
    hd = import_highdicom("Segmentations")
    header = header_of(given.path)
    reference = reference_images(dicom_reference(request.reference))
    planes = [planes_of(volume, reference.stack) for volume in volumes]
    if not any(plane.any() for volume in planes for plane in volume.array):
        raise UsageError(f"{request.input}: nothing of it lies among the voxels of the output; nothing was written")
    base = _base(request, header, reference, planes[0])
    descriptions = [_stand_in(hd, number) for number in range(1, len(given.structures) + 1)]
    instance = segmentation_of(
        hd, base, planes[0], _numbers(planes, len(descriptions)), descriptions, reference.references
    )
    with errors_of_file(given.path, "holds segments that cannot be copied"):
        instance.SegmentSequence = _segments(header)
    transform = request.transform
    derivation = Derivation(
        f"DicomRegInspector: {transform.description}, label of the nearest voxel", transform.references
    )
    describe_derivation(instance, derivation, [reference_of(header)])

    def write(unfinished: Path) -> None:
        with errors_of_file(request.output, "cannot be written as DICOM"):
            instance.save_as(unfinished, enforce_file_format=True)
        _require_same(unfinished, planes, request)

    replace_file(request.output, write)
    return f"Segmentation of {len(descriptions)} segments, read back"


def _base(request: ApplyRequest, header: Dataset, reference: ReferenceImages, planes: Volume) -> Dataset:
    """Patient, study and frame: the reference's, without one the input's patient and study."""
    from pydicom.dataset import FileMetaDataset

    owner = reference.owner or ReferencedImages((), header)
    base = new_object(
        _SEGMENTATION, "SEG", owner, ReferencedImages(), NewIdentity(series_number=reference.series_number)
    )
    place_in_frame(base, planes.frame_uid or new_uid(), reference.owner)
    base.SeriesDescription = request.description or "labels, registered"
    base.file_meta = FileMetaDataset()
    return base


def _numbers(planes: list[Volume], count: int) -> NDArray[np.integer]:
    """(nk, nj, ni) numbers, or where segments overlap (nk, nj, ni, count) whether each is there."""
    if len(planes) == 1:
        return planes[0].array.astype(np.uint8 if count < 256 else np.uint16)
    shape = (*planes[0].array.shape, count)
    require_memory(int(np.prod(shape, dtype=object)), f"{count} segments that overlap")
    found = np.zeros(shape, np.uint8)
    for volume in planes:
        k, j, i = np.nonzero(volume.array)
        found[k, j, i, volume.array[k, j, i] - 1] = 1
    return found


def _stand_in(hd: object, number: int) -> object:
    """A description for highdicom; the input's own takes its place."""
    from pydicom.sr.coding import Code

    tissue = Code("85756007", "SCT", "Tissue")
    return hd.seg.SegmentDescription(  # type: ignore[attr-defined] # a module that is imported late
        segment_number=number,
        segment_label=str(number),
        segmented_property_category=tissue,
        segmented_property_type=tissue,
        algorithm_type="MANUAL",
    )


def _segments(header: Dataset) -> list[Dataset]:
    """All that is said of each segment, numbered from 1 (PS3.3 C.8.20.2)."""
    segments: list[Dataset] = []
    for segment in header.SegmentSequence:
        if int(segment.SegmentNumber):
            item = dataset_with(copied(element) for element in segment)
            item.SegmentNumber = len(segments) + 1
            segments.append(item)
    return segments


def _require_same(written: Path, planes: list[Volume], request: ApplyRequest) -> None:
    """Read a Segmentation again and compare how many voxels each segment has, and where.

    Raises UsageError when it reads otherwise.
    """
    for number, structure in enumerate(read_structures(written).structures, 1):
        own = structure.voxels
        found = [volume for volume in planes if (volume.array == number).any()]
        count, expected = 0 if own is None else int(own.array.sum()), 0
        if found:
            where = np.argwhere(found[0].array == number)
            expected = len(where)
            corner = apply_matrix(found[0].index_to_lps, where.min(axis=0)[::-1].astype(float))
            if own is None or np.abs(own.index_to_lps[:3, 3] - corner).max() > 0.01:
                count = -1
        if count != expected:
            raise UsageError(
                f"{request.output}: what was written reads otherwise than it should (segment {number}); nothing was "
                "kept: report this"
            )
