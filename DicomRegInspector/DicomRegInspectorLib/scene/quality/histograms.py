"""How displacements and determinants are distributed, as tables and charts; R, A and S are never pooled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer

from ...progress import Progress, report_progress
from ...registration.measures import local
from ...registration.measures.histograms import (
    Histogram,
    edges_between,
    histogram,
    lengths_of,
    range_of,
)
from .. import colours
from ..charts import ChartNodes, leave_room
from ..transforms.node_field import WorldField
from .quality_views import QUALITY_ATTRIBUTE

SHARE = "Share of the grid's nodes (%)"


def displacement_histograms(field: WorldField, progress: Progress | None = None) -> dict[str, Histogram]:
    """Return ``R``, ``A`` and ``S`` over the same bins, and the ``magnitude`` over its own, all in mm.

    Touches neither a scene nor Qt.
    """
    steps, memory = 0, None
    ranges = []

    def ask() -> None:
        report_progress(progress, steps, 7, "Distribution of the displacements", "making the charts was cancelled")

    lattice = field.mapping.field.asking(ask)
    for axis in np.eye(3):
        memory = local.component(lattice, field.direction(axis), memory)
        ranges.append(range_of(memory))
        steps += 1
    edges = edges_between(min(low for low, _ in ranges), max(high for _, high in ranges))
    result = {}
    for name, axis in zip("RAS", np.eye(3), strict=True):
        memory = local.component(lattice, field.direction(axis), memory)
        result[name] = histogram(memory, edges, f"Displacement along {name}", "mm")
        steps += 1
    memory = local.magnitude(lattice, memory)
    result["magnitude"] = lengths_of(memory)
    return result


def place_histograms(
    scene: slicer.vtkMRMLScene, field: WorldField, found: dict[str, Histogram]
) -> dict[str, slicer.vtkMRMLPlotChartNode]:
    """Return charts of ``R``, ``A`` and ``S`` together, of ``magnitude`` and, where there is one, of ``jacobian``.

    Each has a table of its own, a bin in each row: its centre, and the share of the nodes where the quantity is
    defined. Lines stand where nothing moves, where volume is kept, and where folding begins. Charts made before for
    the same field are filled anew.
    """
    drawing = ChartNodes(scene, (QUALITY_ATTRIBUTE, field.key), "histogram: ")
    charts = {
        "components": _chart(
            drawing, field, "Displacement along R, A and S", [found[name] for name in "RAS"],
            [colours.COMPONENT_COLOURS[name] for name in "RAS"], "Displacement (mm)", (0.0, "0 mm"),
        ),
        "magnitude": _chart(
            drawing, field, "Length of the displacement", [found["magnitude"]], [colours.VIRIDIS[4]],
            found["magnitude"].axis,
        ),
    }  # fmt: skip
    if "jacobian" in found:
        shares = found["jacobian"]
        charts["jacobian"] = _chart(
            drawing, field, shares.name, [shares], [colours.DIVERGING[1]], shares.axis,
            (1.0, "1: volume is kept"), (0.0, "0: folded from here down"),
        )  # fmt: skip
    drawing.remove_others()
    return charts


def _chart(
    drawing: ChartNodes,
    field: WorldField,
    title: str,
    histograms: list[Histogram],
    line_colours: Sequence[np.ndarray | tuple[float, float, float]],
    axis: str,
    *references: tuple[float, str],
) -> slicer.vtkMRMLPlotChartNode:
    columns = {axis: [float(centre) for centre in histograms[0].centres]}
    for shares in histograms:
        columns[_column(shares, histograms)] = [float(share) for share in shares.share_percent]
    table = drawing.table(f"{field.name}: {title}, table", title, columns)
    chart = drawing.chart(f"{field.name}: {title}, chart", title, axis, SHARE)
    chart.SetLegendVisibility(len(histograms) > 1 or bool(references))
    for shares, colour in zip(histograms, line_colours, strict=True):
        # The title says what the components are of: a long legend would lie over the curves.
        name = shares.name.removeprefix("Displacement ") if len(histograms) > 1 else shares.name
        node = drawing.series(chart, name, table, axis, _column(shares, histograms))
        # Bars of several components would hide each other: lines through the bins' centres.
        node.SetPlotType(node.PlotTypeScatter if len(histograms) > 1 else node.PlotTypeScatterBar)
        node.SetLineStyle(node.LineStyleSolid)
        node.SetLineWidth(2)
        node.SetMarkerStyle(node.MarkerStyleNone)
        node.SetColor(*(float(part) for part in colour))
    edges, top = histograms[0].edges, max(float(shares.share_percent.max()) for shares in histograms)
    styles = (slicer.vtkMRMLPlotSeriesNode.LineStyleDash, slicer.vtkMRMLPlotSeriesNode.LineStyleDot)
    for (value, name), style in zip(references, styles, strict=False):
        # Beyond the bins a line would only press the curves together.
        if top and edges[0] <= value <= edges[-1]:
            drawing.line(chart, name, (value, value), (0.0, 1.15 * top), style=style)
    if references:
        leave_room(chart, top)
    return chart


def _column(shares: Histogram, histograms: list[Histogram]) -> str:
    return f"{shares.name}: {SHARE}" if len(histograms) > 1 else SHARE
