"""Where what is saved goes: into a chosen folder when that is empty, else under a new name in it. No Qt here."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

from ...errors import UsageError

MOST_SAID = 16
"""Letters of a modality: what its VR allows (PS3.5 section 6.2)."""


def new_folder_in(folder: Path, name: str) -> Path:
    """Return the folder itself when it holds nothing, else one in it that is not there yet.

    Raises UsageError when there is no such folder, or it cannot be read.
    """
    try:
        if not any(folder.iterdir()):
            return folder
    except OSError as error:
        raise UsageError(f"{folder}: cannot be used ({error.strerror or error}); choose another folder") from error
    return _unused(folder, name, "")


def new_file_in(folder: Path, name: str, suffix: str) -> Path:
    """Return a file in a folder that is not there yet.

    Raises UsageError when there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; choose another one")
    return _unused(folder, name, suffix)


def name_for(modality: str, what: str) -> str:
    """Return a name for what is saved of a series; of what a file says nothing but letters and digits comes into it."""
    said = re.sub("[^A-Za-z0-9]", "", modality)[:MOST_SAID]
    return f"{said or 'series'}-{what}"


def _unused(folder: Path, name: str, suffix: str) -> Path:
    names = (name + (f"-{number}" if number > 1 else "") + suffix for number in count(1))
    return next(place for place in (folder / name for name in names) if not place.exists())
