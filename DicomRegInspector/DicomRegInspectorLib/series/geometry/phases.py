"""Several slices at one position: what they differ by, and the volumes that come out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .stacks import DISTINGUISHING, Slice, Stack

TIMES = ("acquisition date and time", "acquisition time", "trigger time", "content time")
"""Values that tell slices at one position apart by order, even where they differ from slice to slice as well."""
PARAMETERS = (
    "temporal position",
    "b-value",
    "echo number",
    "echo time",
    "inversion time",
    "flip angle",
    "trigger time",
    "image type",
    "gradient",
    "cardiac phase",
    "cardiac trigger delay",
    "respiratory phase",
    "segment",
    "dose summation",
    "referenced beam",
    "referenced plan",
    "R-R interval",
    "time slot",
    "phase",
    "energy window",
    "detector",
    "ASL context",
    "complex image component",
    "convolution kernel",
    "kVp",
    "data type",
    "stack ID",
    "dimension index",
    "instance",
)
"""What a scan sets on purpose: several values of these in a series are a study design, not an accident."""


@dataclass(frozen=True)
class Phases:
    """A stack taken apart so that no part has two slices at one position."""

    names: tuple[str, ...]
    """What the parts differ by, as in :data:`~.stacks.DISTINGUISHING`."""
    parts: tuple[Stack, ...]
    by_order: bool
    """Whether the parts were made by order in time at each position, for want of a value that names them."""
    complete: bool
    """Whether every part has a slice at every position."""

    @property
    def is_by_design(self) -> bool:
        """Whether the parts are complete volumes that a scan parameter or time tells apart."""
        return self.complete and (self.by_order or all(name in PARAMETERS for name in self.names))


def explain_duplicates(stack: Stack) -> Phases | None:
    """Take a stack with several slices at some positions apart by what those slices differ by; None if nothing does.

    One value that tells them apart is preferred, then two values together (echo and temporal position, say), then the
    order in time where every position holds equally many slices.
    """
    places = _places(stack)
    counts = np.bincount(places)
    most = int(counts.max())
    columns = {name: _codes([one.value(name) for one in stack.slices]) for name in DISTINGUISHING}
    varying = {name: codes for name, codes in columns.items() if codes is not None and codes.max() > 0}
    for name, codes in varying.items():
        if codes.max() + 1 <= 2 * most and _separates(places, codes):
            return _phases(stack, (name,), codes, counts)
    names = list(varying)
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            pair = _codes(list(zip(varying[names[first]].tolist(), varying[names[second]].tolist(), strict=True)))
            if pair is not None and pair.max() + 1 <= 2 * most and _separates(places, pair):
                return _phases(stack, (names[first], names[second]), pair, counts)
    if (counts == most).all():
        for name in TIMES:
            codes = varying.get(name)
            if codes is not None and _separates(places, codes):
                return _phases(stack, (name,), _ranks(places, codes), counts, by_order=True)
    return None


def _places(stack: Stack) -> np.ndarray:
    """(n,) which of the distinct positions each slice lies at."""
    marks = np.zeros(len(stack.slices), dtype=np.intp)
    marks[stack.distinct[1:]] = 1
    return np.cumsum(marks)


def _codes(values: Sequence[object]) -> np.ndarray | None:
    """Values as numbers 0, 1, … in sorted order; None where a slice lacks the value."""
    if any(value is None for value in values):
        return None
    order = {value: code for code, value in enumerate(sorted(set(values)))}  # type: ignore[type-var]
    return np.array([order[value] for value in values], dtype=np.intp)


def _separates(places: np.ndarray, codes: np.ndarray) -> bool:
    keys = places.astype(np.int64) * (int(codes.max()) + 1) + codes
    return np.unique(keys).size == keys.size


def _ranks(places: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """At each position: 0 for the earliest slice, 1 for the next."""
    order = np.lexsort((codes, places))
    ranks = np.empty_like(codes)
    starts = np.searchsorted(places[order], places[order])
    ranks[order] = np.arange(places.size) - starts
    return ranks


def _phases(
    stack: Stack, names: tuple[str, ...], codes: np.ndarray, counts: np.ndarray, *, by_order: bool = False
) -> Phases:
    parts = []
    for code in range(int(codes.max()) + 1):
        slices = tuple(stack.slices[k] for k in np.flatnonzero(codes == code))
        label = _label(names, slices[0], code, by_order)
        parts.append(Stack(slices, label, stack.is_localizer, stack.interval_tolerance))
    complete = all(len(part.slices) == counts.size for part in parts)
    return Phases(names, tuple(parts), by_order, complete)


def _label(names: tuple[str, ...], one: Slice, code: int, by_order: bool) -> str:
    if by_order:
        return f"time point {code + 1}"
    values = [(name, one.value(name)) for name in names]
    return ", ".join(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values)
