"""Is a deformation plausible? All measures of one grid between its matrices, each with where and how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...findings import Finding
from ...progress import Progress, report_progress
from ..checks import bulk_finding, folding_finding, is_singular, region_evidence
from ..grid import Grid, field_of_grid
from ..mapping import invert_deformable, map_deformable
from ..model import RegistrationItem
from . import local
from .bulk import BulkPart, fit_affine, fit_rigid
from .field import Field
from .local import Summary
from .sampled import BULK_SAMPLE, INVERSE_SAMPLE, SEED, BendingEnergy, bending_energy, sample_nodes
from .statistics import Region, VectorStatistics

RAS_OF_LPS = np.array([-1.0, -1.0, 1.0])


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
        """As the JSON report holds it."""
        return {
            "max": self.max_mm,
            "p99": self.p99_mm,
            "mean": self.mean_mm,
            "samples": self.samples,
            "not_found": self.not_found,
        }


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

    def to_dict(self) -> dict[str, Any]:
        """As the JSON report holds it; lengths in mm, curl in mm/mm, bending energy in 1/mm²."""
        percentiles = self.vectors.percentiles_mm or dict.fromkeys(("p50", "p95", "p99"))
        jacobian = self.jacobian.to_dict("min", "max", "mean", "p1", "p50", "p99")
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


def measure_item(item: RegistrationItem, progress: Progress | None = None) -> Quality:
    """Measure an item: its grid between its matrices, or its matrices alone in closed form.

    Peak memory is one number for each node while the file is streamed, then the vectors themselves for what is
    measured at samples.

    Raises
    ------
    RegistrationError
        When the item cannot be used.
    Cancelled
        When ``progress`` returned False.
    """
    item.require_usable()
    if item.grid is not None:
        return measure_grid(item.grid, item.pre, item.post, item.subject, progress=progress)
    matrix = np.linalg.inv(item.matrix) if item.kind == "matrix" else item.post @ item.pre
    return measure_affine(matrix, item.subject)


def measure_affine(matrix: np.ndarray, subject: str) -> Quality:
    """Measure an affine mapping in closed form: one determinant everywhere, no bending, an exact inverse or none.

    There are no vectors, so the curl is that of the whole displacement.

    Parameters
    ----------
    matrix
        (4, 4) registered to source, LPS mm. The bulk motion's shift is told at the centre of the coordinates, its
        residuals over a cube of 200 mm around it.
    """
    corners = 200.0 * (np.array(list(np.ndindex(2, 2, 2))) - 0.5)
    mapped = corners @ matrix[:3, :3].T + matrix[:3, 3]
    determinant = float(np.linalg.det(matrix[:3, :3]))
    nothing = VectorStatistics(0, None, None, None, None, None, None)
    same = dict.fromkeys(("p1", "p5", "p50", "p95", "p99"), determinant)
    jacobian = Summary(1, determinant, determinant, None, None, determinant, same)
    linear = matrix[:3, :3]
    turning = float(np.linalg.norm((linear - linear.T)[[2, 0, 1], [1, 2, 0]]))
    curl = Summary(1, turning, turning, None, None, turning, dict.fromkeys(same, turning))
    inverse = InverseQuality(len(corners), 0, 0.0, 0.0, 0.0)
    if is_singular(matrix):
        inverse = InverseQuality(len(corners), len(corners), None, None, None)
    rigid = fit_rigid(corners, mapped)
    return Quality(
        subject, (0, 0, 0), 3, nothing, None, {}, {}, jacobian, None, 0.0, curl,
        BendingEnergy(0.0, 0.0, 0, 0), inverse, rigid, fit_affine(corners, mapped), {}, bulk_finding(subject, rigid),
    )  # fmt: skip


def measure_grid(
    grid: Grid,
    pre: np.ndarray,
    post: np.ndarray,
    subject: str,
    *,
    ras: bool = False,
    progress: Progress | None = None,
) -> Quality:
    """Measure the mapping ``post (pre x + D(x))`` that a grid and two matrices make.

    Parameters
    ----------
    grid, pre, post
        All in LPS mm, or with ``ras`` all in RAS mm (the grid of a transform node).
    subject
        How findings name it.

    Raises
    ------
    Cancelled
        When ``progress`` returned False.
    """
    return _Measuring(grid, pre, post, subject, np.ones(3) if not ras else RAS_OF_LPS, progress).run()


class _Measuring:
    """One run over all measures, passing the memory of each quantity on to the next."""

    _STEPS = 11

    def __init__(
        self,
        grid: Grid,
        pre: np.ndarray,
        post: np.ndarray,
        subject: str,
        to_lps: np.ndarray,
        progress: Progress | None,
    ) -> None:
        self.grid, self.pre, self.post, self.subject = grid, pre, post, subject
        self.to_lps, self.progress = to_lps, progress
        self.done = 0
        self.memory: np.ndarray | None = None

    def step(self, text: str) -> None:
        """Tell the progress; stop when asked to."""
        report_progress(self.progress, self.done, self._STEPS, text, "the measuring was cancelled")
        self.done += 1

    def run(self) -> Quality:
        """Take all measures, in the order of the memory they need."""
        self.step("Lengths of the vectors")
        vectors = self.grid.statistics
        field = field_of_grid(self.grid, self.pre, self.post)
        in_mm, in_voxels = self._components(field)
        self.step("Jacobian determinant and curl")
        determinants, turning = local.jacobian_and_curl(field, self.memory)
        folded = local.folded_region(determinants)
        self.step("Their distribution")
        jacobian, curl = local.summarize_all([determinants, turning], field)
        self.memory = determinants = turning = None
        self.step("Bending energy")
        bending = bending_energy(field, self._gather)
        self.step("Bulk motion")
        rigid, affine = self._bulk()
        self.step("Inverse")
        inverse = self._inverse()
        regions = self._regions(folded, vectors)
        findings = (
            *folding_finding(self.subject, regions.get("folded"), jacobian),
            *bulk_finding(self.subject, rigid),
        )
        place = None if vectors.max_index is None else self._lps(self.grid.node_position(vectors.max_index))
        return Quality(
            self.subject, self.grid.dimensions, field.axes, vectors, place, in_mm, in_voxels, jacobian, folded,
            (folded.count if folded else 0) * field.voxel_volume_mm3 / 1000, curl, bending, inverse,
            rigid, affine, regions, findings,
        )  # fmt: skip

    def _lps(self, position: np.ndarray) -> np.ndarray:
        return position * self.to_lps

    def _components(self, field: Field) -> tuple[dict, dict]:
        """Statistics along R, A, S in mm, and along the grid's axes in voxels; never pooled over axes."""
        in_mm = {}
        for axis, name in enumerate("RAS"):
            self.step(f"Components along {name}")
            direction = np.eye(3)[axis] * self.to_lps[axis] * RAS_OF_LPS[axis]
            self.memory = local.component(field, direction, self.memory)
            in_mm[name] = local.component_statistics(self.memory)
        in_voxels = {}
        to_voxels = np.linalg.inv(field.index_to_world[:3, :3])
        for name, direction in zip("ijk", to_voxels, strict=True):
            self.step(f"Components along {name}")
            used = np.flatnonzero(direction)
            if len(used) == 1:
                # The grid's axis is one of R, A, S: the same numbers in another unit.
                axis = used[0]
                factor = direction[axis] * self.to_lps[axis] * RAS_OF_LPS[axis]
                in_voxels[name] = local.scaled_statistics(in_mm["RAS"[axis]], factor)
            else:
                self.memory = local.component(field, direction, self.memory)
                in_voxels[name] = local.component_statistics(self.memory)
        return in_mm, in_voxels

    def _gather(self, index: np.ndarray) -> np.ndarray:
        vectors = self.grid.vectors[index[:, 2], index[:, 1], index[:, 0]].astype(np.float64)
        vectors[~np.isfinite(vectors).all(axis=1)] = np.nan
        return vectors

    def _sample_positions(self, count: int) -> np.ndarray:
        """Positions (n, 3) of a sample of the nodes where the vector is defined."""
        index = sample_nodes(self.grid.dimensions, count)
        index = index[np.isfinite(self._gather(index)).all(axis=1)]
        matrix = self.grid.index_to_lps
        return index @ matrix[:3, :3].T + matrix[:3, 3]

    def _bulk(self) -> tuple[BulkPart | None, BulkPart | None]:
        points = self._sample_positions(BULK_SAMPLE)
        if len(points) < 4:
            return None, None
        points, mapped = points * self.to_lps, self._map(points) * self.to_lps
        return fit_rigid(points, mapped), fit_affine(points, mapped)

    def _map(self, points: np.ndarray) -> np.ndarray:
        return map_deformable(points, self.pre, self.grid, self.post)

    def _inverse(self) -> InverseQuality:
        # Between the nodes: there the interpolation bends, at the nodes it is exact.
        index = sample_nodes(self.grid.dimensions, INVERSE_SAMPLE)
        offset = np.random.default_rng(SEED).random(index.shape)
        index = np.minimum(index + offset, np.array(self.grid.dimensions) - 1)
        mapped = self._map(index @ self.grid.index_to_lps[:3, :3].T + self.grid.origin_lps_mm)
        points = mapped[np.isfinite(mapped).all(axis=1)]
        try:
            result = invert_deformable(points, self.pre, self.grid, self.post)
        except np.linalg.LinAlgError:
            return InverseQuality(len(points), len(points), None, None, None)
        found = result.residual_mm[result.converged]
        if not len(found):
            return InverseQuality(len(points), len(points), None, None, None)
        return InverseQuality(
            len(points),
            len(points) - len(found),
            float(found.max()),
            float(np.percentile(found, 99)),
            float(found.mean()),
        )

    def _regions(self, folded: Region | None, vectors: VectorStatistics) -> dict[str, dict[str, Any]]:
        regions = {}
        for name, region in (("folded", folded), ("undefined", vectors.undefined), ("infinite", vectors.infinite)):
            if region is not None:
                evidence = region_evidence(self.grid, region, self.grid.place.count)
                box = np.array([evidence["box_min_lps_mm"], evidence["box_max_lps_mm"]]) * self.to_lps
                evidence["box_min_lps_mm"] = box.min(axis=0).tolist()
                evidence["box_max_lps_mm"] = box.max(axis=0).tolist()
                regions[name] = evidence
        return regions
