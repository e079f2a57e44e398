"""The command map: points through registrations, there or back."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..words import plural
from .ending import DONE
from .existing import STDOUT, output_stays
from .output import give, remark
from .shared import assumed

if TYPE_CHECKING:
    import numpy as np

    from ..registration import Registration, RegistrationItem


def map_command(options: argparse.Namespace) -> int:
    """Map points through one item of each registration in turn, there or back; returns the exit code."""
    from ..registration.points import parse_points
    from ..tasks.chain import read_each, require_chain, through, through_inverse

    if options.residuals and not options.inverse:
        raise UsageError("--residuals belongs to --inverse: the forward direction has none")
    inputs = [*options.registrations, options.points]
    if options.output != STDOUT and output_stays(options, options.output, inputs):
        return DONE
    points = parse_points(_read_text(options.points), "stdin" if options.points == "-" else options.points)
    if options.residuals and points.format != "CSV":
        raise UsageError(f"--residuals is a column of CSV; {points.format} has no place for it")
    items = [choose_noted(options, read) for read in read_each(options.registrations, assumed(options))]
    require_chain(items)
    before = points.positions_lps_mm
    residual_mm = None
    if options.inverse:
        mapped, residual_mm = through_inverse(items, before)
    else:
        mapped = through(items, before)
    _write(options, points.rewrite(mapped, residual_mm if options.residuals else None))
    _remark(options, before, mapped, residual_mm)
    return DONE


def _read_text(place: str) -> str:
    from ..dicom.source import read_regular_file

    try:
        data = sys.stdin.buffer.read() if place == "-" else read_regular_file(place)
        return data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{place}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{place}: is not text in UTF-8; expected CSV with the header x,y,z") from error


def _write(options: argparse.Namespace, text: str) -> None:
    from ..output_file import replace_file

    if options.output == STDOUT:
        give(text)
    else:
        replace_file(options.output, lambda unfinished: unfinished.write_bytes(text.encode("utf-8")))


def _remark(
    options: argparse.Namespace, before: np.ndarray, mapped: np.ndarray, residual_mm: np.ndarray | None
) -> None:
    """Say how many points went nowhere, and why."""
    placed = (before == before).all(axis=1)
    found = (mapped == mapped).all(axis=1)
    count = len(before)
    if not placed.all():
        remark(options, f"{count - int(placed.sum())} of {plural(count, 'point')} have no position in the file")
    lost = int((placed & ~found).sum())
    if residual_mm is not None:
        largest = f", largest residual {residual_mm[found].max():.2g} mm" if found.any() else ""
        remark(options, f"inverse: {int(found.sum())} of {count} points found{largest}; {lost} not found")
    elif lost:
        remark(options, f"{lost} of {count} points lie where the registration is undefined: nan")


def choose_noted(options: argparse.Namespace, registration: Registration) -> RegistrationItem:
    """Choose the item asked for or the only one meant; what was chosen among several is said on stderr."""
    from ..registration.choose import choose_item

    choice = choose_item(registration, options.item)
    if choice.note:
        remark(options, choice.note)
    return choice.item
