"""Sections whose positions each begin anew, put one behind the other as the user says.

Headers of such a series hold no word of how its sections lie to each other. What is chosen, and what is assumed where
nothing was chosen, is said wherever the result goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...words import mm, plural
from ..geometry.grouping import sorted_stack
from ..geometry.restarts import differing, recorded, restarting_sections
from ..geometry.stacks import Slice, Stack
from .options import RegularizeOptions

NAMED = 8
"""Sections that are told one by one."""


@dataclass(frozen=True)
class Restacked:
    """Sections of a series one behind the other."""

    stack: Stack
    """All slices at their new positions, sorted along the normal; what was recorded is untouched."""
    description: str
    """What was done, and by whose word, in a sentence."""
    notes: tuple[str, ...]
    """What a user has to know to use the result."""


def restack(stack: Stack, options: RegularizeOptions) -> Restacked:
    """Put the sections of a stack one behind the other, in the direction in which their positions run.

    The first section in the order stays where its headers say. Each other one is moved as a whole, along the line
    through its slices, so that its first slice lies the gap behind the last one before it; tilt, and how sections lie
    beside each other in plane, are kept.

    Raises UsageError when positions never start again, or the order names another number of sections than there are.

    ``stack``: all images of one orientation, size and spacing of pixels, not divided into sets.
    """
    sections = restarting_sections(stack)
    if not sections:
        raise UsageError(
            f"The positions of these {plural(len(stack.slices), 'image')} never start again when the images are taken "
            "in the order of their Instance Numbers (0020,0013): there are no sections to put one behind the other."
        )
    count = len(sections)
    order = options.section_order or tuple(range(1, count + 1))
    if len(order) != count:
        raise UsageError(
            f"The order of sections is {', '.join(map(str, order))}, but there are {count}: {_listed(sections)}. Name "
            "each of them once."
        )
    spacing = sections[order[0] - 1].nominal_spacing_mm or 0.0
    gap = options.section_gap_mm or spacing
    moves = _moves([sections[number - 1] for number in order], stack, gap)
    slices = [
        replace(slice_, position_lps_mm=tuple((np.asarray(slice_.position_lps_mm) + move).tolist()), is_restacked=True)
        for number, move in zip(order, moves, strict=True)
        for slice_ in sections[number - 1].slices
    ]
    moved = replace(sorted_stack(slices, stack.interval_tolerance), label=stack.label)
    lengths = [float(np.linalg.norm(move)) for move in moves]
    return Restacked(moved, _described(options, order, gap, spacing), _notes(stack, sections, order, lengths, spacing))


def _moves(sections: Sequence[Stack], stack: Stack, gap: float) -> list[NDArray[np.float64]]:
    """How each section is moved, (3,) LPS mm: the first one not at all."""
    row, column, normal = stack.axes
    first, last = (np.asarray(slice_.position_lps_mm) for slice_ in recorded(sections[0]))
    way = 1.0 if (last - first) @ normal > 0 else -1.0
    slope = sections[0].line[0]
    line = normal + slope[0] * row + slope[1] * column
    moves = [np.zeros(3)]
    end = float(last @ normal)
    for section in sections[1:]:
        first, last = (float(np.asarray(slice_.position_lps_mm) @ normal) for slice_ in recorded(section))
        along = end + way * gap - first
        moves.append(along * line)
        end = last + along
    return moves


def _listed(sections: Sequence[Stack]) -> str:
    return ", ".join(
        f"section {number} of {_slices(section)}" for number, section in enumerate(sections[:NAMED], 1)
    ) + (f" and {len(sections) - NAMED} more" if len(sections) > NAMED else "")


def _slices(section: Stack) -> str:
    return plural(len(section.slices), "slice")


def _described(options: RegularizeOptions, order: Sequence[int], gap: float, spacing: float) -> str:
    named = ", ".join(map(str, order[:NAMED])) + (f" and {len(order) - NAMED} more" if len(order) > NAMED else "")
    in_order = f"in the order {named} (as asked)" if options.section_order else "as they were recorded (assumed)"
    whose = "as asked" if options.section_gap_mm is not None else "assumed: the slice spacing"
    return (
        f"{len(order)} sections one behind the other {in_order}, {mm(gap, min(gap, spacing))} mm from the last slice "
        f"of one to the first of the next ({whose})"
    )


def _notes(
    stack: Stack, sections: Sequence[Stack], order: Sequence[int], lengths: Sequence[float], spacing: float
) -> tuple[str, ...]:
    places = [f"section {order[0]} ({_slices(sections[order[0] - 1])}) stays where its headers say"]
    places += [
        f"section {number} ({_slices(sections[number - 1])}) was moved by {mm(length, spacing)} mm"
        for number, length in list(zip(order, lengths, strict=True))[1:NAMED]
    ]
    more = f", and {len(order) - NAMED} more" if len(order) > NAMED else ""
    said = f"no header says how the sections lie to each other: {', '.join(places)}{more}"
    notes = [f"{said}. The result has no frame of reference in common with the source"]
    names = differing(stack)
    if names:
        notes.append(
            f"the images differ by {' and '.join(names)}: they may be points in time or differ in contrast, and no "
            "sections at all"
        )
    return tuple(notes)


def require_restacked(slices: Sequence[Slice]) -> None:
    """Refuse a volume that was read before its sections were put one behind the other.

    Raises UsageError.
    """
    if not all(slice_.is_restacked for slice_ in slices):
        raise UsageError(
            "A volume that was read has one image at each position, of all sections together. Plan the mode restack "
            "from the series and carry out that plan, which reads every section."
        )
