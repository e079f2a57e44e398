"""A folder that is there with everything in it, or not at all; never one that holds something already."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import UsageError


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
    unfinished = None
    try:
        unfinished = Path(tempfile.mkdtemp(prefix=f".unfinished-{place.name}-", dir=place.parent))
        yield unfinished
        os.chmod(unfinished, 0o777 & ~_umask())
        if place.is_dir():
            place.rmdir()
        os.rename(unfinished, place)
        unfinished = None
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror or error})") from error
    finally:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
