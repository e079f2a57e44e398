"""How findings about places in one stack are made: with slice numbers, UIDs and millimetres."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ...findings import Finding, Severity
from ...words import exact_mm, mm, plural
from .spacing import RELATIVE_TOLERANCE
from .stacks import Stack

MAX_OF_A_KIND = 25
"""Findings of one code for one stack that are listed one by one; the rest is counted in one more."""


MAX_UIDS = 50
"""SOP Instance UIDs listed in one finding; the evidence says how many there are."""


def first_of_each_code(findings: Iterable[Finding]) -> tuple[list[Finding], dict[str, list[Finding]]]:
    """Divide findings into the first :data:`MAX_OF_A_KIND` of each code, and by their codes the others."""
    kept: list[Finding] = []
    rest: dict[str, list[Finding]] = {}
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.code] += 1
        if counts[finding.code] <= MAX_OF_A_KIND:
            kept.append(finding)
        else:
            rest.setdefault(finding.code, []).append(finding)
    return kept, rest


class FindingMaker:
    """Makes the findings of one stack; keeps the stack and how to speak of it."""

    def __init__(self, stack: Stack, subject: str) -> None:
        self.stack = stack
        self.subject = subject
        self.where = f" ({stack.label})" if stack.label else ""

    def mm(self, value: float) -> str:
        """Return millimetres with the decimals that the spacing needs."""
        return mm(value, self.stack.nominal_spacing_mm)

    def finding(self, code: str, severity: Severity, message: str, slices: Iterable[int], **evidence: Any) -> Finding:
        """Return a finding about slices (from 1), with their UIDs, instance numbers and positions in its evidence."""
        numbers = list(slices)
        chosen = [self.stack.slices[number - 1] for number in numbers]
        details: dict[str, Any] = {
            "slices": numbers,
            "sop_instance_uids": [slice_.sop_instance_uid for slice_ in chosen],
            "instance_numbers": [slice_.instance_number for slice_ in chosen],
            "positions_mm": [exact_mm(self.stack.positions_mm[number - 1]) for number in numbers],
        }
        if chosen and chosen[0].frame_number is not None:
            details["frame_numbers"] = [slice_.frame_number for slice_ in chosen]
        if self.stack.label:
            details["stack"] = self.stack.label
        details |= {key: exact_mm(value) if isinstance(value, float) else value for key, value in evidence.items()}
        return Finding(code, severity, message + self.where, self.subject, details)

    def judged(self) -> dict[str, Any]:
        """Return evidence of the tolerance, where it is not the usual one."""
        share = self.stack.interval_tolerance
        return {} if share == RELATIVE_TOLERANCE else {"interval_tolerance_percent": round(100 * share, 6)}

    def limited(self, findings: list[Finding]) -> list[Finding]:
        """Return at most :data:`MAX_OF_A_KIND` of each code, and one that counts the others."""
        kept, rest = first_of_each_code(findings)
        for code, others in rest.items():
            numbers = sorted({number for other in others for number in other.evidence["slices"]})
            message = f"The same at {plural(len(others), 'further place')}, up to slice {numbers[-1]}"
            kept.append(self.finding(code, others[0].severity, message, numbers[:2], further_places=len(others)))
        return kept
