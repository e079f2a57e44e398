"""What the slices of one stack have to have in common for their values to be comparable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...dicom.fast_header import read_header
from ...dicom.tags import BITS_STORED, INTERCEPT, REPRESENTATION, RESCALE_TYPE, SLOPE, UNITS, Tag
from ...errors import FileError
from ...findings import Finding, Severity
from ...findings.about import about_series
from ..geometry.finding_maker import MAX_UIDS
from ..geometry.series import inspect_series
from ..geometry.stacks import Stack
from .pixel_facts import open_facts

_BY_DESIGN = ("PT", "NM")
"""Modalities whose slices are scaled one by one."""


def stack_pixel_findings(paths: Iterable[str]) -> Iterator[Finding]:
    """Yield ``rescale-varies`` and what else differs within the stacks that files make up."""
    headers = []
    for path in paths:
        try:
            headers.append(read_header(path))
        except FileError:
            continue  # said when the file was checked
    for series in inspect_series(headers):
        for stack in series.stacks:
            if len({slice_.path for slice_ in stack.slices}) > 1:
                yield from _stack_findings(stack)


def _stack_findings(stack: Stack) -> Iterator[Finding]:
    header = stack.slices[0].header
    subject = about_series(header.series_uid)
    scales: dict[tuple[Any, Any], list[str]] = {}
    units: dict[str, int] = {}
    formats: dict[tuple[Any, Any], int] = {}
    for path in dict.fromkeys(slice_.path for slice_ in stack.slices):
        try:
            with open_facts(path) as facts:
                scale = (facts.get(SLOPE), facts.get(INTERCEPT))
                scales.setdefault(scale, []).append(str(facts.get(Tag.SOP_INSTANCE_UID, "")))
                unit = str(facts.get(UNITS) or facts.get(RESCALE_TYPE) or "")
                form = (facts.get(BITS_STORED), facts.get(REPRESENTATION))
        except FileError:
            continue
        units[unit] = units.get(unit, 0) + 1
        formats[form] = formats.get(form, 0) + 1
    if len(scales) > 1:
        yield _scale_finding(scales, header.modality, subject)
    if len(units) > 1:
        names = ", ".join(f"{unit or '(none)'} ({count})" for unit, count in sorted(units.items()))
        text = f"Slices of one stack name different units of their values: {names}"
        yield Finding("rescale-varies", "error", text, subject, {"units": dict(units)})
    if len({signed for _, signed in formats}) > 1:
        text = "Some slices of the stack hold signed values, others unsigned ones (Pixel Representation (0028,0103))"
        evidence = {f"representation_{signed}": count for (_, signed), count in formats.items()}
        yield Finding("pixel-bits-inconsistent", "warning", text, subject, evidence)


def _scale_finding(scales: dict[tuple[Any, Any], list[str]], modality: str, subject: str) -> Finding:
    slopes = [slope for slope, _ in scales if slope is not None]
    intercepts = [intercept for _, intercept in scales if intercept is not None]
    lacking = sum(len(uids) for (slope, _), uids in scales.items() if slope is None)
    text = f"Slices are rescaled in {len(scales)} different ways: "
    text += f"slope {min(slopes):g} to {max(slopes):g}" if slopes else "no slope"
    text += f", intercept {min(intercepts):g} to {max(intercepts):g}" if intercepts else ""
    text += f", {lacking} of them not at all" if lacking else ""
    severity: Severity = "info" if modality in _BY_DESIGN and not lacking else "warning"
    most = max(scales.values(), key=len)
    odd = [uid for uids in scales.values() if uids is not most for uid in uids]
    evidence: dict[str, Any] = {"rescales": len(scales), "slices_without_rescale": lacking}
    if slopes:
        evidence |= {"slope_min": min(slopes), "slope_max": max(slopes)}
    if intercepts:
        evidence |= {"intercept_min": min(intercepts), "intercept_max": max(intercepts)}
    evidence |= {"differing_slices": len(odd), "sop_instance_uids": odd[:MAX_UIDS]}
    return Finding("rescale-varies", severity, text, subject, evidence)
