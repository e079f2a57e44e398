"""Damage to files: bytes anywhere, and values and lengths of single elements."""

from __future__ import annotations

import io
import random
import re
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import pydicom
from pydicom.dataset import Dataset

MOST_ELEMENTS = 400
"""Places of elements that are remembered of one file."""

HOSTILE = (
    b"",
    b"\0",
    b"\xff" * 8,
    b"1.2.840.10008.1.2\xe9",
    b"\xe4\xf6\xfc",
    b"\x1b[2J\x1b]0;x\x07",
    b"1e999",
    b"-1e999",
    b"nan",
    b"1_000",
    b"99999999999999999999",
    b"-2147483649",
    b"0\\0\\0",
    b"1\\0\\0\\0\\1\\0",
    b"1e-320",
    b"\\\\\\\\",
    b"=HYPERLINK(1)",
    b"../../x",
    b"\xff\xff",
    b"\x00\x80",
    b"\x01\x00",
    b"\xe2\x80\xae",
    b"\n\r\t",
    b"ISO 2022 IR 87",
)
"""Values that numbers, texts and encodings stumble over."""


@dataclass(frozen=True)
class Seed:
    """A file to damage, and where its elements are."""

    name: str
    data: bytes
    places: tuple[tuple[int, int, bool], ...]
    """Offset and length of each value, and whether its length has four bytes."""

    @property
    def suffix(self) -> str:
        """The ending of its name, by which some readers know it; ``.dcm`` where there is none."""
        name = self.name.rpartition("/")[2]
        found = re.search(r"(\.nii)?(\.mrk)?\.[a-z]\w{1,4}$", name)
        return found[0] if found else ".dcm"


def seed(name: str, data: bytes) -> Seed:
    """Make a seed of a file's bytes; without places where pydicom cannot read it."""
    places: list[tuple[int, int, bool]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(io.BytesIO(data), force=True)
            _note_places(dataset, len(data), places)
        except Exception:  # a seed may be one of pydicom's broken files
            pass
    return Seed(name, data, tuple(places))


def _note_places(dataset: Dataset, size: int, places: list[tuple[int, int, bool]]) -> None:
    for part in (getattr(dataset, "file_meta", None) or (), dataset):
        for element in part:
            if len(places) >= MOST_ELEMENTS:
                return
            if element.VR == "SQ":
                for item in element.value:
                    _note_places(item, size, places)
                continue
            offset = element.file_tell or 0
            length = len(element.value) if isinstance(element.value, bytes | str) else 8
            if 8 <= offset < size:
                long = element.VR in ("OB", "OW", "OF", "OD", "UN", "UT", "UC", "UR")
                places.append((offset, min(length, size - offset), long))


Damage = Callable[[random.Random, Seed], bytes]


def flip_bytes(choose: random.Random, origin: Seed) -> bytes:
    """Change one to eight bytes, most often of the header."""
    data = bytearray(origin.data)
    for _ in range(choose.randint(1, 8)):
        reach = min(len(data), 4096) if choose.random() < 0.8 else len(data)
        data[choose.randrange(reach)] = choose.randrange(256)
    return bytes(data)


def cut_off(choose: random.Random, origin: Seed) -> bytes:
    """End the file anywhere."""
    return origin.data[: choose.randrange(len(origin.data))]


def splice(choose: random.Random, origin: Seed) -> bytes:
    """Take out, repeat or put in a few bytes."""
    data = origin.data
    at = choose.randrange(len(data))
    count = choose.randint(1, 64)
    piece = choose.choice((b"", data[at : at + count] * 2, choose.randbytes(count)))
    return data[:at] + piece + data[at + count :]


def set_length(choose: random.Random, origin: Seed) -> bytes:
    """Let an element announce another length than it has."""
    if not origin.places:
        return flip_bytes(choose, origin)
    offset, _, long = choose.choice(origin.places)
    data = bytearray(origin.data)
    value = choose.choice((0, 1, 3, 0x7FFF, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF, choose.randrange(512)))
    if long or choose.random() < 0.2:
        data[offset - 4 : offset] = struct.pack("<I", value)
    else:
        data[offset - 2 : offset] = struct.pack("<H", value & 0xFFFF)
    return bytes(data)


def set_value(choose: random.Random, origin: Seed) -> bytes:
    """Put a hostile value into an element, whose length follows where it has two bytes."""
    if not origin.places:
        return flip_bytes(choose, origin)
    offset, length, long = choose.choice(origin.places)
    value = choose.choice(HOSTILE)
    data = origin.data
    if long or choose.random() < 0.5:
        fitted = (value * (length // max(len(value), 1) + 1))[:length]
        return data[:offset] + fitted + data[offset + len(fitted) :]
    value += b" " * (len(value) % 2)
    return data[: offset - 2] + struct.pack("<H", len(value)) + value + data[offset + length :]


def set_representation(choose: random.Random, origin: Seed) -> bytes:
    """Declare another value representation."""
    if not origin.places:
        return flip_bytes(choose, origin)
    offset, _, long = choose.choice(origin.places)
    at = offset - (8 if long else 4)
    vr = choose.choice((b"DS", b"IS", b"US", b"SQ", b"UN", b"OW", b"AT", b"PN", b"FD", b"OF", b"??", b"UI"))
    return origin.data[:at] + vr + origin.data[at + 2 :]


KINDS: tuple[Damage, ...] = (
    flip_bytes,
    cut_off,
    splice,
    set_length,
    set_value,
    set_value,
    set_value,
    set_representation,
)


WORDS = (b"1e999", b"nan", b"-1", b"0", b"99999999999999999999", b"1e-320", b"2147483647", b"true", b"")
"""What a word of a text is replaced by: counts and lengths that nothing has, and none at all."""
_HEAD_BYTES = 1500


def set_words(choose: random.Random, origin: Seed) -> bytes:
    """Replace a word or two near the beginning of what is mostly text."""
    data = origin.data
    for _ in range(choose.choice((1, 1, 2))):
        words = [found.span() for found in re.finditer(rb"[-\w.+]+", data[:_HEAD_BYTES])]
        if words:
            first, end = choose.choice(words)
            data = data[:first] + choose.choice(WORDS) + data[end:]
    return data


def damaged(choose: random.Random, origin: Seed) -> bytes:
    """Damage a seed once or twice."""
    kind = choose.choice(KINDS)
    if not origin.places and choose.random() < 0.5:
        kind = set_words
    data = kind(choose, origin)
    if choose.random() < 0.2 and data:
        data = flip_bytes(choose, Seed(origin.name, data, ()))
    return data
