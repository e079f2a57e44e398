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
from .own_nodes import PREFIX, own_node, remove_others
from .places import series_labels
from .tables import fill_table

if TYPE_CHECKING:
    import slicer

GREY = (0.35, 0.35, 0.35)
"""Reads on the white ground of Slicer's charts, and is no colour of a curve."""
ENTRY_ROOM = 0.2
"""How much farther than the highest value the y axis reaches for each entry of the legend, which lies over the curves:
a line of it in the smallest chart of a layout."""
TITLE_SIZE, AXIS_TITLE_SIZE, LEGEND_SIZE, LABEL_SIZE = 15, 12, 11, 10
"""Sizes of letters, in points: with Slicer's own (20, 16, 16, 12) titles are longer than a chart beside slice views."""

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
        Where table, plot series and chart nodes go. A chart made before for the same series is filled anew.
    """
    stack = series.main_stack
    (label,) = series_labels([series])
    if stack is None or len(stack.slices) < 2:
        raise UsageError(f"{label} has no two slices with positions in one stack: there is nothing to plot")
    drawing = ChartNodes(scene, (PREFIX + "PositionsOfSeries", series.series_instance_uid), "positions: ")
    rows, marked = interval_rows(stack), irregular_intervals(stack)
    table = drawing.table(f"Slice positions {label}, table", "intervals", _columns(rows))
    chart = drawing.chart(f"Slice positions {label}", label, "Slice number", "Distance to next slice (mm)")
    chart.SetLegendVisibility(True)
    line = drawing.series(chart, "Interval", table, SLICE, INTERVAL)
    line.SetLineStyle(line.LineStyleSolid)
    line.SetMarkerStyle(line.MarkerStyleCircle)
    line.SetMarkerSize(5)
    line.SetColor(*REGULAR_COLOUR)
    irregular_table = None
    if marked:
        columns = _columns([rows[index] for index in marked])
        irregular_table = drawing.table(f"Irregular intervals {label}", "irregular intervals", columns)
        marks = drawing.series(chart, "Irregular interval", irregular_table, SLICE, INTERVAL)
        marks.SetLineStyle(marks.LineStyleNone)
        marks.SetMarkerStyle(marks.MarkerStyleDiamond)
        marks.SetMarkerSize(15)
        marks.SetColor(*IRREGULAR_COLOUR)
    _draw_limits(drawing, chart, stack)
    leave_room(chart, max(float(row[INTERVAL]) for row in rows))
    drawing.remove_others()
    return PositionPlot(chart, table, irregular_table)


def _columns(rows: list[dict[str, int | float]]) -> dict[str, list[int | float]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


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


def _draw_limits(drawing: ChartNodes, chart: slicer.vtkMRMLPlotChartNode, stack: Stack) -> None:
    """Dashed lines below and above what counts as regular, half an interval longer on both sides."""
    x: list[float] = []
    y: list[float] = []
    for side in (2, 3):
        for limit in regular_limits(stack):
            x += [limit[0] - 0.5, limit[1] + 0.5, limit[1] + 0.5]
            y += [limit[side], limit[side], math.nan]
    if x:
        drawing.line(chart, "Limits of a regular interval", x, y, width=1.5)


class ChartNodes:
    """Makes the nodes of charts of one subject, or finds those made before and fills them anew.

    Returns the series node and its table, which is hidden in Slicer's lists: it holds nothing that was measured.

    Parameters
    ----------
    made_of
        Attribute that says what the charts are made of, and its value.
    role
        What the roles of all nodes begin with.
    """

    def __init__(self, scene: slicer.vtkMRMLScene, made_of: tuple[str, str], role: str) -> None:
        self._scene, self._made_of, self._role = scene, made_of, role
        self._made: list[slicer.vtkMRMLNode] = []

    def _node(self, kind: str, name: str, role: str) -> slicer.vtkMRMLNode:
        node = own_node(self._scene, kind, name, self._made_of, self._role + role)
        self._made.append(node)
        return node

    def table(
        self, name: str, role: str, columns: dict[str, list[int | float]] | dict[str, list[float]]
    ) -> slicer.vtkMRMLTableNode:
        """Return a table of columns."""
        return fill_table(self._node("vtkMRMLTableNode", name, role), columns)

    def chart(self, name: str, title: str, x_axis: str, y_axis: str) -> slicer.vtkMRMLPlotChartNode:
        """Return a chart without series."""
        chart = self._node("vtkMRMLPlotChartNode", name, title)
        chart.RemoveAllPlotSeriesNodeIDs()
        chart.SetTitle(title)
        chart.SetXAxisTitle(x_axis)
        chart.SetYAxisTitle(y_axis)
        chart.SetTitleFontSize(TITLE_SIZE)
        chart.SetAxisTitleFontSize(AXIS_TITLE_SIZE)
        chart.SetLegendFontSize(LEGEND_SIZE)
        chart.SetAxisLabelFontSize(LABEL_SIZE)
        return chart

    def series(
        self, chart: slicer.vtkMRMLPlotChartNode, name: str, table: slicer.vtkMRMLTableNode, x: str, y: str
    ) -> slicer.vtkMRMLPlotSeriesNode:
        """Add points to a chart, from two columns of a table; the name is told in the legend.

        Slicer's charts complain of a line through one point, drawn or not: it is taken from a hidden table then, where
        a place without a value follows.
        """
        if table.GetNumberOfRows() == 1:
            place = {told: table.GetTable().GetValueByName(0, told).ToDouble() for told in (x, y)}
            columns = {told: [value, math.nan] for told, value in place.items()}
            table = self.table(name, f"{chart.GetTitle()}: {name}, alone", columns)
            table.SetHideFromEditors(True)
        node = self._node("vtkMRMLPlotSeriesNode", name, f"{chart.GetTitle()}: {name}")
        node.SetAndObserveTableNodeID(table.GetID())
        node.SetPlotType(node.PlotTypeScatter)
        node.SetXColumnName(x)
        node.SetYColumnName(y)
        chart.AddAndObservePlotSeriesNodeID(node.GetID())
        return node

    def line(
        self,
        chart: slicer.vtkMRMLPlotChartNode,
        name: str,
        x: Sequence[float],
        y: Sequence[float],
        *,
        style: int | None = None,
        width: float = 2.0,
    ) -> None:
        """Add a line through points to a chart; its name is told in the legend.

        Its table is hidden in Slicer's lists: it holds nothing that was measured.

        Parameters
        ----------
        x, y
            Coordinates in the units of the chart's axes; NaN interrupts.
        style
            One of vtkMRMLPlotSeriesNode's; by default dashes.
        """
        columns = {"x": [float(value) for value in x], "y": [float(value) for value in y]}
        table = self.table(name, f"{chart.GetTitle()}: {name}", columns)
        table.SetHideFromEditors(True)
        node = self.series(chart, name, table, "x", "y")
        node.SetLineStyle(node.LineStyleDash if style is None else style)
        node.SetLineWidth(width)
        node.SetMarkerStyle(node.MarkerStyleNone)
        node.SetColor(*GREY)

    def remove_others(self) -> None:
        """Remove what was made before and is not drawn any more."""
        remove_others(self._scene, self._made_of, self._role, self._made)


def leave_room(chart: slicer.vtkMRMLPlotChartNode, top: float) -> None:
    """Have the y axis begin at 0 and reach beyond the highest value, for the legend of all series drawn so far."""
    if top > 0:
        entries = chart.GetNumberOfPlotSeriesNodes()
        chart.SetYAxisRangeAuto(False)
        chart.SetYAxisRange(0.0, (1.0 + ENTRY_ROOM * entries) * top)
