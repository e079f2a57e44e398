"""Sets that do not coincide: phases between each other's slices, volumes that drift, images side by side."""

from __future__ import annotations

import numpy as np

from .images import Codes, Column, Fit, Images, fit
from .order import runs_by_number
from .search import BEST_EXPLAINED, MOST_HOLES, Explanation, combinations_of, combined, distinct_columns, renumbered

SIDE_BY_SIDE = 0.5
"""Images whose corners are this share of their width apart in plane are places of their own."""
BESIDE = 0.9
"""… where no depth is shared: then only images that do not overlap at all."""
LEAST_BETWEEN = 0.3
"""Share of the images that lie between those of other sets: sets that follow each other are one stack."""
TOO_THICK = 1.5
"""Slices this many times as thick as their distance were not meant to lie so close, if a value tells them apart."""


def stations(images: Images) -> Explanation | None:
    """Return images side by side in plane: table stations, tiles."""
    codes = _cells(images, SIDE_BY_SIDE)
    if codes.max() == 0:
        return None
    found = fit(images, codes)
    order = np.argsort(found.first, kind="stable")
    disjoint = bool((found.first[order][1:] > found.last[order][:-1]).all())
    if disjoint:
        beside = _cells(images, BESIDE)
        if beside.max() != codes.max() or found.sizes.min() < 3 or _is_one_line(images):
            return None
    shared = np.bincount(codes, np.bincount(images.places)[images.places] > 1)
    if ((found.sizes < 2) & (shared == 0)).any():
        return None
    return Explanation(("place in plane",), "place", codes, found)


def _cells(images: Images, share: float) -> Codes:
    """Images grouped by where they lie in plane: a new group wherever a coordinate leaves a wide space."""
    codes = np.zeros(images.count, dtype=np.intp)
    for axis in (0, 1):
        values = images.in_plane[:, axis]
        order = np.argsort(values, kind="stable")
        space = np.diff(values[order], prepend=values[order[:1]]) > share * max(images.extent[axis], 1e-6)
        cell = np.empty(images.count, dtype=np.intp)
        cell[order] = np.cumsum(space)
        codes = renumbered(codes * (int(cell.max()) + 1) + cell)
    return codes


def _is_one_line(images: Images) -> bool:
    """Whether in-plane places follow the depth, as in a stack that leans."""
    depth = images.depths - images.depths.mean()
    beside = images.in_plane - images.in_plane.mean(axis=0)
    slope = depth @ beside / max(float(depth @ depth), 1e-12)
    left = beside - depth[:, None] * slope
    return bool(np.abs(left).max() <= 0.05 * max(images.extent))


def place_column(images: Images) -> Column | None:
    """Return where images lie in plane as an attribute, for those that overlap but do not lie on each other."""
    codes = _cells(images, 0.02)
    count = int(codes.max()) + 1
    if not 1 < count <= images.count // 2:
        return None
    return Column("place in plane", codes, tuple(float(number + 1) for number in range(count)))


def shifted_sets(images: Images) -> Explanation | None:
    """Give sets with places of their own, where the images taken together are no regular stack or too thick for one."""
    whole = images.whole
    too_thick = images.most == 1 and _is_too_thick(images, whole)
    if whole.flaws < 3 and not too_thick:
        return None
    place = place_column(images)
    columns = distinct_columns(images) + ([place] if place is not None else [])
    best: Explanation | None = None
    for chosen in combinations_of(columns, 2):
        if best is not None and len(chosen) > len(best.names):
            break
        codes = combined(chosen)
        if best is not None and int(codes.max()) + 1 >= best.count:
            continue
        found = fit(images, codes)
        if _are_sets(images, found, too_thick=too_thick):
            best = Explanation(tuple(column.name for column in chosen), "value", codes, found)
    if best is None:
        for codes in runs_by_number(images):
            found = fit(images, codes)
            if _are_sets(images, found, too_thick=too_thick):
                return Explanation(("Instance Number",), "order", codes, found)
    return best


def _are_sets(images: Images, found: Fit, *, too_thick: bool) -> bool:
    if found.count < 2 or found.repeated or found.sizes.min() < 2 or images.count < 3 * found.count:
        return False
    if found.holes > MOST_HOLES * images.count:
        return False
    if _between(images, found) < LEAST_BETWEEN and not _overlaps(images, found):
        return False
    whole = images.whole
    if whole.flaws >= 3 and found.flaws <= BEST_EXPLAINED * whole.flaws:
        return True
    return too_thick and found.irregular == 0 and found.flaws <= whole.flaws and _own_spacing_is_meant(images, found)


def _between(images: Images, found: Fit) -> float:
    """The share of the depth that more than one set reaches over."""
    total = float(np.ptp(images.depths))
    covered = float((found.last - found.first).sum())
    return (covered - total) / max(covered, 1e-9)


def _overlaps(images: Images, found: Fit) -> bool:
    """Two sets that reach over each other by several slices: a part that was scanned again."""
    order = np.argsort(found.first, kind="stable")
    first, last = found.first[order], np.maximum.accumulate(found.last[order])
    spacing = float(np.nanmedian(found.spacings))
    return bool(found.count <= 3 and (last[:-1] - first[1:] > 2 * spacing).all() and images.whole.irregular >= 3)


def _is_too_thick(images: Images, whole: Fit) -> bool:
    """Whether header values speak for sets with wider intervals than those of all images together."""
    spacing = float(whole.spacings[0]) if whole.count else float("nan")
    if not spacing > 0:
        return False
    if images.claimed:
        return abs(images.claimed) >= TOO_THICK * spacing
    return bool(images.thickness and images.thickness >= TOO_THICK * spacing)


def _own_spacing_is_meant(images: Images, found: Fit) -> bool:
    """Whether the sets' own spacing is the one that headers speak of: Spacing Between Slices, else the thickness."""
    own = float(np.nanmedian(found.spacings))
    if images.claimed:
        return abs(abs(images.claimed) - own) <= 0.1 * own
    return images.thickness is not None and 0.75 * own <= images.thickness <= 1.5 * own
