"""How a quantity is distributed over the nodes of a grid: extremes, mean, exact percentiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .field import Field

RANKS = {"p1": 1, "p5": 5, "p50": 50, "p95": 95, "p99": 99}


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


def summarize(values: np.ndarray, field: Field | None = None) -> Summary:
    """Summarize a quantity; the order of the values is lost.

    Parameters
    ----------
    values
        float32, any shape; NaN where undefined. Contiguous.
    field
        Where given, the places of the least and the greatest value are told.
    """
    flat = values.reshape(-1)
    count = flat.size - int(np.count_nonzero(np.isnan(flat)))
    if not count:
        return Summary(0)
    low, high = int(np.nanargmin(flat)), int(np.nanargmax(flat))
    least, greatest = float(flat[low]), float(flat[high])
    mean = float(np.nansum(flat, dtype=np.float64)) / count
    # A partition puts NaN last.
    flat.partition(sorted({rank for percent in RANKS.values() for rank in _ranks(percent, count)[:2]}))
    percentiles = {name: between_ranks(percent, count, flat.__getitem__) for name, percent in RANKS.items()}
    places = (field.index_of(low), field.index_of(high)) if field is not None else (None, None)
    return Summary(count, least, greatest, places[0], places[1], mean, percentiles)


def between_ranks(percent: int, count: int, value_of: Callable[[int], Any]) -> float | None:
    """Return a percentile of so many values by linear interpolation between ranks.

    ``value_of``: gives the value of a rank, from 0 on; None where it does not know, which is returned then.
    """
    low, high, share = _ranks(percent, count)
    ends = value_of(low), value_of(high)
    if ends[0] is None or ends[1] is None:
        return None
    return float(ends[0]) + share * (float(ends[1]) - float(ends[0]))


def _ranks(percent: int, count: int) -> tuple[int, int, float]:
    """The two ranks that a percentile lies between, and how far from the first to the second."""
    rank = percent / 100 * (count - 1)
    low = int(np.floor(rank))
    return low, int(np.ceil(rank)), rank - low


def component_statistics(summaries: Sequence[Summary]) -> list[dict[str, Any]]:
    """Return ``min``, ``max``, ``mean`` and percentiles of components."""
    names = ("min", "max", "mean", "p1", "p5", "p50", "p95", "p99")
    return [summary.to_dict(*names) for summary in summaries]


def scaled_statistics(statistics: dict[str, float | None], factor: float) -> dict[str, float | None]:
    """Return what :func:`component_statistics` gives of values times a factor, which turns the order below zero."""
    ends = (("min", "max"), ("p1", "p99"), ("p5", "p95"))
    opposite = {end: other for pair in ends for end, other in (pair, pair[::-1])} if factor < 0 else {}
    values = {name: statistics[opposite.get(name, name)] for name in statistics}
    return {name: None if value is None else value * factor for name, value in values.items()}
