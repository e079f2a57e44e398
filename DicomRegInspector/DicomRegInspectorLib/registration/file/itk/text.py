"""Read ITK transform files as text (``.tfm``, ``.txt``), also Slicer's and ANTs'."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from ....dicom.source import read_regular_file
from ....errors import FileError
from ...model import Registration
from ..one_mapping import one_mapping
from .numbers import CONVENTIONS, StoredTransform, in_file_order

FORMAT = "ITK transform, text"
ENDINGS = (".tfm", ".txt")
_BEGINNING = b"#Insight Transform File V1"


def recognises(head: bytes, path: Path) -> bool:
    """Tell whether a file begins as ITK writes these."""
    return head.lstrip().startswith(_BEGINNING)


def read(path: Path) -> Registration:
    """Read a transform, or the members of a composite.

    Raises FileError when it cannot be read or used.
    """
    data = read_regular_file(path)
    return one_mapping(path, FORMAT, in_file_order(path, _transforms(path, data)), CONVENTIONS)


def _transforms(path: Path, data: bytes) -> list[StoredTransform]:
    found: list[dict[str, bytes]] = []
    for line in data.splitlines():
        line = line.strip()
        if not line or line.startswith(b"#"):
            continue
        key, colon, value = line.partition(b":")
        name = key.decode("ascii", "replace")
        if name == "Transform":
            found.append({"Transform": value.strip()})
        elif not colon or name not in ("Parameters", "FixedParameters"):
            raise FileError(path, f"has a line that is none of an ITK transform file: {name[:40]!r}")
        elif not found or name in found[-1]:
            raise FileError(path, f"has {name} that belong to no transform")
        else:
            found[-1][name] = value
    return [_transform(path, entries) for entries in found]


def _transform(path: Path, entries: dict[str, bytes]) -> StoredTransform:
    name = entries["Transform"].decode("ascii", "replace")
    parameters = numbers_in(path, entries.get("Parameters", b""), f"Parameters of {name[:60]}")
    fixed = numbers_in(path, entries.get("FixedParameters", b""), f"FixedParameters of {name[:60]}")
    return StoredTransform(name, fixed, len(parameters), lambda: parameters)


def numbers_in(path: Path, text: bytes | str, what: str) -> np.ndarray:
    """Return numbers (n,) float64 of a text with blanks between them.

    Raises FileError when there is anything else.
    """
    with warnings.catch_warnings():
        # NumPy only warns of what it could not read to the end.
        warnings.simplefilter("error")
        try:
            return np.fromstring(text, sep=" ")
        except (ValueError, DeprecationWarning) as error:
            raise FileError(path, f"has {what} that are not all numbers") from error
