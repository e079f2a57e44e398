"""Saving a stack as DICOM from the panel: what is offered, where it goes, and what is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.panel.selftests.files import write_ct_stack
from DicomRegInspectorLib.panel.series.save_places import name_for, new_file_in, new_folder_in
from panel_steps import GAP_MM, MODES, inspect


class Asked:
    """Stands in for the folder dialog."""

    def __init__(self) -> None:
        self.answer = ""
        self.times = 0

    def __call__(self) -> str:
        self.times += 1
        return self.answer


@pytest.fixture
def asked(widget: Any) -> Any:
    saving = widget.panel.series.saving
    before, saving.ask = saving.ask, Asked()
    yield saving.ask
    saving.ask = before


@pytest.fixture
def shown(ui: Any, asked: Asked, tmp_path: Path) -> Any:
    write_ct_stack(tmp_path / "stack", GAP_MM)
    inspect(ui, tmp_path / "stack")
    yield ui
    ui.modeComboBox.currentIndex, ui.spacingSpinBox.value = 0, 0.0


def choose(ui: Any, mode: str) -> None:
    ui.modeComboBox.currentIndex = MODES.index(mode)


def offered(ui: Any) -> list[str]:
    return [ui.saveAsComboBox.itemText(index) for index in range(ui.saveAsComboBox.count)]


def heights(folder: Path) -> list[float]:
    return sorted(float(pydicom.dcmread(path).ImagePositionPatient[2]) for path in folder.rglob("*.dcm"))


def test_resampled_series_is_written_and_its_folder_told(shown: Any, asked: Asked, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    asked.answer = str(target)
    choose(shown, "resample")
    shown.saveSeriesButton.click()
    np.testing.assert_allclose(heights(target), np.arange(0, 40, 2.0), atol=1e-6)
    assert shown.seriesStatusLabel.text.startswith(f"Saved in {target}: resampled to 2 mm between slices, orthogonal")
    source = pydicom.dcmread(tmp_path / "stack" / "slice001.dcm")
    assert pydicom.dcmread(next(target.glob("*.dcm"))).SeriesInstanceUID != source.SeriesInstanceUID


def test_folder_that_holds_something_gets_a_new_one_within(shown: Any, asked: Asked, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "mine.txt").write_text("kept")
    asked.answer = str(target)
    choose(shown, "crop")
    shown.saveSeriesButton.click()
    shown.saveSeriesButton.click()
    assert sorted(one.name for one in target.iterdir()) == ["CT-cropped", "CT-cropped-2", "mine.txt"]
    assert heights(target / "CT-cropped") == [0, 2, 4, 6, 8]
    assert (target / "mine.txt").read_text() == "kept"


def test_sections_get_folders_of_their_own(shown: Any, asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    asked.answer = str(tmp_path / "target")
    choose(shown, "split")
    shown.saveSeriesButton.click()
    assert heights(tmp_path / "target" / "section-1") == [0, 2, 4, 6, 8]
    assert heights(tmp_path / "target" / "section-2") == [30, 32, 34, 36, 38]
    assert "section-1, " in shown.seriesStatusLabel.text


def test_nothing_is_written_into_the_folder_of_the_source(shown: Any, asked: Asked, tmp_path: Path) -> None:
    asked.answer = str(tmp_path / "stack")
    choose(shown, "crop")
    shown.saveSeriesButton.click()
    assert shown.seriesStatusLabel.text.startswith("Not saved: ")
    assert "lies in the folder of the source series" in shown.seriesStatusLabel.text
    assert len(list((tmp_path / "stack").rglob("*"))) == len(GAP_MM)


def test_no_folder_chosen_is_no_saving(shown: Any, asked: Asked, tmp_path: Path) -> None:
    choose(shown, "crop")
    shown.saveSeriesButton.click()
    assert asked.times == 1
    assert shown.seriesStatusLabel.text == ""


def test_cancelling_leaves_nothing_behind(shown: Any, asked: Asked, widget: Any, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    asked.answer = str(tmp_path / "target")
    choose(shown, "resample")
    save = widget.logic.saveSeries

    def disturbed(*arguments: Any, run: Any, **options: Any) -> Any:
        shown.seriesCancelButton.click()
        return save(*arguments, run=run, **options)

    widget.logic.saveSeries = disturbed
    try:
        shown.saveSeriesButton.click()
    finally:
        del widget.logic.saveSeries
    assert shown.seriesStatusLabel.text == "Cancelled; nothing was left in the folder."
    assert list(tmp_path.rglob("*unfinished*")) == []
    assert list((tmp_path / "target").iterdir()) == []


def test_parametric_map_keeps_fractions(shown: Any, asked: Asked, tmp_path: Path) -> None:
    pytest.importorskip("highdicom", reason="Parametric Maps are written with highdicom")
    (tmp_path / "target").mkdir()
    asked.answer = str(tmp_path / "target")
    choose(shown, "resample")
    assert offered(shown) == ["Images of 16 bits", "Parametric Map (keeps fractions)"]
    shown.saveAsComboBox.currentIndex = 1
    shown.saveSeriesButton.click()
    written = pydicom.dcmread(tmp_path / "target" / "CT-resampled.dcm")
    assert written.SOPClassUID.name == "Parametric Map Storage"
    assert written.NumberOfFrames == 20
    shown.saveAsComboBox.currentIndex = 0


def test_acquisition_transform_is_not_saved_and_the_button_says_why(shown: Any) -> None:
    choose(shown, "acquisition")
    assert not shown.saveSeriesButton.enabled
    assert shown.saveAsComboBox.isHidden()
    assert "positions themselves" in shown.saveSeriesButton.toolTip


def test_rounded_positions_can_be_corrected(ui: Any, asked: Asked, tmp_path: Path) -> None:
    """0.58 mm apart, written with one decimal: 0.0, 0.6, 1.2, 1.7 …"""
    true = 0.58 * np.arange(40)
    write_ct_stack(tmp_path / "rounded", np.round(true, 1).tolist())
    inspect(ui, tmp_path / "rounded")
    choose(ui, "acquisition")
    assert offered(ui) == ["Images as they are, positions corrected"]
    (tmp_path / "target").mkdir()
    asked.answer = str(tmp_path / "target")
    ui.saveSeriesButton.click()
    np.testing.assert_allclose(np.diff(heights(tmp_path / "target")), 0.58, atol=1e-3)
    assert "pixel data unchanged" in ui.seriesStatusLabel.text
    source = pydicom.dcmread(tmp_path / "rounded" / "slice001.dcm")
    assert pydicom.dcmread(tmp_path / "target" / "00001.dcm").PixelData == source.PixelData


def test_names_of_what_is_saved_are_not_taken_twice(tmp_path: Path) -> None:
    assert new_folder_in(tmp_path, "CT") == tmp_path
    (tmp_path / "CT").mkdir()
    assert new_folder_in(tmp_path, "CT") == tmp_path / "CT-2"
    assert new_file_in(tmp_path, "map", ".dcm") == tmp_path / "map.dcm"
    (tmp_path / "map.dcm").touch()
    assert new_file_in(tmp_path, "map", ".dcm") == tmp_path / "map-2.dcm"
    with pytest.raises(UsageError, match="cannot be used"):
        new_folder_in(tmp_path / "missing", "CT")
    with pytest.raises(UsageError, match="no such folder"):
        new_file_in(tmp_path / "missing", "map", ".dcm")


def test_series_on_the_grid_of_another_volume_is_written_there(
    application: Any, shown: Any, asked: Asked, tmp_path: Path
) -> None:
    import vtk

    image = vtk.vtkImageData()
    image.SetDimensions(5, 4, 7)
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    grid = application.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Grid")
    grid.SetAndObserveImageData(image)
    grid.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    grid.SetSpacing(3.0, 4.0, 1.0)
    grid.SetOrigin(-1.0, -1.0, 1.0)
    (tmp_path / "target").mkdir()
    asked.answer = str(tmp_path / "target")
    choose(shown, "resample")
    shown.gridSelector.setCurrentNode(grid)
    shown.saveSeriesButton.click()
    assert heights(tmp_path / "target") == [1, 2, 3, 4, 5, 6, 7]
    shown.gridSelector.setCurrentNode(None)


@pytest.mark.parametrize(
    ("modality", "name"),
    [
        ("CT", "CT-cropped"),
        ("../../etc/x", "etcx-cropped"),
        ("C:\\x", "Cx-cropped"),
        ("\x1b[31m\udcfc\u202e", "31m-cropped"),
        ("..", "series-cropped"),
        ("", "series-cropped"),
        ("A" * 999, f"{'A' * 16}-cropped"),
    ],
)
def test_no_modality_names_a_place_elsewhere(modality: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    assert name_for(modality, "cropped") == name
    assert new_folder_in(tmp_path, name_for(modality, "cropped")).parent == tmp_path
