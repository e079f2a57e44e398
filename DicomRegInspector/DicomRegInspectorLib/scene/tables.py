"""Findings as a table node of the scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..findings import Finding
from ..tasks.inspect import Inspection
from ..words import well_formed
from .own_nodes import PREFIX, own_node
from .places import Place, Places

if TYPE_CHECKING:
    import slicer


FINDING_COLUMNS = ("Severity", "Finding", "Where", "Series or registration", "Message", "What to do", "Code")


def finding_texts(finding: Finding, place: Place) -> tuple[str, ...]:
    """Return what a table says of a finding at its place, one text for each of :data:`FINDING_COLUMNS`."""
    texts = (
        finding.severity.capitalize(),
        finding.title,
        place.where,
        place.subject,
        finding.message,
        finding.remedy,
        finding.code,
    )
    return tuple(map(well_formed, texts))


def findings_table(inspection: Inspection, scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLTableNode:
    """Return all findings of an inspection in the scene's table of them, a row for each, most severe first."""
    places = Places(inspection)
    texts = [finding_texts(finding, places.of(finding)) for finding in inspection.findings]
    node = own_node(scene, "vtkMRMLTableNode", "DICOM findings", (PREFIX + "Findings", "all"), "table")
    return fill_table(node, {name: [row[index] for row in texts] for index, name in enumerate(FINDING_COLUMNS)})


def fill_table(
    node: slicer.vtkMRMLTableNode, columns: Mapping[str, Sequence[str | int | float]]
) -> slicer.vtkMRMLTableNode:
    """Give a table node these columns and return it; text columns hold text, others numbers."""
    import vtk

    table = vtk.vtkTable()
    for column_name, values in columns.items():
        array: vtk.vtkAbstractArray
        if all(isinstance(value, str) for value in values) and values:
            array = vtk.vtkStringArray()
        elif all(isinstance(value, int) for value in values) and values:
            array = vtk.vtkIntArray()
        else:
            array = vtk.vtkDoubleArray() if values else vtk.vtkStringArray()
        array.SetName(column_name)
        for value in values:
            array.InsertNextValue(value)
        table.AddColumn(array)
    node.SetAndObserveTable(table)
    node.SetUseColumnTitleAsColumnHeader(False)
    return node
