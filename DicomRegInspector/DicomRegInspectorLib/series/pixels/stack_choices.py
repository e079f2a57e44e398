"""The stacks of a series to choose from: listed by what tells them apart, and found by number, label or value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ...words import plural
from ..geometry.stacks import Stack
from ..sets.attributes import BY_NAME, Told, unit_of

LISTED = 10
"""Stacks that are listed one by one; how many more there are is said."""
LISTED_VALUES = 8
SAME_NORMAL_DIGITS = 3


def stacks_that_match(stacks: Sequence[Stack], choice: str) -> list[int]:
    """Find stacks by a number (``"3"``), a label, or values that tell them apart.

    ``choice``: values are written as in labels (``b=1000, gradient 2``) or by the attribute's name (``b-value = 1000``,
    ``echo time 4.6``), with or without their unit; several, divided by commas, have to hold together.

    Returns the numbers of all stacks that it fits, from 1: several where it leaves open which.
    """
    choice = choice.strip()
    if choice.isdecimal():
        return [int(choice)] if 1 <= int(choice) <= len(stacks) else []
    labels = [stack.label for stack in stacks]
    if labels.count(choice) == 1:
        return [labels.index(choice) + 1]
    wanted = [_words(part) for part in choice.split(",") if part.strip()]
    if not wanted:
        return []
    found = []
    for number, stack in enumerate(stacks, start=1):
        ways = [way for told in stack.told for way in _ways_to_say(told)] + [_words(stack.label)]
        if all(part in ways for part in wanted) or _words(choice) in ways:
            found.append(number)
    return found


def _ways_to_say(told: Told) -> list[tuple[str, ...]]:
    """How a value may be written, as words."""
    ways = [told.text]
    if told.name == "gradient":
        return [_words(told.text)] if told.text else []
    if told.value is not None:
        value = f"{told.value:.9g}" if isinstance(told.value, float) else told.value.replace("\\", "/")
        unit = unit_of(told.name)
        label = BY_NAME[told.name].label if told.name in BY_NAME else ""
        beginning = label.partition("{}")[0]
        for name in filter(None, (told.name, beginning.strip(" =:"), told.name.removesuffix("-value"))):
            ways += [f"{name} {value}", f"{name} {value} {unit}"]
        if isinstance(told.value, str):
            ways.append(value)
    return [_words(way) for way in ways if way.strip()]


def _words(text: str) -> tuple[str, ...]:
    """A text without what is written in several ways: case, signs of equality, spaces, zeros at a number's end."""
    spaced = re.sub(r"[=:\s]+", " ", text.casefold()).strip()
    spaced = re.sub(r"(?<=\d)(?=[°%])", " ", spaced)
    return tuple(_number(word) for word in spaced.split())


def _number(word: str) -> str:
    try:
        return f"{float(word):.9g}"
    except ValueError:
        return word


def describe_stacks(stacks: Sequence[Stack], numbers: Iterable[int] | None = None) -> str:
    """List stacks in one line, numbered from 1, with what tells them apart; of many the first ones.

    ``numbers``: of those to list; None lists all.
    """
    chosen = [(number, stacks[number - 1]) for number in (numbers or range(1, len(stacks) + 1))]
    sizes = {_size(stack) for _, stack in chosen}
    normals = {_normal(stack) for _, stack in chosen}
    shown = "; ".join(
        _entry(number, stack, with_size=len(sizes) > 1, with_normal=len(normals) > 1)
        for number, stack in chosen[:LISTED]
    )
    if len(chosen) > LISTED:
        shown += f"; and {len(chosen) - LISTED:,} more"
    head = plural(len(chosen), "stack")
    if len(sizes) == 1 and all(stack.label for _, stack in chosen):
        head += f" of {plural(len(chosen[0][1].slices), 'slice')}, {chosen[0][1].columns} × {chosen[0][1].rows} pixels"
    apart = told_apart_by([stack for _, stack in chosen])
    if apart:
        head += f", told apart by {apart}"
    return f"{head}: {shown}"


def _entry(number: int, stack: Stack, *, with_size: bool, with_normal: bool) -> str:
    parts = ["localizer"] if stack.is_localizer else []
    if stack.label:
        parts.append(stack.label)
    if with_size or not stack.label:
        parts.append(_size(stack))
    if with_normal:
        parts.append(f"normal ({_normal(stack)})")
    return f"{number}: {', '.join(parts)}"


def _size(stack: Stack) -> str:
    return f"{len(stack.slices):,} of {stack.columns} × {stack.rows} pixels"


def _normal(stack: Stack) -> str:
    rounded = stack.normal.round(SAME_NORMAL_DIGITS) + 0.0
    return ", ".join(f"{value:.3g}" for value in rounded)


def names_that_differ(stacks: Sequence[Stack]) -> tuple[str, ...]:
    """Find the respects in which stacks are told apart: those whose values are not the same in all."""
    names = dict.fromkeys(told.name for stack in stacks for told in stack.told)
    return tuple(name for name in names if len({value_in(stack, name) for stack in stacks}) > 1)


def value_in(stack: Stack, name: str) -> float | str | None:
    """Return the value of one of the respects in which a stack is told from others; None where it has none."""
    return next((told.value for told in stack.told if told.name == name), None)


def told_apart_by(stacks: Sequence[Stack]) -> str:
    """Say what tells stacks apart, with the values as far as they are few or run from one number to another."""
    texts = []
    for name in names_that_differ(stacks):
        values = {value_in(stack, name) for stack in stacks}
        numbers = sorted(value for value in values if isinstance(value, float))
        unit = unit_of(name)
        if name == "gradient" or len(numbers) < len(values):
            texts.append(name)
            continue
        words = [f"{value:.9g}" for value in numbers]
        listed = ", ".join(words) if len(words) <= LISTED_VALUES else f"{words[0]} to {words[-1]}"
        texts.append(f"{name} ({listed}{' ' + unit if unit and unit != name else ''})")
    return " and ".join(texts)
