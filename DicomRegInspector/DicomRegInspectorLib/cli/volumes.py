"""Commands for image volumes: regularize and compare."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .libraries import quiet_libraries, scene_room
from .output import DONE, tell_report

if TYPE_CHECKING:
    from ..series.regularize.regular import Regularized


def regularize_command(options: argparse.Namespace) -> int:
    """A regular volume of an irregular series."""
    from ..report.files import check_place
    from ..report.text.outcomes import regularize_report
    from ..report.text.progress import ProgressBar
    from ..tasks.regularize import Request, run_regularize

    def save_files(result: Regularized, output: Path) -> list[Path]:
        with quiet_libraries(options.debug):
            return scene_room("series.acquisition").save_regularized(result, output)

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
    tell_report(lambda: regularize_report(outcome), outcome.to_dict, options.json)
    return DONE


def compare_command(options: argparse.Namespace) -> int:
    """Whether two volumes are the same physical image."""
    from ..report import Style
    from ..report.files import check_place
    from ..report.text.outcomes import comparison_report
    from ..volumes import compare_volumes
    from ..volumes.read_volume import read_volume

    if options.tolerance is not None and not options.tolerance >= 0:
        raise UsageError(f"--tolerance {options.tolerance}: expected millimetres, 0 or more")
    check_place(options.json, "JSON report", b"{")
    with quiet_libraries(options.debug):
        volumes = [read_volume(path) for path in (options.a, options.b)]
    comparison = compare_volumes(*volumes, tolerance_mm=options.tolerance)
    tell_report(lambda: comparison_report(comparison, Style.of(sys.stdout)), comparison.to_dict, options.json)
    return DONE
