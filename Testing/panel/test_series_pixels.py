"""Checking the pixels of a series from the panel: what is found joins the findings, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from DicomRegInspectorLib.panel.selftests.files import write_ct_stack
from panel_steps import inspect


def with_wrong_bits(path: Path) -> None:
    """High Bit that does not fit Bits Stored: nothing that an inspection of headers judges."""
    import pydicom

    dataset = pydicom.dcmread(path)
    dataset.BitsStored, dataset.HighBit = 12, 15
    dataset.save_as(path)


def test_findings_of_the_check_join_those_of_the_series(ui: Any, widget: Any, tmp_path: Path) -> None:
    write_ct_stack(tmp_path / "a", (0, 2, 4, 10))
    write_ct_stack(tmp_path / "b", (0, 1, 2))
    with_wrong_bits(tmp_path / "b" / "slice002.dcm")
    inspect(ui, tmp_path)
    panel = widget.panel
    index = [series.slice_count for series in panel.inspection.series].index(3)
    ui.seriesComboBox.currentIndex = index
    before = list(panel.inspection.findings)
    ui.checkPixelsButton.click()
    new = [one for one in panel.inspection.findings if one not in before]
    assert {one.code for one in new} == {"pixel-bits-inconsistent"}
    assert [one for one in panel.inspection.series[index].findings if one in new] == new
    assert ui.findingsTable.rowCount == len(before) + len(new)
    assert ui.seriesStatusLabel.text == "Checked the pixels of 3 files: 1 warning."
    assert ui.seriesComboBox.currentIndex == index
    # Pressed again, it tells nothing twice.
    ui.checkPixelsButton.click()
    assert len(panel.inspection.findings) == len(before) + len(new)


def test_finding_of_the_check_leads_to_its_series(ui: Any, widget: Any, tmp_path: Path) -> None:
    write_ct_stack(tmp_path / "a", (0, 2, 4, 10))
    write_ct_stack(tmp_path / "b", (0, 1, 2))
    with_wrong_bits(tmp_path / "b" / "slice002.dcm")
    inspect(ui, tmp_path)
    panel = widget.panel
    index = [series.slice_count for series in panel.inspection.series].index(3)
    ui.seriesComboBox.currentIndex = index
    ui.checkPixelsButton.click()
    ui.seriesComboBox.currentIndex = 1 - index
    row = [one.finding.code for one in panel.findings.shown].index("pixel-bits-inconsistent")
    ui.findingsTable.selectRow(row)
    assert ui.seriesComboBox.currentIndex == index


def test_sound_pixels_are_said_to_be_sound(ui: Any, tmp_path: Path) -> None:
    write_ct_stack(tmp_path, (0, 2, 4))
    inspect(ui, tmp_path)
    ui.checkPixelsButton.click()
    assert ui.seriesStatusLabel.text == "Checked the pixels of 3 files: nothing found."


def test_check_can_be_cancelled_and_changes_nothing(ui: Any, widget: Any, tmp_path: Path) -> None:
    write_ct_stack(tmp_path, (0, 2, 4))
    with_wrong_bits(tmp_path / "slice002.dcm")
    inspect(ui, tmp_path)
    count = len(widget.panel.inspection.findings)
    check = widget.logic.checkPixels

    def disturbed(paths: Any, run: Any) -> Any:
        assert not ui.checkPixelsButton.enabled
        ui.seriesCancelButton.click()
        return check(paths, run=run)

    widget.logic.checkPixels = disturbed
    try:
        ui.checkPixelsButton.click()
    finally:
        del widget.logic.checkPixels
    assert ui.seriesStatusLabel.text == "Cancelled; the pixels were not checked to the end."
    assert len(widget.panel.inspection.findings) == count
    assert ui.checkPixelsButton.enabled


def test_without_series_there_is_nothing_to_check(ui: Any) -> None:
    assert not ui.checkPixelsButton.enabled
