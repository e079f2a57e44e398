"""What a button asks is seen without scrolling, the panel keeps its width, and long texts are cut in their middle.

The panel stands in a scroll area, as Slicer's qSlicerModulePanel has it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from DicomRegInspectorLib.panel.selftests.files import KnownField, write_ct_stack, write_deformable
from panel_steps import GAP_MM, inspect, write_folding
from quality_nodes import affine, grid_node
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
    for name in ("input", "findings", "registrations", "quality", "series"):
        getattr(widget.ui, f"{name}CollapsibleButton").collapsed = name == "quality"
    widget.exit()
    made.takeWidget()
    panel.setParent(None)
    KEPT.append(panel)


@pytest.fixture
def scene(application: Any, widget: Any) -> Any:
    return application.mrmlScene


def wait() -> None:
    """Let the event loop lay out and scroll."""
    from PySide6 import QtWidgets

    end = time.monotonic() + 0.6
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


def measured(scene: Any, ui: Any) -> None:
    """Choose a transform of the scene and measure it."""
    ui.qualityTransformSelector.setCurrentNode(grid_node(scene, affine))
    ui.measureButton.click()


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


def test_what_stands_in_the_panel_does_not_ask_for_more_width(ui: Any, widget: Any, scene: Any, tmp_path: Path) -> None:
    """Slicer's panel is as wide as its module's smallest width (qSlicerModulePanel::minimumSizeHint)."""
    from PySide6 import QtWidgets

    panel, widths = pythonqt.unwrap(widget.parent), set()

    def note() -> None:
        wait()
        widths.add((panel.minimumSizeHint().width(), panel.sizeHint().width()))

    buttons = [getattr(ui, f"{name}CollapsibleButton") for name in ("input", "findings", "registrations", "quality")]
    buttons.append(ui.seriesCollapsibleButton)
    for folded in (True, False):
        for button in buttons:
            button.collapsed = folded
            note()
    write_ct_stack(tmp_path / "ct", GAP_MM)
    write_deformable(tmp_path / "reg.dcm", KnownField())
    inspect(ui, tmp_path)
    for row in range(ui.findingsTable.rowCount):
        ui.findingsTable.selectRow(row)
        ui.repairButton.click()
        note()
    for mode in range(ui.modeComboBox.count):
        ui.modeComboBox.currentIndex = mode
        note()
    measured(scene, ui)
    ui.verdictLabel.text = "a-name-without-any-place-to-break-it" * 5
    note()
    assert len(widths) == 1
    smallest, _ = widths.pop()
    letters = QtWidgets.QWidget().fontMetrics().averageCharWidth()
    assert 40 * letters < smallest < 60 * letters


def test_a_larger_font_asks_for_more_width(widget: Any) -> None:
    from PySide6 import QtGui

    panel, sections = pythonqt.unwrap(widget.parent), pythonqt.unwrap(widget.sections)
    before, larger = sections.minimumWidth(), panel.font()
    larger.setPointSize(2 * larger.pointSize())
    panel.setFont(larger)
    widget.enter()
    assert panel.minimumSizeHint().width() >= sections.minimumWidth() > 1.5 * before
    panel.setFont(QtGui.QFont())
    widget.enter()
    assert sections.minimumWidth() == before


def test_a_finding_stays_in_sight_when_its_registration_was_loaded_to_show_it(
    area: Any, ui: Any, widget: Any, tmp_path: Path
) -> None:
    write_ct_stack(tmp_path / "ct", GAP_MM)
    write_folding(tmp_path / "reg.dcm")
    inspect(ui, tmp_path)
    select(widget, "reg-folding")
    ui.showMeButton.click()
    assert ui.askDoButton.text == "Load and show"
    ui.askDoButton.click()
    wait()
    assert ui.qualityTransformSelector.currentNode() is not None
    assert ui.findingsStatusLabel.text
    assert is_seen(area, ui.findingsStatusLabel) and is_seen(area, ui.showMeButton)


def test_what_was_measured_is_seen_with_the_buttons_that_show_it(area: Any, ui: Any, scene: Any) -> None:
    ui.qualityCollapsibleButton.collapsed = False
    measured(scene, ui)
    wait()
    assert is_seen(area, ui.verdictLabel) and is_seen(area, ui.showJacobianButton) and is_seen(area, ui.hideButton)


def test_an_answer_is_seen_however_long_it_is(area: Any, ui: Any, tmp_path: Path) -> None:
    write_ct_stack(tmp_path, GAP_MM)
    inspect(ui, tmp_path)
    for section in (ui.inputCollapsibleButton, ui.findingsCollapsibleButton, ui.registrationsCollapsibleButton):
        section.collapsed = True
    ui.loadSeriesButton.click()
    wait()
    assert ui.seriesStatusLabel.text.startswith("Loaded ") and is_seen(area, ui.seriesStatusLabel)
    area.verticalScrollBar().setValue(0)
    ui.beforeAfterButton.click()
    wait()

    assert "A plain volume" in ui.seriesStatusLabel.text and is_seen(area, ui.seriesStatusLabel)


def test_a_chart_leaves_the_panel_where_it_is(area: Any, ui: Any, tmp_path: Path) -> None:
    write_ct_stack(tmp_path, GAP_MM)
    inspect(ui, tmp_path)
    wait()
    area.verticalScrollBar().setValue(100)
    ui.plotButton.click()
    wait()
    assert ui.seriesStatusLabel.text and area.verticalScrollBar().value() == 100


def test_tables_are_as_high_as_their_rows_up_to_a_limit(area: Any, ui: Any, scene: Any, tmp_path: Path) -> None:
    write_ct_stack(tmp_path / "ct", GAP_MM)
    write_deformable(tmp_path / "reg.dcm", KnownField())
    inspect(ui, tmp_path)
    ui.qualityCollapsibleButton.collapsed = False
    measured(scene, ui)
    wait()
    for table, most in ((ui.findingsTable, 8), (ui.registrationsTable, 5), (ui.measuresTable, 12)):
        inner = pythonqt.unwrap(table)
        height = sum(inner.rowHeight(row) for row in range(min(inner.rowCount(), most)))
        assert abs(inner.viewport().height() - height) <= 1, table.objectName


def test_names_in_tables_are_cut_in_their_middle(ui: Any, widget: Any, tmp_path: Path) -> None:
    """Names of series and registrations often begin alike; titles of findings do not."""
    from PySide6 import QtCore

    middle = QtCore.Qt.TextElideMode.ElideMiddle
    assert pythonqt.unwrap(ui.registrationsTable).textElideMode() == middle
    assert pythonqt.unwrap(ui.findingsTable).textElideMode() == QtCore.Qt.TextElideMode.ElideRight
    names = {f"{region} SYNTHETIC computed tomography, slices missing in {region}" for region in ("head", "neck")}
    for number, name in enumerate(sorted(names)):
        write_ct_stack(tmp_path / str(number), GAP_MM)
        for path in (tmp_path / str(number)).iterdir():
            dataset = pydicom.dcmread(path)
            dataset.SeriesDescription = name
            dataset.save_as(path)
    inspect(ui, tmp_path)
    table = pythonqt.unwrap(ui.findingsTable)
    shown = {table.item(row, 3).text() for row in range(table.rowCount())}
    assert len(shown) == 2 and all("…" in text and len(text) < 20 for text in shown)
    assert {text[-3:] for text in shown} == {"ead", "eck"}
    table.setColumnWidth(3, 2000)
    assert {table.item(row, 3).text() for row in range(table.rowCount())} == names


def test_folded_sections_stand_as_close_as_others(ui: Any) -> None:
    """A folded section of CTK keeps 14 pixels below its title."""
    assert {
        getattr(ui, f"{name}CollapsibleButton").collapsedHeight
        for name in ("input", "findings", "registrations", "quality", "series", "compare")
    } == {0}


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
    plain = [name for name in boxes if not named_widgets()[name].attrib["class"].endswith("NodeComboBox")]
    assert len(plain) == 9
    assert {getattr(ui, name).elideMode for name in plain} == {QtCore.Qt.TextElideMode.ElideMiddle}
