"""A regular volume with its values untouched, and the displacements that put its slices where their headers say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..pixels.memory import require_memory
from .one_per_place import Placed
from .regular import AcquisitionGrid, RegularVolume, full_boxes, lattice, padding_holes, slice_corners
from .regular_runs import around, wide_gaps

IN_PLACE_MM = 1e-3
"""Displacements below this come from rounded direction cosines; a volume without them is right as it is."""


def acquisition_volume(placed: Placed, max_gap: float, fill: float) -> RegularVolume:
    """The slices at the nominal spacing along their normal, and the grid that moves them to where they are.

    There is no such grid where they lie there already. In gaps wider than ``max_gap`` slices of the fill value are put,
    as many as are missing, so that no tool interpolates across; they lie where the missing slices would.
    """
    nj, ni = placed.array.shape[1:3]
    if ni < 2 or nj < 2:
        raise UsageError(f"Slices of {ni} × {nj} pixels have no four corners to place them by; resample the stack.")
    source, true = with_missing(placed, true_corners(placed), max_gap)
    affine = upright_lattice(placed)
    grid = acquisition_grid(placed, affine, true)
    farthest = grid.farthest_mm
    in_place = farthest < IN_PLACE_MM
    array = placed.array
    boxes = full_boxes(array)
    if (source < 0).any():
        require_memory(array[:1].nbytes * len(source), f"A volume of {len(source)} × {nj} × {ni} {array.dtype} values")
        array = np.full((len(source), *array.shape[1:]), fill, array.dtype)
        array[source >= 0] = placed.array
        boxes = full_boxes(array)
        boxes[source < 0] = 0
    # Slices of the source keep their numbers only where none is put between them.
    holes = {int(np.flatnonzero(source == s)[0]): one for s, one in padding_holes(placed.array, placed.padding).items()}
    missing = int((source < 0).sum())
    how = "each moved to its place by a displacement grid"
    if in_place:
        how = "in place without a transform" if missing else "regular already: no transform is needed"
    text = f"{len(placed.array)} slices as they are, {how}"
    return RegularVolume(
        array=array,
        affine_lps=affine,
        boxes=boxes,
        sources=tuple(placed.members[s] if s >= 0 else () for s in source.tolist()),
        fill=fill,
        slice_corners_lps_mm=true[:, 0, 0],
        source=placed.volume,
        is_untouched=all(len(one) == 1 for one in placed.members),
        description=text + (f", and {missing} slices of the fill value {fill:g} in gaps" if missing else ""),
        displacement=None if in_place else grid,
        deviation_mm=farthest if in_place else 0.0,
        holes=holes,
    )


def upright_lattice(placed: Placed) -> NDArray[np.float64]:
    """(4, 4) from (i, j, k, 1) to LPS mm: from the first slice along the normal in steps of the nominal spacing."""
    return lattice(placed, placed.corners_lps_mm[0], placed.axes[2] * placed.spacing.nominal_mm)


def acquisition_grid(placed: Placed, affine: NDArray[np.float64], true: NDArray[np.float64]) -> AcquisitionGrid:
    """What moves the corners of the slices of a lattice to where they truly are, (n, 2, 2, 3) LPS mm."""
    nj, ni = placed.array.shape[1:3]
    nodes = affine.copy()
    nodes[:3, 0] *= ni - 1
    nodes[:3, 1] *= nj - 1
    k, b, a = np.meshgrid(np.arange(len(true)), (0, 1), (0, 1), indexing="ij")
    regular = np.stack([a, b, k], axis=-1) @ nodes[:3, :3].T + nodes[:3, 3]
    return AcquisitionGrid(nodes, true - regular)


def true_corners(placed: Placed) -> NDArray[np.float64]:
    """(n, 2, 2, 3) centres of the corner pixels of each slice, as the headers say; LPS mm."""
    true = np.stack([slice_corners(one[0]) for one in placed.members])
    # Of a mean of several slices, the place is their mean's.
    return true + (placed.corners_lps_mm - true[:, 0, 0])[:, None, None]


def with_missing(
    placed: Placed, true: NDArray[np.float64], max_gap: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For each slice of the result its source (-1 for none) and its corners (n, 2, 2, 3)."""
    spacing, positions = placed.spacing, placed.positions_mm
    gaps = wide_gaps(spacing, positions, max_gap)
    counts = [round((positions[k + 1] - positions[k]) / around(spacing, k)) - 1 for k in np.flatnonzero(gaps)]
    needed = (len(positions) + sum(counts)) * placed.array[:1].nbytes
    require_memory(needed, f"A volume with {sum(counts):,} slices for what is missing in gaps")
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
