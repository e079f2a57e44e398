"""What a regularized series is made of: which slices belong to it, and one image at each place.

Stacks that a scanner or an archive mixed up are taken apart here; nothing disappears without being listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..geometry.grouping import group_slices
from ..geometry.phases import explain_duplicates
from ..geometry.series import Series
from ..geometry.spacing import RELATIVE_TOLERANCE, Spacing, judge_spacing
from ..geometry.stacks import Slice, Stack, axes_of
from ..pixels.choose_stack import describe_stacks, the_series, the_stack
from ..pixels.load_pixels import load_pixels
from ..pixels.memory import require_memory
from ..pixels.padding import Padding
from ..pixels.volume import Progress, SeriesVolume, load_stack

Duplicates = Literal["first", "last", "mean"] | int
"""Of several images at one place: the first or last by acquisition and instance number, their mean, or (a number)
that of this acquisition, which then also wins over others anywhere between its first and last slice."""
Overlaps = Literal["keep", "first", "last", "mean"]
"""Of two slices closer than the spacing around them: keep both where they lie, or make one of them."""


@dataclass(frozen=True)
class Dropped:
    """A slice that is not in the result."""

    slice: Slice
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a report."""
        return {
            "file": self.slice.path,
            "sop_instance_uid": self.slice.sop_instance_uid,
            "frame": self.slice.frame_number,
            "reason": self.reason,
        }


@dataclass(frozen=True, eq=False)
class Placed:
    """One image at each place of a stack. LPS mm."""

    volume: SeriesVolume
    array: NDArray[Any]
    """(nk, nj, ni) or (nk, nj, ni, channels); the volume's own memory where nothing had to be changed."""
    members: tuple[tuple[Slice, ...], ...]
    """For each slice what it comes from; several where it is their mean."""
    corners_lps_mm: NDArray[np.float64]
    """(nk, 3) centre of the first pixel."""
    dropped: tuple[Dropped, ...]
    padding: Padding | None = None
    """Which values of the array are no pixels of the image."""

    @property
    def axes(self) -> NDArray[np.float64]:
        """(3, 3): unit row direction, column direction and normal as rows."""
        return axes_of(self.members[0][0].orientation or ())

    @property
    def positions_mm(self) -> NDArray[np.float64]:
        """(nk,) along the normal, ascending."""
        return self.corners_lps_mm @ self.axes[2]

    @property
    def pixel_spacing_mm(self) -> tuple[float, float]:
        """Between rows, then between columns."""
        columns = np.linalg.norm(self.volume.affine_lps[:3, :2], axis=0)
        return float(columns[1]), float(columns[0])

    @property
    def precision_mm(self) -> float:
        """What rounding to the digits written can move a slice along the normal."""
        return self.volume.stack.precision_mm if self.volume.stack is not None else 0.0

    @property
    def _interval_tolerance(self) -> float:
        return self.volume.stack.interval_tolerance if self.volume.stack is not None else RELATIVE_TOLERANCE

    @property
    def spacing(self) -> Spacing:
        """The intervals, judged."""
        judged = judge_spacing(self.positions_mm, self.precision_mm, self._interval_tolerance)
        assert judged is not None, "there are two places at least"
        return judged


def load_to_regularize(
    paths: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    stack: int | str | None = None,
    series_uid: str | None = None,
    progress: Progress | None = None,
) -> tuple[SeriesVolume, tuple[Dropped, ...]]:
    """Read the stack of a series that is worth regularizing, and list what stands apart from it.

    Unlike :func:`~.volume.load_series`, acquisitions that overlap by accident stay together, so that it can be chosen
    what becomes of their duplicates; localizers and other image types (the first three values of Image Type
    (0008,0008)) are left out. Parameters and errors as there.
    """
    series = the_series(paths, series_uid)
    chosen, apart = stack_to_regularize(series, stack)
    return load_stack(chosen, series.findings, progress=progress), apart


def stack_of_paths(
    paths: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    stack: int | str | None = None,
    series_uid: str | None = None,
) -> tuple[Stack, tuple[Dropped, ...]]:
    """The stack of :func:`load_to_regularize` and what stands apart from it, headers only."""
    return stack_to_regularize(the_series(paths, series_uid), stack)


def stack_to_regularize(series: Series, choice: int | str | None = None) -> tuple[Stack, tuple[Dropped, ...]]:
    """The stack of :func:`load_to_regularize` and the slices of the series that are not in it.

    Raises
    ------
    UsageError
        When there is no stack, or none with more than half of the images (localizers aside); names those there are.
    """
    chosen = the_stack(series, choice) if choice is not None else _joined_stack(series)
    kinds = Counter(_image_type(one) for one in chosen.slices)
    kind = kinds.most_common(1)[0][0]
    if len(kinds) > 1:
        chosen = replace(chosen, slices=tuple(one for one in chosen.slices if _image_type(one) == kind))
    kept = set(map(id, chosen.slices))
    reasons = {id(one): stack for stack in series.stacks for one in stack.slices}
    return chosen, tuple(
        Dropped(one, _why_apart(one, reasons.get(id(one)), chosen, kind))
        for one in series.slices
        if id(one) not in kept
    )


def _joined_stack(series: Series) -> Stack:
    """The biggest stack before accidental duplicates were taken apart."""
    stacks = group_slices(series.slices, series.interval_tolerance).stacks
    groups = [stack for stack in stacks if not stack.is_localizer]
    count = sum(not one.is_localizer for one in series.slices)
    if not groups or 2 * len(groups[0].slices) <= count:
        if not groups:
            return the_stack(series, None)
        raise UsageError(
            f"Series {series.series_instance_uid or '(without a UID)'} has no stack with more than half of its {count} "
            f"images; choose one of {describe_stacks(series)}."
        )
    biggest = groups[0]
    if len(biggest.distinct) == len(biggest.slices):
        return biggest
    phases = explain_duplicates(biggest)
    return phases.parts[0] if phases is not None and phases.is_by_design else biggest


def _image_type(one: Slice) -> tuple[str, ...]:
    return tuple(str(one.value("image type") or "").split("\\")[:3])


def _why_apart(one: Slice, stack: Stack | None, chosen: Stack, kind: tuple[str, ...]) -> str:
    if one.is_localizer:
        return "a localizer"
    if one.position_lps_mm is None or one.orientation is None:
        return "it has no usable position or orientation"
    size = (one.header.rows, one.header.columns)
    if size != (chosen.rows, chosen.columns):
        return f"{size[1]} × {size[0]} pixels, the stack has {chosen.columns} × {chosen.rows}"
    if _image_type(one) != kind:
        return f"image type {'/'.join(_image_type(one))}, the stack has {'/'.join(kind)}"
    if stack is not None and stack.label:
        return f"of another volume of the same place: {stack.label}"
    return "another orientation, pixel spacing or frame of reference"


def place(volume: SeriesVolume, duplicates: Duplicates, overlaps: Overlaps, *, with_values: bool = True) -> Placed:
    """One image at each place of a volume's stack; further ones are read from their files as the choice needs them.

    Without values nothing is read or copied: the array has the right shape, and the volume's first value everywhere.

    Raises
    ------
    UsageError
        The volume has no usable places, or no slice of the acquisition chosen.
    FileError
        A further slice cannot be read.
    """
    _require_places(volume)
    dropped: list[Dropped] = []
    places = _places(volume, dropped)
    if isinstance(duplicates, int):
        places = _of_acquisition(places, duplicates, dropped)
    chosen = [_choose(one, duplicates, "lies where another slice does", dropped) for one in places]
    if overlaps != "keep":
        chosen = _merged(volume, chosen, overlaps, dropped)
    if all(len(one) == 1 and one[0].index == k for k, one in enumerate(chosen)) and len(chosen) == len(volume.array):
        array, padding = volume.array, volume.padding
    elif with_values:
        array, padding = _gather(volume, chosen)
    else:
        array, padding = np.broadcast_to(volume.array[:1], (len(chosen), *volume.array.shape[1:])), None
    corners = np.array([np.mean([one.slice.position_lps_mm for one in members], axis=0) for members in chosen])
    members = tuple(tuple(one.slice for one in place) for place in chosen)
    if len(members) < 2:
        raise UsageError("Only one slice is left: there is no spacing to make regular.")
    return Placed(volume, array, members, corners, tuple(dropped), padding)


def _require_places(volume: SeriesVolume) -> None:
    count = len(volume.array)
    if count == 0:
        raise UsageError("There are 0 slices: nothing to make regular.")
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


@dataclass(frozen=True)
class _Candidate:
    slice: Slice
    index: int | None
    """In the volume's array; None for a slice that has to be read."""

    @property
    def order(self) -> tuple[int, int]:
        return self.slice.header.acquisition_number or 0, self.slice.instance_number or 0


def _places(volume: SeriesVolume, dropped: list[Dropped]) -> list[list[_Candidate]]:
    """For each slice of the volume, everything that lies there, by acquisition and instance number."""
    places = [[_Candidate(one, k)] if volume.valid[k] else [] for k, one in enumerate(volume.slices)]
    dropped += [Dropped(one, "holds no values") for k, one in enumerate(volume.slices) if not volume.valid[k]]
    positions = np.asarray(volume.slice_positions_mm)
    normal = axes_of(volume.slices[0].orientation or ())[2]
    for one in volume.dropped:
        nearest = int(np.argmin(np.abs(positions - np.asarray(one.position_lps_mm) @ normal)))
        places[nearest].append(_Candidate(one, None))
    return [sorted(one, key=lambda candidate: candidate.order) for one in places if one]


def _of_acquisition(places: list[list[_Candidate]], number: int, dropped: list[Dropped]) -> list[list[_Candidate]]:
    """Without the slices of other acquisitions between the first and the last of this one."""
    holds = [k for k, one in enumerate(places) if any(_is_of(candidate, number) for candidate in one)]
    if not holds:
        found = sorted({candidate.slice.header.acquisition_number or 0 for one in places for candidate in one})
        raise UsageError(f"No slice is of acquisition {number}; there are {', '.join(map(str, found))}.")
    result = []
    for k, candidates in enumerate(places):
        mine = candidates
        if holds[0] <= k <= holds[-1]:
            mine = [one for one in candidates if _is_of(one, number)]
            reason = f"lies within acquisition {number}"
            dropped += [Dropped(one.slice, reason) for one in candidates if not _is_of(one, number)]
        if mine:
            result.append(mine)
    return result


def _is_of(candidate: _Candidate, number: int) -> bool:
    return candidate.slice.header.acquisition_number == number


def _choose(
    candidates: list[_Candidate], how: Duplicates | Overlaps, reason: str, dropped: list[Dropped]
) -> list[_Candidate]:
    if how == "mean" or len(candidates) == 1:
        return candidates
    chosen = candidates[-1] if how == "last" else candidates[0]
    dropped += [Dropped(one.slice, reason) for one in candidates if one is not chosen]
    return [chosen]


def _merged(
    volume: SeriesVolume, places: list[list[_Candidate]], how: Overlaps, dropped: list[Dropped]
) -> list[list[_Candidate]]:
    """One image for each pair of slices closer than the spacing."""
    normal = axes_of(volume.slices[0].orientation or ())[2]
    positions = np.array([np.mean([one.slice.position_lps_mm for one in place], axis=0) @ normal for place in places])
    stack = volume.stack
    judged_by = (stack.precision_mm, stack.interval_tolerance) if stack is not None else (0.0, RELATIVE_TOLERANCE)
    judged = judge_spacing(positions, *judged_by)
    close = {one.before for one in judged.irregular if one.kind == "overlap"} if judged else set()
    result: list[list[_Candidate]] = []
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


def _gather(volume: SeriesVolume, chosen: list[list[_Candidate]]) -> tuple[NDArray[Any], Padding | None]:
    """The slices chosen as a new array, in the volume's type where that holds them; means of integers are rounded."""
    missing = [one.slice for place in chosen for one in place if one.index is None]
    read = load_pixels(missing, stored_values=volume.is_stored) if missing else None
    dtype = volume.array.dtype if read is None else np.result_type(volume.array.dtype, read.array.dtype)
    number = {id(one): k for k, one in enumerate(missing)}

    def image(one: _Candidate) -> tuple[NDArray[Any], Padding | None, int]:
        if one.index is not None or read is None:
            assert one.index is not None
            return volume.array[one.index], volume.padding, one.index
        k = number[id(one.slice)]
        return read.array[k], read.padding, k

    shape = (len(chosen), *volume.array.shape[1:])
    needed = int(np.prod(shape, dtype=object)) * dtype.itemsize
    require_memory(needed, f"A second volume of {' × '.join(map(str, shape))} {dtype} values, without duplicates,")
    array = np.empty(shape, dtype)
    ranges = np.full((len(chosen), 2), np.nan)
    for k, members in enumerate(chosen):
        found = [image(one) for one in members]
        first, padding, index = found[0]
        array[k] = first if len(members) == 1 else _mean(found, dtype)
        if padding is not None:
            ranges[k] = padding.ranges[index]
    return array, None if np.isnan(ranges).all() else Padding(ranges)


def _mean(images: list[tuple[NDArray[Any], Padding | None, int]], dtype: np.dtype) -> NDArray[Any]:
    """Mean of images at one place; padding has no part in it, and stays where all have it."""
    masks = [padding.mask(values, k) if padding is not None else None for values, padding, k in images]
    values = np.stack([one.astype(np.float64) for one, _, _ in images])
    if all(mask is None for mask in masks):
        mean = values.mean(axis=0)
    else:
        image = np.stack(
            [np.ones(one.shape, bool) if mask is None else ~mask for one, mask in zip(values, masks, strict=True)]
        )
        counts = image.sum(axis=0)
        mean = np.where(image, values, 0).sum(axis=0) / np.maximum(counts, 1)
        np.copyto(mean, values[0], where=counts == 0)
    return np.rint(mean) if dtype.kind in "iu" else mean
