"""From paths to the one stack that a volume is made of."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from operator import index
from os import PathLike, fspath

from ...dicom.fast_header import read_header
from ...dicom.header import Header
from ...errors import ChoiceError, FileError, NotDicomError, UsageError
from ...words import plural
from ..geometry.frames import FrameSpacing
from ..geometry.series import Series, inspect_series
from ..geometry.stacks import UNPLACED, Slice, Stack
from .stack_choices import describe_stacks, stacks_that_match

Paths = str | PathLike[str] | Iterable[str | PathLike[str]]
"""One file or folder, or several."""
Choices = int | str | Iterable[int | str] | None
"""Stacks of a series: by number from 1, label or value; None for all."""


def the_series(paths: Paths, series_uid: str | None, frame_spacing: FrameSpacing = None) -> Series:
    """Find the one image series among files and folders; see :func:`~..geometry.series.inspect_series`.

    Raises UsageError when there is no image, no series of that UID, or more than one series and no choice. Raises
    FileError when a file cannot be read. In folders, what is not DICOM is passed over.
    """
    headers = list(_headers(paths))
    series = inspect_series(headers, frame_spacing=frame_spacing)
    if not series:
        raise UsageError(
            f"There is no image among the {plural(len(headers), 'DICOM file')} given: nothing to make a volume of."
        )
    if series_uid is not None:
        found = [series_ for series_ in series if series_.series_instance_uid == series_uid]
        if not found:
            raise UsageError(f"There is no image of series {series_uid}. There are: {_list_series(series)}.")
        series = found
    if len(series) > 1:
        raise ChoiceError(
            f"The files are of {len(series)} series; choose one by its UID: {_list_series(series)}.", "series"
        )
    return series[0]


def _list_series(series: Sequence[Series]) -> str:
    texts = [
        f"{series_.series_instance_uid or '(without a UID)'} ({series_.modality}, {series_.slice_count} images)"
        for series_ in series
    ]
    return "; ".join(texts[:10]) + (f"; and {len(texts) - 10} more" if len(texts) > 10 else "")


def _headers(paths: Paths) -> Iterator[Header]:
    given = [paths] if isinstance(paths, (str, PathLike)) else list(paths)
    seen: set[str] = set()
    for path in (fspath(given_path) for given_path in given):
        in_folder = os.path.isdir(path)
        for file in files_below(path) if in_folder else [path]:
            if file in seen:
                continue
            seen.add(file)
            try:
                yield read_header(file)
            except NotDicomError:
                if not in_folder:
                    raise


def files_below(folder: str) -> Iterator[str]:
    """Yield the files of a folder and of those in it, by their names."""
    for here, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            yield os.path.join(here, name)


def the_stack(series: Series, choice: int | str | Stack | None) -> Stack:
    """Find the stack chosen: by number from 1, by label, by the value that tells it from the others, or the main one.

    Raises ChoiceError when there is no such stack, several, or no main one; names those that there are. Raises
    UsageError when no image of the series can be placed. Raises FileError when the frames of a file share one position.
    """
    if isinstance(choice, Stack):
        return choice
    if choice is None:
        if series.main_stack is not None:
            return series.main_stack
        require_stacks(series)
        raise ChoiceError(
            f"{_subject(series)} has no stack with more than half of its {series.slice_count} images; choose one of "
            f"{describe_stacks(series.stacks)}.",
            "stack",
        )
    numbers = _numbers(series, choice)
    if len(numbers) > 1:
        raise ChoiceError(
            f"{_subject(series)} has several stacks {choice!r}; choose one of "
            f"{describe_stacks(series.stacks, numbers)}.",
            "stack",
        )
    return series.stacks[numbers[0] - 1]


def the_stacks(series: Series, choices: Choices = None) -> tuple[int, ...]:
    """Find all the stacks chosen; errors as of :func:`the_stack`.

    ``choices``: a number, label or value, or several of them, each for all the stacks that it fits; None for every
    stack.

    Returns the numbers of the stacks, from 1, ascending.
    """
    require_stacks(series)
    if choices is None:
        return tuple(range(1, len(series.stacks) + 1))
    given = [choices] if isinstance(choices, (int, str)) else choices
    return tuple(sorted({number for choice in given for number in _numbers(series, choice)}))


def _numbers(series: Series, choice: int | str) -> list[int]:
    require_stacks(series)
    if isinstance(choice, str):
        found = stacks_that_match(series.stacks, choice)
    else:
        found = [index(choice)] if 1 <= index(choice) <= len(series.stacks) else []
    if not found:
        raise ChoiceError(
            f"{_subject(series)} has no stack {choice!r}; there are {describe_stacks(series.stacks)}.", "stack"
        )
    return found


def require_stacks(series: Series) -> None:
    """Refuse a series none of whose images can be placed; errors as of :func:`the_stack`."""
    if not series.stacks:
        _refuse_frames(series)
        raise UsageError(f"{_subject(series)} cannot be placed: {_why_unplaced(series)}.")


def _subject(series: Series) -> str:
    return f"Series {series.series_instance_uid or '(without a UID)'}"


def _refuse_frames(series: Series) -> None:
    """FileError where a file's frames share one position: not the images are at fault, but what they do not say."""
    for slice_ in series.slices:
        if slice_.coordinates == UNPLACED and slice_.header.number_of_frames > 1:
            told = next((finding for finding in series.findings if finding.code == "frames-unplaced"), None)
            claimed = told.evidence.get("claimed_spacing_mm") if told is not None else None
            problem = (
                f"holds {slice_.header.number_of_frames} frames, but only one position: its frames cannot be placed. "
                + (
                    f"Its header claims {abs(claimed):g} mm between them; ask for that frame spacing to use it."
                    if claimed
                    else "They may be points in time; give a frame spacing if they are slices."
                )
            )
            raise FileError(slice_.path, problem, code="position-missing")


def _why_unplaced(series: Series) -> str:
    told = [finding.message for finding in series.findings if finding.code == "slices-tiled"]
    if told:
        return told[0]
    if not series.slices:
        return "; ".join(f"{finding.subject} {finding.message.rstrip('.')}" for finding in series.findings[:3])
    missing = sum(slice_.position_lps_mm is None for slice_ in series.slices)
    total = series.slice_count
    if missing:
        return f"{missing} of its {total} images have no usable Image Position (Patient) (0020,0032)"
    return f"its {total} images have no usable Image Orientation (Patient) (0020,0037)"


def first_at_each_position(stack: Stack) -> tuple[tuple[Slice, ...], tuple[Slice, ...]]:
    """Divide slices into those kept, one at each position, and those left out."""
    kept = set(stack.distinct.tolist())
    return (
        tuple(slice_ for number, slice_ in enumerate(stack.slices) if number in kept),
        tuple(slice_ for number, slice_ in enumerate(stack.slices) if number not in kept),
    )
