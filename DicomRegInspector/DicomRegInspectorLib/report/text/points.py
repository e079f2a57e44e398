"""Points as CSV: ``x,y,z`` in LPS mm."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np

from ...errors import UsageError
from .terminal import printable

AXES = ("x", "y", "z")


def parse_points(text: str, name: str) -> np.ndarray:
    """Read points (n, 3) from CSV text.

    The header names the columns ``x``, ``y`` and ``z`` in any order and case, other columns beside them are passed
    over; without a header there are three columns. Commas, semicolons or tabs; blank lines, any line ends and a byte
    order mark do not matter.

    Parameters
    ----------
    name
        The file, for messages.

    Raises
    ------
    UsageError
        Naming the line, when the header or a row is not as expected.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise UsageError(f"{name}: is empty; expected the header x,y,z and a point to a line, in LPS mm")
    delimiter = next((sign for sign in (",", ";", "\t") if sign in first), ",")
    columns, width, points = None, 0, []
    for number, row in _rows(lines, delimiter, name):
        if columns is None:
            columns, width = _columns(row, number, name), len(row)
            if columns is not None:
                continue
            columns = (0, 1, 2)
        if len(row) != width:
            raise UsageError(f"{name}, line {number}: expected {width} columns, found {_shown(row)}")
        points.append(_point(row, columns, number, name))
    return np.array(points, dtype=np.float64).reshape(-1, 3)


def _rows(lines: list[str], delimiter: str, name: str) -> Iterable[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield number, [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
        except csv.Error as error:
            raise UsageError(f"{name}, line {number}: is not CSV ({error})") from error


def _columns(row: list[str], number: int, name: str) -> tuple[int, int, int] | None:
    """Where x, y and z are by the header; None when the first row holds numbers."""
    if all(_number(cell) is not None for cell in row) and len(row) == 3:
        return None
    names = [cell.lower() for cell in row]
    if any(names.count(axis) != 1 for axis in AXES):
        raise UsageError(f"{name}, line {number}: expected the header x,y,z, found {_shown(row)}")
    return (names.index("x"), names.index("y"), names.index("z"))


def _point(row: list[str], columns: Sequence[int], number: int, name: str) -> tuple[float, ...]:
    values = tuple(value for value in (_number(row[column]) for column in columns) if value is not None)
    if len(values) != len(columns):
        raise UsageError(f"{name}, line {number}: expected three numbers (LPS mm), found {_shown(row)}")
    return values


def _number(cell: str) -> float | None:
    try:
        # Python reads 1_000 as a number; nobody means that in a table.
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _shown(row: list[str]) -> str:
    text = printable(",".join(row))
    return f"{text[:60]}…" if len(text) > 60 else text or "nothing"


def format_points(points: np.ndarray, residuals: np.ndarray | None = None) -> str:
    """Write points (n, 3) as CSV, each number in the shortest form that reads back the same, ``nan`` where undefined.

    Parameters
    ----------
    residuals
        (n,) mm; when given, a fourth column ``residual_mm``.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(AXES if residuals is None else (*AXES, "residual_mm"))
    table = points if residuals is None else np.column_stack([points, residuals])
    # A sum that leaves -0.0 is no news to anybody.
    writer.writerows([[repr(value + 0.0) for value in row] for row in table.tolist()])
    return out.getvalue()
