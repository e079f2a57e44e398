"""Write a mapping as a DICOM registration, and read it back before it takes its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ChoiceError, RegistrationError, without_warnings
from ...findings import Finding, by_severity
from ...output_file import replace_file
from ...progress import Progress
from ...registration import RegistrationItem, read_registration
from ...registration.file.write.dicom_object import NewIdentity
from ...registration.nodes import InverseMap, Nodes
from ...registration.on_grid import PointMap
from ...space import apply_matrix
from ...words import millimetres, plural
from ..item_images import ItemImages
from ..meeting import meeting_finding, meetings_of
from .outgoing import DicomExport, Outgoing
from .plan import MatrixPlan, Plan, export_of, plan_of
from .side import Side, require_sides

HELD_TO_MM = 1e-3
"""What a written object is read back for: how far from the mapping a node of it may be."""
_NODES_LOOKED_UP = 2000
_SLICES_LOOKED_UP = 3


def write_outgoing(
    outgoing: Outgoing,
    registered: Side,
    source: Side,
    output: Path,
    *,
    grid: Nodes | None = None,
    description: str = "",
    inspect: bool = True,
    progress: Progress | None = None,
) -> DicomExport:
    """Write a mapping as a DICOM registration, and read it back before it takes its place.

    A matrix becomes a Spatial Registration, a grid between matrices a Deformable Spatial Registration as it is.
    Everything else is sampled: on the chosen nodes, else on the registered image's voxels, else on its own nodes.

    Parameters
    ----------
    grid
        Nodes to sample on, also what could be written as it is; a matrix is never sampled.
    description
        Series Description (0008,103E).
    inspect
        Also measure what was written, as ``inspect`` does (folding), which goes through the vectors once more.

    Raises
    ------
    UsageError
        When frames or patient are not known, nothing is defined, the images meet only when the registration is read
        otherwise, or the file cannot be written; nothing is left behind then, and a file that was there is untouched.
    MappingError
        When it has no inverse and one is needed.
    RegistrationError
        When it reads otherwise than what was to be written.
    """
    require_sides(registered, source)
    plan = plan_of(outgoing, registered, grid, progress)
    found: list[Finding] = []
    values = {
        "series_description": description or plan.title,
        "identity": NewIdentity(series_number=(registered if registered.images else source).series_number),
    }

    def write(unfinished: Path) -> None:
        item = replace(_written(plan, unfinished, registered, source, values), path=output)
        _require_same(item, outgoing.map_points, plan)
        found.extend(_require_meeting(item, registered, source))

    replace_file(output, write)
    registration = read_registration(output)
    if inspect:
        found.extend(registration.findings)
    notes = [*outgoing.notes, *_notes(outgoing, plan, registered, source, grid)]
    return replace(
        export_of(plan),
        output=output,
        sop_instance_uid=registration.sop_instance_uid,
        notes=tuple(notes),
        findings=tuple(by_severity(found)),
    )


def _written(plan: Plan, place: Path, registered: Side, source: Side, values: dict[str, Any]) -> RegistrationItem:
    """The item that is read back."""
    with without_warnings():
        plan.write(
            place,
            registered_frame_uid=registered.frame_uid,
            source_frame_uid=source.frame_uid,
            content_description=plan.said,
            comment=plan.said,
            registered_images=registered.images,
            source_images=source.images,
            **values,
        )
    return read_registration(place).items[-1]


def _notes(outgoing: Outgoing, plan: Plan, registered: Side, source: Side, grid: Nodes | None) -> list[str]:
    notes = []
    if isinstance(outgoing.map_points, InverseMap):
        notes.append(outgoing.map_points.said)
    if grid is not None and plan.lattice is None:
        notes.append("A matrix is written as it is; the grid asked for is not needed.")
    if registered.images and source.images and registered.patient != source.patient:
        notes.append(
            "The images of both sides are of different patients, by ID or birth date; the object is the first's."
        )
    if plan.undefined:
        notes.append(f"{plural(plan.undefined, 'node')} without a defined vector: written as NaN, which says so.")
    return notes


def _require_same(item: RegistrationItem, map_points: PointMap, plan: Plan) -> None:
    """Read back at nodes of the first, a middle and the last slice, or at corners, what has been written.

    Raises RegistrationError.
    """
    item.require_usable()
    if item.grid is None:
        if isinstance(plan, MatrixPlan):
            _compare(item, item.map_points(plan.corners), map_points(plan.corners))
        return
    read = item.grid.field().open_slices()
    nx, ny, nz = item.grid.dimensions
    chosen = np.unique(np.linspace(0, nx * ny - 1, min(nx * ny, _NODES_LOOKED_UP)).round().astype(int))
    for k in np.unique(np.linspace(0, nz - 1, min(nz, _SLICES_LOOKED_UP)).round().astype(int)):
        index = np.stack([chosen % nx, chosen // nx, np.full(len(chosen), k)], axis=1)
        nodes = apply_matrix(item.grid.index_to_lps, index.astype(float))
        vectors = read(int(k)).reshape(-1, 3)[chosen].astype(float)
        _compare(item, apply_matrix(item.post, apply_matrix(item.pre, nodes) + vectors), map_points(nodes))


def _compare(item: RegistrationItem, written: np.ndarray, expected: np.ndarray) -> None:
    with np.errstate(invalid="ignore"):
        off = np.linalg.norm(written - expected, axis=1)
    lost = np.isfinite(expected).all(axis=1) != np.isfinite(written).all(axis=1)
    largest = float(off[np.isfinite(off)].max(initial=0.0))
    scale = float(np.abs(written[np.isfinite(written)]).max(initial=1.0))
    if largest > HELD_TO_MM + 1e-6 * scale or lost.mean() > 0.01:
        raise RegistrationError(
            item.path,
            f"reads {largest:.3g} mm beside what was to be written, and otherwise undefined at {lost.sum()} of "
            f"{len(lost)} points looked up; nothing was kept: report this",
        )


def _require_meeting(item: RegistrationItem, registered: Side, source: Side) -> list[Finding]:
    """Whether the images of both sides have a place in common.

    Raises UsageError when they have none, but would under another reading.
    """
    if not registered.at_hand or not source.at_hand:
        return []
    meetings = meetings_of(item, ItemImages(registered.at_hand, source.at_hand, True))
    findings = meeting_finding(item, meetings)
    best = meetings.best
    if findings and best is not None and best.others:
        raise ChoiceError(
            f"under this transform the registered image lands {millimetres(best.gap_mm, 1)} mm beside the moving one; "
            f"with {best.others[0][0]}, {100 * best.others[0][1]:.3g} % of it would land inside: are the images "
            "exchanged, or is the transform the other way round?",
            "fixed image",
            "moving image",
            "direction",
        )
    return findings
