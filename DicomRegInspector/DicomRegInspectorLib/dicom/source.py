"""Bytes of a DICOM file, plain or deflated, read forward and never more of them than asked for."""

from __future__ import annotations

import io
import os
import stat
import zlib
from os import PathLike
from typing import BinaryIO, Protocol, Self

from ..errors import FileError, TruncatedFileError

WINDOW = 8192
"""Bytes read at a time on the way to Pixel Data."""
_PREAD = getattr(os, "pread", None)


CHUNK = 1 << 16
MOST_INFLATED = 8 << 30
"""Bytes a deflated data set may grow to: twice what the largest grid a single element can hold needs."""
MOST_UNPACKED = 4 << 30
"""Bytes of one that are unpacked to disk."""
MAX_DEFLATION = 1032
"""No deflate stream inflates to more than so many times its size."""


class ByteSource(Protocol):
    """What the element walk and the vector stream need of a file."""

    @property
    def size(self) -> int | None:
        """Length in bytes, None where only its end tells (a deflated data set)."""

    def read(self, count: int) -> bytes:
        """Return up to ``count`` bytes; fewer only at the end."""

    def skip(self, count: int) -> int:
        """Pass over up to ``count`` bytes; fewer only at the end. Returns how many."""

    def readinto(self, view: memoryview) -> int:
        """Fill the view; less only at the end. Returns how many bytes."""

    def close(self) -> None:
        """Give the file back."""


# O_NONBLOCK: opening a FIFO must not wait for a writer. Windows has O_BINARY instead.
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def open_regular_file(path: str | PathLike[str]) -> tuple[io.FileIO, int]:
    """Open a file for reading, unless it is something that could hang or never end (a pipe, a device); and its size.

    Raises FileError when it is not a regular file or cannot be opened.
    """
    try:
        file = io.FileIO(os.open(path, OPEN_FLAGS))
    except (OSError, ValueError) as error:
        raise FileError(path, f"cannot be opened ({getattr(error, 'strerror', None) or error}).") from error
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        file.close()
        raise FileError(path, "is not a regular file.")
    return file, status.st_size


def read_regular_file(path: str | PathLike[str], most: int | None = None) -> bytes:
    """Return the bytes of a file, or the first ``most`` of them.

    Raises FileError, see :func:`open_regular_file`, or when it cannot be read.
    """
    file, size = open_regular_file(path)
    try:
        with file:
            # One read of the system ends at 2 GiB.
            return file.readall() if most is None else file.read(min(size, most))
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror or error}).") from error


class PlainSource:
    """The file as it lies on the disk; ``unpacked`` in its place where it is read in that form."""

    def __init__(self, path: str | PathLike[str], unpacked: io.FileIO | None = None) -> None:
        self._path = path
        if unpacked is None:
            self._file, self.size = open_regular_file(path)
        else:
            self._file, self.size = unpacked, unpacked.seek(0, os.SEEK_END)
            unpacked.seek(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, count: int) -> bytes:
        """See :class:`ByteSource`."""
        try:
            return self._file.read(count)
        except OSError as error:
            raise FileError(self._path, f"cannot be read ({error.strerror or error}).") from error

    def skip(self, count: int) -> int:
        """See :class:`ByteSource`; also back, with a negative count."""
        here = self._file.tell()
        step = min(count, max(self.size - here, 0))
        self._file.seek(here + step)
        return step

    def readinto(self, view: memoryview) -> int:
        """See :class:`ByteSource`."""
        done = 0
        try:
            while done < len(view):
                step = self._file.readinto(view[done:])
                if not step:
                    break
                done += step
        except OSError as error:
            raise FileError(self._path, f"cannot be read ({error.strerror or error}).") from error
        return done

    def for_lookup(self) -> BoundedFile:
        """Return the same file, for bytes at any place; reading forward must be over."""
        return BoundedFile(self._file.fileno(), self.size, os.fspath(self._path))

    def close(self) -> None:
        self._file.close()


class DeflatedSource:
    """A data set that was deflated after the file meta information (PS3.5 Annex A.5): the only inflater.

    It inflates as it goes, so a small file that claims much costs time, not memory.

    Parameters
    ----------
    start
        Offset of the deflated data in the file.
    most
        Bytes it may inflate to; beyond, :class:`~..errors.FileError` is raised.
    """

    def __init__(self, path: str | PathLike[str], start: int, most: int = MOST_INFLATED) -> None:
        self._path, self._most = path, most
        self._file, _ = open_regular_file(path)
        self._file.seek(start)
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._pending = b""
        self._position = 0
        self.size: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pull(self, count: int) -> bytes:
        """Return one to ``count`` inflated bytes, or none at the end.

        Raises TruncatedFileError when the file ends before the deflated data do. Raises FileError when they are
        damaged, or inflate to too much.
        """
        while not self._inflater.eof:
            if not self._pending:
                self._pending = self._file.read(CHUNK)
                if not self._pending:
                    raise TruncatedFileError(
                        self._path, "is cut off within its deflated data. Copy or export it again."
                    )
            try:
                data = self._inflater.decompress(self._pending, count)
            except zlib.error as error:
                raise FileError(
                    self._path, f"is said to be deflated, but its data cannot be inflated ({error}). Get it again."
                ) from error
            self._pending = self._inflater.unconsumed_tail
            if data:
                self._position += len(data)
                if self._position > self._most:
                    raise FileError(self._path, f"inflates to more than {_size(self._most)}, and is not read further.")
                return data
        return b""

    def read(self, count: int) -> bytes:
        """See :class:`ByteSource`."""
        parts = []
        while count > 0 and (data := self.pull(count)):
            parts.append(data)
            count -= len(data)
        return b"".join(parts)

    def skip(self, count: int) -> int:
        """See :class:`ByteSource`."""
        left = count
        while left > 0 and (data := self.pull(min(left, CHUNK))):
            left -= len(data)
        return count - left

    def readinto(self, view: memoryview) -> int:
        """See :class:`ByteSource`."""
        done = 0
        while done < len(view) and (data := self.pull(min(len(view) - done, CHUNK))):
            view[done : done + len(data)] = data
            done += len(data)
        return done

    def copy_to(self, target: BinaryIO | io.BytesIO) -> None:
        """Write all of it, a piece at a time."""
        while data := self.pull(CHUNK):
            target.write(data)

    def close(self) -> None:
        self._file.close()


def inflated_beginning(path: str | PathLike[str], start: int, count: int) -> tuple[bytes, bool]:
    """Return up to ``count`` inflated bytes of a deflated data set, and whether it is cut off before that.

    Raises FileError when what is there is damaged.
    """
    data = bytearray()
    with DeflatedSource(path, start) as source:
        try:
            while len(data) < count and (piece := source.pull(count - len(data))):
                data += piece
        except TruncatedFileError:
            return bytes(data), True
    return bytes(data), False


def _size(count: int) -> str:
    return f"{count / 2**30:,.3g} GiB" if count >= 1 << 30 else f"{count / 2**20:,.3g} MiB"


def read_at(descriptor: int, offset: int, count: int) -> bytes:
    """Return bytes at a place in a file (``os.pread`` does not exist on Windows)."""
    if _PREAD is not None:
        return _PREAD(descriptor, count, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, count)


class BoundedFile(io.RawIOBase):
    """An open file for pydicom that never allocates for more bytes than are left, whatever an element announces."""

    WINDOW = 1 << 15

    def __init__(self, descriptor: int, size: int, name: str) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._size = size
        self._position = 0
        self._window = b""
        self._window_start = 0
        self.name = name

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(self._size - self._position, 0)
        count = left if size is None or size < 0 else min(size, left)
        start = self._position - self._window_start
        if start < 0 or start + count > len(self._window):
            # Also when the file has become shorter since it was opened: what is read is what there is.
            self._window = read_at(self._descriptor, self._position, max(count, min(self.WINDOW, left)))
            self._window_start = self._position
            start = 0
        data = self._window[start : start + count]
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
