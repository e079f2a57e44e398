"""Apply in the section Registrations: when it can be pressed, what it does, and what is said of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6 import QtCore
from quality_nodes import DIMENSIONS, affine, grid_node, lattice_points, markups_node, texture, volume_node

Checked = QtCore.Qt.CheckState.Checked


@pytest.fixture
def scene(application: Any, widget: Any) -> Any:
    return application.mrmlScene


@pytest.fixture
def nodes(ui: Any, scene: Any) -> Any:
    """A transform, points of which one is far away, and an image."""
    transform = grid_node(scene, affine)
    marks = markups_node(scene, {"near": np.array([1.0, 2.0, 3.0]), "far": np.array([900.0, 0, 0])}, "marks")
    image = volume_node(scene, texture(lattice_points()), "image")
    yield transform, marks, image
    for selector in (ui.applyTransformSelector, ui.applyGridSelector):
        selector.setCurrentNode(None)
    ui.applyBackCheckBox.checked = False


def test_buttons_rest_and_say_what_is_missing(ui: Any, nodes: Any) -> None:
    transform, marks, _ = nodes
    buttons = (ui.applyUnderButton, ui.applyCopiesButton)
    assert all(not button.enabled and button.toolTip == "Choose a transform first." for button in buttons)
    ui.applyTransformSelector.setCurrentNode(transform)
    assert all(not button.enabled and button.toolTip == "Tick what is to be moved first." for button in buttons)
    ui.applyNodesSelector.setCheckState(marks, Checked)
    assert all(button.enabled for button in buttons)
    ui.applyNodesSelector.setCheckState(marks, QtCore.Qt.CheckState.Unchecked)
    assert not any(button.enabled for button in buttons)


def test_copies_are_made_and_their_gaps_told(ui: Any, scene: Any, nodes: Any) -> None:
    transform, marks, image = nodes
    ui.applyTransformSelector.setCurrentNode(transform)
    ui.applyGridSelector.setCurrentNode(image)
    for node in (marks, image):
        ui.applyNodesSelector.setCheckState(node, Checked)
    ui.applyCopiesButton.click()
    said = str(ui.applyStatusLabel.text).splitlines()
    assert said[0].startswith("image (registered): ") and "voxels look beyond what is known, and hold " in said[0]
    lost = "marks (registered): the transform says nothing about 1 of 2 points, which are missing"
    assert said[1].startswith(lost) and len(said) == 2
    copied = scene.GetFirstNodeByName("image (registered)")
    assert copied.GetImageData().GetDimensions() == DIMENSIONS
    assert marks.GetParentTransformNode() is None and image.GetParentTransformNode() is None
    ui.applyBackCheckBox.checked = True
    assert not ui.applyStatusLabel.text  # what was said is not about another direction


def test_nodes_are_put_under_the_transform(ui: Any, nodes: Any) -> None:
    transform, marks, _ = nodes
    ui.applyTransformSelector.setCurrentNode(transform)
    ui.applyNodesSelector.setCheckState(marks, Checked)
    ui.applyUnderButton.click()
    assert ui.applyStatusLabel.text == "Under field now: marks."
    assert marks.GetParentTransformNode() is transform
    ui.applyUnderButton.click()
    assert ui.applyStatusLabel.text == "marks is under it already."


def test_what_cannot_be_done_is_a_sentence(ui: Any, scene: Any, nodes: Any) -> None:
    transform, _, image = nodes
    ui.applyTransformSelector.setCurrentNode(transform)
    ui.applyNodesSelector.setCheckState(image, Checked)
    before = scene.GetNumberOfNodes()
    ui.applyCopiesButton.click()
    assert ui.applyStatusLabel.text == ("No copies: choose the volume on whose voxels the copy of image is to be made")
    assert scene.GetNumberOfNodes() == before


def test_the_transforms_own_image_is_the_grid(ui: Any, nodes: Any) -> None:
    transform, _, image = nodes
    transform.SetNodeReferenceID(transform.GetFixedNodeReferenceRole(), image.GetID())
    ui.applyTransformSelector.setCurrentNode(transform)
    assert ui.applyGridSelector.currentNode() is image
