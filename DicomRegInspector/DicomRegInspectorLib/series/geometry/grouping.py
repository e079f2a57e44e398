"""Sorting the slices of one series into stacks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from .spacing import RELATIVE_TOLERANCE
from .stacks import ORIENTATION_TOLERANCE, PIXEL_SPACING_TOLERANCE, Slice, Stack

INVALID_ORIENTATION = 1e-2
"""Cosines whose lengths or angle are off by more than this are wrong, not rounded."""
UNUSABLE_SINE = 0.1
"""Row and column directions closer than this to parallel define no plane."""


@dataclass(frozen=True)
class Grouping:
    """The slices of one series, sorted."""

    stacks: tuple[Stack, ...]
    """Each with one frame of reference, orientation, size and pixel spacing; localizers apart. Biggest first."""
    without_position: tuple[Slice, ...]
    """No usable Image Position or Orientation."""
    bad_orientation: tuple[Slice, ...]
    """Row and column directions that are not perpendicular unit vectors; those that span a plane are in stacks too."""
    worst_orientation: float
    """The largest error of those."""


def group_slices(slices: Iterable[Slice], interval_tolerance: float = RELATIVE_TOLERANCE) -> Grouping:
    """Group slices by everything that a volume has only one of, and sort each group along its normal.

    ``interval_tolerance`` is what the stacks judge their intervals by.
    """
    placed: list[Slice] = []
    without_position: list[Slice] = []
    for slice_ in slices:
        (placed if slice_.position_lps_mm is not None and slice_.orientation is not None else without_position).append(
            slice_
        )
    errors = _orientation_errors(placed)
    allowed = [max(1e-3, min(2 * slice_.orientation_precision, INVALID_ORIENTATION)) for slice_ in placed]
    bad = [slice_ for slice_, (error, _), most in zip(placed, errors, allowed, strict=True) if error > most]
    usable = [slice_ for slice_, (_, sine) in zip(placed, errors, strict=True) if sine >= UNUSABLE_SINE]
    groups: dict[Hashable, list[Slice]] = {}
    orientation_ids = _cluster([slice_.orientation or () for slice_ in usable], ORIENTATION_TOLERANCE, relative=False)
    spacing_ids = _cluster([slice_.pixel_spacing_mm or (0.0, 0.0) for slice_ in usable], PIXEL_SPACING_TOLERANCE)
    for slice_, orientation, spacing in zip(usable, orientation_ids, spacing_ids, strict=True):
        header = slice_.header
        key = (
            header.frame_of_reference_uid,
            slice_.is_localizer,
            slice_.rows,
            slice_.columns,
            spacing,
            orientation,
        )
        groups.setdefault(key, []).append(slice_)
    stacks = [sorted_stack(group, interval_tolerance) for group in groups.values()]
    stacks.sort(key=lambda stack: -len(stack.slices))
    worst = max((error for error, _ in errors), default=0.0)
    return Grouping(tuple(stacks), tuple(without_position), tuple(bad), worst)


def sorted_stack(slices: list[Slice], interval_tolerance: float = RELATIVE_TOLERANCE) -> Stack:
    """Return a stack sorted along its normal; at one position by acquisition and instance number."""
    stack = Stack(tuple(slices), is_localizer=slices[0].is_localizer, interval_tolerance=interval_tolerance)
    acquisitions = [slice_.header.acquisition_number or 0 for slice_ in slices]
    instances = [slice_.instance_number or 0 for slice_ in slices]
    order = np.lexsort((np.array(instances), np.array(acquisitions), np.round(stack.positions_mm, 4)))
    return replace(stack, slices=tuple(slices[k] for k in order))


def _orientation_errors(slices: list[Slice]) -> list[tuple[float, float]]:
    """For each slice: how far its directions are from perpendicular unit vectors, and the sine between them."""
    if not slices:
        return []
    cosines = np.array([slice_.orientation for slice_ in slices], dtype=np.float64)
    cosines = np.clip(cosines, -1e6, 1e6)
    row, column = cosines[:, :3], cosines[:, 3:]
    lengths = np.stack([np.linalg.norm(row, axis=1), np.linalg.norm(column, axis=1)])
    product = np.einsum("ij,ij->i", row, column)
    error = np.maximum(np.abs(lengths - 1).max(axis=0), np.abs(product))
    area = np.linalg.norm(np.cross(row, column), axis=1)
    sine = np.divide(area, lengths.prod(axis=0), out=np.zeros_like(area), where=lengths.min(axis=0) > 1e-3)
    return list(zip(error.tolist(), sine.tolist(), strict=True))


def _cluster(rows: list[tuple[float, ...]], tolerance: float, *, relative: bool = True) -> list[int]:
    """A number for each row, the same for rows that agree within the tolerance with the first of their kind."""
    known: dict[tuple[float, ...], int] = {}
    centres = np.empty((0, len(rows[0]) if rows else 0))
    for row in rows:
        if row in known:
            continue
        values = np.array(row)
        reach = tolerance * np.abs(values) if relative else np.full(values.size, tolerance)
        near = np.flatnonzero((np.abs(centres - values) <= reach).all(axis=1))
        if near.size:
            known[row] = int(near[0])
        else:
            known[row] = len(centres)
            centres = np.vstack([centres, values])
    return [known[row] for row in rows]
