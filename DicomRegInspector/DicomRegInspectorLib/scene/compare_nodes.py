"""Volume nodes of a scene compared: the same physical image or not, where their transforms put them."""

from __future__ import annotations

import slicer
from vtkmodules.util.numpy_support import vtk_to_numpy

from ..progress import Progress, Run, in_background
from ..space import LPS_TO_RAS
from ..volumes import Comparison, Volume, compare_volumes
from .volumes import frame_of_volume, volume_lattice


def volume_of_node(node: slicer.vtkMRMLVolumeNode) -> Volume:
    """Return a volume node's values, not copied, and where they lie in the world, parent transforms included.

    Raises UsageError when the node holds no image, or a parent transform is not linear: no matrix places its voxels
    then.
    """
    index_to_ras, (ni, nj, nk) = volume_lattice(node)
    image = node.GetImageData()
    scalars = image.GetPointData().GetScalars()
    channels = scalars.GetNumberOfComponents()
    array = vtk_to_numpy(scalars).reshape(nk, nj, ni, *([channels] if channels > 1 else []))
    scene = node.GetScene()
    frame = frame_of_volume(scene, node) if scene is not None else ""
    return Volume(array, LPS_TO_RAS @ index_to_ras, node.GetName() or "the volume", frame_uid=frame, owner=image)


def compare_nodes(
    a: slicer.vtkMRMLVolumeNode,
    b: slicer.vtkMRMLVolumeNode,
    *,
    tolerance_mm: float | None = None,
    progress: Progress | None = None,
    run: Run | None = None,
) -> Comparison:
    """Compare two volume nodes as they lie in the world. Parameters as in :func:`~..volumes.compare_volumes`.

    ``run``: called with the function that compares; may call it in a thread with a progress callback of its own: it
    uses neither the scene nor Qt, and the values stay even when a node goes.

    Raises
    ------
    UsageError, Cancelled
        As in :func:`volume_of_node` and :func:`~..volumes.compare_volumes`.
    """
    first, second = volume_of_node(a), volume_of_node(b)

    def compare(report: Progress | None) -> Comparison:
        return compare_volumes(first, second, tolerance_mm=tolerance_mm, progress=report)

    return in_background(compare, progress, run)
