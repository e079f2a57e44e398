"""Closed contours of a structure by the planes that they lie in, and the slab that each plane stands for.

A plane of contours stands for what reaches half way to its neighbours; the first and the last as far outwards as
inwards. Where planes are missing nothing is: an interval of more than one and a half others is left empty, and told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .model import Contour
from .polygons import contains, even_odd_area, signed_area

SAME_PLANE_MM = 0.02
"""Contours closer along the normal lie in one plane: files keep positions with two decimals and more."""
PLANAR_MM = 0.1
"""A contour whose points lie farther than this from a plane is told."""
_ROUNDED = 0.1
"""Planes closer than this part of what other intervals are, and than what is planar, are one that was rounded."""
GAP = 1.5
"""An interval of more of the usual ones leaves a gap."""
_ALIKE = 0.05
_STRAIGHT_MM = 1e-6
_NESTED = 0.9
"""Share of the points of a contour inside another from which it is a part of it: outlines may touch."""
_LOOKED_AT = 64
"""Points of a contour that are looked up in another."""
_ROUGHLY = 256
"""Lines along which the area of a single contour is measured, to see whether it crosses itself."""
_SELF_CROSSING = 0.02
"""Share by which the area inside differs from the sum with signs where a contour crosses itself in earnest."""


@dataclass(frozen=True, eq=False)
class Plane:
    """The closed contours in one plane."""

    height_mm: float
    """Along the normal."""
    groups: tuple[tuple[NDArray[np.float64], ...], ...]
    """Polygons (n, 3) LPS mm: inside is what is inside any of the groups, by the even-odd rule in each."""


@dataclass(frozen=True)
class Doubts:
    """What is odd about a structure's closed contours; how many of them."""

    few_points: int = 0
    """Left out: fewer than three different points, or all on one line."""
    other_planes: int = 0
    """Left out: in planes across the others."""
    not_planar: int = 0
    self_crossing: int = 0
    repeated: int = 0
    """The same contour again, in the same plane, to the point or within rounding; left out."""
    nested: int = 0
    """CLOSED_PLANAR inside another one: taken for a hole."""
    overlapping: int = 0
    """CLOSED_PLANAR that overlap others in part: both are meant."""
    gaps_mm: tuple[float, ...] = ()
    """Intervals that are left empty."""
    not_planar_mm: float = 0.0
    """How far a point of a contour lies from its plane at most."""


@dataclass(frozen=True, eq=False)
class ContourPlanes:
    """A structure's closed contours, plane by plane."""

    axes: NDArray[np.float64]
    """(3, 3) unit rows: two in the planes, and the normal."""
    planes: tuple[Plane, ...] = ()
    """In the order of their heights."""
    slabs_mm: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    """(n, 2) heights from which to which each plane stands; NaN where a single plane has no spacing."""
    doubts: Doubts = field(default_factory=Doubts)

    @cached_property
    def heights_mm(self) -> NDArray[np.float64]:
        """(n,) along the normal."""
        return np.array([plane.height_mm for plane in self.planes])

    @cached_property
    def areas_mm2(self) -> NDArray[np.float64]:
        """(n,) area inside the contours of each plane."""
        return np.array([even_odd_area(self.flat_groups(plane)) for plane in self.planes])

    @property
    def usual_mm(self) -> float | None:
        """The usual interval between planes; None of a single one."""
        return _usual(np.diff(self.heights_mm))

    @property
    def volume_mm3(self) -> float:
        """Areas times the thickness of their slabs; 0 without planes, NaN where a single one has no spacing."""
        return float(self.areas_mm2 @ (self.slabs_mm[:, 1] - self.slabs_mm[:, 0])) if self.planes else 0.0

    def with_spacing(self, spacing_mm: float) -> ContourPlanes:
        """Return these planes; a single one of unknown thickness stands for as much as this."""
        if not np.isnan(self.slabs_mm).any():
            return self
        slabs = np.column_stack([self.heights_mm - spacing_mm / 2, self.heights_mm + spacing_mm / 2])
        return replace(self, slabs_mm=slabs)

    def flat_groups(self, plane: Plane) -> list[list[NDArray[np.float64]]]:
        """Return the polygons of a plane as (n, 2), mm along the first two axes."""
        return [[polygon @ self.axes[:2].T for polygon in group] for group in plane.groups]

    def is_joined(self, number: int) -> bool:
        """Tell whether the space between a plane and the next is filled."""
        return bool(self.slabs_mm[number, 1] >= self.slabs_mm[number + 1, 0] - 1e-9)


def planes_of(contours: Sequence[Contour], spacing_mm: float | None = None) -> ContourPlanes:
    """Return the closed ones of some contours by planes; nothing is drawn that is not there.

    ``spacing_mm``: between slices of the images that they were drawn on; None where unknown.
    """
    usable, few = [], 0
    for contour in contours:
        if contour.is_closed:
            points = _without_repeats(contour.points)
            if len(points) >= 3 and not _is_straight(points):
                usable.append(Contour(points, contour.geometric_type))
            else:
                few += 1
    axes = _axes_of([contour.points for contour in usable])
    heights, apart, off, spread = [], 0, 0, 0.0
    kept = []
    most = 0.5 * (spacing_mm or 2.0)
    for contour in usable:
        along = contour.points @ axes[2]
        reach = float(np.ptp(along)) / 2
        if reach > most:
            apart += 1
            continue
        off += reach > PLANAR_MM
        spread = max(spread, reach)
        heights.append(float((along.min() + along.max()) / 2))
        kept.append(contour)
    planes, counted = _by_height(kept, np.array(heights), axes)
    slabs, gaps = _slabs(np.array([plane.height_mm for plane in planes]), spacing_mm)
    doubts = Doubts(few, apart, int(off), *counted, gaps, spread)
    return ContourPlanes(axes, planes, slabs, doubts)


def usual_interval(structures: Sequence[Sequence[NDArray[np.float64]]]) -> float | None:
    """Return the usual distance of the planes that structures are drawn in, mm; None of a single plane.

    Each structure's polygons (n, 3) for themselves: those of two may be drawn on slices of two series.
    """
    intervals = np.concatenate([np.empty(0), *map(_intervals, structures)])
    if not len(intervals):
        intervals = _intervals([polygon for polygons in structures for polygon in polygons])
    return _usual(intervals)


def _intervals(polygons: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Distances of the planes of polygons (n, 3)."""
    if not polygons:
        return np.empty(0)
    normal = _axes_of(polygons)[2]
    heights = np.sort([float((polygon @ normal).mean()) for polygon in polygons])
    return np.diff([heights[members].mean() for members in _same_plane(heights)])


def _same_plane(heights: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Numbers of sorted heights that are of one plane each.

    Heights of one slice may be rounded otherwise for one contour than for another: where all that is close together is
    much closer than the rest, and spans no more than a contour's points may lie beside their plane, it is one plane.
    """
    intervals = np.diff(heights)
    members = np.arange(len(heights))
    exact = np.split(members, np.flatnonzero(intervals > SAME_PLANE_MM) + 1)
    largest = intervals.max(initial=0.0)
    apart = intervals[intervals > _ROUNDED * largest]
    most = min(2 * PLANAR_MM, _ROUNDED * float(np.median(apart))) if len(apart) else 0.0
    rounded = np.split(members, np.flatnonzero(intervals > most) + 1)
    return rounded if all(np.ptp(heights[part]) <= most for part in rounded if len(part)) and most else exact


def _usual(intervals: NDArray[np.float64]) -> float | None:
    """The median, of two in the middle the smaller."""
    return float(np.sort(intervals)[(len(intervals) - 1) // 2]) if len(intervals) else None


def _without_repeats(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points without those that repeat the one before, the first at the end for one."""
    return points[(points != np.roll(points, 1, axis=0)).any(axis=1)] if len(points) else points


def _is_straight(points: NDArray[np.float64]) -> bool:
    """Whether points (n, 3) lie on a line, and enclose nothing."""
    step = points - points[0]
    longest = step[int((step**2).sum(axis=1).argmax())]
    beside = np.linalg.norm(np.cross(step, longest), axis=1).max() / np.linalg.norm(longest)
    return bool(beside <= _STRAIGHT_MM)


def _axes_of(polygons: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Rows: two axes in the planes and the normal that most of the area has, whichever way contours run."""
    scatter = np.zeros((3, 3))
    for polygon in polygons:
        middle = polygon - polygon.mean(axis=0)
        vector = np.cross(middle, np.roll(middle, -1, axis=0)).sum(axis=0)
        size = float(np.linalg.norm(vector))
        if size > 0:
            scatter += np.outer(vector, vector) / size
    normal = np.linalg.eigh(scatter)[1][:, 2] if scatter.any() else np.array([0.0, 0.0, 1.0])
    main = int(np.abs(normal).argmax())
    if 1 - abs(normal[main]) < 1e-12:
        normal = np.eye(3)[main]
    normal = normal * np.sign(normal[main])
    first = np.eye(3)[1 if main == 0 else 0]
    first = first - (first @ normal) * normal
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first), normal])


def _by_height(
    contours: Sequence[Contour], heights: NDArray[np.float64], axes: NDArray[np.float64]
) -> tuple[tuple[Plane, ...], tuple[int, int, int, int]]:
    """Planes, and how many contours cross themselves, are there twice, nested, overlapping."""
    order = np.argsort(heights, kind="stable")
    planes: list[Plane] = []
    counted = np.zeros(4, int)
    for members in [order[part] for part in _same_plane(heights[order])] if len(order) else []:
        groups, found = _groups([contours[number] for number in members], axes)
        counted += found
        planes.append(Plane(float(heights[members].mean()), groups))
    crossing, repeated, nested, overlapping = (int(number) for number in counted)
    return tuple(planes), (crossing, repeated, nested, overlapping)


def _groups(
    contours: Sequence[Contour], axes: NDArray[np.float64]
) -> tuple[tuple[tuple[NDArray[np.float64], ...], ...], tuple[int, int, int, int]]:
    """Contours of one plane as groups of polygons, see :class:`Plane`, and what is odd about them."""
    distinct: dict[tuple[bytes, str], Contour] = {}
    for contour in contours:
        is_xor = contour.geometric_type == "CLOSEDPLANAR_XOR"
        # Two that are the same cancel where they are to be XORed.
        key = (contour.points.tobytes(), str(len(distinct)) if is_xor else "")
        distinct.setdefault(key, contour)
    kept = list(distinct.values())
    flat = [contour.points @ axes[:2].T for contour in kept]
    crossing = sum(map(_crosses_itself, flat))
    exclusive = [number for number, contour in enumerate(kept) if contour.geometric_type == "CLOSEDPLANAR_XOR"]
    others = [number for number in range(len(kept)) if number not in exclusive]
    together, nested, overlapping, again = _nested_groups(others, flat)
    groups = [*together, exclusive] if exclusive else together
    polygons = tuple(tuple(kept[number].points for number in group) for group in groups)
    return polygons, (crossing, len(contours) - len(kept) + again, nested, overlapping)


def _nested_groups(numbers: list[int], flat: list[NDArray[np.float64]]) -> tuple[list[list[int]], int, int, int]:
    """Numbers of polygons, those inside another together with it; how many are inside, overlap in part, are repeated.

    One that is inside by no more than rounding is no hole, which would leave nothing, but the same again.
    """
    by_area = sorted(numbers, key=lambda number: -abs(signed_area(flat[number])))
    groups: list[list[int]] = []
    nested = overlapping = again = 0
    boxes = {number: (flat[number].min(axis=0), flat[number].max(axis=0)) for number in numbers}
    for number in by_area:
        low, high = boxes[number]
        home, overlaps = None, False
        for group in groups:
            first = boxes[group[0]]
            if (low > first[1]).any() or (high < first[0]).any():
                continue
            step = max(1, len(flat[number]) // _LOOKED_AT)
            share = float(contains(flat[group[0]], flat[number][::step]).mean())
            if share >= _NESTED and home is None:
                home = group
            elif 1 - _NESTED < share < _NESTED:
                overlaps = True
        overlapping += overlaps
        if home is not None and any(_is_same(flat[other], boxes[other], flat[number], boxes[number]) for other in home):
            again += 1
            continue
        nested += home is not None
        if home is not None:
            home.append(number)
        else:
            groups.append([number])
    return groups, nested, overlapping, again


def _is_same(
    first: NDArray[np.float64],
    first_box: tuple[NDArray[np.float64], NDArray[np.float64]],
    second: NDArray[np.float64],
    second_box: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> bool:
    """Whether two polygons enclose the same within rounding: no more between them than a thin line around one."""
    if np.abs(np.array(first_box) - np.array(second_box)).max() > SAME_PLANE_MM:
        return False
    around = float(np.linalg.norm(second - np.roll(second, 1, axis=0), axis=1).sum())
    return abs(abs(signed_area(first)) - abs(signed_area(second))) <= SAME_PLANE_MM * around


def _crosses_itself(polygon: NDArray[np.float64]) -> bool:
    """Whether the area inside is another than that with signs: loops, or a keyhole that runs the wrong way."""
    inside = even_odd_area([[polygon]], _ROUGHLY)
    return abs(inside - abs(signed_area(polygon))) > _SELF_CROSSING * max(inside, 1e-9)


def _slabs(heights: NDArray[np.float64], spacing_mm: float | None) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """From which height to which each plane stands, and the intervals that are left empty."""
    if len(heights) < 2:
        own = spacing_mm / 2 if spacing_mm else np.nan
        return np.column_stack([heights - own, heights + own]), ()
    intervals = np.diff(heights)
    usual = _usual(intervals) or 0.0
    if len(intervals) < 3 and spacing_mm:
        usual = min(usual, spacing_mm)
    is_gap = (intervals > GAP * usual) & ~_in_section(intervals)
    half = np.where(is_gap, np.nan, intervals / 2)
    below, above = np.concatenate([[np.nan], half]), np.concatenate([half, [np.nan]])
    # At an end as far outwards as inwards; alone between two gaps as usual.
    outwards = np.where(np.isnan(below), above, below)
    outwards = np.where(np.isnan(outwards), usual / 2, outwards)
    slabs = np.column_stack(
        [heights - np.where(np.isnan(below), outwards, below), heights + np.where(np.isnan(above), outwards, above)]
    )
    return slabs, tuple(float(interval) for interval in intervals[is_gap])


def _in_section(intervals: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which intervals are among three or more equal ones in a row: slices that are farther apart there."""
    found = np.zeros(len(intervals), bool)
    for first in range(len(intervals) - 2):
        part = intervals[first : first + 3]
        if np.ptp(part) <= _ALIKE * part.min():
            found[first : first + 3] = True
    return found
