"""Where the registered image is looked at: random points, denser where there is something to see."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ..grid import Grid
from .scalar_image import ScalarImage

CANDIDATES_PER_POINT = 6
"""Random voxels drawn for each point kept: enough to choose among, few enough to cost nothing."""
UNIFORM_SHARE = 0.1
"""Part of the weight that every voxel has, so that flat regions and the background are not left out."""
BLOCK_MM = 25.0
"""Wished edge of a block of points: anatomy and deformations vary over a few centimetres."""
FEWEST_BLOCKS, MOST_BLOCKS = 4, 12
"""Blocks along an axis of more than one voxel."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Points of the registered image and its values there."""

    points: np.ndarray
    """(n, 3) LPS mm."""
    values: np.ndarray
    """(n,) of the registered image, finite."""
    blocks: np.ndarray
    """(n,) the number of the block of space that each point lies in; numbers need not be consecutive."""


def draw_sample(image: ScalarImage, grid: Grid | None, count: int, random: np.random.Generator) -> Sample:
    """Draw points without replacement, weighted by gradient and by difference from the background.

    A voxel's weight is a tenth, plus 0.45 times its gradient magnitude, plus 0.45 times the difference between its
    value and the commonest one, both scaled to 0 to 1. A point lies anywhere in the voxel that was drawn: points on
    voxel centres would favour readings that do not interpolate.

    Parameters
    ----------
    image
        The registered image.
    grid
        Points are drawn where its vectors are defined; None draws in the whole image.
    count
        Points wanted; fewer come back when the image or the common volume has fewer voxels, or when many have no
        value.

    Returns
    -------
    Sample
        Possibly without any point.
    """
    low, high = _common_box(image, grid)
    if (low > high).any():
        return Sample(np.empty((0, 3)), np.empty(0), np.empty(0, np.int64))
    index = _draw_voxels(low, high, CANDIDATES_PER_POINT * count, random)
    last = np.array(image.dimensions) - 1
    place = np.clip(index + np.where(last > 0, random.uniform(-0.5, 0.5, index.shape), 0.0), 0, last)
    points = image.points_of(place)
    usable = np.ones(len(points), bool) if grid is None else np.isfinite(grid.displacement(points)).all(axis=1)
    values = np.full(len(points), np.nan)
    values[usable] = image.sample(points[usable])
    usable = np.isfinite(values)
    index, place, points, values = index[usable], place[usable], points[usable], values[usable]
    weights = _weights(values, _gradient_magnitude(image, index))
    # The largest of log(u)/w are a weighted draw without replacement (Efraimidis and Spirakis, 2006).
    keys = np.log(random.uniform(np.finfo(float).tiny, 1.0, len(weights))) / weights
    chosen = np.argpartition(-keys, count - 1)[:count] if len(keys) > count else np.arange(len(keys))
    return Sample(points[chosen], values[chosen], _blocks(place[chosen], image.spacing_mm))


def _common_box(image: ScalarImage, grid: Grid | None) -> tuple[np.ndarray, np.ndarray]:
    """First and last (i, j, k) of the image's voxels that can lie inside the grid."""
    low, high = np.zeros(3, np.int64), np.array(image.dimensions) - 1
    if grid is None:
        return low, high
    sides = [(0, size - 1) for size in grid.dimensions]
    corners = image.index_of(np.array([grid.node_position(corner) for corner in itertools.product(*sides)]))
    return np.maximum(low, np.floor(corners.min(axis=0)).astype(np.int64)), np.minimum(
        high, np.ceil(corners.max(axis=0)).astype(np.int64)
    )


def _draw_voxels(low: np.ndarray, high: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """(n, 3) different (i, j, k) of a box, ends included; all of them when the box has no more."""
    size = high - low + 1
    total = int(np.prod(size.astype(object)))
    flat = np.arange(total) if total <= count else np.unique(random.integers(0, total, count))
    return low + np.stack([flat % size[0], flat // size[0] % size[1], flat // (size[0] * size[1])], axis=1)


def _gradient_magnitude(image: ScalarImage, index: np.ndarray) -> np.ndarray:
    """(n,) at voxels, per mm: central differences, one-sided at the border; zero where a neighbour has no value."""
    last = np.array(image.dimensions) - 1
    squares = np.zeros(len(index))
    for axis, spacing in enumerate(image.spacing_mm):
        if last[axis] == 0:
            continue
        before, after = index.copy(), index.copy()
        before[:, axis] = np.maximum(index[:, axis] - 1, 0)
        after[:, axis] = np.minimum(index[:, axis] + 1, last[axis])
        with np.errstate(invalid="ignore", over="ignore"):
            step = image.array[tuple(after.T[::-1])].astype(float) - image.array[tuple(before.T[::-1])].astype(float)
            slope = step / ((after - before)[:, axis] * spacing)
            squares += np.where(np.isfinite(slope), slope, 0.0) ** 2
    return np.sqrt(squares)


def _weights(values: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    if not len(values):
        return np.empty(0)
    parts = [_limited(gradient), _limited(np.abs(values - _commonest(values)))]
    return UNIFORM_SHARE + (1 - UNIFORM_SHARE) * 0.5 * (parts[0] + parts[1])


def _commonest(values: np.ndarray) -> float:
    """The value around which most lie, to a 64th of their range without its outliers."""
    low, high = np.percentile(values, [0.5, 99.5])
    width = (high - low) / 64
    if not (np.isfinite(width) and width > 0):
        return float(low)
    counts = np.bincount(np.clip((values - low) / width, 0, 63).astype(np.int64), minlength=64)
    return float(low + (np.argmax(counts) + 0.5) * width)


def _limited(part: np.ndarray) -> np.ndarray:
    """Sizes (n,) from 0 to 1, limited at their size-weighted mean: that of the structures, however few they are."""
    top = np.percentile(part, 99.5) or part.max()
    if not (np.isfinite(top) and top > 0):
        return np.zeros(len(part))
    part = np.minimum(part / top, 1.0)
    return np.minimum(part * (part.sum() / (part**2).sum()), 1.0)


def _blocks(index: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """(n,) block numbers: boxes along the image's axes, as near to :data:`BLOCK_MM` as their bounds allow."""
    numbers = np.zeros(len(index), np.int64)
    if not len(index):
        return numbers
    low = index.min(axis=0)
    extent = index.max(axis=0) - low
    for axis in range(3):
        wished = round(float(extent[axis] * spacing[axis] / BLOCK_MM))
        parts = min(max(wished, FEWEST_BLOCKS), MOST_BLOCKS) if extent[axis] > 0 else 1
        share = (index[:, axis] - low[axis]) / (extent[axis] or 1.0)
        numbers = numbers * parts + np.minimum((share * parts).astype(np.int64), parts - 1)
    return numbers
