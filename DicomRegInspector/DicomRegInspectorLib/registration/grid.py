"""The deformation grid of a registration item: its lattice, its vectors, and what lies between the nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

import numpy as np

from ..memory import require_memory
from ..space import apply_matrix
from .between_nodes import BLOCK, displacement
from .measures.distributions import distributions
from .measures.field import ALL_ROWS, Field, SliceReader
from .measures.fill_values import LEAST_FILL_MM
from .measures.local import MAGNITUDE
from .measures.statistics import PERCENTILES, VectorStatistics, measure_vectors
from .measures.summary import Summary
from .vectors import LatePlace, MemoryPlace, VectorPlace

Outside = Literal["undefined", "stays"]
"""Outside of the outermost nodes nothing is defined, as in DICOM; or, as in ITK, the border's vector goes on for half a
voxel, and points farther out stay where they are."""


@dataclass(frozen=True)
class Grid:
    """A regular lattice of displacement vectors (PS3.3 C.20.3.1.1 to C.20.3.1.3).

    Node (i, j, k) lies at ``origin + directions @ (spacing * (i, j, k))``, in LPS mm of the Registered RCS. Vectors
    are in mm along the axes of that RCS, whatever the grid's own directions.
    """

    dimensions: tuple[int, int, int]
    """(nx, ny, nz)."""
    spacing_mm: np.ndarray
    """(3,) distance of the nodes along each grid axis."""
    origin_lps_mm: np.ndarray
    """(3,) centre of node (0, 0, 0)."""
    directions: np.ndarray
    """(3, 3), columns row, column and row x column."""
    place: VectorPlace | MemoryPlace | LatePlace
    """Where the vectors lie: in a file, in memory, or where they come from when they are asked for."""
    outside: Outside = "undefined"
    """What becomes of points outside."""

    @property
    def index_to_lps(self) -> np.ndarray:
        """(4, 4) from (i, j, k, 1) to LPS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.directions * self.spacing_mm
        matrix[:3, 3] = self.origin_lps_mm
        return matrix

    @cached_property
    def vectors(self) -> np.ndarray:
        """(nz, ny, nx, 3) float32 displacements along LPS in mm, as the file holds them; read at the first use.

        Raises FileError when the file is gone or has changed.
        """
        if not isinstance(self.place, VectorPlace):
            return self.place.array
        nx, ny, nz = self.dimensions
        require_memory(12 * nx * ny * nz, f"{self.place.path}: the grid of {nx} × {ny} × {nz} vectors")
        array = np.empty((nz, ny, nx, 3), np.float32)
        self.place.read_into(array)
        array.flags.writeable = False
        return array

    @property
    def in_memory(self) -> bool:
        """Whether the vectors are in memory, or come from where nothing but all of them can be had."""
        return "vectors" in vars(self) or not isinstance(self.place, VectorPlace)

    def forget_vectors(self) -> None:
        """Let go of vectors that were read from a file; the next use reads them again."""
        vars(self).pop("vectors", None)
        if isinstance(self.place, LatePlace):
            self.place.forget()

    @cached_property
    def statistics(self) -> VectorStatistics:
        """Magnitudes and undefined regions, measured at the first use in one pass over the file."""
        field = self.field()
        return _statistics_of(self, *distributions(field, [MAGNITUDE]))

    @property
    def has_statistics(self) -> bool:
        """Whether :attr:`statistics` are known."""
        return "statistics" in vars(self)

    def statistics_of(self, lengths: Summary) -> VectorStatistics:
        """Return :attr:`statistics`, where they are not known yet from a summary of the vectors' lengths."""
        if not self.has_statistics:
            vars(self)["statistics"] = _statistics_of(self, lengths)
        return self.statistics

    def node_position(self, index: tuple[int, int, int]) -> np.ndarray:
        """Return (3,) LPS mm of node (i, j, k)."""
        return apply_matrix(self.index_to_lps, np.asarray(index, float))

    def field(self, pre: np.ndarray | None = None, post: np.ndarray | None = None) -> Field:
        """Return the vectors between two matrices (by default the identity), as the measures take them.

        From the file by slices, from memory once the vectors were read.
        """
        pre, post = (np.eye(4) if matrix is None else matrix for matrix in (pre, post))
        if self.in_memory:
            return Field(self.dimensions, self.index_to_lps, pre, post, _slices_in(self.vectors))
        place = self.place
        assert isinstance(place, VectorPlace)
        nx, ny, _ = self.dimensions
        read = partial(_slices_of, place, nx, ny)
        return Field(self.dimensions, self.index_to_lps, pre, post, read, place.in_order)

    def is_near(self, points: np.ndarray) -> np.ndarray:
        """Return (n,) whether each of the points (n, 3) is in the grid or within one voxel of it."""
        index = apply_matrix(np.linalg.inv(self.index_to_lps), points)
        return ((index >= -1) & (index <= np.array(self.dimensions))).all(axis=1)

    def displacement(self, points: np.ndarray, *, extend: bool = False) -> np.ndarray:
        """Return the displacement at points of the Registered RCS, by trilinear interpolation in double precision.

        Parameters
        ----------
        points
            (n, 3) LPS mm.
        extend
            Also give a vector where there is none, for iterations that pass there: outside the grid the nearest
            border point's, beside undefined nodes one made of the others of the cell.

        Returns
        -------
        np.ndarray
            (n, 3) mm; NaN where a vector that takes part is undefined, and outside the grid unless points stay there.
        """
        values = np.empty((len(points), 3))
        for start in range(0, len(points), BLOCK):
            part = slice(start, start + BLOCK)
            values[part] = displacement(self, np.ascontiguousarray(points[part].T), extend=extend).T
        return values


def grid_of_array(vectors: np.ndarray, index_to_world: np.ndarray, outside: Outside = "undefined") -> Grid:
    """Return a grid of vectors in memory, which are not copied.

    Parameters
    ----------
    vectors
        (nz, ny, nx, 3) float32, C-contiguous, mm.
    index_to_world
        (4, 4) from (i, j, k, 1) to mm, in the coordinates of the vectors: LPS, or RAS throughout.
    """
    nz, ny, nx, _ = vectors.shape
    spacing = np.linalg.norm(index_to_world[:3, :3], axis=0)
    place = MemoryPlace(vectors)
    return Grid((nx, ny, nz), spacing, index_to_world[:3, 3], index_to_world[:3, :3] / spacing, place, outside)


def _slices_in(vectors: np.ndarray) -> Callable[[], SliceReader]:
    def read(k: int, rows: slice = ALL_ROWS) -> np.ndarray:
        return vectors[k, rows]

    return lambda: read


def _slices_of(place: VectorPlace, nx: int, ny: int) -> SliceReader:
    """Make a reader of slices straight from the file."""
    fill = place.open_anywhere()
    buffer = np.empty((0, nx, 3), np.float32)

    def read(k: int, rows: slice = ALL_ROWS) -> np.ndarray:
        nonlocal buffer
        first, last, _ = rows.indices(ny)
        if len(buffer) < last - first:
            buffer = np.empty((last - first, nx, 3), np.float32)
        part = buffer[: last - first]
        fill(part, (k * ny + first) * nx)
        return part

    return read


def _statistics_of(grid: Grid, lengths: Summary) -> VectorStatistics:
    """Measure a grid's vectors; where some are undefined, overflow or may be fill values, in a pass for these."""
    if lengths.count < grid.place.count or lengths.max >= LEAST_FILL_MM:
        return measure_vectors(grid.place, grid.dimensions)
    percentiles = {name: lengths.percentiles[name] for name in PERCENTILES}
    return VectorStatistics(lengths.count, lengths.max, lengths.max_index, lengths.mean, percentiles, None, None)
