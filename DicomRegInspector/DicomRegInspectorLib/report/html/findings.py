"""The verdict, and every finding with its proof, the most severe first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...findings import CODES, SEVERITIES, Finding, counted
from ...tasks.coverage import Coverage
from .evidence import evidence_table
from .markup import Markup, facts, foreign, icon, items, join, tag
from .names import Names

SHOWN_OF_A_KIND = 40
"""Findings of one kind that are written out; the rest is counted."""
OPEN_UP_TO = 12
"""With so many findings or fewer, the evidence of all lies open."""
LONGEST_MESSAGE = 700


def verdict(findings: Sequence[Finding], coverage: Coverage) -> tuple[str, str, str]:
    """Return what the summary is coloured by (a severity, ``good``, ``open``), the verdict, and what explains it.

    Good is only what was looked at: where something could not be, the verdict is neither good nor bad.
    """
    counts = Counter(finding.severity for finding in findings)
    if counts["error"]:
        also = f" and {counted(counts['warning'], 'warning')}" if counts["warning"] else ""
        return (
            "error",
            f"Do not use as it is: {counted(counts['error'], 'error')}{also}",
            "An error means: used as it is, geometry or values come out wrong. Each finding says how to fix it.",
        )
    if counts["warning"]:
        return (
            "warning",
            f"Use with care: {counted(counts['warning'], 'warning')}, no error",
            "A warning is something to check, or to know, before the data are used.",
        )
    also = f" {counted(counts['info'], 'info')} below." if counts["info"] else ""
    if coverage.is_complete:
        explained = f"What is named here was checked, and came out as it should be.{also} "
        return (
            "good",
            "Nothing wrong was found",
            f"{explained}Whether data are right for their purpose, no check tells.",
        )
    if not any(check.outcome == "checked" for check in coverage.checks):
        return "open", "Nothing could be inspected", f"No image with a place and no registration was found here.{also}"
    return (
        "open",
        "Nothing wrong was found in what could be checked",
        f"Something could not be checked, and may be wrong: it is named here, with the reason.{also}",
    )


def coverage_box(coverage: Coverage, names: Names) -> Markup | None:
    """Return what a verdict rests on: what was looked at, what was not and why, and what never is."""
    checked, missing = coverage.checked_in_words, coverage.missing_in_words
    shown = missing[:SHOWN_OF_A_KIND]
    if len(missing) > len(shown):
        shown.append(f"… and {len(missing) - len(shown)} more, in the JSON report")
    rows = [
        ("Checked", names.shown(checked, 600) if checked else None),
        ("Not checked", items([names.shown(line, 600) for line in shown]) if shown else None),
        ("Never part of it", "; ".join(coverage.outside)),
    ]
    return facts(rows, "facts coverage")


def findings_section(findings: Sequence[Finding], names: Names) -> Markup:
    """Return groups of one code and severity, each with what it means and what to do, told once."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.severity, finding.code), []).append(finding)
    is_open = len(findings) <= OPEN_UP_TO
    parts = []
    for severity in reversed(SEVERITIES):
        for (its, code), group in groups.items():
            if its == severity:
                parts.append(_group(code, group, names, is_open))
    if not parts:
        parts = [tag("p", "No finding of any kind.", class_="none")]
    return tag("section", tag("h2", "Findings"), *parts, id="findings", aria_label="Findings")


def _group(code: str, group: list[Finding], names: Names, is_open: bool) -> Markup:
    first = group[0]
    heading = tag(
        "h3",
        icon(first.severity),
        tag("span", first.severity.capitalize(), class_="word"),
        tag("span", first.title, class_="title"),
        tag("span", f"{len(group)} times", class_="times") if len(group) > 1 else None,
        tag("code", code),
    )
    shown = [_finding(finding, names, is_open) for finding in group[:SHOWN_OF_A_KIND]]
    rest = len(group) - len(shown)
    more = (
        tag("p", f"… and {rest:,} more of this kind; the JSON report holds them all.", class_="cut") if rest else None
    )
    told = CODES[code]
    return tag(
        "article",
        heading,
        tag("ul", *shown, class_="found"),
        more,
        tag("p", tag("strong", "What to do: "), first.remedy, class_="remedy"),
        tag("p", tag("strong", "What it means: "), told.meaning, class_="meaning"),
        tag(
            "details",
            tag("summary", "How it is measured"),
            # On paper there is no summary to fold it by.
            tag("p", tag("strong", "How it is measured: ", class_="printed"), told.measured),
        ),
        class_=f"finding {first.severity}",
        id=f"{first.severity}-{code}",
    )


def _finding(finding: Finding, names: Names, is_open: bool) -> Markup:
    evidence = evidence_table(finding, names)
    details = None
    if evidence is not None:
        details = tag("details", tag("summary", "Evidence"), tag("div", evidence, class_="scroll"), open=is_open)
    place = names.place(finding)
    return tag(
        "li",
        tag("p", tag("strong", foreign(place[:1].upper() + place[1:]), class_="place"), join(": "),
            names.shown(finding.message, LONGEST_MESSAGE)),
        details,
    )  # fmt: skip
