"""The table before and after, and a stack as a plain volume beside what it was made into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from DicomRegInspectorLib.errors import FileError
from DicomRegInspectorLib.panel.selftests.files import write_ct_stack
from panel_steps import GAP_MM, MODES, inspect
from slicer_standin import pythonqt


@pytest.fixture
def shown(ui: Any, tmp_path: Path) -> Any:
    write_ct_stack(tmp_path / "stack", GAP_MM)
    inspect(ui, tmp_path)
    yield ui
    ui.modeComboBox.currentIndex, ui.spacingSpinBox.value, ui.gapSpinBox.value = 0, 0.0, 1.0
    ui.pixelSpacingSpinBox.value = 0.0


def choose(ui: Any, mode: str) -> None:
    ui.modeComboBox.currentIndex = MODES.index(mode)


def table(ui: Any) -> dict[str, tuple[str, str]]:
    cells = pythonqt.unwrap(ui.beforeAfterTable)
    return {
        cells.item(row, 0).text(): (cells.item(row, 1).text(), cells.item(row, 2).text())
        for row in range(cells.rowCount())
    }


def test_table_compares_before_with_after(shown: Any) -> None:
    choose(shown, "resample")
    assert table(shown) == {
        "Voxels": ("10 × 8 × 10", "10 × 8 × 20"),
        "Pixels, mm": ("2 × 2", "2 × 2"),
        "Slices, mm": ("2, in 2 sections", "2"),
        "Positions, mm": ("0.00 to 38.00", "0.00 to 38.00"),
        "Widest interval, mm": ("22", "2"),
        # 38 mm over 9 intervals: slice 5 is shown at 16.9 instead of 8 mm, slice 6 at 21.1 instead of 30 mm.
        "As a plain volume": ("off by up to 8.9 mm (slice 5)", "in place"),
        "Slices filled": ("none", "10"),
        "Values": ("as in the files", "interpolated between slices"),
    }
    choose(shown, "split")
    rows = table(shown)
    assert rows["Voxels"][1] == "10 × 8 × (5 + 5) in 2 volumes"
    assert rows["Values"][1] == "untouched"
    assert "Slices filled" not in rows
    choose(shown, "crop")
    assert table(shown)["Slices left out"] == ("none", "5")


def test_table_of_the_real_tilted_series(ui: Any, shared_data: Path) -> None:
    """Figures of its README: 18.5°, 4.002 mm in slices 1 to 14, 6.999 mm in slices 15 to 28."""
    inspect(ui, shared_data / "ct-ge-tilted-irregular")
    choose(ui, "split")
    rows = table(ui)
    assert rows["Tilt"] == ("18.5°", "18.5°, by a transform")
    assert rows["Slices, mm"] == ("4.002 (slices 1–14); 6.999 (slices 15–28)", "4.002; 6.999")
    assert rows["As a plain volume"] == ("off by up to 22.8 mm (slice 15)", "in place under its transform")
    choose(ui, "resample")
    assert table(ui)["Tilt"] == ("18.5°", "0°")
    choose(ui, "acquisition")


def test_without_a_way_to_make_it_regular_only_before_is_shown(ui: Any, tmp_path: Path) -> None:
    write_ct_stack(tmp_path, [40.0 * number for number in range(6)])
    inspect(ui, tmp_path)
    choose(ui, "resample")
    assert not ui.beforeAfterTable.isColumnHidden(2)
    ui.spacingSpinBox.value = 0.001
    assert ui.previewLabel.text.startswith("Cannot be made regular: A spacing of 0.001 mm makes 200,001 slices")
    assert ui.beforeAfterTable.isColumnHidden(2)
    assert table(ui)["Voxels"][0] == "10 × 8 × 6"
    assert not ui.loadSeriesButton.enabled and not ui.saveSeriesButton.enabled
    ui.spacingSpinBox.value = 0.0
    choose(ui, "acquisition")


def test_options_are_there_when_they_mean_something(ui: Any, tmp_path: Path) -> None:
    write_ct_stack(tmp_path / "a", GAP_MM)
    write_ct_stack(tmp_path / "b", (0, 2, 4, 4, 6, 8, 10, 10.5, 12, 14))
    inspect(ui, tmp_path / "a")
    assert ui.duplicatesComboBox.isHidden() and ui.overlapsComboBox.isHidden()
    assert ui.spacingSpinBox.isHidden() and ui.pixelSpacingSpinBox.isHidden()
    choose(ui, "resample")
    assert not ui.spacingSpinBox.isHidden() and not ui.pixelSpacingSpinBox.isHidden()
    assert ui.spacingSpinBox.specialValueText == "Nominal: 2.000 mm"
    assert ui.pixelSpacingSpinBox.specialValueText == "As in the files: 2 mm"
    choose(ui, "acquisition")
    inspect(ui, tmp_path / "b")
    assert not ui.duplicatesComboBox.isHidden() and not ui.overlapsComboBox.isHidden()


def test_choices_of_duplicates_and_overlaps_reach_the_volume(application: Any, ui: Any, tmp_path: Path) -> None:
    import pydicom

    write_ct_stack(tmp_path, (0, 2, 4, 4, 6, 8, 10, 10.5, 12, 14))
    for number, path in enumerate(sorted(tmp_path.glob("*")), 1):
        dataset = pydicom.dcmread(path)
        dataset.PixelData = number.to_bytes(2, "little") * (dataset.Rows * dataset.Columns)
        dataset.RescaleIntercept = 0
        dataset.AcquisitionNumber = 2 if number == 4 else 1
        dataset.save_as(path)
    inspect(ui, tmp_path)
    texts = [ui.duplicatesComboBox.itemText(index) for index in range(ui.duplicatesComboBox.count)]
    assert texts == ["Keep the first", "Keep the last", "Take the mean", "Keep acquisition 1", "Keep acquisition 2"]

    def loaded(duplicates: int, overlaps: int) -> list[int]:
        ui.duplicatesComboBox.currentIndex, ui.overlapsComboBox.currentIndex = duplicates, overlaps
        ui.loadSeriesButton.click()
        node = application.util.getNodesByClass("vtkMRMLScalarVolumeNode")[-1]
        values = application.util.arrayFromVolume(node)[:, 0, 0].tolist()
        application.mrmlScene.RemoveNode(node)
        return values

    assert loaded(0, 0) == [1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert loaded(1, 0) == [1, 2, 4, 5, 6, 7, 8, 9, 10]
    assert loaded(0, 1) == [1, 2, 3, 5, 6, 7, 9, 10]
    assert loaded(0, 2) == [1, 2, 3, 5, 6, 8, 9, 10]
    ui.duplicatesComboBox.currentIndex = 2
    assert dict(table(ui))["Values"][1] == "untouched, but for means of several slices"


def test_pixel_spacing_reaches_the_volume(application: Any, shown: Any) -> None:
    choose(shown, "resample")
    shown.pixelSpacingSpinBox.value = 1.0
    assert "19 × 15 × 20, 1 × 1 × 2 mm" in shown.previewLabel.text
    shown.loadSeriesButton.click()
    (node,) = application.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert node.GetImageData().GetDimensions() == (19, 15, 20)


def test_plain_volume_is_shown_beside_what_was_loaded(application: Any, shown: Any) -> None:
    application.app.playMainWindow(True)
    assert not shown.beforeAfterButton.enabled
    choose(shown, "split")
    shown.loadSeriesButton.click()
    assert shown.beforeAfterButton.enabled
    shown.beforeAfterButton.click()
    nodes = application.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert [node.GetName() for node in nodes] == [
        "Self-test stack section 1 of 2",
        "Self-test stack section 2 of 2",
        "Self-test stack as a plain volume",
    ]
    assert nodes[-1].GetSpacing()[2] == pytest.approx(38 / 9)
    assert shown.seriesStatusLabel.text == (
        "Self-test stack as a plain volume beside Self-test stack section 1 of 2, Self-test stack section 2 of 2: A "
        "plain volume takes 4.222 mm for every interval. Slice 2 lies 2.2 mm from where it shows it; at most 8.9 mm, "
        "slice 5."
    )
    composite = application.mrmlScene.GetSingletonNode("RegPlainCoronal", "vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == nodes[-1].GetID()
    assert application.app.layoutManager().layout == 66304


def test_without_slice_views_it_is_said(application: Any, shown: Any) -> None:
    shown.loadSeriesButton.click()
    shown.beforeAfterButton.click()
    assert shown.seriesStatusLabel.text.endswith("(This application has no slice views to show them in.)")


def test_button_rests_when_what_was_loaded_is_gone_or_another_stack_is_shown(
    application: Any, shown: Any, tmp_path: Path
) -> None:
    shown.loadSeriesButton.click()
    node = application.util.getNodesByClass("vtkMRMLScalarVolumeNode")[0]
    application.mrmlScene.RemoveNode(node)
    count = application.mrmlScene.GetNumberOfNodes()
    shown.beforeAfterButton.click()
    assert application.mrmlScene.GetNumberOfNodes() == count
    assert not shown.beforeAfterButton.enabled
    shown.loadSeriesButton.click()
    assert shown.beforeAfterButton.enabled
    write_ct_stack(tmp_path / "other", (0, 1, 2, 3))
    inspect(shown, tmp_path / "other")
    assert not shown.beforeAfterButton.enabled


def test_files_that_vanished_are_told_and_nothing_is_added(application: Any, shown: Any, tmp_path: Path) -> None:
    choose(shown, "resample")
    shown.loadSeriesButton.click()
    count = application.mrmlScene.GetNumberOfNodes()
    (tmp_path / "stack" / "slice003.dcm").unlink()
    shown.beforeAfterButton.click()
    assert shown.seriesStatusLabel.text.startswith("Not shown: ")
    assert "slice003.dcm" in shown.seriesStatusLabel.text
    assert application.mrmlScene.GetNumberOfNodes() == count


def test_everything_rests_while_the_plain_volume_is_made(shown: Any, widget: Any) -> None:
    shown.loadSeriesButton.click()
    seen: list[bool] = []

    def refused(*_arguments: Any, **_options: Any) -> Any:
        ui = shown
        resting = (ui.loadSeriesButton, ui.beforeAfterButton, ui.saveSeriesButton, ui.modeComboBox, ui.gapSpinBox)
        seen.extend(one.enabled for one in (*resting, ui.compareCollapsibleButton, ui.inspectFolderButton))
        raise FileError("a.dcm", "is not there")

    widget.logic.addPlainVolume = refused
    try:
        shown.beforeAfterButton.click()
    finally:
        del widget.logic.addPlainVolume
    assert seen == [False] * 7
    assert shown.beforeAfterButton.enabled and shown.compareCollapsibleButton.enabled


def test_table_is_as_high_as_its_rows_at_any_width(application: Any, shown: Any) -> None:
    choose(shown, "split")
    window = pythonqt.unwrap(application.modules.dicomreginspector.widgetRepresentation())
    size = window.size()
    cells = pythonqt.unwrap(shown.beforeAfterTable)
    try:
        window.show()
        for width in (380, 900, 380):
            window.resize(width, 1500)
            for _ in range(3):
                application.app.processEvents()
            cells.resizeRowsToContents()
            rows = cells.verticalHeader().length()
            assert rows <= cells.viewport().height() <= rows + 6
    finally:
        window.hide()
        window.resize(size)


def test_slices_are_numbered_alike_in_table_and_sentence(application: Any, ui: Any, tmp_path: Path) -> None:
    """Two slices at 2 mm: the fifth slice of the stack lies at 6 mm, and is the fourth place."""
    write_ct_stack(tmp_path, (0, 2, 2, 4, 6, 20, 22, 24))
    inspect(ui, tmp_path)
    choose(ui, "split")
    # 24 mm over 6 intervals: the place at 6 mm is shown at 12 mm, that at 20 mm at 16 mm.
    assert table(ui)["As a plain volume"][0] == "off by up to 6.0 mm (slice 5)"
    ui.loadSeriesButton.click()
    ui.beforeAfterButton.click()
    assert "at most 6.0 mm, slice 5." in ui.seriesStatusLabel.text
    choose(ui, "acquisition")


def test_grid_of_a_volume_of_the_scene_can_be_chosen(application: Any, ui: Any, tmp_path: Path) -> None:
    import vtk

    write_ct_stack(tmp_path, GAP_MM)
    inspect(ui, tmp_path)
    choose(ui, "resample")
    image = vtk.vtkImageData()
    image.SetDimensions(5, 4, 7)
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    grid = application.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Grid")
    grid.SetAndObserveImageData(image)
    grid.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    grid.SetSpacing(3.0, 4.0, 1.0)
    grid.SetOrigin(-1.0, -1.0, 1.0)
    ui.gridSelector.setCurrentNode(grid)
    assert ui.spacingSpinBox.isHidden() and ui.pixelSpacingSpinBox.isHidden()
    assert table(ui)["Voxels"][1] == "5 × 4 × 7"
    assert table(ui)["Positions, mm"][1] == "1.00 to 7.00"
    ui.loadSeriesButton.click()
    node = application.util.getNodesByClass("vtkMRMLScalarVolumeNode")[-1]
    assert node.GetImageData().GetDimensions() == (5, 4, 7)
    assert node.GetOrigin() == pytest.approx((-1.0, -1.0, 1.0))
    assert node.GetSpacing() == pytest.approx((3.0, 4.0, 1.0))
    grid.SetIJKToRASDirections(0, 0, 1, -1, 0, 0, 0, 1, 0)
    ui.gapSpinBox.value = 2  # asks again
    assert table(ui)["Positions, mm"][1] == "across the slices"
    assert "After" not in ui.stripLabel.toolTip
    application.mrmlScene.RemoveNode(grid)
    assert not ui.spacingSpinBox.isHidden()
    assert table(ui)["Voxels"][1] == "10 × 8 × 20"
    ui.gapSpinBox.value = 1
    choose(ui, "acquisition")
