"""Many points at once: each goes where it goes alone, whoever else is mapped with it and on however many threads."""

from __future__ import annotations

import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pytest
import reference
import regfiles as rf
from DicomRegInspectorLib.registration.between_nodes import BLOCK
from readback import SMOOTH, one

COUNT = 6 * BLOCK + 123
PRE, POST = np.eye(4), np.eye(4)
PRE[:3, 3], POST[:3, :3] = (1.0, -2.0, 0.5), [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


@pytest.fixture(scope="module")
def holed() -> rf.DeformableItem:
    """A registration whose field has undefined nodes, and one that is infinite."""
    vectors = SMOOTH.vectors.copy()
    vectors[3, 4, 2], vectors[0, 0, :3], vectors[5, 6, 7, 1] = np.nan, np.nan, np.inf
    return rf.DeformableItem(replace(SMOOTH, vectors=vectors), PRE, POST)


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    """(COUNT, 3): inside, on nodes, on the border, outside, and nowhere."""
    rng = np.random.default_rng(3)
    last = np.array(SMOOTH.dimensions) - 1
    index = rng.uniform(-0.3, last + 0.3, (COUNT, 3))
    index[::5] = np.clip(np.rint(index[::5]), 0, last)
    index[1::5] = np.clip(index[1::5], 0, last)
    axes = reference.directions_of(SMOOTH) * np.array(SMOOTH.spacing)
    found = index @ axes.T + np.array(SMOOTH.origin)
    found[[7, 70, 700, 7000]] = [[np.nan] * 3, [np.inf, 0, 0], [0, -np.inf, 0], [1e300, 0, 0]]
    return found


def test_each_of_many_points_goes_where_the_equation_says(holed: rf.DeformableItem, points: np.ndarray) -> None:
    mapped = one(holed).map_points(points)
    some = np.unique(np.concatenate([np.arange(0, COUNT, 97), np.arange(60, 80)]))
    some = some[np.isfinite(points[some]).all(axis=1)]
    with np.errstate(invalid="ignore"):
        expected = np.array([reference.map_one(holed, point) for point in points[some]])
    # Where the one infinite number has a part, the sum is infinite: undefined.
    expected[~np.isfinite(expected).all(axis=1)] = np.nan
    np.testing.assert_allclose(mapped[some], expected, rtol=0, atol=1e-9)
    assert 0.1 < np.isnan(expected).any(axis=1).mean() < 0.8
    assert np.isnan(mapped[[7, 70, 700, 7000]]).all()


@pytest.fixture(scope="module")
def in_pieces(holed: rf.DeformableItem, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the points go, where those come from, and the residuals; few at a time."""
    item = one(holed)
    pieces = [points[start : start + 997] for start in range(0, COUNT, 997)]
    mapped = [item.map_points(piece) for piece in pieces]
    back = [item.map_points_inverse(piece) for piece in mapped]
    residuals = [result.residual_mm for result in back]
    return np.concatenate(mapped), np.concatenate([result.points for result in back]), np.concatenate(residuals)


def test_single_points_go_where_they_go_together(holed: rf.DeformableItem, points: np.ndarray) -> None:
    item = one(holed)
    together = item.map_points(points[:300])
    np.testing.assert_array_equal(together, [item.map_points(point) for point in points[:300]])
    back = item.map_points_inverse(together).points
    np.testing.assert_array_equal(back, [item.map_points_inverse(point).points for point in together])


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_threads_change_no_bit(
    holed: rf.DeformableItem,
    points: np.ndarray,
    in_pieces: tuple[np.ndarray, np.ndarray, np.ndarray],
    cores: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    item = one(holed)
    mapped, found, residual_mm = in_pieces
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    np.testing.assert_array_equal(item.map_points(points), mapped)
    back = item.map_points_inverse(mapped)
    np.testing.assert_array_equal(back.points, found)
    np.testing.assert_array_equal(back.residual_mm, residual_mm)


def test_the_inverse_of_many_points_leaves_less_than_a_nanometre(points: np.ndarray) -> None:
    item = one(rf.DeformableItem(SMOOTH, PRE, POST))
    mapped = item.map_points(points)
    result = item.map_points_inverse(mapped)
    defined = np.isfinite(mapped).all(axis=1)
    np.testing.assert_array_equal(result.converged, defined)
    assert result.residual_mm[defined].max() < 1e-6
    np.testing.assert_allclose(result.points[defined], points[defined], rtol=0, atol=1e-6)
    assert np.isnan(result.points[~defined]).all()


def test_points_without_a_place_raise_no_warning(holed: rf.DeformableItem, points: np.ndarray) -> None:
    item = one(holed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        item.map_points(points)
        item.map_points(points[:100])
        item.map_points_inverse(points[:1000])


def test_the_result_is_all_the_memory_that_many_points_take(holed: rf.DeformableItem) -> None:
    item = one(holed)
    many = np.random.default_rng(0).uniform(-20, 60, (1_000_000, 3))
    item.map_points(many[:3])
    tracemalloc.start()
    mapped = item.map_points(many)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * mapped.nbytes
