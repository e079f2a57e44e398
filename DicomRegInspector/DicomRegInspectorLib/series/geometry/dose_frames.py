"""Planes of an RT Dose by Grid Frame Offset Vector (PS3.3 C.8.8.3.2), and which dose it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...dicom.header import Header, numbers
from ...dicom.raw_elements import first_item, raw_of, text_of, vector_of
from ...dicom.tags import element_name
from ...errors import errors_of_file
from ...findings import Finding
from ...limits import FRAMES
from ...words import mm
from .stacks import Slice, axes_of, precision_of, slice_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

GRID_FRAME_OFFSETS = 0x3004000C
MOST_FRAMES = FRAMES.value
_SUMMATION, _DOSE_TYPE, _PLANS = 0x3004000A, 0x30040004, 0x300C0002
_FRACTION_GROUPS, _BEAMS, _BEAM_NUMBER, _PLAN_UID = 0x300C0020, 0x300C0004, 0x300C0006, 0x00081155
_SAME_MM = 0.01
_AXIAL = 1e-3


def dose_slices(header: Header, subject: str) -> tuple[list[Slice], list[Finding]]:
    """Return frames of a dose grid, and what is wrong with its offsets.

    Offsets that begin with 0 are distances along the normal from Image Position (rule a); others are the z coordinates
    themselves, allowed for transverse planes only (rule b).

    Raises FileError when the file can no longer be read, or what it says of the plan cannot be parsed.
    """
    from ...dicom.pydicom_header import read_elements

    dataset = read_elements(header.path, [GRID_FRAME_OFFSETS, _SUMMATION, _DOSE_TYPE, _PLANS])
    # Items are parsed only when they are asked for.
    with errors_of_file(header.path, "has a reference to its plan that cannot be parsed"):
        values = dict(_values(header, dataset))
    first = replace(slice_of(header), frame_values=values)
    raw = raw_of(dataset, GRID_FRAME_OFFSETS)
    count = raw.count(b"\\") + 1 if raw.strip(b" \0") else 0
    offsets = numbers(raw, count) if count else None
    if offsets is None or count != header.number_of_frames or not can_be_placed(first):
        if header.number_of_frames == 1:
            return [first], []
        return [
            moved(first, None, number, 0.0) for number in range(1, min(header.number_of_frames, MOST_FRAMES) + 1)
        ], []
    assert first.position_lps_mm is not None and first.orientation is not None
    normal = axes_of(first.orientation)[2]
    corner = np.asarray(first.position_lps_mm)
    along, found = np.asarray(offsets), []
    is_absolute = offsets[0] != 0 and abs(abs(normal[2]) - 1) < _AXIAL
    if offsets[0] != 0 and (not is_absolute or abs(offsets[0] - corner[2]) > _SAME_MM):
        found.append(_offsets_finding(offsets[0], float(corner[2]), subject, is_transverse=is_absolute))
    if is_absolute:
        along = (along - corner[2]) * np.sign(normal[2])
    corners = corner + along[:, None] * normal
    digit = max(precision_of(raw), first.precision_mm if offsets[0] != 0 else 0.0)
    return [moved(first, corners[k], k + 1, digit) for k in range(count)], found


def _values(header: Header, dataset: Dataset) -> Iterator[tuple[str, float | str]]:
    """What tells the doses of one series apart."""
    yield "instance", float(header.instance_number) if header.instance_number is not None else header.sop_instance_uid
    for tag, name in ((_SUMMATION, "dose summation"), (_DOSE_TYPE, "image type")):
        text = text_of(dataset, tag).upper()
        if text:
            yield name, text
    plan = first_item(dataset, _PLANS)
    uid = text_of(plan, _PLAN_UID)
    if uid:
        yield "referenced plan", uid
    beams = []
    group = first_item(plan, _FRACTION_GROUPS)
    if group is not None and _BEAMS in group:
        beams = [vector_of(item, _BEAM_NUMBER) for item in group[_BEAMS].value]
    told = [f"{beam[0]:g}" for beam in beams if beam]
    if told:
        yield "referenced beam", float(told[0]) if len(told) == 1 else ", ".join(told)


def _offsets_finding(first: float, z: float, subject: str, *, is_transverse: bool) -> Finding:
    name = element_name(GRID_FRAME_OFFSETS)
    if is_transverse:
        text = (
            f"{name} begins with {mm(first)} mm, which is neither 0 nor the z coordinate of Image Position (Patient) "
            f"({mm(z)} mm): its values are taken for z coordinates, as PS3.3 C.8.8.3.2 has it; readers that take them "
            f"for distances put the dose {mm(z)} mm beside"
        )
    else:
        text = (
            f"{name} begins with {mm(first)} mm: values other than distances from the first plane are allowed for "
            "transverse planes only; they are taken for distances along the normal"
        )
    evidence = {"first_offset_mm": first, "position_z_mm": z}
    return Finding("dose-offsets-ambiguous", "warning", text, subject, evidence)


def can_be_placed(first: Slice) -> bool:
    """Tell whether a slice has a position and directions that define a plane."""
    if first.position_lps_mm is None or first.orientation is None:
        return False
    return bool(np.linalg.norm(np.cross(first.orientation[:3], first.orientation[3:])) > 0.5)


def moved(first: Slice, corner: np.ndarray | None, number: int, digit: float, **values: float | str) -> Slice:
    """Return the frame of that number (from 1) with its corner elsewhere, LPS mm; None: nowhere."""
    position = tuple(float(value) for value in corner) if corner is not None else None
    return replace(
        first,
        position_lps_mm=position,
        precision_mm=digit,
        frame_number=number,
        frame_values={**first.frame_values, **values},
    )
