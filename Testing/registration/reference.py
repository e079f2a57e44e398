"""Equation C.20.3-1 evaluated as plainly as possible, in double precision: what the tests hold the library against.

Deliberately slow and literal: one point at a time, eight corners at a time. Coordinates are LPS millimetres.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from regfiles import DeformableItem, GridSpec, MatrixItem, as_written


def directions_of(grid: GridSpec) -> np.ndarray:
    """3x3; columns are the grid's row, column and normal directions."""
    row, column = np.array(grid.orientation[:3], float), np.array(grid.orientation[3:], float)
    return np.column_stack([row, column, np.cross(row, column)])


def node_position(grid: GridSpec, i: float, j: float, k: float) -> np.ndarray:
    """Where lattice index (i, j, k) lies (PS3.3 C.20.3.1.1)."""
    d, (rx, ry, rz) = directions_of(grid), grid.spacing
    return np.array(grid.origin, float) + i * rx * d[:, 0] + j * ry * d[:, 1] + k * rz * d[:, 2]


def index_of(grid: GridSpec, point: np.ndarray) -> np.ndarray:
    """The continuous lattice index (i, j, k) of a point."""
    axes = directions_of(grid) * np.array(grid.spacing, float)
    return np.linalg.solve(axes, np.asarray(point, float) - np.array(grid.origin, float))


def displacement(grid: GridSpec, point: np.ndarray, tolerance: float = 1e-9) -> np.ndarray:
    """D(x), trilinear; NaN outside the lattice (by more than ``tolerance`` voxels) and next to undefined vectors.

    A corner whose weight is no more than ``tolerance`` does not count.
    """
    index = index_of(grid, point)
    size = np.array(grid.dimensions)
    if not np.all(np.isfinite(index)) or np.any(index < -tolerance) or np.any(index > size - 1 + tolerance):
        return np.full(3, np.nan)
    low = np.clip(np.floor(index), 0, np.maximum(size - 2, 0)).astype(int)
    part = np.clip(index - low, 0.0, 1.0)
    total = np.zeros(3)
    for a in (0, 1):
        for b in (0, 1):
            for c in (0, 1):
                weight = (
                    (part[0] if a else 1 - part[0]) * (part[1] if b else 1 - part[1]) * (part[2] if c else 1 - part[2])
                )
                if weight > tolerance:
                    total += weight * grid.vectors[low[2] + c, low[1] + b, low[0] + a].astype(np.float64)
    return total


def _moved(matrix: np.ndarray | None, point: np.ndarray) -> np.ndarray:
    if matrix is None:
        return point
    matrix = np.asarray(matrix, float)
    return matrix[:3, :3] @ point + matrix[:3, 3]


def map_one(item: DeformableItem | MatrixItem, point: Any) -> np.ndarray:
    """Registered to source for one point: ``M_post (M_pre x + D(x))``, or the inverse of ``M_n ... M_1``."""
    x = np.asarray(point, float)
    if isinstance(item, MatrixItem):
        total = np.eye(4)
        for matrix in item.matrices:
            total = as_written(matrix) @ total
        return np.linalg.solve(total, np.append(x, 1.0))[:3]
    pre = None if item.pre is None else as_written(item.pre)
    post = None if item.post is None else as_written(item.post)
    offset = np.zeros(3) if item.grid is None else displacement(item.grid, x)
    return _moved(post, _moved(pre, x) + offset)


def map_points(item: DeformableItem | MatrixItem, points: Any) -> np.ndarray:
    """:func:`map_one` for an (n, 3) array."""
    return np.array([map_one(item, p) for p in np.asarray(points, float)])


def points_inside(grid: GridSpec, count: int, seed: int = 0, margin: float = 0.0) -> np.ndarray:
    """Random points of the lattice's volume, ``margin`` voxels away from its border."""
    random = np.random.default_rng(seed)
    size = np.array(grid.dimensions, float)
    high = np.maximum(size - 1 - margin, 0)
    low = np.minimum(np.full(3, margin), high)
    return np.array([node_position(grid, *random.uniform(low, high)) for _ in range(count)])
