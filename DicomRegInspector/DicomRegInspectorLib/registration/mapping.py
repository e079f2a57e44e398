"""Points through a registration: Equation C.20.3-1 and its inverse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..space import apply_matrix
from .grid import Grid

INVERSE_TOLERANCE_MM = 1e-4
"""Residual up to which a point of the inverse counts as found; a tenth of what the mapping itself is held to."""
_SEARCH_TOLERANCE_MM = 1e-9
_FIXED_POINT_STEPS = 50
_NEWTON_STEPS = 30


@dataclass(frozen=True)
class InverseResult:
    """Points of the Registered RCS that map to given points of the Source RCS."""

    points: np.ndarray
    """(..., 3) LPS mm; NaN where no point was found."""
    residual_mm: np.ndarray
    """(...,) distance between the given point and where the found one maps; NaN where that is undefined."""
    converged: np.ndarray
    """(...,) whether the residual is within :data:`INVERSE_TOLERANCE_MM`."""


def map_deformable(points: np.ndarray, pre: np.ndarray, grid: Grid | None, post: np.ndarray) -> np.ndarray:
    """``M_post · (M_pre · x + D(x))``: from the Registered to the Source RCS (PS3.3 Equation C.20.3-1).

    Parameters
    ----------
    points
        (n, 3) LPS mm in the Registered RCS; the vector is looked up at these, also when there is a pre matrix.
    pre, post
        (4, 4) affine.
    grid
        The deformation grid; None means D is zero.

    Returns
    -------
    np.ndarray
        (n, 3) LPS mm in the Source RCS; NaN where D is undefined.
    """
    moved = apply_matrix(pre, points)
    if grid is not None:
        moved = moved + grid.displacement(points)
    return apply_matrix(post, moved)


def invert_deformable(points: np.ndarray, pre: np.ndarray, grid: Grid, post: np.ndarray) -> InverseResult:
    """Solve Equation C.20.3-1 for x: fixed-point iteration first, then damped Newton steps for what is left.

    The fixed-point iteration converges where the field contracts (Chen et al., "A simple fixed-point approach to
    invert a deformation field", Med Phys 35(1), 2008); Newton's method also where it does not.

    Parameters
    ----------
    points
        (n, 3) LPS mm in the Source RCS.

    Raises
    ------
    numpy.linalg.LinAlgError
        When a matrix is singular.
    """
    target = apply_matrix(np.linalg.inv(post), points)
    inverse_pre = np.linalg.inv(pre)
    found = apply_matrix(inverse_pre, target)
    active = np.flatnonzero(np.isfinite(found).all(axis=1))
    for _ in range(_FIXED_POINT_STEPS):
        step = apply_matrix(inverse_pre, target[active] - grid.displacement(found[active], extend=True)) - found[active]
        size = np.linalg.norm(step, axis=1)
        usable = np.isfinite(size)
        found[active[usable]] += step[usable]
        active = active[usable & (size > _SEARCH_TOLERANCE_MM)]
        if not len(active):
            break
    _newton(found, target, pre, grid, active[grid.is_near(found[active])])
    with np.errstate(invalid="ignore"):
        residual = np.linalg.norm(map_deformable(found, pre, grid, post) - points, axis=1)
        converged = residual <= INVERSE_TOLERANCE_MM
    return InverseResult(np.where(converged[:, None], found, np.nan), residual, converged)


def _newton(found: np.ndarray, target: np.ndarray, pre: np.ndarray, grid: Grid, active: np.ndarray) -> None:
    """Improve ``found[active]`` in place; a step that makes the residual larger is halved."""

    def residual_of(where: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return apply_matrix(pre, where) + grid.displacement(where, extend=True) - target[rows]

    for _ in range(_NEWTON_STEPS):
        if not len(active):
            return
        here = found[active]
        displacement, gradient = grid.displacement_and_gradient(here)
        residual = apply_matrix(pre, here) + displacement - target[active]
        jacobian = pre[:3, :3] + gradient
        with np.errstate(invalid="ignore"):
            solvable = np.abs(np.linalg.det(jacobian)) > 1e-9
        solvable &= np.isfinite(residual).all(axis=1)
        active, here, residual, jacobian = active[solvable], here[solvable], residual[solvable], jacobian[solvable]
        if not len(active):
            return
        step = np.linalg.solve(jacobian, residual[:, :, None])[:, :, 0]
        size = np.linalg.norm(residual, axis=1)
        scale = np.ones(len(active))
        for _ in range(6):
            with np.errstate(invalid="ignore"):
                worse = ~(np.linalg.norm(residual_of(here - scale[:, None] * step, active), axis=1) < size)
            if not worse.any():
                break
            scale[worse] /= 2
        found[active] = here - scale[:, None] * step
        active = active[size > _SEARCH_TOLERANCE_MM]
