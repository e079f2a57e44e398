"""Each image series: its geometry in numbers, and its stacks drawn to scale."""

from __future__ import annotations

from ...series import Series, Stack
from ...tasks.inspect import Inspection
from ...words import decimals, describe_plane, millimetres, plural
from ..text.inspection_report import count_by_severity
from ..text.page import product
from .markup import Markup, facts, join, tag, with_minus
from .names import Names
from .strip import strip

MOST_STACKS = 12
"""Stacks of a series that are drawn."""
MOST_SECTIONS = 8
MOST_LINES = 30_000
"""Slices that are drawn in all series together: what a browser shows at once, in some 2 MB."""


def series_sections(inspection: Inspection, names: Names) -> list[Markup]:
    """Make the section of the image series, one part each; None without series."""
    if not inspection.series:
        return []
    parts, left = [], MOST_LINES
    for number, series in enumerate(inspection.series, 1):
        parts.append(_one(number, series, names, left >= series.slice_count))
        left -= min(series.slice_count, left)
    return [tag("section", tag("h2", "Image series"), *parts, id="series", aria_label="Image series")]


def series_title(number: int, series: Series, names: Names) -> Markup:
    """Return ``Series 1: CT “Thorax”``."""
    description = join(" “", names.shown(series.description, 120), "”") if series.description else None
    return join(f"Series {number}: ", names.shown(series.modality or "no modality", 40), description)


def _one(number: int, series: Series, names: Names, has_room: bool) -> Markup:
    strips: list[Markup | None] = []
    for order, stack in enumerate(series.stacks[:MOST_STACKS] if has_room else (), 1):
        label = names.clean(stack.label or ("localizer" if stack.is_localizer else "stack"))
        drawn = strip(stack, f"Stack {order}, {label[:80]}" if len(series.stacks) > 1 else "Slice positions")
        strips.append(drawn)
    if not has_room:
        strips.append(tag("p", "Not drawn: there are too many slices in this report.", class_="cut"))
    elif len(series.stacks) > MOST_STACKS:
        strips.append(tag("p", f"… and {len(series.stacks) - MOST_STACKS} more stacks, not drawn.", class_="cut"))
    return tag(
        "article",
        tag("h3", series_title(number, series, names)),
        facts(_facts(series, names)),
        *strips,
        id=f"series-{number}",
    )


def _facts(series: Series, names: Names) -> list[tuple[object, object]]:
    stack = series.main_stack
    size = plural(series.slice_count, "slice")
    if series.number_of_files != series.slice_count:
        size += f" in {plural(series.number_of_files, 'file')}"
    rows: list[tuple[object, object]] = [("Images", size), ("Findings", count_by_severity(names.about(series)))]
    if len(series.stacks) > 1:
        rows.append(("Stacks", _stacks(series)))
    if stack is None:
        rows.append(("Geometry", "no stack holds most of the slices" if series.stacks else "nothing places the slices"))
    else:
        rows += _geometry(stack)
    rows.append(("Series Instance UID", names.shown(series.series_instance_uid or "missing", 80)))
    frames = dict.fromkeys(slice_.header.frame_of_reference_uid for slice_ in series.slices)
    shown = [names.shown(uid or "missing", 80) for uid in list(frames)[:3]]
    more = f" and {len(frames) - 3} more" if len(frames) > 3 else None
    rows.append(("Frame of Reference UID", join(join(*shown, by=", "), more)))
    return rows


def _stacks(series: Series) -> str:
    words = f"{len(series.stacks)} phases of one place" if series.is_multiphase else str(len(series.stacks))
    if series.main_stack is None:
        return words
    return f"{words}; the geometry below is that of the {'first' if series.is_multiphase else 'largest'}"


def _geometry(stack: Stack) -> list[tuple[object, object]]:
    rows: list[tuple[object, object]] = []
    sections = stack.sections
    if len(sections) > 1:
        words = [
            f"{millimetres(section.spacing_mm)} mm in slices {section.first}–{section.last}"
            for section in sections[:MOST_SECTIONS]
        ]
        rest = len(sections) - len(words)
        rows.append(("Slice spacing", "; ".join(words) + (f"; and {plural(rest, 'more section')}" if rest else "")))
    elif stack.nominal_spacing_mm is not None:
        rows.append(("Slice spacing", f"{millimetres(stack.nominal_spacing_mm)} mm"))
    rows.append(("Plane", describe_plane(stack.normal)))
    if stack.tilt_deg is not None:
        tilted = stack.tilt_deg >= 0.05
        rows.append(("Tilt of the stack", f"{stack.tilt_deg:.1f}°, from the positions" if tilted else "none"))
    rows.append(("Columns × rows", f"{stack.columns} × {stack.rows} pixels"))
    if stack.pixel_spacing_mm is not None:
        between_rows, between_columns = stack.pixel_spacing_mm
        rows.append(("Pixel spacing", f"{product([float(between_columns), float(between_rows)])} mm"))
        extent = product([stack.columns * between_columns, stack.rows * between_rows])
        rows.append(("Covers in plane", f"{extent} mm"))
    first, last = float(stack.positions_mm[0]), float(stack.positions_mm[-1])
    if last > first:
        digits = decimals(stack.nominal_spacing_mm or 1.0)
        along = f"{millimetres(first, digits)} to {millimetres(last, digits)} mm along the normal"
        rows.append(("Slices lie at", with_minus(along)))
    return rows
