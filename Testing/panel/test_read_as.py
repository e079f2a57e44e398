"""The box Read as: what it offers, and that the nodes it leads to do what it says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.panel.selftests.files import KnownField, write_ct_stack, write_deformable
from DicomRegInspectorLib.panel.worker import Worker


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


def jacobian_shown(ui: Any) -> str:
    table = ui.measuresTable
    shown = {table.item(row, 0).text(): table.item(row, 1).text() for row in range(table.rowCount)}
    return shown["Jacobian determinant, largest"]


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
    assert "Read in another way than the standard's" in ui.registrationsStatusLabel.text
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
    assert (
        "leaves undefined is zero in this transform, and measured as zero: vectors at 7 of 210 nodes"
        in ui.verdictLabel.text
    )


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
    assert jacobian_shown(ui) == f"{np.linalg.det(linear):.4g}"


def test_loading_can_be_cancelled_and_leaves_nothing(
    application: Any, ui: Any, inspected: KnownField, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_reading(ui, "Bulk motion as a node of its own")
    events, run, pressed = application.app.processEvents, Worker.run, threading.Event()

    def press() -> None:
        events()
        ui.registrationsCancelButton.click()
        pressed.set()

    def run_once_pressed(worker: Worker[Any], function: Callable[[Any], Any]) -> Any:
        """As it is, but that the work is not done before the event loop has run."""
        return run(worker, lambda progress: pressed.wait(30) and function(progress))

    monkeypatch.setattr(application.app, "processEvents", press)
    monkeypatch.setattr(Worker, "run", run_once_pressed)
    ui.loadButton.click()
    assert ui.registrationsStatusLabel.text == "Cancelled; nothing was loaded."
    assert application.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTransformNode") == 0
    assert application.app.cursors == []
