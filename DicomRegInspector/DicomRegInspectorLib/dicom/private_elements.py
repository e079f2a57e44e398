"""What makers of scanners say of an image in private elements beyond the geometry, read only where it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import FileError
from .header import Header

Value = float | str
GRADIENT_DIGITS = 4
"""Decimals of a gradient direction that count: the same direction is written with rounding noise."""


@dataclass(frozen=True)
class PrivateElement:
    """One private element of one maker, in the block that its files reserve first (PS3.5 7.8.1)."""

    name: str
    """The attribute it is, by the name that the standard's has where there is one."""
    tag: int
    creator: str
    """How the block's private creator begins."""
    read: Callable[[Any], Value | None]


def _first_number(value: Any) -> float | None:
    values = _values(value)
    try:
        return float(values[0]) if values else None
    except (TypeError, ValueError):
        return None


def _ge_b_value(value: Any) -> float | None:
    """GE adds 10^9 to b-values that were chosen freely."""
    number = _first_number(value)
    return number % 1e9 if number is not None and number >= 1e9 else number


def gradient_text(direction: Iterable[float]) -> str:
    """Return a gradient direction as one value, without the noise of its last digits."""
    return "\\".join(f"{round(value, GRADIENT_DIGITS) + 0.0:.{GRADIENT_DIGITS}f}" for value in direction)


def _direction(value: Any) -> str | None:
    try:
        numbers = [float(part) for part in _values(value)]
    except (TypeError, ValueError):
        return None
    return gradient_text(numbers) if len(numbers) == 3 else None


def _text(value: Any) -> str | None:
    values = [str(part) for part in _values(value) if isinstance(part, str | float | int)]
    text = "".join(character for character in "\\".join(values) if character.isprintable()).strip()
    return text[:64] or None


def _values(value: Any) -> list[Any]:
    if value is None or isinstance(value, str | bytes | float | int):
        return [] if value in (None, "", b"") else [value]
    return list(value)


ELEMENTS: tuple[PrivateElement, ...] = (
    PrivateElement("b-value", 0x00431039, "GEMS_PARM_01", _ge_b_value),
    PrivateElement("image kind", 0x00431030, "GEMS_PARM_01", _first_number),
    PrivateElement("gradient along x", 0x001910BB, "GEMS_ACQU_01", _first_number),
    PrivateElement("gradient along y", 0x001910BC, "GEMS_ACQU_01", _first_number),
    PrivateElement("gradient along z", 0x001910BD, "GEMS_ACQU_01", _first_number),
    PrivateElement("b-value", 0x20011003, "Philips Imaging", _first_number),
    PrivateElement("cardiac phase number", 0x20011008, "Philips Imaging", _first_number),
    PrivateElement("gradient number", 0x20051413, "Philips MR Imaging DD 005", _first_number),
    PrivateElement("ASL context", 0x20051429, "Philips MR Imaging DD 005", _text),
    PrivateElement("b-value", 0x00651009, "Image Private Header", _first_number),
    PrivateElement("gradient", 0x00651037, "Image Private Header", _direction),
)
"""GE: its DICOM conformance statements; Philips: of MR 5.x; UIH: of uMR. Siemens' stand among the fast header's."""
_COMPONENTS = ("gradient along x", "gradient along y", "gradient along z")
_CREATORS = tuple({element.tag >> 16 << 16 | element.tag >> 8 & 0xFF for element in ELEMENTS})
_TAGS = [*_CREATORS, *(element.tag for element in ELEMENTS)]


def private_values(header: Header) -> dict[str, Value]:
    """Return the attributes that a file's private elements hold; empty where it has none or can no longer be read."""
    from .pydicom_header import read_elements

    try:
        dataset = read_elements(header.path, _TAGS)
    except FileError:
        return {}
    found: dict[str, Value] = {}
    for element in ELEMENTS:
        creator = _value(dataset, element.tag >> 16 << 16 | element.tag >> 8 & 0xFF)
        if not isinstance(creator, str) or not creator.startswith(element.creator):
            continue
        value = element.read(_value(dataset, element.tag))
        if value is not None:
            found.setdefault(element.name, value)
    along = [value for name in _COMPONENTS if isinstance(value := found.pop(name, None), float)]
    if len(along) == len(_COMPONENTS):
        found["gradient"] = gradient_text(along)
    return found


def _value(dataset: Any, tag: int) -> Any:
    try:
        return dataset[tag].value if tag in dataset else None
    except Exception:  # a private element that cannot be parsed says nothing, and raises many kinds
        return None
