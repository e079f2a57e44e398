"""What was measured of a transform as table nodes, which Slicer shows, saves and exports as CSV."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...registration.measures.rows import rows_of
from ..own_nodes import own_node, remove_others
from ..tables import fill_table
from .node_quality import NodeQuality
from .quality_views import QUALITY_ATTRIBUTE

if TYPE_CHECKING:
    import slicer


@dataclass(frozen=True)
class QualityTables:
    """The table nodes of one measured transform."""

    measures: slicer.vtkMRMLTableNode
    regions: slicer.vtkMRMLTableNode | None
    """A row for each segment; None without segments."""
    landmarks: slicer.vtkMRMLTableNode | None
    """A row for each pair; None without landmarks."""
    audit: slicer.vtkMRMLTableNode | None
    """A row for each reading; None without images."""


def add_quality_tables(scene: slicer.vtkMRMLScene, result: NodeQuality) -> QualityTables:
    """Put everything that was measured into table nodes; those made before for the same transform are filled anew."""
    made_of, kept = (QUALITY_ATTRIBUTE, result.key), []

    def table(title: str, rows: list[dict[str, str | float]]) -> slicer.vtkMRMLTableNode | None:
        if not rows:
            return None
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        node = own_node(scene, "vtkMRMLTableNode", f"{result.name}: {title}", made_of, f"measures: {title}")
        kept.append(node)
        return fill_table(node, columns)

    rows = [
        {"Measure": row.measure, "Value": _known(row.shown[0]), "Unit": row.shown[1]}
        for row in rows_of(result.quality.measures)
    ]
    tables = QualityTables(
        table("quality", rows),
        table("quality by segment", _region_rows(result)),
        table("landmark errors", _landmark_rows(result)),
        table("readings", _audit_rows(result)),
    )
    remove_others(scene, made_of, "measures: ", kept)
    return tables


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _region_rows(result: NodeQuality) -> list[dict[str, str | float]]:
    return [
        {"Segment": region.name, **{row.title: _known(row.shown[0]) for row in region.rows}}
        for region in result.regions or ()
    ]


def _landmark_rows(result: NodeQuality) -> list[dict[str, str | float]]:
    if result.landmarks is None:
        return []
    return [
        {
            "Landmark": landmark.name,
            "Before (mm)": landmark.before_mm,
            "After (mm)": _known(landmark.after_mm),
            "After, by the inverse (mm)": _known(landmark.after_inverse_mm),
            "TG-132 mark": landmark.mark,
            "Remark": landmark.remark,
        }
        for landmark in result.landmarks.landmarks
    ]


def _audit_rows(result: NodeQuality) -> list[dict[str, str | float]]:
    from ...registration.audit import TITLES

    if result.audit is None:
        return []
    rows = []
    for reading in result.audit.ranking:
        low, high = reading.ci95 or (None, None)
        rows.append(
            {
                "Reading": TITLES[reading.hypothesis],
                "Correlation": _known(reading.ncc),
                "95 % from": _known(low),
                "95 % to": _known(high),
                "Mutual information (nats)": _known(reading.mutual_information),
                "Overlap (%)": 100 * reading.overlap,
                "Remark": f"same as {TITLES[reading.same_as]}" if reading.same_as else reading.note,
            }
        )
    return rows
