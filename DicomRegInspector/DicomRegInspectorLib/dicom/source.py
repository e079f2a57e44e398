"""Bytes of a DICOM file, plain or deflated, read forward and never more of them than asked for."""

from __future__ import annotations

import io
import os
import stat
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol

from ..errors import FileError, TruncatedFileError

WINDOW = 8192
"""Bytes read at a time on the way to Pixel Data."""
_PREAD = getattr(os, "pread", None)


CHUNK = 1 << 16
MOST_INFLATED = 8 << 30
"""Bytes a deflated data set may grow to: twice what the largest grid a single element can hold needs."""


class ByteSource(Protocol):
    """What the element walk and the vector stream need of a file."""

    size: int | None
    """Length in bytes, None while it is not known (a deflated data set)."""

    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes; fewer only at the end."""

    def skip(self, count: int) -> int:
        """Pass over up to ``count`` bytes; fewer only at the end. Returns how many."""

    def readinto(self, view: memoryview) -> int:
        """Fill the view; less only at the end. Returns how many bytes."""

    def tell(self) -> int:
        """Bytes passed since the start."""

    def close(self) -> None:
        """Give the file back."""


def open_regular_file(path: Path) -> BinaryIO:
    """Open a file for reading, unless it is something that could hang or never end (a pipe, a device).

    Raises
    ------
    FileError
        When it is not a regular file or cannot be opened.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise FileError(path, "is not a regular file")
        return open(path, "rb", buffering=CHUNK)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror or error})") from error


class PlainSource:
    """The file as it lies on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_regular_file(path)
        self.size: int | None = os.fstat(self._file.fileno()).st_size

    def read(self, count: int) -> bytes:
        """See :class:`ByteSource`."""
        try:
            return self._file.read(count)
        except OSError as error:
            raise FileError(self._path, f"cannot be read ({error.strerror or error})") from error

    def skip(self, count: int) -> int:
        """See :class:`ByteSource`."""
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
            raise FileError(self._path, f"cannot be read ({error.strerror or error})") from error
        return done

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()


class DeflatedSource:
    """A data set that was deflated after the file meta information (PS3.5 Annex A.5).

    Positions count inflated bytes. It inflates as it goes, so a small file that claims much costs time, not memory.
    """

    def __init__(self, path: Path, start: int) -> None:
        self._path = path
        self._file = open_regular_file(path)
        self._file.seek(start)
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._pending = b""
        self._position = 0
        self.size: int | None = None

    def _pull(self, count: int) -> bytes:
        """One to ``count`` inflated bytes, or none at the end."""
        while not self._inflater.eof:
            if not self._pending:
                self._pending = self._file.read(CHUNK)
                if not self._pending:
                    raise TruncatedFileError(self._path, "the deflated data set ends before its end mark")
            try:
                data = self._inflater.decompress(self._pending, count)
            except zlib.error as error:
                raise FileError(self._path, f"the deflated data set is damaged ({error})") from error
            self._pending = self._inflater.unconsumed_tail
            if data:
                self._position += len(data)
                if self._position > MOST_INFLATED:
                    raise FileError(
                        self._path, f"inflates to more than {MOST_INFLATED >> 30} GiB; that is no registration"
                    )
                return data
        self.size = self._position
        return b""

    def read(self, count: int) -> bytes:
        """See :class:`ByteSource`."""
        parts = []
        while count > 0 and (data := self._pull(count)):
            parts.append(data)
            count -= len(data)
        return b"".join(parts)

    def skip(self, count: int) -> int:
        """See :class:`ByteSource`."""
        left = count
        while left > 0 and (data := self._pull(min(left, CHUNK))):
            left -= len(data)
        return count - left

    def readinto(self, view: memoryview) -> int:
        """See :class:`ByteSource`."""
        done = 0
        while done < len(view) and (data := self._pull(min(len(view) - done, CHUNK))):
            view[done : done + len(data)] = data
            done += len(data)
        return done

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        self._file.close()


def read_at(descriptor: int, offset: int, count: int) -> bytes:
    """Bytes at a place in a file (``os.pread`` does not exist on Windows)."""
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
