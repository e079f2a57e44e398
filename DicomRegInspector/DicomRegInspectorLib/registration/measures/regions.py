"""The measures of a field inside labelled regions: segments, organs, structures.

A grid node belongs to the label of the voxel it lies in; the field is not resampled to the image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...progress import Progress, report_progress
from ...space import LPS_TO_RAS, RAS_SIGNS, plane_indices
from ..mapping import Mapping
from . import local
from .field import Field
from .rows import RANK_WORDS, MeasureRow, ranked
from .summary import Summary, summarize


@dataclass(frozen=True)
class LabelImage:
    """Labelled voxels on any lattice; 0 is no label. Overlapping segments come as one image each."""

    labels: np.ndarray
    """(nk, nj, ni), whole numbers."""
    index_to_world: np.ndarray
    """(4, 4) from (i, j, k, 1) to LPS mm, or to RAS mm as a scene has it."""
    names: dict[int, str] = field(default_factory=dict)
    """What labels are called; the number where there is no name."""
    ras: bool = False
    """Whether :attr:`index_to_world` leads to RAS."""

    @property
    def index_to_lps(self) -> np.ndarray:
        """(4, 4) from (i, j, k, 1) to LPS mm."""
        return LPS_TO_RAS @ self.index_to_world if self.ras else self.index_to_world


@dataclass(frozen=True)
class RegionMeasures:
    """The measures over the grid nodes inside one region."""

    name: str
    nodes: int
    """Grid nodes inside; 0 when the region is empty, outside the grid, or lies between the nodes."""
    volume_cm3: float
    """Of the region's own voxels."""
    displacement_mm: Summary
    components_mm: dict[str, Summary]
    """Along ``R``, ``A`` and ``S``."""
    jacobian: Summary
    nonpositive_fraction: float | None
    curl: Summary

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it; lengths in mm."""
        return {
            "name": self.name,
            "nodes": self.nodes,
            "volume_cm3": self.volume_cm3,
            "displacement_mm": self.displacement_mm.to_dict("max", "mean", "p50", "p95", "p99"),
            "components_ras": {
                axis: summary.to_dict("min", "max", "mean", "p1", "p5", "p50", "p95", "p99")
                for axis, summary in self.components_mm.items()
            },
            "jacobian": {
                **self.jacobian.to_dict("min", "max", "mean", "p1", "p99"),
                "nonpositive_fraction": self.nonpositive_fraction,
            },
            "curl": self.curl.to_dict("max", "mean", "p95", "p99"),
        }

    @property
    def rows(self) -> list[MeasureRow]:
        """All numbers, as :attr:`.quality.Quality.measures` has those of the whole as far as they were measured."""
        moved, jacobian, curl = (
            summary.to_dict(*RANK_WORDS) for summary in (self.displacement_mm, self.jacobian, self.curl)
        )
        return [
            MeasureRow(("volume_cm3",), "Volume of the segment", self.volume_cm3, "cm³", "Volume"),
            MeasureRow(("nodes",), "Grid inside", float(self.nodes), "nodes", "Grid nodes inside"),
            *ranked("displacement_{}_mm", "Displacement", moved, "mm", "mean p50 p95 p99 max"),
            *ranked("jacobian_{}", "Jacobian determinant", jacobian, "1", "min p1 mean p99 max", "Jacobian"),
            MeasureRow(("jacobian_nonpositive_fraction",), "Folded, determinant 0 or less", self.nonpositive_fraction,
                       "fraction", "Folded"),
            *ranked("curl_{}", "Curl", curl, "mm/mm", "mean p95 p99 max"),
            *(
                row
                for axis, summary in self.components_mm.items()
                for row in ranked(f"{axis}_{{}}_mm", f"Along {axis}", summary.to_dict(*RANK_WORDS), "mm",
                                  "min p50 mean max", axis)
            ),
        ]  # fmt: skip


def measure_regions(
    mapping: Mapping, images: Sequence[LabelImage], *, progress: Progress | None = None
) -> list[RegionMeasures]:
    """Measure a mapping with a grid inside each label of each image.

    ``images``: labels of the registered frame.
    """
    regions = [region for image in images for region in _nodes_of_labels(mapping, image)]
    lattice = mapping.field
    signs = mapping.signs * RAS_SIGNS
    quantities: dict[str, Callable[[Field, np.ndarray | None], np.ndarray]] = {
        "magnitude": local.magnitude,
        **{name: _component(axis, signs[axis]) for axis, name in enumerate("RAS")},
        "jacobian": local.jacobian,
        "curl": local.curl,
    }
    rows: list[dict[str, Summary]] = [{} for _ in regions]
    folded: list[float | None] = [None] * len(regions)
    memory = None
    for done, (name, measure) in enumerate(quantities.items()):
        report_progress(progress, done, len(quantities), f"Measuring {name} by region", "measuring was cancelled")
        memory = measure(lattice, memory)
        flat = memory.reshape(-1)
        for number, (_, _, nodes) in enumerate(regions):
            values = flat[nodes]
            if name == "jacobian":
                folded[number] = _nonpositive(values)
            rows[number][name] = summarize(values)
    return [_region_measures(region, row, share) for region, row, share in zip(regions, rows, folded, strict=True)]


def _region_measures(
    region: tuple[str, float, np.ndarray], row: dict[str, Summary], folded: float | None
) -> RegionMeasures:
    name, volume, nodes = region
    components = {axis: row[axis] for axis in "RAS"}
    return RegionMeasures(name, len(nodes), volume, row["magnitude"], components, row["jacobian"], folded, row["curl"])


def _component(axis: int, sign: float) -> Callable[[Field, np.ndarray | None], np.ndarray]:
    return lambda lattice, memory: local.component(lattice, np.eye(3)[axis] * sign, memory)


def _nonpositive(values: np.ndarray) -> float | None:
    defined = values[~np.isnan(values)]
    return float(np.mean(defined <= 0)) if len(defined) else None


def _nodes_of_labels(mapping: Mapping, image: LabelImage) -> Iterator[tuple[str, float, np.ndarray]]:
    """(name, volume in cm³, numbers of the grid nodes inside) for each label the image holds or names."""
    values, counts = np.unique(image.labels, return_counts=True)
    voxels = {int(value): int(count) for value, count in zip(values, counts, strict=True) if value}
    voxel_cm3 = abs(float(np.linalg.det(image.index_to_lps[:3, :3]))) / 1000
    inside: dict[int, list[np.ndarray]] = {value: [] for value in sorted({*voxels, *image.names})}
    # A number for every node of a large grid: half the bytes where they do, and each part given up when it is used.
    number = np.int32 if mapping.grid.place.count < 1 << 31 else np.int64
    for first, labels in _labels_at_nodes(mapping, image):
        for value in np.unique(labels):
            if value:
                inside[int(value)].append((np.flatnonzero(labels == value) + first).astype(number))
    for value in list(inside):
        parts = inside.pop(value)
        nodes = np.concatenate(parts) if parts else np.empty(0, number)
        del parts
        yield image.names.get(value, f"label {value}"), voxels.get(value, 0) * voxel_cm3, nodes


def _labels_at_nodes(mapping: Mapping, image: LabelImage) -> Iterator[tuple[int, np.ndarray]]:
    """(number of the first node, labels (ny * nx,)) for each slice of the grid."""
    nx, ny, nz = mapping.grid.dimensions
    to_image = np.linalg.inv(image.index_to_lps) @ mapping.index_to_lps
    size = np.array(image.labels.shape[::-1])
    plane = plane_indices(nx, ny)
    in_plane = plane @ to_image[:3, :2].T
    for k in range(nz):
        voxel = np.floor(in_plane + to_image[:3, 2] * k + to_image[:3, 3] + 0.5).astype(np.int64)
        inside = ((voxel >= 0) & (voxel < size)).all(axis=1)
        labels = np.zeros(len(plane), image.labels.dtype)
        i, j, layer = voxel[inside].T
        labels[inside] = image.labels[layer, j, i]
        yield k * nx * ny, labels
