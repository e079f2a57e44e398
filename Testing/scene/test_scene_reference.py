"""A series resampled on the grid of a volume node, where that is in the world."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="scenes need slicer-core or Slicer")
vtk = pytest.importorskip("vtk")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "series"))

from DicomRegInspectorLib.errors import UsageError  # noqa: E402
from DicomRegInspectorLib.scene.series.series_nodes import load_series_nodes  # noqa: E402
from DicomRegInspectorLib.scene.transforms.save import new_scene  # noqa: E402
from stack_making import along_table, phantom, tilted, write_stack  # noqa: E402

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def matrix_of(node: Any) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def reference_in(scene: Any, size: tuple[int, int, int]) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    image = vtk.vtkImageData()
    image.SetDimensions(size)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    node.SetAndObserveImageData(image)
    node.SetSpacing(1.25, 1.5, 2.0)
    node.SetOrigin(-18, -21, 9)
    return node


def test_the_result_lies_on_the_reference_where_its_transform_puts_it(tmp_path: Path) -> None:
    folder = write_stack(tmp_path, along_table(np.arange(0, 40, 2.0)), tilted(12))
    scene = new_scene()
    node = reference_in(scene, (24, 22, 12))
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    to_parent = vtk.vtkMatrix4x4()
    to_parent.SetElement(0, 3, 3.0)
    transform.SetMatrixTransformToParent(to_parent)
    node.SetAndObserveTransformNodeID(transform.GetID())
    (result,) = load_series_nodes(scene, folder, "resample", reference=node)
    expected = matrix_of(node)
    expected[0, 3] += 3
    np.testing.assert_allclose(matrix_of(result), expected, atol=1e-9)
    assert result.GetImageData().GetDimensions() == (24, 22, 12)
    lps = RAS_TO_LPS @ expected @ [12, 11, 5, 1]
    assert result.GetImageData().GetScalarComponentAsDouble(12, 11, 5, 0) == pytest.approx(phantom(lps[:3]), abs=8)


def test_references_that_give_no_grid_are_refused(tmp_path: Path) -> None:
    folder = write_stack(tmp_path, along_table(np.arange(0, 40, 2.0)))
    scene = new_scene()
    node = reference_in(scene, (24, 22, 12))
    with pytest.raises(UsageError, match="mode resample"):
        load_series_nodes(scene, folder, reference=node)
    with pytest.raises(UsageError, match="is empty"):
        load_series_nodes(scene, folder, "resample", reference=scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"))
    grid = scene.AddNewNodeByClass("vtkMRMLGridTransformNode")
    node.SetAndObserveTransformNodeID(grid.GetID())
    with pytest.raises(UsageError, match="not linear"):
        load_series_nodes(scene, folder, "resample", reference=node)
