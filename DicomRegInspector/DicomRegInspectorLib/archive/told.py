"""The summary of an archive in words."""

from __future__ import annotations

from collections.abc import Iterable

from ..report.text.page import Page
from ..report.text.terminal import Style
from ..words import plural
from .summary import Group, Summary, WorstStudy
from .tally import Tally


def summary_in_words(tally: Tally, style: Style) -> str:
    """Return the summary for a terminal: what was done, how many of what, what is worst."""
    page, summary = Page(style), tally.summary
    page.title("Archive")
    page.row("this run", run_in_words(tally))
    if summary is not None:
        for name, value in counts_in_words(summary):
            page.row(name, value)
        _rows(
            page,
            "Findings",
            (
                (
                    f"{found.severity}  {found.code}",
                    f"{found.findings:,} in {plural(found.studies, 'study', 'studies')}",
                )
                for found in summary.codes
            ),
        )
        _rows(page, "Worst studies", ((study.study_uid, study_in_words(study)) for study in summary.worst))
        _rows(page, "Not judged", ((study.study_uid, study.reason) for study in summary.failures))
        for title, groups in (
            ("By scanner", summary.scanners),
            ("By modality", summary.modalities),
            ("By year", summary.years),
        ):
            _rows(page, title, ((group.name, group_in_words(group)) for group in groups))
    return str(page)  # fmt: skip


def run_in_words(tally: Tally) -> str:
    """Return what a run did: ``120 judged, 30 done before; 4.2 s``."""
    told = [f"{plural(tally.judged, 'study', 'studies')} judged", f"{tally.already_done:,} done before"]
    told += [
        f"{count:,} {what}" for count, what in (
            (tally.failed, "of them failed"), (tally.gone, "no longer there"), (tally.passed_over, "files not DICOM"),
        ) if count
    ]  # fmt: skip
    return f"{', '.join(told)}; {tally.seconds:.1f} s"


def counts_in_words(summary: Summary) -> list[tuple[str, str]]:
    """Return rows of names and counts over all studies."""
    counts = summary.counts
    good = summary.studies - summary.with_errors - summary.with_warnings - summary.failed
    return [
        ("studies", f"{summary.studies:,} of {plural(counts['files'], 'file')}"),
        ("series", f"{counts['series']:,}, which are {plural(counts['sets'], 'set')} of slices"),
        ("registrations", f"{counts['registrations']:,} with {plural(counts['items'], 'item')}"),
        ("studies with errors", f"{summary.with_errors:,}"),
        ("with warnings at worst", f"{summary.with_warnings:,}"),
        ("without either", f"{good:,}"),
        ("not judged", f"{summary.failed:,}"),
        ("not looked at", "; ".join(summary.unchecked) or "nothing was left out"),
    ]


def study_in_words(study: WorstStudy) -> str:
    """Return how a study is, and what it is."""
    what = " ".join(filter(None, (study.modalities.replace("\\", "/"), study.scanner, str(study.year or ""))))
    return f"{plural(study.errors, 'error')}, {plural(study.warnings, 'warning')}: {what}"


def group_in_words(group: Group) -> str:
    """Return how the series of one kind are."""
    return f"{group.series:,} series, {group.with_errors:,} with errors, {group.with_warnings:,} with warnings at worst"


def _rows(page: Page, title: str, rows: Iterable[tuple[str, str]]) -> None:
    listed = list(rows)
    if listed:
        page.section(title)
    for name, value in listed:
        page.row(name, value)
