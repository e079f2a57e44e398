"""A mapping on its way out, and what became of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...findings import Finding
from ...registration import Mapping
from ...registration.composite import Inverse
from ...registration.nodes import BetweenNodes, InverseMap, Nodes, nodes_of
from ...registration.on_grid import PointMap

TOLD_MM = 1e-6
"""Smaller effects of rounding are nobody's concern."""
OUTSIDE = "Outside its grid the transform leaves points where they are; in DICOM nothing is defined there."


@dataclass(frozen=True, eq=False)
class Outgoing:
    """A mapping from the registered to the source frame, wherever it was found."""

    map_points: PointMap
    what: str
    """In words: ``a displacement grid``."""
    mapping: Mapping | None = None
    """Where it is a grid between two matrices, or a matrix."""
    lattice: Nodes | None = None
    """Nodes of its own, on which it can be sampled; None without any."""
    is_linear_between: bool = True
    """Whether it interpolates linearly between the nodes of its mapping's grid, as DICOM does."""
    notes: tuple[str, ...] = ()
    """What a user has to know of how it came about, in sentences."""


def outgoing_mapping(mapping: Mapping, what: str) -> Outgoing:
    """Return a mapping on its way out: as it is, or to be sampled where a grid between matrices cannot say it."""
    lattice = None if mapping.grid is None else nodes_of(mapping)
    if isinstance(mapping.exact, Inverse):
        return Outgoing(InverseMap(mapping.exact.of), what, lattice=lattice)
    if mapping.exact is not None:
        return Outgoing(mapping.map_points, what, lattice=lattice)
    notes: tuple[str, ...] = ()
    if mapping.grid is not None and mapping.grid.outside == "stays":
        notes = (OUTSIDE,)
    return Outgoing(mapping.map_points, what, mapping, lattice, notes=notes)


@dataclass(frozen=True)
class DicomExport:
    """What was written."""

    output: Path
    kind: str
    """``matrix`` or ``deformable``."""
    sop_instance_uid: str
    description: str
    matrix_types: tuple[str, ...] = ()
    """Of the matrices in it."""
    dimensions: tuple[int, int, int] | None = None
    """Of its grid."""
    spacing_mm: tuple[float, ...] | None = None
    sampled_on: str = ""
    """Whose nodes it was sampled on; empty where it was written as it was."""
    between_nodes: BetweenNodes | None = None
    """How far linear interpolation between the nodes is from what was to be written; None where it is that."""
    rounding_mm: float = 0.0
    """How far rounding to the digits that decimal strings hold moves any point of the grid or the image."""
    undefined_count: int = 0
    """Nodes whose vectors are undefined: NaN."""
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What inspecting the written object finds, and that its images do not meet."""

    @property
    def said_between(self) -> str:
        """The error between nodes in a sentence; empty where there is none."""
        error = self.between_nodes
        if error is None:
            return ""
        if math.isnan(error.max_mm):
            return "No cell of the grid has eight defined nodes: nothing is defined between nodes."
        part = "all" if error.cells == error.of_cells else f"{error.cells:,} of {error.of_cells:,}"
        return f"Between nodes at most {error_in_words(error.max_mm)} mm off, looked up in {part} cells."

    @property
    def said_rounding(self) -> str:
        """The effect of rounding in a sentence; empty where there is none to speak of."""
        if self.rounding_mm <= TOLD_MM:
            return ""
        return f"Rounding to the digits that DICOM holds: at most {error_in_words(self.rounding_mm)} mm."

    def to_dict(self) -> dict[str, Any]:
        """Return the export as a JSON report holds it."""
        error = self.between_nodes
        return {
            "schema": 1,
            "written": str(self.output),
            "kind": self.kind,
            "sop_instance_uid": self.sop_instance_uid,
            "description": self.description,
            "matrix_types": list(self.matrix_types),
            "grid": None
            if self.dimensions is None
            else {"dimensions": list(self.dimensions), "spacing_mm": list(self.spacing_mm or ())},
            "sampled_on": self.sampled_on or None,
            "between_nodes": None
            if error is None
            else {
                "max_mm": None if math.isnan(error.max_mm) else error.max_mm,
                "cells_looked_up": error.cells,
                "cells": error.of_cells,
            },
            "rounding_mm": self.rounding_mm,
            "undefined_vectors": self.undefined_count,
            "notes": [*filter(None, [self.said_between]), *self.notes],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def error_in_words(value: float) -> str:
    """Return an error with two figures, rounded up."""
    if value <= 0:
        return "0"
    power = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{math.ceil(value / power - 1e-9) * power:.2g}"
