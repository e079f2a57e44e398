"""Views are fitted to what they show, beside its legend, and again when that is hidden; 3-D views see it too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.panel.navigation import show_loaded
from DicomRegInspectorLib.panel.selftests.files import write_ct_stack
from DicomRegInspectorLib.samples import make_samples
from DicomRegInspectorLib.scene import layouts
from panel_steps import GAP_MM, inspect
from quality_nodes import fold, grid_node, lattice_points, texture, volume_node
from slicer_standin import views

LEGEND = 0.16
"""Share of a view's width with the numbers and the bar of a legend of 0.08, and most of a title as wide again."""
SHOWS = ("showJacobianButton", "showMagnitudeButton", "showGlyphsButton", "showHistogramsButton")


@pytest.fixture
def scene(application: Any, widget: Any) -> Iterator[Any]:
    application.app.playMainWindow(True)
    application.app.layoutManager().setLayout(application.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    views.resize((420, 420), (420, 419), (420, 419))
    yield application.mrmlScene
    application.app.playMainWindow(False)


@pytest.fixture
def stack(scene: Any, ui: Any, tmp_path: Path) -> Any:
    """A series that was loaded."""
    write_ct_stack(tmp_path / "stack", GAP_MM)
    inspect(ui, tmp_path / "stack")
    ui.loadSeriesButton.click()
    return scene.GetFirstNodeByName("Self-test stack")


@pytest.fixture
def fixed(scene: Any, ui: Any) -> Any:
    """An image that the user looks at, and that a folding field was measured with."""
    volume = volume_node(scene, texture(lattice_points() + 3.0), "fixed")
    show_loaded(volume)
    ui.qualityTransformSelector.setCurrentNode(grid_node(scene, fold))
    ui.qualityFixedSelector.setCurrentNode(volume)
    ui.measureButton.click()
    return volume


@pytest.fixture
def windows(application: Any, scene: Any) -> Iterator[None]:
    """The main window: in the layout of histograms two of the three views are narrow."""
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    shown = [node.GetViewArrangement()]

    def resize(*_: object) -> None:
        if node.GetViewArrangement() != shown[0]:
            shown[0] = node.GetViewArrangement()
            narrow = shown[0] == layouts.HISTOGRAMS
            views.resize(*(((701, 420), (350, 419), (350, 419)) if narrow else ((420, 420), (420, 419), (420, 419))))

    tag = node.AddObserver("ModifiedEvent", resize)
    yield
    node.RemoveObserver(tag)


@pytest.mark.parametrize("button", SHOWS)
def test_a_legend_has_room_beside_the_image_and_hide_gives_it_back(
    scene: Any, ui: Any, fixed: Any, windows: None, button: str
) -> None:
    assert views.fills(fixed)
    before = [views.cut_at(node)[0] for node, _ in views.slice_views()]
    getattr(ui, button).click()
    assert views.legends()
    assert min(views.room_beside(fixed)) > LEGEND
    places = [views.cut_at(node) for node, _ in views.slice_views()]
    ui.hideButton.click()
    assert views.fills(fixed), "the views are fitted again, whatever the sizes that the layout gave them"
    assert [views.cut_at(node) for node, _ in views.slice_views()] == places
    assert [axis for axis, _ in places] == before


def test_what_a_user_has_zoomed_stays(scene: Any, ui: Any, fixed: Any) -> None:
    for node, _ in views.slice_views():
        node.SetFieldOfView(20.0, 14.3, 1.0)
    ui.showJacobianButton.click()
    ui.hideButton.click()
    assert [node.GetFieldOfView()[:2] for node, _ in views.slice_views()] == [(20.0, 14.3)] * 3


def test_the_comparison_s_views_have_room_for_the_legend_and_one_zoom(scene: Any, ui: Any, fixed: Any) -> None:
    ui.qualityMovingSelector.setCurrentNode(volume_node(scene, texture(lattice_points()), "moving"))
    ui.showComparisonButton.click()
    assert views.legends() == ["Difference"]
    assert min(views.room_beside(fixed)) > LEGEND
    assert len({node.GetXYZOrigin() for node, _ in views.slice_views()}) == 1


def test_what_is_loaded_is_seen_in_3d_from_obliquely_above(scene: Any, ui: Any, stack: Any) -> None:
    assert views.planes() == ["Red", "Green", "Yellow"]
    assert views.looks_at(stack)
    ((_right, front, top),) = views.directions()
    assert front > 0.3 and top > 0.3


def test_planes_that_a_user_switches_off_and_a_camera_that_a_user_turns_stay(scene: Any, ui: Any, fixed: Any) -> None:
    for node, _ in views.slice_views():
        node.SetSliceVisible(False)
    camera = scene.GetFirstNodeByClass("vtkMRMLCameraNode")
    focus = np.array(camera.GetFocalPoint())
    camera.SetPosition(*(focus + [-300.0, 0.0, 400.0]))
    show_loaded(fixed)
    ui.showGlyphsButton.click()
    ui.hideButton.click()
    assert views.planes() == []
    assert views.directions() == [pytest.approx((-0.6, 0.0, 0.8))]


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_arrows_are_seen_from_the_side_on_one_plane_and_the_others_come_back(
    scene: Any, ui: Any, fixed: Any, side: float
) -> None:
    towards = np.array([0.6 * side, 0.6, 0.4])
    ui.qualityTransformSelector.setCurrentNode(grid_node(scene, lambda points: 0 * points + 5 * towards))
    ui.measureButton.click()
    ui.showGlyphsButton.click()
    assert views.planes() == ["Red"]
    (way,) = views.directions()
    assert abs(np.dot(way, towards / np.linalg.norm(towards))) < 0.7, "seen from the other side it would be 0.98"
    ui.hideButton.click()
    assert views.planes() == ["Red", "Green", "Yellow"]


def test_a_field_is_not_drawn_over_an_image_of_another_frame_of_reference(
    scene: Any, ui: Any, widget: Any, stack: Any, tmp_path: Path
) -> None:
    folder = make_samples(tmp_path, "pair")
    inspect(ui, folder / "registration-in-voxels.dcm")
    ui.registrationsTable.selectRow(0)
    ui.loadButton.click()
    ui.measureButton.click()
    ui.showGlyphsButton.click()
    (transform,) = views.drawn_transforms()
    region = scene.GetFirstNodeByName(f"{transform}: Displacement (mm)")
    assert views.backgrounds() == [None] * 3, "nothing tells where the stack is in the registration's space"
    assert views.planes() == [], "a plane without an image would be a plain red one"
    assert 0.1 < min(views.room_beside(region)) < 0.5, "and the views are fitted to the field"
    ui.hideButton.click()
    assert views.backgrounds() == ["Self-test stack"] * 3


def test_a_series_loaded_again_is_there_once_unless_it_was_changed(scene: Any, ui: Any, stack: Any) -> None:
    def names() -> list[str]:
        return views.names("vtkMRMLVolumeNode", "vtkMRMLTransformNode")

    before = names()
    ui.loadSeriesButton.click()
    assert names() == before
    assert ui.seriesStatusLabel.text == "Loaded Self-test stack."
    stack.GetImageData().GetPointData().GetScalars().SetTuple1(0, 1234.0)
    ui.loadSeriesButton.click()
    assert len(names()) == len(before) + 1, "what the user made of it is not overwritten, and not taken for the file's"


def test_series_without_description_or_number_are_told_apart_by_name(scene: Any, ui: Any, tmp_path: Path) -> None:
    import pydicom

    folder = make_samples(tmp_path, "pair")
    for path in [*(folder / "fixed").iterdir(), *(folder / "moving").iterdir()]:
        dataset = pydicom.dcmread(path)
        del dataset.SeriesDescription
        if "SeriesNumber" in dataset:
            del dataset.SeriesNumber
        dataset.save_as(path)
    inspect(ui, folder)
    for index in (1, 0):
        ui.seriesComboBox.currentIndex = index
        ui.loadSeriesButton.click()
        assert ui.seriesStatusLabel.text == f"Loaded Unnamed Series no. {index + 1}."
        assert ui.seriesComboBox.currentText.endswith(f"no. {index + 1}")
    volumes = views.names("vtkMRMLScalarVolumeNode")
    assert volumes == ["Unnamed Series no. 1", "Unnamed Series no. 2"]


def test_no_chart_draws_a_line_through_a_single_point(application: Any, scene: Any, ui: Any, tmp_path: Path) -> None:
    """Slicer's charts complain of each: Attempted to paint a line with <2 points."""
    write_ct_stack(tmp_path, [0.0, 1.5, 4.5, 6.0, 7.5])
    inspect(ui, tmp_path)
    for _ in range(2):
        ui.plotButton.click()
    every = application.util.getNodesByClass("vtkMRMLPlotSeriesNode")
    marks = next(node for node in every if node.GetName() == "Irregular interval")
    assert min(node.GetTableNode().GetNumberOfRows() for node in every) > 1
    heights = marks.GetTableNode().GetTable().GetColumnByName(marks.GetYColumnName())
    assert heights.GetValue(0) == pytest.approx(3.0)
    assert np.isnan(heights.GetValue(1)), "and what is added to the point is not drawn"
