"""Where sequences end that do not say how long they are (PS3.5 section 7.5), without reading what is in them."""

from __future__ import annotations

from struct import Struct

from .tags import LONG_VRS, SHORT_VRS, UNDEFINED

MOST_LEVELS = 16
ITEM, END_OF_ITEM, END_OF_SEQUENCE = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

_ITEM_HEADER = Struct("<HHL").unpack_from
_HEADER = Struct("<HHHH").unpack_from
_LONG_LENGTH = Struct("<L").unpack_from
_SHORT_CODES = frozenset(int.from_bytes(vr, "little") for vr in SHORT_VRS)
_LONG_CODES = frozenset(int.from_bytes(vr, "little") for vr in LONG_VRS)
_UNKNOWN = int.from_bytes(b"UN", "little")


class NotPlainError(Exception):
    """The fast walk met something it leaves to pydicom."""


def end_of_items(data: bytes, offset: int, implicit: bool, level: int = 0) -> int:
    """The offset behind a little endian sequence whose first item is at ``offset``.

    Raises
    ------
    struct.error
        When ``data`` ends before.
    NotPlainError
        When what is there is no sequence, or sequences are nested too deeply.
    """
    if level > MOST_LEVELS:
        raise NotPlainError
    while True:
        group, number, length = _ITEM_HEADER(data, offset)
        tag = group << 16 | number
        offset += 8
        if tag == END_OF_SEQUENCE:
            return offset
        if tag != ITEM:
            raise NotPlainError
        offset = _end_of_item(data, offset, implicit, level) if length == UNDEFINED else offset + length


def _end_of_item(data: bytes, offset: int, implicit: bool, level: int) -> int:
    while True:
        group, number, vr, length = _HEADER(data, offset)
        offset += 8
        if group << 16 | number == END_OF_ITEM:
            return offset
        # An element of unknown representation and undefined length is encoded implicitly (PS3.5 section 6.2.2).
        inner = implicit or vr == _UNKNOWN
        if implicit:
            length = _LONG_LENGTH(data, offset - 4)[0]
        elif vr in _LONG_CODES:
            length = _LONG_LENGTH(data, offset)[0]
            offset += 4
        elif vr not in _SHORT_CODES:
            raise NotPlainError
        offset = end_of_items(data, offset, inner, level + 1) if length == UNDEFINED else offset + length
