"""The section Series: what it shows of stacks, what it says will come, and what it loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.errors import FileError
from DicomRegInspectorLib.panel.selftests.files import write_ct_stack, write_phases
from panel_steps import GAP_MM, MODES, inspect


@pytest.fixture
def shown(ui: Any, tmp_path: Path) -> Any:
    """The panel with a stack with a gap inspected, and the section's options as at the beginning."""
    write_ct_stack(tmp_path / "stack", GAP_MM)
    inspect(ui, tmp_path)
    yield ui
    ui.modeComboBox.currentIndex, ui.spacingSpinBox.value, ui.gapSpinBox.value = 0, 0.0, 1.0


def choose(ui: Any, mode: str, spacing: float = 0.0, gap: float = 1.0) -> None:
    ui.modeComboBox.currentIndex = MODES.index(mode)
    ui.spacingSpinBox.value, ui.gapSpinBox.value = spacing, gap


def volumes(application: Any) -> list[Any]:
    return list(application.util.getNodesByClass("vtkMRMLScalarVolumeNode"))


def slice_places(node: Any) -> list[float]:
    """S coordinate (mm) of the first voxel of each slice, through the transforms that the node is under."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    to_world = vtk.vtkGeneralTransform()
    if node.GetParentTransformNode() is not None:
        node.GetParentTransformNode().GetTransformToWorld(to_world)
    count = node.GetImageData().GetDimensions()[2]
    points = [matrix.MultiplyPoint((0.0, 0.0, float(k), 1.0))[:3] for k in range(count)]
    return [to_world.TransformPoint(point)[2] for point in points]


@pytest.mark.parametrize(
    ("mode", "spacing", "gap", "text"),
    [
        ("acquisition", 0, 1, "10 × 8 × 20, 2 × 2 × 2 mm, 10 slices in gaps hold a fill value."),
        ("acquisition", 0, 10, "10 × 8 × 10, 2 × 2 × 2 mm."),
        ("resample", 0, 1, "10 × 8 × 20, 2 × 2 × 2 mm, 10 slices in gaps hold a fill value."),
        ("resample", 1, 10, "10 × 8 × 39, 2 × 2 × 1 mm."),
        ("split", 0, 1, "2 volumes: 10 × 8 × 5, 2 × 2 × 2 mm; 10 × 8 × 5, 2 × 2 × 2 mm."),
        ("crop", 0, 1, "10 × 8 × 5, 2 × 2 × 2 mm; 5 left out (lies outside the longest regular run)."),
    ],
)
def test_preview_tells_the_geometry(shown: Any, mode: str, spacing: float, gap: float, text: str) -> None:
    choose(shown, mode, spacing, gap)
    assert shown.previewLabel.text == "Gives " + text
    assert shown.loadSeriesButton.enabled
    assert shown.spacingSpinBox.enabled == (mode == "resample")


def test_a_regular_stack_is_called_regular_and_loads_without_a_transform(
    application: Any, ui: Any, tmp_path: Path
) -> None:
    write_ct_stack(tmp_path, GAP_MM[:5])
    inspect(ui, tmp_path)
    assert ui.previewLabel.text == "Gives 10 × 8 × 5, 2 × 2 × 2 mm; regular already: no transform is needed."
    ui.loadSeriesButton.click()
    (node,) = volumes(application)
    assert node.GetParentTransformNode() is None
    np.testing.assert_allclose(slice_places(node), GAP_MM[:5], atol=1e-6)


def test_acquisition_transform_puts_slices_where_headers_say(application: Any, shown: Any) -> None:
    shown.loadSeriesButton.click()
    (node,) = volumes(application)
    missing = [8 + 2.0 * number for number in range(1, 11)]
    np.testing.assert_allclose(slice_places(node), sorted([*GAP_MM, *missing]), atol=1e-3)
    assert shown.seriesStatusLabel.text == f"Loaded {node.GetName()}."


def test_resampling_takes_the_chosen_spacing(application: Any, shown: Any) -> None:
    choose(shown, "resample", spacing=1.0)
    shown.loadSeriesButton.click()
    (node,) = volumes(application)
    assert node.GetImageData().GetDimensions() == (10, 8, 39)
    np.testing.assert_allclose(slice_places(node), np.arange(39.0), atol=1e-6)
    assert node.GetParentTransformNode() is None


def test_splitting_makes_a_volume_of_each_section(application: Any, shown: Any) -> None:
    choose(shown, "split")
    shown.loadSeriesButton.click()
    first, second = volumes(application)
    np.testing.assert_allclose(slice_places(first), GAP_MM[:5], atol=1e-6)
    np.testing.assert_allclose(slice_places(second), GAP_MM[5:], atol=1e-6)


def test_loading_can_be_cancelled_and_leaves_the_scene_alone(application: Any, shown: Any, widget: Any) -> None:
    load = widget.logic.loadSeries

    def disturbed(*arguments: Any, run: Any, **options: Any) -> Any:
        assert shown.seriesCancelButton.enabled
        assert not shown.loadSeriesButton.enabled
        shown.seriesCancelButton.click()
        return load(*arguments, run=run, **options)

    widget.logic.loadSeries = disturbed
    try:
        shown.loadSeriesButton.click()
    finally:
        del widget.logic.loadSeries
    assert shown.seriesStatusLabel.text == "Cancelled; nothing was loaded."
    assert volumes(application) == []
    assert shown.loadSeriesButton.enabled
    assert not widget.panel.busy


def test_everything_else_rests_while_a_series_loads(shown: Any, widget: Any) -> None:
    seen = []

    def refused(*_arguments: Any, **_options: Any) -> Any:
        sections = (shown.findingsCollapsibleButton, shown.registrationsCollapsibleButton)
        resting = (*sections, shown.qualityCollapsibleButton, shown.inspectFolderButton, shown.loadSeriesButton)
        seen.extend(one.enabled for one in resting)
        raise FileError("a.dcm", "is not there")

    widget.logic.loadSeries = refused
    try:
        shown.loadSeriesButton.click()
    finally:
        del widget.logic.loadSeries
    assert seen == [False] * 5
    assert shown.seriesStatusLabel.text.startswith("Not loaded: ")
    assert shown.qualityCollapsibleButton.enabled
    assert shown.inspectFolderButton.enabled


def test_files_that_vanished_are_reported(application: Any, shown: Any, tmp_path: Path) -> None:
    (tmp_path / "stack" / "slice003.dcm").unlink()
    shown.loadSeriesButton.click()
    assert shown.seriesStatusLabel.text.startswith("Not loaded:")
    assert "slice003.dcm" in shown.seriesStatusLabel.text
    assert volumes(application) == []


def test_single_slice_cannot_be_loaded_and_the_panel_says_why(ui: Any, tmp_path: Path) -> None:
    write_ct_stack(tmp_path, [5.0])
    inspect(ui, tmp_path)
    assert ui.previewLabel.text.startswith("Cannot be made regular:")
    assert not ui.loadSeriesButton.enabled
    assert ui.stripLabel.isHidden()


def test_each_stack_of_a_series_can_be_chosen(application: Any, ui: Any, tmp_path: Path) -> None:
    import pydicom

    write_ct_stack(tmp_path, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0])
    for number in (5, 6):
        path = tmp_path / f"slice{number:03d}.dcm"
        dataset = pydicom.dcmread(path)
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
        dataset.ImagePositionPatient = [0.0, 3.0 * number, 50.0]
        dataset.save_as(path)
    inspect(ui, tmp_path)
    assert [ui.stackComboBox.itemText(index) for index in range(ui.stackComboBox.count)] == [
        "Main stack",
        "1: stack, 4 slices of 10 × 8, 2.000 mm",
        "2: stack, 2 slices of 10 × 8, 3.000 mm",
    ]
    assert "× 4," in ui.previewLabel.text
    ui.stackComboBox.currentIndex = 2
    assert "10 × 8 × 2, 2 × 2 × 3 mm" in ui.previewLabel.text
    ui.loadSeriesButton.click()
    (node,) = volumes(application)
    assert node.GetImageData().GetDimensions() == (10, 8, 2)


def test_logic_loads_a_folder_as_it_is_or_cropped(application: Any, shown: Any, widget: Any, tmp_path: Path) -> None:
    (plain,) = widget.logic.loadSeries(tmp_path / "stack")
    assert plain.GetImageData().GetDimensions() == (10, 8, 10)
    (cropped,) = widget.logic.loadSeries([tmp_path / "stack"], "crop", maxGap=0)
    np.testing.assert_allclose(slice_places(cropped), GAP_MM[:5], atol=1e-6)


def test_real_tilted_series_is_loaded_upright(application: Any, ui: Any, shared_data: Path) -> None:
    """28 slices over 147.1 mm along the normal; 36 steps of 4.002 mm fit. Tilt: 18.5° adds rows."""
    inspect(ui, shared_data / "ct-ge-tilted-irregular")
    assert "tilted by 18.5°" in ui.seriesSummaryLabel.text
    choose(ui, "split")
    assert ui.previewLabel.text.startswith(
        "Gives 2 volumes: 512 × 512 × 14, 0.4883 × 0.4883 × 4.002 mm; 512 × 512 × 14"
    )
    choose(ui, "resample")
    assert "512 × 611 × 37" in ui.previewLabel.text
    ui.loadSeriesButton.click()
    (node,) = volumes(application)
    assert node.GetImageData().GetDimensions() == (512, 611, 37)
    choose(ui, "acquisition")


def test_all_sets_of_a_series_are_loaded_as_a_sequence(application: Any, ui: Any, tmp_path: Path) -> None:
    write_phases(tmp_path, 3)
    (tmp_path / "time002" / "slice003.dcm").unlink()
    inspect(ui, tmp_path)
    assert [ui.stackComboBox.itemText(index) for index in range(ui.stackComboBox.count)] == [
        "Main stack",
        "1: temporal position 1, 4 slices of 10 × 8, 2.500 mm",
        "2: temporal position 2, 3 slices of 10 × 8, 2.500 mm",
        "3: temporal position 3, 4 slices of 10 × 8, 2.500 mm",
    ]
    assert ui.loadSetsButton.enabled and not ui.loadSetsButton.isHidden()
    ui.loadSetsButton.click()
    (sequence,) = application.util.getNodesByClass("vtkMRMLSequenceNode")
    found = [application.util.arrayFromVolume(sequence.GetNthDataNode(t))[:, 0, 0].tolist() for t in range(3)]
    assert found == [[100, 101, 102, 103], [200, 201, -1000, 203], [300, 301, 302, 303]]
    assert ui.seriesStatusLabel.text == (
        f"Loaded 3 volumes by temporal position as {sequence.GetName()}. "
        "Missing slices hold a fill value: set 2 lacks the slice at 5 mm."
    )


def test_a_series_of_one_set_has_none_to_load_together(shown: Any) -> None:
    assert shown.loadSetsButton.isHidden() and not shown.loadSetsButton.enabled
