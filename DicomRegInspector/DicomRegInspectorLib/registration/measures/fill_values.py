"""Numbers that stand for "nothing here" in place of NaN: -9999, 100000, the largest 32-bit number.

They are found by what they are, not by a list: far outside of all that the other vectors hold, and repeated exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .node_region import Region, RegionCount

LEAST_FILL_MM = 100.0
"""Smallest number that is taken for a fill value where all three components have it: no patient moves so far."""
LEAST_ALONE_MM = 2000.0
"""Smallest where one component has it alone: a table can put a metre of bulk motion there."""
TIMES_THE_REST = 5.0
"""How many times the largest number of the other vectors it has to be."""
_MOST_KEPT = 64
"""Largest numbers that are counted: a file has one or two fill values, and perhaps some strays beyond them."""


@dataclass(frozen=True)
class FillValue:
    """A number that is no displacement, and the vectors that hold it."""

    value: float
    """As the first vector that holds it has it."""
    region: Region


@dataclass
class _Count:
    """Vectors that hold a number, by its size."""

    value: float
    anywhere: RegionCount
    throughout: RegionCount
    """Those that hold it in all components, whatever the sign."""


class FillValues:
    """Collects the largest numbers of a field, slab by slab; what it keeps does not grow with the field."""

    def __init__(self, dimensions: tuple[int, int, int]) -> None:
        self._dimensions = dimensions
        self._counts: dict[float, _Count] = {}
        self._below = 0.0
        """The largest number that is not counted."""
        self._defined = 0

    def add(self, slab: np.ndarray, first: int, defined: np.ndarray) -> None:
        """Look at a slab (n, 3) of vectors, the first of which has this number; ``defined`` (n,) are finite."""
        size = np.where(defined[:, None], np.abs(slab), 0)
        self._defined += int(np.count_nonzero(defined))
        kept = len(self._counts) == _MOST_KEPT
        large = size >= (max(LEAST_FILL_MM, min(self._counts)) if kept else LEAST_FILL_MM)
        self._below = max(self._below, float(np.max(size, where=~large, initial=0)))
        if not large.any():
            return
        sizes = np.unique(size[large])[::-1]
        if len(sizes) > _MOST_KEPT:
            self._below = max(self._below, float(sizes[_MOST_KEPT]))
        for number in sizes[:_MOST_KEPT]:
            self._count(float(number), size == number, slab, first)
        for number in sorted(self._counts, reverse=True)[_MOST_KEPT:]:
            del self._counts[number]
            self._below = max(self._below, number)

    def _count(self, number: float, held: np.ndarray, slab: np.ndarray, first: int) -> None:
        count = self._counts.get(number)
        if count is None:
            count = _Count(float(slab[held][0]), RegionCount(self._dimensions), RegionCount(self._dimensions))
            self._counts[number] = count
        count.anywhere.add(np.flatnonzero(held.any(axis=1)) + first)
        count.throughout.add(np.flatnonzero(held.all(axis=1)) + first)

    @property
    def found(self) -> tuple[FillValue, ...]:
        """The fill values, the smallest first."""
        rest, fills = self._below, []
        for number, count in sorted(self._counts.items()):
            region = count.throughout.region
            if number >= LEAST_ALONE_MM:
                region = count.anywhere.region
            elif region is not None and region.count == self._defined:
                region = None  # a whole field of one vector is outside of nothing
            if region is not None and region.count > 1 and number > TIMES_THE_REST * rest:
                fills.append(FillValue(count.value, region))
            elif count.anywhere.region.count > 1:
                # A number that one vector alone holds is a stray; it hides no fill value.
                rest = number
        return tuple(fills)
