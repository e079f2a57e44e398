"""One way through all nodes of a field: the vectors of a block, their differences, and what is made of both.

Central differences inside and one-sided at the border, along the grid's own axes. Blocks are of rows, or of whole
slices where these are small, on two threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .field import TAME_NUMBER, Block, Field, Planes, SliceReader, layout

OfVectors = Callable[[np.ndarray, np.ndarray], None]
"""Called with components (3, n) of vectors and the n numbers of the result to fill."""
OfDifferences = Callable[[np.ndarray, np.ndarray], Callable[[np.ndarray], None]]
"""Called with the memory of n nodes' differences (3, 3, n) and (2, n) to work in; returns what is called with the n
numbers of the result to fill, each time that the differences are there."""


@dataclass(frozen=True, eq=False)
class Quantity:
    """One number for each node of a field, float32; NaN where the vector, or one that it needs beside it, is undefined.

    Made of the vectors alone, or of twice their derivatives along the grid's axes.
    """

    of_vectors: Callable[[Field], OfVectors] | None = None
    of_differences: Callable[[Field], OfDifferences] | None = None
    spoils: bool = False
    """Whether it works in the memory of the differences, and comes after all others."""


class Taker(Protocol):
    """Takes the numbers of blocks, on one thread."""

    def place(self, block: Block) -> Sequence[np.ndarray]:
        """Return for each quantity n contiguous numbers to fill."""

    def take(self, block: Block) -> None:
        """Take what was filled."""


def need_differences(quantities: Sequence[Quantity]) -> bool:
    """Tell whether any of some quantities needs vectors beside a node."""
    return any(quantity.of_differences for quantity in quantities)


class Made:
    """Quantities made of the vectors and differences of some nodes, in the order in which they can be."""

    def __init__(self, field: Field, quantities: Sequence[Quantity]) -> None:
        self._of_vectors = [
            (number, quantity.of_vectors(field)) for number, quantity in enumerate(quantities) if quantity.of_vectors
        ]
        order = sorted(range(len(quantities)), key=lambda number: quantities[number].spoils)
        self._of_differences = [
            (number, make(field)) for number in order if (make := quantities[number].of_differences) is not None
        ]
        self._bound: list[tuple[int, Callable[[np.ndarray], None]]] = []

    def bind(self, twice: np.ndarray) -> None:
        """Make what needs differences of these, (3, 3, n), from here on."""
        work = np.empty((2, twice.shape[2]), np.float32)
        self._bound = [(number, bind(twice, work)) for number, bind in self._of_differences]

    def of_vectors(self, planes: np.ndarray, places: Sequence[np.ndarray]) -> None:
        """Fill what is made of components (3, n), in places of n numbers each."""
        for number, fill in self._of_vectors:
            fill(planes, places[number])

    def of_differences(self, places: Sequence[np.ndarray]) -> None:
        """Fill the rest."""
        for number, fill in self._bound:
            fill(places[number])


def walk(field: Field, quantities: Sequence[Quantity], taker: Callable[[], Taker]) -> None:
    """Make quantities of all nodes of a field; ``taker`` makes what takes them, for each thread its own."""
    nz = field.dimensions[2]
    tame_matrices = _tame(field)
    near = need_differences(quantities)
    divided = layout(field, near, len(quantities))
    whole = slice(0, field.dimensions[1])

    def measure_parts(read: SliceReader, parts: range) -> None:
        planes, made, takes = Planes(field, read, near, divided), Made(field, quantities), taker()
        nx = divided.nx
        buffer = np.empty((3, 3, 0, 0, nx), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            for block in divided.blocks(parts):
                planes.begin(block.rows if divided.through or not near else whole)
                if near and buffer.shape[2:4] != block.shape[:2]:
                    buffer = np.empty((3, 3, *block.shape), np.float32)
                    made.bind(buffer.reshape(3, 3, -1))
                places = takes.place(block)
                first = planes.rows.start
                rows = slice(block.rows.start - first, block.rows.stop - first)
                tame = tame_matrices
                for place, k in enumerate(block.slices):
                    if near:
                        before, after = max(k - 1, 0), min(k + 1, nz - 1)
                        neighbours = planes.get(before), planes.get(k), planes.get(after)
                        _differences(neighbours, rows, 0 < k < nz - 1, buffer[:, :, place])
                        tame = tame and planes.tame(before) and planes.tame(after)
                    here = planes.get(k).reshape(3, -1)[:, rows.start * nx : rows.stop * nx]
                    tame = tame and planes.tame(k)
                    part = slice(place * here.shape[1], (place + 1) * here.shape[1])
                    made.of_vectors(here, [values[part] for values in places])
                made.of_differences(places)
                if not tame:
                    undefined = np.concatenate([np.isnan(planes.get(k)[0, rows]).reshape(-1) for k in block.slices])
                    for values in places:
                        values[undefined | ~np.isfinite(values)] = np.nan
                takes.take(block)

    field.run(measure_parts, divided.parts)


class _Arrays:
    """Takes quantities into arrays (nz, ny, nx)."""

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        self._arrays = arrays

    def place(self, block: Block) -> Sequence[np.ndarray]:
        """Return the block's place in each array."""
        return [array[block.where].reshape(-1) for array in self._arrays]

    def take(self, block: Block) -> None:
        """Leave everything where it is."""


def arrays_of(
    field: Field, quantities: Sequence[Quantity], outs: Sequence[np.ndarray | None] | None = None
) -> list[np.ndarray]:
    """Return (nz, ny, nx) float32 for each of some quantities, in one pass over the vectors.

    ``outs``: memory of as many float32 numbers for each, or None: new pages cost as much as the arithmetic.
    """
    nx, ny, nz = field.dimensions
    arrays = [
        np.empty((nz, ny, nx), np.float32) if out is None else out.reshape(nz, ny, nx)
        for out in (outs or [None] * len(quantities))
    ]
    walk(field, quantities, lambda: _Arrays(arrays))
    return arrays


def _tame(field: Field) -> bool:
    """Whether the numbers of a field's matrices are so small that with tame vectors nothing overflows."""
    linear = field.index_to_world[:3, :3]
    if not np.linalg.det(linear):
        return False
    numbers = np.array([linear, np.linalg.inv(linear), field.pre[:3, :3], field.post[:3, :3]])
    return bool(np.abs(numbers).max() <= TAME_NUMBER)


def _differences(
    neighbours: tuple[np.ndarray, np.ndarray, np.ndarray], rows: slice, between: bool, out: np.ndarray
) -> None:
    """Twice the derivative of each component along i, j and k: ``out[c, axis]`` of shape (rows, nx).

    Parameters
    ----------
    neighbours
        Planes (3, rows, nx) of the slice before, the slice and the one after; the slice itself where there is none.
    rows
        Which of them to take.
    between
        Whether there is a slice on both sides.
    """
    before, planes, after = neighbours
    _, count, nx = planes.shape
    first, last = rows.start, rows.stop
    # As one row: far faster than row by row, and the two columns that it gets wrong are written again.
    flat, along = planes.reshape(3, -1), out.reshape(3, 3, -1)
    if nx == 1:
        out[:, 0] = 0
    else:
        np.subtract(flat[:, first * nx + 2 : last * nx], flat[:, first * nx : last * nx - 2], along[:, 0, 1:-1])
        apart = max(nx - 2, 1)
        np.subtract(planes[:, rows, 1::apart], planes[:, rows, : nx - 1 : apart], ends := out[:, 0, :, :: nx - 1])
        ends *= 2
    if count == 1:
        out[:, 1] = 0
    else:
        inner = slice(max(first, 1), min(last, count - 1))
        if inner.stop > inner.start:
            upper, lower = (flat[:, (inner.start + step) * nx : (inner.stop + step) * nx] for step in (1, -1))
            np.subtract(upper, lower, along[:, 1, (inner.start - first) * nx : (inner.stop - first) * nx])
        if first == 0:
            np.multiply(planes[:, 1] - planes[:, 0], 2, out[:, 1, 0])
        if last == count:
            np.multiply(planes[:, -1] - planes[:, -2], 2, out[:, 1, -1])
    np.subtract(after[:, rows], before[:, rows], out[:, 2])
    if not between:
        out[:, 2] *= np.float32(2)
