"""Options that several commands have, each defined once, as argparse's parents."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from ..findings import SEVERITIES
from .ending import UNUSABLE

if TYPE_CHECKING:
    from ..registration import Registration
    from ..registration.conventions import Assumed

READINGS = ("voxel-units", "reversed", "axis-signs", "without-bulk", "matrices-ignored", "matrices-swapped")
"""The names of :data:`..registration.repairs.REPAIRS`, which is not imported for a parser's sake; a test compares."""

STACK_HELP = "number of the stack, counting from 1, its label, or a value that it is told apart by ('b = 1000')"


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one line."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Take ``--at -10,2,3`` for an option with a value, though the value begins like an option."""
        return super().parse_known_args(_with_coordinates(args), namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(UNUSABLE, f"{self.prog}: {one_line(message)} (see {self.prog} --help)\n")


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def _with_coordinates(arguments: Iterable[str] | None) -> list[str]:
    found: list[str] = []
    for argument in sys.argv[1:] if arguments is None else arguments:
        if re.match(r"-[\d.]+,", argument) and found and re.fullmatch(r"--[a-z-]+", found[-1]):
            found[-1] += f"={argument}"
        else:
            found.append(argument)
    return found


def one_line(text: str) -> str:
    """Return a message as one line that a terminal does not act on."""
    from ..report.text.terminal import printable

    return printable(" ".join(text.split()))


def _options(title: str) -> tuple[Parser, argparse._ArgumentGroup]:
    parser = Parser(add_help=False)
    return parser, parser.add_argument_group(title)


def common_options() -> Parser:
    """Make what every command has."""
    parser, group = _options("how much is said")
    group.add_argument("--quiet", action="store_true", help="print results and errors only: no remarks, no progress")
    group.add_argument("--debug", action="store_true", help="show the traceback of an unexpected error")
    return parser


def json_option() -> Parser:
    """Make the option of every command with a report."""
    parser, group = _options("reports")
    group.add_argument(
        "--json", metavar="FILE", help="also write all there is to say as JSON; - for stdout, and nothing else"
    )
    return parser


def html_options() -> Parser:
    """Make the options of commands with an HTML report."""
    parser, group = _options("reports")
    group.add_argument(
        "--html",
        metavar="FILE",
        help="also write a report to look at, print and keep: one file, with measures, pictures and the files' digests",
    )
    group.add_argument(
        "--identifiers", action="store_true", help="name the patient in the HTML report (default: no names)"
    )
    return parser


def fail_on_option(default: str = "never", what: str = "there is a finding of this severity or worse") -> Parser:
    """Make the option of commands that judge."""
    parser, group = _options("exit code")
    group.add_argument(
        "--fail-on",
        choices=("never", *SEVERITIES[1:]),
        default=default,
        help=f"exit with 1 when {what} (default: {default})",
    )
    return parser


def series_options() -> Parser:
    """Make the options that choose among series and stacks."""
    parser, group = _options("which images")
    group.add_argument("--series", metavar="UID", help="the series with this Series Instance UID")
    group.add_argument("--stack", metavar="N", help=STACK_HELP)
    return parser


def assumed_options() -> Parser:
    """Make the options that say of a transform what its file leaves open."""
    parser, group = _options("transforms that are not DICOM")
    group.add_argument(
        "--maps",
        choices=("registered-to-source", "source-to-registered"),
        help="which way a file maps that does not say it, or, of the only one that is named, means it otherwise than "
        "its format has it",
    )
    group.add_argument(
        "--coordinates", choices=("lps", "ras"), help="axes of the coordinates of a file that does not say them"
    )
    return parser


def then_option() -> Parser:
    """Make the option that lets points go on through other transforms."""
    parser, group = _options("chains")
    group.add_argument(
        "--then",
        action="append",
        default=[],
        metavar="FILE",
        help="go on through this transform: the whole is one (ANTs: 1Warp.nii.gz --then 0GenericAffine.mat); again for "
        "more, in the order in which points of the registered frame go through them",
    )
    return parser


def reading(options: argparse.Namespace, paths: Sequence[str]) -> Callable[[Any], Registration]:
    """Return how a command reads registrations: with what is said of them, and with what they go on through.

    Raises UsageError when several registrations are to go on through one.
    """
    from ..errors import UsageError
    from ..tasks.chain import read_in_a_row

    if options.then and len(paths) > 1:
        raise UsageError("--then makes one transform of one registration and others; name one to begin with")
    return lambda path: read_in_a_row(path, options.then, assumed(options))


def assumed(options: argparse.Namespace) -> Assumed:
    """Return what these options say."""
    from ..registration.conventions import Assumed

    return Assumed(options.maps, options.coordinates)


def existing_options() -> Parser:
    """Make the options of commands that write, for what is there already."""
    parser = Parser(add_help=False)
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--overwrite",
        action="store_true",
        help="replace what is there, in one step when the new one is whole (default: leave it alone, exit code 2)",
    )
    either.add_argument("--skip-existing", action="store_true", help="do nothing where the output is there already")
    return parser
