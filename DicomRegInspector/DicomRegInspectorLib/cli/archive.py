"""The command archive, and its arguments."""

from __future__ import annotations

import argparse
import re
import sys

from ..errors import UsageError
from ..findings import SEVERITIES
from .ending import DONE, FOUND
from .output import progress_bar, remark, tell_report
from .shared import Commands, Parser, fail_on_option, json_option


def add_archive(commands: Commands, common: Parser) -> None:
    """Add the command ``archive``."""
    parser = commands.add_parser(
        "archive",
        parents=[_judging(), _engine(), json_option(), _asking(), fail_on_option(), common],
        help="inspect all studies of an archive, on many workers, into tables",
        description="Inspect every study of folders or of DICOMweb servers, one by one, on all processors or on a "
        "cluster, and write what was found as Parquet files and an SQLite database, with a summary. A run that was "
        "stopped or killed goes on where it was when the same command is given again; studies that have changed since "
        "are inspected again.",
    )
    parser.add_argument(
        "places",
        nargs="+",
        metavar="PATH_OR_URL",
        help="files and folders with studies, and the addresses of DICOMweb servers",
    )
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="a new folder, or that of an earlier run over the same places"
    )


def _judging() -> Parser:
    parser = Parser(add_help=False)
    group = parser.add_argument_group("what is judged, and told")
    group.add_argument(
        "--tolerance",
        type=float,
        default=5.0,
        metavar="PERCENT",
        help="how far an interval between slices may be off the spacing before it is a gap, an overlap or a change, in "
        "per cent of the spacing (default: 5)",
    )
    group.add_argument(
        "--audit",
        action="store_true",
        help="also read the images that registrations are between, and find out whether they agree with the "
        "registration as the standard reads it",
    )
    group.add_argument("--pixels", action="store_true", help="also check all pixels, as the command pixels does")
    group.add_argument(
        "--measures", action="store_true", help="also take all measures of grids, as the command quality does"
    )
    group.add_argument(
        "--identifiers",
        action="store_true",
        help="tell patients' names and numbers, and where files lie (default: UIDs alone)",
    )
    return parser


def _engine() -> Parser:
    parser = Parser(add_help=False)
    group = parser.add_argument_group("how the work is done")
    group.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes that inspect studies (default: one for each processor); 0: this one alone, without Dask",
    )
    group.add_argument("--threads", action="store_true", help="threads of one process in place of processes")
    group.add_argument(
        "--scheduler", default="", metavar="ADDRESS", help="a Dask scheduler that is there, like tcp://host:8786"
    )
    group.add_argument(
        "--memory",
        default="",
        metavar="SIZE",
        help="what each process may take, like 4GB (default: its share of the machine's); one that needs more is "
        "ended, and the study fails",
    )
    group.add_argument(
        "--study-limit",
        type=float,
        default=1800.0,
        metavar="SECONDS",
        help="give a study up after this time (default: 1800)",
    )
    group.add_argument(
        "--reports", action="store_true", help="also write an HTML report of each study, to which the summary leads"
    )
    group.add_argument("--retry", action="store_true", help="try studies again that failed in an earlier run")
    return parser


def _asking() -> Parser:
    parser = Parser(add_help=False)
    group = parser.add_argument_group(
        "DICOMweb",
        "Who asks is told in the environment: DICOMWEB_TOKEN, or DICOMWEB_USER and DICOMWEB_PASSWORD.",
    )
    group.add_argument(
        "--connections", type=int, default=4, metavar="N", help="requests under way at a time (default: 4)"
    )
    group.add_argument("--rate", type=float, metavar="N", help="requests per second (default: as fast as it answers)")
    group.add_argument(
        "--patience",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="how long a server that is busy or away is waited for (default: 60)",
    )
    group.add_argument("--token-file", metavar="FILE", help="a bearer token; read again when the server refuses it")
    group.add_argument(
        "--ca-file", metavar="FILE", help="certificates of authorities to trust, PEM, in place of the system's"
    )
    return parser


def archive_command(options: argparse.Namespace) -> int:
    """Inspect all studies of an archive; returns the exit code."""
    from ..archive import DicomwebSettings, EngineOptions, JudgeOptions, RunOptions, run_archive, sources_of
    from ..archive.told import summary_in_words
    from ..report.files import check_place
    from ..report.text.terminal import Style
    from ..tasks.inspect import check_tolerance

    check_tolerance(options.tolerance / 100)
    check_place(options.json, "JSON report", b"{")
    _check(options)
    judged = JudgeOptions(
        interval_tolerance=options.tolerance / 100,
        audit=options.audit,
        pixels=options.pixels,
        measures=options.measures,
        identifiers=options.identifiers,
    )
    engine = EngineOptions(options.workers, options.threads, options.scheduler, options.memory)
    how = RunOptions(engine, options.study_limit, options.retry, options.reports)
    asking = DicomwebSettings(options.connections, options.rate, options.patience, options.token_file, options.ca_file)
    with progress_bar(options) as progress:
        tally = run_archive(sources_of(options.places, asking), options.places, options.output, judged, how, progress)
    for sentence in tally.remarks:
        remark(options, sentence)
    tell_report(options, lambda: summary_in_words(tally, Style.of(sys.stdout)), tally.to_dict)
    level = len(SEVERITIES) if options.fail_on == "never" else SEVERITIES.index(options.fail_on)
    counts = tally.summary.severities if tally.summary is not None else {}
    return FOUND if any(counts.get(severity) for severity in SEVERITIES[level:]) else DONE


def _check(options: argparse.Namespace) -> None:
    """Refuse what contradicts itself, before anything is done."""
    if options.workers is not None and options.workers < 0:
        raise UsageError(f"--workers {options.workers}: expected 1 or more, or 0 for this process alone")
    if options.scheduler and (options.workers is not None or options.threads or options.memory):
        raise UsageError("--scheduler: a cluster has its own workers; leave --workers, --threads and --memory out")
    if options.memory and not re.fullmatch(r"\d+(\.\d+)?\s*[kMGT]?i?B", options.memory):
        raise UsageError(f"--memory {options.memory}: expected a size like 4GB")
    if not options.study_limit > 0:
        raise UsageError(f"--study-limit {options.study_limit:g}: expected seconds, more than 0")
