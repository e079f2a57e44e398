"""What a check of pixels found, in words."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from ..findings import by_severity
from .text.page import Page, product
from .text.terminal import Style

if TYPE_CHECKING:
    from ..findings import Finding
    from ..series import PixelFile, PixelReport

SHOWN_OF_A_KIND = 5
"""Findings of one code and severity that are printed; the JSON report holds them all."""


def pixel_report(report: PixelReport, style: Style) -> str:
    """How the pixels of the files are stored, then what is wrong with them."""
    page = Page(style)
    count = len(report.files)
    page.title(f"Pixels of {count:,} DICOM file{'' if count == 1 else 's'}")
    kinds = Counter(_kind(one) for one in report.files)
    for (what, how), number in kinds.most_common():
        page.row(f"{number:,} file{'' if number == 1 else 's'}: {what}", how)
    shown, hidden = _folded(report.findings)
    page.findings(shown)
    for (title, severity), number in hidden.items():
        page.text(f"… and {number:,} more of: {title} ({severity}); all are in the JSON report")
    if not report.findings:
        page.text("Nothing is wrong with them.")
    return str(page)


def _kind(one: PixelFile) -> tuple[str, str]:
    if one.pixels != "present":
        return one.modality or "object", one.pixels if one.pixels != "missing" else "no pixel data, but should have"
    told = one.description
    size = product([told["columns"] or "?", told["rows"] or "?", *([told["frames"]] if told["frames"] > 1 else [])])
    sign = {0: "unsigned", 1: "signed"}.get(told["pixel_representation"], "float" if "Float" in one.element else "?")
    stored = told["bits_stored"] if told["bits_stored"] is not None else told["bits_allocated"]
    bits = f"{stored} of {told['bits_allocated']} bits {sign}"
    how = f"{size} pixels, {told['photometric_interpretation'] or 'colours not said'}, {bits}"
    if one.spacing is not None and one.spacing.mm is not None:
        rows, columns = one.spacing.mm
        how += f"; {columns:.6g} × {rows:.6g} mm in {one.spacing.where}"
    return one.modality or "image", how


def _folded(findings: tuple[Finding, ...]) -> tuple[list[Finding], Counter[tuple[str, str]]]:
    seen: Counter[tuple[str, str]] = Counter()
    shown, hidden = [], Counter()
    for finding in by_severity(findings):
        key = (finding.title, finding.severity)
        seen[key] += 1
        if seen[key] <= SHOWN_OF_A_KIND:
            shown.append(replace(finding, message=f"{os.path.basename(finding.subject)}: {finding.message}"))
        else:
            hidden[key] += 1
    return shown, hidden
