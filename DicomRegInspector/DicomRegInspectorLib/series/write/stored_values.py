"""Values as 16-bit integers with a rescale slope and intercept, no further off than half a step; written as pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError

if TYPE_CHECKING:
    from pydicom import Dataset

STEPS = 65534
"""One less than 16 bits have, so that the digits a decimal string holds cannot push the largest value out."""


@dataclass(frozen=True)
class Encoding:
    """How values are stored: ``value = stored · slope + intercept`` (PS3.3 C.11.1)."""

    slope: float
    intercept: float
    dtype: np.dtype
    """uint16, int16, or uint8 for colour."""

    @property
    def is_signed(self) -> bool:
        """Pixel Representation (0028,0103) 1."""
        return self.dtype.kind == "i"

    @property
    def is_exact(self) -> bool:
        """Whether whole values come back as they were."""
        return self.slope == 1

    def store(self, values: NDArray[Any] | float) -> NDArray[Any]:
        """Encode values as stored integers."""
        if self.dtype == getattr(values, "dtype", None) and self.slope == 1 and self.intercept == 0:
            return np.asarray(values)
        reach = np.iinfo(self.dtype)
        stored = np.rint((np.asarray(values, np.float64) - self.intercept) / self.slope)
        return np.clip(stored, reach.min, reach.max).astype(self.dtype)


def choose_encoding(array: NDArray[Any], *, zero_intercept: bool = False) -> Encoding:
    """Find the encoding with which every value comes back within half a step; whole values, where they fit, exactly.

    ``zero_intercept``: the intercept has to be 0, as in positron emission images (PS3.3 C.8.9.4).
    Raises UsageError for values that cannot be stored: NaN, infinite, colours of more than 8 bits.
    """
    if array.ndim == 4:
        if array.dtype != np.uint8:
            raise UsageError(f"Colours are written with 8 bits; these values are {array.dtype}.")
        return Encoding(1.0, 0.0, np.dtype(np.uint8))
    # Slice by slice: a mask or a copy of the whole volume would double the memory.
    low = min(float(number.min()) for number in array)
    high = max(float(number.max()) for number in array)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UsageError("Some values are NaN or infinite: images of 16 bits cannot hold them, choose another format.")
    if array.dtype.kind in "iu" or all(bool((np.rint(number) == number).all()) for number in array):
        if low >= -32768 and high <= 32767:
            return Encoding(1.0, 0.0, np.dtype(np.int16))
        if high - low <= 65535 and (low >= 0 or not zero_intercept):
            if low >= 0 and high <= 65535:
                return Encoding(1.0, 0.0, np.dtype(np.uint16))
            if not zero_intercept:
                return Encoding(1.0, low, np.dtype(np.uint16))
    if zero_intercept:
        signed = low < 0
        slope = max(-low, high) / (STEPS / 2 if signed else STEPS)
        return _checked(Encoding(_as_written(slope), 0.0, np.dtype(np.int16 if signed else np.uint16)), low, high)
    slope = (high - low) / STEPS if high > low else 1.0
    return _checked(Encoding(_as_written(slope), _as_written(low), np.dtype(np.uint16)), low, high)


def set_pixels(instance: Dataset, stored: NDArray[Any], bits_stored: int | None = None) -> None:
    """Give an instance stored integers for its pixels, (rows, columns) or RGB (rows, columns, 3), not compressed.

    ``bits_stored``: None for all that a value has.
    """
    from pydicom.uid import ExplicitVRLittleEndian

    bits = stored.dtype.itemsize * 8
    instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    instance.Rows, instance.Columns = stored.shape[:2]
    instance.BitsAllocated, instance.BitsStored = bits, min(bits_stored or bits, bits)
    instance.HighBit, instance.PixelRepresentation = instance.BitsStored - 1, int(stored.dtype.kind == "i")
    if stored.ndim == 3:
        instance.SamplesPerPixel, instance.PlanarConfiguration = stored.shape[2], 0
        # What is stored in other colours is decoded to these.
        instance.PhotometricInterpretation = "RGB"
    data = stored.astype(stored.dtype.newbyteorder("<"), order="C").tobytes()
    instance.PixelData = data + b"\0" * (len(data) % 2)
    instance["PixelData"].VR = "OB" if bits == 8 else "OW"


def decimal_string(value: float) -> str:
    """Write a number with as many digits as a DS element holds (16 bytes, PS3.5 6.2)."""
    from pydicom.valuerep import format_number_as_ds

    return format_number_as_ds(float(value))


def _as_written(value: float) -> float:
    return float(decimal_string(value))


def _checked(encoding: Encoding, low: float, high: float) -> Encoding:
    """Refuse ranges so far from 0 that the digits of a DS element do not tell their steps apart."""
    for end in (low, high):
        back = float(encoding.store(end)) * encoding.slope + encoding.intercept
        if abs(back - end) > encoding.slope * 0.501:
            raise UsageError(
                f"Values from {low:g} to {high:g} cannot be stored with 16 bits and the digits of Rescale Slope "
                "(0028,1053) and Intercept (0028,1052); write them as a Parametric Map or a volume file."
            )
    return encoding
