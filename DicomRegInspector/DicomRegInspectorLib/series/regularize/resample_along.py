"""Linear resampling of a stack of parallel slices onto an orthogonal grid with the same directions.

Row, column and normal stay what they are, so that interpolation separates: each slice is brought onto the new rows and
columns once, then neighbours are blended along the normal at their true positions.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...progress import Progress, report_progress
from ..pixels.padding import Padding

MAX_THREADS = 8
SNAP = 1e-3
"""Samples closer than this to one of the source's (in its steps) take its value as it is."""
BLOCK_BYTES = 128 * 1024
"""Of one blending step's buffer, so that it stays in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Line:
    """Where the samples of one output axis lie on one source axis."""

    first: int
    """The first output sample inside the source's first and last sample."""
    index: NDArray[np.intp]
    """(n,) for each output sample inside: the source sample at or before it."""
    weight: NDArray[np.float64]
    """(n,) of the source sample after that one."""

    @property
    def stop(self) -> int:
        """One after the last output sample inside."""
        return self.first + self.index.size

    @cached_property
    def shift(self) -> tuple[int, float] | None:
        """Source index of the first sample and one weight, where the output steps as the source does."""
        if not self.index.size or self.index[-1] - self.index[0] != self.index.size - 1:
            return None
        return (int(self.index[0]), float(self.weight[0])) if np.ptp(self.weight) < SNAP else None


def line(start: float, step: float, count: int, source_count: int) -> Line:
    """Return output samples at ``start + step · n`` (in source steps from its first sample), for n < count."""
    place = start + step * np.arange(count)
    place = np.where(np.abs(place - np.rint(place)) < SNAP, np.rint(place), place)
    inside = np.flatnonzero((place >= 0) & (place <= source_count - 1))
    if not inside.size:
        return Line(0, np.empty(0, np.intp), np.empty(0))
    place = place[inside]
    index = np.floor(place).astype(np.intp)
    return Line(int(inside[0]), index, place - index)


@dataclass(frozen=True, eq=False)
class SlicePair:
    """What one output slice is blended from."""

    before: int
    after: int
    """The same as ``before`` where a source slice lies just there."""
    weight: float
    """Of ``after``."""


class _Scratch:
    """Arrays that one thread uses again and again: fresh memory for each would cost more than the arithmetic."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[Any]] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> NDArray[Any]:
        """An array with any content."""
        found = self._arrays.get(name)
        if found is None or found.shape != shape or found.dtype != dtype:
            found = self._arrays[name] = np.empty(shape, dtype)
        return found


class Resampler:
    """Resamples source slices to output slices; safe to use from several threads."""

    def __init__(
        self,
        array: NDArray[Any],
        rows: Sequence[Line],
        columns: Sequence[Line],
        fill: float,
        target: NDArray[Any],
        padding: Padding | None = None,
    ) -> None:
        """``rows`` and ``columns``: for each source slice, where the output's rows and columns lie on it."""
        self._array, self._rows, self._columns, self._fill, self._target = array, rows, columns, fill, target
        self._padding = padding
        self.holes: dict[int, NDArray[np.uint8]] = {}
        """For output slices that padding had a part in: which voxels hold the fill value, as np.packbits packs them."""
        narrow = array.dtype == np.float32 or (array.dtype.kind in "iub" and array.dtype.itemsize <= 2)
        self._work = np.dtype(np.float32 if narrow else np.float64)
        self._local = threading.local()

    def box(self, pair: SlicePair) -> tuple[int, int, int, int]:
        """Return output rows and columns (first and stop of each) that both slices reach."""
        both = (pair.before, pair.after)
        row, row_stop = max(self._rows[k].first for k in both), min(self._rows[k].stop for k in both)
        column, column_stop = max(self._columns[k].first for k in both), min(self._columns[k].stop for k in both)
        if row_stop <= row or column_stop <= column:
            return (0, 0, 0, 0)
        return row, row_stop, column, column_stop

    def write(self, outputs: Sequence[tuple[int, SlicePair | None]]) -> None:
        """Fill some slices of the target; neighbours use what was prepared for the one before."""
        prepared: dict[int, NDArray[Any]] = {}
        padded: dict[int, NDArray[np.bool_] | None] = {}
        for k, pair in outputs:
            if pair is None:
                self._target[k] = self._fill
                continue
            needed = {pair.before, pair.after}
            prepared = {s: prepared[s] if s in prepared else self._prepare(s, self._scratch()) for s in needed}
            row, row_stop, column, column_stop = box = self.box(pair)
            target = self._target[k]
            if box != (0, target.shape[0], 0, target.shape[1]):
                target[...] = self._fill
            parts = [self._part(prepared[s], s, box) for s in (pair.before, pair.after)]
            self._blend(parts[0], parts[1], pair.weight, target[row:row_stop, column:column_stop])
            if self._padding is not None:
                padded = {s: padded[s] if s in padded else self._prepare_padding(s) for s in needed}
                self._cover(k, box, [self._part(plane, s, box) for s, plane in padded.items() if plane is not None])

    def _part(self, prepared: NDArray[Any], s: int, box: tuple[int, int, int, int]) -> NDArray[Any]:
        """What was prepared of a source slice, in the output's box."""
        row, row_stop, column, column_stop = box
        above, left = self._rows[s].first, self._columns[s].first
        return prepared[row - above : row_stop - above, column - left : column_stop - left]

    def _cover(self, k: int, box: tuple[int, int, int, int], masks: Sequence[NDArray[np.bool_]]) -> None:
        """Put the fill value where padding had a part in an output slice."""
        target = self._target[k]
        hole = np.zeros(target.shape[:2], bool)
        row, row_stop, column, column_stop = box
        for mask in masks:
            hole[row:row_stop, column:column_stop] |= mask
        if hole.any():
            target[hole] = self._fill
            self.holes[k] = np.packbits(hole)

    def _prepare_padding(self, s: int) -> NDArray[np.bool_] | None:
        """Where padding has a part in a source slice at the output's rows and columns; None for nowhere."""
        assert self._padding is not None
        mask = self._padding.mask(self._array[s], s)
        if mask is None:
            return None
        for axis, axis_places in enumerate((self._rows[s], self._columns[s])):
            after = np.take(mask, axis_places.index + 1, axis=axis, mode="clip")
            after &= np.expand_dims(axis_places.weight > 0, 1 - axis)
            mask = np.take(mask, axis_places.index, axis=axis) | after
        return mask

    def _prepare(self, s: int, scratch: _Scratch) -> NDArray[Any]:
        """A source slice at the output's rows and columns, as far as it reaches."""
        values = self._along(self._array[s], 0, self._rows[s], scratch if self._columns[s].shift is None else None)
        return self._along(values, 1, self._columns[s], None)

    def _along(self, values: NDArray[Any], axis: int, line: Line, keep: _Scratch | None) -> NDArray[Any]:
        """Values at a line's samples along an axis; the result is in ``keep``'s memory where that is given."""
        if line.shift is not None:
            start, weight = line.shift
            stop = start + line.index.size
            before = values[start:stop] if axis == 0 else values[:, start:stop]
            if weight == 0:
                return before
            after = values[start + 1 : stop + 1] if axis == 0 else values[:, start + 1 : stop + 1]
            return self._mixed(before, after, weight)
        scratch = keep if keep is not None else self._scratch()
        shape = (*values.shape[:axis], line.index.size, *values.shape[axis + 1 :])
        before, after = (scratch.array(f"{axis} {name}", shape, values.dtype) for name in ("before", "after"))
        np.take(values, line.index, axis=axis, out=before, mode="clip")
        # The sample after the last one has no weight; "clip" keeps it inside.
        np.take(values, line.index + 1, axis=axis, out=after, mode="clip")
        weights = line.weight.astype(self._work).reshape(-1, *[1] * (values.ndim - 1 - axis))
        target = keep.array(f"{axis} mixed", shape, self._work) if keep is not None else None
        return self._mixed(before, after, weights, target)

    def _scratch(self) -> _Scratch:
        if not hasattr(self._local, "scratch"):
            self._local.scratch = _Scratch()
        return self._local.scratch

    def _mixed(
        self,
        before: NDArray[Any],
        after: NDArray[Any],
        weight: float | NDArray[Any],
        target: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        result = np.subtract(after, before, out=target, dtype=self._work)
        result *= weight
        result += before
        return result

    def _blend(self, before: NDArray[Any], after: NDArray[Any], weight: float, target: NDArray[Any]) -> None:
        whole = target.dtype.kind in "iu"
        if weight == 0 and (not whole or before.dtype == target.dtype):
            target[...] = before
            return
        size = max(1, BLOCK_BYTES // max(1, before[:1].size * self._work.itemsize))
        buffer = np.empty((min(size, len(before)), *before.shape[1:]), self._work)
        for start in range(0, len(before), size):
            a, b = before[start : start + size], after[start : start + size]
            values = buffer[: len(a)]
            np.subtract(b, a, out=values, dtype=self._work)
            values *= weight
            values += a
            if whole:
                np.rint(values, out=values)
            np.copyto(target[start : start + size], values, casting="unsafe")


def run_threads(
    write: Callable[[Sequence[Any]], None], work: Sequence[Any], progress: Progress | None, text: str
) -> None:
    """Write all output slices on several threads; ``write`` gets some neighbouring items of ``work`` at a time."""
    threads = min(MAX_THREADS, os.cpu_count() or 1)
    size = max(1, min(32, -(-len(work) // (threads * 2))))
    pool = ThreadPoolExecutor(threads)
    try:
        futures = [pool.submit(write, work[start : start + size]) for start in range(0, len(work), size)]
        for done, future in enumerate(futures):
            future.result()
            report_progress(progress, done + 1, len(futures), text, "Resampling was stopped.")
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
