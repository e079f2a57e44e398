"""What the scene tests share: loading, and points through a node's whole chain. Points are LPS mm."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
import reference
import regfiles as rf
import slicer
import vtk
from DicomRegInspectorLib.scene import load_registration

FLIP = np.array([-1.0, -1.0, 1.0])
"""LPS to RAS and back."""
MM = 1e-3

FOLDER = tempfile.TemporaryDirectory(prefix="scene-registration-")
NUMBERS = itertools.count()
SMOOTH = rf.GridSpec(
    rf.smooth_vectors((9, 8, 7), 4.0), (4.0, 5.0, 6.0), (-15.0, 7.0, 30.0), rf.orientation_of((0.4, 0.3, -0.7))
)
PRE, POST = rf.rigid((0.2, -0.1, 0.4), (12, -5, 30)), rf.rigid((-0.5, 0.3, 0.1), (-7, 40, 3))


def written(spec: rf.RegistrationSpec, encoding: rf.Encoding = rf.Encoding()) -> Path:  # noqa: B008
    return rf.write(Path(FOLDER.name) / f"reg-{next(NUMBERS)}.dcm", spec, encoding)


def load_all(source, **options):
    """(scene, nodes); the scene has to outlive the nodes, which refer to each other through it."""
    scene = slicer.vtkMRMLScene()
    return scene, load_registration(source, scene, **options)


def load(item: rf.DeformableItem | rf.MatrixItem, scene=None, **options):
    scene = slicer.vtkMRMLScene() if scene is None else scene
    (node,) = load_registration(written(rf.RegistrationSpec((item,))), scene, **options)
    return scene, node


def world_to_node(node, points_lps: np.ndarray) -> np.ndarray:
    """LPS points through the node's whole chain, registered to source."""
    transform = vtk.vtkGeneralTransform()
    node.GetTransformFromWorld(transform)
    return np.array([transform.TransformPoint(*(p * FLIP)) for p in points_lps]) * FLIP


def node_to_world(node, points_lps: np.ndarray) -> np.ndarray:
    transform = vtk.vtkGeneralTransform()
    node.GetTransformToWorld(transform)
    return np.array([transform.TransformPoint(*(p * FLIP)) for p in points_lps]) * FLIP


def probes(item: rf.DeformableItem | rf.MatrixItem, margin: float = 1e-3) -> np.ndarray:
    if isinstance(item, rf.MatrixItem) or item.grid is None:
        return np.random.default_rng(1).uniform(-200, 200, (20, 3))
    return reference.points_inside(item.grid, 30, 1, margin)


def chain_of(node) -> list:
    """The node and its parents, innermost first."""
    chain = []
    while node is not None:
        chain.append(node)
        node = node.GetParentTransformNode()
    return chain


def grid_node_of(node):
    (found,) = [n for n in chain_of(node) if n.IsA("vtkMRMLGridTransformNode")]
    return found


def grid_image_of(node):
    """The vtkImageData and 3x3 directions of the node's grid, from the side that was set."""
    transform = grid_node_of(node).GetTransformFromParent()
    assert transform.IsA("vtkOrientedGridTransform")
    matrix = transform.GetGridDirectionMatrix()
    directions = (
        np.eye(3) if matrix is None else np.array([[matrix.GetElement(r, c) for c in range(3)] for r in range(3)])
    )
    return transform.GetDisplacementGrid(), directions


def transforms_of(scene) -> list:
    collection = scene.GetNodesByClass("vtkMRMLTransformNode")
    return [collection.GetItemAsObject(i) for i in range(collection.GetNumberOfItems())]


def attributes_of(node) -> dict[str, str]:
    return {name: node.GetAttribute(name) for name in node.GetAttributeNames()}
