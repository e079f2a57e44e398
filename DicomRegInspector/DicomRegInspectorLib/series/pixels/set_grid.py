"""The grid that the sets of a series share, and which slice of it each set lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import DicomRegInspectorError, UsageError
from ...words import mm, plural
from ..geometry.segmentations import is_segmentation
from ..geometry.series import Series
from ..geometry.set_findings import lacking_in_words
from ..geometry.spacing import same_position_mm
from ..geometry.stacks import Slice, Stack, corners_of, farthest_from_lattice_mm
from ..sets.search import LEAST_FILLED
from .lay_out import LaidOut, affine_of, lay_out
from .stack_choices import value_in
from .volume import REGULAR_MM


@dataclass(frozen=True, eq=False)
class SetGrid:
    """One lattice for several sets. LPS mm."""

    affine_lps: NDArray[np.float64]
    """(4, 4) from (i, j, k, 1) to LPS mm, as in :class:`~.volume.SeriesVolume`."""
    slice_corners_lps_mm: NDArray[np.float64]
    """(nk, 3) the centre of the first pixel of each slice that any set has."""
    slice_positions_mm: NDArray[np.float64]
    """(nk,) along the normal, ascending."""
    places: tuple[NDArray[np.intp], ...]
    """For each set, which slices of the grid its own are, ascending."""

    @property
    def missing(self) -> tuple[tuple[float, ...], ...]:
        """The positions along the normal at which each set lacks a slice, mm."""
        every = np.arange(len(self.slice_positions_mm))
        return tuple(
            tuple(self.slice_positions_mm[np.setdiff1d(every, places, assume_unique=True)].tolist())
            for places in self.places
        )

    @property
    def is_complete(self) -> bool:
        """Whether every set has every slice."""
        return all(len(places) == len(self.slice_positions_mm) for places in self.places)

    @property
    def deviation_mm(self) -> float:
        """The farthest that a slice lies from where :attr:`affine_lps` puts it."""
        return farthest_from_lattice_mm(self.slice_corners_lps_mm, self.affine_lps)

    def missing_in_words(self, numbers: Sequence[int]) -> str:
        """Say what the sets lack, by their numbers; empty where nothing is missing."""
        lacking = [(number, depths) for number, depths in zip(numbers, self.missing, strict=True) if depths]
        return lacking_in_words(lacking)


def shared_grid(sets: Sequence[LaidOut], numbers: Sequence[int]) -> SetGrid:
    """Find the grid that sets share: one size, orientation and spacing of pixels, and slices at the same places.

    A set may lack slices; places are the same when they differ by no more than the rounding of positions explains.

    ``numbers``: what the sets are called in errors.
    Raises UsageError when they share none; says which set differs from the first, and by what.
    """
    first = sets[0]
    tolerance = max(REGULAR_MM, *(laid.stack.precision_mm for laid in sets))
    for number, laid in zip(numbers[1:], sets[1:], strict=True):
        difference = _difference(first, laid, tolerance)
        if difference:
            raise UsageError(f"The sets share no grid: set {number} has {difference} than set {numbers[0]}.")
    union = _union([slice_ for laid in sets for slice_ in laid.kept], first.stack)
    corners, positions = union.corners_lps_mm, union.positions_mm
    places = []
    for number, laid in zip(numbers, sets, strict=True):
        own = corners_of(laid.kept)
        nearest = np.abs(positions[:, None] - (own @ union.normal)[None, :]).argmin(axis=0)
        off = np.linalg.norm(own - corners[nearest], axis=1)
        if off.max() > tolerance:
            k = int(off.argmax())
            raise UsageError(
                f"The sets share no grid: a slice of set {number} lies {mm(float(off[k]))} mm beside those of other "
                f"sets at {mm(float(positions[nearest[k]]))} mm."
            )
        places.append(nearest)
    held = sum(map(len, places))
    if held < LEAST_FILLED * len(positions) * len(sets):
        raise UsageError(
            f"The sets share no grid: they have {plural(held, 'slice')} at {plural(len(positions), 'position')}, "
            "so most positions are those of some sets only (they lie between, beside or after each other)."
        )
    return SetGrid(affine_of(union, union.slices, []), corners, positions, tuple(places))


def _union(slices: Sequence[Slice], like: Stack) -> Stack:
    """A stack with one slice at each place that any set has."""
    positions = corners_of(slices) @ like.normal
    order = np.argsort(positions, kind="stable")
    apart = np.diff(positions[order]) > same_position_mm(positions[order])
    kept = order[np.concatenate([[True], apart])]
    return Stack(tuple(slices[k] for k in kept.tolist()), interval_tolerance=like.interval_tolerance)


def _difference(first: LaidOut, other: LaidOut, tolerance: float) -> str:
    """In what another set is no image of the first one's grid, whatever its slices; empty for nothing."""
    ours, theirs = first.stack, other.stack
    if (ours.rows, ours.columns) != (theirs.rows, theirs.columns):
        return f"another size ({theirs.columns} × {theirs.rows} pixels)"
    if ours.frame_of_reference_uid != theirs.frame_of_reference_uid:
        return "another frame of reference"
    reach = np.array([ours.columns - 1, ours.rows - 1])
    across = np.abs((first.affine_lps - other.affine_lps)[:3, :2] * reach).max(initial=0.0)
    return "another orientation or spacing of pixels" if across > tolerance else ""


@dataclass(frozen=True, eq=False)
class SetGroup:
    """Sets of a series that share a grid and are told apart by the same: together they are one 4D image."""

    numbers: tuple[int, ...]
    """Of the stacks, from 1; two at least."""
    grid: SetGrid


def groups_of_sets(series: Series) -> tuple[SetGroup, ...]:
    """Find the 4D images of a series, the one with the most sets first; segments and localizers are none."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for number, stack in enumerate(series.stacks, start=1):
        if stack.told and not stack.is_localizer and not is_segmentation(stack):
            # Repeats are counted where a value comes again: they are sets of the same kind as those that come once.
            names = tuple(told.name for told in stack.told if told.name != "repeat")
            size = (stack.rows, stack.columns, stack.frame_of_reference_uid)
            key = (names, value_in(stack, "station"), size, stack.pixel_spacing_mm, stack.slices[0].orientation)
            alike.setdefault(key, []).append(number)
    found = []
    for numbers in alike.values():
        if len(numbers) > 1:
            try:
                grid = shared_grid([lay_out(series.stacks[number - 1]) for number in numbers], numbers)
            except DicomRegInspectorError:
                continue
            found.append(SetGroup(tuple(numbers), grid))
    return tuple(sorted(found, key=lambda group: -len(group.numbers)))
