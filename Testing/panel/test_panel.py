"""What the panel shows and allows: before, during, after, and when something goes wrong."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from DicomRegInspectorLib.errors import Cancelled
from DicomRegInspectorLib.panel.selftests.files import KnownField, write_ct_stack, write_deformable
from DicomRegInspectorLib.scene import layouts
from panel_steps import inspect
from slicer_standin import pythonqt

GAP_MM = (0.0, 2.0, 4.0, 8.0, 10.0, 12.0, 14.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A regular stack, one with a gap, and a registration."""
    write_ct_stack(tmp_path / "gap", GAP_MM)
    write_ct_stack(tmp_path / "regular", [0.0, 2.0, 4.0, 6.0])
    write_deformable(tmp_path / "reg.dcm", KnownField())
    return tmp_path


def test_empty_panel_says_what_to_do_and_offers_nothing_else(ui: Any) -> None:
    assert "Choose a folder" in ui.statusLabel.text
    assert [ui.findingsEmptyLabel.text, ui.registrationsEmptyLabel.text, ui.seriesSummaryLabel.text] == [
        "Nothing inspected yet."
    ] * 3
    assert not any(button.enabled for button in (ui.loadButton, ui.plotButton, ui.saveTableButton))
    assert ui.inspectFolderButton.enabled


def test_inspecting_without_a_folder_asks_for_one(ui: Any) -> None:
    ui.inputPathLineEdit.currentPath = "  "
    ui.inspectFolderButton.click()
    assert ui.statusLabel.text == "Choose a folder or a file first."


def test_folder_that_is_not_there_is_named(ui: Any, tmp_path: Path) -> None:
    inspect(ui, tmp_path / "gone")
    assert ui.statusLabel.text.startswith("Not inspected:")
    assert "gone" in ui.statusLabel.text
    assert ui.inspectFolderButton.enabled


def test_folder_without_dicom_leaves_sentences_instead_of_tables(ui: Any, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("no DICOM here", encoding="utf-8")
    inspect(ui, tmp_path)
    assert ui.statusLabel.text == (
        "0 DICOM files, 0 image series, 0 registrations: nothing found. Left out: 1 file that is not DICOM."
    )
    assert ui.registrationsEmptyLabel.text == "No registration among the files."
    assert ui.seriesSummaryLabel.text == "No image series among the files."
    assert ui.findingsEmptyLabel.text.startswith("Nothing to judge")
    assert ui.findingsTable.isHidden()


def test_folder_survives_in_the_parameter_node(widget: Any, tmp_path: Path) -> None:
    widget.ui.inputPathLineEdit.currentPath = str(tmp_path)
    widget.exit()
    widget.ui.inputPathLineEdit.currentPath = "somewhere else"
    widget.enter()
    assert widget.ui.inputPathLineEdit.currentPath == str(tmp_path)


def test_closing_the_scene_forgets_the_choices(application: Any, widget: Any, tmp_path: Path) -> None:
    widget.ui.inputPathLineEdit.currentPath = str(tmp_path)
    widget.ui.bakeCheckBox.checked = True
    application.mrmlScene.Clear()
    assert widget.ui.inputPathLineEdit.currentPath == ""
    assert widget.ui.bakeCheckBox.checked is False


def test_controls_rest_while_busy_and_only_cancel_is_offered(widget: Any, folder: Path) -> None:
    ui, seen = widget.ui, []
    work = widget.logic.inspect

    def watch(path: str, run: Any) -> Any:
        seen.append((ui.inspectFolderButton.enabled, ui.loadButton.enabled, ui.cancelButton.enabled))
        seen.append(ui.progressWidget.isVisibleTo(ui.progressWidget.parent()))
        run(lambda progress: (progress(1, 4, "Reading headers"), time.sleep(0.1)))
        seen.append((ui.statusLabel.text, ui.progressBar.maximum, ui.progressBar.value))
        return work(path, run=run)

    widget.logic.inspect = watch
    inspect(ui, folder)
    del widget.logic.inspect
    assert seen == [(False, False, True), True, ("Reading headers (1 / 4)", 4, 1)]
    assert ui.inspectFolderButton.enabled
    assert not ui.progressWidget.isVisibleTo(ui.progressWidget.parent())


def test_unexpected_error_leaves_a_usable_panel(widget: Any, folder: Path) -> None:
    def fail(path: str, run: Any) -> Any:
        raise RuntimeError("something broke")

    widget.logic.inspect = fail
    inspect(widget.ui, folder)
    del widget.logic.inspect
    assert [str(error) for error in pythonqt.SLOT_ERRORS] == ["something broke"]
    pythonqt.SLOT_ERRORS.clear()
    assert "log says more" in widget.ui.statusLabel.text
    assert widget.ui.inspectFolderButton.enabled
    assert not widget.panel.busy


def test_series_of_the_dicom_browser_are_inspected(application: Any, widget: Any, folder: Path) -> None:
    from DICOMLib import DICOMUtils
    from slicer_standin.application import Closed

    widget.ui.inspectDatabaseButton.click()
    assert widget.ui.statusLabel.text.startswith("No series is selected.")
    with DICOMUtils.TemporaryDICOMDatabase() as database:
        DICOMUtils.importDicom(str(folder / "gap"), database)
        tables, browser, instance = Closed("tables"), Closed("browser"), Closed("DICOM module")
        tables.currentSeriesSelection = lambda: tuple(database.series())
        browser.dicomBrowser = Closed("DICOM browser")
        browser.dicomBrowser.dicomTableManager = lambda: tables
        instance.browserWidget = browser
        application.modules.DICOMInstance = instance
        widget.ui.inspectDatabaseButton.click()
        del application.modules.DICOMInstance
    assert [series.slice_count for series in widget.panel.inspection.series] == [len(GAP_MM)]


def test_database_that_is_not_open_is_explained(application: Any, widget: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(application, "dicomDatabase", None)
    monkeypatch.setattr(widget.panel, "_selected_series", lambda: ["1.2.3"])
    widget.ui.inspectDatabaseButton.click()
    assert "no open DICOM database" in widget.ui.statusLabel.text


def test_sorting_by_a_column_orders_numbers_as_numbers(widget: Any, tmp_path: Path) -> None:
    positions = [float(2 * index + 2 * (index > 1) + 2 * (index > 10)) for index in range(20)]
    write_ct_stack(tmp_path, positions)
    inspect(widget.ui, tmp_path)
    widget.panel.findings.sort_by(2)
    shown = [row.texts[2] for row in widget.panel.findings.shown if row.finding.code == "slice-gap"]
    assert shown == ["slices 2–3", "slices 11–12"]
    widget.ui.findingsTable.horizontalHeader().sectionClicked.emit(2)
    assert [row.texts[2] for row in widget.panel.findings.shown if row.finding.code == "slice-gap"] == shown[::-1]


def test_severity_sorts_by_rank_not_by_word(widget: Any, folder: Path) -> None:
    from DicomRegInspectorLib.findings import Finding
    from DicomRegInspectorLib.panel.findings.rows import Row, sorted_rows
    from DicomRegInspectorLib.scene.places import Place

    rows = [
        Row(Finding("slice-gap", level, "", ""), ("x",) * 4, Place("", "")) for level in ("info", "error", "warning")
    ]
    assert [row.finding.severity for row in sorted_rows(rows, 0, True)] == ["error", "warning", "info"]


def test_selecting_a_finding_chooses_its_series_for_the_plot(ui: Any, widget: Any, folder: Path) -> None:
    inspect(ui, folder)
    codes = [row.finding.code for row in widget.panel.findings.shown]
    ui.findingsTable.selectRow(codes.index("slice-gap"))
    assert "7 slices" in ui.seriesSummaryLabel.text
    assert "What to do:" in ui.findingBrowser.plainText


def test_clicking_the_selected_finding_leads_there_again(application: Any, ui: Any, widget: Any, folder: Path) -> None:
    inspect(ui, folder)
    row = [row.finding.code for row in widget.panel.findings.shown].index("slice-gap")
    view = application.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    ui.findingsTable.selectRow(row)
    view.SetSliceOffset(-100.0)
    ui.findingsTable.cellClicked.emit(row, 0)
    assert view.GetSliceOffset() == pytest.approx(GAP_MM[2])


def test_position_in_lps_is_shown_in_all_three_views(application: Any, widget: Any) -> None:
    from DicomRegInspectorLib.panel.navigation import show_position

    show_position((11.0, 22.0, 33.0))
    axes = {"Yellow": 0, "Green": 1, "Red": 2}
    cut_ras = {
        name: application.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}").GetSliceToRAS().GetElement(axis, 3)
        for name, axis in axes.items()
    }
    assert cut_ras == pytest.approx({"Yellow": -11.0, "Green": -22.0, "Red": 33.0})


def test_text_from_a_file_is_never_shown_as_markup(ui: Any, widget: Any, folder: Path) -> None:
    from DicomRegInspectorLib.findings import Finding
    from DicomRegInspectorLib.panel.findings.findings_view import _as_tooltip
    from DicomRegInspectorLib.panel.findings.rows import row_of
    from DicomRegInspectorLib.scene.places import Place

    assert "<b>" not in _as_tooltip(row_of(Finding("slice-gap", "error", "<b>bold</b>", "x"), Place("<b>x", "")))
    for label in (ui.statusLabel, ui.seriesSummaryLabel, ui.registrationsEmptyLabel):
        assert label.textFormat == pythonqt.QtCore.Qt.TextFormat.PlainText


@pytest.mark.skipif(sys.platform != "linux", reason="other systems give no name that cannot be decoded")
def test_names_of_files_that_cannot_be_decoded_are_shown_and_loaded(
    application: Any, ui: Any, widget: Any, tmp_path: Path
) -> None:
    """M\xfcller in Latin-1: PythonQt and VTK take no text with what Python makes of such bytes."""
    folder = tmp_path / os.fsdecode(b"M\xfcller")
    write_ct_stack(folder, GAP_MM)
    write_deformable(folder / os.fsdecode(b"r\xe9g.dcm"), KnownField())
    (folder / os.fsdecode(b"\xfcbrig.dcm")).write_bytes(b"\0" * 128 + b"DICM\2\0")
    inspect(ui, tmp_path)
    assert "\ufffdbrig.dcm" in {row.place.subject for row in widget.panel.findings.rows}
    for row in range(ui.findingsTable.rowCount):
        ui.findingsTable.selectRow(row)
        ui.copyFindingButton.click()
    assert "r\ufffdg.dcm" in ui.registrationsTable.item(0, 0).toolTip()
    ui.saveTableButton.click()
    ui.loadButton.click()
    assert ui.registrationsStatusLabel.text.startswith("Loaded ")
    assert application.mrmlScene.GetFirstNodeByClass("vtkMRMLTransformNode") is not None
    (folder / os.fsdecode(b"r\xe9g.dcm")).unlink()
    ui.loadButton.click()
    assert ui.registrationsStatusLabel.text.startswith("Loaded ") or "r\ufffdg.dcm" in ui.registrationsStatusLabel.text


def test_findings_go_into_a_table_node(application: Any, ui: Any, widget: Any, folder: Path) -> None:
    inspect(ui, folder)
    ui.saveTableButton.click()
    node = application.mrmlScene.GetFirstNodeByClass("vtkMRMLTableNode")
    assert node.GetTable().GetNumberOfRows() == len(widget.panel.inspection.findings)
    assert node.GetName() in ui.findingsStatusLabel.text


def test_registration_that_cannot_be_loaded_says_so(application: Any, ui: Any, widget: Any, tmp_path: Path) -> None:
    import pydicom

    write_deformable(tmp_path / "reg.dcm", KnownField())
    dataset = pydicom.dcmread(tmp_path / "reg.dcm")
    dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0].GridDimensions = [5, 6, 8]
    dataset.save_as(tmp_path / "reg.dcm")
    inspect(ui, tmp_path)
    ui.registrationsTable.selectRow(0)
    assert not ui.loadButton.enabled
    assert "cannot be loaded" in ui.loadButton.toolTip
    ui.registrationsTable.cellActivated.emit(0, 0)
    assert application.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTransformNode") == 0


def test_registration_that_vanished_is_reported_not_raised(application: Any, ui: Any, folder: Path) -> None:
    inspect(ui, folder)
    (folder / "reg.dcm").unlink()
    ui.registrationsTable.selectRow(0)
    ui.loadButton.click()
    assert ui.registrationsStatusLabel.text.startswith("Not loaded:")
    assert application.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTransformNode") == 0
    assert application.app.cursors == []


def test_loading_twice_is_done_and_mentioned(application: Any, ui: Any, folder: Path) -> None:
    inspect(ui, folder)
    ui.bakeCheckBox.checked = True
    ui.registrationsTable.cellActivated.emit(0, 0)
    assert "before" not in ui.registrationsStatusLabel.text
    ui.loadButton.click()
    assert ui.registrationsStatusLabel.text.endswith("It was loaded before too.")
    assert application.mrmlScene.GetNumberOfNodesByClass("vtkMRMLGridTransformNode") == 2


def test_source_volumes_go_under_the_transform_only_when_asked(application: Any, ui: Any, folder: Path) -> None:
    import pydicom

    source = pydicom.dcmread(folder / "reg.dcm").DeformableRegistrationSequence[0].SourceFrameOfReferenceUID
    volume = application.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    name = application.vtkMRMLSubjectHierarchyConstants.GetDICOMFrameOfReferenceUIDAttributeName()
    volume.SetAttribute(name, source)
    inspect(ui, folder)
    ui.loadButton.click()
    assert volume.GetParentTransformNode() is None
    ui.placeVolumesCheckBox.checked = True
    ui.loadButton.click()
    assert volume.GetParentTransformNode() is not None


def test_plot_is_shown_where_there_is_a_layout(application: Any, ui: Any, widget: Any, folder: Path) -> None:
    inspect(ui, folder)
    layout = application.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    before = layout.GetViewArrangement()
    ui.plotButton.click()
    assert application.mrmlScene.GetFirstNodeByClass("vtkMRMLPlotChartNode") is not None
    assert layout.GetViewArrangement() == before
    application.app.playMainWindow(True)
    ui.plotButton.click()
    assert layout.GetViewArrangement() == layouts.POSITIONS
    view = application.mrmlScene.GetSingletonNode(layouts.POSITIONS_PLOT.tag, "vtkMRMLPlotViewNode")
    assert application.mrmlScene.GetNodeByID(view.GetPlotChartNodeID()).IsA("vtkMRMLPlotChartNode")


def test_application_may_end_during_an_inspection(application: Any, tmp_path: Path) -> None:
    import slicer_standin
    from slicer_standin.application import load_module

    write_ct_stack(tmp_path, GAP_MM)
    module = load_module(slicer_standin.MODULE_FOLDER / "DicomRegInspector.py")
    widget = module.widgetRepresentation().self()
    work = widget.logic.inspect
    outcome = []

    def end(path: str, run: Any) -> Any:
        module.unload()
        try:
            return work(path, run=run)
        except Cancelled:
            outcome.append("cancelled")
            raise

    widget.logic.inspect = end
    inspect(widget.ui, tmp_path)
    assert outcome == ["cancelled"]


def test_closing_the_application_does_not_wait_for_the_work(
    application: Any, ui: Any, widget: Any, folder: Path
) -> None:
    """The window is gone, and the process must not stay until an inspection of hours is done."""
    going_on = threading.Event()

    def slow(path: str, run: Any) -> Any:
        def work(progress: Any) -> None:
            going_on.wait(20)

        return run(work)

    turn = application.app.processEvents

    def close_and_turn() -> None:
        application.app.closeLastWindow()
        turn()

    original = widget.logic.inspect
    widget.logic.inspect, application.app.processEvents = slow, close_and_turn
    started = time.monotonic()
    try:
        inspect(ui, folder)
    finally:
        widget.logic.inspect = original
        del application.app.processEvents
        going_on.set()
    assert time.monotonic() - started < 10
    assert ui.statusLabel.text == "Cancelled."
    assert application.app.receivers("lastWindowClosed()") == 0
    inspect(ui, folder)
    assert widget.panel.inspection is not None
