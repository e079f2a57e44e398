"""What regularizing a series will give, told from headers alone: the geometry, and what is left out or filled."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...findings import Finding
from ..geometry.series import Series
from ..geometry.stacks import Stack, line_through
from ..pixels.choose_stack import first_at_each_position
from ..pixels.volume import SeriesVolume
from .acquisition_grid import IN_PLACE_MM, acquisition_grid, true_corners, upright_lattice, with_missing
from .one_per_place import Dropped, Duplicates, Overlaps, Placed, place, stack_to_regularize
from .reference import ReferenceGrid
from .regular import Mode
from .regular_runs import Run, regular_runs, run_line, wide_gaps
from .regularize import MAX_GAP, check_options
from .resample import WantedGrid, lattice_of, own_lattice, pairs_around, reach_mm

IRREGULAR_CODES = ("slice-gap", "slice-overlap", "spacing-change", "gantry-tilt", "in-plane-shift")
"""Findings that say that slices do not lie on an upright lattice of one spacing."""
DUPLICATE_CODES = ("duplicate-position", "acquisitions-mixed")
"""Findings that say that several slices lie at one place by accident; those by design are no more than ``info``."""


@dataclass(frozen=True)
class VolumePreview:
    """One volume that will come."""

    dimensions: tuple[int, int, int]
    """(ni, nj, nk)."""
    spacing_mm: tuple[float, float, float]
    """Between columns, rows and slice planes."""
    positions_mm: tuple[float, ...]
    """Where each slice will lie along the normal of the stack, as :attr:`~..geometry.stacks.Stack.positions_mm`; empty
    on a grid that runs across the stack's slices."""
    is_filled: tuple[bool, ...]
    """For each of these whether it will hold nothing but the fill value."""
    tilt_deg: float
    """By how much the line through the slices will lean from their normal, transforms included."""
    is_moved: bool = False
    """Whether a displacement grid will put the slices in their places."""

    @property
    def filled_slices(self) -> int:
        """Slices that hold nothing but the fill value."""
        return sum(self.is_filled)

    @property
    def largest_step_mm(self) -> float:
        """The largest distance between neighbouring slices; 0 for a single one."""
        if not self.positions_mm:
            return self.spacing_mm[2] if self.dimensions[2] > 1 else 0.0
        return float(np.diff(self.positions_mm).max(initial=0.0))


@dataclass(frozen=True)
class Preview:
    """What :func:`~.modes.regularize` will make of a series."""

    mode: Mode
    stack: Stack
    """What it will be made of."""
    volumes: tuple[VolumePreview, ...]
    dropped: tuple[Dropped, ...]
    has_means: bool = False
    """Whether some slices are the means of several."""

    @property
    def dropped_positions_mm(self) -> tuple[float, ...]:
        """Where slices of the stack lie that will be left out, along its normal."""
        left_out = {id(one.slice) for one in self.dropped}
        pairs = zip(self.stack.slices, self.stack.positions_mm.tolist(), strict=True)
        return tuple(position for one, position in pairs if id(one) in left_out)


def preview(
    series: Series,
    mode: Mode,
    *,
    stack: int | None = None,
    spacing_mm: float | None = None,
    in_plane_spacing_mm: float | tuple[float, float] | None = None,
    reference: ReferenceGrid | None = None,
    max_gap: float = MAX_GAP,
    duplicates: Duplicates = "first",
    overlaps: Overlaps = "keep",
) -> Preview:
    """Tell what regularizing will give, without reading a pixel.

    Parameters and errors are those of :func:`~.placing.stack_to_regularize` and :func:`~.modes.regularize`.
    """
    check_options(mode, spacing_mm, in_plane_spacing_mm, max_gap, overlaps, duplicates, reference is not None)
    chosen, apart = stack_to_regularize(series, stack)
    placed = place(_without_values(chosen), duplicates, overlaps, with_values=False)
    dropped = [*apart, *placed.dropped]
    if mode == "resample":
        volumes = [_resampled(placed, WantedGrid(spacing_mm, in_plane_spacing_mm, reference), max_gap)]
    elif mode == "acquisition":
        volumes = [_moved(placed, max_gap)]
    else:
        runs = regular_runs(placed, max_gap)
        if mode == "crop":
            longest = max(runs, key=lambda run: run.stop - run.first)
            outside = placed.members[: longest.first] + placed.members[longest.stop :]
            dropped += [Dropped(one, "lies outside the longest regular run") for members in outside for one in members]
            runs = [longest]
        volumes = [_section(placed, run) for run in runs]
    return Preview(mode, chosen, tuple(volumes), tuple(dropped), any(len(one) > 1 for one in placed.members))


def irregularities(series: Series) -> tuple[Finding, ...]:
    """The findings that say why the stack worth regularizing is irregular; empty for a regular one, or for none."""
    try:
        chosen, _ = stack_to_regularize(series)
    except UsageError:
        return ()
    if chosen.is_localizer or len(chosen.distinct) < 2:
        return ()
    inside = {one.sop_instance_uid for one in chosen.slices}
    codes = IRREGULAR_CODES + (DUPLICATE_CODES if len(chosen.distinct) < len(chosen.slices) else ())
    return tuple(
        finding
        for finding in series.findings
        if finding.code in codes and finding.severity != "info" and _is_about(finding, inside)
    )


def _is_about(finding: Finding, uids: set[str]) -> bool:
    named = finding.evidence.get("sop_instance_uids")
    return not named or not uids.isdisjoint(named)


def _without_values(stack: Stack) -> SeriesVolume:
    """The stack as a volume whose array takes no memory: one value, seen as many times as there are voxels."""
    kept, dropped = first_at_each_position(stack)
    corners = np.array([one.position_lps_mm for one in kept], dtype=np.float64).reshape(-1, 3)
    between_rows, between_columns = kept[0].pixel_spacing_mm or (1.0, 1.0)
    return SeriesVolume(
        array=np.broadcast_to(np.uint8(0), (len(kept), stack.rows, stack.columns)),
        affine_lps=np.diag([between_columns, between_rows, 1.0, 1.0]),
        slice_positions_mm=corners @ stack.normal,
        slice_corners_lps_mm=corners,
        valid=np.ones(len(kept), dtype=bool),
        stack=stack,
        slices=kept,
        dropped=dropped,
        findings=(),
        units="",
        photometric="",
    )


def _resampled(placed: Placed, wanted: WantedGrid, max_gap: float) -> VolumePreview:
    reference = wanted.reference
    if reference is None:
        lattice = own_lattice(placed, wanted.spacing_mm, wanted.in_plane_spacing_mm)
    else:
        reference.require_frame(placed.volume.frame_uid)
        found = lattice_of(placed, reference)
        if found is None:
            steps = np.linalg.norm(reference.affine_lps[:3, :3], axis=0)
            return VolumePreview(reference.dimensions, tuple(steps.tolist()), (), (), 0.0)
        lattice = found
    columns, rows, planes = lattice.columns, lattice.rows, lattice.planes
    if planes.count > MOST_SLICES:
        raise UsageError(f"A spacing of {planes.step:g} mm makes {planes.count:,} slices; choose a wider one.")
    places = planes.start + planes.step * np.arange(planes.count)
    gaps = wide_gaps(placed.spacing, placed.positions_mm, max_gap)
    pairs = pairs_around(placed.positions_mm, places, gaps, reach_mm(placed, wanted.spacing_mm))
    filled = tuple(pair is None for pair in pairs)
    steps = (columns.step, rows.step, planes.step)
    return VolumePreview((columns.count, rows.count, planes.count), steps, tuple(places.tolist()), filled, 0.0)


def _moved(placed: Placed, max_gap: float) -> VolumePreview:
    source, corners = with_missing(placed, true_corners(placed), max_gap)
    first = corners[:, 0, 0]
    filled = tuple((source < 0).tolist())
    dimensions, spacing = _size(placed, len(source), placed.spacing.nominal_mm)
    tilt = line_tilt_deg(first @ placed.axes.T, placed.precision_mm)
    is_moved = acquisition_grid(placed, upright_lattice(placed), corners).farthest_mm >= IN_PLACE_MM
    return VolumePreview(dimensions, spacing, tuple((first @ placed.axes[2]).tolist()), filled, tilt, is_moved)


def _section(placed: Placed, run: Run) -> VolumePreview:
    origin, step = run_line(placed, run)
    count = run.stop - run.first
    positions = origin @ placed.axes[2] + np.arange(count) * (step @ placed.axes[2])
    dimensions, spacing = _size(placed, count, run.spacing_mm)
    along = placed.axes @ step
    tilt = math.degrees(math.atan2(float(np.hypot(along[0], along[1])), float(along[2])))
    return VolumePreview(dimensions, spacing, tuple(positions.tolist()), (False,) * count, tilt)


def _size(placed: Placed, slices: int, step: float) -> tuple[tuple[int, int, int], tuple[float, float, float]]:
    nj, ni = placed.array.shape[1:3]
    between_rows, between_columns = placed.pixel_spacing_mm
    return (ni, nj, slices), (between_columns, between_rows, step)


def line_tilt_deg(places: NDArray[np.float64], precision_mm: float) -> float:
    """Angle between the normal and the line through slices (n, 3), mm along row, column and normal."""
    slope, _ = line_through(places[:, 2], places[:, :2], precision_mm)
    return math.degrees(math.atan(float(np.hypot(*slope))))


MOST_SLICES = 100_000
"""Beyond this a preview would take long, and no volume fits."""
