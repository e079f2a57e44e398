"""The command apply: images, labels, dose and points through a registration."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

from .apply_arguments import WHAT
from .ending import DONE
from .existing import output_stays, written_over
from .libraries import quiet_libraries
from .output import progress_bar, remark, tell_report, verdict
from .shared import assumed


def apply_command(options: argparse.Namespace) -> int:
    """Apply a transform to something and write it; returns the exit code."""
    from ..report.files import check_place
    from ..report.text.applied import applied_report
    from ..tasks.apply.request import ApplyRequest
    from ..tasks.apply.run import apply_transform
    from ..tasks.apply.transform import read_transform
    from ..tasks.image_export.export import is_exported_image

    kind, given = next((kind, value) for kind in WHAT if (value := getattr(options, kind)) is not None)
    inputs = [options.transform, *options.then, given, *options.reference]
    if output_stays(options, options.output, inputs, is_exported_image):
        return DONE
    check_place(options.json, "JSON report", b"{")
    transform = read_transform(
        options.transform, then=options.then, assumed=assumed(options), item=options.item, inverse=options.inverse
    )
    if transform.note:
        remark(options, transform.note)
    request = ApplyRequest(
        transform=transform,
        input=given,
        output=Path(options.output),
        reference=options.reference,
        spacing_mm=options.spacing,
        interpolation=options.interpolation,
        fill=options.fill,
        any_frame=options.any_frame,
        series_uid=options.series,
        stack=options.stack,
        kind=options.kind,
        description=options.description,
        quietly=partial(quiet_libraries, options.debug),
    )
    with progress_bar(options) as progress, written_over(options, options.output) as place:
        applied = apply_transform(kind, replace(request, output=Path(place)), progress)
    applied = replace(applied, output=Path(options.output))
    tell_report(options, lambda: applied_report(applied), applied.to_dict, applied.findings)
    return verdict(applied.findings, options.fail_on)
