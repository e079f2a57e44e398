"""Volumes that were loaded twice: the second one is let go of where the first is still as it was loaded."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from ..convert import nodes_of_class
from ..transforms.load_registration import ATTRIBUTE_PREFIX
from .acquisition import SOURCE_SERIES_ATTRIBUTE

_SAME_PLACE_MM = 1e-6


def loaded_before(node: slicer.vtkMRMLVolumeNode) -> slicer.vtkMRMLVolumeNode | None:
    """Find the volume that was made of a series as this one was, with the same values at the same places in the world.

    It takes the place of the node, which is removed with its displays and the transform that came with it. None, and
    nothing is removed, where there is none, as when it has been edited or put under another transform since.
    """
    scene, source = node.GetScene(), node.GetAttribute(SOURCE_SERIES_ATTRIBUTE)
    if not source:
        return None
    for other in nodes_of_class(scene, node.GetClassName()):
        if other is not node and other.GetAttribute(SOURCE_SERIES_ATTRIBUTE) == source and _are_equal(node, other):
            _remove(scene, node)
            return other
    return None


def _are_equal(node: slicer.vtkMRMLVolumeNode, other: slicer.vtkMRMLVolumeNode) -> bool:
    how = ATTRIBUTE_PREFIX + "Regularized"
    images = [volume.GetImageData() for volume in (node, other)]
    if node.GetAttribute(how) != other.GetAttribute(how) or any(image is None for image in images):
        return False
    if images[0].GetDimensions() != images[1].GetDimensions():
        return False
    values = [image.GetPointData().GetScalars() for image in images]
    if any(array is None for array in values) or values[0].GetDataType() != values[1].GetDataType():
        return False
    here, there = (_places(volume, images[0].GetDimensions()) for volume in (node, other))
    mine, theirs = map(vtk_to_numpy, values)
    return np.allclose(here, there, rtol=0, atol=_SAME_PLACE_MM) and np.array_equal(mine, theirs, equal_nan=True)


def _places(volume: slicer.vtkMRMLVolumeNode, dimensions: tuple[int, int, int]) -> np.ndarray:
    """Where two corners of each slice are in the world, (2 nk, 3) mm: what any transform above makes of them."""
    matrix, to_world = vtk.vtkMatrix4x4(), vtk.vtkGeneralTransform()
    volume.GetIJKToRASMatrix(matrix)
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(volume.GetParentTransformNode(), None, to_world)
    to_world.PreMultiply()
    to_world.Concatenate(matrix)
    ni, nj, nk = dimensions
    corners = [(i, j, k) for k in range(nk) for i, j in ((0, 0), (ni - 1, nj - 1))]
    return np.array([to_world.TransformPoint(corner) for corner in corners])


def _remove(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLVolumeNode) -> None:
    transform = node.GetParentTransformNode()
    for number in reversed(range(node.GetNumberOfDisplayNodes())):
        scene.RemoveNode(node.GetNthDisplayNode(number))
    scene.RemoveNode(node)
    if transform is not None:
        scene.RemoveNode(transform)
