"""A header as a file, out of what a server says of an instance in the DICOM JSON model (PS3.18 annex F).

Whatever reads headers of files then reads these, so that a series is judged by the same code wherever it lies. What a
server says that is no value (a list where there is none, a null among numbers, a number that is text) makes a header
doubtful: the instance itself has to be looked at. Nothing is guessed.
"""

from __future__ import annotations

import binascii
import struct
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...dicom.header import decimals_of
from ...dicom.private_elements import ELEMENTS
from ...dicom.tags import EXPLICIT_LITTLE_ENDIAN, LENIENT, LONG_VRS, PIXEL_KEYWORDS, SHORT_VRS
from ...dicom.wanted_elements import dictionary_vr

_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "SV": "q", "UV": "Q"}
_BYTES = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
_LONG = frozenset(code.decode() for code in LONG_VRS)
_VRS = _LONG | {code.decode() for code in SHORT_VRS}
_UTF8 = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192"
_SOP_CLASS, _SOP_INSTANCE, _ROWS = "00080016", "00080018", "00280010"
_NOTHING = object()
"""Equal to no element."""
_NO_PIXELS = b"\xe0\x7f\x10\x00OW\0\0\0\0\0\0"
"""Pixel Data of an image that is not looked at: who asks how much of it is there need not search for it."""
_DEEPEST = 32
_EVEN = frozenset("02468ACEace")
"""Last digits of the groups that the standard defines (PS3.5 section 7.8)."""
_MOSAIC = (0x0019100A, 0x00291010, 0x00291020, 0x00651050, 0x00651051)
_PRIVATE = frozenset(
    f"{tag >> 16:04X}{tag & 0xFF:02X}" for tag in (*LENIENT, *_MOSAIC, *(element.tag for element in ELEMENTS))
)
"""Groups and last two digits of makers' elements that are looked at, in whatever block they stand."""


@dataclass(frozen=True)
class HeaderFile:
    """What a file of a header holds."""

    content: bytes
    is_doubtful: bool
    """Whether the server's answer holds what is no value of its element."""


class HeaderWriter:
    """Writes the headers of one series; what does not change from instance to instance is encoded once."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._kept: tuple[str, ...] = ()
        self._elements: list[object] = []
        self._parts: list[bytes] = []
        self._doubts: frozenset[str] = frozenset()
        self.decimals: Mapping[int, int] = {}
        """Digits after the point in the series' files, by tag: in JSON, numbers lose the zeros at their end."""

    def header_file(self, instance: Mapping[str, Any]) -> HeaderFile:
        """Return the file of one instance's metadata: explicit little endian, without pixels."""
        names = tuple(instance)
        if names != self._names:
            self._begin(names)
        elements, parts = self._elements, self._parts
        for number, key in enumerate(self._kept):
            element = instance[key]
            if elements[number] is element or elements[number] == element:
                continue
            elements[number] = element
            parts[number], doubt = self._element(key, element, 0)
            # What makers write into elements of their own may be anything; a series' first instance shows what is lost.
            if key[3] in _EVEN:
                self._doubts = self._doubts | {key} if doubt else self._doubts - {key}
        pixels = _NO_PIXELS if _ROWS in instance else b""
        return HeaderFile(b"".join((_meta(instance), _UTF8, *parts, pixels)), bool(self._doubts))

    def _begin(self, names: tuple[str, ...]) -> None:
        """Take in which elements there are; what is known of them stays known."""
        known = dict(zip(self._kept, zip(self._elements, self._parts, strict=True), strict=True))
        self._names, self._kept = names, tuple(key for key in sorted(names) if _is_kept(key))
        kept = [known.get(key, (_NOTHING, b"")) for key in self._kept]
        self._elements, self._parts = [element for element, _ in kept], [part for _, part in kept]
        self._doubts = self._doubts.intersection(self._kept)

    def _element(self, key: str, element: object, depth: int) -> tuple[bytes, bool]:
        """One element's bytes, and whether there is doubt; of what is left out, none."""
        try:
            tag = int(key, 16) if len(key) == 8 else -1
        except ValueError:
            tag = -1
        if tag < 0x00080000 or not isinstance(element, dict):
            return b"", tag >= 0x00080000
        if tag in PIXEL_KEYWORDS or tag & 0xFFFF == 0:
            return b"", False
        vr = element.get("vr")
        if not isinstance(vr, str) or vr not in _VRS:
            vr = dictionary_vr(tag)
        if "BulkDataURI" in element:
            return b"", False
        value = element.get("Value")
        if "InlineBinary" in element:
            raw = _inline(element["InlineBinary"])
            return (b"", True) if raw is None else (_encoded(tag, vr if vr in _BYTES else "UN", raw), False)
        if value is None:
            return _encoded(tag, vr, b""), "Value" in element
        if not isinstance(value, list) or not value:
            return b"", True
        if vr == "SQ":
            return self._sequence(tag, value, depth)
        raw = _raw(tag, vr, value, self.decimals.get(tag, 0))
        return (b"", True) if raw is None else (_encoded(tag, vr, raw), False)

    def _sequence(self, tag: int, items: list[object], depth: int) -> tuple[bytes, bool]:
        if depth >= _DEEPEST:
            return b"", True
        encoded, doubtful = [], False
        for item in items:
            if item is None:
                item = {}
            if not isinstance(item, dict):
                return b"", True
            parts = []
            for key in sorted(item):
                part, doubt = (b"", False) if key == "00080005" else self._element(key, item[key], depth + 1)
                parts.append(part)
                doubtful = doubtful or doubt
            content = b"".join(parts)
            encoded.append(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(content)) + content)
        return _encoded(tag, "SQ", b"".join(encoded)), doubtful


def _is_kept(key: str) -> bool:
    """Whether an element may count: of those that makers define, the few that are looked at, and whose they are.

    A maker's element that is left out although it counts shows in the comparison with an instance's own header.
    """
    if len(key) != 8 or key == "00080005":
        return False
    return key[3] in _EVEN or key[4:6] == "00" or (key[:4] + key[6:]).upper() in _PRIVATE


def _raw(tag: int, vr: str, value: Sequence[object], decimals: int) -> bytes | None:
    """The value as a file has it; None where JSON holds what the representation cannot."""
    if vr in ("DS", "IS"):
        return _numeric_text(value, decimals if vr == "DS" else 0)
    if vr in _NUMBERS:
        return _packed(_NUMBERS[vr], value)
    if vr == "PN":
        return _joined([_name(each) for each in value])
    if vr == "AT":
        return _tags(value)
    if vr in _BYTES:
        return None
    texts = ["" if each is None else each for each in value]
    return _joined([text if isinstance(text, str) else None for text in texts], b"\0" if vr == "UI" else b" ")


def _numeric_text(value: Sequence[object], decimals: int) -> bytes | None:
    texts = []
    for each in value:
        if isinstance(each, str):
            texts.append(each)
        elif isinstance(each, int | float) and not isinstance(each, bool):
            texts.append(written(each, decimals))
        else:
            return None
    return _joined(texts)


def written(number: float, decimals: int) -> str:
    """Return a number as text with so many digits after its point, or as many more as it needs."""
    text = str(int(number)) if float(number).is_integer() and abs(number) < 1e15 else str(number)
    if decimals <= 0 or "e" in text or "n" in text:
        return text
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(decimals, '0')}"


def _packed(code: str, value: Sequence[Any]) -> bytes | None:
    try:
        numbers = [float(each) if code in "fd" else _whole(each) for each in value]
        return struct.pack(f"<{len(numbers)}{code}", *numbers)
    except (TypeError, ValueError, OverflowError, struct.error):
        return None


def _whole(value: Any) -> int:
    """A whole number. Raises ValueError for another."""
    number = int(value)
    if isinstance(value, bool) or (isinstance(value, float) and number != value):
        raise ValueError
    return number


def _name(value: object) -> str | None:
    """A person's name: its groups, one after the other (PS3.18 F.2.2)."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return None
    groups = [value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic")]
    return "=".join(groups).rstrip("=") if all(isinstance(group, str) for group in groups) else None


def _tags(value: Sequence[object]) -> bytes | None:
    try:
        numbers = [int(str(each), 16) for each in value]
        return b"".join(struct.pack("<HH", number >> 16, number & 0xFFFF) for number in numbers)
    except (ValueError, struct.error):
        return None


def _inline(value: object) -> bytes | None:
    if not isinstance(value, str):
        return None
    try:
        return b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


def _joined(texts: Sequence[str | None], padding: bytes = b" ") -> bytes | None:
    known = [text for text in texts if text is not None]
    if len(known) < len(texts):
        return None
    raw = "\\".join(known).encode("utf-8", "replace")
    return raw + padding if len(raw) % 2 else raw


def _encoded(tag: int, vr: str, raw: bytes) -> bytes:
    if len(raw) % 2:
        raw += b"\0"
    if vr not in _LONG and len(raw) > 0xFFFE:
        vr = "UN"
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in _LONG:
        return head + struct.pack("<HI", 0, len(raw)) + raw
    return head + struct.pack("<H", len(raw)) + raw


def _meta(instance: Mapping[str, Any]) -> bytes:
    """Preamble and file meta information (PS3.10 section 7.1)."""
    elements = b"".join(
        _encoded(tag, "UI", raw + b"\0" * (len(raw) % 2))
        for tag, raw in (
            (0x00020002, text_of(instance, _SOP_CLASS).encode()),
            (0x00020003, text_of(instance, _SOP_INSTANCE).encode()),
            (0x00020010, EXPLICIT_LITTLE_ENDIAN.encode()),
        )
    )
    length = _encoded(0x00020000, "UL", struct.pack("<I", len(elements)))
    return bytes(128) + b"DICM" + length + elements


def values_of(dataset: object, key: str) -> list[Any]:
    """Return an element's values in a data set of DICOM JSON; none where it has none or is no such thing."""
    element = dataset.get(key) if isinstance(dataset, dict) else None
    value = element.get("Value") if isinstance(element, dict) else None
    return value if isinstance(value, list) else []


def text_of(dataset: object, key: str) -> str:
    """Return an element's first value as text; empty where there is none."""
    first = next(iter(values_of(dataset, key)), None)
    return first.strip(" \0") if isinstance(first, str) else ""


def decimals_by_tag(elements: Mapping[int, bytes], tags: Sequence[int]) -> dict[int, int]:
    """Return the digits after the point that a header's decimal elements are written with."""
    known = {tag: decimals_of(elements.get(tag, b"")) for tag in tags}
    return {tag: count for tag, count in known.items() if count is not None and count > 0}
