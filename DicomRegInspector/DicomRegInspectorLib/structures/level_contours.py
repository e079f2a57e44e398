"""Closed outlines of where a function is positive, in a plane of nodes, each point found to a fraction of a micrometre.

Marching squares: an outline crosses the edges between a node inside and one outside; the place on the edge is searched
for with the function itself, so how far nodes are apart decides which detail is found, not how exact a point is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .polygons import signed_area

PlaneFunction = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Values (n,) at places (n, 2), column and row, fractional; positive inside, NaN counts as outside."""

PRECISION = 1e-5
"""Of a node's distance and of the function's unit: nearer than that, a place on an edge is found."""
_MOST_STEPS = 24
# Edges of a cell: 0 below (from node 00 to 10), 1 right, 2 above, 3 left; inside lies on the left of each segment.
_SEGMENTS: dict[int, tuple[tuple[int, int], ...]] = {
    0b0001: ((0, 3),),
    0b0010: ((1, 0),),
    0b0011: ((1, 3),),
    0b0100: ((2, 1),),
    0b0110: ((2, 0),),
    0b0111: ((2, 3),),
    0b1000: ((3, 2),),
    0b1001: ((0, 2),),
    0b1011: ((1, 2),),
    0b1100: ((3, 1),),
    0b1101: ((0, 1),),
    0b1110: ((3, 0),),
}
"""By which corners are inside: 1 node 00, 2 node 10, 4 node 11, 8 node 01 (column, row)."""
_APART = {0b0101: ((0, 3), (2, 1)), 0b1010: ((1, 0), (3, 2))}
_JOINED = {0b0101: ((0, 1), (2, 3)), 0b1010: ((1, 2), (3, 0))}
"""Of two opposite corners, by whether the middle is inside too."""


def outlines(values: NDArray[np.floating], function: PlaneFunction | None = None) -> list[NDArray[np.float64]]:
    """Return closed outlines (n, 2), column and row, of where values (rows, columns) are positive; NaN is outside.

    Outer ones run from the first axis to the second, holes the other way. What reaches the border of the nodes is
    closed along it, half a node outside.

    Parameters
    ----------
    function
        What the values are samples of; None: the places on edges are interpolated linearly.
    """
    padded = np.full((values.shape[0] + 2, values.shape[1] + 2), -1.0)
    padded[1:-1, 1:-1] = np.where(np.isnan(values), -1.0, values)
    inside = padded > 0
    if not inside.any():
        return []
    start, end = _segments(padded, inside)
    edges, number = np.unique(start, return_inverse=True)
    following = np.empty(len(edges), np.int64)
    following[number] = np.searchsorted(edges, end)
    places = _on_edges(edges, padded, function) - 1
    return [places[loop] for loop in _loops(following)]


def _segments(values: NDArray[np.float64], inside: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """From which edge to which the outline runs through each cell; edges are numbered, see :func:`_edge_numbers`."""
    kind = (
        inside[:-1, :-1] * np.uint8(1)
        + inside[:-1, 1:] * np.uint8(2)
        + inside[1:, 1:] * np.uint8(4)
        + inside[1:, :-1] * np.uint8(8)
    )
    columns = values.shape[1]
    starts, ends = [], []

    def add(row: NDArray[np.int64], column: NDArray[np.int64], segments: tuple[tuple[int, int], ...]) -> None:
        numbers = _edge_numbers(row, column, columns)
        for first, last in segments:
            starts.append(numbers[first])
            ends.append(numbers[last])

    for code, segments in _SEGMENTS.items():
        row, column = np.nonzero(kind == code)
        add(row, column, segments)
    for code in _APART:
        row, column = np.nonzero(kind == code)
        middle = sum(values[row + down, column + right] for down in (0, 1) for right in (0, 1)) > 0
        add(row[middle], column[middle], _JOINED[code])
        add(row[~middle], column[~middle], _APART[code])
    return np.concatenate(starts), np.concatenate(ends)


def _edge_numbers(row: NDArray[np.int64], column: NDArray[np.int64], columns: int) -> list[NDArray[np.int64]]:
    """Of the edges below, right, above and left of cells: twice the node where it begins, one more if it runs up."""
    node = row * columns + column
    return [2 * node, 2 * (node + 1) + 1, 2 * (node + columns), 2 * node + 1]


def _on_edges(
    edges: NDArray[np.int64], values: NDArray[np.float64], function: PlaneFunction | None
) -> NDArray[np.float64]:
    """Where the outline crosses edges: (n, 2) column and row."""
    node, is_up = edges // 2, edges % 2
    row, column = np.divmod(node, values.shape[1])
    low = np.column_stack([column, row]).astype(float)
    step = np.column_stack([1 - is_up, is_up]).astype(float)
    first, last = values[row, column], values[row + is_up, column + 1 - is_up]
    share = first / (first - last)
    at_border = (low < 1).any(axis=1) | (low + step > np.array(values.shape[::-1]) - 2).any(axis=1)
    share[at_border] = 0.5
    if function is not None:
        # From inside (positive) to outside.
        turned = first <= 0
        origin, way = np.where(turned[:, None], low + step, low), np.where(turned[:, None], -step, step)
        there = ~at_border
        inner, outer = np.where(turned, last, first)[there], np.where(turned, first, last)[there]
        found = _zeros(inner, outer, origin[there] - 1, way[there], function)
        share[there] = np.where(turned[there], 1 - found, found)
    return low + share[:, None] * step


def _zeros(
    inner: NDArray[np.float64],
    outer: NDArray[np.float64],
    origin: NDArray[np.float64],
    step: NDArray[np.float64],
    function: PlaneFunction,
) -> NDArray[np.float64]:
    """Shares of steps at which a function becomes 0, between places where it is positive and where it is not.

    (Illinois method: Dowell and Jarratt, BIT 11, 1971; halved where that gains little.)
    """
    low, high = np.zeros(len(inner)), np.ones(len(inner))
    at_low, at_high = inner.copy(), np.minimum(outer, -1e-12)
    side = np.zeros(len(inner), int)
    active = np.arange(len(inner))
    for count in range(_MOST_STEPS):
        a, b, fa, fb = low[active], high[active], at_low[active], at_high[active]
        share = a + (b - a) * fa / (fa - fb)
        if count % 3 == 2:
            share = (a + b) / 2
        value = function(origin[active] + share[:, None] * step[active])
        value = np.where(np.isnan(value), -1.0, value)
        is_in = value > 0
        low[active] = np.where(is_in, share, a)
        high[active] = np.where(is_in, b, share)
        at_low[active] = np.where(is_in, value, np.where(side[active] == -1, fa / 2, fa))
        at_high[active] = np.where(is_in, np.where(side[active] == 1, fb / 2, fb), np.minimum(value, -1e-12))
        side[active] = np.where(is_in, 1, -1)
        # The last place tried is the best one known: near it the value is as good as 0.
        done = (np.abs(value) < PRECISION) | (high[active] - low[active] < PRECISION)
        best = np.where(is_in, low[active], high[active])
        low[active[done]] = high[active[done]] = best[done]
        active = active[~done]
        if not len(active):
            break
    return (low + high) / 2


def _loops(following: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Closed rings of numbers, each followed by another."""
    after = following.tolist()
    left = bytearray(b"\1") * len(after)
    found = []
    for first in range(len(after)):
        if not left[first]:
            continue
        ring, here = [], first
        while left[here]:
            left[here] = 0
            ring.append(here)
            here = after[here]
        found.append(np.array(ring))
    return found


def without_straight_points(polygon: NDArray[np.float64], tolerance: float = 1e-9) -> NDArray[np.float64]:
    """Return a polygon (n, 2) without the points that lie on the line between their neighbours."""
    before, after = polygon - np.roll(polygon, 1, axis=0), np.roll(polygon, -1, axis=0) - polygon
    bend = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0])
    kept = polygon[bend > tolerance]
    return kept if len(kept) >= 3 else polygon


def encloses_area(polygon: NDArray[np.float64], least: float) -> bool:
    """Tell whether a polygon (n, 2) has three points and at least so much area."""
    return len(polygon) >= 3 and abs(signed_area(polygon)) >= least
