"""How a quantity is distributed over the nodes of a grid: extremes, mean, exact percentiles.

Percentiles come without sorting: a sample says between which two values each of them lies, a pass over the values
counts those beneath and keeps those between, and only what was kept is put in order. Where the sample was wrong, which
the counts tell, the whole is ordered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from .field import THREADS, Field, results_of

_RANKS = {"p1": 1, "p5": 5, "p50": 50, "p95": 95, "p99": 99}
_PLAIN_SIZE = 1 << 17
"""Up to so many values, putting them in order costs less than a sample."""
_SAMPLE = (1 << 14, 1 << 18)
"""Least and most values of a sample; a 64th of all between."""
_DEVIATIONS = 4.5
"""Standard deviations of a sample's rank that a percentile may lie off: a miss in ten thousands of samples."""
_NONE = np.empty((0, 2), np.float32)
_CHUNK = 1 << 16
"""Values looked at at a time, for the processor's cache."""


@dataclass(frozen=True)
class Summary:
    """How one quantity is distributed over the nodes where it is defined."""

    count: int
    min: float | None = None
    max: float | None = None
    min_index: tuple[int, int, int] | None = None
    max_index: tuple[int, int, int] | None = None
    mean: float | None = None
    percentiles: dict[str, float] | None = None
    """``p1``, ``p5``, ``p50``, ``p95``, ``p99`` by linear interpolation between ranks."""

    def to_dict(self, *names: str) -> dict[str, float | None]:
        """Return the named numbers (``min``, ``max``, ``mean``, ``p1`` …), None where nothing is defined."""
        percentiles = self.percentiles or {}
        return {name: percentiles.get(name) if name[1:].isdigit() else getattr(self, name) for name in names}


@dataclass(frozen=True)
class _Part:
    """What a pass over some of the values found."""

    count: int
    """Values that are not NaN."""
    total: float
    least: int
    """Number of the least value among all, the first where several are as small; -1 without any."""
    greatest: int
    above: np.ndarray
    """(brackets,) values above the lower end of each bracket."""
    kept: np.ndarray
    """The values strictly between the ends of any bracket, in no order."""


def summarize(values: np.ndarray, field: Field | None = None) -> Summary:
    """Summarize a quantity; the order of the values may be lost.

    Parameters
    ----------
    values
        float32, any shape; NaN where undefined. Contiguous.
    field
        Where given, the places of the least and the greatest value are told.
    """
    return summarize_all([values], field)[0]


def summarize_all(quantities: Sequence[np.ndarray], field: Field | None = None) -> list[Summary]:
    """Return :func:`summarize` for several quantities, on several threads where there are cores."""
    flats = [values.reshape(-1) for values in quantities]
    if all(flat.size <= _PLAIN_SIZE for flat in flats):
        return [_joined(flat, _NONE, [_look_at(flat, slice(0, flat.size), _NONE)], field) for flat in flats]
    with ThreadPoolExecutor(THREADS) as pool:

        def all_of(work: Callable[..., Any], rows: Sequence[tuple[Any, ...]]) -> list[Any]:
            return results_of([pool.submit(work, *row) for row in rows], field.go_on if field is not None else None)

        try:
            brackets = all_of(_brackets, [(flat,) for flat in flats])
            pieces = [(flat, half, of) for flat, of in zip(flats, brackets, strict=True) for half in _halves(flat.size)]
            parts = iter(all_of(_look_at, pieces))
            found = [(flat, of, [next(parts), next(parts)], field) for flat, of in zip(flats, brackets, strict=True)]
            return all_of(_joined, found)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _halves(size: int) -> tuple[slice, slice]:
    return slice(0, size // 2), slice(size // 2, size)


def _brackets(flat: np.ndarray) -> np.ndarray:
    """(percentiles, 2) values between which, ends included, each percentile lies but for a rare sample.

    (0, 2) of what is small enough to be put in order, and where nearly nothing is defined.
    """
    if flat.size <= _PLAIN_SIZE:
        return _NONE
    size = min(max(flat.size // 64, _SAMPLE[0]), _SAMPLE[1])
    # One of each stretch of values: in their order in memory they are found several times as fast.
    stretch = flat.size // size
    sample = flat[np.arange(size) * stretch + _scattered(size) % stretch]
    sample = np.sort(sample[~np.isnan(sample)])
    if sample.size < size // 16:
        return _NONE
    share = np.array(list(_RANKS.values())) / 100
    margin = _DEVIATIONS * np.sqrt(share * (1 - share) * sample.size) + 2
    places = np.stack([np.floor(share * sample.size - margin), np.ceil(share * sample.size + margin)], axis=1)
    return sample[np.clip(places, 0, sample.size - 1).astype(int)]


def _scattered(count: int) -> np.ndarray:
    """(count,) numbers below 2**31 without any order, the same each time (SplitMix64, Steele et al., OOPSLA 2014).

    Importing NumPy's generators takes longer than all else that a small grid needs here.
    """
    mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return (mixed >> np.uint64(33)).astype(np.int64)


def _look_at(flat: np.ndarray, where: slice, brackets: np.ndarray) -> _Part:
    count, total, least, greatest = 0, 0.0, -1, -1
    above = np.zeros(len(brackets), np.int64)
    kept = [flat[:0]]
    for first in range(where.start, where.stop, _CHUNK):
        chunk = flat[first : min(first + _CHUNK, where.stop)]
        with np.errstate(over="ignore", invalid="ignore"):
            sum_ = float(chunk.sum(dtype=np.float64))
            undefined = 0 if np.isfinite(sum_) else int(np.count_nonzero(np.isnan(chunk)))
            if undefined == chunk.size:
                continue
            sum_ = float(np.nansum(chunk, dtype=np.float64)) if undefined else sum_
            low, high = (np.nanargmin(chunk), np.nanargmax(chunk)) if undefined else (chunk.argmin(), chunk.argmax())
        total += sum_
        count += chunk.size - undefined
        low, high = int(low), int(high)
        bottom, top = chunk[low], chunk[high]
        if least < 0 or bottom < flat[least]:
            least = first + low
        if greatest < 0 or top > flat[greatest]:
            greatest = first + high
        inside = None
        for number, (lower, upper) in enumerate(brackets):
            if top <= lower:
                continue
            if bottom >= upper:
                above[number] += chunk.size - undefined
                continue
            over = chunk > lower
            above[number] += np.count_nonzero(over)
            over &= chunk < upper
            inside = over if inside is None else np.logical_or(inside, over, out=inside)
        if inside is not None:
            kept.append(chunk.compress(inside))
    return _Part(count, total, least, greatest, above, np.concatenate(kept))


def _joined(flat: np.ndarray, brackets: np.ndarray, parts: list[_Part], field: Field | None) -> Summary:
    parts = [part for part in parts if part.count]
    if not parts:
        return Summary(0)
    count = sum(part.count for part in parts)
    least = min((part.least for part in parts), key=lambda number: flat[number])
    greatest = max((part.greatest for part in parts), key=lambda number: flat[number])
    low, high = float(flat[least]), float(flat[greatest])
    return Summary(
        count,
        low,
        high,
        field.index_of(least) if field is not None else None,
        field.index_of(greatest) if field is not None else None,
        sum(part.total for part in parts) / count,
        _percentiles(flat, count, brackets, parts),
    )


def _percentiles(flat: np.ndarray, count: int, brackets: np.ndarray, parts: list[_Part]) -> dict[str, float]:
    """Exact percentiles of the ``count`` values that are not NaN."""
    result: dict[str, float] = {}
    ordered = not len(brackets)
    if ordered:
        # A partition puts NaN last.
        flat.partition(sorted({rank for percent in _RANKS.values() for rank in _ranks(percent, count)[:2]}))
        kept = flat[:0]
    else:
        kept = np.sort(np.concatenate([part.kept for part in parts]))
    for number, (name, percent) in enumerate(_RANKS.items()):
        low, high, share = _ranks(percent, count)
        if ordered:
            ends: tuple[float, float] | None = (flat[low], flat[high])
        else:
            up_to_lower = count - sum(int(part.above[number]) for part in parts)
            ends = _between(flat, (low, high), up_to_lower, brackets[number], kept)
        if ends is None:
            return _percentiles(flat, count, _NONE, parts)
        result[name] = float(ends[0]) + share * (float(ends[1]) - float(ends[0]))
    return result


def _ranks(percent: int, count: int) -> tuple[int, int, float]:
    """The two ranks that a percentile lies between, and how far from the first to the second."""
    rank = percent / 100 * (count - 1)
    low = int(np.floor(rank))
    return low, int(np.ceil(rank)), rank - low


def _between(
    flat: np.ndarray, ranks: tuple[int, int], up_to_lower: int, bracket: np.ndarray, kept: np.ndarray
) -> tuple[float, float] | None:
    """The values of two ranks; None where one of them is not within its bracket.

    Parameters
    ----------
    up_to_lower
        How many values there are up to the lower end of the bracket.
    kept
        The values within any bracket, in ascending order.
    """
    lower, upper = bracket
    first, last = np.searchsorted(kept, lower, "right"), np.searchsorted(kept, upper, "left")
    below_upper = up_to_lower + last - first
    # Values equal to an end are counted only where a rank may be one of them.
    if ranks[0] < up_to_lower and ranks[0] < int(np.count_nonzero(flat < lower)):
        return None
    if ranks[1] >= below_upper and ranks[1] >= int(np.count_nonzero(flat <= upper)):
        return None
    low, high = (
        lower if rank < up_to_lower else upper if rank >= below_upper else kept[first + rank - up_to_lower]
        for rank in ranks
    )
    return float(low), float(high)


def component_statistics(quantities: Sequence[np.ndarray], field: Field | None = None) -> list[dict[str, Any]]:
    """Return ``min``, ``max``, ``mean`` and percentiles of components, using the memory of the values."""
    names = ("min", "max", "mean", "p1", "p5", "p50", "p95", "p99")
    return [summary.to_dict(*names) for summary in summarize_all(quantities, field)]


def scaled_statistics(statistics: dict[str, float | None], factor: float) -> dict[str, float | None]:
    """Return what :func:`component_statistics` gives of values times a factor, which turns the order below zero."""
    ends = (("min", "max"), ("p1", "p99"), ("p5", "p95"))
    opposite = {end: other for pair in ends for end, other in (pair, pair[::-1])} if factor < 0 else {}
    values = {name: statistics[opposite.get(name, name)] for name in statistics}
    return {name: None if value is None else value * factor for name, value in values.items()}
