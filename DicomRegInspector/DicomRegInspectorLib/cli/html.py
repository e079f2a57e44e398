"""The HTML reports of commands that have ``--html``, and the page that is signed."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import UsageError
from .libraries import picture_drawer, quiet_libraries
from .output import progress_bar, tell

if TYPE_CHECKING:
    from ..report.html.write_report import ReportOptions
    from ..tasks.inspect import Inspection
    from ..tasks.quality import QualityReport


def check_html(options: argparse.Namespace) -> None:
    """Refuse, before the work, a place that an HTML report cannot go to."""
    places = {name: place for name in ("html", "sign_off") if (place := getattr(options, name, None)) is not None}
    if options.identifiers and not places:
        raise UsageError("--identifiers belongs to --html: no other output tells who the patient is")
    if not places:
        return
    from ..report.html.write_report import check_report_place

    taken = {} if options.json is None else {os.path.realpath(options.json): "--json"}
    for name, place in places.items():
        flag = f"--{name.replace('_', '-')}"
        if place == "-":
            raise UsageError(f"{flag}: name a file; only --json can go to stdout")
        other = taken.setdefault(os.path.realpath(place), flag)
        if other != flag:
            raise UsageError(f"{place}: is named for both {other} and {flag}")
        check_report_place(place)


def write_html(
    options: argparse.Namespace, inspection: Inspection, paths: Sequence[str], quality: QualityReport | None = None
) -> None:
    """Write the HTML reports that were asked for."""
    if options.html is None and (quality is None or options.sign_off is None):
        return
    from ..report.html.write_report import ReportOptions, options_in_words

    told = options_in_words(vars(options))
    if options.html is not None:
        kind = "Inspection report" if quality is None else "Quality of a registration"
        wanted = ReportOptions(paths=paths, identifiers=options.identifiers, told=told, kind=kind)
        _write(options, options.html, inspection, wanted, quality)
    if quality is not None and options.sign_off is not None:
        files = [path for pair in (options.landmarks, options.structures) for path in pair or ()]
        repeated = [("To be repeated by", _command_line(options))]
        wanted = ReportOptions(
            paths=paths, identifiers=options.identifiers, told=repeated, files=files, sign_off=True,
        )  # fmt: skip
        _write(options, options.sign_off, inspection, wanted, quality)


def _write(
    options: argparse.Namespace,
    place: str,
    inspection: Inspection,
    wanted: ReportOptions,
    quality: QualityReport | None,
) -> None:
    from ..report.html.write_report import write_report

    with quiet_libraries(options.debug), progress_bar(options) as progress:
        written = write_report(inspection, place, wanted, drawer=picture_drawer(), quality=quality, progress=progress)
    if options.json != "-":
        tell(options, f"\n{written.in_words}")


_SILENT = frozenset({"command", "registrations", "debug", "quiet", "json", "html", "csv", "sign_off", "identifiers"})


def _command_line(options: argparse.Namespace) -> str:
    """The command as it would be typed beside the files; the folders above them are nobody's business."""
    words = ["dicom-reg-inspector", options.command, *map(_last, options.registrations)]
    for name, value in vars(options).items():
        if name in _SILENT or value in (None, (), [], False) or (name, value) == ("fail_on", "never"):
            continue
        flag = {"observer_mm": "--observer-error"}.get(name, f"--{name.replace('_', '-')}")
        if name == "pairs":
            values = ["=".join(pair) for pair in value]
        elif name == "tolerance":
            values = [",".join(f"{limit:g}" for limit in value)]
        else:
            values = [_last(each) for each in (value if isinstance(value, list | tuple) else [value])]
        words += [flag, *values]
    return shlex.join([*words, "--sign-off", _last(options.sign_off)])


def _last(path: object) -> str:
    return os.path.basename(os.path.normpath(str(path))) if isinstance(path, str) else f"{path}"
