"""What rounding to the last digit written can do to equally spaced positions, and what it cannot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rounding_width(positions: NDArray[np.float64]) -> float:
    """Return the least digit to which equally spaced positions can have been rounded to give these (n,), mm.

    Twice the largest distance from the best line in the sense of Chebyshev: one spacing and one origin. The width
    max(p - k·s) - min(p - k·s) is convex in the spacing s; its least value lies where two supporting lines meet.
    """
    index = np.arange(positions.size, dtype=np.float64)
    start = positions - positions[0]
    low, high = float(np.diff(start).min()), float(np.diff(start).max())
    for _ in range(200):
        spacing = (low + high) / 2
        left = start - spacing * index
        top, bottom = int(left.argmax()), int(left.argmin())
        if high - low <= 1e-12 * max(abs(high), 1e-9):
            break
        # The slope of the width at this spacing: it grows with the spacing where the top lies before the bottom.
        if top < bottom:
            high = spacing
        else:
            low = spacing
    return float(left[top] - left[bottom])


def explained_runs(positions: NDArray[np.float64], digit: float) -> list[tuple[int, int]]:
    """Return stretches of positions, first and last index, that rounding explains each for itself: as few as can be.

    Between two stretches lies the interval that fits them least, of those that may be the one that is to blame.
    """
    runs: list[tuple[int, int]] = []
    start = 0
    while start < positions.size:
        end = start + _reach(positions[start:], digit)
        if runs:
            first, last = runs[-1]
            earliest = end - _reach(-positions[first : end + 1][::-1], digit)
            spacing = (positions[last] - positions[first]) / max(last - first, 1)
            blamed = np.arange(max(min(earliest, start) - 1, first), last + 1)
            k = int(blamed[np.abs(positions[blamed + 1] - positions[blamed] - spacing).argmax()])
            runs[-1], start = (first, k), k + 1
        runs.append((start, end))
        start = end + 1
    return runs


def _reach(positions: NDArray[np.float64], digit: float) -> int:
    """The last index up to which rounding explains the positions from the first on."""
    good, step = min(1, positions.size - 1), 2
    while good + step < positions.size and rounding_width(positions[: good + step + 1]) <= digit:
        good, step = good + step, 2 * step
    while step > 1:
        step //= 2
        if good + step < positions.size and rounding_width(positions[: good + step + 1]) <= digit:
            good += step
    return good
