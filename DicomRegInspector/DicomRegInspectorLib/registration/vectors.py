"""Deformation vectors: from their place in the file straight into the array that will hold them.

Nothing of the size of the grid is read twice or held twice: slabs that fit a processor cache are read into their
final place and worked on there, on two threads where the file allows it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ..dicom.deflated_source import DeflatedSource, Unpacked, UnpackedSource
from ..dicom.source import ByteSource, PlainSource
from ..errors import TruncatedFileError

BYTES_PER_VECTOR = 12
SLAB_VECTORS = 1 << 16
"""Vectors in a slab (768 KiB): small enough for a second-level cache, large enough to hide Python's cost."""

SlabWork = Callable[[np.ndarray, int], None]
"""Called with a slab, float32 of shape (n, 3), and the number of its first vector; may change the slab in place."""


VectorFill = Callable[[np.ndarray, int], None]
"""Fills an array, float32 and C-contiguous, with the vectors from a number on."""


@dataclass(frozen=True)
class VectorPlace:
    """Where the value of Vector Grid Data (0064,0009) lies, and how its numbers are written (PS3.3 C.20.3.1.3)."""

    path: Path
    offset: int
    """First byte: in the file, or in the inflated data set when ``deflated_from`` is not None."""
    count: int
    """Number of vectors."""
    byte_order: str
    """``<``, ``>``, or ``w`` for 16-bit words swapped (an OW that a tool turned to big endian as words)."""
    deflated_from: int | None = None
    name: str = "Vector Grid Data (0064,0009)"
    """What errors call them."""
    unpacked: Unpacked | None = field(default=None, repr=False, compare=False)
    """The inflated data set, where it was kept."""

    @property
    def in_order(self) -> bool:
        """Whether they can only be read from the start: inflating is slow, and goes forward."""
        return self.deflated_from is not None and self.unpacked is None

    def open(self, first: int = 0) -> ByteSource:
        """Return the file, placed at a vector.

        Raises FileError when the file cannot be opened any more.
        """
        if self.deflated_from is None:
            source: ByteSource = PlainSource(self.path)
        elif self.unpacked is not None:
            source = UnpackedSource(self.path, self.unpacked)
        else:
            source = DeflatedSource(self.path, self.deflated_from)
        source.skip(self.offset + first * BYTES_PER_VECTOR)
        return source

    def read_into(self, target: np.ndarray, work: SlabWork | None = None) -> None:
        """Fill an array with all vectors, components along LPS in mm as the file holds them.

        Raises TruncatedFileError when the file has become shorter since its elements were read.

        Parameters
        ----------
        target
            float32, C-contiguous, ``count * 3`` numbers in all; its memory is written slab by slab.
        work
            Applied to every slab once its numbers are in this machine's byte order, possibly from two threads.
        """
        flat = target.reshape(-1)
        if flat.size != self.count * 3 or flat.dtype != np.float32 or not np.shares_memory(flat, target):
            raise ValueError(
                f"target must be {self.count * 3} contiguous float32 numbers, got {target.shape} {target.dtype}"
            )
        if self.in_order or (os.cpu_count() or 1) < 2 or self.count <= 4 * SLAB_VECTORS:
            self._fill(flat, 0, self.count, work)
            return
        middle = self.count // 2 // SLAB_VECTORS * SLAB_VECTORS
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(self._fill, flat, middle, self.count, work)
            self._fill(flat, 0, middle, work)
            other.result()

    def open_anywhere(self) -> VectorFill:
        """Return what fills an array with the vectors from a number on; deflated ones best in ascending order."""
        filling = self._fill_anywhere()
        next(filling)
        return lambda buffer, first: filling.send((buffer, first))

    def _fill_anywhere(self) -> Generator[None, tuple[np.ndarray, int]]:
        """A generator, so that the file is closed when nobody asks any more."""
        source, at = self.open(), 0
        try:
            while True:
                buffer, first = yield
                if first < at and self.in_order:
                    source.close()
                    source, at = self.open(), 0
                source.skip((first - at) * BYTES_PER_VECTOR)
                self._read(source, buffer.reshape(-1), first)
                at = first + buffer.size // 3
        finally:
            source.close()

    def slabs(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield all vectors in order: (number of the first, float32 (n, 3) LPS mm); the array is used again."""
        buffer = np.empty(SLAB_VECTORS * 3, np.float32)
        source = self.open()
        try:
            for first in range(0, self.count, SLAB_VECTORS):
                slab = buffer[: 3 * min(SLAB_VECTORS, self.count - first)]
                self._read(source, slab, first)
                yield first, slab.reshape(-1, 3)
        finally:
            source.close()

    def _fill(self, flat: np.ndarray, first: int, end: int, work: SlabWork | None) -> None:
        source = self.open(first)
        try:
            for start in range(first, end, SLAB_VECTORS):
                stop = min(start + SLAB_VECTORS, end)
                slab = flat[3 * start : 3 * stop]
                self._read(source, slab, start)
                if work is not None:
                    work(slab.reshape(-1, 3), start)
        finally:
            source.close()

    def _read(self, source: ByteSource, slab: np.ndarray, first: int) -> None:
        got = source.readinto(memoryview(slab).cast("B"))
        if got != slab.nbytes:
            raise TruncatedFileError(
                self.path,
                f"{self.name} ends after {first * BYTES_PER_VECTOR + got} of "
                f"{self.count * BYTES_PER_VECTOR} bytes; the file has changed since it was opened",
            )
        to_native(slab, self.byte_order)


class _Held:
    """What has all its vectors in one array."""

    array: np.ndarray

    def slabs(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield what :meth:`VectorPlace.slabs` does; the slabs are views."""
        flat = self.array.reshape(-1, 3)
        for first in range(0, len(flat), SLAB_VECTORS):
            yield first, flat[first : first + SLAB_VECTORS]

    def read_into(self, target: np.ndarray, work: SlabWork | None = None) -> None:
        """Fill an array as :meth:`VectorPlace.read_into` does, on one thread."""
        flat = target.reshape(-1, 3)
        for first, slab in self.slabs():
            part = flat[first : first + len(slab)]
            part[:] = slab
            if work is not None:
                work(part, first)


@dataclass(frozen=True)
class MemoryPlace(_Held):
    """Vectors that are in memory already, in place of a file."""

    array: np.ndarray
    """(nz, ny, nx, 3) float32, C-contiguous."""

    @property
    def count(self) -> int:
        """Number of vectors."""
        return self.array.size // 3


@dataclass(frozen=True, eq=False)
class LatePlace(_Held):
    """Vectors that are made (read, decompressed, sampled) when something asks for them first, and kept then."""

    make: Callable[[], np.ndarray]
    """Returns (nz, ny, nx, 3) float32, C-contiguous."""
    count: int
    """Number of vectors."""

    @cached_property
    def array(self) -> np.ndarray:  # type: ignore[override] # made late, and read only
        """(nz, ny, nx, 3) float32, C-contiguous; raises what making it raises."""
        array = self.make()
        array.flags.writeable = False
        return array

    def forget(self) -> None:
        """Let go of the vectors; the next use makes them again."""
        vars(self).pop("array", None)


def to_native(slab: np.ndarray, byte_order: str) -> None:
    """Turn float32 numbers into this machine's byte order, in place."""
    if byte_order == "w":
        slab.view(np.uint16).byteswap(inplace=True)
        byte_order = "<"
    if (byte_order == "<") != (sys.byteorder == "little"):
        slab.byteswap(inplace=True)


def plausible_byte_order(place: VectorPlace) -> str:
    """Return the byte order in which a sample of the vectors looks like displacements.

    Only OF says how a float is written in a big endian file; OW, OB and UN leave it open (PS3.5 section 7.3). The
    declared order stands unless it makes less than half of the sample plausible and another order more than 99 %.
    """
    count = min(place.count, SLAB_VECTORS)
    raw = np.empty(3 * count, np.float32)
    source = place.open()
    try:
        source.readinto(memoryview(raw).cast("B"))
    finally:
        source.close()
    shares = {}
    for order in dict.fromkeys((place.byte_order, "w", "<", ">")):
        sample = raw.copy()
        to_native(sample, order)
        shares[order] = _plausible_share(sample)
    best = max(shares, key=shares.__getitem__)
    return best if shares[place.byte_order] < 0.5 and shares[best] > 0.99 else place.byte_order


def _plausible_share(sample: np.ndarray) -> float:
    size = np.abs(sample)
    # Between a nanometre and ten metres, exactly zero, or a proper NaN: all else comes of turned bytes.
    return float(np.mean((size == 0) | ((size > 1e-6) & (size < 1e4)) | np.isnan(sample))) if sample.size else 1.0
