"""Segmentations: frames that are empty may be left out, and segments overlap (PS3.3 A.51, C.8.20.2)."""

from __future__ import annotations

import numpy as np

from ...findings import Finding
from .grouping import sorted_stack
from .kinds import SEGMENTATIONS
from .spacing import same_position_mm
from .stack_findings import stack_findings
from .stacks import Slice, Stack

WHOLE = 0.05
"""Share of the spacing by which a frame may lie off the lattice of the others."""


def is_segmentation(stack: Stack) -> bool:
    """Whether a stack's slices are frames of segmentations."""
    return stack.slices[0].header.sop_class_uid in SEGMENTATIONS


def segment_stacks(stack: Stack) -> list[Stack]:
    """A stack for each segment, by number; the stack itself where frames name none (label maps)."""
    by_segment: dict[float | str, list[Slice]] = {}
    for slice_ in stack.slices:
        segment = slice_.value("segment")
        by_segment.setdefault(segment if segment is not None else "", []).append(slice_)
    if set(by_segment) == {""}:
        return [stack]
    found = []
    for segment in sorted(by_segment, key=lambda one: (isinstance(one, str), one)):
        part = sorted_stack(by_segment[segment], stack.interval_tolerance)
        name = f"segment {segment:g}" if isinstance(segment, float) else "no segment"
        found.append(Stack(part.slices, name, stack.is_localizer, stack.interval_tolerance))
    return found


def lattice_mm(stack: Stack) -> float | None:
    """The distance of the planes that a segmentation's frames lie on; None for a single one.

    Spacing Between Slices where it is there, the smallest interval of all segments otherwise.
    """
    positions = stack.positions_mm
    intervals = np.diff(positions)
    apart = intervals[intervals > same_position_mm(positions)]
    claimed = stack.slices[0].spacing_between_slices_mm
    if claimed:
        return abs(claimed)
    return float(apart.min()) if apart.size else None


def segmentation_findings(stack: Stack, segments: list[Stack], subject: str) -> list[Finding]:
    """Nothing, as long as all frames lie on one lattice; otherwise what each segment's own intervals say."""
    step = lattice_mm(stack)
    if step is None:
        return []
    places = (stack.positions_mm - stack.positions_mm[0]) / step
    if np.abs(places - np.round(places)).max() <= max(WHOLE, 2 * stack.precision_mm / step):
        _, residuals = stack.line
        if np.abs(residuals).max(initial=0.0) <= WHOLE * step:
            return []
    return [finding for segment in segments for finding in stack_findings(segment, subject)]


def omitted_planes(stack: Stack) -> int:
    """Planes between the first and the last frame that have none, by :func:`lattice_mm`."""
    step = lattice_mm(stack)
    if step is None or len(stack.distinct) < 2:
        return 0
    length = float(np.ptp(stack.positions_mm))
    return max(round(length / step) + 1 - len(stack.distinct), 0)
