"""Judging the intervals of a stack: its spacing, where that changes, and which intervals do not fit.

Only numbers in, only numbers out: positions along the normal (mm, ascending) and the precision they were written with.
Slices are counted from 1 in all results; interval k lies between slices k and k + 1.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .rounding import explained_runs, rounding_width

RELATIVE_TOLERANCE = 0.05
"""An interval this much off the nominal spacing (as a share of it) is irregular, unless rounding explains more."""
LEAST_TOLERANCE, MOST_TOLERANCE = 0.001, 0.45
"""What may be chosen instead. From half the spacing on, a gap and a missing slice could not be told apart."""
SAME_POSITION_MM, SAME_POSITION_SHARE = 0.01, 0.05
"""Slices closer than this (or than this share of the usual interval, if that is less) lie at one position."""
SECTION_INTERVALS = 3
"""So many equal intervals in a row are a section of its own spacing, not single irregular intervals."""
JITTER_MM = 0.001
"""Smaller differences are not worth a word; Slicer's reader takes larger ones for an irregular acquisition."""
ROUNDING_CASES = 3
"""Rounding to coarse digits shows again and again; fewer odd intervals than this may be missing slices."""
LEAST_ALIKE = 8
"""Equal intervals around each of these that speak for it: among fewer, 1.25 or 1.2 mm in whole numbers is as likely."""
FLOAT_NOISE = 2e-7
"""Share of the largest position: positions that went through 32-bit numbers are off by so much before rounding."""
MOST_BLAMED = 1 / 3
"""Share of the intervals that may be called irregular one by one."""
MOST_BREAKS = 1 / 6
"""Share of the intervals that may lie between stretches which rounding explains."""
NEIGHBOURS = 8
"""Intervals in a row that rounding has to explain where a whole section drifts."""

Kind = Literal["gap", "overlap"]


@dataclass(frozen=True)
class Section:
    """Slices ``first`` to ``last`` (from 1, inclusive), equally spaced."""

    first: int
    last: int
    spacing_mm: float


@dataclass(frozen=True)
class Irregular:
    """One interval that does not fit, between slices ``before`` and ``before + 1``."""

    before: int
    interval_mm: float
    expected_mm: float
    kind: Kind
    missing: int | None
    """How many slices fit into a gap; None when it is no whole multiple of the expected spacing."""


@dataclass(frozen=True)
class Drift:
    """A section whose slices leave the regular lattice little by little."""

    section: Section
    deviation_mm: float
    """The farthest a slice lies from where constant spacing would put it."""
    at_slice: int
    first_interval_mm: float
    last_interval_mm: float


@dataclass(frozen=True)
class Spacing:
    """What the intervals of one stack say."""

    nominal_mm: float
    tolerance_mm: float
    sections: tuple[Section, ...]
    irregular: tuple[Irregular, ...]
    drifts: tuple[Drift, ...]
    jitter_mm: float
    """The largest difference between intervals of one section."""
    relative_tolerance: float = RELATIVE_TOLERANCE
    """The share of the spacing that intervals were allowed to be off."""


@dataclass(frozen=True)
class _Allowed:
    """How far an interval may be off: a share of the spacing, or, while rounding is thought to explain it, a digit."""

    share: float
    digit: float

    def of(self, spacing: float) -> float:
        return max(self.share * spacing, self.digit) + 1e-9


def same_position_mm(positions: NDArray[np.float64]) -> float:
    """Return distance under which two slices of this stack lie at one position (``positions`` (n,), ascending)."""
    intervals = np.diff(positions)
    apart = intervals[intervals > 1e-6]
    return min(SAME_POSITION_MM, SAME_POSITION_SHARE * float(np.median(apart))) if apart.size else SAME_POSITION_MM


def judge_spacing(
    positions: NDArray[np.float64],
    precision_mm: float,
    relative_tolerance: float = RELATIVE_TOLERANCE,
    shared_mm: float | None = None,
) -> Spacing | None:
    """Judge the intervals between distinct positions.

    Returns None for fewer than two positions.

    Parameters
    ----------
    positions : (n,) float64
        Along the normal, mm, strictly ascending.
    precision_mm
        The smallest difference the positions could be written with; 0 where unknown.
    relative_tolerance
        Share of the spacing that an interval may be off.
    shared_mm
        The spacing of the volume that these positions are a set of; its own intervals may be those of what was lost.
    """
    if positions.size < 2:
        return None
    intervals = np.diff(positions)
    slack = precision_mm + FLOAT_NOISE * float(np.abs(positions).max())
    coarse = _Allowed(relative_tolerance, slack)
    nominal = _nominal(intervals, coarse, shared_mm)
    if precision_mm > 0 and _rounding_explains(positions, nominal, coarse):
        spacing = float((positions[-1] - positions[0]) / intervals.size)
        whole = Section(1, positions.size, spacing)
        return Spacing(spacing, coarse.of(spacing), (whole,), (), (), float(np.ptp(intervals)), relative_tolerance)
    judged = _judged(positions, intervals, nominal, coarse)
    runs = explained_runs(positions, slack) if slack > relative_tolerance * nominal else []
    in_runs = _Allowed(relative_tolerance, slack)
    if all(_explained(section, positions, coarse) for section in judged.sections):
        if runs and len(judged.irregular) >= max(ROUNDING_CASES, 2 * len(runs) - 1):
            return _of_runs(positions, runs, in_runs)
        return judged
    drifting = bool(judged.drifts) and all(_drifts(section, positions, coarse) for section in judged.sections)
    # Rounding does not explain these intervals: what is off by more than the tolerance is irregular.
    fine = _Allowed(relative_tolerance, min(slack, 2e-6))
    strict = _judged(positions, intervals, _nominal(intervals, fine, shared_mm), fine)
    few_breaks = len(runs) - 1 <= max(2, MOST_BREAKS * intervals.size)
    if runs and not drifting and few_breaks and 2 * len(runs) - 1 < len(strict.irregular):
        return _of_runs(positions, runs, in_runs)
    if not drifting and len(strict.irregular) <= max(len(judged.irregular), MOST_BLAMED * intervals.size):
        return strict
    # Digits so coarse that no interval can be blamed: what is certain is that the slices leave every lattice.
    unexplained = [section for section in judged.sections if not _explained(section, positions, coarse)]
    known = {drift.section for drift in judged.drifts}
    drifts = [_drift(section, positions, 0.0) for section in unexplained if section not in known]
    return replace(judged, drifts=(*judged.drifts, *(drift for drift in drifts if drift is not None)))


def _of_runs(positions: NDArray[np.float64], runs: list[tuple[int, int]], allowed: _Allowed) -> Spacing:
    """Stretches that rounding explains, of one spacing where that is possible, and what lies between them."""
    lengths = np.array([max(last - first, 1) for first, last in runs], dtype=np.float64)
    spacings = np.array([positions[last] - positions[first] for first, last in runs]) / lengths
    longest = int(lengths.argmax())
    near = np.abs(spacings - spacings[longest]) <= (
        allowed.share * spacings[longest] + allowed.digit / lengths + allowed.digit / lengths[longest]
    )
    nominal = float((spacings * lengths)[near].sum() / lengths[near].sum())
    spacings[near | (spacings <= 0)] = nominal  # A slice by itself has no spacing.
    sections = [
        Section(first + 1, last + 1, float(spacing))
        for (first, last), spacing in zip(runs, spacings, strict=True)
        if last > first
    ]
    irregular = []
    for number, (_, last) in enumerate(runs[:-1]):
        interval, expected = float(positions[last + 1] - positions[last]), float(spacings[number])
        has_sections = min(runs[number][1] - runs[number][0], runs[number + 1][1] - runs[number + 1][0]) > 0
        if has_sections and not (near[number] and near[number + 1]):
            off = np.abs(interval - spacings[number : number + 2])
            if float(off.min()) <= allowed.of(nominal):
                continue
        count = round(interval / expected)
        whole = count >= 2 and abs(interval - count * expected) <= min(allowed.digit, expected / 4)
        kind: Kind = "gap" if interval > expected else "overlap"
        irregular.append(Irregular(last + 1, interval, expected, kind, count - 1 if whole else None))
    jitter = max((_jitter(section, np.diff(positions)) for section in sections), default=0.0)
    tolerance = allowed.share * nominal
    return Spacing(nominal, tolerance, tuple(sections), tuple(irregular), (), jitter, allowed.share)


def _judged(
    positions: NDArray[np.float64], intervals: NDArray[np.float64], nominal: float, allowed: _Allowed
) -> Spacing:
    # A missing slice counts however coarse the digits are.
    cap = min(allowed.of(nominal), nominal / 2)
    sections, odd = _sections(positions, intervals, nominal, cap, allowed)
    irregular = tuple(_irregular(k, intervals, sections, nominal, allowed) for k in odd)
    drifts = [_drift(section, positions, allowed.of(section.spacing_mm)) for section in sections]
    jitter = max((_jitter(section, intervals) for section in sections), default=0.0)
    return Spacing(
        nominal,
        cap,
        tuple(sections),
        tuple(interval for interval in irregular if interval is not None),
        tuple(drift for drift in drifts if drift is not None),
        jitter,
        allowed.share,
    )


def _explained(section: Section, positions: NDArray[np.float64], allowed: _Allowed) -> bool:
    """Whether a section is regular within the tolerance, or rounding makes it look irregular."""
    part = positions[section.first - 1 : section.last]
    off = float(np.abs(np.diff(part) - section.spacing_mm).max())
    return off <= allowed.share * section.spacing_mm + 1e-9 or rounding_width(part) <= allowed.digit


def _drifts(section: Section, positions: NDArray[np.float64], allowed: _Allowed) -> bool:
    """Whether rounding explains any few neighbours of a section: it drifts, and has no single odd interval."""
    part = positions[section.first - 1 : section.last]
    if _explained(section, positions, allowed):
        return True
    if part.size <= NEIGHBOURS + 1:
        return False
    windows = np.lib.stride_tricks.sliding_window_view(part, NEIGHBOURS + 1)
    suspicious = np.flatnonzero(np.ptp(np.diff(windows, axis=1), axis=1) > allowed.share * section.spacing_mm)
    return all(rounding_width(windows[k]) <= allowed.digit for k in suspicious.tolist())


def _nominal(intervals: NDArray[np.float64], allowed: _Allowed, shared_mm: float | None) -> float:
    """The mode: the mean of the most intervals that agree within the tolerance; of equals the smallest spacing.

    Where it is off the spacing that the set shares with others, that one.
    """
    ordered = np.sort(intervals)
    off = np.maximum(allowed.share * ordered, allowed.digit)
    reach = ordered + np.minimum(off, ordered / 2)
    counts = np.searchsorted(ordered, reach + 1e-9, side="right") - np.arange(ordered.size)
    best = int(np.argmax(counts))
    nominal = float(ordered[best : best + counts[best]].mean())
    for _ in range(2):
        cap = min(allowed.of(nominal), nominal / 2)
        nominal = float(intervals[np.abs(intervals - nominal) <= cap].mean())
    return nominal if shared_mm is None or abs(nominal - shared_mm) <= allowed.of(shared_mm) else shared_mm


def _rounding_explains(positions: NDArray[np.float64], nominal: float, allowed: _Allowed) -> bool:
    """Whether one constant spacing and one origin, rounded to the digits written, give just these positions.

    One or two whole multiples among many intervals that are all alike are taken for missing slices all the same:
    digits so coarse show again and again (1.25 mm written without decimals: 1, 1, 1, 2 mm).
    """
    intervals = np.diff(positions)
    is_odd = np.abs(intervals - nominal) > nominal / 2
    odd, others = intervals[is_odd] / nominal, intervals[~is_odd]
    if 0 < odd.size < ROUNDING_CASES and others.size >= LEAST_ALIKE * odd.size:
        is_whole = bool((np.abs(odd - np.rint(odd)) <= allowed.share).all())
        if is_whole and float(np.ptp(others)) <= allowed.share * nominal:
            return False
    return rounding_width(positions) <= allowed.digit


def _line_residuals(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    index = np.arange(positions.size, dtype=np.float64)
    index -= index.mean()
    centred = positions - positions.mean()
    return centred - index * (index @ centred) / max(index @ index, 1.0)


def _sections(
    positions: NDArray[np.float64],
    intervals: NDArray[np.float64],
    nominal: float,
    tolerance: float,
    allowed: _Allowed,
) -> tuple[list[Section], list[int]]:
    """Runs of constant spacing, and the indices of the intervals that belong to none.

    The nominal spacing makes a section wherever it stands; another spacing only from three equal intervals on.
    """
    is_nominal = np.abs(intervals - nominal) <= tolerance
    shorter = np.minimum(intervals[1:], intervals[:-1])
    step = np.maximum(shorter * allowed.share, allowed.digit)
    step = np.minimum(step, shorter / 2) + 1e-9
    breaks = (np.abs(np.diff(intervals)) > step) | (np.diff(is_nominal.astype(int)) != 0)
    # Within the nominal runs, neighbours may differ by more than a step and still both be nominal.
    breaks &= ~(is_nominal[1:] & is_nominal[:-1])
    starts = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    ends = np.concatenate([starts[1:], [intervals.size]])
    sections: list[Section] = []
    odd: list[int] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if is_nominal[start] or end - start >= SECTION_INTERVALS:
            sections.append(Section(start + 1, end + 1, float((positions[end] - positions[start]) / (end - start))))
        else:
            odd.extend(range(start, end))
    return _joined(sections, intervals, tolerance), odd


def _joined(sections: list[Section], intervals: NDArray[np.float64], tolerance: float) -> list[Section]:
    """Sections that touch without a jump are one that drifts."""
    joined: list[Section] = []
    for section in sections:
        previous = joined[-1] if joined else None
        if previous is not None and previous.last == section.first:
            jump = abs(intervals[section.first - 1] - intervals[previous.last - 2])
            steady = min(section.last - section.first, previous.last - previous.first) >= SECTION_INTERVALS
            constant = max(_jitter(section, intervals), _jitter(previous, intervals)) < abs(jump) / 2
            if jump <= tolerance and not (steady and constant):
                count = section.last - previous.first
                length = previous.spacing_mm * (previous.last - previous.first)
                length += section.spacing_mm * (section.last - section.first)
                joined[-1] = Section(previous.first, section.last, length / count)
                continue
        joined.append(section)
    return joined


def _jitter(section: Section, intervals: NDArray[np.float64]) -> float:
    return float(np.ptp(intervals[section.first - 1 : section.last - 1]))


def _expected(k: int, sections: list[Section], nominal: float, tolerance: float) -> float:
    """The spacing around interval ``k``: its neighbours' where they agree, the nominal one otherwise."""
    following = bisect_left(sections, k + 2, key=lambda section: section.first)
    preceding = bisect_right(sections, k + 1, key=lambda section: section.last)
    near = sections[max(preceding - 1, 0) : preceding] + sections[following : following + 1]
    if not near:
        return nominal
    if abs(near[0].spacing_mm - near[-1].spacing_mm) > tolerance:
        return nominal
    counts = [neighbour.last - neighbour.first for neighbour in near]
    return sum(neighbour.spacing_mm * count for neighbour, count in zip(near, counts, strict=True)) / sum(counts)


def _irregular(
    k: int, intervals: NDArray[np.float64], sections: list[Section], nominal: float, allowed: _Allowed
) -> Irregular | None:
    interval = float(intervals[k])
    expected = _expected(k, sections, nominal, allowed.of(nominal))
    tolerance = allowed.of(expected)
    if abs(interval - expected) <= min(tolerance, expected / 2):
        return None
    if interval < expected:
        return Irregular(k + 1, interval, expected, "overlap", None)
    count = round(interval / expected)
    # The spacing itself is known to a digit over its section's length, and that error counts ``count`` times here.
    longest = max((s.last - s.first for s in sections), default=1)
    off = min(tolerance + count * allowed.digit / longest, expected / 4)
    whole = count >= 2 and abs(interval - count * expected) <= off
    return Irregular(k + 1, interval, expected, "gap", count - 1 if whole else None)


def _drift(section: Section, positions: NDArray[np.float64], tolerance: float) -> Drift | None:
    """Whether a section's small differences add up to more than an interval may be off."""
    part = positions[section.first - 1 : section.last]
    if part.size <= SECTION_INTERVALS:
        return None
    residuals = np.abs(_line_residuals(part))
    deviation = float(residuals.max())
    if deviation <= tolerance:
        return None
    # The place is where the slices are farthest from the straight line between the section's ends: the knee.
    chord = part[0] + (part[-1] - part[0]) * np.arange(part.size) / (part.size - 1)
    knee = int(np.argmax(np.abs(part - chord)))
    intervals = np.diff(part)
    ends = max(min(5, intervals.size // 4), 1)
    return Drift(
        section, deviation, section.first + knee, float(intervals[:ends].mean()), float(intervals[-ends:].mean())
    )
