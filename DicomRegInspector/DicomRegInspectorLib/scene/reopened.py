"""What a scene loses when it is saved and opened again, put right: interpolation of grids, and layouts."""

from __future__ import annotations

import slicer

from .convert import nodes_of_class
from .layouts import OUR_LAYOUTS, register_layouts

INTERPOLATION_ATTRIBUTE = "DicomRegInspector.Interpolation"
"""On every grid that is made here: how it is meant between its nodes."""
LINEAR = "linear"


def restore_interpolation(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLTransformNode]:
    """Let grids that this library made be linear between their nodes again.

    Slicer's reader of transform files sets cubic interpolation whatever was saved, because ITK's files do not say. The
    nodes of a scene say it: those made here have the attribute :data:`INTERPOLATION_ATTRIBUTE`. Other transforms are
    left alone. In Slicer the module does this after each scene that is opened; without it, call this.

    Returns the nodes that were changed.
    """
    changed = []
    for node in nodes_of_class(scene, "vtkMRMLTransformNode"):
        if node.GetAttribute(INTERPOLATION_ATTRIBUTE) != LINEAR:
            continue
        # One of the two is what is stored; the other is computed from it, and would not keep a change.
        for stored in (node.GetTransformFromParentAs, node.GetTransformToParentAs):
            grid = stored("vtkOrientedGridTransform", False, True)
            if grid is not None and grid.GetInterpolationModeAsString() != "Linear":
                grid.SetInterpolationModeToLinear()
                changed.append(node)
    return changed


def scene_was_opened(scene: slicer.vtkMRMLScene) -> None:
    """Put all of it right: interpolation, and the layout when it is one of ours."""
    restore_interpolation(scene)
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if node is not None and node.GetViewArrangement() in OUR_LAYOUTS:
        register_layouts(scene)
