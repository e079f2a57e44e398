"""What regularizing a series will give, told from headers alone: the geometry, and what is left out or filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import UsageError
from ...findings import Finding
from ..geometry.series import Series
from ..geometry.stacks import Stack
from ..pixels.choosing import first_at_each_position
from ..pixels.volume import SeriesVolume
from .acquisition_grid import with_missing
from .modes import MAX_GAP, NEARLY, check_options, extent, pairs_around
from .placing import Dropped, Placed, place, stack_to_regularize
from .regular import Mode
from .sections import regular_runs, wide_gaps

IRREGULAR_CODES = ("slice-gap", "slice-overlap", "spacing-change", "gantry-tilt", "in-plane-shift")
"""Findings that say that slices do not lie on an upright lattice of one spacing."""


@dataclass(frozen=True)
class VolumePreview:
    """One volume that will come."""

    dimensions: tuple[int, int, int]
    """(ni, nj, nk)."""
    spacing_mm: tuple[float, float, float]
    """Between columns, rows and slice planes."""
    filled_slices: int = 0
    """Slices that hold nothing but the fill value."""


@dataclass(frozen=True)
class Preview:
    """What :func:`~.regularize.regularize` will make of a series."""

    mode: Mode
    volumes: tuple[VolumePreview, ...]
    dropped: tuple[Dropped, ...]


def preview(
    series: Series,
    mode: Mode,
    *,
    stack: int | None = None,
    spacing_mm: float | None = None,
    max_gap: float = MAX_GAP,
) -> Preview:
    """Tell what regularizing will give, without reading a pixel.

    Parameters and errors are those of :func:`~.placing.stack_to_regularize` and :func:`~.regularize.regularize`.
    """
    check_options(mode, spacing_mm, None, max_gap, "keep", "first")
    chosen, apart = stack_to_regularize(series, stack)
    placed = place(_without_values(chosen), "first", "keep")
    dropped = [*apart, *placed.dropped]
    nj, ni = placed.array.shape[1:3]
    between_rows, between_columns = placed.pixel_spacing_mm
    if mode == "resample":
        return Preview(mode, (_resampled(placed, spacing_mm, max_gap),), tuple(dropped))
    if mode == "acquisition":
        source, _ = with_missing(placed, np.zeros((len(placed.array), 2, 2, 3)), max_gap)
        steps = (between_columns, between_rows, placed.spacing.nominal_mm)
        one = VolumePreview((ni, nj, len(source)), steps, int((source < 0).sum()))
        return Preview(mode, (one,), tuple(dropped))
    runs = regular_runs(placed, max_gap)
    if mode == "crop":
        longest = max(runs, key=lambda run: run.stop - run.first)
        outside = placed.members[: longest.first] + placed.members[longest.stop :]
        dropped += [Dropped(one, "lies outside the longest regular run") for members in outside for one in members]
        runs = [longest]
    volumes = tuple(
        VolumePreview((ni, nj, run.stop - run.first), (between_columns, between_rows, run.spacing_mm)) for run in runs
    )
    return Preview(mode, volumes, tuple(dropped))


def irregularities(series: Series) -> tuple[Finding, ...]:
    """The findings that say why the stack worth regularizing is irregular; empty for a regular one, or for none."""
    try:
        chosen, _ = stack_to_regularize(series)
    except UsageError:
        return ()
    if chosen.is_localizer or len(chosen.distinct) < 2:
        return ()
    inside = {one.sop_instance_uid for one in chosen.slices}
    return tuple(
        finding
        for finding in series.findings
        if finding.code in IRREGULAR_CODES and finding.severity != "info" and _is_about(finding, inside)
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


def _resampled(placed: Placed, spacing_mm: float | None, max_gap: float) -> VolumePreview:
    step = float(spacing_mm if spacing_mm is not None else placed.spacing.nominal_mm)
    positions = placed.positions_mm
    nj, ni = placed.array.shape[1:3]
    between_rows, between_columns = placed.pixel_spacing_mm
    origins = placed.corners_lps_mm @ placed.axes[:2].T
    _, _, columns = extent(origins[:, 0], between_columns, ni, None)
    _, _, rows = extent(origins[:, 1], between_rows, nj, None)
    reach = max(NEARLY * step, min(placed.precision_mm, step / 4))
    slices = int((positions[-1] - positions[0] + reach) / step) + 1
    if slices > MOST_SLICES:
        raise UsageError(f"A spacing of {step:g} mm makes {slices:,} slices; choose a wider one.")
    pairs = pairs_around(
        positions, positions[0] + step * np.arange(slices), wide_gaps(placed.spacing, positions, max_gap), reach
    )
    filled = sum(pair is None for pair in pairs)
    return VolumePreview((columns, rows, slices), (between_columns, between_rows, step), filled)


MOST_SLICES = 100_000
"""Beyond this a preview would take long, and no volume fits."""
