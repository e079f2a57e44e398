"""What the strips of slice positions show, before and after a stack is made regular. No Qt here.

Places are millimetres along the stack's normal, as in :attr:`~...series.geometry.stacks.Stack.positions_mm`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from slicer.i18n import tr as _

from ...series import Stack
from ...series.geometry.spacing import Spacing, judge_spacing
from ...series.regularize.plan import Plan
from ...words import tenths

Kind = Literal["slice", "filled", "dropped"]
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Mark:
    """An interval that does not fit the spacing around it, from one slice to the next."""

    start_mm: float
    stop_mm: float
    kind: Literal["gap", "overlap"]


@dataclass(frozen=True)
class Lane:
    """One strip."""

    slices: tuple[tuple[float, Kind], ...]
    marks: tuple[Mark, ...] = ()
    volumes: tuple[tuple[float, float], ...] = ()
    """First and last slice of each volume, where there are several."""

    def count(self, kind: str) -> int:
        """Return how many slices or marks there are of a kind."""
        return sum(own == kind for _place, own in self.slices) + sum(mark.kind == kind for mark in self.marks)


@dataclass(frozen=True)
class Strips:
    """Both strips, to one scale."""

    before: Lane
    after: Lane | None
    """None when the stack cannot be made regular, or is resampled across its slices."""
    ends: tuple[str, str]
    """The sides of the patient that the first and the last slice lie towards, as letters."""

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """From top to bottom."""
        return (self.before,) if self.after is None else (self.before, self.after)

    @property
    def first_mm(self) -> float:
        """Where the scale has its 0: the first slice before."""
        return self.before.slices[0][0]

    @property
    def low_mm(self) -> float:
        """The left end."""
        return min(place for lane in self.lanes for place, _kind in lane.slices)

    @property
    def high_mm(self) -> float:
        """The right end."""
        return max(place for lane in self.lanes for place, _kind in lane.slices)


def strips_of(stack: Stack, plan: Plan | None) -> Strips | None:
    """Return what there is to draw; None for a stack whose slices lie at fewer than two places."""
    if len(stack.distinct) < 2:
        return None
    return Strips(_before(stack, plan), _after(plan) if plan is not None else None, _ends(stack))


def _before(stack: Stack, plan: Plan | None) -> Lane:
    dropped = {id(left_out.slice) for left_out in plan.dropped} if plan is not None else set()
    pairs = zip(stack.slices, stack.positions_mm.tolist(), strict=True)
    slices = tuple((place, "dropped" if id(slice_) in dropped else "slice") for slice_, place in pairs)
    places = stack.positions_mm[stack.distinct].tolist()
    return Lane(slices, _marks(stack.spacing, places))


def _after(plan: Plan) -> Lane | None:
    if not all(volume.positions_mm for volume in plan.volumes):
        return None  # on a grid across the slices: it has no place on this scale
    slices: list[tuple[float, Kind]] = []
    marks: list[Mark] = []
    for volume in plan.volumes:
        slices += [
            (place, "filled" if filled else "slice")
            for place, filled in zip(volume.positions_mm, volume.is_filled, strict=True)
        ]
        # These modes put slices where they are said to be; the others are regular by construction.
        if plan.mode in ("acquisition", "restack"):
            spacing = judge_spacing(np.array(volume.positions_mm), plan.stack.precision_mm)
            marks += _marks(spacing, volume.positions_mm)
    ends = tuple((volume.positions_mm[0], volume.positions_mm[-1]) for volume in plan.volumes)
    return Lane(tuple(slices), tuple(marks), ends if len(ends) > 1 else ())


def _marks(spacing: Spacing | None, places: Sequence[float]) -> tuple[Mark, ...]:
    irregular = spacing.irregular if spacing is not None else ()
    return tuple(Mark(places[interval.before - 1], places[interval.before], interval.kind) for interval in irregular)


def _ends(stack: Stack) -> tuple[str, str]:
    axis = int(np.argmax(np.abs(stack.normal)))
    letters = ("R", "L"), ("A", "P"), ("I", "S")
    low, high = letters[axis]
    return (low, high) if stack.normal[axis] > 0 else (high, low)


def strips_in_words(strips: Strips) -> str:
    """Return what the strips show, for a tool tip and for those who do not see them."""
    span = strips.before.slices[-1][0] - strips.before.slices[0][0]
    text = _("Before: {slices} slices over {span} mm").format(slices=len(strips.before.slices), span=tenths(span))
    text += _counts(strips.before)
    if strips.after is None:
        return text + "."
    after = strips.after
    kept = len(after.slices) - after.count("filled")
    text += ". " + _("After: {slices} slices").format(slices=kept) + _counts(after)
    return text + _(". Both to the same scale.")


def _counts(lane: Lane) -> str:
    words = (
        (_("gaps: {count}"), lane.count("gap")),
        (_("slices too close: {count}"), lane.count("overlap")),
        (_("left out: {count}"), lane.count("dropped")),
        (_("slices of the fill value: {count}"), lane.count("filled")),
        (_("volumes: {count}"), len(lane.volumes)),
    )
    return "".join("; " + text.format(count=count) for text, count in words if count)


def legend_of(strips: Strips) -> str:
    """Return the signs that the strips use, each with its meaning; signs that do not occur are left out."""
    entries = (
        ("slice", "│", _("slice")),
        ("filled", "┊", _("fill value")),
        ("dropped", "×", _("left out")),
        ("gap", "├─┤", _("gap")),
        ("overlap", "▼", _("too close")),
    )
    lanes = strips.lanes
    used = [(sign, text) for kind, sign, text in entries if any(lane.count(kind) for lane in lanes)]
    if any(lane.volumes for lane in strips.lanes):
        used.append(("▬", _("one volume")))
    # Lines break between entries, not within.
    return "   ".join(f"{sign} {text}".replace(" ", NO_BREAK) for sign, text in used)
