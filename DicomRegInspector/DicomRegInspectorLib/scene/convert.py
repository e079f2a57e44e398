"""NumPy to VTK and back."""

from __future__ import annotations

import numpy as np
import vtk


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
