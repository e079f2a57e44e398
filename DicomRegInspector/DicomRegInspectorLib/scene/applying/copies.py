"""What hardened copies have in common: how one is made, what is noted on it, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import slicer

from ...progress import Progress
from ...words import well_formed
from ..transforms.export_nodes import INSTANCE_UIDS
from ..transforms.load_registration import ATTRIBUTE_PREFIX
from ..volumes import note_images
from .way import REGISTERED_FRAME, SOURCE_FRAME, NodeWay

APPLIED = ATTRIBUTE_PREFIX + "Applied."
"""Begins the attributes that say how a copy was made."""


@dataclass(frozen=True)
class HardenedCopy:
    """A copy, and how complete it is."""

    node: slicer.vtkMRMLNode
    of: str
    """Name of the node that it was made of."""
    unit: str
    """What is counted: ``points`` or ``voxels``."""
    count: int
    undefined: int
    """Of these, how many the transform says nothing about."""
    largest_residual_mm: float
    """How far the exact inverse was from its goal, at most; 0 where none was searched."""
    filled: int = 0
    """Voxels of which nothing is known, for whatever reason."""
    fill: float | None = None
    """What an image holds there; labels hold none."""


class Copying(Protocol):
    """One node on its way: taken out of the scene, computed anywhere, put back as a new node."""

    def compute(self, progress: Progress | None) -> None:
        """Compute; uses neither the scene nor Qt."""

    def place(self) -> HardenedCopy:
        """Add the copy to the scene."""


def note_copy(
    copied: HardenedCopy, of: slicer.vtkMRMLNode, transform: slicer.vtkMRMLTransformNode, way: NodeWay
) -> None:
    """Note on a copy what it was made of and how, and whose frame it lies in; it is no longer any image of DICOM."""
    from ... import __version__

    node, frames = copied.node, (SOURCE_FRAME, REGISTERED_FRAME)
    node.RemoveAttribute(INSTANCE_UIDS)
    note_images(node, transform.GetAttribute(ATTRIBUTE_PREFIX + frames[not way.inverse]) or "", ())
    noted = {
        "Of": copied.of,
        "OfNode": of.GetID(),
        "Transform": transform.GetName(),
        "TransformNode": transform.GetID(),
        "TransformSOPInstanceUID": transform.GetAttribute(ATTRIBUTE_PREFIX + "SOPInstanceUID"),
        "TransformItem": transform.GetAttribute(ATTRIBUTE_PREFIX + "Item"),
        "TransformRepair": transform.GetAttribute(ATTRIBUTE_PREFIX + "Repair"),
        "Direction": way.direction,
        "Does": way.mapping.description,
        "Counted": f"{copied.count} {copied.unit}",
        "Undefined": str(copied.undefined),
        "Filled": str(copied.filled) if copied.unit == "voxels" else "",
        "FillValue": f"{copied.fill:.9g}" if copied.fill is not None else "",
        "LargestResidualMm": f"{copied.largest_residual_mm:.3g}",
        "Version": __version__,
    }
    for key, value in noted.items():
        if value:
            node.SetAttribute(APPLIED + key, well_formed(value))
    _beside(node, of)


def _beside(node: slicer.vtkMRMLNode, of: slicer.vtkMRMLNode) -> None:
    """Put a copy into the same folder of the subject hierarchy."""
    hierarchy = of.GetScene().GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode")
    if hierarchy is None:
        return
    nothing = hierarchy.GetInvalidItemID()
    item, other = hierarchy.GetItemByDataNode(node), hierarchy.GetItemByDataNode(of)
    if nothing not in (item, other) and hierarchy.GetItemParent(other) != nothing:
        hierarchy.SetItemParent(item, hierarchy.GetItemParent(other))


def copy_name(of: slicer.vtkMRMLNode, way: NodeWay) -> str:
    """Name a copy: what it is a copy of, and where that was moved; by what is noted on it."""
    moved = "in the source frame" if way.inverse else "registered"
    return str(of.GetScene().GenerateUniqueName(well_formed(f"{of.GetName()} ({moved})")))
