"""A displacement field as the measures see it: blocks of rows with their neighbours, whatever the vectors lie in.

The file, an array in memory and the grid of a transform node are measured by the same code; no more of the field
than blocks and their neighbours is held beyond what its owner holds.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

BLOCK_NODES = 1 << 17
"""Nodes in a block: more than a core's own cache holds, but with smaller ones threads wait for the interpreter."""
WHOLE_SLICES = 1.5
"""How many times a block's nodes a slice may have that is not divided into bands."""
TAME_MM, TAME_NUMBER = 1e6, 1e2
"""Components of vectors, and numbers of matrices, up to which no measure overflows."""
THREADS = 2
"""Most that measure a field: more wait for the interpreter."""
ASKED_EVERY_S = 0.1
"""How often a measure asks whether to go on."""
ALL_ROWS = slice(None)


class SliceReader(Protocol):
    """Gives slice k, or some rows of it, as float32 (rows, nx, 3); the array may be used again for the next."""

    def __call__(self, k: int, rows: slice = ALL_ROWS, /) -> np.ndarray: ...


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
    in_order: bool = False
    """Whether slices can only be read one after the other: on one thread, and all that is needed of one at once."""
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

    def first_of(self, block: Block) -> int:
        """Return the number of a block's first node, x fastest; those that follow are the block's others."""
        nx, ny, _ = self.dimensions
        return (block.slices.start * ny + block.rows.start) * nx

    def asking(self, go_on: Callable[[], None]) -> Field:
        """Return the same field, whose measures call ``go_on`` as they work: it stops them, within a slice, by raising.

        It is called from the thread that measures, never from those that help.
        """
        return replace(self, go_on=go_on)

    @property
    def threads(self) -> int:
        """On how many measures are taken."""
        return 1 if self.in_order else min(THREADS, os.cpu_count() or 1)

    def run(self, work: Callable[[SliceReader, range], None], count: int | None = None) -> None:
        """Call ``work(reader, part)`` for contiguous ranges of so many numbers, by default those of the slices.

        On several threads where there are cores.
        """
        count = self.dimensions[2] if count is None else count
        threads = min(self.threads, count)
        borders = np.linspace(0, count, threads + 1).astype(int)
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

        def read_unless_stopped(k: int, *rows: slice) -> np.ndarray:
            if stopped.is_set():
                raise InterruptedError
            return read(k, *rows)

        return read_unless_stopped


def results_of(tasks: Sequence[Future[Any]], go_on: Callable[[], None] | None) -> list[Any]:
    """Return what tasks in other threads came to, asking meanwhile whether to go on, see :meth:`Field.asking`."""
    while go_on is not None and wait(tasks, ASKED_EVERY_S).not_done:
        go_on()
    return [task.result() for task in tasks]


class Planes:
    """Component planes of a band of rows, float32 (3, rows, nx), with non-finite vectors NaN.

    As many slices are kept as a block of the layout needs, with its neighbours if ``near``.
    """

    def __init__(self, field: Field, read: SliceReader, near: bool, divided: Layout) -> None:
        self._field, self._read = field, read
        self._margin = 1 if near else 0
        self._most = len(divided.groups[0]) + 2 * self._margin
        self._kept: dict[int, np.ndarray] = {}
        self._spare: list[np.ndarray] = []
        self._tame: dict[int, bool] = {}
        self._band = slice(0, 0)
        self.rows = slice(0, 0)
        """Those that the planes have, of the slices."""

    def begin(self, band: slice) -> None:
        """Give rows of this band and its neighbours from here on."""
        if band == self._band:
            return
        nx, ny, _ = self._field.dimensions
        self._band = band
        self.rows = slice(max(band.start - self._margin, 0), min(band.stop + self._margin, ny))
        shape = (3, self.rows.stop - self.rows.start, nx)
        self._spare = [planes for planes in (*self._spare, *self._kept.values()) if planes.shape == shape]
        self._kept.clear()

    def get(self, k: int) -> np.ndarray:
        """Return what the band has of slice k."""
        if k in self._kept:
            return self._kept[k]
        stored = self._read(k, self.rows)
        if len(self._kept) >= self._most:
            planes = self._kept.pop(min(self._kept))
        else:
            planes = self._spare.pop() if self._spare else np.empty((3, *stored.shape[:2]), np.float32)
        np.copyto(planes, np.moveaxis(stored, -1, 0))
        # NaN is neither.
        self._tame[k] = bool(planes.min() >= -TAME_MM and planes.max() <= TAME_MM)
        if not self._tame[k]:
            planes[:, ~np.isfinite(planes).all(axis=0)] = np.nan
        self._kept[k] = planes
        return planes

    def tame(self, k: int) -> bool:
        """Return whether all that was last asked for of a slice is finite and within :data:`TAME_MM`."""
        return self._tame[k]


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


@dataclass(frozen=True)
class Layout:
    """How a field is divided into blocks of about :data:`BLOCK_NODES` nodes: by slices, and by bands of rows."""

    groups: list[range]
    """Slices of a block: more than one where they are small."""
    bands: list[slice]
    """Rows of a block."""
    through: bool
    """Whether a band runs through all slices before the next begins, so that its rows of three slices stay in the
    cache; otherwise all is in order, as it is read best, and what is kept of a slice is all of it."""
    nx: int

    @property
    def parts(self) -> int:
        """Into how many parts the work can be divided without reading rows of neighbours twice."""
        return len(self.bands if self.through else self.groups)

    def blocks(self, parts: range) -> Iterator[Block]:
        """Yield the blocks of some of the parts."""
        some = slice(parts.start, parts.stop)
        if self.through:
            yield from (Block(group, band, self.nx) for band in self.bands[some] for group in self.groups)
        else:
            yield from (Block(group, band, self.nx) for group in self.groups[some] for band in self.bands)


def layout(field: Field, near: bool, quantities: int = 1) -> Layout:
    """Divide a field into blocks, smaller ones where many quantities are made of each: memory goes with both.

    ``near``: whether their neighbours are needed.
    """
    nx, ny, nz = field.dimensions
    nodes = max(BLOCK_NODES // max(quantities // 3, 1), 1)
    together = max(1, min(round(nodes / (nx * ny)), nz))
    count = 1
    if nx * ny > WHOLE_SLICES * nodes:
        per_thread = max(1, round(nx * ny / nodes / field.threads))
        count = min(ny, per_thread * field.threads)
    borders = np.linspace(0, ny, count + 1).astype(int).tolist()
    bands = [slice(first, last) for first, last in pairwise(borders)]
    groups = [range(k, min(k + together, nz)) for k in range(0, nz, together)]
    return Layout(groups, bands, near and not field.in_order and count > 1, nx)
