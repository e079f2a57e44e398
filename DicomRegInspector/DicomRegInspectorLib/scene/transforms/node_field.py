"""What a transform node does to points, as something that can be measured: a grid between two matrices, or a matrix.

A registration samples: it is the way from world to the node (FromParent), whatever Slicer, BRAINSFit, Elastix or ANTs
stored in the node. Everything here is RAS mm, as in the scene.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from ...errors import UsageError
from ...findings.about import about_node
from ...progress import Progress, report_progress
from ...registration import Grid, Mapping
from ...registration.grid import grid_of_array
from ...registration.mapping import affine_mapping
from ...space import LPS_TO_RAS, RAS_SIGNS, plane_indices, to_ras
from ..volumes import volume_lattice
from .transform_chain import Chain, image_lattice, inverse_matrix, transform_points

INVERSE_ACCEPTED_MM = 1e-2
"""Beyond this distance between a point and the image of its inverse there is none: the vector counts as undefined."""


@dataclass(frozen=True)
class WorldField:
    """A mapping with a displacement grid, and where it came from."""

    mapping: Mapping
    """In RAS mm when it comes from the scene, in LPS mm when it comes from a file."""
    subject: str
    """How findings name it."""
    source: str
    """In words: what the vectors are, and what was done to get them."""
    name: str
    """What nodes made of it are named after; never a file's name, which may tell who the patient is."""
    key: str
    """Tells it from other fields of a scene."""

    @property
    def grid(self) -> Grid:
        """The mapping's grid."""
        return self.mapping.grid

    @property
    def index_to_ras(self) -> np.ndarray:
        """(4, 4) from the grid's (i, j, k, 1) to RAS mm."""
        return LPS_TO_RAS @ self.mapping.index_to_lps

    def direction(self, ras: Sequence[float]) -> np.ndarray:
        """Return a direction along R, A and S in the coordinates of the vectors."""
        return np.asarray(ras, float) * self.mapping.signs * RAS_SIGNS


@dataclass(frozen=True)
class LinearField:
    """A linear transform: what the measures of a grid estimate is known exactly."""

    matrix: np.ndarray
    """(4, 4) from world to the node, RAS mm."""
    subject: str
    source: str = "linear transform, measured in closed form"

    @property
    def mapping(self) -> Mapping:
        """As the mapping it is, in LPS mm."""
        return affine_mapping(to_ras(self.matrix))

    @property
    def jacobian(self) -> float:
        """Determinant, the same everywhere."""
        return float(np.linalg.det(self.matrix[:3, :3]))


def field_of_node(
    node: slicer.vtkMRMLTransformNode,
    *,
    to_world: bool = True,
    reference: slicer.vtkMRMLVolumeNode | None = None,
    progress: Progress | None = None,
) -> WorldField | LinearField:
    """Return what a transform node does on the way from world to the node, ready to be measured.

    A single grid that is stored in this direction (what registration modules make, and files hold) is used as it is,
    not copied where its vectors are float32; linear transforms before and after it are its pre and post matrices.
    Everything else is sampled at the nodes of a lattice: fields stored in the other direction (their inverse is
    searched for each node), B-splines, thin plate splines and composites of several fields.

    Raises UsageError when a field has to be sampled and there is no lattice to do it on, or a matrix cannot be
    inverted.

    Parameters
    ----------
    to_world
        Measure the whole chain up to world; else the node's own transform, from its parent.
    reference
        Sample on this volume's lattice what has to be sampled. By default the lattice of the grid nearest to world,
        or a B-spline's control points with nodes between them (:data:`~.transform_chain.SPLINE_REFINEMENT`); where
        there is neither, the volume that the node names as fixed.
    """
    found = take_field(node, to_world=to_world, reference=reference)
    return found.field(progress) if isinstance(found, Sampling) else found


def take_field(
    node: slicer.vtkMRMLTransformNode, *, to_world: bool = True, reference: slicer.vtkMRMLVolumeNode | None = None
) -> WorldField | LinearField | Sampling:
    """Return what :func:`field_of_node` tells, but for the sampling, which can be done without the scene.

    Raises UsageError likewise.
    """
    chain = Chain(node, to_world)
    name = node.GetName() or "Transform"
    linear = chain.matrix()
    if linear is not None:
        return LinearField(linear, about_node(name))
    stored = chain.stored_grid()
    if stored is not None:
        return _as_stored(*stored, name, node.GetID() or name)
    index_to_ras, dimensions, where = _lattice_for(chain, node, reference)
    # A separate object: searching an inverse there must not turn this one around.
    backward = chain.copy() if chain.searched else None
    if backward is not None:
        backward.Inverse()
    source = f"sampled on {where}: {chain.describe()}"
    return Sampling(chain.copy(), backward, index_to_ras, dimensions, source, name, node.GetID() or name)


def _as_stored(grid: vtk.vtkGridTransform, before: np.ndarray, after: np.ndarray, name: str, key: str) -> WorldField:
    """``after (y + D(y))`` with ``y = before x``: the same vectors on the lattice that ``before`` brings to y."""
    image = grid.GetDisplacementGrid()
    if image is None or image.GetPointData().GetScalars() is None:
        raise UsageError(f"{name} holds an empty grid")
    nx, ny, nz = image.GetDimensions()
    vectors = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(nz, ny, nx, 3)
    source = "displacement grid as stored in the node"
    if grid.GetDisplacementScale() != 1 or grid.GetDisplacementShift() != 0:
        vectors = vectors * grid.GetDisplacementScale() + grid.GetDisplacementShift()
    if vectors.dtype != np.float32:
        source += " (float32 copy)"
        vectors = vectors.astype(np.float32)
    index_to_ras = inverse_matrix(before) @ image_lattice(image, grid)
    mapping = Mapping(before, grid_of_array(vectors, index_to_ras), after, ras=True)
    return WorldField(mapping, about_node(name), source, name, key)


def _lattice_for(
    chain: Chain, node: slicer.vtkMRMLTransformNode, reference: slicer.vtkMRMLVolumeNode | None
) -> tuple[np.ndarray, tuple[int, int, int], str]:
    own = chain.lattice()
    if reference is None and own is not None:
        return own
    if reference is None:
        reference = node.GetNodeReference(node.GetFixedNodeReferenceRole())
    if reference is None or not reference.IsA("vtkMRMLVolumeNode"):
        raise UsageError(
            f"{node.GetName()} is {chain.describe()}: it has no lattice of its own; choose a volume to measure it on"
        )
    return *volume_lattice(reference), f"the voxels of {reference.GetName()}"


_CALL_S = 0.008
"""VTK maps points in one call that keeps the interpreter to itself: so long at most, or nothing else gets a turn."""
_FIRST_POINTS = 256


class Turns:
    """Divides points into calls of :data:`_CALL_S` each, as long as the ones before took."""

    def __init__(self) -> None:
        self._count = _FIRST_POINTS

    def parts(self, total: int) -> Iterator[slice]:
        """Give slices of a number of points; what is done with each is timed."""
        start = 0
        while start < total:
            begun = time.perf_counter()
            yield slice(start, start + self._count)
            start += self._count
            taken = time.perf_counter() - begun
            self._count = max(64, min(2 * self._count, int(self._count * _CALL_S / max(taken, 1e-6))))


def transform_in_turns(transform: vtk.vtkAbstractTransform, points: np.ndarray) -> np.ndarray:
    """Do as :func:`transform_points`, but let other threads have their turns."""
    mapped = np.empty((len(points), 3))
    for part in Turns().parts(len(points)):
        mapped[part] = transform_points(transform, points[part])
    return mapped


@dataclass(frozen=True)
class Sampling:
    """A field that has to be sampled, with transforms of its own: taken out of the scene, to be computed anywhere."""

    forward: vtk.vtkGeneralTransform
    backward: vtk.vtkGeneralTransform | None
    """A separate object where inverses are searched: searching one must not turn the other around."""
    index_to_ras: np.ndarray
    dimensions: tuple[int, int, int]
    source: str
    name: str
    key: str

    def field(self, progress: Progress | None = None) -> WorldField:
        """Sample it: displacements at the nodes, NaN where no inverse is found. Uses neither the scene nor Qt."""
        vectors, lost = self._sample(progress)
        source = self.source
        if lost:
            source += f"; {lost} nodes have no inverse within {INVERSE_ACCEPTED_MM} mm and are undefined"
        mapping = Mapping(grid=grid_of_array(vectors, self.index_to_ras), ras=True)
        return WorldField(mapping, about_node(self.name), source, self.name, self.key)

    def _sample(self, progress: Progress | None) -> tuple[np.ndarray, int]:
        """(nz, ny, nx, 3) float32, and how many nodes have no inverse; in turns."""
        nx, ny, nz = self.dimensions
        vectors = np.empty((nz, ny * nx, 3), np.float32)
        in_plane = plane_indices(nx, ny) @ self.index_to_ras[:3, :2].T + self.index_to_ras[:3, 3]
        lost, turns = 0, Turns()
        for k in range(nz):
            points = in_plane + self.index_to_ras[:3, 2] * k
            for part in turns.parts(len(points)):
                report_progress(progress, k, nz, "Sampling the transform", "sampling was cancelled")
                vectors[k, part], failed = self._displacements(points[part])
                lost += failed
        return vectors.reshape(nz, ny, nx, 3), lost

    def _displacements(self, points: np.ndarray) -> tuple[np.ndarray, int]:
        mapped = transform_points(self.forward, points)
        displacement = mapped - points
        if self.backward is None:
            return displacement, 0
        residual = np.linalg.norm(transform_points(self.backward, mapped) - points, axis=1)
        failed = ~(residual <= INVERSE_ACCEPTED_MM)
        displacement[failed] = np.nan
        return displacement, int(np.count_nonzero(failed))
