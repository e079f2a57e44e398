"""JSON files, and places that a result may go to."""

from __future__ import annotations

import json
import math
import os
from os import PathLike
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..output_file import replace_file, require_file_place
from ..words import is_utf8


def write_json(path: str | PathLike[str], value: Any) -> None:
    """Write a JSON file, UTF-8, in place of one that is there; numbers that JSON does not know (NaN) become null.

    Raises
    ------
    UsageError
        When the file cannot be written; what was there before is untouched then.
    """
    write_whole(path, json_text(value).encode("utf-8") + b"\n")


def write_whole(path: str | PathLike[str], data: bytes) -> None:
    """Write a file in place of one that is there; a device (``/dev/null``, ``/dev/stdout``) is written to instead.

    Raises UsageError when it cannot be written; what was there before is untouched then.
    """
    if not Path(path).is_char_device():
        return replace_file(path, lambda unfinished: unfinished.write_bytes(data))
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise UsageError(f"{os.fspath(path)}: cannot be written ({error.strerror or error})") from error


def json_text(value: Any, *, ascii_only: bool = False) -> str:
    """Write a value as JSON text; with ``ascii_only``, or where UTF-8 cannot hold it (odd names), ``\\u`` escapes."""
    text = json.dumps(finite(value), indent=1, ensure_ascii=False, allow_nan=False, default=_plain)
    return json.dumps(json.loads(text), indent=1) if ascii_only or not is_utf8(text) else text


def finite(value: Any) -> Any:
    """Return the value with NaN and infinities as None, and NumPy's types as Python's."""
    if isinstance(value, dict):
        return {str(key): finite(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [finite(held) for held in value]
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    if isinstance(value, PathLike):
        return os.fspath(value)
    if hasattr(value, "items"):
        return {str(key): finite(held) for key, held in value.items()}
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def check_place(path: str | None, what: str, beginning: bytes) -> None:
    """Refuse, before the work, a place that a file cannot go to or that holds anything but a file of its kind.

    Parameters
    ----------
    path
        None, ``-`` (stdout) and devices are fine.
    what
        How messages call the file.
    beginning
        The bytes that such a file begins with.

    Raises
    ------
    UsageError
        With the reason.
    """
    if path is None or path == "-" or Path(path).is_char_device():
        return
    require_file_place(path, f"a file for the {what}")
    place = Path(path)
    if not place.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {place.absolute().parent} to write the {what} to")
    if place.is_file():
        with place.open("rb") as file:
            head = file.read(64).strip()
        if head and not head.startswith(beginning):
            raise UsageError(f"{path}: is there and is no {what}; it is not overwritten, name another file")
