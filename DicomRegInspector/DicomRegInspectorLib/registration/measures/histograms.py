"""How displacements and Jacobian determinants of a grid are distributed: counts of its nodes in bins of equal width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import local
from .field import Field

BINS = 100
_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many of the nodes where a quantity is defined lie in each of some bins."""

    name: str
    unit: str
    edges: np.ndarray
    """(bins + 1,) in the unit; the last bin holds its upper edge."""
    counts: np.ndarray
    """(bins,) nodes; what lies beyond the edges is in the outermost bins."""

    @property
    def defined(self) -> int:
        """Nodes where the quantity is defined."""
        return int(self.counts.sum())

    @property
    def share_percent(self) -> np.ndarray:
        """(bins,) of the defined nodes."""
        return 100 * self.counts / max(self.defined, 1)

    @property
    def centres(self) -> np.ndarray:
        """(bins,) in the unit."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def axis(self) -> str:
        """Name and unit, as an axis or a column is titled."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


def histogram(values: np.ndarray, edges: np.ndarray, name: str, unit: str) -> Histogram:
    """Return the histogram of the values (any shape) that are not NaN, over edges of equal distance."""
    counts = np.zeros(len(edges) - 1, np.int64)
    flat = values.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        part = flat[start : start + _CHUNK]
        part = np.clip(part[~np.isnan(part)], edges[0], edges[-1])
        counts += np.histogram(part, edges)[0]
    return Histogram(name, unit, edges, counts)


def length_histogram(field: Field, bins: int = BINS) -> Histogram:
    """Return the lengths of a field's vectors, mm, from 0 to the longest."""
    return lengths_of(local.magnitude(field), bins)


def lengths_of(lengths: np.ndarray, bins: int = BINS) -> Histogram:
    """Return the histogram of lengths in mm, from 0 to the longest."""
    return histogram(lengths, edges_between(0.0, range_of(lengths)[1], bins), "Length of the displacement", "mm")


def jacobian_histogram(determinants: np.ndarray, bins: int = BINS) -> Histogram:
    """Return the determinants of a field's nodes; a bin ends at 0, so that what is folded is in bins of its own."""
    low, high = range_of(determinants)
    edges = edges_between(low, high, bins)
    if low < 0 < high:
        # Moved down, a bin more reaches the greatest value, which must not pile up in the last one.
        width = edges[1] - edges[0]
        edges = edges - edges[np.argmin(np.abs(edges))]
        edges = np.append(edges, edges[-1] + width) if edges[-1] < high else edges
        edges = np.insert(edges, 0, edges[0] - width) if edges[0] > low else edges
        edges[np.argmin(np.abs(edges))] = 0.0
    return histogram(determinants, edges, "Jacobian determinant", "")


def range_of(values: np.ndarray) -> tuple[float, float]:
    """Return least and greatest of the values that are not NaN; (0, 0) without any."""
    if np.isnan(values).all():
        return 0.0, 0.0
    return float(np.nanmin(values)), float(np.nanmax(values))


def edges_between(low: float, high: float, bins: int = BINS) -> np.ndarray:
    """Return (bins + 1,) edges of equal bins; around a single value where there is no range."""
    if not high > low:
        # Beside a huge value half a unit is nothing.
        half = max(0.5, 1e-6 * abs(low))
        low, high = low - half, high + half
    return np.linspace(low, high, bins + 1)
