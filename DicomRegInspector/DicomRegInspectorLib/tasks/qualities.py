"""Several registrations measured in one call; one that cannot be used is a finding about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import FileError
from ..findings import Finding, by_severity
from ..findings.unreadable import unreadable_finding
from ..progress import Progress
from ..registration import Registration, read_registration
from .chain import ReadRegistration
from .quality import JudgedBy, QualityReport, run_quality


@dataclass(frozen=True)
class Qualities:
    """What was measured of each registration, and why some could not be."""

    reports: tuple[QualityReport, ...]
    unusable: tuple[FileError, ...] = ()
    passed_over: tuple[FileError, ...] = ()
    """Of files that are well and hold nothing to measure, such as fiducials."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, the most severe first."""
        found = [finding for report in self.reports for finding in report.findings]
        return tuple(by_severity([*map(unreadable_finding, self.unusable), *found]))

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        from .. import __version__

        return {
            "schema": 1,
            "version": __version__,
            "registrations": [report.to_dict() for report in self.reports],
            "unreadable": [{"file": error.path, "problem": error.problem} for error in self.unusable],
            "passed_over": [{"file": error.path, "problem": error.problem} for error in self.passed_over],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def run_qualities(
    paths: Sequence[str],
    judged_by: JudgedBy | None = None,
    items: Sequence[int] | None = None,
    progress: Progress | None = None,
    read: ReadRegistration = read_registration,
) -> Qualities:
    """Measure registrations, each as :func:`.quality.run_quality` does.

    Raises
    ------
    FileError
        When none of them can be used: why the first cannot; or something that they are judged by cannot.
    UsageError, Cancelled
        As :func:`.quality.run_quality`.
    """
    if len(paths) == 1:
        return Qualities((run_quality(paths[0], judged_by, items, progress, read),))
    reports: list[QualityReport] = []
    unusable: list[FileError] = []
    passed_over: list[FileError] = []
    for path in paths:
        try:
            reports.append(run_quality(path, judged_by, items, progress, read))
        except FileError as error:
            if error.path != path:
                raise
            registration = _readable(path, read)
            if registration is None or not all(item.problem for item in registration.items):
                unusable.append(error)
            elif registration.items:
                # What is wrong with items that cannot be used, their own findings say.
                reports.append(QualityReport(registration, (), registration.items))
            else:
                passed_over.append(error)
    if not reports:
        raise [*unusable, *passed_over][0]
    return Qualities(tuple(reports), tuple(unusable), tuple(passed_over))


def _readable(path: str, read: ReadRegistration) -> Registration | None:
    try:
        return read(path)
    except FileError:
        return None
