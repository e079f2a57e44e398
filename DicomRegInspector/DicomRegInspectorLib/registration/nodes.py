"""A mapping at the nodes of a grid to be written: its own vectors or sampled ones, and what lies between the nodes.

Vectors pass through slice by slice: nothing of the size of the grid is held.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..progress import Progress, report_progress
from ..space import apply_matrix, plane_indices
from .mapping import INVERSE_TOLERANCE_MM, InverseResult, Mapping
from .on_grid import PointMap
from .vectors import SLAB_VECTORS

RIGHT_ANGLE = 1e-5
"""Largest cosine between axes of a grid that has directions in DICOM: 0.002 mm over 200 mm."""
MOST_CELLS = 4096
"""Cells of a grid that are looked into; more are spread over it."""
_FINE = 5
"""Points along each edge of the cells with the largest errors."""
_FINE_CELLS = 32
_ZOOMS = 3
"""How often these are looked into, each time more closely around the largest error."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """Where the nodes of a grid lie, LPS mm; a grid that is to be, without vectors."""

    index_to_lps: np.ndarray
    """(4, 4) from (i, j, k, 1)."""
    dimensions: tuple[int, int, int]
    """(nx, ny, nz)."""
    where: str
    """Whose nodes they are, in words."""

    @property
    def spacing_mm(self) -> np.ndarray:
        """(3,) distance of the nodes along each axis."""
        spacing: np.ndarray = np.linalg.norm(self.index_to_lps[:3, :3], axis=0)
        return spacing

    @property
    def directions(self) -> np.ndarray:
        """(3, 3) unit columns."""
        directions: np.ndarray = self.index_to_lps[:3, :3] / self.spacing_mm
        return directions

    @property
    def origin_lps_mm(self) -> np.ndarray:
        """(3,) node (0, 0, 0)."""
        return self.index_to_lps[:3, 3]

    @property
    def count(self) -> int:
        """Number of nodes."""
        return math.prod(self.dimensions)

    @property
    def has_right_angles(self) -> bool:
        """Whether its axes are at right angles, as a grid of DICOM has them."""
        gram = self.directions.T @ self.directions
        return bool(np.isfinite(gram).all() and np.abs(gram - np.eye(3)).max() <= RIGHT_ANGLE)

    def right_handed(self) -> Nodes:
        """Return the same nodes with k counted the other way where the axes are left-handed."""
        if np.linalg.det(self.index_to_lps[:3, :3]) > 0:
            return self
        turn = np.diag([1.0, 1.0, -1.0, 1.0])
        turn[2, 3] = self.dimensions[2] - 1
        return Nodes(self.index_to_lps @ turn, self.dimensions, self.where)

    def slice_points(self, k: int) -> np.ndarray:
        """Return (ny * nx, 3) LPS mm of the nodes of a slice, i fastest."""
        nx, ny, _ = self.dimensions
        in_plane = plane_indices(nx, ny) @ self.index_to_lps[:3, :2].T
        points: np.ndarray = in_plane + (self.index_to_lps[:3, 3] + self.index_to_lps[:3, 2] * k)
        return points


def nodes_of(mapping: Mapping) -> Nodes:
    """Return where the nodes of a mapping's grid lie; there is a grid."""
    return Nodes(mapping.index_to_lps, mapping.grid.dimensions, "the transform's own grid")


class GridVectors:
    """The vectors of a mapping's grid in LPS mm, in the order of :meth:`Nodes.right_handed`; matrices aside."""

    def __init__(self, mapping: Mapping, progress: Progress | None = None) -> None:
        self.lattice = nodes_of(mapping).right_handed()
        self.undefined = 0
        """How many vectors were undefined or infinite when they were gone through last."""
        self._mapping, self._progress = mapping, progress
        self._reversed = not np.array_equal(self.lattice.index_to_lps, mapping.index_to_lps)

    def __iter__(self) -> Iterator[np.ndarray]:
        """All vectors in order, x fastest, as float32 (n, 3), each time from the beginning; a piece is used again."""
        self.undefined = 0
        buffer = np.empty(0, np.float32)
        signs = np.empty(0, np.uint32)
        for piece in self._pieces():
            flat = np.ascontiguousarray(piece, np.float32).reshape(-1)
            if buffer.size < flat.size:
                buffer = np.empty(flat.size, np.float32)
                turned = [1 << 31 if sign < 0 else 0 for sign in self._mapping.signs]
                signs = np.tile(np.array(turned, np.uint32), flat.size // 3)
            vectors = buffer[: flat.size]
            # Turning sign bits is one pass without gaps; negating strided components is far slower.
            np.bitwise_xor(flat.view(np.uint32), signs[: flat.size], out=vectors.view(np.uint32))
            yield self._without_infinite(vectors.reshape(-1, 3))

    def _pieces(self) -> Iterator[np.ndarray]:
        grid, nz = self._mapping.grid, self._mapping.grid.dimensions[2]
        if self._reversed:
            read = grid.field().open_slices()
            for done, k in enumerate(reversed(range(nz))):
                self._report(done, nz)
                yield read(k)
            return
        total = math.ceil(grid.place.count / SLAB_VECTORS)
        for done, (_, slab) in enumerate(grid.place.slabs()):
            self._report(done, total)
            yield slab

    def _report(self, done: int, total: int) -> None:
        report_progress(self._progress, done, total, "Writing vectors", "the export was cancelled")

    def _without_infinite(self, vectors: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", over="ignore"):
            flat = vectors.reshape(-1)
            if np.isfinite(np.dot(flat, flat)):
                return vectors
        undefined = ~np.isfinite(vectors).all(axis=1)
        vectors[undefined] = np.nan
        self.undefined += int(undefined.sum())
        return vectors


class SampledVectors:
    """The displacements of any mapping at the nodes of a lattice."""

    def __init__(self, lattice: Nodes, map_points: PointMap, progress: Progress | None = None) -> None:
        self.lattice = lattice
        self.undefined = 0
        """How many are undefined, when they were gone through last."""
        self._map, self._progress = map_points, progress

    def __iter__(self) -> Iterator[np.ndarray]:
        """All vectors in order, x fastest, a slice at a time, as float32 (n, 3)."""
        self.undefined = 0
        nz = self.lattice.dimensions[2]
        for k in range(nz):
            report_progress(self._progress, k, nz, "Sampling the transform", "the export was cancelled")
            points = self.lattice.slice_points(k)
            vectors = (self._map(points) - points).astype(np.float32)
            undefined = ~np.isfinite(vectors).all(axis=1)
            vectors[undefined] = np.nan
            self.undefined += int(undefined.sum())
            yield vectors


@dataclass(frozen=True)
class BetweenNodes:
    """How far interpolation between the nodes of a grid is from what was sampled."""

    max_mm: float
    """The largest distance seen; NaN where no cell has eight defined nodes."""
    cells: int
    """How many cells were looked into, of those with eight defined nodes."""
    of_cells: int
    """How many the grid has."""


def error_between_nodes(lattice: Nodes, map_points: PointMap, written: PointMap | None = None) -> BetweenNodes:
    """Measure how far trilinear interpolation between nodes is from a mapping.

    It is looked up in the middle of edges, faces and cells: of a quadratic function the error is linear in each
    ``t (1 - t)``, so that it is largest there, and of vectors too, whose length is convex. The worst cells are then
    looked into more finely.

    Parameters
    ----------
    written
        What interpolates; None: between the mapping's own values at the nodes, rounded to 32 bits as they are stored.
    """
    size = [max(number - 1, 1) for number in lattice.dimensions]
    total = math.prod(size)
    chosen = np.unique(np.linspace(0, total - 1, min(total, MOST_CELLS)).round().astype(np.int64))
    cells = np.stack(np.unravel_index(chosen, size[::-1])[::-1], axis=1).astype(np.float64)
    errors = _errors(lattice, map_points, written, cells, np.broadcast_to(_spread(3), (len(cells), 27, 3)))
    worst = errors.max(axis=1)
    if not (worst >= 0).any():
        return BetweenNodes(math.nan, 0, total)
    finely = np.argsort(worst)[-_FINE_CELLS:]
    around, middle, reach = cells[finely], np.full((len(finely), 1, 3), 0.5), 0.5
    largest = float(worst.max())
    for _ in range(_ZOOMS):
        fractions = np.clip(middle + (2 * _spread(_FINE) - 1) * reach, 0, 1)
        errors = _errors(lattice, map_points, written, around, fractions)
        largest = max(largest, float(errors.max()))
        middle = np.take_along_axis(fractions, errors.argmax(axis=1)[:, None, None], axis=1)
        reach *= 2 / (_FINE - 1)
    return BetweenNodes(largest, int((worst >= 0).sum()), total)


def _spread(parts: int) -> np.ndarray:
    """(parts³, 3) points from corner to corner of the unit cube."""
    steps = np.linspace(0, 1, parts)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)


def _errors(
    lattice: Nodes, map_points: PointMap, written: PointMap | None, cells: np.ndarray, fractions: np.ndarray
) -> np.ndarray:
    """(n, p) mm at places (n, p, 3) in cells, whose first nodes have the indices (n, 3); -1 where undefined."""
    reach = np.minimum(np.array(lattice.dimensions) - 1, 1)
    points = apply_matrix(lattice.index_to_lps, cells[:, None] + fractions * reach)
    true = map_points(points.reshape(-1, 3)).reshape(points.shape)
    if written is not None:
        between = written(points.reshape(-1, 3)).reshape(points.shape)
    else:
        corners = np.array(list(np.ndindex(2, 2, 2)))
        nodes = apply_matrix(lattice.index_to_lps, cells[:, None] + corners * reach)
        at_nodes = map_points(nodes.reshape(-1, 3)).reshape(nodes.shape) - nodes
        weights = np.where(corners == 1, fractions[:, :, None], 1 - fractions[:, :, None]).prod(axis=3)
        between = points + weights @ at_nodes.astype(np.float32).astype(np.float64)
    with np.errstate(invalid="ignore"):
        distance = np.linalg.norm(between - true, axis=2)
    return np.where(np.isfinite(distance), distance, -1.0)


class Invertible(Protocol):
    """What finds where points come from."""

    def map_points_inverse(self, points: np.ndarray) -> InverseResult:
        """Find points (n, 3) that map to given ones, LPS mm."""


class InverseMap:
    """A transform the other way round, searched for each point; how far the search came is kept."""

    def __init__(self, mapping: Invertible) -> None:
        self._mapping = mapping
        self.largest_residual_mm = 0.0
        """Of the points found, the largest distance between the given point and where the found one maps."""

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Send points (n, 3) back; NaN where there is no inverse within :data:`.mapping.INVERSE_TOLERANCE_MM`.

        Raises MappingError when a matrix cannot be inverted.
        """
        result = self._mapping.map_points_inverse(points)
        found = result.residual_mm[result.converged]
        self.largest_residual_mm = max(self.largest_residual_mm, float(found.max(initial=0.0)))
        return result.points

    @property
    def said(self) -> str:
        """How far it came, in a sentence."""
        return (
            f"Inverse searched at each node: largest residual {self.largest_residual_mm:.2g} mm; undefined where there "
            f"is none within {INVERSE_TOLERANCE_MM:g} mm."
        )
