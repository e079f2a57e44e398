"""What the command line understands of the command apply."""

from __future__ import annotations

import argparse

from .export_arguments import IMAGE_KINDS
from .shared import (
    Commands,
    Parser,
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
        "--any-frame", action="store_true", help="go on where frames of reference disagree, which is refused otherwise"
    )
    parser.add_argument(
        "--kind", choices=IMAGE_KINDS, metavar="KIND", help=f"of DICOM images: {', '.join(IMAGE_KINDS)}"
    )
    parser.add_argument("--description", default="", metavar="TEXT", help="Series Description (0008,103E)")


_OUTPUT = "by its ending a volume file (.nrrd, .nii.gz, .nii, .mha), else a new folder for DICOM images"


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
