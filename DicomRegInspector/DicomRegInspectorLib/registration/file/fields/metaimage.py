"""Read displacement fields in MetaImage (``.mha``, ``.mhd``), as ITK, plastimatch and elastix write them.

Its header says nothing of vectors: all programs known to write such fields mean LPS mm, registered to source.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ....dicom.source import read_regular_file
from ....errors import FileError
from ....limits import TEXT_HEADER
from ...conventions import Conventions
from ...model import Registration
from ..itk.numbers import checked_lattice
from ..one_mapping import one_mapping
from .beside import file_beside, require_said_once
from .volume_numbers import VolumeNumbers, volume_mapping

FORMAT = "displacement field, MetaImage"
ENDINGS = (".mha", ".mhd")
CONVENTIONS = Conventions(
    direction="registered to source, as ITK resamples; the format has no place to say it",
    coordinates="LPS, of lattice and vectors",
    unit="mm",
    outside="the border's vector for half a voxel, then points stay where they are (ITK); 3D Slicer goes on with the "
    "border's vector",
)
_MOST_HEADER_BYTES = TEXT_HEADER.value
_LAST = "ElementDataFile"
_TYPES = {"MET_FLOAT": "f4", "MET_DOUBLE": "f8", "MET_FLOAT_ARRAY": "f4", "MET_DOUBLE_ARRAY": "f8"}
_OTHER_NAMES = {
    "Position": "Offset", "Origin": "Offset", "Rotation": "TransformMatrix", "Orientation": "TransformMatrix",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}  # fmt: skip
_LINE = re.compile(rb"([A-Za-z]+)[ \t]*=[ \t]*([^\r\n]*)\r?\n")


def recognises(head: bytes, path: Path) -> bool:
    """Tell whether a header is of MetaImage, with three floating-point numbers for each node of a 3D lattice."""
    if not re.match(rb"(ObjectType|NDims)\s*=", head):
        return False
    fields, _ = _header(head)
    channels, dimensions = fields.get("ElementNumberOfChannels"), fields.get("NDims")
    return channels == "3" and dimensions == "3" and fields.get("ElementType") in _TYPES


def says_displacements(head: bytes) -> bool:
    """Tell whether a header says that its vectors are displacements: the format has no place for it."""
    return False


def _header(data: bytes) -> tuple[dict[str, str], int]:
    """Fields by name, and how many bytes the header takes."""
    entries, place = _entries(data)
    return dict(entries), place


def _entries(data: bytes) -> tuple[list[tuple[str, str]], int]:
    """Fields in their order, by the first of their names, and how many bytes they take."""
    entries: list[tuple[str, str]] = []
    place = 0
    while not entries or entries[-1][0] != _LAST:
        found = _LINE.match(data, place)
        if found is None:
            break
        name = found.group(1).decode("ascii")
        entries.append((_OTHER_NAMES.get(name, name), found.group(2).decode("utf-8", "replace").strip()))
        place = found.end()
    return entries, place


def read(path: Path) -> Registration:
    """Read a displacement field; its vectors stay in the file.

    Raises FileError when it cannot be read or used.
    """
    entries, end = _entries(read_regular_file(path, _MOST_HEADER_BYTES))
    require_said_once(path, entries)
    fields = dict(entries)
    if fields.get("DistanceUnits", "mm") not in ("mm", "?"):
        raise FileError(path, f"has lengths in {fields['DistanceUnits']}; mm are expected")
    if _LAST not in fields:
        raise FileError(path, f"has no {_LAST} at the end of its header")
    size = _floats(path, fields, ("DimSize",), 3)
    spacing = _floats(path, fields, ("ElementSpacing", "ElementSize"), 3, "1 1 1")
    origin = _floats(path, fields, ("Offset",), 3, "0 0 0")
    axes = _floats(path, fields, ("TransformMatrix",), 9, "1 0 0 0 1 0 0 0 1")
    # One axis of the lattice after the other: rows there, columns here.
    directions = axes.reshape(3, 3).T
    dimensions, lattice = checked_lattice(path, size, origin, spacing, directions, "a displacement field")
    numbers = _numbers(path, fields, end, dimensions)
    mapping = volume_mapping(numbers, lattice, lambda array: array)
    return one_mapping(path, FORMAT, [mapping], CONVENTIONS)


def _floats(path: Path, fields: dict[str, str], names: tuple[str, ...], count: int, default: str = "") -> np.ndarray:
    text = next((fields[name] for name in names if name in fields), default)
    try:
        values = np.array(text.split(), float)
    except ValueError:
        values = np.zeros(0)
    if len(values) != count:
        raise FileError(path, f"has {names[0]} = {text[:60]!r}; expected {count} numbers")
    return values


def _numbers(path: Path, fields: dict[str, str], end: int, dimensions: tuple[int, int, int]) -> VolumeNumbers:
    def is_true(name: str) -> bool:
        return fields.get(name, "").lower() in ("true", "1")

    kind = fields.get("ElementType", "")
    if kind not in _TYPES or fields.get("ElementNumberOfChannels") != "3":
        channels = fields.get("ElementNumberOfChannels", "no")
        raise FileError(path, f"holds {channels} numbers of {kind} for each node; 3 floats are read")
    if fields.get("BinaryData", "True").lower() not in ("true", "1"):
        raise FileError(path, "holds its numbers as text, which is not read")
    named = fields[_LAST]
    if named == "LIST" or "%" in named:
        raise FileError(path, "has its slices in several files, which is not read")
    local = named == "LOCAL"
    place, offset = (path, end) if local else (file_beside(path, named), 0)
    dtype = (">" if is_true("BinaryDataByteOrderMSB") else "<") + _TYPES[kind]
    shape = (*dimensions[::-1], 3)
    skip = fields.get("HeaderSize", "0")
    if not re.fullmatch(r"-1|\d{1,15}", skip):
        raise FileError(path, f"has HeaderSize = {skip[:30]!r}")
    if skip == "-1":
        offset = max(place.stat().st_size - VolumeNumbers(place, 0, dtype, shape).size, 0)
    else:
        offset += int(skip)
    numbers = VolumeNumbers(place, offset, dtype, shape, "gzip" if is_true("CompressedData") else "raw")
    numbers.check_size()
    return numbers
