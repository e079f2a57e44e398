"""Whether a mapping folds at given points, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_STEP_MM = 0.01


def folded_share(
    map_points: Callable[[NDArray[np.float64]], NDArray[np.float64]], points: NDArray[np.float64]
) -> float | None:
    """Return the share of points (n, 3) where the Jacobian determinant of a mapping is 0 or less, 0 to 1.

    By central differences over 0.02 mm, so that chains and B-splines are measured as they are. None where it is defined
    at no point.

    Parameters
    ----------
    map_points
        Of points (n, 3) LPS mm; NaN where undefined.
    """
    if not len(points):
        return None
    steps = np.eye(3) * _STEP_MM
    columns = [(map_points(points + step) - map_points(points - step)) / (2 * _STEP_MM) for step in steps]
    gradient = np.stack(columns, axis=-1)
    determinant = np.linalg.det(gradient[np.isfinite(gradient).all(axis=(1, 2))])
    return float(np.mean(determinant <= 0)) if len(determinant) else None
