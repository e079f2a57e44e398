"""An image sampled at points: against SciPy, and against formulas that trilinear interpolation reproduces exactly."""

from __future__ import annotations

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.registration.audit.scalar_image import ScalarImage
from scipy.ndimage import map_coordinates


def oblique(spacing=(1.5, 2.5, 4.0), origin=(-20.0, 30.0, 7.0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rf.rotation(0.3, -0.4, 0.5) * spacing
    matrix[:3, 3] = origin
    return matrix


def linear(points: np.ndarray) -> np.ndarray:
    return points @ [0.7, -1.3, 2.1] + 5


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.float32, np.float64])
def test_values_between_voxels_are_those_of_scipy(dtype: type) -> None:
    random = np.random.default_rng(0)
    array = random.integers(0, 3000, (5, 6, 7)).astype(dtype)
    index = random.uniform(0, [6, 5, 4], (500, 3))
    matrix = oblique()
    points = index @ matrix[:3, :3].T + matrix[:3, 3]
    expected = map_coordinates(array.astype(float), index[:, ::-1].T, order=1)
    np.testing.assert_allclose(ScalarImage(array, matrix).sample(points), expected, rtol=0, atol=1e-8)


def test_a_point_outside_has_no_value_and_one_on_the_border_has() -> None:
    image = ScalarImage(np.ones((3, 4, 5)), np.diag([2.0, 2.0, 2.0, 1.0]))
    points = [
        [0, 0, 0],
        [8, 6, 4],
        [8.0005, 6, 4],
        [8.01, 6, 4],
        [-0.01, 0, 0],
        [1, 1, 5],
        [np.nan, 0, 0],
        [1e30, 0, 0],
    ]
    expected = [1, 1, 1, np.nan, np.nan, np.nan, np.nan, np.nan]
    np.testing.assert_array_equal(image.sample(np.array(points)), expected)


def test_a_voxel_without_value_takes_its_neighbourhood_away_and_no_more() -> None:
    array = np.ones((3, 3, 3))
    array[1, 1, 1] = np.nan
    array[0, 0, 0] = np.inf
    image = ScalarImage(array, np.eye(4))
    values = image.sample(np.array([[1, 1, 1], [1.5, 1, 1], [2, 1, 1], [2, 2, 1.5], [0.5, 0, 0], [1, 0, 0]]))
    np.testing.assert_array_equal(np.isnan(values), [True, True, False, False, True, False])


@pytest.mark.parametrize("lean", [0.0, 0.35])
@pytest.mark.parametrize("sense", [1.0, -1.0])
def test_irregular_slices_are_sampled_at_their_own_places(lean: float, sense: float) -> None:
    positions = sense * np.array([0.0, 4.0, 8.0, 9.1, 16.1, 23.1])
    row, column, normal = rf.rotation(0.2, 0.1, -0.3).T
    step = sense * (normal + lean * column)  # one mm along the normal for each mm of the step's own normal part
    origin = np.array([10.0, -5.0, 3.0])
    matrix = np.eye(4)
    matrix[:3] = np.column_stack([1.5 * row, 2.0 * column, 4 * step, origin])
    i, j = np.meshgrid(np.arange(8), np.arange(9))
    places = np.array(
        [origin + 1.5 * i[..., None] * row + 2.0 * j[..., None] * column + abs(p) * step for p in positions]
    )
    image = ScalarImage(linear(places), matrix, slice_positions_mm=positions + 100)
    random = np.random.default_rng(1)
    a, b, c = random.uniform(0, 7, 300), random.uniform(0, 8, 300), random.uniform(0, 23.1, 300)
    points = origin + 1.5 * a[:, None] * row + 2.0 * b[:, None] * column + c[:, None] * step
    np.testing.assert_allclose(image.sample(points), linear(points), rtol=0, atol=1e-9)
    np.testing.assert_allclose(image.points_of(image.index_of(points)), points, rtol=0, atol=1e-9)
    assert image.spacing_mm[2] == pytest.approx(4.0 * np.hypot(1, lean))


def test_a_single_slice_reaches_half_a_slice_to_either_side() -> None:
    image = ScalarImage(np.arange(12.0).reshape(1, 3, 4), np.diag([1.0, 1.0, 5.0, 1.0]))
    values = image.sample(np.array([[1, 1, 0], [1, 1, 2.4], [1, 1, -2.4], [1, 1, 2.6]]))
    np.testing.assert_array_equal(values, [5, 5, 5, np.nan])


@pytest.mark.parametrize(
    ("array", "matrix", "positions"),
    [
        (np.ones((3, 4)), np.eye(4), None),
        (np.ones((0, 4, 4)), np.eye(4), None),
        (np.ones((3, 4, 5), complex), np.eye(4), None),
        (np.ones((3, 4, 5)), np.eye(3), None),
        (np.ones((3, 4, 5)), np.diag([1.0, 1.0, 0.0, 1.0]), None),
        (np.ones((3, 4, 5)), np.diag([1.0, np.nan, 1.0, 1.0]), None),
        (np.ones((3, 4, 5)), np.eye(4), [0.0, 1.0]),
        (np.ones((3, 4, 5)), np.eye(4), [0.0, 2.0, 2.0]),
        (np.ones((3, 4, 5)), np.eye(4), [0.0, -1.0, -2.0]),
        (np.ones((3, 4, 5)), np.eye(4), [0.0, np.nan, 2.0]),
    ],
)
def test_arguments_that_describe_no_image_are_refused(array, matrix, positions) -> None:
    with pytest.raises(ValueError, match=r"must|cannot"):
        ScalarImage(array, matrix, "", positions)


def test_points_need_three_coordinates() -> None:
    with pytest.raises(ValueError, match="shape"):
        ScalarImage(np.ones((2, 2, 2)), np.eye(4)).sample(np.zeros((4, 2)))
