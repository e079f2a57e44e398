"""Linear resampling of a stack of parallel slices onto a grid of other directions: an upright one of a tilted stack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .one_per_place import Placed
from .resample_along import SNAP
from .values import Values

BLOCK_VOXELS = 1 << 16
"""Worked on at a time: some arrays of this size stay in the processor's cache, and memory does not grow."""


class ObliqueResampler:
    """Blends, for each voxel, the slices before and after it at their true positions, bilinear in each.

    Safe to use from several threads.
    """

    def __init__(
        self,
        placed: Placed,
        values: Values,
        affine_lps: NDArray[np.float64],
        gaps: NDArray[np.bool_],
        reach: float,
        target: NDArray[Any],
    ) -> None:
        """``gaps`` (n-1,) are not bridged; ``reach`` is how far beside a slice (mm) its values still hold there."""
        self._array, self._padding, self._fill = values.array, values.padding, values.fill
        self._positions, self._gaps, self._reach = placed.positions_mm, gaps, reach
        self._target = target
        # Index of a voxel to mm along the stack's rows, columns and normal.
        self._affine = placed.axes @ affine_lps[:3]
        self._origins = placed.corners_lps_mm @ placed.axes[:2].T
        between_rows, between_columns = placed.pixel_spacing_mm
        self._spacing = (between_columns, between_rows)
        self.holes: dict[int, NDArray[np.uint8]] = {}
        """For output slices with voxels that hold the fill value: which, as np.packbits packs them."""
        self.used: dict[int, tuple[int, int]] = {}
        """For output slices with any value: the first source slice with a part in it, and the one after the last."""

    def write(self, outputs: Sequence[int]) -> None:
        """Fill some slices of the target."""
        for k in outputs:
            target = self._target[k]
            rows = max(1, BLOCK_VOXELS // target.shape[1])
            valid = np.empty(target.shape[:2], bool)
            first, stop = len(self._array), 0
            for start in range(0, target.shape[0], rows):
                block = slice(start, min(start + rows, target.shape[0]))
                values, inside, slices = self._block(k, block)
                target[block] = values
                valid[block] = inside
                if slices is not None:
                    first, stop = min(first, slices[0]), max(stop, slices[1])
            if stop > first:
                self.used[k] = (first, stop)
                if not valid.all():
                    self.holes[k] = np.packbits(~valid)

    def _block(self, k: int, rows: slice) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[int, int] | None]:
        """Values of some rows, which of them are valid, and the source slices they are from."""
        j, i = np.meshgrid(np.arange(rows.start, rows.stop), np.arange(self._target.shape[2]), indexing="ij")
        along, down, height = (row[0] * i + row[1] * j + (row[2] * k + row[3]) for row in self._affine)
        before, weight, valid = self._between(height)
        values = np.full((*valid.shape, *self._array.shape[3:]), self._fill, np.float64)
        # What lies beyond all slices, or in a gap, is most of some grids: only the others are worked on.
        if valid.any():
            found, inside = self._blended(before[valid], weight[valid], along[valid], down[valid])
            values[valid] = found
            valid[valid] = inside
            values[~valid] = self._fill
        if not valid.any():
            return values, valid, None
        used, share = before[valid], weight[valid]
        # A slice whose weight is 0 has no part in a voxel.
        return values, valid, (int((used + (share == 1)).min()), int((used + (share > 0)).max()) + 1)

    def _blended(
        self,
        before: NDArray[np.intp],
        weight: NDArray[np.float64],
        along: NDArray[np.float64],
        down: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Values between two slices each, and whether all pixels with a part in them are there and no padding."""
        values = np.zeros((*weight.shape, *self._array.shape[3:]))
        valid = np.ones(weight.shape, bool)
        for s, share in ((before, 1 - weight), (before + 1, weight)):
            has_part = share > 0
            part, inside = self._bilinear(s, along, down, has_part)
            values += part * share.reshape(*share.shape, *[1] * (values.ndim - share.ndim))
            valid &= inside | ~has_part
        if self._target.dtype.kind in "iu":
            np.rint(values, out=values)
        return values, valid

    def _between(self, height: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.bool_]]:
        """For each height the slice before it, the weight of the one after, and whether there is an image."""
        positions = self._positions
        before = np.clip(np.searchsorted(positions, height), 1, len(positions) - 1) - 1
        interval = positions[before + 1] - positions[before]
        weight = np.clip((height - positions[before]) / interval, 0, 1)
        nearest = np.where(weight < 0.5, 0.0, 1.0)
        distance = np.abs(height - positions[before + nearest.astype(np.intp)])
        valid = (height >= positions[0] - self._reach) & (height <= positions[-1] + self._reach)
        gap = self._gaps[before]
        valid &= ~gap | (distance <= self._reach)
        on_slice = (distance <= SNAP * np.minimum(interval, 1)) | gap
        return before, np.where(on_slice, nearest, weight), valid

    def _bilinear(
        self, s: NDArray[np.intp], along: NDArray[np.float64], down: NDArray[np.float64], has_part: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Values of slices ``s`` at places in their plane, and whether these are inside and free of padding."""
        nj, ni = self._array.shape[1:3]
        x, x_share, inside_x = _split((along - self._origins[s, 0]) / self._spacing[0], ni)
        y, y_share, inside_y = _split((down - self._origins[s, 1]) / self._spacing[1], nj)
        inside = inside_x & inside_y
        flat = self._array.reshape(-1, *self._array.shape[3:])
        values = np.zeros((*inside.shape, *self._array.shape[3:]))
        for dy, row_share in ((0, 1 - y_share), (1, y_share)):
            for dx, column_share in ((0, 1 - x_share), (1, x_share)):
                share = row_share * column_share
                # Beyond the last row or column the share is 0; what is taken there does not matter.
                index = (s * nj + np.minimum(y + dy, nj - 1)) * ni + np.minimum(x + dx, ni - 1)
                found = flat.take(index, axis=0, mode="clip")
                values += found * share.reshape(*share.shape, *[1] * (values.ndim - share.ndim))
                if self._padding is not None:
                    low, high = np.moveaxis(self._padding.ranges[s], -1, 0)
                    inside &= ~((found >= low) & (found <= high) & (share > 0) & has_part)
        return values, inside


def _split(place: NDArray[np.float64], count: int) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.bool_]]:
    """The sample before each place, the share of the one after, and whether the place is inside."""
    whole = np.rint(place)
    place = np.where(np.abs(place - whole) < SNAP, whole, place)
    inside = (place >= 0) & (place <= count - 1)
    place = np.clip(place, 0, count - 1)
    index = np.floor(place).astype(np.intp)
    return index, place - index, inside
