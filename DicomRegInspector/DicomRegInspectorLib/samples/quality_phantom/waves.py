"""Displacements that are sines along the axes of their grid: what is measured of them at the nodes has a closed form.

The difference between neighbours of a sine is a cosine times ``sin(k h) / (k h)``, without an error of second order;
where the sine is zero, the difference to the one neighbour at the border of the grid is the same. So Jacobian, curl and
bending energy of the sampled field are known exactly at every node, the outermost among them, however coarse the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...space import apply_matrix
from ..known_field import turn_about_z

LOW_MM = np.array([-60.0, -30.0, -30.0])
"""First node; LPS mm."""
COUNT = np.array([44, 26, 26])
"""Nodes along x, y and z: no node but the outermost lies where a voxel ends."""
STEP_MM = -2 * LOW_MM / (COUNT - 1)
WAVE = np.pi / 60
"""Radians for a millimetre: a wave is 120 mm long, and zero at all borders of the grid."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WaveField:
    """``x`` to ``pre · x + D(x)`` (Equation C.20.3-1 of PS3.3 without a post matrix); LPS mm."""

    size_mm: tuple[float, float, float]
    """Of each component, along its own axis."""
    shear_mm: float
    """Of a wave of the y component along x."""
    pre: Array

    def displacement(self, points: Array) -> Array:
        """Return D (..., 3) at (..., 3) points."""
        sines = np.sin(WAVE * (points - LOW_MM))
        moved = sines * np.array(self.size_mm)
        moved[..., 1] += self.shear_mm * sines[..., 0]
        return moved

    def source_of(self, points: Array) -> Array:
        """Return where (..., 3) registered points lie in the source frame."""
        return apply_matrix(self.pre, points) + self.displacement(points)

    def gradient(self, points: Array) -> Array:
        """Return (..., 3, 3) ``dD_c/dx_a`` at nodes, as differences between neighbours give it."""
        cosines = np.cos(WAVE * (points - LOW_MM)) * np.sin(WAVE * STEP_MM) / STEP_MM
        gradient = np.zeros((*points.shape, 3))
        for axis, size in enumerate(self.size_mm):
            gradient[..., axis, axis] = size * cosines[..., axis]
        gradient[..., 1, 0] = self.shear_mm * cosines[..., 0]
        return gradient

    def bending_energy(self) -> float:
        """Return the mean over the inner nodes of the squared second derivatives, 1/mm².

        Each is a sine again, and squares of sines at the inner nodes of N intervals add up to N / 2.
        """
        second = (2 - 2 * np.cos(WAVE * STEP_MM)) / STEP_MM**2
        intervals = COUNT - 1
        mean_square = intervals / (2.0 * (intervals - 1))
        along = (np.array(self.size_mm) * second) ** 2 * mean_square
        return float(along.sum() + (self.shear_mm * second[0]) ** 2 * mean_square[0])


def nodes() -> Array:
    """Return (nz, ny, nx, 3) nodes of the grid, LPS mm."""
    k, j, i = np.meshgrid(*(np.arange(count) for count in COUNT[::-1]), indexing="ij")
    return LOW_MM + np.stack([i, j, k], axis=-1) * STEP_MM


STRETCH = WaveField((4.0, 4.0, -4.0), 0.0, turn_about_z(0.0, (6.0, -4.0, 8.0)))
"""Takes boxes to boxes: where the sines are 0, ½ or 1, whole millimetres go to whole millimetres."""
FOLD = WaveField((24.0, 4.0, 4.0), 6.0, turn_about_z(30.0, (6.0, -4.0, 8.0)))
"""Turned, sheared, and folded where the wave along x is steepest."""
