"""A stack resampled between its slices' true positions, on an orthogonal grid: its own directions or a reference's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..geometry.stacks import Slice
from ..pixels.memory import require_memory
from ..pixels.volume import Progress
from .one_per_place import Placed
from .reference import ReferenceGrid
from .regular import RegularVolume, parallel_deviation_mm
from .regular_runs import wide_gaps
from .resample_across import ObliqueResampler
from .resample_along import Line, Resampler, SlicePair, line, run_threads

NEARLY = 1e-3
"""Of a step: planes this close to a slice have its values as they are."""
SHIFT_PIXELS = 0.01
"""In-plane shifts smaller than this are rounding and add no row or column to the result."""
ALIGNED = 1e-6
"""Sine of the largest angle between axes that counts as none: half a micrometre over the width of an image."""


@dataclass(frozen=True)
class Axis:
    """Samples along one direction of a stack: the first, the step to the next, mm, and how many."""

    start: float
    step: float
    count: int


@dataclass(frozen=True)
class Lattice:
    """An orthogonal grid along the directions of a stack."""

    columns: Axis
    rows: Axis
    planes: Axis

    def affine_lps(self, axes: NDArray[np.float64]) -> NDArray[np.float64]:
        """(4, 4) from index to LPS mm; ``axes`` (3, 3) as rows."""
        affine = np.eye(4)
        along = (self.columns, self.rows, self.planes)
        affine[:3, :3] = axes.T * [one.step for one in along]
        affine[:3, 3] = axes.T @ [one.start for one in along]
        return affine


@dataclass(frozen=True, eq=False)
class WantedGrid:
    """What is asked of the grid to resample on; nothing: the files' own pixels at the nominal spacing."""

    spacing_mm: float | None = None
    """Between slices; None: the nominal spacing, the one most intervals have."""
    in_plane_spacing_mm: float | tuple[float, float] | None = None
    """Between rows and columns, one number or both; None: as in the files."""
    reference: ReferenceGrid | None = None
    """The grid itself, whatever its directions. None: the slices' own directions, large enough in plane for all."""


def resample(
    placed: Placed, wanted: WantedGrid, max_gap: float, fill: float, progress: Progress | None
) -> RegularVolume:
    """Resample a stack; parameters and errors as in :func:`~.modes.regularize`."""
    reach, reference = reach_mm(placed, wanted.spacing_mm), wanted.reference
    if reference is None:
        lattice = own_lattice(placed, wanted.spacing_mm, wanted.in_plane_spacing_mm)
        return _along(placed, lattice, reach, max_gap, fill, progress)
    reference.require_frame(placed.volume.frame_uid)
    found = lattice_of(placed, reference)
    if found is None:
        return _across(placed, reference, reach, max_gap, fill, progress)
    return _along(placed, found, reach, max_gap, fill, progress)


def reach_mm(placed: Placed, spacing_mm: float | None) -> float:
    """How far beside a slice a plane still has its values, where nothing is on the other side."""
    step = float(spacing_mm if spacing_mm is not None else placed.spacing.nominal_mm)
    return max(NEARLY * step, min(placed.precision_mm, step / 4))


def own_lattice(placed: Placed, spacing_mm: float | None, in_plane: float | tuple[float, float] | None) -> Lattice:
    """The grid that begins at the first slice and is large enough in plane for all."""
    step = float(spacing_mm if spacing_mm is not None else placed.spacing.nominal_mm)
    positions = placed.positions_mm
    steps = in_plane if isinstance(in_plane, tuple) else (in_plane, in_plane)
    nj, ni = placed.array.shape[1:3]
    between_rows, between_columns = placed.pixel_spacing_mm
    origins = placed.corners_lps_mm @ placed.axes[:2].T
    # Counted in Python's integers: an absurd spacing must fail on memory, not on overflow.
    slices = int((positions[-1] - positions[0] + reach_mm(placed, spacing_mm)) / step) + 1
    return Lattice(
        extent(origins[:, 0], between_columns, ni, steps[1]),
        extent(origins[:, 1], between_rows, nj, steps[0]),
        Axis(float(positions[0]), step, slices),
    )


def lattice_of(placed: Placed, reference: ReferenceGrid) -> Lattice | None:
    """A reference's grid along the stack's directions; None where it has others."""
    steps = np.linalg.norm(reference.affine_lps[:3, :3], axis=0)
    if np.abs(reference.affine_lps[:3, :3] / steps - placed.axes.T).max() > ALIGNED:
        return None
    starts = (placed.axes @ reference.affine_lps[:3, 3]).tolist()
    found = (Axis(*one) for one in zip(starts, steps.tolist(), reference.dimensions, strict=True))
    return Lattice(*found)


def _target(placed: Placed, dimensions: tuple[int, int, int]) -> NDArray[np.generic]:
    columns, rows, slices = dimensions
    nbytes = slices * rows * columns * placed.array[0, 0, 0].nbytes
    require_memory(nbytes, f"A volume of {slices:,} × {rows:,} × {columns:,} {placed.array.dtype} values")
    return np.empty((slices, rows, columns, *placed.array.shape[3:]), placed.array.dtype)


def _along(
    placed: Placed, lattice: Lattice, reach: float, max_gap: float, fill: float, progress: Progress | None
) -> RegularVolume:
    """On a grid with the stack's own directions."""
    rows, columns, planes = lattice.rows, lattice.columns, lattice.planes
    target = _target(placed, (columns.count, rows.count, planes.count))
    nj, ni = placed.array.shape[1:3]
    between_rows, between_columns = placed.pixel_spacing_mm
    origins = placed.corners_lps_mm @ placed.axes[:2].T
    resampler = Resampler(
        placed.array,
        _lines(rows.start - origins[:, 1], between_rows, rows, nj),
        _lines(columns.start - origins[:, 0], between_columns, columns, ni),
        fill,
        target,
        placed.padding,
    )
    positions = placed.positions_mm
    gaps = wide_gaps(placed.spacing, positions, max_gap)
    pairs = pairs_around(positions, planes.start + planes.step * np.arange(planes.count), gaps, reach)
    run_threads(resampler.write, list(enumerate(pairs)), progress, "Resampling")
    return _volume(
        placed,
        target,
        lattice.affine_lps(placed.axes),
        fill,
        max_gap,
        boxes=np.array([resampler.box(one) if one else (0, 0, 0, 0) for one in pairs], np.intp).reshape(-1, 4),
        holes=resampler.holes,
        sources=tuple(_sources(placed, one) for one in pairs),
    )


def _across(
    placed: Placed, reference: ReferenceGrid, reach: float, max_gap: float, fill: float, progress: Progress | None
) -> RegularVolume:
    """On a grid with directions of its own."""
    target = _target(placed, reference.dimensions)
    gaps = wide_gaps(placed.spacing, placed.positions_mm, max_gap)
    resampler = ObliqueResampler(placed, reference.affine_lps, gaps, reach, fill, target)
    run_threads(resampler.write, list(range(len(target))), progress, "Resampling")
    used = [resampler.used.get(k, (0, 0)) for k in range(len(target))]
    full = (0, target.shape[1], 0, target.shape[2])
    return _volume(
        placed,
        target,
        reference.affine_lps,
        fill,
        max_gap,
        boxes=np.array([full if stop > first else (0, 0, 0, 0) for first, stop in used], np.intp).reshape(-1, 4),
        holes=resampler.holes,
        sources=tuple(tuple(one for members in placed.members[first:stop] for one in members) for first, stop in used),
    )


def _volume(
    placed: Placed,
    target: NDArray[np.generic],
    affine: NDArray[np.float64],
    fill: float,
    max_gap: float,
    *,
    boxes: NDArray[np.intp],
    holes: dict[int, NDArray[np.uint8]],
    sources: tuple[tuple[Slice, ...], ...],
) -> RegularVolume:
    step = float(np.linalg.norm(affine[:3, 2]))
    missing = sum(not one for one in sources)
    if missing == len(sources):
        raise UsageError("No slice of the result has any image: the reference lies elsewhere.")
    text = f"resampled to {step:.6g} mm between slices, orthogonal, linear between true positions"
    if missing:
        text += (
            f"; {missing} of {len(sources)} lie in gaps with more than {max_gap:g} missing or outside and hold the "
            f"fill value {fill:g}"
        )
    return RegularVolume(
        array=target,
        affine_lps=affine,
        boxes=boxes,
        sources=sources,
        fill=fill,
        slice_corners_lps_mm=affine[:3, 3] + np.arange(len(target))[:, None] * affine[:3, 2],
        source=placed.volume,
        is_untouched=False,
        description=text,
        deviation_mm=parallel_deviation_mm(placed),
        holes=holes,
    )


def extent(origins: NDArray[np.float64], spacing: float, count: int, asked: float | None) -> Axis:
    """Samples along one axis in plane, so that all slices are inside.

    Samples are in step with the first slice, which keeps its own where the spacing is kept.
    """
    step = float(asked) if asked is not None else spacing
    before = origins[0] - origins.min()
    length = origins.max() - origins.min() + spacing * (count - 1)
    steps_before = math.ceil(before / step - SHIFT_PIXELS)
    start = float(origins[0]) - steps_before * step
    reach = (length - before) / step
    # At the files' own spacing every pixel is kept; at another one nothing is asked for beyond the last pixel.
    after = math.ceil(reach - SHIFT_PIXELS) if asked is None else math.floor(reach + SHIFT_PIXELS)
    return Axis(start, step, steps_before + after + 1)


def _lines(starts: NDArray[np.float64], spacing: float, axis: Axis, source_count: int) -> list[Line]:
    """Where the output's samples lie on each slice; slices at one place in plane share theirs."""
    known: dict[float, Line] = {}
    result = []
    for start in (starts / spacing).tolist():
        nearest = round(start)
        start = nearest if abs(start - nearest) < SHIFT_PIXELS else start
        if start not in known:
            known[start] = line(start, axis.step / spacing, axis.count, source_count)
        result.append(known[start])
    return result


def pairs_around(
    positions: NDArray[np.float64], planes: NDArray[np.float64], gaps: NDArray[np.bool_], reach: float
) -> list[SlicePair | None]:
    """For each plane the slices around it; None in a gap and outside."""
    result: list[SlicePair | None] = []
    for plane in planes.tolist():
        after = int(np.clip(np.searchsorted(positions, plane), 1, len(positions) - 1))
        before = after - 1
        interval = positions[after] - positions[before]
        weight = min(max((plane - positions[before]) / interval, 0.0), 1.0)
        closest = before if weight < 0.5 else after
        distance = abs(plane - positions[closest])
        if distance <= NEARLY * min(interval, 1.0) or (gaps[before] and distance <= reach):
            result.append(SlicePair(closest, closest, 0.0))
        elif gaps[before] or not positions[0] - reach <= plane <= positions[-1] + reach:
            result.append(None)
        else:
            result.append(SlicePair(before, after, float(weight)))
    return result


def _sources(placed: Placed, pair: SlicePair | None) -> tuple[Slice, ...]:
    if pair is None:
        return ()
    return placed.members[pair.before] + (placed.members[pair.after] if pair.after != pair.before else ())
