"""From what was found or made to the views and layouts that show it, and from the DICOM browser to its selection.

Without a main window there is no layout: the nodes are set all the same, and nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import slicer

from ..scene import drawn, fitting, layouts, solid
from ..scene.series import before_after
from ..scene.volumes import frame_of_volume


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


class Drawing:
    """What the module shows in the views at present: one thing. Whoever shows another begins by taking it away."""

    def __init__(self) -> None:
        self.what = ""
        """A name that whoever began it gave it; empty for nothing."""
        self.on_change: Callable[[], None] = lambda: None

    def begin(self, what: str) -> bool:
        """Take away what is shown, but for its layout, which may be the next one's too; False when nothing was."""
        was_there = drawn.hide(slicer.mrmlScene)
        solid.restore_planes(slicer.mrmlScene)
        self.what = what
        self.on_change()
        return was_there

    def hide(self) -> bool:
        """Take away all of it, and go back to the layout before; False when there was nothing.

        Views that showed the whole of an image do so afterwards.
        """
        fitted = _fitted()
        was_there = self.begin("")
        is_restored = restore_layout()
        if is_restored or was_there:
            _fit(fitted)
        return is_restored or was_there

    def forget(self) -> None:
        """Note that the scene is another one: what was shown is gone."""
        self.what = ""
        self.on_change()


def show_layers(
    background: slicer.vtkMRMLVolumeNode | None,
    foreground: slicer.vtkMRMLVolumeNode | None = None,
    label: slicer.vtkMRMLVolumeNode | None = None,
    opacity: float = 1.0,
    *,
    frame_uid: str = "",
    layout: int | None = None,
) -> None:
    """Show something over an image in Slicer's own slice views, with its legend, until it is hidden.

    Parameters
    ----------
    background
        None keeps what the user has there, unless that is known to be in another frame of reference; where there is
        nothing, the foreground becomes the background.
    opacity
        Of what is in front: the foreground, and the label volume.
    frame_uid
        Frame of reference of what is shown, where it is known.
    layout
        One of ours, in which the slice views are; None is the one before ours.
    """
    fitted = _fitted()
    if layout is None:
        restore_layout()
    composites = layouts.main_composites(slicer.mrmlScene)
    strangers = [composite for composite in composites if background is None and _is_elsewhere(composite, frame_uid)]
    is_empty = not any(composite.GetBackgroundVolumeID() for composite in composites if composite not in strangers)
    if background is None and is_empty:
        background, foreground = foreground or label, None
    new = background is not None and not _is_shown(background)
    for composite in composites:
        drawn.put_layers(composite, background, foreground, label, opacity, is_empty=composite in strangers)
    drawn.show_legend_of(foreground or background)
    if new:
        _fit([composite.GetLayoutName() for composite in composites], keep_place=False)
        _show_in_3d(background)
    else:
        _fit(fitted)


def _is_elsewhere(composite: slicer.vtkMRMLSliceCompositeNode, frame_uid: str) -> bool:
    """Whether a view's image is in a frame of reference, and another one: nothing tells where that is in this one."""
    volume = slicer.mrmlScene.GetNodeByID(composite.GetBackgroundVolumeID() or "")
    other = frame_of_volume(slicer.mrmlScene, volume) if frame_uid and volume is not None else ""
    return bool(other) and other != frame_uid


def show_arrows(volume: slicer.vtkMRMLVolumeNode, arrow_ras: Sequence[float] | None) -> None:
    """Make room for what was drawn of a transform: beside images for its legend, in 3-D for arrows along a direction.

    Parameters
    ----------
    volume
        Where the transform is drawn in 3-D.
    arrow_ras
        The direction of the longest displacement, RAS.
    """
    composites = layouts.main_composites(slicer.mrmlScene)
    empty = [composite.GetLayoutName() for composite in composites if not composite.GetBackgroundVolumeID()]
    _fit([*_fitted(), *empty], region=volume)
    solid.leave_one_plane(slicer.mrmlScene, empty)
    solid.look_at(volume, arrow_ras)


def show_loaded(
    volume: slicer.vtkMRMLVolumeNode | None,
    position_ras: Sequence[float] | None = None,
    *,
    instead_of: Collection[slicer.vtkMRMLVolumeNode] | None = None,
) -> None:
    """Show what was loaded in Slicer's own slice views: the whole of it, and at a place where there is one.

    As Slicer's readers do, it becomes the background of the views that follow what is loaded; layers in front of it,
    and views that the user has taken out of that, stay.

    Parameters
    ----------
    position_ras
        A point for the slices to cut through, RAS mm.
    instead_of
        Images whose place it takes, where others stay; None for all.
    """
    if volume is not None:
        gone = None if instead_of is None else {"", *(other.GetID() for other in instead_of)}
        composites = [
            composite
            for composite in layouts.main_composites(slicer.mrmlScene)
            if composite.GetDoPropagateVolumeSelection()
            and (gone is None or (composite.GetBackgroundVolumeID() or "") in gone)
        ]
        for composite in composites:
            composite.SetBackgroundVolumeID(volume.GetID())
        if composites:
            slicer.app.applicationLogic().GetSelectionNode().SetActiveVolumeID(volume.GetID())
            _fit([composite.GetLayoutName() for composite in composites], keep_place=False)
            _show_in_3d(volume)
    if position_ras is not None:
        layouts.jump(slicer.mrmlScene, position_ras)


def show_registration(node: slicer.vtkMRMLTransformNode, position_lps_mm: Sequence[float] | None) -> None:
    """Show a registration's fixed image, or its moving one, unless another image is shown, at a point (LPS mm).

    The fixed image takes the place of the moving one: it is what a registration's grid lies in.
    """
    roles = (node.GetFixedNodeReferenceRole(), node.GetMovingNodeReferenceRole())
    volumes = [volume for volume in map(node.GetNodeReference, roles) if volume is not None]
    ras = None
    if position_lps_mm is not None:
        x, y, z = position_lps_mm
        ras = (-x, -y, z)
    show_loaded(volumes[0] if volumes else None, ras, instead_of=volumes[1:])


def _is_shown(volume: slicer.vtkMRMLVolumeNode) -> bool:
    composites = layouts.main_composites(slicer.mrmlScene)
    return any(composite.GetBackgroundVolumeID() == volume.GetID() for composite in composites)


def show_comparison_layout(volumes: layouts.ComparisonVolumes) -> bool:
    """Show registered image, source image as loaded, source image registered, and difference in four linked views.

    They are axial and cut through the middle of the registered image; the user changes both in any of them for all.
    Returns whether there is a layout to show them in.
    """
    layouts.fill_comparison(slicer.mrmlScene, volumes)
    shown = _show_layout(layouts.COMPARISON)
    if shown:
        drawn.show_legend_of(volumes.difference)
        _fit([layouts.FIXED.tag])
        layouts.align_comparison(slicer.mrmlScene)
        layouts.jump_comparison(slicer.mrmlScene, volumes)
    return shown


def show_histograms_layout(
    charts: dict[str, slicer.vtkMRMLPlotChartNode],
    background: slicer.vtkMRMLVolumeNode | None,
    overlay: slicer.vtkMRMLVolumeNode,
    opacity: float = 1.0,
) -> bool:
    """Show histograms (``components``, ``magnitude``, ``jacobian``) beside slice views, with a measure over an image.

    Returns whether there is a layout to show them in.
    """
    layouts.fill_plots(slicer.mrmlScene, charts)
    fitted = _fitted()
    shown = _show_layout(layouts.HISTOGRAMS)
    show_layers(background, overlay, opacity=opacity, layout=layouts.HISTOGRAMS)
    if shown:
        _fit(fitted)
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
        show_loaded(volume)
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
    """Go back to the layout before one of these was shown; False when none is, or there is no window to show any."""
    is_restored = slicer.app.layoutManager() is not None and layouts.restore_layout(slicer.mrmlScene)
    if is_restored:
        # Views get their sizes from the event loop, and a view is fitted to the size it has.
        slicer.app.processEvents()
    return is_restored


def _show_layout(number: int) -> bool:
    if slicer.app.layoutManager() is None:
        return False
    shown = layouts.show_layout(slicer.mrmlScene, number)
    slicer.app.processEvents()
    return shown


def _show_in_3d(volume: slicer.vtkMRMLVolumeNode) -> None:
    solid.show_planes(slicer.mrmlScene, layouts.SLICER_TAGS)
    solid.look_at(volume)


def _fitted() -> list[str]:
    """Slicer's own slice views that show the whole of their image; what a user has zoomed is left alone."""
    tags = [composite.GetLayoutName() for composite in layouts.main_composites(slicer.mrmlScene)]
    return [tag for tag, logic in _logics(tags) if fitting.is_fitted(logic)]


def _fit(tags: Sequence[str], *, keep_place: bool = True, region: slicer.vtkMRMLVolumeNode | None = None) -> None:
    """Zoom views to their background, beside the legend where one is drawn."""
    room = fitting.LEGEND_ROOM if drawn.has_legend(slicer.mrmlScene) else 0.0
    for _tag, logic in _logics(tags):
        fitting.fit(logic, room=room, keep_place=keep_place, region=region)


def _logics(tags: Sequence[str]) -> list[tuple[str, slicer.vtkMRMLSliceLogic]]:
    """Slice logics by the tags of their views; those that are not drawn have none."""
    application = slicer.app.applicationLogic()
    nodes = [(tag, slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLSliceNode")) for tag in tags]
    found = [(tag, application.GetSliceLogic(node)) for tag, node in nodes if node is not None]
    return [(tag, logic) for tag, logic in found if logic is not None]


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
