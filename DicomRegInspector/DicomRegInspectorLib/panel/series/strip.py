"""Draws the strips of slice positions to scale: lines for slices, and a sign for whatever is not as it should be.

Every kind has a shape of its own besides its colour.
"""

from __future__ import annotations

import qt

from ...words import round_up
from .strip_places import Lane, Strips

GAP_COLOUR, OVERLAP_COLOUR, OVERLAP_ON_DARK = (213, 94, 0), (0, 114, 178), (86, 180, 233)
"""Okabe and Ito's vermillion, blue and sky blue: told apart by any kind of colour vision."""
LANE_HEIGHT, AXIS_HEIGHT = 30, 20
LINE_TOP, LINE_BOTTOM, SIGN_BOTTOM = 2, 18, 25
"""Within a lane: slices between the first two, signs below them."""
TITLE_WIDTH, TITLE_GAP, MARGIN = 52, 6, 12
"""A title is wider where its font is large."""
PALE = 140
"""Of 255: how strongly slices of the fill value and the axis are drawn."""
DENSE, DENSE_SLICES = 3.0, 4
"""So many slices closer than so many pixels are a block: lines on whole pixels would show gaps that are none."""
ALIGN_LEFT, ALIGN_RIGHT, ALIGN_HCENTER, ALIGN_VCENTER = 0x1, 0x2, 0x4, 0x80
"""Qt::AlignmentFlag as the whole numbers that QPainter::drawText takes."""
TICKS = 5
"""About so many steps the axis has."""


def height_of(strips: Strips) -> int:
    """Return pixels."""
    return LANE_HEIGHT * len(strips.lanes) + AXIS_HEIGHT


class Scale:
    """From millimetres to pixels."""

    def __init__(self, strips: Strips, width: int, left: int) -> None:
        self.left, self.right = left, max(width - MARGIN, left + 10)
        self._low = strips.low_mm
        self._pixels_per_mm = (self.right - self.left) / max(strips.high_mm - strips.low_mm, 1e-9)

    def column(self, place_mm: float) -> int:
        """Return where a place is drawn."""
        return round(self.left + (place_mm - self._low) * self._pixels_per_mm)

    def blocks(self, places_mm: list[float]) -> list[tuple[int, int]]:
        """Return the first and last column of slices too close to be told apart; a slice by itself has one column."""
        groups: list[list[float]] = []
        for place in sorted(places_mm):
            if groups and (place - groups[-1][-1]) * self._pixels_per_mm < DENSE:
                groups[-1].append(place)
            else:
                groups.append([place])
        blocks = []
        for group in groups:
            columns = list(dict.fromkeys(map(self.column, group)))
            is_block = len(group) >= DENSE_SLICES
            blocks += [(columns[0], columns[-1])] if is_block else [(column, column) for column in columns]
        return blocks


def draw_strips(
    strips: Strips, width: int, ink: qt.QColor, font: qt.QFont, titles: tuple[str, str], ratio: float = 1.0
) -> qt.QPixmap:
    """Return the picture.

    Parameters
    ----------
    width
        Of the picture in the widget's pixels; the height is :func:`height_of`.
    ink, font
        Colour and font of the text around.
    ratio
        Pixels of the screen for each pixel of the widget.
    """
    height = height_of(strips)
    pixmap = qt.QPixmap(round(width * ratio), round(height * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter()
    painter.begin(pixmap)
    try:
        painter.setFont(font)
        metrics = qt.QFontMetrics(font)
        longest = max(metrics.boundingRect(title).width() for title in titles)
        scale = Scale(strips, width, max(TITLE_WIDTH, longest + TITLE_GAP))
        for number, lane in enumerate(strips.lanes):
            top = number * LANE_HEIGHT
            painter.setPen(_pen(ink))
            painter.drawText(
                0, top, scale.left - TITLE_GAP, LINE_BOTTOM + 2, ALIGN_LEFT | ALIGN_VCENTER, titles[number]
            )
            _draw_lane(painter, lane, scale, top, ink)
        _draw_axis(painter, strips, scale, LANE_HEIGHT * len(strips.lanes), ink)
    finally:
        painter.end()  # a picture must not go before its painter: Qt crashes
    return pixmap


def _draw_lane(painter: qt.QPainter, lane: Lane, scale: Scale, top: int, ink: qt.QColor) -> None:
    places = {kind: [place for place, own in lane.slices if own == kind] for kind in ("slice", "filled", "dropped")}
    height = LINE_BOTTOM - LINE_TOP
    for first, last in scale.blocks(places["slice"]):
        painter.fillRect(first, top + LINE_TOP, last - first + 1, height, ink)
    for first, last in scale.blocks(places["filled"]):  # dashes, by hand: dash patterns differ between platforms
        for start in range(top + LINE_TOP, top + LINE_BOTTOM, 5):
            painter.fillRect(first, start, last - first + 1, 3, _pale(ink))
    painter.setPen(_pen(ink))
    for column in dict.fromkeys(map(scale.column, places["dropped"])):
        middle = top + (LINE_TOP + LINE_BOTTOM) // 2
        painter.drawLine(column - 3, middle - 3, column + 3, middle + 3)
        painter.drawLine(column - 3, middle + 3, column + 3, middle - 3)
    for mark in lane.marks:
        if mark.kind == "gap":
            _draw_gap(painter, scale.column(mark.start_mm), scale.column(mark.stop_mm), top)
        else:
            colour = OVERLAP_ON_DARK if ink.lightness() > 127 else OVERLAP_COLOUR
            _draw_overlap(painter, scale.column((mark.start_mm + mark.stop_mm) / 2), top, qt.QColor(*colour))
    painter.setPen(_pen(ink, 3))
    for first, last in lane.volumes:
        start, stop = scale.column(first), scale.column(last)
        painter.drawLine(start, top + SIGN_BOTTOM - 2, max(stop, start + 2), top + SIGN_BOTTOM - 2)


def _draw_gap(painter: qt.QPainter, start: int, stop: int, top: int) -> None:
    """A beam with an upright at each end."""
    stop = max(stop, start + 4)
    painter.setPen(_pen(qt.QColor(*GAP_COLOUR), 2))
    middle = top + SIGN_BOTTOM - 2
    painter.drawLine(start, middle, stop, middle)
    for column in (start, stop):
        painter.drawLine(column, middle - 3, column, middle + 3)


def _draw_overlap(painter: qt.QPainter, column: int, top: int, colour: qt.QColor) -> None:
    """A triangle that points down."""
    painter.setPen(_pen(colour))
    for row in range(5):
        reach = 4 - row
        painter.drawLine(column - reach, top + LINE_BOTTOM + 2 + row, column + reach, top + LINE_BOTTOM + 2 + row)


def _draw_axis(painter: qt.QPainter, strips: Strips, scale: Scale, top: int, ink: qt.QColor) -> None:
    painter.setPen(_pen(_pale(ink)))
    painter.drawLine(scale.left, top, scale.right, top)
    span = strips.high_mm - strips.first_mm
    step = round_up(max(span / TICKS, 1e-3))
    painter.setPen(_pen(ink))
    marks = [step * number for number in range(int(span / step + 1e-6) + 1)]
    for place in marks:
        column = scale.column(strips.first_mm + place)
        painter.drawLine(column, top, column, top + 3)
        text = f"{place:g}" + (" mm" if place == marks[-1] else "")
        # The last one must not reach beyond the picture.
        left, align = column - 40, ALIGN_HCENTER
        if place == marks[-1] and scale.right + MARGIN - 40 < column + 20:
            left, align = scale.right + MARGIN - 80, ALIGN_RIGHT
        painter.drawText(left, top + 3, 80, AXIS_HEIGHT - 3, align | ALIGN_VCENTER, text)
    first, last = strips.ends
    painter.drawText(scale.left - 24, top - 6, 18, 14, ALIGN_RIGHT | ALIGN_VCENTER, first)
    painter.drawText(scale.right + 2, top - 6, MARGIN, 14, ALIGN_LEFT | ALIGN_VCENTER, last)


def _pale(ink: qt.QColor) -> qt.QColor:
    return qt.QColor(ink.red(), ink.green(), ink.blue(), PALE)


def _pen(colour: qt.QColor, width: int = 1) -> qt.QPen:
    pen = qt.QPen(colour)
    pen.setWidth(width)
    pen.setCapStyle(qt.Qt.FlatCap)
    return pen
