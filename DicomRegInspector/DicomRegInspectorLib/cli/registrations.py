"""Commands for registrations: quality and load."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import UsageError
from ..words import plural
from .arguments import LOAD_SUFFIXES
from .ending import DONE
from .existing import STDOUT, output_stays
from .html import check_html, write_html
from .libraries import quiet_libraries, scene_room
from .mapping import choose_noted
from .output import complain, give, progress_bar, tell


def quality_command(options: argparse.Namespace) -> int:
    """Measure how good and plausible a registration is; returns the exit code."""
    from ..report.files import check_place, json_text, replace_file, write_json
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
    from ..registration import read_registration

    registrations = [read_registration(path) for path in options.registrations]
    items = None
    if options.item is not None:
        items = [options.item]
    elif not output.name.lower().endswith(".mrb") and len(registrations) == 1 and len(registrations[0].items) > 1:
        items = [choose_noted(options, registrations[0]).number]
    with quiet_libraries(options.debug):
        save = scene_room("transforms.save")
        zeroed = save.save_registrations(registrations, output, items=items, bake=options.bake, repair=options.read_as)
    tell(options, f"{output}: {save.describe(registrations, output, items, options.read_as)}")
    if zeroed:
        complain(
            f"written as 0 mm: {plural(zeroed, 'vector')} that the file leaves undefined or infinite. The format "
            "cannot say so; do not use what lies there, for which map gives nan."
        )
    return DONE
