"""Sets told by order alone: of Instance Number, volume by volume or place by place, or of time at each place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .attributes import TIMES
from .images import Codes, Images, fit
from .search import Explanation, is_explained, renumbered

LEAST_FILLED_BY_ORDER = 0.75
"""An order explains images only where nearly every set is full."""
MOST_BLOCKS = 64
"""Divisions into equal blocks that are tried for sets whose places differ."""


def by_number(images: Images) -> Explanation | None:
    """Return sets by order of Instance Number; None where numbers are missing, repeated or follow no such order."""
    numbers = images.numbers
    if images.number_of_places < 2 or images.most < 2 or not np.isfinite(numbers).all():
        return None
    if np.unique(numbers).size != numbers.size:
        return None
    places, length = images.places, images.number_of_places
    whole = numbers.astype(np.int64)
    step = int(np.gcd.reduce(np.diff(np.sort(whole)))) or 1
    counted = (whole - whole.min()) // step
    begin = int((whole.min() - 1) // step) if (whole.min() - 1) % step == 0 else 0
    divisions = [
        (_nested(places, counted, begin, length, run), run == 1)
        for run in dict.fromkeys((1, _usual_run(places, counted), images.most))
    ]
    divisions += [(_restarts(places, counted, length), True), (_ranked_within(places, counted), False)]
    for codes, by_volume in divisions:
        if codes is None:
            continue
        found = fit(images, codes)
        if found.filled >= LEAST_FILLED_BY_ORDER and is_explained(images, found):
            return Explanation(("Instance Number",), "order", codes, found, by_volume)
    return None


def _usual_run(places: Codes, counted: NDArray[np.int64]) -> int:
    """How many images in a row usually lie at one place."""
    sequence = places[np.argsort(counted, kind="stable")]
    ends = np.flatnonzero(np.diff(sequence, append=-1))
    return int(np.bincount(np.diff(ends, prepend=-1)).argmax())


def _nested(places: Codes, counted: NDArray[np.int64], begin: int, length: int, run: int) -> Codes | None:
    """So many images in a row at each place, place after place, and that again: numbers of lost images left out.

    One image in a row is volume by volume, all images of a place in a row is place by place; scanners that measure
    phases within dynamics write what lies between the two.
    """
    order = np.argsort(counted, kind="stable")
    changes = counted[order][1:][np.diff(places[order]) != 0]
    usual = int(np.bincount(-changes % run).argmax()) if changes.size else 0
    found = []
    # Numbers begin at 1 where nothing says otherwise: then sets begin there too, even if the first image is lost.
    for shift in dict.fromkeys((begin % (length * run), usual, 0)):
        turn = (counted + shift) // run % length
        if not _one_to_one(turn, places, length):
            continue
        sweep = np.full(length, -1)
        sweep[turn] = places
        known = sweep[sweep >= 0]
        at = np.flatnonzero(sweep == _begin(known, int(known[0])))[0]
        for more in dict.fromkeys(((length - int(at)) % length * run, 0)):
            moved = counted + shift + more
            found.append(renumbered(moved // (run * length) * run + moved % run))
    return min(found, key=lambda codes: int(codes.max()), default=None)


def _one_to_one(these: Codes, those: Codes, count: int) -> bool:
    pairs = np.unique(np.stack([these, those]), axis=1)
    return pairs.shape[1] == np.unique(these).size == np.unique(those).size <= count


def _restarts(places: Codes, counted: NDArray[np.int64], length: int) -> Codes | None:
    """Volume by volume, numbers given anew after images were lost: a volume ends where its order starts again."""
    order = np.argsort(counted, kind="stable")
    sequence = places[order]
    rank = _order_within(sequence, length)
    if rank is None:
        return None
    starts = np.diff(rank[sequence], prepend=length) <= 0
    codes = np.empty(places.size, dtype=np.intp)
    codes[order] = np.cumsum(starts) - 1
    return codes


def _order_within(sequence: Codes, length: int) -> Codes | None:
    """(length,) the turn of each place within a volume, from the first stretch that holds each place once."""
    last = np.full(length, -1)
    unbroken = 0
    for at, place in enumerate(sequence.tolist()):
        unbroken = min(unbroken + 1, at - int(last[place]))
        last[place] = at
        if unbroken == length:
            rank = np.empty(length, dtype=np.intp)
            rank[sequence[at - length + 1 : at + 1]] = np.arange(length)
            return (rank - rank[_begin(sequence[at - length + 1 : at + 1], sequence[0])]) % length
    return None


def _begin(turn: Codes, first: int) -> int:
    """The place that volumes begin with: after the one widest step back, else where the numbers begin."""
    steps = np.abs(turn - np.roll(turn, 1))
    widest = np.flatnonzero(steps == steps.max())
    return int(turn[widest[0]]) if widest.size == 1 else int(first)


def _ranked_within(places: Codes, counted: NDArray[np.int64]) -> Codes | None:
    """Place by place with equally many images at each, one after the other."""
    counts = np.bincount(places)
    sequence = places[np.argsort(counted, kind="stable")]
    if counts.min() != counts.max() or (np.diff(sequence) != 0).sum() != counts.size - 1:
        return None
    return ranks(places, counted)


def ranks(places: Codes, values: NDArray[np.generic]) -> Codes:
    """Rank the images at each place: 0 for the image with the lowest value, 1 for the next."""
    order = np.lexsort((values, places))
    result = np.empty(places.size, dtype=np.intp)
    starts = np.searchsorted(places[order], places[order])
    result[order] = np.arange(places.size) - starts
    return result


def by_time(images: Images) -> Explanation | None:
    """Return sets by order in time at each place, where every place holds nearly as many images."""
    counts = np.bincount(images.places)
    if images.number_of_places < 2 or images.most < 2:
        return None
    for name in TIMES:
        column = images.columns.get(name)
        if column is None or None in column.values:
            continue
        keys = images.places * column.count + column.codes
        if np.unique(keys).size != keys.size:
            continue
        if counts.min() == counts.max():
            codes = ranks(images.places, column.codes)
        else:
            times = times_of(column.values)
            aligned = _aligned(images, times[column.codes]) if times is not None else None
            if aligned is None:
                continue
            codes = aligned
        found = fit(images, codes)
        if found.filled >= LEAST_FILLED_BY_ORDER and is_explained(images, found):
            return Explanation((name,), "time", codes, found, False)
    return None


def times_of(values: tuple[object, ...]) -> NDArray[np.float64] | None:
    """Return a time attribute's values in one unit: ms, or seconds since the first day; None if one is no time."""
    result = []
    for value in values:
        if isinstance(value, float):
            result.append(value)
            continue
        digits = str(value).replace(" ", "")
        whole, _, fraction = digits.partition(".")
        whole = whole.partition("+")[0]
        if not whole.isdigit() or len(whole) not in (6, 14) or (fraction and not fraction[:6].isdigit()):
            return None
        days = int(whole[6:8]) if len(whole) == 14 else 0
        clock = whole[-6:]
        seconds = int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + int(clock[4:])
        result.append(days * 86400.0 + seconds + (float("0." + fraction[:6]) if fraction else 0.0))
    return np.array(result, dtype=np.float64)


def _aligned(images: Images, times: NDArray[np.float64]) -> Codes | None:
    """Order in time where images were lost: each is taken for that of the full places whose time is nearest."""
    places, most = images.places, images.most
    order = np.lexsort((times, places))
    bounds = np.searchsorted(places[order], np.arange(images.number_of_places + 1))
    groups = [order[start:end] for start, end in pairwise(bounds.tolist())]
    full = [times[group] for group in groups if group.size == most]
    if not full:
        return None
    template = np.median(np.array(full), axis=0)
    codes = np.empty(places.size, dtype=np.intp)
    for group in groups:
        codes[group] = np.arange(most) if group.size == most else _turns(times[group], template)
    return codes


def _turns(times: NDArray[np.float64], template: NDArray[np.float64]) -> Codes:
    """Which of the template's times each of fewer times is, in order: the least sum of differences, any start."""
    best, cost = np.arange(times.size), np.inf
    for first in range(template.size - times.size + 1):
        shift = times[0] - template[first]
        turns, total = _matched(times - shift, template)
        total += 1e-3 * abs(shift)
        if total < cost:
            best, cost = turns, total
    return best


def _matched(times: NDArray[np.float64], template: NDArray[np.float64]) -> tuple[Codes, float]:
    """Order-preserving matching of the least sum of absolute differences."""
    spare = template.size - times.size
    costs = np.zeros(spare + 1)
    choices = np.empty((times.size, spare + 1), dtype=np.intp)
    for row, time in enumerate(times):
        # Up to here, so many of the template's times were passed over.
        lowest = np.minimum.accumulate(costs)
        where = np.maximum.accumulate(np.where(costs == lowest, np.arange(spare + 1), 0))
        choices[row] = where
        costs = lowest + np.abs(template[row : row + spare + 1] - time)
    skipped = int(np.argmin(costs))
    total = float(costs[skipped])
    turns = np.empty(times.size, dtype=np.intp)
    for row in range(times.size - 1, -1, -1):
        turns[row] = row + skipped
        skipped = int(choices[row, skipped])
    return turns, total


def runs_by_number(images: Images) -> Iterator[Codes]:
    """Yield divisions of images whose places differ, by order of Instance Number: runs one way, then equal blocks."""
    numbers = images.numbers
    if not np.isfinite(numbers).all() or np.unique(numbers).size != numbers.size:
        return
    order = np.argsort(numbers, kind="stable")
    steps = np.diff(images.depths[order])
    way = 1.0 if float(np.median(steps)) >= 0 else -1.0
    codes = np.empty(images.count, dtype=np.intp)
    codes[order] = np.concatenate([[0], np.cumsum(steps * way < 0)])
    if 2 <= int(codes.max()) + 1 <= images.count // 3:
        yield codes
    counts = [count for count in range(2, images.count // 3 + 1) if images.count % count == 0][:MOST_BLOCKS]
    for count in counts:
        blocks = np.empty(images.count, dtype=np.intp)
        blocks[order] = np.arange(images.count) // (images.count // count)
        yield blocks
