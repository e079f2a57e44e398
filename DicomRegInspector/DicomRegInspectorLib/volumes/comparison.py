"""Two volumes compared: the same physical image or not, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..progress import Progress
from .geometry import IndexMapping, fits, largest_corner_distance, mapping_by_directions, mappings_that_fit
from .values import EXPLANATIONS, ValueDifference, alike, compare_values
from .volume import Volume

TOLERANCE_MM = 0.1
"""Corners closer than this are one: positions are written with few decimals, and in single precision in NIfTI."""
TOLERANCE_VOXELS = 0.25
"""And closer than this part of the smallest voxel spacing."""
ALIKE = 0.999
"""Correlation from which values are taken to be the same image in another order."""


@dataclass(frozen=True)
class Comparison:
    """What was found of two volumes A and B."""

    a: Volume
    b: Volume
    same_physical_image: bool
    """Corresponding voxels lie at one place, and their values are equal or differ in a way that is explained."""
    reason: str
    """The verdict as a sentence."""
    index_mapping: IndexMapping
    """Which voxel of B lies where a voxel of A does, by the directions of the axes."""
    angle_deg: float
    """The largest angle between corresponding axes."""
    max_corner_distance_mm: float
    tolerance_mm: float
    values: ValueDifference | None
    """None where the two have different sizes."""
    value_mapping: IndexMapping | None
    """The order in which values agree, where it is not that of the places."""

    @property
    def max_value_difference(self) -> float | None:
        """The largest absolute difference of values; None where it cannot be told."""
        if self.values is None or not np.isfinite(self.values.max):
            return None
        return self.values.max

    @property
    def explained_by(self) -> str | None:
        """``identical``, ``float-rounding``, ``rescale-quantization`` (at most half a step), ``linear`` (a constant
        factor and offset), ``slice-slopes`` (of each slice) or ``unexplained``; None where sizes differ."""
        return self.values.explained_by if self.values is not None else None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it."""
        return {
            "schema": 1,
            "same_physical_image": self.same_physical_image,
            "reason": self.reason,
            "index_mapping": self.index_mapping.to_dict(),
            "angle_deg": self.angle_deg,
            "max_corner_distance_mm": self.max_corner_distance_mm,
            "tolerance_mm": self.tolerance_mm,
            "max_value_difference": self.max_value_difference,
            "explained_by": self.explained_by,
            "values": self.values.to_dict() if self.values is not None else None,
            "value_mapping": self.value_mapping.to_dict() if self.value_mapping is not None else None,
            "a": self.a.to_dict(),
            "b": self.b.to_dict(),
        }


def compare_volumes(
    a: Volume, b: Volume, *, tolerance_mm: float | None = None, progress: Progress | None = None
) -> Comparison:
    """Find out whether two volumes are the same physical image in any order of voxels.

    Parameters
    ----------
    tolerance_mm
        How far corners may lie apart to count as one; None: :data:`TOLERANCE_MM`, or a quarter of the smallest voxel
        spacing where that is less.
    progress
        Called as ``progress(done, total, text)``; returning False stops.
    """
    if tolerance_mm is None:
        smallest = float(min(a.spacing_mm.min(), b.spacing_mm.min()))
        tolerance_mm = min(TOLERANCE_MM, TOLERANCE_VOXELS * smallest)
    mapping, angle = mapping_by_directions(a, b)
    distance = largest_corner_distance(a, b, mapping)
    same_kind = a.array.shape[3:] == b.array.shape[3:]
    values = compare_values(a, b, mapping, progress) if fits(a, mapping) and same_kind else None
    is_explained = values is not None and values.explained_by != "unexplained"
    other = None
    if not is_explained and same_kind:
        other = _mapping_by_values(a, b, mapping)
    same = is_explained and distance <= tolerance_mm
    reason = _reason(a, b, mapping, distance, tolerance_mm, values, other, same_kind)
    return Comparison(a, b, same, reason, mapping, angle, distance, tolerance_mm, values, other)


def _mapping_by_values(a: Volume, b: Volume, mapping: IndexMapping) -> IndexMapping | None:
    """Another order in which the values agree."""
    scores = {fitting: alike(a, b, fitting) for fitting in mappings_that_fit(a, b) if fitting != mapping}
    best = max(scores, key=lambda score: scores[score], default=None)
    return best if best is not None and scores[best] >= ALIKE else None


def _reason(
    a: Volume,
    b: Volume,
    mapping: IndexMapping,
    distance: float,
    tolerance_mm: float,
    values: ValueDifference | None,
    other: IndexMapping | None,
    same_kind: bool,
) -> str:
    if not same_kind:
        return f"Not the same image: A has the shape {a.array.shape}, B {b.array.shape}: the channels differ"
    if values is None:
        sizes = [" × ".join(map(str, volume.dimensions)) for volume in (a, b)]
        text = f"Not the same image: A has {sizes[0]} voxels, B {sizes[1]}"
    else:
        place = (
            f"corresponding corners lie within {distance:.3g} mm"
            if distance <= tolerance_mm
            else f"corresponding corners lie up to {distance:.4g} mm apart"
        )
        is_explained = values.explained_by != "unexplained"
        verdict = "The same physical image" if is_explained and distance <= tolerance_mm else "Not the same image"
        text = f"{verdict}: {mapping.words()}; {place}; {EXPLANATIONS[values.explained_by]}"
        if values.max and np.isfinite(values.max):
            text += f" (largest difference {values.max:.6g})"
    if other is not None:
        text += f". The values agree in another order than the places: {other.words()}"
    return text
