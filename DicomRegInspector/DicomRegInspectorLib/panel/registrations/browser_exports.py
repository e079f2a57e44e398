"""What Slicer's dialog of DICOM exports is offered for transforms and points, and writing what it chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ...errors import DicomRegInspectorError, UsageError
from ...scene.convert import nodes_of_class
from ...scene.transforms.export_nodes import export_node, export_points_node, volumes_of_node

FIXED, MOVING, DESCRIPTION = "FixedVolume", "MovingVolume", "SeriesDescription"
"""Rows of the dialog, beside the names of elements as it has them: volumes of the scene by their names."""


def rows_of(node: slicer.vtkMRMLNode | None) -> dict[str, str] | None:
    """Return the rows that the dialog shows for a node, with what they begin with; None for what is not exported."""
    if node is None:
        return None
    if node.IsA("vtkMRMLTransformNode"):
        names = [volume.GetName() if volume is not None else "" for volume in volumes_of_node(node)]
        return {DESCRIPTION: node.GetName() or "", FIXED: names[0], MOVING: names[1]}
    if node.IsA("vtkMRMLMarkupsFiducialNode"):
        fixed = None
        marked = {node.GetNthControlPointAssociatedNodeID(number) for number in range(node.GetNumberOfControlPoints())}
        if len(marked) == 1:
            fixed = node.GetScene().GetNodeByID(marked.pop() or "")
        is_volume = fixed is not None and fixed.IsA("vtkMRMLVolumeNode")
        return {DESCRIPTION: node.GetName() or "", FIXED: fixed.GetName() if is_volume else ""}
    return None


def write_chosen(node: slicer.vtkMRMLNode, rows: dict[str, str], folder: Path, database: Any) -> Path:
    """Write a node as the dialog's rows say, into a new file of a folder.

    Raises
    ------
    DicomRegInspectorError
        When a volume is not there or has no images, or the object cannot be written.
    """
    number = 1
    while (output := folder / f"registration-{number:03d}.dcm").exists():
        number += 1
    fixed = _volume(node.GetScene(), rows[FIXED], FIXED)

    def file_of(uid: str) -> str:
        return database.fileForInstance(uid) or ""

    if node.IsA("vtkMRMLTransformNode"):
        moving = _volume(node.GetScene(), rows[MOVING], MOVING)
        export_node(node, fixed, moving, output, file_of=file_of, description=rows[DESCRIPTION], inspect=False)
    else:
        export_points_node(node, fixed, output, file_of=file_of, description=rows[DESCRIPTION])
    return output


def _volume(scene: slicer.vtkMRMLScene, name: str, row: str) -> slicer.vtkMRMLVolumeNode:
    found = [volume for volume in nodes_of_class(scene, "vtkMRMLVolumeNode") if volume.GetName() == name]
    if not name:
        raise UsageError(_("{row} is empty: enter the name of a volume that was loaded from DICOM").format(row=row))
    if len(found) != 1:
        text = _("{row}: {count} volumes of the scene are called “{name}”; expected one")
        raise UsageError(text.format(row=row, count=len(found), name=name))
    return found[0]


def in_words(error: DicomRegInspectorError) -> str:
    """Return what the dialog says when something was not exported."""
    return _("Not exported: {error}").format(error=error)
