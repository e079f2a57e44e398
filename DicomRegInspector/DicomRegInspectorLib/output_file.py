"""Writing a file so that nobody finds half of it, and folders for what is being written.

Such a folder is gone when a run ends, and by the next run where it was killed: a run holds a lock on a file in it for
as long as it lives, and the system gives that up when the process ends, however it ends. Who can take the lock knows
that nobody is at work there any more.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from .errors import UsageError, system_error
from .words import is_utf8

FORMER = "former"
"""Beside such a folder, in what holds both: what was taken away to make room; it goes back when nothing came there."""
_NEW, _LOCK = "new", "lock"
_SIGNATURE = b"DicomRegInspector is writing beside this folder\n"


def replace_file(path: str | PathLike[str], write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file beside the place, then move it there in one step.

    Parameters
    ----------
    write
        Called with a path of the same name in a folder of its own: libraries go by the ending.

    Raises
    ------
    UsageError
        When the file cannot be written; what was there before is untouched, and nothing is left behind.
    """
    require_file_place(path)
    place = Path(os.path.realpath(path))
    with unfinished_folder(place.parent, path) as folder:
        write(folder / place.name)
        os.replace(folder / place.name, place)


def require_file_place(path: str | PathLike[str], wanted: str = "a file") -> None:
    """Refuse a place that is there and is no file: a folder, a pipe, a device.

    Raises UsageError, which asks for what is ``wanted``.
    """
    if os.path.isfile(path) or not os.path.exists(path):
        return
    found = "a folder" if os.path.isdir(path) else "a pipe or a device"
    raise UsageError(f"{os.fspath(path)}: is {found}; name {wanted}")


def require_utf8_name(path: str | PathLike[str], whose: str) -> None:
    """Refuse a place whose name VTK and ITK end the process over.

    Raises UsageError, which says ``whose`` writer it is.
    """
    if not is_utf8(os.path.realpath(path)):
        raise UsageError(f"{os.fspath(path)}: this name is not in UTF-8, as {whose} needs it; name another")


@contextmanager
def unfinished_folder(beside: Path, written: str | PathLike[str]) -> Iterator[Path]:
    """Give a new folder to write into, within the folder ``beside``; it is gone at the end, however that comes.

    First, what killed runs left there on this machine is removed.

    Parameters
    ----------
    written
        How messages call what is written.

    Raises
    ------
    UsageError
        When it cannot be made, or an OSError comes out of what is done with it.
    """
    folder = beside / f"{_prefix()}{os.urandom(8).hex()}"
    lock = None
    try:
        remove_abandoned(beside)
        lock = _make_locked(folder)
        (folder / _NEW).mkdir()
        yield folder / _NEW
    except UsageError as error:
        # Nobody has ever seen the folder.
        told = str(error).replace(str(folder / _NEW), str(beside))
        raise error if told == str(error) else UsageError(told) from error
    except OSError as error:
        reason = system_error(error)
        words = reason.strerror if reason is not None else type(error).__name__
        raise UsageError(f"{os.fspath(written)}: cannot be written ({words})") from error
    finally:
        try:
            _give_up(folder, lock)
        except BaseException:
            # A signal, in the middle of it.
            _give_up(folder, None)
            raise


def remove_abandoned(place: Path) -> None:
    """Remove what killed runs left in a folder: only what this library made on this machine and nobody holds."""
    is_ours = re.compile(f"{re.escape(_prefix())}[0-9a-f]{{16}}").fullmatch
    with os.scandir(place) as entries:
        found = [Path(entry) for entry in entries if is_ours(entry.name) and not entry.is_symlink()]
    for folder in found:
        try:
            # Killed before it had a lock; whoever is making one notices, and begins again.
            folder.rmdir()
        except OSError:
            if _is_abandoned(folder):
                _give_up(folder, None)


def _prefix() -> str:
    """What names begin with on this machine: not every network file system carries locks from one to another."""
    machine = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return f".unfinished-{zlib.crc32(machine.encode('utf-8', 'replace')):08x}-"


def _make_locked(folder: Path) -> int:
    """Make a folder with a lock in it; returns the descriptor that holds it."""
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            lock = os.open(folder / _LOCK, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        except FileNotFoundError:
            continue
        take_lock(lock)
        os.write(lock, _SIGNATURE)
        if (folder / _LOCK).exists():
            return lock
        os.close(lock)


def _is_abandoned(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        return os.read(lock, len(_SIGNATURE) + 1) in (_SIGNATURE, b"") and take_lock(lock)
    except OSError:
        return False
    finally:
        os.close(lock)


def take_lock(lock: int) -> bool:
    """Take the lock of a file for as long as it is open; returns whether that could be done."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(lock, len(_SIGNATURE), os.SEEK_SET)
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
            os.lseek(lock, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _give_up(folder: Path, lock: int | None) -> None:
    """Remove a folder; what was taken away for it goes back where nothing came in its place."""
    if lock is not None:
        os.close(lock)
    former = folder / FORMER
    for entry in former.iterdir() if former.is_dir() else ():
        if not os.path.lexists(folder.parent / entry.name):
            os.rename(entry, folder.parent / entry.name)
    for part in (folder / _NEW, former):
        shutil.rmtree(part, ignore_errors=True)
    # The lock goes last: without it nobody knows whose the rest is.
    shutil.rmtree(folder, ignore_errors=True)
