"""The smallest explanation: one value, two or three together, that tells sets of images apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from .images import Codes, Column, Fit, Images, fit, repeated

LEAST_FILLED = 0.6
"""Sets that lie on each other hold at least this share of the images that all of them would have, none missing."""
MOST_HOLES = 0.34
"""Share of the images that may be missing within the sets before a division explains nothing."""
LEAST_OF_SLABS = 3.0
"""Images in the mean slab: slabs follow each other and overlap at their ends."""
REPEATED_SHARE = 0.05
"""Share of the images that may be left at one place within sets, where nothing explains those too."""
BEST_EXPLAINED = 0.2
"""Of the flaws of the images as they are, a division into sets that do not coincide leaves this share at most."""
PAIRED_COLUMNS, TRIPLED_COLUMNS = 24, 12
"""Attributes that are tried two and three together: the most telling ones."""
Way = Literal["value", "order", "time", "place"]


@dataclass(frozen=True, eq=False)
class Explanation:
    """A division into sets and what it was made by."""

    names: tuple[str, ...]
    """The attributes that tell the sets apart."""
    way: Way
    """By their values, by order of Instance Number, by order in time at each place, or by where images lie."""
    codes: Codes
    fit: Fit
    volume_by_volume: bool = True
    """For an order: whether numbers run through one volume after the other, or through the sets at each place."""

    @property
    def count(self) -> int:
        """How many sets."""
        return self.fit.count


def renumbered(codes: Codes) -> Codes:
    """Return the codes that occur as 0, 1, … in their order."""
    return np.unique(codes, return_inverse=True)[1].astype(np.intp).reshape(-1)


def canonical(codes: Codes) -> bytes:
    """Return what two divisions into the same sets share, whatever their sets are called."""
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.int32)
    rank[np.argsort(first)] = np.arange(first.size)
    return rank[inverse.reshape(-1)].tobytes()


def distinct_columns(images: Images) -> list[Column]:
    """Return the attributes that divide images differently, into fewer sets than images; the most telling first."""
    found: dict[bytes, Column] = {}
    most = max(images.count // 2, images.most if images.number_of_places == 1 else 0)
    for column in images.columns.values():
        if 1 < column.count <= most:
            found.setdefault(canonical(column.codes), column)
    return list(found.values())


def combined(columns: Sequence[Column]) -> Codes:
    """Return the division by several attributes together, in the order of their values."""
    codes = columns[0].codes.astype(np.int64)
    for column in columns[1:]:
        codes = renumbered(codes) * np.int64(column.count) + column.codes
    return renumbered(codes)


def combinations_of(columns: list[Column], most: int) -> Iterator[tuple[Column, ...]]:
    """Yield one attribute, then two, then three together that can make so many sets."""
    for together, limit in ((1, len(columns)), (2, PAIRED_COLUMNS), (3, TRIPLED_COLUMNS)):
        for chosen in combinations(columns[:limit], together):
            if np.prod([column.count for column in chosen], dtype=float) >= most:
                yield chosen


def by_values(images: Images, columns: list[Column]) -> Explanation | None:
    """Return the fewest attributes whose values tell images at one place apart; of these the fewest sets."""
    best: Explanation | None = None
    for chosen in combinations_of(columns, images.most):
        if best is not None and len(chosen) > len(best.names):
            break
        codes = combined(chosen)
        if best is not None and int(codes.max()) + 1 >= best.count:
            continue
        if repeated(images, codes):
            continue
        explanation = Explanation(tuple(column.name for column in chosen), "value", codes, fit(images, codes))
        if is_explained(images, explanation.fit):
            best = explanation
    return best


def is_explained(images: Images, found: Fit) -> bool:
    """Tell whether sets are what a scan may have meant: each one image at a place, full or in slabs that overlap."""
    if found.repeated > 0 or found.count < images.most:
        return False
    if images.number_of_places == 1:
        return True
    if found.holes > MOST_HOLES * images.count or found.irregular > 0.1 * images.count:
        return False
    if images.count < 2 * found.count and found.filled < LEAST_FILLED + 0.15:
        return False
    return found.filled >= LEAST_FILLED or is_slabs(found)


def is_slabs(found: Fit) -> bool:
    """Tell whether sets are longer than they need be: nearly each of them shares depths with another."""
    if float(found.sizes.mean()) < LEAST_OF_SLABS or found.count < 2:
        return False
    order = np.argsort(found.first, kind="stable")
    first, last = found.first[order], np.maximum.accumulate(found.last[order])
    overlaps = first[1:] <= last[:-1]
    touches = np.zeros(found.count, dtype=bool)
    touches[1:] |= overlaps
    touches[:-1] |= overlaps
    return float(touches.mean()) >= 0.8


def almost(images: Images, columns: list[Column]) -> Explanation | None:
    """Return a value that tells all but a few images apart, so that these few are what is wrong."""
    best: Explanation | None = None
    extra = int((np.bincount(images.places) - 1).sum())
    for column in columns:
        left = repeated(images, column.codes)
        if left == 0 or left > min(REPEATED_SHARE * images.count, 0.2 * extra):
            continue
        found = fit(images, column.codes)
        fits = found.filled >= LEAST_FILLED and found.holes <= MOST_HOLES * images.count
        if fits and found.irregular <= 0.1 * images.count and (best is None or left < best.fit.repeated):
            best = Explanation((column.name,), "value", column.codes, found)
    return best
