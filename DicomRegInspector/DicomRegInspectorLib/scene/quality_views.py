"""Quality as volumes of the scene: Jacobian determinant, length of the displacement, and a mask of what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from ..progress import report_progress
from ..registration import measures
from ..registration.grid import BORDER_TOLERANCE_MM, NODE_TOLERANCE
from . import colours
from .convert import vtk_matrix
from .node_field import Progress, WorldField, volume_lattice

QUALITY_ATTRIBUTE = "DicomRegInspector.QualityOf"
"""On every node made here: what was measured. Nodes made before for the same are replaced."""

_SPREADS = (0.1, 0.2, 0.5, 1.0)
"""How far from 1 the ends of the Jacobian's colours lie; the widest one is used as soon as anything folds."""
_LARGEST = 3e38
"""Every float32 number is less than this in size; NaN is not, so a threshold at it makes NaN transparent."""
_SAMPLE = 1 << 20


@dataclass(frozen=True)
class QualityVolumes:
    """The volumes of one field, all on one lattice but for the mask of a reference volume."""

    jacobian: slicer.vtkMRMLScalarVolumeNode
    magnitude: slicer.vtkMRMLScalarVolumeNode
    mask: slicer.vtkMRMLLabelMapVolumeNode
    counts: dict[str, int]
    """Voxels of the mask by what they are: ``folded``, ``undefined``, ``uncovered``."""
    longest_mm: float


def add_quality_volumes(
    scene: slicer.vtkMRMLScene,
    field: WorldField,
    *,
    reference: slicer.vtkMRMLVolumeNode | None = None,
    progress: Progress | None = None,
) -> QualityVolumes:
    """Jacobian and length on the field's own lattice, and the mask; each with colours and a legend.

    Parameters
    ----------
    reference
        A volume of the registered frame; the mask is made on its lattice, and also shows what the grid does not
        cover. Without it the mask is on the grid's lattice.

    Raises
    ------
    UsageError
        When the reference has no regular lattice in world; nothing is added to the scene then.
    Cancelled
        When ``progress`` returned False; nothing is added to the scene then.
    """
    steps = [text for text, _ in _VOLUMES.values()]

    def step(number: int) -> None:
        text = steps[number] if number < len(steps) else "Mask of folded and undefined regions"
        report_progress(progress, number, len(steps) + 1, text, "making the volumes was cancelled")

    arrays = {}
    for number, (name, (_, measure)) in enumerate(_VOLUMES.items()):
        step(number)
        arrays[name] = _measured(field, measure)
    step(len(steps))
    determinants, lengths = (_as_image(arrays[name], field) for name in _VOLUMES)
    mask, mask_to_ras = problem_mask(field, determinants, lengths, reference)
    remove_earlier(scene, field.key, "volumes")
    jacobian = _add(scene, field, "Jacobian determinant", arrays["jacobian"], "vtkMRMLScalarVolumeNode")
    _show_jacobian(jacobian, determinants)
    magnitude = _add(scene, field, "Displacement (mm)", arrays["magnitude"], "vtkMRMLScalarVolumeNode")
    longest = _show_magnitude(magnitude, lengths)
    labels = _add_mask(scene, field, mask, mask_to_ras)
    names = {"folded": colours.FOLDED, "undefined": colours.UNDEFINED, "uncovered": colours.UNCOVERED}
    told = {name: int(np.count_nonzero(mask == label)) for name, label in names.items()}
    return QualityVolumes(jacobian, magnitude, labels, told, longest)


_VOLUMES: dict[str, tuple[str, Callable[..., np.ndarray]]] = {
    "jacobian": ("Jacobian determinant", measures.jacobian),
    "magnitude": ("Length of the displacement", measures.magnitude),
}


def problem_mask(
    field: WorldField,
    determinants: np.ndarray,
    lengths: np.ndarray,
    reference: slicer.vtkMRMLVolumeNode | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Labels (nk, nj, ni) uint8 of folded, undefined and uncovered places, and their (4, 4) index to RAS mm.

    Parameters
    ----------
    determinants, lengths
        (nz, ny, nx) of the field's nodes; NaN where undefined.
    reference
        Label its voxels: one is folded when the node nearest to it is, undefined when its displacement would be
        interpolated from an undefined vector, and uncovered when it lies outside the outermost nodes. Without it,
        the grid's own nodes are labelled.
    """
    with np.errstate(invalid="ignore"):
        nodes = np.where(determinants <= 0, np.uint8(colours.FOLDED), np.uint8(0))
    undefined = np.isnan(lengths)
    nodes[undefined] = colours.UNDEFINED
    if reference is None:
        return nodes, field.index_to_ras
    to_ras, dimensions = volume_lattice(reference)
    return _mask_of_voxels(field, nodes, undefined, to_ras, dimensions), to_ras


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
    field: WorldField, nodes: np.ndarray, undefined: np.ndarray, to_ras: np.ndarray, dimensions: tuple[int, int, int]
) -> np.ndarray:
    ni, nj, nk = dimensions
    to_node = np.linalg.inv(field.index_to_ras) @ to_ras
    last = np.array(field.grid.dimensions) - 1
    tolerance = BORDER_TOLERANCE_MM / field.grid.spacing_mm
    plane = np.stack(np.meshgrid(np.arange(ni), np.arange(nj), indexing="xy"), axis=-1).reshape(-1, 2)
    in_plane = plane @ to_node[:3, :2].T + to_node[:3, 3]
    cells = _cells_beside(undefined) if undefined.any() else None
    mask = np.full((nk, nj * ni), colours.UNCOVERED, np.uint8)
    for k in range(nk):
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


def _measured(field: WorldField, measure: Callable[..., np.ndarray]) -> vtk.vtkFloatArray:
    """A measure of each node, computed in the memory that VTK will show."""
    array = vtk.vtkFloatArray()
    array.SetNumberOfTuples(field.grid.place.count)
    measure(field.lattice(), vtk_to_numpy(array))
    return array


def _as_image(array: vtk.vtkFloatArray, field: WorldField) -> np.ndarray:
    nx, ny, nz = field.grid.dimensions
    return vtk_to_numpy(array).reshape(nz, ny, nx)


def _add(
    scene: slicer.vtkMRMLScene, field: WorldField, name: str, array: vtk.vtkDataArray, kind: str
) -> slicer.vtkMRMLScalarVolumeNode:
    return add_array(scene, f"{field.name}: {name}", array, field.grid.dimensions, field.index_to_ras, field, kind)


def add_array(
    scene: slicer.vtkMRMLScene,
    name: str,
    array: vtk.vtkDataArray,
    dimensions: tuple[int, int, int],
    index_to_ras: np.ndarray,
    field: WorldField,
    kind: str = "vtkMRMLScalarVolumeNode",
    group: str = "volumes",
) -> slicer.vtkMRMLScalarVolumeNode:
    """A volume node of an array that is not copied, with a display node, marked as made of a field."""
    image = vtk.vtkImageData()
    image.SetDimensions(*dimensions)
    array.SetName("values")
    image.GetPointData().SetScalars(array)
    node = scene.AddNewNodeByClass(kind, scene.GenerateUniqueName(name))
    node.SetIJKToRASMatrix(vtk_matrix(index_to_ras))
    node.SetAndObserveImageData(image)
    if kind == "vtkMRMLLabelMapVolumeNode":
        # The default display would look for colours that only the application's scene has.
        display = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeDisplayNode")
        node.SetAndObserveDisplayNodeID(display.GetID())
    else:
        node.CreateDefaultDisplayNodes()
    node.SetAttribute(QUALITY_ATTRIBUTE, field.key)
    node.SetAttribute(QUALITY_ATTRIBUTE + ".Group", group)
    node.SetAttribute("DicomRegInspector.FieldSource", field.source)
    return node


def remove_earlier(scene: slicer.vtkMRMLScene, key: str, group: str) -> None:
    """Remove what was made before for the same field, display and storage nodes included."""
    nodes = scene.GetNodesByClass("vtkMRMLNode")
    for node in [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]:
        if node.GetAttribute(QUALITY_ATTRIBUTE) != key or node.GetAttribute(QUALITY_ATTRIBUTE + ".Group") != group:
            continue
        if node.IsA("vtkMRMLDisplayableNode"):
            for number in reversed(range(node.GetNumberOfDisplayNodes())):
                scene.RemoveNode(node.GetNthDisplayNode(number))
        scene.RemoveNode(node)


def show_values(
    node: slicer.vtkMRMLScalarVolumeNode,
    table: slicer.vtkMRMLColorNode,
    window: tuple[float, float],
    legend: str,
) -> None:
    """Show a volume in a table's colours over a window; NaN is transparent."""
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(*window)
    display.SetAndObserveColorNodeID(table.GetID())
    display.SetThreshold(-_LARGEST, _LARGEST)
    display.SetApplyThreshold(True)
    add_legend(node, legend)


def add_legend(node: slicer.vtkMRMLDisplayableNode, title: str) -> slicer.vtkMRMLColorLegendDisplayNode | None:
    """Slicer's colour legend in the views where the node is shown; None where the scene does not know legends.

    The application's module Colors makes them known. A scene without it could be saved with legends, but not be read.
    """
    if not node.GetScene().IsNodeClassRegistered("vtkMRMLColorLegendDisplayNode"):
        return None
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(node)
    if legend is not None:
        legend.SetTitleText(title)
        legend.SetVisibility(True)
    return legend


def _show_jacobian(node: slicer.vtkMRMLScalarVolumeNode, determinants: np.ndarray) -> None:
    window, folded = jacobian_window(determinants)
    table = colours.jacobian_table if folded else colours.diverging_table
    show_values(
        node, table(node.GetScene()), window, "Jacobian determinant\nyellow: 0 or less" if folded else "Jacobian"
    )


def jacobian_window(determinants: np.ndarray) -> tuple[tuple[float, float], bool]:
    """Values for the ends of the colours, 1 in the middle, and whether anything is folded."""
    with np.errstate(invalid="ignore"):
        if (determinants <= 0).any():
            return colours.folding_window(2.0), True
    low, high = _bulk_of(determinants, (1, 99))
    far = max(abs(low - 1), abs(high - 1))
    spread = next((spread for spread in _SPREADS if far <= spread), _SPREADS[-1])
    return (1 - spread, 1 + spread), False


def _show_magnitude(node: slicer.vtkMRMLScalarVolumeNode, lengths: np.ndarray) -> float:
    longest = float(np.nanmax(lengths)) if not np.isnan(lengths).all() else 0.0
    table = colours.sequential_table(node.GetScene())
    show_values(node, table, (0.0, longest or 1.0), "Displacement\nmm")
    return longest


def _bulk_of(values: np.ndarray, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Percentiles of a sample of the defined values; (1, 1) without any."""
    flat = values.reshape(-1)
    sample = flat[:: math.ceil(flat.size / _SAMPLE)]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 1.0, 1.0
    low, high = np.percentile(sample, percentiles)
    return float(low), float(high)


def _add_mask(
    scene: slicer.vtkMRMLScene, field: WorldField, mask: np.ndarray, index_to_ras: np.ndarray
) -> slicer.vtkMRMLLabelMapVolumeNode:
    array = vtk.vtkUnsignedCharArray()
    array.SetNumberOfTuples(mask.size)
    vtk_to_numpy(array)[:] = mask.reshape(-1)
    name, kind = f"{field.name}: folded, undefined, uncovered", "vtkMRMLLabelMapVolumeNode"
    node = add_array(scene, name, array, mask.shape[::-1], index_to_ras, field, kind)
    node.GetDisplayNode().SetAndObserveColorNodeID(colours.problem_table(scene).GetID())
    return node
