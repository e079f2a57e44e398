"""Volumes that were loaded twice: the second one is let go of where the first is still as it was loaded."""

from __future__ import annotations

from functools import partial

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from ...errors import Cancelled
from ...progress import Progress, Run, in_background, report_progress
from ..convert import nodes_of_class
from ..transforms.load_registration import ATTRIBUTE_PREFIX
from .acquisition import SOURCE_SERIES_ATTRIBUTE

_SAME_PLACE_MM = 1e-6
_VALUES_AT_ONCE = 1 << 20


def loaded_before(node: slicer.vtkMRMLVolumeNode, run: Run | None = None) -> slicer.vtkMRMLVolumeNode | None:
    """Find the volume that was made of a series as this one was, with the same values at the same places in the world.

    It takes the place of the node, which is removed with its displays and the transform that came with it. None, and
    nothing is removed, where there is none, as when it has been edited or put under another transform since, and when
    the comparison was cancelled.

    Parameters
    ----------
    run
        Compares values beside the application; None does it here.
    """
    scene, source = node.GetScene(), node.GetAttribute(SOURCE_SERIES_ATTRIBUTE)
    if not source:
        return None
    for other in nodes_of_class(scene, node.GetClassName()):
        if other is node or other.GetAttribute(SOURCE_SERIES_ATTRIBUTE) != source or not _are_alike(node, other):
            continue
        mine, theirs = (vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars()) for volume in (node, other))
        try:
            is_same = in_background(partial(_are_equal, mine, theirs), None, run)
        except Cancelled:
            return None
        if is_same and node.GetScene() is other.GetScene() is scene:
            _remove(scene, node)
            return other
    return None


def _are_equal(mine: np.ndarray, theirs: np.ndarray, progress: Progress | None = None) -> bool:
    """Whether arrays of one shape hold the same values, part after part: most that differ do so early."""
    for first in range(0, len(mine), _VALUES_AT_ONCE):
        report_progress(progress, first, len(mine), "comparing with what was loaded before", "not compared to its end")
        part = slice(first, first + _VALUES_AT_ONCE)
        if not np.array_equal(mine[part], theirs[part], equal_nan=True):
            return False
    return True


def _are_alike(node: slicer.vtkMRMLVolumeNode, other: slicer.vtkMRMLVolumeNode) -> bool:
    """Whether both were made in the same way, with as many values of one type, at the same places."""
    how = ATTRIBUTE_PREFIX + "Regularized"
    images = [volume.GetImageData() for volume in (node, other)]
    if node.GetAttribute(how) != other.GetAttribute(how) or any(image is None for image in images):
        return False
    if images[0].GetDimensions() != images[1].GetDimensions():
        return False
    values = [image.GetPointData().GetScalars() for image in images]
    if any(array is None for array in values) or values[0].GetDataType() != values[1].GetDataType():
        return False
    if values[0].GetNumberOfComponents() != values[1].GetNumberOfComponents():
        return False
    here, there = (_places(volume, images[0].GetDimensions()) for volume in (node, other))
    return np.allclose(here, there, rtol=0, atol=_SAME_PLACE_MM)


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
