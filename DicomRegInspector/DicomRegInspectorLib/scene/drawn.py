"""What is drawn into a scene's views: layers of slice views, legends, displays of transforms. All of it can be hidden.

What was there before is noted in the scene itself and comes back; what others put there stays.
"""

from __future__ import annotations

import json

import slicer

from .convert import nodes_of_class
from .own_nodes import PREFIX

DRAWN = PREFIX + "Drawn"
"""On display nodes that are drawn from here: ``own`` goes when it is hidden, ``shared`` is the user's too and stays."""
LEGEND = PREFIX + "Legend"
"""On volumes in colours: the title of their legend, with its unit."""
_BEFORE = PREFIX + "Before"
"""On what a slice view shows: its layers and opacities before something of ours came, and those that came."""
_LAYERS = ("Background", "Foreground", "Label")

LEGEND_LABELS = 5
"""On a colour legend: odd, so that the middle of a symmetric window is told too."""
LEGEND_SIZE = (0.07, 0.26)
"""Width and height against the view's: anatomy is in the middle, the legend in the corner."""
LEGEND_PLACE = (0.99, 0.85)
"""Where it is of the room that its size leaves: above it two lines of its title still lie in the view."""


def put_layers(
    composite: slicer.vtkMRMLSliceCompositeNode,
    background: slicer.vtkMRMLVolumeNode | None,
    foreground: slicer.vtkMRMLVolumeNode | None = None,
    label: slicer.vtkMRMLVolumeNode | None = None,
    opacity: float = 1.0,
    is_empty: bool = False,
) -> None:
    """Show volumes in a slice view until :func:`hide`; None keeps the background, and empties another layer.

    Parameters
    ----------
    opacity
        Of what is in front: the foreground, and the label volume.
    is_empty
        Without a background nothing is behind, in place of what was there.
    """
    before = json.loads(composite.GetAttribute(_BEFORE) or "null") or _state(composite)
    modified = composite.StartModify()
    if background is not None:
        composite.SetBackgroundVolumeID(background.GetID())
    elif is_empty:
        composite.SetBackgroundVolumeID(None)
    composite.SetForegroundVolumeID(foreground.GetID() if foreground is not None else None)
    composite.SetForegroundOpacity(opacity if foreground is not None else 0.0)
    composite.SetLabelVolumeID(label.GetID() if label is not None else None)
    composite.SetLabelOpacity(opacity if label is not None else before["LabelOpacity"])
    composite.SetAttribute(_BEFORE, json.dumps(before | {"came": [_state(composite)[layer] for layer in _LAYERS]}))
    composite.EndModify(modified)


def _state(composite: slicer.vtkMRMLSliceCompositeNode) -> dict[str, str | float]:
    state: dict[str, str | float] = {layer: getattr(composite, f"Get{layer}VolumeID")() or "" for layer in _LAYERS}
    return state | {
        "ForegroundOpacity": composite.GetForegroundOpacity(), "LabelOpacity": composite.GetLabelOpacity()
    }  # fmt: skip


def hide(scene: slicer.vtkMRMLScene) -> bool:
    """Take all that was drawn away: layers, legends, displays of transforms; False when there was nothing.

    The volumes stay in the scene.
    """
    found = False
    for display in nodes_of_class(scene, "vtkMRMLDisplayNode"):
        drawn = display.GetAttribute(DRAWN)
        found = found or drawn is not None
        if drawn == "own":
            scene.RemoveNode(display)
        elif drawn is not None:
            display.SetVisibility(False)
            display.RemoveAttribute(DRAWN)
    for composite in nodes_of_class(scene, "vtkMRMLSliceCompositeNode"):
        found = _restore(scene, composite) or found
    return found


def _restore(scene: slicer.vtkMRMLScene, composite: slicer.vtkMRMLSliceCompositeNode) -> bool:
    """Give a slice view its layers back, but for those that somebody else has changed in the meantime."""
    before = json.loads(composite.GetAttribute(_BEFORE) or "null")
    if before is None:
        return False
    composite.RemoveAttribute(_BEFORE)
    modified = composite.StartModify()
    for layer, came in zip(_LAYERS, before["came"], strict=True):
        if (getattr(composite, f"Get{layer}VolumeID")() or "") != came or before[layer] == came:
            continue
        is_there = scene.GetNodeByID(before[layer]) is not None if before[layer] else False
        getattr(composite, f"Set{layer}VolumeID")(before[layer] if is_there else None)
        if layer != "Background":
            getattr(composite, f"Set{layer}Opacity")(before[f"{layer}Opacity"])
    composite.EndModify(modified)
    return True


def show_legend(
    node: slicer.vtkMRMLDisplayableNode, title: str, window: tuple[float, float]
) -> slicer.vtkMRMLColorLegendDisplayNode | None:
    """Return Slicer's colour legend in the views where the node is shown; None where the scene does not know legends.

    The application's module Colors makes them known. A scene without it could be saved with legends, but not be read.
    Views draw the legends that are added after them, and look at their layers when the legend is modified: the layout
    and the layers come first.

    Parameters
    ----------
    window
        Values at both ends: they decide with how many decimals the legend is written.
    """
    scene = node.GetScene()
    if not scene.IsNodeClassRegistered("vtkMRMLColorLegendDisplayNode"):
        return None
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(node)
    if legend is None:
        return None
    legend.SetAttribute(DRAWN, "own")
    legend.SetTitleText(title)
    legend.SetNumberOfLabels(LEGEND_LABELS)
    legend.SetLabelFormat(f"%.{label_decimals(*window)}f")
    legend.SetSize(*LEGEND_SIZE)
    legend.SetPosition(*LEGEND_PLACE)
    legend.SetVisibility(True)
    legend.Modified()
    return legend


def has_legend(scene: slicer.vtkMRMLScene) -> bool:
    """Tell whether a legend is drawn from here."""
    legends = nodes_of_class(scene, "vtkMRMLColorLegendDisplayNode")
    return any(legend.GetAttribute(DRAWN) is not None for legend in legends)


def show_legend_of(volume: slicer.vtkMRMLScalarVolumeNode | None) -> None:
    """Show the legend of a volume in colours, see :func:`show_legend`; others have none."""
    title = volume.GetAttribute(LEGEND) if volume is not None else None
    if title:
        display = volume.GetDisplayNode()
        show_legend(volume, title, (display.GetWindowLevelMin(), display.GetWindowLevelMax()))


def label_decimals(low: float, high: float) -> int:
    """Return decimals with which the labels of a legend can be told apart and are right to 2 % of their distance."""
    step = (high - low) / (LEGEND_LABELS - 1)
    return next((places for places in range(8) if abs(round(step, places) - step) <= 0.02 * step), 8)
