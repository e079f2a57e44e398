"""What lies between the nodes of a deformation grid: displacements and their gradient, interpolated trilinearly.

Points and vectors are columns, (3, n): so arithmetic runs over memory in order. Two nodes that are neighbours along x
lie side by side in memory, too, and are fetched as one piece; fetching is what takes the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..space import apply_to_columns

if TYPE_CHECKING:
    from .grid import Grid

BORDER_TOLERANCE_MM = 1e-3
"""How far outside the outermost nodes a point still counts as on them.

Grid and image positions are decimal strings that were rounded separately, so the corner of an image can lie this
far outside a grid that was made for it.
"""
NODE_TOLERANCE = 1e-6
"""Part of a voxel within which a point is on a node: rounding must not pull in an undefined neighbour."""

BLOCK = 1 << 14
"""Points that are best interpolated at a time: what is made of them on the way stays near the processor, and threads
do not wait for each other between steps."""
_CORNERS = tuple(np.ndindex(2, 2, 2))


@dataclass(frozen=True)
class _Cells:
    """Where points lie among the nodes."""

    base: np.ndarray
    """(3, n) the first node of the cell."""
    fraction: np.ndarray
    """(3, n) way to the last one, 0 to 1."""
    undefined: np.ndarray
    """(n,) numbers of the points that lie nowhere."""
    still: np.ndarray
    """(n,) numbers of those that stay where they are."""


def displacement(grid: Grid, points: np.ndarray, *, extend: bool = False) -> np.ndarray:
    """Return (3, n) displacements in mm at points (3, n), both along LPS; see :meth:`.grid.Grid.displacement`."""
    # Whatever a file's numbers are: what comes of those that are none is undefined.
    with np.errstate(over="ignore", invalid="ignore"):
        cells = _cells(grid, points, extend)
        values = _weighted(grid, cells)
        # Faster than asking all three: a sum is finite only where they are.
        lacking = ~np.isfinite(values[0] + values[1] + values[2])
        lacking[cells.undefined] = False
        again = np.flatnonzero(lacking)
        if not extend:
            values[:, again] = np.nan
            # Inside a cell all corners take part.
            fraction = cells.fraction[:, again]
            again = again[((fraction == 0) | (fraction == 1)).any(axis=0)]
        if again.size:
            some, _ = _weigh_corners(grid, cells, again, fill=extend)
            some[~np.isfinite(some).all(axis=1)] = np.nan
            values[:, again] = some.T
        values[:, cells.undefined] = np.nan
        values[:, cells.still] = 0.0
    return values


def displacement_and_gradient(grid: Grid, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return displacements (3, n), mm, at points (3, n), and their gradient (3, 3, n): ``[a, b] = dD_a / dx_b``.

    Extended at the border and beside undefined nodes.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        cells = _cells(grid, points, extend=True)
        values, slopes = _weighted_with_slopes(grid, cells)
        lacking = ~np.isfinite(values[0] + values[1] + values[2])
        lacking[cells.undefined] = False
        again = np.flatnonzero(lacking)
        if again.size:
            some, some_slopes = _weigh_corners(grid, cells, again, fill=True)
            values[:, again], slopes[:, :, again] = some.T, some_slopes.transpose(2, 1, 0)
        values[:, cells.undefined] = np.nan
        to_index = np.linalg.inv(grid.index_to_lps)
        gradient = np.zeros((3, 3, points.shape[1]))
        for axis, along in np.argwhere(to_index[:3, :3]):
            gradient[:, along] += slopes[axis] * to_index[axis, along]
    return values, gradient


def _cells(grid: Grid, points: np.ndarray, extend: bool) -> _Cells:
    index = apply_to_columns(np.linalg.inv(grid.index_to_lps), points)
    last = np.array(grid.dimensions)[:, None] - 1
    nearest = np.rint(index)
    np.copyto(index, nearest, where=np.abs(index - nearest) < NODE_TOLERANCE)
    if extend:
        inside = index == index
    else:
        margin = 0.5 if grid.outside == "stays" else (BORDER_TOLERANCE_MM / grid.spacing_mm)[:, None]
        inside = (index >= -margin) & (index <= last + margin)
    undefined = still = np.flatnonzero(~(inside[0] & inside[1] & inside[2]))
    stays = np.isfinite(index[:, undefined]).all(axis=0) & (grid.outside == "stays" and not extend)
    index[:, undefined] = 0.0
    np.minimum(np.maximum(index, 0.0, out=index), last, out=index)
    base = np.minimum(index.astype(np.int64), np.maximum(last - 1, 0))
    index -= base
    return _Cells(base, index, undefined, still[stays])


def _weighted(grid: Grid, cells: _Cells) -> np.ndarray:
    """(3, n) where all corners are finite, and nothing finite elsewhere."""
    count = cells.base.shape[1]
    if grid.dimensions[0] < 2:
        return np.full((3, count), np.nan)
    sides = (1 - cells.fraction, cells.fraction)
    total, pair = np.zeros((6, count)), np.empty((6, count))
    for (k, j), fetched in _pairs(grid, cells.base):
        np.copyto(pair, fetched)
        pair *= sides[j][1] * sides[k][2]
        total += pair
    first, second = total[:3], total[3:]
    first *= sides[0][0]
    second *= sides[1][0]
    first += second
    return first


def _weighted_with_slopes(grid: Grid, cells: _Cells) -> tuple[np.ndarray, np.ndarray]:
    """:func:`_weighted`, and (3, 3, n) slopes per voxel: ``[i, a] = dD_a / d(index i)``."""
    if grid.dimensions[0] < 2:
        count = cells.base.shape[1]
        return np.full((3, count), np.nan), np.full((3, 3, count), np.nan)
    x, y, z = cells.fraction
    near, in_y, far, in_y_far = (fetched.astype(np.float64) for _, fetched in _pairs(grid, cells.base))
    # Each edge's end is replaced by its slope, its beginning by what lies on the way: nothing is made twice.
    _go(near, in_y, y)
    _go(far, in_y_far, y)
    _go(near, far, z)
    _go(in_y, in_y_far, z)
    for pair in (near, in_y, far):
        _go(pair[:3], pair[3:], x)
    return near[:3], np.stack([near[3:], in_y[:3], far[:3]])


def _go(first: np.ndarray, second: np.ndarray, fraction: np.ndarray) -> None:
    """Turn values at two ends into the value on the way from one to the other, and into their difference; in place."""
    second -= first
    first += second * fraction


def _pairs(grid: Grid, base: np.ndarray) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """For each (k, j) of a cell's four edges along x: (6, n) float32, the vectors at both ends."""
    nx, ny, nz = grid.dimensions
    flat = grid.vectors.reshape(-1)
    size = 6 * flat.itemsize
    pairs = np.ndarray((flat.size // 3 - 1,), np.dtype((np.void, size)), flat, strides=(size // 2,))
    node = (base[2] * ny + base[1]) * nx + base[0]
    for k, j in np.ndindex(2, 2):
        fetched = pairs[node + (k * nx * ny * (nz > 1) + j * nx * (ny > 1))]
        yield (k, j), fetched.view(flat.dtype).reshape(-1, 6).T


def _weigh_corners(grid: Grid, cells: _Cells, which: np.ndarray, fill: bool) -> tuple[np.ndarray, np.ndarray]:
    """Of some points (m,): (m, 3), and slopes (m, 3, 3), ``[:, a, i]``; a corner of weight zero takes no part, even
    when it is undefined. With ``fill`` undefined corners are the mean of the others."""
    fraction = cells.fraction[:, which].T
    vectors = _corner_vectors(grid, cells.base[:, which].T)
    if fill:
        _fill_undefined(vectors)
    values, slopes = np.zeros((len(which), 3)), np.zeros((len(which), 3, 3))
    for corner, vector in zip(_CORNERS, vectors, strict=True):
        offset = np.array(corner)
        factors = np.where(offset == 1, fraction, 1 - fraction)
        weight = factors.prod(axis=1)
        values += np.where(weight[:, None] > 0, weight[:, None] * vector, 0.0)
        sign = np.where(offset == 1, 1.0, -1.0)
        others = np.stack([factors[:, [1, 2]], factors[:, [0, 2]], factors[:, [0, 1]]], axis=1).prod(axis=2)
        slopes += vector[:, :, None] * (sign * others)[:, None, :]
    return values, slopes


def _corner_vectors(grid: Grid, base: np.ndarray) -> np.ndarray:
    nx, ny, _ = grid.dimensions
    steps = np.minimum(np.array(grid.dimensions) - 1, 1)
    flat = grid.vectors.reshape(-1, 3)
    vectors = np.empty((len(_CORNERS), len(base), 3))
    for number, corner in enumerate(_CORNERS):
        node = base + np.array(corner) * steps
        vectors[number] = flat[node[:, 0] + nx * (node[:, 1] + ny * node[:, 2])]
    return vectors


def _fill_undefined(vectors: np.ndarray) -> None:
    """Replace non-finite corner vectors (8, n, 3) by the mean of the cell's others, in place; zero without any."""
    finite = np.isfinite(vectors).all(axis=2)
    if finite.all():
        return
    total = np.where(finite[:, :, None], vectors, 0.0).sum(axis=0)
    mean = total / np.maximum(finite.sum(axis=0), 1)[:, None]
    vectors[:] = np.where(finite[:, :, None], vectors, mean)
