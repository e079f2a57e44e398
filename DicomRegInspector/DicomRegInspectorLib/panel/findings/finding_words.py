"""A finding in words: as rich text below the table, and as plain text for the clipboard. No Qt here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

from slicer.i18n import tr as _

from ...findings import CODES, Finding
from ...scene.places import Place
from ...words import well_formed

UNITS = {"mm": "mm", "deg": "°", "percent": "%", "cm3": "cm³", "bytes": "bytes", "ijk": "(i, j, k)"}
"""How the last word of an evidence key is said."""
MOST_NUMBERS = 12
"""More values of one kind are told by their count; the report and the table hold them all."""
HIDDEN = ("_uid", "_uids", "file", "other_file")
"""Keys that identify and do not measure end like this; they are in the report."""


def finding_html(finding: Finding, place: Place) -> str:
    """Return what was found, what it means, how it was measured, what to do and the numbers; everything is escaped."""
    where = ", ".join(part for part in (place.subject, place.where) if part)
    title = f"{finding.severity.capitalize()}: {finding.title}"
    parts = [
        f"<b>{html.escape(title)}</b> – {html.escape(where)}",
        html.escape(finding.message),
        *(f"<b>{html.escape(title)}</b> {html.escape(text)}" for title, text in _explanations(finding)),
    ]
    return paragraphs(parts)


def paragraphs(parts: Iterable[str]) -> str:
    """Return rich text in the distances that suit a narrow panel."""
    # Dimensions such as 96 × 96 × 20 stay on one line.
    held = (part.replace(" × ", "\u00a0×\u00a0").replace(" mm", "\u00a0mm") for part in parts)
    return well_formed("".join(f'<p style="margin-top:0px; margin-bottom:6px">{part}</p>' for part in held))


def finding_text(finding: Finding, place: Place) -> str:
    """Return the same as plain text, for the clipboard."""
    where = ", ".join(part for part in (place.subject, place.where) if part)
    lines = [f"{finding.severity.upper()}: {finding.title} [{finding.code}]", where, finding.message]
    lines += [f"{title} {text}" for title, text in _explanations(finding)]
    return well_formed("\n".join(lines) + "\n")


def _explanations(finding: Finding) -> list[tuple[str, str]]:
    info = CODES[finding.code]
    told = (
        (_("What it means:"), info.meaning),
        (_("What to do:"), info.remedy),
        (_("Numbers:"), "; ".join(evidence_in_words(finding.evidence))),
        (_("How it was measured:"), info.measured),
    )
    return [(title, text) for title, text in told if text]


def evidence_in_words(evidence: Mapping[str, Any]) -> list[str]:
    """Return ``gap_mm: 12.5`` as ``gap 12.5 mm``, and so on; identifiers are left out."""
    told = []
    for key, value in evidence.items():
        if key.endswith(HIDDEN) or value is None or isinstance(value, Mapping):
            continue
        text = _value_in_words(value)
        if not text:
            continue
        words = key.split("_")
        unit = UNITS.get(words[-1], "") if len(words) > 1 else ""
        name = " ".join(words[:-1] if unit else words).replace(" lps", " (LPS)")
        told.append(f"{name} {text}{'' if unit in ('', '°') else ' '}{unit}")
    return told


def _value_in_words(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        if len(value) > MOST_NUMBERS:
            return _("{count} values").format(count=len(value))
        return ", ".join(filter(None, map(_value_in_words, value)))
    return str(value) if isinstance(value, int | str) else ""
