"""From images to the sets that a scan meant, with what is missing from each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .apart import place_column, shifted_sets, stations
from .attributes import Told
from .images import UNEVEN_SHARE, Codes, Column, Images, columns_from, fit
from .labels import Names, label_of, names_of
from .order import LEAST_FILLED_BY_ORDER, by_number, by_time
from .search import Explanation, almost, by_values, distinct_columns, is_explained, is_slabs

MOST_CLASSES = 64
"""Values of an attribute within each of which an order of Instance Number is looked for."""
FINER = 1.5
"""Times that the spacing of sets is that of all depths together, where sets have depths of their own."""
SAMPLE = 32
"""Images at one place whose private elements are read to see whether reading all is worth it."""
NEARLY_FULL = 0.9
"""Sets told apart by values and as full as that need no other explanation: what is missing was lost."""
OWN_INTERVALS = 3
"""Equal intervals that show that a set has a spacing of its own among others, not lost slices."""
Kind = Literal["one", "coinciding", "slabs", "shifted", "side by side", "unexplained"]


@dataclass(frozen=True, eq=False)
class Division:
    """Images divided into sets."""

    kind: Kind
    """How the sets lie: at the same depths, one after the other with an overlap, with depths of their own, or side by
    side in plane; ``one`` set, or several images at a place that nothing explains."""
    members: tuple[NDArray[np.intp], ...]
    """The images of each set."""
    told: tuple[Names, ...]
    """What tells each set apart; nothing where there is one."""
    names: tuple[str, ...] = ()
    """The attributes that tell the sets apart, or ``Instance Number`` for its order."""
    way: str = "value"
    missing: tuple[tuple[float, ...], ...] = ()
    """The depths at which each set lacks an image, mm."""
    tried: tuple[str, ...] = ()
    """What differs among images at one place, and does not tell them apart."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What each set is called; unique where there are several."""
        return tuple(map(label_of, self.told))

    @property
    def complete(self) -> bool:
        """Whether no set lacks an image."""
        return not any(self.missing)


def divide(images: Images) -> Division:
    """Find the smallest explanation by which images fall into volumes.

    Attributes first, one, two or three together; then order of Instance Number or time. Sets whose places do not
    coincide are looked for where the images together are no regular stack, or are thicker than their distance allows.
    """
    everything = np.arange(images.count)
    if images.count < 2:
        return Division("one", (everything,), ((),))
    beside = stations(images)
    if beside is not None:
        return _of_stations(images, beside)
    found = explain(images, distinct_columns(images)) if images.most > 1 else None
    if found is None:
        found = shifted_sets(images)
    if found is None and images.most > 1:
        images = _with_private(images)
        found = by_values(images, distinct_columns(images))
    if found is None:
        if images.most == 1:
            return Division("one", (everything,), ((),))
        tried = tuple(column.name for column in images.columns.values())
        return Division("unexplained", (everything,), ((),), tried=(*tried, "order of Instance Number"))
    return _division(images, found)


def _with_private(images: Images) -> Images:
    """The images with what private elements say of them, where these differ among images at one place."""
    fullest = int(np.bincount(images.places).argmax())
    sample = np.flatnonzero(images.places == fullest)[:SAMPLE]
    if not columns_from(images.read_private(sample)):
        return images
    private = columns_from(images.read_private(np.arange(images.count)))
    standard = images.columns
    return replace(images, read_columns=lambda: {**private, **standard})


def explain(images: Images, columns: list[Column]) -> Explanation | None:
    """Return what tells several images at one place apart; the fullest sets, and of these the smallest explanation."""
    found = [by_values(images, columns)]
    if found[0] is None or found[0].fit.filled < NEARLY_FULL:
        place = place_column(images)
        if place is not None:
            found.append(by_values(images, [place]))
        found += [by_number(images), by_time(images)]
        if not any(found):
            found += [_by_number_within(images, columns), almost(images, columns)]
    if not images.is_even:
        found.append(shifted_sets(images))
    usable = [explanation for explanation in found if explanation is not None]

    def fitness(explanation: Explanation) -> tuple[int, int, int]:
        # Tenths of uneven intervals, thirds of a percent of images: less does not outweigh a smaller explanation.
        uneven = int(explanation.fit.uneven / (UNEVEN_SHARE * images.count))
        return -uneven, round(300 * min(explanation.fit.filled, 1.0)), -explanation.count

    return max(usable, key=fitness, default=None)


def _by_number_within(images: Images, columns: list[Column]) -> Explanation | None:
    """Order of Instance Number among the images of each value of an attribute."""
    for column in columns:
        if column.count > min(MOST_CLASSES, images.count // 2):
            continue
        codes = np.empty(images.count, dtype=np.intp)
        total = 0
        by_volume = True
        for value in range(column.count):
            chosen = np.flatnonzero(column.codes == value)
            part = images.part(chosen)
            if part.most == 1:
                codes[chosen] = total
                total += 1
                continue
            found = by_number(part) or by_time(part)
            if found is None:
                break
            by_volume &= found.volume_by_volume
            codes[chosen] = total + found.codes
            total += found.count
        else:
            explained = fit(images, codes)
            if explained.filled >= LEAST_FILLED_BY_ORDER and is_explained(images, explained):
                return Explanation((column.name, "Instance Number"), "order", codes, explained, by_volume)
    return None


def _division(images: Images, found: Explanation) -> Division:
    members, told = names_of(images, found)
    if found.fit.repeated == 0 and is_slabs(found.fit) and found.fit.filled < 0.6:
        kind: Kind = "slabs"
    elif images.coincide and not _is_finer(images, found):
        kind = "coinciding"
    else:
        kind = "shifted"
    missing = tuple(_missing(images, chosen, found, kind) for chosen in members)
    return Division(kind, members, told, found.names, found.way, missing)


def _is_finer(images: Images, found: Explanation) -> bool:
    """Whether all depths together lie closer than those of the sets: then some sets lie between others."""
    _, first = np.unique(images.places, return_index=True)
    intervals = np.diff(images.depths[first])
    own = found.fit.spacings[np.isfinite(found.fit.spacings)]
    return bool(intervals.size and own.size and np.median(own) > FINER * np.median(intervals))


def _missing(images: Images, chosen: NDArray[np.intp], found: Explanation, kind: Kind) -> tuple[float, ...]:
    """The depths at which a set lacks an image: of the common ones, or of its own spacing where it has one."""
    places = np.unique(images.places[chosen])
    depths = np.sort(images.depths[chosen])
    intervals = np.diff(depths)
    intervals = intervals[intervals > images.same_mm]
    usual = float(np.nanmedian(found.fit.spacings)) if np.isfinite(found.fit.spacings).any() else 0.0
    own = float(np.sort(intervals)[(intervals.size - 1) // 2]) if intervals.size else usual
    near = np.abs(intervals - own) <= max(0.05 * own, images.precision)
    has_own = intervals.size >= OWN_INTERVALS and bool(near.all()) and abs(own - usual) > 0.05 * usual
    if kind == "coinciding" and not has_own:
        absent = np.setdiff1d(np.arange(images.number_of_places), places, assume_unique=True)
        first = np.full(images.number_of_places, -1)
        first[images.places[::-1]] = np.arange(images.count)[::-1]
        return tuple(images.depths[first[absent]].tolist())
    result: list[float] = []
    for before, after in pairwise(depths.tolist()):
        count = round((after - before) / own) if own > 0 else 1
        if 1 < count <= images.count and abs(after - before - count * own) <= max(0.05 * own, images.precision):
            result += [before + (after - before) * k / count for k in range(1, count)]
    return tuple(result)


def _of_stations(images: Images, beside: Explanation) -> Division:
    """Each station divided for itself."""
    members: list[NDArray[np.intp]] = []
    told: list[Names] = []
    missing: list[tuple[float, ...]] = []
    names = list(beside.names)
    order = _reading_order(images, beside.codes)
    for number, station in enumerate(order, start=1):
        chosen = np.flatnonzero(beside.codes == station)
        division = divide(images.part(chosen))
        name = Told("station", float(number), f"station {number} of {beside.count}")
        members += [chosen[part] for part in division.members]
        told += [(name, *of_set) for of_set in division.told]
        missing += list(division.missing or ((),) * len(division.members))
        names += [name for name in division.names if name not in names]
    return Division("side by side", tuple(members), tuple(told), tuple(names), "place", tuple(missing))


def _reading_order(images: Images, codes: Codes) -> list[int]:
    """Stations by the Instance Number they begin with, else from left to right and top to bottom."""
    keys = []
    for station in range(int(codes.max()) + 1):
        chosen = codes == station
        number = float(np.min(images.numbers[chosen]))
        corner = images.in_plane[chosen].mean(axis=0)
        keys.append((number if np.isfinite(number) else 0.0, float(corner[1]), float(corner[0]), station))
    return [station for *_, station in sorted(keys)]
