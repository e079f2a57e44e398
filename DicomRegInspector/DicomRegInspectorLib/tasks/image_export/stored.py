"""How a volume's values are stored in images of 16 bits: exactly, or no further off than half a step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...errors import ChoiceError, UsageError
from ...series.write.stored_values import STEPS, Encoding, choose_encoding, decimal_string
from ...volumes import Volume
from ...words import plural
from .kinds import Kind

_HELD = 1e-3
"""Of a step: how near values have to be to whole steps of their file to be stored in these."""


def with_finite_values(volume: Volume, fill: float | None, *, are_kept: bool) -> tuple[Volume, str]:
    """Return a volume whose values can be written, and what is to be said of those that are no numbers.

    Parameters
    ----------
    fill
        What takes the place of NaN and infinite values; None: they are refused.
    are_kept
        Whether the object holds them as they are, so that without a fill value there is nothing to refuse.

    Raises
    ------
    UsageError
        When some are not finite, with their number, or the fill value is not.
    """
    if fill is not None and not np.isfinite(fill):
        raise UsageError(f"the fill value {fill} is no finite number")
    if volume.array.dtype.kind != "f":
        return volume, ""
    count = sum(int(np.count_nonzero(~np.isfinite(plane))) for plane in volume.array)
    if not count:
        return volume, ""
    told = f"{plural(count, 'value')} of {volume.array.size:,} NaN or infinite"
    if fill is not None:
        array = np.where(np.isfinite(volume.array), volume.array, volume.array.dtype.type(fill))
        return replace(volume, array=array), f"{told}: written as {fill:g}, as was asked for"
    if are_kept:
        return volume, f"{told}: written as they are; not every reader expects that"
    raise ChoiceError(
        f"{volume.name or 'the volume'}: {told}, which images of 16 bits cannot hold; say what they are to be, or "
        "write a Parametric Map, which holds them as they are",
        "fill",
        "parametric map",
    )


def encodings_of(volume: Volume, kind: Kind, *, per_slice: bool) -> tuple[Encoding, ...]:
    """Find how values are stored: one encoding for all slices, or one for each.

    Integers are kept as they are. Floating-point values are stored in the steps of the file they come from, where it
    has such; whole ones exactly, others with 65,534 steps between the smallest and the largest.

    Parameters
    ----------
    kind
        Intercepts of PET images are 0 (PS3.3 C.8.9.4); multi-frame Secondary Capture stores nothing signed, and slope
        and intercept are free there (PS3.3 A.8.4.4).
    per_slice
        A slope for each slice.

    Raises
    ------
    UsageError
        When integers do not fit into 16 bits, or the digits of a DS element do not tell steps apart.
    """
    zero_intercept = kind.name == "pet"
    array = volume.array
    if per_slice and array.dtype.kind == "f":
        return tuple(choose_encoding(array[k : k + 1], zero_intercept=zero_intercept) for k in range(len(array)))
    encoding = _of_integers(volume, zero_intercept) if array.dtype.kind in "biu" else _own_steps(volume, zero_intercept)
    encoding = encoding or choose_encoding(array, zero_intercept=zero_intercept)
    if kind.name == "secondary-capture" and encoding.is_signed:
        encoding = Encoding(1.0, min(float(min(plane.min() for plane in array)), 0.0), np.dtype(np.uint16))
    return (encoding,)


def _of_integers(volume: Volume, zero_intercept: bool) -> Encoding:
    dtype = volume.array.dtype
    if dtype.itemsize <= 2:
        return Encoding(1.0, 0.0, np.dtype(np.int16 if dtype.kind == "i" else np.uint16))
    low, high = int(volume.array.min()), int(volume.array.max())
    if high - low > 65535 or (zero_intercept and not (low >= -32768 and high <= (65535 if low >= 0 else 32767))):
        raise ChoiceError(
            f"{volume.name or 'the volume'}: holds integers from {low} to {high}, more than 16 bits tell apart; "
            "write a Parametric Map, or let floating-point values be rounded",
            "parametric map",
        )
    return choose_encoding(volume.array, zero_intercept=zero_intercept)


def _own_steps(volume: Volume, zero_intercept: bool) -> Encoding | None:
    """The steps that the file stores values in, where 16 bits hold them all."""
    if volume.quanta is None:
        return None
    slope = float(decimal_string(float(volume.quanta.flat[0])))
    low, high = (float(end(plane)) for end, plane in ((np.min, volume.array), (np.max, volume.array)))
    intercept = 0.0 if zero_intercept else float(decimal_string(low))
    if not slope or high - low > STEPS * slope:
        return None
    is_signed = intercept == 0 and low < 0
    encoding = Encoding(slope, intercept, np.dtype(np.int16 if is_signed else np.uint16))
    is_held = all(_off(encoding, plane) <= _HELD * slope for plane in volume.array)
    return encoding if is_held else None


def _off(encoding: Encoding, plane: NDArray[np.floating]) -> float:
    back = encoding.store(plane) * encoding.slope + encoding.intercept
    return float(np.abs(back - plane).max())
