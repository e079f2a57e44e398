"""Where a registration sends points, as a value: a grid between two matrices or a matrix, wherever it was found.

A file's item, a transform node and every format that is read give a :class:`Mapping`; it maps, inverts, is measured,
audited and loaded without knowing where it came from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from ..errors import DicomRegInspectorError
from ..space import LPS_TO_RAS, RAS_SIGNS, apply_matrix, as_points, to_ras
from .between_nodes import BLOCK
from .equation import Equation, distance
from .grid import Grid, grid_of_array
from .matrices import is_identity
from .measures.field import Field
from .on_grid import SamplingError, sampling_error

INVERSE_TOLERANCE_MM = 1e-4
"""Residual up to which a point of the inverse counts as found; a tenth of what the mapping itself is held to."""
MAX_THREADS = 8

MappingKind = Literal["matrix", "deformable"]


class MappingError(DicomRegInspectorError):
    """What a mapping cannot do, as the rest of a sentence about it: ``has no inverse: a matrix is singular``.

    Whoever knows the mapping's name puts it in front.
    """


@dataclass(frozen=True)
class InverseResult:
    """Points of the Registered RCS that map to given points of the Source RCS."""

    points: np.ndarray
    """(..., 3) LPS mm; NaN where no point was found."""
    residual_mm: np.ndarray
    """(...,) distance between the given point and where the found one maps; NaN where that is undefined."""
    converged: np.ndarray
    """(...,) whether the residual is within :data:`INVERSE_TOLERANCE_MM`."""


Lattice = tuple[tuple[int, int, int], np.ndarray]
"""(nx, ny, nz) nodes, and (4, 4) from (i, j, k, 1) to LPS mm."""


class PointTransform(Protocol):
    """What sends points somewhere and finds where points come from: a :class:`Mapping`, and each part of a chain."""

    @property
    def description(self) -> str:
        """It in a few words."""

    @property
    def lattice(self) -> Lattice | None:
        """Nodes to measure it at; None where it is linear."""

    def map_points(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 3) LPS mm; NaN where undefined."""

    def map_points_inverse(self, points: np.ndarray) -> InverseResult:
        """Find points (..., 3) LPS mm that map to given ones."""


@dataclass(frozen=True, eq=False)
class Mapping:
    """From the Registered to the Source RCS; points go in and come out in LPS mm.

    Deformable: ``post (pre x + D(x))`` (PS3.3 Equation C.20.3-1). With a matrix M from the source frame into the
    Registered RCS (C.20.2) instead: ``M⁻¹ x``.
    """

    pre: np.ndarray = field(default_factory=lambda: np.eye(4))
    """(4, 4) affine, before the vector is added; the vector is looked up at x all the same."""
    grid: Grid | None = None
    """The deformation grid; without one D is zero."""
    post: np.ndarray = field(default_factory=lambda: np.eye(4))
    """(4, 4) affine, after the vector was added."""
    matrix: np.ndarray | None = None
    """(4, 4) from source to registered; None for a deformable mapping."""
    exact: PointTransform | None = None
    """What maps points where a grid between matrices cannot say it: a B-spline, several fields in a row. Pre and post
    are the identity then, and the grid holds its displacements at nodes: that is measured, audited, drawn and written.
    In LPS mm."""
    ras: bool = False
    """Whether grid and matrices are in RAS mm throughout, as a scene has them; what is mapped is LPS all the same."""

    @property
    def kind(self) -> MappingKind:
        """``matrix`` or ``deformable``."""
        return "deformable" if self.matrix is None else "matrix"

    @property
    def has_matrices(self) -> bool:
        """Whether pre or post is another matrix than the identity, see :func:`.matrices.is_identity`."""
        return not (is_identity(self.pre) and is_identity(self.post))

    @property
    def description(self) -> str:
        """The mapping in a few words: kind, grid, matrices."""
        if self.matrix is not None:
            return "matrix, source frame to registered frame"
        if self.exact is not None:
            return self.exact.description
        parts = []
        if self.grid is not None:
            nx, ny, nz = self.grid.dimensions
            parts.append(f"deformation grid {nx} × {ny} × {nz}")
        for name, matrix in (("pre", self.pre), ("post", self.post)):
            if not is_identity(matrix):
                parts.append(f"{name}-deformation matrix")
        return ", ".join(parts) or "deformable, no grid, identity"

    @property
    def affine(self) -> np.ndarray:
        """(4, 4) registered to source, of what is there besides the grid; LPS mm.

        Raises MappingError when the matrix cannot be inverted.
        """
        whole = self.post @ self.pre if self.matrix is None else _inverse_of(self.matrix)
        return to_ras(whole) if self.ras else whole

    @property
    def is_identity(self) -> bool:
        """Whether there is no grid, and no other matrix than the identity, see :func:`.matrices.is_identity`."""
        if self.grid is not None:
            return False
        matrix = self.post @ self.pre if self.matrix is None else self.matrix
        return is_identity(matrix)

    @property
    def signs(self) -> np.ndarray:
        """(3,) what turns the coordinates of grid and matrices into LPS, and back."""
        return RAS_SIGNS if self.ras else np.ones(3)

    @cached_property
    def index_to_lps(self) -> np.ndarray:
        """(4, 4) from the grid's (i, j, k, 1) to LPS mm; there is a grid."""
        own = self.grid.index_to_lps
        return LPS_TO_RAS @ own if self.ras else own

    @property
    def lattice(self) -> Lattice | None:
        """Nodes of the grid; None without one."""
        return None if self.grid is None else (self.grid.dimensions, self.index_to_lps)

    @cached_property
    def sampling_error(self) -> SamplingError | None:
        """How far the grid is, between its nodes, from where :attr:`exact` sends points; None where it is exact."""
        if self.exact is None:
            return None
        return sampling_error(self.exact.map_points, Mapping(grid=self.grid).map_points, self.grid)

    @property
    def field(self) -> Field:
        """The grid between its matrices as the measures take it, in the coordinates it lies in; there is a grid."""
        return self.grid.field(self.pre, self.post)

    def in_lps(self) -> Mapping:
        """Return the same mapping with grid and matrices in LPS mm; of one in RAS mm the vectors are copied."""
        if not self.ras:
            return self
        grid = self.grid
        if grid is not None:
            grid = grid_of_array(grid.vectors * RAS_SIGNS.astype(np.float32), self.index_to_lps)
        matrix = None if self.matrix is None else to_ras(self.matrix)
        return Mapping(to_ras(self.pre), grid, to_ras(self.post), matrix)

    def with_grid(self, vectors: np.ndarray) -> Mapping:
        """Return the mapping with other vectors, (nz, ny, nx, 3) float32 mm, on the same grid."""
        grid = replace(self.grid, place=grid_of_array(vectors, self.grid.index_to_lps).place)
        return replace(self, grid=grid, exact=None)

    def map_points(self, points: np.ndarray) -> np.ndarray:
        """Map points of the Registered RCS to the Source RCS.

        Parameters
        ----------
        points
            (..., 3) LPS mm.

        Returns
        -------
        np.ndarray
            (..., 3) float64 LPS mm; NaN outside the grid and where the vectors are undefined.

        Raises
        ------
        ValueError
            When the last axis has not three coordinates.
        MappingError
            When the matrix cannot be inverted.
        """
        array = as_points(points)
        if self.exact is not None:
            return self.exact.map_points(array)
        if self.grid is None:
            return apply_matrix(self.affine, array)
        flat = array.reshape(-1, 3)
        mapped, equation = np.empty_like(flat), self._equation

        def work(part: slice) -> None:
            mapped[part] = self._to_lps(equation.map(self._own(flat[part])))

        self._in_blocks(work, len(flat))
        return mapped.reshape(array.shape)

    def _own(self, points: np.ndarray) -> np.ndarray:
        """Points (n, 3) LPS mm as columns (3, n), in the coordinates of grid and matrices."""
        columns = np.array(points.T, order="C")
        return columns * self.signs[:, None] if self.ras else columns

    def _to_lps(self, columns: np.ndarray) -> np.ndarray:
        """:meth:`_own` undone."""
        return (columns * self.signs[:, None] if self.ras else columns).T

    @property
    def _equation(self) -> Equation:
        return Equation(self.pre, self.grid, self.post)

    def _in_blocks(self, work: Callable[[slice], None], count: int) -> None:
        """Do some work on blocks of so many points, on several threads where that pays."""
        starts = range(0, count, BLOCK)
        _ = self.grid.vectors  # Read once, before threads ask for them.

        def run(start: int) -> None:
            # Points without a place are expected; what the caller set does not reach other threads.
            with np.errstate(invalid="ignore", over="ignore"):
                work(slice(start, start + BLOCK))

        threads = min(MAX_THREADS, os.cpu_count() or 1, len(starts) // 2)
        if threads < 2:
            for start in starts:
                run(start)
            return
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(run, starts):
                pass

    def map_points_inverse(self, points: np.ndarray) -> InverseResult:
        """Map points of the Source RCS to the Registered RCS, with the residual of each.

        Parameters
        ----------
        points
            (..., 3) LPS mm.

        Returns
        -------
        InverseResult
            Points NaN where no point of the grid maps within :data:`INVERSE_TOLERANCE_MM` of the given one.

        Raises
        ------
        ValueError
            When the last axis has not three coordinates.
        MappingError
            When a matrix cannot be inverted.
        """
        array = as_points(points)
        if self.exact is not None:
            return self.exact.map_points_inverse(array)
        flat = array.reshape(-1, 3)
        found, residual = np.empty_like(flat), np.empty(len(flat))

        def work(part: slice) -> None:
            there, residual[part] = equation.search(self._own(flat[part]), *back)
            found[part] = self._to_lps(there)

        if self.grid is None:
            back = _inverse_of(self.affine) if self.matrix is None else self.matrix
            found = apply_matrix(to_ras(back) if self.ras and self.matrix is not None else back, flat)
            return inverse_result(found, self.map_points(found), array)
        equation, back = self._equation, (_inverse_of(self.pre), _inverse_of(self.post), INVERSE_TOLERANCE_MM)
        self._in_blocks(work, len(flat))
        if self.grid.outside == "stays":
            self._try_outside(found, residual, flat)
        return inverse_result(found, residual, array)

    def _try_outside(self, found: np.ndarray, residual: np.ndarray, points: np.ndarray) -> None:
        """What was not found in the grid may come from outside, where the matrices act alone."""
        with np.errstate(invalid="ignore"):
            lost = np.flatnonzero(~(residual <= INVERSE_TOLERANCE_MM))
        if not len(lost):
            return
        found[lost] = apply_matrix(_inverse_of(self.affine), points[lost])
        residual[lost] = distance(self._equation.map(self._own(found[lost])), self._own(points[lost]))


def inverse_result(found: np.ndarray, told: np.ndarray, points: np.ndarray) -> InverseResult:
    """Return what was found as a result: NaN beyond :data:`INVERSE_TOLERANCE_MM`.

    Parameters
    ----------
    found
        (n, 3) LPS mm; set to NaN in place.
    told
        (n, 3) where these map, or (n,) how far from the given points that is, mm.
    points
        (..., 3) the given points.
    """
    with np.errstate(invalid="ignore"):
        residual = np.linalg.norm(told - points.reshape(-1, 3), axis=1) if told.ndim == 2 else told
        converged = residual <= INVERSE_TOLERANCE_MM
    found[~converged] = np.nan
    whole = points.shape[:-1]
    return InverseResult(found.reshape(points.shape), residual.reshape(whole), converged.reshape(whole))


def affine_mapping(matrix: np.ndarray) -> Mapping:
    """Return the mapping of a (4, 4) from registered to source, LPS mm: a matrix mapping where that has an inverse."""
    try:
        return Mapping(matrix=np.linalg.inv(matrix))
    except np.linalg.LinAlgError:
        return Mapping(pre=matrix)


def in_order(matrices: Sequence[np.ndarray]) -> np.ndarray:
    """Return ``M_n ··· M_2 · M_1`` of matrices (4, 4), the first of which acts first (PS3.3 Equation C.20.2-2)."""
    product = np.eye(4)
    for matrix in matrices:
        product = matrix @ product
    return product


def _inverse_of(matrix: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError as error:
        raise MappingError("has no inverse: a matrix is singular") from error
