"""The command apply: images, labels, dose and points through a registration."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

from .ending import DONE
from .export_arguments import IMAGE_KINDS
from .output import progress_bar, remark, tell_report, verdict
from .shared import (
    Commands,
    Parser,
    assumed,
    assumed_options,
    existing_options,
    fail_on_option,
    json_option,
    series_options,
    then_option,
)

INTERPOLATIONS = ("linear", "nearest", "cubic")
"""Those of :mod:`..tasks.apply.request`, which is not imported for a parser's sake; a test compares."""

WHAT = {
    "image": "an image: a folder with one DICOM series, or any volume file",
    "labels": "labels: a volume file of whole numbers, or a DICOM Segmentation",
    "structures": "structures: an RT Structure Set, a Segmentation, or a label volume; their contours are drawn on the "
    "reference's slices",
    "dose": "an RT Dose object",
    "points": "points: CSV, .fcsv or .mrk.json",
}
"""What can be brought along, the kinds of :data:`..tasks.apply.run.KINDS`; a test compares."""


def add_apply(commands: Commands, common: Parser) -> None:
    """Add the command to the parser of all commands."""
    parser = commands.add_parser(
        "apply",
        parents=[
            assumed_options(),
            then_option(),
            series_options(),
            existing_options(),
            json_option(),
            fail_on_option("error", "there is a finding of this severity or worse"),
            common,
        ],
        help="bring images, labels, dose or points through a registration",
        description="Bring what lies in the source frame of a registration to its registered frame, or back with "
        "--inverse. Where the registration is undefined and beyond the input nothing is made up: the fill value "
        "stands there, and how much that is is told. What is written as DICOM belongs to the reference's study.",
    )
    parser.add_argument("transform", metavar="TRANSFORM", help="a registration, or any other transform that is read")
    what = parser.add_mutually_exclusive_group(required=True)
    for kind, text in WHAT.items():
        what.add_argument(f"--{kind}", metavar="INPUT", help=text)
    parser.add_argument(
        "--reference",
        nargs="+",
        default=[],
        metavar="DIR_OR_FILE",
        help="an image in the frame that the input is brought to: its voxels are the output's, its patient and study "
        "too where it is DICOM (default: the nodes of the registration's grid; of a rigid matrix the input's own "
        "voxels, carried along)",
    )
    parser.add_argument("--inverse", action="store_true", help="from the registered to the source frame")
    parser.add_argument("--output", required=True, metavar="OUT", help=_OUTPUT)
    parser.add_argument("--item", type=int, metavar="N", help="item of the registration, counting from 1")
    parser.add_argument(
        "--no-audit",
        dest="audit",
        action="store_false",
        help="do not find out whether an image and its reference agree with the registration as the standard reads it",
    )
    parser.add_argument(
        "--any-frame", action="store_true", help="go on where frames of reference disagree, which is refused otherwise"
    )
    _add_values(parser)


def _add_values(parser: Parser) -> None:
    """Add what says which values stand where, and what DICOM images they are."""
    parser.add_argument(
        "--interpolation",
        choices=INTERPOLATIONS,
        default="linear",
        help="of images and dose (default: linear); labels are taken from the nearest voxel",
    )
    parser.add_argument(
        "--fill",
        type=float,
        metavar="VALUE",
        help="where there is no value (default: of images their padding, else air or black; of labels and dose 0)",
    )
    parser.add_argument(
        "--spacing",
        type=spacing,
        metavar="MM",
        help="divide the box of the reference (or of the grid) into other voxels: 2, or 1,1,2.5 along its axes",
    )
    parser.add_argument(
        "--kind", choices=IMAGE_KINDS, metavar="KIND", help=f"of DICOM images: {', '.join(IMAGE_KINDS)}"
    )
    parser.add_argument("--description", default="", metavar="TEXT", help="Series Description (0008,103E)")


_OUTPUT = (
    "by its ending a volume file (.nrrd, .nii.gz, .nii, .mha), or a DICOM file (.dcm) of a Segmentation, a dose or "
    "structures, whose points can be written as .csv, too; of an image else a new folder of DICOM images; points keep "
    "their format"
)


def spacing(text: str) -> tuple[float, float, float]:
    """Return what ``2`` or ``1,1,2.5`` says of mm."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 3) or not all(0 < number < float("inf") for number in numbers):
        raise argparse.ArgumentTypeError(f"{text!r}: expected mm, one number or three as in 1,1,2.5, each more than 0")
    i, j, k = numbers * 3 if len(numbers) == 1 else numbers
    return i, j, k


def apply_command(options: argparse.Namespace) -> int:
    """Apply a transform to something and write it; returns the exit code."""
    from ..report.files import check_place
    from ..report.text.applied import applied_report
    from ..tasks.apply.request import ApplyRequest
    from ..tasks.apply.run import apply_transform
    from ..tasks.apply.transform import read_transform
    from ..tasks.image_export.export import is_exported_image
    from .existing import output_stays, written_over
    from .libraries import quiet_libraries

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
        audit=options.audit,
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
