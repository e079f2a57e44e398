"""``post (pre x + D(x))``, PS3.3 Equation C.20.3-1, of many points x, and the x of many results.

Points are columns, (3, n), mm, in the coordinates that grid and matrices are in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..space import apply_matrix, apply_to_columns
from .between_nodes import displacement, displacement_and_gradient
from .grid import Grid

_SEARCH_TOLERANCE_MM = 1e-9
_QUICK_STEPS = 8
_FIXED_POINT_STEPS = 50
_NEWTON_STEPS = 30


@dataclass(frozen=True, eq=False)
class Equation:
    """A grid of displacements D between two matrices (4, 4)."""

    pre: np.ndarray
    grid: Grid
    post: np.ndarray

    def map(self, points: np.ndarray) -> np.ndarray:
        """Return where points (3, n) go; NaN where that is undefined."""
        moved = displacement(self.grid, points)
        moved += _through(self.pre, points)
        return _through(self.post, moved)

    def search(
        self, given: np.ndarray, inverse_pre: np.ndarray, inverse_post: np.ndarray, enough_mm: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return points (3, n) that map to given ones, and the residuals (n,), NaN where a point has no image.

        By Newton's steps where these settle, and where they do not, or leave more than ``enough_mm``, by what takes its
        time.
        """
        target = _through(inverse_post, given)
        found, settled = self._descend(target, inverse_pre)
        residual = distance(self.map(found), given)
        rest = np.flatnonzero(~(settled & (residual <= enough_mm)))
        if rest.size:
            other = np.ascontiguousarray(self._search_patiently(target[:, rest].T, inverse_pre).T)
            left = distance(self.map(other), given[:, rest])
            better = ~(left >= residual[rest])
            found[:, rest[better]], residual[rest[better]] = other[:, better], left[better]
        return found, residual

    def _descend(self, target: np.ndarray, inverse_pre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Newton's steps towards ``pre x + D(x) = target`` from where the matrix alone leads; and whether they settled,
        (n,)."""
        found = apply_to_columns(inverse_pre, target)
        settled = np.zeros(target.shape[1], bool)
        active = np.flatnonzero(np.isfinite(found).all(axis=0))
        here, wanted = found[:, active], target[:, active]
        for _ in range(_QUICK_STEPS):
            moved, jacobian = displacement_and_gradient(self.grid, here)
            moved += _through(self.pre, here)
            moved -= wanted
            jacobian += self.pre[:3, :3, None]
            there = distance(moved, 0.0) <= _SEARCH_TOLERANCE_MM
            # One step more costs nothing here.
            here -= _solved(jacobian, moved)
            usable = np.isfinite(here).all(axis=0)
            ended = there & usable
            settled[active[ended]] = True
            found[:, active[ended]] = here[:, ended]
            going = np.flatnonzero(usable & ~there)
            if not going.size:
                break
            active, here, wanted = active[going], here.take(going, axis=1), wanted.take(going, axis=1)
        return found, settled

    def _search_patiently(self, target: np.ndarray, inverse_pre: np.ndarray) -> np.ndarray:
        """Points (n, 3) for targets (n, 3): fixed-point iteration first, then damped Newton steps for what is left.

        The fixed-point iteration converges where the field contracts (Chen et al., "A simple fixed-point approach to
        invert a deformation field", Med Phys 35(1), 2008); Newton's method also where it does not.
        """
        grid = self.grid
        found = apply_matrix(inverse_pre, target)
        active = np.flatnonzero(np.isfinite(found).all(axis=1))
        for _ in range(_FIXED_POINT_STEPS):
            moved = target[active] - grid.displacement(found[active], extend=True)
            step = apply_matrix(inverse_pre, moved) - found[active]
            size = np.linalg.norm(step, axis=1)
            usable = np.isfinite(size)
            found[active[usable]] += step[usable]
            active = active[usable & (size > _SEARCH_TOLERANCE_MM)]
            if not len(active):
                break
        self._newton(found, target, active[grid.is_near(found[active])])
        return found

    def _newton(self, found: np.ndarray, target: np.ndarray, active: np.ndarray) -> None:
        """Improve ``found[active]`` in place; a step that makes the residual larger is halved."""

        def residual_of(where: np.ndarray, rows: np.ndarray) -> np.ndarray:
            return apply_matrix(self.pre, where) + self.grid.displacement(where, extend=True) - target[rows]

        for _ in range(_NEWTON_STEPS):
            if not len(active):
                return
            here = found[active]
            moved, gradient = displacement_and_gradient(self.grid, np.ascontiguousarray(here.T))
            residual = apply_matrix(self.pre, here) + moved.T - target[active]
            jacobian = self.pre[:3, :3] + gradient.transpose(2, 0, 1)
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


def distance(columns: np.ndarray, others: np.ndarray | float) -> np.ndarray:
    """Return (n,) distances between points (3, n)."""
    apart = columns - others
    apart *= apart
    return np.sqrt(apart[0] + apart[1] + apart[2])


def _through(matrix: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Points (3, n) through a (4, 4); the same array where that is the identity."""
    return columns if np.array_equal(matrix, np.eye(4)) else apply_to_columns(matrix, columns)


def _solved(matrices: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(3, n) the solutions of n systems (3, 3, n), by Cramer's rule; not finite where there is none."""
    a, b, c = matrices.transpose(1, 0, 2)
    across = _cross(b, c)
    found = np.stack([_dot(right, across), _dot(a, _cross(right, c)), _dot(a, _cross(b, right))])
    with np.errstate(divide="ignore"):
        found /= _dot(a, across)
    return found


def _dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    pairs = ((1, 2), (2, 0), (0, 1))
    return np.stack([first[i] * second[j] - first[j] * second[i] for i, j in pairs])
