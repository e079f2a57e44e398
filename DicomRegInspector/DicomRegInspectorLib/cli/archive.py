"""The command archive."""

from __future__ import annotations

import argparse
import sys

from ..errors import UsageError
from ..findings import SEVERITIES
from .ending import DONE, FOUND
from .output import progress_bar, remark, tell


def archive_command(options: argparse.Namespace) -> int:
    """Inspect all studies of an archive; returns the exit code."""
    from ..archive import EngineOptions, JudgeOptions, RunOptions, run_archive, sources_of
    from ..archive.told import summary_in_words
    from ..report.text.terminal import Style
    from ..tasks.inspect import check_tolerance

    check_tolerance(options.tolerance / 100)
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
    with progress_bar(options) as progress:
        tally = run_archive(sources_of(options.places), options.places, options.output, judged, how, progress)
    for sentence in tally.remarks:
        remark(options, sentence)
    tell(options, summary_in_words(tally, Style.of(sys.stdout)))
    level = len(SEVERITIES) if options.fail_on == "never" else SEVERITIES.index(options.fail_on)
    counts = tally.summary.severities if tally.summary is not None else {}
    return FOUND if any(counts.get(severity) for severity in SEVERITIES[level:]) else DONE


def _check(options: argparse.Namespace) -> None:
    """Refuse what contradicts itself, before anything is done."""
    if options.workers is not None and options.workers < 0:
        raise UsageError(f"--workers {options.workers}: expected 1 or more, or 0 for this process alone")
    if options.scheduler and (options.workers is not None or options.threads or options.memory):
        raise UsageError("--scheduler: a cluster has its own workers; leave --workers, --threads and --memory out")
    if not options.study_limit > 0:
        raise UsageError(f"--study-limit {options.study_limit:g}: expected seconds, more than 0")
