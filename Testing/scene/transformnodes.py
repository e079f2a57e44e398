"""Transform nodes whose fields are known by formula. Points are RAS mm."""

from __future__ import annotations

import numpy as np
import regfiles as rf
import slicer
import vtk
from DicomRegInspectorLib.scene.convert import vtk_matrix
from vtkmodules.util.numpy_support import numpy_to_vtk

LINEAR = np.array([[1.10, 0.05, 0.00], [-0.04, 0.95, 0.10], [0.02, 0.00, 1.20]])
"""The gradient that the linear fields of these tests have: a determinant known without any difference."""
SPACING, ORIGIN = np.array([2.0, 3.0, 4.0]), np.array([-11.0, 5.0, 40.0])
OBLIQUE = rf.rigid((0.3, -0.2, 0.5), (0, 0, 0))[:3, :3]
SIZE = (9, 8, 7)


def nodes_of(size=SIZE, directions=OBLIQUE) -> np.ndarray:
    k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    return ORIGIN + (np.stack([i, j, k], axis=-1) * SPACING) @ directions.T


def affine_vectors(points: np.ndarray) -> np.ndarray:
    return (points - 20) @ (LINEAR - np.eye(3)).T


def bumpy_vectors(points: np.ndarray) -> np.ndarray:
    """Some millimetres, and no gradient near 1, so that an inverse exists."""
    return 1.5 * np.stack([np.sin(points[..., 1] / 7), np.cos(points[..., 2] / 9), np.sin(points[..., 0] / 8)], axis=-1)


def grid_transform(vectors: np.ndarray, directions=OBLIQUE, first=(0, 0, 0)):
    """An oriented grid whose array starts at voxel ``first`` of its extent."""
    nz, ny, nx, _ = vectors.shape
    image = vtk.vtkImageData()
    image.SetExtent(first[0], first[0] + nx - 1, first[1], first[1] + ny - 1, first[2], first[2] + nz - 1)
    image.SetSpacing(*SPACING)
    image.SetOrigin(*(ORIGIN - directions @ (SPACING * first)))
    image.GetPointData().SetScalars(numpy_to_vtk(vectors.reshape(-1, 3), deep=1))
    transform = slicer.vtkOrientedGridTransform()
    transform.SetInterpolationModeToLinear()
    transform.SetDisplacementGridData(image)
    transform.SetGridDirectionMatrix(vtk_matrix(directions))
    return transform


def add(scene, transform=None, *, to_parent=None, kind="vtkMRMLTransformNode", parent=None):
    node = scene.AddNewNodeByClass(kind)
    if transform is not None:
        node.SetAndObserveTransformFromParent(transform)
    if to_parent is not None:
        node.SetAndObserveTransformToParent(to_parent)
    if parent is not None:
        node.SetAndObserveTransformNodeID(parent.GetID())
    return node


def linear_node(scene, matrix: np.ndarray, parent=None):
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetMatrixTransformFromParent(vtk_matrix(matrix))
    if parent is not None:
        node.SetAndObserveTransformNodeID(parent.GetID())
    return node


def from_world(node, points: np.ndarray) -> np.ndarray:
    whole = vtk.vtkGeneralTransform()
    node.GetTransformFromWorld(whole)
    return np.array([whole.TransformPoint(*point) for point in points])


def inside(count=40, seed=3) -> np.ndarray:
    index = np.random.default_rng(seed).uniform(0.1, np.array(SIZE) - 1.1, (count, 3))
    return ORIGIN + (index * SPACING) @ OBLIQUE.T


def affine(linear: np.ndarray, shift=(3.0, -8.0, 5.0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = linear, shift
    return matrix
