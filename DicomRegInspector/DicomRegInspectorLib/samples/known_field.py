"""A smooth deformation given by a formula, as breathing might make it: what the sample registrations hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..space import apply_matrix


@dataclass(frozen=True)
class Bump:
    """A displacement that is largest at one place and fades away around it."""

    centre: tuple[float, float, float]
    width_mm: tuple[float, float, float]
    size_mm: tuple[float, float, float]

    def at(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return (..., 3) displacement at (..., 3) points, mm."""
        away = (points - np.asarray(self.centre)) / np.asarray(self.width_mm)
        return np.exp(-(away**2).sum(axis=-1) / 2)[..., None] * np.asarray(self.size_mm)


@dataclass(frozen=True)
class SmoothField:
    """``x`` to ``pre · x + D(x)`` (Equation C.20.3-1 of PS3.3 without a post matrix), D a sum of bumps. LPS mm."""

    bumps: tuple[Bump, ...]
    pre: NDArray[np.float64]

    def displacement(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return D at (..., 3) registered points."""
        return np.sum([bump.at(points) for bump in self.bumps], axis=0)

    def source_of(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return where (..., 3) registered points lie in the source frame."""
        return apply_matrix(self.pre, points) + self.displacement(points)

    def vectors(self, origin: Sequence[float], spacing: Sequence[float], count: Sequence[int]) -> NDArray[np.floating]:
        """Return (nz, ny, nx, 3) D at the nodes of an axial grid of ``count`` (nx, ny, nz) nodes."""
        k, j, i = np.meshgrid(*(np.arange(number) for number in count[::-1]), indexing="ij")
        return self.displacement(np.asarray(origin) + np.stack([i, j, k], axis=-1) * np.asarray(spacing))


def turn_about_z(degrees: float, shift: Sequence[float], centre: Sequence[float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    """Return (4, 4) rigid matrix: a turn about an axis along z through a point, then a shift; mm."""
    matrix, middle = np.eye(4), np.asarray(centre, float)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix[:2, :2] = [[cosine, -sine], [sine, cosine]]
    matrix[:3, 3] = middle - matrix[:3, :3] @ middle + np.asarray(shift, float)
    return matrix


BREATHING = SmoothField(
    (
        Bump((-70, -5, -45), (62, 62, 48), (2.0, -3.5, 13.0)),  # the right diaphragm goes up
        Bump((78, 10, -50), (56, 60, 44), (-2.5, -2.5, 10.5)),
        Bump((15, -85, 0), (80, 42, 90), (0.0, 5.0, 2.0)),  # the front wall sinks
        Bump((30, -20, 10), (36, 36, 36), (4.0, -2.0, -2.5)),
    ),
    turn_about_z(1.5, (2.5, -1.5, 1.0)),
)
