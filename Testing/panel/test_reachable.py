"""What a button asks is seen without scrolling, the panel keeps its width, and long texts are cut in their middle.

The panel stands in a scroll area, as Slicer's qSlicerModulePanel has it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from DicomRegInspectorLib.panel.selftests.files import KnownField, write_ct_stack, write_deformable
from panel_steps import GAP_MM, inspect
from slicer_standin import pythonqt
from ui_files import named_widgets

KEPT: list[Any] = []
"""The panel outlives the areas that it stood in."""
SIZES = {"1600 x 1000 with Data Probe open": (420, 560), "1366 x 768": (400, 480)}
"""What is left for the panel: width and height, pixels."""


@pytest.fixture(params=list(SIZES))
def area(request: pytest.FixtureRequest, application: Any, widget: Any) -> Iterator[Any]:
    from PySide6 import QtCore, QtWidgets

    made = QtWidgets.QScrollArea()
    made.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setWidgetResizable(True)
    panel = pythonqt.unwrap(widget.parent)
    made.setWidget(panel)
    made.resize(*SIZES[request.param])
    widget.enter()
    made.show()
    wait()
    yield made
    widget.exit()
    made.takeWidget()
    panel.setParent(None)
    KEPT.append(panel)


def wait() -> None:
    """Let the event loop lay out and scroll."""
    from PySide6 import QtWidgets

    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        QtWidgets.QApplication.processEvents()
        time.sleep(0.01)


def is_seen(area: Any, widget: Any) -> bool:
    """Whether all of a widget is in the visible part."""
    from PySide6 import QtCore

    inner = pythonqt.unwrap(widget)
    top = inner.mapTo(area.viewport(), QtCore.QPoint(0, 0)).y()
    return inner.isVisible() and top >= 0 and top + inner.height() <= area.viewport().height()


def is_at_top(area: Any, widget: Any) -> bool:
    from PySide6 import QtCore

    return 0 <= pythonqt.unwrap(widget).mapTo(area.viewport(), QtCore.QPoint(0, 0)).y() < area.viewport().height() / 2


def select(widget: Any, code: str) -> None:
    codes = [row.finding.code for row in widget.panel.findings.shown]
    widget.ui.findingsTable.selectRow(codes.index(code))


def test_a_question_is_seen_when_it_is_asked(area: Any, ui: Any, widget: Any, tmp_path: Path) -> None:
    write_ct_stack(tmp_path, GAP_MM)
    inspect(ui, tmp_path)
    select(widget, "slice-gap")
    area.verticalScrollBar().setValue(0)
    wait()
    ui.repairButton.click()
    wait()
    assert is_seen(area, ui.askFrame)


def test_the_section_that_comes_next_is_seen(area: Any, ui: Any, widget: Any, tmp_path: Path) -> None:
    write_ct_stack(tmp_path / "ct", GAP_MM)
    write_deformable(tmp_path / "reg.dcm", KnownField())
    inspect(ui, tmp_path)
    ui.qualityCollapsibleButton.collapsed = True
    ui.registrationsTable.selectRow(0)
    ui.loadButton.click()
    wait()
    assert is_seen(area, ui.measureButton)
    area.verticalScrollBar().setValue(0)
    select(widget, "slice-gap")
    ui.repairButton.click()
    ui.askOptionsButton.click()
    wait()
    assert is_at_top(area, ui.seriesCollapsibleButton)


def test_the_panel_s_width_is_the_same_whatever_is_unfolded(area: Any, ui: Any, tmp_path: Path) -> None:
    sections = [getattr(ui, name + "CollapsibleButton") for name in ("input", "findings", "registrations", "series")]
    widths = set()
    for folded in (True, False):
        for section in sections:
            section.collapsed = folded
            wait()
            widths.add(pythonqt.unwrap(ui.inputCollapsibleButton).width())
    assert len(widths) == 1


def test_leaving_the_module_gives_the_scroll_bar_back(area: Any, widget: Any) -> None:
    from PySide6 import QtCore

    assert area.verticalScrollBarPolicy() == QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOn
    widget.exit()
    assert area.verticalScrollBarPolicy() == QtCore.Qt.ScrollBarPolicy.ScrollBarAsNeeded
    widget.enter()


def test_boxes_cut_long_texts_with_an_ellipsis_in_their_middle(ui: Any) -> None:
    """Slicer's node boxes do this by themselves."""
    from PySide6 import QtCore

    boxes = [name for name, element in named_widgets().items() if element.attrib["class"].endswith("ComboBox")]
    plain = [name for name in boxes if named_widgets()[name].attrib["class"] != "qMRMLNodeComboBox"]
    assert len(plain) == 9
    assert {getattr(ui, name).elideMode for name in plain} == {QtCore.Qt.TextElideMode.ElideMiddle}
