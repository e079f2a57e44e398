"""What can be said of a field of vectors in one pass over the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..vectors import VectorPlace

PERCENTILES = {"p50": 50, "p95": 95, "p99": 99}


@dataclass(frozen=True)
class Region:
    """Where vectors of one kind lie on the grid: how many, and the box of their (i, j, k), ends included."""

    count: int
    first: tuple[int, int, int]
    last: tuple[int, int, int]


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


class NonFiniteRegions:
    """Collects where vectors are not finite, slab by slab; safe to feed from two threads that hold different slabs."""

    def __init__(self, dimensions: tuple[int, int, int]) -> None:
        self._dimensions = dimensions
        self._undefined: list[np.ndarray] = []
        self._infinite: list[np.ndarray] = []

    def add(self, slab: np.ndarray, first: int) -> np.ndarray:
        """Note a slab's non-finite vectors and return the mask (n,) of the finite ones."""
        undefined = np.isnan(slab).any(axis=1)
        finite = np.isfinite(slab).all(axis=1)
        for rows, mask in ((self._undefined, undefined), (self._infinite, ~finite & ~undefined)):
            if mask.any():
                rows.append(self._box(np.flatnonzero(mask) + first))
        return finite

    def _box(self, flat: np.ndarray) -> np.ndarray:
        nx, ny, _ = self._dimensions
        index = np.stack([flat % nx, flat // nx % ny, flat // (nx * ny)])
        return np.concatenate([[len(flat)], index.min(axis=1), index.max(axis=1)])

    @staticmethod
    def _merge(rows: list[np.ndarray]) -> Region | None:
        if not rows:
            return None
        table = np.stack(rows)
        first, last = table[:, 1:4].min(axis=0), table[:, 4:7].max(axis=0)
        return Region(int(table[:, 0].sum()), tuple(int(i) for i in first), tuple(int(i) for i in last))

    @property
    def undefined(self) -> Region | None:
        """Vectors with a NaN component."""
        return self._merge(self._undefined)

    @property
    def infinite(self) -> Region | None:
        """Vectors with an infinite component and no NaN."""
        return self._merge(self._infinite)


def measure_vectors(place: VectorPlace, dimensions: tuple[int, int, int]) -> VectorStatistics:
    """Measure the vectors in one pass; memory beyond a slab is one float32 for each vector (the exact percentiles).

    Parameters
    ----------
    place
        Where the vectors lie.
    dimensions
        (nx, ny, nz) of the grid.
    """
    magnitudes = np.empty(place.count, np.float32)
    regions = NonFiniteRegions(dimensions)
    defined = 0
    total = 0.0
    longest, longest_at = -1.0, 0
    for first, slab in place.slabs():
        with np.errstate(over="ignore", invalid="ignore"):
            size = np.sqrt(np.einsum("ij,ij->i", slab, slab))
        if not np.isfinite(size).all():
            finite = regions.add(slab, first)
            index = np.flatnonzero(finite)
            # Components near the float32 limit overflow when squared; they are finite and count.
            size = np.linalg.norm(slab[index].astype(np.float64), axis=1)
        else:
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
        defined, longest, place_of_longest, total / defined, percentiles, regions.undefined, regions.infinite
    )
