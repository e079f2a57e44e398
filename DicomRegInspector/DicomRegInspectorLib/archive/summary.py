"""What an archive's tables say as a whole, for a person: how many of what, and what is worst."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .store import Store

MOST_LISTED = 20
"""Studies, and kinds of findings, that a summary lists; the tables have all."""
AUDIT = "what images say of how registrations are meant"
_COUNTS = "count(*), sum(worst = 'error'), sum(worst = 'warning'), sum(state = 'failed')"
_SERIES_COUNTS = "count(*), sum(worst = 'error'), sum(worst = 'warning')"


@dataclass(frozen=True)
class Group:
    """Series of one kind."""

    name: str
    series: int
    with_errors: int
    with_warnings: int
    """As their worst."""


@dataclass(frozen=True)
class WorstStudy:
    """A study with many findings, or that failed."""

    source: str
    study_uid: str
    modalities: str
    scanner: str
    year: int | None
    errors: int
    warnings: int
    reason: str = ""


@dataclass(frozen=True)
class Found:
    """How often a finding is there."""

    code: str
    severity: str
    findings: int
    studies: int


@dataclass(frozen=True)
class Summary:
    """Counts over all studies of an output."""

    studies: int
    with_errors: int
    with_warnings: int
    """As their worst."""
    failed: int
    counts: dict[str, int]
    """Rows of series, sets, registrations and items, and files."""
    severities: dict[str, int]
    codes: tuple[Found, ...]
    worst: tuple[WorstStudy, ...]
    failures: tuple[WorstStudy, ...]
    scanners: tuple[Group, ...]
    modalities: tuple[Group, ...]
    years: tuple[Group, ...]
    unchecked: tuple[str, ...] = ()
    """What the last run did not look at, in words."""

    @property
    def is_complete(self) -> bool:
        """Whether every study was judged, and the images of every registration were asked how it is meant."""
        return bool(self.studies) and not self.failed and not (self.counts["registrations"] and AUDIT in self.unchecked)


def summary_of(store: Store) -> Summary:
    """Count what the tables of an output hold.

    Raises UsageError when they cannot be read.
    """
    studies, errors, warnings, failed = (value or 0 for value in store.query(f"SELECT {_COUNTS} FROM studies")[0])
    counts = {
        name: int(store.query(f"SELECT count(*) FROM {name}")[0][0])
        for name in ("series", "sets", "registrations", "items")
    }
    counts["files"] = int(store.query("SELECT coalesce(sum(files), 0) FROM studies")[0][0])
    return Summary(
        studies, errors, warnings, failed, counts,
        dict(store.query("SELECT severity, count(*) FROM findings GROUP BY severity")),
        tuple(Found(*row) for row in store.query(
            "SELECT code, severity, count(*) AS number, count(DISTINCT source || ' ' || study_instance_uid) "
            "FROM findings GROUP BY code, severity "
            "ORDER BY CASE severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, number DESC, code"
        )),
        _studies(store, "worst IN ('error', 'warning') ORDER BY errors DESC, warnings DESC"),
        _studies(store, "state = 'failed' ORDER BY reason"),
        _groups(store, "trim(manufacturer || ' ' || model)"),
        _groups(store, "modality"),
        _groups(store, "year", "name DESC"),
        _unchecked(store),
    )  # fmt: skip


def _unchecked(store: Store) -> tuple[str, ...]:
    options = json.loads(store.query("SELECT options FROM runs ORDER BY run DESC LIMIT 1")[0][0])
    left_out = {"audit": AUDIT, "pixels": "pixels"}
    return tuple(words for name, words in left_out.items() if not options[name])


def _studies(store: Store, which: str) -> tuple[WorstStudy, ...]:
    rows = store.query(
        "SELECT source, study_instance_uid, modalities, trim(manufacturer || ' ' || model), year, errors, warnings, "
        f"reason FROM studies WHERE {which}, source, study_instance_uid LIMIT {MOST_LISTED}"
    )
    return tuple(WorstStudy(*row) for row in rows)


def _groups(store: Store, name: str, order: str = "count(*) DESC, name") -> tuple[Group, ...]:
    rows: Sequence[tuple[object, int, int, int]] = store.query(
        f"SELECT {name} AS name, {_SERIES_COUNTS} FROM series GROUP BY name ORDER BY {order} LIMIT {MOST_LISTED}"
    )
    return tuple(Group(str(found or "not told"), *counts) for found, *counts in rows)
