"""Slicer's own display of a transform, set so that a field of any size is seen: glyphs, a grid, or contours."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import slicer
import vtk

from ...words import round_down, round_up
from ..colours import fill_length_colours
from ..drawn import DRAWN, show_legend
from ..own_nodes import own_node
from ..transforms.node_field import WorldField
from .quality_views import QUALITY_ATTRIBUTE

Mode = Literal["glyph", "grid", "contour"]

GLYPHS_ACROSS = 25
"""Glyphs along the longest side of a slice view's field: they show its shape and can be told apart."""
GLYPHS_ACROSS_3D = 16
MOST_GLYPHS_3D, FEWEST_GLYPHS_3D = 150, 50
"""In 3-D the longest ones alone: a box full of arrows shows its sides and hides its middle."""
LONG = 1 / 2
"""In 3-D arrows of this share of the longest are long, as far as it leaves neither too many nor too few."""
LONGEST_GLYPH = 2.0
"""Length of the longest glyph against their distance, at most; a factor beyond 1 is only used below half of that."""
CONTOURS = 8
SAMPLES = 6
"""Places along each axis at which a transform is asked where it points to."""
SLENDER = 0.3
"""Diameter of the tips of arrows in 3-D against the longest arrow: it is absolute, whatever the length of each."""
THICKNESS = 2
"""Of lines in slices, pixels."""


def show_transform(
    node: slicer.vtkMRMLTransformNode,
    field: WorldField,
    drawn_mm: np.ndarray,
    *,
    mode: Mode = "glyph",
    region: slicer.vtkMRMLVolumeNode | None = None,
) -> slicer.vtkMRMLTransformDisplayNode:
    """Show a transform node in slices and in 3-D, coloured by the length of the displacement from 0 mm to the longest.

    Slicer draws the way of a volume under the node, which is to world: the inverse of how a registration samples,
    matrices included. In 3-D a display of its own has fewer arrows, the long ones; no grid is drawn there.

    Parameters
    ----------
    field
        What the node does; its lattice gives distances of glyphs and lines.
    drawn_mm
        Ascending lengths of what is drawn, see :func:`.quality_arrays.drawn_lengths`.
    mode
        What is drawn; the settings of the others are made too, so that the user can change over.
    region
        Where it is drawn in 3-D: the image, or one of :func:`.quality_views.place_quality_volumes`.

    Returns
    -------
    vtkMRMLTransformDisplayNode
        Of the slice views: the one that Slicer's module Transforms sets.
    """
    scene = node.GetScene()
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    longest = float(drawn_mm[-1]) or 1.0
    colours = own_node(
        scene, "vtkMRMLProceduralColorNode", f"{field.name}: displacement colours", (QUALITY_ATTRIBUTE, field.key),
        "colours",
    )  # fmt: skip
    fill_length_colours(colours, longest)
    in_3d = _display_in_3d(node)
    for shown, across, is_3d in ((display, GLYPHS_ACROSS, False), (in_3d, GLYPHS_ACROSS_3D, True)):
        before = shown.StartModify()
        _set_glyphs(shown, _longest_side(field, region), longest, across)
        _set_grid(shown)
        _set_contours(shown, field, longest)
        _set_colours(shown, colours, longest)
        shown.SetVisualizationMode(_modes(shown)[mode])
        if region is not None:
            shown.SetAndObserveRegionNode(region)
        shown.SetVisibility(mode != "grid" or not is_3d)
        shown.SetVisibility2D(not is_3d)
        shown.SetVisibility3D(is_3d)
        shown.SetAttribute(DRAWN, "own" if is_3d else "shared")
        shown.EndModify(before)
    # True to one scale in all views; in 3-D what is short is left out.
    in_3d.SetGlyphScalePercent(display.GetGlyphScalePercent())
    in_3d.SetGlyphDiameterMm(SLENDER * longest * in_3d.GetGlyphScalePercent() / 100)
    shortest = _shortest_in_3d(region, in_3d.GetGlyphSpacingMm(), drawn_mm)
    in_3d.SetGlyphDisplayRangeMinMm(max(shortest, display.GetGlyphDisplayRangeMinMm()))
    show_legend(node, "Displacement\n(mm)", (0.0, longest))
    return display


def _modes(display: slicer.vtkMRMLTransformDisplayNode) -> dict[Mode, int]:
    return {"glyph": display.VIS_MODE_GLYPH, "grid": display.VIS_MODE_GRID, "contour": display.VIS_MODE_CONTOUR}


def _display_in_3d(node: slicer.vtkMRMLTransformNode) -> slicer.vtkMRMLTransformDisplayNode:
    """The display of the 3-D views: not the first, and gone when it is hidden."""
    for number in range(1, node.GetNumberOfDisplayNodes()):
        display = node.GetNthDisplayNode(number)
        if display.IsA("vtkMRMLTransformDisplayNode") and display.GetAttribute(DRAWN) == "own":
            return display
    display = node.GetScene().AddNewNodeByClass("vtkMRMLTransformDisplayNode", f"{node.GetName()} in 3-D")
    node.AddAndObserveDisplayNodeID(display.GetID())
    return display


def _shortest_in_3d(region: slicer.vtkMRMLVolumeNode | None, spacing: float, drawn_mm: np.ndarray) -> float:
    """The length from which on glyphs are long, and neither too many nor too few: nodes fill the space evenly."""
    bounds = [0.0] * 6
    if region is not None:
        region.GetRASBounds(bounds)
    # vtkSlicerTransformLogic::GetTransformedPointSamplesOnRoi takes one more than there are distances.
    places = float(np.prod(np.floor(np.diff(np.reshape(bounds, (3, 2))) / spacing + 0.5) + 1.0))
    shares = [1.0 - min(count / places, 1.0) for count in (MOST_GLYPHS_3D, FEWEST_GLYPHS_3D)]
    return float(np.clip(LONG * drawn_mm[-1], *np.quantile(drawn_mm, shares)))


def main_direction(node: slicer.vtkMRMLTransformNode, region: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """Return where most of what is drawn of a transform in a region points to, (3,) RAS mm; the longer counts more."""
    way = vtk.vtkGeneralTransform()
    # The other way round than it is drawn: registrations are stored so, and no inverse has to be searched for.
    node.GetTransformFromWorld(way)
    bounds = [0.0] * 6
    region.GetRASBounds(bounds)
    steps = [np.linspace(low, high, SAMPLES + 2)[1:-1] for low, high in np.reshape(bounds, (3, 2))]
    points = np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, 3)
    arrows = points - np.array([way.TransformPoint(point) for point in points.tolist()])
    return (arrows * np.linalg.norm(arrows, axis=1)[:, None]).mean(axis=0)


def _longest_side(field: WorldField, region: slicer.vtkMRMLVolumeNode | None) -> float:
    """The longest side of the region, else of the field's own lattice, mm."""
    if region is None:
        sides = np.linalg.norm(field.index_to_ras[:3, :3], axis=0) * (np.array(field.grid.dimensions) - 1)
        return float(sides.max())
    bounds = [0.0] * 6
    region.GetRASBounds(bounds)
    return float(np.diff(np.reshape(bounds, (3, 2))).max())


def _set_glyphs(display: slicer.vtkMRMLTransformDisplayNode, side: float, longest: float, across: int) -> None:
    spacing = round_up(max(side / across, 0.5))
    display.SetGlyphSpacingMm(spacing)
    display.SetGlyphScalePercent(glyph_scale_percent(longest, spacing))
    display.SetGlyphType(display.GLYPH_TYPE_ARROW)
    # Slicer leaves out what is longer than this; its default of 100 mm hides what matters most in a wrong field.
    display.SetGlyphDisplayRangeMaxMm(1.05 * longest)
    display.SetGlyphDisplayRangeMinMm(min(0.01, longest / 100))
    display.SetSliceIntersectionThickness(THICKNESS)
    display.SetGlyphTipLengthPercent(35)
    display.SetGlyphShaftDiameterPercent(40)
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
    display: slicer.vtkMRMLTransformDisplayNode, colours: slicer.vtkMRMLProceduralColorNode, longest: float
) -> None:
    display.SetScalarVisibility(True)
    display.SetAutoScalarRange(False)
    display.SetScalarRange(0.0, longest)
    display.SetAndObserveColorNodeID(colours.GetID())
