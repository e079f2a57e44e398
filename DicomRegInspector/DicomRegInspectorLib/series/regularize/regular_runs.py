"""The parts of an irregular stack: where it must not be bridged, and runs of constant spacing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...progress import Progress
from ..geometry.spacing import Section, Spacing
from ..geometry.stacks import even_line
from .one_per_place import Dropped, Placed
from .options import RegularizeOptions
from .regular import PlannedVolume, RegularVolume, full_boxes
from .values import Values

PART_OF_A_SLICE = 0.25
"""A gap may be this much wider (in slices) than the widest allowed: spacings are known to some percent only."""


def wide_gaps(spacing: Spacing, positions: NDArray[np.float64], max_gap: float) -> NDArray[np.bool_]:
    """Return (n-1,) whether more than ``max_gap`` slices are missing in an interval, by the spacing around it."""
    intervals = np.diff(positions)
    missing = np.array([interval / around(spacing, k) - 1 for k, interval in enumerate(intervals.tolist())])
    return missing > max_gap + PART_OF_A_SLICE


def around(spacing: Spacing, k: int) -> float:
    """Return the spacing to judge interval ``k`` (from 0) by: its section's, or the wider of its neighbours'."""
    near = [section for section in spacing.sections if section.first <= k + 1 < section.last]
    if not near:
        before = [section for section in spacing.sections if section.last <= k + 1]
        after = [section for section in spacing.sections if section.first >= k + 2]
        near = before[-1:] + after[:1]
    return max((neighbour.spacing_mm for neighbour in near), default=spacing.nominal_mm)


@dataclass(frozen=True)
class Run:
    """Slices ``first`` to ``stop`` - 1 (from 0) at one spacing."""

    first: int
    stop: int
    spacing_mm: float


def regular_runs(placed: Placed, max_gap: float) -> list[Run]:
    """Return a stack's sections in their order, and what lies between them in runs as long as intervals agree.

    A slice at which one spacing turns into another without a break ends one section and begins the next.
    """
    spacing, positions = placed.spacing, placed.positions_mm
    gaps = wide_gaps(spacing, positions, max_gap)
    runs: list[Run] = []
    done = 0
    for section in spacing.sections:
        runs += _between(positions, gaps, done, section.first - 1, spacing)
        runs += _unbroken(section, gaps)
        done = section.last
    return runs + _between(positions, gaps, done, len(positions), spacing)


def _unbroken(section: Section, gaps: NDArray[np.bool_]) -> list[Run]:
    breaks = [k + 1 for k in range(section.first - 1, section.last - 1) if gaps[k]]
    edges = [section.first - 1, *breaks, section.last]
    return [Run(first, stop, section.spacing_mm) for first, stop in pairwise(edges)]


def _between(
    positions: NDArray[np.float64], gaps: NDArray[np.bool_], first: int, stop: int, judged: Spacing
) -> list[Run]:
    """Runs of slices that are in no section."""
    runs: list[Run] = []
    start = first
    while start < stop:
        end = start + 1
        while end < stop and not gaps[end - 1]:
            interval, usual = positions[end] - positions[end - 1], positions[start + 1] - positions[start]
            if abs(interval - usual) > judged.relative_tolerance * usual:
                break
            end += 1
        spacing = (positions[end - 1] - positions[start]) / (end - 1 - start) if end - start > 1 else judged.nominal_mm
        runs.append(Run(start, end, float(spacing)))
        start = end
    return runs


@dataclass(frozen=True, eq=False, kw_only=True)
class PlannedSection(PlannedVolume):
    """A run as a volume: values untouched, tilt in the matrix."""

    run: Run
    label: str = ""

    @property
    def new_voxels(self) -> int:
        """None: the source's memory is used."""
        return 0

    def make(self, placed: Placed, values: Values, progress: Progress | None) -> RegularVolume:
        """Take the run's slices as they are."""
        run = self.run
        mine = values.part(run.first, run.stop)
        members = placed.members[run.first : run.stop]
        spacing = f"{run.spacing_mm:.4g} mm apart" if len(members) > 1 else "by itself"
        which = f"slices {run.first + 1} to {run.stop}" if run.stop - run.first > 1 else f"slice {run.stop}"
        return RegularVolume(
            array=mine.array,
            affine_lps=self.affine_lps,
            boxes=full_boxes(mine.array),
            sources=members,
            fill=values.fill,
            slice_corners_lps_mm=self.affine_lps[:3, 3] + np.arange(len(members))[:, None] * self.affine_lps[:3, 2],
            source=values.volume,
            is_untouched=all(len(member) == 1 for member in members),
            description=f"{which} of {len(values.array)}, {spacing}, values untouched",
            label=self.label,
            holes=mine.holes,
            deviation_mm=self.deviation_mm,
        )


def plan_sections(placed: Placed, options: RegularizeOptions) -> tuple[list[PlannedSection], list[Dropped]]:
    """Return the volumes of ``split`` and ``crop``, and the slices that cropping leaves out."""
    runs = regular_runs(placed, options.max_gap)
    if options.mode == "crop":
        longest = max(runs, key=lambda run: run.stop - run.first)
        outside = placed.members[: longest.first] + placed.members[longest.stop :]
        reason = "lies outside the longest regular run"
        return [_planned(placed, longest)], [Dropped(member, reason) for members in outside for member in members]
    labels = [f"section {n + 1} of {len(runs)}" if len(runs) > 1 else "" for n in range(len(runs))]
    return [_planned(placed, run, label) for run, label in zip(runs, labels, strict=True)], []


def _planned(placed: Placed, run: Run, label: str = "") -> PlannedSection:
    origin, step = _line(placed, run)
    nj, ni = placed.size
    between_rows, between_columns = placed.pixel_spacing_mm
    count = run.stop - run.first
    on_lattice = origin + np.arange(count)[:, None] * step
    off = np.linalg.norm(on_lattice - placed.corners_lps_mm[run.first : run.stop], axis=1)
    along = placed.axes @ step
    return PlannedSection(
        dimensions=(ni, nj, count),
        spacing_mm=(between_columns, between_rows, run.spacing_mm),
        positions_mm=tuple((on_lattice @ placed.axes[2]).tolist()),
        is_filled=(False,) * count,
        affine_lps=placed.lattice(origin, step),
        deviation_mm=float(off.max()) + placed.parallel_deviation_mm,
        tilt_deg=math.degrees(math.atan2(float(np.hypot(along[0], along[1])), float(along[2]))),
        run=run,
        label=label,
    )


def _line(placed: Placed, run: Run) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First corner (3,) and step from slice to slice (3,) of a run, LPS mm; a tilted stack's steps lean."""
    corners = placed.corners_lps_mm[run.first : run.stop]
    if len(corners) < 2:
        return corners[0], placed.axes[2] * run.spacing_mm
    return even_line(corners)
