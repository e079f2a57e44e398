"""Below the findings table: what is told of a finding, Show me, Repair, and what can be saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.findings import CODES, Finding
from DicomRegInspectorLib.panel.selftests.files import KnownField, write_ct_stack
from panel_steps import write_folding
from slicer_standin import pythonqt

GAP_MM = (0.0, 2.0, 4.0, 8.0, 10.0, 12.0, 14.0)


@pytest.fixture(autouse=True)
def no_slot_fails() -> Any:
    pythonqt.SLOT_ERRORS.clear()
    pythonqt.OPENED_URLS.clear()
    yield
    assert pythonqt.SLOT_ERRORS == []
    assert pythonqt.FILE_ANSWERS == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stack with a gap, and a registration that folds and is undefined at some nodes."""
    write_ct_stack(tmp_path / "gap", GAP_MM)
    write_folding(tmp_path / "reg.dcm")
    return tmp_path


@pytest.fixture
def shown(widget: Any, folder: Path) -> Any:
    """The panel's widgets, the folder inspected."""
    widget.ui.inputPathLineEdit.currentPath = str(folder)
    widget.ui.inspectFolderButton.click()
    return widget.ui


def select(widget: Any, code: str) -> Finding:
    codes = [row.finding.code for row in widget.panel.findings.shown]
    widget.ui.findingsTable.selectRow(codes.index(code))
    return widget.panel.findings.shown[codes.index(code)].finding


def visible(widget: Any) -> bool:
    return widget.isVisibleTo(widget.window())


def nodes(application: Any, class_name: str) -> list[Any]:
    return list(application.util.getNodesByClass(class_name))


def cut(application: Any) -> tuple[float, float, float]:
    """Where the slice views cut, LPS mm."""
    return tuple(
        sign * application.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}").GetSliceToRAS().GetElement(axis, 3)
        for name, axis, sign in (("Yellow", 0, -1), ("Green", 1, -1), ("Red", 2, 1))
    )


def test_finding_is_told_with_what_to_do_and_its_numbers(shown: Any, widget: Any) -> None:
    from DicomRegInspectorLib.panel.findings.finding_words import evidence_in_words

    finding = select(widget, "slice-gap")
    text = shown.findingBrowser.plainText
    for part in (finding.message, finding.title, finding.remedy, "slices 3–4", "What to do:", "Numbers:"):
        assert part in text
    assert any(f"{finding.evidence['gap_mm']:g} mm" in one for one in evidence_in_words(finding.evidence))


def test_whatever_a_file_says_is_told_as_text(application: Any) -> None:
    from DicomRegInspectorLib.panel.findings.finding_words import finding_html, finding_text
    from DicomRegInspectorLib.scene.places import Place

    hostile = "<script>alert(1)</script> & <b>x</b>\u202e"
    finding = Finding("slice-gap", "error", hostile, hostile, {"name": hostile, "of_mm": [1.0, 2.5]})
    told = finding_html(finding, Place(hostile, hostile))
    assert "<script>" not in told
    assert "<b>x" not in told
    assert "of 1, 2.5\u00a0mm" in told
    text = finding_text(finding, Place(hostile, hostile))
    assert hostile.replace("\u202e", "\ufffd") in text
    assert "\u202e" not in text, "it would turn around how the rest of the line reads"


def test_every_code_can_be_told(application: Any) -> None:
    from DicomRegInspectorLib.panel.findings.finding_words import finding_text
    from DicomRegInspectorLib.scene.places import Place

    for code, info in CODES.items():
        assert info.remedy in finding_text(Finding(code, "info", "m", "s"), Place("s", "w"))


def test_copy_puts_the_finding_on_the_clipboard(application: Any, shown: Any, widget: Any) -> None:
    finding = select(widget, "slice-gap")
    shown.copyFindingButton.click()
    text = application.app.clipboard().text()
    assert text.startswith("ERROR: Slices missing [slice-gap]")
    assert finding.message in text
    assert shown.findingsStatusLabel.text == "The finding is on the clipboard."


def test_nothing_selected_leaves_the_buttons_resting_with_a_reason(shown: Any) -> None:
    for button in (shown.showMeButton, shown.repairButton):
        assert not button.enabled
        assert button.toolTip == "Select a finding first."
    assert not shown.copyFindingButton.enabled
    assert not visible(shown.askFrame)


def test_show_me_asks_before_it_loads_the_series_and_shows_the_slice(application: Any, shown: Any, widget: Any) -> None:
    select(widget, "slice-gap")
    shown.showMeButton.click()
    assert visible(shown.askFrame)
    assert "10\u00a0×\u00a08\u00a0×\u00a07" in shown.askLabel.text
    assert nodes(application, "vtkMRMLScalarVolumeNode") == []
    shown.askDoButton.click()
    (volume,) = nodes(application, "vtkMRMLScalarVolumeNode")
    composites = nodes(application, "vtkMRMLSliceCompositeNode")
    assert all(one.GetBackgroundVolumeID() == volume.GetID() for one in composites if one.GetLayoutName()[:3] != "Reg")
    assert cut(application)[2] == pytest.approx(GAP_MM[2])
    assert nodes(application, "vtkMRMLPlotChartNode")
    assert volume.GetName() in shown.findingsStatusLabel.text
    shown.showMeButton.click()  # it is there now: nothing is asked
    assert not visible(shown.askFrame)
    assert len(nodes(application, "vtkMRMLScalarVolumeNode")) == 1


def test_show_me_goes_without_images_too(application: Any, shown: Any, widget: Any) -> None:
    select(widget, "slice-gap")
    shown.findingsTable.cellActivated.emit(shown.findingsTable.currentRow(), 0)
    shown.askOptionsButton.click()
    assert nodes(application, "vtkMRMLScalarVolumeNode") == []
    assert nodes(application, "vtkMRMLPlotChartNode")
    assert cut(application)[2] == pytest.approx(GAP_MM[2])


def test_question_can_be_left_unanswered(application: Any, shown: Any, widget: Any) -> None:
    select(widget, "slice-gap")
    shown.showMeButton.click()
    shown.askCancelButton.click()
    assert not visible(shown.askFrame)
    shown.showMeButton.click()
    select(widget, "reg-folding")
    assert not visible(shown.askFrame)
    assert nodes(application, "vtkMRMLScalarVolumeNode") == []


def test_show_me_leads_to_the_place_that_folds_most(application: Any, shown: Any, widget: Any) -> None:
    """The vector at node (2, 2, 3) was made 20 mm longer along x.

    The pre matrix turns y to minus x: next to it along y, where x grows by 20 mm in two steps, the mapping folds.
    """
    finding = select(widget, "reg-folding")
    shown.showMeButton.click()
    assert "is not loaded yet" in shown.askLabel.text
    shown.askDoButton.click()
    assert len(nodes(application, "vtkMRMLTransformNode")) == 3
    known = KnownField()
    expected = np.asarray(known.origin_lps_mm) + np.array([2, 1, 3]) * known.resolution_mm
    assert finding.evidence["lowest_at_lps_mm"] == pytest.approx(expected.tolist())
    assert cut(application) == pytest.approx(expected.tolist(), abs=1e-3)
    assert [node for node in nodes(application, "vtkMRMLScalarVolumeNode") if "Jacobian" in node.GetName()]
    assert "Jacobian determinant" in shown.findingsStatusLabel.text
    assert shown.qualityTransformSelector.currentNode() is not None


def test_undefined_vectors_are_led_to_and_said_to_be_zero(application: Any, shown: Any, widget: Any) -> None:
    select(widget, "reg-vectors-undefined")
    shown.showMeButton.click()
    shown.askDoButton.click()
    (mask,) = nodes(application, "vtkMRMLLabelMapVolumeNode")
    composites = nodes(application, "vtkMRMLSliceCompositeNode")
    assert all(one.GetLabelVolumeID() == mask.GetID() for one in composites if one.GetLayoutName()[:3] != "Reg")
    known = KnownField()
    last = np.asarray(known.origin_lps_mm) + (np.asarray(known.dimensions) - 1) * known.resolution_mm
    assert cut(application) == pytest.approx(last.tolist(), abs=1e-3)
    assert "marked are places that are folded. What the file leaves undefined is zero here." in (
        shown.findingsStatusLabel.text
    )


def test_findings_about_identifiers_have_no_place(shown: Any, widget: Any) -> None:
    finding = select(widget, "reg-frame-unknown")
    assert not shown.showMeButton.enabled
    assert "no place in space" in shown.showMeButton.toolTip
    assert not shown.repairButton.enabled
    assert "no repair" in shown.repairButton.toolTip
    assert widget.panel.registrations.view.selected() is widget.panel.inspection.registrations[0]
    assert finding in widget.panel.findings_section.findings_of(widget.panel.inspection.registrations[0])


def test_repair_tells_what_changes_before_it_does(application: Any, shown: Any, widget: Any) -> None:
    select(widget, "slice-gap")
    shown.repairButton.click()
    for part in ("What changes:", "2 volumes: 10\u00a0×\u00a08\u00a0×\u00a03", "What stays as it is:", "The files"):
        assert part in shown.askLabel.text
    assert nodes(application, "vtkMRMLScalarVolumeNode") == []
    shown.askDoButton.click()
    assert [node.GetImageData().GetDimensions()[2] for node in nodes(application, "vtkMRMLScalarVolumeNode")] == [3, 4]
    assert shown.findingsStatusLabel.text.startswith("Loaded")


def test_repair_can_be_chosen_otherwise(application: Any, shown: Any, widget: Any) -> None:
    shown.seriesCollapsibleButton.collapsed = True
    select(widget, "slice-gap")
    shown.repairButton.click()
    shown.askOptionsButton.click()
    assert not shown.seriesCollapsibleButton.collapsed
    assert widget.panel.series.mode == "split"
    assert nodes(application, "vtkMRMLScalarVolumeNode") == []
    shown.modeComboBox.currentIndex = 0


@pytest.mark.parametrize("code", ["reg-units-suspect", "reg-direction-suspect", "reg-double-application"])
def test_another_reading_is_loaded_and_recorded(application: Any, shown: Any, widget: Any, code: str) -> None:
    from DicomRegInspectorLib.panel.findings.repair_offers import READING_FOR
    from DicomRegInspectorLib.registration.repairs import REPAIRS
    from DicomRegInspectorLib.scene.places import Place

    registration = widget.panel.inspection.registrations[0]
    place = Place("reg", "item 1", registration=registration, item=1)
    widget.panel.findings_section._actions.ask_to_repair(Finding(code, "error", "m", "item 1 of reg.dcm"), place)
    assert "compare the registered images" in shown.askLabel.text
    shown.askDoButton.click()
    repairs = {node.GetAttribute("DicomRegInspector.Repair") for node in nodes(application, "vtkMRMLTransformNode")}
    assert len(repairs) == 1
    assert repairs.pop().startswith(REPAIRS[READING_FOR[code]].split(" (")[0])


def test_options_of_a_reading_are_those_of_the_section(application: Any, shown: Any, widget: Any) -> None:
    from DicomRegInspectorLib.scene.places import Place

    place = Place("reg", "", registration=widget.panel.inspection.registrations[0])
    actions = widget.panel.findings_section._actions
    actions.ask_to_repair(Finding("reg-units-suspect", "error", "m", "reg.dcm"), place)
    shown.askOptionsButton.click()
    assert shown.readAsComboBox.currentText == "Vectors in voxels"
    assert nodes(application, "vtkMRMLTransformNode") == []


def test_codes_in_the_repair_tables_exist(application: Any) -> None:
    from DicomRegInspectorLib.panel.findings.repair_offers import MODE_FOR, READING_FOR
    from DicomRegInspectorLib.panel.findings.show_me import CHARTED, FIELD_SHOWS

    assert {*MODE_FOR, *READING_FOR, *CHARTED, *FIELD_SHOWS} <= set(CODES)


def test_loading_for_a_finding_can_be_cancelled(application: Any, shown: Any, widget: Any) -> None:
    load, seen = widget.logic.loadSeries, []

    def disturbed(*arguments: Any, run: Any, **options: Any) -> Any:
        seen.extend([visible(shown.findingsProgressWidget), shown.findingsTable.enabled, shown.showMeButton.enabled])
        seen.append(shown.seriesCollapsibleButton.enabled)
        shown.findingsCancelButton.click()
        return load(*arguments, run=run, **options)

    select(widget, "slice-gap")
    shown.repairButton.click()
    widget.logic.loadSeries = disturbed
    try:
        shown.askDoButton.click()
    finally:
        del widget.logic.loadSeries
    assert seen == [True, False, False, False]
    assert shown.findingsStatusLabel.text == "Cancelled; nothing was loaded."
    assert nodes(application, "vtkMRMLScalarVolumeNode") == []
    assert shown.showMeButton.enabled
    assert shown.seriesCollapsibleButton.enabled


def test_files_that_vanished_are_told_when_a_finding_is_shown(application: Any, shown: Any, widget: Any) -> None:
    select(widget, "reg-folding")
    (Path(shown.inputPathLineEdit.currentPath) / "reg.dcm").unlink()
    shown.showMeButton.click()
    shown.askDoButton.click()
    assert shown.findingsStatusLabel.text.startswith("Not loaded:")
    assert "reg.dcm" in shown.findingsStatusLabel.text


def test_report_is_written_where_the_user_says_and_opened(
    shown: Any, widget: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    write_report = widget.logic.writeReport

    def write(*arguments: Any, **options: Any) -> Any:
        calls.append((arguments[0], options["identifiers"]))
        return write_report(*arguments, **options)

    monkeypatch.setattr(widget.logic, "writeReport", write)
    assert not shown.openReportButton.enabled
    pythonqt.FILE_ANSWERS[:] = ["", str(tmp_path / "out")]
    shown.saveReportButton.click()
    assert shown.findingsStatusLabel.text == "No report was written."
    shown.saveReportButton.click()
    assert calls == [(widget.panel.inspection, False)]
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "Slices missing" in text
    assert "Made^Up" not in text
    assert "out.html" in shown.findingsStatusLabel.text
    shown.openReportButton.click()
    assert [(tmp_path / "out.html").as_uri()] == pythonqt.OPENED_URLS
    (tmp_path / "out.html").unlink()
    shown.openReportButton.click()
    assert "not there any more" in shown.findingsStatusLabel.text


def test_report_that_cannot_be_written_says_why(
    shown: Any, widget: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise UsageError("the folder is read-only")

    monkeypatch.setattr(widget.logic, "writeReport", refuse)
    pythonqt.FILE_ANSWERS[:] = [str(tmp_path / "out.html")]
    shown.saveReportButton.click()
    assert shown.findingsStatusLabel.text == "Not written: the folder is read-only"
    assert not shown.openReportButton.enabled


def test_registrations_tell_what_was_found_about_them(shown: Any, widget: Any) -> None:
    table = shown.registrationsTable
    item = table.item(0, 3)
    about = widget.panel.findings_section.findings_of(widget.panel.inspection.registrations[0])
    assert "reg-frame-unknown" in {one.code for one in about}  # found by comparing with series
    assert item.text() == str(len(about))
    assert "1 error, " in item.toolTip()
    assert not item.icon().isNull()
    assert all(one.title in item.toolTip() for one in about)


def test_what_the_images_show_stands_among_the_findings_and_can_be_repaired(
    application: Any, widget: Any, tmp_path: Path
) -> None:
    """The sample registration whose vectors are in voxels: the audit says so, the repair loads it as it was meant."""
    from DicomRegInspectorLib.samples import make_samples

    ui = widget.ui
    ui.inputPathLineEdit.currentPath = str(make_samples(tmp_path, "pair"))
    ui.inspectFolderButton.click()
    assert "reg-units-suspect" in {row.finding.code for row in widget.panel.findings.rows}
    names = [one.path.name for one in widget.panel.inspection.registrations]
    number = next(number for number, name in enumerate(names) if "voxel" in name)
    ui.registrationsTable.selectRow(number)
    ui.loadButton.click()
    assert not ui.qualityCollapsibleButton.collapsed
    item = widget.panel.inspection.registrations[number].items[0]
    frames = {one.main_stack.frame_of_reference_uid: one for one in widget.panel.inspection.series}
    for selector, frame in (
        (ui.qualityFixedSelector, item.registered_frame_uid),
        (ui.qualityMovingSelector, item.source_frame_uid),
    ):
        selector.setCurrentNode(widget.logic.loadSeries(frames[frame])[0])
    ui.measureButton.click()
    assert "1 error" in ui.registrationsTable.item(number, 3).toolTip()
    select(widget, "reg-units-suspect")
    ui.showMeButton.click()
    assert "shown by arrows" in ui.findingsStatusLabel.text
    ui.repairButton.click()
    ui.askDoButton.click()
    repaired = nodes(application, "vtkMRMLGridTransformNode")[-1]
    assert "voxels" in repaired.GetAttribute("DicomRegInspector.Repair")
    for measure in (lambda: None, ui.measureButton.click):
        measure()
        left = [row.place for row in widget.panel.findings.rows if row.finding.code == "reg-units-suspect"]
        assert [place.transform_id for place in left] == [""], "of the file alone"


def test_measured_transform_without_a_file_has_findings_too(application: Any, widget: Any) -> None:
    import vtk

    ui = widget.ui
    image = vtk.vtkImageData()
    image.SetDimensions(6, 6, 6)
    image.AllocateScalars(vtk.VTK_FLOAT, 3)
    for component in range(3):
        image.GetPointData().GetScalars().FillComponent(component, 0.0)
    image.SetScalarComponentFromFloat(3, 3, 3, 0, -30.0)
    transform = application.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(image)
    node = application.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", "by hand")
    node.SetAndObserveTransformFromParent(transform)
    ui.qualityTransformSelector.setCurrentNode(node)
    ui.measureButton.click()
    select(widget, "reg-folding")
    assert "by hand" in ui.findingBrowser.plainText
    ui.showMeButton.click()
    assert "by hand: the Jacobian determinant is shown" in ui.findingsStatusLabel.text
    application.mrmlScene.RemoveNode(node)
    assert ui.findingsEmptyLabel.text == "Nothing inspected yet."
