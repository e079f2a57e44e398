"""From what was found or made to the views and layouts that show it, and from the DICOM browser to its selection.

Without a main window there is no layout: the nodes are set all the same, and nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

from ..scene import layouts
from ..scene.series import before_after


def show_position(position_lps_mm: Sequence[float]) -> None:
    """Move all slice views so that they cut through a point (LPS mm); zoom and pan stay."""
    x, y, z = position_lps_mm
    layouts.jump(slicer.mrmlScene, (-x, -y, z))


def show_sequence(browser: slicer.vtkMRMLSequenceBrowserNode) -> None:
    """Give Slicer's toolbar of sequences the browser of a new one; without the Sequences module there is none."""
    module = getattr(slicer.modules, "sequences", None)
    if module is not None and slicer.app.layoutManager() is not None:
        module.setToolBarActiveBrowserNode(browser)
        module.setToolBarVisible(True)


def show_table(table: slicer.vtkMRMLTableNode) -> None:
    """Show a table in the layout; an application without main window has none."""
    manager = slicer.app.layoutManager()
    if manager is None:
        return
    manager.setLayout(slicer.modules.tables.logic().GetLayoutWithTable(manager.layout))
    logic = slicer.app.applicationLogic()
    logic.GetSelectionNode().SetActiveTableID(table.GetID())
    logic.PropagateTableSelection()


def show_layers(
    background: slicer.vtkMRMLVolumeNode | None,
    foreground: slicer.vtkMRMLVolumeNode | None = None,
    label: slicer.vtkMRMLVolumeNode | None = None,
    opacity: float = 1.0,
    *,
    fit: bool = False,
) -> None:
    """Show volumes in Slicer's own slice views; the comparison's are left alone, and its layout is left.

    Parameters
    ----------
    background
        None keeps what is there.
    opacity
        Of what is in front: the foreground, and the label volume.
    fit
        Zoom to the background.
    """
    if layouts.shown_layout(slicer.mrmlScene) in (layouts.COMPARISON, layouts.BEFORE_AFTER):
        restore_layout()
    for composite in layouts.main_composites(slicer.mrmlScene):
        if background is not None:
            composite.SetBackgroundVolumeID(background.GetID())
        composite.SetForegroundVolumeID(foreground.GetID() if foreground is not None else None)
        composite.SetForegroundOpacity(opacity if foreground is not None else 0.0)
        composite.SetLabelVolumeID(label.GetID() if label is not None else None)
        if label is not None:
            composite.SetLabelOpacity(opacity)
    if fit:
        _fit([composite.GetLayoutName() for composite in layouts.main_composites(slicer.mrmlScene)])


def show_comparison_layout(volumes: layouts.ComparisonVolumes) -> bool:
    """Show registered image, source image as loaded, source image registered, and difference in four linked views.

    They are axial and cut through the middle of the registered image; the user changes both in any of them for all.
    Returns whether there is a layout to show them in.
    """
    layouts.fill_comparison(slicer.mrmlScene, volumes)
    shown = _show_layout(layouts.COMPARISON)
    if shown:
        _fit([layouts.FIXED.tag])
        layouts.align_comparison(slicer.mrmlScene)
        layouts.jump_comparison(slicer.mrmlScene, volumes)
    return shown


def show_histograms_layout(
    charts: dict[str, slicer.vtkMRMLPlotChartNode],
    background: slicer.vtkMRMLVolumeNode | None = None,
    overlay: slicer.vtkMRMLVolumeNode | None = None,
    opacity: float = 1.0,
) -> bool:
    """Show histograms (``components``, ``magnitude``, ``jacobian``) beside slice views, with a measure over an image.

    Returns whether there is a layout to show them in.
    """
    layouts.fill_plots(slicer.mrmlScene, charts)
    shown = _show_layout(layouts.HISTOGRAMS)
    if background is not None or overlay is not None:
        front = overlay if background is not None else None
        show_layers(background or overlay, front, opacity=opacity, fit=shown)
    return shown


def show_slice_positions_layout(
    chart: slicer.vtkMRMLPlotChartNode, volume: slicer.vtkMRMLVolumeNode | None = None
) -> bool:
    """Return the chart of slice positions above the slice views, which show the volume where there is one.

    Returns whether there is a layout to show them in.
    """
    layouts.fill_positions(slicer.mrmlScene, chart)
    shown = _show_layout(layouts.POSITIONS)
    if volume is not None:
        show_layers(volume, fit=shown)
    return shown


def show_before_after_layout(volumes: before_after.BeforeAfter) -> bool:
    """Return a stack as a plain volume beside what it was made into, coronal and sagittal, linked.

    Returns whether there is a layout to show them in.
    """
    before_after.fill_before_after(slicer.mrmlScene, volumes)
    shown = _show_layout(layouts.BEFORE_AFTER)
    if shown:
        _fit([spec.tag for spec in layouts.PLAIN_VIEWS])
        before_after.align_before_after(slicer.mrmlScene)
        before_after.jump_before_after(slicer.mrmlScene, volumes)
    return shown


def restore_layout() -> bool:
    """Go back to the layout before one of these was shown; False when none is."""
    return layouts.restore_layout(slicer.mrmlScene)


def _show_layout(number: int) -> bool:
    if slicer.app.layoutManager() is None:
        return False
    shown = layouts.show_layout(slicer.mrmlScene, number)
    # Views get their sizes from the event loop, and a view is fitted to the size it has.
    slicer.app.processEvents()
    return shown


def _fit(tags: Sequence[str]) -> None:
    """Zoom views to their background; those that are not drawn have no logic that could."""
    for tag in tags:
        node = slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLSliceNode")
        logic = slicer.app.applicationLogic().GetSliceLogic(node) if node is not None else None
        if logic is not None:
            logic.FitSliceToBackground()


def selected_series_uids() -> list[str]:
    """Return series Instance UIDs selected in Slicer's DICOM browser; empty when it was never opened.

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
