"""Commands that report what is wrong, or what there is: inspect, pixels and show."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..errors import FileError
from .ending import UNUSABLE
from .html import check_html, write_html
from .output import complain, progress_bar, tell_report, verdict
from .shared import assumed, reading

if TYPE_CHECKING:
    from ..tasks.inspect import Inspection


def inspect_command(options: argparse.Namespace) -> int:
    """Report findings of files and folders; returns the exit code."""
    from ..report.files import check_place
    from ..report.text.terminal import Style

    check_place(options.json, "JSON report", b"{")
    check_html(options)
    with progress_bar(options) as progress:
        # Half of the time that a folder of 1,000 files takes: the bar counts it, too.
        from ..report.text.inspection_report import inspection_report
        from ..tasks.inspect import inspect_paths

        inspection = inspect_paths(
            options.paths,
            progress,
            interval_tolerance=options.tolerance / 100,
            audit=options.audit,
            assumed=assumed(options),
        )
    tell_report(
        options,
        lambda: inspection_report(inspection, Style.of(sys.stdout), complete=options.all),
        inspection.to_dict,
        inspection.findings,
    )
    write_html(options, inspection, options.paths)
    if not _anything_read(inspection):
        complain(f"no DICOM object could be read in {', '.join(options.paths)}")
        return UNUSABLE
    return verdict(inspection.findings, options.fail_on)


def _anything_read(inspection: Inspection) -> bool:
    return bool(inspection.registrations or inspection.series or inspection.file_counts.other_dicom)


def show_command(options: argparse.Namespace) -> int:
    """Describe objects in words; returns the exit code."""
    from ..report.files import check_place
    from ..report.text.show import Shown, show_file, show_unreadable, shown_dict
    from ..report.text.terminal import Style
    from ..tasks.inspect import list_with_images

    check_place(options.json, "JSON report", b"{")
    with progress_bar(options) as progress:
        files, images = list_with_images(options.paths, progress)
    shown: list[Shown] = []
    read = reading(options, files)
    style, failed = Style.of(sys.stdout), []
    for file in files:
        try:
            shown.append(show_file(file, style, options.at, images, read))
        except FileError as error:
            failed.append(error)
            shown.append(show_unreadable(error, style))
    if len(failed) == len(files):
        raise failed[0]
    findings = [finding for file in shown for finding in file.findings]
    tell_report(options, lambda: "\n\n".join(file.text for file in shown), lambda: shown_dict(shown), findings)
    return verdict(findings, options.fail_on)


def _files_to_check(options: argparse.Namespace) -> list[str]:
    """All that was given, or the files of the series and stack chosen."""
    if options.series is None and options.stack is None:
        return options.paths
    from ..series.pixels.choose_stack import the_series, the_stack

    series = the_series(options.paths, options.series)
    if options.stack is None:
        return list(series.paths)
    return list(dict.fromkeys(slice_.path for slice_ in the_stack(series, options.stack).slices))


def pixels_command(options: argparse.Namespace) -> int:
    """Report findings of pixel data; returns the exit code."""
    from ..report.files import check_place
    from ..report.text.outcomes import pixel_report
    from ..report.text.terminal import Style
    from ..series import check_pixels

    check_place(options.json, "JSON report", b"{")
    with progress_bar(options) as progress:
        report = check_pixels(_files_to_check(options), progress)
    tell_report(options, lambda: pixel_report(report, Style.of(sys.stdout)), report.to_dict, report.findings)
    if not report.files:
        complain(f"no DICOM object could be read in {', '.join(options.paths)}")
        return UNUSABLE
    return verdict(report.findings, options.fail_on)
