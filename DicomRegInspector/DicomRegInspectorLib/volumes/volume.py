"""A volume to be compared: its values and where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UsageError
from ..space import apply_matrix


@dataclass(frozen=True, eq=False)
class Volume:
    """Values on a lattice, or on planes that are no lattice. LPS mm.

    Raises
    ------
    UsageError
        The array has not three axes (four with channels), or the matrix does not place it.
    """

    array: NDArray[Any]
    """(nk, nj, ni) or (nk, nj, ni, channels)."""
    index_to_lps: NDArray[np.float64]
    """(4, 4) from (i, j, k, 1) to LPS mm."""
    name: str = ""
    """How messages call it."""
    slice_corners_lps_mm: NDArray[np.float64] | None = None
    """(nk, 3) where the first voxel of each slice lies, for stacks that no matrix places; None: by the matrix."""
    quanta: NDArray[np.float64] | None = None
    """(nk,) or (1,): the steps that values were stored in (rescale slopes); None where unknown."""
    frame_uid: str = ""
    """Frame of Reference UID; empty where unknown."""
    owner: object = None
    """What the array's memory belongs to, where that is not the array; kept alive here."""

    def __post_init__(self) -> None:
        called = self.name or "the volume"
        if self.array.ndim not in (3, 4) or 0 in self.array.shape:
            raise UsageError(
                f"{called}: has the shape {self.array.shape}; three axes of one voxel or more are compared"
            )
        matrix = np.asarray(self.index_to_lps, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or np.linalg.matrix_rank(matrix[:3, :3]) < 3:
            raise UsageError(f"{called}: its index-to-space matrix does not place it (not finite, or singular)")

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """(ni, nj, nk)."""
        nk, nj, ni = self.array.shape[:3]
        return ni, nj, nk

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """(3,) along i, j and k."""
        return np.linalg.norm(self.index_to_lps[:3, :3], axis=0)

    @property
    def directions(self) -> NDArray[np.float64]:
        """(3, 3) unit vectors of i, j and k as columns."""
        return self.index_to_lps[:3, :3] / self.spacing_mm

    @property
    def orientation(self) -> str:
        """To which side i, j and k run, to the nearest: ``LPS`` for an axial stack from feet to head."""
        letters = ("RL", "AP", "IS")
        main = np.argmax(np.abs(self.directions), axis=0)
        return "".join(letters[axis][int(self.directions[axis, m] > 0)] for m, axis in enumerate(main))

    def positions(self, index: ArrayLike) -> NDArray[np.float64]:
        """Return places (..., 3), LPS mm, of voxels (..., 3) given as whole numbers (i, j, k)."""
        voxels = np.asarray(index)
        if self.slice_corners_lps_mm is None:
            return apply_matrix(self.index_to_lps, voxels)
        in_plane = voxels[..., :2] @ self.index_to_lps[:3, :2].T
        return in_plane + self.slice_corners_lps_mm[voxels[..., 2].astype(int)]

    def to_dict(self) -> dict[str, Any]:
        """Return what a report tells of it."""
        return {
            "name": self.name,
            "dimensions": list(self.dimensions),
            "spacing_mm": [round(float(value), 6) for value in self.spacing_mm],
            "origin_lps_mm": [round(float(value), 6) for value in self.positions([0, 0, 0])],
            "orientation": self.orientation,
            "dtype": str(self.array.dtype),
        }
