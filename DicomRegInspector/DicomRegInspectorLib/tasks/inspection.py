"""What an inspection found: registrations, image series, findings, and what it looked at; and how it is judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..dicom.header import Header
from ..dicom.identity import gathered
from ..findings import Finding, by_severity
from ..privacy import NOBODY, Identities
from ..progress import Progress, report_progress
from ..series.geometry.series import Series, inspect_series
from ..series.geometry.spacing import RELATIVE_TOLERANCE
from .coverage import Coverage, coverage_of_inspection

if TYPE_CHECKING:
    from ..registration import Registration
    from .audits import ItemAudit
    from .left_open import LeftOpen
    from .relations import ItemRelation


@dataclass(frozen=True)
class FileCounts:
    """How many files were looked at, and what they were."""

    files: int = 0
    dicom: int = 0
    not_dicom: int = 0
    unreadable: int = 0
    other_dicom: int = 0
    """DICOM that is neither image nor registration: directories, structured reports, plans."""

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return dict(vars(self))


@dataclass(frozen=True)
class Inspection:
    """What an inspection found."""

    registrations: tuple[Registration, ...]
    series: tuple[Series, ...]
    findings: tuple[Finding, ...]
    """All findings, those of registrations and series among them, the most severe first."""
    file_counts: FileCounts = field(default_factory=FileCounts)
    interval_tolerance: float = RELATIVE_TOLERANCE
    """Share of the spacing that an interval between slices was allowed to be off."""
    relations: tuple[tuple[ItemRelation, ...], ...] = ()
    """Of each registration, of each of its items: the images at hand of both sides, and whether they meet."""
    identities: Identities = field(default=NOBODY, repr=False)
    """Whom the files name: no text here does; paths may."""
    audits: tuple[tuple[ItemAudit, ...], ...] = ()
    """Of each registration, of each of its items: what its two images say of how it is meant."""
    left_open: tuple[LeftOpen, ...] = ()
    """Transforms that were not read because their files do not say everything."""

    def relations_of(self, registration: Registration) -> tuple[ItemRelation, ...]:
        """Return the items of a registration with the images at hand; without images where these are not known."""
        for own, relations in zip(self.registrations, self.relations, strict=False):
            if own is registration:
                return relations
        from .item_images import ImagesAtHand
        from .relations import relate_items

        (found,) = relate_items([registration], ImagesAtHand(self.series))
        return tuple(found)

    @cached_property
    def coverage(self) -> Coverage:
        """What was looked at, and what was not and why."""
        relations = [self.relations_of(registration) for registration in self.registrations]
        audits = [self.audits_of(registration) for registration in self.registrations]
        return coverage_of_inspection(self.registrations, relations, audits, self.series)

    def findings_about(self, registration: Registration) -> list[Finding]:
        """Return all findings about a registration, those of comparing it with series and others among them."""
        path = str(registration.path)
        return [finding for finding in self.findings if finding.about is not None and finding.about.file == path]

    def audits_of(self, registration: Registration) -> tuple[ItemAudit, ...]:
        """Return the audits of a registration's items; where there were none, they say so."""
        for own, audits in zip(self.registrations, self.audits, strict=False):
            if own is registration:
                return audits
        from .audits import ItemAudit

        return tuple(ItemAudit(item, reason="images were not compared") for item in registration.items)

    def with_findings(self, found: Iterable[Finding], audits: Sequence[ItemAudit] = ()) -> Inspection:
        """Put what a measuring of its only registration found among the findings; nothing is told twice.

        Parameters
        ----------
        audits
            Of its items, in place of the inspection's own.
        """
        told = {(finding.code, finding.subject, finding.message) for finding in self.findings}
        new = [finding for finding in found if (finding.code, finding.subject, finding.message) not in told]
        findings = tuple(by_severity([*self.findings, *new]))
        return replace(self, findings=findings, audits=(tuple(audits),) if audits else self.audits)

    def with_findings_of(self, series: Series, found: Iterable[Finding]) -> tuple[Inspection, Series]:
        """Put what a later check found in a series among the findings of the series and of all.

        What is there already is not told twice.

        Returns
        -------
        The inspection, and the series in it that took the place of ``series``.
        """
        new = [finding for finding in found if finding not in series.findings]
        changed = replace(series, findings=tuple(by_severity([*series.findings, *new])))
        every = tuple(changed if series_ is series else series_ for series_ in self.series)
        return replace(self, series=every, findings=tuple(by_severity([*self.findings, *new]))), changed

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it; ``findings`` at the top repeats those of each registration and series."""
        from .. import __version__

        return {
            "schema": 1,
            "version": __version__,
            "files": self.file_counts.to_dict(),
            "options": {"interval_tolerance_percent": round(100 * self.interval_tolerance, 6)},
            "registrations": [self._registration_dict(registration) for registration in self.registrations],
            "series": [series.to_dict() for series in self.series],
            "findings": [finding.to_dict() for finding in self.findings],
            "coverage": self.coverage.to_dict(),
        }

    def _registration_dict(self, registration: Registration) -> dict[str, Any]:
        told = registration.to_dict()
        for item, relation in zip(told["items"], self.relations_of(registration), strict=True):
            item["images"] = relation.to_dict()
        for item, audit in zip(told["items"], self.audits_of(registration), strict=True):
            item["audit"] = audit.to_dict()
        return {**told, "findings": [finding.to_dict() for finding in self.findings_about(registration)]}


def inspect_headers(
    headers: Iterable[Header],
    registrations: Sequence[Registration] = (),
    *,
    findings: Iterable[Finding] = (),
    counts: FileCounts | None = None,
    identities: Identities | None = None,
    left_open: Sequence[LeftOpen] = (),
    interval_tolerance: float = RELATIVE_TOLERANCE,
    audit: bool = False,
    progress: Progress | None = None,
) -> Inspection:
    """Judge images by their headers, and registrations over them; headers of what is no image are left out.

    Parameters
    ----------
    findings
        What was found already, in files that could not be used for one.
    counts, identities
        Of files, and who is not to be named by any text; by default of the headers and registrations.
    left_open
        Transforms that were not read, of which ``findings`` tells.
    interval_tolerance, audit
        As of :func:`.inspect.inspect_paths`.

    Raises
    ------
    Cancelled
        When ``progress`` returned False.
    """
    headers = list(headers)
    total = len(headers) + len(registrations)
    if counts is None:
        counts = FileCounts(files=total, dicom=total)

    def report(done: int, number: int, text: str) -> None:
        report_progress(progress, done, number, text, "the inspection was cancelled")

    report(total, total, "Judging slice positions")
    if identities is None:
        identities = gathered(headers)
        for registration in registrations:
            identities |= registration.identities
    series = tuple(inspect_series(headers, report, interval_tolerance=interval_tolerance, identities=identities))
    masked = [registration.masked(identities) for registration in registrations]
    report(total, total, "Comparing registrations with series")
    over_images, relations, audits, related_findings = _related(masked, series, audit, progress)
    found = [finding for registration in over_images for finding in registration.findings]
    found += [*findings, *(finding for series_ in series for finding in series_.findings), *related_findings]
    return Inspection(
        tuple(over_images),
        series,
        tuple(by_severity(found)),
        counts,
        interval_tolerance,
        relations,
        identities,
        audits,
        tuple(left_open),
    )


def _related(
    registrations: Sequence[Registration], series: tuple[Series, ...], audit: bool, progress: Progress | None
) -> tuple[list[Registration], tuple[tuple[ItemRelation, ...], ...], tuple[tuple[ItemAudit, ...], ...], list[Finding]]:
    """The registrations over the images at hand, the images of each item, their audits, and what all say."""
    if not registrations:
        return [], (), (), []
    from .audits import audit_findings, audit_items
    from .item_images import ImagesAtHand
    from .relations import relate_items, relation_findings, with_images

    related = relate_items(registrations, ImagesAtHand(series))
    over_images = [with_images(*each) for each in zip(registrations, related, strict=True)]
    audits = tuple(audit_items(over_images, related, audit, progress))
    findings = [*audit_findings(over_images, audits), *relation_findings(over_images, series, related)]
    return over_images, tuple(map(tuple, related)), audits, findings
