"""What registrations and image series say about each other: frames, coverage, motion that would be applied twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

import numpy as np

from ..findings import Finding
from ..findings.about import about_pair
from ..registration import Grid, Registration, RegistrationItem
from ..registration.checks import BULK_ROTATION_DEG, BULK_SHIFT_MM
from ..registration.mapping import map_deformable
from ..registration.measures.bulk import BulkPart, fit_rigid
from ..registration.measures.sampled import sample_nodes
from ..series import Series, Stack
from ..space import apply_matrix

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


def relation_findings(registrations: Sequence[Registration], series: Sequence[Series]) -> list[Finding]:
    """All findings about registrations and series together.

    Frames and coverage are only judged when there are image series to judge them by.
    """
    stacks = [stack for one in series for stack in one.stacks if not stack.is_localizer]
    findings = []
    for registration in registrations:
        for item in registration.items:
            if stacks:
                findings += frame_findings(item, stacks, series)
                findings += coverage_findings(item, stacks)
            findings += double_application_findings(item, registrations)
    return findings


def frame_findings(item: RegistrationItem, stacks: Sequence[Stack], series: Sequence[Series]) -> list[Finding]:
    """``reg-frame-unknown`` for each frame of an item that no image series has, with the UIDs that nearly match."""
    frames = {stack.frame_of_reference_uid for stack in stacks if stack.frame_of_reference_uid}
    findings = []
    for role, frame in (("registered", item.registered_frame_uid), ("source", item.source_frame_uid)):
        if not frame or frame in frames:
            continue
        near = near_misses(frame, frames)
        other = _other_use(frame, series)
        message = f"No image series here has the {role} frame {frame}."
        if any(stack.frame_of_reference_uid == frame for one in series for stack in one.stacks):
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
    """UIDs that differ from one only in their last component, if that counts something, or in their last digits."""
    near = []
    for candidate in sorted(candidates):
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(uid, candidate, strict=False)))
        (root, _, last), (other_root, _, other_last) = uid.rpartition("."), candidate.rpartition(".")
        counted = max(len(last), len(other_last)) <= COUNTER_DIGITS
        if (counted and root == other_root != "") or same >= 0.9 * max(len(uid), len(candidate)):
            near.append(candidate)
    return near


def _other_use(uid: str, series: Iterable[Series]) -> str:
    for one in series:
        if uid == one.series_instance_uid:
            return "Series Instance UID (0020,000E)"
        if uid == one.study_instance_uid:
            return "Study Instance UID (0020,000D)"
    return ""


def coverage_findings(item: RegistrationItem, stacks: Sequence[Stack]) -> list[Finding]:
    """``reg-grid-does-not-cover`` for each stack of the registered frame that reaches beyond the grid."""
    if item.grid is None or item.problem is not None:
        return []
    findings = []
    for stack in stacks:
        if stack.frame_of_reference_uid != item.registered_frame_uid or not stack.pixel_spacing_mm:
            continue
        share, distance, slices = uncovered(item.grid, stack)
        if not share:
            continue
        name = stack.slices[0].header.series_description or "the image series"
        message = (
            f"{100 * share:.3g} % of {name} ({len(stack.slices)} slices) lies outside the grid, by up to "
            f"{distance:.4g} mm; the registration says nothing there"
        )
        message += f" (slices {_ranges(slices)} have no point inside)." if slices else "."
        evidence = {
            "file": str(item.path),
            "series_instance_uid": stack.slices[0].header.series_uid,
            "outside_percent": 100 * share,
            "outside_max_mm": distance,
            "slices_outside": slices,
        }
        subject = about_pair(item.path, item.number, evidence["series_instance_uid"], tuple(slices))
        findings.append(Finding("reg-grid-does-not-cover", "warning", message, subject, evidence))
    return findings


def uncovered(grid: Grid, stack: Stack) -> tuple[float, float, list[int]]:
    """How much of a stack lies outside a grid.

    Returns
    -------
    share : float
        Of the stack's pixels, 0 to 1, from a lattice of points in each slice.
    distance : float
        The farthest point's distance from the box of the grid's nodes, mm.
    slices : list of int
        Numbers of the slices (from 1) that have no point inside.
    """
    down = np.linspace(0, stack.rows - 1, min(stack.rows, COVERAGE_SAMPLES)) * stack.pixel_spacing_mm[0]
    across = np.linspace(0, stack.columns - 1, min(stack.columns, COVERAGE_SAMPLES)) * stack.pixel_spacing_mm[1]
    row, column, _ = stack.axes
    in_plane = (across[None, :, None] * row + down[:, None, None] * column).reshape(-1, 3)
    return outside_of_grid(grid.index_to_lps, grid.dimensions, stack.corners_lps_mm, in_plane)


def outside_of_grid(
    index_to_lps: np.ndarray, dimensions: Sequence[int], corners: np.ndarray, in_plane: np.ndarray
) -> tuple[float, float, list[int]]:
    """As :func:`uncovered`, of slices given by their first points.

    Parameters
    ----------
    index_to_lps, dimensions
        (4, 4) and (nx, ny, nz) of the grid.
    corners
        (slices, 3) LPS mm.
    in_plane
        (points, 3) LPS mm from a slice's corner to where it is looked up.
    """
    to_index = np.linalg.inv(index_to_lps)
    last, spacing = np.array(dimensions) - 1, np.linalg.norm(index_to_lps[:3, :3], axis=0)

    def beyond(corners: np.ndarray) -> np.ndarray:
        index = (corners[:, None] + in_plane) @ to_index[:3, :3].T + to_index[:3, 3]
        return np.linalg.norm((index - np.clip(index, 0, last)) * spacing, axis=-1)

    # Some slices at a time: stacks of many thousand frames would take gigabytes at once.
    distance = np.concatenate([beyond(corners[k : k + 256]) for k in range(0, len(corners), 256)])
    outside = distance > COVERAGE_TOLERANCE_MM
    if not outside.any():
        return 0.0, 0.0, []
    empty = np.flatnonzero(outside.all(axis=1)) + 1
    return float(outside.mean()), float(distance.max()), [int(number) for number in empty]


def _ranges(numbers: list[int]) -> str:
    """``1-4, 9`` for 1, 2, 3, 4, 9."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def double_application_findings(item: RegistrationItem, registrations: Iterable[Registration]) -> list[Finding]:
    """``reg-double-application`` when the grid holds the motion that a matrix between the same frames says too."""
    return same_motion_findings(item, (other for one in registrations for other in one.items))


def same_motion_findings(item: RegistrationItem, others: Iterable[RegistrationItem]) -> list[Finding]:
    """The same, with the items that it is compared with."""
    if item.grid is None or item.problem is not None:
        return []
    rivals = _matrices_between(item, others)
    if not rivals:
        return []
    bulk = _bulk_of(item)
    if bulk is None or not (np.linalg.norm(bulk.shift_mm) >= BULK_SHIFT_MM or bulk.rotation_deg >= BULK_ROTATION_DEG):
        return []
    corners = np.array([item.grid.node_position(tuple(corner)) for corner in _corner_indices(item.grid)])
    findings = []
    for other, matrix in rivals:
        apart = float(np.linalg.norm(apply_matrix(bulk.matrix, corners) - apply_matrix(matrix, corners), axis=1).max())
        if apart > SAME_MOTION_MM:
            continue
        shift = float(np.linalg.norm(bulk.shift_mm))
        message = (
            f"The grid contains the motion that the matrix of {other.subject} describes too (shift {shift:.4g} mm at "
            f"the centre, rotation {bulk.rotation_deg:.3g}°; the two agree within {apart:.2g} mm over the grid). "
            "Applying both would move everything twice."
        )
        evidence: dict[str, Any] = {
            "file": str(item.path),
            "other_file": str(other.path),
            "other_item": other.number,
            "agreement_mm": apart,
            "shift_mm": shift,
            "rotation_deg": bulk.rotation_deg,
        }
        findings.append(Finding("reg-double-application", "warning", message, item.subject, evidence))
    return findings


def _matrices_between(
    item: RegistrationItem, others: Iterable[RegistrationItem]
) -> list[tuple[RegistrationItem, np.ndarray]]:
    """Matrix items between an item's two frames, each as registered to source of that item."""
    found = []
    for other in others:
        if other.kind != "matrix" or other.problem is not None or other.source_frame_uid == other.registered_frame_uid:
            continue
        frames = (other.registered_frame_uid, other.source_frame_uid)
        if frames == (item.registered_frame_uid, item.source_frame_uid):
            found.append((other, np.linalg.inv(other.matrix)))
        elif frames == (item.source_frame_uid, item.registered_frame_uid):
            found.append((other, other.matrix))
    return found


def _corner_indices(grid: Grid) -> np.ndarray:
    return np.array(list(np.ndindex(2, 2, 2))) * (np.array(grid.dimensions) - 1)


def _bulk_of(item: RegistrationItem) -> BulkPart | None:
    index = sample_nodes(item.grid.dimensions, BULK_NODES)
    points = index @ item.grid.index_to_lps[:3, :3].T + item.grid.origin_lps_mm
    mapped = map_deformable(points, item.pre, item.grid, item.post)
    defined = np.isfinite(mapped).all(axis=1)
    return fit_rigid(points[defined], mapped[defined]) if np.count_nonzero(defined) >= 4 else None
