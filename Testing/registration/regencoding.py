"""Data elements and files encoded byte by byte (PS3.5 section 7), in every way a writer may choose, or get wrong."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

DEFORMABLE_CLASS = "1.2.840.10008.5.1.4.1.1.66.3"
SYNTAXES = {
    "implicit-le": "1.2.840.10008.1.2",
    "explicit-le": "1.2.840.10008.1.2.1",
    "explicit-be": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99",
}
UNDEFINED = 0xFFFFFFFF
LONG_FORM = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
NUMERIC = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
CONTENT_SEQUENCE = 0x0040A730


@dataclass
class Element:
    """A data element before encoding.

    ``value``: a list of element lists for a sequence; bytes are written as they are; numbers, text, lists of those and
    arrays are encoded by VR. ``claimed_length`` is written in place of the real length.
    """

    tag: int
    vr: str
    value: Any
    claimed_length: int | None = None


def ds(value: float) -> str:
    """A decimal string of at most 16 characters, as close to the value as those allow."""
    for digits in range(17, 0, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    return f"{value:.9e}"


def as_written(values: Any) -> np.ndarray:
    """The numbers that a reader gets back from :func:`ds`: what expectations have to be built on."""
    array = np.asarray(values, dtype=np.float64)
    return np.array([float(ds(v)) for v in array.ravel()]).reshape(array.shape)


# ---- Encoding -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Encoding:
    """How the elements are written.

    ``order``: "ascending", "reversed" (at every level) or "content-first" (top level: groups 0064 and 0070 first).
    ``sequence_vr``: "SQ" or "UN" (the content is then implicit little endian, PS3.5 6.2.2 note 2).
    ``float_order``: byte order of the vectors: that of the syntax when empty, else "<" or ">".
    """

    syntax: str = "explicit-le"
    undefined_sequences: bool = False
    undefined_items: bool = False
    vector_vr: str = "OF"
    sequence_vr: str = "SQ"
    order: str = "ascending"
    float_order: str = ""
    preamble: bool = True
    meta: bool = True
    group_lengths: bool = False
    trailing: bytes = b""
    declared_syntax: str = ""
    """Transfer Syntax UID in the file meta information where it is not to be the true one."""


@dataclass(frozen=True)
class _Context:
    explicit: bool
    endian: str
    encoding: Encoding
    level: int = 0

    def inside_un(self) -> _Context:
        return replace(self, explicit=False, endian="<")

    def deeper(self) -> _Context:
        return replace(self, level=self.level + 1)


def _value_bytes(element: Element, context: _Context) -> bytes:
    value = element.value
    if isinstance(value, bytes):
        return value
    if isinstance(value, np.ndarray):
        order = context.encoding.float_order or context.endian
        return np.ascontiguousarray(value).astype(f"{order}f4").tobytes()
    if element.vr in NUMERIC:
        values = value if isinstance(value, (list, tuple)) else [value]
        return struct.pack(f"{context.endian}{len(values)}{NUMERIC[element.vr]}", *values)
    text = "\\".join(value) if isinstance(value, (list, tuple)) else value
    raw = text.encode("utf-8")
    return raw + (b"\0" if element.vr == "UI" else b" ") * (len(raw) % 2)


def _tag(tag: int, context: _Context) -> bytes:
    return struct.pack(f"{context.endian}HH", tag >> 16, tag & 0xFFFF)


def _header(tag: int, vr: str, length: int, context: _Context) -> bytes:
    head = _tag(tag, context)
    if not context.explicit:
        return head + struct.pack(f"{context.endian}I", length)
    if vr in LONG_FORM:
        return head + vr.encode() + struct.pack(f"{context.endian}HI", 0, length)
    return head + vr.encode() + struct.pack(f"{context.endian}H", length)


def _sequence_bytes(element: Element, context: _Context) -> bytes:
    encoding = context.encoding
    vr = encoding.sequence_vr
    inner = context.inside_un().deeper() if vr == "UN" and context.explicit else context.deeper()
    body = bytearray()
    for item in element.value:
        content = encode_elements(item, inner)
        if encoding.undefined_items:
            body += _tag(0xFFFEE000, inner) + struct.pack(f"{inner.endian}I", UNDEFINED) + content
            body += _tag(0xFFFEE00D, inner) + struct.pack(f"{inner.endian}I", 0)
        else:
            body += _tag(0xFFFEE000, inner) + struct.pack(f"{inner.endian}I", len(content)) + content
    if encoding.undefined_sequences:
        body += _tag(0xFFFEE0DD, inner) + struct.pack(f"{inner.endian}I", 0)
    length = UNDEFINED if encoding.undefined_sequences else len(body)
    if element.claimed_length is not None:
        length = element.claimed_length
    return _header(element.tag, vr, length, context) + bytes(body)


def _ordered(elements: list[Element], context: _Context) -> list[Element]:
    if context.encoding.order == "reversed":
        return elements[::-1]
    if context.encoding.order == "content-first" and context.level == 0:
        return sorted(elements, key=lambda e: e.tag >> 16 not in (0x0064, 0x0070))
    return elements


def encode_elements(elements: list[Element], context: _Context) -> bytes:
    out = bytearray()
    group = -1
    ordered = _ordered(elements, context)
    for element in ordered:
        if context.encoding.group_lengths and context.level == 0 and element.tag >> 16 != group:
            group = element.tag >> 16
            bare = replace(context, encoding=replace(context.encoding, group_lengths=False))
            size = len(encode_elements([e for e in ordered if e.tag >> 16 == group], bare))
            out += _header(group << 16, "UL", 4, context) + struct.pack(f"{context.endian}I", size)
        if isinstance(element.value, list) and element.vr == "SQ":
            out += _sequence_bytes(element, context)
            continue
        value = _value_bytes(element, context)
        length = len(value) if element.claimed_length is None else element.claimed_length
        out += _header(element.tag, element.vr, length, context) + value
    return bytes(out)


def meta_bytes(sop_class: str, instance: str, syntax_uid: str) -> bytes:
    """The file meta information, always explicit little endian (PS3.10 7.1)."""
    context = _Context(True, "<", Encoding())
    body = encode_elements(
        [
            Element(0x00020001, "OB", b"\0\1"),
            Element(0x00020002, "UI", sop_class),
            Element(0x00020003, "UI", instance),
            Element(0x00020010, "UI", syntax_uid),
            Element(0x00020012, "UI", "1.2.3.999"),
        ],
        context,
    )
    return _header(0x00020000, "UL", 4, context) + struct.pack("<I", len(body)) + body


def _text_of(elements: list[Element], tag: int) -> str:
    return next((e.value for e in elements if e.tag == tag and isinstance(e.value, str)), "")


def context_of(encoding: Encoding) -> _Context:
    """The byte order and explicitness of an encoding's transfer syntax."""
    return _Context(encoding.syntax != "implicit-le", ">" if encoding.syntax == "explicit-be" else "<", encoding)


def encode(elements: list[Element], encoding: Encoding = Encoding()) -> bytes:
    """The bytes of a whole file."""
    body = encode_elements(elements, context_of(encoding)) + encoding.trailing
    return wrap(body, encoding, _text_of(elements, 0x00080016), _text_of(elements, 0x00080018))


def wrap(
    body: bytes, encoding: Encoding = Encoding(), sop_class: str = DEFORMABLE_CLASS, instance: str = "1.2.3.4.5.6"
) -> bytes:
    """Preamble and file meta information in front of an encoded data set (deflated where the syntax is)."""
    if encoding.syntax == "deflated":
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        body = packer.compress(body) + packer.flush()
        body += b"\0" * (len(body) % 2)
    front = b"\0" * 128 + b"DICM" if encoding.preamble else b""
    if encoding.meta:
        front += meta_bytes(sop_class, instance, encoding.declared_syntax or SYNTAXES[encoding.syntax])
    return front + body


def nested_sequences(
    depth: int, *, undefined: bool, explicit: bool = True, tag: int = CONTENT_SEQUENCE, closed: bool = True
) -> bytes:
    """``depth`` sequences, each the only element of the only item of the one before."""
    context = _Context(explicit, "<", Encoding())
    head = 12 if explicit else 8
    out = bytearray()
    for level in range(depth):
        inside = (depth - level - 1) * (head + 8)
        out += _header(tag, "SQ", UNDEFINED if undefined else inside + 8, context)
        out += _tag(0xFFFEE000, context) + struct.pack("<I", UNDEFINED if undefined else inside)
    if undefined and closed:
        out += (_tag(0xFFFEE00D, context) + b"\0" * 4 + _tag(0xFFFEE0DD, context) + b"\0" * 4) * depth
    return bytes(out)
