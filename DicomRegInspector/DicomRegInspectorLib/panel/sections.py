"""The panel's widgets: one .ui file for each section, in the order in which they stand."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

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
        widgets.update(vars(slicer.util.childWidgetVariables(section)))
        # The file connects the signal of the change with every node box in it.
        section.setMRMLScene(slicer.mrmlScene)
    column.addStretch(1)
    layout.addWidget(content)
    return cast("PanelWidgets", SimpleNamespace(**widgets))
