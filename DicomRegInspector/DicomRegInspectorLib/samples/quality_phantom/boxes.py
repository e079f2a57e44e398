"""The structures of the phantom: boxes of whole voxels, so that their voxels, too, have closed forms."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from .waves import STRETCH, Array

VOXEL_MM = 2.0
"""Of both images, along every axis; voxels end at even millimetres."""
COMPARED_MM = np.array([1.0, 1.0, VOXEL_MM])
"""Voxels that contours are compared on: of 1 mm, and a slice high."""


@dataclass(frozen=True)
class Box:
    """From one corner to the other, LPS mm, both at ends of voxels."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    @property
    def cm3(self) -> float:
        """Volume."""
        return float(np.prod(np.subtract(self.high, self.low))) / 1000

    @property
    def centre(self) -> Array:
        """(3,) centre of mass, LPS mm."""
        return (np.array(self.low) + np.array(self.high)) / 2

    def changed(self, low: tuple[float, float, float], high: tuple[float, float, float]) -> Box:
        """Return the box with other places of its corners, by mm."""
        return Box(_moved(self.low, low), _moved(self.high, high))

    def holds(self, points: Array) -> np.ndarray:
        """Tell which (..., 3) points are inside."""
        inside: np.ndarray = np.all((points > self.low) & (points < self.high), axis=-1)
        return inside

    def shared_cm3(self, other: Box) -> float:
        """Return the volume that two boxes have in common."""
        sides = np.minimum(self.high, other.high) - np.maximum(self.low, other.low)
        return float(np.prod(np.maximum(sides, 0))) / 1000

    def border(self) -> Array:
        """Return (n, 3) centres of its outermost voxels."""
        first, last = self._ends()
        axes = [np.arange(*ends) for ends in zip(first, last + 1e-6, COMPARED_MM, strict=True)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        return points[((points - first < 1e-6) | (last - points < 1e-6)).any(axis=1)]

    def border_distance(self, points: Array) -> Array:
        """Return (n,) distances of voxel centres to the nearest centre of an outermost voxel.

        Outside it is the nearest point of a box; inside, the nearest of six faces.
        """
        first, last = self._ends()
        outside = np.linalg.norm(np.maximum(np.maximum(first - points, points - last), 0), axis=1)
        inside = np.minimum(points - first, last - points).min(axis=1)
        distance: Array = np.where(outside > 0, outside, np.maximum(inside, 0))
        return distance

    def _ends(self) -> tuple[Array, Array]:
        return np.array(self.low) + COMPARED_MM / 2, np.array(self.high) - COMPARED_MM / 2


def _moved(corner: tuple[float, float, float], by: tuple[float, float, float]) -> tuple[float, float, float]:
    x, y, z = np.add(corner, by).tolist()
    return x, y, z


@dataclass(frozen=True)
class PhantomStructure:
    """A structure of both frames."""

    name: str
    fixed: Box
    """As it is drawn in the registered frame."""
    true: Box
    """Where in the registered frame the registration puts the structure of the source frame."""

    @property
    def moving(self) -> Box:
        """As it is drawn in the source frame: where the registration sends the corners."""
        low, high = STRETCH.source_of(np.array([self.true.low, self.true.high])).round(9).tolist()
        return Box(tuple(low), tuple(high))


_LIVER = Box((-50, -20, -20), (-10, 20, 20))
_KIDNEY = Box((10, -20, -20), (30, 0, 0))
_BLADDER = Box((10, 0, 0), (50, 20, 20))
_NODE = Box((30, -20, -20), (50, 0, 0))

STRUCTURES = (
    PhantomStructure("Liver", _LIVER, _LIVER),
    PhantomStructure("Kidney", _KIDNEY.changed((2, 0, 0), (2, 0, 0)), _KIDNEY),
    PhantomStructure("Bladder", _BLADDER.changed((-2, -2, -2), (2, 2, 2)), _BLADDER),
    PhantomStructure("Node", _NODE.changed((4, 4, 0), (4, 4, 0)), _NODE),
)
"""One carried over exactly; one 2 mm beside; one 2 mm too large all around; one that misses its tolerances."""


def agreement_of_boxes(first: Box, second: Box) -> dict[str, object]:
    """Return what comparing two boxes must give, as ``Agreement.to_dict`` has it."""
    there = second.border_distance(first.border())
    back = first.border_distance(second.border())
    ways = [
        {"mean": float(way.mean()), "p95": float(np.percentile(way, 95)), "max": float(way.max())}
        for way in (there, back)
    ]
    return {
        "dice": 2 * first.shared_cm3(second) / (first.cm3 + second.cm3),
        "mean_distance_mm": (ways[0]["mean"] + ways[1]["mean"]) / 2,
        "hausdorff_mm": max(ways[0]["max"], ways[1]["max"]),
        "hd95_pooled_mm": float(np.percentile(np.concatenate([there, back]), 95)),
        "hd95_larger_mm": max(ways[0]["p95"], ways[1]["p95"]),
        "volume_cm3": second.cm3,
        "centre_lps_mm": second.centre.tolist(),
        "centres_apart_mm": float(np.linalg.norm(second.centre - first.centre)),
        "from_fixed_mm": ways[0],
        "to_fixed_mm": ways[1],
    }


LANDMARK_STEPS = tuple(itertools.chain([(0, 0, 0)] * 5, [(1, 0, 0), (0, 1, 0), (0, 0, 1)]))
"""By how many nodes the partner in the source frame is off, in the registered frame: five are right."""
_LANDMARK_NODES = (
    (6, 5, 5),
    (14, 9, 12),
    (20, 18, 7),
    (30, 12, 20),
    (37, 20, 16),
    (10, 15, 8),
    (25, 6, 14),
    (33, 17, 9),
)


def landmark_nodes() -> tuple[np.ndarray, np.ndarray]:
    """Return (n, 3) nodes (i, j, k) of the fixed landmarks, and those whose images the moving ones are."""
    first = np.array(_LANDMARK_NODES)
    return first, first + np.array(LANDMARK_STEPS)
