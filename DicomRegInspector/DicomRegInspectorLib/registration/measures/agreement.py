"""How well two structures on one lattice agree: overlap, surfaces, volumes, centres of mass.

What the names stand for, and what they equal, ``docs/sign-off.md`` has; a test holds them against SimpleITK and
surface-distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import UsageError
from ...space import apply_matrix
from .surface_distances import border_voxels, nearest_mm

_SQUARE = 1e-4
"""How far axes of a lattice may be from right angles, as the cosine between them: distances go along its axes."""


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances from each border voxel of one structure to the nearest of another, mm."""

    mean_mm: float
    p95_mm: float
    """95th percentile, by linear interpolation between ranks."""
    max_mm: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return {"mean": self.mean_mm, "p95": self.p95_mm, "max": self.max_mm}


@dataclass(frozen=True)
class Agreement:
    """Two structures compared; what a structure without a voxel leaves undefined is None."""

    dice: float | None
    """``2 |A ∩ B| / (|A| + |B|)``; None when both are empty."""
    first_cm3: float
    second_cm3: float
    first_centre_lps_mm: np.ndarray | None
    """(3,) centre of mass."""
    second_centre_lps_mm: np.ndarray | None
    there: SurfaceDistances | None
    """From the first surface to the second."""
    back: SurfaceDistances | None
    hd95_pooled_mm: float | None
    """95th percentile of the distances of both directions together."""

    @property
    def mean_distance_mm(self) -> float | None:
        """Mean distance to agreement: the mean of the two directions' means."""
        return None if self.there is None else (self.there.mean_mm + self.back.mean_mm) / 2

    @property
    def hausdorff_mm(self) -> float | None:
        """The largest distance of both directions."""
        return None if self.there is None else max(self.there.max_mm, self.back.max_mm)

    @property
    def hd95_larger_mm(self) -> float | None:
        """The larger of the two directions' 95th percentiles."""
        return None if self.there is None else max(self.there.p95_mm, self.back.p95_mm)

    @property
    def centres_apart_mm(self) -> float | None:
        """Distance of the centres of mass."""
        if self.first_centre_lps_mm is None or self.second_centre_lps_mm is None:
            return None
        return float(np.linalg.norm(self.second_centre_lps_mm - self.first_centre_lps_mm))

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it; the second structure is the one carried over or compared."""
        return {
            "dice": self.dice,
            "mean_distance_mm": self.mean_distance_mm,
            "hausdorff_mm": self.hausdorff_mm,
            "hd95_pooled_mm": self.hd95_pooled_mm,
            "hd95_larger_mm": self.hd95_larger_mm,
            "volume_cm3": self.second_cm3,
            "centre_lps_mm": None if self.second_centre_lps_mm is None else self.second_centre_lps_mm.tolist(),
            "centres_apart_mm": self.centres_apart_mm,
            "from_fixed_mm": self.there and self.there.to_dict(),
            "to_fixed_mm": self.back and self.back.to_dict(),
        }


def compare_masks(first: np.ndarray, second: np.ndarray, index_to_lps: np.ndarray) -> Agreement:
    """Compare two masks on one lattice.

    Memory beyond the masks is one slice of the box that holds both, and a number for each border voxel.

    Parameters
    ----------
    first, second
        (nk, nj, ni) bool.
    index_to_lps
        (4, 4) from (i, j, k, 1) to LPS mm.

    Raises
    ------
    UsageError
        When the axes of the lattice are not at right angles.
    """
    spacing = spacing_of(index_to_lps)
    voxel_cm3 = float(np.prod(spacing)) / 1000
    voxels = [int(np.count_nonzero(mask)) for mask in (first, second)]
    dice = None
    if any(voxels):
        dice = 2 * int(np.count_nonzero(first & second)) / sum(voxels)
    there = back = pooled = None
    if all(voxels):
        box = box_of(first | second)
        borders = [border_voxels(mask[box]) for mask in (first, second)]
        out = nearest_mm(np.argwhere(borders[0]), borders[1], spacing[::-1])
        home = nearest_mm(np.argwhere(borders[1]), borders[0], spacing[::-1])
        there, back = _distances(out), _distances(home)
        pooled = float(np.percentile(np.concatenate([out, home]), 95))
    here, other = (centre_of(mask, index_to_lps) for mask in (first, second))
    return Agreement(dice, voxels[0] * voxel_cm3, voxels[1] * voxel_cm3, here, other, there, back, pooled)


def spacing_of(index_to_lps: np.ndarray) -> np.ndarray:
    """Return (3,) spacing along i, j and k, mm.

    Raises UsageError when the axes are not at right angles.
    """
    spacing = np.linalg.norm(index_to_lps[:3, :3], axis=0)
    directions = index_to_lps[:3, :3] / spacing
    if np.abs(directions.T @ directions - np.eye(3)).max() > _SQUARE:
        raise UsageError(
            "structures are compared on a lattice whose axes are at right angles; this one is sheared (a tilted "
            "series): resample it first"
        )
    return spacing


def box_of(mask: np.ndarray) -> tuple[slice, slice, slice]:
    """Return the slices along k, j and i of the smallest box that holds a mask, which is not empty."""
    found = []
    for axis in range(3):
        others = tuple(each for each in range(3) if each != axis)
        places = np.flatnonzero(mask.any(axis=others))
        found.append(slice(int(places[0]), int(places[-1]) + 1))
    return found[0], found[1], found[2]


def _distances(values: np.ndarray) -> SurfaceDistances:
    return SurfaceDistances(float(values.mean()), float(np.percentile(values, 95)), float(values.max()))


def centre_of(mask: np.ndarray, index_to_lps: np.ndarray) -> np.ndarray | None:
    """Return (3,) centre of mass of a mask (nk, nj, ni), LPS mm; None of an empty one."""
    total = np.count_nonzero(mask)
    if not total:
        return None
    along = []
    for axis in (2, 1, 0):
        counts = np.count_nonzero(mask, axis=tuple(each for each in range(3) if each != axis))
        along.append(float(counts @ np.arange(mask.shape[axis])) / total)
    return apply_matrix(index_to_lps, np.array(along))
