"""A grid between matrices as ITK looks it up, for a slab of an output at a time, and where it is defined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...registration import Grid, Mapping
from ...registration.between_nodes import BORDER_TOLERANCE_MM
from ...registration.matrices import is_singular
from ...space import apply_matrix, lattice_corners
from ...volumes.other_formats import import_simpleitk, place_image
from .transform import Pulling

if TYPE_CHECKING:
    import SimpleITK

_PARALLEL = 1e-12
_ROUNDING = 1e-9
"""Of an index: what arithmetic leaves of a voxel that lies on the border."""


@dataclass(frozen=True, eq=False)
class Defined:
    """Which voxels of a slab lie where a grid is defined."""

    first: NDArray[np.int64]
    """(slices, rows) the first of each row."""
    stop: NDArray[np.int64]
    """(slices, rows) the one after the last."""

    def blank(self, values: NDArray[np.generic], missing: float) -> int:
        """Put a value at all others of (slices, rows, columns), in place; returns their number."""
        columns = values.shape[2]
        inside = np.maximum(self.stop - self.first, 0)
        rows = np.nonzero(inside < columns)
        if rows[0].size:
            i = np.arange(columns)
            first, stop = self.first[rows][:, None], self.stop[rows][:, None]
            values[rows] = np.where((i < first) | (i >= stop), values.dtype.type(missing), values[rows])
        return int(inside.size * columns - inside.sum())


class FieldLookup:
    """Of ``post (pre x + D(x))``: ``P (x + pre⁻¹ D(x))`` with ``P = post · pre``, the same in real arithmetic.

    The part in brackets is a displacement field transform of ITK, and P goes into the geometry of the image that is
    sampled. Vectors are held in double precision for the nodes around a slab only.
    """

    def __init__(self, mapping: Mapping, affine_lps: NDArray[np.float64], dimensions: tuple[int, int, int]) -> None:
        """``affine_lps``, ``dimensions``: the output's voxels."""
        self._grid, self._affine, self._dimensions = mapping.grid, affine_lps, dimensions
        self._turn = np.linalg.inv(mapping.pre[:3, :3])
        self._is_turned = not np.array_equal(self._turn, np.eye(3))
        if mapping.grid is not None:
            self._to_node = np.linalg.inv(mapping.index_to_lps) @ affine_lps

    @staticmethod
    def can_do(transform: Pulling) -> bool:
        """Tell whether a transform is a matrix, or one grid between matrices, gone through the way it maps."""
        mapping = transform.mapping
        if mapping.exact is not None or mapping.ras:
            return False
        if mapping.grid is None:
            return not is_singular(mapping.affine)
        return not transform.inverse and not is_singular(mapping.pre) and not is_singular(mapping.post)

    def itk_transform(self, first: int, count: int) -> SimpleITK.Transform | None:
        """Return ``x + pre⁻¹ D(x)`` for slices from ``first`` on; None where some vectors around are undefined."""
        sitk = import_simpleitk()
        if self._grid is None:
            return sitk.Transform(3, sitk.sitkIdentity)
        low, high = self._nodes_around(self._grid, first, count)
        if (high < low).any():
            return sitk.Transform(3, sitk.sitkIdentity)  # Nothing is defined there, or stays.
        part = tuple(slice(int(start), int(stop) + 1) for start, stop in zip(low[::-1], high[::-1], strict=True))
        vectors = self._grid.vectors[part].astype(np.float64)
        if not np.isfinite(vectors).all():
            return None
        image = sitk.GetImageFromArray(vectors @ self._turn.T if self._is_turned else vectors, isVector=True)
        index_to_lps = self._grid.index_to_lps.copy()
        index_to_lps[:3, 3] = apply_matrix(self._grid.index_to_lps, low.astype(float))
        place_image(image, index_to_lps)
        return sitk.DisplacementFieldTransform(image)

    def _nodes_around(self, grid: Grid, first: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(3,) the first and the last node that have a part in these slices; the last before the first: none."""
        ni, nj, _ = self._dimensions
        slab = self._to_node.copy()
        slab[:3, 3] += first * slab[:3, 2]
        corners = lattice_corners(slab, (ni, nj, count))
        last = np.array(grid.dimensions) - 1
        low, high = np.floor(corners.min(axis=0)) - 1, np.ceil(corners.max(axis=0)) + 1
        return np.maximum(low, 0).astype(np.int64), np.minimum(high, last).astype(np.int64)

    def defined(self, first: int, count: int) -> Defined | None:
        """Return which voxels of slices lie in the grid; None: everywhere it is defined, or what is outside stays.

        A row of voxels is a line and the grid a box: what they have in common is one piece of the line.
        """
        if self._grid is None or self._grid.outside == "stays":
            return None
        ni, nj, _ = self._dimensions
        low, high = np.zeros((count, nj)), np.full((count, nj), float(ni - 1))
        j, k = np.arange(nj)[None, :], (first + np.arange(count))[:, None]
        margin = BORDER_TOLERANCE_MM / self._grid.spacing_mm
        for axis, last in enumerate(np.array(self._grid.dimensions) - 1):
            slope, along_j, along_k, start = self._to_node[axis]
            offset = along_j * j + along_k * k + start
            ends = -margin[axis] - offset, last + margin[axis] - offset
            if abs(slope) * ni < _PARALLEL:
                beyond = (ends[0] > 0) | (ends[1] < 0)
                high[beyond] = -1.0
                continue
            start_i, stop_i = sorted((ends[0] / slope, ends[1] / slope), key=lambda end: float(end.flat[0]))
            np.maximum(low, start_i, out=low)
            np.minimum(high, stop_i, out=high)
        first_i = np.ceil(np.clip(low, -1, ni + 1) - _ROUNDING).astype(np.int64)
        stop = np.floor(np.clip(high, -2, ni + 1) + _ROUNDING).astype(np.int64) + 1
        return Defined(first_i, np.maximum(stop, first_i))
