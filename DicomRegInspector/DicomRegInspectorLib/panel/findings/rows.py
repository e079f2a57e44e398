"""Findings as table rows: what each column says, in what order, and what a filter leaves. No Qt here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from slicer.i18n import tr as _

from ...findings import SEVERITIES, Finding, Severity
from ...scene.places import Place, Places
from ...scene.tables import FINDING_COLUMNS, finding_texts
from ...tasks.inspect import Inspection


@dataclass(frozen=True)
class Row:
    """One finding as the table shows it."""

    finding: Finding
    texts: tuple[str, ...]
    """One text for each of :data:`COLUMNS`."""
    place: Place


COLUMNS = FINDING_COLUMNS[:4]
"""Severity, finding, place, subject. The message is shown below the table."""


def row_of(finding: Finding, place: Place) -> Row:
    """Return the row of a finding at its place."""
    return Row(finding, finding_texts(finding, place)[: len(COLUMNS)], place)


def rows_of(inspection: Inspection, places: Places) -> list[Row]:
    """Return a row for each finding of an inspection, most severe first."""
    return [row_of(finding, places.of(finding)) for finding in inspection.findings]


def merged_rows(found: Iterable[Row], measured: Iterable[Row]) -> list[Row]:
    """Return rows of an inspection and of what was measured besides, most severe first; nothing is said twice."""
    found = list(found)
    said = {_said(row) for row in found if row.place.registration}
    new = [row for row in measured if _said(row) not in said]
    return sorted_rows([*found, *new], 0, True)


def _said(row: Row) -> tuple[str, Path | None, int | None]:
    registration = row.place.registration
    return row.finding.code, registration.path if registration else None, row.place.item


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key by which ``slice 2`` comes before ``slice 14``."""
    parts = re.split(r"(\d+)", text.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def sorted_rows(rows: Iterable[Row], column: int, descending: bool) -> list[Row]:
    """Return rows in the order of a column; the first column sorts by severity, not by its word."""
    if column == 0:
        return sorted(rows, key=lambda row: SEVERITIES.index(row.finding.severity), reverse=descending)
    return sorted(rows, key=lambda row: _natural(row.texts[column]), reverse=descending)


def filtered_rows(rows: Iterable[Row], least: Severity, text: str) -> list[Row]:
    """Return rows at or above a severity in which every word of the text occurs somewhere."""
    words = text.casefold().split()
    threshold = SEVERITIES.index(least)
    return [
        row
        for row in rows
        if SEVERITIES.index(row.finding.severity) >= threshold
        and all(word in f"{' '.join(row.texts)} {row.finding.message} {row.finding.code}".casefold() for word in words)
    ]


def summary(findings: Sequence[Finding]) -> str:
    """Return how many findings of each severity, in words: ``1 error, 2 warnings``."""
    single = {"error": _("1 error"), "warning": _("1 warning"), "info": _("1 info")}
    more = {"error": _("{count} errors"), "warning": _("{count} warnings"), "info": _("{count} info")}
    counts = Counter(finding.severity for finding in findings)
    told = [
        single[severity] if counts[severity] == 1 else more[severity].format(count=counts[severity])
        for severity in reversed(SEVERITIES)
        if counts[severity]
    ]
    return ", ".join(told) or _("nothing found")
