"""Slicer's own display of a transform, set so that a field of any size is seen: glyphs, a grid, or contours."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import slicer

from ...words import round_down, round_up
from ..colours import length_colours
from ..transforms.node_field import WorldField
from .quality_views import QUALITY_ATTRIBUTE, add_legend

Mode = Literal["glyph", "grid", "contour"]

GLYPHS_ACROSS = 25
"""Glyphs along the longest side of what is shown: they show the shape of a field and can be told apart."""
LONGEST_GLYPH = 2.0
"""Length of the longest glyph against their distance, at most; a factor beyond 1 is only used below half of that."""
CONTOURS = 8


def show_transform(
    node: slicer.vtkMRMLTransformNode,
    field: WorldField,
    longest_mm: float,
    *,
    mode: Mode = "glyph",
    region: slicer.vtkMRMLVolumeNode | None = None,
) -> slicer.vtkMRMLTransformDisplayNode:
    """Show a transform node in slices and in 3-D, coloured by the length of the displacement from 0 mm to the longest.

    Slicer draws the way of a volume under the node, which is to world: the inverse of how a registration samples.

    Parameters
    ----------
    field
        What the node does; its lattice gives distances of glyphs and lines.
    longest_mm
        Its longest displacement.
    mode
        What is drawn; the settings of the others are made too, so that the user can change over.
    region
        Where it is drawn in 3-D: a volume, for instance one of :func:`.quality_views.place_quality_volumes`.
    """
    scene = node.GetScene()
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    before = display.StartModify()
    longest = longest_mm if math.isfinite(longest_mm) and longest_mm > 0 else 1.0
    _set_glyphs(display, field, longest)
    _set_grid(display)
    _set_contours(display, field, longest)
    modes = {"glyph": display.VIS_MODE_GLYPH, "grid": display.VIS_MODE_GRID, "contour": display.VIS_MODE_CONTOUR}
    display.SetVisualizationMode(modes[mode])
    if region is not None:
        display.SetAndObserveRegionNode(region)
    _set_colours(scene, display, field, longest)
    display.SetVisibility(True)
    display.SetVisibility2D(True)
    display.SetVisibility3D(True)
    display.EndModify(before)
    add_legend(node, "Displacement\nmm", (0.0, longest))
    return display


def _set_glyphs(display: slicer.vtkMRMLTransformDisplayNode, field: WorldField, longest: float) -> None:
    extent = np.linalg.norm(field.index_to_ras[:3, :3], axis=0) * (np.array(field.grid.dimensions) - 1)
    spacing = round_up(max(float(extent.max()) / GLYPHS_ACROSS, 0.5))
    display.SetGlyphSpacingMm(spacing)
    display.SetGlyphScalePercent(glyph_scale_percent(longest, spacing))
    display.SetGlyphType(display.GLYPH_TYPE_ARROW)
    # Slicer leaves out what is longer than this; its default of 100 mm hides what matters most in a wrong field.
    display.SetGlyphDisplayRangeMaxMm(1.05 * longest)
    display.SetGlyphDisplayRangeMinMm(min(0.01, longest / 100))
    # Tip and shaft are absolute, whatever the length of a glyph.
    display.SetGlyphDiameterMm(0.35 * spacing)
    display.SetGlyphTipLengthPercent(30)
    display.SetGlyphShaftDiameterPercent(35)
    display.SetGlyphResolution(8)
    display.SetGridSpacingMm(1.5 * spacing)


def glyph_scale_percent(longest: float, spacing: float) -> float:
    """Return true to scale where glyphs can be seen and do not run into each other, else a round factor, in percent."""
    if LONGEST_GLYPH / 4 <= longest / spacing <= LONGEST_GLYPH:
        return 100.0
    factor = 0.5 * LONGEST_GLYPH * spacing / longest
    return 100.0 * round_down(factor)


def _set_grid(display: slicer.vtkMRMLTransformDisplayNode) -> None:
    spacing = display.GetGridSpacingMm()
    display.SetGridScalePercent(100)
    display.SetGridResolutionMm(spacing / 5)
    display.SetGridLineDiameterMm(spacing / 20)
    display.SetGridShowNonWarped(True)


def _set_contours(display: slicer.vtkMRMLTransformDisplayNode, field: WorldField, longest: float) -> None:
    step = round_up(longest / CONTOURS)
    levels = [step * number for number in range(1, math.floor(longest / step + 1e-9) + 1)] or [longest / 2]
    display.SetContourLevelsMmFromString(" ".join(f"{level:g}" for level in levels))
    # As fine as the field itself, but not so fine that a view takes seconds.
    finest = float(field.grid.spacing_mm.min())
    display.SetContourResolutionMm(max(finest, display.GetGlyphSpacingMm() / 4))
    display.SetContourOpacity(0.6)


def _set_colours(
    scene: slicer.vtkMRMLScene, display: slicer.vtkMRMLTransformDisplayNode, field: WorldField, longest: float
) -> None:
    old = display.GetColorNode()
    node = length_colours(scene, longest, f"{field.name}: displacement colours")
    node.SetAttribute(QUALITY_ATTRIBUTE, field.key)
    display.SetScalarVisibility(True)
    display.SetAutoScalarRange(False)
    display.SetScalarRange(0.0, longest)
    display.SetAndObserveColorNodeID(node.GetID())
    if old is not None and old.GetAttribute(QUALITY_ATTRIBUTE) == field.key:
        scene.RemoveNode(old)
