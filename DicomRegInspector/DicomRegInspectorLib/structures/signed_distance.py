"""A closed surface between planes of contours: how far inside a point is, interpolated between the planes.

In each plane the distance to the outline counts, positive inside; between planes it is interpolated along the normal,
and the surface is where it is 0 (shape-based interpolation: Raya and Udupa, IEEE Trans Med Imaging 9(1), 1990), see
:mod:`.between_planes`. The first and the last plane go on unchanged to the end of their slabs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..memory import require_memory
from .between_planes import Groups, Intervals, intervals_between
from .planes import ContourPlanes
from .polygons import edges_of, inside_groups

MOST_NODES = 1 << 24
"""Nodes at which distances are kept, of all planes."""
PITCH_MM, _PER_SIDE = 1.0, 200
"""Between these nodes at most, and how many there are along the shorter side of a small structure."""
_MARGIN = 3
_FAR_MM = 1e3
"""Outside of what does not go on."""
_PART_NODES = 1 << 22
_BLOCK = 1 << 18
_OFFSETS = tuple(np.ndindex(4, 4))


@dataclass(frozen=True, eq=False)
class SignedDistance:
    """How far inside a structure of contours points are."""

    planes: ContourPlanes
    low_mm: NDArray[np.float64]
    """(2,) the first node, along the first two axes of the planes."""
    pitch_mm: float
    intervals: Intervals

    @property
    def high_mm(self) -> NDArray[np.float64]:
        """(2,) the last node."""
        _, rows, columns = self.intervals.values.shape
        return self.low_mm + self.pitch_mm * np.array([columns - 1, rows - 1])

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n,) mm for points (n, 3) LPS mm: positive inside, negative outside; NaN of NaN."""
        found = np.empty(len(points))
        for start in range(0, len(points), _BLOCK):
            part = slice(start, start + _BLOCK)
            found[part] = self._at(points[part] @ self.planes.axes.T)
        return found

    def _at(self, own: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of points (n, 3) along the axes of the planes."""
        undefined = np.isnan(own.sum(axis=1))
        own = np.where(undefined[:, None], 0.0, own)
        heights, height = self.planes.heights_mm, own[:, 2]
        joined, lowest, highest = self._runs
        last = len(heights) - 1
        below = np.clip(np.searchsorted(heights, height, side="right") - 1, 0, max(last - 1, 0))
        step = np.append(np.diff(heights), 1.0)[below]
        share = np.clip((height - heights[below]) / step, 0.0, 1.0)
        between = joined[below] & (share > 0) & (share < 1)
        nearest = np.minimum(below + (share > 0.5), last)
        value = np.empty(len(own))
        value[~between] = self._in_planes(own[~between, :2], nearest[~between])
        value[between] = self._between(own[between, :2], below[between], share[between], step[between])
        value = np.minimum(value, np.minimum(highest[nearest] - height, height - lowest[nearest]))
        value[undefined] = np.nan
        return value

    def _between(
        self,
        places: NDArray[np.float64],
        number: NDArray[np.int64],
        share: NDArray[np.float64],
        step: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """At places (n, 2) in intervals, at shares of their heights."""
        found = self.intervals
        low, high = found.low[number], found.high[number]
        goes_on = (low >= 0) & (high >= 0)
        value = np.full(len(places), -_FAR_MM)
        t = share[goes_on]
        first, second = (self._in_planes(places[goes_on], raster[goes_on]) for raster in (low, high))
        value[goes_on] = first * (1 - t) + second * t + 4 * t * (1 - t) * found.widened_mm[number[goes_on]]
        for parts, holes, left in (
            (found.ends_low, found.holes_low, (0.5 - share) * step),
            (found.ends_high, found.holes_high, (share - 0.5) * step),
        ):
            for raster, sign in ((parts[number], 1), (holes[number], -1)):
                there = raster >= 0
                if there.any():
                    own = np.minimum(self._in_planes(places[there], raster[there]), left[there])
                    value[there] = sign * np.maximum(sign * value[there], own)
        return value

    @cached_property
    def _runs(self) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
        """Of each plane whether the space to the next is filled, and the lowest and highest it is joined with."""
        count = len(self.planes.planes)
        joined = np.array([self.planes.is_joined(number) for number in range(count - 1)] + [False])
        low, high = self.planes.slabs_mm.T.copy()
        for number in range(1, count):
            if joined[number - 1]:
                low[number] = low[number - 1]
        for number in range(count - 2, -1, -1):
            if joined[number]:
                high[number] = high[number + 1]
        return joined, low, high

    def _in_planes(self, places: NDArray[np.float64], raster: NDArray[np.int64]) -> NDArray[np.float64]:
        """Distances at places (n, 2) in rasters (n,), bilinear; outside the nodes less by how far outside."""
        values = self.intervals.values
        _, rows, columns = values.shape
        index = (places - self.low_mm) / self.pitch_mm
        inside = np.clip(index, 0, [columns - 1, rows - 1])
        beyond = np.linalg.norm(index - inside, axis=1) * self.pitch_mm
        column, row = np.minimum(inside.astype(np.int64), [columns - 2, rows - 2]).T
        x, y = inside[:, 0] - column, inside[:, 1] - row
        flat = values.reshape(-1)
        node = raster * (rows * columns) + row * columns + column
        weights = ((0, (1 - x) * (1 - y)), (1, x * (1 - y)), (columns, (1 - x) * y), (columns + 1, x * y))
        found: NDArray[np.float64] = -beyond
        for offset, weight in weights:
            found += flat[node + offset] * weight
        return found


def signed_distance(planes: ContourPlanes) -> SignedDistance:
    """Measure distances to the outlines of planes, of which there is one or more.

    Raises UsageError when memory does not suffice.
    """
    flat = [planes.flat_groups(plane) for plane in planes.planes]
    every = np.concatenate([polygon for groups in flat for group in groups for polygon in group])
    low, high = every.min(axis=0), every.max(axis=0)
    size = np.maximum(high - low, 1e-3)
    pitch = min(PITCH_MM, float(size.min()) / _PER_SIDE)
    pitch = max(pitch, math.sqrt(float(size.prod()) * len(flat) / MOST_NODES), float(size.max()) / 4096)
    columns, rows = (int(number) + 2 * _MARGIN + 1 for number in np.ceil(size / pitch))
    low = low - _MARGIN * pitch
    scaled = [[[(polygon - low) / pitch for polygon in group] for group in groups] for groups in flat]

    def rasters(wanted: Sequence[Groups]) -> NDArray[np.float32]:
        require_memory(4 * len(wanted) * rows * columns + 24 * _PART_NODES, "interpolating between contours")
        values = np.empty((len(wanted), rows, columns), np.float32)
        count = max(1, _PART_NODES // (rows * columns))
        for start in range(0, len(wanted), count):
            values[start : start + count] = _signed(wanted[start : start + count], rows, columns) * pitch
        return values

    joined = [planes.is_joined(number) for number in range(len(flat) - 1)]
    found = intervals_between(scaled, joined, rasters(scaled), rasters, pitch)
    return SignedDistance(planes, low, pitch, found)


def _signed(planes: Sequence[Groups], rows: int, columns: int) -> NDArray[np.float32]:
    """Distances (n, rows, columns) in units of nodes of polygons in such units, by plane and group."""
    x, y, squared = _near_outlines(planes, rows, columns)
    _spread(x, y, squared, along_rows=False)
    _spread(x, y, squared, along_rows=True)
    distance = np.sqrt(squared)
    for number, groups in enumerate(planes):
        outside = ~inside_groups(groups, (rows, columns))
        distance[number][outside] *= -1
    return distance


def _near_outlines(
    planes: Sequence[Groups], rows: int, columns: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """For nodes beside an outline its closest point and the squared distance; infinitely far elsewhere."""
    size = rows * columns
    x, y = (np.full(len(planes) * size, 1e6, np.float32) for _ in range(2))
    squared = np.full(len(planes) * size, np.float32(1e12))
    for number, groups in enumerate(planes):
        pieces = _pieces(*edges_of([polygon for group in groups for polygon in group]))
        start, step = pieces[:, :2], pieces[:, 2:]
        length = np.maximum((step**2).sum(axis=1), 1e-12)
        corner = np.floor(start + step / 2).astype(np.int64) - 1
        own = slice(number * size, (number + 1) * size)
        for offset in _OFFSETS:
            node = corner + offset
            share = np.clip(((node - start) * step).sum(axis=1) / length, 0.0, 1.0)
            closest = start + share[:, None] * step
            distance = ((closest - node) ** 2).sum(axis=1).astype(np.float32)
            flat = node[:, 1] * columns + node[:, 0]
            np.minimum.at(squared[own], flat, distance)
            best = distance <= squared[own][flat]
            x[own][flat[best]], y[own][flat[best]] = closest[best].T
    shape = (len(planes), rows, columns)
    return x.reshape(shape), y.reshape(shape), squared.reshape(shape)


def _pieces(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges cut to at most a node's distance: (n, 4) begin and step."""
    step = end - start
    count = np.maximum(np.ceil(np.abs(step).max(axis=1)), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(start)), count)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    short = step[edge] / count[edge][:, None]
    return np.column_stack([start[edge] + short * number[:, None], short])


def _spread(x: NDArray[np.float32], y: NDArray[np.float32], squared: NDArray[np.float32], *, along_rows: bool) -> None:
    """Give every node the closest point of a neighbour where that is nearer, line after line there and back.

    (Vector distance transform: Danielsson, Computer Graphics and Image Processing 14, 1980.)
    """
    if along_rows:
        x, y, squared = y.swapaxes(1, 2), x.swapaxes(1, 2), squared.swapaxes(1, 2)
    lines, width = squared.shape[1:]
    across = np.arange(width, dtype=np.float32)
    for order, before in ((range(1, lines), -1), (range(lines - 2, -1, -1), 1)):
        for line in order:
            for shift in (0, -1, 1):
                to = slice(max(shift, 0), width + min(shift, 0))
                of = slice(max(-shift, 0), width + min(-shift, 0))
                other_x, other_y = x[:, line + before, of], y[:, line + before, of]
                distance = (other_x - across[to]) ** 2 + (other_y - np.float32(line)) ** 2
                nearer = distance < squared[:, line, to]
                np.copyto(squared[:, line, to], distance, where=nearer)
                np.copyto(x[:, line, to], other_x, where=nearer)
                np.copyto(y[:, line, to], other_y, where=nearer)
