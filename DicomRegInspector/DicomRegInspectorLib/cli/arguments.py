"""What the command line understands: its commands and their arguments."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable

from ..version import __version__
from .about import SHELLS
from .applying import add_apply
from .archive import add_archive
from .ending import EXIT_CODES
from .export_arguments import add_export, add_export_image
from .quality.arguments import add_quality
from .shared import (
    READINGS,
    STACK_HELP,
    Commands,
    Parser,
    assumed_options,
    common_options,
    existing_options,
    fail_on_option,
    html_options,
    json_option,
    series_options,
    then_option,
)
from .trying_arguments import TRYING

SCENE_SUFFIX = ".mrb"
LOAD_SUFFIXES = (SCENE_SUFFIX, ".h5", ".tfm", ".nrrd", ".nii.gz", ".nii", ".mha")


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands; ``command`` of what it gives says which one."""
    common = common_options()
    parser = Parser(
        prog="dicom-reg-inspector",
        description="Where a DICOM registration really sends each point, and whether an image series really is a "
        "regular volume.",
        epilog="Coordinates are DICOM's (LPS) in millimetres. Exit codes: "
        + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items())
        + ".",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    adders = (_add_inspect, _add_show, _add_map, add_apply, _add_load, add_export, add_quality, _add_pixels)
    for add in (
        *adders,
        add_archive,
        _add_compare,
        _add_regularize,
        add_export_image,
        *TRYING,
        _add_explain,
        _add_completion,
    ):
        add(commands, common)
    return parser


def _add_inspect(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "inspect",
        parents=[assumed_options(), json_option(), html_options(), fail_on_option(), common],
        help="report what is wrong with registrations and image series",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files and folders, whatever their names")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=5.0,
        metavar="PERCENT",
        help="how far an interval between slices may be off the spacing before it is a gap, an overlap or a change, in "
        "per cent of the spacing (default: 5)",
    )
    parser.add_argument(
        "--no-audit",
        dest="audit",
        action="store_false",
        help="do not read the images that registrations are between (default: where both are there, find out whether "
        "they agree with the registration as the standard reads it)",
    )
    parser.add_argument("--all", action="store_true", help="show every finding, without folding those of a kind")


def _add_show(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "show",
        parents=[assumed_options(), then_option(), json_option(), fail_on_option(), common],
        help="say what DICOM objects hold, in words and units",
        description="Say what each file holds, in words and units, with each element's tag.",
    )
    parser.add_argument("paths", nargs="+", metavar="FILE", help="any DICOM object; of a folder its registrations")
    parser.add_argument(
        "--at",
        type=_point,
        metavar="X,Y,Z",
        help="tell a registration's shift at this point of the registered frame, LPS mm (default: the centre of the "
        "registered image in a folder that is named, else that of the grid)",
    )


def _point(text: str) -> tuple[float, float, float]:
    try:
        x, y, z = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not X,Y,Z in mm, like -12.5,80,0") from None
    if not all(map(math.isfinite, (x, y, z))):
        raise argparse.ArgumentTypeError(f"{text!r} is not finite")
    return x, y, z


def _add_map(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "map",
        parents=[assumed_options(), existing_options(), common],
        help="map points from the registered to the source frame",
        description="Map points (mm) from the registered to the source frame, and write the file they came in with the "
        "points where they are sent, all else as it was: CSV with the columns x,y,z or l,p,s (LPS) or r,a,s (RAS) and "
        "any others, or Slicer's .fcsv and .mrk.json in the coordinate system that they say. Where the registration is "
        "undefined, CSV has nan and markups have points without a position.",
    )
    parser.add_argument(
        "registrations", nargs="+", metavar="REG", help="one, or several that points go through in this order"
    )
    parser.add_argument("--points", required=True, metavar="IN", help="CSV, .fcsv or .mrk.json; - for stdin")
    parser.add_argument("--output", default="-", metavar="OUT", help="where to (default: -, stdout)")
    parser.add_argument("--item", type=int, metavar="N", help="item of the registration, counting from 1")
    parser.add_argument("--inverse", action="store_true", help="map from the source to the registered frame")
    parser.add_argument("--residuals", action="store_true", help="with --inverse: add a column residual_mm")


def _add_load(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "load",
        parents=[
            assumed_options(),
            then_option(),
            existing_options(),
            json_option(),
            fail_on_option("error", "a registration cannot be read, which is an error"),
            common,
        ],
        help="write registrations as a Slicer scene or a transform file",
        description="Write registrations for other tools: .mrb a Slicer scene with all items as transform nodes; "
        ".h5 and .tfm an ITK transform; .nrrd, .nii, .nii.gz and .mha a displacement field. All map from the "
        "registered to the source frame, as resampling needs it. What a format cannot say is told.",
    )
    parser.add_argument("registrations", nargs="+", metavar="REG", help="registrations, or folders that hold some")
    parser.add_argument("--output", required=True, metavar="FILE", help="ends in " + ", ".join(LOAD_SUFFIXES))
    parser.add_argument("--item", type=int, metavar="N", help="only this item, counting from 1")
    parser.add_argument("--bake", action="store_true", help="put pre and post matrices into the vectors")
    parser.add_argument(
        "--read-as",
        choices=READINGS,
        metavar="READING",
        help="read the file in another way than the standard says; what was done is printed and, in a scene, noted on "
        f"the nodes: {', '.join(READINGS)}",
    )


def _add_pixels(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "pixels",
        parents=[series_options(), json_option(), fail_on_option(), common],
        help="check pixel data: length, bits, frames, colours, loss, spacing, rescale",
        description="Check the pixels of DICOM files: are they there, as long as announced, decodable, and do they "
        "mean what the header says?",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files and folders, whatever their names")


def _add_regularize(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "regularize",
        parents=[series_options(), existing_options(), json_option(), common],
        help="make an irregular series regular: place, resample, split or crop it, or correct its positions",
        description="Make an irregular image series regular, and write it as a volume file (.nrrd, .nii.gz, .nii, "
        ".mha), a Slicer scene (.mrb) or, into a new folder, as a new DICOM series.",
    )
    parser.add_argument("paths", nargs="+", metavar="DIR", help="folder or files of the series")
    parser.add_argument(
        "--mode",
        choices=("acquisition", "resample", "split", "crop", "restack"),
        help="acquisition: values untouched, a displacement grid puts each slice where its header says; resample: "
        "orthogonal, linear between true positions; split: one volume for each section of constant spacing; crop: the "
        "longest section; restack: sections whose positions begin anew, one behind the other",
    )
    parser.add_argument("--positions-only", action="store_true", help="write rounded positions anew, pixels unchanged")
    _add_grid(parser)
    parser.add_argument(
        "--max-gap",
        type=float,
        default=1,
        metavar="N",
        help="interpolate across N missing slices at most; wider gaps hold the fill value (default: 1)",
    )
    parser.add_argument(
        "--duplicates",
        type=_duplicates,
        default="first",
        metavar="CHOICE",
        help="of images at one position: first, last, mean, or an acquisition number (default: first)",
    )
    parser.add_argument(
        "--overlaps",
        choices=("keep", "first", "last", "mean"),
        default="keep",
        help="of two slices closer than the spacing: keep both, or make one of them (default: keep)",
    )
    parser.add_argument(
        "--fill",
        type=float,
        metavar="VALUE",
        help="where there is no image (default: the image's own padding where it has some, else air or black)",
    )
    _add_sections(parser)
    parser.add_argument(
        "--frame-spacing",
        type=_frame_spacing,
        metavar="MM",
        help="of frames that share one position: mm, or 'claimed' for what the header says (default: refuse them)",
    )
    parser.add_argument("--parametric-map", action="store_true", help="write a .dcm of floating-point values, exact")
    parser.add_argument(
        "--output", required=True, metavar="FILE_OR_DIR", help="what to write: a file by its ending, or a folder"
    )


def _add_grid(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--spacing",
        dest="spacing_mm",
        type=float,
        metavar="MM",
        help="between slices (default: that of most intervals)",
    )
    parser.add_argument(
        "--in-plane-spacing",
        "--in-plane",
        dest="in_plane_spacing_mm",
        type=float,
        metavar="MM",
        help="between pixels, with resample (default: as is)",
    )
    parser.add_argument(
        "--reference",
        metavar="FILE_OR_DIR",
        help="resample on the grid of this volume (NRRD, NIfTI …, or a folder with a DICOM series), whatever its "
        "directions, instead of choosing spacings",
    )


def _add_sections(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--section-order",
        type=_section_order,
        metavar="N,N,…",
        help="with restack: the numbers of all sections, from 1 as they were recorded, in the order in which they lie "
        "(default: as they were recorded)",
    )
    parser.add_argument(
        "--section-gap",
        dest="section_gap_mm",
        type=float,
        metavar="MM",
        help="with restack: from the last slice of a section to the first of the next (default: the slice spacing)",
    )


def _duplicates(text: str) -> str | int:
    if text in ("first", "last", "mean"):
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not first, last, mean or an acquisition number") from None


def _section_order(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of section numbers like 2,1,3") from None


def _frame_spacing(text: str) -> str | float:
    if text == "claimed":
        return text
    spacing = float(text)
    if not 0 < abs(spacing) < float("inf"):
        raise ValueError
    return spacing


def _add_compare(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "compare",
        parents=[json_option(), fail_on_option("error", "they are not the same image, which is an error"), common],
        help="are two volumes the same physical image in another voxel order?",
        description="Compare two volumes by where their voxels lie and by their values. Each is a DICOM file, a folder "
        "with one DICOM series, or NIfTI, NRRD, MetaImage and anything else SimpleITK reads.",
    )
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument("--tolerance", type=float, metavar="MM", help="how far corners may lie apart (default: 0.1)")
    parser.add_argument(
        "--stack",
        action="append",
        metavar="N",
        help=f"{STACK_HELP}; of DICOM series. Given once it is for both, given twice for A and then for B",
    )


def _add_explain(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "explain",
        parents=[common],
        help="what a finding means, how it is measured and what to do",
        description="Explain findings by their codes, as they stand in brackets in reports; without a code, list all.",
    )
    codes = parser.add_argument("codes", nargs="*", metavar="CODE", help="slice-gap, reg-folding …")
    # Not as choices: a mistyped code is answered with the one that is meant. A shell completes them all the same.
    codes.completer = _known_codes  # type: ignore[attr-defined] # argcomplete looks for it there


def _known_codes(**_: object) -> Iterable[str]:
    from ..findings import CODES

    return CODES


def _add_completion(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "completion",
        parents=[common],
        help="make a shell complete commands, options and finding codes",
        description="Print a script that makes a shell complete what you type. In bash and zsh: "
        'eval "$(dicom-reg-inspector completion bash)"; in fish: dicom-reg-inspector completion fish | source; '
        "in the shell's start-up file, for good.",
    )
    parser.add_argument("shell", choices=SHELLS)
