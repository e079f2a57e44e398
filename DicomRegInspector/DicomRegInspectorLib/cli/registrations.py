"""Commands for registrations: map, quality and load."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..words import plural
from .arguments import LOAD_SUFFIXES
from .ending import DONE
from .html import check_html, write_html
from .libraries import quiet_libraries, scene_room
from .output import complain, give, progress_bar, remark, tell

if TYPE_CHECKING:
    from ..registration import Registration, RegistrationItem


def map_command(options: argparse.Namespace) -> int:
    """Map points through one item, there or back; returns the exit code."""
    from ..registration import read_registration
    from ..report.text.points import format_points, parse_points

    if options.residuals and not options.inverse:
        raise UsageError("--residuals belongs to --inverse: the forward direction has none")
    registration = read_registration(options.registration)
    item = _choose_item(options, registration)
    name = "stdin" if options.points == "-" else options.points
    points = parse_points(_read_text(options.points), name)
    if not options.inverse:
        mapped = item.map_points(points)
        give(format_points(mapped))
        undefined = int((mapped != mapped).any(axis=1).sum())
        if undefined:
            remark(options, f"{undefined} of {len(points)} points lie where the registration is undefined: nan")
        return DONE
    result = item.map_points_inverse(points)
    give(format_points(result.points, result.residual_mm if options.residuals else None))
    found = int(result.converged.sum())
    largest = f", largest residual {result.residual_mm[result.converged].max():.2g} mm" if found else ""
    lost = len(points) - found
    remark(options, f"inverse: {found} of {len(points)} points found{largest}; {lost} not found")
    return DONE


def _read_text(place: str) -> str:
    try:
        data = sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{place}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{place}: is not text in UTF-8; expected CSV with the header x,y,z") from error


def _choose_item(options: argparse.Namespace, registration: Registration) -> RegistrationItem:
    """The item asked for or the only one meant; what was chosen among several is said on stderr."""
    from ..registration.choose import choose_item

    choice = choose_item(registration, options.item)
    if choice.note:
        remark(options, choice.note)
    return choice.item


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
    if not output.name.lower().endswith(LOAD_SUFFIXES):
        raise UsageError(f"{output}: expected a name that ends in {', '.join(LOAD_SUFFIXES)}")
    if not output.absolute().parent.is_dir():
        raise UsageError(f"{output}: there is no folder {output.absolute().parent}")
    inputs = {os.path.realpath(path) for path in options.registrations}
    if os.path.realpath(output) in inputs:
        raise UsageError(f"{output}: is one of the registrations; name another output")
    if output.exists() and not options.overwrite:
        raise UsageError(f"{output}: already exists; --overwrite replaces it")
    from ..registration import read_registration

    registrations = [read_registration(path) for path in options.registrations]
    items = None
    if options.item is not None:
        items = [options.item]
    elif not output.name.lower().endswith(".mrb") and len(registrations) == 1 and len(registrations[0].items) > 1:
        items = [_choose_item(options, registrations[0]).number]
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
