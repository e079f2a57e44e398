"""The headers of elements and items, in every encoding (PS3.5 sections 7.1 and 7.5)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from .tags import SHORT_VRS

ELEMENT_HEADS = {True: Struct("<HH2sH").unpack_from, False: Struct(">HH2sH").unpack_from}
LENGTHS = {True: Struct("<L").unpack_from, False: Struct(">L").unpack_from}
_ITEM_HEADS = {True: Struct("<HHL").unpack_from, False: Struct(">HHL").unpack_from}
"""By whether they are little endian: group, element, and what follows."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How elements are written."""

    explicit: bool
    little: bool

    def number(self, raw: bytes) -> int:
        """Return an unsigned number."""
        return int.from_bytes(raw, "little" if self.little else "big")


EXPLICIT_LITTLE = Encoding(True, True)
IMPLICIT_LITTLE = Encoding(False, True)


class ElementHead(NamedTuple):
    """What an element's header says, and where its value lies."""

    tag: int
    vr: str
    """Empty where the encoding does not say."""
    offset: int
    """Of the value: in the file, or in what a deflated data set inflates to."""
    length: int
    """Of the value, or UNDEFINED."""
    encoding: Encoding


def element_head(raw: bytes, position: int, encoding: Encoding) -> ElementHead | None:
    """Return the element whose header stands at the beginning of ``raw``, that is at ``position``.

    None where the header is longer than ``raw``, which has 8 bytes or more; 12 are always enough.
    """
    group, number, code, length = ELEMENT_HEADS[encoding.little](raw)
    tag = group << 16 | number
    if encoding.explicit and group != 0xFFFE:
        if code in SHORT_VRS:
            return ElementHead(tag, code.decode("ascii"), position + 8, length, encoding)
        if code.isalpha() and code.isupper():
            # What is not known has the long form (PS3.5 section 7.1.2).
            if len(raw) < 12:
                return None
            return ElementHead(tag, code.decode("ascii"), position + 12, encoding.number(raw[8:12]), encoding)
        # Some writers fall back to implicit representations inside sequences.
    return ElementHead(tag, "", position + 8, encoding.number(raw[4:8]), encoding)


def item_head(raw: bytes, encoding: Encoding = EXPLICIT_LITTLE) -> tuple[int, int]:
    """Return tag and length of an item or a delimiter (PS3.5 section 7.5), of its 8 bytes."""
    group, number, length = _ITEM_HEADS[encoding.little](raw)
    return group << 16 | number, length
