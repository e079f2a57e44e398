"""Outlines of what is inside: every centre of a mask on its side, every point of a surface on it, holes as keyholes."""

from __future__ import annotations

import numpy as np
import pytest
from DicomRegInspectorLib.registration.nodes import Nodes
from DicomRegInspectorLib.structures import Structure, Voxels
from DicomRegInspectorLib.structures.keyholes import with_keyholes
from DicomRegInspectorLib.structures.level_contours import outlines
from DicomRegInspectorLib.structures.polygons import signed_area
from DicomRegInspectorLib.structures.resample import ImagePlane, contours_of_voxels, contours_on_planes
from structfiles import axes_matrix, centres, turned, winding_inside

CENTRE = np.array((3.0, -5.0, 1.0))
SHELL_MM3 = 4 / 3 * np.pi * (40**3 - 15**3)


def depth(points: np.ndarray) -> np.ndarray:
    """How deep points lie in a shell of radii 40 and 15 mm."""
    distance = np.linalg.norm(points - CENTRE, axis=1)
    return np.minimum(40 - distance, distance - 15)


def slices(axes: np.ndarray, spacing: float) -> list[ImagePlane]:
    """Slices through the shell, from end to end."""
    return [
        ImagePlane(axes_matrix(axes, (0.9, 1.1, 1), CENTRE + axes @ (-50, -50, height)))
        for height in np.arange(-45.2, 45, spacing)
    ]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_the_outlines_of_any_mask_enclose_the_centres_that_are_in_it_and_no_others(share: float) -> None:
    random = np.random.default_rng(1)
    i, j = np.meshgrid(np.arange(11.0), np.arange(9.0))
    for _ in range(20):
        mask = random.random((9, 11)) < share
        inside = winding_inside(outlines(mask - 0.5), np.column_stack([i.ravel(), j.ravel()]))
        assert np.array_equal(inside.reshape(9, 11), mask)


def test_outer_outlines_and_holes_run_opposite_ways() -> None:
    mask = np.zeros((9, 9), bool)
    mask[1:8, 1:8] = True
    mask[3:6, 3:6] = False
    assert sorted(np.sign([signed_area(polygon) for polygon in outlines(mask - 0.5)])) == [-1, 1]


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.3, -0.4, 0.2), (0, np.pi / 2, 0)])
def test_each_point_of_a_contour_lies_on_the_surface_and_the_volume_is_that_of_the_body(
    angles: tuple[float, ...],
) -> None:
    box = np.stack([CENTRE - 41, CENTRE + 41])
    contours = contours_on_planes(depth, slices(turned(*angles), 2.5), box, 1.0)
    assert max(np.abs(depth(contour.points)).max() for contour in contours) < 2e-5
    assert Structure(1, "shell", tuple(contours)).volume_mm3 == pytest.approx(SHELL_MM3, rel=0.001)


def test_planes_that_pass_a_body_by_have_no_contours() -> None:
    plane = ImagePlane(axes_matrix(np.eye(3), (1, 1, 1), (-50, -50, 90)))
    assert contours_on_planes(depth, [plane], np.stack([CENTRE - 41, CENTRE + 41]), 1.0) == []


def test_where_the_depth_is_undefined_nothing_is_drawn() -> None:
    def half(points: np.ndarray) -> np.ndarray:
        return np.where(points[:, 0] > CENTRE[0], depth(points), np.nan)

    box = np.stack([CENTRE - 41, CENTRE + 41])
    contours = contours_on_planes(half, slices(np.eye(3), 2.5), box, 1.0)
    assert min(contour.points[:, 0].min() for contour in contours) > CENTRE[0] - 1e-4
    assert Structure(1, "half", tuple(contours)).volume_mm3 == pytest.approx(SHELL_MM3 / 2, rel=0.002)


def test_keyholes_enclose_what_outer_outlines_and_holes_do() -> None:
    random = np.random.default_rng(5)
    i, j = np.meshgrid(np.arange(24.0), np.arange(20.0))
    # A hair beside the centres, through which a channel may run.
    places = np.column_stack([i.ravel(), j.ravel()]) + (0.0013, 0.0021)
    for _ in range(10):
        mask = random.random((20, 24)) < 0.6
        joined = with_keyholes(outlines(mask - 0.5))
        union = np.zeros(len(places), bool)
        for polygon in joined:
            # Each alone, as programs that fill every contour by itself do.
            union |= winding_inside([polygon], places)
        assert np.array_equal(union.reshape(20, 24), mask)
        assert sum(map(signed_area, joined)) == pytest.approx(sum(map(signed_area, outlines(mask - 0.5))))


def test_contours_around_voxels_give_the_same_voxels_again() -> None:
    random = np.random.default_rng(2)
    array = random.random((6, 15, 17)) < 0.5
    matrix = axes_matrix(turned(0.3, 0.1, -0.4), (0.8, 1.2, 2.5), (5, 6, 7))
    contours = contours_of_voxels(Voxels(array, matrix))
    assert {contour.geometric_type for contour in contours} == {"CLOSEDPLANAR_XOR"}
    mask = Structure(1, "noise", tuple(contours)).mask(Nodes(matrix, (17, 15, 6), ""))
    assert np.array_equal(mask, array)


def test_contours_around_a_ball_of_voxels_keep_its_volume() -> None:
    matrix = axes_matrix(np.eye(3), (1, 1, 2), (-30, -30, -30))
    ball = np.linalg.norm(centres(matrix, (61, 61, 31)), axis=-1) < 25
    voxels = Voxels(ball, matrix)
    structure = Structure(1, "ball", tuple(contours_of_voxels(voxels)))
    assert structure.volume_mm3 == pytest.approx(voxels.volume_mm3, rel=0.001)
