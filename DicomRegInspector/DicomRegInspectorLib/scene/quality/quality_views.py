"""Quality as volumes of the scene: Jacobian determinant, length of the displacement, and a mask of what is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from .. import colours
from ..convert import vtk_matrix
from ..drawn import LEGEND
from ..own_nodes import own_node
from ..transforms.node_field import WorldField
from .quality_arrays import VALUES, QualityArrays

QUALITY_ATTRIBUTE = "DicomRegInspector.QualityOf"
"""On every node made here: what was measured."""

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
    drawn_mm: np.ndarray
    """See :attr:`.quality_arrays.QualityArrays.drawn_mm`."""


def place_quality_volumes(scene: slicer.vtkMRMLScene, arrays: QualityArrays) -> QualityVolumes:
    """Put what was computed into a scene without a copy; nodes made before for the same field are filled anew."""
    field = arrays.field
    matrix, dimensions = field.index_to_ras, field.grid.dimensions
    jacobian = put_array(scene, "Jacobian determinant", arrays.jacobian, dimensions, matrix, field)
    table = colours.jacobian_table if arrays.folds else colours.diverging_table
    title = "Jacobian\nyellow: folded" if arrays.folds else "Jacobian\ndeterminant"
    show_values(jacobian, table(scene), arrays.window, title)
    magnitude = put_array(scene, "Displacement (mm)", arrays.magnitude, dimensions, matrix, field)
    show_values(magnitude, colours.sequential_table(scene), (0.0, arrays.longest_mm or 1.0), "Displacement\n(mm)")
    mask_matrix, mask_dimensions = arrays.mask_lattice
    mask = put_array(
        scene, "folded, undefined, uncovered", arrays.mask, mask_dimensions, mask_matrix, field,
        kind="vtkMRMLLabelMapVolumeNode",
    )  # fmt: skip
    mask.GetDisplayNode().SetAndObserveColorNodeID(colours.problem_table(scene).GetID())
    return QualityVolumes(jacobian, magnitude, mask, arrays.counts, arrays.longest_mm, arrays.drawn_mm)


def put_array(
    scene: slicer.vtkMRMLScene,
    role: str,
    array: vtk.vtkDataArray,
    dimensions: tuple[int, int, int],
    index_to_ras: np.ndarray,
    subject: WorldField | Subject,
    kind: str = "vtkMRMLScalarVolumeNode",
) -> slicer.vtkMRMLScalarVolumeNode:
    """Return a volume node of an array that is not copied; see :func:`put_image`."""
    image = vtk.vtkImageData()
    image.SetDimensions(*dimensions)
    if array.GetName() != VALUES:
        array.SetName(VALUES)
    image.GetPointData().SetScalars(array)
    return put_image(scene, f"{subject.name}: {role}", role, image, index_to_ras, subject, kind)


def put_image(
    scene: slicer.vtkMRMLScene,
    name: str,
    role: str,
    image: vtk.vtkImageData,
    index_to_ras: np.ndarray,
    subject: WorldField | Subject,
    kind: str = "vtkMRMLScalarVolumeNode",
) -> slicer.vtkMRMLScalarVolumeNode:
    """Return the volume node of a field or transform for a role, with an image that is not copied and a display node.

    The display comes first and without automatic window: Slicer would look for one in all voxels.
    """
    node = own_node(scene, kind, name, (QUALITY_ATTRIBUTE, subject.key), role)
    node.SetAndObserveTransformNodeID(None)
    node.SetIJKToRASMatrix(vtk_matrix(index_to_ras))
    if node.GetDisplayNode() is None and kind == "vtkMRMLLabelMapVolumeNode":
        # The default display would look for colours that only the application's scene has.
        display = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeDisplayNode")
        node.SetAndObserveDisplayNodeID(display.GetID())
    elif node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetAutoWindowLevel(False)
    node.SetAndObserveImageData(image)
    node.SetAttribute("DicomRegInspector.FieldSource", subject.source)
    return node


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
    node.SetAttribute(LEGEND, legend)
