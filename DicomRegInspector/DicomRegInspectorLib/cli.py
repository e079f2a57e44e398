"""The command line of dicom-reg-inspector: what each command does.

Exit codes: 0 done, 1 findings at or above ``--fail-on``, 2 bad usage or unreadable input (one line on stderr).
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import LOAD_SUFFIXES, UNUSABLE, make_parser, one_line
from .errors import DicomRegInspectorError, UsageError
from .findings import SEVERITIES
from .slicer_libraries import quiet_libraries, scene_room

if TYPE_CHECKING:
    from .findings import Finding
    from .inspection import Inspection
    from .quality_run import QualityReport
    from .registration import Registration, RegistrationItem
    from .series.regularize.regular import Regularized

DONE, FOUND = 0, 1
INTERRUPTED = 130
"""What shells expect of a program stopped by Ctrl-C (128 + SIGINT)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code. No traceback gets out unless ``--debug`` asks for it."""
    if arguments is None:
        arguments = sys.argv[1:]
    debug = "--debug" in arguments
    try:
        options = make_parser().parse_args(arguments)
        if not debug:
            # Libraries comment on odd files in their own words; the findings say it in ours.
            warnings.simplefilter("ignore")
            logging.disable(logging.CRITICAL)
        code = COMMANDS[options.command](options)
        sys.stdout.flush()
        return code
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else UNUSABLE
    except BrokenPipeError:
        _drop_output()
        return DONE
    except KeyboardInterrupt:
        _complain("stopped")
        return INTERRUPTED
    except DicomRegInspectorError as error:
        _complain(str(error))
    except MemoryError:
        _complain("there is not enough memory for this")
    except OSError as error:
        _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except Exception as error:
        if debug:
            raise
        _complain(f"unexpected {type(error).__name__}: {error}; run again with --debug for details and report it")
    finally:
        logging.disable(logging.NOTSET)
    return UNUSABLE


def _complain(text: str) -> None:
    """One line on stderr."""
    from .report import write_text

    write_text(sys.stderr, f"dicom-reg-inspector: {one_line(text)}")


def _print(text: str) -> None:
    """Onto stdout; a reader that has gone (``| head``) does not change what the command found."""
    from .report import write_text

    try:
        write_text(sys.stdout, text)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()


def _drop_output() -> None:
    # Python flushes stdout once more when it ends; that must not fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _inspect(options: argparse.Namespace) -> int:
    from .inspection import inspect_paths
    from .report import Style, inspection_report, write_json
    from .report.files import check_place, json_text
    from .report.progress import ProgressBar

    check_place(options.json, "JSON report", b"{")
    _check_html(options)
    with ProgressBar(sys.stderr) as progress:
        inspection = inspect_paths(options.paths, progress, interval_tolerance=options.tolerance / 100)
    if options.json == "-":
        _print(json_text(inspection.to_dict(), ascii_only=True))
    else:
        _print(inspection_report(inspection, Style.of(sys.stdout), complete=options.all))
        if options.json is not None:
            write_json(options.json, inspection.to_dict())
    further = _write_html(options, inspection, options.paths)
    if not _anything_read(inspection):
        _complain(f"no DICOM object could be read in {', '.join(options.paths)}")
        return UNUSABLE
    return _verdict([*inspection.findings, *further], options.fail_on)


def _check_html(options: argparse.Namespace) -> None:
    """Refuse, before the work, a place that the HTML report cannot go to."""
    if options.html is None:
        if options.identifiers:
            raise UsageError("--identifiers belongs to --html: no other output tells who the patient is")
        return
    from .reporting import check_report_place

    if options.html == "-":
        raise UsageError("--html: name a file; only --json can go to stdout")
    if options.json is not None and os.path.realpath(options.json) == os.path.realpath(options.html):
        raise UsageError(f"{options.html}: is named for both --json and --html")
    check_report_place(options.html)


def _write_html(
    options: argparse.Namespace, inspection: Inspection, paths: Sequence[str], quality: QualityReport | None = None
) -> Sequence[Finding]:
    """The HTML report, where it was asked for; returns what measuring for it found besides."""
    if options.html is None:
        return ()
    from .report.progress import ProgressBar
    from .reporting import ReportOptions, options_in_words, write_report

    wanted = ReportOptions(paths=paths, identifiers=options.identifiers, told=options_in_words(vars(options)))
    with quiet_libraries(options.debug), ProgressBar(sys.stderr) as progress:
        written = write_report(inspection, options.html, wanted, quality=quality, progress=progress)
    if options.json != "-":
        _print(f"\n{written.in_words}")
    return written.further_findings


def _anything_read(inspection: Inspection) -> bool:
    return bool(inspection.registrations or inspection.series or inspection.file_counts.other_dicom)


def _verdict(findings: Iterable[Finding], fail_on: str) -> int:
    if fail_on == "never":
        return DONE
    level = SEVERITIES.index(fail_on)
    return FOUND if any(SEVERITIES.index(one.severity) >= level for one in findings) else DONE


def _show(options: argparse.Namespace) -> int:
    from .report import Style, show_file

    if os.path.isdir(options.file):
        raise UsageError(f"{options.file}: is a folder; show takes one file, inspect takes folders")
    _print(show_file(options.file, Style.of(sys.stdout)))
    return DONE


def _map(options: argparse.Namespace) -> int:
    from .registration import read_registration
    from .report.points import format_points, parse_points

    if options.residuals and not options.inverse:
        raise UsageError("--residuals belongs to --inverse: the forward direction has none")
    registration = read_registration(options.registration)
    item = _choose_item(registration, options.item)
    name = "stdin" if options.points == "-" else options.points
    points = parse_points(_read_text(options.points), name)
    if not options.inverse:
        mapped = item.map_points(points)
        _print(format_points(mapped))
        undefined = int((mapped != mapped).any(axis=1).sum())
        if undefined:
            _complain(f"{undefined} of {len(points)} points lie where the registration is undefined: nan")
        return DONE
    result = item.map_points_inverse(points)
    _print(format_points(result.points, result.residual_mm if options.residuals else None))
    found = int(result.converged.sum())
    largest = f", largest residual {result.residual_mm[result.converged].max():.2g} mm" if found else ""
    _complain(f"inverse: {found} of {len(points)} points found{largest}; {len(points) - found} not found")
    return DONE


def _read_text(place: str) -> str:
    try:
        data = sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{place}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{place}: is not text in UTF-8; expected CSV with the header x,y,z") from error


def _choose_item(registration: Registration, number: int | None) -> RegistrationItem:
    """The item asked for or the only one meant; what was chosen among several is said on stderr."""
    from .registration.choose import choose_item

    choice = choose_item(registration, number)
    if choice.note:
        _complain(choice.note)
    return choice.item


def _quality(options: argparse.Namespace) -> int:
    from .inspection import inspect_paths
    from .quality_run import JudgedBy, run_quality
    from .report import Style, replace_file, write_json
    from .report.files import check_place, json_text
    from .report.progress import ProgressBar
    from .report.quality import quality_csv, quality_report

    if options.json == options.csv == "-":
        raise UsageError("--json and --csv cannot both go to stdout")
    check_place(options.json, "JSON report", b"{")
    check_place(options.csv, "quality table", b"item,")
    _check_html(options)
    first, second = options.landmarks or (None, None)
    judged_by = JudgedBy(options.fixed or (), options.moving or (), options.labels, first, second)
    with ProgressBar(sys.stderr) as progress:
        report = run_quality(options.registration, judged_by, options.item, progress)
    if options.json == "-":
        _print(json_text(report.to_dict(), ascii_only=True))
    elif options.csv == "-":
        _print(quality_csv(report).rstrip("\n"))
    else:
        _print(quality_report(report, Style.of(sys.stdout)))
    if options.json not in (None, "-"):
        write_json(options.json, report.to_dict())
    if options.csv not in (None, "-"):
        table = quality_csv(report).encode("utf-8")
        replace_file(options.csv, lambda unfinished: unfinished.write_bytes(table))
    if options.html is not None:
        paths = [options.registration, *judged_by.fixed, *judged_by.moving]
        with ProgressBar(sys.stderr) as progress:
            inspection = inspect_paths(paths, progress)
        _write_html(options, inspection, paths, report)
    return DONE


def _pixels(options: argparse.Namespace) -> int:
    from .report import Style, write_json
    from .report.files import check_place, json_text
    from .report.pixels import pixel_report
    from .report.progress import ProgressBar
    from .series import check_pixels

    check_place(options.json, "JSON report", b"{")
    with ProgressBar(sys.stderr) as progress:
        report = check_pixels(options.paths, progress)
    if options.json == "-":
        _print(json_text(report.to_dict(), ascii_only=True))
    else:
        _print(pixel_report(report, Style.of(sys.stdout)))
        if options.json is not None:
            write_json(options.json, report.to_dict())
    if not report.files:
        _complain(f"no DICOM object could be read in {', '.join(options.paths)}")
        return UNUSABLE
    return _verdict(report.findings, options.fail_on)


def _regularize(options: argparse.Namespace) -> int:
    from .regularize_run import Request, run_regularize
    from .report import write_json
    from .report.files import check_place, json_text
    from .report.progress import ProgressBar
    from .report.regularize import regularize_report

    def save_files(result: Regularized, output: Path) -> list[Path]:
        with quiet_libraries(options.debug):
            return scene_room("acquisition").save_regularized(result, output)

    check_place(options.json, "JSON report", b"{")
    request = Request(
        paths=tuple(options.paths),
        output=options.output,
        mode=options.mode,
        positions_only=options.positions_only,
        parametric_map=options.parametric_map,
        spacing_mm=options.spacing,
        in_plane_spacing_mm=options.in_plane,
        reference=options.reference,
        max_gap=options.max_gap,
        duplicates=options.duplicates,
        overlaps=options.overlaps,
        fill=options.fill,
        stack=options.stack,
        series_uid=options.series,
    )
    with ProgressBar(sys.stderr) as progress:
        outcome = run_regularize(request, save_files, progress)
    if options.json == "-":
        _print(json_text(outcome.to_dict(), ascii_only=True))
    else:
        _print(regularize_report(outcome))
        if options.json is not None:
            write_json(options.json, outcome.to_dict())
    return DONE


def _compare(options: argparse.Namespace) -> int:
    from .compare import compare_volumes
    from .report import Style, write_json
    from .report.comparison import comparison_report
    from .report.files import check_place, json_text
    from .volume_reading import read_volume

    if options.tolerance is not None and not options.tolerance >= 0:
        raise UsageError(f"--tolerance {options.tolerance}: expected millimetres, 0 or more")
    check_place(options.json, "JSON report", b"{")
    with quiet_libraries(options.debug):
        volumes = [read_volume(path) for path in (options.a, options.b)]
    comparison = compare_volumes(*volumes, tolerance_mm=options.tolerance)
    if options.json == "-":
        _print(json_text(comparison.to_dict(), ascii_only=True))
        return DONE
    _print(comparison_report(comparison, Style.of(sys.stdout)))
    if options.json is not None:
        write_json(options.json, comparison.to_dict())
    return DONE


def _load(options: argparse.Namespace) -> int:
    output = Path(options.output)
    if not output.name.lower().endswith(LOAD_SUFFIXES):
        raise UsageError(f"{output}: expected a name that ends in {', '.join(LOAD_SUFFIXES)}")
    if not output.absolute().parent.is_dir():
        raise UsageError(f"{output}: there is no folder {output.absolute().parent}")
    inputs = {os.path.realpath(path) for path in options.registrations}
    if os.path.realpath(output) in inputs:
        raise UsageError(f"{output}: is one of the registrations; name another output")
    if output.exists() and not options.overwrite:
        raise UsageError(f"{output}: is there; --overwrite replaces it")
    from .registration import read_registration

    registrations = [read_registration(path) for path in options.registrations]
    items = None
    if options.item is not None:
        items = [options.item]
    elif not output.name.lower().endswith(".mrb") and len(registrations) == 1 and len(registrations[0].items) > 1:
        items = [_choose_item(registrations[0], None).number]
    with quiet_libraries(options.debug):
        save = scene_room("save")
        save.save_registrations(registrations, output, items=items, bake=options.bake, repair=options.read_as)
    _print(f"{output}: {save.describe(registrations, output, items, options.read_as)}")
    return DONE


def _sample_data(options: argparse.Namespace) -> int:
    from .report import Style
    from .samples import describe_samples, write_samples

    folder = Path(options.folder)
    write_samples(folder)
    _print(describe_samples(folder, Style.of(sys.stdout).wrap))
    return DONE


def _demo(options: argparse.Namespace) -> int:
    with quiet_libraries(options.debug):
        scene_room("save")
    from .demo import run_demo
    from .report import Style

    run_demo(Path(options.folder), Style.of(sys.stdout), _print, lambda: quiet_libraries(options.debug))
    return DONE


COMMANDS = {
    "inspect": _inspect,
    "show": _show,
    "map": _map,
    "load": _load,
    "quality": _quality,
    "pixels": _pixels,
    "compare": _compare,
    "regularize": _regularize,
    "sample-data": _sample_data,
    "demo": _demo,
}
"""What each command of :mod:`.arguments` runs."""


if __name__ == "__main__":
    sys.exit(main())
