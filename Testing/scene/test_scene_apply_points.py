"""Points and models moved by a transform node: where they go, what has no place, what is noted; in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="the scene room needs slicer-core or Slicer")

import vtk  # noqa: E402
from DicomRegInspectorLib.errors import UsageError  # noqa: E402
from DicomRegInspectorLib.scene.applying.apply_nodes import harden_copies, put_under  # noqa: E402
from vtkmodules.util.numpy_support import vtk_to_numpy  # noqa: E402

GRADIENT = np.array([[0.08, 0.03, -0.02], [-0.05, 0.04, 0.06], [0.01, -0.07, -0.03]])
SHIFT = np.array([2.0, -3.0, 1.0])
LOW, HIGH = np.array([-40.0, -50.0, -60.0]), np.array([29.0, 26.0, 25.0])


def field_node(scene: Any) -> Any:
    """A grid that sends x to x + GRADIENT x + SHIFT from world: trilinear interpolation has that exactly."""
    from vtkmodules.util.numpy_support import numpy_to_vtk

    axes = [np.linspace(low, high, count) for low, high, count in zip(LOW, HIGH, (24, 20, 18), strict=True)]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    image = vtk.vtkImageData()
    image.SetDimensions(24, 20, 18)
    image.SetOrigin(*LOW)
    image.SetSpacing(*[axis[1] - axis[0] for axis in axes])
    image.GetPointData().SetScalars(numpy_to_vtk((points @ GRADIENT.T + SHIFT).astype(np.float32), deep=1))
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(image)
    node = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "field")
    node.SetAndObserveTransformFromParent(transform)
    return node


def forward(points: np.ndarray) -> np.ndarray:
    """From the registered to the source frame, RAS mm."""
    return points + points @ GRADIENT.T + SHIFT


def fiducials(scene: Any, points: np.ndarray, kind: str = "vtkMRMLMarkupsFiducialNode") -> Any:
    node = scene.AddNewNodeByClass(kind, "marks")
    for number, point in enumerate(points):
        node.AddControlPoint(*point.tolist(), f"p{number}")
    return node


def places(node: Any) -> np.ndarray:
    return np.array([node.GetNthControlPointPositionWorld(i) for i in range(node.GetNumberOfControlPoints())])


@pytest.fixture
def scene() -> Any:
    return slicer.vtkMRMLScene()


REGISTERED = np.array([[0.0, 0.0, 0.0], [10.0, -20.0, 5.0], [-30.0, 11.0, -44.0]])


def test_points_go_by_the_inverse_and_come_back_by_the_mapping(scene: Any) -> None:
    transform, marks = field_node(scene), fiducials(scene, forward(REGISTERED))
    (copied,) = harden_copies([marks], transform)
    np.testing.assert_allclose(places(copied.node), REGISTERED, atol=2e-5)
    assert (copied.count, copied.undefined) == (3, 0) and copied.largest_residual_mm < 1e-6
    assert [copied.node.GetNthControlPointLabel(i) for i in range(3)] == ["p0", "p1", "p2"]
    np.testing.assert_array_equal(places(marks), forward(REGISTERED))
    (back,) = harden_copies([copied.node], transform, back=True)
    np.testing.assert_allclose(places(back.node), forward(REGISTERED), atol=2e-5)
    assert back.largest_residual_mm == 0


def test_a_point_without_a_place_is_missing_and_counted(scene: Any) -> None:
    far = np.array([500.0, 0.0, 0.0])
    transform, marks = field_node(scene), fiducials(scene, np.vstack([forward(REGISTERED[:1]), far]))
    (copied,) = harden_copies([marks], transform)
    node = copied.node
    assert (copied.count, copied.undefined) == (2, 1)
    assert node.GetNthControlPointPositionStatus(0) == node.PositionDefined
    assert node.GetNthControlPointPositionStatus(1) == node.PositionMissing
    assert node.GetAttribute("DicomRegInspector.Applied.Undefined") == "1"


def test_a_copy_says_how_it_was_made(scene: Any) -> None:
    transform, marks = field_node(scene), fiducials(scene, forward(REGISTERED))
    transform.SetAttribute("DicomRegInspector.SOPInstanceUID", "1.2.3")
    node = harden_copies([marks], transform)[0].node
    noted = {
        key: node.GetAttribute(f"DicomRegInspector.Applied.{key}")
        for key in ("Of", "Transform", "Direction", "TransformSOPInstanceUID", "Counted")
    }
    assert noted == {
        "Of": "marks",
        "Transform": "field",
        "Direction": "from the source to the registered frame",
        "TransformSOPInstanceUID": "1.2.3",
        "Counted": "3 points",
    }


@pytest.mark.parametrize("kind", ["vtkMRMLMarkupsCurveNode", "vtkMRMLMarkupsLineNode"])
def test_lines_and_curves_keep_their_kind(scene: Any, kind: str) -> None:
    marks = fiducials(scene, forward(REGISTERED[:2]), kind)
    (copied,) = harden_copies([marks], field_node(scene))
    assert copied.node.GetClassName() == kind
    np.testing.assert_allclose(places(copied.node), REGISTERED[:2], atol=2e-5)


def test_planes_are_refused(scene: Any) -> None:
    plane = scene.AddNewNodeByClass("vtkMRMLMarkupsPlaneNode", "plane")
    before = scene.GetNumberOfNodes()
    transform = field_node(scene)
    with pytest.raises(UsageError, match="plane is neither image, segmentation, points nor model"):
        harden_copies([fiducials(scene, REGISTERED), plane], transform)
    assert scene.GetNumberOfNodes() == before + 2  # the transform and the points of this test


def test_what_is_under_the_transform_already_is_moved_once(scene: Any) -> None:
    transform, marks = field_node(scene), fiducials(scene, forward(REGISTERED))
    marks.SetAndObserveTransformNodeID(transform.GetID())
    (copied,) = harden_copies([marks], transform)
    np.testing.assert_allclose(places(copied.node), REGISTERED, atol=2e-5)
    assert copied.node.GetTransformNodeID() is None
    with pytest.raises(UsageError, match="take it out before it is moved back"):
        harden_copies([marks], transform, back=True)


def test_a_linear_transform_above_counts(scene: Any) -> None:
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 7.0)
    above = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "above")
    above.SetMatrixTransformToParent(matrix)
    transform, marks = field_node(scene), fiducials(scene, forward(REGISTERED) - [7.0, 0, 0])
    marks.SetAndObserveTransformNodeID(above.GetID())
    (copied,) = harden_copies([marks], transform)
    np.testing.assert_allclose(places(copied.node), REGISTERED, atol=2e-5)


def spline() -> Any:
    """A thin plate spline, as Slicer's landmark registration makes it."""
    source, target = vtk.vtkPoints(), vtk.vtkPoints()
    for number in range(8):
        corner = [60.0 * ((number >> axis & 1) - 0.5) for axis in range(3)]
        source.InsertNextPoint(corner)
        target.InsertNextPoint([value + 1.5 * ((number * (axis + 3)) % 4 - 1.5) for axis, value in enumerate(corner)])
    transform = vtk.vtkThinPlateSplineTransform()
    transform.SetBasisToR()
    transform.SetSourceLandmarks(source)
    transform.SetTargetLandmarks(target)
    return transform


@pytest.mark.parametrize("to_parent", [False, True])
def test_slicers_other_transforms_go_both_ways_as_vtk_has_them(scene: Any, to_parent: bool) -> None:
    node, exact = scene.AddNewNodeByClass("vtkMRMLTransformNode", "spline"), spline()
    (node.SetAndObserveTransformToParent if to_parent else node.SetAndObserveTransformFromParent)(spline())
    marks = fiducials(scene, REGISTERED)
    (copied,) = harden_copies([marks], node)
    again = harden_copies([copied.node], node, back=True)[0].node
    np.testing.assert_allclose(places(again), REGISTERED, atol=1e-4)
    start, end = (places(marks), places(copied.node)) if to_parent else (places(copied.node), places(marks))
    np.testing.assert_allclose([exact.TransformPoint(*point) for point in start], end, atol=1e-4)


def sphere_model(scene: Any, centre: np.ndarray) -> Any:
    sphere = vtk.vtkSphereSource()
    sphere.SetCenter(*centre)
    sphere.SetRadius(8)
    sphere.Update()
    node = scene.AddNewNodeByClass("vtkMRMLModelNode", "ball")
    node.SetAndObserveMesh(sphere.GetOutput())
    node.CreateDefaultDisplayNodes()
    return node


def test_a_models_points_are_moved_and_its_normals_made_anew(scene: Any) -> None:
    model = sphere_model(scene, np.array([5.0, -8.0, -20.0]))
    (copied,) = harden_copies([model], field_node(scene))
    before = vtk_to_numpy(model.GetPolyData().GetPoints().GetData()).astype(float)
    after = vtk_to_numpy(copied.node.GetPolyData().GetPoints().GetData())
    np.testing.assert_allclose(forward(after), before, atol=2e-5)
    assert copied.node.GetPolyData().GetNumberOfCells() == model.GetPolyData().GetNumberOfCells()
    normals = vtk_to_numpy(copied.node.GetPolyData().GetPointData().GetNormals())
    outward = after - after.mean(axis=0)
    assert ((normals * outward).sum(axis=1) > 0).all()


def test_cells_without_a_place_are_left_out_and_counted(scene: Any) -> None:
    edge = forward(np.array([[HIGH[0], 0.0, 0.0]]))[0]
    model = sphere_model(scene, edge)
    (copied,) = harden_copies([model], field_node(scene))
    mesh = copied.node.GetPolyData()
    assert 0 < copied.undefined < copied.count
    assert 0 < mesh.GetNumberOfCells() < model.GetPolyData().GetNumberOfCells()
    assert vtk_to_numpy(mesh.GetPoints().GetData())[:, 0].max() <= HIGH[0] + 1e-6


def test_nodes_are_put_under_and_what_has_a_transform_stays(scene: Any) -> None:
    transform, marks, held = field_node(scene), fiducials(scene, REGISTERED), fiducials(scene, REGISTERED)
    other = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "other")
    held.SetName("held")
    held.SetAndObserveTransformNodeID(other.GetID())
    placed = put_under([marks, held], transform)
    assert placed.placed == ("marks",) and placed.left == ("held stays under the transform other; take it out first.",)
    assert marks.GetParentTransformNode() is transform and held.GetParentTransformNode() is other
    assert put_under([marks], transform).left == ("marks is under it already.",)


def test_back_is_another_node_made_once(scene: Any) -> None:
    transform, marks = field_node(scene), fiducials(scene, REGISTERED)
    placed = put_under([marks], transform, back=True)
    assert placed.transform is not transform and marks.GetParentTransformNode() is placed.transform
    np.testing.assert_allclose(places(marks), forward(REGISTERED), atol=1e-3)
    other = fiducials(scene, REGISTERED)
    assert put_under([other], transform, back=True).transform is placed.transform
