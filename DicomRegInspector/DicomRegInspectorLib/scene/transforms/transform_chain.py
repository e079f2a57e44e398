"""The simple transforms that a transform node and its parents are made of, in the order in which points pass them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ...errors import UsageError
from ..convert import numpy_matrix

INVERSE_TOLERANCE_MM = 1e-4
"""What an inverse that VTK searches is asked for here; its own 1e-3 mm would show in determinants on fine lattices."""
SPLINE_REFINEMENT = 4
"""Nodes for each interval of B-spline control points: the third derivative is constant between these."""


class Chain:
    """The simple transforms from world (or the parent) to a node; as long as it lives, they do."""

    def __init__(self, node: slicer.vtkMRMLTransformNode, to_world: bool) -> None:
        # The general transform owns what the parts refer to: it is kept with them.
        self._whole = vtk.vtkGeneralTransform()
        if to_world:
            node.GetTransformFromWorld(self._whole)
        else:
            self._whole.Concatenate(node.GetTransformFromParent())
        collection = vtk.vtkCollection()
        slicer.vtkMRMLTransformNode.FlattenGeneralTransform(collection, self._whole)
        self.parts = [collection.GetItemAsObject(index) for index in range(collection.GetNumberOfItems())]
        for part in self.parts:
            part.Update()

    def matrix(self) -> np.ndarray | None:
        """Return (4, 4) when all parts are linear, else None."""
        return _product(self.parts)

    def stored_grid(self) -> tuple[vtk.vtkGridTransform, np.ndarray, np.ndarray] | None:
        """Return (grid, matrix before, matrix after) when the only curved part is a grid in its stored direction."""
        curved = [number for number, part in enumerate(self.parts) if not _is_linear(part)]
        if len(curved) != 1:
            return None
        grid = self.parts[curved[0]]
        if not grid.IsA("vtkGridTransform") or grid.GetInverseFlag():
            return None
        before, after = _product(self.parts[: curved[0]]), _product(self.parts[curved[0] + 1 :])
        return grid, before, after

    def lattice(self) -> tuple[np.ndarray, tuple[int, int, int], str] | None:
        """Return the lattice of the first grid or B-spline, moved to world by the linear transforms before it."""
        before = np.eye(4)
        for part in self.parts:
            if _is_linear(part):
                before = _product([part]) @ before
            elif part.IsA("vtkGridTransform") and part.GetDisplacementGrid() is not None:
                image = part.GetDisplacementGrid()
                lattice = inverse_matrix(before) @ image_lattice(image, part)
                return lattice, image.GetDimensions(), "the grid's own lattice"
            elif part.IsA("vtkBSplineTransform") and part.GetCoefficientData() is not None:
                image = part.GetCoefficientData()
                lattice = inverse_matrix(before) @ image_lattice(image, part)
                lattice[:3, :3] /= SPLINE_REFINEMENT
                dimensions = tuple((size - 1) * SPLINE_REFINEMENT + 1 for size in image.GetDimensions())
                return lattice, dimensions, f"the control points and {SPLINE_REFINEMENT - 1} nodes between them"
        return None

    def describe(self) -> str:
        """Return what the chain is made of, in words."""
        return ", then ".join(_describe(part) for part in self.parts)

    @property
    def searched(self) -> bool:
        """Whether the inverse of some part has to be searched."""
        return any(_is_searched(part) for part in self.parts)

    @property
    def searched_back(self) -> bool:
        """Whether the inverse of some part has to be searched on the way back."""
        return any(part.IsA("vtkWarpTransform") and not part.GetInverseFlag() for part in self.parts)

    def copy(self, refined: bool = True) -> vtk.vtkGeneralTransform:
        """Return the chain for sampling: the same data, finer tolerance of inverses, and no warnings for each point.

        ``refined=False`` leaves the tolerance as it is, which is enough for looking at.
        """
        result = vtk.vtkGeneralTransform()
        result.PostMultiply()
        for part in self.parts:
            own = part.MakeTransform()
            own.DeepCopy(part)
            if own.IsA("vtkWarpTransform"):
                if refined:
                    own.SetInverseTolerance(INVERSE_TOLERANCE_MM)
                    own.SetInverseIterations(max(own.GetInverseIterations(), 500))
                own.AddObserver("WarningEvent", lambda *_: None)
                own.AddObserver("ErrorEvent", lambda *_: None)
            result.Concatenate(own)
        return result


def _is_linear(part: vtk.vtkAbstractTransform) -> bool:
    return bool(part.IsA("vtkLinearTransform"))


def _is_searched(part: vtk.vtkAbstractTransform) -> bool:
    return bool(part.IsA("vtkWarpTransform") and part.GetInverseFlag())


def _product(parts: Sequence[vtk.vtkAbstractTransform]) -> np.ndarray | None:
    matrix = np.eye(4)
    for part in parts:
        if not _is_linear(part):
            return None
        matrix = numpy_matrix(part.GetMatrix()) @ matrix
    return matrix


def inverse_matrix(matrix: np.ndarray) -> np.ndarray:
    """Return the inverse of a (4, 4).

    Raises UsageError when it is singular.
    """
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError as error:
        raise UsageError("a linear transform of the chain cannot be inverted: its field has no lattice") from error


def _describe(part: vtk.vtkAbstractTransform) -> str:
    name = next(
        (
            words
            for kind, words in (
                ("vtkLinearTransform", "a linear transform"),
                ("vtkGridTransform", "a displacement grid"),
                ("vtkBSplineTransform", "a B-spline"),
                ("vtkThinPlateSplineTransform", "a thin plate spline"),
            )
            if part.IsA(kind)
        ),
        part.GetClassName(),
    )
    return f"the inverse of {name}" if _is_searched(part) else name


def image_lattice(image: vtk.vtkImageData, transform: vtk.vtkAbstractTransform) -> np.ndarray:
    """Return (4, 4) from the index in the array, which starts at 0, to the transform's coordinates."""
    directions = np.eye(3)
    # Slicer's oriented transforms hold the directions beside the image, and none when they are the axes.
    oriented = getattr(transform, "GetGridDirectionMatrix", lambda: None)()
    if oriented is not None:
        directions = numpy_matrix(oriented)[:3, :3]
    matrix = np.eye(4)
    matrix[:3, :3] = directions * np.array(image.GetSpacing())
    first = np.array(image.GetExtent()[::2], float)
    matrix[:3, 3] = np.array(image.GetOrigin()) + matrix[:3, :3] @ first
    return matrix


def transform_points(transform: vtk.vtkAbstractTransform, points: np.ndarray) -> np.ndarray:
    """Send points (n, 3) through a VTK transform, in double precision."""
    given, mapped = vtk.vtkPoints(), vtk.vtkPoints()
    mapped.SetDataTypeToDouble()
    given.SetData(numpy_to_vtk(np.ascontiguousarray(points, np.float64)))
    transform.TransformPoints(given, mapped)
    return vtk_to_numpy(mapped.GetData()).copy()
