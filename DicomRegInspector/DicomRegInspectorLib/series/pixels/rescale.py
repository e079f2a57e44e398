"""From stored values to the values they stand for: the Modality LUT (PS3.3 C.11.1), in a type that holds the result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dicom.header import Header
from ...dicom.tags import INTERCEPT, SLOPE, element_name
from ...errors import FileError

EXACT_INTEGERS = 2**53
"""Integers up to here are exact in double precision, in which pydicom computes; beyond, results could differ."""


class TooNarrowError(Exception):
    """Values do not fit into the type that was tried first."""


@dataclass(frozen=True, eq=False)
class Rescale:
    """What turns the stored values of one frame into its values."""

    slope: float = 1.0
    intercept: float = 0.0
    table: NDArray[Any] | None = None
    """Modality LUT Data; None for a linear rescale."""
    first_mapped: int = 0
    """The stored value that the table's first entry is for; smaller ones have the first entry as well."""

    @property
    def is_identity(self) -> bool:
        """Whether stored values are the values."""
        return self.table is None and self.slope == 1 and self.intercept == 0

    @property
    def is_whole(self) -> bool:
        """Whether integers stay integers, small enough to be exact."""
        return (
            self.table is None
            and self.slope.is_integer()
            and self.intercept.is_integer()
            and abs(self.slope) + abs(self.intercept) < EXACT_INTEGERS
        )

    def limits(self, low: int, high: int) -> tuple[int, int]:
        """Return smallest and largest result for stored values from ``low`` to ``high``; exact, for whole rescales."""
        ends = [int(self.slope) * end + int(self.intercept) for end in (low, high)]
        return min(ends), max(ends)

    def map_into(self, stored: NDArray[Any], target: NDArray[Any]) -> None:
        """Write values into an array of another type; the arithmetic is that of pydicom's apply_modality_lut.

        Raises TooNarrowError when an integer target does not hold a value.
        """
        if self.table is not None:
            if target.dtype.kind != "f":
                reach = np.iinfo(target.dtype)
                if self.table.min() < reach.min or self.table.max() > reach.max:
                    raise TooNarrowError
            offset = stored.astype(np.int64) - self.first_mapped
            np.copyto(target, self.table[np.clip(offset, 0, self.table.size - 1)], casting="unsafe")
        elif target.dtype.kind == "f":
            values = target if target.dtype == np.float64 else np.empty(stored.shape, np.float64)
            np.copyto(values, stored, casting="unsafe")
            if not self.is_identity:
                values *= self.slope
                values += self.intercept
            if values is not target:
                np.copyto(target, values, casting="same_kind")
        else:
            self._require_fit(stored, target.dtype)
            np.copyto(target, stored, casting="unsafe")
            self._rescale_wrapping(target)

    def map_in_place(self, stored: NDArray[Any], dtype: np.dtype) -> None:
        """Turn stored integers into values of ``dtype``, an integer type of the same size, where they lie.

        Raises TooNarrowError when the type does not hold a value.
        """
        self._require_fit(stored, dtype)
        self._rescale_wrapping(stored)

    def _require_fit(self, stored: NDArray[Any], dtype: np.dtype) -> None:
        if self.is_identity and stored.dtype == dtype:
            return
        reach = np.iinfo(dtype)
        if stored.dtype.kind not in "bui":
            raise TooNarrowError
        own = np.iinfo(stored.dtype)
        low, high = self.limits(int(own.min), int(own.max))
        if low < reach.min or high > reach.max:
            low, high = self.limits(int(stored.min()), int(stored.max()))
        if low < reach.min or high > reach.max:
            raise TooNarrowError

    def _rescale_wrapping(self, values: NDArray[Any]) -> None:
        # Modulo 2^bits, so that the order of the steps and the signedness do not matter: the results fit.
        bits = values.dtype.itemsize * 8
        unsigned = values.view(np.dtype(f"u{values.dtype.itemsize}"))
        if self.slope != 1:
            unsigned *= unsigned.dtype.type(int(self.slope) % 2**bits)
        if self.intercept != 0:
            unsigned += unsigned.dtype.type(int(self.intercept) % 2**bits)


@dataclass(frozen=True)
class StoredRange:
    """What stored values of one kind can be."""

    dtype: np.dtype
    low: int
    high: int


def result_types(frames: Iterable[tuple[StoredRange, Rescale]]) -> list[np.dtype]:
    """Return the types to try for an array that holds all of these frames, the first that fits is to be taken.

    The last holds whatever the headers allow. An earlier one is half the size or less and holds what scanners write:
    16-bit CT values with an intercept of -1024, say, which only in theory go below -32768.
    """
    ranges: list[tuple[int, int]] = []
    stored: set[np.dtype] = set()
    for kind, rescale in {(kind, id(rescale)): (kind, rescale) for kind, rescale in frames}.values():
        stored.add(kind.dtype)
        if rescale.table is not None:
            ranges.append((int(rescale.table.min()), int(rescale.table.max())))
        elif kind.dtype.kind == "f":
            if not rescale.is_identity or kind.dtype.itemsize > 4:
                return [np.dtype(np.float64)]
        elif rescale.is_identity:
            ranges.append((int(np.iinfo(kind.dtype).min), int(np.iinfo(kind.dtype).max)))
        elif rescale.is_whole and kind.dtype.itemsize <= 4:
            ranges.append(rescale.limits(kind.low, kind.high))
        else:
            return [np.dtype(np.float64)]
    if any(dtype.kind == "f" for dtype in stored):
        return [np.result_type(*stored)] if len(stored) > 1 else list(stored)
    sure = _smallest(min(low for low, _ in ranges), max(high for _, high in ranges), stored)
    likely = np.dtype(f"i{max(dtype.itemsize for dtype in stored)}")
    return [sure] if sure.itemsize <= likely.itemsize else [likely, sure]


def _smallest(low: int, high: int, stored: set[np.dtype]) -> np.dtype:
    """The smallest integer type for a range, that of the stored values if it will do."""
    size = max(dtype.itemsize for dtype in stored)
    candidates = [dtype for dtype in stored if dtype.itemsize == size]
    candidates += [np.dtype(f"{kind}{width}") for width in (1, 2, 4, 8) if width >= size for kind in "iu"]
    for dtype in candidates:
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return dtype
    return np.dtype(np.float64)


def linear_rescale(header: Header, slope: float, intercept: float) -> Rescale:
    """Make a linear rescale of finite numbers; FileError otherwise."""
    for tag, value in ((SLOPE, slope), (INTERCEPT, intercept)):
        if not np.isfinite(value):
            raise FileError(header.path, f"{element_name(tag)} is {value}, not a number that values can be scaled by.")
    return Rescale(slope, intercept)
