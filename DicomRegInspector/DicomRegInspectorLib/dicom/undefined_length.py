"""Where sequences end that do not say how long they are (PS3.5 section 7.5), without keeping what is in them.

Everything is walked over that pydicom walks over too, so that both end at the same place: a sequence of undefined
length element by element, one of defined length inside it as a whole.
"""

from __future__ import annotations

import re
from struct import Struct

from ..limits import LEVELS
from .tags import END_OF_ITEM, END_OF_SEQUENCE, ITEM, LONG_VRS, SHORT_VRS, UNDEFINED, Tag

MOST_LEVELS = LEVELS.value

# Tags as one number read from a little endian file: the element in the upper half.
_ITEM, _END_OF_ITEM, _END_OF_SEQUENCE, _CHARACTER_SET = (
    (tag & 0xFFFF) << 16 | tag >> 16 for tag in (ITEM, END_OF_ITEM, END_OF_SEQUENCE, Tag.SPECIFIC_CHARACTER_SET)
)
_DELIMITERS = 0xFFFE
_OPEN = 1 << 62  # the end of an item that has a delimiter
_EXPLICIT, _IMPLICIT, _IMPLICIT_BY_LOOK = 0, 1, 2

_ITEM_HEADER = Struct("<LL").unpack_from
_HEADER = Struct("<LHH").unpack_from
_LONG_LENGTH = Struct("<L").unpack_from
_SHORT_CODES = frozenset(int.from_bytes(vr, "little") for vr in SHORT_VRS)
_LONG_CODES = frozenset(int.from_bytes(vr, "little") for vr in LONG_VRS)
_SEQUENCE, _UNKNOWN, _CODE_STRING = (int.from_bytes(vr, "little") for vr in (b"SQ", b"UN", b"CS"))
_EMPTY_ITEMS = re.compile(rb"(?:\xfe\xff\x00\xe0(?:\0\0\0\0|\xff\xff\xff\xff\xfe\xff\x0d\xe0\0\0\0\0))++").match
_TWO_CAPITALS = re.compile(rb"[A-Z][A-Z]").match
# Defined terms of Specific Character Set (PS3.3 C.12.1.1.2); anything else is left to pydicom to judge.
_CHARACTER_SETS = frozenset(
    [b"", b"ISO_IR 6", b"ISO_IR 192", b"GB18030", b"GBK"]
    + [b"ISO_IR %d" % number for number in (13, 100, 101, 109, 110, 126, 127, 138, 144, 148, 166)]
    + [b"ISO 2022 IR %d" % n for n in (6, 13, 58, 87, 100, 101, 109, 110, 126, 127, 138, 144, 148, 149, 159, 166)]
)


class NotPlainError(Exception):
    """A walk over bytes met something it leaves to pydicom."""


def plain_character_set(value: bytes) -> bytes:
    """Return Specific Character Set without padding.

    Raises NotPlainError where a name is not known, since pydicom's word counts.
    """
    names = [part.strip(b" \0") for part in value.split(b"\\")]
    if not _CHARACTER_SETS.issuperset(names):
        raise NotPlainError
    return b"\\".join(names)


def end_of_undefined(data: bytes, offset: int, tag: int, vr: int) -> int:
    """Return the offset behind a little endian element of undefined length whose value begins at ``offset``.

    ``vr``: the number that the two bytes of the value representation make; 0 in an implicit encoding.

    Raises struct.error when ``data`` ends before. Raises NotPlainError when the element is no sequence, or holds
    something that is left to pydicom.
    """
    encoding = _encoding(data, offset, tag, vr)
    around: list[tuple[int, int]] = []  # ends and encodings of the items that the sequence at hand is in
    while True:
        tag, length = _ITEM_HEADER(data, offset)
        if tag == _END_OF_SEQUENCE and not length:
            offset += 8
            if not around:
                return offset
            end, encoding = around.pop()
        elif tag != _ITEM:
            raise NotPlainError
        else:
            empty = _EMPTY_ITEMS(data, offset)
            if empty:
                offset = empty.end()
                continue
            offset += 8
            end = _OPEN if length == UNDEFINED else offset + length
            if encoding == _IMPLICIT_BY_LOOK and _TWO_CAPITALS(data, offset + 4):
                raise NotPlainError  # encoded explicitly after all, or so pydicom believes
        while offset < end:
            tag, vr, length = _HEADER(data, offset)
            offset += 8
            if tag & 0xFFFF == _DELIMITERS:
                if tag != _END_OF_ITEM or vr or length or end != _OPEN:
                    raise NotPlainError
                break
            if encoding:
                vr, length = 0, _LONG_LENGTH(data, offset - 4)[0]
            elif vr in _LONG_CODES:
                length = _LONG_LENGTH(data, offset)[0]
                offset += 4
            elif vr not in _SHORT_CODES:
                raise NotPlainError
            if tag == _CHARACTER_SET:
                if vr not in (0, _CODE_STRING) or length == UNDEFINED:
                    raise NotPlainError
                if offset + length <= len(data):
                    plain_character_set(data[offset : offset + length])
            if length == UNDEFINED:
                if len(around) >= MOST_LEVELS:
                    raise NotPlainError
                around.append((end, encoding))
                # Within an implicit encoding pydicom does not look any more.
                encoding = _encoding(data, offset, (tag & 0xFFFF) << 16 | tag >> 16, vr)
                break
            offset += length
        else:
            if offset > end:
                raise NotPlainError  # an element that is longer than its item


def _encoding(data: bytes, offset: int, tag: int, vr: int) -> int:
    """How the items of an element of undefined length are encoded, if it is a sequence."""
    if vr == _SEQUENCE:
        return _EXPLICIT
    if vr == _UNKNOWN:
        # Encoded implicitly (PS3.5 section 6.2.2, note), but there are writers who do not.
        return _IMPLICIT_BY_LOOK
    if vr:
        raise NotPlainError
    if not tag >> 16 & 1:
        from pydicom.datadict import dictionary_VR

        try:
            if dictionary_VR(tag) == "SQ":
                return _IMPLICIT
        except KeyError:
            pass
        else:
            raise NotPlainError
    # Of an element that is in no dictionary only its first item says that it is a sequence.
    if _ITEM_HEADER(data, offset)[0] not in (_ITEM, _END_OF_SEQUENCE):
        raise NotPlainError
    return _IMPLICIT
