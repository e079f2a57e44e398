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


def load_sections(layout: qt.QLayout, resource_path: Callable[[str], str]) -> PanelWidgets:
    """Put the sections into a layout.

    Returns the named widgets of all sections as attributes.

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
    column = qt.QVBoxLayout(content)
    widgets: dict[str, Any] = {}
    for name in SECTIONS:
        section = slicer.util.loadUI(resource_path(f"UI/DicomRegInspector{name}.ui"))
        column.addWidget(section)
        named = vars(slicer.util.childWidgetVariables(section))
        widgets.update(named)
        for widget in named.values():
            if type(widget) is ctk.ctkComboBox:
                # What does not fit is cut where it matters least; node boxes do this by themselves.
                widget.elideMode = qt.Qt.ElideMiddle
        # The file connects the signal of the change with every node box in it.
        section.setMRMLScene(slicer.mrmlScene)
    column.addStretch(1)
    layout.addWidget(content)
    return cast("PanelWidgets", SimpleNamespace(**widgets))


MARGIN = 6
"""Pixels left above or below what is brought into view."""
LAID_OUT_MS = 50
"""What was just shown has its place after so long: layouts follow each other through the event loop."""


def bring_into_view(widget: qt.QWidget) -> None:
    """Move the application's panel so that a widget is seen: all of it, or its beginning where it is too tall."""
    area = scroll_area_of(widget)

    def scroll() -> None:
        if not widget or not area or not widget.isVisible():
            return  # the module was left, or its widgets are gone
        bar, page = area.verticalScrollBar(), area.viewport().height
        top = widget.mapTo(area.widget(), qt.QPoint(0, 0)).y()
        bottom = top + widget.height + MARGIN
        if top < bar.value or bottom > bar.value + page:
            bar.setValue(min(top - MARGIN, bottom - page) if bottom > bar.value + page else top - MARGIN)

    if area is not None:
        qt.QTimer.singleShot(LAID_OUT_MS, scroll)


def scroll_area_of(widget: qt.QWidget) -> qt.QScrollArea | None:
    """Return the area that the application's panel scrolls in; None where a module stands by itself."""
    parent = widget.parentWidget()
    while parent is not None and not parent.inherits("QScrollArea"):
        parent = parent.parentWidget()
    return parent


def hold_width(widget: qt.QWidget, hold: bool) -> None:
    """Keep the panel's scroll bar while the module is shown: its coming and going would change the width of all."""
    area = scroll_area_of(widget)
    if area is not None:
        area.setVerticalScrollBarPolicy(qt.Qt.ScrollBarAlwaysOn if hold else qt.Qt.ScrollBarAsNeeded)
