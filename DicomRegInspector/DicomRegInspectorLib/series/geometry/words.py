"""Directions in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def describe_plane(normal: np.ndarray) -> str:
    """A slice plane by its normal (LPS): ``axial``, ``axial, tilted 18.5°``, ``oblique``."""
    unit = np.asarray(normal, float)
    unit = unit / np.linalg.norm(unit)
    axis = int(np.argmax(np.abs(unit)))
    angle = math.degrees(math.acos(min(abs(float(unit[axis])), 1.0)))
    name = ("sagittal", "coronal", "axial")[axis]
    if angle < 0.05:
        return name
    return f"{name}, tilted {angle:.1f}°" if angle <= 40 else f"oblique, nearest to {name} ({angle:.1f}° off)"


SHOWN_SLICES = 6
"""More slice numbers than this are given as a count with the first and the last."""


def slices_in_words(numbers: Sequence[int]) -> str:
    """Slice numbers, from 1: ``slice 3``, ``slices 14–15``, ``20 slices, 1 to 90``; empty for none."""
    if not numbers:
        return ""
    if len(numbers) == 1:
        return f"slice {numbers[0]}"
    if len(numbers) == 2 and numbers[1] != numbers[0] + 1:
        return f"slices {numbers[0]}, {numbers[1]}"
    if list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"slices {numbers[0]}–{numbers[-1]}"
    if len(numbers) <= SHOWN_SLICES:
        return "slices " + ", ".join(map(str, numbers))
    return f"{len(numbers)} slices, {numbers[0]} to {numbers[-1]}"


def numbers_of(value: object) -> list[int]:
    """Slice numbers as a finding's evidence holds them: one, several, or nothing of the kind."""
    if isinstance(value, int):
        return [value]
    return [int(number) for number in value] if isinstance(value, list | tuple) else []
