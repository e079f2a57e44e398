"""Arguments of the command quality."""

from __future__ import annotations

import argparse

from ..shared import (
    Commands,
    Parser,
    assumed_options,
    fail_on_option,
    html_options,
    json_option,
    then_option,
)


def add_quality(commands: Commands, common: Parser) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "quality",
        parents=[assumed_options(), then_option(), json_option(), html_options(), fail_on_option(), common],
        help="is the deformation plausible, and is it read the way it was meant?",
        description="Measure a registration: displacements, Jacobian, curl, bending energy, inverse, bulk motion. With "
        "both images, find the reading under which they agree; with labels, measure inside each; with landmarks, their "
        "errors.",
    )
    parser.add_argument("registrations", nargs="+", metavar="REG", help="registrations, or folders that hold some")
    parser.add_argument("--item", type=int, action="append", metavar="N", help="only this item, counting from 1")
    parser.add_argument("--fixed", nargs="+", metavar="DIR", help="image series of the registered frame")
    parser.add_argument("--moving", nargs="+", metavar="DIR", help="image series of the source frame")
    parser.add_argument("--labels", metavar="FILE", help="label volume in the registered frame (NRRD, NIfTI, MHA …)")
    parser.add_argument(
        "--landmarks",
        nargs=2,
        metavar=("FIXED", "MOVING"),
        help="landmarks of both frames: CSV with name,x,y,z (LPS mm) or Spatial Fiducials objects",
    )
    parser.add_argument(
        "--tolerance",
        type=_tolerance,
        metavar="MEAN,MAX",
        help="how far the registration may leave landmarks apart, in mm, on average and at most (default: 2,5, as AAPM "
        "TG-132 asks of landmarks)",
    )
    _add_judging(parser)
    parser.add_argument(
        "--sign-off",
        metavar="FILE",
        help="also write a page to be signed (HTML): each measure beside its tolerance by AAPM TG-132, pass, "
        "attention, fail or not done, with pictures to look at, and all that is needed to repeat it",
    )
    parser.add_argument(
        "--csv",
        metavar="FILE",
        help="also write a table: a row for each item, label and structure (and registration); - for stdout, and "
        "nothing else",
    )


def _add_judging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--structures",
        nargs=2,
        metavar=("FIXED", "MOVING"),
        help="structures of both frames: RT Structure Sets, Segmentations or label volumes; those of the same name are "
        "compared",
    )
    parser.add_argument(
        "--pairs",
        nargs="+",
        type=_pair,
        metavar="FIXED=MOVING",
        help="structures that belong together although they have different names",
    )
    parser.add_argument(
        "--observer-error",
        dest="observer_mm",
        type=float,
        metavar="MM",
        help="how far apart observers place one landmark, root mean square: told beside the errors, and taken out of "
        "their root mean square",
    )


def _pair(text: str) -> tuple[str, str]:
    """Two names, as in ``Liver=Leber``."""
    first, sign, second = text.partition("=")
    if not (sign and first.strip() and second.strip()):
        raise argparse.ArgumentTypeError(f"{text!r}: expected two names, as in Liver=Leber")
    return first, second


def _tolerance(text: str) -> tuple[float, float]:
    """Two numbers of mm, as in ``2,5``."""
    try:
        mean, largest = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected two numbers of mm, as in 2,5") from None
    return mean, largest
