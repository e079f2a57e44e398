"""Where the slices of a stack lie, drawn to scale as SVG: gaps, overlaps and duplicates by colour, shape and hatch.

Places are percentages of the width and heights are pixels, so that the strip is as wide as the page, on paper and on a
phone too, and its letters stay as large as all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...series import Stack
from ...words import decimals, millimetres, plural
from .charts import ticks_between
from .markup import Markup, join, tag

HEIGHT = 92
_TOP, _BOTTOM = 30, 66
"""Of the slices' lines."""
MARGIN = 1.5
"""Percent of the width at either side of the first and the last slice."""
MOST_LABELS = 6
"""Gaps whose length stands above them."""
LETTER = 2.3
"""Percent of the width that a letter of a label takes on a phone: labels that would touch there are left out."""

Kind = Literal["gap", "overlap", "duplicate"]

LEGEND: dict[Kind, str] = {
    "gap": "gap (hatched): slices are missing",
    "overlap": "overlap (triangle): closer than the spacing",
    "duplicate": "duplicate (diamond): several slices at one position",
}


@dataclass(frozen=True)
class Mark:
    """What does not fit, between two positions in mm along the normal."""

    kind: Kind
    start_mm: float
    stop_mm: float
    label: str
    """What stands above it, and what a pointer resting on it is told."""


class Scale:
    """From millimetres along the normal to percent of the width."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def percent(self, value: float) -> float:
        """Return the place of a value, 0 to 100."""
        return MARGIN + (100 - 2 * MARGIN) * (value - self.low) / (self.high - self.low)

    def at(self, value: float) -> str:
        """Return the same place as SVG writes it."""
        return f"{self.percent(value):.4f}%"


def marks_of(stack: Stack) -> list[Mark]:
    """Return gaps, overlaps and duplicates of a stack, along its normal."""
    positions = stack.positions_mm
    marks = []
    for interval in stack.spacing.irregular if stack.spacing is not None else ():
        before, after = stack.slice_number(interval.before), stack.slice_number(interval.before + 1)
        start, stop = float(positions[before - 1]), float(positions[after - 1])
        label = f"{millimetres(interval.interval_mm)} mm"
        marks.append(Mark(interval.kind, start, stop, label))
    ends = np.append(stack.distinct[1:], len(stack.slices))
    for first, end in zip(stack.distinct.tolist(), ends.tolist(), strict=True):
        if end - first > 1:
            marks.append(Mark("duplicate", float(positions[first]), float(positions[end - 1]), f"{end - first} slices"))
    return marks


def strip(stack: Stack, label: str) -> Markup | None:
    """Draw the figure of one stack; None for a single position, where there is nothing to draw to scale.

    Parameters
    ----------
    label
        How the caption calls the stack.
    """
    positions = stack.positions_mm
    span = float(np.ptp(positions))
    if len(stack.slices) < 2 or not span > 0:
        return None
    scale, marks = Scale(float(positions[0]), float(positions[-1])), marks_of(stack)
    words = in_words(stack, marks)
    drawing = tag(
        "svg",
        tag("title", f"{label}: {words}"),
        *(_gap(mark, scale) for mark in marks if mark.kind == "gap"),
        *_slice_lines(positions, scale),
        *(_sign(mark, scale) for mark in marks if mark.kind != "gap"),
        *_labels(marks, scale),
        *_axis(scale),
        class_="strip",
        width="100%",
        height=HEIGHT,
        role="img",
        aria_label=f"{label}: {words}",
    )
    kinds = [kind for kind in LEGEND if any(mark.kind == kind for mark in marks)]
    legend = tag("ul", *(tag("li", _swatch(kind), LEGEND[kind]) for kind in kinds), class_="legend") if kinds else None
    caption = tag("figcaption", tag("strong", f"{label}: "), words)
    return tag("figure", caption, drawing, legend, class_="strip")


def in_words(stack: Stack, marks: Sequence[Mark]) -> str:
    """Return what the strip shows, for its caption and for those who do not see it."""
    spacing = stack.nominal_spacing_mm or 1.0
    # Tenths of a millimetre say nothing of slices that lie closer.
    length = millimetres(float(np.ptp(stack.positions_mm)), decimals(spacing) if spacing < 1 else 1)
    text = f"{plural(len(stack.slices), 'slice')} over {length} mm"
    words = (("gap", "gap", None), ("overlap", "overlap", None),
             ("duplicate", "position with several slices", "positions with several slices"))  # fmt: skip
    counts = [(sum(mark.kind == kind for mark in marks), singular, many) for kind, singular, many in words]
    parts = [plural(count, singular, many) for count, singular, many in counts if count]
    return f"{text}; {', '.join(parts)}" if parts else f"{text}, no gap, no overlap"


def _slice_lines(positions: np.ndarray, scale: Scale) -> list[Markup]:
    """A line for each slice; those that would fall on one thousandth of the width are drawn once."""
    places = dict.fromkeys(
        round(scale.percent(float(value)), 4 if len(positions) <= 1000 else 1) for value in positions
    )
    return [tag("line", x1=f"{x:.4f}%", x2=f"{x:.4f}%", y1=_TOP, y2=_BOTTOM, class_="slice") for x in places]


def _gap(mark: Mark, scale: Scale) -> Markup:
    left, right = scale.percent(mark.start_mm), scale.percent(mark.stop_mm)
    return tag(
        "rect",
        tag("title", f"gap: {mark.label}"),
        x=f"{left:.4f}%",
        width=f"{right - left:.4f}%",
        y=_TOP,
        height=_BOTTOM - _TOP,
        fill="url(#hatch-gap)",
        class_="gap-area",
    )


def _sign(mark: Mark, scale: Scale) -> Markup:
    """A shape of fixed size in the middle of the place, with a foot as wide as it."""
    left, right = scale.percent(mark.start_mm), scale.percent(mark.stop_mm)
    shape = "M-6 14h12l-6 10z" if mark.kind == "overlap" else "M0 13l6 6-6 6-6-6z"
    return tag(
        "g",
        tag("title", f"{mark.kind}: {mark.label}"),
        tag("rect", x=f"{left:.4f}%", width=f"{max(right - left, 0.2):.4f}%", y=_TOP, height=_BOTTOM - _TOP,
            class_=f"{mark.kind}-area"),
        tag("svg", tag("path", d=shape), x=f"{(left + right) / 2:.4f}%", y=0, class_=f"sign {mark.kind}"),
    )  # fmt: skip


def _labels(marks: Sequence[Mark], scale: Scale) -> list[Markup]:
    """What the longest marks are, above them, as long as there is room."""
    taken: list[tuple[float, float]] = []
    made: list[Markup] = []
    for mark in sorted(marks, key=lambda mark: mark.start_mm - mark.stop_mm):
        x = (scale.percent(mark.start_mm) + scale.percent(mark.stop_mm)) / 2
        width = LETTER * (len(mark.label) + 1)
        anchor, left = "middle", x - width / 2
        if left < 0:
            anchor, left = "start", x
        elif left + width > 100:
            anchor, left = "end", x - width
        if len(made) < MOST_LABELS and all(left + width <= low or left >= high for low, high in taken):
            taken.append((left, left + width))
            made.append(tag("text", mark.label, x=f"{x:.4f}%", y=10, text_anchor=anchor, class_=f"label {mark.kind}"))
    return made


def _axis(scale: Scale) -> list[Markup]:
    """Millimetres along the normal."""
    ticks = ticks_between(scale.low, scale.high, 4)
    parts = [tag("line", x1=scale.at(scale.low), x2=scale.at(scale.high), y1=_BOTTOM, y2=_BOTTOM, class_="axis")]
    for value, written in ticks:
        x = scale.percent(value)
        anchor = "start" if x < 4 else "end" if x > 96 else "middle"
        parts.append(tag("line", x1=f"{x:.4f}%", x2=f"{x:.4f}%", y1=_BOTTOM, y2=_BOTTOM + 5, class_="axis"))
        unit = " mm" if value == ticks[-1][0] else ""
        parts.append(tag("text", written + unit, x=f"{x:.4f}%", y=_BOTTOM + 19, text_anchor=anchor, class_="tick"))
    return parts


def _swatch(kind: Kind) -> Markup:
    if kind == "gap":
        inner = tag("rect", x=1, y=2, width=18, height=12, fill="url(#hatch-gap)", class_="gap-area")
    else:
        shape = "M4 3h12l-6 10z" if kind == "overlap" else "M10 2l6 6-6 6-6-6z"
        inner = tag("path", d=shape, class_=f"sign {kind}")
    return join(tag("svg", inner, width=20, height=16, aria_hidden="true", focusable="false"), " ")
