"""A regular volume with its values untouched, and the displacements that put its slices where their headers say."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...progress import Progress
from ...space import apply_matrix
from ..geometry.stacks import line_through
from .one_per_place import Placed
from .options import RegularizeOptions
from .regular import AcquisitionGrid, PlannedVolume, RegularVolume, full_boxes
from .regular_runs import around, wide_gaps
from .values import Values

IN_PLACE_MM = 1e-3
"""Displacements below this come from rounded direction cosines; a volume without them is right as it is."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PlannedAcquisition(PlannedVolume):
    """The slices at the nominal spacing along their normal, and the grid that moves them to where they are.

    There is no such grid where they lie there already. In gaps wider than allowed slices of the fill value are put, as
    many as are missing, so that no tool interpolates across; they lie where the missing slices would.
    """

    source: NDArray[np.intp]
    """(nk,) for each slice the place that it comes from; -1 for none."""
    first_corners_lps_mm: NDArray[np.float64]
    """(nk, 3) where the first pixel of each slice truly is."""
    grid: AcquisitionGrid

    @property
    def new_voxels(self) -> int:
        """All of them when slices are put in, else none: the source's memory is used."""
        return super().new_voxels if self.filled_slices else 0

    def make(self, placed: Placed, values: Values, progress: Progress | None) -> RegularVolume:
        """Take the slices as they are, with those of the fill value between them."""
        source, array, missing = self.source, values.array, self.filled_slices
        boxes = full_boxes(array)
        if missing:
            array = np.full((len(source), *array.shape[1:]), values.fill, array.dtype)
            array[source >= 0] = values.array
            boxes = full_boxes(array)
            boxes[source < 0] = 0
        how = "each moved to its place by a displacement grid"
        if not self.is_moved:
            is_changed = missing or placed.slices[0].is_restacked
            how = "in place without a transform" if is_changed else "regular already: no transform is needed"
        text = f"{len(values.array)} slices as they are, {how}"
        members = placed.members
        return RegularVolume(
            array=array,
            affine_lps=self.affine_lps,
            boxes=boxes,
            sources=tuple(members[s] if s >= 0 else () for s in source.tolist()),
            fill=values.fill,
            slice_corners_lps_mm=self.first_corners_lps_mm,
            source=values.volume,
            is_untouched=all(len(member) == 1 for member in members),
            description=text + (f", and {missing} slices of the fill value {values.fill:g} in gaps" if missing else ""),
            displacement=self.grid if self.is_moved else None,
            deviation_mm=self.deviation_mm,
            # Slices of the source keep their numbers only where none is put between them.
            holes={int(np.flatnonzero(source == s)[0]): hole for s, hole in values.holes.items()},
        )


def plan_acquisition(placed: Placed, options: RegularizeOptions) -> PlannedAcquisition:
    """Return the volume of ``acquisition``.

    Raises UsageError when slices are one pixel wide or high, or what is missing in gaps needs more memory than there
    is.
    """
    nj, ni = placed.size
    if ni < 2 or nj < 2:
        raise UsageError(f"Slices of {ni} × {nj} pixels have no four corners to place them by; resample the stack.")
    source, corners = _with_missing(placed, options.max_gap)
    step = placed.spacing.nominal_mm
    affine = placed.lattice(placed.corners_lps_mm[0], placed.axes[2] * step)
    grid = _grid(placed, affine, corners)
    is_moved = grid.farthest_mm >= IN_PLACE_MM
    first = corners[:, 0, 0]
    along = first @ placed.axes.T
    slope, _ = line_through(along[:, 2], along[:, :2], placed.precision_mm)
    between_rows, between_columns = placed.pixel_spacing_mm
    return PlannedAcquisition(
        dimensions=(ni, nj, len(source)),
        spacing_mm=(between_columns, between_rows, step),
        positions_mm=tuple(along[:, 2].tolist()),
        is_filled=tuple((source < 0).tolist()),
        affine_lps=affine,
        deviation_mm=0.0 if is_moved else grid.farthest_mm,
        tilt_deg=math.degrees(math.atan(float(np.hypot(*slope)))),
        is_moved=is_moved,
        source=source,
        first_corners_lps_mm=first,
        grid=grid,
    )


def _grid(placed: Placed, affine: NDArray[np.float64], true: NDArray[np.float64]) -> AcquisitionGrid:
    """What moves the corners of the slices of a lattice to where they truly are, (n, 2, 2, 3) LPS mm."""
    nj, ni = placed.size
    nodes = affine.copy()
    nodes[:3, 0] *= ni - 1
    nodes[:3, 1] *= nj - 1
    k, b, a = np.meshgrid(np.arange(len(true)), (0, 1), (0, 1), indexing="ij")
    regular = apply_matrix(nodes, np.stack([a, b, k], axis=-1))
    return AcquisitionGrid(nodes, true - regular)


def _with_missing(placed: Placed, max_gap: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For each slice of the result its source (-1 for none) and its corners (n, 2, 2, 3)."""
    true = placed.own_corners_lps_mm
    # Of a mean of several slices, the place is their mean's.
    true = true + (placed.corners_lps_mm - true[:, 0, 0])[:, None, None]
    spacing, positions = placed.spacing, placed.positions_mm
    gaps = wide_gaps(spacing, positions, max_gap)
    counts = [round((positions[k + 1] - positions[k]) / around(spacing, k)) - 1 for k in np.flatnonzero(gaps).tolist()]
    if counts:
        placed.require_room((*placed.size[::-1], len(positions) + sum(counts)))
    source: list[int] = []
    corners: list[NDArray[np.float64]] = []
    missing = dict(zip(np.flatnonzero(gaps).tolist(), counts, strict=True))
    for k in range(len(positions)):
        source.append(k)
        corners.append(true[k])
        count = missing.get(k, 0)
        for number in range(1, count + 1):
            source.append(-1)
            corners.append(true[k] + (true[k + 1] - true[k]) * (number / (count + 1)))
    return np.array(source, np.intp), np.stack(corners)
