"""Lines of reference in charts: where nothing moves, where volume is kept, what counts as irregular."""

from __future__ import annotations

from collections.abc import Sequence

import slicer

from .tables import fill_table

GREY = (0.35, 0.35, 0.35)
"""Reads on the white ground of Slicer's charts, and is no colour of a curve."""


def add_line(
    scene: slicer.vtkMRMLScene,
    chart: slicer.vtkMRMLPlotChartNode,
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    *,
    colour: Sequence[float] = GREY,
    style: int | None = None,
    width: float = 2.0,
) -> list[slicer.vtkMRMLNode]:
    """Add a line through points to a chart; its name is told in the legend.

    Parameters
    ----------
    x, y
        Coordinates in the units of the chart's axes; NaN interrupts.
    style
        One of vtkMRMLPlotSeriesNode's; by default dashes.

    Returns
    -------
    list
        The series node and its table, which is hidden in Slicer's lists: it holds nothing that was measured.
    """
    table = fill_table(scene, None, name, {"x": [float(value) for value in x], "y": [float(value) for value in y]})
    table.SetHideFromEditors(True)
    series = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetPlotType(series.PlotTypeScatter)
    series.SetXColumnName("x")
    series.SetYColumnName("y")
    series.SetLineStyle(series.LineStyleDash if style is None else style)
    series.SetLineWidth(width)
    series.SetMarkerStyle(series.MarkerStyleNone)
    series.SetColor(*(float(part) for part in colour))
    chart.AddAndObservePlotSeriesNodeID(series.GetID())
    return [series, table]


def leave_room(chart: slicer.vtkMRMLPlotChartNode, top: float) -> None:
    """Have the y axis begin at 0 and reach beyond the highest value, where Slicer's legend lies over the curves."""
    if top > 0:
        chart.SetYAxisRangeAuto(False)
        chart.SetYAxisRange(0.0, ROOM * top)


ROOM = 1.35
"""How far the y axis reaches against the highest value: the legend is about a quarter of a chart."""
