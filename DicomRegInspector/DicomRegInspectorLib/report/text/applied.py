"""What is said of what came of applying a transform."""

from __future__ import annotations

import os

from ...findings import by_severity
from ...tasks.apply.applied import Applied, Coverage, Part, Residual
from ...words import plural
from .outcomes import finding_line
from .page import product
from .terminal import printable

MOST_PARTS = 50
"""Labels or structures that are listed; the JSON report has them all."""


def applied_report(applied: Applied) -> str:
    """Return it as lines: what it is, which way it went, what of it could not be told, what has to be known."""
    files = f"{plural(len(applied.files), 'file')}, " if applied.files else ""
    lines = [f"{printable(os.fspath(applied.output))}: {files}{applied.format}"]
    lines.append(f"Brought {printable(applied.transform.description)}.")
    if applied.dimensions is not None and applied.spacing_mm is not None:
        spacing = product(applied.spacing_mm)
        how = f", {applied.interpolation} interpolation" if applied.interpolation else ""
        lines.append(f"{product(applied.dimensions)} voxels of {spacing} mm{how}")
    if applied.coverage is not None:
        lines.append(_covered(applied.coverage))
    if applied.residual is not None:
        lines.append(_searched(applied.residual))
    lines += map(_part_line, applied.parts[:MOST_PARTS])
    if len(applied.parts) > MOST_PARTS:
        lines.append(f"… and {len(applied.parts) - MOST_PARTS} more; the JSON report has them all")
    lines += map(printable, applied.notes)
    lines += map(finding_line, by_severity(applied.findings))
    return "\n".join(lines)


def _covered(coverage: Coverage) -> str:
    if not coverage.filled:
        return "Every voxel has a value of the input."

    def counted(count: int) -> str:
        return f"{count:,} ({100 * count / coverage.voxels:.3g} %, {count * coverage.voxel_ml:.4g} mL)"

    return (
        f"Filled with {coverage.fill:g}: {counted(coverage.filled)} of {coverage.voxels:,} voxels; of them the "
        f"transform is undefined at {counted(coverage.undefined)}, and {counted(coverage.outside)} lie beyond the input"
    )


def _searched(residual: Residual) -> str:
    found = residual.points - residual.lost
    off = f", off by {residual.max_mm:.2g} mm at most" if residual.max_mm is not None else ""
    return (
        f"Searched for by the inverse: {found:,} of {residual.points:,} points found{off}; {residual.lost:,} have no "
        "place"
    )


def _part_line(part: Part) -> str:
    name = printable(part.name) or "(no name)"
    text = f"{name}:"
    if part.volume_before_ml is not None and part.volume_after_ml is not None:
        text += f" {part.volume_before_ml:.5g} mL before, {part.volume_after_ml:.5g} mL after"
    for percent, volume, what in (
        (part.undefined_percent, part.undefined_ml, "has no place (undefined)"),
        (part.outside_percent, part.outside_ml, "lies beyond the output's voxels"),
        (part.folded_percent, None, "is folded"),
    ):
        if percent:
            told = f"{volume:.4g} mL, " if volume is not None else ""
            text += f"; {told}{percent:.3g} % {what}"
    return text
