"""Points as CSV, with whatever other columns there are.

The header says which coordinates they are, in any order and case: ``x``, ``y``, ``z`` and ``l``, ``p``, ``s`` are LPS;
``r``, ``a``, ``s`` are RAS. Slicer's tables of control points are such files. Without a header there are three columns,
LPS. Always mm.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import UsageError
from ...words import table_cell
from .number_lines import number_lines
from .point_file import SIGNS, PointFile, in_file, is_defined, number_of, shown

AXES = ("x", "y", "z")
HEADINGS = {AXES: "LPS", ("l", "p", "s"): "LPS", ("r", "a", "s"): "RAS"}
"""The coordinate system that three headings stand for."""
RESIDUAL, DEFINED, NAMES = "residual_mm", "defined", ("name", "label", "id")
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class _Columns:
    """Where things are in a row, by the header."""

    header: list[str]
    places: tuple[int, ...]
    signs: tuple[float, ...]
    name: int | None = None
    defined: int | None = None
    """Where Slicer says whether a point has a position."""


def parse(text: str, name: str) -> PointFile:
    """Read points of CSV text; commas, semicolons or tabs, any line ends, blank lines passed over.

    Raises
    ------
    UsageError
        Naming the line, when the header or a row is not as expected.
    """
    plain = _plain(text)
    if plain is not None:
        return plain
    first = next(line for line in text.splitlines() if line.strip())
    delimiter = next((sign for sign in _DELIMITERS if sign in first), ",")
    columns: _Columns | None = None
    rows: list[list[str]] = []
    points: list[list[float]] = []
    for line, row in _rows(text, delimiter, name):
        if columns is None:
            columns = _columns(row, f"{name}, line {line}")
            if columns.header is row:
                continue
        if len(row) != len(columns.header):
            raise UsageError(f"{name}, line {line}: expected {len(columns.header)} columns, found {shown(row)}")
        points.append(_point(row, columns, f"{name}, line {line}"))
        rows.append(row)
    assert columns is not None
    table = columns

    def rewrite(positions: np.ndarray, residual_mm: np.ndarray | None) -> str:
        return _written(table, rows, delimiter, positions, residual_mm)

    names = tuple(row[table.name].strip() if table.name is not None else "" for row in rows)
    array = np.array(points, dtype=np.float64).reshape(-1, 3) * table.signs
    return PointFile(array, names, "CSV", rewrite)


def _plain(text: str) -> PointFile | None:
    """A table of x,y,z with nothing but numbers, by NumPy, which takes an eighth of the time; None of any other."""
    head, _, rows = text.replace("\r\n", "\n").partition("\n")
    if tuple(head.lower().split(",")) != AXES or not rows or rows.isspace() or "\r" in rows:
        return None
    try:
        points = np.loadtxt(io.StringIO(rows), delimiter=",", comments=None, ndmin=2)
    except ValueError:
        return None  # The other way says which line is wrong, if it is wrong.
    if points.shape[1] != len(AXES):
        return None

    def rewrite(positions: np.ndarray, residual_mm: np.ndarray | None) -> str:
        table = positions + 0.0  # No -0.0, as in :func:`.point_file.in_file`.
        heading = head
        if residual_mm is not None:
            table, heading = np.column_stack([table, residual_mm]), f"{head},{RESIDUAL}"
        return f"{heading}\n{number_lines(table)}"

    return PointFile(points, ("",) * len(points), "CSV", rewrite)


def _rows(text: str, delimiter: str, name: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise UsageError(f"{name}, line {reader.line_num}: is not CSV ({error})") from error


def _columns(row: list[str], where: str) -> _Columns:
    if len(row) == 3 and all(number_of(cell) is not None for cell in row):
        return _Columns(list(AXES), (0, 1, 2), SIGNS["LPS"])
    names = [cell.strip().lower() for cell in row]
    present = [heads for heads in HEADINGS if set(heads) <= set(names)]
    # One s serves both l,p,s and r,a,s: which of them is meant cannot be told.
    if len(present) != 1 or any(names.count(head) != 1 for head in present[0]):
        raise UsageError(
            f"{where}: expected the header x,y,z or l,p,s (LPS mm) or r,a,s (RAS mm), each once; found {shown(row)}"
        )
    (heads,) = present
    return _Columns(
        row,
        tuple(names.index(head) for head in heads),
        SIGNS[HEADINGS[heads]],
        next((names.index(label) for label in NAMES if label in names), None),
        names.index(DEFINED) if DEFINED in names and heads != AXES else None,
    )


def _point(row: list[str], columns: _Columns, where: str) -> list[float]:
    if columns.defined is not None and row[columns.defined].strip().lower() in ("0", "false"):
        return [np.nan] * 3
    values = [value for value in (number_of(row[column]) for column in columns.places) if value is not None]
    if len(values) != 3:
        raise UsageError(f"{where}: expected three numbers (mm), found {shown(row)}")
    return values


def _written(
    columns: _Columns,
    rows: Sequence[list[str]],
    delimiter: str,
    positions: np.ndarray,
    residual_mm: np.ndarray | None,
) -> str:
    """Numbers in the shortest form that reads back the same, ``nan`` where undefined."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    residual = columns.header.index(RESIDUAL) if RESIDUAL in columns.header else len(columns.header)
    header = [table_cell(cell) for cell in columns.header]
    writer.writerow(header if residual_mm is None else _with(header, residual, RESIDUAL))
    for number, (row, place) in enumerate(zip(rows, in_file(positions, columns.signs), strict=True)):
        cells = [table_cell(cell) for cell in row]
        for column, value in zip(columns.places, place, strict=True):
            cells[column] = repr(value)
        if columns.defined is not None:
            cells[columns.defined] = str(int(is_defined(place)))
        writer.writerow(cells if residual_mm is None else _with(cells, residual, repr(float(residual_mm[number]))))
    return out.getvalue()


def _with(cells: list[str], column: int, text: str) -> list[str]:
    return [*cells[:column], text, *cells[column + 1 :]]
