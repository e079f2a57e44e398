"""The numbers of displacement volumes: where they lie, compared with the file's size, and as vectors on a lattice."""

from __future__ import annotations

import bz2
import math
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from ....errors import FileError, TruncatedFileError
from ....limits import BZIP2, COMPRESSION
from ....space import RAS_SIGNS, apply_matrix
from ...grid import Grid
from ...mapping import Mapping
from ...vectors import VectorPlace
from ..itk.numbers import late_grid

Packing = Literal["raw", "gzip", "bzip2"]
"""gzip also stands for a bare zlib stream."""
_MOST_PACKED = {"raw": 1, "gzip": COMPRESSION.value, "bzip2": BZIP2.value}
"""How many bytes a packed byte can become."""
_PIECE = 1 << 20
_PROBES = 5
"""Nodes along each axis that are looked at to tell positions from displacements."""
POSITION_SPREAD = 0.5
"""Of the nodes' own spread: where vectors less positions spread less, they are positions."""


@dataclass(frozen=True)
class VolumeNumbers:
    """Where the numbers of a volume lie in a file."""

    path: Path
    offset: int
    """First byte of the numbers; of packed ones of what is packed, see ``skip``."""
    dtype: str
    """NumPy's, with its byte order: ``<f4``."""
    shape: tuple[int, ...]
    """Slowest axis first."""
    packing: Packing = "raw"
    skip: int = 0
    """Bytes of what was unpacked in front of the numbers."""

    @property
    def size(self) -> int:
        """Bytes of the numbers."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def check_size(self) -> None:
        """Compare what is announced with the file's size, before anything is allocated.

        Raises TruncatedFileError when the file cannot hold it, FileError when it is not there.
        """
        try:
            there = os.stat(self.path).st_size - self.offset
        except OSError as error:
            raise FileError(self.path, f"cannot be read ({error.strerror or error})") from error
        if self.size + self.skip > max(there, 0) * _MOST_PACKED[self.packing]:
            raise TruncatedFileError(
                self.path, f"announces {self.size} bytes of vectors and has {max(there, 0)} ({self.packing}) for them"
            )

    def read(self) -> np.ndarray:
        """Return the numbers in their shape.

        Raises TruncatedFileError or FileError when they are not all there.
        """
        self.check_size()
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                if self.packing == "raw":
                    data: bytes | bytearray = file.read(self.size)
                else:
                    data = self._unpacked(file)
        except (OSError, zlib.error, EOFError, ValueError) as error:
            raise FileError(self.path, f"holds vectors that cannot be unpacked ({error})") from error
        if len(data) < self.size:
            raise TruncatedFileError(self.path, f"ends after {len(data)} of {self.size} bytes of vectors")
        return np.frombuffer(data, self.dtype, math.prod(self.shape)).reshape(self.shape)

    def _unpacked(self, file: BinaryIO) -> bytearray:
        found, wanted = bytearray(), self.size + self.skip
        unpacker = bz2.BZ2Decompressor() if self.packing == "bzip2" else zlib.decompressobj(32 + zlib.MAX_WBITS)
        rest = b""
        while len(found) < wanted:
            packed = rest or file.read(_PIECE)
            if not packed or unpacker.eof:
                break
            if isinstance(unpacker, bz2.BZ2Decompressor):
                found += unpacker.decompress(packed, _PIECE)
                while not unpacker.needs_input and not unpacker.eof and len(found) < wanted:
                    found += unpacker.decompress(b"", _PIECE)
                rest = b""
            else:
                found += unpacker.decompress(packed, _PIECE)
                rest = unpacker.unconsumed_tail
        del found[: self.skip]
        return found


def volume_mapping(
    numbers: VolumeNumbers,
    index_to_lps: np.ndarray,
    arrange: Callable[[np.ndarray], np.ndarray],
    *,
    signs: np.ndarray | None = None,
    absolute: bool = False,
) -> Mapping:
    """Return the mapping of a displacement volume; its vectors stay in the file until they are asked for.

    Parameters
    ----------
    index_to_lps
        (4, 4) from (i, j, k, 1) to LPS mm.
    arrange
        Brings the numbers into the order (nz, ny, nx, 3).
    signs
        (3,) what turns vectors, or a (3, 3) matrix that does, into LPS; none where they are in LPS.
    absolute
        Whether they are positions where points go, and not displacements.

    Raises
    ------
    FileError
        When the file is too short, or the numbers look like positions where displacements should be.
    """
    numbers.check_size()
    nx, ny, nz = _dimensions(numbers, arrange)
    straight = numbers.packing == "raw" and signs is None and not absolute
    if straight and numbers.dtype in ("<f4", ">f4") and numbers.shape == (nz, ny, nx, 3):
        place = VectorPlace(numbers.path, numbers.offset, nx * ny * nz, numbers.dtype[0], name="the displacement field")
        spacing = np.linalg.norm(index_to_lps[:3, :3], axis=0)
        directions = index_to_lps[:3, :3] / spacing
        probes = np.memmap(numbers.path, numbers.dtype, "r", numbers.offset, numbers.shape)
        require_displacements(numbers.path, probes, index_to_lps)
        return Mapping(grid=Grid((nx, ny, nz), spacing, index_to_lps[:3, 3], directions, place, "stays"))

    def vectors() -> np.ndarray:
        array = arrange(numbers.read())
        with np.errstate(over="ignore", invalid="ignore"):
            if signs is not None:
                array = array * signs if signs.ndim == 1 else array @ signs.T
            if absolute:
                array = array - _nodes(array.shape, index_to_lps)
            else:
                require_displacements(numbers.path, array, index_to_lps)
            return np.ascontiguousarray(array, np.float32)

    return Mapping(grid=late_grid((nx, ny, nz), index_to_lps, vectors))


def _dimensions(numbers: VolumeNumbers, arrange: Callable[[np.ndarray], np.ndarray]) -> tuple[int, int, int]:
    nz, ny, nx, _ = arrange(np.broadcast_to(np.zeros((), np.int8), numbers.shape)).shape
    return nx, ny, nz


def _nodes(shape: tuple[int, ...], index_to_lps: np.ndarray) -> np.ndarray:
    """(nz, ny, nx, 3) where the nodes lie."""
    k, j, i = np.indices(shape[:3], sparse=True)
    steps = index_to_lps[:3, :3]
    return i[..., None] * steps[:, 0] + j[..., None] * steps[:, 1] + k[..., None] * steps[:, 2] + index_to_lps[:3, 3]


def require_displacements(path: Path, vectors: np.ndarray, index_to_lps: np.ndarray) -> None:
    """Refuse vectors (nz, ny, nx, 3) that are where points go, in LPS or RAS, and not how far.

    Raises FileError then.
    """
    picks = [np.unique(np.linspace(0, size - 1, _PROBES).round().astype(int)) for size in vectors.shape[:3]]
    if min(map(len, picks)) < 2:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        probes = np.asarray(vectors[np.ix_(*picks)], float).reshape(-1, 3)
    index = np.stack(np.meshgrid(*picks, indexing="ij"), axis=-1)[..., ::-1].reshape(-1, 3)
    nodes = apply_matrix(index_to_lps, index)
    finite = np.isfinite(probes).all(axis=1)
    if finite.sum() < 8:
        return
    probes, nodes = probes[finite], nodes[finite]
    spread = nodes.std(axis=0)
    for name, own in (("LPS", nodes), ("RAS", nodes * RAS_SIGNS)):
        with np.errstate(over="ignore", invalid="ignore"):
            left = (probes - own).std(axis=0)
        if (spread > 0).all() and (left < POSITION_SPREAD * spread).all():
            raise FileError(
                path,
                f"holds positions in {name} where displacements should be: they grow with the place by 1 mm for each "
                "mm; make it a displacement field by subtracting where each voxel lies",
            )
