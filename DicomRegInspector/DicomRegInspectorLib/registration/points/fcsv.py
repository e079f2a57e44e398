"""Slicer's older markups, ``.fcsv``: lines of cells in a fixed order, under a header of lines that begin with ``#``."""

from __future__ import annotations

import csv
import io
import re

import numpy as np

from ...errors import UsageError
from .point_file import SIGNS, PointFile, in_file, is_defined, number_of, shown

_VERSION = re.compile(r"#\s*Markups fiducial file version\s*=", re.IGNORECASE)
_SYSTEM = re.compile(r"#\s*CoordinateSystem\s*=\s*(\S*)", re.IGNORECASE)
_SYSTEMS = {"0": "RAS", "1": "LPS", "RAS": "RAS", "LPS": "LPS"}
"""Up to Slicer 4.10 numbers stood for the systems."""
_FIRST, _LABEL, _STATUS = 1, 11, 14
"""Cells of x, of the label, and of the position's status, which newer versions write."""
_UNDEFINED, _DEFINED = "0", "2"


def parse(text: str, name: str) -> PointFile:
    """Read points of an ``.fcsv`` file, in the coordinate system that its header says.

    Raises
    ------
    UsageError
        Naming the line, when there is no such header, no coordinate system in it, or a row is not as expected.
    """
    lines = text.splitlines()
    header = [line for line in lines if line.startswith("#")]
    if not any(_VERSION.match(line) for line in header):
        raise UsageError(
            f"{name}: begins with # and is no markups file of Slicer ('# Markups fiducial file version = …'); expected "
            "that or CSV with the header x,y,z"
        )
    signs = SIGNS[_system(header, name)]
    rows: dict[int, list[str]] = {}
    points: list[list[float]] = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            rows[number] = next(csv.reader([line]))
            points.append(_point(rows[number], f"{name}, line {number}"))

    def rewrite(positions: np.ndarray, residual_mm: np.ndarray | None) -> str:
        places = dict(zip(rows, in_file(positions, signs), strict=True))
        return "".join(
            _written(rows[number], places[number]) if number in rows else f"{line}\n"
            for number, line in enumerate(lines, 1)
        )

    names = tuple(row[_LABEL] if len(row) > _LABEL else "" for row in rows.values())
    array = np.array(points, dtype=np.float64).reshape(-1, 3) * signs
    return PointFile(array, names, "fcsv", rewrite)


def _system(header: list[str], name: str) -> str:
    """The coordinate system; readers of different versions take files without one for different things."""
    said = [found[1] for line in header if (found := _SYSTEM.match(line))]
    if len(set(said)) == 1 and said[0].upper() in _SYSTEMS:
        return _SYSTEMS[said[0].upper()]
    found = f"says CoordinateSystem = {', '.join(said)}" if said else "does not say its coordinate system"
    raise UsageError(f"{name}: {found}; expected a line '# CoordinateSystem = LPS' or '# CoordinateSystem = RAS'")


def _point(row: list[str], where: str) -> list[float]:
    if _is_undefined(row):
        return [np.nan] * 3
    values = [number_of(cell) for cell in row[_FIRST : _FIRST + 3]]
    known = [value for value in values if value is not None]
    if len(known) != 3:
        raise UsageError(f"{where}: expected id,x,y,z,… with three numbers, found {shown(row)}")
    return known


def _is_undefined(row: list[str]) -> bool:
    return len(row) > _STATUS and row[_STATUS].strip() not in (_DEFINED, "")


def _written(row: list[str], position: list[float]) -> str:
    cells = [*row[:_FIRST], *map(repr, position), *row[_FIRST + 3 :]]
    if not is_defined(position):
        if _is_undefined(row):
            cells = row
        elif len(row) >= _STATUS:
            cells[_STATUS : _STATUS + 1] = [_UNDEFINED]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()
