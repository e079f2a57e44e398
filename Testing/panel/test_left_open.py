"""Transforms of other programs in the panel: listed, loaded, measured, asked about where their files say too little."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from slicer_standin import pythonqt

sitk = pytest.importorskip("SimpleITK", reason="the transforms are written with SimpleITK")
MATRIX = "1 0 0 5\n0 1 0 -6\n0 0 1 7\n0 0 0 1\n"


def inspect(widget: Any, path: Path) -> None:
    widget.ui.inputPathLineEdit.currentPath = str(path)
    widget.ui.inspectFolderButton.click()


def rows(table: Any) -> list[list[str]]:
    return [[table.item(row, column).text() for column in range(3)] for row in range(table.rowCount)]


def loaded(application: Any) -> Any:
    """The transform that was loaded last."""
    nodes = application.util.getNodesByClass("vtkMRMLTransformNode")
    return [node for node in nodes if node.GetAttribute("DicomRegInspector.Item")][-1]


def source_of(node: Any, point_lps: list[float]) -> np.ndarray:
    """Where a transform node sends a registered point, LPS mm."""
    import vtk

    transform = vtk.vtkGeneralTransform()
    node.GetTransformFromWorld(transform)
    return np.array(transform.TransformPoint(np.array(point_lps) * [-1, -1, 1])) * [-1, -1, 1]


def write_transforms(folder: Path) -> None:
    """A shift as ITK's text and HDF5, and a field of another one as MetaImage and NRRD."""
    shift = sitk.AffineTransform(3)
    shift.SetTranslation([3.0, -4.0, 12.0])
    sitk.WriteTransform(shift, str(folder / "affine.tfm"))
    sitk.WriteTransform(shift, str(folder / "affine.h5"))
    image = sitk.GetImageFromArray(np.tile([1.5, 2.0, -6.0], (6, 7, 8, 1)), isVector=True)
    image.SetSpacing([4.0, 5.0, 6.0])
    for name in ("dvf.mha", "1Warp.nrrd"):
        sitk.WriteImage(sitk.Cast(image, sitk.sitkVectorFloat32), str(folder / name))


def test_a_folder_of_transforms_is_listed_loaded_and_measured(application: Any, widget: Any, tmp_path: Path) -> None:
    write_transforms(tmp_path)
    inspect(widget, tmp_path)
    ui = widget.ui
    assert [row[1:] for row in rows(ui.registrationsTable)] == [
        ["deformable", "6.5"], ["matrix", "–"], ["matrix", "–"], ["deformable", "6.5"],
    ]  # fmt: skip
    for row, expected in enumerate(([1.5, 2, -6], [3, -4, 12], [3, -4, 12], [1.5, 2, -6])):
        ui.registrationsTable.selectRow(row)
        ui.loadButton.click()
        node = loaded(application)
        np.testing.assert_allclose(source_of(node, [8.0, 10, 12]), np.add([8, 10, 12], expected), rtol=0, atol=1e-5)
        ui.measureButton.click()
        assert ui.measuresTable.rowCount > 0


def test_a_single_file_can_be_chosen(widget: Any, tmp_path: Path) -> None:
    write_transforms(tmp_path)
    pythonqt.FILE_ANSWERS.append(str(tmp_path / "affine.h5"))
    widget.ui.inspectFileButton.click()
    assert widget.ui.inputPathLineEdit.currentPath == str(tmp_path / "affine.h5")
    assert widget.ui.registrationsTable.rowCount == 1
    pythonqt.FILE_ANSWERS.append("")
    widget.ui.inspectFileButton.click()
    assert widget.ui.registrationsTable.rowCount == 1


@pytest.mark.parametrize("direction", ["askDoButton", "askOptionsButton"])
@pytest.mark.parametrize("coordinates", ["askDoButton", "askOptionsButton"])
def test_what_a_file_leaves_open_is_asked_and_never_guessed(
    application: Any, widget: Any, tmp_path: Path, direction: str, coordinates: str
) -> None:
    (tmp_path / "matrix.txt").write_text(MATRIX)
    inspect(widget, tmp_path / "matrix.txt")
    ui = widget.ui
    assert ui.registrationsTable.rowCount == 0
    assert not ui.askFrame.isHidden() and "does not say which way it maps" in ui.askLabel.text
    getattr(ui, direction).click()
    assert "In which coordinates" in ui.askLabel.text
    assert ui.registrationsTable.rowCount == 0
    getattr(ui, coordinates).click()
    assert ui.askFrame.isHidden()
    assert [row[1] for row in rows(ui.registrationsTable)] == ["matrix"]
    ui.registrationsTable.selectRow(0)
    ui.loadButton.click()
    moved = np.array([5.0, -6.0, 7.0]) if coordinates == "askDoButton" else np.array([-5.0, 6.0, 7.0])
    found = source_of(loaded(application), [10.0, 20, 30])
    expected = [10, 20, 30] + (moved if direction == "askDoButton" else -moved)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_a_question_that_was_closed_is_asked_again_from_its_finding(widget: Any, tmp_path: Path) -> None:
    (tmp_path / "matrix.txt").write_text(MATRIX)
    inspect(widget, tmp_path / "matrix.txt")
    ui = widget.ui
    ui.askCancelButton.click()
    assert ui.askFrame.isHidden()
    ui.findingsTable.selectRow(0)
    assert ui.repairButton.enabled
    ui.repairButton.click()
    assert not ui.askFrame.isHidden()
    ui.askDoButton.click()
    ui.askDoButton.click()
    assert ui.registrationsTable.rowCount == 1
    # Said of this inspection, not for ever.
    inspect(widget, tmp_path / "matrix.txt")
    assert ui.registrationsTable.rowCount == 0
