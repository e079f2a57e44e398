"""What a 3-D view shows of a volume: planes of the slice views, and a camera that looks at it from obliquely above."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import slicer

from .convert import nodes_of_class
from .drawn import DRAWN
from .own_nodes import PREFIX

PLANE = PREFIX + "Plane"
"""On slice nodes that were put into the 3-D views from here: ``1``; those that were taken out for a while: ``0``."""
AIMED = PREFIX + "Aimed"
"""On cameras: the direction to the camera that was chosen here. A user who turns it has another."""

OBLIQUE = (0.55, 0.71, 0.44)
"""From the middle to the camera, RAS: from the right, the front and above, so that three planes are seen."""
DISTANCE = 1.4
"""Of the camera against the diagonal of the volume's bounds: at the default view angle of 30 degrees its planes fill
the view, and only corners of empty space are out of it."""

SOMETHING = ("vtkMRMLModelNode", "vtkMRMLSegmentationNode", "vtkMRMLMarkupsNode", "vtkMRMLVolumeNode")
"""What else a 3-D view may show; of volumes their rendering."""


def show_planes(scene: slicer.vtkMRMLScene, tags: Sequence[str]) -> None:
    """Show slices in the 3-D views, once: a user who switches them off or shows others has reasons.

    Parameters
    ----------
    tags
        Of the slice views; those of other views stay out of it.
    """
    every = nodes_of_class(scene, "vtkMRMLSliceNode")
    if any(node.GetSliceVisible() or node.GetAttribute(PLANE) for node in every) or is_taken(scene):
        return
    for node in every:
        if node.GetLayoutName() in tags:
            node.SetAttribute(PLANE, "1")
            node.SetSliceVisible(True)


def leave_one_plane(scene: slicer.vtkMRMLScene, empty: Sequence[str]) -> None:
    """Leave of the planes that were shown from here the most axial one, until :func:`restore_planes`.

    Parameters
    ----------
    empty
        Tags of slice views without an image: Slicer shows their planes in plain colours.
    """
    planes = [node for node in _planes(scene, "1") if node.GetSliceVisible()]
    filled = [node for node in planes if node.GetLayoutName() not in empty]
    kept = max(filled, key=lambda node: abs(node.GetSliceToRAS().GetElement(2, 2)), default=None)
    for node in planes:
        if node is not kept:
            node.SetAttribute(PLANE, "0")
            node.SetSliceVisible(False)


def restore_planes(scene: slicer.vtkMRMLScene) -> None:
    """Show the planes again that :func:`leave_one_plane` took away."""
    for node in _planes(scene, "0"):
        node.SetAttribute(PLANE, "1")
        node.SetSliceVisible(True)


def _planes(scene: slicer.vtkMRMLScene, state: str) -> list[slicer.vtkMRMLSliceNode]:
    return [node for node in nodes_of_class(scene, "vtkMRMLSliceNode") if node.GetAttribute(PLANE) == state]


def look_at(volume: slicer.vtkMRMLVolumeNode, arrow_ras: Sequence[float] | None = None) -> None:
    """Turn the 3-D views' cameras to a volume, unless there is something else to see.

    A camera that a user has turned looks from where it is; others look obliquely from the front and above.

    Parameters
    ----------
    arrow_ras
        A direction that is to be seen from the side, RAS: the camera is then on the right or on the left.
    """
    scene = volume.GetScene()
    if is_taken(scene):
        return
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    middle = [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]
    far = DISTANCE * math.dist(bounds[::2], bounds[1::2])
    for camera in nodes_of_class(scene, "vtkMRMLCameraNode"):
        before, way = camera.StartModify(), _way(camera)
        if _is_free(camera, way):
            way = _from_the_side(arrow_ras)
            camera.SetViewUp(0.0, 0.0, 1.0)
            camera.SetAttribute(AIMED, json.dumps(way))
        camera.SetFocalPoint(*middle)
        camera.SetPosition(*(place + far * part for place, part in zip(middle, way, strict=True)))
        camera.EndModify(before)
        camera.ResetClippingRange()


def _from_the_side(arrow_ras: Sequence[float] | None) -> list[float]:
    right, front, top = OBLIQUE
    sides = [[right, front, top], [-right, front, top]]
    if arrow_ras is None:
        return sides[0]
    return min(sides, key=lambda way: abs(sum(a * b for a, b in zip(way, arrow_ras, strict=True))))


def _way(camera: slicer.vtkMRMLCameraNode) -> list[float]:
    """The direction from what a camera looks at to itself, of length 1."""
    place, focus = camera.GetPosition(), camera.GetFocalPoint()
    far = math.dist(place, focus) or 1.0
    return [(a - b) / far for a, b in zip(place, focus, strict=True)]


def _is_free(camera: slicer.vtkMRMLCameraNode, way: list[float]) -> bool:
    """Whether nobody but this module has turned a camera: new ones look along an axis."""
    noted = json.loads(camera.GetAttribute(AIMED) or "null")
    return max(map(abs, way)) > 0.999 if noted is None else math.dist(noted, way) < 1e-3


def is_taken(scene: slicer.vtkMRMLScene) -> bool:
    """Tell whether a 3-D view shows something else than slices and what is drawn from here."""
    for class_name in SOMETHING:
        for node in nodes_of_class(scene, class_name):
            displays = [node.GetNthDisplayNode(number) for number in range(node.GetNumberOfDisplayNodes())]
            if not node.GetHideFromEditors() and any(map(_is_seen_in_3d, displays)):
                return True
    return False


def _is_seen_in_3d(display: slicer.vtkMRMLDisplayNode | None) -> bool:
    if display is None or display.GetAttribute(DRAWN) is not None:
        return False
    is_flat = display.IsA("vtkMRMLVolumeDisplayNode") and not display.IsA("vtkMRMLVolumeRenderingDisplayNode")
    is_solid = not is_flat and not display.IsA("vtkMRMLColorLegendDisplayNode")
    return bool(is_solid and display.GetVisibility() and display.GetVisibility3D())
