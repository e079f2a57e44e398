"""Deflated DICOM data sets, inflated as far as they are asked for, and at best once (PS3.5 Annex A.5)."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from os import PathLike
from typing import BinaryIO, Self
from weakref import WeakValueDictionary

from .. import limits
from ..errors import FileError, TruncatedFileError
from .source import open_regular_file

CHUNK = 1 << 16
MOST_INFLATED, MOST_UNPACKED = limits.INFLATED.value, limits.UNPACKED.value
_PREADV = getattr(os, "preadv", None)
_CHECKED_EVERY = 1 << 26
_MOST_TIMES = limits.UNPACKED_TIMES.value
_LEAST_KEPT, _LEAST_FREE = 1 << 18, 1 << 30
"""Smaller files are inflated again, and so many bytes of the disk are left."""


class DeflatedSource:
    """A data set that was deflated after the file meta information (PS3.5 Annex A.5): the only inflater.

    It inflates as it goes, so a small file that claims much costs time, not memory.

    Parameters
    ----------
    start
        Offset of the deflated data in the file.
    most
        Bytes it may inflate to; beyond, :class:`~..errors.FileError` is raised.
    keep
        Whether to write what it inflates to a temporary file too, see :meth:`kept`.
    """

    def __init__(self, path: str | PathLike[str], start: int, most: int = MOST_INFLATED, *, keep: bool = False) -> None:
        self._path, self._most = path, most
        self._file, size = open_regular_file(path)
        self._file.seek(start)
        self._copy: BinaryIO | None = None
        self._most_kept = min(MOST_UNPACKED, _MOST_TIMES * size) - sum(other.size for other in list(_UNPACKED.values()))
        if keep and size >= _LEAST_KEPT:
            with suppress(OSError):
                self._copy = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 # outlives this call
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
                    raise FileError(self._path, limits.INFLATED.met.format(_size(self._most)))
                if self._copy is not None:
                    self._keep(data)
                return data
        return b""

    def _keep(self, data: bytes) -> None:
        """A temporary file is a convenience: where it would take too much, there is none."""
        assert self._copy is not None
        try:
            self._copy.write(data)
            if self._position % _CHECKED_EVERY >= len(data) or _has_room(self._position, self._most_kept):
                return
        except OSError:
            pass
        self._copy.close()
        self._copy = None

    def kept(self) -> Unpacked | None:
        """Return all that was inflated, once the end was reached; None where it was not kept.

        For as long as it is held, :func:`unpacked_of` finds it.
        """
        if self._copy is None or not self._inflater.eof:
            return None
        unpacked, self._copy = Unpacked(self._copy, self._position), None
        key = _identity_of(self._file.fileno(), self._path)
        return _UNPACKED.setdefault(key, unpacked)

    def read(self, count: int) -> bytes:
        """See :class:`~.source.ByteSource`."""
        parts = []
        while count > 0 and (data := self.pull(count)):
            parts.append(data)
            count -= len(data)
        return b"".join(parts)

    def skip(self, count: int) -> int:
        """See :class:`~.source.ByteSource`."""
        left = count
        while left > 0 and (data := self.pull(min(left, CHUNK))):
            left -= len(data)
        return count - left

    def readinto(self, view: memoryview) -> int:
        """See :class:`~.source.ByteSource`."""
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
        if self._copy is not None:
            self._copy.close()


class Unpacked:
    """A deflated data set as it was inflated: in a temporary file without a name, gone with this object."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.size = size
        self._file = file
        self._in_turn = threading.Lock()

    def __del__(self) -> None:
        self._file.close()

    def read_into(self, view: memoryview, offset: int) -> int:
        """Fill the view with the bytes from an offset on, from any thread; less only at the end. Returns how many."""
        done = 0
        while done < len(view):
            if _PREADV is not None:
                step = _PREADV(self._file.fileno(), [view[done:]], offset + done)
            else:
                with self._in_turn:
                    self._file.seek(offset + done)
                    step = self._file.readinto(view[done:])  # type: ignore[attr-defined] # unbuffered
            if not step:
                break
            done += step
        return done


class UnpackedSource:
    """An inflated data set, read as :class:`DeflatedSource` would give it."""

    size: int | None = None

    def __init__(self, path: str | PathLike[str], unpacked: Unpacked) -> None:
        self._path, self._unpacked, self._position = path, unpacked, 0

    def read(self, count: int) -> bytes:
        """See :class:`~.source.ByteSource`."""
        data = bytearray(max(min(count, self._unpacked.size - self._position), 0))
        return bytes(data[: self.readinto(memoryview(data))])

    def skip(self, count: int) -> int:
        """See :class:`~.source.ByteSource`; also back, with a negative count."""
        step = min(count, self._unpacked.size - self._position)
        self._position += step
        return step

    def readinto(self, view: memoryview) -> int:
        """See :class:`~.source.ByteSource`."""
        try:
            got = self._unpacked.read_into(view, self._position)
        except OSError as error:
            raise FileError(self._path, f"cannot be read ({error.strerror or error}).") from error
        self._position += got
        return got

    def close(self) -> None:
        """Do nothing: the file belongs to whoever holds what was inflated."""


_UNPACKED: WeakValueDictionary[tuple[str, int, int, int], Unpacked] = WeakValueDictionary()
"""Of files as they were when they were inflated."""


def unpacked_of(path: str | PathLike[str]) -> Unpacked | None:
    """Return what somebody holds of a deflated file that has not changed since it was inflated; None if nobody does."""
    if not _UNPACKED:
        return None
    try:
        return _UNPACKED.get(_identity_of(path, path))
    except OSError:
        return None


def _identity_of(file: int | str | PathLike[str], path: str | PathLike[str]) -> tuple[str, int, int, int]:
    status = os.stat(file)
    return os.path.abspath(path), status.st_ino, status.st_size, status.st_mtime_ns


def _has_room(written: int, most: int) -> bool:
    return written <= most and shutil.disk_usage(tempfile.gettempdir()).free >= _LEAST_FREE


class InflatedBeginning:
    """The first bytes of a deflated data set, as many as have been asked for."""

    def __init__(self, path: str | PathLike[str], start: int) -> None:
        self._source = DeflatedSource(path, start)
        self.data = bytearray()
        self.is_cut_off = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    def extend(self, count: int) -> None:
        """Inflate on, to so many bytes of :attr:`data` in all; fewer where there are none or the file is cut off.

        Raises FileError when what is there is damaged.
        """
        for piece in self.pieces(count):
            self.data += piece

    def pieces(self, count: int) -> Iterator[bytes]:
        """Inflate on, to so many bytes with those of :attr:`data`, to which nothing is added.

        Raises FileError as :meth:`extend`.
        """
        left = count - len(self.data)
        while piece := self._pull(min(left, CHUNK)):
            left -= len(piece)
            yield piece

    def look_ahead(self, count: int) -> None:
        """Find out, without keeping it, whether the data set is cut off within its first bytes.

        Raises FileError as :meth:`extend`.
        """
        for _ in self.pieces(count):
            pass

    def _pull(self, count: int) -> bytes:
        if count <= 0 or self.is_cut_off:
            return b""
        try:
            return self._source.pull(count)
        except TruncatedFileError:
            self.is_cut_off = True
            return b""


def _size(count: int) -> str:
    return f"{count / 2**30:,.3g} GiB" if count >= 1 << 30 else f"{count / 2**20:,.3g} MiB"
