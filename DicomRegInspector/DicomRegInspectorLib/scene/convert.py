"""VTK's and MRML's objects as those of Python and NumPy, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import vtk

if TYPE_CHECKING:
    import slicer


def vtk_matrix(matrix: np.ndarray) -> vtk.vtkMatrix4x4:
    """Return a 4x4 (or 3x3, completed) as vtkMatrix4x4."""
    result = vtk.vtkMatrix4x4()
    for row in range(matrix.shape[0]):
        for column in range(matrix.shape[1]):
            result.SetElement(row, column, float(matrix[row, column]))
    return result


def numpy_matrix(matrix: vtk.vtkMatrix4x4) -> np.ndarray:
    """Return a vtkMatrix4x4 as (4, 4) float64."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def voxel_matrix(volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """Return (4, 4) from voxel index to the volume's own RAS mm, whatever transform it is under."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return numpy_matrix(matrix)


def nodes_of_class(scene: slicer.vtkMRMLScene, class_name: str) -> list[slicer.vtkMRMLNode]:
    """List the nodes of a class and of those derived from it, in the order of the scene."""
    nodes = scene.GetNodesByClass(class_name)
    return [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]
