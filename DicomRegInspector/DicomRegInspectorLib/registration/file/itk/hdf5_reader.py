"""The part of HDF5 that ITK's transform files use: groups, arrays of numbers (in one piece or in chunks), texts.

From the HDF5 File Format Specification, version 3.0. Nothing that a file claims is allocated before it is compared with
the file's size. What the specification has besides (dense groups, newer chunk indices) is refused with a sentence.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ....errors import FileError, TruncatedFileError
from ....limits import HDF5_PARTS

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_NOWHERE = 0xFFFFFFFFFFFFFFFF
_DATASPACE, _LINK_INFO, _DATATYPE, _LINK, _LAYOUT, _FILTERS, _CONTINUATION, _SYMBOLS = 1, 2, 3, 6, 8, 11, 16, 17
_DEFLATE, _SHUFFLE, _CHECKSUM = 1, 2, 3
_DEFLATE_MOST = 1040
"""A deflated byte becomes no more than some 1032."""


@dataclass(frozen=True)
class Array:
    """An array in the file; its numbers are read by :meth:`Hdf5Reader.numbers`."""

    shape: tuple[int, ...]
    dtype: str
    """NumPy's name of its numbers; empty for texts."""
    size: int
    """Bytes of an element."""
    layout: bytes
    filters: tuple[tuple[int, tuple[int, ...]], ...] = ()
    text_bytes: int = 0
    """Of texts of a fixed length."""

    @property
    def count(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass
class Hdf5Reader:
    """Reads objects of a file by their addresses.

    Raises FileError or TruncatedFileError whenever the file is not as it should be.
    """

    path: Path
    _data: np.ndarray = field(init=False, repr=False)
    _parts: int = 0

    def __post_init__(self) -> None:
        try:
            self._data = np.memmap(self.path, np.uint8, "r")
        except (OSError, ValueError) as error:
            raise FileError(self.path, f"cannot be read ({error})") from error

    def bytes_at(self, address: int, count: int) -> bytes:
        """Return bytes of the file."""
        if address > len(self._data) or count > len(self._data) - address:
            raise TruncatedFileError(
                self.path, f"refers to {count} bytes at {address} and ends after {len(self._data)}"
            )
        return self._data[address : address + count].tobytes()

    def unpack(self, form: str, data: bytes, offset: int = 0) -> tuple[int, ...]:
        """Return little endian numbers of some bytes."""
        try:
            return struct.unpack_from("<" + form, data, offset)
        except struct.error as error:
            raise self.damaged("has a structure that ends too early") from error

    def damaged(self, problem: str) -> FileError:
        """Return an error about the file."""
        return FileError(self.path, f"{problem} (HDF5)")

    def _count_part(self) -> None:
        self._parts += 1
        if self._parts > HDF5_PARTS.value:
            raise self.damaged(HDF5_PARTS.sentence)

    @property
    def root(self) -> int:
        """Address of the root group."""
        head = self.bytes_at(0, 48)
        if not head.startswith(SIGNATURE):
            raise self.damaged("does not begin as HDF5 does")
        version = head[8]
        if version in (0, 1):
            sizes, place = head[13:15], 56 + 8 + (4 if version else 0)
        elif version in (2, 3):
            sizes, place = head[9:11], 36
        else:
            raise self.damaged(f"has a superblock of version {version}; 0 to 3 are read")
        if sizes != b"\x08\x08":
            raise self.damaged("has addresses or lengths that are not 8 bytes long")
        (address,) = self.unpack("Q", self.bytes_at(place, 8))
        return address

    def members(self, address: int) -> dict[str, int]:
        """Return the addresses of a group's members by name."""
        found: dict[str, int] = {}
        for kind, data in self._messages(address):
            if kind == _LINK:
                name, place = self._link(data)
                found[name] = place
            elif kind == _SYMBOLS:
                found |= self._symbols(*self.unpack("2Q", data))
            elif kind == _LINK_INFO:
                (heap,) = self.unpack("Q", data, 10 if data[1:2] and data[1] & 1 else 2)
                if heap != _NOWHERE:
                    raise self.damaged("has a group of more than 8 members in a way that is not read; write it as .tfm")
        return found

    def array(self, address: int) -> Array:
        """Return what is said of an array."""
        messages = dict(self._messages(address))
        if not {_DATASPACE, _DATATYPE, _LAYOUT} <= set(messages):
            raise self.damaged("has something else where an array should be")
        space, kind = messages[_DATASPACE], messages[_DATATYPE]
        version, rank = self.unpack("2B", space)
        shape = self.unpack(f"{rank}Q", space, 8 if version == 1 else 4)
        (form, bits, size) = self.unpack("BBxxI", kind)
        layout, filters = messages[_LAYOUT], self._filters(messages.get(_FILTERS))
        if form & 15 == 1 and size in (4, 8):
            return Array(shape, f"{'>' if bits & 1 else '<'}f{size}", size, layout, filters)
        if form & 15 == 9:
            return Array(shape, "", 16, layout, filters)
        if form & 15 == 3:
            return Array(shape, "", size, layout, filters, size)
        raise self.damaged(f"has an array of type {form & 15}, of {size} bytes, where numbers or texts should be")

    def text(self, address: int) -> str:
        """Return the first of an array of texts."""
        array = self.array(address)
        if array.dtype or array.count < 1:
            raise self.damaged("has numbers where a text should be")
        data = self._stored(array)
        if array.text_bytes:
            return data[: array.text_bytes].split(b"\0")[0].decode("ascii", "replace")
        length, heap, number = self.unpack("IQI", data)
        return self._of_heap(heap, number)[:length].split(b"\0")[0].decode("ascii", "replace")

    def numbers(self, array: Array) -> np.ndarray:
        """Return an array's numbers (n,), float32 or float64 as they are stored."""
        if not array.dtype:
            raise self.damaged("has a text where numbers should be")
        return np.frombuffer(self._stored(array), array.dtype).astype(array.dtype.replace(">", "<"), copy=False)

    def require_bytes(self, array: Array) -> None:
        """Refuse an array that the file cannot hold, before anything of its size is allocated.

        Raises TruncatedFileError then.
        """
        most = len(self._data) * (_DEFLATE_MOST if array.filters else 1)
        if array.count * array.size > most:
            raise TruncatedFileError(
                self.path, f"announces {array.count} numbers, more than a file of {len(self._data)} bytes can hold"
            )

    def _stored(self, array: Array) -> bytes | bytearray:
        """All bytes of an array, unpacked."""
        size = array.count * array.size
        self.require_bytes(array)
        layout = array.layout
        version, kind = self.unpack("2B", layout)
        if version not in (3, 4) or kind > 2:
            raise self.damaged(f"has an array laid out in a way that is not read (version {version}, class {kind})")
        if kind == 0:
            data = layout[4 : 4 + self.unpack("H", layout, 2)[0]]
        elif kind == 1:
            address, stored = self.unpack("2Q", layout, 2)
            data = b"" if address == _NOWHERE else self.bytes_at(address, min(stored, size))
        elif version == 4:
            data = self._single_chunk(array)
        else:
            return self._chunks(array)
        if len(data) < size:
            raise TruncatedFileError(self.path, f"announces {size} bytes of numbers and holds {len(data)}")
        return data[:size]

    def _single_chunk(self, array: Array) -> bytes:
        flags, rank, width = self.unpack("3B", array.layout, 2)
        place = 5 + rank * width
        if self.unpack("B", array.layout, place) != (1,):
            raise self.damaged("has an array in chunks that are indexed in a way that is not read; write it as .tfm")
        size, mask = array.count * array.size, 0
        stored = size
        if flags & 2:
            stored, mask = self.unpack("QI", array.layout, place + 1)
            place += 12
        (address,) = self.unpack("Q", array.layout, place + 1)
        return self._unpacked(self.bytes_at(address, stored), array, mask, size)

    def _chunks(self, array: Array) -> bytearray:
        (rank,) = self.unpack("B", array.layout, 2)
        (tree,) = self.unpack("Q", array.layout, 3)
        (*chunk, _) = self.unpack(f"{rank}I", array.layout, 11)
        if rank != 2 or len(array.shape) != 1 or not chunk[0]:
            raise self.damaged("has an array of several dimensions in chunks; expected a row of numbers")
        size, chunk_size = array.count * array.size, chunk[0] * array.size
        whole, seen = bytearray(size), 0
        if chunk_size > max(size, 1 << 20):
            raise self.damaged("has chunks larger than their array")
        for (stored, mask, first, _), address in self._leaves(tree, "2I2Q", 1):
            place = first * array.size
            if place >= size:
                continue
            data = self._unpacked(self.bytes_at(address, stored), array, mask, chunk_size)
            part = data[: size - place]
            if len(part) < min(chunk_size, size - place):
                raise TruncatedFileError(self.path, f"has a chunk of {len(data)} bytes; expected {chunk_size}")
            whole[place : place + len(part)] = part
            seen += len(part)
        if seen < size:
            raise TruncatedFileError(self.path, f"announces {size} bytes of numbers and holds {seen}")
        return whole

    def _unpacked(self, data: bytes, array: Array, mask: int, size: int) -> bytes:
        for number, (kind, values) in reversed(list(enumerate(array.filters))):
            if mask >> number & 1:
                continue
            if kind == _DEFLATE:
                try:
                    data = zlib.decompressobj().decompress(data, size + 4)
                except zlib.error as error:
                    raise self.damaged(f"holds compressed numbers that are damaged ({error})") from error
            elif kind == _SHUFFLE:
                width = values[0] if values else 1
                if width and len(data) % width == 0:
                    data = np.frombuffer(data, np.uint8).reshape(width, -1).T.tobytes()
            elif kind == _CHECKSUM:
                data = data[:-4]
            else:
                raise self.damaged(f"compresses numbers in a way that is not read (filter {kind})")
        return data

    def _filters(self, data: bytes | None) -> tuple[tuple[int, tuple[int, ...]], ...]:
        if data is None:
            return ()
        version, count = self.unpack("2B", data)
        place, found = 8 if version == 1 else 2, []
        for _ in range(count):
            (kind,) = self.unpack("H", data, place)
            named = version == 1 or kind >= 256
            name = self.unpack("H", data, place + 2)[0] if named else 0
            place += 4 if named else 2
            _, values = self.unpack("2H", data, place)
            place += 4 + (-(-name // 8) * 8 if version == 1 else name)
            found.append((kind, self.unpack(f"{values}I", data, place)))
            place += 4 * (values + (values & 1 if version == 1 else 0))
        return tuple(found)

    def _messages(self, address: int) -> Iterator[tuple[int, bytes]]:
        """Yield (type, data) of an object's header messages."""
        head = self.bytes_at(address, 16)
        if head.startswith(b"OHDR"):
            flags = head[5]
            place = address + 6 + (16 if flags & 32 else 0) + (4 if flags & 16 else 0)
            width = 1 << (flags & 3)
            size = int.from_bytes(self.bytes_at(place, width), "little")
            blocks, extra = [self.bytes_at(place + width, size)], 2 if flags & 4 else 0
        elif head[0] == 1:
            (size,) = self.unpack("I", head, 8)
            blocks, extra = [self.bytes_at(address + 16, size)], None
        else:
            raise self.damaged(f"has no object at {address}")
        for block in blocks:
            self._count_part()
            for kind, flags, data in self._in_block(block, extra):
                if kind == _CONTINUATION:
                    place, size = self.unpack("2Q", data)
                    following = self.bytes_at(place, size)
                    blocks.append(following if extra is None else following[4:-4])
                elif flags & 2 and kind in (_DATASPACE, _DATATYPE, _FILTERS):
                    raise self.damaged("shares descriptions between arrays, which is not read")
                else:
                    yield kind, data

    def _in_block(self, block: bytes, extra: int | None) -> Iterator[tuple[int, int, bytes]]:
        place = 0
        head = 8 if extra is None else 4 + extra
        while place + head <= len(block):
            self._count_part()
            kind, size, flags = self.unpack("2HB" if extra is None else "BHB", block, place)
            yield kind, flags, block[place + head : place + head + size]
            place += head + size

    def _link(self, data: bytes) -> tuple[str, int]:
        flags, place = data[1] if len(data) > 1 else 0, 2
        if flags & 8:
            if self.unpack("B", data, place) != (0,):
                raise self.damaged("has links to other files, which are not followed")
            place += 1
        place += (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
        width = 1 << (flags & 3)
        length = int.from_bytes(data[place : place + width], "little")
        place += width
        (address,) = self.unpack("Q", data, place + length)
        return data[place : place + length].decode("utf-8", "replace"), address

    def _symbols(self, tree: int, heap: int) -> dict[str, int]:
        head = self.bytes_at(heap, 32)
        if not head.startswith(b"HEAP"):
            raise self.damaged("has no names where they should be")
        size, _, address = self.unpack("3Q", head, 8)
        names, found = self.bytes_at(address, size), {}
        for _, node in self._leaves(tree, "Q", 0):
            head = self.bytes_at(node, 8)
            (count,) = self.unpack("H", head, 6)
            if not head.startswith(b"SNOD"):
                raise self.damaged("has no entries where they should be")
            for number in range(count):
                name, place = self.unpack("2Q", self.bytes_at(node + 8 + 40 * number, 16))
                found[names[name : names.find(b"\0", name)].decode("utf-8", "replace")] = place
        return found

    def _leaves(self, tree: int, key: str, kind: int) -> Iterator[tuple[tuple[int, ...], int]]:
        """Yield (key, address) of what a tree of version 1 holds."""
        waiting, width = [tree], struct.calcsize("<" + key)
        while waiting:
            self._count_part()
            node = waiting.pop()
            head = self.bytes_at(node, 24)
            if not head.startswith(b"TREE") or head[4] != kind:
                raise self.damaged("has no tree where it should be")
            (count,) = self.unpack("H", head, 6)
            entries = self.bytes_at(node + 24, count * (width + 8))
            for number in range(count):
                self._count_part()
                at = number * (width + 8)
                (child,) = self.unpack("Q", entries, at + width)
                if head[5]:
                    waiting.append(child)
                else:
                    yield self.unpack(key, entries, at), child

    def _of_heap(self, heap: int, wanted: int) -> bytes:
        head = self.bytes_at(heap, 16)
        (size,) = self.unpack("Q", head, 8)
        if not head.startswith(b"GCOL"):
            raise self.damaged("has no texts where they should be")
        data, place = self.bytes_at(heap, size), 16
        while place + 16 <= len(data):
            self._count_part()
            number, _, _, length = self.unpack("2HIQ", data, place)
            if number == wanted:
                return data[place + 16 : place + 16 + length]
            if not number:
                break
            place += 16 + -(-length // 8) * 8
        raise self.damaged("refers to a text that is not there")
