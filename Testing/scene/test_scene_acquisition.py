"""Regularized series in a scene: through the nodes every slice corner lies where its header says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

slicer = pytest.importorskip("slicer", reason="scenes need slicer-core or Slicer")
vtk = pytest.importorskip("vtk")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "series"))

from DicomRegInspectorLib.scene.series.acquisition import add_regularized  # noqa: E402
from DicomRegInspectorLib.scene.transforms.save import new_scene  # noqa: E402
from DicomRegInspectorLib.series.regularize.regularize import regularize  # noqa: E402
from stack_loading import load_to_regularize  # noqa: E402
from stack_making import SIZE, along_table, slice_points, tilted, write_stack  # noqa: E402

HEIGHTS = np.concatenate([np.arange(0, 20, 2.0), [23.5], 40 + np.arange(0, 15, 3.0)])
FLIP = np.array([-1.0, -1.0, 1.0])


def through_nodes(volume_node, index: tuple[int, int, int]) -> np.ndarray:
    """LPS mm of a voxel of a volume node under its transforms."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    point = matrix.MultiplyPoint((*index, 1.0))[:3]
    parent = volume_node.GetParentTransformNode()
    if parent is not None:
        to_world = vtk.vtkGeneralTransform()
        parent.GetTransformToWorld(to_world)
        point = to_world.TransformPoint(point)
    return np.array(point) * FLIP


def is_orthogonal(volume_node) -> bool:
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASDirectionMatrix(matrix)
    directions = np.array([[matrix.GetElement(row, column) for column in range(3)] for row in range(3)])
    return bool(np.allclose(directions.T @ directions, np.eye(3), atol=1e-6))


@pytest.mark.parametrize("tilt", [0.0, 18.5, -30.0])
def test_every_slice_corner_is_where_its_header_says(tmp_path: Path, tilt: float) -> None:
    positions = along_table(HEIGHTS)
    volume = load_to_regularize(write_stack(tmp_path, positions, tilted(tilt)))[0]
    result = regularize(volume, "acquisition").volume
    scene = new_scene()
    node, transform = add_regularized(scene, result)
    assert transform.IsA("vtkMRMLGridTransformNode") and is_orthogonal(node)
    assert transform.GetAttribute("DicomRegInspector.Interpolation") == "linear", "kept when the scene is opened again"
    slices = iter(positions)
    worst = 0.0
    for k, members in enumerate(result.sources):
        if not members:
            continue
        points = slice_points(next(slices), tilted(tilt))
        for j in (0, SIZE[0] - 1):
            for i in (0, SIZE[1] - 1):
                worst = max(worst, float(np.linalg.norm(through_nodes(node, (i, j, k)) - points[j, i])))
    assert worst < 1e-3
    assert next(slices, None) is None


def test_every_corner_of_a_real_tilted_stack_is_where_its_header_says(tilted_irregular_ct: Path) -> None:
    volume = load_to_regularize(tilted_irregular_ct)[0]
    scene = new_scene()
    node, _ = add_regularized(scene, regularize(volume, "acquisition").volume)
    images = sorted(map(pydicom.dcmread, tilted_irregular_ct.glob("*.dcm")), key=lambda one: one.InstanceNumber)
    for k, one in enumerate(images):
        cosines = np.array(one.ImageOrientationPatient, float)
        spacing = [float(value) for value in one.PixelSpacing]
        for j in (0, one.Rows - 1):
            for i in (0, one.Columns - 1):
                header = np.array(one.ImagePositionPatient, float) + i * spacing[1] * cosines[:3]
                header = header + j * spacing[0] * cosines[3:]
                np.testing.assert_allclose(through_nodes(node, (i, j, k)), header, atol=1e-3)


def test_tilted_sections_are_upright_nodes_under_a_shear(tmp_path: Path) -> None:
    positions = along_table(np.arange(0, 30, 2.0))
    volume = load_to_regularize(write_stack(tmp_path, positions, tilted(20)))[0]
    scene = new_scene()
    node, transform = add_regularized(scene, regularize(volume, "split").volume)
    assert transform.IsA("vtkMRMLLinearTransformNode") and is_orthogonal(node)
    for k in (0, 14):
        points = slice_points(positions[k], tilted(20))
        np.testing.assert_allclose(through_nodes(node, (7, 5, k)), points[5, 7], atol=1e-6)


def test_nodes_use_the_volume_s_memory_and_say_what_was_done(tmp_path: Path) -> None:
    volume = load_to_regularize(write_stack(tmp_path, along_table(HEIGHTS)))[0]
    result = regularize(volume, "resample").volume
    scene = new_scene()
    node, transform = add_regularized(scene, result)
    assert transform is None
    values = vtk.util.numpy_support.vtk_to_numpy(node.GetImageData().GetPointData().GetScalars())
    assert np.shares_memory(values, result.array)
    assert "resampled" in node.GetAttribute("DicomRegInspector.Regularized")
    assert node.GetAttribute("DicomRegInspector.SourceSeriesInstanceUID") == volume.series_uid
    assert node.GetAttribute("DICOM.instanceUIDs") is None
    untouched, _ = add_regularized(scene, regularize(volume, "acquisition").volume)
    assert untouched.GetAttribute("DICOM.instanceUIDs").split() == list(volume.instance_uids)
    assert "Phantom" not in node.GetName() and "PHANTOM" not in node.GetName()
