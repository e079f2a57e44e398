"""The summary of an archive as a page, in the style of reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..findings.codes import CODES
from ..output_file import replace_file
from ..report.html.document import BEGINNING, head
from ..report.html.markup import DEFINITIONS, Child, Markup, facts, foreign, icon, join, table, tag
from ..version import __version__
from ..words import plural
from .reports import FOLDER, report_name
from .summary import Group, Summary, WorstStudy
from .told import counts_in_words

FILE = "summary.html"
TITLE = "Archive"


def write_page(summary: Summary, folder: Path) -> None:
    """Write the page into an output.

    Raises UsageError when it cannot be written.
    """
    written = summary_page(summary, folder)
    replace_file(folder / FILE, lambda path: path.write_text(written, "utf-8"))


def summary_page(summary: Summary, folder: Path) -> str:
    """Return the page as one HTML document, which needs no network and no script; it leads to reports that are there.

    Parameters
    ----------
    folder
        The output, whose reports are looked for.
    """
    body = tag(
        "body",
        tag("a", "Skip to the findings", href="#findings", class_="skip"),
        DEFINITIONS,
        _header(summary),
        tag(
            "main",
            tag("section", facts(counts_in_words(summary))),
            _section("Findings", "findings", _codes(summary)),
            _section("Worst studies", "worst", _worst(summary.worst, folder)),
            _section("Not judged", "failed", _failures(summary.failures)),
            _section("By scanner", "scanners", _groups("Scanner", summary.scanners)),
            _section("By modality", "modalities", _groups("Modality", summary.modalities)),
            _section("By year", "years", _groups("Year of the study", summary.years)),
        ),
        tag(
            "footer",
            tag("p", "For research and quality assurance: this report is no medical device and replaces no clinical "
                f"judgement. The tables beside this page have every row. Written by version {__version__}."),
        ),
    )  # fmt: skip
    return f"{BEGINNING}{tag('html', head('', TITLE), body, lang='en')}\n"


def _header(summary: Summary) -> Markup:
    severity = "error" if summary.with_errors else "warning" if summary.with_warnings else "good"
    if severity == "good" and not summary.is_complete:
        severity = "open"
    words = {
        "error": f"{plural(summary.with_errors, 'study', 'studies')} with errors",
        "warning": f"{plural(summary.with_warnings, 'study', 'studies')} with warnings, none with errors",
        "good": "No study has errors or warnings",
        "open": "No study has errors or warnings, as far as was looked",
    }[severity]
    explained = f"{summary.studies:,} looked at, {summary.failed:,} of them not judged."
    if summary.unchecked:
        explained += f" Not looked at: {'; '.join(summary.unchecked)}."
    return tag(
        "header",
        tag("p", "DICOM Registration Inspector", class_="product"),
        tag("h1", TITLE),
        tag("div", icon(severity), tag("div", tag("p", words, class_="words"), tag("p", explained)),
            class_=f"verdict {severity}"),
    )  # fmt: skip


def _section(title: str, anchor: str, content: Markup | None) -> Markup | None:
    return None if content is None else tag("section", tag("h2", title, id=anchor), content)


def _table(caption: str, heads: Iterable[str], rows: Sequence[Sequence[Child]], kind: str | None) -> Markup | None:
    return table(caption, heads, rows, kind=kind) if rows else None


def _codes(summary: Summary) -> Markup | None:
    rows = [
        (join(icon(found.severity), " ", tag("code", found.code)), f"{found.findings:,}", f"{found.studies:,}",
         CODES[found.code].title if found.code in CODES else "")
        for found in summary.codes
    ]  # fmt: skip
    heads = ("Code", "Findings", "Studies", "What it is")
    return _table("What was found, the most severe first", heads, rows, "numbers remarks")


def _worst(studies: Sequence[WorstStudy], folder: Path) -> Markup | None:
    rows = [
        (_study(study, folder), f"{study.errors:,}", f"{study.warnings:,}",
         foreign(study.modalities.replace("\\", ", ")),         foreign(study.scanner), study.year or "")
        for study in studies
    ]  # fmt: skip
    heads = ("Study Instance UID", "Errors", "Warnings", "Modalities", "Scanner", "Year")
    return _table(f"The {len(rows)} with most errors" if rows else "", heads, rows, None)


def _study(study: WorstStudy, folder: Path) -> Markup:
    name = report_name(study.source, study.study_uid)
    shown = foreign(study.study_uid, 80)
    return tag("a", shown, href=f"{FOLDER}/{name}") if (folder / FOLDER / name).is_file() else shown


def _failures(studies: Sequence[WorstStudy]) -> Markup | None:
    rows = [(foreign(study.study_uid, 80), foreign(study.reason)) for study in studies]
    return _table("Studies that could not be judged, and why", ("Study Instance UID", "Reason"), rows, None)


def _groups(what: str, groups: Sequence[Group]) -> Markup | None:
    rows = [
        (foreign(group.name, 80), f"{group.series:,}", f"{group.with_errors:,}", f"{group.with_warnings:,}",
         f"{100 * group.with_errors / group.series:.1f} %")
        for group in groups
    ]  # fmt: skip
    heads = (what, "Series", "With errors", "With warnings at worst", "Share with errors")
    return _table(f"{what}: how its series are", heads, rows, "numbers")
