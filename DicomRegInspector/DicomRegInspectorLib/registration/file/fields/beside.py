"""What headers of all formats have: entries that are said once, and other files that are looked for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ....errors import FileError


def require_said_once(path: Path, entries: Iterable[tuple[str, str]]) -> None:
    """Refuse a header that says two things of one entry.

    Raises FileError with both.
    """
    said: dict[str, str] = {}
    for name, value in entries:
        if said.setdefault(name, value) != value:
            raise FileError(path, f"says two things of {name[:60]}: {said[name][:60]!r} and {value[:60]!r}")


def file_beside(path: Path, named: str) -> Path:
    """Return the place of a file that another one names.

    Raises FileError when it is not there, or no file.

    Parameters
    ----------
    path
        Of the file that names it; relative names begin in its folder.
    named
        As it stands there, with the separators of any system.
    """
    name = named.strip().strip('"')
    if not name or "\0" in name:
        raise FileError(path, f"names no file where it should: {named[:60]!r}")
    own = Path(path).parent
    for place in (own / name, own / name.replace("\\", "/").rsplit("/", 1)[-1]):
        try:
            if place.is_file():
                return place
        except OSError:
            continue
    raise FileError(path, f"needs {name[:200]}, which is neither where it says nor beside it")
