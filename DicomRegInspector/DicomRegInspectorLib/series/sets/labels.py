"""What a set is called, and in what order sets stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .attributes import BY_NAME, HIDDEN_IN_LABELS, Told, Value
from .images import Codes, Column, Images, columns_from
from .search import Explanation, combined

MOST_READ = 512
"""Sets whose files are read for a name where their headers give none."""
NAMED_BY = 2
"""Attributes that describe sets told apart by order: more of them would be no name."""


Names = tuple[Told, ...]
"""What tells a set apart; the texts together are a label that no other set has."""


def label_of(names: Names) -> str:
    """Return the label of a set."""
    return ", ".join(told.text for told in names if told.text)


def names_of(images: Images, found: Explanation) -> tuple[tuple[NDArray[np.intp], ...], tuple[Names, ...]]:
    """Find the members of each set, in the order that sets are read in, and what tells each apart."""
    order = np.argsort(found.codes, kind="stable")
    bounds = np.searchsorted(found.codes[order], np.arange(found.count + 1))
    members = [order[start:end] for start, end in pairwise(bounds.tolist())]
    if "gradient" in found.names and np.isfinite(images.numbers).all():
        members.sort(key=lambda chosen: float(images.numbers[chosen].min()))
    if found.way == "time":
        return tuple(members), tuple((_counted("time point", number),) for number in range(1, len(members) + 1))
    firsts = np.array([int(chosen[0]) for chosen in members])
    named = {column.name: [column.values[k] for k in column.codes[firsts]] for column in _naming_columns(images, found)}
    names = _names(named, len(members))
    if len(set(map(label_of, names))) < len(names) <= MOST_READ:
        for name, column in columns_from(images.read_private(firsts)).items():
            named.setdefault(name, [column.values[k] for k in column.codes])
        names = _names(named, len(members))
    return tuple(members), tuple(_unique(names))


def _counted(name: str, number: int) -> Told:
    return Told(name, float(number), f"{name} {number}")


def _names(named: Mapping[str, Sequence[Value | None]], count: int) -> list[Names]:
    gradients = _gradient_numbers(named.get("gradient", []))
    return [
        tuple(Told(name, values[number], _in_words(name, values[number], gradients)) for name, values in named.items())
        for number in range(count)
    ]


def _naming_columns(images: Images, found: Explanation) -> list[Column]:
    """The attributes that a set is named by: what tells sets apart, or what is one in each of them."""
    columns = [images.columns[name] for name in found.names if name in images.columns and name not in HIDDEN_IN_LABELS]
    if found.way == "value":
        if "gradient" in found.names and "b-value" in images.columns and "b-value" not in found.names:
            columns.insert(0, images.columns["b-value"])
        return columns
    for column in images.columns.values():
        attribute = BY_NAME.get(column.name)
        if len(columns) >= NAMED_BY:
            break
        if attribute is None or not attribute.by_design or column in columns:
            continue
        if _is_constant_within(column.codes, found.codes, found.count) and _tells_more(columns, column):
            columns.append(column)
    return columns


def _is_constant_within(values: Codes, sets: Codes, count: int) -> bool:
    pairs = np.unique(sets * (int(values.max()) + 1) + values)
    return pairs.size == count


def _tells_more(columns: list[Column], column: Column) -> bool:
    """Whether an attribute divides what the others leave together."""
    if not columns:
        return True
    together = combined(columns)
    return int(combined([*columns, column]).max()) > int(together.max())


def _gradient_numbers(values: Sequence[Value | None]) -> dict[Value, int]:
    """Gradient directions numbered in the order of the sets that have them; none for no direction."""
    numbers: dict[Value, int] = {}
    for value in values:
        if isinstance(value, str) and any(float(part) != 0 for part in value.split("\\")):
            numbers.setdefault(value, len(numbers) + 1)
    return numbers


def _in_words(name: str, value: Value | None, gradients: dict[Value, int]) -> str:
    if name == "gradient":
        return f"gradient {gradients[value]}" if value is not None and value in gradients else ""
    if value is None:
        return f"without {name}"
    text = f"{value:.9g}" if isinstance(value, float) else value.replace("\\", "/")
    template = BY_NAME[name].label if name in BY_NAME else f"{name} {{}}"
    return template.format(text[:64])


def _unique(names: list[Names]) -> list[Names]:
    """Names made different: repeats are counted, sets without a name numbered."""
    labels = list(map(label_of, names))
    counts = Counter(labels)
    seen: Counter[str] = Counter()
    result = []
    for told, label in zip(names, labels, strict=True):
        seen[label] += 1
        if not label:
            only = Told("set", None, "set without a value")
            result.append((*told, _counted("set", seen[label]) if counts[label] > 1 else only))
        elif counts[label] > 1:
            result.append((*told, _counted("repeat", seen[label])))
        else:
            result.append(told)
    return result
