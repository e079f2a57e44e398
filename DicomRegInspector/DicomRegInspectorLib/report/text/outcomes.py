"""What commands did and found, in words: comparisons, regularized series, pixel checks."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from ...findings import by_severity
from ...words import plural, point
from .page import Page, product
from .terminal import Style, printable

if TYPE_CHECKING:
    from ...findings import Finding
    from ...series import PixelFile, PixelReport
    from ...tasks.regularize import Outcome
    from ...volumes import Comparison

SHOWN_OF_A_KIND = 5
"""Findings of one code and severity that are printed; the JSON report holds them all."""


_LISTED = 20


def comparison_report(comparison: Comparison, style: Style) -> str:
    """Return the verdict, then what it is from."""
    page = Page(style)
    page.title("Compared")
    page.text(comparison.reason)
    for letter, volume in (("A", comparison.a), ("B", comparison.b)):
        page.section(f"{letter}: {volume.name}")
        page.row("voxels (i, j, k)", product(volume.dimensions))
        page.row("spacing, mm", product(float(value) for value in volume.spacing_mm))
        page.row("axes run to", f"{volume.orientation} from {point(volume.positions([0, 0, 0]))} mm LPS")
        page.row("values", str(volume.array.dtype))
    page.section("Places")
    page.row("i, j, k of A run along", ", ".join(comparison.index_mapping.signed_axes) + " of B")
    page.row("largest angle between axes", f"{comparison.angle_deg:.3g}°")
    page.row("largest distance between corners", f"{comparison.max_corner_distance_mm:.4g} mm")
    values = comparison.values
    if values is not None:
        page.section("Values, B − A")
        page.row("largest difference", f"{values.max:.6g}")
        page.row("mean, root mean square", f"{values.mean:.4g}, {values.rms:.4g}")
        page.row("differing", f"{values.differing:,} of {values.compared:,}")
        if values.undefined:
            page.row("undefined in one only", f"{values.undefined:,}")
        if values.place is not None:
            page.row("largest at voxel of A (i, j, k)", ", ".join(map(str, values.place)))
        page.row("explained by", values.explained_by)
        for name, number in values.details.items():
            page.row(name.replace("_", " "), f"{number:.6g}")
    return str(page)


def regularize_report(outcome: Outcome) -> str:
    """Return the outcome as text: what was done, what was left out, and where the result is."""
    lines = [printable(outcome.description)]
    for volume in outcome.volumes:
        size = " × ".join(str(count) for count in volume["dimensions"])
        spacing = " × ".join(f"{step:.6g}" for step in (*volume["spacing_mm"][:2], volume["slice_distance_mm"]))
        name = f"{volume['label']}: " if volume["label"] else ""
        valid = volume["valid_fraction"]
        rest = "" if valid == 1 else f", {100 * (1 - valid):.1f} % of it the fill value {volume['fill']:g}"
        tilt = "" if volume["is_orthogonal"] else ", tilted"
        lines.append(f"  {name}{size} voxels of {spacing} mm{tilt}{rest}")
    if outcome.dropped:
        lines.append(f"left out, {plural(len(outcome.dropped), 'image')}:")
        for dropped in outcome.dropped[:_LISTED]:
            slice_ = dropped.slice
            frame = f" frame {slice_.frame_number}" if slice_.frame_number is not None else ""
            lines.append(f"  {printable(os.path.basename(slice_.path))}{frame}: {printable(dropped.reason)}")
        reasons = Counter(dropped.reason for dropped in outcome.dropped[_LISTED:])
        lines += [f"  and {count} more: {printable(reason)}" for reason, count in reasons.items()]
    lines += [f"note: {printable(note)}" for note in outcome.notes]
    lines += [f"written: {printable(path)}" for path in outcome.written]
    return "\n".join(lines)


def pixel_report(report: PixelReport, style: Style) -> str:
    """Return how the pixels of the files are stored, then what is wrong with them."""
    page = Page(style)
    count = len(report.files)
    page.title(f"Pixels of {count:,} DICOM file{'' if count == 1 else 's'}")
    kinds = Counter(_kind(file) for file in report.files)
    for (what, how), number in kinds.most_common():
        page.row(f"{number:,} file{'' if number == 1 else 's'}: {what}", how)
    shown, hidden = _folded(report.findings)
    page.findings(shown)
    for (title, severity), number in hidden.items():
        page.text(f"… and {number:,} more of: {title} ({severity}); all are in the JSON report")
    if not report.findings:
        page.text("Nothing is wrong in what was checked." if count else "Nothing was checked.")
    _show_checked(report, page)
    return str(page)


def _show_checked(report: PixelReport, page: Page) -> None:
    """What stands behind the verdict, and what it leaves open."""
    if not report.files:
        return
    decoded = Counter(file.frames_decoded for file in report.files)
    text = "Checked: whether pixels are there, their length, and what the headers say of their values"
    if decoded[True]:
        text += f"; every frame of {plural(decoded[True], 'compressed file')} was decoded"
    page.text(text)
    if decoded[False]:
        page.text(f"Not checked: whether the frames of {plural(decoded[False], 'compressed file')} can be decoded")


def _kind(pixel_file: PixelFile) -> tuple[str, str]:
    if pixel_file.pixels != "present":
        return (
            pixel_file.modality or "object",
            pixel_file.pixels if pixel_file.pixels != "missing" else "no pixel data, but should have",
        )
    told = pixel_file.description
    size = product([told["columns"] or "?", told["rows"] or "?", *([told["frames"]] if told["frames"] > 1 else [])])
    sign = {0: "unsigned", 1: "signed"}.get(
        told["pixel_representation"], "float" if "Float" in pixel_file.element else "?"
    )
    stored = told["bits_stored"] if told["bits_stored"] is not None else told["bits_allocated"]
    bits = f"{stored} of {told['bits_allocated']} bits {sign}"
    how = f"{size} pixels, {told['photometric_interpretation'] or 'colours not said'}, {bits}"
    if pixel_file.spacing is not None and pixel_file.spacing.mm is not None:
        rows, columns = pixel_file.spacing.mm
        how += f"; {columns:.6g} × {rows:.6g} mm in {pixel_file.spacing.where}"
    return pixel_file.modality or "image", how


def finding_line(finding: Finding) -> str:
    """Return a finding as one line for programs: severity, code, what it is about, and the message."""
    return printable(f"{finding.severity} {finding.code} {finding.subject}: {finding.message}")


def _file_or_series(finding: Finding) -> str:
    about = finding.about
    return os.path.basename(about.file) if about is not None and about.kind == "file" else finding.subject


def _folded(findings: tuple[Finding, ...]) -> tuple[list[Finding], Counter[tuple[str, str]]]:
    seen: Counter[tuple[str, str]] = Counter()
    hidden: Counter[tuple[str, str]] = Counter()
    shown: list[Finding] = []
    for finding in by_severity(findings):
        key = (finding.title, finding.severity)
        seen[key] += 1
        if seen[key] <= SHOWN_OF_A_KIND:
            shown.append(replace(finding, message=f"{_file_or_series(finding)}: {finding.message}"))
        else:
            hidden[key] += 1
    return shown, hidden
