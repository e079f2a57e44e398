"""Images, label volumes and segmentations resampled through a transform node; values known by formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="the scene room needs slicer-core or Slicer")

import vtk  # noqa: E402
from DicomRegInspectorLib.errors import Cancelled, UsageError  # noqa: E402
from DicomRegInspectorLib.scene.applying.apply_nodes import harden_copies, put_under  # noqa: E402
from DicomRegInspectorLib.scene.convert import numpy_matrix, voxel_matrix  # noqa: E402
from test_scene_apply_points import HIGH, LOW, field_node, forward  # noqa: E402
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy  # noqa: E402

FRAME = "FrameOfReferenceUID"
SLOPE, OFFSET = np.array([2.0, -1.5, 3.0]), 40.0


def lattice(node: Any) -> np.ndarray:
    """(nk, nj, ni, 3) RAS mm of the voxel centres."""
    ni, nj, nk = node.GetImageData().GetDimensions()
    k, j, i = np.meshgrid(np.arange(nk), np.arange(nj), np.arange(ni), indexing="ij")
    matrix = voxel_matrix(node)
    return np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]


def values_of(node: Any) -> np.ndarray:
    image = node.GetImageData()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def volume(
    scene: Any,
    name: str,
    origin: tuple[float, float, float],
    spacing: tuple[float, float, float],
    size: tuple[int, int, int],
    kind: str = "vtkMRMLScalarVolumeNode",
    values: Any = None,
) -> Any:
    """A volume whose values are ``values`` of its voxels' places; zeros without."""
    node = scene.AddNewNodeByClass(kind, name)
    node.SetOrigin(*origin)
    node.SetSpacing(*spacing)
    image = vtk.vtkImageData()
    image.SetDimensions(*size)
    image.GetPointData().SetScalars(numpy_to_vtk(np.zeros(int(np.prod(size)), np.float32), deep=1))
    node.SetAndObserveImageData(image)
    if values is not None:
        array = np.ascontiguousarray(values(lattice(node)))
        image.GetPointData().SetScalars(numpy_to_vtk(array.reshape(-1), deep=1))
    return node


def ramp(points: np.ndarray) -> np.ndarray:
    """Linear interpolation has it exactly."""
    return (points @ SLOPE + OFFSET).astype(np.float32)


@pytest.fixture
def scene() -> Any:
    return slicer.vtkMRMLScene()


@pytest.fixture
def target(scene: Any) -> Any:
    """Inside the field but for its first columns."""
    return volume(scene, "fixed", (LOW[0] - 9, -20.0, -30.0), (3.0, 4.0, 6.0), (12, 7, 6))


@pytest.fixture
def source(scene: Any) -> Any:
    return volume(scene, "moving", (-70.0, -80.0, -90.0), (2.5, 3.0, 5.0), (60, 60, 40), values=ramp)


def test_an_image_holds_what_the_source_has_where_each_voxel_is_sent(scene: Any, target: Any, source: Any) -> None:
    before = values_of(source).copy()
    (copied,) = harden_copies([source], field_node(scene), grid=target)
    points = lattice(target)
    inside = ((points >= LOW - 1e-6) & (points <= HIGH + 1e-6)).all(axis=-1)
    expected = ramp(forward(points.reshape(-1, 3))).reshape(inside.shape)
    assert 0 < inside.sum() < inside.size
    np.testing.assert_allclose(values_of(copied.node)[inside], expected[inside], atol=2e-3)
    assert (values_of(copied.node)[~inside] == before.min()).all() and copied.fill == before.min()
    assert copied.undefined == copied.filled == np.count_nonzero(~inside) and copied.count == inside.size
    np.testing.assert_allclose(voxel_matrix(copied.node), voxel_matrix(target))
    np.testing.assert_array_equal(values_of(source), before)


def test_back_goes_by_the_inverse_and_tells_its_residual(scene: Any, target: Any) -> None:
    registered = volume(scene, "registered", (-39.0, -49.0, -59.0), (2.0, 2.0, 2.0), (30, 35, 40), values=ramp)
    small = volume(scene, "grid", (-20.0, -25.0, -30.0), (3.0, 3.0, 3.0), (4, 5, 6))
    (copied,) = harden_copies([registered], field_node(scene), grid=small, back=True)
    gradient = np.array([[0.08, 0.03, -0.02], [-0.05, 0.04, 0.06], [0.01, -0.07, -0.03]])
    there = np.linalg.solve(np.eye(3) + gradient, (lattice(small).reshape(-1, 3) - [2.0, -3.0, 1.0]).T).T
    np.testing.assert_allclose(values_of(copied.node).ravel(), ramp(there), atol=2e-3)
    assert copied.undefined == 0 and 0 <= copied.largest_residual_mm < 1e-5
    assert "to the source frame" in copied.node.GetAttribute("DicomRegInspector.Applied.Direction")


def test_labels_keep_their_kind_and_are_never_mixed(scene: Any, target: Any) -> None:
    labels = volume(
        scene, "labels", (-70.0, -80.0, -90.0), (2.5, 3.0, 5.0), (60, 60, 40), "vtkMRMLLabelMapVolumeNode",
        lambda points: np.where(points[..., 0] > -20, 7, 3).astype(np.int16),
    )  # fmt: skip
    (copied,) = harden_copies([labels], field_node(scene), grid=target)
    assert copied.node.IsA("vtkMRMLLabelMapVolumeNode")
    points = lattice(target)
    there = forward(points.reshape(-1, 3)).reshape(points.shape)[..., 0]
    inside = ((points >= LOW - 1e-6) & (points <= HIGH + 1e-6)).all(axis=-1)
    clear = inside & (np.abs(there + 20) > 2.5)  # farther from the border than a voxel is wide
    np.testing.assert_array_equal(values_of(copied.node)[clear], np.where(there > -20, 7, 3)[clear])
    assert set(np.unique(values_of(copied.node))) == {0, 3, 7} and copied.fill is None


def test_segments_keep_names_colours_and_overlap(scene: Any, target: Any) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "organs")
    colours = {"left": (1.0, 0.0, 0.0), "all": (0.0, 0.5, 1.0)}
    for name, limit in (("left", -20.0), ("all", 1e9)):
        made = volume(
            scene, name, (-70.0, -80.0, -90.0), (2.5, 3.0, 5.0), (60, 60, 40),
            values=lambda points, limit=limit: (points[..., 0] < limit).astype(np.uint8),
        )  # fmt: skip
        image = slicer.vtkOrientedImageData()
        image.ShallowCopy(made.GetImageData())
        matrix = vtk.vtkMatrix4x4()
        made.GetIJKToRASMatrix(matrix)
        image.SetGeometryFromImageToWorldMatrix(matrix)
        node.AddSegmentFromBinaryLabelmapRepresentation(image, name, colours[name])
    (copied,) = harden_copies([node], field_node(scene), grid=target)
    result = copied.node.GetSegmentation()
    assert [result.GetNthSegment(i).GetName() for i in range(2)] == ["left", "all"]
    assert [result.GetNthSegment(i).GetColor() for i in range(2)] == list(colours.values())
    points = lattice(target)
    there = forward(points.reshape(-1, 3)).reshape(points.shape)[..., 0]
    inside = ((points >= LOW - 1e-6) & (points <= HIGH + 1e-6)).all(axis=-1)
    for number, limit in enumerate((-20.0, 1e9)):
        segment = result.GetNthSegment(number)
        image = segment.GetRepresentation(slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName())
        matrix = vtk.vtkMatrix4x4()
        image.GetImageToWorldMatrix(matrix)
        np.testing.assert_allclose(numpy_matrix(matrix), voxel_matrix(target))
        scalars = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
        clear = inside & (np.abs(there - limit) > 2.5)
        np.testing.assert_array_equal((scalars == segment.GetLabelValue())[clear], (inside & (there < limit))[clear])


def test_ct_is_filled_with_air_and_keeps_its_unit(scene: Any, target: Any, source: Any) -> None:
    unit = slicer.vtkCodedEntry()
    unit.SetValueSchemeMeaning("[hnsf'U]", "UCUM", "Hounsfield unit")
    source.SetVoxelValueUnits(unit)
    (copied,) = harden_copies([source], field_node(scene), grid=target)
    assert copied.fill == -1000 and values_of(copied.node).min() == -1000
    assert copied.node.GetVoxelValueUnits().GetCodeValue() == "[hnsf'U]"


@pytest.mark.parametrize("automatic", [True, False], ids=["found by Slicer", "chosen"])
def test_a_copy_is_shown_in_the_window_of_its_image(scene: Any, target: Any, source: Any, automatic: bool) -> None:
    """Slicer would look for another one at all voxels of the copy, and the application stop meanwhile."""
    source.CreateDefaultDisplayNodes()
    if not automatic:
        source.GetDisplayNode().SetAutoWindowLevel(False)
        source.GetDisplayNode().SetWindowLevel(123.0, -45.0)
    window, level = source.GetDisplayNode().GetWindow(), source.GetDisplayNode().GetLevel()
    (copied,) = harden_copies([source], field_node(scene), grid=target)
    display = copied.node.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == (window, level)
    assert not display.GetAutoWindowLevel()
    assert source.GetDisplayNode().GetAutoWindowLevel() == automatic


def test_an_image_of_another_frame_is_refused_and_one_of_the_other_side_named(
    scene: Any, target: Any, source: Any
) -> None:
    transform = field_node(scene)
    transform.SetAttribute("DicomRegInspector.SourceFrameOfReferenceUID", "1.2.1")
    transform.SetAttribute("DicomRegInspector.RegisteredFrameOfReferenceUID", "1.2.2")
    key = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMFrameOfReferenceUIDAttributeName()
    source.SetAttribute(key, "1.2.9")
    with pytest.raises(UsageError, match=r"moving is of frame of reference 1\.2\.9"):
        harden_copies([source], transform, grid=target)
    assert put_under([source], transform).placed == () and source.GetParentTransformNode() is None
    source.SetAttribute(key, "1.2.2")
    with pytest.raises(UsageError, match="choose the other direction"):
        harden_copies([source], transform, grid=target)
    source.SetAttribute(key, "1.2.1")
    source.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    (copied,) = harden_copies([source], transform, grid=target)
    assert copied.node.GetAttribute(key) == "1.2.2"
    assert not copied.node.GetAttribute("DICOM.instanceUIDs")  # it is no longer these images


def test_an_image_needs_a_grid_and_takes_the_one_that_the_transform_names(scene: Any, target: Any, source: Any) -> None:
    transform = field_node(scene)
    with pytest.raises(UsageError, match="choose the volume on whose voxels the copy of moving is to be made"):
        harden_copies([source], transform)
    transform.SetNodeReferenceID(transform.GetFixedNodeReferenceRole(), target.GetID())
    (copied,) = harden_copies([source], transform)
    assert copied.node.GetImageData().GetDimensions() == target.GetImageData().GetDimensions()


def test_cancelling_adds_nothing(scene: Any, target: Any, source: Any) -> None:
    transform = field_node(scene)
    before = scene.GetNumberOfNodes()
    with pytest.raises(Cancelled):
        harden_copies([source], transform, grid=target, progress=lambda done, total, text: False)
    assert scene.GetNumberOfNodes() == before
