"""Quality as volumes of the scene: Jacobian determinant, length of the displacement, and a mask of what is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from .. import colours
from ..convert import nodes_of_class, vtk_matrix
from ..transforms.node_field import WorldField
from .quality_arrays import VALUES, QualityArrays

QUALITY_ATTRIBUTE = "DicomRegInspector.QualityOf"
"""On every node made here: what was measured. Nodes made before for the same are replaced."""

_LARGEST = 3e38
"""Every float32 number is less than this in size; NaN is not, so a threshold at it makes NaN transparent."""


@dataclass(frozen=True)
class Subject:
    """What nodes are made of, as they name it."""

    name: str
    key: str
    source: str


@dataclass(frozen=True)
class QualityVolumes:
    """The volumes of one field, all on one lattice but for the mask of a reference volume."""

    jacobian: slicer.vtkMRMLScalarVolumeNode
    magnitude: slicer.vtkMRMLScalarVolumeNode
    mask: slicer.vtkMRMLLabelMapVolumeNode
    counts: dict[str, int]
    """Voxels of the mask by what they are: ``folded``, ``undefined``, ``uncovered``."""
    longest_mm: float


def place_quality_volumes(scene: slicer.vtkMRMLScene, arrays: QualityArrays) -> QualityVolumes:
    """Add what was computed to a scene; nothing is copied, and what was made before for the same field is replaced."""
    field = arrays.field
    remove_earlier(scene, field.key, "volumes")
    matrix, dimensions = field.index_to_ras, field.grid.dimensions
    jacobian = add_array(scene, f"{field.name}: Jacobian determinant", arrays.jacobian, dimensions, matrix, field)
    table = colours.jacobian_table if arrays.folds else colours.diverging_table
    title = "Jacobian determinant\nyellow: 0 or less" if arrays.folds else "Jacobian"
    show_values(jacobian, table(scene), arrays.window, title)
    magnitude = add_array(scene, f"{field.name}: Displacement (mm)", arrays.magnitude, dimensions, matrix, field)
    show_values(magnitude, colours.sequential_table(scene), (0.0, arrays.longest_mm or 1.0), "Displacement\nmm")
    mask_matrix, mask_dimensions = arrays.mask_lattice
    mask = add_array(
        scene, f"{field.name}: folded, undefined, uncovered", arrays.mask, mask_dimensions, mask_matrix, field,
        "vtkMRMLLabelMapVolumeNode",
    )  # fmt: skip
    mask.GetDisplayNode().SetAndObserveColorNodeID(colours.problem_table(scene).GetID())
    return QualityVolumes(jacobian, magnitude, mask, arrays.counts, arrays.longest_mm)


def add_array(
    scene: slicer.vtkMRMLScene,
    name: str,
    array: vtk.vtkDataArray,
    dimensions: tuple[int, int, int],
    index_to_ras: np.ndarray,
    subject: WorldField | Subject,
    kind: str = "vtkMRMLScalarVolumeNode",
    group: str = "volumes",
) -> slicer.vtkMRMLScalarVolumeNode:
    """Return a volume node of an array that is not copied; see :func:`add_image`."""
    image = vtk.vtkImageData()
    image.SetDimensions(*dimensions)
    if array.GetName() != VALUES:
        array.SetName(VALUES)
    image.GetPointData().SetScalars(array)
    return add_image(scene, name, image, index_to_ras, subject, kind, group)


def add_image(
    scene: slicer.vtkMRMLScene,
    name: str,
    image: vtk.vtkImageData,
    index_to_ras: np.ndarray,
    subject: WorldField | Subject,
    kind: str = "vtkMRMLScalarVolumeNode",
    group: str = "volumes",
) -> slicer.vtkMRMLScalarVolumeNode:
    """Return a volume node of an image that is not copied, with a display node, marked as made of a field or transform.

    The display comes first and without automatic window: Slicer would look for one in all voxels.
    """
    node = scene.AddNewNodeByClass(kind, scene.GenerateUniqueName(name))
    node.SetIJKToRASMatrix(vtk_matrix(index_to_ras))
    if kind == "vtkMRMLLabelMapVolumeNode":
        # The default display would look for colours that only the application's scene has.
        display = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeDisplayNode")
        node.SetAndObserveDisplayNodeID(display.GetID())
    else:
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetAutoWindowLevel(False)
    node.SetAndObserveImageData(image)
    node.SetAttribute(QUALITY_ATTRIBUTE, subject.key)
    node.SetAttribute(QUALITY_ATTRIBUTE + ".Group", group)
    node.SetAttribute("DicomRegInspector.FieldSource", subject.source)
    return node


def remove_earlier(scene: slicer.vtkMRMLScene, key: str, group: str) -> None:
    """Remove what was made before for the same field, display and storage nodes included."""
    for node in nodes_of_class(scene, "vtkMRMLNode"):
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
    add_legend(node, legend, window)


LEGEND_LABELS = 5
"""On a colour legend: odd, so that the middle of a symmetric window is told too."""


def add_legend(
    node: slicer.vtkMRMLDisplayableNode, title: str, window: tuple[float, float]
) -> slicer.vtkMRMLColorLegendDisplayNode | None:
    """Return Slicer's colour legend in the views where the node is shown; None where the scene does not know legends.

    The application's module Colors makes them known. A scene without it could be saved with legends, but not be read.

    ``window``: values at both ends: they decide with how many decimals the legend is written.
    """
    if not node.GetScene().IsNodeClassRegistered("vtkMRMLColorLegendDisplayNode"):
        return None
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(node)
    if legend is not None:
        legend.SetTitleText(title)
        legend.SetNumberOfLabels(LEGEND_LABELS)
        legend.SetLabelFormat(f"%.{label_decimals(*window)}f")
        legend.SetVisibility(True)
    return legend


def label_decimals(low: float, high: float) -> int:
    """Return decimals with which the labels of a legend can be told apart and are right to 2 % of their distance."""
    step = (high - low) / (LEGEND_LABELS - 1)
    return next((places for places in range(8) if abs(round(step, places) - step) <= 0.02 * step), 8)
