"""What the numbers of ITK's transforms mean, whichever file they stand in: matrices, B-splines, displacement fields.

ITK maps points of the image that is resampled onto (registered) to those of the image that is sampled (source), LPS mm.
Formulas are those of ITK's classes (Modules/Core/Transform); tests compare with SimpleITK.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike

import numpy as np

from ....errors import FileError
from ....limits import COORDINATES
from ...bspline import BSpline, itk_region
from ...composite import Inverse, Sum
from ...conventions import Conventions
from ...grid import Grid
from ...mapping import Mapping, PointTransform, affine_mapping
from ...matrices import is_singular
from ...vectors import LatePlace
from .write_itk import DISPLACEMENT_FIELD

CONVENTIONS = Conventions(
    direction="registered to source, as ITK resamples",
    coordinates="LPS",
    unit="mm",
    outside="a matrix acts everywhere; outside of a B-spline's region points stay where they are; a field goes on with "
    "its border's vector for half a voxel, then points stay where they are",
)
"""Of all files of ITK's transforms."""

_NAME = re.compile(r"([A-Za-z0-9]+?)_(?:double|float)_(\d+)_(\d+)(?:_(\d+))?")
_FIELDS = (
    DISPLACEMENT_FIELD,
    "GaussianSmoothingOnUpdateDisplacementFieldTransform",
    "BSplineSmoothingOnUpdateDisplacementFieldTransform",
)
_SPLINES = ("BSplineTransform", "BSplineDeformableTransform")
COMPOSITE = "CompositeTransform"
MOST_MM = COORDINATES.value
_INVERSE = "Inverse"


@dataclass(frozen=True)
class StoredTransform:
    """A transform as a file holds it."""

    name: str
    """With the type of its numbers and its dimensions: ``AffineTransform_double_3_3``."""
    fixed: np.ndarray
    """Fixed parameters, float64."""
    count: int
    """How many parameters."""
    parameters: Callable[[], np.ndarray]
    """Reads them, float32 or float64 (n,); may raise FileError."""

    @property
    def kind(self) -> str:
        """The class, without types and dimensions."""
        return self.name.split("_", 1)[0]


def part_of(path: str | PathLike[str], stored: StoredTransform) -> PointTransform:
    """Return what a stored transform does to points, LPS mm.

    Raises FileError when it is of a kind that is not read, or its numbers are not those of its kind.
    """
    found = _NAME.fullmatch(stored.name)
    if found is None:
        raise FileError(path, f"names a transform {stored.name[:60]!r}, which is no class of ITK with its dimensions")
    kind, dimensions = found.group(1), found.group(2, 3)
    if dimensions != ("3", "3"):
        raise FileError(path, f"holds {kind} in {' to '.join(dimensions)} dimensions; 3 are needed")
    if kind.startswith(_INVERSE):
        # Slicer's own classes, which ITK does not know: the numbers are those of what is turned around.
        return Inverse(_part(path, kind.removeprefix(_INVERSE), stored, found.group(4)))
    return _part(path, kind, stored, found.group(4))


def _part(path: str | PathLike[str], kind: str, stored: StoredTransform, order: str | None) -> PointTransform:
    if kind in _FIELDS:
        return _field(path, stored)
    if kind in _SPLINES:
        return _spline(path, stored, int(order or 3))
    if kind not in _LINEAR:
        known = ", ".join(sorted((*_LINEAR, *_SPLINES, DISPLACEMENT_FIELD)))
        raise FileError(path, f"holds {kind}, which is not read; those that are: {known}")
    count, least_fixed, matrix_of = _LINEAR[kind]
    if stored.count != count or len(stored.fixed) < least_fixed:
        raise FileError(
            path,
            f"holds {kind} with {stored.count} parameters and {len(stored.fixed)} fixed ones; expected {count} and "
            f"{least_fixed}",
        )
    numbers = stored.parameters().astype(float)
    if not (np.isfinite(numbers).all() and np.isfinite(stored.fixed).all()):
        raise FileError(path, f"holds {kind} with numbers that are not finite")
    with np.errstate(over="ignore", invalid="ignore"):
        matrix = matrix_of(numbers, stored.fixed)
    return matrix_part(path, matrix)


def matrix_part(path: str | PathLike[str], matrix: np.ndarray) -> Mapping:
    """Return the mapping of a (4, 4) from registered to source, LPS mm.

    Raises FileError when it sends points out of all range.
    """
    if not np.isfinite(matrix).all() or np.abs(matrix).max() > MOST_MM:
        raise FileError(path, COORDINATES.sentence)
    return affine_mapping(matrix)


def lattice_of(path: str | PathLike[str], fixed: np.ndarray, what: str) -> tuple[tuple[int, int, int], np.ndarray]:
    """Return (nx, ny, nz), and (4, 4) from (i, j, k, 1) to LPS mm, of ITK's 18 fixed parameters.

    Raises FileError when they are no lattice.

    Parameters
    ----------
    fixed
        Size, origin, spacing, and the directions row by row; nine are taken for a lattice along the axes.
    what
        What the lattice is of, in words.
    """
    if len(fixed) not in (9, 18):
        raise FileError(path, f"holds {what} with {len(fixed)} fixed parameters; 18 are needed")
    directions = np.eye(3) if len(fixed) == 9 else fixed[9:].reshape(3, 3)
    return checked_lattice(path, fixed[:3], fixed[3:6], fixed[6:9], directions, what)


def checked_lattice(
    path: str | PathLike[str],
    size: Sequence[float] | np.ndarray,
    origin: Sequence[float] | np.ndarray,
    spacing: Sequence[float] | np.ndarray,
    directions: np.ndarray,
    what: str,
) -> tuple[tuple[int, int, int], np.ndarray]:
    """Return (nx, ny, nz), and (4, 4) from (i, j, k, 1) to LPS mm.

    Raises FileError when sizes are no counts, or distances and directions (3, 3), columns, span no space.
    """
    counts, steps = np.asarray(size, float), np.asarray(spacing, float)
    if counts.shape != (3,) or not all(float(n).is_integer() and 1 <= n < 1 << 31 for n in counts.tolist()):
        raise FileError(path, f"holds {what} of {' × '.join(f'{n:g}' for n in counts.tolist())} nodes")
    matrix = np.eye(4)
    with np.errstate(over="ignore", invalid="ignore"):
        matrix[:3, :3], matrix[:3, 3] = directions * steps, np.asarray(origin, float)
    if not np.isfinite(matrix).all() or not (steps > 0).all() or np.abs(matrix).max() > MOST_MM or is_singular(matrix):
        raise FileError(path, f"holds {what} whose origin, spacing and directions span no space")
    nx, ny, nz = (int(n) for n in counts)
    return (nx, ny, nz), matrix


def _field(path: str | PathLike[str], stored: StoredTransform) -> Mapping:
    what = "a displacement field"
    (nx, ny, nz), matrix = lattice_of(path, stored.fixed, what)
    if stored.count != 3 * nx * ny * nz:
        raise FileError(
            path, f"holds {what} of {nx} × {ny} × {nz} nodes with {stored.count} numbers; expected {3 * nx * ny * nz}"
        )

    def vectors() -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.ascontiguousarray(stored.parameters().reshape(nz, ny, nx, 3), np.float32)

    return Mapping(grid=late_grid((nx, ny, nz), matrix, vectors))


def late_grid(dimensions: tuple[int, int, int], index_to_lps: np.ndarray, vectors: Callable[[], np.ndarray]) -> Grid:
    """Return a grid whose vectors are read when they are asked for, outside of which points stay as ITK has it."""
    spacing = np.linalg.norm(index_to_lps[:3, :3], axis=0)
    place = LatePlace(vectors, math.prod(dimensions))
    return Grid(dimensions, spacing, index_to_lps[:3, 3], index_to_lps[:3, :3] / spacing, place, "stays")


def _spline(path: str | PathLike[str], stored: StoredTransform, order: int) -> BSpline:
    what = f"a B-spline of order {order}"
    if order > 3:
        raise FileError(path, f"holds {what}; orders up to 3 are read")
    size, matrix = lattice_of(path, stored.fixed, what)
    return spline_of(path, order, size, matrix, stored.count, stored.parameters)


def spline_of(
    path: str | PathLike[str],
    order: int,
    size: tuple[int, int, int],
    index_to_lps: np.ndarray,
    count: int,
    parameters: Callable[[], np.ndarray],
) -> BSpline:
    """Return a B-spline of all x components of its controls, then all y, then all z, with ITK's region.

    Raises FileError when the numbers are not as many as the controls need, or not finite.
    """
    nx, ny, nz = size
    what = f"a B-spline of order {order} with {nx} × {ny} × {nz} control points"
    if min(size) < order + 1:
        raise FileError(path, f"holds {what}; {order + 1} along each axis are needed")
    if count != 3 * nx * ny * nz:
        raise FileError(path, f"holds {what} and {count} numbers; expected {3 * nx * ny * nz}")
    numbers = parameters().astype(float)
    if not np.isfinite(numbers).all() or np.abs(numbers).max() > MOST_MM:
        raise FileError(path, f"holds {what}, some of them not finite or out of all range")
    controls = np.ascontiguousarray(np.moveaxis(numbers.reshape(3, nz, ny, nx), 0, -1))
    return BSpline(order, controls, index_to_lps, itk_region(order, np.array(size)))


def about(linear: np.ndarray, translation: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return (4, 4) of ``linear (x - centre) + centre + translation``."""
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = translation + centre - linear @ centre
    return matrix


def _turn(axis: int, angle: float) -> np.ndarray:
    """(3, 3) right-handed turn about x, y or z by radians."""
    cosine, sine = math.cos(angle), math.sin(angle)
    first, second = [other for other in range(3) if other != axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cosine
    sign = -1 if axis == 1 else 1
    matrix[first, second], matrix[second, first] = -sign * sine, sign * sine
    return matrix


def euler(angles: np.ndarray, zyx: bool) -> np.ndarray:
    """Return (3, 3) of turns about x, y and z by radians (3,): ``Rz Rx Ry``, or ``Rz Ry Rx``."""
    x, y, z = (_turn(axis, float(angle)) for axis, angle in enumerate(angles))
    return z @ y @ x if zyx else z @ x @ y


def quaternion(x: float, y: float, z: float, w: float) -> np.ndarray:
    """Return (3, 3) of a quaternion, brought to unit length."""
    x, y, z, w = np.array([x, y, z, w]) / (math.sqrt(x * x + y * y + z * z + w * w) or 1.0)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def versor(vector: np.ndarray) -> np.ndarray:
    """Return (3, 3) of the imaginary part (3,) of a unit quaternion whose real part is not negative."""
    length = min(float(vector @ vector), 1.0)
    x, y, z = vector.tolist()
    return quaternion(x, y, z, math.sqrt(1 - length))


def _scale_skew(p: np.ndarray, c: np.ndarray) -> np.ndarray:
    linear = versor(p[:3]) + np.diag(p[6:9] - 1)
    linear[[0, 0, 1, 1, 2, 2], [1, 2, 0, 2, 0, 1]] += p[9:15]
    return about(linear, p[3:6], c[:3])


def _compose_scale_skew(p: np.ndarray, c: np.ndarray) -> np.ndarray:
    skew = np.eye(3)
    skew[[0, 0, 1], [1, 2, 2]] = p[9:12]
    return about(versor(p[:3]) @ np.diag(p[6:9]) @ skew, p[3:6], c[:3])


def _zyx(fixed: np.ndarray) -> bool:
    return len(fixed) > 3 and fixed[3] != 0


def _affine(p: np.ndarray, c: np.ndarray) -> np.ndarray:
    return about(p[:9].reshape(3, 3), p[9:], c[:3])


_NOWHERE = np.zeros(3)
_LINEAR: dict[str, tuple[int, int, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "IdentityTransform": (0, 0, lambda p, c: np.eye(4)),
    "TranslationTransform": (3, 0, lambda p, c: about(np.eye(3), p, _NOWHERE)),
    "AffineTransform": (12, 3, _affine),
    "MatrixOffsetTransformBase": (12, 3, _affine),
    "Rigid3DTransform": (12, 3, _affine),
    "ScalableAffineTransform": (12, 3, _affine),
    "FixedCenterOfRotationAffineTransform": (12, 3, _affine),
    "CenteredAffineTransform": (15, 0, lambda p, c: about(p[:9].reshape(3, 3), p[12:], p[9:12])),
    "Euler3DTransform": (6, 3, lambda p, c: about(euler(p[:3], _zyx(c)), p[3:], c[:3])),
    "CenteredEuler3DTransform": (9, 0, lambda p, c: about(euler(p[:3], _zyx(c)), p[6:], p[3:6])),
    "QuaternionRigidTransform": (7, 3, lambda p, c: about(quaternion(p[0], p[1], p[2], p[3]), p[4:], c[:3])),
    "VersorTransform": (3, 3, lambda p, c: about(versor(p), _NOWHERE, c[:3])),
    "VersorRigid3DTransform": (6, 3, lambda p, c: about(versor(p[:3]), p[3:], c[:3])),
    "Similarity3DTransform": (7, 3, lambda p, c: about(p[6] * versor(p[:3]), p[3:6], c[:3])),
    "ScaleVersor3DTransform": (9, 3, lambda p, c: about(versor(p[:3]) + np.diag(p[6:] - 1), p[3:6], c[:3])),
    "ScaleSkewVersor3DTransform": (15, 3, _scale_skew),
    "ComposeScaleSkewVersor3DTransform": (12, 3, _compose_scale_skew),
    "ScaleTransform": (3, 3, lambda p, c: about(np.diag(p), _NOWHERE, c[:3])),
    "ScaleLogarithmicTransform": (3, 3, lambda p, c: about(np.diag(np.exp(p)), _NOWHERE, c[:3])),
}
"""Of each linear kind: how many parameters and at least how many fixed ones, and its (4, 4) of both."""


def in_file_order(path: str | PathLike[str], transforms: Sequence[StoredTransform]) -> list[PointTransform]:
    """Return what a file's transforms do to points, the one first that acts first.

    A composite comes first in the file, and of its members the last acts first. A B-spline of ITK 3 may be followed by
    the matrix that it is added to.

    Raises FileError when there is none, or several that nothing puts in order.
    """
    if not transforms:
        raise FileError(path, "holds no transform")
    if transforms[0].kind == COMPOSITE:
        if len(transforms) == 1:
            lost = "without its members, which ITK's .mat files lose" if transforms[0].count else "of nothing"
            raise FileError(path, f"holds a {COMPOSITE} {lost}")
        return [part_of(path, stored) for stored in reversed(transforms[1:])]
    kinds = [stored.kind for stored in transforms]
    if len(kinds) == 2 and kinds[0].removeprefix(_INVERSE) == "BSplineDeformableTransform":
        spline, bulk = (part_of(path, stored) for stored in transforms)
        return [Inverse(Sum((spline.of, bulk))) if isinstance(spline, Inverse) else Sum((spline, bulk))]
    if len(kinds) > 1:
        raise FileError(path, f"holds {len(kinds)} transforms ({', '.join(kinds[:4])}) and no {COMPOSITE} of them")
    return [part_of(path, transforms[0])]
