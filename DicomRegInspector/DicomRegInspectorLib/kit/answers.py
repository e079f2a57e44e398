"""The tables of the kit: the points that are asked for, where they go, and what a reader answers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UsageError
from ..words import plural
from .catalogue import kit_objects
from .equation import Array
from .objects import SYNTAXES, KitItem, KitObject, decimal

ANSWERS, TEMPLATE, OBJECTS = "answers.csv", "template.csv", "objects.csv"
HEADER = ("object", "item", "point", "x", "y", "z", "source_x", "source_y", "source_z")
KEYS = 3
"""Leading columns that say which point it is."""
OWN_POINT_MM = 0.01
"""How far a point may be from the one that was asked for: programs write fewer digits."""

Key = tuple[str, int]
"""The name of an object's file, and the number of an item, from 1."""


def kit_items() -> Iterator[tuple[KitObject, int, KitItem]]:
    """Yield each item of each object with its number, from 1."""
    for made in kit_objects():
        for number, item in enumerate(made.items, 1):
            yield made, number, item


def answers_text() -> str:
    """Return the table of right answers, LPS mm, ``nan`` where nothing is defined."""
    return _table((*row, *(f"{value + 0.0:.9f}" for value in answer)) for row, answer in _rows())


def template_text() -> str:
    """Return the table that a reader's answers go into."""
    return _table((*row, "", "", "") for row, _ in _rows())


def _rows() -> Iterator[tuple[tuple[str, ...], Array]]:
    for made, number, item in kit_items():
        for count, (point, answer) in enumerate(zip(item.points, item.answers, strict=True), 1):
            yield (made.file_name, str(number), str(count), *map(decimal, point)), answer


def _table(rows: Iterable[Iterable[str]], header: Iterable[str] = HEADER) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def objects_text() -> str:
    """Return the table of objects and items: what they are for, and which frame and images an item leads to."""
    from .encode import CLASSES, frame_uid, series_uid

    header = ("object", "item", "capability", "what", "broken", "sop_class_uid", "transfer_syntax_uid",
              "registered_frame_uid", "source_frame_uid", "source_series_uid", "source_series")  # fmt: skip
    rows = (
        (made.file_name, str(number), made.capability, made.title, made.broken, CLASSES[made.sop_class or made.kind],
         SYNTAXES[made.encoding.syntax], frame_uid(made.registered), frame_uid(item.source), series_uid(item.source),
         item.source)
        for made, number, item in kit_items()
    )  # fmt: skip
    return _table(rows, header)


@dataclass(frozen=True)
class ReadersAnswers:
    """What a reader answered: (n, 3) LPS mm of each item that it did not refuse."""

    by_item: dict[Key, Array]


def read_answers(path: Path) -> ReadersAnswers:
    """Read a table of answers in the form of the template.

    An item without a row, or whose rows are all left empty, was refused.

    Raises
    ------
    UsageError
        When the file cannot be read; for a wrong header, an object, item or point that the kit has not, a point twice,
        another point than was asked for, what is no number, and an item with some points answered and others not.
    """
    known = {(made.file_name, number): item for made, number, item in kit_items()}
    names = {name for name, _ in known}
    found: dict[Key, dict[int, Array | None]] = {}
    for place, row in _read(path):
        name = row[0].strip()
        if name not in names:
            raise UsageError(f"{place}: the kit has no object {row[0]!r}; it is named as in {TEMPLATE}")
        number, point = (_whole(text, place, what) for text, what in zip(row[1:KEYS], HEADER[1:KEYS], strict=True))
        if (name, number) not in known:
            raise UsageError(f"{place}: {name} has no item {number}")
        item, answered = known[name, number], found.setdefault((name, number), {})
        if not 1 <= point <= len(item.points):
            raise UsageError(f"{place}: item {number} of {name} has no point {point}; they are 1 to {len(item.points)}")
        if point in answered:
            raise UsageError(f"{place}: point {point} of item {number} of {name} is there twice")
        asked = _numbers(row[KEYS : KEYS + 3], place)
        if not np.allclose(asked, item.points[point - 1], rtol=0, atol=OWN_POINT_MM):
            shown = ", ".join(f"{value:.6g}" for value in item.points[point - 1])
            raise UsageError(f"{place}: point {point} of item {number} of {name} is ({shown}), not {row[3:6]}")
        answered[point] = None if not "".join(row[6:]).strip() else _numbers(row[6:], place)
    return ReadersAnswers(dict(_whole_items(path, known, found)))


def _read(path: Path) -> Iterator[tuple[str, list[str]]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not text in UTF-8; expected CSV with the header {','.join(HEADER)}") from error
    try:
        rows = csv.reader(io.StringIO(text), strict=True)
        header = [name.strip() for name in next(rows, [])]
        if tuple(header) != HEADER:
            raise UsageError(
                f"{path}, line 1: expected the header {','.join(HEADER)}; found {','.join(header)[:200]!r}"
            )
        for row in rows:
            place = f"{path}, line {rows.line_num}"
            if not row:
                continue
            if len(row) != len(HEADER):
                raise UsageError(f"{place}: expected {len(HEADER)} columns; found {len(row)}")
            yield place, row
    except csv.Error as error:
        raise UsageError(f"{path}: is no CSV ({error})") from error


def _whole(text: str, place: str, what: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{place}: {what} is {text!r}; expected a whole number") from None


def _numbers(texts: list[str], place: str) -> Array:
    try:
        return np.array([float(text) for text in texts])
    except ValueError:
        shown = ", ".join(text.strip() or "nothing" for text in texts)
        raise UsageError(f"{place}: ({shown}) are not three numbers in mm, or nan where nothing is defined") from None


def _whole_items(
    path: Path, known: dict[Key, KitItem], found: dict[Key, dict[int, Array | None]]
) -> Iterator[tuple[Key, Array]]:
    for (name, number), answered in found.items():
        values = {point: value for point, value in answered.items() if value is not None}
        if not values:
            continue
        count = len(known[name, number].points)
        missing = [str(point) for point in range(1, count + 1) if point not in values]
        if missing:
            raise UsageError(
                f"{path}: item {number} of {name} has {plural(len(values), 'answer')} and none for point "
                f"{', '.join(missing)}; answer all {count}, or none where the reader refused it"
            )
        yield (name, number), np.array([values[point] for point in range(1, count + 1)])
