"""The folder that an archive's results go to: one run at a time, always of the same places."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import UsageError
from ..output_file import replace_file, take_lock
from .store import FILE

PRIVATE = ".private"
"""Holds paths, which may name patients: only its owner reads it."""
_LOCK, _PLACES = "lock", "places.json"


@contextmanager
def output_place(folder: Path) -> Iterator[Path]:
    """Take an output for one run; gives its private folder.

    Raises
    ------
    UsageError
        When another run holds it, when it is something else's folder, or cannot be written.
    """
    private = folder / PRIVATE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / FILE).exists() and any(entry.name != PRIVATE for entry in folder.iterdir()):
            raise UsageError(f"{folder}: is not empty and holds no archive; name a new folder, or one of an archive")
        private.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(private / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror or error})") from error
    try:
        if not take_lock(lock):
            holder = os.read(lock, 40).decode("ascii", "replace").strip()
            raise UsageError(f"{folder}: another run is writing here (process {holder or 'unknown'}); wait for its end")
        _sign(folder, lock)
        yield private
    finally:
        os.close(lock)


def _sign(folder: Path, lock: int) -> None:
    """Say who holds the lock."""
    try:
        os.truncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror or error})") from error


def keep_places(private: Path, places: Sequence[str]) -> None:
    """Keep an output to the places it was begun with: what is not found any more is taken out of its tables.

    More places may be added.

    Raises UsageError when one is missing.
    """
    file = private / _PLACES
    try:
        before = json.loads(file.read_text("utf-8")) if file.exists() else []
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: cannot be read ({error}); name another output") from error
    missing = [place for place in before if place not in places]
    if missing:
        raise UsageError(
            f"this output is also of {', '.join(missing)}; name {'it' if len(missing) == 1 else 'them'} too, or "
            "another output"
        )
    replace_file(file, lambda path: path.write_text(json.dumps(list(places)), "utf-8"))
