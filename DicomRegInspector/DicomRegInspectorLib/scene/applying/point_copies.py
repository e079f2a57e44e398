"""Copies of points, lines and curves, and of models: each point moved by the exact mapping."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ...errors import UsageError
from ...progress import Progress, report_progress
from ...space import LPS_TO_RAS, apply_matrix
from .copies import HardenedCopy, copy_name
from .way import NodeWay, own_to_lps

_BLOCK = 1 << 16
_CANCELLED = "moving was cancelled"


class _Points:
    """Points on their way: gathered in LPS mm, moved, given back in RAS mm."""

    def __init__(self, name: str, points_lps: np.ndarray, way: NodeWay) -> None:
        self._name, self._points, self._way = name, points_lps, way
        self.moved = np.empty_like(points_lps)
        """(n, 3) RAS mm, world; NaN where the transform says nothing."""
        self.residual_mm = 0.0

    def compute(self, progress: Progress | None) -> None:
        """Move them."""
        for start in range(0, len(self._points), _BLOCK):
            report_progress(progress, start, len(self._points), f"Moving {self._name}", _CANCELLED)
            part = slice(start, start + _BLOCK)
            result = self._way.push(self._points[part])
            self.moved[part] = apply_matrix(LPS_TO_RAS, result.points)
            if result.residual_mm is not None:
                found = result.residual_mm[np.isfinite(result.points).all(axis=1)]
                self.residual_mm = max(self.residual_mm, float(found.max(initial=0.0)))

    @property
    def undefined(self) -> np.ndarray:
        """(n,) which the transform says nothing about."""
        return ~np.isfinite(self.moved).all(axis=1)


class MarkupsCopy:
    """Copies a list of points, a line, an angle or a curve: the control points are moved.

    A control point that the transform says nothing about is missing in the copy, as Slicer calls it.
    """

    def __init__(self, node: slicer.vtkMRMLMarkupsNode, transform: slicer.vtkMRMLTransformNode, way: NodeWay) -> None:
        self._node, self._way = node, way
        numbers = range(node.GetNumberOfControlPoints())
        self._numbers = [
            number for number in numbers if node.GetNthControlPointPositionStatus(number) == node.PositionDefined
        ]
        own = np.array([node.GetNthControlPointPosition(number) for number in self._numbers], float).reshape(-1, 3)
        self._points = _Points(node.GetName(), apply_matrix(own_to_lps(node, transform, way.inverse), own), way)

    def compute(self, progress: Progress | None) -> None:
        """Move the control points."""
        self._points.compute(progress)

    def place(self) -> HardenedCopy:
        """Add the copy: labels, descriptions and display as they were."""
        node, undefined = self._node, self._points.undefined
        scene = node.GetScene()
        copied = scene.AddNewNodeByClass(node.GetClassName(), copy_name(node, self._way))
        name = copied.GetName()
        copied.CopyContent(node)
        copied.SetName(name)
        copied.CreateDefaultDisplayNodes()
        if node.GetDisplayNode() is not None and copied.GetDisplayNode() is not None:
            copied.GetDisplayNode().CopyContent(node.GetDisplayNode())
        for number, place, lost in zip(self._numbers, self._points.moved, undefined, strict=True):
            if lost:
                copied.SetNthControlPointPositionMissing(number)
            else:
                copied.SetNthControlPointPosition(number, *place.tolist())
        count = len(self._numbers)
        return HardenedCopy(copied, node.GetName(), "points", count, int(undefined.sum()), self._points.residual_mm)


class ModelCopy:
    """Copies a model: its points are moved, and cells that touch a point without a place are left out."""

    def __init__(self, node: slicer.vtkMRMLModelNode, transform: slicer.vtkMRMLTransformNode, way: NodeWay) -> None:
        self._node, self._way = node, way
        mesh = node.GetMesh()
        if mesh is None or not mesh.GetNumberOfPoints():
            raise UsageError(f"the model {node.GetName()} is empty")
        self._mesh = mesh.NewInstance()
        self._mesh.DeepCopy(mesh)
        own = vtk_to_numpy(mesh.GetPoints().GetData()).astype(np.float64)
        self._points = _Points(node.GetName(), apply_matrix(own_to_lps(node, transform, way.inverse), own), way)

    def compute(self, progress: Progress | None) -> None:
        """Move the points; normals are those of the moved surface."""
        self._points.compute(progress)
        undefined = self._points.undefined
        places = np.where(undefined[:, None], 0.0, self._points.moved)
        points = vtk.vtkPoints()
        points.SetDataTypeToDouble()
        points.SetData(numpy_to_vtk(places, deep=1))
        self._mesh.SetPoints(points)
        if undefined.any():
            self._mesh = _without(self._mesh, undefined)
        if self._mesh.IsA("vtkPolyData") and self._mesh.GetPointData().GetNormals() is not None:
            normals = vtk.vtkPolyDataNormals()
            normals.SetInputData(self._mesh)
            normals.SplittingOff()
            normals.ConsistencyOff()
            normals.Update()
            self._mesh = normals.GetOutput()

    def place(self) -> HardenedCopy:
        """Add the copy, displayed as the model is."""
        node, undefined = self._node, self._points.undefined
        scene = node.GetScene()
        copied = scene.AddNewNodeByClass("vtkMRMLModelNode", copy_name(node, self._way))
        copied.SetAndObserveMesh(self._mesh)
        copied.CreateDefaultDisplayNodes()
        if node.GetDisplayNode() is not None:
            copied.GetDisplayNode().CopyContent(node.GetDisplayNode())
        return HardenedCopy(
            copied, node.GetName(), "points", len(undefined), int(undefined.sum()), self._points.residual_mm
        )


def _without(mesh: vtk.vtkPointSet, undefined: np.ndarray) -> vtk.vtkPointSet:
    """Return a mesh of the cells all of whose points are defined."""
    flags = numpy_to_vtk(undefined.astype(np.uint8), deep=1)
    flags.SetName("undefined")
    mesh.GetPointData().AddArray(flags)
    kept = vtk.vtkThreshold()
    kept.SetInputData(mesh)
    kept.SetInputArrayToProcess(0, 0, 0, vtk.vtkDataObject.FIELD_ASSOCIATION_POINTS, "undefined")
    kept.SetThresholdFunction(vtk.vtkThreshold.THRESHOLD_LOWER)
    kept.SetLowerThreshold(0.5)
    kept.AllScalarsOn()
    kept.Update()
    result = kept.GetOutput()
    if mesh.IsA("vtkPolyData"):
        surface = vtk.vtkGeometryFilter()
        surface.SetInputData(result)
        surface.Update()
        result = surface.GetOutput()
    result.GetPointData().RemoveArray("undefined")
    return result
