"""Labels through a transform: each voxel has the label of the nearest voxel where it is pulled to, or none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FileError, UsageError
from ...progress import Progress
from ...series.regularize.reference import ReferenceGrid
from .applied import Applied, Part
from .images import is_volume_file, output_volume, prepare, told_of, write_volume
from .inputs import read_input
from .part_findings import part_findings
from .request import ApplyRequest
from .resample import resample
from .segments import apply_segmentation, segmentation_file
from .shares import counted_labels, folded_percent, sampled_labels, shares_of

_MOST_LABELS = 65_535
"""Of one volume: more are no labels."""


def apply_labels(request: ApplyRequest, progress: Progress | None = None) -> Applied:
    """Bring labels along: of a volume of whole numbers into a volume file, of a Segmentation also into another.

    Raises
    ------
    FileError
        When a file cannot be read, or holds no labels.
    UsageError
        When frames disagree, the input or the reference is no lattice, or the output cannot be written; then nothing is
        left behind.
    """
    if request.fill:
        raise UsageError("labels are 0 where there is none; a fill value is for images")
    segmentation = segmentation_file(request.input)
    if segmentation is not None:
        return apply_segmentation(request, segmentation, progress)
    given = read_input(request, progress)
    if not is_volume_file(request.output):
        raise UsageError(
            f"{request.output}: labels of a volume go into a volume file (.nrrd, .nii.gz, .nii, .mha), of which a "
            "Segmentation can be exported with what it has to say of them"
        )
    labels = whole_numbers(given.volume.array, request.input)
    findings, target, notes = prepare(request, given)
    before = counted_labels(labels)
    if len(before) > _MOST_LABELS:
        raise UsageError(f"{request.input}: holds {len(before)} different numbers; is it a label volume?")
    sampled = resample(
        labels,
        given.volume.index_to_lps,
        request.transform,
        target,
        interpolation="nearest",
        fill=0,
        progress=progress,
    )
    volume = output_volume(request, sampled.array, target)
    parts = _parts(request, target, (labels, given.volume.index_to_lps, before), sampled.array)
    return Applied(
        "labels",
        request.transform,
        request.output,
        format=write_volume(request, volume).replace("values", "labels"),
        interpolation="nearest",
        parts=parts,
        findings=(*findings, *(finding for part in parts for finding in part_findings(request, part))),
        notes=tuple(notes),
        **told_of(volume, sampled),
    )


def whole_numbers(array: NDArray[Any], path: str) -> NDArray[np.integer]:
    """Return labels as integers; of numbers written as floating point too, where they are whole.

    Raises FileError when there are others, negative ones, or several for each voxel.
    """
    if array.ndim != 3:
        raise FileError(path, f"is no label volume: it has {array.shape[3]} numbers for each voxel; expected one")
    labels = array.astype(np.uint8) if array.dtype.kind == "b" else array
    if labels.dtype.kind not in "iu":
        labels = np.empty(array.shape, np.int64)
        for own, plane in zip(labels, array, strict=True):
            if not np.isfinite(plane).all() or (np.rint(plane) != plane).any() or np.abs(plane).max(initial=0) >= 2**53:
                raise FileError(path, "is no label volume: it holds numbers that are not whole")
            own[...] = plane
        largest = max((int(plane.max()) for plane in labels), default=0)
        labels = labels.astype(np.min_scalar_type(largest) if largest >= 0 else np.int64)
    if labels.dtype.kind == "i" and min((int(plane.min()) for plane in labels), default=0) < 0:
        raise FileError(path, "is no label volume: it holds negative numbers")
    return labels


def _parts(
    request: ApplyRequest,
    target: ReferenceGrid,
    given: tuple[NDArray[np.integer], NDArray[np.float64], dict[int, int]],
    output: NDArray[np.integer],
) -> tuple[Part, ...]:
    labels, index_to_lps, before = given
    after = counted_labels(output)
    points = sampled_labels(labels, index_to_lps, before)
    moved = sampled_labels(output, target.affine_lps, after)
    old_ml, new_ml = (abs(float(np.linalg.det(matrix[:3, :3]))) / 1000 for matrix in (index_to_lps, target.affine_lps))
    parts = []
    for label, count in before.items():
        undefined, outside = shares_of(points[label], request.transform, target)
        folded = folded_percent(request.transform, points[label], moved.get(label))
        volumes = count * old_ml, after.get(label, 0) * new_ml
        parts.append(Part(f"label {label}", label, *volumes, undefined, outside, len(points[label]), folded))
    return tuple(parts)
