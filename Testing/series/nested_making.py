"""Image files with sequences of every form that PS3.5 section 7.5 allows, made byte by byte, and damage to them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from DicomRegInspectorLib.dicom.fast_header import FIRST_READ, NotPlainError
from DicomRegInspectorLib.dicom.tags import LONG_VRS
from DicomRegInspectorLib.errors import FileError
from DicomRegInspectorLib.series import Header
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

UNDEFINED = 0xFFFFFFFF
ITEM, END_OF_ITEM, END_OF_SEQUENCE = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
DEEPEST = 6

IMAGE = [
    (0x00080005, b"CS", b"ISO_IR 100"),
    (0x00080008, b"CS", rb"ORIGINAL\PRIMARY\AXIAL "),
    (0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.4\0"),
    (0x00080018, b"UI", b"1.2.3.4\0"),
    (0x00080060, b"CS", b"MR"),
    (0x0008103E, b"LO", b"T\xfcrkei "),
    (0x00180050, b"DS", b"2.5 "),
    (0x0020000D, b"UI", b"1.2.3\0"),
    (0x0020000E, b"UI", b"1.2.3.5\0"),
    (0x00200013, b"IS", b"7 "),
    (0x00200032, b"DS", rb"-120.5\-90\12.25"),
    (0x00200037, b"DS", rb"1\0\0\0\1\0"),
    (0x00280002, b"US", b"\1\0"),
    (0x00280010, b"US", b"\4\0"),
    (0x00280011, b"US", b"\4\0"),
    (0x00280030, b"DS", rb"0.5\0.5 "),
    (0x00280100, b"US", b"\x10\0"),
]
PUBLIC_SEQUENCES = (0x00081111, 0x00081140, 0x00082112, 0x00082218, 0x00180026, 0x00400275, 0x00880200)
PRIVATE = (0x00091001, 0x00191002, 0x00211003, 0x00231080, 0x00251004, 0x00271005, 0x00291010, 0x2005140F)
INSIDE = [
    (0x00080005, b"CS", b"ISO_IR 192"),
    (0x00080100, b"SH", b"T-A0100 "),
    (0x00081155, b"UI", b"1.2.3.9\0"),
    (0x00280008, b"IS", b"3 "),
    (0x00191001, b"OB", bytes(range(40))),
    (0x00291020, b"UN", b"\xfe\xff\x00\xe0 \xff\xff\xff"),
    (0x0040A160, b"UT", b"text with \xfe\xff\xdd\xe0\0\0\0\0 in it "),
    (0x00200032, b"DS", rb"1\2\3 "),
    (0x00409096, b"SQ", b""),
    (0x00200062, b"CS", b""),
]


Outcome = Header | tuple[type, str] | None


def outcome(read: Callable[[str, int, bytes, int], Header], path: Path) -> Outcome:
    """What a way of reading makes of a file: a header, an error with its text, or None where it does not apply."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        head = os.read(descriptor, FIRST_READ)
        return read(str(path), descriptor, head, os.fstat(descriptor).st_size)
    except NotPlainError:
        return None
    except FileError as error:
        return type(error), error.problem
    finally:
        os.close(descriptor)


def tag_bytes(tag: int) -> bytes:
    """A tag in little endian."""
    return (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")


def element(tag: int, vr: bytes, value: bytes, implicit: bool, length: int | None = None) -> bytes:
    """A little endian element; ``length`` where it is not the value's."""
    size = len(value) if length is None else length
    if implicit:
        return tag_bytes(tag) + size.to_bytes(4, "little") + value
    count = bytes(2) + size.to_bytes(4, "little") if vr in LONG_VRS else size.to_bytes(2, "little")
    return tag_bytes(tag) + vr + count + value


def delimiter(tag: int, length: int = 0) -> bytes:
    """The header of an item, or one of the two delimiters."""
    return tag_bytes(tag) + length.to_bytes(4, "little")


def sequence(rng: Random, tag: int, implicit: bool, levels: int) -> bytes:
    """A sequence, mostly of undefined length, with up to so many levels of others in it."""
    vr = b"UN" if not implicit and rng.random() < 0.25 else b"SQ"
    undefined = vr == b"UN" or rng.random() < 0.8
    inside_implicit = implicit or vr == b"UN"
    value = b"".join(item(rng, inside_implicit, levels) for _ in range(rng.choice([0, 1, 1, 1, 2, 3])))
    if undefined:
        value += delimiter(END_OF_SEQUENCE)
    return element(tag, vr, value, implicit, UNDEFINED if undefined else None)


def item(rng: Random, implicit: bool, levels: int) -> bytes:
    """An item of defined or undefined length."""
    parts = [element(*rng.choice(INSIDE), implicit) for _ in range(rng.choice([0, 1, 2, 5]))]
    if levels > 1 and rng.random() < 0.7:
        parts.insert(
            rng.randint(0, len(parts)), sequence(rng, rng.choice(PUBLIC_SEQUENCES + PRIVATE), implicit, levels - 1)
        )
    value = b"".join(parts)
    if rng.random() < 0.6:
        return delimiter(ITEM, UNDEFINED) + value + delimiter(END_OF_ITEM)
    return delimiter(ITEM, len(value)) + value


def nested_file(rng: Random) -> bytes:
    """A small image in explicit or implicit little endian, sequences and long private elements among its others."""
    implicit = rng.random() < 0.4
    elements = {tag: element(tag, vr, value, implicit) for tag, vr, value in IMAGE}
    for tag in rng.sample(PUBLIC_SEQUENCES + PRIVATE, rng.randint(1, 6)):
        elements[tag] = sequence(rng, tag, implicit, rng.randint(1, DEEPEST))
    for tag in rng.sample(PRIVATE, rng.randint(0, 2)):
        elements[tag] = element(tag, b"OB", rng.randbytes(rng.choice([0, 10, 700, 9000])), implicit)
    elements[0x7FE00010] = element(0x7FE00010, b"OW", bytes(32), implicit)
    if rng.random() < 0.3:
        elements[0xFFFCFFFC] = element(0xFFFCFFFC, b"OB", bytes(rng.choice([0, 126])), implicit)
    return whole_file(elements, implicit)


def whole_file(elements: dict[int, bytes], implicit: bool) -> bytes:
    """A file with preamble and file meta information, the encoded elements in ascending order."""
    syntax = (ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian).encode()
    meta = element(0x00020010, b"UI", syntax + bytes(len(syntax) % 2), False)
    start = element(0x00020000, b"UL", len(meta).to_bytes(4, "little"), False) + meta
    return bytes(128) + b"DICM" + start + b"".join(elements[tag] for tag in sorted(elements))


PIECES = [
    delimiter(ITEM, UNDEFINED),
    delimiter(ITEM),
    delimiter(ITEM, 8),
    delimiter(END_OF_ITEM),
    delimiter(END_OF_SEQUENCE),
    delimiter(END_OF_SEQUENCE, 4),
    b"\xff\xff\xff\xff",
    b"SQ\0\0\xff\xff\xff\xff",
    b"UN\0\0\xff\xff\xff\xff",
    bytes(4),
    tag_bytes(0x00080005),
]


def damaged(rng: Random, content: bytes) -> bytes:
    """A file with one to three changes: bytes, cuts, pieces lost, repeated, put elsewhere, delimiters and lengths."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        if len(data) < 144:
            break
        at = rng.randrange(132, len(data))
        length = rng.randint(1, 24)
        kind = rng.choice(["byte", "byte", "cut", "remove", "repeat", "move", "piece", "piece", "over"])
        if kind == "byte":
            data[at] = rng.choice([0, 1, 8, 0xFF, 0xFE, 0x53, 0x51, rng.randrange(256)])
        elif kind == "cut":
            del data[max(at, 140) :]
        elif kind == "remove":
            del data[at : at + length]
        elif kind == "repeat":
            data[at:at] = data[at : at + length]
        elif kind == "move":
            start = rng.randrange(132, len(data))
            data[at:at] = data[start : start + length]
        else:
            piece = rng.choice(PIECES)
            places = [place for place in range(132, len(data) - 4) if data[place : place + 2] == b"\xfe\xff"]
            at = rng.choice(places) + rng.choice([0, 4, 8]) if places and rng.random() < 0.7 else at
            data[at : at + (len(piece) if kind == "over" else 0)] = piece
    return bytes(data)
