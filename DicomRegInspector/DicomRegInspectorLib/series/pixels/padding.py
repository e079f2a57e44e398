"""Pixel Padding: values that say that a pixel is none of the image's (PS3.3 C.7.5.1.1.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rescale import Rescale, StoredRange

NO_PADDING = (np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Padding:
    """Which values of an array pad the image."""

    ranges: NDArray[np.float64]
    """(nk, 2) the lowest and the highest of them in each slice, in the array's own values; NaN: none in that slice."""

    @property
    def value(self) -> float | None:
        """The padding value where there is one, the same in all slices; None for ranges and where slices differ."""
        first = float(self.ranges[0, 0])
        return first if (self.ranges == first).all() else None

    def mask(self, values: NDArray[Any], k: int) -> NDArray[np.bool_] | None:
        """Return which pixels of slice ``k`` are padding; None when none is."""
        low, high = self.ranges[k].tolist()
        if low != low:
            return None
        # Compared in the array's own type: a comparison with a double would make a copy of the slice.
        kind = int if values.dtype.kind in "iu" else values.dtype.type
        mask = values == kind(low) if low == high else (values >= kind(low)) & (values <= kind(high))
        return mask if mask.any() else None


def stored_padding(
    value: int | None, limit: int | None, stored: StoredRange, *, signed: bool
) -> tuple[int, int] | None:
    """Find lowest and highest stored value that pads: Pixel Padding Value (0028,0120) and Range Limit (0028,0121).

    Both are 16 bits that are read as the pixels are, whatever representation the elements themselves have. None where
    there is no padding, or none that the bits stored could hold.
    """
    if value is None:
        return None
    ends = [_as_pixels(end, signed) for end in (value, value if limit is None else limit)]
    low, high = max(min(ends), stored.low), min(max(ends), stored.high)
    return (low, high) if low <= high else None


def _as_pixels(value: int, signed: bool) -> int:
    value &= 0xFFFF
    return value - 0x10000 if signed and value & 0x8000 else value


def padding_range(
    stored: tuple[int, int] | None, rescale: Rescale, stored_type: np.dtype, target_type: np.dtype
) -> tuple[float, float]:
    """Rescale stored padding by the arithmetic that made the array; :data:`NO_PADDING` where none is.

    A Modality LUT that is a table may give padding the value of something else: it is not told there.
    """
    if stored is None or rescale.table is not None or stored_type.kind not in "iu":
        return NO_PADDING
    if target_type.kind in "iu":
        low, high = rescale.limits(*stored)
        return float(low), float(high)
    reach = np.iinfo(stored_type)
    if stored[0] < reach.min or stored[1] > reach.max:
        return NO_PADDING
    values = np.empty(2, target_type)
    rescale.map_into(np.array(stored, stored_type), values)
    low, high = sorted(values.tolist())
    return float(low), float(high)
