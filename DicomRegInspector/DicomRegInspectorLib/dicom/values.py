"""Numbers and text of single elements."""

from __future__ import annotations

import struct
import warnings

from .wanted_elements import Element, dictionary_vr

_FORMATS = {"FD": ("d", 8), "FL": ("f", 4), "UL": ("I", 4), "US": ("H", 2), "SL": ("i", 4), "SS": ("h", 2)}


def numbers(element: Element) -> list[float] | None:
    """The numbers of a small element, whatever numeric VR it was written with; None when they cannot be read."""
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


def text(element: Element | None, character_sets: Element | None = None) -> str:
    """The text of a small element in its character set, empty when absent; what cannot be read is replaced."""
    if element is None or not element.value:
        return ""
    from pydicom.charset import convert_encodings, decode_bytes

    names = text(character_sets).split("\\") if character_sets else [""]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            decoded = decode_bytes(element.value, convert_encodings(names), {"\\", "^", "="})
        except (LookupError, UnicodeError, ValueError):
            decoded = element.value.decode("ascii", "replace")
    return decoded.strip("\0 ")
