"""The values of a regularized series: one image at each place, and what stands where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...memory import require_memory
from ..pixels.load_pixels import load_pixels
from ..pixels.padding import Padding
from ..pixels.volume import SeriesVolume
from .one_per_place import Candidate, Placed


@dataclass(frozen=True, eq=False)
class Values:
    """The values at the places of a stack."""

    volume: SeriesVolume
    """Where they come from."""
    array: NDArray[Any]
    """(nk, nj, ni) or (nk, nj, ni, channels); the volume's own memory where nothing had to be changed."""
    padding: Padding | None
    """Which values of the array are no pixels of the image."""
    fill: float
    """What stands where there is nothing."""

    @property
    def holes(self) -> dict[int, NDArray[np.uint8]]:
        """Holes (see :attr:`~.regular.RegularVolume.holes`) where slices have padding."""
        if self.padding is None:
            return {}
        masks = ((k, self.padding.mask(values, k)) for k, values in enumerate(self.array))
        return {k: np.packbits(mask) for k, mask in masks if mask is not None}

    def part(self, first: int, stop: int) -> Values:
        """Return those of slices ``first`` to ``stop`` - 1, without copying."""
        padding = Padding(self.padding.ranges[first:stop]) if self.padding is not None else None
        return Values(self.volume, self.array[first:stop], padding, self.fill)


def values_at(placed: Placed, volume: SeriesVolume, fill: float | None) -> Values:
    """Bring a volume's values to their places; further slices are read from their files as the choice needs them.

    Raises UsageError when the volume's type does not hold the fill value, or there is not enough memory. Raises
    FileError when a further slice cannot be read.
    """
    value = fill_value(volume, fill)
    chosen = placed.candidates
    if len(chosen) == len(volume.array) and all(
        len(slice_) == 1 and slice_[0].index == k for k, slice_ in enumerate(chosen)
    ):
        return Values(volume, volume.array, volume.padding, value)
    return Values(volume, *_gather(volume, chosen), value)


def fill_value(volume: SeriesVolume, asked: float | None) -> float:
    """Return the fill value: the files' own padding where their images have some; else air (−1000) in HU.

    Else what is shown black: the smallest value (MONOCHROME1: the largest).

    Raises UsageError when the volume's type does not hold the value asked for.
    """
    dtype = volume.array.dtype
    if asked is not None:
        fits = dtype.kind == "f" or (float(asked).is_integer() and np.iinfo(dtype).min <= asked <= np.iinfo(dtype).max)
        if not fits:
            raise UsageError(f"The fill value {asked:g} cannot be stored as {dtype}, the type of the volume's values.")
        return asked
    padding = volume.padding
    if padding is not None and padding.value is not None:
        is_there = any(padding.mask(values, k) is not None for k, values in enumerate(volume.array))
        if is_there:
            return padding.value
    if volume.photometric == "MONOCHROME1":
        return float(volume.array.max())
    if dtype.kind != "u" and dtype.itemsize > 1 and _is_in_hu(volume):
        return -1000.0
    return float(volume.array.min())


def _is_in_hu(volume: SeriesVolume) -> bool:
    """Many files name no units; a CT with values below 0 is in HU then."""
    if volume.units or volume.modality != "CT":
        return volume.units == "HU"
    if volume.array.dtype.kind == "f":  # a NaN anywhere is the smallest of all
        return bool(volume.array.min() < 0)
    return any(values.min() < 0 for values in volume.array)


def _gather(volume: SeriesVolume, chosen: tuple[tuple[Candidate, ...], ...]) -> tuple[NDArray[Any], Padding | None]:
    """The slices chosen as a new array, in the volume's type where that holds them; means of integers are rounded."""
    missing = [candidate.slice for place in chosen for candidate in place if candidate.index is None]
    read = load_pixels(missing, stored_values=volume.is_stored) if missing else None
    dtype = volume.array.dtype if read is None else np.result_type(volume.array.dtype, read.array.dtype)
    number = {id(absent): k for k, absent in enumerate(missing)}

    def image(candidate: Candidate) -> tuple[NDArray[Any], Padding | None, int]:
        if candidate.index is not None or read is None:
            assert candidate.index is not None
            return volume.array[candidate.index], volume.padding, candidate.index
        k = number[id(candidate.slice)]
        return read.array[k], read.padding, k

    shape = (len(chosen), *volume.array.shape[1:])
    needed = int(np.prod(shape, dtype=object)) * dtype.itemsize
    require_memory(needed, f"A second volume of {' × '.join(map(str, shape))} {dtype} values, without duplicates,")
    array = np.empty(shape, dtype)
    ranges = np.full((len(chosen), 2), np.nan)
    for k, members in enumerate(chosen):
        found = [image(member) for member in members]
        first, padding, index = found[0]
        array[k] = first if len(members) == 1 else _mean(found, dtype)
        if padding is not None:
            ranges[k] = padding.ranges[index]
    return array, None if np.isnan(ranges).all() else Padding(ranges)


def _mean(images: list[tuple[NDArray[Any], Padding | None, int]], dtype: np.dtype) -> NDArray[Any]:
    """Mean of images at one place; padding has no part in it, and stays where all have it."""
    masks = [padding.mask(values, k) if padding is not None else None for values, padding, k in images]
    values = np.stack([image.astype(np.float64) for image, _, _ in images])
    if all(mask is None for mask in masks):
        mean = values.mean(axis=0)
    else:
        image = np.stack(
            [np.ones(value.shape, bool) if mask is None else ~mask for value, mask in zip(values, masks, strict=True)]
        )
        counts = image.sum(axis=0)
        mean = np.where(image, values, 0).sum(axis=0) / np.maximum(counts, 1)
        np.copyto(mean, values[0], where=counts == 0)
    return np.rint(mean) if dtype.kind in "iu" else mean
