"""Whether a file holds all of the Pixel Data it announces, without reading any of it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from struct import Struct

from ..limits import FOLLOWED_FRAGMENTS
from . import tags
from .source import WINDOW, read_at
from .tags import Tag
from .undefined_length import NotPlainError, end_of_undefined

MAX_FRAGMENTS = FOLLOWED_FRAGMENTS.value
MAX_ELEMENTS = 2000
MAX_SEQUENCE = 1 << 27
"""Bytes of a sequence of undefined length that are walked over on the way; beyond, pydicom has to look."""

_HEADER = Struct("<HH2sH").unpack_from
_ITEM = b"\xfe\xff\x00\xe0"
_END_OF_ITEMS = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"


Extent = tuple[str, "int | None"]
"""State as in :attr:`~.header.Header.pixel_data`, and the bytes that are missing."""


def native_length(elements: Mapping[int, bytes]) -> int:
    """Return the bytes of uncompressed Pixel Data by Rows, Columns, samples, bits and frames, even; 0: not an image."""
    return _length(*length_values(elements))


def length_values(elements: Mapping[int, bytes]) -> tuple[bytes, ...]:
    """Return the raw values of :data:`LENGTH_TAGS`, empty where they are absent."""
    return tuple([elements.get(tag, b"") for tag in LENGTH_TAGS])


LENGTH_TAGS = tuple(
    int(tag) for tag in (Tag.ROWS, Tag.COLUMNS, Tag.SAMPLES_PER_PIXEL, Tag.BITS_ALLOCATED, Tag.NUMBER_OF_FRAMES)
)
"""Elements that tell the length of uncompressed Pixel Data."""


@lru_cache(maxsize=256)
def _length(rows: bytes, columns: bytes, samples: bytes, bits: bytes, frames: bytes) -> int:
    try:
        frame_count = max(int(frames.strip(b" \0") or b"1"), 1)
    except ValueError:
        frame_count = 1
    numbers = [int.from_bytes(raw[:2], "little") for raw in (rows, columns, samples, bits)]
    total_bits = numbers[0] * numbers[1] * (numbers[2] or 1) * numbers[3] * frame_count
    length = (total_bits + 7) // 8
    return length + length % 2


def pixel_extent(
    descriptor: int,
    length_of: tuple[bytes, ...],
    syntax: str,
    size: int,
    header_end: int,
    locate: Callable[[], tuple[int, int] | None],
) -> Extent:
    """Return state of Pixel Data and the bytes missing of it.

    Pixel Data is nearly always the last element, so its header is looked for where it must be then, counted from the
    end of the file. Only where it is not there, it is located.

    Parameters
    ----------
    length_of
        See :func:`length_values`.
    header_end
        Offset where reading of the header stopped, at most that of Pixel Data.
    locate
        Gives offset and length of Pixel Data's value, None where there is none; called only where it is not the end.
    """
    if not (length_of[0].strip(b"\0") and length_of[1].strip(b"\0")):
        return "absent", None
    if syntax == tags.DEFLATED_LITTLE_ENDIAN:
        return "unchecked", None
    if tags.is_encapsulated(syntax):
        if size >= header_end + 8 and read_at(descriptor, size - 8, 8) == _END_OF_ITEMS:
            return "complete", 0
    elif _ends_with_native(descriptor, _length(*length_of), syntax, size, header_end):
        return "complete", 0
    place = locate()
    if place is None:
        return "absent", None
    offset, length = place
    if length == tags.UNDEFINED:
        return _fragments_extent(descriptor, offset, size)
    missing = offset + length - size
    return ("cut off", missing) if missing > 0 else ("complete", 0)


def _ends_with_native(descriptor: int, length: int, syntax: str, size: int, header_end: int) -> bool:
    implicit = syntax in ("", tags.IMPLICIT_LITTLE_ENDIAN)
    start = size - length - (8 if implicit else 12)
    if not length or length >= tags.UNDEFINED or start < header_end:
        return False
    found = read_at(descriptor, start, 8 if implicit else 12)
    big = syntax == tags.EXPLICIT_BIG_ENDIAN
    tag = b"\x7f\xe0\x00\x10" if big else b"\xe0\x7f\x10\x00"
    return found[:4] == tag and found[-4:] == length.to_bytes(4, "big" if big else "little")


def walk_to_pixel_data(descriptor: int, start: int, syntax: str) -> tuple[int, int] | None:
    """Return offset and length of Pixel Data's value in a little endian file; None where pydicom has to look."""
    implicit = syntax == tags.IMPLICIT_LITTLE_ENDIAN
    offset, previous = start, 0
    window, window_start = b"", 0
    for _ in range(MAX_ELEMENTS):
        position = offset - window_start
        if position + 12 > len(window):
            window, window_start, position = read_at(descriptor, offset, WINDOW), offset, 0
            if len(window) < 12:
                return None
        group, number, vr, length = _HEADER(window, position)
        tag = group << 16 | number
        if implicit:
            vr, length = b"", int.from_bytes(window[position + 4 : position + 8], "little")
        elif vr in tags.LONG_VRS:
            length = int.from_bytes(window[position + 8 : position + 12], "little")
            offset += 4
        elif vr not in tags.SHORT_VRS:
            return None
        offset += 8
        if tag == tags.PIXEL_DATA:
            return offset, length
        if tag <= previous or tag > tags.PIXEL_DATA:
            return None
        previous = tag
        if length == tags.UNDEFINED:
            length = _sequence_length(descriptor, offset, tag, vr)
            if not length:
                return None
        offset += length
    return None


def _sequence_length(descriptor: int, offset: int, tag: int, vr: bytes) -> int:
    """Bytes of a sequence of undefined length with its delimiter; 0 where pydicom has to look."""
    count = WINDOW
    while count <= MAX_SEQUENCE:
        data = read_at(descriptor, offset, count)
        try:
            return end_of_undefined(data, 0, tag, int.from_bytes(vr, "little"))
        except NotPlainError:
            return 0
        except struct.error:
            if len(data) < count:
                return 0
        count *= 8
    return 0


def _fragments_extent(descriptor: int, offset: int, size: int) -> Extent:
    """Follow the items of encapsulated Pixel Data (PS3.5 annex A.4) to their delimiter."""
    for _ in range(MAX_FRAGMENTS):
        header = read_at(descriptor, offset, 8) if offset + 8 <= size else b""
        if header == _END_OF_ITEMS:
            return "complete", 0
        if len(header) < 8:
            return "cut off", None
        if header[:4] != _ITEM:
            return "unchecked", None
        offset += 8 + int.from_bytes(header[4:], "little")
        if offset > size:
            return "cut off", offset - size
    return "unchecked", None
