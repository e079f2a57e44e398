"""Writing a file so that nobody finds half of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from os import PathLike
from pathlib import Path

from .errors import UsageError


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
    place = Path(os.path.realpath(path))
    if place.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")
    folder = None
    try:
        if place.exists() and not place.is_file():
            write(place)  # A device or a pipe is written to, not replaced.
            return
        folder = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=place.parent))
        write(folder / place.name)
        os.replace(folder / place.name, place)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
