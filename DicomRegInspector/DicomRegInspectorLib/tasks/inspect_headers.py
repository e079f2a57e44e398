"""Headers and registrations, wherever they were read, judged together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..dicom.header import Header
from ..dicom.identity import gathered
from ..findings import Finding, by_severity
from ..privacy import Identities
from ..progress import Progress, report_progress
from ..series.geometry.series import Series, inspect_series
from ..series.geometry.spacing import RELATIVE_TOLERANCE
from .inspection import FileCounts, Inspection
from .left_open import LeftOpen

if TYPE_CHECKING:
    from ..registration import Registration
    from .audits import ItemAudit
    from .relations import ItemRelation


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
    """Judge images by their headers, and registrations over them.

    Parameters
    ----------
    headers
        Of images; others are left out.
    findings
        What was found already, in files that could not be used for one.
    counts
        Of files; the headers and registrations alone where nothing is given.
    identities
        Who is not to be named by any text; those that headers and registrations name where nothing is given.
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
