"""The section Quality and the box Read as: states, numbers, what is made in the scene."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.panel.selftest_files import KnownField, write_ct_stack, write_deformable
from slicer_standin import pythonqt
from test_node_quality import GRADIENT, affine, fold

DETERMINANT = float(np.linalg.det(np.eye(3) + GRADIENT))


@pytest.fixture(autouse=True)
def no_slot_fails() -> Any:
    pythonqt.SLOT_ERRORS.clear()
    yield
    assert pythonqt.SLOT_ERRORS == []


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
    from quality_nodes import grid_node

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
    assert shown["Jacobian determinant, min"] == (f"{DETERMINANT:.4g}", "")
    assert shown["Grid"] == (str(24 * 20 * 18), "nodes")
    assert shown["Folded, determinant 0 or less"] == ("0", "%")
    assert shown["Displacement, max"][1] == "mm"
    assert f"Folds nowhere: the Jacobian determinant is {DETERMINANT:.3g} to {DETERMINANT:.3g}." in ui.verdictLabel.text
    assert "Inverse: found at all" in ui.verdictLabel.text
    assert ui.qualityStatusLabel.text == "Measured field: displacement grid as stored in the node."


def test_folding_is_the_first_thing_the_verdict_says(scene: Any, ui: Any) -> None:
    measured(scene, ui, fold)
    first = ui.verdictLabel.text.splitlines()[0]
    # The last ten of 24 nodes along R, 3600 in all.
    assert first == "• Folds at 3600 nodes (41.7 %, 216 cm³): the determinant goes down to -1."


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
    from DicomRegInspectorLib.scene import node_quality

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
    from DicomRegInspectorLib.scene import node_quality
    from quality_nodes import grid_node
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
    from quality_nodes import grid_node, lattice_points, volume_node

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
    from quality_nodes import grid_node

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
    assert "3600 voxels folded" in ui.qualityStatusLabel.text


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
    from quality_nodes import lattice_points, texture, volume_node

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


@pytest.fixture
def inspected(widget: Any, tmp_path: Path) -> KnownField:
    """Two registrations in the panel, the first selected."""
    known = KnownField()
    write_deformable(tmp_path / "one.dcm", known)
    write_deformable(tmp_path / "two.dcm", known)
    write_ct_stack(tmp_path / "stack", [0.0, 2.0, 4.0])
    widget.ui.inputPathLineEdit.currentPath = str(tmp_path)
    widget.ui.inspectFolderButton.click()
    widget.ui.registrationsTable.selectRow(0)
    return known


def choose_reading(ui: Any, title: str) -> None:
    combo = ui.readAsComboBox
    combo.currentIndex = combo.findText(title)
    assert combo.currentText == title


def source_of(node: Any, point_lps: np.ndarray) -> np.ndarray:
    """Where a transform node sends a registered point, LPS mm."""
    import vtk

    transform = vtk.vtkGeneralTransform()
    node.GetTransformFromWorld(transform)
    return np.array(transform.TransformPoint(point_lps * [-1, -1, 1])) * [-1, -1, 1]


def test_readings_begin_with_the_standard_and_explain_themselves(ui: Any, inspected: KnownField) -> None:
    assert ui.readAsComboBox.currentText == "As the standard says"
    assert ui.readAsComboBox.count == 7
    texts = set()
    for index in range(7):
        ui.readAsComboBox.currentIndex = index
        texts.add(ui.readAsExplanationLabel.text)
    assert len(texts) == 7


def test_vectors_in_voxels_are_loaded_as_the_equation_with_scaled_vectors(
    application: Any, ui: Any, inspected: KnownField
) -> None:
    choose_reading(ui, "Vectors in voxels")
    ui.loadButton.click()
    node = ui.qualityTransformSelector.currentNode()
    point = inspected.inside((0.4, 0.6, 0.3))
    x = inspected.pre[:3, :3] @ point + inspected.pre[:3, 3]
    scaled = inspected.displacement(point) * np.asarray(inspected.resolution_mm)
    expected = inspected.post[:3, :3] @ (x + scaled) + inspected.post[:3, 3]
    assert source_of(node, point) == pytest.approx(expected, abs=1e-3)
    assert "voxels" in node.GetAttribute("DicomRegInspector.Repair")
    assert "Read in another way than the standard's" in ui.statusLabel.text
    ui.measureButton.click()
    assert ui.verdictLabel.text.startswith(
        "• Loaded in another way than the standard's: vectors read as numbers of voxels"
    )


def test_undefined_vectors_that_became_zero_are_told(ui: Any, widget: Any, tmp_path: Path) -> None:
    import pydicom

    write_deformable(tmp_path / "reg.dcm", KnownField())
    dataset = pydicom.dcmread(tmp_path / "reg.dcm")
    grid = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(-1, 3).copy()
    vectors[10:17] = np.nan
    grid.VectorGridData = vectors.tobytes()
    dataset.save_as(tmp_path / "reg.dcm")
    widget.ui.inputPathLineEdit.currentPath = str(tmp_path)
    ui.inspectFolderButton.click()
    ui.loadButton.click()
    ui.measureButton.click()
    assert "7 vectors that the file leaves undefined are zero" in ui.verdictLabel.text


def test_taking_the_bulk_out_leaves_points_where_the_standard_sends_them(ui: Any, inspected: KnownField) -> None:
    choose_reading(ui, "Bulk motion as a node of its own")
    ui.loadButton.click()
    node = ui.qualityTransformSelector.currentNode()
    point = inspected.inside((0.3, 0.5, 0.7))
    assert source_of(node, point) == pytest.approx(inspected.source_of(point), abs=1e-3)


def test_another_registration_is_read_by_the_standard_again(ui: Any, inspected: KnownField) -> None:
    choose_reading(ui, "Direction reversed")
    ui.registrationsTable.selectRow(1)
    assert ui.readAsComboBox.currentText == "As the standard says"
    ui.loadButton.click()
    assert ui.qualityTransformSelector.currentNode().GetAttribute("DicomRegInspector.Repair") is None


def test_loaded_registration_is_chosen_to_be_measured(ui: Any, inspected: KnownField) -> None:
    ui.loadButton.click()
    assert ui.measureButton.enabled
    assert ui.qualityStatusLabel.text == "Not measured yet."
    ui.measureButton.click()
    linear = inspected.post[:3, :3] @ (inspected.pre[:3, :3] + inspected.gradient)
    assert rows(ui)["Jacobian determinant, max"][0] == f"{np.linalg.det(linear):.4g}"


def test_loading_can_be_cancelled_and_leaves_nothing(
    application: Any, ui: Any, inspected: KnownField, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_reading(ui, "Bulk motion as a node of its own")
    events = application.app.processEvents

    def press() -> None:
        events()
        ui.cancelButton.click()

    monkeypatch.setattr(application.app, "processEvents", press)
    ui.loadButton.click()
    assert ui.statusLabel.text == "Cancelled; nothing was loaded."
    assert application.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTransformNode") == 0
    assert application.app.cursors == []
