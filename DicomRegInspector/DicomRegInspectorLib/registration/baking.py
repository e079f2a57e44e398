"""A deformable mapping as one field: what its matrices do is worked into the vectors, slab by slab."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..space import apply_matrix
from .grid import Grid
from .mapping import Mapping
from .matrices import is_singular

_VECTORS_AT_ONCE = 1 << 14
"""Of a slab: in double precision, with their indices, they take a dozen times as much memory."""


class Baking:
    """Vectors ``D`` turned into ``post (pre x + D) - x`` in double precision; a mapping in LPS.

    Exact between the nodes too: an affine map of the position is what trilinear interpolation reproduces.
    """

    def __init__(self, mapping: Mapping) -> None:
        affine, grid = mapping.affine - np.eye(4), mapping.grid
        self._dimensions = grid.dimensions
        self._from_index = affine[:3, :3] @ grid.index_to_lps[:3, :3]
        self._offset = apply_matrix(affine, grid.origin_lps_mm)
        self._turn = mapping.post[:3, :3]

    def __call__(self, slab: np.ndarray, first: int) -> None:
        """Change a slab, float32 (n, 3), in place; ``first`` is the number of its first vector."""
        nx, ny, _ = self._dimensions
        for start in range(0, len(slab), _VECTORS_AT_ONCE):
            part = slab[start : start + _VECTORS_AT_ONCE]
            flat = np.arange(first + start, first + start + len(part))
            index = np.stack([flat % nx, flat // nx % ny, flat // (nx * ny)], axis=1)
            part[:] = part.astype(np.float64) @ self._turn.T + index @ self._from_index.T + self._offset


class FieldVectors:
    """The displacements of a deformable mapping in LPS mm, matrices included, without ever holding all of them.

    Parameters
    ----------
    mapping
        In LPS mm, with a grid.
    undefined_as
        What stands for a vector that is undefined or infinite, in all its components.
    """

    def __init__(self, mapping: Mapping, undefined_as: float = np.nan) -> None:
        self.grid: Grid = mapping.grid
        self.undefined = 0
        """How many vectors were undefined or infinite when they were gone through last."""
        self._baking = None if _is_nothing(mapping.pre) and _is_nothing(mapping.post) else Baking(mapping)
        self._undefined_as = undefined_as

    def __iter__(self) -> Iterator[np.ndarray]:
        """All vectors in order, x fastest, as float32 (n, 3); each time from the beginning."""
        self.undefined = 0
        for first, slab in self.grid.place.slabs():
            vectors = slab.copy()
            with np.errstate(over="ignore", invalid="ignore"):
                undefined = None if np.isfinite(vectors.sum()) else ~np.isfinite(vectors).all(axis=1)
                if self._baking is not None:
                    self._baking(vectors, first)
            if undefined is not None:
                vectors[undefined] = self._undefined_as
                self.undefined += int(undefined.sum())
            yield vectors


def field_then_matrix(mapping: Mapping, bake: bool = False) -> tuple[Mapping | None, np.ndarray | None]:
    """Return a mapping in LPS as a field on the grid's own lattice, and an affine (4, 4) that acts after it.

    ``post (pre x + D)`` is ``post pre (x + A⁻¹ D)``, A the linear part of pre: the matrices move points by themselves
    then, also where the grid has nothing to say.

    Parameters
    ----------
    bake
        Work all matrices into the field; so it is done, too, where one of them cannot be inverted.

    Returns
    -------
    The field as a deformable mapping, None without a grid; the matrix, None where there is nothing for it to do.

    Raises
    ------
    MappingError
        When there is only a matrix, and it cannot be inverted.
    """
    if mapping.grid is None:
        return None, mapping.affine
    whole = mapping.affine
    if bake or _is_nothing(whole) or is_singular(whole):
        return mapping, None
    linear = mapping.pre.copy()
    linear[:3, 3] = 0
    return Mapping(linear, mapping.grid, np.linalg.inv(linear)), whole


def _is_nothing(matrix: np.ndarray) -> bool:
    """Whether a 4x4 is the identity to the last digit: nothing to do, and not a hair's breadth elsewhere."""
    return bool(np.array_equal(matrix, np.eye(4)))
