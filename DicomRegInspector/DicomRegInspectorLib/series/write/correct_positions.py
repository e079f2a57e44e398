"""Positions written with too few digits, corrected: the header changes, not one byte of the pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import FileError, UsageError, errors_of_file
from ...progress import Progress, report_progress
from ..geometry.frames import FUNCTIONAL_GROUP_CLASSES
from ..geometry.stacks import Slice, Stack, even_line
from .derived import make_derived, new_series
from .new_folder import new_folder
from .sources import NOT_WRITTEN, read_file
from .stored_values import decimal_string
from .write_back import WrittenSeries

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True, eq=False)
class CorrectedPositions:
    """Where the slices of a stack lie at one spacing. LPS mm."""

    positions_lps_mm: NDArray[np.float64]
    """(n, 3) in the stack's order."""
    spacing_mm: float
    """Along the normal."""
    largest_move_mm: float
    precision_mm: float
    """The last digit that the files' positions were written with."""


def correct_positions(stack: Stack, spacing_mm: float | None = None) -> CorrectedPositions:
    """Return slice positions at constant spacing on the straight line through a stack, tilt kept.

    ``spacing_mm``: along the normal, from the first slice on. None: what the positions themselves say, by least
    squares; then no slice may move by more than rounding to the digits written explains.
    Raises UsageError when the stack is no evenly spaced one whose positions were rounded: slices are missing or double,
    spacing changes, or a slice would have to move farther.
    """
    corners = stack.corners_lps_mm
    spacing = stack.spacing
    count = len(stack.slices)
    if spacing is None or len(stack.distinct) != count:
        raise UsageError(
            f"Only {len(stack.distinct)} of {count} slices have a position of their own: positions cannot be corrected."
        )
    if spacing.irregular or len(spacing.sections) != 1:
        odd = spacing.irregular[0] if spacing.irregular else None
        where = f"between slices {odd.before} and {odd.before + 1} ({odd.interval_mm:g} mm)" if odd else "in places"
        raise UsageError(
            f"The spacing of {spacing.nominal_mm:.6g} mm changes {where}: that is not rounding. Resample or split the "
            "stack; evenly spaced positions would be wrong."
        )
    first, step = even_line(corners)
    if spacing_mm is not None:
        if not (np.isfinite(spacing_mm) and spacing_mm > 0):
            raise UsageError(f"The spacing asked for is {spacing_mm:g} mm; expected more than 0.")
        step *= spacing_mm / float(step @ stack.normal)
        first = corners[0]
    corrected = first + np.arange(count)[:, None] * step
    move = float(np.abs(corrected - corners).max())
    digit = max((slice_.precision_mm for slice_ in stack.slices), default=0.0)
    if spacing_mm is None and move > max(digit, 1e-6):
        raise UsageError(
            f"A slice would move by {move:.3g} mm, the last digit written is {digit:g} mm: that is not rounding. "
            "Resample the stack, or name the spacing that you know it has."
        )
    return CorrectedPositions(corrected, float(step @ stack.normal), move, digit)


def write_corrected(
    stack: Stack,
    folder: str | PathLike[str],
    spacing_mm: float | None = None,
    *,
    progress: Progress | None = None,
) -> tuple[WrittenSeries, CorrectedPositions]:
    """Write a stack with corrected positions as a new series; pixel data stay as they are, byte for byte.

    Objects with several frames stay such objects; the positions in their functional groups change.

    Raises UsageError, see :func:`correct_positions` and :func:`~.write_back.write_series`. Raises FileError when a
    source cannot be read, or holds further frames whose positions would not be told any more. Raises Cancelled when
    ``progress`` returned False; nothing is left behind then.
    """
    corrected = correct_positions(stack, spacing_mm)
    place = Path(folder)
    derivation = (
        f"DicomRegInspector: Image Position (Patient) set to a spacing of {corrected.spacing_mm:.6g} mm (largest move "
        f"{corrected.largest_move_mm:.3g} mm); pixel data unchanged"
    )
    series = new_series(stack.slices[0], "positions corrected", derivation, None, 1)
    names: list[str] = []
    numbers = {id(slice_): k for k, slice_ in enumerate(stack.slices)}
    with new_folder(place, [slice_.path for slice_ in stack.slices]) as unfinished:
        for slices in _by_file(stack):
            names.append(f"{len(names) + 1:05d}.dcm")
            first = slices[0]
            with errors_of_file(first.path, NOT_WRITTEN):
                instance = read_file(first.path, pixels=True)
                if first.frame_number is None:
                    make_derived(instance, series, numbers[id(first)] + 1, slices)
                else:
                    make_derived(instance, series, len(names), [replace(first, frame_number=None)])
                for slice_ in slices:
                    position = corrected.positions_lps_mm[numbers[id(slice_)]]
                    _set_position(instance, slice_, position, corrected.spacing_mm)
                instance.save_as(unfinished / names[-1], enforce_file_format=True)
            report_progress(progress, len(names), len(stack.slices), "Writing DICOM", "Writing was stopped.")
    return WrittenSeries(place, tuple(place / name for name in names), series.uid, None), corrected


def _by_file(stack: Stack) -> list[list[Slice]]:
    """The slices of each file, files in the order of their first slices.

    Raises FileError when a file with several frames has some that are not in the stack, or says their places otherwise
    than frame by frame: what is left of it would not be told by its header any more.
    """
    files: dict[str, list[Slice]] = {}
    for slice_ in stack.slices:
        files.setdefault(slice_.path, []).append(slice_)
    for path, slices in files.items():
        count = slices[0].header.number_of_frames
        if slices[0].tile is not None:
            problem = "is a mosaic: its slices have no positions of their own to correct. Resample the stack instead."
            raise FileError(path, problem)
        if slices[0].frame_number is not None and len(slices) != count:
            problem = (
                f"holds {count} frames, of which {len(slices)} are in the stack: their positions cannot be corrected "
                "without the others'. Resample, split or crop the stack instead."
            )
            raise FileError(path, problem)
        if slices[0].frame_number is not None and slices[0].header.sop_class_uid not in FUNCTIONAL_GROUP_CLASSES:
            problem = (
                "holds several frames that have no Image Position (Patient) (0020,0032) of their own to correct. "
                "Resample the stack instead."
            )
            raise FileError(path, problem)
    return list(files.values())


def _set_position(instance: Dataset, slice_: Slice, position: NDArray[np.float64], spacing_mm: float) -> None:
    """Write a position, and the spacing where there is one, into the header or the frame's functional groups."""
    values, spacing = [decimal_string(value) for value in position], decimal_string(spacing_mm)
    if slice_.frame_number is None:
        instance.ImagePositionPatient = values
        if "SpacingBetweenSlices" in instance:
            instance.SpacingBetweenSlices = spacing
        return
    frame = instance.PerFrameFunctionalGroupsSequence[slice_.frame_number - 1]
    for groups in (frame, *instance.get("SharedFunctionalGroupsSequence", [])):
        for measures in groups.get("PixelMeasuresSequence", []):
            if "SpacingBetweenSlices" in measures:
                measures.SpacingBetweenSlices = spacing
    frame.PlanePositionSequence[0].ImagePositionPatient = values
