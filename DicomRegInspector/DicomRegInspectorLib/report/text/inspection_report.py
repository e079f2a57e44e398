"""The inspection report that a person reads: what there is, what is wrong with it, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...findings import SEVERITIES, Finding, counted
from ...series.geometry.spacing import RELATIVE_TOLERANCE
from ...words import millimetres, plural
from .terminal import Style, printable

if TYPE_CHECKING:
    from ...registration import Registration, RegistrationItem
    from ...series import Series, Stack
    from ...tasks.audits import ItemAudit
    from ...tasks.coverage import Coverage
    from ...tasks.inspect import Inspection
    from ...tasks.relations import ItemRelation

SHOWN_OF_A_KIND = 6
"""Findings of one kind that are shown; the rest is counted."""
SHOWN_SECTIONS = 4


def inspection_report(inspection: Inspection, style: Style, *, complete: bool = False) -> str:
    """Return the whole report, with a summary line for each registration and series and the findings by severity.

    Parameters
    ----------
    style
        How wide and whether coloured.
    complete
        Show every finding; without it, those that say the same of many places are folded.
    """
    labels = series_names(inspection)
    lines = _head(inspection, style)
    if inspection.registrations:
        lines += ["", style.paint("Registrations", "bold")]
        for registration in inspection.registrations:
            lines += _registration_lines(registration, inspection, style)
    if inspection.series:
        lines += ["", style.paint("Image series", "bold")]
        for number, series in enumerate(inspection.series, 1):
            lines += _series_lines(series, f"series {number}", style)
    lines += _finding_lines(inspection.findings, labels, style, complete)
    return "\n".join(lines)


def count_by_severity(findings: Iterable[Finding]) -> str:
    """Return ``2 errors, 1 warning``, the most severe first; ``no findings``."""
    counts = Counter(finding.severity for finding in findings)
    parts = [counted(counts[name], name) for name in reversed(SEVERITIES) if counts[name]]
    return ", ".join(parts) or "no findings"


def _head(inspection: Inspection, style: Style) -> list[str]:
    files = inspection.file_counts
    details = [f"{files.dicom} DICOM"]
    if files.not_dicom:
        details.append(f"{files.not_dicom} not DICOM")
    if files.unreadable:
        details.append(f"{files.unreadable} unreadable")
    what = [plural(len(inspection.registrations), "registration"), f"{len(inspection.series)} image series"]
    if files.other_dicom:
        what.append(plural(files.other_dicom, "other DICOM object"))
    share = inspection.interval_tolerance
    judged = f"; intervals between slices may be {100 * share:g} % off" if share != RELATIVE_TOLERANCE else ""
    return [
        style.wrap(f"{plural(files.files, 'file')} ({', '.join(details)}): {', '.join(what)}{judged}"),
        style.wrap(count_by_severity(inspection.findings)[:1].upper() + count_by_severity(inspection.findings)[1:]),
        *(coverage_lines(inspection.coverage, style) if inspection.registrations or inspection.series else ()),
    ]


def coverage_lines(coverage: Coverage, style: Style) -> list[str]:
    """Say what a verdict rests on: what was looked at, what was not and why, and what never is."""
    checked, missing = coverage.checked_in_words, coverage.missing_in_words
    lines = [style.wrap(f"Checked: {checked}", 0, 2)] if checked else []
    if missing:
        shown = missing[:SHOWN_OF_A_KIND]
        lines += ["Not checked:", *(style.wrap(printable(line), 2, 4) for line in shown)]
        lines += [f"  … and {len(missing) - len(shown)} more, in the JSON report"] * (len(missing) > len(shown))
    if coverage.outside:
        lines.append(style.paint(style.wrap(f"Never part of this: {'; '.join(coverage.outside)}", 0, 2), "dim"))
    return lines


def series_names(inspection: Inspection) -> dict[str, str]:
    """Map the UID of each series to what it is called in this report."""
    return {series_.series_instance_uid: f"series {number}" for number, series_ in enumerate(inspection.series, 1)}


def _quoted(text: str) -> str:
    return f" “{printable(text)}”" if text else ""


def _image_lines(relation: ItemRelation, audit: str) -> list[str]:
    """Whether the images meet under an item and agree with it, then which it registers to and which it moves."""
    images = relation.images
    lines = [line for line in (meeting_in_words(relation), audit) if line]
    if images.registered or images.source or images.by_reference:
        registered, source = images_in_words(relation)
        lines.append(f"registered frame: {registered}; source {'images' if images.by_reference else 'frame'}: {source}")
    return lines


def meeting_in_words(relation: ItemRelation) -> str:
    """Say how much of the registered image lands inside the one that is moved, or why that was not looked up."""
    from ...tasks.item_images import names_of

    meetings, best = relation.meetings, relation.meetings.best
    if best is None:
        return f"whether the images meet was not checked: {meetings.unchecked}" if meetings.unchecked else ""
    registered, source = (names_of([stack])[0] for stack in (best.registered, best.source))
    if best.gap_mm:
        return f"{registered} lands {millimetres(best.gap_mm, 1)} mm beside {source}"
    return f"{100 * best.share:.3g} % of {registered} lands inside {source}"


def images_in_words(relation: ItemRelation) -> tuple[str, str]:
    """Return which series of this report an item registers to, and which it starts from."""
    from ...tasks.item_images import names_of

    images, item = relation.images, relation.item
    source = _few(names_of(images.source))
    if images.by_reference:
        count = len(item.images.instance_uids)
        if images.found:
            source += f" ({images.found} of the {item.images.words} referred to)"
        else:
            source = f"none of the {item.images.words} referred to is here" if count > 1 else "the image is not here"
    return _few(names_of(images.registered)), source


def _few(series: list[str]) -> str:
    if not series:
        return "no series here"
    return ", ".join(series[:4]) + (f" and {len(series) - 4} more" if len(series) > 4 else "")


def audit_in_words(audit: ItemAudit) -> str:
    """Say under which reading the images of an item agree best; empty where they leave that open."""
    if audit.decided is None or audit.decided.verdict == "undecided":
        return ""
    from ...registration.audit import TITLES

    reading = TITLES[audit.decided.verdict]
    return f"the images agree best with it read {'' if reading.startswith('as') else 'otherwise: '}{reading}"


def _registration_lines(registration: Registration, inspection: Inspection, style: Style) -> list[str]:
    kind = {"matrix": "spatial (matrix)", "deformable": "deformable", "fiducials": "spatial fiducials"}
    head = f"{printable(registration.path.name)}{_quoted(registration.series_description)}: {kind[registration.kind]}"
    if registration.items:
        head += f", {plural(len(registration.items), 'item')}"
    head += f"; {count_by_severity(inspection.findings_about(registration))}"
    lines = [style.wrap(head, 2, 6)]
    audits = {audit.item.number: audit_in_words(audit) for audit in inspection.audits_of(registration)}
    for relation in inspection.relations_of(registration):
        lines.append(style.wrap(f"item {relation.item.number}: {item_summary(relation.item)}", 6, 10))
        own = _image_lines(relation, audits.get(relation.item.number, ""))
        lines += [style.wrap(printable(line), 10, 10) for line in own]
    lines.append(style.paint(style.wrap(f"SOP instance {printable(registration.sop_instance_uid)}", 6, 10), "dim"))
    return lines


def item_summary(item: RegistrationItem) -> str:
    """Return one item in a line: its grid or matrix, and how far it moves things."""
    if item.problem is not None:
        return f"cannot be used: {printable(item.problem)}"
    parts = []
    if item.grid is not None:
        size = " × ".join(str(count) for count in item.grid.dimensions)
        spacing = " × ".join(millimetres(value) for value in item.grid.spacing_mm)
        parts.append(f"grid {size}, {spacing} mm")
        displacement = item.displacement_mm
        if displacement["max"] is None:
            parts.append("no vector is defined")
        else:
            parts.append(
                f"displacement up to {millimetres(displacement['max'], 2)} mm"
                f" (mean {millimetres(displacement['mean'], 2)}, 95 % below {millimetres(displacement['p95'], 2)})"
            )
    parts += matrix_summaries(item)
    return "; ".join(parts)


def matrix_summaries(item: RegistrationItem) -> list[str]:
    """Say what the matrices of an item do; those that are the identity are left out where there is a grid."""
    from .matrices import describe_matrix

    if item.kind == "matrix":
        return [f"matrix to the registered frame: {describe_matrix(item.matrix, 'matrix' in item.rounded)}"]
    parts = []
    for name, matrix in (("pre", item.pre), ("post", item.post)):
        words = describe_matrix(matrix, f"{name}-deformation matrix" in item.rounded)
        if words != "identity":
            parts.append(f"{name}-deformation matrix: {words}")
    return parts or ([] if item.grid is not None else ["no grid and no matrix: identity"])


def _series_lines(series: Series, label: str, style: Style) -> list[str]:
    modality = printable(series.modality or "no modality")
    head = f"{label}: {modality}{_quoted(series.description)}, {plural(series.slice_count, 'slice')}"
    geometry = _geometry(series)
    lines = [style.wrap("; ".join([head, *geometry, count_by_severity(series.findings)]), 2, 6)]
    lines.append(
        style.paint(style.wrap(printable(series.series_instance_uid or "no Series Instance UID"), 6, 10), "dim")
    )
    return lines


def _geometry(series: Series) -> list[str]:
    stack = series.main_stack
    if stack is None:
        return []
    parts = []
    if len(series.stacks) > 1:
        parts.append(f"{len(series.stacks)} stacks")
        parts.append(f"the largest: {plural(len(stack.slices), 'slice')}")
    if stack.nominal_spacing_mm is not None:
        parts.append(_spacing(stack))
    if stack.tilt_deg is not None and stack.tilt_deg >= 0.05:
        parts.append(f"tilt {stack.tilt_deg:.1f}°")
    return parts


def _spacing(stack: Stack) -> str:
    sections = stack.sections
    if len(sections) < 2:
        return f"spacing {millimetres(stack.nominal_spacing_mm)} mm"
    words = [
        f"{millimetres(section.spacing_mm)} mm (slices {section.first}–{section.last})"
        for section in sections[:SHOWN_SECTIONS]
    ]
    more = len(sections) - len(words)
    return f"spacing {', '.join(words)}" + (f" and {plural(more, 'more section')}" if more else "")


def _finding_lines(findings: Iterable[Finding], labels: dict[str, str], style: Style, complete: bool) -> list[str]:
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.severity, finding.code), []).append(finding)
    lines = []
    for severity in reversed(SEVERITIES):
        for (its_severity, code), group in groups.items():
            if its_severity == severity:
                lines += ["", *_group_lines(code, group, labels, style, complete)]
    return lines


def _group_lines(code: str, group: list[Finding], labels: dict[str, str], style: Style, complete: bool) -> list[str]:
    """A heading, what was found where, and what to do about it, once for all."""
    first = group[0]
    word = style.paint(first.severity.upper(), first.severity)
    times = f" ({len(group)} times)" if len(group) > 1 else ""
    lines = [f"{word}  {style.paint(first.title, 'bold')}{times}  {style.paint(f'[{code}]', 'dim')}"]
    shown = group if complete else group[:SHOWN_OF_A_KIND]
    for subject, messages in _by_subject(shown, labels).items():
        place = printable(subject)
        if len(messages) == 1:
            lines.append(style.wrap(f"{place}: {messages[0]}", 2, 4))
        else:
            lines.append(style.wrap(f"{place}:", 2, 4))
            lines += [style.wrap(f"· {message}", 4, 6) for message in messages]
    rest = group[len(shown) :]
    if rest:
        places = len({finding.subject for finding in rest})
        where = "" if places == 1 else f" in {places} places"
        lines.append(style.wrap(f"… and {len(rest)} more of this kind{where}; --all shows them", 2, 4))
    lines.append(style.wrap(f"→ {first.remedy}", 2, 4))
    return lines


def _by_subject(findings: Iterable[Finding], labels: dict[str, str]) -> dict[str, list[str]]:
    """Messages by subject; one that repeats itself word for word is said once, with how often."""
    counted: dict[str, Counter[str]] = {}
    for finding in findings:
        counted.setdefault(named(finding, labels), Counter())[printable(finding.message)] += 1
    return {
        subject: [message if times == 1 else f"{message} ({times} times)" for message, times in messages.items()]
        for subject, messages in counted.items()
    }


def named(finding: Finding, labels: dict[str, str]) -> str:
    """Return the subject; a series by its number instead of its UID."""
    about = finding.about
    if about is not None and about.uid and about.kind in ("series", "stack"):
        return labels.get(about.uid, finding.subject)
    return finding.subject
