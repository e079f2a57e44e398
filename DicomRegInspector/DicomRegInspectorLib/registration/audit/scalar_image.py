"""An image volume as a registration sees it: numbers at places in LPS mm, without DICOM, Slicer or VTK."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...space import apply_matrix, as_points, trilinear

BORDER_TOLERANCE_MM = 1e-3
"""How far outside the outermost voxel centres a point still counts as on them: positions are rounded decimals."""

_CHUNK = 1 << 15


@dataclass(frozen=True, eq=False)
class ScalarImage:
    """One value for each voxel of a stack of slices, regular or not.

    Voxel (i, j, k), ``array[k, j, i]``, has its centre at ``index_to_lps @ (i, j, k, 1)``; where slice positions are
    given, the third column says only in which direction one slice follows the other (a tilted stack leans along it)
    and the positions say how far.

    Raises
    ------
    ValueError
        When the shapes do not fit, the matrix is no invertible affine map, or the positions do not run one way,
        the way in which the third column points.
    """

    array: np.ndarray
    """(nk, nj, ni), any real type, never copied; NaN and infinite voxels have no value."""
    index_to_lps: np.ndarray
    """(4, 4) from (i, j, k, 1) to LPS mm."""
    frame_uid: str = ""
    """Frame of Reference UID (0020,0052); empty when it is not known."""
    slice_positions_mm: np.ndarray | None = None
    """(nk,) positions of the slices along ``row x column``, in mm from any origin; None for a regular stack."""

    def __post_init__(self) -> None:
        array = np.asarray(self.array)
        matrix = np.asarray(self.index_to_lps, dtype=np.float64)
        if array.ndim != 3 or not array.size or array.dtype.kind not in "buif":
            raise ValueError(f"array must be (nk, nj, ni) real numbers, got {array.shape} {array.dtype}")
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not np.array_equal(matrix[3], [0, 0, 0, 1]):
            raise ValueError("index_to_lps must be a finite (4, 4) matrix with 0 0 0 1 as its last row")
        if abs(np.linalg.det(matrix[:3, :3])) <= 1e-9 * np.prod(np.linalg.norm(matrix[:3, :3], axis=0)):
            raise ValueError("index_to_lps cannot be inverted: its columns do not span space")
        object.__setattr__(self, "array", array)
        object.__setattr__(self, "index_to_lps", matrix)
        if self.slice_positions_mm is not None:
            object.__setattr__(self, "slice_positions_mm", self._checked_positions(array.shape[0]))

    def _checked_positions(self, count: int) -> np.ndarray:
        positions = np.asarray(self.slice_positions_mm, dtype=np.float64)
        if positions.shape != (count,) or not np.isfinite(positions).all():
            raise ValueError(f"slice_positions_mm must be {count} finite numbers, got shape {positions.shape}")
        if not (np.diff(positions) * np.sign(self._rise_mm) > 0).all():
            raise ValueError("slice_positions_mm must run strictly the way the third column of index_to_lps points")
        return positions

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """(ni, nj, nk)."""
        nk, nj, ni = self.array.shape
        return ni, nj, nk

    @property
    def spacing_mm(self) -> np.ndarray:
        """(3,) mm from voxel to voxel along i, j and k; along k the median where positions are irregular."""
        spacing = np.linalg.norm(self.index_to_lps[:3, :3], axis=0)
        if self._levels is not None and len(self._levels) > 1:
            spacing[2] *= np.median(np.diff(self._levels))
        return spacing

    @property
    def _rise_mm(self) -> float:
        """How far a step of the third column goes along ``row x column``; negative when it goes against it."""
        row, column, step = np.asarray(self.index_to_lps, dtype=np.float64)[:3, :3].T
        normal = np.cross(row, column)
        return float(step @ normal / np.linalg.norm(normal))

    @cached_property
    def _levels(self) -> np.ndarray | None:
        """Where the slices lie, in steps of the third column from the first; None when slice k lies at step k."""
        if self.slice_positions_mm is None:
            return None
        return (self.slice_positions_mm - self.slice_positions_mm[0]) / self._rise_mm

    def index_of(self, points: np.ndarray) -> np.ndarray:
        """Return fractional (i, j, k) of points (n, 3) in LPS mm; beyond irregular slices the last interval goes on."""
        index = apply_matrix(np.linalg.inv(self.index_to_lps), np.asarray(points, dtype=np.float64))
        levels = self._levels
        if levels is not None and len(levels) > 1:
            steps = np.diff(levels)
            below = np.clip(np.searchsorted(levels, index[:, 2], side="right") - 1, 0, len(steps) - 1)
            index[:, 2] = below + (index[:, 2] - levels[below]) / steps[below]
        return index

    def points_of(self, index: np.ndarray) -> np.ndarray:
        """Return LPS mm of fractional (i, j, k), (n, 3)."""
        index = np.array(index, dtype=np.float64)
        levels = self._levels
        if levels is not None and len(levels) > 1:
            below = np.clip(np.floor(index[:, 2]).astype(np.int64), 0, len(levels) - 2)
            index[:, 2] = levels[below] + (index[:, 2] - below) * np.diff(levels)[below]
        return apply_matrix(self.index_to_lps, index)

    def sample(self, points: np.ndarray) -> np.ndarray:
        """Return values at points, by trilinear interpolation between voxel centres, in double precision.

        An axis of a single voxel reaches half a voxel to either side, with the same value throughout.

        Parameters
        ----------
        points
            (..., 3) LPS mm.

        Returns
        -------
        np.ndarray
            (...,) float64; NaN outside the image, for NaN points, and where a voxel that takes part has no value.

        Raises
        ------
        ValueError
            When the last axis has not three coordinates.
        """
        points = as_points(points)
        flat = points.reshape(-1, 3)
        values = np.empty(len(flat))
        for start in range(0, len(flat), _CHUNK):
            part = slice(start, start + _CHUNK)
            with np.errstate(invalid="ignore", over="ignore"):
                values[part] = self._sample_index(self.index_of(flat[part]))
        return values.reshape(points.shape[:-1])

    def _sample_index(self, index: np.ndarray) -> np.ndarray:
        last = np.array(self.dimensions) - 1
        reach = np.where(last == 0, 0.5, BORDER_TOLERANCE_MM / self.spacing_mm)
        inside = ((index >= -reach) & (index <= last + reach)).all(axis=1)
        index = np.clip(np.where(inside[:, None], index, 0.0), 0, last)
        total = trilinear(lambda i, j, k: self.array[k, j, i].astype(np.float64), index, self.dimensions)
        return np.where(inside & np.isfinite(total), total, np.nan)
