"""What is said of the sets of a series: what tells them apart, what they lack, and what each has of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...findings import Finding, Severity
from ...words import exact_mm, mm, plural
from .divided import Divided
from .finding_maker import first_of_each_code
from .stack_findings import stack_findings
from .stacks import Stack

NAMED_SETS = 5
"""Incomplete sets that a message names; it says how many more there are, and the evidence has them."""
NAMED_PLACES = 4
LISTED_SETS = 50
LISTED_PLACES = 50


def sets_finding(found: Divided, subject: str) -> Finding:
    """Return several sets of images in one stack; no more than info where each is complete and they may be."""
    division = found.division
    lacking = [(number, depths) for number, depths in enumerate(division.missing, start=1) if depths]
    text = _counted(found) + _told_apart(found)
    if found.shift_mm > 0:
        shift = mm(found.shift_mm, found.parts[0].nominal_spacing_mm)
        text += f"; their positions are shifted against each other by up to {shift} mm"
        text += "" if found.is_by_design else ": together they are no volume"
    if lacking:
        text += "; " + lacking_in_words(lacking, found.parts[0].nominal_spacing_mm, f" of {len(found.parts)}")
    evidence: dict[str, Any] = {
        "distinguished_by": list(found.names),
        "way": division.way,
        "kind": division.kind,
        "sets": [{"label": part.label, "slices": len(part.slices)} for part in found.parts[:LISTED_SETS]],
        "number_of_sets": len(found.parts),
        "positions": len(found.stack.distinct),
        "complete": found.complete,
        "sop_instance_uids": [part.slices[0].sop_instance_uid for part in found.parts[:LISTED_SETS]],
    }
    if found.shift_mm > 0:
        evidence["shift_mm"] = exact_mm(found.shift_mm)
    if lacking:
        evidence["incomplete_sets"] = len(lacking)
        evidence["missing"] = [
            {
                "set": number,
                "label": found.parts[number - 1].label,
                "slices": len(depths),
                "positions_mm": [exact_mm(depth) for depth in depths[:LISTED_PLACES]],
            }
            for number, depths in lacking[:LISTED_SETS]
        ]
    meant = found.is_by_design or (division.kind == "side by side" and not lacking)
    severity: Severity = "info" if meant else "warning"
    return Finding("acquisitions-mixed", severity, text, subject, evidence)


def _counted(found: Divided) -> str:
    parts, places = found.parts, len(found.stack.distinct)
    total = plural(len(found.stack.slices), "slice")
    sizes = sorted({len(part.slices) for part in parts})
    each = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    if found.division.kind == "side by side":
        return f"{total} are {plural(len(parts), 'set')} that lie side by side, of {each} slices each"
    if found.division.kind == "shifted":
        return f"{total} are {plural(len(parts), 'set')} of {each}"
    text = f"{total} at {plural(places, 'position')}: "
    if found.complete:
        return text + f"{len(parts)} complete sets of {each}"
    if found.division.kind == "slabs":
        listed = ", ".join(str(len(part.slices)) for part in parts[:8])
        more = f" and {len(parts) - 8} more" if len(parts) > 8 else ""
        return text + f"{plural(len(parts), 'set')} that overlap ({listed} slices{more})"
    return text + plural(len(parts), "set")


def _told_apart(found: Divided) -> str:
    names = [name for name in found.names if name not in ("Instance Number", "place in plane")]
    way = found.division.way
    if way == "time":
        return f", told apart in order of {found.names[0]}"
    if way == "order":
        return f", told apart by {' and '.join([*names, 'the order of Instance Number'])}"
    if way == "place":
        return f", told apart by where they lie{''.join(f' and by {name}' for name in names)}"
    if "place in plane" in found.names:
        names.append("where they lie in plane")
    return f", told apart by {' and '.join(names)}"


def lacking_in_words(
    lacking: Sequence[tuple[int, tuple[float, ...]]], spacing: float | None = None, of: str = ""
) -> str:
    """Say at which positions which sets lack slices, by their numbers; empty for none."""
    parts = [f"set {number}{of} lacks {_places_text(depths, spacing)}" for number, depths in lacking[:NAMED_SETS]]
    if len(lacking) > NAMED_SETS:
        rest = sum(len(depths) for _, depths in lacking[NAMED_SETS:])
        parts.append(f"{plural(len(lacking) - NAMED_SETS, 'further set')} lack {plural(rest, 'slice')}")
    return "; ".join(parts)


def _places_text(depths: tuple[float, ...], spacing: float | None) -> str:
    if len(depths) == 1:
        return f"the slice at {mm(depths[0], spacing)} mm"
    if len(depths) <= NAMED_PLACES:
        return f"the slices at {', '.join(mm(depth, spacing) for depth in depths)} mm"
    return f"{len(depths):,} slices between {mm(depths[0], spacing)} and {mm(depths[-1], spacing)} mm"


def sets_geometry_findings(parts: Iterable[Stack], subject: str) -> list[Finding]:
    """Return what the geometry of each set decides, said once for all sets that lie and are written alike."""
    seen: set[tuple[Any, ...]] = set()
    found: list[Finding] = []
    for part in parts:
        key = _geometry_key(part)
        if key not in seen:
            seen.add(key)
            found += _part_findings(part, subject)
    kept, left_out = first_of_each_code(found)
    for code, findings in left_out.items():
        message = f"The same at {plural(len(findings), 'further place')} of other sets"
        evidence = {"further_places": len(findings), "sop_instance_uids": [], "slices": []}
        kept.append(Finding(code, findings[0].severity, message, subject, evidence))
    return kept


def _part_findings(part: Stack, subject: str) -> list[Finding]:
    from .series_findings import duplicates_findings

    repeated = len(part.distinct) < len(part.slices) and len(part.distinct) > 1
    return [*(duplicates_findings(part, subject) if repeated else ()), *stack_findings(part, subject)]


def _geometry_key(part: Stack) -> tuple[Any, ...]:
    corners = part.corners_lps_mm
    # Sets that lie elsewhere as a whole (stations, drifting volumes) are alike if their slices lie alike.
    lattice = (corners - corners[0]).round(4).tobytes() if len(corners) else b""
    written = tuple((slice_.slice_thickness_mm, slice_.spacing_between_slices_mm) for slice_ in part.slices)
    return lattice, written
