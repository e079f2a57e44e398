"""What verifying the quality report came to, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...words import plural
from .page import Page
from .terminal import Style

if TYPE_CHECKING:
    from ...tasks.signing.verify import Verified


def verification(rows: Sequence[Verified], style: Style) -> str:
    """Return a table of all numbers of each registration, those that are off again, and what it comes to."""
    page = Page(style)
    page.title("Quality phantom: each number of the report against its closed form")
    heads = ("number", "found", "expected", "off by")
    for subject in dict.fromkeys(row.subject for row in rows):
        page.section(subject)
        page.table(heads, [_cells(row) for row in rows if row.subject == subject])
    off = [row for row in rows if not row.is_right]
    page.section("Result")
    if off:
        page.text(f"{plural(len(off), 'number')} of {len(rows)} off by more than 0.1 %:")
        page.table(heads, [_cells(row) for row in off])
    else:
        largest = max(row.deviation for row in rows)
        page.text(f"All {len(rows)} numbers are right: the largest deviation is {100 * largest:.2g} % (0.1 % allowed).")
    return str(page)


def _cells(row: Verified) -> tuple[str, str, str, str]:
    deviation = f"{100 * row.deviation:.2g} %" if math.isfinite(row.deviation) else "-"
    return row.name, _written(row.found), _written(row.expected), deviation


def _written(value: float | str | None) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.7g}"
