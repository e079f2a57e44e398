"""Commands for image volumes: regularize and compare."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .ending import DONE, FOUND
from .existing import output_stays, written_over
from .libraries import quiet_libraries, scene_room
from .output import progress_bar, tell_report

if TYPE_CHECKING:
    from ..series.regularize.options import RegularizeOptions
    from ..series.regularize.regular import Regularized


def regularize_command(options: argparse.Namespace) -> int:
    """Make a regular volume of an irregular series; returns the exit code."""
    from ..report.files import check_place
    from ..report.text.outcomes import regularize_report
    from ..series.regularize.regular import VOLUME_SUFFIXES
    from ..series.write.derived import is_derived_here
    from ..tasks.regularize import Request, run_regularize

    quietly = partial(quiet_libraries, options.debug)

    def save_scene(result: Regularized, output: Path) -> None:
        with quietly():
            scene_room("series.acquisition").save_regularized(result, output)

    check_place(options.json, "JSON report", b"{")
    inputs = [*options.paths, *filter(None, [options.reference])]
    suffix = next((suffix for suffix in VOLUME_SUFFIXES if options.output.lower().endswith(suffix)), "")
    parts = [f"{options.output.removesuffix(suffix)}-section-1{suffix}"] if suffix else []
    if output_stays(options, options.output, inputs, is_derived_here, parts):
        return DONE
    request = Request(
        paths=tuple(options.paths),
        output=options.output,
        options=_regularize_options(options),
        parametric_map=options.parametric_map,
        spacing_mm=options.spacing_mm,
        stack=options.stack,
        series_uid=options.series,
        frame_spacing=options.frame_spacing,
    )
    with progress_bar(options) as progress, written_over(options, options.output) as place:
        outcome = run_regularize(replace(request, output=place), save_scene, progress, quietly)
    final = Path(options.output).parent
    outcome = replace(outcome, written=tuple(final / path.relative_to(Path(place).parent) for path in outcome.written))
    tell_report(options, lambda: regularize_report(outcome), outcome.to_dict)
    return DONE


def _regularize_options(options: argparse.Namespace) -> RegularizeOptions | None:
    """What the arguments say; None where positions alone are corrected. Arguments are called as the fields are."""
    from ..series.regularize.options import EVERY_MODE, RegularizeOptions

    if options.positions_only == (options.mode is not None):
        raise UsageError(f"choose one of --mode ({', '.join(EVERY_MODE)}) and --positions-only")
    if options.positions_only and options.reference is not None:
        raise UsageError("--reference is for --mode resample; --positions-only leaves pixels where they are")
    if options.positions_only:
        return None
    return RegularizeOptions(**{field.name: getattr(options, field.name) for field in fields(RegularizeOptions)})


def compare_command(options: argparse.Namespace) -> int:
    """Tell whether two volumes are the same physical image; returns the exit code."""
    from ..report.files import check_place
    from ..report.text.outcomes import comparison_report
    from ..report.text.terminal import Style
    from ..volumes import compare_volumes
    from ..volumes.read_volume import is_dicom, read_volume

    if options.tolerance is not None and not options.tolerance >= 0:
        raise UsageError(f"--tolerance {options.tolerance}: expected millimetres, 0 or more")
    check_place(options.json, "JSON report", b"{")
    stacks = options.stack or [None]
    if len(stacks) > 2:
        raise UsageError(f"--stack is given {len(stacks)} times; expected once for both, or once for A and once for B")
    places = (options.a, options.b)
    with quiet_libraries(options.debug):
        if options.stack and not any(os.path.exists(path) and is_dicom(path) for path in places):
            raise UsageError("--stack is for DICOM series, and neither of the two is one")
        volumes = [read_volume(path, stack=stack) for path, stack in zip(places, (stacks * 2)[:2], strict=True)]
    comparison = compare_volumes(*volumes, tolerance_mm=options.tolerance)
    tell_report(options, lambda: comparison_report(comparison, Style.of(sys.stdout)), comparison.to_dict)
    return DONE if comparison.same_physical_image or options.fail_on == "never" else FOUND
