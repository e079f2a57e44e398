"""Arrangements of views for what this extension shows, as nodes of the scene; the application draws them.

Slicer keeps descriptions of layouts in its layout node. They are not saved with a scene, only the number of the one
that is shown is: :func:`register_layouts` has to have run before a layout can be shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import slicer

from .convert import nodes_of_class

COMPARISON, POSITIONS, HISTOGRAMS, BEFORE_AFTER = 66301, 66302, 66303, 66304
"""Numbers of the layouts; Slicer's own are below 100, and its documentation advises any large number."""
OUR_LAYOUTS = (COMPARISON, POSITIONS, HISTOGRAMS, BEFORE_AFTER)

PREVIOUS_ATTRIBUTE = "DicomRegInspector.PreviousLayout"
"""On the layout node: the number of the layout that was shown before one of these."""
_CROSSHAIR_ATTRIBUTE = "DicomRegInspector.PreviousMode"

VIEW_GROUP = 663
"""Of the comparison's views: linking and jumping stay within a group, so that Slicer's own views keep their place."""

ORIENTATIONS = ("Axial", "Coronal", "Sagittal")


@dataclass(frozen=True)
class ViewSpec:
    """One view of a layout."""

    tag: str
    """Slicer knows a view by this; it is the title of the view in Slicer's menus too."""
    label: str
    """Written on the view's bar, which is as wide as the label."""
    colour: tuple[float, float, float]
    """Of the view's bar."""


FIXED = ViewSpec("RegFixed", "Fixed", (0.34, 0.71, 0.91))
MOVING = ViewSpec("RegMoving", "Moving, as loaded", (0.90, 0.62, 0.0))
REGISTERED = ViewSpec("RegRegistered", "Moving, registered", (0.94, 0.89, 0.26))
DIFFERENCE = ViewSpec("RegDifference", "Difference", (0.80, 0.62, 0.72))
COMPARISON_VIEWS = (FIXED, MOVING, REGISTERED, DIFFERENCE)
"""Colours of Okabe and Ito, pale enough for the black letters of Slicer's bars."""

PLAIN_VIEWS = (
    ViewSpec("RegPlainCoronal", "As a plain volume", (0.90, 0.62, 0.0)),
    ViewSpec("RegPlainSagittal", "As a plain volume", (0.90, 0.62, 0.0)),
)
REGULAR_VIEWS = (
    ViewSpec("RegRegularCoronal", "Regularized", (0.34, 0.71, 0.91)),
    ViewSpec("RegRegularSagittal", "Regularized", (0.34, 0.71, 0.91)),
)
BEFORE_AFTER_ROWS = (("Coronal", 664), ("Sagittal", 665))
"""Orientation and view group of each row: before and after are linked, the rows are turned by themselves."""

POSITIONS_PLOT = ViewSpec("RegSlicePositions", "Slice positions", (0.9, 0.9, 0.9))
PLOTS = {
    "components": ViewSpec("RegComponents", "Along R, A, S", (0.9, 0.9, 0.9)),
    "magnitude": ViewSpec("RegLength", "Length", (0.9, 0.9, 0.9)),
    "jacobian": ViewSpec("RegJacobian", "Jacobian", (0.9, 0.9, 0.9)),
}
"""Plot views of the histograms' layout by the names of :func:`.quality.histograms.place_histograms`."""

_SLICER_SLICES = (("Red", "Axial", "R", "#F34A33"), ("Green", "Coronal", "G", "#6EB04B"),
                  ("Yellow", "Sagittal", "Y", "#EDD54C"))  # fmt: skip
"""Slicer's own three slice views: tag, orientation, label, colour."""
SLICER_TAGS = tuple(tag for tag, *_ in _SLICER_SLICES)


def register_layouts(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLLayoutNode | None:
    """Make the layouts known to the scene's layout node; None when the scene has none (no window, no views).

    When a scene was opened that was saved while one of them was shown, it is shown again.
    """
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if node is None:
        return None
    for number, description in _DESCRIPTIONS.items():
        if not node.IsLayoutDescription(number):
            node.AddLayoutDescription(number, description)
    if node.GetViewArrangement() in OUR_LAYOUTS:
        node.SetViewArrangement(node.GetViewArrangement())
    return node


def show_layout(scene: slicer.vtkMRMLScene, number: int) -> bool:
    """Show one of the layouts, and remember which one was shown before. Returns whether there is a layout node."""
    node = register_layouts(scene)
    if node is None:
        return False
    shown = node.GetViewArrangement()
    if shown not in OUR_LAYOUTS:
        node.SetAttribute(PREVIOUS_ATTRIBUTE, str(shown))
    node.RemoveAllMaximizedViewNodes()
    node.SetViewArrangement(number)
    return True


def restore_layout(scene: slicer.vtkMRMLScene) -> bool:
    """Go back to the layout before; returns False when none of ours is shown."""
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if node is None or node.GetViewArrangement() not in OUR_LAYOUTS:
        return False
    noted = node.GetAttribute(PREVIOUS_ATTRIBUTE) or ""
    before = int(noted) if noted.isdecimal() else node.SlicerLayoutFourUpView
    if not node.IsLayoutDescription(before) or before == node.SlicerLayoutNone:
        before = node.SlicerLayoutFourUpView
    node.RemoveAllMaximizedViewNodes()
    node.SetViewArrangement(before)
    node.RemoveAttribute(PREVIOUS_ATTRIBUTE)
    _restore_crosshair(scene)
    return True


def shown_layout(scene: slicer.vtkMRMLScene) -> int | None:
    """Return which of :data:`OUR_LAYOUTS` is shown; None when it is another one."""
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    number = node.GetViewArrangement() if node is not None else None
    return number if number in OUR_LAYOUTS else None


@dataclass(frozen=True)
class ComparisonVolumes:
    """What the four views show."""

    fixed: slicer.vtkMRMLScalarVolumeNode
    moving: slicer.vtkMRMLScalarVolumeNode
    """The source image where it lies in its own coordinates."""
    registered: slicer.vtkMRMLScalarVolumeNode
    """The source image brought to the registered one."""
    difference: slicer.vtkMRMLScalarVolumeNode
    checkerboard: slicer.vtkMRMLScalarVolumeNode | None = None
    """Behind the difference: seen when that is faded out."""


def fill_comparison(
    scene: slicer.vtkMRMLScene,
    volumes: ComparisonVolumes,
    *,
    orientation: str = "Axial",
    position_ras: Sequence[float] | None = None,
) -> list[slicer.vtkMRMLSliceNode]:
    """Put the volumes into four linked slice views of one orientation, at one place.

    The views are linked at once ("hot"): scrolling, zooming, panning and changing the orientation in one of them does
    the same in the others, and the crosshair that Shift and the mouse move is seen in all.

    Returns the slice nodes in the order of :data:`COMPARISON_VIEWS`.

    Parameters
    ----------
    orientation
        One of :data:`ORIENTATIONS`; the axis of the registered image nearest to it.
    position_ras
        A point in RAS mm that the views cut through; by default the middle of the registered image.
    """
    shown = (volumes.fixed, volumes.moving, volumes.registered, volumes.difference)
    nodes = []
    for spec, volume in zip(COMPARISON_VIEWS, shown, strict=True):
        behind = volumes.checkerboard if spec is DIFFERENCE else None
        layers = (volume, None) if behind is None else (behind, volume)
        nodes.append(linked_view(scene, spec, VIEW_GROUP, *layers))
    orient_comparison(scene, orientation, volumes.fixed)
    show_crosshair(scene)
    jump_comparison(scene, volumes, position_ras)
    return nodes


def jump_comparison(
    scene: slicer.vtkMRMLScene, volumes: ComparisonVolumes, position_ras: Sequence[float] | None = None
) -> None:
    """Have the four views cut through one point, RAS mm; by default the middle of the registered image."""
    jump(scene, centre_of(volumes.fixed) if position_ras is None else position_ras, group=VIEW_GROUP)


def orient_comparison(
    scene: slicer.vtkMRMLScene, orientation: str, reference: slicer.vtkMRMLVolumeNode | None = None
) -> None:
    """Turn all four views to an orientation, and to the nearest axes of a reference volume where one is given."""
    if orientation not in ORIENTATIONS:
        raise ValueError(f"{orientation!r} is none of {', '.join(ORIENTATIONS)}")
    for spec in COMPARISON_VIEWS:
        node = _view(scene, "vtkMRMLSliceNode", spec.tag)
        if node is None:
            continue
        node.SetOrientation(orientation)
        parent = reference.GetParentTransformNode() if reference is not None else None
        # Slicer can turn views to volumes under linear transforms only.
        if reference is not None and (parent is None or parent.IsTransformToWorldLinear()):
            node.RotateToVolumePlane(reference)


def align_comparison(scene: slicer.vtkMRMLScene) -> None:
    """Give the other three views place and zoom of the first one: as linking does for what the user does later."""
    first = _view(scene, "vtkMRMLSliceNode", FIXED.tag)
    for spec in COMPARISON_VIEWS[1:]:
        node = _view(scene, "vtkMRMLSliceNode", spec.tag)
        if first is not None and node is not None:
            align_view(node, first)


def align_view(node: slicer.vtkMRMLSliceNode, first: slicer.vtkMRMLSliceNode) -> None:
    """Give a slice view the place and the zoom of another one."""
    width, height, depth = first.GetFieldOfView()
    across, down = node.GetDimensions()[:2]
    node.GetSliceToRAS().DeepCopy(first.GetSliceToRAS())
    node.SetXYZOrigin(*first.GetXYZOrigin())
    node.SetFieldOfView(width, width * down / across if across else height, depth)
    node.UpdateMatrices()


def jump(scene: slicer.vtkMRMLScene, position_ras: Sequence[float], group: int = -1) -> None:
    """Move slice views to cut through a point, RAS mm, and the crosshair to it; a group of views, or all (-1)."""
    right, front, top = (float(value) for value in position_ras)
    slicer.vtkMRMLSliceNode.JumpAllSlices(
        scene, right, front, top, slicer.vtkMRMLSliceNode.OffsetJumpSlice, group
    )  # fmt: skip
    crosshair = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    if crosshair is not None:
        crosshair.SetCrosshairRAS(right, front, top)


def fill_plots(scene: slicer.vtkMRMLScene, charts: dict[str, slicer.vtkMRMLPlotChartNode | None]) -> None:
    """Put charts into the plot views of the histograms' layout, by the names of :data:`PLOTS`."""
    for name, spec in PLOTS.items():
        _fill_plot(scene, spec, charts.get(name))


def fill_positions(scene: slicer.vtkMRMLScene, chart: slicer.vtkMRMLPlotChartNode) -> None:
    """Put a chart of slice positions into the plot view of its layout."""
    _fill_plot(scene, POSITIONS_PLOT, chart)


def main_composites(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLSliceCompositeNode]:
    """Return what the slice views show that are not the comparison's."""
    ours = {spec.tag for spec in (*COMPARISON_VIEWS, *PLAIN_VIEWS, *REGULAR_VIEWS)}
    return [node for node in nodes_of_class(scene, "vtkMRMLSliceCompositeNode") if node.GetLayoutName() not in ours]


def composite_of(scene: slicer.vtkMRMLScene, tag: str) -> slicer.vtkMRMLSliceCompositeNode:
    """Return what a slice view shows; made where the view was never drawn, and found by its logic later."""
    node = scene.GetSingletonNode(tag, "vtkMRMLSliceCompositeNode")
    if node is None:
        node = scene.CreateNodeByClass("vtkMRMLSliceCompositeNode")
        node.UnRegister(None)
        node.SetLayoutName(tag)
        node = scene.AddNode(node)
    return node


def _view(scene: slicer.vtkMRMLScene, kind: str, tag: str) -> slicer.vtkMRMLAbstractViewNode | None:
    return scene.GetSingletonNode(tag, kind)


def _view_of(scene: slicer.vtkMRMLScene, kind: str, spec: ViewSpec) -> slicer.vtkMRMLAbstractViewNode:
    """The node of a view; made as Slicer's layout logic makes views, which finds it by its tag and makes no other."""
    node = _view(scene, kind, spec.tag)
    if node is None:
        node = scene.CreateNodeByClass(kind)
        node.UnRegister(None)
        node.SetLayoutName(spec.tag)
        node.SetName(spec.tag)
        node = scene.AddNode(node)
    node.SetLayoutLabel(spec.label)
    node.SetLayoutColor(*spec.colour)
    return node


def linked_view(
    scene: slicer.vtkMRMLScene,
    spec: ViewSpec,
    group: int,
    background: slicer.vtkMRMLVolumeNode,
    foreground: slicer.vtkMRMLVolumeNode | None = None,
) -> slicer.vtkMRMLSliceNode:
    """Return a slice view of a group with one volume or two in it, linked at once; made where there is none yet."""
    node = _view_of(scene, "vtkMRMLSliceNode", spec)
    node.SetViewGroup(group)
    composite = composite_of(scene, spec.tag)
    before = composite.StartModify()
    # What is loaded or chosen elsewhere must not take these views over.
    composite.SetDoPropagateVolumeSelection(False)
    composite.SetLinkedControl(True)
    composite.SetHotLinkedControl(True)
    composite.SetLabelVolumeID(None)
    composite.SetBackgroundVolumeID(background.GetID())
    composite.SetForegroundVolumeID(foreground.GetID() if foreground is not None else None)
    composite.SetForegroundOpacity(1.0 if foreground is not None else 0.0)
    composite.EndModify(before)
    return node


def _fill_plot(scene: slicer.vtkMRMLScene, spec: ViewSpec, chart: slicer.vtkMRMLPlotChartNode | None) -> None:
    node = _view_of(scene, "vtkMRMLPlotViewNode", spec)
    node.SetDoPropagatePlotChartSelection(False)
    node.SetPlotChartNodeID(chart.GetID() if chart is not None else None)


def show_crosshair(scene: slicer.vtkMRMLScene) -> None:
    """Show the crosshair in every view, and let it move them; the user's own choice of a crosshair stays."""
    crosshair = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    if crosshair is None:
        return
    if crosshair.GetCrosshairMode() == crosshair.NoCrosshair:
        crosshair.SetAttribute(_CROSSHAIR_ATTRIBUTE, str(crosshair.GetCrosshairBehavior()))
        crosshair.SetCrosshairMode(crosshair.ShowBasic)
    if crosshair.GetCrosshairBehavior() == crosshair.NoAction:
        crosshair.SetCrosshairBehavior(crosshair.OffsetJumpSlice)


def _restore_crosshair(scene: slicer.vtkMRMLScene) -> None:
    crosshair = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    before = crosshair.GetAttribute(_CROSSHAIR_ATTRIBUTE) if crosshair is not None else None
    if before is not None:
        crosshair.SetCrosshairMode(crosshair.NoCrosshair)
        crosshair.SetCrosshairBehavior(int(before))
        crosshair.RemoveAttribute(_CROSSHAIR_ATTRIBUTE)


def centre_of(volume: slicer.vtkMRMLVolumeNode) -> tuple[float, float, float]:
    """Return the middle of a volume, RAS mm."""
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    return tuple((bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3))


def _view_xml(kind: str, tag: str, **properties: str) -> str:
    told = "".join(f'<property name="{name}" action="default">{value}</property>' for name, value in properties.items())
    return f'<item><view class="{kind}" singletontag="{tag}">{told}</view></item>'


def _spec_xml(kind: str, spec: ViewSpec, **properties: str) -> str:
    colour = "#" + "".join(f"{round(255 * part):02X}" for part in spec.colour)
    return _view_xml(kind, spec.tag, viewlabel=spec.label, viewcolor=colour, **properties)


def _rows(kind: str, *items: str, split: bool = False) -> str:
    return f'<layout type="{kind}"{" split=" + chr(34) + "true" + chr(34) if split else ""}>{"".join(items)}</layout>'


def _item(content: str, size: int | None = None) -> str:
    return f'<item splitSize="{size}">{content}</item>' if size is not None else f"<item>{content}</item>"


def _slices() -> list[str]:
    return [
        _view_xml("vtkMRMLSliceNode", tag, orientation=orientation, viewlabel=label, viewcolor=colour)
        for tag, orientation, label, colour in _SLICER_SLICES
    ]


def _comparison_xml() -> str:
    views = [
        _spec_xml("vtkMRMLSliceNode", spec, orientation="Axial", viewgroup=str(VIEW_GROUP)) for spec in COMPARISON_VIEWS
    ]
    return _rows(
        "vertical", _item(_rows("horizontal", *views[:2])), _item(_rows("horizontal", *views[2:]))
    )  # fmt: skip


def _before_after_xml() -> str:
    rows = []
    for row, (orientation, group) in enumerate(BEFORE_AFTER_ROWS):
        views = [
            _spec_xml("vtkMRMLSliceNode", specs[row], orientation=orientation, viewgroup=str(group))
            for specs in (PLAIN_VIEWS, REGULAR_VIEWS)
        ]
        rows.append(_item(_rows("horizontal", *views)))
    return _rows("vertical", *rows)


def _positions_xml() -> str:
    # Two in a row: three slice views are wider together than a laptop's screen has beside the panel.
    red, green, yellow = _slices()
    above = _rows("horizontal", red, _spec_xml("vtkMRMLPlotViewNode", POSITIONS_PLOT))
    return _rows("vertical", _item(above), _item(_rows("horizontal", green, yellow)))


def _histograms_xml() -> str:
    red, *others = _slices()
    slices = _rows("vertical", red, _item(_rows("horizontal", *others)))
    plots = _rows("vertical", *(_spec_xml("vtkMRMLPlotViewNode", spec) for spec in PLOTS.values()))
    return _rows("horizontal", _item(slices, 550), _item(plots, 450), split=True)


_DESCRIPTIONS = {
    COMPARISON: _comparison_xml(),
    POSITIONS: _positions_xml(),
    HISTOGRAMS: _histograms_xml(),
    BEFORE_AFTER: _before_after_xml(),
}
