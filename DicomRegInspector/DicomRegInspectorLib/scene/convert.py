"""NumPy to VTK, LPS to RAS."""

from __future__ import annotations

import numpy as np
import vtk

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Slicer's world axes against DICOM's; its own inverse."""


def to_ras(matrix_lps: np.ndarray) -> np.ndarray:
    """A 4x4 between LPS coordinates as the same mapping between RAS coordinates."""
    return LPS_TO_RAS @ matrix_lps @ LPS_TO_RAS


def vtk_matrix(matrix: np.ndarray) -> vtk.vtkMatrix4x4:
    """A 4x4 (or 3x3, completed) as vtkMatrix4x4."""
    result = vtk.vtkMatrix4x4()
    for row in range(matrix.shape[0]):
        for column in range(matrix.shape[1]):
            result.SetElement(row, column, float(matrix[row, column]))
    return result


def numpy_matrix(matrix: vtk.vtkMatrix4x4) -> np.ndarray:
    """A vtkMatrix4x4 as (4, 4) float64."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
