"""B-spline deformations, evaluated as they are defined: a displacement is a weighted sum of control points around."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..space import apply_matrix, as_points
from .composite import solve
from .mapping import InverseResult, Lattice

NODES_BETWEEN = 4
"""Nodes of a sampled grid for each interval of control points: a cubic's third derivative is constant in it."""
_MOST_NODES = 1 << 24
"""Beyond, fewer nodes are put between the control points."""
_BORDER = 1e-6
"""Part of an interval by which a point may lie outside the spline's region: rounding must not take it out."""
_BLOCK = 1 << 13


@dataclass(frozen=True, eq=False)
class BSpline:
    """Displacements ``Σ c_j Π B(u - j)``, B the centred cardinal B-spline and u the place in the lattice of controls.

    Where the spline is not defined by all its controls, points stay where they are: so ITK, elastix and plastimatch do
    (Unser, "Splines: a perfect fit for signal and image processing", IEEE Signal Process Mag 16(6), 1999).
    """

    order: int
    """0 to 3."""
    coefficients: np.ndarray
    """(nz, ny, nx, 3) float64 mm along LPS."""
    index_to_lps: np.ndarray
    """(4, 4) from a control's (i, j, k, 1) to LPS mm."""
    region: tuple[np.ndarray, np.ndarray]
    """(3,) least and largest index where it is defined."""

    @property
    def description(self) -> str:
        """Order and controls."""
        nz, ny, nx, _ = self.coefficients.shape
        return f"B-spline of order {self.order} with {nx} × {ny} × {nz} control points"

    @cached_property
    def lattice(self) -> Lattice:
        """Nodes over the region: the controls, and nodes between them."""
        first, last = self.region
        for steps in range(NODES_BETWEEN, 0, -1):
            nx, ny, nz = (int(n) for n in np.maximum(np.ceil((last - first) * steps - _BORDER), 1) + 1)
            if nx * ny * nz <= _MOST_NODES:
                break
        place = np.eye(4)
        # The last node lies on the region's end: beyond, there would be another deformation between the nodes.
        place[:3, :3] = np.diag((last - first) / (np.array([nx, ny, nz]) - 1))
        place[:3, 3] = first
        return (nx, ny, nz), self.index_to_lps @ place

    def map_points(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 3) LPS mm."""
        points = as_points(points)
        flat = points.reshape(-1, 3)
        mapped = flat.copy()
        to_index = np.linalg.inv(self.index_to_lps)
        with np.errstate(invalid="ignore", over="ignore"):
            for start in range(0, len(flat), _BLOCK):
                part = slice(start, start + _BLOCK)
                mapped[part] += self._displacement(apply_matrix(to_index, flat[part]))
        return mapped.reshape(points.shape)

    def map_points_inverse(self, points: np.ndarray) -> InverseResult:
        """Find points (..., 3) LPS mm that map to given ones."""
        return solve(self.map_points, as_points(points))

    def _displacement(self, index: np.ndarray) -> np.ndarray:
        first, last = self.region
        inside = np.flatnonzero(((index >= first - _BORDER) & (index <= last + _BORDER)).all(axis=1))
        found = np.zeros((len(index), 3))
        found[inside] = self._sum(np.clip(index[inside], first, last))
        return found

    def _sum(self, index: np.ndarray) -> np.ndarray:
        nz, ny, nx, _ = self.coefficients.shape
        size = np.array([nx, ny, nz])
        start = np.floor(index - (self.order - 1) / 2).astype(np.int64)
        start = np.clip(start, 0, np.maximum(size - self.order - 1, 0))
        support = range(self.order + 1)
        weights = np.array([_weight(self.order, index - start - step) for step in support])
        flat = self.coefficients.reshape(-1, 3)
        total = np.zeros((len(index), 3))
        for i in support:
            for j in support:
                for k in support:
                    node = start[:, 0] + i + nx * (start[:, 1] + j + ny * (start[:, 2] + k))
                    weight = weights[i, :, 0] * weights[j, :, 1] * weights[k, :, 2]
                    total += weight[:, None] * flat[node]
        return total


def itk_region(order: int, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest index (3,) that ITK counts as inside a lattice of (3,) controls."""
    margin = (order - 1) / 2
    return np.full(3, margin), np.asarray(size, float) - 1 - margin


def _weight(order: int, distance: np.ndarray) -> np.ndarray:
    """The centred cardinal B-spline of an order at distances in intervals."""
    away = np.abs(distance)
    if order == 0:
        return np.where(away <= 0.5, 1.0, 0.0)
    if order == 1:
        return np.maximum(1 - away, 0.0)
    if order == 2:
        return np.where(away < 0.5, 0.75 - away**2, np.where(away < 1.5, (1.5 - away) ** 2 / 2, 0.0))
    near = 2 / 3 - away**2 + away**3 / 2
    return np.where(away < 1, near, np.where(away < 2, (2 - away) ** 3 / 6, 0.0))
