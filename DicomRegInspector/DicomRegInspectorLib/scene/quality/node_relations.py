"""What stands around a transform in the scene and is judged with it: the chosen images, other registrations."""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from ...errors import UsageError
from ...findings import About
from ...registration import Mapping
from ...space import LPS_TO_RAS, to_ras
from ...tasks.named_mapping import NamedMapping
from ...tasks.relations import Slices, slices_of_lattice
from ..convert import nodes_of_class, numpy_matrix
from ..transforms.load_registration import ATTRIBUTE_PREFIX
from ..volumes import frame_of_volume, volume_lattice


def frames_of_node(node: slicer.vtkMRMLTransformNode) -> tuple[str, str]:
    """Return the Frame of Reference UIDs that a transform node names: registered, source; empty where it does not."""
    return (
        node.GetAttribute(ATTRIBUTE_PREFIX + "RegisteredFrameOfReferenceUID") or "",
        node.GetAttribute(ATTRIBUTE_PREFIX + "SourceFrameOfReferenceUID") or "",
    )


def slices_of_volume(scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode) -> Slices:
    """Return where a volume's slices stand in world; None if it is empty or bent: who needs its voxels says so."""
    name, frame = volume.GetName(), frame_of_volume(scene, volume)
    try:
        index_to_ras, dimensions = volume_lattice(volume)
    except UsageError:
        return Slices(name, frame, np.empty((0, 3)), np.empty((0, 3)))
    return slices_of_lattice(name, frame, LPS_TO_RAS @ index_to_ras, dimensions)


def matrices_beside(node: slicer.vtkMRMLTransformNode) -> tuple[NamedMapping, ...]:
    """Give registrations of the scene that are matrices between two frames, but for those the transform is made of."""
    own, parent = set(), node
    while parent is not None:
        own.add(parent.GetID())
        parent = parent.GetParentTransformNode()
    return tuple(
        _named(other, number)
        for number, other in enumerate(nodes_of_class(node.GetScene(), "vtkMRMLLinearTransformNode"), 1)
        if other.GetID() not in own and other.GetAttribute(ATTRIBUTE_PREFIX + "Kind") == "matrix"
    )


def _named(node: slicer.vtkMRMLLinearTransformNode, number: int) -> NamedMapping:
    matrix = vtk.vtkMatrix4x4()
    node.GetMatrixTransformToParent(matrix)
    item = node.GetAttribute(ATTRIBUTE_PREFIX + "Item") or ""
    number = int(item) if item.isdecimal() else number
    mapping = Mapping(matrix=to_ras(numpy_matrix(matrix)))
    name = f"item {number} of {node.GetName() or 'transform'}"
    return NamedMapping(mapping, About("node", item=number, name=name).subject, frames_of_node(node))
