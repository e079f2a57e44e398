"""A page of names and values, as ``show`` prints one object."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from ...dicom.values import name_of_uid
from ...findings import Finding, by_severity
from ...words import millimetres
from .terminal import Style, printable

NAME_WIDTH = 44
"""Columns for an element's name and tag."""


_TAG = re.compile(r" \(\w{4},\w{4}\)")


class Page:
    """Lines in the making. What is handed in is escaped here, so that nothing of a file reaches a terminal as it is."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self.has_tags = True
        """Whether names carry their tags: only DICOM's elements have any."""
        self.lines: list[str] = []
        self.found: list[Finding] = []
        """The findings on the page."""

    def title(self, text: str) -> None:
        """Add the page's first line."""
        self.lines.append(self.style.paint(self.style.wrap(printable(text)), "bold"))

    def section(self, text: str) -> None:
        """Add a heading, after an empty line."""
        self.lines += ["", self.style.paint(self.style.wrap(printable(text)), "bold")]

    def row(self, name: str, value: object, indent: int = 2) -> None:
        """Add a name (with its tag) and what it says; ``-`` for nothing."""
        text = printable(value) or "-"
        name = printable(name if self.has_tags else _TAG.sub("", name))
        width = NAME_WIDTH - indent
        lead = " " * indent + (name if len(name) >= width else name.ljust(width))
        # A UID longer than its column runs over rather than away from its name.
        words = textwrap.wrap(
            text, max(self.style.width - NAME_WIDTH - 2, 20), break_long_words=False, break_on_hyphens=False
        )
        self.lines.append(f"{lead}  {words[0]}")
        self.lines += [" " * (NAME_WIDTH + 2) + line for line in words[1:]]

    def text(self, text: str, indent: int = 2) -> None:
        """Add a sentence."""
        self.lines.append(self.style.wrap(printable(text), indent, indent))

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]], indent: int = 4) -> None:
        """Add a table: columns as wide as they must be, never wrapped."""
        cells = [list(heads), *([printable(cell) for cell in row] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
        for number, row in enumerate(cells):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            self.lines.append(" " * indent + (self.style.paint(line, "dim") if number == 0 else line))

    def findings(self, findings: Iterable[Finding]) -> None:
        """Add what is wrong with the object, the most severe first, each with how to fix it."""
        found = by_severity(findings)
        self.found += found
        if not found:
            return
        self.section("Findings")
        for finding in found:
            word = self.style.paint(finding.severity.upper(), finding.severity)
            self.lines.append(f"  {word}  {finding.title}  [{finding.code}]")
            self.text(finding.message, 4)
            self.text(f"→ {finding.remedy}", 4)

    def __str__(self) -> str:
        return "\n".join(self.lines)


def product(values: Iterable[object]) -> str:
    """Return ``1.8 × 1.8 × 5``."""
    return " × ".join(millimetres(value) if isinstance(value, float) else str(value) for value in values)


def uid_name(uid: str) -> str:
    """Return what the standard calls a UID (PS3.6 Annex A), with the UID; only the UID where the standard has none."""
    name = name_of_uid(uid)
    return f"{name} ({uid})" if name and name != uid else uid
