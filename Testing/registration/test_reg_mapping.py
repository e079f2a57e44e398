"""Where points go: the library against Equation C.20.3-1 evaluated plainly (:mod:`reference`), in every encoding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import reference
import regfiles as rf
import regstrategies as rs
from hypothesis import given, settings
from hypothesis import strategies as st
from readback import SMOOTH, one, probes, read

MM = 1e-6
"""Agreement in mm where both sides compute in double; the product promises 1e-3."""


def assert_maps_like_reference(read_item, written: rf.DeformableItem | rf.MatrixItem) -> None:
    points = probes(written)
    expected = reference.map_points(written, points)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(read_item.map_points(points), expected, rtol=0, atol=MM)


# ---- Every encoding, every composition ------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(rs.deformables, rs.encodings())
def test_deformable_items_map_as_the_equation_says_however_written(
    spec: rf.RegistrationSpec, encoding: rf.Encoding
) -> None:
    registration = read(spec, encoding)
    assert registration.kind == "deformable"
    assert registration.frame_uid == spec.frame_uid
    assert len(registration.items) == len(spec.items)
    for number, (item, written) in enumerate(zip(registration.items, spec.items, strict=True), start=1):
        assert item.number == number
        assert item.kind == "deformable"
        assert (item.source_frame_uid, item.registered_frame_uid) == (written.source_frame, spec.frame_uid)
        assert item.matrix is None
        assert (item.grid is None) == (written.grid is None)
        for matrix, expected in ((item.pre, written.pre), (item.post, written.post)):
            np.testing.assert_allclose(matrix, np.eye(4) if expected is None else expected, rtol=0, atol=1e-12)
        assert_maps_like_reference(item, written)


@settings(deadline=None, max_examples=80)
@given(rs.spatials, rs.encodings())
def test_matrix_items_map_by_the_inverse_of_their_own_product(spec: rf.RegistrationSpec, encoding: rf.Encoding) -> None:
    registration = read(spec, encoding)
    assert registration.kind == "matrix"
    assert len(registration.items) == len(spec.items)
    for item, written in zip(registration.items, spec.items, strict=True):
        product = np.eye(4)
        for matrix in written.matrices:
            product = matrix @ product
        np.testing.assert_allclose(item.matrix, product, rtol=0, atol=1e-9)
        assert item.kind == "matrix"
        assert item.grid is None
        assert item.source_frame_uid == written.frame
        assert_maps_like_reference(item, written)


@settings(deadline=None, max_examples=60)
@given(rs.deformables | rs.spatials, rs.encodings())
def test_the_sequences_decide_when_the_class_is_wrong(spec: rf.RegistrationSpec, encoding: rf.Encoding) -> None:
    swapped = rf.DEFORMABLE_CLASS if spec.class_uid == rf.SPATIAL_CLASS else rf.SPATIAL_CLASS
    right, wrong = read(spec, encoding), read(replace(spec, sop_class=swapped), encoding)
    assert (wrong.kind, wrong.sop_class_uid) == (right.kind, swapped)
    assert "reg-sop-class-mismatch" in {finding.code for finding in wrong.findings}
    assert "reg-sop-class-mismatch" not in {finding.code for finding in right.findings}
    for item, written in zip(wrong.items, spec.items, strict=True):
        assert_maps_like_reference(item, written)


def test_grid_attributes_are_those_of_the_file() -> None:
    grid = one(rf.DeformableItem(SMOOTH)).grid
    assert tuple(grid.dimensions) == (9, 8, 7)
    np.testing.assert_array_equal(grid.spacing_mm, SMOOTH.spacing)
    np.testing.assert_array_equal(grid.origin_lps_mm, SMOOTH.origin)
    np.testing.assert_allclose(grid.directions, reference.directions_of(SMOOTH), rtol=0, atol=1e-7)
    assert grid.vectors.dtype == np.float32
    np.testing.assert_array_equal(grid.vectors, SMOOTH.vectors)
    for index in ((0, 0, 0), (8, 0, 0), (0, 7, 0), (0, 0, 6), (3, 5, 2)):
        expected = reference.node_position(SMOOTH, *index)
        np.testing.assert_allclose((np.asarray(grid.index_to_lps) @ [*index, 1.0])[:3], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("decimals", [4, 5, 6, 8])
def test_orientations_of_few_decimals_are_taken_as_written(decimals: int) -> None:
    grid = replace(SMOOTH, orientation=tuple(np.round(SMOOTH.orientation, decimals)))
    item = one(rf.DeformableItem(grid))
    assert not [finding for finding in item.findings if finding.severity == "error"]
    points = reference.points_inside(grid, 40, margin=0.01)
    np.testing.assert_allclose(
        item.map_points(points), reference.map_points(rf.DeformableItem(grid), points), rtol=0, atol=MM
    )


# ---- The order of things --------------------------------------------------------------------------------------------


def test_the_vector_is_looked_up_before_pre_moves_the_point() -> None:
    vectors = np.zeros((2, 2, 2, 3), np.float32)
    vectors[..., 0] = [[[0, 10], [0, 10]]] * 2  # 10 mm along x at i = 1, none at i = 0
    pre = np.eye(4)
    pre[0, 3] = 5.0
    grid = rf.GridSpec(vectors, (10.0, 10.0, 10.0), (0.0, 0.0, 0.0))
    item = one(rf.DeformableItem(grid, pre))
    np.testing.assert_allclose(item.map_points([2.0, 5.0, 5.0]), [2 + 5 + 2, 5, 5], atol=MM)


def test_post_is_applied_last_and_turns_the_vector() -> None:
    vectors = np.zeros((2, 2, 2, 3), np.float32)
    vectors[..., 0] = 4.0
    post = np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 100], [0, 0, 0, 1.0]])
    item = one(rf.DeformableItem(rf.GridSpec(vectors, (10.0, 10.0, 10.0), (0.0, 0.0, 0.0)), None, post))
    np.testing.assert_allclose(item.map_points([1.0, 2.0, 3.0]), [-2, 5, 103], atol=MM)


def test_vectors_point_along_the_registered_axes_not_the_grid_rows() -> None:
    vectors = np.zeros((2, 2, 2, 3), np.float32)
    vectors[..., 1] = 3.0
    grid = rf.GridSpec(vectors, (10.0, 10.0, 10.0), (0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    np.testing.assert_allclose(one(rf.DeformableItem(grid)).map_points([5.0, 5.0, 5.0]), [5, 8, 5], atol=MM)


def test_x_runs_fastest_in_the_vectors() -> None:
    vectors = np.arange(2 * 3 * 4 * 3, dtype=np.float32).reshape(4, 3, 2, 3)  # 2 x 3 x 4 nodes
    item = one(rf.DeformableItem(rf.GridSpec(vectors, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))))
    node = np.array([1.0, 2.0, 3.0])
    number = (1 + 2 * 2 + 6 * 3) * 3
    np.testing.assert_allclose(item.map_points(node), node + [number, number + 1, number + 2], atol=MM)


def test_without_a_grid_only_the_matrices_move_points_anywhere() -> None:
    pre, post = rf.rigid((0.1, 0.2, 0.3), (1, 2, 3)), rf.rigid((-0.3, 0.5, 0.7), (-10, 20, -30))
    item = one(rf.DeformableItem(None, pre, post))
    points = np.random.default_rng(0).uniform(-1e4, 1e4, (10, 3))
    expected = np.array([(post @ pre @ np.append(p, 1))[:3] for p in points])
    np.testing.assert_allclose(item.map_points(points), expected, rtol=0, atol=1e-6)


def test_two_items_are_alternatives_never_multiplied() -> None:
    first, second = rf.rigid((0, 0, 0.5), (10, 0, 0)), rf.rigid((0.5, 0, 0), (0, 10, 0))
    spec = rf.RegistrationSpec(
        (rf.MatrixItem((first,), frame="1.2.3.201"), rf.MatrixItem((second,), frame="1.2.3.202"))
    )
    items = read(spec).items
    point = np.array([1.0, 2.0, 3.0, 1.0])
    for item, matrix in zip(items, (first, second), strict=True):
        np.testing.assert_allclose(item.map_points((matrix @ point)[:3]), point[:3], atol=MM)


# ---- Where nothing is defined ---------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(rs.grids(), st.integers(0, 2), st.sampled_from([-1, 1]), st.floats(0.02, 50))
def test_outside_the_grid_is_undefined(grid: rf.GridSpec, axis: int, side: int, distance: float) -> None:
    size = np.array(grid.dimensions)
    index = np.random.default_rng(3).uniform(0, 1, (12, 3)) * (size - 1)
    index[:, axis] = -distance if side < 0 else size[axis] - 1 + distance
    points = np.array([reference.node_position(grid, *i) for i in index])
    assert np.isnan(one(rf.DeformableItem(grid, rf.rigid((0, 0, 0.1), (1, 2, 3)))).map_points(points)).all()


@settings(deadline=None, max_examples=30)
@given(rs.grids())
def test_the_border_itself_belongs_to_the_grid(grid: rf.GridSpec) -> None:
    item = one(rf.DeformableItem(grid))
    nx, ny, nz = grid.dimensions
    for i, j, k in np.ndindex(nx, ny, nz):
        point = reference.node_position(grid, i, j, k)
        np.testing.assert_allclose(item.map_points(point), point + grid.vectors[k, j, i], rtol=0, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_cell_with_an_undefined_vector_is_undefined_and_no_more(bad: float) -> None:
    vectors = SMOOTH.vectors.copy()
    vectors[3, 4, 2] = bad
    grid = replace(SMOOTH, vectors=vectors)
    item = one(rf.DeformableItem(grid))
    random = np.random.default_rng(5)
    index = random.uniform(0, np.array(grid.dimensions) - 1, (4000, 3))
    points = np.array([reference.node_position(grid, *i) for i in index])
    touched = (np.abs(index - [2, 4, 3]) < 1 - 1e-4).all(axis=1)
    clear = (np.abs(index - [2, 4, 3]) > 1 + 1e-4).any(axis=1)
    assert touched.sum() > 20
    mapped = item.map_points(points)
    assert np.isnan(mapped[touched]).all()
    np.testing.assert_allclose(
        mapped[clear], reference.map_points(rf.DeformableItem(grid), points[clear]), rtol=0, atol=MM
    )


def test_nodes_beside_an_undefined_node_keep_their_own_vectors() -> None:
    vectors = SMOOTH.vectors.copy()
    vectors[3, 4, 2] = np.nan
    grid = replace(SMOOTH, vectors=vectors)
    item = one(rf.DeformableItem(grid))
    for i, j, k in np.ndindex(*grid.dimensions):
        point = reference.node_position(grid, i, j, k)
        mapped = item.map_points(point)
        if (i, j, k) == (2, 4, 3):
            assert np.isnan(mapped).all()
        else:
            np.testing.assert_allclose(mapped, point + vectors[k, j, i], rtol=0, atol=1e-5)


def test_one_undefined_component_makes_the_vector_undefined() -> None:
    vectors = SMOOTH.vectors.copy()
    vectors[3, 4, 2, 1] = np.nan
    item = one(rf.DeformableItem(replace(SMOOTH, vectors=vectors)))
    assert np.isnan(item.map_points(reference.node_position(SMOOTH, 2, 4, 3))).all()


def test_undefined_vectors_are_reported_with_their_number() -> None:
    vectors = SMOOTH.vectors.copy()
    vectors[1:3, 2:4, 5] = np.nan
    item = one(rf.DeformableItem(replace(SMOOTH, vectors=vectors)))
    found = [f for f in item.findings if f.code == "reg-vectors-undefined"]
    assert len(found) == 1
    assert 4 in _numbers_in(found[0].evidence)
    vectors[0, 0, 0, 2] = np.inf
    item = one(rf.DeformableItem(replace(SMOOTH, vectors=vectors)))
    assert "reg-vectors-nonfinite" in {f.code for f in item.findings}


def _numbers_in(value) -> list:
    if isinstance(value, dict):
        return [n for v in value.values() for n in _numbers_in(v)]
    if isinstance(value, (list, tuple)):
        return [n for v in value for n in _numbers_in(v)]
    return [value]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_grid_one_node_thin_is_defined_in_its_plane_only(axis: int) -> None:
    dimensions = [5, 4, 3]
    dimensions[axis] = 1
    grid = rf.GridSpec(
        rf.smooth_vectors(tuple(dimensions)), (2.0, 3.0, 4.0), (1.0, 2.0, 3.0), rf.orientation_of((0.3, 0.1, 0.2))
    )
    item = one(rf.DeformableItem(grid))
    points = reference.points_inside(grid, 20)
    np.testing.assert_allclose(
        item.map_points(points), reference.map_points(rf.DeformableItem(grid), points), rtol=0, atol=MM
    )
    away = points + reference.directions_of(grid)[:, axis] * 2 * grid.spacing[axis]
    assert np.isnan(item.map_points(away)).all()


# ---- What goes in and out -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (1, 3), (5, 3), (2, 4, 3), (2, 1, 3, 3), (0, 3)])
@pytest.mark.parametrize("kind", ["grid", "no grid", "matrix"])
def test_the_shape_of_the_points_is_kept(shape: tuple[int, ...], kind: str) -> None:
    item = one(
        {"grid": rf.DeformableItem(SMOOTH), "no grid": rf.DeformableItem(None), "matrix": rf.MatrixItem((np.eye(4),))}[
            kind
        ]
    )
    points = np.resize(reference.points_inside(SMOOTH, 30), shape)
    mapped = item.map_points(points)
    assert mapped.shape == shape
    assert mapped.dtype == np.float64
    inverse = item.map_points_inverse(points)
    assert np.asarray(inverse.points).shape == shape
    assert np.shape(inverse.residual_mm) == shape[:-1]
    assert np.shape(inverse.converged) == shape[:-1]


@pytest.mark.parametrize("shape", [(), (2,), (4,), (3, 2), (3, 4)])
def test_points_of_another_width_are_refused(shape: tuple[int, ...]) -> None:
    item = one(rf.DeformableItem(SMOOTH))
    for mapping in (item.map_points, item.map_points_inverse):
        with pytest.raises(ValueError):
            mapping(np.zeros(shape))


@pytest.mark.parametrize(
    "spec",
    [
        rf.DeformableItem(SMOOTH),
        rf.DeformableItem(None, rf.rigid((1, 2, 3), (4, 5, 6))),
        rf.MatrixItem((rf.rigid((1, 2, 3), (4, 5, 6)),)),
    ],
)
def test_a_point_that_is_not_a_place_maps_to_none(spec: rf.DeformableItem | rf.MatrixItem) -> None:
    item = one(spec)
    inside = reference.points_inside(SMOOTH, 3)
    points = inside.copy()
    points[1, 2] = np.nan
    mapped = item.map_points(points)
    assert np.isnan(mapped[1]).all()
    np.testing.assert_allclose(mapped[[0, 2]], item.map_points(inside)[[0, 2]], rtol=0, atol=0)
    result = item.map_points_inverse(points)
    assert np.isnan(result.points[1]).all()
    assert not result.converged[1]


def test_lists_and_single_precision_points_are_taken() -> None:
    item = one(rf.DeformableItem(SMOOTH))
    points = np.round(reference.points_inside(SMOOTH, 4, margin=0.1), 1)
    expected = reference.map_points(rf.DeformableItem(SMOOTH), points)
    np.testing.assert_allclose(item.map_points(points.tolist()), expected, rtol=0, atol=MM)
    np.testing.assert_allclose(item.map_points(points.astype(np.float32)), expected, rtol=0, atol=1e-4)


def test_the_points_given_are_not_changed() -> None:
    item = one(rf.DeformableItem(SMOOTH, rf.rigid((0.1, 0, 0), (1, 2, 3)), rf.rigid((0, 0.1, 0), (3, 2, 1))))
    points = reference.points_inside(SMOOTH, 10)
    before = points.copy()
    item.map_points(points)
    item.map_points_inverse(points)
    np.testing.assert_array_equal(points, before)


def test_many_points_at_once_give_what_each_gives_alone() -> None:
    item = one(rf.DeformableItem(SMOOTH))
    points = reference.points_inside(SMOOTH, 5000)
    together = item.map_points(points)
    for number in (0, 17, 2500, 4999):
        np.testing.assert_array_equal(item.map_points(points[number]), together[number])


def test_the_displacement_summary_is_that_of_the_vectors() -> None:
    vectors = SMOOTH.vectors.copy()
    vectors[0, 0, :3] = np.nan
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=-1)
    lengths = lengths[np.isfinite(lengths)]
    summary = one(rf.DeformableItem(replace(SMOOTH, vectors=vectors))).displacement_mm
    assert summary["max"] == pytest.approx(lengths.max(), abs=1e-4)
    assert summary["mean"] == pytest.approx(lengths.mean(), abs=1e-4)
    for name, percent in (("p50", 50), ("p95", 95), ("p99", 99)):
        low, high = np.percentile(lengths, percent, method="lower"), np.percentile(lengths, percent, method="higher")
        assert low - 0.02 <= summary[name] <= high + 0.02
