"""What is odd about structures, as findings: contours that enclose nothing, or that programs read differently."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..findings import Finding
from ..findings.about import Subject, about_file
from ..findings.severities import Severity
from ..words import millimetres, plural
from .structure import Structure, StructureSet

_MOST_GAPS = 20


def check_structures(found: StructureSet, structures: Iterable[Structure] | None = None) -> list[Finding]:
    """Look at what structures of a set are made of; also give what was found when they were read.

    Parameters
    ----------
    structures
        Those to look at; all without.
    """
    subject = about_file(found.path, os.path.basename(found.path))
    findings = list(found.findings)
    for structure in found.structures if structures is None else structures:
        findings.extend(_of_structure(structure, subject))
    return findings


def _of_structure(structure: Structure, subject: Subject) -> Iterable[Finding]:
    told = {"structure": structure.name, "number": structure.number}
    if structure.is_empty:
        message = f"{structure.name}: nothing is drawn or segmented."
        yield Finding("structure-empty", "info", message, subject, told)
    if structure.voxels is not None:
        return
    doubts = structure.planes.doubts
    left_out = doubts.few_points + doubts.other_planes
    if left_out:
        reasons = [
            (doubts.few_points, "with fewer than three different points, or all on a line"),
            (doubts.other_planes, "in planes across the others"),
        ]
        words = " and ".join(f"{count:,} {reason}" for count, reason in reasons if count)
        evidence = {
            **told,
            "contours": left_out,
            "of_contours": len(structure.contours),
            "few_points": doubts.few_points,
            "other_planes": doubts.other_planes,
        }
        message = f"{structure.name}: {plural(left_out, 'closed contour')} left out ({words})."
        yield Finding("structure-contours-left-out", "error", message, subject, evidence)
    yield from _doubtful(structure, subject)
    if doubts.gaps_mm:
        usual = structure.planes.usual_mm
        evidence = {
            **told,
            "gaps_mm": list(doubts.gaps_mm[:_MOST_GAPS]),
            "gaps": len(doubts.gaps_mm),
            "usual_mm": usual,
        }
        message = (
            f"{structure.name}: between its planes of contours, usually {millimetres(usual)} mm apart, "
            f"{plural(len(doubts.gaps_mm), 'interval')} of up to {millimetres(max(doubts.gaps_mm))} mm; nothing is "
            "filled in there."
        )
        yield Finding("structure-gap", "warning", message, subject, evidence)


def _doubtful(structure: Structure, subject: Subject) -> Iterable[Finding]:
    doubts = structure.planes.doubts
    kinds = {
        "nested": (doubts.nested, "inside another one, taken for holes"),
        "overlapping": (doubts.overlapping, "overlap others in part, both are meant"),
        "repeated": (doubts.repeated, "are there twice, and count once"),
        "self_crossing": (doubts.self_crossing, "cross themselves: inside by the even-odd rule"),
        "not_planar": (doubts.not_planar, f"up to {millimetres(doubts.not_planar_mm)} mm beside their plane"),
    }
    there = {kind: count for kind, (count, _) in kinds.items() if count}
    if not there:
        return
    words = "; ".join(f"{count:,} {kinds[kind][1]}" for kind, count in there.items())
    volume = structure.volume_mm3 / 1000
    message = (
        f"{structure.name}: closed contours that can be read in more than one way: {words}. So read, {volume:.4g} mL."
    )
    evidence = {"structure": structure.name, "number": structure.number, **there, "volume_ml": round(volume, 6)}
    if doubts.not_planar:
        evidence["not_planar_mm"] = round(doubts.not_planar_mm, 4)
    # Holes drawn as contours of their own are what many systems write.
    severity: Severity = "info" if set(there) <= {"nested"} else "warning"
    yield Finding("structure-contours-doubtful", severity, message, subject, evidence)
