"""Stacks divided into the sets that a scan meant: the room of sets asked, and its answer as stacks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...dicom.private_elements import private_values
from ..sets.attributes import ATTRIBUTES, BY_NAME, OF_PLACES, Value, parsed, raw_of, varying_tags
from ..sets.divide import Division, divide
from ..sets.images import Column, Images, code
from ..sets.labels import label_of
from .stacks import Slice, Stack

NO_SHIFT, SMALL_SHIFT = 0.05, 0.25
"""Shares of the spacing by which volumes may drift: nothing that matters; what motion makes of volumes that a scan
parameter names."""


@dataclass(frozen=True)
class Divided:
    """A stack taken apart into sets, each with one slice at a position where that can be had."""

    stack: Stack
    """Everything, sorted."""
    division: Division
    parts: tuple[Stack, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the sets are told apart by."""
        return self.division.names

    @property
    def complete(self) -> bool:
        """Whether every set has all its slices, and none twice."""
        whole = self.division.complete and all(len(part.slices) == len(part.distinct) for part in self.parts)
        return whole and self.division.kind not in ("slabs", "unexplained")

    @cached_property
    def shift_mm(self) -> float:
        """How far a set's positions lie off the first set's lattice, at most; 0 for common positions."""
        if self.division.kind != "shifted" or self.parts[0].nominal_spacing_mm is None:
            return 0.0
        spacing = self.parts[0].nominal_spacing_mm
        starts = np.array([part.positions_mm[0] - self.parts[0].positions_mm[0] for part in self.parts])
        return float(np.abs(starts - spacing * np.rint(starts / spacing)).max())

    @property
    def is_named_by_design(self) -> bool:
        """Whether only what a scan sets on purpose tells the sets apart, such as echoes and b-values."""
        return all(name in BY_NAME and BY_NAME[name].by_design for name in self.names)

    @property
    def is_by_design(self) -> bool:
        """Whether the sets are complete volumes of the same place, so that any of them stands for all."""
        if not self.complete:
            return False
        if self.division.kind == "coinciding":
            return True
        allowed = (SMALL_SHIFT if self.is_named_by_design else NO_SHIFT) * (self.parts[0].nominal_spacing_mm or 0.0)
        return self.division.kind == "shifted" and self.shift_mm <= allowed


def divided(stack: Stack) -> Divided:
    """Take a stack apart by the smallest explanation; one part where there is nothing to take apart."""
    division = divide(images_of(stack))
    if len(division.members) == 1:
        return Divided(stack, division, (stack,))
    shared = stack.nominal_spacing_mm if division.kind == "coinciding" and not division.complete else None
    parts = tuple(
        replace(stack, slices=_along(stack, chosen.tolist()), label=label_of(told), told=told, shared_spacing_mm=shared)
        for chosen, told in zip(division.members, division.told, strict=True)
    )
    return Divided(stack, division, parts)


def _along(stack: Stack, chosen: list[int]) -> tuple[Slice, ...]:
    # Members are indices into a sorted stack: in their own order they are sorted too.
    return tuple(stack.slices[k] for k in sorted(chosen))


def images_of(stack: Stack) -> Images:
    """Return what the room of sets looks at, from the slices of a stack."""
    first = stack.slices[0]
    rows, columns = stack.rows, stack.columns
    spacing = stack.pixel_spacing_mm or (1.0, 1.0)
    numbers = [math.nan if slice_.instance_number is None else float(slice_.instance_number) for slice_ in stack.slices]
    # MR slices that overlap are measured one pass after the other: their thickness says nothing of sets.
    thickness = None if first.header.modality == "MR" else _usual(slice_.slice_thickness_mm for slice_ in stack.slices)
    return Images(
        stack.positions_mm,
        stack.corners_lps_mm @ stack.axes[:2].T,
        (columns * abs(spacing[1]), rows * abs(spacing[0])),
        np.array(numbers),
        thickness,
        _usual(slice_.spacing_between_slices_mm for slice_ in stack.slices),
        stack.precision_mm,
        lambda: columns_of(stack.slices),
        lambda some: [private_values(stack.slices[k].header) for k in some.tolist()],
    )


def _usual(values: Iterable[float | None]) -> float | None:
    return Counter(values).most_common(1)[0][0]


def columns_of(slices: tuple[Slice, ...]) -> dict[str, Column]:
    """Give the attributes that differ among slices, the most telling first; what frames say beyond them comes last."""
    framed = any(slice_.frame_values for slice_ in slices)
    varying = None if framed else varying_tags([slice_.header for slice_ in slices])
    found: dict[str, Column] = {}
    for attribute in ATTRIBUTES:
        if varying is None:
            values: list[Value | None] = [slice_.value(attribute.name) for slice_ in slices]
        elif varying.isdisjoint(attribute.tags):
            continue
        else:
            values = [parsed(raw_of(slice_.header, attribute), attribute) for slice_ in slices]
        if len(set(values)) > 1:
            found[attribute.name] = code(attribute.name, values)
    if framed:
        others = dict.fromkeys(name for slice_ in slices for name in slice_.frame_values)
        for name in others:
            if name in BY_NAME or name in OF_PLACES:
                continue
            values = [slice_.frame_values.get(name) for slice_ in slices]
            if len(set(values)) > 1:
                found[name] = code(name, values)
    files = sorted({(slice_.header.instance_number or 0, slice_.path) for slice_ in slices})
    if 1 < len(files) < len(slices):
        # A mosaic or enhanced object is a set of its own where nothing else explains those that lie on each other.
        numbers = {path: float(number) for number, (_, path) in enumerate(files, start=1)}
        found["file"] = code("file", [numbers[slice_.path] for slice_ in slices])
    return found
