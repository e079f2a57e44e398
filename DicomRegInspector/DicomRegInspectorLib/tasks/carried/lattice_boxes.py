"""Boxes of voxels on an endless lattice, and masks sampled there through a mapping."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...memory import require_memory
from ...registration.measures.agreement import box_of
from ...registration.on_grid import PointMap
from ...space import apply_matrix, lattice_corners, plane_indices
from ...structures import Voxels


def touches_end(mask: NDArray[np.bool_]) -> bool:
    """Tell whether something lies in the outermost layer of voxels."""
    return any(mask.take(end, axis=axis).any() for axis in range(3) for end in (0, -1))


def index_box(voxels: Voxels) -> NDArray[np.int64]:
    """Return (2, 3) first and last index (i, j, k) of what is inside; the first voxel of what is empty."""
    if not voxels.array.any():
        return np.zeros((2, 3), np.int64)
    k, j, i = box_of(voxels.array)
    return np.array([[i.start, j.start, k.start], [i.stop - 1, j.stop - 1, k.stop - 1]])


def corners_of(voxels: Voxels) -> NDArray[np.float64]:
    """Return (n, 3) LPS mm around what is inside; nothing of what is empty."""
    if not voxels.array.any():
        return np.empty((0, 3))
    first, last = index_box(voxels)
    return lattice_corners(voxels.index_to_lps, last - first + 1) + voxels.index_to_lps[:3, :3] @ first


def places_box(points: NDArray[np.float64], lattice: Voxels) -> NDArray[np.int64]:
    """Return (2, 3) indices on a lattice around points, with a voxel on each side."""
    if not len(points):
        return np.zeros((2, 3), np.int64)
    index = apply_matrix(np.linalg.inv(lattice.index_to_lps), points)
    return np.array([np.floor(index.min(axis=0)) - 1, np.ceil(index.max(axis=0)) + 1]).astype(np.int64)


def union(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the box (2, 3) of indices around two."""
    return np.array([np.minimum(first[0], second[0]), np.maximum(first[1], second[1])])


def voxel_count(box: NDArray[np.int64]) -> int:
    """Return how many voxels a box (2, 3) holds."""
    return math.prod((box[1] - box[0] + 1).tolist())


def moved_lattice(lattice: Voxels, box: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (4, 4) of a lattice that begins where a box does."""
    matrix = np.array(lattice.index_to_lps, float)
    matrix[:3, 3] = apply_matrix(matrix, box[0].astype(float))
    return matrix


def cut_out(voxels: Voxels, box: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return what is inside on the voxels of a box, which may reach beyond."""
    size = (box[1] - box[0] + 1)[::-1]
    cut = np.zeros(size, bool)
    ends = np.array(voxels.dimensions)
    first, last = np.maximum(box[0], 0), np.minimum(box[1] + 1, ends)
    if (last > first).all():
        target = tuple(slice(*pair) for pair in zip((first - box[0])[::-1], (last - box[0])[::-1], strict=True))
        source = tuple(slice(*pair) for pair in zip(first[::-1], last[::-1], strict=True))
        cut[target] = voxels.array[source]
    return cut


def sampled(
    source: Voxels, lattice: Voxels, box: NDArray[np.int64], map_points: PointMap
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which voxels of a box map into what is inside, by the nearest voxel; and where nothing is said.

    Raises UsageError when memory does not suffice.
    """
    ni, nj, nk = (box[1] - box[0] + 1).tolist()
    require_memory(2 * voxel_count(box), f"masks of {ni} × {nj} × {nk} voxels")
    to_lps, to_source = moved_lattice(lattice, box), np.linalg.inv(source.index_to_lps)
    inside, undefined = np.zeros((2, nk, nj, ni), bool)
    plane, limits = plane_indices(ni, nj), np.array(source.dimensions)
    for k in range(nk):
        mapped = map_points(apply_matrix(to_lps, np.column_stack([plane, np.full(len(plane), k)])))
        known = np.isfinite(mapped).all(axis=1)
        index = np.full((len(plane), 3), -1, np.int64)
        index[known] = np.floor(apply_matrix(to_source, mapped[known]) + 0.5)
        within = ((index >= 0) & (index < limits)).all(axis=1)
        i, j, layer = index[within].T
        found = np.zeros(len(plane), bool)
        found[within] = source.array[layer, j, i]
        inside[k], undefined[k] = found.reshape(nj, ni), ~known.reshape(nj, ni)
    return inside, undefined
