"""Structures through a transform: contours of the target's slices as an RT Structure Set, or points as a table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import ChoiceError, UsageError
from ...findings import Finding
from ...output_file import replace_file
from ...progress import Progress, report_progress
from ...registration.file.write.dicom_object import Reference, ReferencedImages
from ...series.pixels.choose_stack import first_at_each_position
from ...structures import Structure, StructureSet, read_structures
from ...structures.carry import Carried, Ways, carry, contours_of
from ...structures.checks import check_structures
from ...structures.read_rtstruct import RT_STRUCTURE_SET
from ...structures.resample import ImagePlane
from ...structures.write_rtstruct import Said, write_rtstruct
from ...words import plural, table_cell
from ..image_export.reference import ReferenceImages, reference_images
from .applied import Applied, Part, residual_of
from .frames import check_frames, check_reference, said_of_frames
from .part_findings import part_findings
from .request import ApplyRequest
from .target import dicom_reference
from .transform import Moved, Transform

_COLUMNS = ("structure", "number", "contour", "type", "point", "x", "y", "z", "residual_mm")
_DIGITS = 12


def apply_structures(request: ApplyRequest, progress: Progress | None = None) -> Applied:
    """Bring structures along and write them: as an RT Structure Set of the reference's study, or points as CSV.

    Raises
    ------
    FileError
        When a file cannot be read, or holds no structures.
    UsageError
        When frames disagree, there is no DICOM series to draw on, or the output cannot be written; then nothing is
        left behind.
    """
    ending = request.output.suffix.lower()
    if ending not in (".dcm", ".csv"):
        raise UsageError(f"{request.output}: structures are written as .dcm (RT Structure Set) or .csv (points)")
    with request.quietly():
        found = read_structures(request.input)
    findings = [*_frame_findings(request, found), *check_structures(found)]
    target = _target(request) if ending == ".dcm" else ReferenceImages()
    if target.series is not None:
        findings += check_reference(request, target.frame_uid, request.reference[0])
    moved = _pushed(request.transform, found.structures)
    parts: tuple[Part, ...] = ()
    notes = said_of_frames(request, found.frame_uid) if not found.frame_uid else []
    if ending == ".csv":
        _write_points(request.output, found.structures, moved)
        format_ = f"{plural(sum(len(points.points) for points in moved), 'point')} of contours"
        findings += _lost_findings(request, found.structures, moved)
    else:
        carried = _carried(request, found.structures, moved, target, progress)
        findings += [finding for each in carried for finding in _findings(request, each)]
        parts = tuple(map(_part, carried))
        notes += _notes(carried)
        format_ = f"RT Structure Set of {plural(len(carried), 'structure')}, read back"
        _write(request, found, carried, target)
    return Applied(
        "structures",
        request.transform,
        request.output,
        format=format_,
        frame_uid=target.frame_uid or request.transform.output_frame_uid,
        parts=parts,
        residual=residual_of(*moved),
        findings=tuple(findings),
        notes=tuple(notes),
    )


def _frame_findings(request: ApplyRequest, found: StructureSet) -> list[Finding]:
    """Of each frame that structures lie in, once."""
    frames = dict.fromkeys(structure.frame_uid or found.frame_uid for structure in found.structures)
    return [finding for frame in frames for finding in check_frames(request, frame, request.input)]


def _target(request: ApplyRequest) -> ReferenceImages:
    """The images that structures are drawn on.

    Raises ChoiceError when there are none.
    """
    paths = dicom_reference(request.reference)
    if not paths:
        raise ChoiceError(
            "an RT Structure Set belongs to the images that it is drawn on, of whose study and frame it is; name a "
            f"DICOM series of the {request.transform.sides[1]} frame",
            "reference",
        )
    target = reference_images(paths)
    if target.stack is None:
        raise UsageError(f"{', '.join(map(str, paths))}: has no stack of slices to draw contours on")
    return target


def _pushed(transform: Transform, structures: Sequence[Structure]) -> list[Moved]:
    """Of each structure where the points of its contours come to lie; all are searched for at once."""
    counts = []
    every = [np.empty((0, 3))]
    for structure in structures:
        own = [contour.points for contour in contours_of(structure)]
        counts.append(sum(map(len, own)))
        every += own
    moved = transform.push(np.concatenate(every))
    ends = np.cumsum(counts)[:-1]
    residuals = [None] * len(counts) if moved.residual_mm is None else np.split(moved.residual_mm, ends)
    return [Moved(points, rest) for points, rest in zip(np.split(moved.points, ends), residuals, strict=True)]


def _carried(
    request: ApplyRequest,
    structures: Sequence[Structure],
    moved: Sequence[Moved],
    target: ReferenceImages,
    progress: Progress | None,
) -> list[Carried]:
    transform, stack = request.transform, target.stack
    assert stack is not None
    slices, _ = first_at_each_position(stack)
    rows_mm, columns_mm = stack.pixel_spacing_mm or (1.0, 1.0)
    planes = []
    for slice_ in slices:
        matrix = np.eye(4)
        matrix[:3, :3] = stack.axes.T * (columns_mm, rows_mm, 1.0)
        matrix[:3, 3] = slice_.position_lps_mm
        image = (slice_.header.sop_class_uid, slice_.sop_instance_uid)
        planes.append(ImagePlane(matrix, image, slice_.frame_number))
    spacing = stack.nominal_spacing_mm or slices[0].slice_thickness_mm
    ways = Ways(
        lambda points: transform.push(points).points,
        lambda points: transform.pull(points).points,
        transform.item.map_points,
        not transform.inverse,
    )
    carried = []
    for number, (structure, own) in enumerate(zip(structures, moved, strict=True)):
        report_progress(progress, number, len(structures), f"Bringing {structure.name}", "applying was cancelled")
        carried.append(carry(structure, own.points, ways, planes, spacing))
    return carried


def _part(carried: Carried) -> Part:
    structure = carried.structure
    if not carried.samples:
        return Part(structure.name, structure.number)
    return Part(
        structure.name,
        structure.number,
        carried.volume_before_mm3 / 1000 if np.isfinite(carried.volume_before_mm3) else None,
        carried.volume_after_mm3 / 1000 if np.isfinite(carried.volume_after_mm3) else None,
        100 * carried.undefined_share,
        100 * carried.outside_share,
        carried.samples,
        None if carried.folded_share is None else 100 * carried.folded_share,
    )


def _findings(request: ApplyRequest, carried: Carried) -> list[Finding]:
    return part_findings(request, _part(carried), lost_points=carried.lost_points, beyond="the slices of the reference")


def _lost_findings(request: ApplyRequest, structures: Sequence[Structure], moved: Sequence[Moved]) -> list[Finding]:
    """Of points alone: how many of each structure have no place."""
    findings = []
    for structure, points in zip(structures, moved, strict=True):
        lost = int(np.count_nonzero(~np.isfinite(points.points).all(axis=1)))
        if lost:
            message = (
                f"{structure.name}: {plural(lost, 'point')} of {len(points.points):,} where the transform is "
                "undefined; written as nan."
            )
            evidence = {"structure": structure.name, "number": structure.number, "lost_points": lost}
            subject = request.transform.subject.name
            findings.append(Finding("structure-not-carried", "error", message, subject, evidence))
    return findings


def _notes(carried: Sequence[Carried]) -> list[str]:
    notes = []
    cut = sum(each.resampled for each in carried)
    if cut:
        notes.append(
            f"Closed contours of {plural(cut, 'structure')} were drawn anew where the reference's slices cut their "
            "surfaces, interpolated between planes; each point of them lies on its surface."
        )
    left = sum(each.left_planes for each in carried)
    if left:
        notes.append(f"{plural(left, 'open contour')} lie in no plane any more: OPEN_NONPLANAR.")
    return notes


def _write(request: ApplyRequest, found: StructureSet, carried: Sequence[Carried], target: ReferenceImages) -> None:
    predecessor = None
    if found.sop_instance_uid and found.sop_class_uid == RT_STRUCTURE_SET:
        predecessor = Reference(RT_STRUCTURE_SET, found.sop_instance_uid, "", found.study_uid)
    said = Said(
        found.label or "REGISTERED",
        f"DicomRegInspector: {request.transform.description}",
        request.description,
        predecessor,
    )
    images = ReferencedImages(target.references, target.owner.header)
    frame = target.frame_uid or request.transform.output_frame_uid
    write_rtstruct(request.output, [each.structure for each in carried], images, frame, said)


def _write_points(output: Path, structures: Sequence[Structure], moved: Sequence[Moved]) -> None:
    """A row for each point of each contour, nan where it has no place; LPS mm."""

    def write(place: Path) -> None:
        with open(place, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            for structure, points in zip(structures, moved, strict=True):
                writer.writerows(_rows(structure, points))

    replace_file(output, write)


def _rows(structure: Structure, moved: Moved) -> list[tuple[object, ...]]:
    name = table_cell(structure.name)
    places = moved.points.tolist()
    residual = [""] * len(places) if moved.residual_mm is None else [f"{mm:.3g}" for mm in moved.residual_mm.tolist()]
    found: list[tuple[object, ...]] = []
    for number, contour in enumerate(contours_of(structure), start=1):
        for point in range(1, len(contour.points) + 1):
            at = len(found)
            coordinates = [f"{value:.{_DIGITS}g}" for value in places[at]]
            found.append((name, structure.number, number, contour.geometric_type, point, *coordinates, residual[at]))
    return found
