"""VTK's and MRML's objects as those of Python and NumPy, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer
import vtk

from ..space import RAS_SIGNS


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


def grid_of_vectors(
    vectors: vtk.vtkDataArray, dimensions: Sequence[int], spacing: np.ndarray, origin_lps: np.ndarray, axes: np.ndarray
) -> slicer.vtkOrientedGridTransform:
    """Return a transform, linear between its nodes, that adds vectors along RAS, mm.

    Its nodes, (ni, nj, nk) of them, run from the origin, LPS mm, along axes (3, 3), the columns, in LPS.
    """
    image = vtk.vtkImageData()
    image.SetDimensions(*dimensions)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin((RAS_SIGNS * origin_lps).tolist())
    vectors.SetName("displacement")
    image.GetPointData().SetScalars(vectors)
    transform = slicer.vtkOrientedGridTransform()
    transform.SetInterpolationModeToLinear()
    transform.SetDisplacementGridData(image)
    transform.SetGridDirectionMatrix(vtk_matrix(RAS_SIGNS[:, None] * axes))
    return transform


def nodes_of_class(scene: slicer.vtkMRMLScene, class_name: str) -> list[slicer.vtkMRMLNode]:
    """List the nodes of a class and of those derived from it, in the order of the scene."""
    nodes = scene.GetNodesByClass(class_name)
    return [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]
