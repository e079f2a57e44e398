"""The least of HDF5 that holds an ITK transform: groups, arrays of numbers and texts, written once from front to back.

From the HDF5 File Format Specification, version 3.0: superblock version 0, object headers version 1, groups as link
messages. Numbers pass through in pieces, so that a large array is never in memory.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import BinaryIO

import numpy as np

_NOWHERE = 0xFFFFFFFFFFFFFFFF
"""An address that is not set."""
_SUPERBLOCK_BYTES = 96
_HEAP_BYTES = 4096
"""The least that a global heap may take."""
_DATASPACE, _LINK_INFO, _DATATYPE, _FILL_VALUE, _LINK, _LAYOUT, _GROUP_INFO = 1, 2, 3, 5, 6, 8, 10
"""Types of header messages."""
_FLOAT_TYPES = {
    # bits: sign at, exponent at, exponent bits, mantissa bits, exponent bias
    4: struct.pack("<B3BI2H4BI", 0x11, 0x20, 31, 0, 4, 0, 32, 23, 8, 0, 23, 127),
    8: struct.pack("<B3BI2H4BI", 0x11, 0x20, 63, 0, 8, 0, 64, 52, 11, 0, 52, 1023),
}
"""Datatype messages of little endian floating point numbers, by their bytes (IEEE 754)."""
_TEXT_TYPE = struct.pack("<B3BI", 0x19, 1, 0, 0, 16) + struct.pack("<B3BI2H", 0x10, 0, 0, 0, 1, 0, 8)
"""A text of any length in ASCII, of bytes: what ITK reads texts as."""


class Hdf5Writer:
    """Writes objects one behind the other; each gets an address, which the group that holds it is given.

    Parameters
    ----------
    file
        Empty, opened for writing in binary; can be gone back in.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.write(bytes(_SUPERBLOCK_BYTES))

    def numbers(self, pieces: Iterable[np.ndarray], count: int, dtype: str) -> int:
        """Write an array of ``count`` numbers, ``<f4`` or ``<f8``, that comes in pieces; returns its address."""
        start, itemsize = self._here(), np.dtype(dtype).itemsize
        for piece in pieces:
            self._file.write(np.ascontiguousarray(piece, dtype).data)
        return self._dataset(_FLOAT_TYPES[itemsize], count, start, count * itemsize)

    def text(self, value: str) -> int:
        """Write an array of one text, ASCII, at most some 4000 characters; returns its address."""
        data = value.encode("ascii")
        heap = self._here()
        entry = struct.pack("<2HIQ", 1, 0, 0, len(data)) + data.ljust(-(-len(data) // 8) * 8, b"\0")
        used = 16 + len(entry)
        free = struct.pack("<2HIQ", 0, 0, 0, _HEAP_BYTES - used)
        collection = b"GCOL" + struct.pack("<B3xQ", 1, _HEAP_BYTES) + entry + free
        self._file.write(collection.ljust(_HEAP_BYTES, b"\0"))
        start = self._here()
        self._file.write(struct.pack("<IQI", len(data), heap, 1))
        return self._dataset(_TEXT_TYPE, 1, start, 16)

    def group(self, members: Mapping[str, int]) -> int:
        """Write a group of objects, by name; returns its address."""
        messages = [(_LINK_INFO, struct.pack("<2B2Q", 0, 0, _NOWHERE, _NOWHERE)), (_GROUP_INFO, bytes(2))]
        for name, address in members.items():
            data = name.encode("ascii")
            messages.append((_LINK, struct.pack("<3B", 1, 0, len(data)) + data + struct.pack("<Q", address)))
        return self._object(messages)

    def finish(self, root: int) -> None:
        """Write what a file begins with; ``root`` is the address of the group that holds everything."""
        end = self._here()
        self._file.seek(0)
        versions = b"\x89HDF\r\n\x1a\n" + struct.pack("<8B2HI", 0, 0, 0, 0, 0, 8, 8, 0, 4, 16, 0)
        addresses = struct.pack("<4Q", 0, _NOWHERE, end, _NOWHERE)
        self._file.write(versions + addresses + struct.pack("<2Q2I16x", 0, root, 0, 0))

    def _dataset(self, datatype: bytes, count: int, start: int, size: int) -> int:
        return self._object(
            [
                (_DATASPACE, struct.pack("<4B4xQ", 1, 1, 0, 0, count)),
                (_DATATYPE, datatype),
                # Space is taken at once, nothing is filled in, and there is no value to fill in.
                (_FILL_VALUE, struct.pack("<4B", 2, 1, 2, 0)),
                (_LAYOUT, struct.pack("<2B2Q", 3, 1, start, size)),
            ]
        )

    def _object(self, messages: list[tuple[int, bytes]]) -> int:
        """An object header; returns its address."""
        body = b""
        for kind, data in messages:
            padded = data.ljust(-(-len(data) // 8) * 8, b"\0")
            body += struct.pack("<2HB3x", kind, len(padded), 0) + padded
        address = self._here()
        self._file.write(struct.pack("<BxH2I4x", 1, len(messages), 1, len(body)) + body)
        return address

    def _here(self) -> int:
        """The next address that is a multiple of eight; the file is filled up to it."""
        place = self._file.tell()
        self._file.write(bytes(-place % 8))
        return place + -place % 8
