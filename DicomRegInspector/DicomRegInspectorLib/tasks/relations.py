"""What registrations and image series say about each other: frames, coverage, motion that would be applied twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import numpy as np

from ..findings import Finding
from ..registration import Mapping, Registration, RegistrationItem
from ..registration.chain import chain_findings
from ..registration.checks import BULK_ROTATION_DEG, BULK_SHIFT_MM
from ..registration.measures.bulk import bulk_motion
from ..series import Series, Stack
from ..space import apply_matrix, lattice_corners
from .agreement import agreement_findings
from .item_images import ImagesAtHand, ItemImages, corners_of, series_uids
from .meeting import Meetings, meeting_finding, meetings_of
from .named_mapping import NamedMapping, named_item
from .references import reference_findings

COVERAGE_SAMPLES = 33
"""Points along rows and columns of each slice at which coverage is looked up: shares come out within some 3 %."""
COVERAGE_TOLERANCE_MM = 0.5
"""How far an image may reach beyond the grid's outermost nodes: pixel edges and rounded corners do."""
SAME_MOTION_MM = 1.0
"""Two motions count as the same when no corner of the grid goes to places further apart."""
COUNTER_DIGITS = 10
"""Last components of UIDs with more digits are random numbers (2.25 and the like): a root in common says nothing."""
BULK_NODES = 4_000
"""Nodes at which the bulk motion is fitted; enough for 0.1 mm on fields of some 10 mm."""


@dataclass(frozen=True, eq=False)
class ItemRelation:
    """An item of a registration beside the image series at hand."""

    item: RegistrationItem
    images: ItemImages
    meetings: Meetings

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        best = self.meetings.best
        return {
            "registered_series_instance_uids": series_uids(self.images.registered),
            "source_series_instance_uids": series_uids(self.images.source),
            "by_reference": self.images.by_reference,
            "inside_percent": None if best is None else 100 * best.share,
            "gap_mm": None if best is None else best.gap_mm,
            "not_checked": self.meetings.unchecked or None,
        }


def with_images(registration: Registration, relations: Sequence[ItemRelation]) -> Registration:
    """Return the registration, where what it tells of the order of its matrices is told over the images at hand."""
    items = []
    for relation in relations:
        item, corners = relation.item, corners_of(relation.images.source)
        if len(item.chain) > 1 and corners is not None:
            told = [finding for finding in item.header_findings if finding.code != "reg-matrix-order"]
            item = replace(item, header_findings=(*told, *chain_findings(item.chain, item.subject, *corners)))
        items.append(item)
    return replace(registration, items=tuple(items))


def relate_items(registrations: Sequence[Registration], at_hand: ImagesAtHand) -> list[list[ItemRelation]]:
    """Return which images each item of each registration is about, and whether they meet under it."""
    return [
        [
            ItemRelation(item, images, meetings_of(item, images))
            for item, images in zip(registration.items, at_hand.of_items(registration), strict=True)
        ]
        for registration in registrations
    ]


def relation_findings(
    registrations: Sequence[Registration],
    series: Sequence[Series],
    related: Sequence[Sequence[ItemRelation]] | None = None,
) -> list[Finding]:
    """Return all findings about registrations and series together.

    Frames and coverage are only judged when there are image series to judge them by.

    Parameters
    ----------
    related
        What :func:`relate_items` found of them; looked up where it is not given.
    """
    at_hand = ImagesAtHand(series)
    related = relate_items(registrations, at_hand) if related is None else related
    images = [[relation.images for relation in relations] for relations in related]
    stacks = [stack for series_ in series for stack in series_.stacks if not stack.is_localizer]
    subjects = [
        named_item(item) for registration in registrations for item in registration.items if item.problem is None
    ]
    findings = []
    for registration in registrations:
        for item in registration.items:
            if stacks:
                findings += frame_findings(item, stacks, series)
                findings += coverage_findings(item, stacks)
            if item.problem is None:
                findings += same_motion_findings(named_item(item), subjects)
    for registration, relations in zip(registrations, related, strict=True):
        findings += reference_findings(registration, [relation.images for relation in relations], at_hand)
        for relation in relations:
            findings += meeting_finding(relation.item, relation.meetings)
    return findings + agreement_findings(registrations, images, at_hand)


def frame_findings(item: RegistrationItem, stacks: Sequence[Stack], series: Sequence[Series]) -> list[Finding]:
    """Return ``reg-frame-unknown`` for each frame of an item that no image series has, with UIDs that nearly match."""
    frames = {stack.frame_of_reference_uid for stack in stacks if stack.frame_of_reference_uid}
    findings = []
    for role, frame in (("registered", item.registered_frame_uid), ("source", item.source_frame_uid)):
        if not frame or frame in frames:
            continue
        near = near_misses(frame, frames)
        other = _other_use(frame, series)
        message = f"No image series here has the {role} frame {frame}."
        if any(stack.frame_of_reference_uid == frame for series_ in series for stack in series_.stacks):
            message += " Only localizers have it; they are ignored, for no registration is made of them."
        elif other:
            message += f" It is the {other} of a series, not its frame of reference."
        elif near:
            message += f" Nearly the same: {', '.join(near)}."
        evidence = {
            "file": str(item.path),
            "role": role,
            "frame_of_reference_uid": frame,
            "near_misses": near,
            "frames_of_series": sorted(frames),
        }
        findings.append(Finding("reg-frame-unknown", "warning", message, item.subject, evidence))
    return findings


def near_misses(uid: str, candidates: Iterable[str]) -> list[str]:
    """Return UIDs that differ only in the last component, if that counts something, or in the last digits."""
    near = []
    for candidate in sorted(candidates):
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(uid, candidate, strict=False)))
        (root, _, last), (other_root, _, other_last) = uid.rpartition("."), candidate.rpartition(".")
        counted = max(len(last), len(other_last)) <= COUNTER_DIGITS
        if (counted and root == other_root != "") or same >= 0.9 * max(len(uid), len(candidate)):
            near.append(candidate)
    return near


def _other_use(uid: str, series: Iterable[Series]) -> str:
    for series_ in series:
        if uid == series_.series_instance_uid:
            return "Series Instance UID (0020,000E)"
        if uid == series_.study_instance_uid:
            return "Study Instance UID (0020,000D)"
    return ""


@dataclass(frozen=True, eq=False)
class Slices:
    """Where the slices of an image lie, and what they are called."""

    name: str
    frame_uid: str
    """Frame of Reference UID; empty when it is not known."""
    corners_lps_mm: np.ndarray
    """(slices, 3) first points of the slices."""
    in_plane_lps_mm: np.ndarray
    """(points, 3) from a slice's corner to where coverage is looked up in it; none where that is not known."""
    series_uid: str | None = None
    """Series Instance UID of a series, whose slices have numbers that a reader sees elsewhere; None for a volume."""


def slices_of_stack(stack: Stack) -> Slices:
    """Return the slices of a stack of a series."""
    header, in_plane = stack.slices[0].header, np.empty((0, 3))
    if stack.pixel_spacing_mm:
        row, column, _ = stack.axes
        down, across = np.array(stack.pixel_spacing_mm)[:, None] * (column, row)
        in_plane = _spread(stack.columns, stack.rows, across, down)
    name = header.series_description or "the image series"
    return Slices(name, stack.frame_of_reference_uid, stack.corners_lps_mm, in_plane, header.series_uid)


def slices_of_lattice(name: str, frame_uid: str, index_to_lps: np.ndarray, dimensions: Sequence[int]) -> Slices:
    """Return the slices of a volume of (ni, nj, nk) voxels; (4, 4) from (i, j, k, 1) to LPS mm."""
    ni, nj, nk = dimensions
    corners = index_to_lps[:3, 3] + np.arange(nk)[:, None] * index_to_lps[:3, 2]
    in_plane = _spread(ni, nj, index_to_lps[:3, 0], index_to_lps[:3, 1])
    return Slices(name, frame_uid, corners, in_plane)


def _spread(columns: int, rows: int, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """(points, 3) of a lattice in a slice, from its first pixel to its last; steps (3,) mm from pixel to pixel."""
    i, j = (np.linspace(0, count - 1, min(count, COVERAGE_SAMPLES)) for count in (columns, rows))
    return (i[None, :, None] * across + j[:, None, None] * down).reshape(-1, 3)


def coverage_findings(item: RegistrationItem, stacks: Sequence[Stack]) -> list[Finding]:
    """Return ``reg-grid-does-not-cover`` for each stack of the registered frame that reaches beyond the grid."""
    if item.problem is not None:
        return []
    subject = named_item(item)
    of_frame = [stack for stack in stacks if stack.frame_of_reference_uid == item.registered_frame_uid]
    return [found for stack in of_frame for found in coverage_finding(subject, slices_of_stack(stack))]


def coverage_finding(subject: NamedMapping, slices: Slices) -> list[Finding]:
    """Return ``reg-grid-does-not-cover`` when an image of the registered frame reaches beyond the grid."""
    if subject.mapping.grid is None or not len(slices.in_plane_lps_mm):
        return []
    share, distance, outside = outside_of_grid(subject.mapping, slices)
    if not share:
        return []
    count = len(slices.corners_lps_mm)
    message = (
        f"{100 * share:.3g} % of {slices.name} ({count} slices) lies outside the grid, by up to {distance:.4g} mm; the "
        "registration says nothing there"
    )
    if outside:
        which = f"slices {_ranges(outside)}" if slices.series_uid is not None else f"{len(outside)} slices"
        message += f" ({which} have no point inside)"
    evidence = {
        **subject.place,
        **({} if slices.series_uid is None else {"series_instance_uid": slices.series_uid}),
        "outside_percent": 100 * share,
        "outside_max_mm": distance,
        "slices_outside": outside,
    }
    about, name = subject.about, subject.name
    if about is not None and about.kind == "item" and slices.series_uid is not None:
        name = replace(about, kind="pair", uid=slices.series_uid, slices=tuple(outside)).subject
    return [Finding("reg-grid-does-not-cover", "warning", f"{message}.", name, evidence)]


def outside_of_grid(mapping: Mapping, slices: Slices) -> tuple[float, float, list[int]]:
    """Return how much of an image lies outside a grid.

    Returns
    -------
    share : float
        Of the image's pixels, 0 to 1, from a lattice of points in each slice.
    distance : float
        The farthest point's distance from the box of the grid's nodes, mm.
    slices : list of int
        Numbers of the slices (from 1) that have no point inside.
    """
    to_index, corners = np.linalg.inv(mapping.index_to_lps), slices.corners_lps_mm
    last, spacing = np.array(mapping.grid.dimensions) - 1, mapping.grid.spacing_mm

    def beyond(corners: np.ndarray) -> np.ndarray:
        index = apply_matrix(to_index, corners[:, None] + slices.in_plane_lps_mm)
        return np.linalg.norm((index - np.clip(index, 0, last)) * spacing, axis=-1)

    # Some slices at a time: stacks of many thousand frames would take gigabytes at once.
    distance = np.concatenate([beyond(corners[k : k + 256]) for k in range(0, len(corners), 256)])
    outside = distance > COVERAGE_TOLERANCE_MM
    if not outside.any():
        return 0.0, 0.0, []
    empty = np.flatnonzero(outside.all(axis=1)) + 1
    return float(outside.mean()), float(distance.max()), [int(number) for number in empty]


def image_frame_finding(subject: str, role: str, wanted: str, slices: Slices) -> list[Finding]:
    """Return ``reg-frame-unknown`` when the image chosen for a role is of another frame than is named for it.

    Parameters
    ----------
    role
        ``registered`` or ``source``.
    wanted
        Frame of Reference UID that the transform names for it; empty where it names none.
    """
    frame = slices.frame_uid
    if not wanted or not frame or frame == wanted:
        return []
    word = "fixed" if role == "registered" else "moving"
    message = f"The {word} image {slices.name} is in the frame {frame}; the {role} frame of this transform is {wanted}."
    near = near_misses(wanted, [frame])
    if near:
        message += " The two are nearly the same."
    evidence = {"role": role, "frame_of_reference_uid": wanted, "near_misses": near, "frames_of_series": [frame]}
    return [Finding("reg-frame-unknown", "warning", message, subject, evidence)]


def _ranges(numbers: list[int]) -> str:
    """``1-4, 9`` for 1, 2, 3, 4, 9."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def same_motion_findings(subject: NamedMapping, others: Iterable[NamedMapping]) -> list[Finding]:
    """Give ``reg-double-application`` when the grid holds the motion that a matrix between the same frames says too."""
    mapping = subject.mapping
    rivals = _matrices_between(subject.frames, others) if mapping.grid is not None else []
    if not rivals:
        return []
    bulk = bulk_motion(mapping, BULK_NODES)
    if bulk is None or not (np.linalg.norm(bulk.shift_mm) >= BULK_SHIFT_MM or bulk.rotation_deg >= BULK_ROTATION_DEG):
        return []
    corners = lattice_corners(mapping.index_to_lps, mapping.grid.dimensions)
    findings = []
    for other, matrix in rivals:
        apart = float(np.linalg.norm(apply_matrix(bulk.matrix, corners) - apply_matrix(matrix, corners), axis=1).max())
        if apart > SAME_MOTION_MM:
            continue
        shift = float(np.linalg.norm(bulk.shift_mm))
        message = (
            f"The grid contains the motion that the matrix of {other.name} describes too (shift {shift:.4g} mm at "
            f"the centre, rotation {bulk.rotation_deg:.3g}°; the two agree within {apart:.2g} mm over the grid). "
            "Applying both would move everything twice."
        )
        evidence: dict[str, Any] = {
            **subject.place,
            **{f"other_{key}": value for key, value in {**other.place, "item": other.about.item}.items()},
            "agreement_mm": apart,
            "shift_mm": shift,
            "rotation_deg": bulk.rotation_deg,
        }
        findings.append(Finding("reg-double-application", "warning", message, subject.name, evidence))
    return findings


def _matrices_between(frames: tuple[str, str], others: Iterable[NamedMapping]) -> list[tuple[NamedMapping, np.ndarray]]:
    """Matrices between two frames (registered, source), each as registered to source."""
    found = []
    for other in others:
        if other.mapping.matrix is None or other.frames[0] == other.frames[1]:
            continue
        if other.frames == frames:
            found.append((other, other.mapping.affine))
        elif other.frames == frames[::-1]:
            found.append((other, np.linalg.inv(other.mapping.affine)))
    return found
