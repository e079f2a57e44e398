"""The whole report: the verdict in one look, then findings, series, registrations, and where it all comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ...findings import SEVERITIES, Finding
from ...tasks.inspect import Inspection
from ...words import plural
from ..text.inspection_report import count_by_severity
from .contents import Contents
from .findings import coverage_box, findings_section, verdict
from .markup import DEFINITIONS, Markup, foreign, icon, items, join, tag
from .names import Names
from .provenance import patients_box, provenance_section
from .registrations import registration_sections, registration_title
from .series import series_sections, series_title
from .style import STYLE

BEGINNING = "<!DOCTYPE html>\n<!-- DicomRegInspector report -->\n"
"""What every report begins with: only such a file is written over."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Nothing is loaded and nothing runs, whatever a file smuggles in."""

MOST_LISTED = 200
"""Objects in the list of what was inspected."""


def html_report(inspection: Inspection, contents: Contents | None = None) -> str:
    """Return the report as one HTML document in UTF-8, which needs no network, no script and no other file.

    Parameters
    ----------
    inspection
        What was found.
    contents
        What else there is to tell: measures, pictures, digests. Without them the report is made from the inspection
        alone. Nobody who the patient is is told unless :attr:`.contents.Contents.patients` says so.
    """
    contents = contents or Contents()
    names = Names(inspection, contents)
    findings = inspection.findings
    title = names.clean(contents.title) if contents.title else ""
    main = tag(
        "main",
        patients_box(contents.patients),
        _inspected(inspection, names),
        findings_section(findings, names),
        *series_sections(inspection, names),
        *registration_sections(inspection, contents, names),
        provenance_section(contents.provenance, inspection, names),
    )
    skip = tag("a", "Skip to the findings", href="#findings", class_="skip")
    return document(contents.kind, title, join(*_summary(inspection, names)), main, skip=skip)


def document(
    kind: str, title: str, summary: Markup, main: Markup, class_: str | None = None, skip: Markup | None = None
) -> str:
    """Return a whole page: its kind and what it is about, a summary in one look, and the rest.

    ``class_``: of the body, for rules of its own. ``skip``: a link past the summary.
    """
    header = tag(
        "header",
        tag("p", "DICOM Registration Inspector", class_="product"),
        tag("h1", kind, tag("span", foreign(title, 160), class_="subject") if title else None),
        summary,
    )
    footer = tag(
        "footer",
        tag("p", "For research and quality assurance: this report is no medical device and replaces no clinical "
            "judgement. Coordinates are LPS millimetres (DICOM)."),
    )  # fmt: skip
    body = tag("body", skip, DEFINITIONS, header, main, footer, class_=class_)
    return f"{BEGINNING}{tag('html', head(title, kind), body, lang='en')}\n"


def head(title: str, kind: str) -> Markup:
    """Make the head of a page that needs nothing but itself: a kind of page, and what it is about."""
    heading = f"{kind}: {title[:100]}" if title else kind
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("link", rel="icon", href="data:,"),
        tag("title", heading),
        tag("style", Markup(STYLE)),
    )


def _summary(inspection: Inspection, names: Names) -> list[Markup | None]:
    """The summary in one look."""
    findings, coverage = inspection.findings, inspection.coverage
    severity, words, explained = verdict(findings, coverage)
    counts = Counter(finding.severity for finding in findings)
    boxes = [
        _box(len(inspection.registrations), "registration"),
        _box(len(inspection.series), "image series", "image series"),
    ]
    boxes += [
        _box(counts[level], level.capitalize().lower(), severity=level if counts[level] else None)
        for level in reversed(SEVERITIES)
    ]
    return [
        tag("div", icon(severity), tag("div", tag("p", words, class_="words"), tag("p", explained)),
            class_=f"verdict {severity}"),
        coverage_box(coverage, names),
        tag("ul", *boxes, class_="counts"),
        tag("p", _files(inspection), class_="files"),
    ]  # fmt: skip


def _box(count: int, text: str, many: str | None = None, severity: str | None = None) -> Markup:
    words = plural(count, text, many).split(" ", 1)[1]
    return tag("li", tag("strong", f"{count:,}"), " ", tag("span", words), class_=severity)


def _files(inspection: Inspection) -> str:
    files = inspection.file_counts
    parts = [f"{files.dicom:,} DICOM"]
    for count, what in ((files.not_dicom, "not DICOM"), (files.unreadable, "unreadable"),
                        (files.other_dicom, "neither image nor registration")):  # fmt: skip
        if count:
            parts.append(f"{count:,} {what}")
    if not files.files:
        return "There was no file to look at."
    return f"{plural(files.files, 'file')} looked at: {', '.join(parts)}."


def _inspected(inspection: Inspection, names: Names) -> Markup | None:
    """A list that leads to each object."""
    entries = [
        _entry(
            f"registration-{number}",
            registration_title(registration, names),
            names.about(registration),
            "open" if inspection.coverage.lacks(str(registration.path)) else "good",
        )
        for number, registration in enumerate(inspection.registrations, 1)
    ]
    entries += [
        _entry(
            f"series-{number}",
            join(series_title(number, series_, names), f", {plural(series_.slice_count, 'slice')}"),
            names.about(series_),
            "good" if series_.stacks else "open",
        )
        for number, series_ in enumerate(inspection.series, 1)
    ]
    if not entries:
        return None
    rest = len(entries) - MOST_LISTED
    return tag(
        "nav",
        tag("h2", "What was inspected"),
        items(entries[:MOST_LISTED], class_="inspected"),
        tag("p", f"… and {rest:,} more below.", class_="cut") if rest > 0 else None,
        aria_label="What was inspected",
    )


def _entry(anchor: str, title: Markup, findings: Iterable[Finding], otherwise: str) -> Markup:
    """With the sign of the worst finding that matters; ``otherwise``, where there is none."""
    found = list(findings)
    worst = max((finding.severity for finding in found), key=SEVERITIES.index, default=otherwise)
    return join(icon(worst), tag("span", tag("a", title, href=f"#{anchor}"), f": {count_by_severity(found)}"))
