"""What of an inspected study is in the scene already."""

from __future__ import annotations

import slicer

from ...registration import Registration
from ...series import Series
from ..convert import nodes_of_class
from .load_registration import ATTRIBUTE_PREFIX


def transforms_of(
    scene: slicer.vtkMRMLScene, registration: Registration, item: int | None = None
) -> list[slicer.vtkMRMLTransformNode]:
    """Find transform nodes that were loaded from a registration, or from one of its items (from 1), oldest first."""
    wanted = registration.sop_instance_uid
    return [
        node
        for node in nodes_of_class(scene, "vtkMRMLTransformNode")
        if wanted
        and node.GetAttribute(ATTRIBUTE_PREFIX + "SOPInstanceUID") == wanted
        and (item is None or node.GetAttribute(ATTRIBUTE_PREFIX + "Item") == str(item))
    ]


def innermost(nodes: list[slicer.vtkMRMLTransformNode]) -> slicer.vtkMRMLTransformNode | None:
    """Find, of the nodes of one item, the one to put volumes under that was loaded last; None when there is none."""
    parents = {node.GetTransformNodeID() for node in nodes}
    ends = [node for node in nodes if node.GetID() not in parents]
    return ends[-1] if ends else None


def frame_of_transform(node: slicer.vtkMRMLTransformNode) -> str:
    """Return the frame of reference that a transform leads into, UID; empty for those that are not loaded from here."""
    return node.GetAttribute(ATTRIBUTE_PREFIX + "RegisteredFrameOfReferenceUID") or ""


def volumes_of(
    scene: slicer.vtkMRMLScene, series: Series, sop_instance_uid: str = ""
) -> list[slicer.vtkMRMLVolumeNode]:
    """Return volume nodes made of a series, by whoever loaded them; those that hold an instance come first."""
    uids = {slice_.sop_instance_uid for stack in series.stacks for slice_ in stack.slices}
    found = []
    for node in nodes_of_class(scene, "vtkMRMLVolumeNode"):
        held = set((node.GetAttribute("DICOM.instanceUIDs") or "").split())
        made_of = node.GetAttribute(ATTRIBUTE_PREFIX + "SourceSeriesInstanceUID")
        if held & uids or (made_of and made_of == series.series_instance_uid):
            found.append((sop_instance_uid not in held, node))
    return [node for _, node in sorted(found, key=lambda found_node: found_node[0])]
