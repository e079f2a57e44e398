"""What the command line understands of the command export."""

from __future__ import annotations

import argparse

from .shared import READINGS, Commands, Parser, assumed_options, existing_options, fail_on_option, json_option

IMAGE_KINDS = ("ct", "mr", "pet", "secondary-capture", "parametric-map", "segmentation")
"""The names of :data:`..tasks.image_export.kinds.KINDS`, which is not imported for a parser's sake; a test compares."""


def add_export(commands: Commands, common: Parser) -> None:
    """Add the command to the parser of all commands."""
    parser = commands.add_parser(
        "export",
        parents=[existing_options(), assumed_options(), json_option(), fail_on_option(), common],
        help="write a transform or points as a DICOM registration or fiducials",
        description="Write a transform as a DICOM object: a matrix as Spatial Registration, a grid between matrices as "
        "it is as Deformable Spatial Registration, everything else sampled onto a grid, with the error between its "
        "nodes. Points (CSV, .fcsv, .mrk.json) become Spatial Fiducials. Patient, study, frames of reference and "
        "references are those of the images; nothing is made up.",
    )
    parser.add_argument(
        "transforms",
        nargs="+",
        metavar="TRANSFORM",
        help="a registration, or several that points go through in this order; or a file of points, or two, of the "
        "fixed and the moving image",
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="the DICOM file")
    parser.add_argument("--fixed", nargs="+", metavar="DIR", help="image series of the registered frame")
    parser.add_argument("--moving", nargs="+", metavar="DIR", help="image series of the source frame")
    parser.add_argument("--item", type=int, metavar="N", help="item of the registration, counting from 1")
    parser.add_argument(
        "--grid",
        metavar="MM|FILE",
        help="sample at nodes so many mm apart (5, or 5,5,2.5 along the image's axes), or on the voxels of a volume or "
        "series (default: what has a grid as it is; else the voxels of the fixed image, else its own nodes)",
    )
    parser.add_argument(
        "--read-as",
        choices=READINGS,
        metavar="READING",
        help=f"read the file in another way than the standard says: {', '.join(READINGS)}",
    )
    parser.add_argument("--description", default="", metavar="TEXT", help="Series Description (0008,103E)")


def add_export_image(commands: Commands, common: Parser) -> None:
    """Add the command to the parser of all commands."""
    parser = commands.add_parser(
        "export-image",
        parents=[existing_options(), json_option(), common],
        help="write a volume as DICOM images that keep its places and values",
        description="Write a volume (NIfTI, NRRD, MetaImage …, or DICOM) as a DICOM series into a new folder, read it "
        "back and compare it. Voxels stay where they are; integers are written as they are, floating-point values with "
        "a slope and intercept, no further off than half a step, or as they are in a Parametric Map. Patient, study "
        "and frame of reference are the reference's; nothing that the class requires is made up.",
    )
    parser.add_argument("volume", metavar="VOLUME", help="a volume file, or a folder with one DICOM series")
    parser.add_argument("--output", required=True, metavar="DIR", help="a new folder")
    parser.add_argument(
        "--reference",
        nargs="+",
        metavar="DIR",
        help="image series in the same coordinates: its patient, study and frame of reference are taken over, and what "
        "its class requires when the new images are of the same (default: the volume itself, where it is DICOM)",
    )
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--kind",
        choices=IMAGE_KINDS,
        help="what to write (default: what the reference's images are, if CT, MR or PET, else secondary-capture, in "
        "one file)",
    )
    either.add_argument(
        "--parametric-map",
        dest="kind",
        action="store_const",
        const="parametric-map",
        help="floating-point values, exact: --kind parametric-map",
    )
    parser.add_argument("--per-slice-rescale", action="store_true", help="of PET images: a slope for each slice")
    parser.add_argument(
        "--units",
        default="",
        metavar="UNITS",
        help="what the values are in: GML (SUV), BQML … for PET, which needs them; HU, BQML or GML for a Parametric "
        "Map; Rescale Type (0028,1054) of others",
    )
    parser.add_argument(
        "--fill",
        type=float,
        metavar="VALUE",
        help="what takes the place of NaN and infinite values (default: refuse them; a Parametric Map holds them)",
    )
    parser.add_argument(
        "--set",
        dest="stated",
        action="append",
        default=[],
        type=_element,
        metavar="KEYWORD=VALUE",
        help="an element that the class requires and nothing says, as in --set DecayCorrection=START; again for more",
    )
    parser.add_argument("--description", default="", metavar="TEXT", help="Series Description (0008,103E)")


def _element(text: str) -> tuple[str, str]:
    keyword, equals, value = text.partition("=")
    if not equals or not keyword.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not KEYWORD=VALUE, like DecayCorrection=START")
    return keyword, value
