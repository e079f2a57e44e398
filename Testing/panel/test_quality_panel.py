"""The section Quality: states, numbers, what is made in the scene."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from quality_nodes import GRADIENT, affine, fold, grid_node, lattice_points, texture, volume_node
from slicer_standin import pythonqt

DETERMINANT = float(np.linalg.det(np.eye(3) + GRADIENT))


@pytest.fixture
def scene(application: Any, widget: Any) -> Any:
    return application.mrmlScene


def rows(ui: Any) -> dict[str, tuple[str, str]]:
    """The table of measures: value and unit by name."""
    table = ui.measuresTable
    texts = [[table.item(row, column).text() for column in range(3)] for row in range(table.rowCount)]
    return {name: (value, unit) for name, value, unit in texts}


def measured(scene: Any, ui: Any, displacement: Any = affine) -> Any:
    """A grid node that was chosen and measured."""
    node = grid_node(scene, displacement)
    ui.qualityTransformSelector.setCurrentNode(node)
    ui.measureButton.click()
    return node


def show_buttons(ui: Any) -> list[Any]:
    return [
        ui.showJacobianButton, ui.showMagnitudeButton, ui.showMaskButton, ui.showGlyphsButton,
        ui.showHistogramsButton, ui.showComparisonButton, ui.qualityTablesButton,
    ]  # fmt: skip


def test_empty_section_says_what_to_do_and_offers_nothing(ui: Any) -> None:
    assert ui.qualityStatusLabel.text.startswith("Choose a transform")
    assert not ui.measureButton.enabled
    assert not any(button.enabled for button in show_buttons(ui))
    assert (ui.measuresTable.rowCount, ui.verdictLabel.text) == (0, "")


def test_measures_and_verdict_are_those_of_the_formula(scene: Any, ui: Any) -> None:
    measured(scene, ui)
    shown = rows(ui)
    assert shown["Jacobian determinant, smallest"] == (f"{DETERMINANT:.4g}", "")
    assert shown["Grid"] == (str(24 * 20 * 18), "nodes")
    assert shown["Folded, determinant 0 or less"] == ("0", "%")
    assert [name for name in shown if name.startswith("Displacement")] == [
        f"Displacement, {rank}" for rank in ("mean", "median", "95 % below", "99 % below", "largest")
    ]
    assert shown["Displacement, largest"][1] == "mm"
    assert f"Folds nowhere: the Jacobian determinant is {DETERMINANT:.3g} to {DETERMINANT:.3g}." in ui.verdictLabel.text
    assert "Inverse: found at all" in ui.verdictLabel.text
    assert ui.qualityStatusLabel.text == "Measured field: displacement grid as stored in the node."


def test_folding_is_the_first_thing_the_verdict_says(scene: Any, ui: Any) -> None:
    measured(scene, ui, fold)
    first = ui.verdictLabel.text.splitlines()[0]
    # The last ten of 24 nodes along R, 3600 in all.
    assert first == "• Folds at 3600 of 8640 nodes (41.7 %, 216 cm³): the determinant goes down to -1."


def test_controls_rest_while_it_measures_and_only_cancel_is_offered(widget: Any, scene: Any) -> None:
    ui, seen, work = widget.ui, [], widget.logic.measureQuality

    def watch(*arguments: Any, **options: Any) -> Any:
        seen.append((ui.measureButton.enabled, ui.inspectFolderButton.enabled, ui.qualityTransformSelector.enabled))
        seen.append((ui.qualityCancelButton.enabled, ui.registrationsCollapsibleButton.enabled, widget.panel.busy))
        arguments[4](3, 11, "Curl")
        seen.append((ui.qualityStatusLabel.text, ui.qualityProgressBar.maximum, ui.qualityProgressBar.value))
        return work(*arguments, **options)

    widget.logic.measureQuality = watch
    measured(scene, ui)
    del widget.logic.measureQuality
    assert seen == [(False, False, False), (True, False, True), ("Curl (3 / 11)", 11, 3)]
    assert ui.measureButton.enabled
    assert ui.inspectFolderButton.enabled
    assert not widget.panel.busy
    assert not ui.qualityProgressWidget.isVisibleTo(ui.qualityProgressWidget.parent())


def test_cancelling_keeps_what_was_measured_before(
    application: Any, scene: Any, ui: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(scene, ui)
    before, events = rows(ui), application.app.processEvents

    def press() -> None:
        events()
        ui.qualityCancelButton.click()

    monkeypatch.setattr(application.app, "processEvents", press)
    ui.measureButton.click()
    assert ui.qualityStatusLabel.text == "Cancelled. What is shown is from before."
    assert rows(ui) == before
    assert ui.measureButton.enabled


def test_transform_that_cannot_be_measured_says_why(scene: Any, ui: Any) -> None:
    import vtk

    points = vtk.vtkPoints()
    for corner in np.eye(4)[:, :3]:
        points.InsertNextPoint(*corner)
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetSourceLandmarks(points)
    spline.SetTargetLandmarks(points)
    spline.SetBasisToR()
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "spline")
    node.SetAndObserveTransformFromParent(spline)
    ui.qualityTransformSelector.setCurrentNode(node)
    ui.measureButton.click()
    assert ui.qualityStatusLabel.text.startswith("Not measured: ")
    assert "choose a volume" in ui.qualityStatusLabel.text


def test_unexpected_error_in_the_thread_leaves_a_usable_section(
    widget: Any, scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from DicomRegInspectorLib.scene.quality import node_quality

    def fail(*arguments: Any) -> Any:
        raise RuntimeError("something broke")

    monkeypatch.setattr(node_quality, "measure", fail)
    measured(scene, widget.ui)
    assert [str(error) for error in pythonqt.SLOT_ERRORS] == ["something broke"]
    pythonqt.SLOT_ERRORS.clear()
    assert "log says more" in widget.ui.qualityStatusLabel.text
    assert widget.ui.measureButton.enabled
    assert not widget.panel.busy


def test_scene_may_be_closed_while_it_measures(application: Any, scene: Any, widget: Any, monkeypatch: Any) -> None:
    events, closed = application.app.processEvents, []

    def close() -> None:
        events()
        if not closed:
            closed.append(True)
            scene.Clear()

    monkeypatch.setattr(application.app, "processEvents", close)
    measured(scene, widget.ui)
    assert closed
    assert widget.panel.quality.result is None
    assert widget.ui.measuresTable.rowCount == 0
    assert not widget.ui.measureButton.enabled


def test_scene_closed_before_anything_was_read_is_no_error(
    application: Any, scene: Any, widget: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application.app, "processEvents", scene.Clear)
    measured(scene, widget.ui)
    assert not widget.panel.busy
    assert widget.ui.qualityStatusLabel.text.startswith("Cancelled")


def test_removing_the_measured_transform_takes_its_measures_away(scene: Any, ui: Any) -> None:
    scene.RemoveNode(measured(scene, ui))
    assert ui.measuresTable.rowCount == 0
    assert not any(button.enabled for button in show_buttons(ui))


def test_application_may_end_while_it_measures(application: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import slicer_standin
    from DicomRegInspectorLib.scene.quality import node_quality
    from slicer_standin.application import load_module

    application.mrmlScene.Clear()
    module = load_module(slicer_standin.MODULE_FOLDER / "DicomRegInspector.py")
    ui = module.widgetRepresentation().self().ui
    node = grid_node(application.mrmlScene, affine)
    ui.qualityTransformSelector.setCurrentNode(node)

    def slow(inputs: Any, progress: Any) -> Any:
        time.sleep(0.5)

    events = application.app.processEvents
    ended = []

    def end() -> None:
        events()
        if module._representation is not None and module._representation.self().panel.quality.busy:
            ended.append(time.monotonic())
            module.unload()

    monkeypatch.setattr(node_quality, "measure", slow)
    monkeypatch.setattr(application.app, "processEvents", end)
    ui.measureButton.click()
    assert len(ended) == 1
    assert time.monotonic() - ended[0] < 0.4
    application.mrmlScene.Clear()


def test_images_that_the_transform_names_are_chosen(scene: Any, ui: Any) -> None:
    values = lattice_points()[..., 0]
    volume_node(scene, values, "other")
    fixed, moving = volume_node(scene, values, "fixed"), volume_node(scene, values, "moving")
    node = grid_node(scene, affine)
    node.SetNodeReferenceID(node.GetFixedNodeReferenceRole(), fixed.GetID())
    node.SetNodeReferenceID(node.GetMovingNodeReferenceRole(), moving.GetID())
    ui.qualityTransformSelector.setCurrentNode(node)
    chosen = [box.currentNode().GetName() for box in (ui.qualityFixedSelector, ui.qualityMovingSelector)]
    assert chosen == ["fixed", "moving"]


def test_choices_are_kept_with_the_scene(widget: Any, scene: Any) -> None:
    node = grid_node(scene, affine)
    widget.ui.qualityTransformSelector.setCurrentNode(node)
    widget.exit()
    widget.ui.qualityTransformSelector.setCurrentNode(None)
    widget.enter()
    assert widget.ui.qualityTransformSelector.currentNode() is node
    assert widget.logic.getParameterNode().measuredTransform is node


def test_volumes_show_what_the_formula_says(scene: Any, ui: Any, application: Any) -> None:
    measured(scene, ui, fold)
    for button in (ui.showJacobianButton, ui.showMagnitudeButton, ui.showMaskButton):
        button.click()
    volumes = {node.GetName(): node for node in application.util.getNodesByClass("vtkMRMLScalarVolumeNode")}
    assert len(volumes) == 3  # made once for the three buttons
    arrays = {name.partition(": ")[2]: application.util.arrayFromVolume(node) for name, node in volumes.items()}
    assert arrays["Jacobian determinant"].min() == pytest.approx(-1, abs=1e-5)
    assert arrays["Displacement (mm)"].max() == pytest.approx(2 * (-40 + 23 * 3 - 2), rel=1e-6)
    assert np.count_nonzero(arrays["folded, undefined, uncovered"]) == 3600
    assert "voxels, folded: 3600" in ui.qualityStatusLabel.text


def test_charts_arrows_and_tables_are_made_once_however_often_they_are_asked_for(
    application: Any, scene: Any, ui: Any
) -> None:
    node = measured(scene, ui)
    application.app.playMainWindow(True)
    for _ in range(2):
        ui.showHistogramsButton.click()
        ui.showGlyphsButton.click()
        ui.qualityTablesButton.click()
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 3
    assert node.GetDisplayNode().GetVisibility()
    tables = [
        one.GetName() for one in application.util.getNodesByClass("vtkMRMLTableNode") if "quality" in one.GetName()
    ]
    assert len(tables) == 1
    layout = application.app.layoutManager().layout
    assert application.modules.tables.logic().GetLayoutWithTable(layout) == layout
    assert application.app.applicationLogic().GetSelectionNode().GetActiveTableID() is not None


def test_comparison_needs_both_images_and_tells_how_much_better_it_is(scene: Any, ui: Any) -> None:
    def shift(points: np.ndarray) -> np.ndarray:
        return np.broadcast_to([6.0, 0, 5], points.shape)

    measured(scene, ui, shift)
    assert not ui.showComparisonButton.enabled
    points = lattice_points()
    ui.qualityFixedSelector.setCurrentNode(volume_node(scene, texture(points + [6.0, 0, 5]), "fixed"))
    ui.qualityMovingSelector.setCurrentNode(volume_node(scene, texture(points), "moving"))
    assert ui.showComparisonButton.enabled
    ui.measureButton.click()
    assert "as the standard says" in ui.verdictLabel.text
    ui.showComparisonButton.click()
    # A shift by two and one whole voxels: nothing is interpolated, and nothing is left where both images reach.
    change = (texture(points) - texture(points + [6.0, 0, 5]))[:-1, :, :-2]
    before = np.sqrt(np.mean(change**2))
    text = ui.qualityStatusLabel.text
    assert f"RMS difference {before:.4g} before" in text
    assert float(text.split(" before, ")[1].split()[0]) == pytest.approx(0, abs=0.01)


def test_measures_of_a_segment_can_be_chosen(scene: Any, ui: Any) -> None:
    ui.qualityCollapsibleButton.collapsed = False
    measured(scene, ui, fold)
    parent = ui.measuresOfComboBox.parent()
    assert not ui.measuresOfComboBox.isVisibleTo(parent), "nothing to choose without segments"
    labels = np.zeros(lattice_points().shape[:3], np.uint8)
    labels[2:6, 3:9, 2:7] = 1  # where nothing moves: R is below 2 mm
    labels[2:6, 3:9, 16:20] = 2
    ui.qualitySegmentsSelector.setCurrentNode(volume_node(scene, labels, "labels", "vtkMRMLLabelMapVolumeNode"))
    ui.measureButton.click()
    combo = ui.measuresOfComboBox
    assert combo.isVisibleTo(parent)
    assert ui.measuresOfLabel.isVisibleTo(parent)
    names = [combo.itemText(index) for index in range(combo.count)]
    assert (names[0], len(names)) == ("Whole transform", 3)
    whole = rows(ui)
    combo.setCurrentIndex(1)
    assert rows(ui)["Grid inside"] == (str(4 * 6 * 5), "nodes")
    assert rows(ui)["Displacement, largest"] == ("0", "mm")
    assert rows(ui)["Volume of the segment"] == (f"{4 * 6 * 5 * 0.06:.4g}", "cm³")
    combo.setCurrentIndex(2)
    assert rows(ui)["Jacobian determinant, largest"] == ("-1", "")
    assert rows(ui)["Folded, determinant 0 or less"] == ("100", "%")
    combo.setCurrentIndex(0)
    assert rows(ui) == whole
    ui.measureButton.click()
    assert combo.currentIndex == 0


def test_what_cannot_be_shown_says_why(scene: Any, ui: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from DicomRegInspectorLib.panel.quality import quality_shows

    measured(scene, ui)
    ui.qualityFixedSelector.setCurrentNode(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing in it"))
    ui.showMaskButton.click()
    assert ui.qualityStatusLabel.text == "Not shown: the volume nothing in it is empty"

    def fail(*arguments: Any, **options: Any) -> Any:
        raise RuntimeError("something broke")

    ui.qualityFixedSelector.setCurrentNode(None)
    monkeypatch.setattr(quality_shows, "quality_arrays", fail)
    ui.showMaskButton.click()
    assert [str(error) for error in pythonqt.SLOT_ERRORS] == ["something broke"]
    pythonqt.SLOT_ERRORS.clear()
    assert "log says more" in ui.qualityStatusLabel.text
