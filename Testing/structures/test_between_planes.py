"""Between planes of contours nothing is lost: parts that end, holes that close, tubes that run steeply, branches."""

from __future__ import annotations

import numpy as np
import pytest
from DicomRegInspectorLib.registration.nodes import Nodes
from DicomRegInspectorLib.structures import Contour, Structure
from DicomRegInspectorLib.structures.signed_distance import signed_distance
from structfiles import axes_matrix, circle

STEP = 4.0
HEIGHTS = np.arange(-20, 21, STEP)


def structure(*circles: tuple[float, tuple[float, float], float]) -> Structure:
    """Contours from radius, centre and height each."""
    return Structure(1, "parts", tuple(Contour(circle(radius, z, place, 360)) for radius, place, z in circles))


def volume_between(made: Structure, pitch: float = 0.4) -> float:
    """mm³ of voxels a quarter of a slice thick, most of which the surface between planes decides."""
    low, high = np.array(made.box()) + ((-2, -2, -STEP), (2, 2, STEP))
    size = np.ceil((high - low) / (pitch, pitch, 1)).astype(int)
    grid = axes_matrix(np.eye(3), (pitch, pitch, 1), low + (0.013, 0.017, 0.5))
    return np.count_nonzero(made.mask(Nodes(grid, tuple(size.tolist()), ""))) * pitch**2


@pytest.mark.parametrize("slope", [0.0, 0.4, 1.0, 1.5, 3.0])
def test_a_tube_keeps_its_volume_however_steeply_it_runs(slope: float) -> None:
    tube = structure(*((4, (slope * height, 0), height) for height in HEIGHTS[3:8]))
    assert tube.volume_mm3 == pytest.approx(5 * STEP * np.pi * 16, rel=1e-3)
    assert volume_between(tube, 0.2) == pytest.approx(tube.volume_mm3, rel=0.012)


def test_a_part_ends_half_a_slice_beyond_its_last_contour_where_another_goes_on() -> None:
    both = structure(*((15, (-30, 0), z) for z in HEIGHTS), *((12, (30, 0), z) for z in HEIGHTS[3:7]))
    assert volume_between(both) == pytest.approx(both.volume_mm3, rel=0.003)
    surface = signed_distance(both.planes)
    ends = surface.at(
        np.array([(30.0, 0, HEIGHTS[6] + 1.9), (30.0, 0, HEIGHTS[6] + 2.1), (-30.0, 0, HEIGHTS[6] + 2.1)])
    )
    assert ends[0] > 0 > ends[1] and ends[2] > 5


def test_a_hole_closes_half_a_slice_beyond_its_last_contour() -> None:
    ring = structure(*((20, (0, 0), z) for z in HEIGHTS), *((6, (3, 0), z) for z in HEIGHTS[3:7]))
    assert volume_between(ring) == pytest.approx(ring.volume_mm3, rel=0.003)
    surface = signed_distance(ring.planes)
    closed = surface.at(np.array([(3.0, 0, HEIGHTS[6] + 1.9), (3.0, 0, HEIGHTS[6] + 2.1), (19.9, 0, HEIGHTS[6] + 1.0)]))
    assert closed[0] < 0 < closed[1] and closed[2] > 0


def test_a_trunk_that_becomes_two_branches_keeps_its_volume() -> None:
    tree = structure(
        *((15, (0, 0), z) for z in HEIGHTS[:6]), *((6, (x, 0), z) for z in HEIGHTS[6:] for x in (-8.0, 8.0))
    )
    assert volume_between(tree) == pytest.approx(tree.volume_mm3, rel=0.01)


def test_a_cone_is_as_wide_between_planes_as_areas_say() -> None:
    cone = structure(*((0.5 * (height + 24), (0, 0), height) for height in HEIGHTS))
    assert volume_between(cone) == pytest.approx(cone.volume_mm3, rel=0.005)


def test_distances_in_a_plane_are_those_to_the_outline() -> None:
    tube = structure(*((12, (5, -3), height) for height in HEIGHTS))
    random = np.random.default_rng(0)
    points = np.column_stack([random.uniform(-9, 19, 500), random.uniform(-17, 11, 500), random.uniform(-19, 19, 500)])
    points = points[np.abs(points[:, 2]) < 19]
    expected = 12 - np.linalg.norm(points[:, :2] - (5, -3), axis=1)
    found = signed_distance(tube.planes).at(points)
    # Near the ends the surface of the end is nearer.
    inner = np.abs(expected) < 0.3
    assert inner.sum() > 15 and np.abs(found - np.minimum(expected, 22 - np.abs(points[:, 2])))[inner].max() < 0.02
    assert np.isnan(signed_distance(tube.planes).at(np.array([(np.nan, 0, 0)])))[0]
