"""Bytes of a DICOM file, read forward and never more of them than asked for."""

from __future__ import annotations

import io
import os
import stat
from os import PathLike
from typing import Protocol, Self

from ..errors import FileError
from ..limits import DEFLATION

WINDOW = 8192
"""Bytes read at a time on the way to Pixel Data."""
_PREAD = getattr(os, "pread", None)
MAX_DEFLATION = DEFLATION.value


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
