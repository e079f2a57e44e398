"""Intervals are judged as the design says, on stacks whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from DicomRegInspectorLib.series.geometry.spacing import judge_spacing
from hypothesis import assume, given, settings
from hypothesis import strategies as st

spacings = st.floats(0.3, 12.0)
counts = st.integers(8, 80)


def rounded(positions: np.ndarray, decimals: int) -> np.ndarray:
    return np.array([float(f"{value:.{decimals}f}") for value in positions])


@settings(max_examples=200, deadline=None)
@given(spacings, st.integers(3, 120), st.integers(1, 6), st.floats(-500, 500))
def test_rounding_alone_is_never_irregular(spacing: float, count: int, decimals: int, start: float) -> None:
    # Coarser digits are another case, below: there, single odd intervals are taken for missing slices.
    assume(spacing >= 6 * 10.0**-decimals)
    positions = rounded(start + spacing * np.arange(count), decimals)
    judged = judge_spacing(positions, 10.0**-decimals)
    assert judged.irregular == ()
    assert judged.drifts == ()
    assert [(one.first, one.last) for one in judged.sections] == [(1, count)]
    # Each end is off by half a digit at most, over count - 1 intervals.
    assert judged.nominal_mm == pytest.approx(spacing, abs=10.0**-decimals / (count - 1) + 1e-9)


@settings(max_examples=200, deadline=None)
@given(spacings, counts, st.integers(2, 6), st.integers(1, 40), st.data())
def test_missing_slices_are_counted(
    spacing: float, count: int, decimals: int, missing: int, data: st.DataObject
) -> None:
    after = data.draw(st.integers(1, count - 1), "slice before the gap")
    index = np.arange(count) + np.where(np.arange(count) >= after, missing, 0)
    judged = judge_spacing(rounded(spacing * index, decimals), 10.0**-decimals)
    (gap,) = judged.irregular
    assert (gap.before, gap.kind, gap.missing) == (after, "gap", missing)
    assert gap.interval_mm == pytest.approx(spacing * (missing + 1), abs=2 * 10.0**-decimals)


@settings(max_examples=200, deadline=None)
@given(spacings, counts, st.floats(0.15, 0.85), st.integers(0, 5), st.data())
def test_a_gap_that_is_no_whole_multiple_says_so(
    spacing: float, count: int, share: float, whole: int, data: st.DataObject
) -> None:
    after = data.draw(st.integers(1, count - 1), "slice before the gap")
    positions = spacing * np.arange(count) + np.where(np.arange(count) >= after, (whole + share) * spacing, 0)
    (gap,) = judge_spacing(positions, 1e-6).irregular
    assert (gap.before, gap.kind, gap.missing) == (after, "gap", None)


@settings(max_examples=100, deadline=None)
@given(spacings, counts, st.floats(0.1, 0.9), st.data())
def test_slices_too_close_overlap(spacing: float, count: int, share: float, data: st.DataObject) -> None:
    after = data.draw(st.integers(1, count - 1), "slice before the overlap")
    positions = spacing * np.arange(count) - np.where(np.arange(count) >= after, share * spacing, 0)
    (overlap,) = judge_spacing(positions, 1e-6).irregular
    assert (overlap.before, overlap.kind) == (after, "overlap")
    assert overlap.interval_mm == pytest.approx((1 - share) * spacing)


@settings(max_examples=200, deadline=None)
@given(spacings, st.integers(3, 40), st.integers(3, 40), st.one_of(st.floats(0.3, 0.9), st.floats(1.12, 4.0)))
def test_three_equal_intervals_are_a_section(spacing: float, first: int, second: int, ratio: float) -> None:
    intervals = np.concatenate([np.full(first, spacing), np.full(second, spacing * ratio)])
    judged = judge_spacing(np.concatenate([[0.0], np.cumsum(intervals)]), 1e-6)
    assert judged.irregular == ()
    assert [(one.first, one.last) for one in judged.sections] == [(1, first + 1), (first + 1, first + second + 1)]
    assert [one.spacing_mm for one in judged.sections] == pytest.approx([spacing, spacing * ratio])
    assert judged.nominal_mm == pytest.approx(
        spacing if first > second else spacing * ratio if second > first else min(spacing, spacing * ratio)
    )


def test_two_odd_intervals_are_no_section() -> None:
    intervals = np.array([1.0] * 10 + [2.0] * 2 + [1.0] * 10)
    judged = judge_spacing(np.concatenate([[0.0], np.cumsum(intervals)]), 1e-6)
    assert [(gap.before, gap.missing) for gap in judged.irregular] == [(11, 1), (12, 1)]


def test_a_gap_is_judged_by_the_section_it_lies_in() -> None:
    intervals = np.array([2.0] * 10 + [5.0] * 4 + [10.0] + [5.0] * 4)
    (gap,) = judge_spacing(np.concatenate([[0.0], np.cumsum(intervals)]), 1e-6).irregular
    assert (gap.expected_mm, gap.missing) == (pytest.approx(5.0), 1)


@pytest.mark.parametrize(("true", "decimals"), [(0.58, 1), (0.625, 1), (1.25, 0), (3.3, 0), (2.5, 0)])
def test_coarse_digits_of_a_regular_stack_are_jitter(true: float, decimals: int) -> None:
    judged = judge_spacing(np.unique(np.round(true * np.arange(60), decimals)), 10.0**-decimals)
    assert judged.irregular == ()
    assert judged.nominal_mm == pytest.approx(true, abs=0.02)
    assert judged.jitter_mm > 0.05


def test_one_missing_slice_counts_even_in_whole_millimetres() -> None:
    positions = np.array([k for k in range(40) if k != 20], dtype=float)
    (gap,) = judge_spacing(positions, 1.0).irregular
    assert (gap.before, gap.missing) == (20, 1)


def test_a_gap_of_1_4_mm_among_slices_of_1_mm_is_found() -> None:
    positions = np.arange(120) + np.where(np.arange(120) >= 60, 0.4, 0)
    (gap,) = judge_spacing(positions, 1e-3).irregular
    assert (gap.before, gap.missing) == (60, None)


def test_small_steps_count_by_what_they_add_up_to() -> None:
    intervals = np.concatenate([np.full(50, 1.0), np.full(50, 1.04)])
    judged = judge_spacing(np.concatenate([[0.0], np.cumsum(intervals)]), 1e-6)
    assert judged.irregular == ()
    (drift,) = judged.drifts
    assert drift.at_slice == 51
    assert (drift.first_interval_mm, drift.last_interval_mm) == pytest.approx((1.0, 1.04))
    # Half a millimetre off the straight line between the ends; the best line halves that at least.
    assert 0.2 < drift.deviation_mm < 0.6


def test_a_smooth_drift_is_one_drift() -> None:
    judged = judge_spacing(np.concatenate([[0.0], np.cumsum(np.linspace(1.0, 1.3, 100))]), 1e-6)
    assert judged.irregular == ()
    (drift,) = judged.drifts
    assert (drift.section.first, drift.section.last) == (1, 101)
    assert drift.first_interval_mm < 1.01 and drift.last_interval_mm > 1.29


def test_a_single_position_has_no_spacing() -> None:
    assert judge_spacing(np.array([3.0]), 1e-6) is None
