"""A registration's grid as the transform that VTK evaluates, its vectors read straight into VTK's memory."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from ...memory import require_memory
from ...progress import Progress, report_progress
from ...registration import Grid, Mapping
from ...registration.baking import Baking
from ...registration.measures.statistics import NonFiniteRegions
from ...registration.vectors import SLAB_VECTORS
from ...space import apply_matrix
from ..convert import grid_of_vectors


@dataclass(frozen=True)
class GridTransform:
    """A VTK grid transform and what had to be done to the vectors to make it."""

    transform: vtk.vtkTransform
    """vtkOrientedGridTransform from registered points (after ``pre``) to displaced ones, RAS mm, linear."""
    zeroed: int
    """Vectors that were NaN or infinite and are zero here."""


def moved_grid_transform(mapping: Mapping, progress: Progress | None = None) -> GridTransform:
    """Return ``y → y + D(pre⁻¹ y)``: a mapping's vectors in LPS, unchanged, on their lattice moved by a rigid ``pre``.

    D is indexed by the point before ``pre`` (PS3.3 Equation C.20.3-1), and its components are along the registered
    axes, so that moving the lattice and leaving the vectors is exact.

    ``progress``: of the reading, from more than one thread.
    """
    grid, pre = mapping.grid, mapping.pre
    return _build(grid, apply_matrix(pre, grid.origin_lps_mm), pre[:3, :3] @ grid.directions, None, progress)


def baked_grid_transform(mapping: Mapping, progress: Progress | None = None) -> GridTransform:
    """Return ``x → post (pre x + D(x))``, a mapping in LPS, as one grid on its own lattice.

    Exact between the nodes too: an affine map of the position is what trilinear interpolation reproduces.

    ``progress``: of the reading, from more than one thread.
    """
    grid = mapping.grid
    return _build(grid, grid.origin_lps_mm, grid.directions, Baking(mapping), progress)


def _build(
    grid: Grid, origin: np.ndarray, directions: np.ndarray, baking: Baking | None, progress: Progress | None
) -> GridTransform:
    # VTK ends the process where there is too little.
    size = " × ".join(map(str, grid.dimensions))
    require_memory(12 * math.prod(grid.dimensions), f"the transform of {size} vectors")
    vectors = vtk.vtkFloatArray()
    vectors.SetNumberOfComponents(3)
    vectors.SetNumberOfTuples(grid.place.count)
    zeroed = _fill(grid, vtk_to_numpy(vectors), baking, progress)
    return GridTransform(grid_of_vectors(vectors, grid.dimensions, grid.spacing_mm, origin, directions), zeroed)


def _fill(grid: Grid, target: np.ndarray, baking: Baking | None, progress: Progress | None) -> int:
    regions = NonFiniteRegions(grid.dimensions)
    # Turning two of every three sign bits is one pass without gaps; negating strided components is far slower.
    signs = np.tile(np.array([1 << 31, 1 << 31, 0], np.uint32), SLAB_VECTORS)

    steps, total = itertools.count(), math.ceil(grid.place.count / SLAB_VECTORS)

    def work(slab: np.ndarray, first: int) -> None:
        report_progress(progress, next(steps), total, "Reading vectors", "loading was cancelled")
        flat = slab.reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):
            finite = np.isfinite(np.add.reduce(flat))
        if not finite:
            slab[~regions.add(slab, first)] = 0
        if baking is not None:
            baking(slab, first)
        bits = flat.view(np.uint32)
        np.bitwise_xor(bits, signs[: len(bits)], out=bits)

    grid.place.read_into(target, work)
    return sum(region.count for region in (regions.undefined, regions.infinite) if region is not None)
