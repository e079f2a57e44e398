"""Commands for registrations: quality and load."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FileError, UsageError
from .arguments import LOAD_SUFFIXES, SCENE_SUFFIX
from .ending import DONE
from .existing import STDOUT, output_stays
from .html import check_html, write_html
from .libraries import quiet_libraries, scene_room
from .output import complain, give, progress_bar, remark, tell_report, verdict
from .shared import assumed, reading

if TYPE_CHECKING:
    from ..registration import Registration
    from ..tasks.export import Export
    from ..tasks.qualities import Qualities
    from ..tasks.quality import JudgedBy


def quality_command(options: argparse.Namespace) -> int:
    """Measure how good and plausible registrations are; returns the exit code."""
    from ..output_file import replace_file
    from ..report.files import check_place, write_json
    from ..report.text.quality import quality_csv
    from ..tasks.inspect import inspect_paths, list_registrations
    from ..tasks.qualities import run_qualities

    if options.json == options.csv == STDOUT:
        raise UsageError("--json and --csv cannot both go to stdout")
    is_one = len(options.registrations) == 1 and not os.path.isdir(options.registrations[0])
    for flag, place in (("--html", options.html), ("--sign-off", options.sign_off)):
        if place is not None and not is_one:
            raise UsageError(f"{flag} is a report of one registration; inspect --html reports of all in a folder")
    check_place(options.json, "JSON report", b"{")
    check_place(options.csv, "quality table", b"item," if is_one else b"file,")
    check_html(options)
    judged_by = _judged_by(options)
    with progress_bar(options) as progress:
        paths = list_registrations(options.registrations, progress)
        measured = run_qualities(paths, judged_by, options.item, progress, reading(options, paths))
    for nothing in measured.passed_over:
        remark(options, f"{nothing}; passed over")
    as_dict = measured.reports[0].to_dict if is_one else measured.to_dict
    table = quality_csv(measured.reports, with_file=not is_one)
    if options.csv == STDOUT:
        give(table)
        if options.json is not None:
            write_json(options.json, as_dict())
    else:
        tell_report(options, lambda: _in_words(measured), as_dict, measured.findings)
    if options.csv not in (None, STDOUT):
        replace_file(options.csv, lambda unfinished: unfinished.write_bytes(table.encode("utf-8")))
    if options.html is not None or options.sign_off is not None:
        paths = [*options.registrations, *(options.fixed or ()), *(options.moving or ())]
        with progress_bar(options) as progress:
            inspection = inspect_paths(paths, progress, audit=False, assumed=assumed(options))
        (report,) = measured.reports
        write_html(options, inspection.with_findings(report.findings, report.audits), paths, report)
    return verdict(measured.findings, options.fail_on)


def _judged_by(options: argparse.Namespace) -> JudgedBy:
    from ..registration.measures.landmarks import TG_132, Tolerance
    from ..tasks.quality import JudgedBy

    if options.tolerance is not None and options.landmarks is None:
        raise UsageError("--tolerance belongs to --landmarks: it says how far these may be off")
    if options.observer_mm is not None and options.landmarks is None:
        raise UsageError("--observer-error belongs to --landmarks: it says how well these were placed")
    if options.pairs is not None and options.structures is None:
        raise UsageError("--pairs belongs to --structures: it says which of these belong together")
    landmarks, structures = options.landmarks or (None, None), options.structures or (None, None)
    return JudgedBy(
        fixed=options.fixed or (),
        moving=options.moving or (),
        labels=options.labels,
        fixed_landmarks=landmarks[0],
        moving_landmarks=landmarks[1],
        tolerance=TG_132 if options.tolerance is None else Tolerance(*options.tolerance),
        observer_mm=options.observer_mm,
        fixed_structures=structures[0],
        moving_structures=structures[1],
        structure_pairs=options.pairs or (),
    )


def _in_words(measured: Qualities) -> str:
    from ..report.text.quality import quality_report
    from ..report.text.show import show_unreadable
    from ..report.text.terminal import Style

    style = Style.of(sys.stdout)
    pages = [quality_report(report, style) for report in measured.reports]
    return "\n\n".join([*pages, *(show_unreadable(error, style).text for error in measured.unusable)])


def load_command(options: argparse.Namespace) -> int:
    """Write registrations as a scene or a transform file; returns the exit code."""
    output = Path(options.output)
    if options.output != STDOUT and not output.name.lower().endswith(LOAD_SUFFIXES):
        raise UsageError(f"{output}: expected a name that ends in {', '.join(LOAD_SUFFIXES)}")
    if output_stays(options, options.output, options.registrations):
        return DONE
    from ..findings.unreadable import unreadable_finding
    from ..output_file import require_utf8_name
    from ..report.files import check_place

    if output.name.lower().endswith(SCENE_SUFFIX):
        require_utf8_name(output, "Slicer's writer of scenes")
    check_place(options.json, "JSON report", b"{")
    registrations, unusable = _read(options)
    if output.name.lower().endswith(SCENE_SUFFIX):
        saved = _save_scene(options, registrations, output)
    else:
        count = len(registrations) + len(unusable)
        if count > 1:
            raise UsageError(f"{output}: this format holds one registration; name a {SCENE_SUFFIX} for {count} of them")
        saved = _export(options, registrations[0], output)
    if saved.chosen:
        remark(options, saved.chosen)
    for text in (*map(str, unusable), saved.loss):
        if text:
            complain(text)
    findings = [unreadable_finding(error) for error in unusable]
    told = {**saved.to_dict(), "findings": [finding.to_dict() for finding in findings]}
    tell_report(options, lambda: "\n".join([f"{output}: {saved.description}", *saved.notes]), lambda: told)
    return verdict(findings, options.fail_on)


def _read(options: argparse.Namespace) -> tuple[list[Registration], list[FileError]]:
    """The registrations among what was named, and why the others cannot be read; one at least can."""
    from ..tasks.inspect import list_registrations

    registrations: list[Registration] = []
    unusable: list[FileError] = []
    paths = list_registrations(options.registrations)
    read = reading(options, paths)
    for path in paths:
        try:
            registrations.append(read(path))
        except FileError as error:
            unusable.append(error)
    if not registrations:
        raise unusable[0]
    return registrations, unusable


def _save_scene(options: argparse.Namespace, registrations: Sequence[Registration], output: Path) -> Export:
    items = None if options.item is None else [options.item]
    with quiet_libraries(options.debug):
        save = scene_room("transforms.save").save_registrations
        return save(registrations, output, items=items, bake=options.bake, repair=options.read_as)


def _export(options: argparse.Namespace, registration: Registration, output: Path) -> Export:
    from ..tasks.export import export_registration

    return export_registration(registration, output, number=options.item, bake=options.bake, repair=options.read_as)
