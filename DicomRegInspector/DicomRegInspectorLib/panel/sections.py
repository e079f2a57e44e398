"""The panel's widgets: one .ui file for each section, in the order in which they stand."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import ctk
import qt
import slicer

if TYPE_CHECKING:
    from .panel import PanelWidgets

SECTIONS = ("Input", "Findings", "Registrations", "Quality", "Series")


def load_sections(layout: qt.QLayout, resource_path: Callable[[str], str]) -> tuple[qt.QWidget, PanelWidgets]:
    """Put the sections into a layout.

    Returns the widget that holds them, and the named widgets of all sections as attributes.

    Parameters
    ----------
    layout
        Of the module's widget.
    resource_path
        Finds a file in the module's folder Resources. The .ui files are there, not beside the code of their sections:
        they are the application's, which translates and installs them, and nothing of the headless package. All
        modules of an application may share that folder, so their names begin with the module's.
    """
    content = qt.QWidget()
    # Slicer's panel is as wide as its module asks for: what stands in the sections at the moment must not ask.
    content.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Preferred)
    content.setMinimumWidth(narrowest(content))
    column = qt.QVBoxLayout(content)
    widgets: dict[str, Any] = {}
    for name in SECTIONS:
        section = slicer.util.loadUI(resource_path(f"UI/DicomRegInspector{name}.ui"))
        column.addWidget(section)
        named = vars(slicer.util.childWidgetVariables(section))
        widgets.update(named)
        for widget in named.values():
            if type(widget) is ctk.ctkCollapsibleButton:
                widget.collapsedHeight = 0  # folded sections stand as close as others
            elif type(widget) is ctk.ctkComboBox:
                # What does not fit is cut where it matters least; node boxes do this by themselves.
                widget.elideMode = qt.Qt.ElideMiddle
                widget.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
                widget.minimumContentsLength = SHORTEST_CHOICE
        # The file connects the signal of the change with every node box in it.
        section.setMRMLScene(slicer.mrmlScene)
    column.addStretch(1)
    layout.addWidget(content)
    return content, cast("PanelWidgets", SimpleNamespace(**widgets))


WIDTH_IN_LETTERS = 52
"""Width that the panel asks for, in letters of its font: the widest row of fixed texts has room in it."""
SHORTEST_CHOICE = 8
"""Letters that a box shows at least of what is chosen in it."""


def narrowest(widget: qt.QWidget) -> int:
    """Return the width in pixels that the sections ask for, the same whatever stands in them."""
    return WIDTH_IN_LETTERS * widget.fontMetrics().averageCharWidth()


MARGIN = 6
"""Pixels left above or below what is brought into view."""
LAID_OUT_MS = (50, 150, 300)
"""What was just shown has its place after so long: layouts follow each other through the event loop."""


_wanted: dict[str, object] = {}
"""What was asked for last to be seen."""


def bring_into_view(widget: qt.QWidget, until: qt.QWidget | None = None) -> None:
    """Move the application's panel so that a widget is seen: all of it, or its beginning where it is too tall.

    With a second widget, all from the first to the end of that one. What is asked for last is seen.
    """
    area = scroll_area_of(widget)
    wanted = _wanted["widgets"] = (widget, until)

    def scroll() -> None:
        if wanted is not _wanted["widgets"] or not widget or not area or not widget.isVisible():
            return  # something else is to be seen by now, the module was left, or its widgets are gone
        bar, page = area.verticalScrollBar(), area.viewport().height
        top = widget.mapTo(area.widget(), qt.QPoint(0, 0)).y()
        last = widget if until is None or not until.isVisible() else until
        bottom = last.mapTo(area.widget(), qt.QPoint(0, 0)).y() + last.height + MARGIN
        if top < bar.value or bottom > bar.value + page:
            bar.setValue(min(top - MARGIN, bottom - page) if bottom > bar.value + page else top - MARGIN)

    if area is not None:
        for delay in LAID_OUT_MS:
            qt.QTimer.singleShot(delay, scroll)


def fit_height(table: qt.QTableWidget, most_rows: int | None = None) -> None:
    """Make a table as high as its rows, or as its first rows where there are more: the panel scrolls anyway."""
    rows, header = table.verticalHeader(), table.horizontalHeader()
    more = most_rows is not None and table.rowCount > most_rows
    height = sum(rows.sectionSize(row) for row in range(most_rows)) if most_rows is not None and more else rows.length()
    table.setFixedHeight(height + header.sizeHint.height() + 2 * table.frameWidth)


def scroll_area_of(widget: qt.QWidget) -> qt.QScrollArea | None:
    """Return the area that the application's panel scrolls in; None where a module stands by itself."""
    parent = widget.parentWidget()
    while parent is not None and not parent.inherits("QScrollArea"):
        parent = parent.parentWidget()
    return parent


def hold_width(sections: qt.QWidget, hold: bool) -> None:
    """Keep the panel's width while the module is shown: the scroll bar stays, and the font says how much is asked for.

    The coming and going of the bar would change the width of all; the user may have chosen another font meanwhile.
    """
    sections.setMinimumWidth(narrowest(sections))
    area = scroll_area_of(sections)
    if area is not None:
        area.setVerticalScrollBarPolicy(qt.Qt.ScrollBarAlwaysOn if hold else qt.Qt.ScrollBarAsNeeded)
