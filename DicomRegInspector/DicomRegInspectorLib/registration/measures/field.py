"""A displacement field as the measures see it: blocks of rows with their neighbours, whatever the vectors lie in.

The file, an array in memory and the grid of a transform node are measured by the same code; no more of the field
than a few rows is held beyond what its owner holds.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

BLOCK_NODES = 1 << 16
"""Nodes in a block: few enough for a cache, enough that two threads seldom wait for the interpreter."""
ASKED_EVERY_S = 0.1
"""How often a measure asks whether to go on."""

SliceReader = Callable[[int], np.ndarray]
"""Gives slice k as float32 (ny, nx, 3); the array may be used again for the next slice."""


@dataclass(frozen=True)
class Field:
    """Displacement vectors on a lattice, with the matrices that are applied before and after them.

    The mapping is ``post (pre x + D(x))`` (PS3.3 Equation C.20.3-1). Coordinates are LPS mm, or RAS mm throughout: the
    two differ by a rotation, which none of the measures feels.
    """

    dimensions: tuple[int, int, int]
    """(nx, ny, nz)."""
    index_to_world: np.ndarray
    """(4, 4) from (i, j, k, 1) to mm."""
    pre: np.ndarray
    post: np.ndarray
    open_slices: Callable[[], SliceReader]
    """Makes a reader of slices; each thread takes its own."""
    threads: int = 2
    go_on: Callable[[], None] | None = None
    """See :meth:`asking`."""

    @property
    def count(self) -> int:
        """Number of nodes."""
        nx, ny, nz = self.dimensions
        return nx * ny * nz

    @property
    def axes(self) -> int:
        """Number of axes with more than one node; measures across the others are those of the identity."""
        return sum(size > 1 for size in self.dimensions)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of a grid cell."""
        return abs(float(np.linalg.det(self.index_to_world[:3, :3])))

    def index_of(self, flat: int) -> tuple[int, int, int]:
        """Return (i, j, k) of a node by its number, x fastest."""
        nx, ny, _ = self.dimensions
        return flat % nx, flat // nx % ny, flat // (nx * ny)

    def asking(self, go_on: Callable[[], None]) -> Field:
        """Return the same field, whose measures call ``go_on`` as they work: it stops them, within a slice, by raising.

        It is called from the thread that measures, never from those that help.
        """
        return replace(self, go_on=go_on)

    def run(self, work: Callable[[SliceReader, range], None]) -> None:
        """Call ``work(reader, slices)`` for contiguous ranges of slices, on several threads where there are cores."""
        nz = self.dimensions[2]
        threads = max(1, min(self.threads, os.cpu_count() or 1, nz))
        borders = np.linspace(0, nz, threads + 1).astype(int)
        ranges = [range(first, last) for first, last in pairwise(borders)]
        stopped = threading.Event()
        with ThreadPoolExecutor(threads) as pool:
            parts = [pool.submit(work, self._slices_until(stopped), part) for part in ranges]
            try:
                results_of(parts, self.go_on)
            except BaseException:
                stopped.set()
                raise

    def _slices_until(self, stopped: threading.Event) -> SliceReader:
        read = self.open_slices()

        def read_unless_stopped(k: int) -> np.ndarray:
            if stopped.is_set():
                raise InterruptedError
            return read(k)

        return read_unless_stopped


def results_of(tasks: Sequence[Future[Any]], go_on: Callable[[], None] | None) -> list[Any]:
    """Return what tasks in other threads came to, asking meanwhile whether to go on, see :meth:`Field.asking`."""
    while go_on is not None and wait(tasks, ASKED_EVERY_S).not_done:
        go_on()
    return [task.result() for task in tasks]


class Planes:
    """Component planes of slices, float32 (3, ny, nx), non-finite vectors NaN: as many are kept as a block needs."""

    def __init__(self, field: Field, read: SliceReader) -> None:
        self._field, self._read = field, read
        self._kept: dict[int, np.ndarray] = {}
        self._finite: dict[int, bool] = {}
        self._most = _slices_in_block(field) + 2

    def get(self, k: int) -> np.ndarray:
        """Return slice k as planes."""
        if k not in self._kept:
            nx, ny, _ = self._field.dimensions
            old = min(self._kept, default=None)
            planes = self._kept.pop(old) if len(self._kept) >= self._most else np.empty((3, ny, nx), np.float32)
            stored = self._read(k)
            for axis in range(3):
                planes[axis] = stored[..., axis]
            with np.errstate(over="ignore", invalid="ignore"):
                self._finite[k] = finite = bool(np.isfinite(np.add.reduce(planes, axis=None)))
            if not finite:
                planes[:, ~np.isfinite(planes).all(axis=0)] = np.nan
            self._kept[k] = planes
        return self._kept[k]

    def finite(self, k: int) -> bool:
        """Return whether all of a slice that was asked for is known to be finite."""
        return self._finite[k]


@dataclass(frozen=True)
class Block:
    """Some rows of some slices: whole slices where there is more than one."""

    slices: range
    rows: slice
    nx: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows and nodes in a row."""
        return len(self.slices), self.rows.stop - self.rows.start, self.nx

    @property
    def where(self) -> tuple[slice, slice]:
        """Its place in an array (nz, ny, nx)."""
        return slice(self.slices.start, self.slices.stop), self.rows


def blocks(field: Field, slices: range) -> Iterator[Block]:
    """Yield the blocks of about :data:`BLOCK_NODES` nodes that make up some slices."""
    nx, ny, _ = field.dimensions
    together = _slices_in_block(field)
    rows = ny if together > 1 else max(1, BLOCK_NODES // nx)
    for k in range(slices.start, slices.stop, together):
        for first in range(0, ny, rows):
            yield Block(range(k, min(k + together, slices.stop)), slice(first, min(first + rows, ny)), nx)


def _slices_in_block(field: Field) -> int:
    nx, ny, nz = field.dimensions
    return max(1, min(BLOCK_NODES // (nx * ny), nz))
