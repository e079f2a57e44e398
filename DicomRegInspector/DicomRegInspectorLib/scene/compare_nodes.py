"""Volume nodes of a scene compared: the same physical image or not, where their transforms put them."""

from __future__ import annotations

import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from ..errors import UsageError
from ..progress import Progress, Run, in_background
from ..space import LPS_TO_RAS
from ..volumes import Comparison, Volume, compare_volumes
from .convert import numpy_matrix
from .volumes import frame_of_volume


def volume_of_node(node: slicer.vtkMRMLVolumeNode) -> Volume:
    """A volume node's values, without a copy, and where they lie in the world; parent transforms go into the matrix.

    Raises
    ------
    UsageError
        The node holds no image, or a parent transform is not linear: no matrix places its voxels then.
    """
    name = node.GetName() or "the volume"
    image = node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None:
        raise UsageError(f"{name}: the node holds no image")
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    index_to_ras = numpy_matrix(matrix)
    parent = node.GetParentTransformNode()
    if parent is not None:
        if not parent.IsTransformToWorldLinear():
            raise UsageError(
                f"{name}: lies under the transform {parent.GetName()}, which is not linear. Compare the volume without "
                "it, or resample it first"
            )
        parent.GetMatrixTransformToWorld(matrix)
        index_to_ras = numpy_matrix(matrix) @ index_to_ras
    scalars = image.GetPointData().GetScalars()
    ni, nj, nk = image.GetDimensions()
    channels = scalars.GetNumberOfComponents()
    array = vtk_to_numpy(scalars).reshape(nk, nj, ni, *([channels] if channels > 1 else []))
    scene = node.GetScene()
    frame = frame_of_volume(scene, node) if scene is not None else ""
    return Volume(array, LPS_TO_RAS @ index_to_ras, name, frame_uid=frame, owner=image)


def compare_nodes(
    a: slicer.vtkMRMLVolumeNode,
    b: slicer.vtkMRMLVolumeNode,
    *,
    tolerance_mm: float | None = None,
    progress: Progress | None = None,
    run: Run | None = None,
) -> Comparison:
    """Compare two volume nodes as they lie in the world. Parameters as in :func:`~..volumes.compare_volumes`.

    Parameters
    ----------
    run
        Called with the function that compares; may call it in a thread with a progress callback of its own: it uses
        neither the scene nor Qt, and the values stay even when a node goes.

    Raises
    ------
    UsageError, Cancelled
        As in :func:`volume_of_node` and :func:`~..volumes.compare_volumes`.
    """
    first, second = volume_of_node(a), volume_of_node(b)

    def compare(report: Progress | None) -> Comparison:
        return compare_volumes(first, second, tolerance_mm=tolerance_mm, progress=report)

    return in_background(compare, progress, run)
