"""Headers of NIfTI-1 and NIfTI-2 files in one piece, compressed or not: sizes, intent, and where voxels lie."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....errors import FileError
from ....space import LPS_TO_RAS, apply_matrix, lattice_corners
from .volume_numbers import Packing

_TYPES = {16: "f4", 64: "f8"}
_MILLIMETRES = (0, 2)
"""Units of length: not said, which all programs take for mm; mm."""
_SAME_PLACE_MM = 0.01
HEADER_BYTES = {348: 1, 540: 2}
"""Sizes of headers, and of which version they are."""


@dataclass(frozen=True)
class NiftiHeader:
    """What a header says, as far as a displacement field needs it."""

    dimensions: tuple[int, ...]
    """As many as the file says, the fastest first."""
    intent: int
    intent_name: str
    intent_parameters: tuple[float, float, float]
    dtype: str
    """NumPy's, with its byte order; empty for other numbers than 32 and 64-bit floats."""
    offset: int
    """First byte of the numbers, unpacked."""
    slope: float
    intercept: float
    units: int
    qform: np.ndarray | None
    """(4, 4) from (i, j, k, 1) to RAS mm; None without."""
    sform: np.ndarray | None
    packing: Packing

    @property
    def is_vectors(self) -> bool:
        """Whether there are three floating-point numbers for each node, as the fifth dimension."""
        sizes = self.dimensions
        return bool(self.dtype) and len(sizes) == 5 and sizes[3] == 1 and sizes[4] == 3

    def index_to_lps(self, path: Path) -> np.ndarray:
        """Return (4, 4) from (i, j, k, 1) to LPS mm.

        Raises FileError when there is none, or two that differ, or lengths are not in mm.
        """
        if self.units & 7 not in _MILLIMETRES:
            raise FileError(path, f"has lengths in unit {self.units & 7} of NIfTI; mm (2) are expected")
        both = [matrix for matrix in (self.sform, self.qform) if matrix is not None]
        if not both:
            raise FileError(path, "has neither qform nor sform: nothing says where it lies")
        if not all(np.isfinite(matrix).all() for matrix in both):
            raise FileError(path, "has a qform or sform that is not finite")
        corners = [apply_matrix(matrix, lattice_corners(np.eye(4), self.dimensions[:3])) for matrix in both]
        apart = float(np.linalg.norm(corners[0] - corners[-1], axis=1).max())
        if apart > _SAME_PLACE_MM:
            raise FileError(
                path, f"has a qform and an sform that put its corners up to {apart:.3g} mm apart: it lies in two places"
            )
        return LPS_TO_RAS @ both[0]


def read_nifti_header(head: bytes) -> NiftiHeader | None:
    """Return the header of a file's first bytes, packed or not; None when they are of no NIfTI file in one piece."""
    packing: Packing = "raw"
    if head.startswith(b"\x1f\x8b"):
        packing = "gzip"
        try:
            head = zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(head, 1024)
        except zlib.error:
            return None
    for order in "<>":
        size = struct.unpack(order + "i", head[:4])[0] if len(head) >= 4 else 0
        if size in HEADER_BYTES and len(head) >= size:
            return (_first if size == 348 else _second)(head, order, packing)
    return None


def _first(head: bytes, order: str, packing: Packing) -> NiftiHeader | None:
    if head[344:348] != b"n+1\0":
        return None
    sizes = struct.unpack(order + "8h", head[40:56])
    numbers = struct.unpack(order + "8f", head[76:108])
    offset, slope, intercept = struct.unpack(order + "3f", head[108:120])
    codes = struct.unpack(order + "2h", head[252:256])
    quaternion = struct.unpack(order + "6f", head[256:280])
    rows = struct.unpack(order + "12f", head[280:328])
    parameters = struct.unpack(order + "3f", head[56:68])
    intent, kind = struct.unpack(order + "2h", head[68:72])
    name = head[328:344]
    return _header(order, packing, sizes, numbers, (offset, slope, intercept), codes, quaternion, rows, parameters,
                   (intent, kind, head[123]), name)  # fmt: skip


def _second(head: bytes, order: str, packing: Packing) -> NiftiHeader | None:
    if head[4:8] != b"n+2\0":
        return None
    (kind,) = struct.unpack(order + "h", head[12:14])
    sizes = struct.unpack(order + "8q", head[16:80])
    parameters = struct.unpack(order + "3d", head[80:104])
    numbers = struct.unpack(order + "8d", head[104:168])
    (offset,) = struct.unpack(order + "q", head[168:176])
    slope, intercept = struct.unpack(order + "2d", head[176:192])
    codes = struct.unpack(order + "2i", head[344:352])
    quaternion = struct.unpack(order + "6d", head[352:400])
    rows = struct.unpack(order + "12d", head[400:496])
    units, intent = struct.unpack(order + "2i", head[500:508])
    return _header(order, packing, sizes, numbers, (offset, slope, intercept), codes, quaternion, rows, parameters,
                   (intent, kind, units), head[508:524])  # fmt: skip


def _header(
    order: str,
    packing: Packing,
    sizes: tuple[int, ...],
    spacing: tuple[float, ...],
    scaling: tuple[float, float, float],
    codes: tuple[int, ...],
    quaternion: tuple[float, ...],
    rows: tuple[float, ...],
    parameters: tuple[float, ...],
    kinds: tuple[int, int, int],
    name: bytes,
) -> NiftiHeader | None:
    count = sizes[0]
    offset, slope, intercept = scaling
    if not 1 <= count <= 7 or min(sizes[1 : count + 1]) < 1 or not 0 <= offset < 1 << 40:
        return None
    intent, kind, units = kinds
    sform = None
    if codes[1] > 0:
        sform = np.vstack([np.array(rows).reshape(3, 4), (0, 0, 0, 1)])
    qform = _of_quaternion(np.array(quaternion), np.array(spacing)) if codes[0] > 0 else None
    first, second, third = parameters
    return NiftiHeader(
        sizes[1 : count + 1], intent, name.split(b"\0")[0].decode("ascii", "replace"), (first, second, third),
        order + _TYPES[kind] if kind in _TYPES else "", int(offset), slope, intercept, units, qform, sform, packing,
    )  # fmt: skip


def _of_quaternion(numbers: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """(4, 4) of the imaginary parts b, c, d and the offset, and of pixdim with the sign of the third axis first."""
    b, c, d = numbers[:3]
    with np.errstate(over="ignore", invalid="ignore"):
        a = np.sqrt(max(1.0 - float(b * b + c * c + d * d), 0.0))
        rotation = np.array(
            [
                [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
                [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
                [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
            ]
        )
        matrix = np.eye(4)
        matrix[:3, :3] = rotation * spacing[1:4] * [1, 1, -1 if spacing[0] < 0 else 1]
        matrix[:3, 3] = numbers[3:]
    return matrix
