"""What can be said of a field of vectors in one pass over the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..vectors import VectorPlace
from .fill_values import FillValue, FillValues
from .node_region import Region, RegionCount

PERCENTILES = {"p50": 50, "p95": 95, "p99": 99}


@dataclass(frozen=True)
class VectorStatistics:
    """Magnitudes in mm over the defined vectors, and where vectors are undefined or infinite."""

    defined: int
    max_mm: float | None
    max_index: tuple[int, int, int] | None
    """(i, j, k) of the longest vector."""
    mean_mm: float | None
    percentiles_mm: dict[str, float] | None
    """``p50``, ``p95``, ``p99`` by linear interpolation between ranks."""
    undefined: Region | None
    """Vectors with a NaN component; (NaN, NaN, NaN) means undefined (PS3.3 C.20.3.1.3)."""
    infinite: Region | None
    fills: tuple[FillValue, ...] = ()
    """Numbers that are no displacements. Their vectors are defined, and in all that is measured."""


class NonFiniteRegions:
    """Collects where vectors are not finite, slab by slab; safe to feed from two threads that hold different slabs."""

    def __init__(self, dimensions: tuple[int, int, int]) -> None:
        self._undefined, self._infinite = RegionCount(dimensions), RegionCount(dimensions)

    def add(self, slab: np.ndarray, first: int) -> np.ndarray:
        """Note a slab's non-finite vectors and return the mask (n,) of the finite ones."""
        undefined = np.isnan(slab).any(axis=1)
        finite = np.isfinite(slab).all(axis=1)
        for regions, mask in ((self._undefined, undefined), (self._infinite, ~finite & ~undefined)):
            regions.add(np.flatnonzero(mask) + first)
        return finite

    @property
    def undefined(self) -> Region | None:
        """Vectors with a NaN component."""
        return self._undefined.region

    @property
    def infinite(self) -> Region | None:
        """Vectors with an infinite component and no NaN."""
        return self._infinite.region


def measure_vectors(place: VectorPlace, dimensions: tuple[int, int, int]) -> VectorStatistics:
    """Measure the vectors in one pass; memory beyond a slab is one float32 for each vector (the exact percentiles).

    ``dimensions``: (nx, ny, nz) of the grid.
    """
    magnitudes = np.empty(place.count, np.float32)
    regions, fills = NonFiniteRegions(dimensions), FillValues(dimensions)
    defined = 0
    total = 0.0
    longest, longest_at = -1.0, 0
    for first, slab in place.slabs():
        with np.errstate(over="ignore", invalid="ignore"):
            size = np.sqrt(np.einsum("ij,ij->i", slab, slab))
        if not np.isfinite(size).all():
            finite = regions.add(slab, first)
            fills.add(slab, first, finite)
            index = np.flatnonzero(finite)
            # Components near the float32 limit overflow when squared; they are finite and count.
            size = np.linalg.norm(slab[index].astype(np.float64), axis=1)
        else:
            fills.add(slab, first, np.ones(len(slab), bool))
            index = None
        if not len(size):
            continue
        at = int(np.argmax(size))
        if size[at] > longest:
            longest, longest_at = float(size[at]), first + (at if index is None else int(index[at]))
        total += float(size.sum(dtype=np.float64))
        magnitudes[defined : defined + len(size)] = np.minimum(size, np.finfo(np.float32).max)
        defined += len(size)
    if not defined:
        return VectorStatistics(0, None, None, None, None, regions.undefined, regions.infinite)
    nx, ny, _ = dimensions
    place_of_longest = (longest_at % nx, longest_at // nx % ny, longest_at // (nx * ny))
    ranks = np.percentile(magnitudes[:defined], list(PERCENTILES.values()), overwrite_input=True)
    percentiles = dict(zip(PERCENTILES, (float(value) for value in ranks), strict=True))
    return VectorStatistics(
        defined,
        longest,
        place_of_longest,
        total / defined,
        percentiles,
        regions.undefined,
        regions.infinite,
        fills.found,
    )
