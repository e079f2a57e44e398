"""Which DICOM object says a mapping: a matrix, a grid between matrices as it is, or samples on a lattice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ChoiceError, UsageError
from ...progress import Progress
from ...registration import Mapping
from ...registration.chain import CUBE_CORNERS
from ...registration.file.write import StreamedVectors, write_deformable_registration, write_spatial_registration
from ...registration.file.write.dicom_object import as_written, matrix_type_of
from ...registration.mapping import MappingError
from ...registration.matrices import is_singular
from ...registration.nodes import (
    BetweenNodes,
    GridVectors,
    Nodes,
    SampledVectors,
    error_between_nodes,
    nodes_of,
)
from ...space import apply_matrix, lattice_corners, to_ras
from .outgoing import DicomExport, Outgoing, error_in_words
from .side import Side, lattice_of_side, lattice_over


@dataclass(frozen=True, eq=False)
class MatrixPlan:
    """A Spatial Registration."""

    matrix: np.ndarray
    """(4, 4) from the source into the registered frame, LPS mm (PS3.3 C.20.2)."""
    corners: np.ndarray
    """(n, 3) LPS mm of the registered frame, where the effect of rounding is looked up."""
    what: str

    kind, title, said = "matrix", "Spatial registration", ""
    undefined, between, sampled_on, lattice = 0, None, "", None

    @property
    def matrices(self) -> list[np.ndarray]:
        """All matrices in it but for the registered frame's identity."""
        return [self.matrix]

    @property
    def description(self) -> str:
        """It in words."""
        return f"Spatial Registration of {self.what}"

    def write(self, place: Path, **values: Any) -> None:
        """Write it; see :func:`...registration.file.write.registrations.write_spatial_registration`."""
        write_spatial_registration(place, matrix=self.matrix, **values)

    @property
    def rounding_mm(self) -> float:
        """How far rounding moves a point of the registered image."""
        return _apart(self.corners, np.linalg.inv(as_written(self.matrix)), np.linalg.inv(self.matrix))


@dataclass(frozen=True, eq=False)
class GridPlan:
    """A Deformable Spatial Registration."""

    vectors: GridVectors | SampledVectors
    pre: np.ndarray | None
    post: np.ndarray | None
    between: BetweenNodes | None
    """How far linear interpolation is from what is to be written; None where that is linear too."""
    sampled_on: str
    """Whose nodes it is sampled on; empty where it is written as it is."""
    what: str

    kind, title = "deformable", "Deformable registration"

    @property
    def lattice(self) -> Nodes:
        """Where its nodes lie."""
        return self.vectors.lattice

    @property
    def matrices(self) -> list[np.ndarray]:
        """All matrices in it."""
        return [matrix for matrix in (self.pre, self.post) if matrix is not None]

    @property
    def undefined(self) -> int:
        """How many nodes are without a vector, once it is written."""
        return self.vectors.undefined

    @property
    def description(self) -> str:
        """It in words."""
        size = " × ".join(map(str, self.lattice.dimensions))
        how = f"sampled on {self.sampled_on}: {size} nodes" if self.sampled_on else "as it is"
        return f"Deformable Spatial Registration of {self.what}, {how}"

    @property
    def said(self) -> str:
        """What the object itself says of how near it comes, in a line that an LO element holds."""
        if self.between is None or math.isnan(self.between.max_mm):
            return ""
        done = "Sampled" if self.sampled_on else "As it was"
        return f"{done}; between nodes at most {error_in_words(self.between.max_mm)} mm off"

    def write(self, place: Path, **values: Any) -> None:
        """Write it; see :func:`...registration.file.write.registrations.write_deformable_registration`."""
        lattice = self.lattice
        write_deformable_registration(
            place,
            vectors=StreamedVectors(lattice.dimensions, self.vectors),
            origin=lattice.origin_lps_mm.tolist(),
            directions=lattice.directions,
            spacing=lattice.spacing_mm.tolist(),
            pre=self.pre,
            post=self.post,
            matrix_type=None,
            **values,
        )

    @property
    def rounding_mm(self) -> float:
        """How far rounding moves a node, and what the matrices make of it."""
        lattice = self.lattice
        corners = lattice_corners(lattice.index_to_lps, lattice.dimensions)
        index = lattice_corners(np.eye(4), lattice.dimensions)
        moved = _apart(index, _lattice_as_written(lattice), lattice.index_to_lps)
        return moved + sum(_apart(corners, as_written(matrix), matrix) for matrix in self.matrices)


Plan = MatrixPlan | GridPlan


def plan_of(outgoing: Outgoing, registered: Side, grid: Nodes | None = None, progress: Progress | None = None) -> Plan:
    """Choose the object that says a mapping; what has to be sampled is measured between its nodes.

    Raises
    ------
    UsageError
        When there is nothing to sample it on, or it is undefined at every node looked up.
    MappingError
        When it is a matrix that has no inverse.
    """
    mapping = outgoing.mapping
    if mapping is not None and mapping.grid is None:
        return MatrixPlan(_from_source(mapping), _corners(registered), outgoing.what)
    if mapping is not None and grid is None and nodes_of(mapping).has_right_angles:
        return _as_it_is(outgoing, mapping, progress)
    return _sampled(outgoing, _lattice_for(outgoing, registered, grid), progress)


def export_of(plan: Plan) -> DicomExport:
    """Return what is told of an object that was written, but for its name and what was found on the way."""
    lattice = plan.lattice
    return DicomExport(
        output=Path(),
        kind=plan.kind,
        sop_instance_uid="",
        description=plan.description,
        matrix_types=tuple(matrix_type_of(matrix) for matrix in plan.matrices),
        dimensions=None if lattice is None else lattice.dimensions,
        spacing_mm=None if lattice is None else tuple(lattice.spacing_mm.tolist()),
        sampled_on=plan.sampled_on,
        between_nodes=plan.between,
        rounding_mm=plan.rounding_mm,
        undefined_count=plan.undefined,
    )


def _as_it_is(outgoing: Outgoing, mapping: Mapping, progress: Progress | None) -> GridPlan:
    vectors = GridVectors(mapping, progress)
    lps = (to_ras(matrix) if mapping.ras else matrix for matrix in (mapping.pre, mapping.post))
    pre, post = (None if np.array_equal(matrix, np.eye(4)) else matrix for matrix in lps)
    between = None
    if not outgoing.is_linear_between:
        between = error_between_nodes(vectors.lattice, outgoing.map_points, mapping.map_points)
    return GridPlan(vectors, pre, post, between, "", outgoing.what)


def _sampled(outgoing: Outgoing, lattice: Nodes, progress: Progress | None) -> GridPlan:
    between = error_between_nodes(lattice, outgoing.map_points)
    if not between.cells:
        middle = outgoing.map_points(lattice.slice_points(lattice.dimensions[2] // 2))
        if not np.isfinite(middle).any():
            raise UsageError(
                f"{outgoing.what} is undefined at every node looked up of {lattice.where}: is this the image that it "
                "registers to, and is it read in its own direction?"
            )
    vectors = SampledVectors(lattice, outgoing.map_points, progress)
    return GridPlan(vectors, None, None, between, lattice.where, outgoing.what)


def _from_source(mapping: Mapping) -> np.ndarray:
    """As :attr:`MatrixPlan.matrix`."""
    if mapping.matrix is not None:
        return to_ras(mapping.matrix) if mapping.ras else mapping.matrix
    if is_singular(mapping.affine):
        raise MappingError(
            "has a singular matrix: a Spatial Registration says the way from the source to the registered frame, "
            "which is its inverse, and there is none"
        )
    return np.linalg.inv(mapping.affine)


def _corners(side: Side) -> np.ndarray:
    lattice = lattice_of_side(side)
    return CUBE_CORNERS if lattice is None else lattice_corners(lattice.index_to_lps, lattice.dimensions)


def _lattice_for(outgoing: Outgoing, registered: Side, grid: Nodes | None) -> Nodes:
    """Where it is sampled."""
    lattice = grid or lattice_of_side(registered) or outgoing.lattice
    if lattice is None:
        raise ChoiceError(
            f"{outgoing.what} has to be sampled, and there is no grid to do it on: missing is an image of the "
            "registered frame with places and pixel sizes, or a grid",
            "fixed image",
            "grid",
        )
    if not lattice.has_right_angles:
        lattice = lattice_over(lattice, lattice.spacing_mm.tolist())
    return lattice.right_handed()


def _lattice_as_written(lattice: Nodes) -> np.ndarray:
    """(4, 4) from (i, j, k, 1) to LPS mm as a reader makes it of position, orientation and resolution."""
    row, column = (as_written(lattice.directions[:, axis]) for axis in (0, 1))
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([row, column, np.cross(row, column)], axis=1) * lattice.spacing_mm
    matrix[:3, 3] = as_written(lattice.origin_lps_mm)
    return matrix


def _apart(points: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    return float(np.linalg.norm(apply_matrix(first, points) - apply_matrix(second, points), axis=1).max())
