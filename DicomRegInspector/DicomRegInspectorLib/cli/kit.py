"""Commands of the conformance kit: kit and kit-score."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import UsageError
from ..findings import SEVERITIES
from .ending import DONE, FOUND
from .existing import output_stays, written_over
from .output import progress_bar, tell, tell_report


def kit_command(options: argparse.Namespace) -> int:
    """Write the conformance kit; returns the exit code."""
    from ..kit.told import kit_written
    from ..kit.write import is_kits, write_kit
    from ..report.text.terminal import Style

    root = Path(options.folder).resolve()
    if output_stays(options, options.folder, (), lambda file: is_kits(file.relative_to(root).as_posix())):
        return DONE
    with written_over(options, options.folder) as place, progress_bar(options) as progress:
        write_kit(place, progress)
    tell(options, kit_written(Path(options.folder), Style.of(sys.stdout)))
    return DONE


def kit_score_command(options: argparse.Namespace) -> int:
    """Say what a reader's answers show of it; returns the exit code."""
    from ..kit.score import score_kit
    from ..kit.told import item_line, score_report
    from ..report.files import check_place
    from ..report.text.terminal import Style

    check_place(options.json, "JSON report", b"{")
    if options.json == options.answers:
        raise UsageError(f"{options.json}: is the table of answers; name another file for the report")
    with progress_bar(options) as progress:
        score = score_kit(options.folder, options.answers, options.tolerance, progress)
    style = Style.of(sys.stdout)
    wrong = [item for item in score.items if item.severity]
    if options.quiet and options.json != "-":
        from .output import give

        if wrong:
            give("\n".join(item_line(item, style) for item in wrong))
    tell_report(options, lambda: score_report(score, style), score.to_dict)
    if options.fail_on == "never":
        return DONE
    level = SEVERITIES.index(options.fail_on)
    return FOUND if any(SEVERITIES.index(item.severity) >= level for item in wrong if item.severity) else DONE
