"""Transform nodes are measured as the formulas that they were made from say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.errors import Cancelled, UsageError
from quality_nodes import (
    GRADIENT,
    SPACING_MM,
    affine,
    column,
    fold,
    grid_node,
    lattice_points,
    markups_node,
    texture,
    volume_node,
)


@pytest.fixture
def scene(application: Any) -> Any:
    application.mrmlScene.Clear()
    yield application.mrmlScene
    application.mrmlScene.Clear()


@pytest.fixture
def logic(application: Any) -> Any:
    from DicomRegInspector import DicomRegInspectorLogic

    return DicomRegInspectorLogic()


def test_affine_field_has_the_determinant_and_curl_of_its_matrix(scene: Any, logic: Any) -> None:
    quality = logic.measureQuality(grid_node(scene, affine)).quality
    determinant = np.linalg.det(np.eye(3) + GRADIENT)
    assert (quality.jacobian.min, quality.jacobian.max) == pytest.approx((determinant, determinant), abs=1e-4)
    g = GRADIENT
    curl = np.linalg.norm([g[2, 1] - g[1, 2], g[0, 2] - g[2, 0], g[1, 0] - g[0, 1]])
    assert quality.curl.max == pytest.approx(curl, abs=1e-4)
    vectors = affine(lattice_points().reshape(-1, 3))
    assert quality.vectors.max_mm == pytest.approx(np.linalg.norm(vectors, axis=1).max(), rel=1e-5)
    for axis, name in enumerate("RAS"):
        assert quality.components_mm[name]["mean"] == pytest.approx(vectors[:, axis].mean(), abs=1e-3)
    assert quality.affine.residual_max_mm == pytest.approx(0, abs=1e-3)


def test_fold_is_counted_in_nodes_and_volume(scene: Any, logic: Any) -> None:
    result = logic.measureQuality(grid_node(scene, fold))
    # Central differences: a node whose neighbours lie on both sides of the fold sees the mean slope.
    r = lattice_points()[0, 0, :, 0]
    displacement = -2 * np.maximum(r - 2, 0)
    determinant = 1 + np.gradient(displacement, r)
    folded = np.count_nonzero(determinant <= 0) * 20 * 18
    assert result.quality.folded.count == folded
    assert result.quality.folded_volume_cm3 == pytest.approx(folded * np.prod(SPACING_MM) / 1000)
    assert [finding.code for finding in result.findings] == ["reg-folding"]


def test_transforms_above_the_grid_take_part(scene: Any, logic: Any) -> None:
    import vtk

    inner, outer = grid_node(scene, affine), scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(1, 1, 1.25)
    outer.SetMatrixTransformFromParent(matrix)
    inner.SetAndObserveTransformNodeID(outer.GetID())
    jacobian = logic.measureQuality(inner).quality.jacobian
    assert jacobian.mean == pytest.approx(1.25 * np.linalg.det(np.eye(3) + GRADIENT), abs=1e-4)


def test_linear_node_is_measured_in_closed_form(scene: Any, logic: Any) -> None:
    import vtk
    from DicomRegInspectorLib.registration.measures.rows import rows_of

    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turned = vtk.vtkTransform()
    turned.RotateZ(30)
    turned.Translate(3, 4, 0)
    node.SetAndObserveTransformFromParent(turned)
    rows = {row.measure: row.value for row in rows_of(logic.measureQuality(node).quality.measures)}
    assert rows["Jacobian determinant, everywhere"] == pytest.approx(1)
    assert rows["Curl, everywhere"] == pytest.approx(2 * np.sin(np.radians(30)))
    assert rows["Rotation"] == pytest.approx(30)
    assert rows["Shift of the origin"] == pytest.approx(5)


def test_each_segment_is_measured_on_its_own_nodes(scene: Any, logic: Any) -> None:
    points = lattice_points()
    labels = np.where(points[..., 0] > 10, 2, np.where(points[..., 0] < -20, 1, 0)).astype(np.uint8)
    result = logic.measureQuality(
        grid_node(scene, fold), volume_node(scene, labels, "organs", "vtkMRMLLabelMapVolumeNode")
    )
    tables = logic.createQualityTables(result)
    assert column(tables.regions, "Folded (%)") == [0, 100]
    assert column(tables.regions, "Grid nodes inside") == [np.count_nonzero(labels == 1), np.count_nonzero(labels == 2)]
    reach = 2 * (points[..., 0].max() - 2)
    assert column(tables.regions, "Displacement max (mm)") == pytest.approx([0, reach])
    assert column(tables.regions, "Volume (cm³)")[1] == pytest.approx(np.count_nonzero(labels == 2) * 0.06)


def test_landmark_errors_are_told_before_and_after(scene: Any, logic: Any) -> None:
    node = grid_node(scene, affine)
    fixed = {"a": np.array([0.0, 1, 2]), "b": np.array([10.0, -5, 3]), "far": np.array([900.0, 0, 0])}
    moving = {name: point + affine(point[None])[0] for name, point in fixed.items()}
    moving["b"] = moving["b"] + [0, 0, 3.5]
    second = markups_node(scene, moving, "moving points")
    # Moving points stand in the source frame, also when they are shown through the transform.
    second.SetAndObserveTransformNodeID(node.GetID())
    result = logic.measureQuality(
        node, fixedLandmarks=markups_node(scene, fixed, "fixed points"), movingLandmarks=second
    )
    table = logic.createQualityTables(result).landmarks
    assert column(table, "Landmark") == ["a", "b", "far"]
    assert column(table, "After (mm)") == pytest.approx([0, 3.5, np.nan], abs=1e-4, nan_ok=True)
    assert column(table, "Before (mm)")[0] == pytest.approx(np.linalg.norm(affine(fixed["a"][None])))
    assert column(table, "TG-132 mark") == ["within 2 mm", "2 to 5 mm", "undefined"]


def test_one_list_of_landmarks_is_refused_with_what_to_do(scene: Any, logic: Any) -> None:
    points = markups_node(scene, {"a": np.zeros(3)}, "points")
    with pytest.raises(UsageError, match="choose fixed and moving landmarks"):
        logic.measureQuality(grid_node(scene, affine), fixedLandmarks=points)


def test_landmarks_without_a_partner_are_refused_before_anything_is_measured(scene: Any, logic: Any) -> None:
    first = markups_node(scene, {"a": np.zeros(3), "b": np.ones(3)}, "fixed points")
    second = markups_node(scene, {"c": np.zeros(3)}, "moving points")
    steps: list[str] = []
    with pytest.raises(UsageError, match="no landmark name occurs in both"):
        logic.measureQuality(
            grid_node(scene, affine),
            progress=lambda done, total, text: steps.append(text),
            fixedLandmarks=first,
            movingLandmarks=second,
        )
    assert steps == []


@pytest.mark.parametrize(
    ("stored", "verdict"),
    [
        ([6.0, 0, 5], "standard"),
        ([-6.0, 0, -5], "reversed"),
        ([-6.0, 0, 5], "axis-signs"),
        # Two voxels along i and one along k, written as if they were mm in LPS, where i points to -x.
        ([-2.0, 0, 1], "voxel-units"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_images_tell_how_a_node_is_meant(scene: Any, logic: Any, stored: list[float], verdict: str) -> None:
    """The moving image is the texture, the fixed one the texture at x + (6, 0, 5) mm RAS."""
    points = lattice_points()
    fixed = volume_node(scene, texture(points + [6.0, 0, 5]), "fixed")
    moving = volume_node(scene, texture(points), "moving")
    node = grid_node(scene, lambda at: np.broadcast_to(stored, at.shape))
    moving.SetAndObserveTransformNodeID(node.GetID())
    audit = logic.measureQuality(node, None, fixed, moving).audit
    assert audit.verdict == verdict, audit.sentence


def test_measuring_can_be_stopped(scene: Any, logic: Any) -> None:
    with pytest.raises(Cancelled):
        logic.measureQuality(grid_node(scene, affine), progress=lambda done, total, text: done < 3)


def test_what_is_computed_in_a_thread_touches_neither_scene_nor_nodes(
    scene: Any, logic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node and its data are gone when the computing begins; the vectors are kept by what was gathered."""

    def run(function: Any) -> Any:
        scene.Clear()
        return function(None)

    result = logic.measureQuality(grid_node(scene, affine), run=run)
    assert result.quality.jacobian.mean == pytest.approx(np.linalg.det(np.eye(3) + GRADIENT), abs=1e-4)


def test_transform_without_a_lattice_asks_for_an_image_and_takes_it(scene: Any, logic: Any) -> None:
    import vtk

    spline = vtk.vtkThinPlateSplineTransform()
    corners = vtk.vtkPoints()
    moved = vtk.vtkPoints()
    for corner in np.ndindex(2, 2, 2):
        at = np.array(corner) * 100.0 - 50
        corners.InsertNextPoint(*at)
        moved.InsertNextPoint(*(1.1 * at))
    spline.SetSourceLandmarks(corners)
    spline.SetTargetLandmarks(moved)
    spline.SetBasisToR()
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "spline")
    node.SetAndObserveTransformFromParent(spline)
    with pytest.raises(UsageError, match="choose a volume"):
        logic.measureQuality(node)
    fixed = volume_node(scene, lattice_points()[..., 0], "fixed")
    assert logic.measureQuality(node, fixedVolume=fixed).quality.jacobian.mean == pytest.approx(1.331, abs=1e-3)
