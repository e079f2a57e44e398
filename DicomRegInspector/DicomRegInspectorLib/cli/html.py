"""The HTML report of commands that have ``--html``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import UsageError
from .libraries import picture_drawer, quiet_libraries
from .output import progress_bar, tell

if TYPE_CHECKING:
    from ..tasks.inspect import Inspection
    from ..tasks.quality import QualityReport


def check_html(options: argparse.Namespace) -> None:
    """Refuse, before the work, a place that the HTML report cannot go to."""
    if options.html is None:
        if options.identifiers:
            raise UsageError("--identifiers belongs to --html: no other output tells who the patient is")
        return
    from ..report.html.write_report import check_report_place

    if options.html == "-":
        raise UsageError("--html: name a file; only --json can go to stdout")
    if options.json is not None and os.path.realpath(options.json) == os.path.realpath(options.html):
        raise UsageError(f"{options.html}: is named for both --json and --html")
    check_report_place(options.html)


def write_html(
    options: argparse.Namespace, inspection: Inspection, paths: Sequence[str], quality: QualityReport | None = None
) -> None:
    """Write the HTML report, where it was asked for."""
    if options.html is None:
        return
    from ..report.html.write_report import ReportOptions, options_in_words, write_report

    kind = "Inspection report" if quality is None else "Quality of a registration"
    told = options_in_words(vars(options))
    wanted = ReportOptions(paths=paths, identifiers=options.identifiers, told=told, kind=kind)
    with quiet_libraries(options.debug), progress_bar(options) as progress:
        written = write_report(
            inspection, options.html, wanted, drawer=picture_drawer(), quality=quality, progress=progress
        )
    if options.json != "-":
        tell(options, f"\n{written.in_words}")
