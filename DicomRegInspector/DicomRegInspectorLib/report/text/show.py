"""What one DICOM object says, in words and units, with the tag of each element. Never who the patient is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from os import path as os_path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...dicom.identity import without_names
from ...errors import FileError, NotDicomError
from ...findings import Finding
from ...findings.unreadable import unreadable_finding
from ...registration import read_registration
from ...registration.conventions import named_turned
from ...registration.file.read import reader_of
from ...registration.file.structure_set import MODALITY, read_frame_relationships, relationship_findings
from ...series import inspect_series, read_header
from ...series.geometry.restarts import SMALL_MM
from ...tasks.chain import ReadRegistration
from ...tasks.item_images import ImagesAtHand
from ...words import decimals, describe_plane, millimetres, point
from .matrices import describe_direction
from .page import Page, product, uid_name
from .show_registration import show_matrix, show_registration
from .show_turns import shift_of
from .terminal import Style

if TYPE_CHECKING:
    from ...registration import Registration
    from ...series import Header, Series, Stack


@dataclass(frozen=True)
class Shown:
    """What one file says."""

    text: str
    findings: tuple[Finding, ...]
    kind: str
    """Where the JSON report has it: ``registrations``, ``series``, ``other`` or ``unreadable``."""
    told: list[dict[str, Any]] = field(default_factory=list)
    """What the JSON report holds of it."""


def show_file(
    path: str | PathLike[str],
    style: Style,
    at: Sequence[float] | None = None,
    images: Iterable[Header] = (),
    read: ReadRegistration = read_registration,
) -> Shown:
    """Describe one file.

    Parameters
    ----------
    at
        (3,) LPS mm in the registered frame: where to tell a registration's shift.
    images
        Headers of images at hand; without ``at`` the shift is told at the centre of those of the registered frame.

    read
        How a registration is read.

    Raises
    ------
    FileError
        When it cannot be read, or is neither DICOM nor a transform.
    ChoiceError
        When a transform's file leaves something open.
    """
    page = Page(style)
    place, _ = named_turned(path) or (path, False)
    try:
        header = without_names(read_header(place))
    except NotDicomError:
        if reader_of(place) is None:
            raise
        header = None
    if header is None or header.is_registration:
        registration = read(path)
        centre = None if at is not None else _centre_of_registered(registration, images)
        shifts = [shift_of(item, at, centre) for item in registration.items]
        show_registration(registration, page, shifts)
        kind, told = "registrations", [registration.to_dict()]
        for item, shift in zip(told[0]["items"], shifts, strict=True):
            item["shift"] = None if shift is None else shift.to_dict()
    elif header.is_image:
        kind, told = "series", [{"file": fspath(path), **series.to_dict()} for series in _show_image(header, page)]
    else:
        _show_other(header, page)
        kind, told = "other", [{"file": fspath(path), "sop_class_uid": header.sop_class_uid}]
    return Shown(str(page), tuple(page.found), kind, told)


def show_unreadable(error: FileError, style: Style) -> Shown:
    """Tell of a file that cannot be used, as a finding about it."""
    page = Page(style)
    page.title(f"{os_path.basename(error.path)}: cannot be used")
    page.findings([unreadable_finding(error)])
    return Shown(str(page), tuple(page.found), "unreadable", [{"file": error.path, "problem": error.problem}])


def _centre_of_registered(registration: Registration, images: Iterable[Header]) -> tuple[np.ndarray, str] | None:
    """The centre (3,) LPS mm of the largest stack of the registered side, and what it is; None without one."""
    frame = registration.frame_uid
    own = [header for header in images if frame and header.frame_of_reference_uid == frame]
    sides = ImagesAtHand(inspect_series(own)).of_items(registration) if own else ()
    boxes = [(stack, stack.box) for side in sides[:1] for stack in side.registered if stack.box is not None]
    if not boxes:
        return None
    stack, box = max(boxes, key=lambda pair: len(pair[0].stack.slices))
    name = f"“{stack.series.description}”" if stack.series.description else stack.series.series_instance_uid
    return box.corners.mean(axis=0), f"centre of the registered image series {name}"


def shown_dict(shown: Iterable[Shown]) -> dict[str, Any]:
    """Return what files say as JSON holds it; keys that an inspection has too mean the same."""
    from ... import __version__

    kinds: dict[str, list[dict[str, Any]]] = {"registrations": [], "series": [], "other": [], "unreadable": []}
    findings: list[dict[str, Any]] = []
    for file in shown:
        kinds[file.kind] += file.told
        findings += [finding.to_dict() for finding in file.findings]
    return {"schema": 1, "version": __version__, **kinds, "findings": findings}


def _show_identity(header: Header, page: Page) -> None:
    page.row("SOP Class UID (0008,0016)", uid_name(header.sop_class_uid))
    page.row("SOP Instance UID (0008,0018)", header.sop_instance_uid)
    page.row("Transfer Syntax UID (0002,0010)", uid_name(header.transfer_syntax_uid))
    page.row("Modality (0008,0060)", header.modality)
    page.row("Series Description (0008,103E)", header.series_description)
    page.row("Study Instance UID (0020,000D)", header.study_uid)
    page.row("Series Instance UID (0020,000E)", header.series_uid)


def _show_other(header: Header, page: Page) -> None:
    name = os_path.basename(header.path)
    if header.is_dicomdir:
        page.title(f"{name}: a media directory (DICOMDIR)")
        page.text("It names files and holds no image; inspect the folder it lies in.")
        page.row("Transfer Syntax UID (0002,0010)", uid_name(header.transfer_syntax_uid))
        return
    page.title(f"{name}: neither image nor registration")
    _show_identity(header, page)
    page.text("Only images and registrations are described further.")
    if header.modality == MODALITY:
        _show_relationships(header, page)


def _show_relationships(header: Header, page: Page) -> None:
    """Frames that a structure set relates, with their matrices."""
    for number, relationship in enumerate(read_frame_relationships(header.path), 1):
        page.section(f"Item {number} of Frame of Reference Relationship Sequence (3006,00C0)")
        page.row("Frame of Reference UID (0020,0052)", relationship.frame_uid)
        page.row("Related Frame of Reference UID (3006,00C2)", relationship.related_frame_uid)
        page.row("Frame of Reference Transformation Type (3006,00C4)", relationship.kind)
        if relationship.matrix is None:
            page.text("Its matrix is missing or holds no 16 numbers.")
        else:
            show_matrix("Transformation Matrix (3006,00C6)", relationship.matrix, page)
    page.findings(relationship_findings(header.path))


def _show_image(header: Header, page: Page) -> list[Series]:
    frames = f", {header.number_of_frames} frames" if header.number_of_frames > 1 else ""
    what = f"{header.modality or 'image'}, {header.columns} × {header.rows} pixels{frames}"
    page.title(f"{os_path.basename(header.path)}: {what}")
    _show_identity(header, page)
    page.row("Instance Number (0020,0013)", header.instance_number if header.instance_number is not None else "-")
    page.section("Where it lies")
    page.row("Frame of Reference UID (0020,0052)", header.frame_of_reference_uid)
    series = inspect_series([header])
    stack = series[0].main_stack if series else None
    if stack is None:
        page.text("Position and orientation are missing or cannot be used: nothing places this image in the patient.")
    else:
        _show_stack(header, stack, page)
    _show_claims(header, page)
    page.findings(finding for series_ in series for finding in series_.findings)
    return series


def _show_stack(header: Header, stack: Stack, page: Page) -> None:
    """The slices of the file: one, or those of its largest stack."""
    first, last = stack.slices[0], stack.slices[-1]
    if len(stack.slices) < header.number_of_frames:
        page.text(
            f"{len(stack.slices)} of the {header.number_of_frames} frames make the largest stack; it is described here."
        )
    # A single slice has no spacing; tiny pixels say as well that it lies among tiny distances.
    pixels = min(stack.pixel_spacing_mm or (1.0,))
    digits = decimals(stack.nominal_spacing_mm or (pixels if pixels < SMALL_MM else 1.0))
    if len(stack.slices) > 1:
        page.row("Image Position (Patient) (0020,0032)", f"{point(first.position_lps_mm, digits)} mm LPS, first slice")
        page.row("", f"{point(last.position_lps_mm, digits)} mm LPS, last slice")
    else:
        page.row(
            "Image Position (Patient) (0020,0032)",
            f"{point(first.position_lps_mm, digits)} mm LPS, centre of the first pixel",
        )
    row, column, normal = stack.axes
    page.row("Image Orientation (Patient) (0020,0037)", describe_plane(normal))
    page.row("along a row", describe_direction(row), 4)
    page.row("down a column", describe_direction(column), 4)
    page.row("normal of the slice", f"{point(normal, 6)}: {describe_direction(normal)}", 4)
    if stack.pixel_spacing_mm is not None:
        rows, columns = stack.pixel_spacing_mm
        spacing = f"{millimetres(rows, 6)} mm between rows, {millimetres(columns, 6)} mm between columns"
        page.row("Pixel Spacing (0028,0030)", spacing)
        extent = product([header.columns * columns, header.rows * rows])
        page.row("covers", f"{extent} mm in plane", 4)
    if len(stack.slices) == 1:
        page.row("position along the normal", f"{millimetres(float(stack.positions_mm[0]), digits)} mm", 4)
        return
    page.row("slice positions along the normal", f"{point(stack.positions_mm[[0, -1]], digits)} mm, first and last", 4)
    for section in stack.sections:
        page.row("spacing", f"{millimetres(section.spacing_mm)} mm, slices {section.first}–{section.last}", 4)
    if stack.tilt_deg is not None:
        page.row("tilt, measured from the positions", f"{stack.tilt_deg:.1f}°", 4)


def _show_claims(header: Header, page: Page) -> None:
    """Elements that sound like geometry and place nothing."""
    claims = [
        ("Slice Thickness (0018,0050)", header.slice_thickness_mm, "mm (thickness, not spacing)"),
        ("Spacing Between Slices (0018,0088)", header.spacing_between_slices_mm, "mm (claimed; positions decide)"),
        ("Slice Location (0020,1041)", header.slice_location_mm, "mm (as displayed; not a position)"),
        ("Gantry/Detector Tilt (0018,1120)", header.gantry_tilt_deg, "° (as displayed; positions decide)"),
    ]
    given = [claim for claim in claims if claim[1] is not None]
    if not given:
        return
    page.section("What else it claims")
    for name, value, unit in given:
        page.row(name, f"{millimetres(value)}{'' if unit.startswith('°') else ' '}{unit}")
