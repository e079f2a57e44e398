"""A transform's displacements on a grid: sampled exactly at its nodes, with the error between them measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..space import apply_matrix, plane_indices
from .grid import Grid
from .vectors import LatePlace

ERROR_SAMPLE = 5_000
"""Points between the nodes at which the error is measured."""
_SEED = 20_240_501

PointMap = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class SamplingError:
    """How far a grid, interpolated between its nodes, is from what it was sampled from; None where nothing is known."""

    max_mm: float | None
    p99_mm: float | None
    mean_mm: float | None
    samples: int
    """Points between the nodes that were compared."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON report holds it."""
        return dict(vars(self))


def sampled_grid(map_points: PointMap, dimensions: tuple[int, int, int], index_to_lps: np.ndarray) -> Grid:
    """Return a grid of displacements, computed slice by slice when they are asked for first; NaN where undefined.

    Parameters
    ----------
    map_points
        Of points (n, 3) LPS mm.
    dimensions, index_to_lps
        (nx, ny, nz), and (4, 4) from (i, j, k, 1) to LPS mm.
    """
    nx, ny, nz = dimensions
    spacing = np.linalg.norm(index_to_lps[:3, :3], axis=0)

    def sample() -> np.ndarray:
        vectors = np.empty((nz, ny, nx, 3), np.float32)
        plane = plane_indices(nx, ny)
        for k in range(nz):
            nodes = apply_matrix(index_to_lps, np.column_stack([plane, np.full(len(plane), k)]))
            with np.errstate(over="ignore", invalid="ignore"):
                vectors[k] = (map_points(nodes) - nodes).reshape(ny, nx, 3)
        return vectors

    place = LatePlace(sample, nx * ny * nz)
    return Grid(dimensions, spacing, index_to_lps[:3, 3], index_to_lps[:3, :3] / spacing, place)


def sampling_error(map_points: PointMap, by_grid: PointMap, grid: Grid, samples: int = ERROR_SAMPLE) -> SamplingError:
    """Measure, at random points between a grid's nodes, how far two functions of points (n, 3) LPS mm are apart.

    Parameters
    ----------
    map_points
        What is exact.
    by_grid
        What the grid makes of it, with the matrices beside it.
    """
    index = np.random.default_rng(_SEED).random((samples, 3)) * (np.array(grid.dimensions) - 1)
    points = apply_matrix(grid.index_to_lps, index)
    with np.errstate(over="ignore", invalid="ignore"):
        apart = np.linalg.norm(map_points(points) - by_grid(points), axis=1)
    apart = apart[np.isfinite(apart)]
    if not len(apart):
        return SamplingError(None, None, None, 0)
    return SamplingError(float(apart.max()), float(np.percentile(apart, 99)), float(apart.mean()), len(apart))
