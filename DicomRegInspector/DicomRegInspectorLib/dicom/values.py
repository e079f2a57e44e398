"""Numbers and text of single elements."""

from __future__ import annotations

import math
import re
import struct
import warnings

from .wanted_elements import Element, dictionary_vr

_FORMATS = {"FD": ("d", 8), "FL": ("f", 4), "UL": ("I", 4), "US": ("H", 2), "SL": ("i", 4), "SS": ("h", 2)}

_DECIMAL = re.compile(r"[+-]?(?P<whole>\d*)(?:\.(?P<fraction>\d*))?(?:[eE](?P<exponent>[+-]?\d{1,3}))?").fullmatch
_NUMERIC = re.compile(r"[-+0-9.,;eE \\]*").fullmatch
_MOST_DECIMALS = 16
_MOST_SHOWN = 60


def numbers(element: Element) -> list[float] | None:
    """Return the numbers of a small element, whatever numeric VR it was written with; None when they cannot be read."""
    vr = element.vr
    if vr == "UN":
        vr = dictionary_vr(element.tag)
    if element.value is None:
        return None
    if vr in _FORMATS:
        letter, size = _FORMATS[vr]
        if len(element.value) % size:
            return None
        order = "<" if element.little else ">"
        return list(struct.unpack(f"{order}{len(element.value) // size}{letter}", element.value))
    try:
        text = element.value.decode("ascii").strip("\0 ")
        return [] if not text else [_number(part) for part in text.split("\\")]
    except ValueError:
        return None


def _number(text: str) -> float:
    # Python would also take underscores between digits, which no decimal string may hold.
    if "_" in text:
        raise ValueError(text)
    return float(text.strip("\0 "))


def name_of_uid(uid: str) -> str:
    """Return what the standard calls a UID (PS3.6 Annex A); the text itself where the standard has no such."""
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    return UID(uid, IGNORE).name


def half_units(element: Element) -> list[float] | None:
    """Return half a unit of the last digit of each number, as a writer's style shows it; None where it shows nothing.

    Zeros at the end are often left away, so ``0.71`` beside ``0.70711`` stands for ``0.71000``. All numbers have the
    decimals, or the significant digits, of the one that shows most, whichever leaves more open, and none is coarser
    than its own digits. Numbers that are not text have no digits.

    Returns 0 for whole numbers among whole numbers: they are meant.
    """
    if element.vr in _FORMATS or element.value is None:
        return None
    parts = element.value.decode("ascii", "replace").split("\\")
    written = [found for part in parts if (found := _DECIMAL(part.strip("\0 "))) is not None]
    if len(written) < len(parts):
        return None
    decimals, significant = [], []
    for part in written:
        whole, fraction, exponent = part["whole"], part["fraction"] or "", int(part["exponent"] or 0)
        decimals.append(len(fraction) - exponent)
        significant.append(len((whole + fraction).lstrip("0")))
    # A noise value such as 6.1e-17 says nothing of how its neighbours were rounded.
    most = max((count for count in decimals if count <= _MOST_DECIMALS), default=0)
    if most <= 0:
        return [0.0] * len(written)
    digits = max(significant)
    halves = []
    for part, own in zip(written, decimals, strict=True):
        size = abs(float(part[0]))
        by_significance = 0.5 * 10.0 ** (math.floor(math.log10(size)) + 1 - digits) if size > 1e-300 else 0.0
        halves.append(min(0.5 * 10.0 ** -max(own, -300), max(0.5 * 10.0**-most, by_significance)))
    return halves


def shown_numbers(element: Element) -> str:
    """Return the beginning of an element's text when it is made of digits, signs and separators alone; empty otherwise.

    What could be anything else, a name for instance, is not shown.
    """
    shown = (element.value or b"")[:_MOST_SHOWN].decode("ascii", "replace").strip("\0 ")
    if not shown or not _NUMERIC(shown):
        return ""
    return shown + (" …" if element.length > _MOST_SHOWN else "")


def text(element: Element | None, character_sets: Element | None = None) -> str:
    """Return the text of a small element in its character set, empty when absent; what cannot be read is replaced."""
    if element is None or not element.value:
        return ""
    from pydicom.charset import convert_encodings, decode_bytes

    names = text(character_sets).split("\\") if character_sets else [""]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            decoded = decode_bytes(element.value, convert_encodings(names), set(b"\\^="))
        except (LookupError, UnicodeError, ValueError):
            decoded = element.value.decode("ascii", "replace")
    return decoded.strip("\0 ")
