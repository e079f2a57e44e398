"""Polygons in a plane: which lattice points are inside, areas, and how one lies in another.

Inside is decided by the even-odd rule at exact places: a point is inside when a ray from it crosses the outline an odd
number of times. Points on the outline count by the half-open rule, so that of areas side by side each has its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

AREA_LINES = 2048
"""Lines along which an area is measured: of a circle it comes out within 0.001 %."""


def edges_of(polygons: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where the edges (n, 2) of polygons (m, 2) begin and end; each is closed."""
    if not polygons:
        return np.empty((0, 2)), np.empty((0, 2))
    return np.concatenate(polygons), np.concatenate([np.roll(polygon, -1, axis=0) for polygon in polygons])


def crossings(
    start: NDArray[np.float64], end: NDArray[np.float64], rows: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Return where edges cross the lines y = 0, 1, … rows - 1: the line, x, and the number of the edge, (m,) each."""
    low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    first = np.clip(np.ceil(low), 0, rows).astype(np.int64)
    # Half-open: the line through the upper end belongs to the next edge.
    count = np.maximum(np.clip(np.ceil(high), 0, rows).astype(np.int64) - first, 0)
    edge = np.repeat(np.arange(len(start)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    begin, stop = start[edge], end[edge]
    x = begin[:, 0] + (row - begin[:, 1]) * ((stop[:, 0] - begin[:, 0]) / (stop[:, 1] - begin[:, 1]))
    return row, x, edge


def inside_lattice(polygons: Sequence[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return (rows, columns) which lattice points (x = column, y = row) are inside polygons (n, 2), even-odd."""
    rows, columns = shape
    row, x, _ = crossings(*edges_of(polygons), rows)
    column = np.clip(np.ceil(x), 0, columns).astype(np.int64)
    toggles = np.bincount(row * (columns + 1) + column, minlength=rows * (columns + 1)).reshape(rows, columns + 1)
    inside: NDArray[np.bool_] = (np.cumsum(toggles[:, :columns], axis=1) & 1).astype(bool)
    return inside


def inside_groups(groups: Sequence[Sequence[NDArray[np.float64]]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return (rows, columns) which lattice points are in any of some groups of polygons, even-odd in each group."""
    found = np.zeros(shape, bool)
    for group in groups:
        found |= inside_lattice(group, shape)
    return found


def contains(polygon: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (n,) which points (n, 2) are inside a polygon (m, 2), even-odd."""
    start, end = edges_of([polygon])
    found = np.zeros(len(points), bool)
    block = max(1, (1 << 20) // max(len(start), 1))
    rise = end[:, 1] - start[:, 1]
    slope = (end[:, 0] - start[:, 0]) / np.where(rise == 0, 1.0, rise)
    for first in range(0, len(points), block):
        x, y = points[first : first + block, :1], points[first : first + block, 1:]
        spans = (start[:, 1] > y) != (end[:, 1] > y)
        beyond = start[:, 0] + (y - start[:, 1]) * slope > x
        found[first : first + block] = np.count_nonzero(spans & beyond, axis=1) & 1
    return found


def signed_area(polygon: NDArray[np.float64]) -> float:
    """Return the area of a polygon (n, 2), positive where it runs from x to y; of one that crosses itself the sum."""
    x, y = (polygon - polygon.mean(axis=0)).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def even_odd_area(groups: Sequence[Sequence[NDArray[np.float64]]], lines: int = AREA_LINES) -> float:
    """Return the area inside groups of polygons (n, 2), even-odd in each group, measured along so many lines."""
    every = [polygon for group in groups for polygon in group]
    if not every:
        return 0.0
    low, high = (end(np.concatenate(every)[:, 1]) for end in (np.min, np.max))
    pitch = (high - low) / lines
    if not pitch > 0:
        return 0.0
    intervals = []
    for group in groups:
        scaled = [np.column_stack([polygon[:, 0], (polygon[:, 1] - low) / pitch - 0.5]) for polygon in group]
        row, x, _ = crossings(*edges_of(scaled), lines)
        order = np.lexsort((x, row))
        # Each line is crossed an even number of times.
        intervals.append(np.column_stack([row[order][::2], x[order][::2], x[order][1::2]]))
    return pitch * _length_of_union(np.concatenate(intervals), len(groups) > 1)


def _length_of_union(intervals: NDArray[np.float64], may_overlap: bool) -> float:
    """Total length of intervals (n, 3): line, from, to; what several cover on one line counts once."""
    if not len(intervals):
        return 0.0
    if not may_overlap:
        return float((intervals[:, 2] - intervals[:, 1]).sum())
    row, start, end = intervals[np.lexsort((intervals[:, 1], intervals[:, 0]))].T
    # Apart by line, so that one running maximum does for all of them.
    width = np.ptp(intervals[:, 1:]) + 1.0
    reach = np.maximum.accumulate(end + row * width)
    covered = np.concatenate([[-np.inf], reach[:-1]])
    return float(np.maximum(reach - np.maximum(start + row * width, covered), 0.0).sum())
