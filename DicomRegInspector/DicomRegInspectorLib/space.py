"""Points, lattices and affine matrices: 4x4, applied to (..., 3) points in millimetres; LPS to RAS and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Slicer's world axes against DICOM's; its own inverse."""
RAS_SIGNS = np.array([-1.0, -1.0, 1.0])
"""What turns the coordinates of a point or a vector from LPS to RAS, and back."""


def as_points(points: np.ndarray) -> np.ndarray:
    """Return points as float64 (..., 3).

    Raises ValueError when the last axis has not three coordinates.
    """
    array = np.asarray(points, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != 3:
        raise ValueError(f"points must have shape (..., 3), got {array.shape}")
    return array


def cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the vector (3,) perpendicular to two (3,); of single vectors this takes a tenth of NumPy's time."""
    (a, b, c), (d, e, f) = first.tolist(), second.tolist()
    return np.array((b * f - c * e, c * d - a * f, a * e - b * d))


def apply_matrix(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Map points (..., 3) through an affine 4x4."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def apply_to_columns(matrix: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Map points (3, n), a row for each coordinate, through an affine 4x4: each the same, whichever are beside it."""
    mapped, part = np.empty(columns.shape), np.empty(columns.shape[1])
    for row, out in zip(matrix[:3], mapped, strict=True):
        np.multiply(columns[0], row[0], out=out)
        for factor, column in zip(row[1:3], columns[1:], strict=True):
            out += np.multiply(column, factor, out=part)
        out += row[3]
    return mapped


def to_ras(matrix_lps: np.ndarray) -> np.ndarray:
    """Return a 4x4 between LPS coordinates as the same mapping between RAS coordinates; also the other way round."""
    return LPS_TO_RAS @ matrix_lps @ LPS_TO_RAS


def lattice_corners(index_to_world: np.ndarray, dimensions: Sequence[int]) -> np.ndarray:
    """Return (8, 3) positions of the corner nodes of a lattice with (nx, ny, nz) nodes; mm, as its (4, 4) has them."""
    return apply_matrix(index_to_world, np.array(list(np.ndindex(2, 2, 2))) * (np.array(dimensions) - 1))


def plane_indices(nx: int, ny: int) -> np.ndarray:
    """Return (ny * nx, 2) indices (i, j) of the nodes of a slice, i fastest."""
    return np.stack(np.meshgrid(np.arange(nx), np.arange(ny), indexing="xy"), axis=-1).reshape(-1, 2)


def trilinear(
    value_at: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray], index: np.ndarray, dimensions: Sequence[int]
) -> np.ndarray:
    """Interpolate between the eight nodes around each fractional index, in double precision.

    Returns (n,) float64. A node of weight zero takes no part, even when its value is not finite.

    Parameters
    ----------
    value_at
        Values (n,) of the nodes i, j, k, each (n,).
    index
        (n, 3) fractional (i, j, k), inside the lattice: 0 to the number of nodes less 1.
    dimensions
        (ni, nj, nk).
    """
    last = np.array(dimensions) - 1
    base = np.minimum(index.astype(np.int64), np.maximum(last - 1, 0))
    fraction = index - base
    total = np.zeros(len(index))
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(np.array(corner) == 1, fraction, 1 - fraction).prod(axis=1)
        i, j, k = (base + np.minimum(corner, last)).T
        total += np.where(weight > 0, weight * value_at(i, j, k), 0.0)
    return total
