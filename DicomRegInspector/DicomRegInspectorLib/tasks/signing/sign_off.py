"""What a physicist signs: each measure of a registration beside its tolerance and where that comes from.

The tolerances are those of AAPM TG-132 (Brock et al., Med Phys 44(7), 2017) unless the user gives others. What TG-132
leaves to the clinic (how far contours of one structure differ) is taken at its stricter end for *pass* and at its wider
end for *attention*. What was not looked at is *not done*, and never passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ...findings import Finding
from ...registration.audit import AuditResult
from ...registration.audit.hypotheses import TITLES
from ...registration.measures.landmarks import TG_132, TargetRegistrationError
from ...registration.measures.quality import InverseQuality
from ...registration.measures.rows import number
from ...words import plural
from ..carried.structure_agreement import TOLERANCE_MM
from ..quality import ItemQuality

_OF_SETS = "the registration’s frames, each name once"
_MOST_NAMED = 3
"""Of what has no partner; all are named among the numbers."""

Outcome = Literal["pass", "attention", "fail", "not done", "told"]
"""``told``: a number that TG-132 has no tolerance for."""

SOURCE = "TG-132"
OWN = "given by the user"
DICE_PASS, DICE_FAIL = 0.90, 0.80
"""Overlap within what observers agree on: 0.80 to 0.90."""
DISTANCE_PASS_MM, DISTANCE_FAIL_MM = 2.0, TOLERANCE_MM
"""Mean distance to agreement: the largest edge of a voxel, 2 to 3 mm."""


@dataclass(frozen=True)
class SignedCheck:
    """One line of the table that is signed."""

    group: str
    """``Reading``, ``Images``, ``Landmarks``, ``Field`` or ``Structures``."""
    measure: str
    found: str
    tolerance: str
    source: str
    outcome: Outcome


def signed_checks(item: ItemQuality, about_images: Sequence[Finding] | None = None) -> list[SignedCheck]:
    """Return every check of an item, those that were not done among them.

    ``about_images``: what was found about the slices of the images; None where there are none.
    """
    return [*_reading(item, about_images), *_images(item), *_landmarks(item), *_field(item), *_structures(item)]


def overall(checks: Sequence[SignedCheck]) -> tuple[Outcome, str]:
    """Return what the checks come to together, and say it: nothing passes as a whole of which a part was not done."""
    counts = Counter(check.outcome for check in checks)
    left = f"; {plural(counts['not done'], 'check')} not done" if counts["not done"] else ""
    if counts["fail"]:
        return "fail", f"{plural(counts['fail'], 'check')} failed{left}"
    if counts["attention"]:
        return "attention", f"{plural(counts['attention'], 'check')} to look at{left}"
    if counts["not done"]:
        return "not done", f"Nothing failed{left}"
    return "pass", "All checks passed"


def _graded(value: float, good: float, bad: float) -> Outcome:
    """Of a number that is better the smaller it is."""
    return "pass" if value <= good else "attention" if value <= bad else "fail"


def _reading(item: ItemQuality, about_images: Sequence[Finding] | None) -> Iterator[SignedCheck]:
    audit, name, wanted = item.audit, "The images agree with it as it is read", "as written"
    if audit is None:
        yield SignedCheck("Reading", name, "", wanted, "PS3.3 C.20", "not done")
    else:
        outcome: Outcome = {"standard": "pass", "undecided": "attention"}.get(audit.verdict, "fail")  # type: ignore[assignment] # its values are outcomes
        yield SignedCheck("Reading", name, _reading_in_words(audit), wanted, "PS3.3 C.20", outcome)
    name = f"Findings about {'the registration' if about_images is None else 'registration and images'}"
    findings = [*item.findings, *(finding for finding in about_images or () if finding not in item.findings)]
    errors, warnings = (sum(finding.severity == level for finding in findings) for level in ("error", "warning"))
    found = f"{plural(errors, 'error')}, {plural(warnings, 'warning')}"
    outcome = "fail" if errors else "attention" if warnings else "pass"
    yield SignedCheck("Reading", name, found, "none", "this report", outcome)


def _without_partner(group: str, names: Sequence[str]) -> Iterator[SignedCheck]:
    """What was given of one frame only, and could not be compared."""
    if names:
        rest = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        found = f"not compared: {', '.join(names[:_MOST_NAMED])}{rest}"
        yield SignedCheck(group, "Without a partner in the other frame", found, "none", "this report", "not done")


def _reading_in_words(audit: AuditResult) -> str:
    if audit.verdict == "undecided":
        return "cannot be decided from these images"
    if audit.verdict != "standard":
        return f"no: they agree best with another reading ({TITLES[audit.verdict]})"
    return "yes" if audit.margin is None else f"yes; next best behind by {number(audit.margin, 2)}"


def _images(item: ItemQuality) -> Iterator[SignedCheck]:
    audit = item.audit
    best = next((reading for reading in audit.ranking if reading.hypothesis == "standard"), None) if audit else None
    name = "Registered image inside the other"
    if best is None:
        yield SignedCheck("Images", name, "", "", "", "not done")
        return
    yield SignedCheck("Images", name, f"{100 * best.overlap:.0f} %", "none", "", "told")
    if best.ncc is not None:
        yield SignedCheck("Images", "Correlation of the images", number(best.ncc, 3), "none", "", "told")


def _landmarks(item: ItemQuality) -> Iterator[SignedCheck]:
    error = item.landmarks
    if error is None:
        yield SignedCheck("Landmarks", "Target registration error", "", "mean 2, largest 5 mm", SOURCE, "not done")
        return
    after, tolerance = error.statistics["after_mm"], error.tolerance
    source = SOURCE if tolerance == TG_132 else OWN
    before = error.statistics["before_mm"]
    for name, rank, limit in (("mean", "mean", tolerance.mean_mm), ("largest", "max", tolerance.largest_mm)):
        value = after[rank]
        found = "undefined" if value is None else f"{number(value, 3)} mm (before {number(before[rank], 3)})"
        outcome: Outcome = "attention" if value is None else "pass" if value <= limit else "fail"
        yield SignedCheck("Landmarks", f"Target registration error, {name}", found, f"{limit:g} mm", source, outcome)
    if after["p95"] is not None:
        pairs = f"{number(after['p95'], 3)} mm, of {plural(len(error.landmarks) - len(error.undefined), 'pair')}"
        yield SignedCheck("Landmarks", "Target registration error, 95 % below", pairs, "none", "", "told")
    yield from _without_partner("Landmarks", error.unpaired)
    if error.undefined:
        found = f"{len(error.undefined)} of {plural(len(error.landmarks), 'landmark')}"
        yield SignedCheck("Landmarks", "Where the registration says nothing", found, "none", "this report", "attention")
    yield _observer(error)


def _observer(error: TargetRegistrationError) -> SignedCheck:
    name, wanted = "Observers’ error in placing landmarks", f"below {error.tolerance.mean_mm:g} mm"
    if error.observer_mm is None:
        return SignedCheck("Landmarks", name, "", wanted, SOURCE, "not done")
    found = f"{error.observer_mm:g} mm; without it RMS {number(error.without_observer_mm, 3)} mm"
    outcome: Outcome = "pass" if error.observer_mm < error.tolerance.mean_mm else "attention"
    return SignedCheck("Landmarks", name, found, wanted, SOURCE, outcome)


def _field(item: ItemQuality) -> Iterator[SignedCheck]:
    quality = item.quality
    jacobian, folded = quality.jacobian, quality.nonpositive_fraction
    if folded is None:
        yield SignedCheck("Field", "Jacobian determinant", "", "above 0", SOURCE, "not done")
    else:
        found = f"{number(jacobian.min, 3)} to {number(jacobian.max, 3)}; {100 * folded:.3g} % at 0 or below"
        outcome: Outcome = "fail" if folded else "pass"
        yield SignedCheck("Field", "Jacobian determinant", found, "above 0", SOURCE, outcome)
    if quality.sd_log_jacobian is not None:
        told = number(quality.sd_log_jacobian, 3)
        yield SignedCheck("Field", "SDlogJ, as Learn2Reg has it", told, "none", "", "told")
    yield _inverse(quality.inverse)


def _inverse(inverse: InverseQuality) -> SignedCheck:
    """Whether the mapping can be turned round: not TG-132's consistency, which asks for a second registration."""
    name = "Inverse of the registration"
    if inverse.max_mm is None:
        return SignedCheck("Field", name, "found nowhere", "everywhere", "this report", "fail")
    if inverse.not_found:
        found = f"none at {inverse.not_found} of {inverse.samples} points"
        return SignedCheck("Field", name, found, "everywhere", "this report", "attention")
    return SignedCheck("Field", name, f"at all of {inverse.samples} points", "everywhere", "this report", "pass")


def _structures(item: ItemQuality) -> Iterator[SignedCheck]:
    if item.structures is None:
        wanted = f"{DISTANCE_PASS_MM:g} to {DISTANCE_FAIL_MM:g} mm"
        yield SignedCheck("Structures", "Mean distance to agreement", "", wanted, SOURCE, "not done")
        wanted = f"{DICE_FAIL:.2f} to {DICE_PASS:.2f}"
        yield SignedCheck("Structures", "Overlap (Dice)", "", wanted, SOURCE, "not done")
        return
    for remark in item.structures.remarks:
        yield SignedCheck("Structures", "Frames and names", remark, _OF_SETS, "PS3.3 C.20", "attention")
    yield from _without_partner("Structures", item.structures.unpaired)
    for pair in item.structures.pairs:
        group = f"Structures: {pair.name}"
        after = pair.after
        distance, wanted = after.mean_distance_mm, f"{DISTANCE_PASS_MM:g} to {DISTANCE_FAIL_MM:g} mm"
        outcome: Outcome = "not done" if distance is None else _graded(distance, DISTANCE_PASS_MM, DISTANCE_FAIL_MM)
        found = "" if distance is None else f"{number(distance, 3)} mm"
        yield SignedCheck(group, "Mean distance to agreement", found, wanted, SOURCE, outcome)
        wanted = f"{DICE_FAIL:.2f} to {DICE_PASS:.2f}"
        if after.dice is None:
            yield SignedCheck(group, "Overlap (Dice)", "", wanted, SOURCE, "not done")
        else:
            outcome = _graded(-after.dice, -DICE_PASS, -DICE_FAIL)
            before = "" if pair.before is None else f" (before {number(pair.before.dice, 3)})"
            yield SignedCheck(group, "Overlap (Dice)", f"{number(after.dice, 3)}{before}", wanted, SOURCE, outcome)
        inside = pair.inside
        if inside is not None and inside.nonpositive_fraction is not None:
            found = f"{number(inside.jacobian.min, 3)} to {number(inside.jacobian.max, 3)}"
            outcome = "fail" if inside.nonpositive_fraction else "pass"
            yield SignedCheck(group, "Jacobian determinant", found, "above 0", SOURCE, outcome)
        for remark in pair.remarks:
            yield SignedCheck(group, "To know", remark, "", "this report", "attention")
