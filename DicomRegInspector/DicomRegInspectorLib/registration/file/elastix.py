"""Read elastix' transform parameters (``TransformParameters.0.txt``), with the initial transforms that they name.

A point of the fixed image goes through the initial transform first, then through this one (``Compose``), or both
displacements are added (``Add``); parameters as the elastix manual (5.2, chapter 2 and 6) has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...dicom.source import read_regular_file
from ...errors import FileError
from ...limits import ELASTIX_TEXT, INITIAL_TRANSFORMS
from ..composite import Sum, in_a_row
from ..conventions import Conventions
from ..mapping import MappingError, PointTransform
from ..model import Registration
from .fields import metaimage, nifti, nrrd
from .fields.beside import file_beside, require_said_once
from .itk.numbers import about, checked_lattice, euler, matrix_part, spline_of, versor
from .itk.text import numbers_in
from .one_mapping import one_mapping

FORMAT = "elastix transform parameters"
ENDINGS = (".txt",)
CONVENTIONS = Conventions(
    direction="registered (fixed) to source (moving), as transformix maps points",
    coordinates="LPS",
    unit="mm",
    outside="a matrix acts everywhere; outside of a B-spline's region, and from half a voxel outside of a field on, "
    "points stay where they are",
)
_NONE = "NoInitialTransform"
_OTHER_NAMES = {"InitialTransformParametersFileName": "InitialTransformParameterFileName"}
_LONGEST_CHAIN, _MOST_BYTES = INITIAL_TRANSFORMS.value, ELASTIX_TEXT.value
_SPLINES = ("BSplineTransform", "RecursiveBSplineTransform")
_FIELD = "DeformationFieldTransform"
_ENTRY = re.compile(rb"\(\s*(\w+)((?:\s+(?:\"[^\"]*\"|[^\s()\"]+))*)\s*\)")


def recognises(head: bytes, path: Path) -> bool:
    """Tell whether a text names a transform and the number of its parameters, as elastix writes them."""
    return b"\0" not in head and bool(
        re.search(rb'^\(Transform\s+"\w+"\)', head, re.M) and re.search(rb"^\(NumberOfParameters\s+\d+\)", head, re.M)
    )


def read(path: Path) -> Registration:
    """Read a transform and the initial ones that it begins with.

    Raises FileError when one of them cannot be read or used.
    """
    return one_mapping(path, FORMAT, [_with_initial(path, ())], CONVENTIONS)


def _with_initial(path: Path, before: tuple[Path, ...]) -> PointTransform:
    if path.resolve() in before or len(before) >= _LONGEST_CHAIN:
        raise FileError(path, INITIAL_TRANSFORMS.sentence)
    entries = _Entries(path)
    own = _part(entries)
    initial = entries.text("InitialTransformParameterFileName", default=_NONE)
    if initial == _NONE:
        return own
    first = _with_initial(file_beside(path, initial), (*before, path.resolve()))
    combined = entries.text("HowToCombineTransforms", default="")
    if combined == "Add":
        return Sum((first, own))
    if combined != "Compose":
        raise FileError(path, f"has HowToCombineTransforms {combined!r}; expected Compose or Add")
    try:
        return in_a_row([first, own])
    except MappingError as error:
        raise FileError(path, str(error)) from error


class _Entries:
    """What a file says, by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise FileError(path, ELASTIX_TEXT.sentence)
        except OSError as error:
            raise FileError(path, f"cannot be read ({error.strerror or error})") from error
        data = read_regular_file(path)
        lines = (line.split(b"//", 1)[0].strip() for line in data.splitlines())
        entries: list[tuple[str, bytes]] = []
        for line in filter(None, lines):
            entry = _ENTRY.fullmatch(line) if len(line) < 1 << 12 else None
            if entry is not None:
                entries.append((entry.group(1).decode("ascii", "replace"), entry.group(2).strip()))
            elif line.startswith(b"(") and line.endswith(b")"):
                name, _, value = line[1:-1].partition(b" ")
                entries.append((name.decode("ascii", "replace"), value.strip()))
            else:
                told = line[:40].decode("utf-8", "replace")
                raise FileError(path, f"has a line that is no entry in parentheses: {told!r}")
        # elastix itself refuses an entry that is there twice.
        require_said_once(path, ((_OTHER_NAMES.get(name, name), value.decode("latin-1")) for name, value in entries))
        self._found = {_OTHER_NAMES.get(name, name): value for name, value in entries}
        if "Transform" not in self._found:
            raise FileError(path, "names no Transform; expected elastix' transform parameters")

    def has(self, name: str) -> bool:
        """Tell whether there is an entry."""
        return name in self._found

    def text(self, name: str, default: str | None = None) -> str:
        """Return the text of an entry."""
        if name in self._found:
            return self._found[name].decode("utf-8", "replace").strip('"')
        if default is None:
            raise FileError(self.path, f"has no {name}")
        return default

    def numbers(self, name: str, count: int | None = None, default: str | None = None) -> np.ndarray:
        """Return the numbers (n,) of an entry, finite, as many as there must be."""
        values = numbers_in(self.path, self.text(name, default=default), name)
        if count is not None and len(values) != count:
            raise FileError(self.path, f"has {len(values)} numbers in {name}; expected {count}")
        if not np.isfinite(values).all():
            raise FileError(self.path, f"has numbers in {name} that are not finite")
        return values

    def is_true(self, name: str, default: str) -> bool:
        """Tell whether an entry says true."""
        value = self.text(name, default=default)
        if value not in ("true", "false"):
            raise FileError(self.path, f"has {name} {value!r}; expected true or false")
        return value == "true"


def _part(entries: _Entries) -> PointTransform:
    path, kind = entries.path, entries.text("Transform")
    for side in ("FixedImageDimension", "MovingImageDimension"):
        if entries.numbers(side, 1, "3")[0] != 3:
            raise FileError(path, f"has {side} {entries.text(side)}; 3 are read")
    _require_directions(entries)
    if kind == _FIELD:
        return _field(entries)
    if entries.is_true("UseBinaryFormatForTransformationParameters", "false"):
        raise FileError(path, "keeps its parameters in another, binary file; write them as text")
    count = int(entries.numbers("NumberOfParameters", 1)[0])
    parameters = entries.numbers("TransformParameters", count)
    if kind in _SPLINES:
        return _spline(entries, parameters)
    if kind not in _LINEAR:
        known = ", ".join((*_LINEAR, *_SPLINES, _FIELD))
        raise FileError(path, f"is a {kind[:60]}, which is not read; those that are: {known}")
    linear = _LINEAR[kind]
    if count != linear.count:
        raise FileError(path, f"is a {kind} with {count} parameters; expected {linear.count}")
    if linear.has_centre and not entries.has("CenterOfRotationPoint"):
        raise FileError(path, f"is a {kind} without CenterOfRotationPoint")
    centre = entries.numbers("CenterOfRotationPoint", 3) if linear.has_centre else np.zeros(3)
    with np.errstate(over="ignore", invalid="ignore"):
        matrix = linear.matrix(parameters, centre, entries.is_true("ComputeZYX", "false"))
    return matrix_part(path, matrix)


def _require_directions(entries: _Entries) -> None:
    """Without direction cosines elastix' coordinates are those of images that were turned straight."""
    if entries.is_true("UseDirectionCosines", "true"):
        return
    if not entries.has("Direction") or not np.array_equal(entries.numbers("Direction", 9), np.eye(3).ravel()):
        raise FileError(
            entries.path,
            "was made with UseDirectionCosines false: its coordinates are not those of the patient but of images "
            "without their directions; register again with true",
        )


@dataclass(frozen=True)
class _Linear:
    count: int
    has_centre: bool
    matrix: Callable[[np.ndarray, np.ndarray, bool], np.ndarray]
    """(4, 4) of parameters, centre, and whether angles turn about z, y, x."""


_LINEAR = {
    "TranslationTransform": _Linear(3, False, lambda p, c, zyx: about(np.eye(3), p, c)),
    "EulerTransform": _Linear(6, True, lambda p, c, zyx: about(euler(p[:3], zyx), p[3:], c)),
    "SimilarityTransform": _Linear(7, True, lambda p, c, zyx: about(p[6] * versor(p[:3]), p[3:6], c)),
    "AffineTransform": _Linear(12, True, lambda p, c, zyx: about(p[:9].reshape(3, 3), p[9:], c)),
}


def _spline(entries: _Entries, parameters: np.ndarray) -> PointTransform:
    path = entries.path
    order = entries.numbers("BSplineTransformSplineOrder", 1, "3")[0]
    if order not in (1, 2, 3):
        raise FileError(path, f"is a B-spline of order {order:g}; 1 to 3 are read")
    if entries.is_true("UseCyclicTransform", "false"):
        raise FileError(path, "is a cyclic B-spline, which is not read")
    size, spacing = entries.numbers("GridSize", 3), entries.numbers("GridSpacing", 3)
    origin, index = entries.numbers("GridOrigin", 3), entries.numbers("GridIndex", 3, "0 0 0")
    # One axis of the lattice after the other: rows there, columns here.
    directions = entries.numbers("GridDirection", 9, "1 0 0 0 1 0 0 0 1").reshape(3, 3).T
    dimensions, lattice = checked_lattice(path, size, origin, spacing, directions, "control points")
    lattice[:3, 3] += lattice[:3, :3] @ index
    return spline_of(path, int(order), dimensions, lattice, len(parameters), lambda: parameters)


def _field(entries: _Entries) -> PointTransform:
    path = entries.path
    if entries.numbers("DeformationFieldInterpolationOrder", 1, "0")[0] != 1:
        raise FileError(path, "interpolates its deformation field with another order than 1, which is not read")
    place = file_beside(path, entries.text("DeformationFieldFileName"))
    head = read_regular_file(place, 4096)
    reader = next((each for each in (nrrd, metaimage, nifti) if each.recognises(head, place)), None)
    if reader is None:
        raise FileError(path, f"names the deformation field {place.name}, which is no displacement field that is read")
    return reader.read(place).items[0].mapping
