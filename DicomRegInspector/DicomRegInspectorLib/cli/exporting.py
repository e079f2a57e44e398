"""The commands export and export-image: a transform, points or a volume as DICOM objects."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .ending import DONE
from .existing import output_stays, written_over
from .libraries import quiet_libraries
from .output import progress_bar, tell_report, verdict
from .shared import assumed

if TYPE_CHECKING:
    from ..tasks.dicom_export.transforms import ExportOptions


def export_command(options: argparse.Namespace) -> int:
    """Write a transform as a registration object, points as fiducials; returns the exit code."""
    from ..report.files import check_place
    from ..report.text.exports import export_report
    from ..tasks.dicom_export.points import are_points, export_points
    from ..tasks.dicom_export.transforms import export_transform

    inputs = [*options.transforms, *(options.fixed or ()), *(options.moving or ())]
    if output_stays(options, options.output, inputs):
        return DONE
    check_place(options.json, "JSON report", b"{")
    if are_points(options.transforms):
        _refuse_for_points(options)
        points = export_points(
            options.transforms,
            options.output,
            fixed=options.fixed or (),
            moving=options.moving or (),
            description=options.description,
        )
        tell_report(options, lambda: export_report(points), points.to_dict)
        return DONE
    with progress_bar(options) as progress:
        written = export_transform(options.transforms, Path(options.output), _options(options), progress)
    tell_report(options, lambda: export_report(written), written.to_dict, written.findings)
    return verdict(written.findings, options.fail_on)


def _refuse_for_points(options: argparse.Namespace) -> None:
    names = ("grid", "maps", "coordinates", "item", "read_as")
    wrong = [f"--{name.replace('_', '-')}" for name in names if getattr(options, name) is not None]
    if wrong:
        raise UsageError(f"{', '.join(wrong)}: for transforms; points are written where they are")


def _options(options: argparse.Namespace) -> ExportOptions:
    from ..tasks.dicom_export.transforms import ExportOptions

    spacing = None if options.grid is None else _spacing(options.grid)
    return ExportOptions(
        fixed=options.fixed or (),
        moving=options.moving or (),
        item=options.item,
        assumed=assumed(options),
        spacing_mm=spacing,
        grid=None if spacing else options.grid,
        reading=options.read_as,
        description=options.description,
    )


def _spacing(text: str) -> tuple[float, float, float] | None:
    """What ``5`` or ``5,5,2.5`` says of mm; None for what is no numbers, and so a file or a folder."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    if len(numbers) not in (1, 3) or not all(math.isfinite(number) and number > 0 for number in numbers):
        raise UsageError(f"--grid {text}: expected mm, one number or three as in 5,5,2.5, each more than 0")
    x, y, z = numbers * 3 if len(numbers) == 1 else numbers
    return x, y, z


def export_image_command(options: argparse.Namespace) -> int:
    """Write a volume as DICOM images; returns the exit code."""
    from ..report.files import check_place
    from ..report.text.exports import image_export_report
    from ..tasks.image_export.export import ImageExportOptions, export_image, is_exported_image

    inputs = [options.volume, *(options.reference or ())]
    if output_stays(options, options.output, inputs, is_exported_image):
        return DONE
    check_place(options.json, "JSON report", b"{")
    chosen = ImageExportOptions(
        reference=options.reference or (),
        kind=options.kind,
        per_slice=options.per_slice_rescale,
        units=options.units,
        fill=options.fill,
        stated=dict(options.stated),
        description=options.description,
    )
    quietly = partial(quiet_libraries, options.debug)
    with progress_bar(options) as progress, written_over(options, options.output) as place:
        written = export_image(options.volume, place, chosen, progress, quietly)
    written = replace(written, output=Path(options.output))
    tell_report(options, lambda: image_export_report(written), written.to_dict)
    return DONE
