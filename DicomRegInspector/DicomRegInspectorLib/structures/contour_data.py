"""Decimal strings of contours to numbers, a hundred times as fast as one by one, and nothing believed of them."""

from __future__ import annotations

import re
import warnings

import numpy as np
from numpy.typing import NDArray

from ..dicom.tags import element_name
from ..limits import COORDINATES
from ..words import plural

CONTOUR_DATA = 0x30060050
_NUMERIC = re.compile(rb"[-+0-9.,;eE ]*").fullmatch
_MOST_SHOWN = 30
_MOST_BYTES = 16


def numbers_of(raw: bytes) -> NDArray[np.float64] | None:
    """Return the numbers of a decimal string with any number of values (PS3.5 section 6.2); None when one is none."""
    text = raw.strip(b" \0")
    if not text:
        return np.empty(0)
    with warnings.catch_warnings():
        # NumPy before 2.3 warns of what later ones raise.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            found: NDArray[np.float64] = np.fromstring(text, dtype=np.float64, sep="\\")
        except ValueError:
            return None
    if len(found) != text.count(b"\\") + 1 or not np.isfinite(found).all():
        return None
    return found


def decimal_string(values: NDArray[np.float64]) -> bytes:
    """Return finite numbers as a decimal string of even length: each as exact as its 16 bytes hold (PS3.5 6.2)."""
    texts = [repr(value) for value in (values + 0.0).tolist()]
    text = "\\".join(value if len(value) <= _MOST_BYTES else _shortened(value) for value in texts)
    # Whole numbers are written as such.
    text = f"{text}\\".replace(".0\\", "\\")[:-1]
    return (text + " " * (len(text) % 2)).encode("ascii")


def _shortened(text: str) -> str:
    value = float(text)
    if 1e-3 <= abs(value) < 1e13:
        # The digits before the point, and the sign, are as many after rounding, or the rest has room for one more.
        decimals = _MOST_BYTES - 1 - len(text.partition(".")[0])
        short = f"{value:.{decimals}f}"
        if len(short) <= _MOST_BYTES:
            return short
    for digits in range(16, 0, -1):
        short = f"{value:.{digits}g}"
        if len(short) <= _MOST_BYTES:
            return short
    return "0"


def points_of(raw: bytes) -> tuple[NDArray[np.float64] | None, str]:
    """Return the points (n, 3) of Contour Data (3006,0050), or None and what is wrong with it."""
    numbers = numbers_of(raw)
    if numbers is None:
        return None, f"{element_name(CONTOUR_DATA)} {_first_wrong(raw)}"
    if len(numbers) % 3:
        return None, f"{element_name(CONTOUR_DATA)} holds {plural(len(numbers), 'number')}, which are no triplets"
    if np.abs(numbers).max(initial=0) > COORDINATES.value:
        return None, f"{element_name(CONTOUR_DATA)} holds a number beyond {COORDINATES.text} mm"
    return numbers.reshape(-1, 3), ""


def _first_wrong(raw: bytes) -> str:
    for number, part in enumerate(raw.strip(b" \0").split(b"\\"), start=1):
        try:
            usable = np.isfinite(float(part.strip(b" \0"))) and b"_" not in part
        except ValueError:
            usable = False
        if not usable:
            # What could be anything else, a name for instance, is not shown.
            shown = part.decode("ascii", "replace")[:_MOST_SHOWN] if _NUMERIC(part[:_MOST_SHOWN]) else ""
            return f"holds {shown!r} as value {number:,}" if shown else f"holds no number as value {number:,}"
    return "holds what cannot be read"
