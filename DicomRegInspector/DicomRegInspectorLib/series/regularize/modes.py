"""Irregular series made regular, in the way the user chooses."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..geometry.stacks import Slice
from ..pixels.memory import require_memory
from ..pixels.volume import Progress, SeriesVolume
from .acquisition_grid import acquisition_volume
from .corners import parallel_deviation_mm
from .placing import Dropped, Duplicates, Overlaps, Placed, place
from .regular import MODES, Mode, Regularized, RegularVolume, fill_value
from .resampling import Line, Resampler, SlicePair, line, run_threads
from .sections import Run, regular_runs, run_volume, wide_gaps

MAX_GAP = 1.0
"""Missing slices that are interpolated across by default: one that was lost; more may hold what is looked for."""
NEARLY = 1e-3
"""Of a step: planes this close to a slice have its values as they are."""
SHIFT_PIXELS = 0.01
"""In-plane shifts smaller than this are rounding and add no row or column to the result."""


def regularize(
    volume: SeriesVolume,
    mode: Mode,
    *,
    spacing_mm: float | None = None,
    in_plane_spacing_mm: float | tuple[float, float] | None = None,
    max_gap: float = MAX_GAP,
    duplicates: Duplicates = "first",
    overlaps: Overlaps = "keep",
    fill: float | None = None,
    apart: tuple[Dropped, ...] = (),
    progress: Progress | None = None,
) -> Regularized:
    """Make a series regular.

    Parameters
    ----------
    volume
        From :func:`~.volume.load_series` or :func:`~.placing.load_to_regularize`.
    mode
        ``acquisition``: values untouched, and a displacement grid that puts every slice where its header says.
        ``resample``: on an orthogonal grid with the slices' directions, linear between true positions, so that tilt is
        gone; large enough in plane for all slices. Integers are rounded.
        ``split``: one volume for each section of constant spacing, values untouched.
        ``crop``: the section with the most slices.
    spacing_mm
        Between the slices of ``resample``; the nominal spacing (the one most intervals have) by default.
    in_plane_spacing_mm
        Of ``resample``: between rows and columns, one number or both; as in the files by default.
    max_gap
        So many missing slices are interpolated across, more are not: there the fill value stands, and
        :attr:`~.regular.RegularVolume.valid` is false. ``split`` and ``crop`` break there in any case.
    duplicates, overlaps
        Which of several images at one place, or closer together than the spacing, is kept;
        see :data:`~.placing.Duplicates` and :data:`~.placing.Overlaps`.
    fill
        Where there is nothing; by default see :func:`~.regular.fill_value`.
    apart
        Slices left out before, to be listed with those dropped here.

    Raises
    ------
    UsageError
        The volume has no usable positions, fewer than two, or the result needs more memory than there is.
    FileError
        A further slice cannot be read.
    Cancelled
        When ``progress`` returned False.
    """
    check_options(mode, spacing_mm, in_plane_spacing_mm, max_gap, overlaps, duplicates)
    placed = place(volume, duplicates, overlaps)
    value = fill_value(volume, fill)
    dropped = [*apart, *placed.dropped]
    if mode == "acquisition":
        volumes = [acquisition_volume(placed, max_gap, value)]
    elif mode == "resample":
        volumes = [_resampled(placed, spacing_mm, in_plane_spacing_mm, max_gap, value, progress)]
    else:
        volumes = _sections(placed, mode, max_gap, value, dropped)
    return Regularized(mode, tuple(volumes), tuple(dropped), _describe(volumes, dropped))


def _sections(placed: Placed, mode: Mode, max_gap: float, fill: float, dropped: list[Dropped]) -> list[RegularVolume]:
    runs = regular_runs(placed, max_gap)
    if mode == "crop":
        longest = max(runs, key=lambda run: run.stop - run.first)
        dropped += _cropped(placed, longest)
        return [run_volume(placed, longest, fill, "")]
    labels = [f"section {n + 1} of {len(runs)}" if len(runs) > 1 else "" for n in range(len(runs))]
    return [run_volume(placed, run, fill, label) for run, label in zip(runs, labels, strict=True)]


def check_options(
    mode: str,
    spacing_mm: float | None,
    in_plane: float | tuple[float, float] | None,
    max_gap: float,
    overlaps: str,
    duplicates: object,
) -> None:
    """Refuse what no series can be regularized by.

    Raises
    ------
    UsageError
        With the option and what is expected.
    """
    if mode not in MODES:
        raise UsageError(f"There is no mode {mode!r}; expected one of {', '.join(MODES)}.")
    if mode != "resample" and (spacing_mm is not None or in_plane is not None):
        raise UsageError(f"A spacing can be chosen for mode resample; {mode} leaves slices where they are.")
    for one in (spacing_mm, *(in_plane if isinstance(in_plane, tuple) else (in_plane,))):
        if one is not None and not (math.isfinite(one) and one > 0):
            raise UsageError(f"A spacing is {one:g} mm; expected more than 0.")
    if not max_gap >= 0:
        raise UsageError(f"max_gap is {max_gap:g}; expected a number of slices, 0 or more.")
    if overlaps not in ("keep", "first", "last", "mean"):
        raise UsageError(f"There is no choice of overlaps {overlaps!r}; expected keep, first, last or mean.")
    if not isinstance(duplicates, int) and duplicates not in ("first", "last", "mean"):
        raise UsageError(
            f"There is no choice of duplicates {duplicates!r}; expected first, last, mean or an acquisition number."
        )


def _cropped(placed: Placed, run: Run) -> list[Dropped]:
    outside = placed.members[: run.first] + placed.members[run.stop :]
    return [Dropped(one, "lies outside the longest regular run") for members in outside for one in members]


def _describe(volumes: list[RegularVolume], dropped: list[Dropped]) -> str:
    text = "; ".join(f"{one.label}: {one.description}" if one.label else one.description for one in volumes)
    return text + (f"; left out: {len(dropped)}" if dropped else "")


def _resampled(
    placed: Placed,
    spacing_mm: float | None,
    in_plane: float | tuple[float, float] | None,
    max_gap: float,
    fill: float,
    progress: Progress | None,
) -> RegularVolume:
    step = float(spacing_mm if spacing_mm is not None else placed.spacing.nominal_mm)
    positions = placed.positions_mm
    steps = in_plane if isinstance(in_plane, tuple) else (in_plane, in_plane)
    nj, ni = placed.array.shape[1:3]
    between_rows, between_columns = placed.pixel_spacing_mm
    origins = placed.corners_lps_mm @ placed.axes[:2].T
    column_step, column_start, columns = extent(origins[:, 0], between_columns, ni, steps[1])
    row_step, row_start, rows = extent(origins[:, 1], between_rows, nj, steps[0])
    reach = max(NEARLY * step, min(placed.precision_mm, step / 4))
    # Counted in Python's integers: an absurd spacing must fail on memory, not on overflow.
    slices = int((positions[-1] - positions[0] + reach) / step) + 1
    nbytes = slices * rows * columns * placed.array[0, 0, 0].nbytes
    require_memory(nbytes, f"A volume of {slices:,} × {rows:,} × {columns:,} {placed.array.dtype} values")
    target = np.empty((slices, rows, columns, *placed.array.shape[3:]), placed.array.dtype)
    resampler = Resampler(
        placed.array,
        _lines(row_start - origins[:, 1], between_rows, row_step, rows, nj),
        _lines(column_start - origins[:, 0], between_columns, column_step, columns, ni),
        fill,
        target,
    )
    gaps = wide_gaps(placed.spacing, positions, max_gap)
    pairs = pairs_around(positions, positions[0] + step * np.arange(slices), gaps, reach)
    run_threads(resampler, pairs, progress, "Resampling")
    row, column, normal = placed.axes
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = row * column_step, column * row_step, normal * step
    affine[:3, 3] = row * column_start + column * row_start + normal * positions[0]
    missing = sum(pair is None for pair in pairs)
    text = f"resampled to {step:.6g} mm between slices, orthogonal, linear between true positions"
    if missing:
        text += (
            f"; {missing} of {slices} lie in gaps with more than {max_gap:g} missing and hold the fill value {fill:g}"
        )
    return RegularVolume(
        array=target,
        affine_lps=affine,
        boxes=np.array([resampler.box(one) if one else (0, 0, 0, 0) for one in pairs], np.intp).reshape(-1, 4),
        sources=tuple(_sources(placed, one) for one in pairs),
        fill=fill,
        slice_corners_lps_mm=affine[:3, 3] + np.arange(slices)[:, None] * affine[:3, 2],
        source=placed.volume,
        is_untouched=False,
        description=text,
        deviation_mm=parallel_deviation_mm(placed),
    )


def extent(origins: NDArray[np.float64], spacing: float, count: int, asked: float | None) -> tuple[float, float, int]:
    """Step, start and number of samples along one axis in plane, so that all slices are inside.

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
    return step, start, steps_before + after + 1


def _lines(starts: NDArray[np.float64], spacing: float, step: float, count: int, source_count: int) -> list[Line]:
    """Where the output's samples lie on each slice; slices at one place in plane share theirs."""
    known: dict[float, Line] = {}
    result = []
    for start in (starts / spacing).tolist():
        nearest = round(start)
        start = nearest if abs(start - nearest) < SHIFT_PIXELS else start
        if start not in known:
            known[start] = line(start, step / spacing, count, source_count)
        result.append(known[start])
    return result


def pairs_around(
    positions: NDArray[np.float64], planes: NDArray[np.float64], gaps: NDArray[np.bool_], reach: float
) -> list[SlicePair | None]:
    """For each plane the slices around it; None in a gap."""
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
        elif gaps[before]:
            result.append(None)
        else:
            result.append(SlicePair(before, after, float(weight)))
    return result


def _sources(placed: Placed, pair: SlicePair | None) -> tuple[Slice, ...]:
    if pair is None:
        return ()
    return placed.members[pair.before] + (placed.members[pair.after] if pair.after != pair.before else ())
