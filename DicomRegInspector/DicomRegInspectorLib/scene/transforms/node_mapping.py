"""What a transform node does to points, in both directions and exactly: a field is measured, this moves things.

Everything here takes and gives LPS mm, as all mappings do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from ...registration import Mapping
from ...registration.mapping import InverseResult, Lattice, affine_mapping, inverse_result
from ...space import LPS_TO_RAS, RAS_SIGNS, as_points, to_ras
from .node_field import WorldField, take_field, transform_in_turns
from .transform_chain import Chain

LINEAR_INTERPOLATION = 1
"""VTK_LINEAR_INTERPOLATION: what VTK's grid transforms call it."""

_STEPS = 50
_NEAR_ENOUGH_MM = 1e-7


@dataclass(frozen=True, eq=False)
class SearchedWay:
    """The way back of a chain of VTK's transforms: VTK's own search, then steps until it is near enough."""

    found: vtk.vtkAbstractTransform
    """What VTK searches."""
    exact: vtk.vtkAbstractTransform
    """The chain itself; a separate object, since searching one must not turn the other around."""

    def map_points_inverse(self, points: np.ndarray) -> InverseResult:
        """Find points (n, 3) that ``exact`` maps to given ones, LPS mm, with their residuals."""
        target = points * RAS_SIGNS
        here = transform_in_turns(self.found, target)
        best = transform_in_turns(self.exact, here) - target
        for _ in range(_STEPS):
            active = np.flatnonzero(np.linalg.norm(best, axis=1) > _NEAR_ENOUGH_MM)
            if not len(active):
                break
            stepped = here[active] - best[active]
            left = transform_in_turns(self.exact, stepped) - target[active]
            nearer = np.linalg.norm(left, axis=1) < np.linalg.norm(best[active], axis=1)
            if not nearer.any():
                break
            here[active[nearer]], best[active[nearer]] = stepped[nearer], left[nearer]
        return inverse_result(here * RAS_SIGNS, np.linalg.norm(best, axis=1), points)


@dataclass(frozen=True, eq=False)
class VtkChain:
    """A chain of VTK's transforms as a :class:`...registration.mapping.PointTransform`."""

    forward: vtk.vtkAbstractTransform
    """From world to the node, RAS mm."""
    backward: vtk.vtkAbstractTransform
    """The other way; a separate object."""
    forward_searched: bool
    """Whether VTK searches some inverse on the way forward."""
    backward_searched: bool
    description: str
    lattice: Lattice | None = None

    def map_points(self, points: np.ndarray) -> np.ndarray:
        """Map points (n, 3); NaN where an inverse has to be searched and there is none."""
        points = as_points(points)
        if self.forward_searched:
            return SearchedWay(self.forward, self.backward).map_points_inverse(points).points
        return transform_in_turns(self.forward, points * RAS_SIGNS) * RAS_SIGNS

    def map_points_inverse(self, points: np.ndarray) -> InverseResult:
        """Find points (n, 3) that map to given ones, with their residuals."""
        points = as_points(points)
        if self.backward_searched:
            return SearchedWay(self.backward, self.forward).map_points_inverse(points)
        found = transform_in_turns(self.backward, points * RAS_SIGNS) * RAS_SIGNS
        return inverse_result(found, np.zeros(len(points)), points)


def mapping_of_node(node: slicer.vtkMRMLTransformNode) -> Mapping:
    """Return what a transform node does on the way from world to it, with all transforms above it.

    A grid that interpolates linearly is a mapping of this library: undefined outside its lattice and beside undefined
    vectors, inverted exactly. What else there is goes through VTK, and inverses are searched until they are found.

    Raises UsageError when a grid is empty or a matrix cannot be inverted.
    """
    chain = Chain(node, to_world=True)
    matrix = chain.matrix()
    if matrix is not None:
        return affine_mapping(to_ras(matrix))
    stored = chain.stored_grid()
    if stored is not None and stored[0].GetInterpolationMode() == LINEAR_INTERPOLATION:
        field = take_field(node)
        if isinstance(field, WorldField):
            return field.mapping
    backward = chain.copy()
    backward.Inverse()
    own = chain.lattice()
    lattice = None if own is None else (own[1], LPS_TO_RAS @ own[0])
    return Mapping(
        exact=VtkChain(chain.copy(), backward, chain.searched, chain.searched_back, chain.describe(), lattice)
    )
