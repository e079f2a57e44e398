"""The boxes that images fill, and whether two of them have a place in common."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..series import Stack
from ..space import apply_matrix

_PROJECTIONS = 200


@dataclass(frozen=True, eq=False)
class Box:
    """A box with edges along three directions; LPS mm."""

    axes: np.ndarray
    """(3, 3) perpendicular unit vectors as rows."""
    low: np.ndarray
    """(3,) where it begins along each of them, measured from the origin of the coordinates."""
    high: np.ndarray

    def lattice(self, count: int) -> np.ndarray:
        """Return (count³, 3) points from corner to corner, faces included."""
        steps = [np.linspace(low, high, count) for low, high in zip(self.low, self.high, strict=True)]
        return np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3) @ self.axes

    def cells(self, count: int) -> np.ndarray:
        """Return (count³, 3) middles of equal parts: the share of them in another box is that of the volume."""
        half = (self.high - self.low) / (2 * count)
        return Box(self.axes, self.low + half, self.high - half).lattice(count)

    @cached_property
    def corners(self) -> np.ndarray:
        """(8, 3) corners."""
        return self.lattice(2)

    def nearest(self, points: np.ndarray) -> np.ndarray:
        """Return the points of the box that are nearest to points (n, 3)."""
        return np.clip(points @ self.axes.T, self.low, self.high) @ self.axes

    def distance_mm(self, points: np.ndarray) -> np.ndarray:
        """Return (n,) distance of points (n, 3) from the box; 0 inside."""
        return np.linalg.norm(self.nearest(points) - points, axis=1)

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Return (n,) whether points (n, 3) lie in it."""
        return self.distance_mm(points) <= 1e-6 * (1 + np.abs(points).max(axis=1, initial=0.0))


def box_of_stack(stack: Stack) -> Box | None:
    """Return the box around a stack's voxels, in its own directions; None where its pixels' size is not known."""
    if not stack.pixel_spacing_mm or not stack.rows or not stack.columns:
        return None
    between_rows, between_columns = stack.pixel_spacing_mm
    thickness = stack.nominal_spacing_mm or stack.slices[0].slice_thickness_mm or 0.0
    first = stack.corners_lps_mm @ stack.axes.T
    half = np.array([between_columns, between_rows, thickness]) / 2
    size = np.array([(stack.columns - 1) * between_columns, (stack.rows - 1) * between_rows, 0.0])
    return Box(stack.axes, first.min(axis=0) - half, first.max(axis=0) + size + half)


def are_apart(box: Box, other: Box, matrix: np.ndarray, tolerance_mm: float) -> bool:
    """Tell whether a box, mapped by an affine (4, 4), and another have no place in common, by more than a tolerance.

    Exact, by separating axes (Gottschalk, Lin and Manocha, SIGGRAPH 1996): the normals of the faces of both, and what
    is perpendicular to an edge of each.
    """
    edges = box.axes @ matrix[:3, :3].T
    normals = np.cross(edges[[1, 2, 0]], edges[[2, 0, 1]])
    candidates = np.concatenate([normals, other.axes, np.cross(edges[:, None], other.axes).reshape(-1, 3)])
    lengths = np.linalg.norm(candidates, axis=1)
    useful = lengths >= 1e-9 * max(np.linalg.norm(edges, axis=1).max(), 1.0)
    directions = candidates[useful] / lengths[useful, None]
    ours, theirs = apply_matrix(matrix, box.corners) @ directions.T, other.corners @ directions.T
    apart = np.maximum(ours.min(axis=0) - theirs.max(axis=0), theirs.min(axis=0) - ours.max(axis=0))
    return bool((apart > tolerance_mm).any())


def gap_mm(box: Box, other: Box, matrix: np.ndarray) -> float:
    """Return the distance between a box that a matrix (4, 4) has mapped and another, mm.

    By projecting from one to the other and back (Cheney and Goldstein, Proc AMS 10, 1959): exact for a rigid matrix,
    for another one a little more than the distance at most.
    """
    back = np.linalg.inv(matrix)
    lattice = apply_matrix(matrix, box.lattice(9))
    point = lattice[[np.argmin(other.distance_mm(lattice))]]
    gap = float(other.distance_mm(point)[0])
    for _ in range(_PROJECTIONS):
        point = apply_matrix(matrix, box.nearest(apply_matrix(back, other.nearest(point))))
        nearer = float(other.distance_mm(point)[0])
        if nearer >= gap - 1e-6:
            break
        gap = nearer
    return gap
