"""What the application would draw, as states of the scene: the stand-in draws nothing, and these must hold instead."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

NEARLY = 1.05
"""A view that shows a whole image leaves at most this much of it out on each side, for rounding."""


def slice_views() -> list[tuple[Any, Any]]:
    """Slice node and composite node of the views that the layout shows."""
    views = slicer.app.layoutManager().logic.GetViewNodes()
    every = [views.GetItemAsObject(index) for index in range(views.GetNumberOfItems())]
    logic = slicer.app.applicationLogic()
    return [(node, logic.GetSliceLogic(node).GetSliceCompositeNode()) for node in every if node.IsA("vtkMRMLSliceNode")]


def backgrounds() -> list[str | None]:
    """Names of the images behind all others, a view each."""
    return [_name(composite.GetBackgroundVolumeID()) for _node, composite in slice_views()]


def layers() -> list[tuple[str | None, str | None, str | None]]:
    """Names of background, foreground and label, a view each."""
    return [
        (
            _name(composite.GetBackgroundVolumeID()),
            _name(composite.GetForegroundVolumeID()),
            _name(composite.GetLabelVolumeID()),
        )
        for _node, composite in slice_views()
    ]


def _name(node_id: str | None) -> str | None:
    node = slicer.mrmlScene.GetNodeByID(node_id) if node_id else None
    return node.GetName() if node is not None else None


def cut_at(node: Any) -> tuple[int, float]:
    """The axis that a slice view cuts across (0 R, 1 A, 2 S), and where on it, mm."""
    to_ras = node.GetSliceToRAS()
    normal = [abs(to_ras.GetElement(row, 2)) for row in range(3)]
    across = normal.index(max(normal))
    return across, to_ras.GetElement(across, 3)


def fills(volume: Any) -> bool:
    """Whether a volume is the background of every slice view, cut by its plane, all to be seen and not small in it."""
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    for node, composite in slice_views():
        if composite.GetBackgroundVolumeID() != volume.GetID():
            return False
        to_ras, (across, place) = node.GetSliceToRAS(), cut_at(node)
        if not bounds[2 * across] <= place <= bounds[2 * across + 1]:
            return False
        sizes = []
        for column in range(2):
            along = [abs(to_ras.GetElement(row, column)) for row in range(3)]
            axis = along.index(max(along))
            sizes.append((bounds[2 * axis + 1] - bounds[2 * axis]) / node.GetFieldOfView()[column])
        if not 0.5 < max(sizes) <= NEARLY:
            return False
    return bool(slice_views())


def resize(*sizes: tuple[int, int]) -> None:
    """Give the views of the layout other sizes, pixels, as its windows do."""
    logic = slicer.app.applicationLogic()
    for (node, _composite), size in zip(slice_views(), sizes, strict=True):
        logic.GetSliceLogic(node).ResizeSliceNode(*size)


def room_beside(volume: Any) -> list[float]:
    """Which share of each slice view's width is free on the right of an image."""
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    corners = [(x, y, z, 1.0) for x in bounds[:2] for y in bounds[2:4] for z in bounds[4:]]
    shares = []
    for node, _composite in slice_views():
        across = node.GetDimensions()[0]
        to_view = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), to_view)
        shares.append(1.0 - max(to_view.MultiplyPoint(corner)[0] for corner in corners) / across)
    return shares


def planes() -> list[str]:
    """Names of the slice views that the 3-D views show."""
    return [node.GetLayoutName() for node in slicer.util.getNodesByClass("vtkMRMLSliceNode") if node.GetSliceVisible()]


def directions() -> list[tuple[float, ...]]:
    """From what the cameras of 3-D views look at to themselves, RAS, of length 1."""
    found = []
    for camera in slicer.util.getNodesByClass("vtkMRMLCameraNode"):
        way = [place - focus for place, focus in zip(camera.GetPosition(), camera.GetFocalPoint(), strict=True)]
        found.append(tuple(part / sum(square**2 for square in way) ** 0.5 for part in way))
    return found


def focal_points() -> list[tuple[float, float, float]]:
    """Where the cameras of 3-D views look, RAS mm."""
    return [camera.GetFocalPoint() for camera in slicer.util.getNodesByClass("vtkMRMLCameraNode")]


def looks_at(volume: Any) -> bool:
    """Whether the 3-D views' cameras look into a volume, from outside of it."""
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    cameras = slicer.util.getNodesByClass("vtkMRMLCameraNode")

    def is_in(point: Any) -> bool:
        return all(bounds[2 * axis] <= point[axis] <= bounds[2 * axis + 1] for axis in range(3))

    return bool(cameras) and all(
        is_in(camera.GetFocalPoint()) and not is_in(camera.GetPosition()) for camera in cameras
    )


def legends() -> list[str]:
    """Titles of the legends to be seen: those of volumes that a view shows, and of transforms that are drawn."""
    seen = {name for layer in layers() for name in layer}
    titles = []
    for legend in slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode"):
        node, display = legend.GetDisplayableNode(), legend.GetPrimaryDisplayNode()
        is_seen = node.GetName() in seen if node.IsA("vtkMRMLVolumeNode") else display.GetVisibility()
        if legend.GetVisibility() and is_seen:
            titles.append(legend.GetTitleText())
    return titles


def drawn_transforms() -> list[str]:
    """Names of the transforms that are drawn in slices or in 3-D."""
    return [
        node.GetName()
        for node in slicer.util.getNodesByClass("vtkMRMLTransformNode")
        if any(
            node.GetNthDisplayNode(number).IsA("vtkMRMLTransformDisplayNode")
            and node.GetNthDisplayNode(number).GetVisibility()
            for number in range(node.GetNumberOfDisplayNodes())
        )
    ]


def names(*class_names: str) -> list[str]:
    """Names of all nodes of classes that lists of the application offer."""
    every = [node for class_name in class_names for node in slicer.util.getNodesByClass(class_name)]
    return sorted(node.GetName() for node in every if not node.GetHideFromEditors())
