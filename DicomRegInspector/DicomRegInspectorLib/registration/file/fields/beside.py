"""Another file that a file names: looked for where it says, then beside it."""

from __future__ import annotations

from pathlib import Path

from ....errors import FileError


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
