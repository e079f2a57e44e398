"""The show buttons: computed beside the application, stopped when asked, shown in layouts of their own."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.scene import layouts
from quality_nodes import affine, fold, grid_node, lattice_points, texture, volume_node


@pytest.fixture
def scene(application: Any, widget: Any) -> Any:
    return application.mrmlScene


def pair(scene: Any, ui: Any) -> tuple[Any, Any]:
    """Two images, chosen as the fixed and the moving one."""
    points = lattice_points()
    fixed, moving = volume_node(scene, texture(points + 3.0), "fixed"), volume_node(scene, texture(points), "moving")
    ui.qualityFixedSelector.setCurrentNode(fixed)
    ui.qualityMovingSelector.setCurrentNode(moving)
    return fixed, moving


def measured(scene: Any, ui: Any, displacement: Any = affine) -> Any:
    """A grid node that was chosen and measured."""
    node = grid_node(scene, displacement)
    ui.qualityTransformSelector.setCurrentNode(node)
    ui.measureButton.click()
    return node


def made_volumes(scene: Any) -> int:
    """Volume nodes that a show button made."""
    nodes = scene.GetNodesByClass("vtkMRMLVolumeNode")
    every = [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]
    return sum(node.GetAttribute("DicomRegInspector.QualityOf") is not None for node in every)


def backgrounds(scene: Any) -> list[str]:
    """Names of what the comparison's views show, back to front."""
    names = []
    for spec in layouts.COMPARISON_VIEWS:
        composite = layouts.composite_of(scene, spec.tag)
        for node_id in (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()):
            if node_id:
                names.append(scene.GetNodeByID(node_id).GetName())
    return names


BUTTONS = ("showJacobianButton", "showMagnitudeButton", "showMaskButton", "showGlyphsButton", "showHistogramsButton",
           "showComparisonButton")  # fmt: skip


@pytest.mark.parametrize("button", BUTTONS)
def test_cancel_stops_a_show_and_leaves_nothing(
    application: Any, scene: Any, ui: Any, monkeypatch: pytest.MonkeyPatch, button: str
) -> None:
    from DicomRegInspectorLib.panel.quality import quality_shows

    measured(scene, ui)
    pair(scene, ui)
    events, states, work = application.app.processEvents, [], quality_shows.quality_arrays

    def wait(field: Any, lattice: Any, progress: Any) -> Any:
        while progress(0, 1, "waiting to be stopped"):
            time.sleep(0.001)
        return work(field, lattice, progress)

    def press() -> None:
        events()
        states.append((ui.qualityCancelButton.enabled, ui.measureButton.enabled, ui.showJacobianButton.enabled))
        ui.qualityCancelButton.click()

    monkeypatch.setattr(quality_shows, "quality_arrays", wait)
    monkeypatch.setattr(application.app, "processEvents", press)
    getattr(ui, button).click()
    assert ui.qualityStatusLabel.text == "Cancelled; nothing was made."
    assert made_volumes(scene) == 0
    assert states[0] == (True, False, False)
    assert getattr(ui, button).enabled
    monkeypatch.undo()
    getattr(ui, button).click()
    assert made_volumes(scene) >= 3


@pytest.mark.parametrize("button", BUTTONS)
def test_scene_closed_while_something_is_computed_gets_no_nodes(
    application: Any, scene: Any, ui: Any, monkeypatch: pytest.MonkeyPatch, button: str
) -> None:
    from DicomRegInspectorLib.panel.quality import quality_shows

    measured(scene, ui)
    pair(scene, ui)
    events, closed, work = application.app.processEvents, [], quality_shows.quality_arrays

    def wait(*arguments: Any) -> Any:
        while not closed:
            time.sleep(0.001)
        return work(*arguments)

    def close() -> None:
        events()
        if not closed:
            closed.append(True)
            scene.Clear()

    monkeypatch.setattr(quality_shows, "quality_arrays", wait)
    monkeypatch.setattr(application.app, "processEvents", close)
    getattr(ui, button).click()
    assert closed
    assert made_volumes(scene) == 0
    assert not ui.measureButton.enabled


def test_computing_is_done_in_a_thread_and_adding_in_the_application_s(
    scene: Any, ui: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from DicomRegInspectorLib.panel.quality import quality_shows

    where: dict[str, bool] = {}

    def watch(name: str) -> None:
        work = getattr(quality_shows, name)

        def noted(*arguments: Any, **options: Any) -> Any:
            where[name] = threading.current_thread() is threading.main_thread()
            return work(*arguments, **options)

        monkeypatch.setattr(quality_shows, name, noted)

    beside = ("quality_arrays", "displacement_histograms", "jacobian_histogram", "compare_images")
    here = ("place_quality_volumes", "place_histograms", "gather_comparison", "place_comparison")
    for name in beside + here:
        watch(name)
    measured(scene, ui)
    pair(scene, ui)
    ui.showHistogramsButton.click()
    ui.showComparisonButton.click()
    assert where == dict.fromkeys(beside, False) | dict.fromkeys(here, True)


def test_comparison_stands_in_four_linked_views_and_the_layout_before_comes_back(
    application: Any, scene: Any, ui: Any
) -> None:
    application.app.playMainWindow(True)
    manager = application.app.layoutManager()
    manager.setLayout(application.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    measured(scene, ui)
    pair(scene, ui)
    ui.showComparisonButton.click()
    assert manager.layout == layouts.COMPARISON
    assert ui.qualityStatusLabel.text.startswith("The four views are linked")
    assert backgrounds(scene) == [
        "fixed", "moving", "field: warped source", "field: checkerboard", "field: difference"]  # fmt: skip
    ui.hideButton.click()
    assert manager.layout == application.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    ui.hideButton.click()
    assert ui.qualityStatusLabel.text == "Nothing is shown from here."
    assert manager.layout == application.vtkMRMLLayoutNode.SlicerLayoutFourUpView


def test_moving_image_under_the_transform_is_shown_where_it_was_loaded_too(
    application: Any, scene: Any, ui: Any
) -> None:
    application.app.playMainWindow(True)
    node = measured(scene, ui)
    _, moving = pair(scene, ui)
    moving.SetAndObserveTransformNodeID(node.GetID())
    ui.showComparisonButton.click()
    assert backgrounds(scene)[1] == "moving as loaded"


def test_overlay_leaves_the_comparison_and_goes_to_slicer_s_own_views(application: Any, scene: Any, ui: Any) -> None:
    application.app.playMainWindow(True)
    measured(scene, ui)
    pair(scene, ui)
    layouts.composite_of(scene, "Red")
    ui.showComparisonButton.click()
    before = backgrounds(scene)
    ui.showJacobianButton.click()
    assert layouts.shown_layout(scene) is None
    assert backgrounds(scene) == before
    red = layouts.composite_of(scene, "Red")
    shown = [scene.GetNodeByID(one).GetName() for one in (red.GetBackgroundVolumeID(), red.GetForegroundVolumeID())]
    assert shown == ["fixed", "field: Jacobian determinant"]
    assert red.GetForegroundOpacity() == pytest.approx(0.6)


def test_histograms_stand_beside_the_determinants(application: Any, scene: Any, ui: Any) -> None:
    application.app.playMainWindow(True)
    measured(scene, ui, fold)
    pair(scene, ui)
    layouts.composite_of(scene, "Red")
    ui.showHistogramsButton.click()
    assert application.app.layoutManager().layout == layouts.HISTOGRAMS
    titles = []
    for spec in layouts.PLOTS.values():
        view = scene.GetSingletonNode(spec.tag, "vtkMRMLPlotViewNode")
        titles.append(scene.GetNodeByID(view.GetPlotChartNodeID()).GetTitle())
    assert titles == ["Displacement along R, A and S", "Length of the displacement", "Jacobian determinant"]
    red = layouts.composite_of(scene, "Red")
    assert scene.GetNodeByID(red.GetForegroundVolumeID()).GetName() == "field: Jacobian determinant"


def test_without_a_main_window_everything_is_made_and_the_layout_is_left_alone(
    application: Any, scene: Any, ui: Any
) -> None:
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    before = node.GetViewArrangement()
    measured(scene, ui)
    pair(scene, ui)
    for button in BUTTONS:
        getattr(ui, button).click()
    assert made_volumes(scene) == 6
    assert node.GetViewArrangement() == before
    assert "difference is the layer in front" in ui.qualityStatusLabel.text


def test_linear_registration_is_compared_too(scene: Any, ui: Any) -> None:
    """A shift by 6 mm along R and 5 mm along S: two and one whole voxels."""
    import vtk

    points = lattice_points()
    fixed, moving = volume_node(scene, texture(points + [6.0, 0, 5]), "fixed"), volume_node(scene, texture(points), "m")
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    transform = vtk.vtkTransform()
    transform.Translate(6, 0, 5)
    node.SetAndObserveTransformFromParent(transform)
    ui.qualityTransformSelector.setCurrentNode(node)
    ui.qualityFixedSelector.setCurrentNode(fixed)
    ui.qualityMovingSelector.setCurrentNode(moving)
    ui.measureButton.click()
    assert not ui.showJacobianButton.enabled
    assert ui.showComparisonButton.enabled
    ui.showComparisonButton.click()
    change = (texture(points) - texture(points + [6.0, 0, 5]))[:-1, :, :-2]
    text = ui.qualityStatusLabel.text
    assert f"RMS difference {np.sqrt(np.mean(change**2)):.4g} before" in text
    assert float(text.split(" before, ")[1].split()[0]) == pytest.approx(0, abs=0.01)
    assert made_volumes(scene) == 3
