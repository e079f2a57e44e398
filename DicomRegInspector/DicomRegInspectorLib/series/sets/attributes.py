"""What images at one place may differ by: standard elements, and the private ones where makers keep the same."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ...dicom.header import Header
from ...dicom.private_elements import gradient_text
from ...dicom.tags import Tag

Value = float | str
Kind = Literal["decimal", "text", "codes", "float64", "unsigned", "vector"]
SIEMENS_MR = b"SIEMENS MR HEADER"
"""Private creator of (0019,100C) B_value and (0019,100E) DiffusionGradientDirection."""


@dataclass(frozen=True, slots=True)
class Told:
    """What tells one set from the others of its series, in one respect."""

    name: str
    """The attribute's, or ``set``, ``time point``, ``station``, ``segment``, ``repeat``, which only count."""
    value: Value | None
    """Of a gradient its direction as text; None for a set whose images do not have the attribute."""
    text: str
    """Of the set's label; empty where the value is not worth saying."""


@dataclass(frozen=True)
class Attribute:
    """One thing that may tell sets of images apart."""

    name: str
    tags: tuple[int, ...]
    """The element and what else may hold it, the best first; all of one pair (date and time) where ``joined``."""
    kind: Kind
    label: str
    """How a set is named by it; ``{}`` stands for the value."""
    by_design: bool = True
    """Whether a scan sets it on purpose; otherwise it tells one scan from the next."""
    joined: bool = False


def _decimal(name: str, tag: int, label: str = "", *, by_design: bool = True) -> Attribute:
    return Attribute(name, (tag,), "decimal", label or name + " {}", by_design)


def _text(name: str, tag: int, label: str = "", *, by_design: bool = True) -> Attribute:
    return Attribute(name, (tag,), "text", label or name + " {}", by_design)


ATTRIBUTES: tuple[Attribute, ...] = (
    _decimal("temporal position", Tag.TEMPORAL_POSITION),
    Attribute("temporal position index", (Tag.TEMPORAL_POSITION_INDEX,), "unsigned", "temporal position {}"),
    Attribute("b-value", (Tag.DIFFUSION_B_VALUE, Tag.SIEMENS_B_VALUE), "float64", "b={}"),
    Attribute("gradient", (Tag.DIFFUSION_GRADIENT, Tag.SIEMENS_GRADIENT), "vector", "gradient {}"),
    _text("diffusion directionality", Tag.DIFFUSION_DIRECTIONALITY, "{}"),
    _decimal("echo number", Tag.ECHO_NUMBERS, "echo {}"),
    _decimal("echo time", Tag.ECHO_TIME, "echo time {} ms"),
    Attribute("effective echo time", (Tag.EFFECTIVE_ECHO_TIME,), "float64", "effective echo time {} ms"),
    _decimal("inversion time", Tag.INVERSION_TIME, "inversion time {} ms"),
    _decimal("repetition time", Tag.REPETITION_TIME, "repetition time {} ms"),
    _decimal("flip angle", Tag.FLIP_ANGLE, "flip angle {}°"),
    Attribute("cardiac phase", (Tag.CARDIAC_PHASE_PERCENTAGE,), "float64", "cardiac phase {} %"),
    Attribute("cardiac trigger delay", (Tag.CARDIAC_TRIGGER_DELAY,), "float64", "trigger delay {} ms"),
    _decimal("trigger time", Tag.TRIGGER_TIME, "trigger time {} ms"),
    Attribute("image type", (Tag.IMAGE_TYPE,), "codes", "{}"),
    _text("complex image component", Tag.COMPLEX_IMAGE_COMPONENT, "{}"),
    _text("ASL context", Tag.ASL_CONTEXT, "ASL {}"),
    _text("stack ID", Tag.STACK_ID, "stack {}"),
    Attribute("dimension index", (Tag.DIMENSION_INDEX_VALUES,), "unsigned", "dimension index {}"),
    _text("phase encoding direction", Tag.PHASE_ENCODING_DIRECTION, "phase encoding {}"),
    _text("receive coil", Tag.RECEIVE_COIL_NAME, "coil {}"),
    _text("convolution kernel", Tag.CONVOLUTION_KERNEL, "kernel {}"),
    _decimal("kVp", Tag.KVP, "{} kVp"),
    _decimal("slice thickness", Tag.SLICE_THICKNESS, "{} mm thick"),
    _decimal("reconstruction diameter", Tag.RECONSTRUCTION_DIAMETER, "reconstruction diameter {} mm"),
    _text("sequence name", Tag.SEQUENCE_NAME, "sequence {}"),
    _text("scan options", Tag.SCAN_OPTIONS, "scan options {}"),
    _decimal("frame duration", Tag.ACTUAL_FRAME_DURATION, "frame duration {} ms"),
    _decimal("acquisition number", Tag.ACQUISITION_NUMBER, "acquisition {}", by_design=False),
    _text("acquisition UID", Tag.ACQUISITION_UID, "acquisition UID {}", by_design=False),
    _text("contrast agent", Tag.CONTRAST_AGENT, "contrast {}", by_design=False),
    _text("acquisition date and time", Tag.ACQUISITION_DATE_TIME, "acquired {}", by_design=False),
    Attribute(
        "acquisition time", (Tag.ACQUISITION_DATE, Tag.ACQUISITION_TIME), "text", "acquired {}", False, joined=True
    ),
    Attribute("content time", (Tag.CONTENT_DATE, Tag.CONTENT_TIME), "text", "content time {}", False, joined=True),
    Attribute("series time", (Tag.SERIES_DATE, Tag.SERIES_TIME), "text", "series time {}", False, joined=True),
    _text("transfer syntax", Tag.TRANSFER_SYNTAX_UID, "encoded as {}", by_design=False),
    _text("series description", Tag.SERIES_DESCRIPTION, "{}", by_design=False),
)
"""The most telling first. PS3.3 C.7.6.2, C.7.6.16, C.8.2, C.8.3, C.8.13; Siemens: its DICOM conformance statements."""

BY_NAME: dict[str, Attribute] = {attribute.name: attribute for attribute in ATTRIBUTES}
_SIEMENS = frozenset((Tag.SIEMENS_CREATOR, Tag.SIEMENS_B_VALUE, Tag.SIEMENS_GRADIENT))
_TAGS = sorted({int(tag) for attribute in ATTRIBUTES for tag in attribute.tags} | set(map(int, _SIEMENS)))
TIMES = ("acquisition date and time", "acquisition time", "trigger time", "cardiac trigger delay", "content time")
"""Values that tell images at one position apart by order, even where they differ from place to place as well."""
OF_PLACES = frozenset(("slice thickness", "spacing between slices"))
"""What a frame says of its place; it tells nothing of time or contrast."""
HIDDEN_IN_LABELS = frozenset(("series description", "contrast agent"))
"""Free text, in which names may stand: sets told apart by it are numbered."""


UNITS = {"b-value": "s/mm²", "slice thickness": "mm"}
"""Of attributes whose labels do not end with it."""


def unit_of(name: str) -> str:
    """Return the unit of an attribute's values; empty where they have none."""
    label = BY_NAME[name].label if name in BY_NAME else ""
    return UNITS.get(name, label.partition("{}")[2].strip())


def raw_of(header: Header, attribute: Attribute) -> tuple[bytes, ...]:
    """Return the bytes an attribute's value is made of: equal bytes are equal values."""
    raw_of_tag = header.raw
    if attribute.tags == (Tag.TRANSFER_SYNTAX_UID,):
        return (header.transfer_syntax_uid.encode("ascii", "replace"),)
    if attribute.joined:
        return tuple([raw_of_tag(tag) for tag in attribute.tags])
    for tag in attribute.tags:
        raw = raw_of_tag(tag)
        if raw and (tag >> 16 != 0x0019 or raw_of_tag(Tag.SIEMENS_CREATOR).strip(b" \0") == SIEMENS_MR):
            return (raw, tag.to_bytes(4, "big"))
    return (b"",)


def varying_tags(headers: Iterable[Header]) -> frozenset[int]:
    """Return the tags of elements that attributes are read from and that are not the same bytes in all headers."""
    headers = list(headers)
    in_common = list({id(header.shared): header.shared for header in headers}.values())
    own = set[int]().union(*[header.own for header in headers])
    varying = {
        tag
        for tag in _TAGS
        if len({header.raw(tag) for header in headers} if tag in own else {of.get(tag, b"") for of in in_common}) > 1
    }
    if len({header.transfer_syntax_uid for header in headers}) > 1:
        varying.add(Tag.TRANSFER_SYNTAX_UID)  # It is kept beside the elements.
    return frozenset(varying | _SIEMENS if Tag.SIEMENS_CREATOR in varying else varying)


def value_of(header: Header, name: str) -> Value | None:
    """Return the value of an attribute by its name in :data:`ATTRIBUTES`; None where a header does not hold it."""
    attribute = BY_NAME.get(name)
    return parsed(raw_of(header, attribute), attribute) if attribute is not None else None


def parsed(raw: tuple[bytes, ...], attribute: Attribute) -> Value | None:
    """Return the value that :func:`raw_of` gave the bytes of."""
    return _parsed(raw, attribute.kind, attribute.joined)


@lru_cache(maxsize=1 << 15)
def _parsed(raw: tuple[bytes, ...], kind: Kind, joined: bool) -> Value | None:
    if joined:
        text = " ".join(part for part in map(_plain, raw) if part)
        return text if _plain(raw[-1]) else None
    if not raw[0]:
        return None
    if len(raw) > 1 and int.from_bytes(raw[1], "big") == Tag.SIEMENS_B_VALUE:
        kind = "decimal"
    return _READERS[kind](raw[0])


def _plain(raw: bytes) -> str:
    text = raw.strip(b" \0").decode("utf-8", "replace")
    return "".join(character for character in text if character.isprintable())


def _number(raw: bytes) -> float | None:
    try:
        value = float(raw.split(b"\\", 1)[0].strip(b" \0"))
    except ValueError:
        return None
    return value if abs(value) < 1e300 else None


def _doubles(raw: bytes) -> tuple[float, ...]:
    count = len(raw) // 8
    return struct.unpack(f"<{count}d", raw[: 8 * count])


def _double(raw: bytes) -> float | None:
    values = _doubles(raw)
    return values[0] if values and abs(values[0]) < 1e300 else None


def _vector(raw: bytes) -> str | None:
    values = _doubles(raw)
    if not values or not all(abs(value) < 1e300 for value in values):
        return None
    return gradient_text(values)


def _unsigned(raw: bytes) -> Value | None:
    values = struct.unpack(f"<{len(raw) // 4}L", raw[: len(raw) // 4 * 4])
    return None if not values else float(values[0]) if len(values) == 1 else "\\".join(map(str, values))


_READERS: Mapping[Kind, Callable[[bytes], Value | None]] = {
    "decimal": _number,
    "float64": _double,
    "vector": _vector,
    "unsigned": _unsigned,
    "text": lambda raw: _plain(raw) or None,
    "codes": lambda raw: "\\".join(part.strip() for part in _plain(raw).upper().split("\\")) or None,
}
