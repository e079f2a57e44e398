"""A folder that is there with everything in it, or not at all; never one that holds something already."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import UsageError
from ...output_file import unfinished_folder


def require_new_folder(folder: Path, sources: Iterable[str]) -> None:
    """Refuse a folder that holds something, or that lies in a folder with source files.

    Raises UsageError with the reason.
    """
    place = Path(os.path.realpath(folder))
    for source in {os.path.dirname(os.path.realpath(source)) for source in sources}:
        if place == Path(source) or Path(source) in place.parents:
            raise UsageError(f"{folder}: lies in the folder of the source series ({source}); name a folder elsewhere")
    if place.is_file():
        raise UsageError(f"{folder}: is a file; name a new folder")
    if place.is_dir() and any(place.iterdir()):
        raise UsageError(f"{folder}: exists and is not empty; nothing is overwritten: name a new folder")
    if not place.parent.is_dir():
        raise UsageError(f"{folder}: there is no folder {place.parent}")


@contextmanager
def new_folder(folder: Path, sources: Iterable[str]) -> Iterator[Path]:
    """Give a place to write files into, which becomes the folder when nothing went wrong.

    Raises UsageError, see :func:`require_new_folder`, or when it cannot be written.
    """
    require_new_folder(folder, sources)
    place = Path(os.path.realpath(folder))
    with unfinished_folder(place.parent, folder) as unfinished:
        (unfinished / place.name).mkdir()
        yield unfinished / place.name
        if os.name == "nt" and place.is_dir():
            place.rmdir()  # Elsewhere a folder takes the place of an empty one in one step.
        os.rename(unfinished / place.name, place)
