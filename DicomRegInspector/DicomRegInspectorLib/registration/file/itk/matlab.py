"""Read ITK transform files in MATLAB's level 4 format (``.mat``), as ANTs writes ``0GenericAffine.mat``."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np

from ....dicom.source import read_regular_file
from ....errors import FileError, TruncatedFileError
from ...model import Registration
from ..one_mapping import one_mapping
from .numbers import CONVENTIONS, StoredTransform, in_file_order

FORMAT = "ITK transform, MATLAB level 4"
ENDINGS = (".mat",)
_HEADER_BYTES = 20
_FIXED = "fixed"
_CLASS = re.compile(rb"[A-Za-z0-9]+_(double|float)_\d_\d(_\d)?\0")
_TYPES = {0: "<f8", 10: "<f4", 1000: ">f8", 1010: ">f4"}
"""Number types by the first word of a matrix's header: byte order, precision (MAT-File Format, level 4)."""


def recognises(head: bytes, path: Path) -> bool:
    """Tell whether a file begins with a matrix that is named like a class of ITK's transforms."""
    found = _header(head)
    return found is not None and bool(_CLASS.match(head, _HEADER_BYTES))


def _header(data: bytes) -> tuple[str, int, int, int] | None:
    """Number type, rows, columns and bytes of the name at the beginning of some bytes."""
    if len(data) < _HEADER_BYTES:
        return None
    for order in "<>":
        kind, rows, columns, imaginary, name = struct.unpack(order + "5i", data[:_HEADER_BYTES])
        if kind in _TYPES and _TYPES[kind][0] == order and imaginary == 0 and min(rows, columns, name) >= 0:
            return _TYPES[kind], rows, columns, name
    return None


def read(path: Path) -> Registration:
    """Read a transform, or the members of a composite.

    Raises FileError when it cannot be read or used.
    """
    data = read_regular_file(path)
    matrices = _matrices(path, data)
    transforms: list[StoredTransform] = []
    for name, values in matrices:
        if name == _FIXED and transforms:
            last = transforms[-1]
            transforms[-1] = StoredTransform(last.name, values.astype(float), last.count, last.parameters)
        else:
            transforms.append(StoredTransform(name, np.zeros(0), len(values), values.copy))
    return one_mapping(path, FORMAT, in_file_order(path, transforms), CONVENTIONS)


def _matrices(path: Path, data: bytes) -> list[tuple[str, np.ndarray]]:
    found, place = [], 0
    while place < len(data):
        header = _header(data[place : place + _HEADER_BYTES])
        if header is None:
            raise FileError(path, f"holds no matrix of MATLAB level 4 at byte {place}")
        kind, rows, columns, name_bytes = header
        start = place + _HEADER_BYTES + name_bytes
        end = start + rows * columns * np.dtype(kind).itemsize
        if end > len(data):
            raise TruncatedFileError(path, f"announces a matrix up to byte {end} and ends after {len(data)}")
        name = data[place + _HEADER_BYTES : start].rstrip(b"\0").decode("ascii", "replace")
        found.append((name, np.frombuffer(data[start:end], kind)))
        place = end
    return found
