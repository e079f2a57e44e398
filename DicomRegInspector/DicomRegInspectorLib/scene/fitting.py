"""Slice views zoomed to their images: told apart from those that a user zoomed, and with room for a legend beside."""

from __future__ import annotations

import json
import math

import slicer

from .own_nodes import PREFIX

FITTED = PREFIX + "Fitted"
"""On a slice node: height of the field of view and origin that it was given here; resizing a view keeps both."""

LEGEND_ROOM = 0.17
"""Share of a view's width that a legend takes: numbers, bar, and most of its title."""


def fit(
    logic: slicer.vtkMRMLSliceLogic,
    *,
    room: float = 0.0,
    keep_place: bool = True,
    region: slicer.vtkMRMLVolumeNode | None = None,
) -> None:
    """Show the whole of its background in a slice view; of a region in a view without one, or it is left alone.

    Parameters
    ----------
    room
        Share of the view's width that stays free on the right.
    keep_place
        Cut where it cuts now; else through the middle of the image.
    """
    node, volume = logic.GetSliceNode(), _background(logic) or region
    across = _size(logic, volume)
    if across is None:
        return
    before, offset = node.StartModify(), node.GetSliceOffset()
    if volume is region:
        logic.FitSliceToVolume(volume, *node.GetDimensions()[:2])
    else:
        logic.FitSliceToBackground()
    if keep_place:
        node.SetSliceOffset(offset)
    width, height, depth = node.GetFieldOfView()
    wide = max(width, across[0] / (1.0 - room))
    node.SetFieldOfView(wide, height * wide / width, depth)
    node.SetXYZOrigin(max(0.0, room * wide - (wide - across[0]) / 2), 0.0, 0.0)
    node.UpdateMatrices()
    node.SetAttribute(FITTED, json.dumps(_zoom(node)))
    node.EndModify(before)


def is_fitted(logic: slicer.vtkMRMLSliceLogic) -> bool:
    """Tell whether a view shows its image as :func:`fit` or Slicer fitted it, and not as a user zoomed it since."""
    node, size = logic.GetSliceNode(), _size(logic, _background(logic))
    noted = json.loads(node.GetAttribute(FITTED) or "null")
    if noted is not None and _is_near(_zoom(node), noted):
        return True
    across, down, _slices = node.GetDimensions()
    if size is None or not across or not down:
        return False
    return _is_near(_zoom(node), [max(size[0] / across, size[1] / down) * down, 0.0, 0.0])


def _zoom(node: slicer.vtkMRMLSliceNode) -> list[float]:
    right, up, _through = node.GetXYZOrigin()
    return [node.GetFieldOfView()[1], right, up]


def _is_near(zoom: list[float], other: list[float]) -> bool:
    """Whether two zooms are the same to a hundredth of the height."""
    return all(math.isclose(a, b, abs_tol=0.01 * other[0]) for a, b in zip(zoom, other, strict=True))


def _background(logic: slicer.vtkMRMLSliceLogic) -> slicer.vtkMRMLVolumeNode | None:
    composite = logic.GetSliceCompositeNode()
    volume_id = composite.GetBackgroundVolumeID() if composite is not None else None
    return logic.GetMRMLScene().GetNodeByID(volume_id) if volume_id else None


def _size(logic: slicer.vtkMRMLSliceLogic, volume: slicer.vtkMRMLVolumeNode | None) -> tuple[float, float] | None:
    """Width and height of an image in a view's plane, mm; None for none."""
    if volume is None or volume.GetImageData() is None:
        return None
    size, middle = [0.0] * 3, [0.0] * 3
    logic.GetVolumeSliceDimensions(volume, size, middle)
    return (size[0], size[1]) if size[0] > 0 and size[1] > 0 else None
