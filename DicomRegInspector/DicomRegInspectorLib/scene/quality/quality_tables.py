"""What was measured of a transform, as rows and as table nodes, which Slicer shows, saves and exports as CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..tables import fill_table
from ..transforms.node_field import LinearField
from .node_quality import NodeQuality
from .quality_views import QUALITY_ATTRIBUTE, remove_earlier

if TYPE_CHECKING:
    import slicer

    from ...registration.measures.bulk import BulkPart
    from ...registration.measures.quality import Quality
    from ...registration.measures.regions import RegionMeasures


@dataclass(frozen=True)
class MeasureRow:
    """One number: what it is, how much, in what unit."""

    measure: str
    value: float | None
    """None where it is not defined."""
    unit: str

    @property
    def text(self) -> str:
        """The value with four significant digits; counts in full."""
        if self.value is None:
            return "–"
        return f"{self.value:.0f}" if self.unit in ("nodes", "points") else f"{self.value:.4g}"


_RANKS = {
    "min": "smallest",
    "p1": "1 % below",
    "p50": "median",
    "p95": "95 % below",
    "p99": "99 % below",
    "mean": "mean",
    "max": "largest",
}
"""How the command line says the keys of statistics too."""


def _ranked(name: str, values: Mapping[str, float | None], unit: str, *keys: str) -> list[MeasureRow]:
    return [MeasureRow(f"{name}, {_RANKS[key]}", values.get(key), unit) for key in keys]


def measure_rows(result: NodeQuality) -> list[MeasureRow]:
    """All measures of the transform as a whole, in the order in which they are read."""
    quality = result.quality
    if isinstance(result.field, LinearField):
        return _linear(result.field, quality)
    rows = _displacement(result)
    keys = ("min", "p1", "p50", "p99", "max")
    rows += _ranked("Jacobian determinant", quality.jacobian.to_dict(*keys), "1", *keys)
    share = quality.nonpositive_fraction
    rows += [
        MeasureRow("Folded, determinant 0 or less", None if share is None else 100 * share, "%"),
        MeasureRow("Folded volume", quality.folded_volume_cm3, "cm³"),
    ]
    keys = ("mean", "p99", "max")
    rows += _ranked("Curl", quality.curl.to_dict(*keys), "mm/mm", *keys)
    inverse = quality.inverse
    rows += [
        MeasureRow("Bending energy, mean", quality.bending.mean, "1/mm²"),
        MeasureRow("Inverse residual, 99 % below", inverse.p99_mm, "mm"),
        MeasureRow("Inverse residual, largest", inverse.max_mm, "mm"),
        MeasureRow("Points without an inverse", float(inverse.not_found), "points"),
        MeasureRow("Points whose inverse was searched", float(inverse.samples), "points"),
    ]
    for part in (quality.rigid, quality.affine):
        if part is not None:
            rows += _bulk(part)
    return rows + _components(quality)


def region_rows(region: RegionMeasures) -> list[MeasureRow]:
    """What was measured inside one segment, in the same order as far as it was."""
    moved, jacobian, curl = region.displacement_mm, region.jacobian, region.curl
    share = region.nonpositive_fraction
    rows = [
        MeasureRow("Volume of the segment", region.volume_cm3, "cm³"),
        MeasureRow("Grid inside", float(region.nodes), "nodes"),
    ]
    keys = ("mean", "p50", "p95", "p99", "max")
    rows += _ranked("Displacement", moved.to_dict(*keys), "mm", *keys)
    keys = ("min", "p1", "mean", "p99", "max")
    rows += _ranked("Jacobian determinant", jacobian.to_dict(*keys), "1", *keys)
    rows.append(MeasureRow("Folded, determinant 0 or less", None if share is None else 100 * share, "%"))
    keys = ("mean", "p99", "max")
    rows += _ranked("Curl", curl.to_dict(*keys), "mm/mm", *keys)
    for axis, summary in region.components_mm.items():
        rows += _ranked(f"Along {axis}", summary.to_dict("min", "mean", "max"), "mm", "min", "mean", "max")
    return rows


def _linear(field: LinearField, quality: Quality) -> list[MeasureRow]:
    """What a matrix says; how far it moves anything depends on where one looks."""
    rows = [
        MeasureRow("Jacobian determinant, everywhere", field.jacobian, "1"),
        MeasureRow("Curl, everywhere", field.curl, "mm/mm"),
    ]
    if quality.rigid is not None:
        rows.append(MeasureRow("Rotation", quality.rigid.rotation_deg, "°"))
        rows.append(MeasureRow("Shift of the origin", math.dist(field.matrix[:3, 3], (0, 0, 0)), "mm"))
    return rows


def _displacement(result: NodeQuality) -> list[MeasureRow]:
    quality = result.quality
    vectors, nodes = quality.vectors, math.prod(quality.dimensions)
    percentiles = vectors.percentiles_mm or {}
    rows = [MeasureRow("Grid", float(nodes), "nodes")]
    rows += [
        MeasureRow(f"Undefined vectors, {word}", float(region.count), "nodes")
        for word, region in (("not a number", vectors.undefined), ("infinite", vectors.infinite))
        if region is not None
    ]
    rows += [
        MeasureRow("Displacement, mean", vectors.mean_mm, "mm"),
        *_ranked("Displacement", percentiles, "mm", "p50", "p95", "p99"),
        MeasureRow("Displacement, largest", vectors.max_mm, "mm"),
    ]
    return rows


def _components(quality: Quality) -> list[MeasureRow]:
    return [
        row
        for components, unit in ((quality.components_mm, "mm"), (quality.components_voxels, "voxels"))
        for axis, values in components.items()
        for row in _ranked(f"Along {axis}", values, unit, "min", "mean", "max")
    ]


def _bulk(part: BulkPart) -> list[MeasureRow]:
    rows = [
        MeasureRow(f"Bulk motion, {part.kind}: shift at the centre", math.dist(part.shift_mm, (0, 0, 0)), "mm"),
        MeasureRow(f"Bulk motion, {part.kind}: rotation", part.rotation_deg, "°"),
    ]
    if part.kind == "affine":
        rows.append(MeasureRow("Bulk motion, affine: change of volume", part.volume_ratio, "1"))
    return [
        *rows,
        MeasureRow(f"Residual without the {part.kind} part, RMS", part.residual_rms_mm, "mm"),
        MeasureRow(f"Residual without the {part.kind} part, largest", part.residual_max_mm, "mm"),
    ]


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
    """Put everything that was measured into table nodes; those made before for the same transform are replaced."""
    remove_earlier(scene, result.key, "tables")

    def table(title: str, rows: list[dict[str, str | float]]) -> slicer.vtkMRMLTableNode | None:
        if not rows:
            return None
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        node = fill_table(scene, None, f"{result.name}: {title}", columns)
        node.SetAttribute(QUALITY_ATTRIBUTE, result.key)
        node.SetAttribute(QUALITY_ATTRIBUTE + ".Group", "tables")
        return node

    rows = [{"Measure": row.measure, "Value": _known(row.value), "Unit": row.unit} for row in measure_rows(result)]
    return QualityTables(
        table("quality", rows),
        table("quality by segment", _region_rows(result)),
        table("landmark errors", _landmark_rows(result)),
        table("readings", _audit_rows(result)),
    )


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _region_rows(result: NodeQuality) -> list[dict[str, str | float]]:
    rows = []
    for region in result.regions:
        row: dict[str, str | float] = {
            "Segment": region.name,
            "Volume (cm³)": region.volume_cm3,
            "Grid nodes inside": float(region.nodes),
        }
        for name, value in region.displacement_mm.to_dict("mean", "p50", "p95", "p99", "max").items():
            row[f"Displacement {name} (mm)"] = _known(value)
        for axis, summary in region.components_mm.items():
            for name, value in summary.to_dict("min", "mean", "max").items():
                row[f"{axis} {name} (mm)"] = _known(value)
        for name, value in region.jacobian.to_dict("min", "p1", "mean", "p99", "max").items():
            row[f"Jacobian {name}"] = _known(value)
        share = region.nonpositive_fraction
        row["Folded (%)"] = _known(None if share is None else 100 * share)
        for name, value in region.curl.to_dict("mean", "p99", "max").items():
            row[f"Curl {name} (mm/mm)"] = _known(value)
        rows.append(row)
    return rows


def _landmark_rows(result: NodeQuality) -> list[dict[str, str | float]]:
    if result.landmarks is None:
        return []
    return [
        {
            "Landmark": one.name,
            "Before (mm)": one.before_mm,
            "After (mm)": _known(one.after_mm),
            "After, by the inverse (mm)": _known(one.after_inverse_mm),
            "TG-132 mark": one.mark,
            "Remark": one.remark,
        }
        for one in result.landmarks.landmarks
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
