"""What a set is called, and in what order sets stand."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from .attributes import BY_NAME, HIDDEN_IN_LABELS, Value
from .images import Codes, Column, Images
from .search import Explanation

NAMED_BY = 2
"""Attributes that describe sets told apart by order: more of them would be no name."""


def labels_of(images: Images, found: Explanation) -> tuple[tuple[NDArray[np.intp], ...], tuple[str, ...]]:
    """The members of each set, in the order that sets are read in, and a label for each that no other has."""
    order = np.argsort(found.codes, kind="stable")
    bounds = np.searchsorted(found.codes[order], np.arange(found.count + 1))
    members = [order[start:end] for start, end in zip(bounds[:-1], bounds[1:], strict=True)]
    if "gradient" in found.names and np.isfinite(images.numbers).all():
        members.sort(key=lambda chosen: float(images.numbers[chosen].min()))
    if found.way == "time":
        return tuple(members), tuple(f"time point {number}" for number in range(1, len(members) + 1))
    columns = _naming_columns(images, found)
    gradients = _gradient_numbers(images, members)
    labels = [", ".join(filter(None, (_named(column, chosen, gradients) for column in columns))) for chosen in members]
    return tuple(members), tuple(_unique(labels))


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
        if _is_constant_within(column.codes, found.codes, found.count):
            columns.append(column)
    return columns


def _is_constant_within(values: Codes, sets: Codes, count: int) -> bool:
    pairs = np.unique(sets * (int(values.max()) + 1) + values)
    return pairs.size == count


def _gradient_numbers(images: Images, members: list[NDArray[np.intp]]) -> dict[Value, int]:
    """Gradient directions numbered in the order of the sets that have them; none for no direction."""
    column = images.columns.get("gradient")
    numbers: dict[Value, int] = {}
    if column is None:
        return numbers
    for chosen in members:
        value = column.values[int(column.codes[chosen[0]])]
        if isinstance(value, str) and any(float(part) != 0 for part in value.split("\\")):
            numbers.setdefault(value, len(numbers) + 1)
    return numbers


def _named(column: Column, chosen: NDArray[np.intp], gradients: dict[Value, int]) -> str:
    value = column.values[int(column.codes[chosen[0]])]
    if column.name == "gradient":
        return f"gradient {gradients[value]}" if value in gradients else ""
    attribute = BY_NAME.get(column.name)
    if value is None:
        return f"without {column.name}"
    text = f"{value:.9g}" if isinstance(value, float) else value.replace("\\", "/")
    template = attribute.label if attribute is not None else f"{column.name} {{}}"
    return template.format(text[:64])


def _unique(labels: list[str]) -> list[str]:
    """Labels made different: repeats are counted, sets without a name numbered."""
    counts = Counter(labels)
    seen: Counter[str] = Counter()
    result = []
    for label in labels:
        seen[label] += 1
        if not label:
            result.append(f"set {seen[label]}" if counts[label] > 1 else "set without a value")
        elif counts[label] > 1:
            result.append(f"{label}, repeat {seen[label]}")
        else:
            result.append(label)
    return result
