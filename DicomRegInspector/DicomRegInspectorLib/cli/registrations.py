"""Commands for registrations: quality and load."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .arguments import LOAD_SUFFIXES, SCENE_SUFFIX
from .ending import DONE
from .existing import STDOUT, output_stays
from .html import check_html, write_html
from .libraries import quiet_libraries, scene_room
from .output import complain, give, progress_bar, remark, tell, tell_report

if TYPE_CHECKING:
    from ..tasks.export import Export


def quality_command(options: argparse.Namespace) -> int:
    """Measure how good and plausible a registration is; returns the exit code."""
    from ..output_file import replace_file
    from ..report.files import check_place, json_text, write_json
    from ..report.text.quality import quality_csv, quality_report
    from ..report.text.terminal import Style
    from ..tasks.inspect import inspect_paths
    from ..tasks.quality import JudgedBy, run_quality

    if options.json == options.csv == "-":
        raise UsageError("--json and --csv cannot both go to stdout")
    check_place(options.json, "JSON report", b"{")
    check_place(options.csv, "quality table", b"item,")
    check_html(options)
    first, second = options.landmarks or (None, None)
    judged_by = JudgedBy(options.fixed or (), options.moving or (), options.labels, first, second)
    with progress_bar(options) as progress:
        report = run_quality(options.registration, judged_by, options.item, progress)
    if options.json == "-":
        give(json_text(report.to_dict(), ascii_only=True))
    elif options.csv == "-":
        give(quality_csv(report))
    else:
        tell(options, quality_report(report, Style.of(sys.stdout)))
    if options.json not in (None, "-"):
        write_json(options.json, report.to_dict())
    if options.csv not in (None, "-"):
        table = quality_csv(report).encode("utf-8")
        replace_file(options.csv, lambda unfinished: unfinished.write_bytes(table))
    if options.html is not None:
        paths = [options.registration, *judged_by.fixed, *judged_by.moving]
        with progress_bar(options) as progress:
            inspection = inspect_paths(paths, progress)
        write_html(options, inspection, paths, report)
    return DONE


def load_command(options: argparse.Namespace) -> int:
    """Write registrations as a scene or a transform file; returns the exit code."""
    output = Path(options.output)
    if options.output != STDOUT and not output.name.lower().endswith(LOAD_SUFFIXES):
        raise UsageError(f"{output}: expected a name that ends in {', '.join(LOAD_SUFFIXES)}")
    if output_stays(options, options.output, options.registrations):
        return DONE
    from ..report.files import check_place

    check_place(options.json, "JSON report", b"{")
    saved = _save_scene(options, output) if output.name.lower().endswith(SCENE_SUFFIX) else _export(options, output)
    if saved.chosen:
        remark(options, saved.chosen)
    if saved.loss:
        complain(saved.loss)
    tell_report(options, lambda: "\n".join([f"{output}: {saved.description}", *saved.notes]), saved.to_dict)
    return DONE


def _save_scene(options: argparse.Namespace, output: Path) -> Export:
    from ..registration import read_registration

    registrations = [read_registration(path) for path in options.registrations]
    items = None if options.item is None else [options.item]
    with quiet_libraries(options.debug):
        save = scene_room("transforms.save").save_registrations
        return save(registrations, output, items=items, bake=options.bake, repair=options.read_as)


def _export(options: argparse.Namespace, output: Path) -> Export:
    from ..registration import read_registration
    from ..tasks.export import export_registration

    if len(options.registrations) > 1:
        count = len(options.registrations)
        raise UsageError(f"{output}: this format holds one registration; name a {SCENE_SUFFIX} for {count} of them")
    registration = read_registration(options.registrations[0])
    return export_registration(registration, output, number=options.item, bake=options.bake, repair=options.read_as)
