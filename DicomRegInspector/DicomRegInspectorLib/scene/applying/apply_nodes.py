"""Applying a transform node to other nodes of the scene: under it, or as copies; what is there is never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import slicer
import vtk

from ...errors import UsageError
from ...progress import Progress, Run, in_background
from ..own_nodes import PREFIX, own_node
from ..transforms.node_mapping import mapping_of_node
from .copies import Copying, HardenedCopy, note_copy
from .image_copies import ImageCopy, SegmentationCopy, TargetGrid
from .point_copies import MarkupsCopy, ModelCopy
from .way import NodeWay, require_frame

POINT_CLASSES = (
    "vtkMRMLMarkupsFiducialNode",
    "vtkMRMLMarkupsLineNode",
    "vtkMRMLMarkupsAngleNode",
    "vtkMRMLMarkupsCurveNode",
    "vtkMRMLMarkupsClosedCurveNode",
)
"""Markups whose control points are all there is to them; planes and boxes would be something else when moved."""
TURNED = PREFIX + "TurnedAround"
"""On a transform node made here: which one it is the other way round."""


@dataclass(frozen=True)
class Placed:
    """What became of nodes that were to be put under a transform."""

    transform: slicer.vtkMRMLTransformNode
    """That they are under: the chosen one, or one that is it the other way round."""
    placed: tuple[str, ...]
    """Names of those that are under it now."""
    left: tuple[str, ...]
    """In sentences, why others are where they were."""


def put_under(
    nodes: Sequence[slicer.vtkMRMLTransformableNode], transform: slicer.vtkMRMLTransformNode, back: bool = False
) -> Placed:
    """Put nodes under a transform, which brings them from the source to the registered frame; nothing is computed.

    What is under some transform already stays there, and so does an image of another frame of reference than what the
    transform moves.

    Parameters
    ----------
    back
        From the registered to the source frame: under a node that is the transform the other way round, with all
        transforms above it, and that follows none of them.
    """
    above = _turned_around(transform) if back else transform
    placed, left = [], []
    for node in nodes:
        parent = node.GetParentTransformNode()
        if parent is above:
            left.append(f"{node.GetName()} is under it already.")
        elif parent is not None:
            left.append(f"{node.GetName()} stays under the transform {parent.GetName()}; take it out first.")
        else:
            try:
                require_frame(node, transform, back)
            except UsageError as error:
                left.append(f"{error}.")
                continue
            node.SetAndObserveTransformNodeID(above.GetID())
            placed.append(node.GetName())
    return Placed(above, tuple(placed), tuple(left))


def _turned_around(transform: slicer.vtkMRMLTransformNode) -> slicer.vtkMRMLTransformNode:
    turned = own_node(
        transform.GetScene(),
        "vtkMRMLTransformNode",
        f"{transform.GetName()} (back)",
        (TURNED, transform.GetID()),
        "back",
    )
    from_world = vtk.vtkGeneralTransform()
    transform.GetTransformFromWorld(from_world)
    turned.SetAndObserveTransformToParent(from_world)
    return turned


def harden_copies(
    nodes: Sequence[slicer.vtkMRMLTransformableNode],
    transform: slicer.vtkMRMLTransformNode,
    *,
    grid: slicer.vtkMRMLVolumeNode | None = None,
    back: bool = False,
    progress: Progress | None = None,
    run: Run | None = None,
) -> list[HardenedCopy]:
    """Make copies of nodes that lie where the transform brings them; the nodes stay as they are.

    Images are interpolated linearly and label volumes take the nearest voxel, at the voxels of a grid; where the
    transform says nothing, or looks beyond the image, a fill value stands. Points and models are moved by the exact
    inverse of the mapping, and a point without one is missing in the copy. How each copy was made is noted on it, in
    attributes that begin with :data:`.copies.APPLIED`.

    Parameters
    ----------
    grid
        The volume on whose voxels copies of images and segmentations are made; needed for these alone. By default the
        one that the transform names as fixed (``back``: as moving).
    back
        From the registered to the source frame.
    progress, run
        As everywhere: ``run`` may do all that is computed in a thread.

    Raises
    ------
    UsageError
        When a node cannot be moved, or an image has no grid or is of another frame of reference; nothing is added then.
    Cancelled
        When ``progress`` returned False; nothing is added then.
    """
    way = NodeWay(mapping_of_node(transform), back)
    target = TargetGrid.of(grid if grid is not None else _named_grid(transform, back))
    for node in nodes:
        require_frame(node, transform, back)
    copying = [_copying(node, transform, way, target) for node in nodes]

    def compute(report: Progress | None) -> None:
        for work in copying:
            work.compute(report)

    in_background(compute, progress, run)
    made = []
    for node, work in zip(nodes, copying, strict=True):
        copied = work.place()
        note_copy(copied, node, transform, way)
        made.append(copied)
    return made


def _named_grid(transform: slicer.vtkMRMLTransformNode, back: bool) -> slicer.vtkMRMLVolumeNode | None:
    named = transform.GetMovingNodeReferenceRole() if back else transform.GetFixedNodeReferenceRole()
    volume = transform.GetNodeReference(named)
    return volume if volume is not None and volume.IsA("vtkMRMLVolumeNode") else None


def _copying(
    node: slicer.vtkMRMLTransformableNode,
    transform: slicer.vtkMRMLTransformNode,
    way: NodeWay,
    target: TargetGrid | None,
) -> Copying:
    if node.GetClassName() in POINT_CLASSES:
        return MarkupsCopy(node, transform, way)
    if node.IsA("vtkMRMLModelNode"):
        return ModelCopy(node, transform, way)
    kind: type[ImageCopy] | type[SegmentationCopy]
    if node.IsA("vtkMRMLSegmentationNode"):
        kind = SegmentationCopy
    elif node.IsA("vtkMRMLScalarVolumeNode"):
        kind = ImageCopy
    else:
        raise UsageError(f"{node.GetName()} is neither image, segmentation, points nor model: it is not moved here")
    if target is None:
        raise UsageError(f"choose the volume on whose voxels the copy of {node.GetName()} is to be made")
    return kind(node, transform, way, target)
