"""Slice positions of a stack as a strip, drawn to scale: where slices are missing, and where they are too close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import qt

from ..series import Stack

WIDTH, HEIGHT = 800, 32
"""Of the picture; the label that shows it stretches it to its own width."""
GAP_COLOUR, OVERLAP_COLOUR = (213, 94, 0), (0, 114, 178)
"""Okabe and Ito's vermillion and blue: told apart by any kind of colour vision."""


@dataclass(frozen=True)
class Mark:
    """One interval that does not fit, from 0 (the first slice) to 1 (the last)."""

    start: float
    stop: float
    kind: Literal["gap", "overlap"]


def strip_places(stack: Stack) -> tuple[list[float], list[Mark]]:
    """Where each slice lies between the first (0) and the last (1), and what is marked."""
    positions = np.asarray(stack.positions_mm, float)
    span = float(np.ptp(positions)) if positions.size else 0.0
    if span <= 0:
        return [], []
    places = ((positions - positions[0]) / span).tolist()
    marks = []
    for one in stack.spacing.irregular if stack.spacing is not None else ():
        after = stack.slice_number(one.before + 1) - 1
        marks.append(Mark(places[stack.slice_number(one.before) - 1], places[after], one.kind))
    return places, marks


def strip_in_words(stack: Stack) -> str:
    """What the strip shows, for a tool tip and for those who do not see it."""
    _, marks = strip_places(stack)
    gaps = sum(mark.kind == "gap" for mark in marks)
    text = f"{len(stack.slices)} slices over {float(np.ptp(stack.positions_mm)):.1f} mm, to scale"
    return f"{text}; gaps: {gaps} (orange bars), overlaps: {len(marks) - gaps} (blue bars)" if marks else text


def draw_strip(stack: Stack, ink: qt.QColor) -> qt.QPixmap:
    """The strip: a line for each slice in the colour of text, and a bar at the bottom for each mark."""
    pixmap = qt.QPixmap(WIDTH, HEIGHT)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    places, marks = strip_places(stack)
    painter = qt.QPainter()
    painter.begin(pixmap)
    for mark in marks:
        pen = qt.QPen(qt.QColor(*(GAP_COLOUR if mark.kind == "gap" else OVERLAP_COLOUR)))
        pen.setWidth(6)
        pen.setCapStyle(qt.Qt.FlatCap)
        painter.setPen(pen)
        start, stop = _column(mark.start), _column(mark.stop)
        painter.drawLine(start, HEIGHT - 5, max(stop, start + 3), HEIGHT - 5)
    pen = qt.QPen(ink)
    pen.setWidth(1)
    painter.setPen(pen)
    for column in dict.fromkeys(_column(place) for place in places):
        painter.drawLine(column, 2, column, HEIGHT - 10)
    painter.end()
    return pixmap


def _column(place: float) -> int:
    return 2 + round(place * (WIDTH - 5))
