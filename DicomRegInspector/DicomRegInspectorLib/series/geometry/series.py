"""Whole series: their stacks, what is mixed up in them, and the report of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...dicom.header import Header
from ...dicom.identity import gathered, masked_headers
from ...dicom.tags import Tag
from ...findings import Finding, by_severity
from ...findings.about import about_series
from ...privacy import Identities
from ...words import exact_mm
from .divided import divided
from .frames import FrameSpacing, read_slices
from .grouping import Grouping, group_slices
from .header_numbers import number_findings
from .kinds import aside_findings, set_aside
from .restarts import restart_findings
from .segmentations import is_segmentation, segment_stacks, segmentation_findings
from .series_findings import (
    copies_finding,
    duplicates_findings,
    file_findings,
    mixed_findings,
    position_findings,
)
from .set_findings import sets_finding, sets_geometry_findings
from .spacing import RELATIVE_TOLERANCE
from .stack_findings import section_dict, stack_findings
from .stacks import Slice, Stack


@dataclass(frozen=True)
class Series:
    """One image series, taken apart into stacks."""

    series_instance_uid: str
    study_instance_uid: str
    modality: str
    description: str
    slices: tuple[Slice, ...]
    """Every image plane of the series, placed or not; copies of one instance count once."""
    stacks: tuple[Stack, ...]
    """Biggest first; the sets of a stack (time points, echoes, stations) one after the other."""
    is_multiphase: bool
    """Whether the stacks are complete volumes of the same place (time points, echoes, b-values)."""
    findings: tuple[Finding, ...]
    """Most severe first."""
    paths: tuple[str, ...]
    interval_tolerance: float = RELATIVE_TOLERANCE
    """Share of the spacing that an interval was allowed to be off."""
    set_aside: int = 0
    """How many of the slices are images that are no slices, such as screenshots, among others that are."""

    @property
    def slice_count(self) -> int:
        """Number of image planes: files, or frames of files with several."""
        return len(self.slices)

    @property
    def number_of_files(self) -> int:
        """Number of files, copies included."""
        return len(self.paths)

    @cached_property
    def main_stack(self) -> Stack | None:
        """The stack with more than half of all slices, or the first of equal phases; None when there is neither."""
        count = self.slice_count - self.set_aside
        if self.stacks and (self.is_multiphase or 2 * len(self.stacks[0].slices) > count):
            return self.stacks[0]
        return None

    @property
    def is_volume(self) -> bool:
        """Whether the main stack has slices at several positions, so that it can be shown as a volume."""
        main = self.main_stack
        return main is not None and not main.is_localizer and len(main.distinct) > 1

    def to_dict(self) -> dict[str, Any]:
        """Return the series as the JSON report holds it; geometry is the main stack's, null where there is none."""
        main = self.main_stack
        geometry = _stack_dict(main) if main is not None else None
        return {
            "series_instance_uid": self.series_instance_uid,
            "study_instance_uid": self.study_instance_uid,
            "modality": self.modality,
            "description": self.description,
            "slice_count": self.slice_count,
            "file_count": self.number_of_files,
            "is_volume": self.is_volume,
            "nominal_spacing_mm": geometry["nominal_spacing_mm"] if geometry else None,
            "positions_mm": geometry["positions_mm"] if geometry else [],
            "tilt_deg": geometry["tilt_deg"] if geometry else None,
            "sections": geometry["sections"] if geometry else [],
            "stacks": [_stack_dict(stack) for stack in self.stacks],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def _stack_dict(stack: Stack) -> dict[str, Any]:
    spacing = stack.nominal_spacing_mm
    return {
        "label": stack.label,
        "slice_count": len(stack.slices),
        "is_localizer": stack.is_localizer,
        "frame_of_reference_uid": stack.frame_of_reference_uid,
        "rows": stack.rows,
        "columns": stack.columns,
        "pixel_spacing_mm": list(stack.pixel_spacing_mm) if stack.pixel_spacing_mm else None,
        "normal": [round(float(value), 9) for value in stack.normal],
        "nominal_spacing_mm": exact_mm(spacing) if spacing is not None else None,
        "positions_mm": [exact_mm(value) for value in stack.positions_mm],
        "tilt_deg": round(stack.tilt_deg, 4) if stack.tilt_deg is not None else None,
        "sections": [section_dict(section) for section in stack.sections],
    }


def inspect_series(
    headers: Iterable[Header],
    progress: Callable[[int, int, str], object] | None = None,
    *,
    interval_tolerance: float = RELATIVE_TOLERANCE,
    frame_spacing: FrameSpacing = None,
    identities: Identities | None = None,
) -> list[Series]:
    """Group headers by series and judge the geometry of each; headers that are no images are left out.

    Parameters
    ----------
    progress
        Called as ``progress(done, total, text)`` before each series; returning False ends the work early.
    interval_tolerance
        Share of the spacing that an interval may be off before it is irregular; see :func:`~.spacing.judge_spacing`.
    frame_spacing
        How to place frames that share one position: so many mm apart, as far as the header claims (``"claimed"``), or
        not at all.
    identities
        Who is not to be named by any text; those that the headers name when nothing is given.

    Returns
    -------
    One Series per Series Instance UID, by study and series number, then in the order found.
    """
    by_series: dict[tuple[str, str], list[Header]] = {}
    headers = list(headers)
    for header in masked_headers(headers, gathered(headers) if identities is None else identities):
        if header.is_image and not header.is_dicomdir:
            by_series.setdefault((header.study_uid, header.series_uid), []).append(header)
    # Of one number: in the order found, for UIDs are random numbers.
    groups = sorted(by_series.values(), key=lambda group: (group[0].study_uid, group[0].series_number or 0))
    result: list[Series] = []
    for done, group in enumerate(groups):
        if progress is not None and progress(done, len(groups), f"{group[0].modality} series") is False:
            break
        result.append(_inspect_one(group, interval_tolerance, frame_spacing))
    return result


def _inspect_one(headers: list[Header], interval_tolerance: float, frame_spacing: FrameSpacing) -> Series:
    first = headers[0]
    subject = about_series(first.series_uid)
    originals, copies = _without_copies(headers)
    slices, findings = read_slices(originals, frame_spacing)
    findings += file_findings(originals)
    if copies:
        findings.append(copies_finding(copies, subject))
    sorted_out = set_aside(group_slices(slices, interval_tolerance))
    grouping, count = sorted_out.grouping, len(slices) - sorted_out.count
    findings += aside_findings(sorted_out, subject)
    findings += number_findings(slices, subject)
    findings += position_findings(grouping, count, subject)
    findings += mixed_findings(grouping, count, subject)
    stacks, multiphase, more = _sets(grouping, subject)
    findings += more
    return Series(
        first.series_uid,
        first.study_uid,
        first.modality,
        first.series_description,
        tuple(slices),
        stacks or sorted_out.stacks,
        multiphase,
        tuple(by_severity(findings)),
        tuple(header.path for header in headers),
        interval_tolerance,
        sorted_out.count if stacks else 0,
    )


def _without_copies(headers: list[Header]) -> tuple[list[Header], list[Header]]:
    """The first file of each instance, and the further files of instances seen before.

    Broken exporters give one UID to different slices; those are no copies, so where they lie counts as well.
    """
    seen: set[tuple[bytes, ...]] = set()
    originals: list[Header] = []
    copies: list[Header] = []
    for header in headers:
        raw = header.raw
        key = tuple([raw(tag) for tag in _IDENTITY])
        (copies if key[0] and key in seen else originals).append(header)
        seen.add(key)
    return originals, copies


_IDENTITY = (
    Tag.SOP_INSTANCE_UID,
    Tag.IMAGE_POSITION,
    Tag.IMAGE_ORIENTATION,
    Tag.INSTANCE_NUMBER,
    Tag.NUMBER_OF_FRAMES,
)


def _sets(grouping: Grouping, subject: str) -> tuple[tuple[Stack, ...], bool, list[Finding]]:
    """Stacks divided into sets, their findings, and whether all are complete volumes of one place."""
    stacks: list[Stack] = []
    findings: list[Finding] = []
    designed = 0
    for stack in grouping.stacks:
        if is_segmentation(stack):
            segments = segment_stacks(stack)
            stacks += segments
            findings += segmentation_findings(stack, segments, subject)
            continue
        if stack.is_localizer:
            stacks.append(stack)
            continue
        found = divided(stack)
        stacks += found.parts
        findings += restart_findings(stack, subject)
        if len(found.parts) > 1:
            findings.append(sets_finding(found, subject))
            designed += found.is_by_design
            findings += sets_geometry_findings(found.parts, subject)
            continue
        if len(stack.distinct) < len(stack.slices):
            findings += duplicates_findings(stack, subject, found.division.tried)
        findings += stack_findings(stack, subject)
    return tuple(stacks), len(grouping.stacks) == 1 and designed == 1, findings
