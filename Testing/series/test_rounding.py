"""Rounding explains what one spacing and one origin can give, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from DicomRegInspectorLib.series.geometry.rounding import explained_runs, rounding_width
from DicomRegInspectorLib.series.geometry.spacing import judge_spacing
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog


def least_width(positions: np.ndarray) -> float:
    """Twice the largest distance from the best line, by linear programming."""
    index, one = np.arange(positions.size), np.ones(positions.size)
    left = np.vstack([np.stack([-one, -index, -one], axis=1), np.stack([one, index, -one], axis=1)])
    right = np.concatenate([-positions, positions])
    bounds = [(None, None), (None, None), (0, None)]
    return 2 * float(linprog([0, 0, 1], left, right, bounds=bounds, method="highs").x[2])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.2, 9.0), min_size=2, max_size=60))
def test_the_width_is_that_of_the_best_line(intervals: list[float]) -> None:
    positions = np.concatenate([[0.0], np.cumsum(intervals)])
    assert rounding_width(positions) == pytest.approx(least_width(positions), abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.floats(2.1, 9.0), st.integers(3, 90), st.floats(-300, 300))
def test_whole_numbers_of_one_spacing_are_regular(spacing: float, count: int, start: float) -> None:
    judged = judge_spacing(np.round(start + spacing * np.arange(count)), 1.0)
    assert (judged.irregular, judged.drifts, len(judged.sections)) == ((), (), 1)
    assert judged.nominal_mm == pytest.approx(spacing, abs=1.0 / (count - 1) + 1e-9)


@settings(max_examples=200, deadline=None)
@given(
    st.floats(1.9, 8.0),
    st.integers(8, 60),
    st.sampled_from([0.3, 0.5, 0.8, 1.0, 1.5, -0.5, -0.3]),
    st.integers(0, 1),
    st.data(),
)
def test_what_rounding_cannot_make_is_told_where_it_is(
    spacing: float, count: int, share: float, decimals: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(3, count - 3), "slices before the odd interval")
    exact = spacing * np.arange(count) + np.where(np.arange(count) >= at, share * spacing, 0)
    positions, digit = np.round(exact, decimals), 10.0**-decimals
    assume(least_width(positions) > 1.05 * digit)
    judged = judge_spacing(positions, digit)
    told = [one.before for one in judged.irregular]
    assert told or judged.drifts or len(judged.sections) > 1
    if abs(share) * spacing > 2.1 * digit:
        assert at in told


@pytest.mark.parametrize("spacing", [1.25, 1.4, 2.3, 2.5, 4.5])
@pytest.mark.parametrize("gap", [2.0, 3.0])
def test_a_gap_among_positions_written_in_whole_numbers_is_the_only_one(spacing: float, gap: float) -> None:
    exact = spacing * np.arange(40) + np.where(np.arange(40) >= 20, (gap - 1) * spacing + 2, 0)
    judged = judge_spacing(np.round(exact), 1.0)
    assert [(one.before, one.kind) for one in judged.irregular] == [(20, "gap")]
    assert judged.nominal_mm == pytest.approx(spacing, abs=0.07)


def test_stretches_are_cut_where_the_interval_fits_least() -> None:
    positions = np.concatenate([np.arange(0, 41, 4), 46 + np.arange(0, 41, 4)]).astype(float)
    assert explained_runs(positions, 1.0) == [(0, 10), (11, 21)]


def test_digits_of_micro_ct_are_no_excuse() -> None:
    heights = 0.0125 * np.arange(200)
    heights[120:] += 0.0125
    (gap,) = judge_spacing(np.round(heights, 4), 1e-4).irregular
    assert (gap.before, gap.missing) == (120, 1)


directions = st.tuples(*[st.floats(-1.0, 1.0)] * 3).filter(lambda normal: np.linalg.norm(normal) > 0.3)


def along(normal: tuple[float, float, float], index: np.ndarray, spacing: float) -> tuple[np.ndarray, float]:
    """Positions along a normal of corners written with one decimal, and what rounding can change of an interval."""
    unit = np.array(normal) / np.linalg.norm(normal)
    corners = np.round(np.array([12.5, -81.25, 300.0]) + spacing * index[:, None] * unit, 1)
    return corners @ unit, 0.1 * float(np.abs(unit)[np.ptp(corners, axis=0) > 0].sum())


@settings(max_examples=200, deadline=None)
@given(directions, st.floats(0.17, 0.6), st.integers(3, 40))
def test_rounding_of_coordinates_is_no_gap_in_an_oblique_stack(
    normal: tuple[float, float, float], spacing: float, count: int
) -> None:
    positions, digit = along(normal, np.arange(count), spacing)
    assume((np.diff(positions) > 0.01).all())
    judged = judge_spacing(positions, digit)
    assert (judged.irregular, judged.drifts, len(judged.sections)) == ((), (), 1)


@settings(max_examples=200, deadline=None)
@given(directions, st.floats(0.45, 0.6), st.integers(5, 40), st.data())
def test_a_missing_slice_of_an_oblique_stack_shows_through_rounding(
    normal: tuple[float, float, float], spacing: float, count: int, data: st.DataObject
) -> None:
    after = data.draw(st.integers(1, count - 1), "slices before the gap")
    positions, digit = along(normal, np.arange(count) + (np.arange(count) >= after), spacing)
    judged = judge_spacing(positions, digit)
    assert judged.irregular or judged.drifts or len(judged.sections) > 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=2, max_size=40))
@example([1, 3, 3, 2, 4, 2, 4])  # A slice by itself between two stretches that rounding explains has no spacing.
def test_whole_numbers_in_any_order_are_judged(intervals: list[int]) -> None:
    positions = np.concatenate([[0.0], np.cumsum(intervals)]).astype(float)
    judged = judge_spacing(positions, 1.0)
    is_told = bool(judged.irregular or judged.drifts or len(judged.sections) > 1)
    assert is_told or least_width(positions) <= 1.0 + 1e-6
