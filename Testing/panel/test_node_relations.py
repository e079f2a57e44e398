"""What a transform of the scene and what is around it say about each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.scene.convert import vtk_matrix
from DicomRegInspectorLib.scene.quality.node_quality import measure_transform
from quality_nodes import DIMENSIONS, ORIGIN_RAS_MM, SPACING_MM, grid_node, lattice_points, volume_node

REGISTERED, SOURCE = "1.2.3.100", "1.2.3.200"
SHIFT = np.array([12.0, -5.0, 8.0])


@pytest.fixture
def scene(application: Any, widget: Any) -> Any:
    return application.mrmlScene


def named(node: Any, kind: str = "deformable") -> Any:
    """A transform that says between which frames it is, as the loading notes it."""
    for key, value in (("RegisteredFrameOfReferenceUID", REGISTERED), ("SourceFrameOfReferenceUID", SOURCE),
                       ("Kind", kind), ("Item", "2")):  # fmt: skip
        node.SetAttribute("DicomRegInspector." + key, value)
    return node


def of_frame(application: Any, node: Any, frame: str) -> Any:
    node.SetAttribute(
        application.vtkMRMLSubjectHierarchyConstants.GetDICOMFrameOfReferenceUIDAttributeName(), frame
    )  # fmt: skip
    return node


def shifted(points: np.ndarray) -> np.ndarray:
    return np.broadcast_to(SHIFT, points.shape)


def codes(scene: Any, node: Any, *images: Any) -> dict[str, Any]:
    relations = ("reg-frame-unknown", "reg-grid-does-not-cover", "reg-double-application")
    found = measure_transform(node, None, *images).findings
    return {one.code: one for one in found if one.code in relations}


def test_images_of_the_named_frames_inside_the_grid_are_nothing_to_tell(application: Any, scene: Any) -> None:
    values = lattice_points()[..., 0]
    fixed = of_frame(application, volume_node(scene, values, "fixed"), REGISTERED)
    moving = of_frame(application, volume_node(scene, values, "moving"), SOURCE)
    assert codes(scene, named(grid_node(scene, shifted)), fixed, moving) == {}


def test_image_of_another_frame_is_told_with_both_frames(application: Any, scene: Any, ui: Any) -> None:
    values = lattice_points()[..., 0]
    fixed = of_frame(application, volume_node(scene, values, "fixed"), "1.2.3.101")
    node = named(grid_node(scene, shifted))
    found = codes(scene, node, fixed)["reg-frame-unknown"]
    assert found.message == (
        "The fixed image fixed is in the frame 1.2.3.101; the registered frame of this transform is 1.2.3.100. "
        "The two are nearly the same."
    )
    ui.qualityTransformSelector.setCurrentNode(node)
    ui.qualityFixedSelector.setCurrentNode(fixed)
    ui.measureButton.click()
    assert f"• {found.message}" in ui.verdictLabel.text


def test_image_beyond_the_grid_is_told_with_how_much_and_how_far(scene: Any) -> None:
    fixed = volume_node(scene, np.zeros(DIMENSIONS[::-1], np.int16), "fixed")
    # Five of the grid's steps down: 25 mm below the lowest node, and five of eighteen slices outside as a whole.
    fixed.SetOrigin(ORIGIN_RAS_MM[0], ORIGIN_RAS_MM[1], ORIGIN_RAS_MM[2] - 5 * SPACING_MM[2])
    found = codes(scene, grid_node(scene, shifted), fixed)["reg-grid-does-not-cover"]
    assert found.evidence["outside_percent"] == pytest.approx(100 * 5 / 18)
    assert found.evidence["outside_max_mm"] == pytest.approx(25)
    assert found.evidence["slices_outside"] == [1, 2, 3, 4, 5]
    assert "(5 slices have no point inside)" in found.message


@pytest.mark.parametrize("way", ["source to registered", "registered to source"])
def test_matrix_of_the_scene_that_says_the_same_motion_is_told(scene: Any, way: str) -> None:
    """The grid takes registered points to source points by SHIFT (RAS); a matrix takes its source to its registered."""
    node = named(grid_node(scene, shifted))
    matrix = np.eye(4)
    matrix[:3, 3] = -SHIFT if way == "source to registered" else SHIFT
    other = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "rigid")
    other.SetMatrixTransformToParent(vtk_matrix(matrix))
    named(other, "matrix")
    if way == "registered to source":
        other.SetAttribute("DicomRegInspector.RegisteredFrameOfReferenceUID", SOURCE)
        other.SetAttribute("DicomRegInspector.SourceFrameOfReferenceUID", REGISTERED)
    found = codes(scene, node)["reg-double-application"]
    assert "item 2 of rigid" in found.message
    assert found.evidence["shift_mm"] == pytest.approx(np.linalg.norm(SHIFT), rel=1e-3)
    other.SetMatrixTransformToParent(vtk_matrix(np.eye(4)))
    assert codes(scene, node) == {}
