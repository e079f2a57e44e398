"""Points and affine matrices: 4x4, applied to (..., 3) points in millimetres."""

from __future__ import annotations

import numpy as np


def as_points(points: np.ndarray) -> np.ndarray:
    """Points as float64 (..., 3).

    Raises
    ------
    ValueError
        When the last axis has not three coordinates.
    """
    array = np.asarray(points, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != 3:
        raise ValueError(f"points must have shape (..., 3), got {array.shape}")
    return array


def apply_matrix(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (..., 3) through an affine 4x4."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]
