"""Volume nodes compared where their transforms put them."""

from __future__ import annotations

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="the scene room needs slicer-core or Slicer")

import vtk  # noqa: E402
from DicomRegInspectorLib import ImageExportOptions, export_image, load_series  # noqa: E402
from DicomRegInspectorLib.errors import UsageError  # noqa: E402
from DicomRegInspectorLib.scene.compare_nodes import compare_nodes, volume_of_node  # noqa: E402
from DicomRegInspectorLib.scene.pictures.images import Image, add_volume  # noqa: E402

VALUES = np.random.default_rng(5).permutation(4 * 5 * 6).reshape(4, 5, 6).astype(np.int16)
PLACE = np.array([[0.8, 0, 0, -20], [0, 1.2, 0, 30], [0, 0, 3, 5], [0, 0, 0, 1.0]])


def linear(scene, shift: tuple[float, float, float]):
    """A transform node that shifts, RAS mm."""
    matrix = vtk.vtkMatrix4x4()
    for row, value in enumerate(shift):
        matrix.SetElement(row, 3, value)
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetMatrixTransformToParent(matrix)
    return node


def test_a_node_lies_where_its_matrix_says() -> None:
    scene = slicer.vtkMRMLScene()
    volume = volume_of_node(add_volume(scene, Image(VALUES, PLACE), "a"))
    assert np.allclose(volume.index_to_lps, PLACE)
    assert np.array_equal(volume.array, VALUES)


def test_another_order_and_a_linear_parent_are_taken_into_account() -> None:
    scene = slicer.vtkMRMLScene()
    flipped = PLACE.copy()
    flipped[:3, 3] += PLACE[:3, 0] * 5
    flipped[:3, 0] *= -1
    a = add_volume(scene, Image(VALUES, PLACE), "a")
    b = add_volume(scene, Image(VALUES[:, :, ::-1].copy(), flipped), "b")
    found = compare_nodes(a, b)
    assert found.same_physical_image and found.index_mapping.signed_axes == ["-i", "+j", "+k"]
    b.SetAndObserveTransformNodeID(linear(scene, (3.0, 4.0, 0.0)).GetID())
    found = compare_nodes(a, b)
    assert not found.same_physical_image and found.max_corner_distance_mm == pytest.approx(5.0)
    a.SetAndObserveTransformNodeID(linear(scene, (3.0, 4.0, 0.0)).GetID())
    assert compare_nodes(a, b).same_physical_image


def test_a_transform_that_is_not_linear_is_refused() -> None:
    scene = slicer.vtkMRMLScene()
    a = add_volume(scene, Image(VALUES, PLACE), "a")
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "warp")
    spline = vtk.vtkThinPlateSplineTransform()
    node.SetAndObserveTransformToParent(spline)
    a.SetAndObserveTransformNodeID(node.GetID())
    with pytest.raises(UsageError, match="not linear"):
        compare_nodes(a, a)


def test_a_node_without_an_image_is_refused() -> None:
    scene = slicer.vtkMRMLScene()
    with pytest.raises(UsageError, match="is empty"):
        volume_of_node(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty"))


def test_a_node_is_written_as_dicom_where_it_lies(tmp_path) -> None:
    scene = slicer.vtkMRMLScene()
    node = add_volume(scene, Image(VALUES, PLACE), "a")
    node.SetAndObserveTransformNodeID(linear(scene, (3.0, 4.0, 0.0)).GetID())
    written = export_image(volume_of_node(node), tmp_path / "out", ImageExportOptions(kind="ct"))
    assert written.comparison.explained_by == "identical"
    back = load_series(tmp_path / "out")
    # RAS (3, 4, 0) is LPS (-3, -4, 0).
    assert np.allclose(back.affine_lps[:3, 3], PLACE[:3, 3] + [-3, -4, 0])
    assert np.array_equal(back.array, VALUES)
