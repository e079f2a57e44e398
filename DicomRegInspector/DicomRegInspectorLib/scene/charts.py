"""Slice positions as a table and a plot in which a gap stands out.

Positions against slice numbers make a straight line on which a missing slice is a bend nobody sees. The distance from
each slice to the next is drawn instead: a regular stack is a flat line, a gap is a peak, an overlap a dip, a change of
spacing a step. Irregular intervals are marked a second time in a colour of their own, and dashed lines tell from which
distance on an interval counts as irregular.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import slicer

from ..errors import UsageError
from ..series import Series, Stack
from .convert import nodes_of_class
from .places import series_labels
from .tables import new_table, table_of_rows

if TYPE_CHECKING:
    import slicer

GREY = (0.35, 0.35, 0.35)
"""Reads on the white ground of Slicer's charts, and is no colour of a curve."""
ROOM = 1.35
"""How far the y axis reaches against the highest value: the legend is about a quarter of a chart."""


REGULAR_COLOUR = (0.0, 0.447, 0.698)
"""Okabe and Ito's blue (#0072B2)."""
IRREGULAR_COLOUR = (0.835, 0.369, 0.0)
"""Okabe and Ito's vermillion (#D55E00): told from the blue with any kind of colour vision."""

SLICE, NEXT, POSITION, NEXT_POSITION, INTERVAL = (
    "Slice",
    "Next slice",
    "Position (mm)",
    "Next position (mm)",
    "Interval to next slice (mm)",
)


@dataclass(frozen=True)
class PositionPlot:
    """The nodes of one plot."""

    chart: slicer.vtkMRMLPlotChartNode
    table: slicer.vtkMRMLTableNode
    irregular_table: slicer.vtkMRMLTableNode | None
    """Only the irregular intervals; None when there are none."""


def plot_slice_positions(series: Series, scene: slicer.vtkMRMLScene) -> PositionPlot:
    """Make a chart of the distance from each slice to the next, in mm, against the slice number (from 1).

    Raises UsageError when the series has no stack of two slices or more: there is nothing to draw.

    Parameters
    ----------
    series
        Its main stack is drawn.
    scene
        Where table, plot series and chart nodes go. A chart made before for the same series is replaced.
    """
    stack = series.main_stack
    (label,) = series_labels([series])
    if stack is None or len(stack.slices) < 2:
        raise UsageError(f"{label} has no two slices with positions in one stack: there is nothing to plot")
    _remove_earlier(scene, series.series_instance_uid)
    rows = interval_rows(stack)
    table = table_of_rows(scene, f"Slice positions {label}", rows)
    marked = irregular_intervals(stack)
    irregular_table = None
    nodes = [_line(scene, table)]
    if marked:
        irregular_table = table_of_rows(scene, f"Irregular intervals {label}", [rows[index] for index in marked])
        nodes.append(_marks(scene, irregular_table))
    chart = _chart(scene, label, nodes)
    nodes += _limits(scene, chart, stack)
    leave_room(chart, max(float(row[INTERVAL]) for row in rows))
    for node in [table, irregular_table, chart, *nodes]:
        if node is not None:
            node.SetAttribute("DicomRegInspector.PositionsOfSeries", series.series_instance_uid)
    return PositionPlot(chart, table, irregular_table)


def interval_rows(stack: Stack) -> list[dict[str, int | float]]:
    """Return a row for each interval: slices at both ends (from 1), their positions along the normal, its length."""
    positions = np.asarray(stack.positions_mm, float)
    return [
        {
            SLICE: index + 1,
            NEXT: index + 2,
            POSITION: float(positions[index]),
            NEXT_POSITION: float(positions[index + 1]),
            INTERVAL: float(positions[index + 1] - positions[index]),
        }
        for index in range(len(positions) - 1)
    ]


def irregular_intervals(stack: Stack) -> list[int]:
    """Return indices (from 0) of the intervals that do not fit: gaps, overlaps, and slices at one position."""
    marked = set(range(len(stack.slices) - 1)) - {int(first) - 1 for first in stack.distinct}
    for odd in stack.spacing.irregular if stack.spacing is not None else ():
        # `before` counts distinct positions; the interval ends at the first slice of the next one.
        marked.add(stack.slice_number(odd.before + 1) - 2)
    return sorted(marked)


def _remove_earlier(scene: slicer.vtkMRMLScene, series_uid: str) -> None:
    for class_name in ("vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode", "vtkMRMLTableNode"):
        for node in nodes_of_class(scene, class_name):
            if node.GetAttribute("DicomRegInspector.PositionsOfSeries") == series_uid:
                scene.RemoveNode(node)


def new_curve(
    scene: slicer.vtkMRMLScene,
    name: str,
    table: slicer.vtkMRMLTableNode,
    columns: tuple[str, str],
    colour: Sequence[float],
) -> slicer.vtkMRMLPlotSeriesNode:
    """Add a plot series of two columns of a table, x and y: a line without marks."""
    node = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
    node.SetAndObserveTableNodeID(table.GetID())
    node.SetPlotType(node.PlotTypeScatter)
    node.SetXColumnName(columns[0])
    node.SetYColumnName(columns[1])
    node.SetLineStyle(node.LineStyleSolid)
    node.SetMarkerStyle(node.MarkerStyleNone)
    node.SetColor(*(float(part) for part in colour))
    return node


def _line(scene: slicer.vtkMRMLScene, table: slicer.vtkMRMLTableNode) -> slicer.vtkMRMLPlotSeriesNode:
    node = new_curve(scene, scene.GenerateUniqueName("Interval"), table, (SLICE, INTERVAL), REGULAR_COLOUR)
    node.SetMarkerStyle(node.MarkerStyleCircle)
    node.SetMarkerSize(5)
    return node


def _marks(scene: slicer.vtkMRMLScene, table: slicer.vtkMRMLTableNode) -> slicer.vtkMRMLPlotSeriesNode:
    name = scene.GenerateUniqueName("Irregular interval")
    node = new_curve(scene, name, table, (SLICE, INTERVAL), IRREGULAR_COLOUR)
    node.SetLineStyle(node.LineStyleNone)
    node.SetMarkerStyle(node.MarkerStyleDiamond)
    node.SetMarkerSize(15)
    return node


def regular_limits(stack: Stack) -> list[tuple[int, int, float, float]]:
    """Return between which distances an interval counts as regular, in each section of constant spacing.

    Returns
    -------
    list of (first, last, low, high)
        Numbers (from 1) of the first slices of a section's first and last interval, and mm.
    """
    spacing = stack.spacing
    if spacing is None:
        return []
    share = spacing.relative_tolerance
    # More than the share of the spacing: the digits that positions were written with allow it, in every section.
    rounding = spacing.tolerance_mm if spacing.tolerance_mm > 1.001 * share * spacing.nominal_mm else 0.0
    limits = []
    for section in spacing.sections:
        off = max(share * section.spacing_mm, rounding)
        first, last = (stack.slice_number(distinct) for distinct in (section.first, section.last - 1))
        limits.append((first, last, max(section.spacing_mm - off, 0.0), section.spacing_mm + off))
    return limits


def _limits(scene: slicer.vtkMRMLScene, chart: slicer.vtkMRMLPlotChartNode, stack: Stack) -> list[slicer.vtkMRMLNode]:
    """Dashed lines below and above what counts as regular, half an interval longer on both sides."""
    x: list[float] = []
    y: list[float] = []
    for side in (2, 3):
        for limit in regular_limits(stack):
            x += [limit[0] - 0.5, limit[1] + 0.5, limit[1] + 0.5]
            y += [limit[side], limit[side], math.nan]
    return add_line(scene, chart, "Limits of a regular interval", x, y, width=1.5) if x else []


def _chart(
    scene: slicer.vtkMRMLScene, label: str, series_nodes: list[slicer.vtkMRMLPlotSeriesNode]
) -> slicer.vtkMRMLPlotChartNode:
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", scene.GenerateUniqueName(f"Slice positions {label}"))
    chart.SetTitle(label)
    chart.SetXAxisTitle("Slice number")
    chart.SetYAxisTitle("Distance to next slice (mm)")
    chart.SetLegendVisibility(True)
    for node in series_nodes:
        chart.AddAndObservePlotSeriesNodeID(node.GetID())
    return chart


def add_line(
    scene: slicer.vtkMRMLScene,
    chart: slicer.vtkMRMLPlotChartNode,
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    *,
    style: int | None = None,
    width: float = 2.0,
) -> list[slicer.vtkMRMLNode]:
    """Add a line through points to a chart; its name is told in the legend.

    Returns the series node and its table, which is hidden in Slicer's lists: it holds nothing that was measured.

    Parameters
    ----------
    x, y
        Coordinates in the units of the chart's axes; NaN interrupts.
    style
        One of vtkMRMLPlotSeriesNode's; by default dashes.
    """
    table = new_table(scene, name, {"x": [float(value) for value in x], "y": [float(value) for value in y]})
    table.SetHideFromEditors(True)
    series = new_curve(scene, name, table, ("x", "y"), GREY)
    series.SetLineStyle(series.LineStyleDash if style is None else style)
    series.SetLineWidth(width)
    chart.AddAndObservePlotSeriesNodeID(series.GetID())
    return [series, table]


def leave_room(chart: slicer.vtkMRMLPlotChartNode, top: float) -> None:
    """Have the y axis begin at 0 and reach beyond the highest value, where Slicer's legend lies over the curves."""
    if top > 0:
        chart.SetYAxisRangeAuto(False)
        chart.SetYAxisRange(0.0, ROOM * top)
