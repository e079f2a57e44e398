"""Where the slices of a stack come to lie in an array, by their headers alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...dicom.tags import Tag, element_name
from ...errors import FileError, UsageError
from ...findings import Finding
from ...findings.about import about_series
from ..geometry.segmentations import is_segmentation, omitted_finding, omitted_planes
from ..geometry.stacks import Slice, Stack, lattice
from .choose_stack import first_at_each_position


@dataclass(frozen=True, eq=False)
class LaidOut:
    """Where the slices of a stack come to lie in its array. LPS mm."""

    stack: Stack
    kept: tuple[Slice, ...]
    """One at each position, in the array's order."""
    dropped: tuple[Slice, ...]
    affine_lps: NDArray[np.float64]
    findings: tuple[Finding, ...]
    """What laying them out meant."""


def lay_out(stack: Stack) -> LaidOut:
    """Place the slices of a stack by their headers; no pixel is read. Errors as in :func:`~.volume.load_series`."""
    if not stack.slices:
        raise UsageError("The stack has no slices.")
    for slice_ in stack.slices:
        if slice_.position_lps_mm is None or not np.isfinite(slice_.position_lps_mm).all():
            problem = f"has no usable {element_name(Tag.IMAGE_POSITION)}: it cannot be placed."
            raise FileError(slice_.path, problem, code="position-missing")
    more: list[Finding] = []
    stack = _with_pixels(stack, more)
    kept, dropped = first_at_each_position(stack)
    affine = affine_of(stack, kept, more)
    if dropped:
        more.append(_dropped_finding(stack, dropped))
    if is_segmentation(stack) and omitted_planes(stack):
        more.append(omitted_finding(stack, subject_of(kept[0])))
    return LaidOut(stack, kept, dropped, affine, tuple(more))


def _with_pixels(stack: Stack, findings: list[Finding]) -> Stack:
    """The stack without positions that there are no frames of pixels for."""
    there = tuple(slice_ for slice_ in stack.slices if (slice_.frame_number or 1) <= slice_.header.number_of_frames)
    missing = len(stack.slices) - len(there)
    if not missing:
        return stack
    if not there:
        problem = "has no frame of pixels at any of its positions."
        raise FileError(stack.slices[0].path, problem, code="pixel-frames-disagree")
    text = (
        f"{missing} of {len(stack.slices)} frames have a position, but no pixels: Number of Frames (0028,0008) is less"
    )
    evidence = {"positions": len(stack.slices), "without_pixels": missing}
    findings.append(Finding("pixel-frames-disagree", "error", text, subject_of(stack.slices[0]), evidence))
    return replace(stack, slices=there)


def affine_of(stack: Stack, kept: tuple[Slice, ...], findings: list[Finding]) -> NDArray[np.float64]:
    """Make the matrix from indices to LPS mm, (4, 4), along the line through the slices at the nominal spacing."""
    row, column, normal = stack.axes
    pixel_spacing = _pixel_spacing(kept[0], findings)
    judged = stack.spacing
    if judged is None:
        step = normal * _single_slice_spacing(kept[0], findings)
    else:
        distance = judged.nominal_mm
        if len(judged.sections) == 1 and not judged.irregular and not judged.drifts:
            # The mean of all intervals: what rounding adds to single ones must not add up.
            positions = stack.positions_mm[stack.distinct]
            distance = float((positions[-1] - positions[0]) / (len(kept) - 1))
        slope = stack.line[0]
        step = distance * (normal + slope[0] * row + slope[1] * column)
    return lattice(stack.axes, pixel_spacing, kept[0].position_lps_mm or (), step)


def _pixel_spacing(slice_: Slice, findings: list[Finding]) -> tuple[float, ...]:
    spacing = slice_.pixel_spacing_mm
    if spacing is not None and min(spacing) > 0:
        return spacing
    text = f"{element_name(Tag.PIXEL_SPACING)} is missing or not positive: pixels are taken to be 1 mm apart"
    evidence = {"assumed_spacing_mm": 1.0}
    findings.append(Finding("geometry-ignored-by-readers", "error", text, subject_of(slice_), evidence))
    return (1.0, 1.0)


def _single_slice_spacing(slice_: Slice, findings: list[Finding]) -> float:
    thickness = slice_.slice_thickness_mm
    known = thickness is not None and thickness > 0
    assumed = float(thickness) if known and thickness is not None else 1.0
    source = element_name(Tag.SLICE_THICKNESS) if known else "for want of a Slice Thickness"
    text = f"There is only one slice position: the volume is one slice of {assumed:g} mm ({source})"
    findings.append(
        Finding("position-constant", "warning", text, subject_of(slice_), {"assumed_thickness_mm": assumed})
    )
    return assumed


def _dropped_finding(stack: Stack, dropped: tuple[Slice, ...]) -> Finding:
    text = (
        f"{len(dropped)} of {len(stack.slices)} slices lie where another one does and are left out of the volume; "
        "the first by acquisition and instance number is kept"
    )
    evidence = {
        "dropped_slices": len(dropped),
        "dropped_sop_instance_uids": [left_out.sop_instance_uid for left_out in dropped],
        "dropped_frames": [left_out.frame_number for left_out in dropped],
    }
    return Finding("duplicate-position", "warning", text, subject_of(stack.slices[0]), evidence)


def subject_of(slice_: Slice) -> str:
    return about_series(slice_.header.series_uid)
