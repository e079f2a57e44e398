"""A registration object as the standard means it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import RegistrationError
from ..findings import Finding
from ..findings.about import about_item
from ..space import apply_matrix, as_points
from .checks import folding_finding, region_evidence, vector_findings
from .file.fiducials import FiducialSet
from .grid import Grid, field_of_grid
from .mapping import INVERSE_TOLERANCE_MM, InverseResult, invert_deformable, map_deformable
from .measures.local import folded_region, jacobian, summarize

ItemKind = Literal["matrix", "deformable"]


@dataclass(frozen=True)
class RegistrationItem:
    """One item of Deformable Registration Sequence (0064,0002) or of Registration Sequence (0070,0308).

    A deformable item maps the Registered RCS to its source frame by Equation C.20.3-1; a matrix item's matrix maps
    its frame into the Registered RCS (PS3.3 C.20.2), so that points go the other way through its inverse.
    """

    path: Path
    number: int
    """Counts from 1 in the order of the file."""
    kind: ItemKind
    source_frame_uid: str
    registered_frame_uid: str
    pre: np.ndarray
    """(4, 4) Pre Deformation Matrix, LPS mm; the identity where the item has none."""
    post: np.ndarray
    """(4, 4) Post Deformation Matrix, LPS mm; the identity where the item has none."""
    matrix: np.ndarray | None
    """(4, 4) ``M_n ··· M_2 · M_1`` from the source frame into the Registered RCS; None for a deformable item."""
    grid: Grid | None
    problem: str | None
    """Why this item can neither be mapped nor loaded; None when it can."""
    header_findings: tuple[Finding, ...] = field(default=(), repr=False)
    """What the elements alone show; :attr:`findings` adds what the vectors show."""

    @property
    def subject(self) -> str:
        """How findings and messages name this item."""
        return about_item(self.path, self.number)

    @property
    def description(self) -> str:
        """The item in a few words: kind, grid, matrices."""
        if self.kind == "matrix":
            return "matrix, source frame to registered frame"
        parts = []
        if self.grid is not None:
            nx, ny, nz = self.grid.dimensions
            parts.append(f"deformation grid {nx} × {ny} × {nz}")
        if not np.array_equal(self.pre, np.eye(4)):
            parts.append("pre-deformation matrix")
        if not np.array_equal(self.post, np.eye(4)):
            parts.append("post-deformation matrix")
        return ", ".join(parts) or "deformable, no grid, identity"

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found about this item. The first use reads the vectors twice: for their lengths and for folding.

        Raises
        ------
        FileError
            When the file is gone or has changed since it was opened.
        """
        if self.grid is None or self.problem is not None:
            return self.header_findings
        identity = np.array_equal(self.pre, np.eye(4)) and np.array_equal(self.post, np.eye(4))
        found = vector_findings(self.grid, self.subject, identity)
        return self.header_findings + found + self._folding()

    def _folding(self) -> tuple[Finding, ...]:
        field = field_of_grid(self.grid, self.pre, self.post)
        determinants = jacobian(field)
        folded = folded_region(determinants)
        if folded is None:
            return ()
        evidence = region_evidence(self.grid, folded, self.grid.place.count)
        measured = summarize(determinants, field)
        if measured.min_index is not None:
            evidence["lowest_at_lps_mm"] = self.grid.node_position(measured.min_index).tolist()
        return folding_finding(self.subject, evidence, measured)

    @property
    def displacement_mm(self) -> dict[str, float | None] | None:
        """Magnitude of the defined vectors in mm: ``max``, ``mean``, ``p50``, ``p95``, ``p99``; None without a grid."""
        if self.grid is None or self.problem is not None:
            return None
        statistics = self.grid.statistics
        percentiles = statistics.percentiles_mm or dict.fromkeys(("p50", "p95", "p99"))
        return {"max": statistics.max_mm, "mean": statistics.mean_mm, **percentiles}

    def require_usable(self) -> None:
        """Raise what keeps this item from being used.

        Raises
        ------
        RegistrationError
            When :attr:`problem` says so.
        """
        if self.problem is not None:
            raise RegistrationError(self.path, f"item {self.number} cannot be used: {self.problem}")

    def map_points(self, points: np.ndarray) -> np.ndarray:
        """Points of the Registered RCS to the Source RCS.

        Parameters
        ----------
        points
            (..., 3) LPS mm.

        Returns
        -------
        np.ndarray
            (..., 3) float64 LPS mm; NaN outside the grid and where the vectors are undefined.

        Raises
        ------
        ValueError
            When the last axis has not three coordinates.
        RegistrationError
            When the item cannot be used (:attr:`problem`).
        """
        array = as_points(points)
        self.require_usable()
        flat = array.reshape(-1, 3)
        if self.kind == "matrix":
            mapped = apply_matrix(np.linalg.inv(self.matrix), flat)
        else:
            mapped = map_deformable(flat, self.pre, self.grid, self.post)
        return mapped.reshape(array.shape)

    def map_points_inverse(self, points: np.ndarray) -> InverseResult:
        """Points of the Source RCS to the Registered RCS, with the residual of each.

        Parameters
        ----------
        points
            (..., 3) LPS mm.

        Returns
        -------
        InverseResult
            Points NaN where no point of the grid maps within 1e-4 mm of the given one.

        Raises
        ------
        ValueError
            When the last axis has not three coordinates.
        RegistrationError
            When the item cannot be used, or one of its matrices cannot be inverted.
        """
        array = as_points(points)
        self.require_usable()
        flat = array.reshape(-1, 3)
        if self.grid is not None:
            try:
                result = invert_deformable(flat, self.pre, self.grid, self.post)
            except np.linalg.LinAlgError as error:
                raise RegistrationError(
                    self.path, f"item {self.number} has no inverse: a matrix is singular"
                ) from error
        else:
            result = self._invert_affine(flat)
        return InverseResult(
            result.points.reshape(array.shape),
            result.residual_mm.reshape(array.shape[:-1]),
            result.converged.reshape(array.shape[:-1]),
        )

    def _invert_affine(self, points: np.ndarray) -> InverseResult:
        if self.kind == "matrix":
            found = apply_matrix(self.matrix, points)
        else:
            try:
                found = apply_matrix(np.linalg.inv(self.post @ self.pre), points)
            except np.linalg.LinAlgError as error:
                raise RegistrationError(
                    self.path, f"item {self.number} has no inverse: a matrix is singular"
                ) from error
        residual = np.linalg.norm(self.map_points(found) - points, axis=1)
        with np.errstate(invalid="ignore"):
            converged = residual <= INVERSE_TOLERANCE_MM
        return InverseResult(np.where(converged[:, None], found, np.nan), residual, converged)

    def to_dict(self) -> dict[str, Any]:
        """The item as the JSON report holds it."""
        grid = None
        if self.grid is not None:
            grid = {
                "dimensions": list(self.grid.dimensions),
                "spacing_mm": self.grid.spacing_mm.tolist(),
                "origin_lps_mm": self.grid.origin_lps_mm.tolist(),
                "directions_lps": self.grid.directions.tolist(),
            }
        return {
            "number": self.number,
            "kind": self.kind,
            "source_frame_of_reference_uid": self.source_frame_uid,
            "registered_frame_of_reference_uid": self.registered_frame_uid,
            "grid": grid,
            "pre_matrix_lps": self.pre.tolist(),
            "post_matrix_lps": self.post.tolist(),
            "matrix_lps": None if self.matrix is None else self.matrix.tolist(),
            "displacement_mm": self.displacement_mm,
            "problem": self.problem,
        }


@dataclass(frozen=True)
class Registration:
    """A Spatial Registration, Deformable Spatial Registration or Spatial Fiducials object."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    kind: Literal["matrix", "deformable", "fiducials"]
    """By what the object contains, whatever its SOP class says."""
    frame_uid: str
    """Frame of Reference UID (0020,0052) at the top: the Registered RCS."""
    study_uid: str
    series_uid: str
    series_description: str
    """Empty when it is missing or repeats the patient's name or ID."""
    manufacturer: str
    content_label: str
    transfer_syntax_uid: str
    items: tuple[RegistrationItem, ...]
    fiducial_sets: tuple[FiducialSet, ...] = ()
    """The named points of a Spatial Fiducials object, one set for each frame."""
    header_findings: tuple[Finding, ...] = field(default=(), repr=False)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found about the object, then about each item. The first use reads the vectors once."""
        return self.header_findings + tuple(finding for item in self.items for finding in item.findings)

    def to_dict(self) -> dict[str, Any]:
        """The object as the JSON report holds it."""
        return {
            "file": str(self.path),
            "sop_class_uid": self.sop_class_uid,
            "sop_instance_uid": self.sop_instance_uid,
            "kind": self.kind,
            "study_instance_uid": self.study_uid,
            "series_instance_uid": self.series_uid,
            "series_description": self.series_description,
            "manufacturer": self.manufacturer,
            "frame_of_reference_uid": self.frame_uid,
            "items": [item.to_dict() for item in self.items],
            "findings": [finding.to_dict() for finding in self.findings],
        }
