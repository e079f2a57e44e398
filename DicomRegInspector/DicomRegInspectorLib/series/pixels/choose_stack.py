"""From paths to the one stack that a volume is made of."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike, fspath

from ...dicom.fast_header import read_header
from ...dicom.header import Header
from ...errors import FileError, NotDicomError, UsageError
from ...words import plural
from ..geometry.frames import FrameSpacing
from ..geometry.series import Series, inspect_series
from ..geometry.stacks import UNPLACED, Slice, Stack

Paths = str | PathLike[str] | Iterable[str | PathLike[str]]
"""One file or folder, or several."""


def the_series(paths: Paths, series_uid: str | None, frame_spacing: FrameSpacing = None) -> Series:
    """Find the one image series among files and folders; see :func:`~..geometry.series.inspect_series`.

    Raises
    ------
    UsageError
        There is no image, no series of that UID, or more than one series and no choice.
    FileError
        A file cannot be read. In folders, what is not DICOM is passed over.
    """
    headers = list(_headers(paths))
    series = inspect_series(headers, frame_spacing=frame_spacing)
    if not series:
        raise UsageError(
            f"There is no image among the {plural(len(headers), 'DICOM file')} given: nothing to make a volume of."
        )
    if series_uid is not None:
        found = [one for one in series if one.series_instance_uid == series_uid]
        if not found:
            raise UsageError(f"There is no image of series {series_uid}. There are: {_list_series(series)}.")
        series = found
    if len(series) > 1:
        raise UsageError(f"The files are of {len(series)} series; choose one by its UID: {_list_series(series)}.")
    return series[0]


def _list_series(series: Sequence[Series]) -> str:
    texts = [
        f"{one.series_instance_uid or '(without a UID)'} ({one.modality}, {one.slice_count} images)" for one in series
    ]
    return "; ".join(texts[:10]) + (f"; and {len(texts) - 10} more" if len(texts) > 10 else "")


def _headers(paths: Paths) -> Iterator[Header]:
    given = [paths] if isinstance(paths, (str, PathLike)) else list(paths)
    seen: set[str] = set()
    for path in (fspath(one) for one in given):
        in_folder = os.path.isdir(path)
        for file in _files(path) if in_folder else [path]:
            if file in seen:
                continue
            seen.add(file)
            try:
                yield read_header(file)
            except NotDicomError:
                if not in_folder:
                    raise


def _files(folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            yield os.path.join(here, name)


def the_stack(series: Series, choice: int | str | Stack | None) -> Stack:
    """Find the stack chosen: by number from 1, by label, or the main one.

    Raises
    ------
    UsageError
        There is no such stack, or no main one; names those that there are.
    FileError
        The frames of a file share one position.
    """
    subject = f"Series {series.series_instance_uid or '(without a UID)'}"
    if isinstance(choice, Stack):
        return choice
    if choice is None:
        if series.main_stack is not None:
            return series.main_stack
        if not series.stacks:
            _refuse_frames(series)
            raise UsageError(f"{subject} cannot be placed: {_why_unplaced(series)}.")
        raise UsageError(
            f"{subject} has no stack with more than half of its {series.slice_count} images; choose one of "
            f"{describe_stacks(series)}."
        )
    labels = [stack.label for stack in series.stacks]
    if isinstance(choice, str) and labels.count(choice) == 1:
        return series.stacks[labels.index(choice)]
    if isinstance(choice, int) and 1 <= choice <= len(series.stacks):
        return series.stacks[choice - 1]
    if not series.stacks:
        raise UsageError(f"{subject} cannot be placed: {_why_unplaced(series)}.")
    raise UsageError(f"{subject} has no stack {choice!r}; there are {describe_stacks(series)}.")


def _refuse_frames(series: Series) -> None:
    """FileError where a file's frames share one position: not the images are at fault, but what they do not say."""
    for one in series.slices:
        if one.coordinates == UNPLACED and one.header.number_of_frames > 1:
            told = next((finding for finding in series.findings if finding.code == "frames-unplaced"), None)
            claimed = told.evidence.get("claimed_spacing_mm") if told is not None else None
            problem = (
                f"holds {one.header.number_of_frames} frames, but only one position: its frames cannot be placed. "
                + (
                    f"Its header claims {abs(claimed):g} mm between them; ask for that frame spacing to use it."
                    if claimed
                    else "They may be points in time; give a frame spacing if they are slices."
                )
            )
            raise FileError(one.path, problem, code="position-missing")


def _why_unplaced(series: Series) -> str:
    told = [finding.message for finding in series.findings if finding.code == "slices-tiled"]
    if told:
        return told[0]
    if not series.slices:
        return "; ".join(f"{finding.subject} {finding.message.rstrip('.')}" for finding in series.findings[:3])
    missing = sum(one.position_lps_mm is None for one in series.slices)
    total = series.slice_count
    if missing:
        return f"{missing} of its {total} images have no usable Image Position (Patient) (0020,0032)"
    return f"its {total} images have no usable Image Orientation (Patient) (0020,0037)"


def describe_stacks(series: Series) -> str:
    """List the stacks of a series in one line, numbered from 1."""
    texts = []
    for number, stack in enumerate(series.stacks[:20], 1):
        normal = ", ".join(f"{value:.3g}" for value in stack.normal + 0.0)
        what = "localizer, " if stack.is_localizer else ""
        label = f", {stack.label}" if stack.label else ""
        count = len(stack.slices)
        texts.append(f"{number}: {what}{count} of {stack.columns} × {stack.rows} pixels, normal ({normal}){label}")
    return "; ".join(texts) + (f"; and {len(series.stacks) - 20} more" if len(series.stacks) > 20 else "")


def first_at_each_position(stack: Stack) -> tuple[tuple[Slice, ...], tuple[Slice, ...]]:
    """Divide slices into those kept, one at each position, and those left out."""
    kept = set(stack.distinct.tolist())
    return (
        tuple(one for number, one in enumerate(stack.slices) if number in kept),
        tuple(one for number, one in enumerate(stack.slices) if number not in kept),
    )
