"""An image in patient space, for pictures and for the scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk

from ...space import LPS_TO_RAS, apply_matrix, lattice_corners, trilinear
from ..convert import vtk_matrix
from ..volumes import new_volume_node, note_images


@dataclass(frozen=True)
class Image:
    """A scalar volume; one slice is a volume as thick as its spacing."""

    values: np.ndarray
    """(nz, ny, nx)."""
    ijk_to_lps: np.ndarray
    """(4, 4) from voxel index (i, j, k, 1) to LPS mm."""

    def sample(self, points: np.ndarray) -> np.ndarray:
        """Return trilinear values at points (..., 3), LPS mm; NaN outside the voxels."""
        index = apply_matrix(np.linalg.inv(self.ijk_to_lps), points).reshape(-1, 3)
        count = np.array(self.values.shape[::-1])
        # Voxels reach half their size beyond their centres.
        inside = ((index >= -0.5) & (index <= count - 0.5)).all(axis=-1)
        index = np.clip(np.nan_to_num(index), 0, count - 1)
        result = trilinear(lambda i, j, k: self.values[k, j, i], index, count)
        return np.where(inside, result, np.nan).reshape(points.shape[:-1])

    def corners(self) -> np.ndarray:
        """Return (8, 3) centres of the corner voxels, LPS mm."""
        return lattice_corners(self.ijk_to_lps, self.values.shape[::-1])


def add_volume(
    scene: slicer.vtkMRMLScene,
    image: Image,
    name: str,
    *,
    frame_uid: str = "",
    instance_uids: str = "",
    window: tuple[float, float] | None = None,
) -> slicer.vtkMRMLScalarVolumeNode:
    """Add an image to a scene as a scalar volume node, with the Frame of Reference UID that registrations go by."""
    values = np.ascontiguousarray(image.values)
    data = vtk.vtkImageData()
    data.SetDimensions(*values.shape[::-1])
    data.GetPointData().SetScalars(numpy_to_vtk(values.reshape(-1), deep=1))
    node = new_volume_node(scene, name, data)
    node.SetIJKToRASMatrix(vtk_matrix(LPS_TO_RAS @ image.ijk_to_lps))
    if window is not None:
        node.GetDisplayNode().SetAutoWindowLevel(False)
        node.GetDisplayNode().SetWindowLevelMinMax(*window)
    note_images(node, frame_uid, instance_uids.split())
    return node
