"""Is a deformation plausible? All measures of one grid between its matrices, each with where and how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...findings import Finding
from ...progress import Progress, report_progress
from ...space import RAS_SIGNS, apply_matrix
from ...words import point
from ..checks import (
    bulk_finding,
    folding_evidence,
    folding_finding,
    region_evidence,
    vector_findings,
)
from ..grid import Grid
from ..mapping import Mapping, MappingError
from ..matrices import is_singular
from ..vectors import VectorPlace
from . import local
from .bulk import BulkPart, fit_affine, fit_rigid
from .distributions import FoldedNodes, SdLogJacobian, distributions
from .node_region import Region
from .rows import RANK_WORDS, Measure, MeasureRow, number, ranked
from .sampled import BULK_SAMPLE, INVERSE_SAMPLE, SEED, BendingEnergy, bending_energy, sample_nodes
from .statistics import VectorStatistics
from .summary import Summary, component_statistics, scaled_statistics


@dataclass(frozen=True)
class InverseQuality:
    """How well a sample of points between the nodes comes back: each is mapped, then its image's preimage searched."""

    samples: int
    not_found: int
    """Points whose image has no preimage that the search found in the grid."""
    max_mm: float | None
    p99_mm: float | None
    mean_mm: float | None
    """Residuals of those found."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return {
            "max": self.max_mm,
            "p99": self.p99_mm,
            "mean": self.mean_mm,
            "samples": self.samples,
            "not_found": self.not_found,
        }

    @property
    def measure(self) -> Measure:
        """As a row of the report."""
        told = f"largest residual {number(self.max_mm, 2)} mm, 99 % below {number(self.p99_mm, 2)} mm"
        told += f", at {self.samples - self.not_found} points"
        if self.not_found:
            told += f"; {self.not_found} of {self.samples} points have no inverse in the grid"
        key, name = "inverse_residual_{}_mm", "Inverse residual"
        return Measure("inverse", "found nowhere" if self.max_mm is None else told, (
            *ranked(key, name, {"p99": self.p99_mm, "max": self.max_mm}, "mm", "p99 max"),
            MeasureRow(("inverse_not_found",), "Points without an inverse", float(self.not_found), "points"),
            MeasureRow(("inverse_searched",), "Points whose inverse was searched", float(self.samples), "points"),
        ))  # fmt: skip


@dataclass(frozen=True)
class Quality:
    """What was measured. Positions are LPS mm; components are along R, A and S, in voxels along the grid's i, j, k."""

    subject: str
    dimensions: tuple[int, int, int]
    axes: int
    """Axes with more than one node: with 2, everything is measured in the plane of the grid."""
    vectors: VectorStatistics
    max_place_lps_mm: np.ndarray | None
    components_mm: dict[str, dict[str, float | None]]
    components_voxels: dict[str, dict[str, float | None]]
    jacobian: Summary
    sd_log_jacobian: float | None
    """See :class:`.distributions.SdLogJacobian`."""
    folded: Region | None
    folded_volume_cm3: float
    curl: Summary
    bending: BendingEnergy
    inverse: InverseQuality
    rigid: BulkPart | None
    affine: BulkPart | None
    regions: dict[str, dict[str, Any]]
    """``folded``, ``undefined`` and ``infinite`` where there are such nodes: count, share, boxes."""
    findings: tuple[Finding, ...]

    @property
    def nonpositive_fraction(self) -> float | None:
        """Share of the defined nodes that fold; None where nothing is defined."""
        if not self.jacobian.count:
            return None
        if not any(self.dimensions):
            return float(self.jacobian.max <= 0)
        return (self.folded.count if self.folded else 0) / self.jacobian.count

    @property
    def measures(self) -> list[Measure]:
        """All measures, in the order in which they are read; :mod:`.rows` says who tells them."""
        jacobian, curl, folded = self.jacobian, self.curl, "nowhere"
        inner = jacobian.percentiles or {}
        if self.folded is not None:
            folded = f"{self.folded.count} nodes, {number(self.folded_volume_cm3)} cm³"
        elif self.nonpositive_fraction:
            folded = "everywhere: it mirrors or flattens"
        return [
            *(self._vector_measures() if any(self.dimensions) else ()),
            Measure(
                "Jacobian determinant",
                f"{number(jacobian.min)} to {number(jacobian.max)} (98 % within {number(inner.get('p1'))} to "
                f"{number(inner.get('p99'))}); 1 keeps volume",
                self._distribution("jacobian_{}", "Jacobian determinant", jacobian, "1",
                                   "min p1 p50 p95 p99 max mean", "Jacobian"),
            ),
            *self._learn2reg(),
            Measure("folded (determinant 0 or less)", folded, (
                MeasureRow(("jacobian_nonpositive_fraction",), "Folded, determinant 0 or less",
                           self.nonpositive_fraction, "fraction", "Folded"),
                MeasureRow(("folded_volume_cm3",), "Folded volume", self.folded_volume_cm3, "cm³"),
            )[: 2 if any(self.dimensions) else 1]),
            Measure(
                "curl of the vectors",
                f"mean {number(curl.mean)}, largest {number(curl.max)} mm/mm",
                self._distribution("curl_{}", "Curl", curl, "mm/mm", "mean p95 p99 max"),
            ),
            *(() if any(self.dimensions) else (self._motion(),)),
            self.bending.measure,
            self.inverse.measure,
            *(part.measure for part in (self.rigid, self.affine) if part is not None),
        ]  # fmt: skip

    def _learn2reg(self) -> list[Measure]:
        """Nothing of a grid that is too small for it."""
        if self.sd_log_jacobian is None:
            return []
        row = MeasureRow(("sd_log_jacobian",), "SDlogJ (Learn2Reg)", self.sd_log_jacobian, "1")
        return [Measure("SDlogJ (Learn2Reg)", number(self.sd_log_jacobian), (row,))]

    def _motion(self) -> Measure:
        """What a matrix does; how far it moves anything else depends on where one looks."""
        turn, shift = self.rigid.rotation_deg, float(np.linalg.norm(self.affine.shift_mm))
        return Measure("motion", f"rotation {number(turn, 3)}°, the origin moves by {number(shift)} mm", (
            MeasureRow(("rotation_deg",), "Rotation", turn, "°"),
            MeasureRow(("origin_shift_mm",), "Shift of the origin", shift, "mm"),
        ))  # fmt: skip

    def _distribution(
        self, key: str, name: str, values: Summary, unit: str, ranks: str, column: str = ""
    ) -> tuple[MeasureRow, ...]:
        """One number for a matrix, where it is the same everywhere."""
        if any(self.dimensions):
            return ranked(key, name, values.to_dict(*RANK_WORDS), unit, ranks, column)
        keys = tuple(key.format(rank) for rank in ranks.split())
        return (MeasureRow(keys, f"{name}, everywhere", values.max, unit),)

    def _vector_measures(self) -> list[Measure]:
        vectors, nodes = self.vectors, math.prod(self.dimensions)
        size = " × ".join(map(str, self.dimensions)) + " nodes"
        if self.axes < 3:
            size += f"; measured along the {self.axes} axes that have more than one node"
        measures = [Measure("grid", size, (MeasureRow(("grid_nodes",), "Grid", float(nodes), "nodes"),))]
        for name, word, region in (
            ("undefined", "not a number", vectors.undefined),
            ("infinite", "infinite", vectors.infinite),
        ):
            if region is not None:
                row = MeasureRow((f"{name}_nodes",), f"Undefined vectors, {word}", float(region.count), "nodes")
                measures.append(Measure(f"{name} vectors", f"{region.count} of {nodes} nodes", (row,)))
        percentiles = vectors.percentiles_mm or {}
        told = "no vector is defined"
        if vectors.max_mm is not None:
            told = (
                f"mean {number(vectors.mean_mm)}, median {number(percentiles.get('p50'))}, 95 % below "
                f"{number(percentiles.get('p95'))}, 99 % below {number(percentiles.get('p99'))}, largest "
                f"{number(vectors.max_mm)} mm at {point(self.max_place_lps_mm, 1)} mm LPS"
            )
        lengths = {"mean": vectors.mean_mm, "max": vectors.max_mm, **percentiles}
        rows = ranked("displacement_{}_mm", "Displacement", lengths, "mm", "mean p50 p95 p99 max")
        measures.append(Measure("displacement", told, rows))
        if vectors.max_mm is None:
            return measures
        for components, unit, key in (
            (self.components_mm, "mm", "{}_{{}}_mm"), (self.components_voxels, "voxels", "{}_{{}}_voxels"),
        ):  # fmt: skip
            for axis, values in components.items():
                rows = ranked(key.format(axis), f"Along {axis}", values, unit, "min p1 p50 p95 p99 max mean", axis)
                measures.append(Measure(f"along {axis}", "", rows))
        return measures

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it; lengths in mm, curl in mm/mm, bending energy in 1/mm²."""
        percentiles = self.vectors.percentiles_mm or dict.fromkeys(("p50", "p95", "p99"))
        jacobian = self.jacobian.to_dict("min", "max", "mean", "p1", "p50", "p99")
        jacobian["sd_log"] = self.sd_log_jacobian
        jacobian["nonpositive_fraction"] = self.nonpositive_fraction
        jacobian["nonpositive_volume_cm3"] = self.folded_volume_cm3
        place = self.max_place_lps_mm
        return {
            "subject": self.subject,
            "dimensions": list(self.dimensions),
            "measured_axes": self.axes,
            "displacement_mm": None
            if not any(self.dimensions)
            else {
                "max": self.vectors.max_mm,
                "mean": self.vectors.mean_mm,
                **percentiles,
                "max_index_ijk": list(self.vectors.max_index) if self.vectors.max_index else None,
                "max_place_lps_mm": place.tolist() if place is not None else None,
                "components_ras": self.components_mm,
            },
            "displacement_voxels": {"components_ijk": self.components_voxels},
            "jacobian": jacobian,
            "curl": self.curl.to_dict("max", "mean", "p50", "p95", "p99"),
            "bending_energy": self.bending.mean,
            "bending_energy_sample": self.bending.to_dict(),
            "inverse_residual_mm": self.inverse.to_dict(),
            "bulk": {
                "rigid": self.rigid.to_dict() if self.rigid else None,
                "affine": self.affine.to_dict() if self.affine else None,
            },
            "regions": self.regions,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def measure(mapping: Mapping, subject: str, progress: Progress | None = None) -> Quality:
    """Measure a mapping: its grid between its matrices, or its matrices alone in closed form.

    Peak memory is that of the vectors themselves, for what is measured at samples.

    ``subject``: how findings name it.
    Raises MappingError when there is no grid, and the matrix cannot be inverted.
    """
    if mapping.grid is None:
        return _measure_affine(mapping.affine, subject)
    return _Measuring(mapping, subject, progress).run()


def _measure_affine(matrix: np.ndarray, subject: str) -> Quality:
    """Measure a (4, 4) from registered to source in closed form: one determinant, no bending, an inverse or none.

    There are no vectors, so the curl is that of the whole displacement. The bulk motion's shift is told at the centre
    of the coordinates, its residuals over a cube of 200 mm around it.
    """
    corners = 200.0 * (np.array(list(np.ndindex(2, 2, 2))) - 0.5)
    mapped = apply_matrix(matrix, corners)
    linear = matrix[:3, :3]
    determinant = float(np.linalg.det(linear))
    nothing = VectorStatistics(0, None, None, None, None, None, None)
    turning = float(np.linalg.norm((linear - linear.T)[[2, 0, 1], [1, 2, 0]]))
    inverse = InverseQuality(len(corners), 0, 0.0, 0.0, 0.0)
    if is_singular(matrix):
        inverse = InverseQuality(len(corners), len(corners), None, None, None)
    return Quality(
        subject, (0, 0, 0), 3, nothing, None, {}, {}, _same_everywhere(determinant), 0.0, None, 0.0,
        _same_everywhere(turning), BendingEnergy(0.0, 0.0, 0, 0), inverse,
        fit_rigid(corners, mapped), fit_affine(corners, mapped), {}, (),
    )  # fmt: skip


def _same_everywhere(value: float) -> Summary:
    return Summary(1, value, value, None, None, value, dict.fromkeys(("p1", "p5", "p50", "p95", "p99"), value))


class _Measuring:
    """One run over all measures."""

    _STEPS = 4

    def __init__(self, mapping: Mapping, subject: str, progress: Progress | None) -> None:
        self.mapping, self.subject, self.progress = mapping, subject, progress
        self.grid: Grid = mapping.grid
        self.done, self.text = 0, ""

    def step(self, text: str) -> None:
        """Tell the progress; stop when asked to."""
        self.text = text
        self.ask()
        self.done += 1

    def ask(self) -> None:
        """Stop when asked to, in the middle of a step too."""
        report_progress(self.progress, self.done, self._STEPS, self.text, "measuring was cancelled")

    def run(self) -> Quality:
        """Take all measures."""
        if isinstance(self.grid.place, VectorPlace) and self.grid.place.in_order:
            # Inflating takes longer than any measure: once, for what is measured at samples needs the vectors anyway.
            _ = self.grid.vectors
        field = self.mapping.field.asking(self.ask)
        self.step("Lengths, components, Jacobian determinant and curl")
        folding, spread = FoldedNodes(field), SdLogJacobian(field)
        to_voxels = np.linalg.inv(field.index_to_world[:3, :3])
        quantities = [local.JACOBIAN, local.MAGNITUDE, local.CURL, *map(local.along, self._directions(to_voxels))]
        jacobian, length, curl, *along = distributions(field, quantities, [(0, folding), (0, spread)])
        in_mm, in_voxels = self._components(to_voxels, along)
        folded, sd_log = folding.region, spread.value
        vectors = self.grid.statistics_of(length)
        self.step("Bending energy")
        bending = bending_energy(field, self._gather)
        self.step("Bulk motion")
        rigid, affine = self._bulk()
        self.step("Inverse")
        inverse = self._inverse()
        regions = {
            name: region_evidence(self.mapping, region)
            for name, region in (("undefined", vectors.undefined), ("infinite", vectors.infinite))
            if region is not None
        }
        if folded is not None:
            regions = {"folded": folding_evidence(self.mapping, folded, jacobian), **regions}
        findings = (
            *vector_findings(self.mapping, self.subject),
            *folding_finding(self.subject, regions.get("folded"), jacobian),
            *bulk_finding(self.subject, rigid),
        )
        longest = vectors.max_index
        place = None if longest is None else apply_matrix(self.mapping.index_to_lps, np.array(longest))
        return Quality(
            self.subject, self.grid.dimensions, field.axes, vectors, place, in_mm, in_voxels, jacobian, sd_log, folded,
            (folded.count if folded else 0) * field.voxel_volume_mm3 / 1000, curl, bending, inverse,
            rigid, affine, regions, findings,
        )  # fmt: skip

    @property
    def _signs(self) -> np.ndarray:
        """(3,) of R, A and S in the coordinates of the vectors."""
        return self.mapping.signs * RAS_SIGNS

    def _directions(self, to_voxels: np.ndarray) -> list[np.ndarray]:
        """R, A, S and, of an oblique grid, i, j, k."""
        return [*np.eye(3) * self._signs[:, None], *(to_voxels if np.count_nonzero(to_voxels) > 3 else ())]

    def _components(self, to_voxels: np.ndarray, along: Sequence[Summary]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Statistics along R, A, S in mm, and along the grid's axes in voxels; never pooled over axes."""
        statistics = component_statistics(along)
        in_mm = dict(zip("RAS", statistics[:3], strict=True))
        if len(along) > 3:
            return in_mm, dict(zip("ijk", statistics[3:], strict=True))
        # Each of the grid's axes is one of R, A, S: the same numbers in another unit.
        in_voxels = {}
        for name, direction in zip("ijk", to_voxels, strict=True):
            (axis,) = np.flatnonzero(direction)
            in_voxels[name] = scaled_statistics(in_mm["RAS"[axis]], direction[axis] * self._signs[axis])
        return in_mm, in_voxels

    def _gather(self, numbers: np.ndarray) -> np.ndarray:
        return np.take(self.grid.vectors.reshape(-1, 3), numbers, axis=0).astype(np.float64)

    def _bulk(self) -> tuple[BulkPart | None, BulkPart | None]:
        index = sample_nodes(self.grid.dimensions, BULK_SAMPLE)
        points = apply_matrix(self.mapping.index_to_lps, index)
        mapped = self.mapping.map_points(points)
        defined = np.isfinite(mapped).all(axis=1)
        if np.count_nonzero(defined) < 4:
            return None, None
        points, mapped = points[defined], mapped[defined]
        return fit_rigid(points, mapped), fit_affine(points, mapped)

    def _inverse(self) -> InverseQuality:
        # Between the nodes: there the interpolation bends, at the nodes it is exact.
        index = sample_nodes(self.grid.dimensions, INVERSE_SAMPLE)
        offset = np.random.default_rng(SEED).random(index.shape)
        index = np.minimum(index + offset, np.array(self.grid.dimensions) - 1)
        mapped = self.mapping.map_points(apply_matrix(self.mapping.index_to_lps, index))
        points = mapped[np.isfinite(mapped).all(axis=1)]
        try:
            result = self.mapping.map_points_inverse(points)
        except MappingError:
            return InverseQuality(len(points), len(points), None, None, None)
        found = result.residual_mm[result.converged]
        if not len(found):
            return InverseQuality(len(points), len(points), None, None, None)
        worst, p99, mean = found.max(), np.percentile(found, 99), found.mean()
        return InverseQuality(len(points), len(points) - len(found), float(worst), float(p99), float(mean))
