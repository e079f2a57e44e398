"""What structures are made of: contours and voxels. LPS mm throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..space import apply_matrix

CLOSED_TYPES = frozenset(("CLOSED_PLANAR", "CLOSEDPLANAR_XOR"))
"""Contour Geometric Types (3006,0042) that enclose an area (PS3.3 C.8.8.6.1)."""
GEOMETRIC_TYPES = CLOSED_TYPES | {"POINT", "OPEN_PLANAR", "OPEN_NONPLANAR"}
LEAST_POINTS = {"POINT": 1, "OPEN_PLANAR": 2, "OPEN_NONPLANAR": 2}
"""What a contour of a type has at least; closed ones three."""


class VoxelGrid(Protocol):
    """Where voxels lie: a :class:`~..volumes.Volume`, and :class:`~..registration.nodes.Nodes`."""

    @property
    def index_to_lps(self) -> NDArray[np.float64]:
        """(4, 4) from (i, j, k, 1) to LPS mm."""

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """(ni, nj, nk)."""


@dataclass(frozen=True, eq=False)
class Contour:
    """A polygon, a curve or a point (PS3.3 C.8.8.6)."""

    points: NDArray[np.float64]
    """(n, 3) LPS mm; the first is not repeated at the end."""
    geometric_type: str = "CLOSED_PLANAR"
    images: tuple[tuple[str, str], ...] = ()
    """(SOP Class UID, SOP Instance UID) of Contour Image Sequence (3006,0016)."""
    frame_number: int | None = None
    """Of an image with several frames, from 1: the one that it lies in."""

    @property
    def is_closed(self) -> bool:
        """Whether it encloses an area."""
        return self.geometric_type in CLOSED_TYPES


@dataclass(frozen=True, eq=False)
class Voxels:
    """A region as voxels: those whose value is true, and nothing outside."""

    array: NDArray[np.bool_]
    """(nk, nj, ni)."""
    index_to_lps: NDArray[np.float64]
    """(4, 4) from (i, j, k, 1) to LPS mm."""

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """(ni, nj, nk)."""
        nk, nj, ni = self.array.shape
        return ni, nj, nk

    @property
    def volume_mm3(self) -> float:
        """Of all voxels in it."""
        return float(np.count_nonzero(self.array)) * abs(float(np.linalg.det(self.index_to_lps[:3, :3])))

    def box(self) -> NDArray[np.float64] | None:
        """Return (2, 3) lowest and highest LPS mm of the corners of what is in it; None where nothing is."""
        where = [np.flatnonzero(self.array.any(axis=axes)) for axes in ((0, 1), (0, 2), (1, 2))]
        if not all(map(len, where)):
            return None
        ends = [(along[0] - 0.5, along[-1] + 0.5) for along in where]
        corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
        placed = apply_matrix(self.index_to_lps, corners)
        return np.stack([placed.min(axis=0), placed.max(axis=0)])


def cropped(array: NDArray[np.bool_], index_to_lps: NDArray[np.float64]) -> Voxels:
    """Return voxels without what is empty around them; of an empty array a single voxel."""
    ends = []
    for axis in range(3):
        others: Sequence[int] = [other for other in range(3) if other != axis]
        there = np.flatnonzero(array.any(axis=tuple(others)))
        ends.append(slice(int(there[0]), int(there[-1]) + 1) if len(there) else slice(0, 1))
    moved = np.array(index_to_lps, float)
    moved[:3, 3] += moved[:3, :3] @ [ends[2].start, ends[1].start, ends[0].start]
    return Voxels(array[tuple(ends)].copy(), moved)
