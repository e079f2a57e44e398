"""Read displacement fields in NRRD (``.nrrd``, ``.nhdr``), also Slicer's with the direction they are for.

The NRRD header says in which space its origin and directions are (https://teem.sourceforge.net/nrrd/format.html), and
by its measurement frame in which coordinates the vectors.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ....dicom.source import read_regular_file
from ....errors import FileError
from ....limits import TEXT_HEADER
from ....space import LPS_TO_RAS
from ...composite import inverse_of
from ...conventions import LEFT_OPEN, Conventions, Question
from ...matrices import is_singular
from ...model import Registration
from ..itk.numbers import checked_lattice
from ..one_mapping import one_mapping
from .beside import file_beside, require_said_once
from .volume_numbers import Packing, VolumeNumbers, volume_mapping

FORMAT = "displacement field, NRRD"
ENDINGS = (".nrrd", ".nhdr")
CONVENTIONS = Conventions(
    direction="as its key “displacement field type” says: resampling is registered to source, modeling the other way; "
    "without it registered to source, as ITK resamples",
    coordinates="of the lattice as “space” says, of the vectors as “measurement frame” does; without it those of LPS",
    unit="mm",
    outside="the border's vector for half a voxel, then points stay where they are (ITK); 3D Slicer goes on with the "
    "border's vector",
)
MODELING, RESAMPLING = "modeling", "resampling"
_TYPE_KEY = "displacement field type"
_MOST_HEADER_BYTES = TEXT_HEADER.value
_SPACES = {
    "left-posterior-superior": "LPS",
    "lps": "LPS",
    "right-anterior-superior": "RAS",
    "ras": "RAS",
}
_TYPES = {"float": "f4", "double": "f8"}
_PACKINGS: dict[str, Packing] = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
_VECTOR_KINDS = ("vector", "covariant-vector", "normal", "3-vector", "3-gradient", "3-normal")
_GROUP = re.compile(r"none|\([^)]*\)")


def recognises(head: bytes, path: Path) -> bool:
    """Tell whether a header is of NRRD, with three floating-point numbers for each node of a 3D lattice."""
    if not head.startswith(b"NRRD000"):
        return False
    fields, _ = _header(head)
    sizes = fields.get("sizes", "").split()
    is_vector = any(kind in _VECTOR_KINDS for kind in fields.get("kinds", "").lower().split())
    return (
        fields.get("type") in _TYPES
        and len(sizes) == 4
        and "3" in (sizes[0], sizes[-1])
        and (is_vector or _TYPE_KEY in fields)
    )


def says_displacements(head: bytes) -> bool:
    """Tell whether a header says that its vectors are displacements, by Slicer's key."""
    return _TYPE_KEY in _header(head)[0]


def _header(data: bytes) -> tuple[dict[str, str], int]:
    """Fields and keys by name, lower case, and how many bytes the header takes."""
    found = re.search(rb"\r?\n\r?\n", data)
    end = found.end() if found else len(data)
    return dict(_entries(data[:end])), end


def _entries(header: bytes) -> list[tuple[str, str]]:
    """Fields and keys in their order."""
    lines = (line.partition(":") for line in header.decode("utf-8", "replace").splitlines()[1:])
    # A key and its value have “:=” between them, a field “: ”.
    return [
        (name.strip().lower(), value.removeprefix("=").strip())
        for name, separator, value in lines
        if separator and not name.startswith("#")
    ]


def read(path: Path) -> Registration:
    """Read a displacement field; its vectors stay in the file.

    Raises FileError when it cannot be read or used.
    """
    data = read_regular_file(path, _MOST_HEADER_BYTES)
    fields, end = _header(data)
    require_said_once(path, _entries(data[:end]))
    place = _Nrrd(path, fields)
    lattice, space = place.lattice()
    numbers = place.numbers(end)
    matrix, vectors_open = place.vectors_to_lps(space)
    first = place.vector_axis == 0
    mapping = volume_mapping(
        numbers, lattice, lambda array: array if first else np.moveaxis(array, 0, -1), signs=matrix
    )
    left_open: set[Question] = set() if space else {"coordinates"}
    if vectors_open and space:
        left_open.add("coordinates of vectors")
    said = fields.get(_TYPE_KEY)
    conventions = replace(CONVENTIONS, coordinates=place.said_of_coordinates(space, vectors_open))
    if said is not None and said not in (MODELING, RESAMPLING):
        left_open.add("direction")
        conventions = replace(conventions, direction=LEFT_OPEN)
    elif said is None:
        conventions = replace(conventions, direction="registered to source, as ITK resamples; the file says nothing")
    else:
        way = "source to registered" if said == MODELING else "registered to source"
        conventions = replace(conventions, direction=f"{way}: its key says {said}")
    parts = [inverse_of(mapping) if said == MODELING else mapping]
    return one_mapping(path, FORMAT, parts, conventions, left_open=left_open)


class _Nrrd:
    """A header that is looked at."""

    def __init__(self, path: Path, fields: dict[str, str]) -> None:
        self.path, self.fields = path, fields
        sizes = fields.get("sizes", "").split()
        if not all(size.isdecimal() and len(size) < 10 for size in sizes) or len(sizes) != 4:
            raise FileError(path, f"has the sizes {fields.get('sizes')!r}; expected those of a vector and three axes")
        groups = _GROUP.findall(fields.get("space directions", ""))
        if len(groups) != 4 or groups.count("none") != 1 or groups.index("none") not in (0, 3):
            raise FileError(path, "has no space directions of three axes, and none for its vectors")
        self.vector_axis = groups.index("none")
        self.sizes = [int(size) for size in sizes]
        if self.sizes[self.vector_axis] != 3:
            raise FileError(path, f"has {self.sizes[self.vector_axis]} numbers for each node; 3 make a displacement")
        self.columns = [self._vector(group) for group in groups if group != "none"]

    def _vector(self, text: str) -> list[float]:
        try:
            x, y, z = map(float, text.strip("() ").split(","))
        except ValueError as error:
            raise FileError(self.path, f"has a direction or origin {text[:60]!r}; expected (x,y,z)") from error
        return [x, y, z]

    def lattice(self) -> tuple[np.ndarray, str]:
        """(4, 4) from (i, j, k, 1) to mm, in LPS where the space is known; and its name, empty where it is not."""
        fields = self.fields
        units = {unit for unit in re.findall(r'"([^"]*)"', fields.get("space units", "")) if unit}
        if units - {"mm", "millimeter", "millimetre"}:
            raise FileError(self.path, f"has lengths in {', '.join(sorted(units))}; mm are expected")
        steps = np.array(self.columns).T
        with np.errstate(over="ignore", invalid="ignore"):
            spacing = np.linalg.norm(steps, axis=0)
            directions = steps / np.where(spacing > 0, spacing, 1)
        own = [size for axis, size in enumerate(self.sizes) if axis != self.vector_axis]
        origin = self._vector(fields.get("space origin", "(0,0,0)"))
        _, matrix = checked_lattice(self.path, own, origin, spacing, directions, "a displacement field")
        said = fields.get("space", "")
        space = _SPACES.get(said.lower(), "")
        if said and not space:
            raise FileError(self.path, f"is in the space {said!r}; LPS and RAS are read")
        return (LPS_TO_RAS @ matrix if space == "RAS" else matrix), space

    def vectors_to_lps(self, space: str) -> tuple[np.ndarray | None, bool]:
        """(3, 3) what turns vectors into LPS, None where nothing does; and whether the file leaves that open."""
        text = self.fields.get("measurement frame")
        if text is None:
            return None, space != "LPS"
        groups = [self._vector(group) for group in _GROUP.findall(text) if group != "none"]
        if len(groups) != 3:
            raise FileError(self.path, "has a measurement frame that is not three vectors")
        matrix = np.array(groups).T
        if not np.isfinite(matrix).all() or is_singular(matrix):
            raise FileError(self.path, "has a measurement frame that spans no space")
        if space == "RAS":
            matrix = LPS_TO_RAS[:3, :3] @ matrix
        return (None if np.array_equal(matrix, np.eye(3)) else matrix), False

    def said_of_coordinates(self, space: str, vectors_open: bool) -> str:
        """What the header says of coordinates, in words."""
        if not space:
            return LEFT_OPEN
        if vectors_open:
            return f"lattice {space}; vectors: {LEFT_OPEN}"
        frame = "by the measurement frame" if "measurement frame" in self.fields else "of LPS, as ITK has them"
        return f"lattice {space}, vectors {frame}"

    def numbers(self, header_bytes: int) -> VolumeNumbers:
        """Where the vectors lie."""
        fields = self.fields
        kind, encoding = fields.get("type", ""), fields.get("encoding", "")
        if kind not in _TYPES or encoding not in _PACKINGS:
            raise FileError(
                self.path,
                f"holds {kind or 'no'} numbers, {encoding or 'not'} encoded; float and double, raw, gzip and bzip2 are "
                "read",
            )
        if fields.get("endian", "") not in ("little", "big"):
            raise FileError(self.path, "does not say its endian: little or big")
        if fields.get("line skip", "0") != "0" or fields.get("lineskip", "0") != "0":
            raise FileError(self.path, "skips lines before its numbers, which is not read")
        dtype = ("<" if fields["endian"] == "little" else ">") + _TYPES[kind]
        packing, shape = _PACKINGS[encoding], tuple(self.sizes[::-1])
        detached = fields.get("data file", fields.get("datafile"))
        place, offset = (self.path, header_bytes) if detached is None else (file_beside(self.path, detached), 0)
        skip = fields.get("byte skip", fields.get("byteskip", "0"))
        if not re.fullmatch(r"-1|\d{1,15}", skip):
            raise FileError(self.path, f"has a byte skip {skip[:30]!r}")
        if skip == "-1":
            if packing != "raw":
                raise FileError(self.path, "skips to the last bytes of what is packed, which is not read")
            size = VolumeNumbers(place, 0, dtype, shape).size
            offset = max(place.stat().st_size - size, 0)
        elif packing == "raw":
            offset += int(skip)
        numbers = VolumeNumbers(place, offset, dtype, shape, packing, 0 if packing == "raw" else int(skip))
        numbers.check_size()
        return numbers
