"""An image in patient space, for pictures and for the scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
from vtkmodules.util.numpy_support import numpy_to_vtk

from ..convert import LPS_TO_RAS, vtk_matrix


@dataclass(frozen=True)
class Image:
    """A scalar volume; one slice is a volume as thick as its spacing."""

    values: np.ndarray
    """(nz, ny, nx)."""
    ijk_to_lps: np.ndarray
    """(4, 4) from voxel index (i, j, k, 1) to LPS mm."""

    def sample(self, points: np.ndarray) -> np.ndarray:
        """Trilinear values at points (..., 3), LPS mm; NaN outside the voxels."""
        inverse = np.linalg.inv(self.ijk_to_lps)
        index = points @ inverse[:3, :3].T + inverse[:3, 3]
        count = np.array(self.values.shape[::-1])
        # Voxels reach half their size beyond their centres.
        inside = ((index >= -0.5) & (index <= count - 0.5)).all(axis=-1)
        index = np.clip(np.nan_to_num(index), 0, count - 1)
        base = np.minimum(index.astype(int), np.maximum(count - 2, 0))
        fraction = index - base
        result = np.zeros(index.shape[:-1])
        for corner in np.ndindex(2, 2, 2):
            weight = np.where(np.array(corner) == 1, fraction, 1 - fraction).prod(axis=-1)
            i, j, k = np.moveaxis(np.minimum(base + corner, count - 1), -1, 0)
            result += weight * self.values[k, j, i]
        return np.where(inside, result, np.nan)

    def corners(self) -> np.ndarray:
        """(8, 3) centres of the corner voxels, LPS mm."""
        return lattice_corners(self.ijk_to_lps, self.values.shape[::-1])


def lattice_corners(index_to_lps: np.ndarray, count: tuple[int, ...]) -> np.ndarray:
    """(8, 3) LPS mm of the corner nodes of a lattice with ``count`` (nx, ny, nz) nodes."""
    index = np.array(list(np.ndindex(2, 2, 2))) * (np.array(count) - 1)
    return index @ index_to_lps[:3, :3].T + index_to_lps[:3, 3]


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
    import vtk

    values = np.ascontiguousarray(image.values)
    data = vtk.vtkImageData()
    data.SetDimensions(*values.shape[::-1])
    data.GetPointData().SetScalars(numpy_to_vtk(values.reshape(-1), deep=1))
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
    node.SetAndObserveImageData(data)
    node.SetIJKToRASMatrix(vtk_matrix(LPS_TO_RAS @ image.ijk_to_lps))
    node.CreateDefaultDisplayNodes()
    if window is not None:
        node.GetDisplayNode().SetAutoWindowLevel(False)
        node.GetDisplayNode().SetWindowLevelMinMax(*window)
    frame = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMFrameOfReferenceUIDAttributeName()
    for key, value in ((frame, frame_uid), ("DICOM.instanceUIDs", instance_uids)):
        if value:
            node.SetAttribute(key, value)
    return node
