"""Sections of a scan whose positions each begin anew: how they are told apart, and what is said of them.

Scanners of small specimens scan a long one in several parts and file them as one series, the positions of each part
counted from its own first slice. By headers alone they look like points in time: nothing here takes them for sections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...findings import Finding
from ...words import exact_mm, mm, plural
from ..sets.attributes import BY_NAME
from .divided import columns_of
from .spacing import same_position_mm
from .stacks import Slice, Stack

SMALL_MM = 0.2
"""Slices and pixels closer than this are of scanners for small specimens: those for patients go down to it."""
MODALITIES = ("CT", "OT")
"""What such scanners write as Modality (0008,0060)."""
LEAST_SLICES = 3
"""In each section: fewer are images at one position."""
SAME_START = 0.5
"""Share of the spacing that the first slices of sections may lie apart."""
CONTRASTS = ("contrast agent",)
"""What tells images of one place apart without being set for each of them."""
LISTED = 50
NAMED = 4

Key = Callable[[Slice], tuple[Any, ...]]


def restarting_sections(stack: Stack) -> tuple[Stack, ...]:
    """Take a stack apart where its positions turn back, in the order in which its slices were numbered.

    Returns the sections in that order, each of two slices at least and one slice at a position; empty where positions
    do not turn back, or the order cannot be told. Their slices are sorted along the normal, as in every stack.
    """
    for key in _orders():
        keys = [key(slice_) for slice_ in stack.slices]
        if any(None in parts for parts in keys) or len(set(keys)) < len(keys):
            continue
        order = sorted(range(len(keys)), key=keys.__getitem__)
        runs = _runs(stack.positions_mm, np.array(order, np.intp))
        if len(runs) > 1 and min(map(len, runs)) > 1:
            return tuple(
                Stack(
                    tuple(stack.slices[k] for k in sorted(run.tolist())),
                    f"section {number} of {len(runs)}",
                    stack.is_localizer,
                    stack.interval_tolerance,
                )
                for number, run in enumerate(runs, 1)
            )
    return ()


def _orders() -> list[Key]:
    """The numbering of images, which may begin anew in each acquisition."""

    def numbered(slice_: Slice) -> tuple[Any, ...]:
        return (slice_.header.instance_number, slice_.frame_number or 0)

    def within(name: str) -> Key:
        return lambda slice_: (slice_.value(name), *numbered(slice_))

    return [numbered, *map(within, ("acquisition number", "acquisition date and time", "acquisition time"))]


def _runs(positions: NDArray[np.float64], order: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Slices in their order, cut where the next one does not lie farther on."""
    steps = np.diff(positions[order])
    same = same_position_mm(np.sort(positions))
    way = 1 if int((steps > same).sum()) >= int((steps < -same).sum()) else -1
    return np.split(order, np.flatnonzero(steps * way <= same) + 1)


def recorded(section: Stack) -> tuple[Slice, Slice]:
    """Return the slices of a section with the first and the last number."""
    first, last = section.slices[0], section.slices[-1]
    backwards = (first.instance_number or 0) > (last.instance_number or 0)
    return (last, first) if backwards else (first, last)


def differing(stack: Stack) -> tuple[str, ...]:
    """Name what a scan sets on purpose, and the images of a stack have several values of: they may be a 4D series."""
    names = columns_of(stack.slices)
    return tuple(name for name in names if name in CONTRASTS or (name in BY_NAME and BY_NAME[name].by_design))


def restart_findings(stack: Stack, subject: str) -> list[Finding]:
    """Say that a stack may be sections that each begin at one position; it is no more than a possibility.

    Points in time, echoes, phases and whatever else a scan sets on purpose are never told to be sections, and neither
    are images of patients' scanners, whose slices and pixels are larger.
    """
    if not _is_small(stack) or differing(stack):
        return []
    sections = restarting_sections(stack)
    if not sections or min(len(section.slices) for section in sections) < LEAST_SLICES:
        return []
    spacing = sections[0].nominal_spacing_mm or 0.0
    starts = [float(np.dot(recorded(section)[0].position_lps_mm or (), stack.normal)) for section in sections]
    if max(starts) - min(starts) > SAME_START * spacing:
        return []
    return [_finding(stack, sections, starts, spacing, subject)]


def _is_small(stack: Stack) -> bool:
    pixels = stack.pixel_spacing_mm
    spacing = stack.nominal_spacing_mm
    is_scanned = stack.slices[0].header.modality in MODALITIES and not stack.is_localizer
    if not is_scanned or pixels is None or spacing is None or len(stack.distinct) == len(stack.slices):
        return False
    return min(pixels) > 0 and max(*pixels, spacing) < SMALL_MM


def _finding(stack: Stack, sections: tuple[Stack, ...], starts: list[float], spacing: float, subject: str) -> Finding:
    named = [_named(number, section) for number, section in enumerate(sections[:NAMED], 1)]
    more = f"; and {len(sections) - NAMED} more" if len(sections) > NAMED else ""
    text = (
        f"{plural(len(stack.slices), 'image')} may be {len(sections)} sections of one scan, each with positions that "
        f"begin anew at {mm(starts[0], spacing)} mm: {'; '.join(named)}{more}. No header says that they are points in "
        "time or differ in contrast, and none says that they are not"
    )
    listed = sections[:LISTED]
    evidence: dict[str, Any] = {
        "number_of_sections": len(sections),
        "sections": [_section_dict(section) for section in listed],
        "begin_mm": exact_mm(starts[0]),
        "spacing_mm": exact_mm(spacing),
        "sop_instance_uids": [recorded(section)[0].sop_instance_uid for section in listed],
    }
    return Finding("positions-restart", "info", text, subject, evidence)


def _named(number: int, section: Stack) -> str:
    first, last = recorded(section)
    return f"section {number} of {len(section.slices):,}, images {first.instance_number} to {last.instance_number}"


def _section_dict(section: Stack) -> dict[str, Any]:
    first, last = recorded(section)
    return {
        "slices": len(section.slices),
        "first_instance_number": first.instance_number,
        "last_instance_number": last.instance_number,
        "length_mm": exact_mm(float(np.ptp(section.positions_mm))),
    }
