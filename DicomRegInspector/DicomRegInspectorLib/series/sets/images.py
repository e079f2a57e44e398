"""What a search for sets looks at, as arrays, and how well a division into sets fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .attributes import Value

SAME_PLACE_MM, SAME_PLACE_SHARE = 0.01, 0.05
"""Images closer along the normal (or than this share of the usual interval, if that is less) are at one depth."""
REGULAR_SHARE = 0.05
"""An interval this much off its set's usual one is irregular, unless rounding explains it."""

UNEVEN_SHARE = 0.1
"""Share of the intervals that may be uneven before depths are no common lattice."""
MOST_UNEVEN = 10
"""Missing images that one interval is counted by at most."""

Codes = NDArray[np.intp]
"""(n,) which set each image is of, from 0."""


@dataclass(frozen=True)
class Column:
    """One attribute of all images."""

    name: str
    codes: Codes
    """(n,) numbers of the values, in the values' order; images without the value come first."""
    values: tuple[Value | None, ...]
    """The value of each code."""

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(self.values)


def _nothing(some: Codes) -> Sequence[Mapping[str, Value]]:
    return [{}] * some.size


@dataclass(frozen=True, eq=False)
class Images:
    """Images of one orientation, size, pixel spacing and frame of reference. Millimetres."""

    depths: NDArray[np.float64]
    """(n,) along the normal."""
    in_plane: NDArray[np.float64]
    """(n, 2) along the rows, then along the columns."""
    extent: tuple[float, float]
    """Width and height of one image."""
    numbers: NDArray[np.float64]
    """(n,) Instance Number, or frame number; NaN where there is none."""
    thickness: float | None = None
    """The usual Slice Thickness."""
    claimed: float | None = None
    """The usual Spacing Between Slices."""
    precision: float = 0.0
    """What rounding to the digits written can change of an interval."""
    read_columns: Callable[[], Mapping[str, Column]] = dict
    """Gives :attr:`columns`; asked only where there is something to explain."""
    read_private: Callable[[Codes], Sequence[Mapping[str, Value]]] = _nothing
    """Gives what private elements say of some images, by the names of attributes; slow, so asked last."""

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """The attributes that differ among the images, the most telling first."""
        return self.read_columns()

    @property
    def count(self) -> int:
        """How many images there are."""
        return int(self.depths.size)

    def part(self, chosen: NDArray[np.intp]) -> Images:
        """Return some of the images, with the attributes that still differ among them."""
        return Images(
            self.depths[chosen],
            self.in_plane[chosen],
            self.extent,
            self.numbers[chosen],
            self.thickness,
            self.claimed,
            self.precision,
            lambda: self._columns_of(chosen),
            lambda some: self.read_private(chosen[some]),
        )

    def _columns_of(self, chosen: NDArray[np.intp]) -> dict[str, Column]:
        found = {}
        for name, column in self.columns.items():
            part = code(name, [column.values[k] for k in column.codes[chosen]])
            if part.count > 1:
                found[name] = part
        return found

    @cached_property
    def same_mm(self) -> float:
        """Images closer than this along the normal are at one depth."""
        intervals = np.diff(np.sort(self.depths))
        apart = intervals[intervals > 1e-6]
        return min(SAME_PLACE_MM, SAME_PLACE_SHARE * float(np.median(apart))) if apart.size else SAME_PLACE_MM

    @cached_property
    def places(self) -> Codes:
        """(n,) which of the distinct depths each image is at, from 0, ascending."""
        order = np.argsort(self.depths, kind="stable")
        starts = np.diff(self.depths[order], prepend=self.depths[order[:1]]) > self.same_mm
        places = np.empty(self.count, dtype=np.intp)
        places[order] = np.cumsum(starts)
        return places

    @cached_property
    def most(self) -> int:
        """The most images at one depth: fewer sets there cannot be."""
        return int(np.bincount(self.places).max())

    @cached_property
    def coincide(self) -> bool:
        """Whether sets lie on common depths; those of sets that drift or are shifted say nothing of each other."""
        return self.most > 1 and 2 * float(np.median(np.bincount(self.places))) >= self.most

    @cached_property
    def number_of_places(self) -> int:
        """How many distinct depths there are."""
        return int(self.places.max()) + 1

    @cached_property
    def is_even(self) -> bool:
        """Whether the distinct depths are mostly equally spaced; those of sets that drift are not."""
        _, first = np.unique(self.places, return_index=True)
        intervals = np.diff(self.depths[first])
        if not intervals.size:
            return True
        usual = np.median(intervals)
        off = np.abs(intervals - usual) > np.maximum(REGULAR_SHARE * usual, self.precision) + 1e-9
        held = np.clip(np.rint(intervals / usual) - 1, 1, MOST_UNEVEN)
        return float((off * held).mean()) <= UNEVEN_SHARE

    @cached_property
    def whole(self) -> Fit:
        """How the images fit as one set."""
        return fit(self, np.zeros(self.count, dtype=np.intp))


def code(name: str, values: Sequence[Value | None]) -> Column:
    """Return the column of an attribute from the value of each image."""
    distinct = sorted(set(values), key=lambda value: (value is not None, isinstance(value, str), value))
    order = {value: number for number, value in enumerate(distinct)}
    return Column(name, np.array([order[value] for value in values], dtype=np.intp), tuple(distinct))


def columns_from(values: Sequence[Mapping[str, Value]]) -> dict[str, Column]:
    """Return the attributes that differ among images, from what each image says of itself."""
    names = dict.fromkeys(name for value in values for name in value)
    columns = (code(name, [value.get(name) for value in values]) for name in names)
    return {column.name: column for column in columns if column.count > 1}


@dataclass(frozen=True, eq=False)
class Fit:
    """How well a division into sets fits what volumes are."""

    count: int
    """Sets."""
    repeated: int
    """Images at a depth where their set has one already."""
    holes: int
    """Images missing between the first and the last of their sets."""
    irregular: int
    """Intervals within sets that are no whole multiple of their set's usual one, nor from one depth to the next."""
    uneven: int
    """Intervals within sets that are not their set's usual one, whatever depths are common: long ones count by the
    images that they would hold, up to :data:`MOST_UNEVEN`."""
    filled: float
    """Images as a share of those that all sets would have if each reached from the first to the last depth."""
    sizes: NDArray[np.intp]
    """(count,) images of each set."""
    spacings: NDArray[np.float64]
    """(count,) the usual interval of each set; NaN for a set of one depth."""
    first: NDArray[np.float64]
    """(count,) the lowest depth of each set."""
    last: NDArray[np.float64]
    """(count,) the highest depth of each set."""

    @property
    def flaws(self) -> int:
        """Holes, irregular intervals and repeated depths."""
        return self.holes + self.irregular + self.repeated


def repeated(images: Images, codes: Codes) -> int:
    """Return images at a depth where their set has one already."""
    count = int(codes.max()) + 1
    return images.count - np.unique(images.places * count + codes).size


def fit(images: Images, codes: Codes) -> Fit:
    """Measure how a division fits; codes are 0 to count - 1, each used."""
    count = int(codes.max()) + 1
    order = np.lexsort((images.depths, codes))
    sets, depths, places = codes[order], images.depths[order], images.places[order]
    bounds = np.searchsorted(sets, np.arange(count + 1))
    first, last = depths[bounds[:-1]], depths[bounds[1:] - 1]
    inside = sets[1:] == sets[:-1]
    step = np.diff(places)[inside]
    interval = np.diff(depths)[inside]
    owner = sets[1:][inside]
    again = step == 0
    interval, owner, step = interval[~again], owner[~again], step[~again]
    spacings = _medians(interval, owner, count)
    usual = spacings[owner]
    allowed = np.maximum(REGULAR_SHARE * usual, images.precision) + 1e-9
    multiple = np.rint(interval / usual) if interval.size else interval
    own = (np.abs(interval - multiple * usual) <= allowed) & (multiple > 0)
    # On one common set of depths an interval is as it should be from each to the next, however long it is.
    next_ = (step == 1) & images.coincide
    holes = np.where(next_, 0, np.where(own, multiple - 1, step - 1 if images.coincide else 0))
    irregular = ~own & ~next_
    span = float(np.ptp(images.depths))
    reach = np.where(np.isfinite(spacings), spacings, np.nan)
    wanted = np.minimum(np.rint(span / reach) + 1, images.number_of_places)
    wanted = np.where(np.isfinite(wanted), wanted, images.number_of_places)
    return Fit(
        count,
        int(again.sum()),
        int(holes.sum()),
        int(irregular.sum()),
        int(np.where(own, np.minimum(multiple - 1, MOST_UNEVEN), np.clip(multiple - 1, 1, MOST_UNEVEN)).sum()),
        images.count / max(float(wanted.sum()), 1.0),
        np.diff(bounds),
        spacings,
        first,
        last,
    )


def _medians(values: NDArray[np.float64], owners: Codes, count: int) -> NDArray[np.float64]:
    """(count,) the lower median of each owner's values; NaN for an owner without any."""
    order = np.lexsort((values, owners))
    bounds = np.searchsorted(owners[order], np.arange(count + 1))
    sizes = np.diff(bounds)
    result = np.full(count, np.nan)
    has = sizes > 0
    result[has] = values[order][bounds[:-1][has] + (sizes[has] - 1) // 2]
    return result
