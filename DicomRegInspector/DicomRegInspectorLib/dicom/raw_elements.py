"""Values out of pydicom's data sets as the files hold them, with nothing raised over what is absent or no number."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from .header import numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_BINARY = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FD": "d", "FL": "f"}
MOST_VALUES = 1 << 20


def raw_of(dataset: Dataset | None, tag: int) -> bytes:
    """Return an element's own bytes; empty where absent or no longer raw."""
    if dataset is None:
        return b""
    value = getattr(dataset.get_item(tag), "value", None)
    return value if isinstance(value, bytes) else b""


def text_of(dataset: Dataset | None, tag: int) -> str:
    """Return an element's text, without padding; empty where absent."""
    element = dataset.get_item(tag) if dataset is not None else None
    value = getattr(element, "value", None)
    if isinstance(value, bytes):
        return value.strip(b" \0").decode("ascii", "replace")
    if value is None:
        return ""
    parts = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else value
    return "\\".join(str(part).strip(" \0") for part in parts)


def vector_of(dataset: Dataset | None, tag: int) -> tuple[float, ...]:
    """Return an element's finite numbers, binary or text; nothing unless all of them are."""
    element = dataset.get_item(tag) if dataset is not None else None
    value: Any = getattr(element, "value", None)
    if element is None or value is None:
        return ()
    if not isinstance(value, bytes):
        found = np.atleast_1d(np.asarray(value, dtype=np.float64)) if _is_numeric(value) else np.empty(0)
        return tuple(found.tolist()) if np.isfinite(found).all() else ()
    told = element.VR not in (None, "", "UN")
    letter = _BINARY.get(element.VR if told else _dictionary_vr(tag))
    if letter is None:
        return numbers(value, value.count(b"\\") + 1) or ()
    order = "<" if getattr(element, "is_little_endian", True) else ">"
    count = min(len(value) // struct.calcsize(f"<{letter}"), MOST_VALUES)
    found = np.array(struct.unpack_from(f"{order}{count}{letter}", value), dtype=np.float64)
    return tuple(found.tolist()) if np.isfinite(found).all() else ()


def first_item(dataset: Dataset | None, tag: int) -> Dataset | None:
    """Return the first item of a sequence; None where there is none."""
    if dataset is None or tag not in dataset:
        return None
    items = dataset[tag].value
    return items[0] if items else None


def _is_numeric(value: Any) -> bool:
    try:
        np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _dictionary_vr(tag: int) -> str:
    from pydicom.datadict import dictionary_VR

    try:
        return dictionary_VR(tag)
    except KeyError:
        return _PRIVATE_VRS.get(tag & 0xFFFF00FF, "")


_PRIVATE_VRS = {0x0019000A: "US", 0x0019000C: "IS", 0x0019000E: "FD", 0x00650009: "FD", 0x00650037: "FD"}
"""Siemens' and UIH's private elements, for files whose encoding does not tell representations."""
