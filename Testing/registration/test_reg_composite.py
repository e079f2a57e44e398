"""Chains, B-splines, inverses and sums: exactly as SimpleITK maps points, and on a grid with an error that is told."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib.findings.about import about_item
from DicomRegInspectorLib.registration.composite import Inverse, Sum, in_a_row, inverse_of
from DicomRegInspectorLib.registration.mapping import Mapping, MappingError, affine_mapping
from DicomRegInspectorLib.registration.measures.quality import measure
from itk_transforms import affine, as_part, bspline, field, mapped_by, points_around, sitk

MAKERS = {"affine": affine, "field": field, "bspline": bspline}
CHAINS = [
    ("affine", "affine"),
    ("field",),
    ("bspline",),
    ("affine", "field", "affine"),
    ("field", "affine"),
    ("bspline", "affine", "field"),
    ("affine", "field", "bspline", "affine"),
]


@pytest.mark.parametrize("kinds", CHAINS, ids="-".join)
def test_a_chain_maps_points_as_simpleitk_does(kinds: tuple[str, ...]) -> None:
    transforms = [MAKERS[kind](seed=number) for number, kind in enumerate(kinds)]
    mapping = in_a_row([as_part(transform) for transform in transforms])
    # ITK's composite lets the last one act first.
    composite = sitk.CompositeTransform(transforms[::-1])
    points = points_around()
    np.testing.assert_allclose(mapping.map_points(points), mapped_by(composite, points), rtol=0, atol=2e-5)


def test_only_what_needs_it_is_sampled() -> None:
    matrix, spline, vectors = as_part(affine()), as_part(bspline()), as_part(field())
    assert in_a_row([matrix, matrix]).grid is None
    between = in_a_row([matrix, vectors, matrix])
    assert between.exact is None and between.grid.vectors is vectors.grid.vectors
    assert between.sampling_error is None
    chained = in_a_row([vectors, spline])
    assert chained.exact is not None and chained.grid.dimensions == vectors.grid.dimensions


@pytest.mark.parametrize("order", range(4))
def test_b_splines_of_every_order_are_those_of_itk(order: int) -> None:
    transform = bspline(order)
    points = points_around()
    expected = mapped_by(transform, points)
    moved = (expected != points).any(axis=1)
    assert (0 if order == 0 else 300) <= moved.sum() < len(points) - 300
    np.testing.assert_allclose(as_part(transform).map_points(points), expected, rtol=0, atol=1e-9)


def test_nodes_of_a_sampled_grid_are_exact_and_the_error_between_them_is_measured() -> None:
    transform = bspline(size=4.0)
    mapping = in_a_row([as_part(transform)])
    # Not those on the border, where rounding decides on which side of it they are.
    inner = np.argwhere(np.ones([size - 2 for size in mapping.grid.dimensions])) + 1
    nodes = np.array([mapping.grid.node_position(tuple(index)) for index in inner[::7]])
    by_grid = Mapping(grid=mapping.grid)
    np.testing.assert_allclose(by_grid.map_points(nodes), mapped_by(transform, nodes), rtol=0, atol=1e-5)
    middles = np.array([mapping.grid.node_position(tuple(index + 0.5)) for index in inner])
    apart = np.linalg.norm(by_grid.map_points(middles) - mapped_by(transform, middles), axis=1)
    told = mapping.sampling_error
    assert 0.5 * apart.max() < told.max_mm < 1.5 * apart.max()
    assert told.mean_mm == pytest.approx(apart.mean(), rel=0.5)


@pytest.mark.parametrize("kinds", CHAINS, ids="-".join)
def test_the_inverse_of_a_chain_leads_back(kinds: tuple[str, ...]) -> None:
    mild = {"affine": affine, "field": partial(field, size=0.7), "bspline": partial(bspline, size=1.0)}
    transforms = [mild[kind](seed=number) for number, kind in enumerate(kinds)]
    mapping = in_a_row([as_part(transform) for transform in transforms])
    points = points_around(count=500)
    result = mapping.map_points_inverse(mapping.map_points(points))
    assert result.converged.mean() > 0.9
    there = mapped_by(sitk.CompositeTransform(transforms[::-1]), result.points[result.converged])
    np.testing.assert_allclose(there, mapping.map_points(points)[result.converged], rtol=0, atol=2e-4)
    backward = inverse_of(mapping)
    np.testing.assert_allclose(backward.map_points(mapping.map_points(points)), result.points, rtol=0, atol=1e-6)
    again = inverse_of(backward)
    assert type(again.exact) is type(mapping.exact)
    np.testing.assert_allclose(again.map_points(points), mapping.map_points(points), rtol=0, atol=1e-9)


def test_displacements_are_added_side_by_side() -> None:
    first, second = bspline(), field(1)
    points = points_around()
    expected = mapped_by(first, points) + mapped_by(second, points) - points
    total = in_a_row([Sum((as_part(first), as_part(second)))])
    np.testing.assert_allclose(total.map_points(points), expected, rtol=0, atol=2e-5)


def test_chains_are_measured() -> None:
    mapping = in_a_row([as_part(affine(1)), as_part(bspline(size=1.0))])
    quality = measure(mapping, about_item(Path("chain.tfm"), 1))
    assert quality.dimensions == mapping.grid.dimensions
    (told,) = [finding for finding in quality.findings if finding.code == "reg-sampled"]
    assert told.severity == "info" and told.evidence["max_mm"] == mapping.sampling_error.max_mm
    assert quality.inverse.max_mm < 1e-4
    determinant = np.linalg.det(np.reshape(affine(1).GetMatrix(), (3, 3)))
    assert quality.jacobian.mean == pytest.approx(determinant, rel=0.1)


def test_a_singular_matrix_leaves_a_deformation_no_place_and_no_inverse() -> None:
    flat = affine_mapping(np.diag([1.0, 1.0, 0.0, 1.0]))
    with pytest.raises(MappingError, match="singular"):
        in_a_row([flat, as_part(bspline())])
    with pytest.raises(MappingError, match="no inverse"):
        inverse_of(flat)
    with pytest.raises(MappingError, match="no inverse"):
        Inverse(in_a_row([as_part(bspline()), flat])).map_points(points_around(count=10))
