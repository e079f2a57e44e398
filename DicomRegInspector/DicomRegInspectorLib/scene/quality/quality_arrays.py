"""Quality as arrays in the memory that VTK will show: determinants, lengths, and a mask of what is wrong.

Nothing here touches a scene or Qt, so that it can be computed beside the application.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from ...progress import Progress, report_progress
from ...registration.between_nodes import BORDER_TOLERANCE_MM, NODE_TOLERANCE
from ...registration.measures import local
from ...space import plane_indices
from .. import colours
from ..transforms.node_field import WorldField

Lattice: TypeAlias = tuple[np.ndarray, tuple[int, int, int]]
"""((4, 4) index to RAS mm, (ni, nj, nk)), as :func:`..volumes.volume_lattice` tells it."""

_SPREADS = (0.1, 0.2, 0.5, 1.0)
"""How far from 1 the ends of the Jacobian's colours lie; the widest one is used as soon as anything folds."""
_SAMPLE = 1 << 20
"""So many values tell how all are distributed."""


@dataclass(frozen=True)
class QualityArrays:
    """What the volumes of one field will hold."""

    field: WorldField
    jacobian: vtk.vtkFloatArray
    magnitude: vtk.vtkFloatArray
    """Of the field's nodes, mm."""
    mask: vtk.vtkUnsignedCharArray
    mask_lattice: Lattice
    counts: dict[str, int]
    """Voxels of the mask by what they are: ``folded``, ``undefined``, ``uncovered``."""
    longest_mm: float
    drawn_mm: np.ndarray
    """Ascending lengths (n,) mm of what a transform node draws, see :func:`drawn_lengths`."""
    window: tuple[float, float]
    """Determinants at the ends of the colours."""
    folds: bool

    @property
    def determinants(self) -> np.ndarray:
        """(nz, ny, nx) float32, not copied; NaN where undefined."""
        return as_image(self.jacobian, self.field.grid.dimensions)

    @property
    def labels(self) -> np.ndarray:
        """(nk, nj, ni) uint8 of the mask, not copied."""
        return as_image(self.mask, self.mask_lattice[1])


def quality_arrays(
    field: WorldField, lattice: Lattice | None = None, progress: Progress | None = None
) -> QualityArrays:
    """Measure a field at its own nodes, and label where it folds, is undefined or does not reach.

    ``lattice``: of a volume of the registered frame: the mask is made of its voxels. Without it, of the grid's nodes.
    """
    slices = lattice[1][2] if lattice is not None else 1
    # Each measure takes about as long as looking at all voxels of as many slices.
    total = 3 * slices + 1

    def told(done: int, text: str) -> None:
        report_progress(progress, done, total, text, "making the volumes was cancelled")

    told(0, "Jacobian determinant")
    jacobian = _measured(field, local.jacobian, lambda: told(0, "Jacobian determinant"))
    told(slices, "Length of the displacement")
    magnitude = _measured(field, local.magnitude, lambda: told(slices, "Length of the displacement"))
    dimensions = field.grid.dimensions
    determinants, lengths = as_image(jacobian, dimensions), as_image(magnitude, dimensions)
    mask = problem_mask(
        field, determinants, lengths, lattice,
        lambda done, _of: told(2 * slices + done, "Mask of folded and undefined regions"),
    )  # fmt: skip
    told(3 * slices, "Whole displacement, matrices included")
    drawn = drawn_lengths(field, lengths, lambda: told(3 * slices, "Whole displacement, matrices included"))
    names = {"folded": colours.FOLDED, "undefined": colours.UNDEFINED, "uncovered": colours.UNCOVERED}
    counts = {name: int(np.count_nonzero(mask == label)) for name, label in names.items()}
    remember_range(jacobian)
    longest = remember_range(magnitude)[1]
    window, folds = jacobian_window(determinants)
    labels = byte_array(mask)
    remember_range(labels)
    own = lattice if lattice is not None else (field.index_to_ras, dimensions)
    return QualityArrays(
        field, jacobian, magnitude, labels, own, counts, longest, drawn, window, folds
    )  # fmt: skip


def drawn_lengths(field: WorldField, lengths: np.ndarray, go_on: Callable[[], None] = lambda: None) -> np.ndarray:
    """Return ascending lengths (n,) mm of the whole displacement, matrices included, at a sample of the nodes.

    A transform node draws ``x - post (pre x + D(x))`` at the point that x maps to, which is longer or shorter than the
    vector. Between nodes it is an average, and so never longer: the longest of all nodes comes last.

    Parameters
    ----------
    lengths
        (nz, ny, nx) of the vectors, mm; NaN where undefined.
    go_on
        Called before each slice; it stops by raising.
    """
    grid = field.mapping.field.asking(go_on)
    step = math.ceil(grid.count / _SAMPLE)
    if not field.mapping.has_matrices:
        found = lengths.reshape(-1)
        return _ascending(found[::step], np.fmax.reduce(found))
    nx, ny, nz = grid.dimensions
    change = (grid.post @ grid.pre - np.eye(4)) @ grid.index_to_world
    plane = plane_indices(nx, ny) @ change[:3, :2].T + change[:3, 3]
    read, sample, longest = grid.open_slices(), [], 0.0
    for k in range(nz):
        whole = plane + change[:3, 2] * k + read(k).reshape(-1, 3) @ grid.post[:3, :3].T
        with np.errstate(invalid="ignore", over="ignore"):
            found = np.linalg.norm(whole, axis=1)
        longest = np.fmax(longest, np.fmax.reduce(found))
        sample.append(found[k % step :: step])
    return _ascending(np.concatenate(sample), longest)


def _ascending(sample: np.ndarray, longest: float) -> np.ndarray:
    return np.append(np.sort(sample[np.isfinite(sample)]), longest if math.isfinite(longest) else 0.0)


def problem_mask(
    field: WorldField,
    determinants: np.ndarray,
    lengths: np.ndarray,
    lattice: Lattice | None = None,
    told: Callable[[int, int], None] = lambda _done, _total: None,
) -> np.ndarray:
    """Return labels (nk, nj, ni) uint8 of folded, undefined and uncovered places.

    Parameters
    ----------
    determinants, lengths
        (nz, ny, nx) of the field's nodes; NaN where undefined.
    lattice
        Label its voxels: one is folded when the node nearest to it is, undefined when its displacement would be
        interpolated from an undefined vector, and uncovered when it lies outside the outermost nodes. Without it,
        the grid's own nodes are labelled.
    told
        Called with the number of the slice that comes next, and how many there are.
    """
    with np.errstate(invalid="ignore"):
        nodes = np.where(determinants <= 0, np.uint8(colours.FOLDED), np.uint8(0))
    undefined = np.isnan(lengths)
    nodes[undefined] = colours.UNDEFINED
    return nodes if lattice is None else _mask_of_voxels(field, nodes, undefined, lattice, told)


def _cells_beside(undefined: np.ndarray) -> np.ndarray:
    """Whether the cell that begins at each node has an undefined corner."""
    cells = undefined.copy()
    for axis, size in enumerate(undefined.shape):
        head = [slice(None)] * 3
        tail = [slice(None)] * 3
        head[axis], tail[axis] = slice(0, size - 1), slice(1, size)
        # Along one axis after the other: the union over the cell's eight corners in three passes.
        cells[tuple(head)] = cells[tuple(head)] | cells[tuple(tail)]
    return cells


def _mask_of_voxels(
    field: WorldField, nodes: np.ndarray, undefined: np.ndarray, lattice: Lattice, told: Callable[[int, int], None]
) -> np.ndarray:
    to_ras, (ni, nj, nk) = lattice
    to_node = np.linalg.inv(field.index_to_ras) @ to_ras
    last = np.array(field.grid.dimensions) - 1
    tolerance = BORDER_TOLERANCE_MM / field.grid.spacing_mm
    in_plane = plane_indices(ni, nj) @ to_node[:3, :2].T + to_node[:3, 3]
    cells = _cells_beside(undefined) if undefined.any() else None
    mask = np.full((nk, nj * ni), colours.UNCOVERED, np.uint8)
    for k in range(nk):
        told(k, nk)
        index = in_plane + to_node[:3, 2] * k
        inside = ((index >= -tolerance) & (index <= last + tolerance)).all(axis=1)
        index = np.clip(index[inside], 0, last)
        i, j, layer = np.floor(index + 0.5).astype(np.int64).T
        labels = nodes[layer, j, i]
        if cells is not None:
            base = np.floor(index + NODE_TOLERANCE).astype(np.int64)
            i, j, layer = base.T
            beside = np.flatnonzero(cells[layer, j, i])
            hit = _takes_part(undefined, base[beside], index[beside] - base[beside])
            labels[beside] = np.where(hit, np.uint8(colours.UNDEFINED), labels[beside])
        mask[k, inside] = labels
    return mask.reshape(nk, nj, ni)


def _takes_part(undefined: np.ndarray, base: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Whether an undefined node has a weight in the interpolation at ``base + fraction``, both (n, 3) along i, j, k."""
    hit = np.zeros(len(base), bool)
    last = np.array(undefined.shape[::-1]) - 1
    for corner in np.ndindex(2, 2, 2):
        weighs = ((fraction > NODE_TOLERANCE) | (np.array(corner) == 0)).all(axis=1)
        i, j, k = np.minimum(base + corner, last).T
        hit |= weighs & undefined[k, j, i]
    return hit


def as_image(array: vtk.vtkDataArray, dimensions: tuple[int, int, int]) -> np.ndarray:
    """Return (nk, nj, ni) in the same memory, of an array with (ni, nj, nk) values."""
    return vtk_to_numpy(array).reshape(dimensions[::-1])


VALUES = "values"
"""Name of every array that is shown."""


def remember_range(array: vtk.vtkDataArray) -> tuple[float, float]:
    """Return smallest and largest defined value; (0, 0) without any.

    VTK looks for them when a view asks, in one call that blocks everything for a fifth of a second on 37 million
    values. It keeps what it found with the array; what is found here, beside the application, is put there.
    """
    if array.GetName() != VALUES:
        array.SetName(VALUES)  # later it would count as a change
    values = vtk_to_numpy(array)
    low, high = (float(find.reduce(values)) for find in (np.fmin, np.fmax))
    if math.isnan(low):
        return 0.0, 0.0
    found = vtk.vtkInformationVector()
    found.SetNumberOfInformationObjects(1)
    found.GetInformationObject(0).Set(vtk.vtkDataArray.COMPONENT_RANGE(), [low, high], 2)
    array.GetInformation().Set(vtk.vtkDataArray.PER_COMPONENT(), found)
    return low, high


def float_array(count: int) -> vtk.vtkFloatArray:
    """Return room for so many values."""
    array = vtk.vtkFloatArray()
    array.SetNumberOfTuples(count)
    return array


def byte_array(values: np.ndarray) -> vtk.vtkUnsignedCharArray:
    """Return labels as VTK keeps them."""
    array = vtk.vtkUnsignedCharArray()
    array.SetNumberOfTuples(values.size)
    vtk_to_numpy(array)[:] = values.reshape(-1)
    return array


def _measured(field: WorldField, measure: Callable[..., np.ndarray], go_on: Callable[[], None]) -> vtk.vtkFloatArray:
    """A measure of each node, computed in the memory that VTK will show."""
    array = float_array(field.grid.place.count)
    measure(field.mapping.field.asking(go_on), vtk_to_numpy(array))
    return array


def jacobian_window(determinants: np.ndarray) -> tuple[tuple[float, float], bool]:
    """Return values for the ends of the colours, 1 in the middle, and whether anything is folded."""
    with np.errstate(invalid="ignore"):
        if (determinants <= 0).any():
            return colours.folding_window(2.0), True
    low, high = _bulk_of(determinants, (1, 99))
    far = max(abs(low - 1), abs(high - 1))
    spread = next((spread for spread in _SPREADS if far <= spread), _SPREADS[-1])
    return (1 - spread, 1 + spread), False


def _bulk_of(values: np.ndarray, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Percentiles of a sample of the defined values; (1, 1) without any."""
    flat = values.reshape(-1)
    sample = flat[:: math.ceil(flat.size / _SAMPLE)]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 1.0, 1.0
    low, high = np.percentile(sample, percentiles)
    return float(low), float(high)
