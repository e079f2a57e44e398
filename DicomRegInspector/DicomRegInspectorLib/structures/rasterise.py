"""Which voxels of a grid have their centres in a structure.

On slices that contours lie in, each centre is decided by the contours themselves (even-odd, PS3.3 C.8.8.6.3); between
them, and on grids across them, by the surface interpolated between planes, see :mod:`.signed_distance`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..memory import require_memory
from ..space import apply_matrix, plane_indices
from .model import VoxelGrid, Voxels
from .planes import SAME_PLANE_MM, ContourPlanes
from .polygons import inside_groups
from .signed_distance import SignedDistance, signed_distance

_ALONG_MM = 0.01
"""How far slices of a grid may lean out of the planes of contours, from one side to the other."""


def _empty_mask(grid: VoxelGrid) -> NDArray[np.bool_]:
    ni, nj, nk = grid.dimensions
    require_memory(ni * nj * nk, f"a mask of {ni} × {nj} × {nk} voxels")
    return np.zeros((nk, nj, ni), bool)


def mask_of_planes(planes: ContourPlanes, grid: VoxelGrid) -> NDArray[np.bool_]:
    """Return (nk, nj, ni) which voxel centres of a grid are inside closed contours.

    Raises UsageError when memory does not suffice.
    """
    mask = _empty_mask(grid)
    if not planes.planes:
        return mask
    if _is_along(planes, grid):
        _by_slices(planes, grid, mask)
    else:
        _by_centres(planes.with_spacing(_spacing_along(planes, grid)), grid, mask)
    return mask


def _is_along(planes: ContourPlanes, grid: VoxelGrid) -> bool:
    """Whether the grid's slices are parallel to the planes."""
    sides = grid.index_to_lps[:3, :2].T @ planes.axes[2] * grid.dimensions[:2]
    return bool(np.abs(sides).sum() <= _ALONG_MM)


def _spacing_along(planes: ContourPlanes, grid: VoxelGrid) -> float:
    """Distance of the grid's voxels along the normal of the planes."""
    return float(np.abs(grid.index_to_lps[:3, :3].T @ planes.axes[2]).max())


def _by_slices(planes: ContourPlanes, grid: VoxelGrid, mask: NDArray[np.bool_]) -> None:
    to_index = np.linalg.inv(grid.index_to_lps)
    planes = planes.with_spacing(_spacing_along(planes, grid))
    heights = apply_matrix(grid.index_to_lps, np.array([(0, 0, k) for k in range(len(mask))])) @ planes.axes[2]
    between: SignedDistance | None = None
    for k, height in enumerate(heights):
        number = _plane_at(planes, height)
        if number is not None:
            groups = [
                [apply_matrix(to_index, polygon)[:, :2] for polygon in group] for group in planes.planes[number].groups
            ]
            mask[k] = inside_groups(groups, mask.shape[1:])
        elif ((planes.slabs_mm[:, 0] <= height) & (height < planes.slabs_mm[:, 1])).any():
            between = between or signed_distance(planes)
            _fill(between, grid, mask, k)


def _plane_at(planes: ContourPlanes, height: float) -> int | None:
    """The plane that decides at a height: one that lies there, or the last before the end of its slab."""
    heights, slabs = planes.heights_mm, planes.slabs_mm
    nearest = int(np.abs(heights - height).argmin())
    if abs(heights[nearest] - height) <= SAME_PLANE_MM:
        return nearest
    if not slabs[nearest, 0] <= height < slabs[nearest, 1]:
        return None
    neighbour = nearest + (1 if height > heights[nearest] else -1)
    if not 0 <= neighbour < len(heights):
        return nearest
    return None if planes.is_joined(min(nearest, neighbour)) else nearest


def _fill(surface: SignedDistance, grid: VoxelGrid, mask: NDArray[np.bool_], k: int) -> None:
    """Decide the centres of a slice by the surface."""
    first, last = _index_box(surface, grid)
    if k < first[2] or k > last[2] or (last < first).any():
        return
    ni, nj, _ = last - first + 1
    index = np.column_stack([plane_indices(int(ni), int(nj)) + first[:2], np.full(ni * nj, k)])
    found = surface.at(apply_matrix(grid.index_to_lps, index)) > 0
    mask[k, first[1] : last[1] + 1, first[0] : last[0] + 1] = found.reshape(nj, ni)


def _index_box(surface: SignedDistance, grid: VoxelGrid) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last voxel (i, j, k) of the box of a surface, inside the grid."""
    slabs = surface.planes.slabs_mm
    ends = np.stack([np.append(surface.low_mm, slabs.min()), np.append(surface.high_mm, slabs.max())])
    corners = np.stack(np.meshgrid(*ends.T, indexing="ij"), axis=-1).reshape(-1, 3) @ surface.planes.axes
    index = apply_matrix(np.linalg.inv(grid.index_to_lps), corners)
    # Far beyond the grid it does not matter how far.
    index = np.clip(index, -1.0, np.array(grid.dimensions, float))
    first = np.maximum(np.ceil(index.min(axis=0)), 0).astype(np.int64)
    last = np.minimum(np.floor(index.max(axis=0)), np.array(grid.dimensions) - 1).astype(np.int64)
    return first, last


def _by_centres(planes: ContourPlanes, grid: VoxelGrid, mask: NDArray[np.bool_]) -> None:
    surface = signed_distance(planes)
    first, last = _index_box(surface, grid)
    for k in range(int(first[2]), int(last[2]) + 1):
        _fill(surface, grid, mask, k)


def mask_of_voxels(voxels: Voxels, grid: VoxelGrid) -> NDArray[np.bool_]:
    """Return (nk, nj, ni) which voxel centres of a grid lie in a voxel of a structure.

    Raises UsageError when memory does not suffice.
    """
    mask = _empty_mask(grid)
    to_voxel = np.linalg.inv(voxels.index_to_lps) @ grid.index_to_lps
    if mask.shape == voxels.array.shape and np.abs(to_voxel - np.eye(4)).max() < 1e-6:
        mask[...] = voxels.array
        return mask
    box = voxels.box()
    if box is None:
        return mask
    ends = np.stack(np.meshgrid(*box.T, indexing="ij"), axis=-1).reshape(-1, 3)
    index = apply_matrix(np.linalg.inv(grid.index_to_lps), ends)
    size = np.array(grid.dimensions)
    index = np.clip(index, -1.0, size.astype(float))
    first = np.maximum(np.floor(index.min(axis=0)), 0).astype(np.int64)
    last = np.minimum(np.ceil(index.max(axis=0)), size - 1).astype(np.int64)
    if (last < first).any():
        return mask
    ni, nj, _ = last - first + 1
    plane = plane_indices(int(ni), int(nj)) + first[:2]
    limits = np.array(voxels.dimensions)
    for k in range(int(first[2]), int(last[2]) + 1):
        places = apply_matrix(to_voxel, np.column_stack([plane, np.full(len(plane), k)]))
        source = np.floor(places + 0.5).astype(np.int64)
        there = ((source >= 0) & (source < limits)).all(axis=1)
        i, j, layer = source[there].T
        found = np.zeros(len(plane), bool)
        found[there] = voxels.array[layer, j, i]
        mask[k, first[1] : last[1] + 1, first[0] : last[0] + 1] = found.reshape(nj, ni)
    return mask
