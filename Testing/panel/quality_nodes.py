"""Transform nodes and images of known content, for the tests of the quality section."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk

SPACING_MM = (3.0, 4.0, 5.0)
ORIGIN_RAS_MM = (-40.0, -50.0, -60.0)
DIMENSIONS = (24, 20, 18)
GRADIENT = np.array([[0.08, 0.03, -0.02], [-0.05, 0.04, 0.06], [0.01, -0.07, -0.03]])
SHIFT = np.array([2.0, -3.0, 1.0])

Displacement = Callable[[np.ndarray], np.ndarray]
"""(n, 3) RAS mm to (n, 3) mm."""


def affine(points: np.ndarray) -> np.ndarray:
    """The determinant of x + displacement is that of 1 + GRADIENT everywhere."""
    return points @ GRADIENT.T + SHIFT


def fold(points: np.ndarray) -> np.ndarray:
    """Where R is above 2 mm, x comes back twice as fast as it goes: the determinant is -1 there, 1 elsewhere."""
    moved = np.zeros_like(points)
    moved[:, 0] = -2 * np.maximum(points[:, 0] - 2, 0)
    return moved


def lattice_points(dimensions: tuple[int, int, int] = DIMENSIONS) -> np.ndarray:
    """(nz, ny, nx, 3) RAS mm of the nodes."""
    axes = [start + step * np.arange(n) for start, step, n in zip(ORIGIN_RAS_MM, SPACING_MM, dimensions, strict=True)]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    return np.stack([x, y, z], axis=-1)


def grid_node(
    scene: Any, displacement: Displacement, name: str = "field", dimensions: tuple[int, int, int] = DIMENSIONS
) -> Any:
    """A grid transform node that maps x to x + displacement(x) on the way from world."""
    points = lattice_points(dimensions)
    vectors = displacement(points.reshape(-1, 3)).astype(np.float32)
    image = vtk.vtkImageData()
    image.SetDimensions(*dimensions)
    image.SetSpacing(*SPACING_MM)
    image.SetOrigin(*ORIGIN_RAS_MM)
    image.GetPointData().SetScalars(numpy_to_vtk(vectors, deep=1))
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(image)
    node = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", name)
    node.SetAndObserveTransformFromParent(transform)
    return node


def texture(points: np.ndarray) -> np.ndarray:
    """A smooth image without symmetry, as a formula: values at (..., 3) RAS mm."""
    waves = np.random.default_rng(5).normal(size=(60, 3)) * (2 * np.pi / 25)
    phases = np.linspace(0, 40, 60)
    return 100 * np.cos(points @ waves.T + phases).sum(axis=-1)


def volume_node(scene: Any, values: np.ndarray, name: str, kind: str = "vtkMRMLScalarVolumeNode") -> Any:
    """A volume of values (nz, ny, nx) on the grid's lattice."""
    image = vtk.vtkImageData()
    image.SetDimensions(*values.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(values).reshape(-1), deep=1))
    node = scene.AddNewNodeByClass(kind, name)
    node.SetSpacing(*SPACING_MM)
    node.SetOrigin(*ORIGIN_RAS_MM)
    node.SetAndObserveImageData(image)
    node.CreateDefaultDisplayNodes()
    return node


def markups_node(scene: Any, points: dict[str, np.ndarray], name: str) -> Any:
    """Named points, RAS mm."""
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    for label, point in points.items():
        node.AddControlPoint(vtk.vtkVector3d(*point), label)
    return node


def column(table: Any, name: str) -> list[Any]:
    """A column of a table node."""
    array = table.GetTable().GetColumnByName(name)
    return [array.GetValue(row) for row in range(array.GetNumberOfTuples())]
