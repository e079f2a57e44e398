"""What of a label or a structure could not be brought along, and where the registration folds inside it."""

from __future__ import annotations

from ...findings import Finding
from ...findings.severities import Severity
from ...words import plural
from .applied import Part
from .request import ApplyRequest

ERROR_PERCENT = 1.0
"""Share of a structure without a place from which it is an error; less is a warning."""


def part_findings(request: ApplyRequest, part: Part, *, lost_points: int = 0, beyond: str = "") -> list[Finding]:
    """Return ``structure-not-carried`` and ``structure-folded`` of a label, segment or structure.

    Parameters
    ----------
    lost_points
        Points of it, besides its volume, that have no place.
    beyond
        What it must not lie beyond, in words; empty: an output of voxels may hold a part of it, which is no error.
    """
    findings = []
    subject = request.transform.subject.name
    told = {"structure": part.name, "number": part.number}
    undefined, outside = part.undefined_percent or 0.0, part.outside_percent or 0.0
    if undefined or outside or lost_points:
        missing = undefined + (outside if beyond else 0.0)
        severity: Severity = "error" if missing >= ERROR_PERCENT or lost_points else "warning"
        evidence = {
            **told,
            "undefined_percent": undefined,
            "undefined_ml": part.undefined_ml,
            "outside_percent": outside,
            "outside_ml": part.outside_ml,
            "lost_points": lost_points,
        }
        words = [
            f"{percent:.3g} % of it {what}"
            for percent, what in (
                (undefined, "where the transform is undefined"),
                (outside, f"beyond {beyond or 'the voxels of the output'}"),
            )
            if percent
        ]
        if lost_points:
            words.append(f"{plural(lost_points, 'point')} where the transform is undefined")
        message = f"{part.name}: not all of it has a place: {'; '.join(words)}."
        findings.append(Finding("structure-not-carried", severity, message, subject, evidence))
    if part.folded_percent:
        message = (
            f"{part.name}: the registration folds in {part.folded_percent:.3g} % of it (Jacobian determinant of 0 or "
            "less): what is made of it is not to be relied on there."
        )
        evidence = {**told, "folded_percent": part.folded_percent}
        findings.append(Finding("structure-folded", "error", message, subject, evidence))
    return findings
