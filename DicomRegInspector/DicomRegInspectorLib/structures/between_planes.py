"""What lies between two planes of contours: what goes on from one to the other, and what ends half way.

Distances to outlines say well how an outline becomes the next, and badly where a part of a structure has none there:
where one kidney ends while the other goes on, or a vessel runs so steeply that its outlines do not overlap, the part
would end at once. Such parts, and holes that are closed in the next plane, go on unchanged to the middle. And what goes
on is made as wide in the middle as the mean of both areas, so that the volume is that of the slabs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .polygons import contains, inside_lattice

Groups = Sequence[Sequence[NDArray[np.float64]]]
"""Polygons (n, 2) in units of nodes: inside is what is inside any group, by the even-odd rule in each."""
Rasters = Callable[[list[Groups]], NDArray[np.float32]]
"""Distances (n, rows, columns), mm, positive inside, of the polygons of n planes."""
_DEADBAND = 0.02
"""Of a node's distance: less is what counting nodes leaves over."""
_LOOKED_AT = 32


@dataclass(frozen=True, eq=False)
class Intervals:
    """For each interval between neighbouring planes which rasters say what lies in it; -1 for none."""

    values: NDArray[np.float32]
    """(m, rows, columns) mm, positive inside: of the planes, then of parts of them."""
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    """(n,) of what goes on, below and above."""
    ends_low: NDArray[np.int64]
    ends_high: NDArray[np.int64]
    """(n,) of what ends in the middle, from below and from above."""
    holes_low: NDArray[np.int64]
    holes_high: NDArray[np.int64]
    """(n,) of holes that end in the middle."""
    widened_mm: NDArray[np.float64]
    """(n,) by which what goes on is widened in the middle."""


def intervals_between(
    planes: Sequence[Groups], joined: Sequence[bool], values: NDArray[np.float32], rasters: Rasters, pitch_mm: float
) -> Intervals:
    """Find what goes on, and what ends, between neighbouring planes.

    Parameters
    ----------
    joined
        Of each interval whether anything is in it.
    values
        (n, rows, columns) distances of the planes.
    """
    count = len(planes) - 1
    found = {name: np.full(count, -1) for name in ("ends_low", "ends_high", "holes_low", "holes_high")}
    low, high = np.arange(count), np.arange(1, count + 1)
    added: list[Groups] = []
    trees = [_tree(groups) for groups in planes]

    def add(groups: Groups) -> int:
        if not any(map(len, groups)):
            return -1
        added.append(groups)
        return len(planes) + len(added) - 1

    for number in np.flatnonzero(joined):
        for side, of, other in (("low", number, number + 1), ("high", number + 1, number)):
            parts, holes = _ending(trees[of], values[of] > 0, values[other] > 0)
            if not parts and not holes:
                continue
            gone = set().union(*parts, *holes)
            found[f"ends_{side}"][number] = add(_only(trees[of], set().union(*parts)))
            # A hole's own polygons, whatever group they are in, enclose it.
            found[f"holes_{side}"][number] = add(_only(trees[of], set().union(*holes)))
            (low if side == "low" else high)[number] = add(_without(trees[of], gone))
    every = np.concatenate([values, rasters(added)]) if added else values
    widened = np.zeros(count)
    for number in np.flatnonzero(joined):
        if low[number] >= 0 and high[number] >= 0:
            widened[number] = _widening(every[low[number]], every[high[number]], pitch_mm)
    return Intervals(every, low, high, **found, widened_mm=widened)


@dataclass(frozen=True, eq=False)
class _Node:
    """A polygon, and in how many of its group it lies."""

    polygon: NDArray[np.float64]
    group: int
    depth: int
    inside: frozenset[int]
    """Numbers of the polygons in it."""


def _tree(groups: Groups) -> list[_Node]:
    flat = [(number, polygon) for number, group in enumerate(groups) for polygon in group]
    within: list[set[int]] = [set() for _ in flat]
    depth = [0] * len(flat)
    boxes = [(polygon.min(axis=0), polygon.max(axis=0)) for _, polygon in flat]
    for (a, (group_a, inner)), (b, (group_b, outer)) in itertools.permutations(enumerate(flat), 2):
        if group_a != group_b or (boxes[a][0] < boxes[b][0]).any() or (boxes[a][1] > boxes[b][1]).any():
            continue
        if contains(outer, inner[:: max(1, len(inner) // _LOOKED_AT)]).mean() > 0.5:
            within[b].add(a)
            depth[a] += 1
    return [
        _Node(polygon, group, depth[number], frozenset(within[number])) for number, (group, polygon) in enumerate(flat)
    ]


def _ending(
    tree: list[_Node], inside: NDArray[np.bool_], other: NDArray[np.bool_]
) -> tuple[list[set[int]], list[set[int]]]:
    """Numbers of polygons of each part, and of each hole, of which the other plane has nothing in the same place."""
    parts: list[set[int]] = []
    holes: list[set[int]] = []
    for number, node in sorted(enumerate(tree), key=lambda pair: pair[1].depth):
        if any(number in gone for gone in (*parts, *holes)):
            continue
        is_hole = node.depth % 2 == 1
        there, window = _window(node.polygon, inside.shape)
        own = there & (inside[window] != is_hole)
        if own.any() and not (own & (other[window] != is_hole)).any():
            (holes if is_hole else parts).append({number, *node.inside})
    return parts, holes


def _window(polygon: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[NDArray[np.bool_], tuple[slice, slice]]:
    """Which nodes of a part of a raster are inside a polygon, and that part."""
    first = np.maximum(np.floor(polygon.min(axis=0)).astype(int), 0)
    last = np.minimum(np.ceil(polygon.max(axis=0)).astype(int) + 1, shape[::-1])
    size = (max(int(last[1] - first[1]), 0), max(int(last[0] - first[0]), 0))
    window = (slice(first[1], first[1] + size[0]), slice(first[0], first[0] + size[1]))
    return inside_lattice([polygon - first], size), window


def _only(tree: list[_Node], numbers: set[int]) -> Groups:
    groups: dict[int, list[NDArray[np.float64]]] = {}
    for number in sorted(numbers):
        groups.setdefault(tree[number].group, []).append(tree[number].polygon)
    return list(groups.values())


def _without(tree: list[_Node], numbers: set[int]) -> Groups:
    return _only(tree, set(range(len(tree))) - numbers)


def _widening(low: NDArray[np.float32], high: NDArray[np.float32], pitch_mm: float) -> float:
    """By how much the mean of two distances is to be raised for as many nodes to be inside as are on average, mm."""
    wanted = round((np.count_nonzero(low > 0) + np.count_nonzero(high > 0)) / 2)
    middle = ((low + high) / 2).ravel()
    if not 0 < wanted < middle.size:
        return 0.0
    first = middle.size - wanted
    parted = np.partition(middle, (first - 1, first))
    by = -float(parted[first - 1] + parted[first]) / 2
    return by if abs(by) > _DEADBAND * pitch_mm else 0.0
