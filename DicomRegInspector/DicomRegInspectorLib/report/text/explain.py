"""What a finding code means, as a page of text."""

from __future__ import annotations

from ...findings import CODES
from ...findings.explained import FINDERS, GROUPS, SEVERITY_MEANINGS, related_codes, unit_of
from .page import Page
from .terminal import Style


def explanation(code: str, style: Style) -> str:
    """Tell of a finding code what it means, how it is measured, what to do, and what its evidence holds."""
    info, page = CODES[code], Page(style)
    page.title(f"{info.title} [{code}]")
    for severity in reversed(info.severities):
        page.row(severity, SEVERITY_MEANINGS[severity])
    for finder in info.found_by:
        page.row("found by", FINDERS[finder].replace("`", "").replace("*", ""))
    for title, text in (
        ("What it means", info.meaning),
        ("How it is measured", info.measured),
        ("What to do", info.remedy),
    ):
        page.section(title)
        page.text(text)
    if info.evidence:
        page.section("Evidence")
    for key, text in info.evidence.items():
        unit = unit_of(key)
        page.row(f"{key} ({unit})" if unit else key, text)
    related = related_codes(code)
    if related:
        page.section("See also")
    for other in related:
        page.row(other, CODES[other].title)
    return str(page)


def all_codes(style: Style) -> str:
    """List every code with its title and severities, in groups."""
    page = Page(style)
    page.title(f"{len(CODES)} finding codes; name one or more to have them explained")
    for heading, codes in GROUPS:
        page.section(heading)
        for code, info in codes.items():
            page.row(code, f"{info.title} ({', '.join(reversed(info.severities))})")
    return str(page)
