"""Which way things go through a transform node, and whose frame of reference they come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from ...errors import UsageError
from ...registration import Mapping
from ...space import LPS_TO_RAS
from ...tasks.apply.transform import Way
from ..convert import numpy_matrix
from ..transforms.load_registration import ATTRIBUTE_PREFIX
from ..volumes import frame_of_volume

SOURCE_FRAME, REGISTERED_FRAME = "SourceFrameOfReferenceUID", "RegisteredFrameOfReferenceUID"


@dataclass(frozen=True, eq=False)
class NodeWay(Way):
    """What a transform node does, and the direction in which things go through it."""

    mapping: Mapping
    inverse: bool

    @property
    def _gone_through(self) -> Mapping:
        return self.mapping


def require_frame(node: slicer.vtkMRMLNode, transform: slicer.vtkMRMLTransformNode, back: bool) -> None:
    """Refuse an image of another frame of reference than what the transform moves, as far as both are known.

    Raises UsageError.
    """
    if not node.IsA("vtkMRMLVolumeNode"):
        return
    frame = frame_of_volume(node.GetScene(), node)
    expected, other = (transform.GetAttribute(ATTRIBUTE_PREFIX + key) for key in (SOURCE_FRAME, REGISTERED_FRAME))
    if back:
        expected, other = other, expected
    if not frame or not expected or frame == expected:
        return
    if frame == other:
        raise UsageError(
            f"{node.GetName()} lies in the frame of reference that {transform.GetName()} leads to, not in that which "
            "it moves: choose the other direction"
        )
    raise UsageError(
        f"{node.GetName()} is of frame of reference {frame}, and {transform.GetName()} moves images of {expected}"
    )


def own_to_lps(node: slicer.vtkMRMLTransformableNode, transform: slicer.vtkMRMLTransformNode, back: bool) -> np.ndarray:
    """Return (4, 4) from a node's own coordinates (RAS mm) to where the transform finds it (LPS mm).

    What is under the transform already is found before it.

    Raises UsageError when a transform in between is not linear, or what goes back is under the transform.
    """
    matrix = np.eye(4)
    parent = node.GetParentTransformNode()
    while parent is not None and parent is not transform:
        if not parent.IsLinear():
            raise UsageError(
                f"{node.GetName()} is under the transform {parent.GetName()}, which is not linear; harden that first, "
                "or take the node out of it"
            )
        step = vtk.vtkMatrix4x4()
        parent.GetMatrixTransformToParent(step)
        matrix = numpy_matrix(step) @ matrix
        parent = parent.GetParentTransformNode()
    if parent is transform and back:
        raise UsageError(f"{node.GetName()} is under {transform.GetName()}; take it out before it is moved back")
    return LPS_TO_RAS @ matrix
