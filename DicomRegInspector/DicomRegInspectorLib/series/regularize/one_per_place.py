"""What a regularized series is made of: which slices belong to it, and one image at each place.

Stacks that a scanner or an archive mixed up are taken apart here; nothing disappears without being listed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ChoiceError, UsageError
from ...memory import require_memory
from ..geometry.divided import divided
from ..geometry.grouping import group_slices
from ..geometry.segmentations import is_segmentation
from ..geometry.series import Series
from ..geometry.spacing import Spacing, judge_spacing
from ..geometry.stacks import Slice, Stack, axes_of, lattice
from ..pixels.choose_stack import the_stack
from ..pixels.stack_choices import describe_stacks
from ..pixels.volume import SeriesVolume
from .options import Duplicates, Overlaps, RegularizeOptions


@dataclass(frozen=True)
class Dropped:
    """A slice that is not in the result."""

    slice: Slice
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a report."""
        return {
            "file": self.slice.path,
            "sop_instance_uid": self.slice.sop_instance_uid,
            "frame": self.slice.frame_number,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Candidate:
    """A slice at a place."""

    slice: Slice
    index: int | None
    """In the volume's array; None for a slice that has to be read."""

    @property
    def order(self) -> tuple[int, int]:
        """By acquisition, then instance number."""
        return self.slice.header.acquisition_number or 0, self.slice.instance_number or 0


@dataclass(frozen=True, eq=False)
class Placed:
    """One image at each place of a stack, by headers alone. LPS mm."""

    slices: tuple[Slice, ...]
    """Of the volume that is placed, in its array's order."""
    candidates: tuple[tuple[Candidate, ...], ...]
    """For each place what it comes from; several where it is their mean."""
    corners_lps_mm: NDArray[np.float64]
    """(nk, 3) centre of the first pixel."""
    dropped: tuple[Dropped, ...]
    size: tuple[int, int]
    """(nj, ni): rows and columns."""
    pixel_spacing_mm: tuple[float, float]
    """Between rows, then between columns."""
    stack: Stack
    voxel_bytes: int
    """Of a value, all channels; 1 where only headers are known."""

    @cached_property
    def members(self) -> tuple[tuple[Slice, ...], ...]:
        """For each place the slices it comes from."""
        return tuple(tuple(candidate.slice for candidate in place) for place in self.candidates)

    @cached_property
    def axes(self) -> NDArray[np.float64]:
        """(3, 3): unit row direction, column direction and normal as rows."""
        return axes_of(self.candidates[0][0].slice.orientation or ())

    @cached_property
    def positions_mm(self) -> NDArray[np.float64]:
        """(nk,) along the normal, ascending."""
        return self.corners_lps_mm @ self.axes[2]

    @property
    def precision_mm(self) -> float:
        """What rounding to the digits written can move a slice along the normal."""
        return self.stack.precision_mm

    @cached_property
    def spacing(self) -> Spacing:
        """The intervals, judged."""
        judged = judge_spacing(self.positions_mm, self.precision_mm, self.stack.interval_tolerance)
        assert judged is not None, "there are two places at least"
        return judged

    @cached_property
    def own_corners_lps_mm(self) -> NDArray[np.float64]:
        """(nk, 2, 2, 3) centres of each slice's corner pixels, [row][column], as its own header says (PS3.3 C.7.6.2);
        of a mean of several slices those of the first."""
        slices = [place[0].slice for place in self.candidates]
        sizes = np.array([(slice_.rows, slice_.columns) for slice_ in slices], np.float64) - 1
        spacing = np.array([slice_.pixel_spacing_mm or (1.0, 1.0) for slice_ in slices], np.float64)
        cosines = np.array([slice_.orientation for slice_ in slices], np.float64)
        corners = np.array([slice_.position_lps_mm for slice_ in slices], np.float64)
        along_row = cosines[:, :3] * spacing[:, 1:] * sizes[:, 1:]
        along_column = cosines[:, 3:] * spacing[:, :1] * sizes[:, :1]
        b, a = np.indices((2, 2))[..., None]
        return corners[:, None, None] + a * along_row[:, None, None] + b * along_column[:, None, None]

    @cached_property
    def parallel_deviation_mm(self) -> float:
        """The farthest that a slice's corner lies from where the stack's directions and pixel spacing put it."""
        nj, ni = self.size
        between_rows, between_columns = self.pixel_spacing_mm
        b, a = np.meshgrid((0, nj - 1), (0, ni - 1), indexing="ij")
        row, column, _ = self.axes
        offsets = a[..., None] * between_columns * row + b[..., None] * between_rows * column
        own = self.own_corners_lps_mm
        return float(np.linalg.norm(own - own[:, :1, :1] - offsets, axis=-1).max())

    def lattice(self, origin: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (4, 4) with the stack's rows and columns, an origin, and a step (3,) from slice to slice; LPS mm."""
        return lattice(self.axes, self.pixel_spacing_mm, origin, step)

    def require_room(self, dimensions: tuple[int, int, int]) -> None:
        """Refuse a volume of (ni, nj, nk) that does not fit into memory.

        Raises UsageError.
        """
        ni, nj, nk = dimensions
        require_memory(ni * nj * nk * self.voxel_bytes, f"A volume of {nk:,} × {nj:,} × {ni:,} values")


def stack_to_regularize(
    series: Series, choice: int | str | None = None, *, is_divided: bool = True
) -> tuple[Stack, tuple[Dropped, ...]]:
    """Return the stack of a series that is worth regularizing, and the slices of the series that are not in it.

    Acquisitions that overlap by accident stay together, so that it can be chosen what becomes of their duplicates;
    localizers and other image types (the first three values of Image Type (0008,0008)) are left out. Not
    divided, it has all images of one orientation, size and spacing of pixels, among them those of the stack chosen.

    Raises UsageError when there is no stack, or none with more than half of the images (localizers aside); names those
    there are.
    """
    if not is_divided and choice is not None:
        chosen = _group_of(series, the_stack(series, choice))
    else:
        chosen = the_stack(series, choice) if choice is not None else _joined_stack(series, is_divided)
    kinds = Counter(_image_type(slice_) for slice_ in chosen.slices)
    kind = kinds.most_common(1)[0][0]
    if len(kinds) > 1:
        chosen = replace(chosen, slices=tuple(slice_ for slice_ in chosen.slices if _image_type(slice_) == kind))
    kept = set(map(id, chosen.slices))
    reasons = {id(slice_): stack for stack in series.stacks for slice_ in stack.slices}
    return chosen, tuple(
        Dropped(slice_, _why_apart(slice_, reasons.get(id(slice_)), chosen, kind))
        for slice_ in series.slices
        if id(slice_) not in kept
    )


def _group_of(series: Series, chosen: Stack) -> Stack:
    stacks = group_slices(series.slices, series.interval_tolerance).stacks
    return next(stack for stack in stacks if any(slice_ is chosen.slices[0] for slice_ in stack.slices))


def _joined_stack(series: Series, is_divided: bool = True) -> Stack:
    """The biggest stack before accidental duplicates were taken apart."""
    if series.stacks and is_segmentation(series.stacks[0]):
        return the_stack(series, None)
    stacks = group_slices(series.slices, series.interval_tolerance).stacks
    groups = [stack for stack in stacks if not stack.is_localizer]
    count = sum(not slice_.is_localizer for slice_ in series.slices) - series.set_aside
    if not groups or 2 * len(groups[0].slices) <= count:
        if not groups:
            return the_stack(series, None)
        raise ChoiceError(
            f"Series {series.series_instance_uid or '(without a UID)'} has no stack with more than half of its {count} "
            f"images; choose one of {describe_stacks(series.stacks)}.",
            "stack",
        )
    if not is_divided:
        return groups[0]
    found = divided(groups[0])
    if found.is_by_design:
        return found.parts[0]
    # Of these no choice of duplicates makes a volume: together they are none, or what one lacks is of another kind.
    are_volumes = found.division.kind == "coinciding" and (found.is_named_by_design or len(found.parts) > MOST_JOINED)
    if are_volumes or found.division.kind in ("shifted", "side by side"):
        return the_stack(series, None)
    return groups[0]


MOST_JOINED = 2
"""Acquisitions of one place that may be one volume scanned again in part."""


def _image_type(slice_: Slice) -> tuple[str, ...]:
    return tuple(str(slice_.value("image type") or "").split("\\")[:3])


def _why_apart(slice_: Slice, stack: Stack | None, chosen: Stack, kind: tuple[str, ...]) -> str:
    if slice_.is_localizer:
        return "a localizer"
    if slice_.position_lps_mm is None or slice_.orientation is None:
        return "it has no usable position or orientation"
    size = (slice_.rows, slice_.columns)
    if size != (chosen.rows, chosen.columns):
        return f"{size[1]} × {size[0]} pixels, the stack has {chosen.columns} × {chosen.rows}"
    if _image_type(slice_) != kind:
        return f"image type {'/'.join(_image_type(slice_))}, the stack has {'/'.join(kind)}"
    if stack is not None and stack.label:
        return f"of another volume of the same place: {stack.label}"
    return "another orientation, pixel spacing or frame of reference"


def place(volume: SeriesVolume, options: RegularizeOptions) -> Placed:
    """Return one image at each place of a volume's stack. No value is read.

    Raises UsageError when the volume has no usable places, or no slice of the acquisition chosen.
    """
    stack = _stack_with_places(volume)
    dropped: list[Dropped] = []
    places = _places(volume, dropped)
    if isinstance(options.duplicates, int):
        places = _of_acquisition(places, options.duplicates, dropped)
    chosen = [
        _choose(candidates, options.duplicates, "lies where another slice does", dropped) for candidates in places
    ]
    if options.overlaps != "keep":
        chosen = _merged(volume.slices[0], stack, chosen, options.overlaps, dropped)
    if len(chosen) < 2:
        raise UsageError("Only one slice is left: there is no spacing to make regular.")
    nj, ni = volume.array.shape[1:3]
    columns, rows = np.linalg.norm(volume.affine_lps[:3, :2], axis=0).tolist()
    return Placed(
        slices=volume.slices,
        candidates=tuple(map(tuple, chosen)),
        corners_lps_mm=np.array([_mean_corner(members) for members in chosen]),
        dropped=tuple(dropped),
        size=(nj, ni),
        pixel_spacing_mm=(rows, columns),
        stack=stack,
        voxel_bytes=volume.array[0, 0, 0].nbytes,
    )


def _mean_corner(candidates: list[Candidate]) -> NDArray[np.float64]:
    return np.mean([np.asarray(candidate.slice.position_lps_mm, np.float64) for candidate in candidates], axis=0)


def _stack_with_places(volume: SeriesVolume) -> Stack:
    count = len(volume.array)
    if count == 0:
        raise UsageError("There are no slices: there is nothing to make regular.")
    if volume.stack is None:
        raise UsageError("The images have no position: they cannot be made a regular volume.")
    corners = np.asarray(volume.slice_corners_lps_mm)
    if len(corners) != count or len(volume.slices) != count:
        raise UsageError(f"There are {count} slices, but {len(corners)} positions of {len(volume.slices)} images.")
    bad = np.flatnonzero(~np.isfinite(corners).all(axis=1))
    if bad.size:
        name = volume.slices[int(bad[0])].path
        raise UsageError(
            f"{name}: Image Position (Patient) (0020,0032) is {corners[bad[0]].tolist()}, expected three finite "
            f"numbers; {bad.size} of {count} slices cannot be placed."
        )
    if count == 1 and not volume.dropped:
        raise UsageError("There is one slice: it has no spacing to make regular. Load it as an image.")
    return volume.stack


def _places(volume: SeriesVolume, dropped: list[Dropped]) -> list[list[Candidate]]:
    """For each slice of the volume, everything that lies there, by acquisition and instance number."""
    places = [[Candidate(slice_, k)] if volume.valid[k] else [] for k, slice_ in enumerate(volume.slices)]
    dropped += [Dropped(slice_, "holds no values") for k, slice_ in enumerate(volume.slices) if not volume.valid[k]]
    positions = np.asarray(volume.slice_positions_mm)
    normal = axes_of(volume.slices[0].orientation or ())[2]
    for left_out in volume.dropped:
        nearest = int(np.argmin(np.abs(positions - np.asarray(left_out.position_lps_mm) @ normal)))
        places[nearest].append(Candidate(left_out, None))
    return [sorted(candidates, key=lambda candidate: candidate.order) for candidates in places if candidates]


def _of_acquisition(places: list[list[Candidate]], number: int, dropped: list[Dropped]) -> list[list[Candidate]]:
    """Without the slices of other acquisitions between the first and the last of this one."""
    holds = [k for k, candidates in enumerate(places) if any(_is_of(candidate, number) for candidate in candidates)]
    if not holds:
        found = sorted(
            {candidate.slice.header.acquisition_number or 0 for candidates in places for candidate in candidates}
        )
        raise UsageError(f"No slice is of acquisition {number}; there are {', '.join(map(str, found))}.")
    result = []
    for k, candidates in enumerate(places):
        mine = candidates
        if holds[0] <= k <= holds[-1]:
            mine = [candidate for candidate in candidates if _is_of(candidate, number)]
            reason = f"lies within acquisition {number}"
            dropped += [Dropped(candidate.slice, reason) for candidate in candidates if not _is_of(candidate, number)]
        if mine:
            result.append(mine)
    return result


def _is_of(candidate: Candidate, number: int) -> bool:
    return candidate.slice.header.acquisition_number == number


def _choose(
    candidates: list[Candidate], how: Duplicates | Overlaps, reason: str, dropped: list[Dropped]
) -> list[Candidate]:
    if how == "mean" or len(candidates) == 1:
        return candidates
    chosen = candidates[-1] if how == "last" else candidates[0]
    dropped += [Dropped(candidate.slice, reason) for candidate in candidates if candidate is not chosen]
    return [chosen]


def _merged(
    first: Slice, stack: Stack, places: list[list[Candidate]], how: Overlaps, dropped: list[Dropped]
) -> list[list[Candidate]]:
    """One image for each pair of slices closer than the spacing."""
    normal = axes_of(first.orientation or ())[2]
    positions = np.array([_mean_corner(candidates) @ normal for candidates in places])
    judged = judge_spacing(positions, stack.precision_mm, stack.interval_tolerance)
    close = {interval.before for interval in judged.irregular if interval.kind == "overlap"} if judged else set()
    result: list[list[Candidate]] = []
    joined = False
    for k, candidates in enumerate(places):
        # Slice numbers count from 1: interval k lies before the slice with index k. Pairs, not chains.
        if k in close and not joined:
            both = sorted([*result.pop(), *candidates], key=lambda candidate: candidate.order)
            result.append(_choose(both, how, "overlaps another slice", dropped))
            joined = True
        else:
            result.append(candidates)
            joined = False
    return result
