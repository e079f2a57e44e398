"""Points brought back from the source frame, held against the equation; and smooth registrations raise no warnings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import reference
import regfiles as rf
import regstrategies as rs
from hypothesis import given, settings
from hypothesis import strategies as st
from readback import SMOOTH, one, probes, read

# ---- Back again -----------------------------------------------------------------------------------------------------


@st.composite
def invertible_items(draw: st.DrawFn, matrices: st.SearchStrategy | None = None) -> rf.DeformableItem:
    """Smooth vectors whose derivatives stay well below one, so that the inverse is unique."""
    grid = rf.GridSpec(
        rf.smooth_vectors((9, 8, 7), draw(st.sampled_from([0.5, 3.0, 6.0])), draw(st.integers(0, 99))),
        (4.0, 5.0, 6.0),
        draw(rs.shifts),
        rf.orientation_of(draw(rs.angles)),
    )
    matrices = rs.rigids | rs.affines() if matrices is None else matrices
    return rf.DeformableItem(grid, *[draw(st.none() | matrices) for _ in range(2)])


@settings(deadline=None, max_examples=40)
@given(invertible_items())
def test_the_inverse_brings_points_back(written: rf.DeformableItem) -> None:
    item = one(written)
    points = reference.points_inside(written.grid, 60, margin=0.5)
    sources = reference.map_points(written, points)
    result = item.map_points_inverse(sources)
    assert np.asarray(result.converged).all()
    np.testing.assert_allclose(result.points, points, rtol=0, atol=1e-3)
    again = np.linalg.norm(reference.map_points(written, result.points) - sources, axis=-1)
    np.testing.assert_allclose(result.residual_mm, again, rtol=0, atol=1e-3)
    assert (np.asarray(result.residual_mm) < 1e-3).all()


@settings(deadline=None, max_examples=30)
@given(rs.matrix_items())
def test_the_inverse_of_a_matrix_is_the_matrix(written: rf.MatrixItem) -> None:
    points = probes(written)
    result = one(written).map_points_inverse(reference.map_points(written, points))
    assert np.asarray(result.converged).all()
    np.testing.assert_allclose(result.points, points, rtol=0, atol=1e-6)


def test_a_source_point_that_nothing_maps_to_has_no_inverse() -> None:
    item = one(rf.DeformableItem(SMOOTH))
    far = np.array([[1e4, 0, 0], [0, -1e5, 0]])
    result = item.map_points_inverse(far)
    assert np.isnan(result.points).all()
    assert not np.asarray(result.converged).any()


def test_a_source_point_whose_origin_lies_just_outside_the_grid_has_no_inverse() -> None:
    vectors = np.zeros((4, 4, 4, 3), np.float32)
    vectors[..., 0] = 5.0
    item = one(rf.DeformableItem(rf.GridSpec(vectors, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))))
    result = item.map_points_inverse([[4.9, 1, 1], [5.1, 1, 1], [8.1, 1, 1]])
    assert list(np.asarray(result.converged)) == [False, True, False]
    np.testing.assert_allclose(result.points[1], [0.1, 1, 1], atol=1e-3)
    assert np.isnan(result.points[[0, 2]]).all()


def test_an_inverse_that_is_claimed_is_one_even_in_a_rough_field() -> None:
    vectors = np.random.default_rng(11).normal(0, 8, (6, 6, 6, 3)).astype(np.float32)
    written = rf.DeformableItem(rf.GridSpec(vectors, (3.0, 3.0, 3.0), (0.0, 0.0, 0.0)))
    sources = np.random.default_rng(12).uniform(-10, 25, (400, 3))
    result = one(written).map_points_inverse(sources)
    found = np.asarray(result.converged)
    assert 0 < found.sum() < 400
    mapped = reference.map_points(written, result.points[found])
    assert np.linalg.norm(mapped - sources[found], axis=1).max() < 1e-3
    assert np.isnan(result.points[~found]).all()


def test_points_beside_undefined_vectors_still_come_back() -> None:
    vectors = SMOOTH.vectors.copy()
    vectors[3, 4, 2] = np.nan
    written = rf.DeformableItem(replace(SMOOTH, vectors=vectors))
    points = reference.points_inside(SMOOTH, 300, margin=0.5)
    sources = reference.map_points(written, points)
    defined = np.isfinite(sources).all(axis=1)
    assert 0 < (~defined).sum() < 60
    result = one(written).map_points_inverse(sources)
    assert np.isnan(result.points[~defined]).all()
    np.testing.assert_allclose(result.points[defined], points[defined], rtol=0, atol=1e-3)


# ---- Nothing false --------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(invertible_items(rs.rigids), rs.encodings())
def test_smooth_registrations_between_rigid_matrices_have_no_warnings(
    written: rf.DeformableItem, encoding: rf.Encoding
) -> None:
    registration = read(rf.RegistrationSpec((written,)), replace(encoding, order="ascending"))
    assert [finding for finding in registration.findings if finding.severity != "info"] == []
