"""A stack resampled between its slices' true positions, on an orthogonal grid: its own directions or a reference's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...limits import CUT_SLICES
from ...progress import Progress
from ..geometry.stacks import Slice
from .one_per_place import Placed
from .options import RegularizeOptions
from .reference import ReferenceGrid
from .regular import PlannedVolume, RegularVolume
from .regular_runs import wide_gaps
from .resample_across import ObliqueResampler
from .resample_along import Line, Resampler, SlicePair, line, run_threads
from .values import Values

NEARLY = 1e-3
"""Of a step: planes this close to a slice have its values as they are."""
SHIFT_PIXELS = 0.01
"""In-plane shifts smaller than this are rounding and add no row or column to the result."""
ALIGNED = 1e-6
"""Sine of the largest angle between axes that counts as none: half a micrometre over the width of an image."""
MOST_SLICES = CUT_SLICES.value


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

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """(ni, nj, nk)."""
        return self.columns.count, self.rows.count, self.planes.count

    def affine_lps(self, axes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (4, 4) from index to LPS mm; ``axes`` (3, 3) as rows."""
        affine = np.eye(4)
        along = (self.columns, self.rows, self.planes)
        affine[:3, :3] = axes.T * [position.step for position in along]
        affine[:3, 3] = axes.T @ [position.start for position in along]
        return affine


@dataclass(frozen=True, eq=False, kw_only=True)
class PlannedResampling(PlannedVolume):
    """The stack resampled on an orthogonal grid."""

    lattice: Lattice | None
    """The grid along the stack's own directions; None for one that has others."""
    pairs: tuple[SlicePair | None, ...]
    """For each plane of such a grid the slices around it; None in a gap and outside."""
    gaps: NDArray[np.bool_]
    """(n-1,) intervals of the stack that are not bridged."""
    reach_mm: float
    """How far beside a slice a plane still has its values, where nothing is on the other side."""
    max_gap: float

    def make(self, placed: Placed, values: Values, progress: Progress | None) -> RegularVolume:
        """Interpolate."""
        columns, rows, slices = self.dimensions
        target = np.empty((slices, rows, columns, *values.array.shape[3:]), values.array.dtype)
        if self.lattice is not None:
            return self._along(self.lattice, placed, values, target, progress)
        return self._across(placed, values, target, progress)

    def _along(
        self, lattice: Lattice, placed: Placed, values: Values, target: NDArray[Any], progress: Progress | None
    ) -> RegularVolume:
        """On a grid with the stack's own directions."""
        rows, columns = lattice.rows, lattice.columns
        nj, ni = placed.size
        between_rows, between_columns = placed.pixel_spacing_mm
        origins = placed.corners_lps_mm @ placed.axes[:2].T
        resampler = Resampler(
            values.array,
            _lines(rows.start - origins[:, 1], between_rows, rows, nj),
            _lines(columns.start - origins[:, 0], between_columns, columns, ni),
            values.fill,
            target,
            values.padding,
        )
        run_threads(resampler.write, list(enumerate(self.pairs)), progress, "Resampling")
        boxes = [resampler.box(pair) if pair else (0, 0, 0, 0) for pair in self.pairs]
        members = placed.members
        sources = tuple(_sources(members, pair) for pair in self.pairs)
        return self._volume(values, target, boxes, resampler.holes, sources)

    def _across(self, placed: Placed, values: Values, target: NDArray[Any], progress: Progress | None) -> RegularVolume:
        """On a grid with directions of its own."""
        resampler = ObliqueResampler(placed, values, self.affine_lps, self.gaps, self.reach_mm, target)
        run_threads(resampler.write, list(range(len(target))), progress, "Resampling")
        used = [resampler.used.get(k, (0, 0)) for k in range(len(target))]
        full = (0, target.shape[1], 0, target.shape[2])
        boxes = [full if stop > first else (0, 0, 0, 0) for first, stop in used]
        members = placed.members
        sources = tuple(tuple(slice_ for place in members[first:stop] for slice_ in place) for first, stop in used)
        return self._volume(values, target, boxes, resampler.holes, sources)

    def _volume(
        self,
        values: Values,
        target: NDArray[Any],
        boxes: list[tuple[int, int, int, int]],
        holes: dict[int, NDArray[np.uint8]],
        sources: tuple[tuple[Slice, ...], ...],
    ) -> RegularVolume:
        missing = sum(not source for source in sources)
        if missing == len(sources):
            raise UsageError("No slice of the result would hold any of the image: the reference lies elsewhere.")
        step = self.spacing_mm[2]
        text = f"resampled to {step:.6g} mm between slices, orthogonal, linear between true positions"
        if missing:
            text += (
                f"; {missing} of {len(sources)} lie in gaps with more than {self.max_gap:g} missing or outside and "
                f"hold the fill value {values.fill:g}"
            )
        return RegularVolume(
            array=target,
            affine_lps=self.affine_lps,
            boxes=np.array(boxes, np.intp).reshape(-1, 4),
            sources=sources,
            fill=values.fill,
            slice_corners_lps_mm=self.affine_lps[:3, 3] + np.arange(len(target))[:, None] * self.affine_lps[:3, 2],
            source=values.volume,
            is_untouched=False,
            description=text,
            deviation_mm=self.deviation_mm,
            holes=holes,
        )


def plan_resampling(placed: Placed, options: RegularizeOptions) -> PlannedResampling:
    """Return the volume of ``resample``.

    Raises UsageError when the reference lies in other coordinates, or the result has too many slices or needs more
    memory than there is.
    """
    reference = options.grid
    step = float(options.spacing_mm if options.spacing_mm is not None else placed.spacing.nominal_mm)
    reach = max(NEARLY * step, min(placed.precision_mm, step / 4))
    if reference is None:
        lattice: Lattice | None = _own_lattice(placed, step, reach, options.in_plane_spacing_mm)
    else:
        reference.require_frame(placed.stack.frame_of_reference_uid)
        lattice = _lattice_of(placed, reference)
    if lattice is not None:
        dimensions, affine = lattice.dimensions, lattice.affine_lps(placed.axes)
    else:
        assert reference is not None
        dimensions, affine = reference.dimensions, reference.affine_lps
    placed.require_room(dimensions)
    gaps = wide_gaps(placed.spacing, placed.positions_mm, options.max_gap)
    places: NDArray[np.float64] = np.empty(0)
    pairs: list[SlicePair | None] = []
    if lattice is not None:
        planes = lattice.planes
        if planes.count > MOST_SLICES:
            raise UsageError(CUT_SLICES.met.format(step=planes.step, slices=planes.count))
        places = planes.start + planes.step * np.arange(planes.count, dtype=np.float64)
        pairs = _pairs_around(placed.positions_mm, places, gaps, reach)
    across, down, along = np.linalg.norm(affine[:3, :3], axis=0).tolist()
    return PlannedResampling(
        dimensions=dimensions,
        spacing_mm=(across, down, along),
        positions_mm=tuple(places.tolist()),
        is_filled=tuple(pair is None for pair in pairs),
        affine_lps=affine,
        deviation_mm=placed.parallel_deviation_mm,
        lattice=lattice,
        pairs=tuple(pairs),
        gaps=gaps,
        reach_mm=reach,
        max_gap=options.max_gap,
    )


def _own_lattice(placed: Placed, step: float, reach: float, in_plane: float | tuple[float, float] | None) -> Lattice:
    """The grid that begins at the first slice and is large enough in plane for all."""
    positions = placed.positions_mm
    steps = in_plane if isinstance(in_plane, tuple) else (in_plane, in_plane)
    nj, ni = placed.size
    between_rows, between_columns = placed.pixel_spacing_mm
    origins = placed.corners_lps_mm @ placed.axes[:2].T
    # Counted in Python's integers: an absurd spacing must fail on memory, not on overflow.
    slices = int((positions[-1] - positions[0] + reach) / step) + 1
    return Lattice(
        _extent(origins[:, 0], between_columns, ni, steps[1]),
        _extent(origins[:, 1], between_rows, nj, steps[0]),
        Axis(float(positions[0]), step, slices),
    )


def _lattice_of(placed: Placed, reference: ReferenceGrid) -> Lattice | None:
    """A reference's grid along the stack's directions; None where it has others."""
    steps = np.linalg.norm(reference.affine_lps[:3, :3], axis=0)
    if np.abs(reference.affine_lps[:3, :3] / steps - placed.axes.T).max() > ALIGNED:
        return None
    starts = (placed.axes @ reference.affine_lps[:3, 3]).tolist()
    found = (Axis(*axis) for axis in zip(starts, steps.tolist(), reference.dimensions, strict=True))
    return Lattice(*found)


def _extent(origins: NDArray[np.float64], spacing: float, count: int, asked: float | None) -> Axis:
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


def _pairs_around(
    positions: NDArray[np.float64], planes: NDArray[np.float64], gaps: NDArray[np.bool_], reach: float
) -> list[SlicePair | None]:
    """For each plane the slices around it; None in a gap and outside."""
    result: list[SlicePair | None] = []
    places, is_gap = positions.tolist(), gaps.tolist()
    following = np.clip(np.searchsorted(positions, planes), 1, len(places) - 1).tolist()
    for plane, after in zip(planes.tolist(), following, strict=True):
        before = after - 1
        interval = places[after] - places[before]
        weight = min(max((plane - places[before]) / interval, 0.0), 1.0)
        closest = before if weight < 0.5 else after
        distance = abs(plane - places[closest])
        if distance <= NEARLY * min(interval, 1.0) or (is_gap[before] and distance <= reach):
            result.append(SlicePair(closest, closest, 0.0))
        elif is_gap[before] or not places[0] - reach <= plane <= places[-1] + reach:
            result.append(None)
        else:
            result.append(SlicePair(before, after, weight))
    return result


def _sources(members: tuple[tuple[Slice, ...], ...], pair: SlicePair | None) -> tuple[Slice, ...]:
    if pair is None:
        return ()
    return members[pair.before] + (members[pair.after] if pair.after != pair.before else ())
