"""Several transforms in a row, turned around or added: exact where points are mapped, on a grid where one is needed.

What is linear collapses into one matrix, and a field between matrices is a :class:`.mapping.Mapping` as it is. All else
(B-splines, several fields, inverses) stays a chain that is evaluated exactly, and gets a grid of its displacements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..space import LPS_TO_RAS, RAS_SIGNS, as_points
from .grid import Grid
from .mapping import (
    InverseResult,
    Lattice,
    Mapping,
    MappingError,
    PointTransform,
    affine_mapping,
    in_order,
    inverse_result,
)
from .matrices import is_singular
from .on_grid import sampled_grid
from .vectors import LatePlace

_NEWTON_STEPS = 20
_SEARCH_TOLERANCE_MM = 1e-9
_DIFFERENCE_MM = 1e-4
"""Step of the difference quotients: small against any lattice, large against rounding."""


@dataclass(frozen=True, eq=False)
class Chain:
    """Transforms in a row; the first acts first."""

    parts: tuple[PointTransform, ...]

    @property
    def description(self) -> str:
        """What they are, in order."""
        return ", then ".join(part_in_words(part) for part in self.parts)

    @property
    def lattice(self) -> Lattice | None:
        """That of the first part that has one, brought to where the chain begins by the matrices before it."""
        before = np.eye(4)
        for part in self.parts:
            if part.lattice is not None:
                dimensions, index_to_lps = part.lattice
                return dimensions, np.linalg.inv(before) @ index_to_lps
            matrix = _matrix_of(part)
            before = before if matrix is None else matrix @ before
        return None

    def map_points(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 3) LPS mm through all of them."""
        points = as_points(points)
        for part in self.parts:
            points = part.map_points(points)
        return points

    def map_points_inverse(self, points: np.ndarray) -> InverseResult:
        """Find points (..., 3) that map to given ones, part by part from the last."""
        given = as_points(points)
        found = given
        for part in reversed(self.parts):
            found = part.map_points_inverse(found).points
        return _checked(found, self, given)


@dataclass(frozen=True, eq=False)
class Inverse:
    """A transform turned around: points go to where it brings them from."""

    of: PointTransform

    @property
    def description(self) -> str:
        """What is turned around."""
        return f"the inverse of {part_in_words(self.of)}"

    @property
    def lattice(self) -> Lattice | None:
        """That of what is turned around."""
        return self.of.lattice

    def map_points(self, points: np.ndarray) -> np.ndarray:
        """Find where points (..., 3) come from; NaN where the search finds nothing."""
        return self.of.map_points_inverse(as_points(points)).points

    def map_points_inverse(self, points: np.ndarray) -> InverseResult:
        """Map points (..., 3); residuals are of the search that leads back."""
        given = as_points(points)
        return _checked(self.of.map_points(given), self, given)


@dataclass(frozen=True, eq=False)
class Sum:
    """Transforms side by side whose displacements are added (elastix' ``Add``)."""

    parts: tuple[PointTransform, ...]

    @property
    def description(self) -> str:
        """What is added."""
        return "the sum of " + " and ".join(part_in_words(part) for part in self.parts)

    @property
    def lattice(self) -> Lattice | None:
        """That of the last part that has one: the finest, where one is added to what was there."""
        return next((part.lattice for part in reversed(self.parts) if part.lattice is not None), None)

    def map_points(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 3) LPS mm."""
        points = as_points(points)
        return points + sum(part.map_points(points) - points for part in self.parts)

    def map_points_inverse(self, points: np.ndarray) -> InverseResult:
        """Find points (..., 3) that map to given ones, by Newton's method."""
        return solve(self.map_points, as_points(points))


def _checked(found: np.ndarray, transform: PointTransform, given: np.ndarray) -> InverseResult:
    flat = np.array(found.reshape(-1, 3))
    return inverse_result(flat, transform.map_points(flat), given)


def solve(map_points: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> InverseResult:
    """Find points that a function maps to given ones, by damped Newton steps with difference quotients.

    Parameters
    ----------
    map_points
        Of points (n, 3) LPS mm.
    points
        (..., 3) LPS mm, where the search begins too.
    """
    target = points.reshape(-1, 3)
    found = target.copy()
    active = np.flatnonzero(np.isfinite(target).all(axis=1))
    with np.errstate(invalid="ignore"):
        for _ in range(_NEWTON_STEPS):
            here = found[active]
            residual = map_points(here) - target[active]
            size = np.linalg.norm(residual, axis=1)
            going = size > _SEARCH_TOLERANCE_MM
            active, here, residual, size = active[going], here[going], residual[going], size[going]
            if not len(active):
                break
            step = _newton_step(map_points, here, residual + target[active], residual)
            scale = np.ones(len(active))
            for _ in range(6):
                left = np.linalg.norm(map_points(here - scale[:, None] * step) - target[active], axis=1)
                worse = ~(left < size)
                if not worse.any():
                    break
                scale[worse] /= 2
            # Where no part of the step leads nearer, nothing will.
            nearer = ~worse
            active = active[nearer]
            found[active] = (here - scale[:, None] * step)[nearer]
            if not len(active):
                break
    return inverse_result(found, map_points(found), points)


def _newton_step(
    map_points: Callable[[np.ndarray], np.ndarray], here: np.ndarray, mapped: np.ndarray, residual: np.ndarray
) -> np.ndarray:
    columns = [(map_points(here + _DIFFERENCE_MM * axis) - mapped) / _DIFFERENCE_MM for axis in np.eye(3)]
    jacobian = np.stack(columns, axis=-1)
    solvable = np.isfinite(jacobian).all(axis=(1, 2))
    jacobian[~solvable] = np.eye(3)
    solvable &= np.abs(np.linalg.det(jacobian)) > 1e-9
    jacobian[~solvable] = np.eye(3)
    return np.linalg.solve(jacobian, residual[:, :, None])[:, :, 0]


def part_in_words(part: PointTransform) -> str:
    """Return a part of a chain in words: a matrix is no more than that here."""
    return part.description if _matrix_of(part) is None else "a matrix"


def flat_parts(parts: Sequence[PointTransform]) -> Iterator[PointTransform]:
    """Yield the parts of a chain, those of chains in it among them."""
    for part in parts:
        inner = part.exact if isinstance(part, Mapping) else part
        if isinstance(inner, Chain):
            yield from flat_parts(inner.parts)
        else:
            yield part if inner is None else inner


def in_a_row(parts: Sequence[PointTransform]) -> Mapping:
    """Return the mapping of transforms in LPS mm, the first of which acts first.

    Matrices are multiplied; a single field between matrices becomes a grid, exactly; everything else is kept as a chain
    and gets a grid of its displacements, on the lattice of its first part that has one.

    Raises
    ------
    MappingError
        When a matrix before the first curved part is singular: that part then has no place in the registered frame.
    """
    merged = _merged(list(flat_parts(parts)))
    matrices = [_matrix_of(part) for part in merged]
    curved = [number for number, matrix in enumerate(matrices) if matrix is None]
    if not curved:
        return affine_mapping(in_order([matrix for matrix in matrices if matrix is not None]))
    before = in_order([matrix for matrix in matrices[: curved[0]] if matrix is not None])
    if is_singular(before):
        raise MappingError("has a singular matrix before its deformation, which then lies nowhere")
    field = merged[curved[0]]
    if len(curved) == 1 and isinstance(field, Mapping):
        return _between(before, field, in_order([matrix for matrix in matrices[curved[0] + 1 :] if matrix is not None]))
    exact = merged[0] if len(merged) == 1 else Chain(tuple(merged))
    if exact.lattice is None:
        raise MappingError(f"has no lattice to be measured on: it is {exact.description}")
    return Mapping(grid=sampled_grid(exact.map_points, *exact.lattice), exact=exact)


def inverse_of(mapping: PointTransform) -> Mapping:
    """Return a transform turned around: of matrices the inverse matrix, of all else a search, on the same lattice.

    Raises MappingError when a matrix alone has no inverse.
    """
    if isinstance(mapping, Mapping) and mapping.grid is None:
        if is_singular(mapping.affine):
            raise MappingError("has no inverse: a matrix is singular")
        return affine_mapping(np.linalg.inv(mapping.affine))
    inner = mapping.exact if isinstance(mapping, Mapping) and mapping.exact is not None else mapping
    return in_a_row([inner.of if isinstance(inner, Inverse) else Inverse(inner)])


def turned_to_lps(mapping: Mapping, vectors_alone: bool = False) -> Mapping:
    """Return a mapping whose numbers were taken for LPS and are RAS.

    Parameters
    ----------
    vectors_alone
        Turn the vectors only: the lattice is in LPS. Else all coordinates are in RAS.
    """
    grid = mapping.grid
    if vectors_alone and grid is not None:
        signs = RAS_SIGNS.astype(np.float32)
        return replace(mapping, grid=replace(grid, place=LatePlace(lambda: grid.vectors * signs, grid.place.count)))
    turn = affine_mapping(LPS_TO_RAS)
    return in_a_row([turn, mapping, turn])


def _matrix_of(part: PointTransform) -> np.ndarray | None:
    """(4, 4) of a part that is linear."""
    if isinstance(part, Sum):
        added = [matrix - np.eye(4) for each in part.parts if (matrix := _matrix_of(each)) is not None]
        return np.eye(4) + np.sum(added, axis=0) if len(added) == len(part.parts) else None
    return part.affine if isinstance(part, Mapping) and part.grid is None else None


def _merged(parts: list[PointTransform]) -> list[PointTransform]:
    """With neighbouring matrices multiplied, and those that do nothing left out."""
    merged: list[PointTransform] = []
    for part in parts:
        matrix, last = _matrix_of(part), _matrix_of(merged[-1]) if merged else None
        if matrix is not None and last is not None:
            merged[-1] = affine_mapping(matrix @ last)
        else:
            merged.append(part)
    return [part for part in merged if not np.array_equal(_matrix_of(part), np.eye(4))]


def _between(before: np.ndarray, field: Mapping, after: np.ndarray) -> Mapping:
    """``after (post (pre B x + D(B x)))``: the same vectors, on the lattice that B brings to their own."""
    grid = field.grid
    if grid is not None and not np.array_equal(before, np.eye(4)):
        grid = moved_grid(grid, np.linalg.inv(before) @ grid.index_to_lps)
    return replace(field, pre=field.pre @ before, grid=grid, post=after @ field.post)


def moved_grid(grid: Grid, index_to_lps: np.ndarray) -> Grid:
    """Return the same vectors on another lattice of as many nodes, (4, 4) from (i, j, k, 1) to LPS mm."""
    spacing = np.linalg.norm(index_to_lps[:3, :3], axis=0)
    return replace(
        grid, spacing_mm=spacing, origin_lps_mm=index_to_lps[:3, 3], directions=index_to_lps[:3, :3] / spacing
    )
