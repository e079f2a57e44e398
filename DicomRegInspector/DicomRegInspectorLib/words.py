"""Numbers, counts, slice numbers and planes as people read them, and texts that every screen can take."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import SupportsFloat

SHOWN_SLICES = 6
"""More slice numbers than this are given as a count with the first and the last."""


DECIMALS = 3
"""Of millimetres of 1 mm and more."""
FIGURES = 4
"""Of smaller ones, from the first that is not 0: two spacings of micro-CT that differ have to look different."""
MOST_DECIMALS = 7
LEAST_MM = 1e-3
"""Shorter lengths are no spacings: two figures of them are enough."""


def decimals(spacing: float) -> int:
    """Return how many decimals millimetres need beside a length like this one.

    >>> decimals(2.5), decimals(0.5), decimals(0.0125)
    (3, 4, 5)
    """
    length = abs(spacing)
    if not 0 < length < 1:
        return DECIMALS
    return min(FIGURES - 1 - math.floor(math.log10(length)), MOST_DECIMALS)


def mm(value: float, spacing: float | None = None) -> str:
    """Write millimetres for people, without trailing zeros; places and differences with the decimals of a ``spacing``.

    >>> mm(1234.5678), mm(0.0125), mm(1.2375, 0.0125)
    ('1,234.568', '0.0125', '1.2375')
    """
    text = f"{value:,.{decimals(value if spacing is None else spacing)}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def exact_mm(value: SupportsFloat) -> float:
    """Return millimetres for a report that programs read: without the noise of binary fractions, and not rounded."""
    return round(float(value), 9) + 0.0


def millimetres(value: float | None, digits: int | None = None) -> str:
    """Return a length without trailing zeros: ``4.002``, ``5``; ``-`` for none. No digits: as :func:`mm` has."""
    if value is None:
        return "-"
    if digits is None:
        digits = decimals(value) if abs(value) >= LEAST_MM else DECIMALS
    text = f"{float(value):.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if text in ("0", "-0"):
        # Not nothing: only less than the digits shown.
        return "0" if value == 0 else f"{float(value):.2g}"
    return text


def tenths(value: float) -> str:
    """Return millimetres with one decimal, and those that would look like nothing with three figures.

    >>> tenths(12.345), tenths(0.0125)
    ('12.3', '0.0125')
    """
    return f"{value:.1f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3g}"


def point(values: Iterable[float] | None, digits: int = DECIMALS) -> str:
    """Return ``(x, y, z)`` in mm without the unit."""
    if values is None:
        return "-"
    return f"({', '.join('nan' if math.isnan(value) else millimetres(value, digits) for value in values)})"


def round_down(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above the value; 1 where that is not positive."""
    if not value > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step for step in (5 * power, 2 * power, power, power / 2) if step <= value * (1 + 1e-9))


def round_up(value: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below a positive value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))


def plural(count: int, noun: str, many: str | None = None) -> str:
    """Return ``1 slice``, ``2 slices``; ``many`` is the noun's plural where that is not made by an s."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def slices_in_words(numbers: Sequence[int]) -> str:
    """Return slice numbers, from 1: ``slice 3``, ``slices 14–15``, ``20 slices, 1 to 90``; empty for none."""
    if not numbers:
        return ""
    if len(numbers) == 1:
        return f"slice {numbers[0]}"
    if len(numbers) == 2 and numbers[1] != numbers[0] + 1:
        return f"slices {numbers[0]}, {numbers[1]}"
    if list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"slices {numbers[0]}–{numbers[-1]}"
    if len(numbers) <= SHOWN_SLICES:
        return "slices " + ", ".join(map(str, numbers))
    return f"{len(numbers)} slices, {numbers[0]} to {numbers[-1]}"


def numbers_of(value: object) -> list[int]:
    """Return slice numbers as a finding's evidence holds them: one, several, or nothing of the kind."""
    if isinstance(value, int):
        return [value]
    return [int(number) for number in value] if isinstance(value, list | tuple) else []


def describe_plane(normal: Iterable[float]) -> str:
    """Return a slice plane by its normal (LPS): ``axial``, ``axial, tilted 18.5°``, ``oblique``."""
    along = [abs(component) for component in normal]
    axis = along.index(max(along))
    angle = math.degrees(math.acos(min(along[axis] / math.hypot(*along), 1.0)))
    name = ("sagittal", "coronal", "axial")[axis]
    if angle < 0.05:
        return name
    return f"{name}, tilted {angle:.1f}°" if angle <= 40 else f"oblique, nearest to {name} ({angle:.1f}° off)"


def table_cell(text: str) -> str:
    """Return a text for a cell of CSV so that no spreadsheet takes it for a formula: behind an apostrophe.

    Numbers stay as they are: ``-1.5``, ``+2e3``.
    """
    if not text.startswith(("=", "+", "-", "@", "\t", "\r")):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def is_utf8(text: str) -> bool:
    """Tell whether a text can be written in UTF-8; names of files whose bytes Python could not decode cannot."""
    try:
        text.encode("utf-8")
    except UnicodeError:
        return False
    return True


_NO_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""What XML cannot hold (XML 1.0, 2.2), other control characters, and what turns the reading direction from there on."""


def well_formed(text: str) -> str:
    r"""Make every character of a text one that labels and scenes take: the others become ``\ufffd``.

    Control characters in a scene's file keep Slicer from opening it. Bytes of a file name that Python could not decode
    come from disks that were written with another encoding (PEP 383): Qt's Python shows an empty text for them and
    leaves an error behind, which the next call reports as its own; VTK's refuses them.

    >>> well_formed("M\udcfcller.dcm")
    'M\ufffdller.dcm'
    """
    return _NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)
