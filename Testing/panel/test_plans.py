"""A series is planned once: what is shown, asked about and loaded is one plan, as long as series and options stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from DicomRegInspectorLib.panel.selftests.files import write_ct_stack
from panel_steps import GAP_MM, inspect


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The options of every plan that is made, wherever."""
    from DicomRegInspectorLib.series.regularize import plan as module

    made, place = [], module.place

    def counted(volume: Any, options: Any) -> Any:
        made.append(options)
        return place(volume, options)

    monkeypatch.setattr(module, "place", counted)
    return made


@pytest.fixture
def shown(widget: Any, tmp_path: Path, planned: list[Any]) -> Any:
    write_ct_stack(tmp_path / "stack", GAP_MM)
    inspect(widget.ui, tmp_path / "stack")
    return widget.ui


def select_gap(widget: Any, ui: Any) -> None:
    codes = [row.finding.code for row in widget.panel.findings.shown]
    ui.findingsTable.selectRow(codes.index("slice-gap"))


def test_load_and_show_is_one_plan(application: Any, widget: Any, shown: Any, planned: list[Any]) -> None:
    """The section showed another way to make it regular, so that the question has a plan of its own."""
    shown.modeComboBox.currentIndex = 3
    shown.inspectFolderButton.click()
    select_gap(widget, shown)
    planned.clear()
    shown.showMeButton.click()
    assert shown.askDoButton.text == "Load and show"
    shown.askDoButton.click()
    assert [options.mode for options in planned] == ["acquisition"]
    assert application.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") > 0
    assert "is shown in the slice views" in shown.findingsStatusLabel.text


def test_load_and_show_of_what_the_section_shows_needs_no_other_plan(
    widget: Any, shown: Any, planned: list[Any]
) -> None:
    assert [options.mode for options in planned] == ["acquisition"]
    select_gap(widget, shown)
    planned.clear()
    shown.showMeButton.click()
    shown.askDoButton.click()
    assert planned == []


def test_load_and_save_carry_out_the_plan_that_is_shown(
    widget: Any, shown: Any, planned: list[Any], tmp_path: Path
) -> None:
    widget.panel.series.saving.ask = lambda: str(tmp_path / "saved")
    (tmp_path / "saved").mkdir()
    planned.clear()
    shown.modeComboBox.currentIndex = 1
    shown.loadSeriesButton.click()
    shown.saveSeriesButton.click()
    assert [options.mode for options in planned] == ["resample"]
    assert shown.seriesStatusLabel.text.startswith("Saved")


def test_another_option_is_another_plan_and_the_first_one_is_kept(shown: Any, planned: list[Any]) -> None:
    planned.clear()
    for gap in (2.0, 20.0, 2.0):
        shown.gapSpinBox.value = gap
    assert [options.max_gap for options in planned] == [2.0, 20.0]


def test_moved_reference_is_another_plan(application: Any, shown: Any, planned: list[Any]) -> None:
    shown.loadSeriesButton.click()
    shown.modeComboBox.currentIndex = 1
    node = application.util.getNodesByClass("vtkMRMLScalarVolumeNode")[0]
    node.SetAndObserveTransformNodeID(None)
    shown.gridSelector.setCurrentNode(node)
    planned.clear()
    node.SetOrigin(1.0, 2.0, 3.0)
    shown.loadSeriesButton.click()
    assert len(planned) == 1
