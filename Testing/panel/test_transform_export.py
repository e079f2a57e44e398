"""Saving a transform as DICOM from the section Quality: when it is offered, what is written, and what is said."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.panel.selftests.files import write_ct_stack
from panel_steps import inspect
from quality_nodes import DIMENSIONS, fold, grid_node
from slicer_standin import pythonqt

PLACES_MM = (0.0, 2.0, 4.0, 6.0, 8.0)


@pytest.fixture
def scene(application: Any, widget: Any) -> Any:
    return application.mrmlScene


@pytest.fixture
def pair(ui: Any, widget: Any, tmp_path: Path) -> Any:
    """Two series of frames of their own, inspected in a folder that no database knows, loaded and chosen."""
    for name in ("fixed", "moving"):
        write_ct_stack(tmp_path / "images" / name, PLACES_MM)
    inspect(ui, tmp_path / "images")
    nodes = []
    for name, selector in (("fixed", ui.qualityFixedSelector), ("moving", ui.qualityMovingSelector)):
        (node,) = widget.logic.loadSeries(tmp_path / "images" / name)
        node.SetName(name)
        selector.setCurrentNode(node)
        nodes.append(node)
    yield nodes
    for selector in (ui.qualityTransformSelector, ui.qualityFixedSelector, ui.qualityMovingSelector):
        selector.setCurrentNode(None)


def linear(scene: Any, shift: tuple[float, float, float] = (1.0, -2.0, 0.5)) -> Any:
    """A node that shifts on the way to world, RAS mm."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    for row, value in enumerate(shift):
        matrix.SetElement(row, 3, value)
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "matrix")
    node.SetMatrixTransformToParent(matrix)
    return node


def spline(scene: Any) -> Any:
    import vtk

    source, target = vtk.vtkPoints(), vtk.vtkPoints()
    for number in range(8):
        corner = [-20.0 * (number & 1), -20.0 * (number >> 1 & 1), 10.0 * (number >> 2)]
        source.InsertNextPoint(corner)
        target.InsertNextPoint([value + 0.3 * (number % 3) for value in corner])
    transform = vtk.vtkThinPlateSplineTransform()
    transform.SetBasisToR()
    transform.SetSourceLandmarks(source)
    transform.SetTargetLandmarks(target)
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "spline")
    node.SetAndObserveTransformFromParent(transform)
    return node


def save(ui: Any, node: Any, path: Path | None) -> str:
    """Choose a transform and save it; return what is said."""
    ui.qualityTransformSelector.setCurrentNode(node)
    assert ui.exportTransformButton.enabled
    pythonqt.FILE_ANSWERS.append(str(path or ""))
    ui.exportTransformButton.click()
    return str(ui.qualityStatusLabel.text)


def test_button_rests_and_says_what_has_to_be_chosen(ui: Any, scene: Any, pair: Any) -> None:
    button = ui.exportTransformButton
    assert not button.enabled and button.toolTip == "Choose a transform above first."
    ui.qualityTransformSelector.setCurrentNode(linear(scene))
    assert button.enabled and "Nothing is written over a file" in button.toolTip
    ui.qualityMovingSelector.setCurrentNode(None)
    assert not button.enabled and button.toolTip.startswith("Choose the fixed and the moving image above first")
    ui.qualityTransformSelector.setCurrentNode(None)
    assert not button.enabled and button.toolTip == "Choose a transform above first."


def test_a_matrix_is_written_between_the_images_frames(ui: Any, scene: Any, pair: Any, tmp_path: Path) -> None:
    said = save(ui, linear(scene), tmp_path / "saved")
    written = pydicom.dcmread(tmp_path / "saved.dcm")
    assert said.startswith(f"Saved in {tmp_path / 'saved.dcm'}: Spatial Registration of a linear transform.")
    assert written.SOPClassUID.name == "Spatial Registration Storage"
    fixed, moving = (pydicom.dcmread(next((tmp_path / "images" / name).iterdir())) for name in ("fixed", "moving"))
    assert fixed.FrameOfReferenceUID != moving.FrameOfReferenceUID
    assert written.FrameOfReferenceUID == fixed.FrameOfReferenceUID
    assert written.StudyInstanceUID == fixed.StudyInstanceUID
    item = written.RegistrationSequence[-1]
    assert item.FrameOfReferenceUID == moving.FrameOfReferenceUID
    assert len(item.ReferencedImageSequence) == len(PLACES_MM)
    matrix = item.MatrixRegistrationSequence[0].MatrixSequence[0].FrameOfReferenceTransformationMatrix
    # The way to world is that of DICOM from the source to the registered frame; R and A are -L and -P.
    np.testing.assert_allclose(np.reshape(matrix, (4, 4))[:3, 3], [-1.0, 2.0, 0.5], atol=1e-9)
    assert written.SeriesDescription == "matrix"


def test_what_is_sampled_says_how_far_it_is_off(ui: Any, scene: Any, pair: Any, tmp_path: Path) -> None:
    node = spline(scene)
    said = save(ui, node, tmp_path / "saved.dcm")
    assert "Deformable Spatial Registration of a thin plate spline, sampled on " in said
    assert "Between nodes at most " in said
    written = pydicom.dcmread(tmp_path / "saved.dcm")
    grid = written.DeformableRegistrationSequence[-1].DeformableRegistrationGridSequence[0]
    vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(-1, 3)
    origin = np.array(grid.ImagePositionPatient, float)
    mapped = node.GetTransformFromParent().TransformPoint(*(origin * [-1, -1, 1]))
    np.testing.assert_allclose(origin + vectors[0], np.array(mapped) * [-1, -1, 1], atol=1e-5)


def test_folding_is_told(ui: Any, scene: Any, pair: Any, tmp_path: Path) -> None:
    said = save(ui, grid_node(scene, fold), tmp_path / "saved.dcm")
    assert " × ".join(map(str, DIMENSIONS)) in said or "as it is" in said
    assert "the mapping folds there" in said
    assert (tmp_path / "saved.dcm").is_file()


def test_a_file_that_is_there_is_left_alone(ui: Any, scene: Any, pair: Any, tmp_path: Path) -> None:
    (tmp_path / "saved.dcm").write_text("kept")
    said = save(ui, linear(scene), tmp_path / "saved.dcm")
    assert said == f"Not saved: {tmp_path / 'saved.dcm'}: exists already; choose another name"
    assert (tmp_path / "saved.dcm").read_text() == "kept"


def test_no_file_chosen_is_no_saving(ui: Any, scene: Any, pair: Any) -> None:
    assert save(ui, linear(scene), None) == "Nothing was saved."


def test_images_that_are_not_at_hand_are_refused(ui: Any, widget: Any, scene: Any, pair: Any, tmp_path: Path) -> None:
    bare = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "bare")
    ui.qualityMovingSelector.setCurrentNode(bare)
    assert "Not saved: bare was not loaded from DICOM" in save(ui, linear(scene), tmp_path / "saved.dcm")
    ui.qualityMovingSelector.setCurrentNode(pair[1])
    widget.panel.reset()
    said = save(ui, linear(scene), tmp_path / "saved.dcm")
    assert said == "Not saved: 5 of the 5 images of fixed are not in the DICOM database; import them first"
    assert not (tmp_path / "saved.dcm").exists()


def test_a_matrix_without_an_inverse_is_refused(ui: Any, scene: Any, pair: Any, tmp_path: Path) -> None:
    import vtk

    node = linear(scene)
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(2, 2, 0.0)
    node.SetMatrixTransformToParent(matrix)
    said = save(ui, node, tmp_path / "saved.dcm")
    assert said.startswith("Not saved: ") and "singular" in said
    assert not (tmp_path / "saved.dcm").exists()


@pytest.mark.parametrize("is_late", [False, True])
def test_cancelling_leaves_nothing_half_written(
    ui: Any, widget: Any, scene: Any, pair: Any, tmp_path: Path, is_late: bool
) -> None:
    work, path = widget.logic.exportTransform, tmp_path / "out" / "saved.dcm"
    path.parent.mkdir()

    def disturbed(*arguments: Any, run: Any, **options: Any) -> Any:
        if not is_late:
            ui.qualityCancelButton.click()
            return work(*arguments, run=run, **options)
        return work(*arguments, run=lambda function: run(late(function)), **options)

    def late(function: Any) -> Any:
        def whole(report: Any) -> Any:
            result = function(report)
            while report(1, 1, "looking at it"):
                time.sleep(0.01)
            return result

        return whole

    widget.logic.exportTransform = disturbed
    if is_late:
        from PySide6 import QtCore

        timer = QtCore.QTimer()
        timer.timeout.connect(lambda: path.is_file() and ui.qualityCancelButton.click())
        timer.start(20)
    try:
        said = save(ui, spline(scene), path)
    finally:
        del widget.logic.exportTransform
    if is_late:
        timer.stop()
        assert said == f"Stopped when {path} was whole already; it stays."
        assert pydicom.dcmread(path).SOPClassUID.name == "Deformable Spatial Registration Storage"
    else:
        assert said == "Cancelled; no file was written."
    assert len(list(path.parent.iterdir())) == int(is_late)
    assert ui.exportTransformButton.enabled
