"""How much of a label or a structure has a place in the frame that a transform leads to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...registration.measures.folded import folded_share
from ...series.regularize.reference import ReferenceGrid
from ...space import apply_matrix
from .transform import Transform

MOST_OF_ALL = 200_000
"""Points that shares are measured at, of all labels together."""
LEAST_OF_EACH, MOST_OF_EACH = 500, 5_000
"""And of each; of smaller ones every voxel."""
_SPREAD = 2_654_435_761
"""A multiplier that spreads consecutive numbers evenly over 32 bits (Knuth, The Art of Computer Programming, 6.4)."""


def shares_of(
    points_lps_mm: NDArray[np.float64], transform: Transform, target: ReferenceGrid
) -> tuple[float | None, float | None]:
    """Measure which shares of points, per cent, have no place in the output's frame, and which lie beyond its voxels.

    Returns None for both without points.

    Parameters
    ----------
    points_lps_mm
        (n, 3) of the input's frame.
    """
    if not len(points_lps_mm):
        return None, None
    there = transform.push(points_lps_mm).points
    lost = ~np.isfinite(there).all(axis=1)
    index = apply_matrix(np.linalg.inv(target.affine_lps), there[~lost])
    outside = ~((index >= -0.5) & (index < np.array(target.dimensions) - 0.5)).all(axis=1)
    return 100 * float(lost.mean()), 100 * float(np.count_nonzero(outside) / len(lost))


def folded_percent(
    transform: Transform, before: NDArray[np.float64], after: NDArray[np.float64] | None
) -> float | None:
    """Return which share of a label lies where the registration folds, in per cent; None where that cannot be told.

    Parameters
    ----------
    before, after
        (n, 3) LPS mm of its voxels in the input and in the output; that of the registered frame counts, since a search
        may pass over a fold.
    """
    registered = before if transform.inverse else after
    if transform.mapping.grid is None or registered is None:
        return None
    share = folded_share(transform.item.map_points, registered)
    return None if share is None else 100 * share


def counted_labels(array: NDArray[np.integer]) -> dict[int, int]:
    """Count the voxels of each label but 0, ascending."""
    counts: dict[int, int] = {}
    for plane in array:
        labels, numbers = np.unique(plane[plane != 0], return_counts=True)
        for label, number in zip(labels.tolist(), numbers.tolist(), strict=True):
            counts[label] = counts.get(label, 0) + number
    return dict(sorted(counts.items()))


def sampled_labels(
    array: NDArray[np.integer], index_to_lps: NDArray[np.float64], counts: dict[int, int]
) -> dict[int, NDArray[np.float64]]:
    """Return centres of voxels of each label, (n, 3) LPS mm: all of small ones, of large ones an even part."""
    if not counts:
        return {}
    most = min(max(MOST_OF_ALL // len(counts), LEAST_OF_EACH), MOST_OF_EACH)
    labels = np.array(list(counts))
    strides = np.maximum(np.array(list(counts.values())) // most, 1).astype(np.uint64)
    found: dict[int, list[NDArray[np.float64]]] = {label: [] for label in counts}
    for own, index in _kept(array, labels, strides):
        for label in np.unique(own).tolist():
            found[label].append(index[own == label])
    return {
        label: apply_matrix(index_to_lps, np.concatenate(parts) if parts else np.empty((0, 3)))
        for label, parts in found.items()
    }


def _kept(
    array: NDArray[np.integer], labels: NDArray[np.int64], strides: NDArray[np.uint64]
) -> Iterator[tuple[NDArray[np.integer], NDArray[np.float64]]]:
    """Of each slice labels (n,) and indices (n, 3) (i, j, k) of the voxels that are kept."""
    _, nj, ni = array.shape
    for k, plane in enumerate(array):
        flat = plane.ravel()
        where = np.flatnonzero(flat)
        own = flat[where]
        number = (where.astype(np.uint64) + np.uint64(k * nj * ni)) * np.uint64(_SPREAD) % np.uint64(2**32)
        stride = strides[np.searchsorted(labels, own)]
        keep = number * stride < np.uint64(2**32)
        where, own = where[keep], own[keep]
        yield own, np.column_stack([where % ni, where // ni, np.full(len(where), k)]).astype(np.float64)
