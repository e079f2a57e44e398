"""The deformation grid of a registration item: its lattice, its vectors, and what lies between the nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from ..memory import require_memory
from ..space import apply_matrix
from .measures.field import ALL_ROWS, Field, SliceReader
from .measures.fill_values import LEAST_FILL_MM
from .measures.local import magnitude
from .measures.statistics import PERCENTILES, VectorStatistics, measure_vectors
from .measures.summary import Summary, summarize
from .vectors import LatePlace, MemoryPlace, VectorPlace

BORDER_TOLERANCE_MM = 1e-3
"""How far outside the outermost nodes a point still counts as on them.

Grid and image positions are decimal strings that were rounded separately, so the corner of an image can lie this
far outside a grid that was made for it.
"""
NODE_TOLERANCE = 1e-6
"""Part of a voxel within which a point is on a node: rounding must not pull in an undefined neighbour."""

BLOCK = 1 << 13
"""Points interpolated at a time: what is made of them on the way stays in the processor's cache."""
Outside = Literal["undefined", "stays"]
"""Outside of the outermost nodes nothing is defined, as in DICOM; or, as in ITK, the border's vector goes on for half a
voxel, and points farther out stay where they are."""
_CORNERS = tuple(np.ndindex(2, 2, 2))


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
        return _statistics_of(self, summarize(magnitude(field), field))

    def statistics_of(self, lengths: Summary) -> VectorStatistics:
        """Return :attr:`statistics`, where they are not known yet from a summary of the vectors' lengths."""
        if "statistics" not in vars(self):
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
        # A deflated data set can only be read from its start: one thread, one pass.
        in_order = place.deflated_from is not None
        return Field(self.dimensions, self.index_to_lps, pre, post, lambda: _slices_of(place, nx, ny), in_order)

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
        return self._interpolate(points, extend, derivative=False)[0]

    def displacement_and_gradient(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return displacement (n, 3), mm, and its gradient, ``[:, a, b] = dD_a / dx_b``, extended at the border."""
        return self._interpolate(points, True, derivative=True)

    def _interpolate(self, points: np.ndarray, extend: bool, derivative: bool) -> tuple[np.ndarray, np.ndarray | None]:
        values = np.empty((len(points), 3))
        gradients = np.empty((len(points), 3, 3)) if derivative else None
        to_index = np.linalg.inv(self.index_to_lps)
        for start in range(0, len(points), BLOCK):
            part = slice(start, start + BLOCK)
            index = apply_matrix(to_index, points[part])
            # Whatever a file's numbers are: what comes of those that are none is undefined.
            with np.errstate(over="ignore", invalid="ignore"):
                values[part], gradient = self._interpolate_index(index, extend, derivative)
            if derivative:
                gradients[part] = gradient @ to_index[:3, :3]
        return values, gradients

    def _interpolate_index(
        self, index: np.ndarray, extend: bool, derivative: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        last = np.array(self.dimensions) - 1
        # By columns, (3, n): so arithmetic runs over memory in order.
        columns = np.ascontiguousarray(index.T)
        nearest = np.rint(columns)
        tolerance = BORDER_TOLERANCE_MM / self.spacing_mm
        with np.errstate(invalid="ignore"):
            np.copyto(columns, nearest, where=np.abs(columns - nearest) < NODE_TOLERANCE)
            if extend:
                undefined = np.isnan(columns).any(axis=0)
            else:
                margin = 0.5 if self.outside == "stays" else tolerance[:, None]
                beyond = (columns < -margin) | ~(columns <= last[:, None] + margin)
                undefined = beyond.any(axis=0)
        still = undefined & np.isfinite(columns).all(axis=0) if self.outside == "stays" and not extend else None
        columns[:, undefined] = 0.0
        np.minimum(np.maximum(columns, 0.0, out=columns), last[:, None], out=columns)
        base = np.minimum(columns.astype(np.int64), np.maximum(last - 1, 0)[:, None])
        columns -= base
        if derivative:
            values, gradient = self._weigh_corners(base.T, columns.T, last, extend, derivative)
        else:
            found, gradient = self._weigh_finite(base, columns, last), None
            # Faster than asking all three: a sum is finite only where they are.
            again = np.flatnonzero(~np.isfinite(found[0] + found[1] + found[2]) & ~undefined)
            values = np.ascontiguousarray(found.T)
            if again.size:
                some, _ = self._weigh_corners(base[:, again].T, columns[:, again].T, last, extend, derivative)
                some[~np.isfinite(some).all(axis=1)] = np.nan
                values[again] = some
            values[undefined] = np.nan
            if still is not None:
                values[still] = 0.0
            return values, gradient
        values[undefined | ~np.isfinite(values).all(axis=1)] = np.nan
        return values, gradient

    def _weigh_finite(self, base: np.ndarray, fraction: np.ndarray, last: np.ndarray) -> np.ndarray:
        """What :meth:`_weigh_corners` gives where all corners are finite, and nothing finite elsewhere: in an eighth of
        the time. ``base`` and ``fraction`` are (3, n)."""
        nx, ny, _ = self.dimensions
        steps = np.minimum(last, 1) * (1, nx, nx * ny)
        node = base[0] + nx * (base[1] + ny * base[2])
        count = node.size
        sides = (1 - fraction, fraction)
        flat = self.vectors.reshape(-1, 3)
        rows = np.empty((count, 3), np.float32)
        vector, values = np.empty((3, count)), np.zeros((3, count))
        with np.errstate(invalid="ignore"):
            for i, j, k in _CORNERS:
                weight = sides[i][0] * sides[j][1] * sides[k][2]
                np.take(flat, node + (i * steps[0] + j * steps[1] + k * steps[2]), axis=0, out=rows, mode="clip")
                np.multiply(rows.T, weight, out=vector)
                values += vector
        return values

    def _weigh_corners(
        self, base: np.ndarray, fraction: np.ndarray, last: np.ndarray, fill: bool, derivative: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        values = np.zeros((len(base), 3))
        gradient = np.zeros((len(base), 3, 3)) if derivative else None
        vectors = self._corner_vectors(base, np.minimum(last, 1))
        if fill:
            _fill_undefined(vectors)
        for corner, vector in zip(_CORNERS, vectors, strict=True):
            offset = np.array(corner)
            factors = np.where(offset == 1, fraction, 1 - fraction)
            weight = factors.prod(axis=1)
            # A corner of weight zero takes no part, even when it is undefined.
            values += np.where(weight[:, None] > 0, weight[:, None] * vector, 0.0)
            if derivative:
                sign = np.where(offset == 1, 1.0, -1.0)
                others = np.stack([factors[:, [1, 2]], factors[:, [0, 2]], factors[:, [0, 1]]], axis=1).prod(axis=2)
                gradient += vector[:, :, None] * (sign * others)[:, None, :]
        return values, gradient

    def _corner_vectors(self, base: np.ndarray, steps: np.ndarray) -> np.ndarray:
        nx, ny, _ = self.dimensions
        flat = self.vectors.reshape(-1, 3)
        vectors = np.empty((len(_CORNERS), len(base), 3))
        for number, corner in enumerate(_CORNERS):
            node = base + np.array(corner) * steps
            vectors[number] = flat[node[:, 0] + nx * (node[:, 1] + ny * node[:, 2])]
        return vectors


def _fill_undefined(vectors: np.ndarray) -> None:
    """Replace non-finite corner vectors (8, n, 3) by the mean of the cell's others, in place; zero without any."""
    finite = np.isfinite(vectors).all(axis=2)
    if finite.all():
        return
    total = np.where(finite[:, :, None], vectors, 0.0).sum(axis=0)
    mean = total / np.maximum(finite.sum(axis=0), 1)[:, None]
    vectors[:] = np.where(finite[:, :, None], vectors, mean)


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
