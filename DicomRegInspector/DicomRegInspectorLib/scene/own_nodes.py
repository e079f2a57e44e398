"""Nodes that this library makes of something: found again and filled anew, so that their names and IDs stay."""

from __future__ import annotations

from collections.abc import Collection

import slicer

from ..words import well_formed
from .convert import nodes_of_class

PREFIX = "DicomRegInspector."
ROLE = PREFIX + "Role"
"""On every node made of something: which of the nodes made of it this is."""


def own_node(
    scene: slicer.vtkMRMLScene, class_name: str, name: str, made_of: tuple[str, str], role: str
) -> slicer.vtkMRMLNode:
    """Return the node that plays a role for what it is made of: the one made before, as it is called now, or a new one.

    Parameters
    ----------
    name
        Of a new node; a number is put behind it only where another node of that class is called so.
    made_of
        Attribute that says what the node is made of, and its value.
    role
        Tells the nodes of one class apart that are made of the same.
    """
    name, made_of = well_formed(name), (made_of[0], well_formed(made_of[1]))
    for node in nodes_of_class(scene, class_name):
        if node.GetAttribute(made_of[0]) == made_of[1] and node.GetAttribute(ROLE) == role:
            return node
    # The name of a plot series is what the chart's legend says.
    is_taken = class_name != "vtkMRMLPlotSeriesNode" and any(
        node.GetName() == name for node in nodes_of_class(scene, class_name)
    )
    node = scene.AddNewNodeByClass(class_name, scene.GenerateUniqueName(name) if is_taken else name)
    node.SetAttribute(*made_of)
    node.SetAttribute(ROLE, role)
    return node


def remove_others(
    scene: slicer.vtkMRMLScene, made_of: tuple[str, str], role: str, kept: Collection[slicer.vtkMRMLNode]
) -> None:
    """Remove nodes made of something whose roles begin like this, but for those kept; what displays them goes too."""
    subject = well_formed(made_of[1])
    for node in nodes_of_class(scene, "vtkMRMLNode"):
        is_one = node.GetAttribute(made_of[0]) == subject and (node.GetAttribute(ROLE) or "").startswith(role)
        if not is_one or node in kept:
            continue
        if node.IsA("vtkMRMLDisplayableNode"):
            for number in reversed(range(node.GetNumberOfDisplayNodes())):
                scene.RemoveNode(node.GetNthDisplayNode(number))
        scene.RemoveNode(node)
