"""What the command line understands of the command export."""

from __future__ import annotations

from .shared import READINGS, Commands, Parser, assumed_options, existing_options, fail_on_option, json_option


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
