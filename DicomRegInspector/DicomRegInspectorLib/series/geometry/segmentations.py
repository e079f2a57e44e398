"""Segmentations: frames that are empty may be left out, and segments overlap (PS3.3 A.51, C.8.20.2)."""

from __future__ import annotations

import numpy as np

from ...findings import Finding
from ...words import mm, plural
from ..sets.attributes import Told
from .grouping import sorted_stack
from .kinds import SEGMENTATIONS
from .spacing import same_position_mm
from .stack_findings import stack_findings
from .stacks import Slice, Stack

WHOLE, FINE = 0.05, 0.01
"""Share of the spacing by which a frame may lie off the lattice of the others; of one that is only a fraction."""
MOST_DIVISOR = 6


def is_segmentation(stack: Stack) -> bool:
    """Tell whether a stack's slices are frames of segmentations."""
    return stack.slices[0].header.sop_class_uid in SEGMENTATIONS


def segment_stacks(stack: Stack) -> list[Stack]:
    """Return a stack for each segment of each file, by number; the stack itself where frames name none (label maps)."""
    by_segment: dict[tuple[int, float], list[Slice]] = {}
    files = {path: number for number, path in enumerate(dict.fromkeys(slice_.path for slice_ in stack.slices), start=1)}
    for slice_ in stack.slices:
        segment = slice_.value("segment")
        key = (files[slice_.path], segment if isinstance(segment, float) else 0.0)
        by_segment.setdefault(key, []).append(slice_)
    if len(by_segment) == 1 and next(iter(by_segment))[1] == 0:
        return [stack]
    found = []
    for file, segment in sorted(by_segment):
        part = sorted_stack(by_segment[file, segment], stack.interval_tolerance)
        told = [Told("segment", segment or None, f"segment {segment:g}" if segment else "label map")]
        if len(files) > 1:
            told.append(Told("file", float(file), f"file {file}"))
        name = " of ".join(respect.text for respect in told)
        found.append(Stack(part.slices, name, stack.is_localizer, stack.interval_tolerance, tuple(told)))
    return found


def lattice_mm(stack: Stack) -> float | None:
    """Return the distance of the planes that a segmentation's frames lie on; None for a single one, or without one.

    Spacing Between Slices where all frames fit to it, else the smallest interval of all segments or a fraction of it.
    """
    positions = stack.positions_mm
    intervals = np.diff(positions)
    apart = intervals[intervals > same_position_mm(positions)]
    if not apart.size:
        return None
    claimed = stack.slices[0].spacing_between_slices_mm
    smallest = float(apart.min())
    candidates = [abs(claimed)] if claimed else []
    for step in [*candidates, *(smallest / divisor for divisor in range(1, MOST_DIVISOR + 1))]:
        places = (positions - positions[0]) / step
        # A fraction fits anything when it is small enough: it has to fit better than what is written.
        share = WHOLE if step >= smallest or step in candidates else FINE
        if np.abs(places - np.round(places)).max() <= max(share, 2 * stack.precision_mm / step):
            return step
    return None


def segmentation_findings(stack: Stack, segments: list[Stack], subject: str) -> list[Finding]:
    """Return nothing, as long as all frames lie on one lattice; otherwise what each segment's own intervals say."""
    step = lattice_mm(stack)
    if len(stack.distinct) < 2:
        return []
    if step is not None and np.abs(stack.line[1]).max(initial=0.0) <= WHOLE * step:
        return []
    return [finding for segment in segments for finding in stack_findings(segment, subject)]


def omitted_planes(stack: Stack) -> int:
    """Return planes between the first and the last frame that have none, by :func:`lattice_mm`."""
    step = lattice_mm(stack)
    if step is None or len(stack.distinct) < 2:
        return 0
    length = float(np.ptp(stack.positions_mm))
    return max(round(length / step) + 1 - len(stack.distinct), 0)


def omitted_finding(stack: Stack, subject: str) -> Finding:
    """Return that a volume is made of a segmentation without its empty planes."""
    count, step = omitted_planes(stack), lattice_mm(stack)
    text = (
        f"{plural(count, 'plane')} of the segmentation {'is' if count == 1 else 'are'} empty and not stored: the "
        f"volume has {plural(len(stack.distinct), 'slice')}, not one for every {mm(step or 0.0)} mm"
    )
    evidence = {"planes_left_out": count, "spacing_mm": step}
    return Finding("frames-omitted", "warning", text, subject, evidence)
