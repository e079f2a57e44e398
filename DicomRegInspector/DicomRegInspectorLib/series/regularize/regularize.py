"""Irregular series made regular, in the way the user chooses."""

from __future__ import annotations

import math

from ...errors import UsageError
from ..pixels.volume import Progress, SeriesVolume
from .acquisition_grid import acquisition_volume
from .one_per_place import Dropped, Duplicates, Overlaps, Placed, place
from .reference import ReferenceGrid
from .regular import MODES, Mode, Regularized, RegularVolume, fill_value
from .regular_runs import Run, regular_runs, run_volume
from .resample import WantedGrid, resample

MAX_GAP = 1.0
"""Missing slices that are interpolated across by default: one that was lost; more may hold what is looked for."""


def regularize(
    volume: SeriesVolume,
    mode: Mode,
    *,
    spacing_mm: float | None = None,
    in_plane_spacing_mm: float | tuple[float, float] | None = None,
    reference: ReferenceGrid | None = None,
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
        ``resample``: on an orthogonal grid, linear between true positions, so that tilt is gone. Integers are rounded.
        ``split``: one volume for each section of constant spacing, values untouched.
        ``crop``: the section with the most slices.
    spacing_mm, in_plane_spacing_mm, reference
        Of ``resample``; see :class:`~.resample.WantedGrid`.
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
    check_options(mode, spacing_mm, in_plane_spacing_mm, max_gap, overlaps, duplicates, reference is not None)
    placed = place(volume, duplicates, overlaps)
    value = fill_value(volume, fill)
    dropped = [*apart, *placed.dropped]
    if mode == "acquisition":
        volumes = [acquisition_volume(placed, max_gap, value)]
    elif mode == "resample":
        grid = WantedGrid(spacing_mm, in_plane_spacing_mm, reference)
        volumes = [resample(placed, grid, max_gap, value, progress)]
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
    has_reference: bool = False,
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
    if has_reference and mode != "resample":
        raise UsageError(f"A reference can be chosen for mode resample; {mode} leaves slices where they are.")
    if has_reference and (spacing_mm is not None or in_plane is not None):
        raise UsageError("A reference has a spacing of its own; choose either it or spacings.")
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
