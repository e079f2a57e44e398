"""Read ITK transform files in HDF5 (``.h5``), also Slicer's, with the inverse transforms that ITK does not know."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ....errors import FileError
from ...model import Registration
from ..one_mapping import one_mapping
from .hdf5_reader import SIGNATURE, Hdf5Reader
from .numbers import CONVENTIONS, StoredTransform, in_file_order

FORMAT = "ITK transform, HDF5"
ENDINGS = (".h5", ".hdf5")
_GROUP, _TYPE = "TransformGroup", "TransformType"
_FIXED = ("TransformFixedParameters", "TranformFixedParameters")
"""ITK before 5 left out a letter."""
_PARAMETERS = ("TransformParameters", "TranformParameters")


def recognises(head: bytes, path: Path) -> bool:
    """Tell whether a file is HDF5 with ITK's group of transforms."""
    if not head.startswith(SIGNATURE):
        return False
    try:
        reader = Hdf5Reader(path)
        return _GROUP in reader.members(reader.root)
    except FileError:
        # What is damaged is told of a file that names the group; other files of HDF5 are none of ours.
        return _GROUP.encode() in head


def read(path: Path) -> Registration:
    """Read a transform, or the members of a composite; large arrays stay in the file until they are asked for.

    Raises FileError when it cannot be read or used.
    """
    reader = Hdf5Reader(path)
    members = reader.members(reader.root)
    if _GROUP not in members:
        raise FileError(path, f"is HDF5 without a {_GROUP}; expected an ITK transform file")
    groups = reader.members(members[_GROUP])
    numbered = sorted((int(name), place) for name, place in groups.items() if name.isdecimal())
    transforms = [_stored(reader, place) for _, place in numbered]
    return one_mapping(path, FORMAT, in_file_order(path, transforms), CONVENTIONS)


def _stored(reader: Hdf5Reader, address: int) -> StoredTransform:
    members = reader.members(address)
    if _TYPE not in members:
        raise FileError(reader.path, f"has a transform without {_TYPE}")
    fixed, parameters = (
        next((members[name] for name in names if name in members), None) for names in (_FIXED, _PARAMETERS)
    )
    numbers = np.zeros(0) if fixed is None else reader.numbers(reader.array(fixed)).astype(float)
    name = reader.text(members[_TYPE])
    if parameters is None:
        return StoredTransform(name, numbers, 0, lambda: np.zeros(0))
    array = reader.array(parameters)
    reader.require_bytes(array)
    return StoredTransform(name, numbers, array.count, lambda: reader.numbers(array))
