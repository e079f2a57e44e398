"""How quantities are distributed over the nodes of a field, exactly, without an array of them.

A sample of the nodes says between which two values each percentile lies. One pass over all nodes then counts what is
beneath and keeps what is between, block by block while it is in the processor's cache, and only what was kept is put
in order. Where the sample was wrong, which the counts tell, the quantity is made again as an array and ordered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from .field import Block, Field, SliceReader
from .node_region import Region, RegionCount
from .summary import RANKS, Summary, between_ranks, summarize
from .walk import Made, Quantity, arrays_of, need_differences, walk

_PLAIN_SIZE = 1 << 17
"""Up to so many nodes, putting values in order costs less than a sample."""
_SAMPLE = (1 << 14, 1 << 16)
"""Least and most nodes of a sample; a 128th of all between."""
_DEVIATIONS = 4.5
"""Standard deviations of a sample's rank that a percentile may lie off: a miss in ten thousands of samples."""


class Watcher(Protocol):
    """Looks at the numbers of one quantity as they come; safe to call from several threads with different blocks."""

    def add(self, values: np.ndarray, block: Block) -> None:
        """Look at the numbers (n,) of a block."""


def distributions(
    field: Field, quantities: Sequence[Quantity], watchers: Sequence[tuple[int, Watcher]] = ()
) -> list[Summary]:
    """Summarize quantities over all nodes of a field where they are defined, in one pass after that for the sample.

    Parameters
    ----------
    watchers
        What else looks at all numbers, each with the place of its quantity.
    """
    if field.count <= _PLAIN_SIZE:
        return _of_arrays(field, quantities, watchers)
    brackets = [_brackets(sample) for sample in _sample(field, quantities)]
    parts: list[_Counting] = []

    def taker() -> _Counting:
        parts.append(_Counting(field, brackets, watchers))
        return parts[-1]

    walk(field, quantities, taker)
    found = [
        _joined(field, [part.counts[number] for part in parts], bracket) for number, bracket in enumerate(brackets)
    ]
    return [
        summarize(arrays_of(field, [quantity])[0], field) if summary is None else summary
        for quantity, summary in zip(quantities, found, strict=True)
    ]


def _of_arrays(field: Field, quantities: Sequence[Quantity], watchers: Sequence[tuple[int, Watcher]]) -> list[Summary]:
    _, ny, nz = field.dimensions
    arrays = arrays_of(field, quantities)
    everything = Block(range(nz), slice(0, ny), field.dimensions[0])
    for number, watcher in watchers:
        watcher.add(arrays[number].reshape(-1), everything)
    return [summarize(array, field) for array in arrays]


def _sample(field: Field, quantities: Sequence[Quantity]) -> list[np.ndarray]:
    """Numbers of each quantity, where defined, at one node of each of some thousand stretches of nodes."""
    nx, ny, nz = field.dimensions
    size = min(max(field.count // 128, _SAMPLE[0]), _SAMPLE[1])
    stretch = field.count // size
    numbers = np.arange(size) * stretch + _scattered(size) % stretch
    of_slice, in_slice = np.divmod(numbers, nx * ny)
    borders = np.searchsorted(of_slice, np.arange(nz + 1))
    index = [in_slice % nx, in_slice // nx, of_slice]
    near = need_differences(quantities)
    around = np.full((7 if near else 1, size, 3), np.nan, np.float32)
    """The vector of each node; then those beside it along i, j and k, above and below: at the border its own."""
    beside = [
        in_slice + step * apart
        for axis, apart in ((0, 1), (1, nx))
        for step in (index[axis] < field.dimensions[axis] - 1, -(index[axis] > 0).astype(int))
    ]

    def gather(read: SliceReader, slices: range) -> None:
        for k in slices:
            vectors = read(k).reshape(-1, 3)
            here = slice(borders[k], borders[k + 1])
            around[0, here] = vectors[in_slice[here]]
            if not near:
                continue
            for place, nodes in enumerate(beside, 1):
                around[place, here] = vectors[nodes[here]]
            for place, (first, last) in ((5, (k - 1 if k else 0, k)), (6, (k + 1, min(k + 2, nz)))):
                # Of the nodes below, this slice lies above, and the other way round.
                of = slice(borders[first], borders[last])
                around[place, of] = vectors[in_slice[of]]
            for place, ends in ((5, k == nz - 1), (6, k == 0)):
                if ends:
                    around[place, here] = around[0, here]

    field.run(gather)
    return _made_of(field, quantities, around, index)


def _made_of(
    field: Field, quantities: Sequence[Quantity], around: np.ndarray, index: Sequence[np.ndarray]
) -> list[np.ndarray]:
    made = Made(field, quantities)
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(around.sum()):
            around[~np.isfinite(around).all(axis=2)] = np.nan
        values = [np.empty(around.shape[1], np.float32) for _ in quantities]
        planes = np.ascontiguousarray(around[0].T)
        made.of_vectors(planes, values)
        if need_differences(quantities):
            twice = np.empty((3, 3, around.shape[1]), np.float32)
            for axis, size in enumerate(field.dimensions):
                at_border = (index[axis] == 0) | (index[axis] == size - 1)
                once_or_twice = np.where(at_border, 2, 1).astype(np.float32)
                twice[:, axis] = (around[2 * axis + 1] - around[2 * axis + 2]).T * once_or_twice
            made.bind(twice)
            made.of_differences(values)
        defined = np.isfinite(planes[0])
        return [found[defined & np.isfinite(found)] for found in values]


def _scattered(count: int) -> np.ndarray:
    """(count,) numbers below 2**31 without any order, the same each time (SplitMix64, Steele et al., OOPSLA 2014).

    Importing NumPy's generators takes longer than all else that a small grid needs here.
    """
    mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return (mixed >> np.uint64(33)).astype(np.int64)


@dataclass(frozen=True)
class _Bracket:
    """Two values between which, ends included, a percentile lies but for a rare sample."""

    lower: np.float32
    upper: np.float32
    lower_repeats: bool
    """Whether the sample holds the lower end more than once, so that a percentile may be it."""
    upper_repeats: bool


def _brackets(sample: np.ndarray) -> list[_Bracket]:
    """A bracket for each percentile; none where too little is defined to tell."""
    if sample.size < _SAMPLE[0] // 16:
        return []
    sample = np.sort(sample)
    share = np.array(list(RANKS.values())) / 100
    margin = _DEVIATIONS * np.sqrt(share * (1 - share) * sample.size) + 2
    places = np.stack([np.floor(share * sample.size - margin), np.ceil(share * sample.size + margin)], axis=1)
    ends = sample[np.clip(places, 0, sample.size - 1).astype(int)]
    repeats = np.searchsorted(sample, ends, "right") - np.searchsorted(sample, ends, "left") > 1
    return [_Bracket(*pair, *map(bool, twice)) for pair, twice in zip(ends, repeats, strict=True)]


class _Counts:
    """What was counted and kept of one quantity on one thread."""

    def __init__(self, brackets: Sequence[_Bracket]) -> None:
        self.brackets = brackets
        self.count, self.total = 0, 0.0
        self.least = self.greatest = (np.float32(np.nan), -1)
        """Value, and number of the first node that has it."""
        self.up_to_lower = [0] * len(brackets)
        self.below_lower, self.up_to_upper = [0] * len(brackets), [0] * len(brackets)
        """Counted where the end repeats."""
        self.kept = [np.empty(0, np.float32)]
        """All values between the ends of any bracket, the ends excluded."""

    def add(self, values: np.ndarray, first: int) -> None:
        """Add the numbers (n,) of nodes from a number on."""
        total = float(values.sum(dtype=np.float64))
        if not np.isfinite(total):
            values = values[~(undefined := np.isnan(values))]
            if not values.size:
                return
            numbers = np.flatnonzero(~undefined) + first
            total = float(values.sum(dtype=np.float64))
        else:
            numbers = range(first, first + values.size)
        self.count += values.size
        self.total += total
        low, high = int(values.argmin()), int(values.argmax())
        bottom, top = values[low], values[high]
        least, greatest = (bottom, int(numbers[low])), (top, int(numbers[high]))
        # Bands do not come in the order of their nodes.
        if self.least[1] < 0 or least < self.least:
            self.least = least
        if self.greatest[1] < 0 or (top, -greatest[1]) > (self.greatest[0], -self.greatest[1]):
            self.greatest = greatest
        self._count(values, bottom, top)

    def _count(self, values: np.ndarray, bottom: np.float32, top: np.float32) -> None:
        inside = None
        for place, bracket in enumerate(self.brackets):
            lower, upper = bracket.lower, bracket.upper
            if bracket.lower_repeats and bottom < lower:
                self.below_lower[place] += values.size if top < lower else int(np.count_nonzero(values < lower))
            if bracket.upper_repeats and bottom <= upper:
                self.up_to_upper[place] += values.size if top <= upper else int(np.count_nonzero(values <= upper))
            if top <= lower:
                self.up_to_lower[place] += values.size
            elif bottom < upper:
                over = values > lower
                self.up_to_lower[place] += values.size - int(np.count_nonzero(over))
                over &= values < upper
                inside = over if inside is None else np.logical_or(inside, over, out=inside)
        if inside is not None:
            self.kept.append(values.compress(inside))


class _Counting:
    """Takes the numbers of blocks into counts, on one thread."""

    def __init__(
        self, field: Field, brackets: Sequence[Sequence[_Bracket]], watchers: Sequence[tuple[int, Watcher]]
    ) -> None:
        self._field = field
        self.counts = [_Counts(of) for of in brackets]
        self._watchers = watchers
        self._places = [np.empty(0, np.float32) for _ in brackets]

    def place(self, block: Block) -> Sequence[np.ndarray]:
        """Return memory that is used again for the next block."""
        count = int(np.prod(block.shape))
        if self._places[0].size < count:
            self._places = [np.empty(count, np.float32) for _ in self._places]
        return [place[:count] for place in self._places]

    def take(self, block: Block) -> None:
        """Count what was filled, and show it to the watchers."""
        first = self._field.first_of(block)
        places = self.place(block)
        for values, counts in zip(places, self.counts, strict=True):
            counts.add(values, first)
        for number, watcher in self._watchers:
            watcher.add(places[number], block)


def _joined(field: Field, parts: Sequence[_Counts], brackets: Sequence[_Bracket]) -> Summary | None:
    """None where the counts do not tell the percentiles."""
    parts = [part for part in parts if part.count]
    if not parts:
        return Summary(0)
    if not brackets:
        return None
    count = sum(part.count for part in parts)
    kept = np.sort(np.concatenate([values for part in parts for values in part.kept]))
    counted = np.sum([(part.below_lower, part.up_to_lower, part.up_to_upper) for part in parts], axis=0).T.tolist()
    percentiles: dict[str, float] = {}
    for (name, percent), bracket, numbers in zip(RANKS.items(), brackets, counted, strict=True):
        value = between_ranks(percent, count, partial(_value_of, bracket, kept, numbers))
        if value is None:
            return None
        percentiles[name] = value
    least = min(part.least for part in parts)
    greatest = min((-part.greatest[0], part.greatest[1]) for part in parts)
    return Summary(
        count,
        float(least[0]),
        float(-greatest[0]),
        field.index_of(least[1]),
        field.index_of(greatest[1]),
        sum(part.total for part in parts) / count,
        percentiles,
    )


def _value_of(bracket: _Bracket, kept: np.ndarray, counted: Sequence[int], rank: int) -> np.float32 | None:
    """The value of a rank; None where it is outside the bracket."""
    below_lower, up_to_lower, up_to_upper = counted
    first, last = np.searchsorted(kept, bracket.lower, "right"), np.searchsorted(kept, bracket.upper, "left")
    below_upper = up_to_lower + last - first
    if up_to_lower <= rank < below_upper:
        return kept[first + rank - up_to_lower]
    if bracket.lower_repeats and below_lower <= rank < up_to_lower:
        return bracket.lower
    if bracket.upper_repeats and below_upper <= rank < up_to_upper:
        return bracket.upper
    return None


class FoldedNodes:
    """Where Jacobian determinants are 0 or less."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._nodes = RegionCount(field.dimensions)

    def add(self, values: np.ndarray, block: Block) -> None:
        """Look at the determinants (n,) of a block."""
        folded = values <= 0
        if folded.any():
            self._nodes.add(np.flatnonzero(folded) + self._field.first_of(block))

    @property
    def region(self) -> Region | None:
        """Count and index box; None when nowhere."""
        return self._nodes.region


class SdLogJacobian:
    """SDlogJ as the Learn2Reg challenge has it: the standard deviation of ``log(clip(J + 3, 1e-9, 1e9))``.

    The two outermost nodes on every side are left out, as its evaluation does (github.com/MDL-UzL/L2R,
    ``evaluation/evaluation.py`` and ``utils.py``; Hering et al., IEEE TMI 42(3), 2023). There J is that of a field in
    voxels; the determinant is the same in mm.
    """

    def __init__(self, field: Field) -> None:
        self._dimensions = field.dimensions
        self._sums: list[tuple[int, float, float]] = []

    def add(self, values: np.ndarray, block: Block) -> None:
        """Look at the determinants (n,) of a block; NaN where undefined."""
        _, ny, nz = self._dimensions
        k = _inner(block.slices.start, block.slices.stop, nz)
        j = _inner(block.rows.start, block.rows.stop, ny)
        inner = values.reshape(block.shape)[k, j, 2:-2].astype(np.float64)
        inner = inner[~np.isnan(inner)]
        # Around the identity's, so that the difference of large sums loses nothing.
        inner += 3
        logs = np.log(np.clip(inner, 1e-9, 1e9, out=inner), out=inner)
        logs -= np.log(4.0)
        self._sums.append((logs.size, float(logs.sum()), float(logs @ logs)))

    @property
    def value(self) -> float | None:
        """None where no such node is defined."""
        count, total, squares = np.sum(self._sums, axis=0) if self._sums else (0, 0, 0)
        return float(np.sqrt(max(squares / count - (total / count) ** 2, 0.0))) if count else None


def _inner(first: int, last: int, size: int) -> slice:
    """Of the places from first to last those that are not among the two outermost of so many."""
    return slice(max(2 - first, 0), max(min(last, size - 2) - first, 0))
