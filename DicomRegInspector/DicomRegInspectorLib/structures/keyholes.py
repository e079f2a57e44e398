"""Holes as every reader of structure sets understands them: one outline with a channel of no width to each hole.

Contours inside others are read as holes by some programs and filled by others; CLOSEDPLANAR_XOR says it clearly, and is
not read everywhere yet. A keyhole (PS3.3 C.8.8.6.3) is; one whose sides lie on each other takes nothing away.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .polygons import contains, signed_area

_BLOCK = 1 << 20


def with_keyholes(polygons: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Return polygons (n, 2) that enclose the same without holes of their own.

    ``polygons``: that do not cross each other, outer ones with a positive area, holes with a negative one.
    """
    areas = [signed_area(polygon) for polygon in polygons]
    outer = [number for number, area in enumerate(areas) if area > 0]
    holes: dict[int, list[int]] = {number: [] for number in outer}
    for hole in (number for number, area in enumerate(areas) if area <= 0):
        around = [number for number in outer if contains(polygons[number], polygons[hole][:1])[0]]
        if around:
            holes[min(around, key=lambda number: areas[number])].append(hole)
    found = []
    for number in outer:
        merged = polygons[number]
        # From the nearest on, so that channels stay short.
        for hole in sorted(holes[number], key=lambda hole: -float(polygons[hole][:, 0].max())):
            merged = _joined(merged, polygons[hole])
        found.append(merged)
    return found


def _joined(outer: NDArray[np.float64], hole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Outer outline to the nearest point of the hole, around it, and the same way back."""
    best, at, into = np.inf, 0, 0
    step = max(1, _BLOCK // len(hole))
    for start in range(0, len(outer), step):
        distance = ((outer[start : start + step, None] - hole[None]) ** 2).sum(axis=2)
        nearest = int(distance.argmin())
        if distance.flat[nearest] < best:
            best = float(distance.flat[nearest])
            at, into = start + nearest // len(hole), nearest % len(hole)
    around = np.roll(hole, -into, axis=0)
    return np.concatenate([outer[: at + 1], around, around[:1], outer[at:]])
