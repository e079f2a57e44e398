"""From a finding to the slice views, and from the DICOM browser to its selection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

from ..registration import Registration


def show_position(position_lps_mm: Sequence[float]) -> None:
    """Move all slice views so that they cut through a point (LPS mm); zoom and pan stay."""
    x, y, z = position_lps_mm
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, -x, -y, z, slicer.vtkMRMLSliceNode.OffsetJumpSlice)


def show_chart(chart: slicer.vtkMRMLPlotChartNode) -> None:
    """Show a chart in the layout; an application without main window has none."""
    if slicer.app.layoutManager() is not None:
        slicer.modules.plots.logic().ShowChartInLayout(chart)


def show_table(table: slicer.vtkMRMLTableNode) -> None:
    """Show a table in the layout, likewise."""
    manager = slicer.app.layoutManager()
    if manager is None:
        return
    manager.setLayout(slicer.modules.tables.logic().GetLayoutWithTable(manager.layout))
    logic = slicer.app.applicationLogic()
    logic.GetSelectionNode().SetActiveTableID(table.GetID())
    logic.PropagateTableSelection()


def nodes_of(registration: Registration) -> list[slicer.vtkMRMLTransformNode]:
    """The scene's transform nodes that were loaded from a registration."""
    nodes = slicer.mrmlScene.GetNodesByClass("vtkMRMLTransformNode")
    every = [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]
    wanted = registration.sop_instance_uid
    return [node for node in every if wanted and node.GetAttribute("DicomRegInspector.SOPInstanceUID") == wanted]


def selected_series_uids() -> list[str]:
    """Series Instance UIDs selected in Slicer's DICOM browser; empty when it was never opened.

    The browser has two faces; the visible one, or else the one that was used last, is asked.
    """
    instance = getattr(slicer.modules, "DICOMInstance", None)
    browser = getattr(instance, "browserWidget", None)
    if not browser:
        return []
    if getattr(browser, "useVisualDICOMBrowser", False):
        patients = _visual_patient_view(browser)
        if patients is not None:
            return [str(uid) for uid in patients.selectedSeriesInstanceUIDs()]
    return [str(uid) for uid in browser.dicomBrowser.dicomTableManager().currentSeriesSelection()]


def _visual_patient_view(browser: Any) -> Any:
    """The visual browser's selection; None in builds whose visual browser cannot be asked for it."""
    ask = getattr(getattr(browser, "dicomVisualBrowser", None), "patientView", None)
    return ask() if ask is not None else None
