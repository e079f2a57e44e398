"""What was looked at and what was not, and why: what every verdict rests on, for every face."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..findings.about import about_registration, about_series

if TYPE_CHECKING:
    from ..registration import Registration
    from ..series import Series
    from .audits import ItemAudit
    from .relations import ItemRelation

Kind = Literal["elements", "vectors", "references", "meeting", "audit", "landmarks", "structures", "geometry"]
Outcome = Literal["checked", "not-checked", "nothing-to-check"]
"""``nothing-to-check``: there is no such thing to be wrong, as with a series of screenshots."""

WORDS: dict[Kind, str] = {
    "elements": "elements and matrices",
    "vectors": "every vector",
    "references": "frames and references",
    "meeting": "whether the images meet",
    "audit": "how its images say it is meant",
    "landmarks": "how far landmarks are off",
    "structures": "how well structures agree",
    "geometry": "places of the slices by their headers",
}
"""What is checked, in words; of registration items but for the last, which is about series."""
MOST_NAMED = 3
"""Subjects that are named one by one; more are counted."""


@dataclass(frozen=True)
class Check:
    """One thing about one subject: looked at, not looked at, or not there."""

    kind: Kind
    subject: str
    """As findings have it, made by :mod:`..findings.about`."""
    outcome: Outcome = "checked"
    reason: str = ""
    """Why not."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        about = getattr(self.subject, "about", None)
        told = {
            "check": self.kind,
            "subject": str(self.subject),
            "outcome": self.outcome,
            "reason": self.reason or None,
        }
        return told if about is None else {**told, "about": about.to_dict()}


@dataclass(frozen=True)
class Coverage:
    """All checks of a run."""

    checks: tuple[Check, ...] = ()
    outside: tuple[str, ...] = ()
    """What a run of this kind never looks at, in words."""

    @property
    def missing(self) -> list[Check]:
        """What could have been looked at and was not."""
        return [check for check in self.checks if check.outcome == "not-checked"]

    @property
    def is_complete(self) -> bool:
        """Whether everything there is was looked at, and there was something."""
        return not self.missing and any(check.outcome == "checked" for check in self.checks)

    def lacks(self, file: str) -> bool:
        """Tell whether something about a registration's file was not looked at."""
        abouts = (getattr(check.subject, "about", None) for check in self.missing)
        return any(about is not None and about.file == file for about in abouts)

    @property
    def checked_in_words(self) -> str:
        """``2 registration items: elements and matrices, every vector; 3 image series: …``; empty where nothing was."""
        items = [check for check in self.checks if check.kind != "geometry"]
        series = [check for check in self.checks if check.kind == "geometry"]
        groups = ((items, "registration item", "registration items"), (series, "image series", "image series"))
        return "; ".join(words for words in (_checked(*group) for group in groups) if words)

    @property
    def missing_in_words(self) -> list[str]:
        """``item 1 of reg.dcm: whether the images meet (no image series is here)``, what is alike in one line."""
        kinds: dict[tuple[str, str], list[Kind]] = {}
        for check in self.missing:
            kinds.setdefault((check.subject, check.reason), []).append(check.kind)
        subjects: dict[tuple[str, tuple[Kind, ...]], list[str]] = {}
        for (subject, reason), own in kinds.items():
            subjects.setdefault((reason, tuple(own)), []).append(subject)
        return [
            f"{_subjects(named)}: {', '.join(WORDS[kind] for kind in own)} ({reason})"
            for (reason, own), named in subjects.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return {"checks": [check.to_dict() for check in self.checks], "never": list(self.outside)}


def _checked(checks: Sequence[Check], word: str, many: str) -> str:
    subjects = dict.fromkeys(check.subject for check in checks)
    parts = []
    for kind, words in WORDS.items():
        of_kind = [check for check in checks if check.kind == kind and check.outcome == "checked"]
        if of_kind:
            parts.append(words if len(of_kind) == len(subjects) else f"{words} (of {len(of_kind)})")
    return f"{len(subjects)} {word if len(subjects) == 1 else many}: {', '.join(parts)}" if parts else ""


def _subjects(subjects: Sequence[str]) -> str:
    if len(subjects) > MOST_NAMED:
        return f"{len(subjects)} registration items"
    return ", ".join(map(str, subjects))


PIXELS = "pixel data"
COMPARED = "pixel data, but where images were compared"
LANDMARKS = "how far landmarks are off"


def coverage_of_inspection(
    registrations: Sequence[Registration],
    relations: Sequence[Sequence[ItemRelation]],
    audits: Sequence[Sequence[ItemAudit]],
    series: Sequence[Series],
) -> Coverage:
    """Return what an inspection looked at.

    Parameters
    ----------
    relations, audits
        Of each registration, of each of its items, in order.
    """
    checks: list[Check] = []
    with_images = any(not stack.is_localizer for series_ in series for stack in series_.stacks)
    for registration, own, audited in zip(registrations, relations, audits, strict=True):
        if not registration.items:
            checks.append(Check("elements", about_registration(registration.path)))
        for relation, audit in zip(own, audited, strict=True):
            checks += _of_item(relation, audit, with_images)
    for series_ in series:
        outcome: Outcome = "checked" if series_.stacks else "nothing-to-check"
        reason = "" if series_.stacks else "no image of it has a place"
        checks.append(Check("geometry", about_series(series_.series_instance_uid), outcome, reason))
    outside = []
    if series:
        compared = any(audit.result is not None for own in audits for audit in own)
        outside.append(COMPARED if compared else PIXELS)
    if any(registration.items for registration in registrations):
        outside.append(LANDMARKS)
    return Coverage(tuple(checks), tuple(outside))


def _of_item(relation: ItemRelation, audit: ItemAudit, with_images: bool) -> Iterable[Check]:
    item, meetings = relation.item, relation.meetings
    subject = item.subject
    yield Check("elements", subject)
    if item.problem is not None:  # which is an error among the findings
        return
    if item.grid is not None:
        yield Check("vectors", subject)
    if not with_images:
        yield Check("references", subject, "not-checked", NO_SERIES)
    else:
        yield Check("references", subject)
    if meetings.pairs:
        yield Check("meeting", subject)
    elif meetings.unchecked:
        yield Check("meeting", subject, "not-checked", meetings.unchecked if with_images else NO_SERIES)
    else:
        yield Check("meeting", subject, "nothing-to-check", "both sides are the same images")
    yield audit_check(audit, subject, "" if with_images else NO_SERIES)


NO_SERIES = "no image series is here"


def audit_check(audit: ItemAudit, subject: str, reason: str = "") -> Check:
    """Return what an audit makes of the question how an item is meant."""
    if not audit.applies:
        return Check("audit", subject, "nothing-to-check", audit.reason)
    if audit.decided is not None:
        return Check("audit", subject)
    return Check("audit", subject, "not-checked", (reason or audit.open_reason).rstrip("."))
