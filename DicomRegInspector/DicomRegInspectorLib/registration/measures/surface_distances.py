"""Distances between the surfaces of two masks on one lattice, exact, a slice at a time.

The surface of a mask is its border voxels: those with a neighbour across one of their six faces that is outside. That
is the surface of medpy and of SimpleITK's contour filters; a distance is that between centres of border voxels.
"""

from __future__ import annotations

import numpy as np

_FIRST_REACH = 8
"""Voxels within which neighbours are sought at first: surfaces that belong together lie so close."""


def border_voxels(mask: np.ndarray) -> np.ndarray:
    """Return the mask (nk, nj, ni) of the voxels that have a neighbour outside; beyond the array is outside, too."""
    inner = np.zeros_like(mask)
    if min(mask.shape) > 2:
        core = mask[1:-1, 1:-1, 1:-1]
        inner[1:-1, 1:-1, 1:-1] = core
        for axis in range(3):
            for shifted in (slice(None, -2), slice(2, None)):
                neighbours = mask[tuple(shifted if each == axis else slice(1, -1) for each in range(3))]
                inner[1:-1, 1:-1, 1:-1] &= neighbours
    return mask & ~inner


def nearest_mm(points: np.ndarray, border: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """Return (n,) distances from voxels to the nearest voxel of a border, mm.

    Exact: squared distances are put together axis by axis (Saito and Toriwaki, Pattern Recognition 27(11), 1994),
    within a reach that grows for the voxels that have found nothing nearer than it.

    Parameters
    ----------
    points
        (n, 3) indices (k, j, i).
    border
        (nk, nj, ni) voxels to measure to, one at least.
    spacing_mm
        (3,) of k, j and i.
    """
    order = np.argsort(points[:, 0], kind="stable")
    points = points[order]
    best = np.full(len(points), np.inf)
    slices = np.flatnonzero(border.any(axis=(1, 2)))
    reach = _FIRST_REACH * float(spacing_mm.min())
    unsolved = np.arange(len(points))
    while len(unsolved):
        for k in slices:
            away = reach / spacing_mm[0]
            first, last = np.searchsorted(points[unsolved, 0], (k - away, k + away + 1))
            near = unsolved[first:last]
            if not len(near):
                continue
            _, j, i = points[near].T
            across = _in_plane(border[k], spacing_mm[1:], reach)[j, i]
            along = (points[near, 0] - k) * spacing_mm[0]
            best[near] = np.minimum(best[near], across + along * along)
        unsolved = unsolved[best[unsolved] > reach * reach]
        reach *= 4
    distances = np.empty(len(points))
    distances[order] = np.sqrt(best)
    return distances


def _in_plane(border: np.ndarray, spacing_mm: np.ndarray, reach: float) -> np.ndarray:
    """(nj, ni) squared distances within a slice, mm²; right where they are no larger than the reach's square."""
    nj, ni = border.shape
    index = np.arange(ni)
    before = np.maximum.accumulate(np.where(border, index, -np.inf), axis=1)
    after = np.minimum.accumulate(np.where(border, index, np.inf)[:, ::-1], axis=1)[:, ::-1]
    row = np.square(np.minimum(index - before, after - index) * spacing_mm[1])
    squared = row.copy()
    for step in range(1, min(nj - 1, int(reach / spacing_mm[0])) + 1):
        added = (step * spacing_mm[0]) ** 2
        np.minimum(squared[step:], row[:-step] + added, out=squared[step:])
        np.minimum(squared[:-step], row[step:] + added, out=squared[:-step])
    return squared
