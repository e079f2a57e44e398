"""Contours to voxels: each centre as the polygons say, on any grid; volumes, holes, ends and gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib.registration.nodes import Nodes
from DicomRegInspectorLib.structures import Contour, Structure, read_structures
from DicomRegInspectorLib.structures.checks import check_structures
from structfiles import (
    Drawn,
    Region,
    axes_matrix,
    ball,
    centres,
    circle,
    dice,
    turned,
    winding_inside,
    write_rtstruct,
)

SHELL_MM3 = 4 / 3 * np.pi * (40**3 - 15**3)
AXIAL = axes_matrix(np.eye(3), (1, 1, 1), (-41.5, -41.5, -41.5))
AXIAL_SIZE = (84, 84, 84)


def structure_of(tmp_path: Path, *contours: Drawn) -> Structure:
    """The contours as a structure, through a file."""
    (structure,) = read_structures(write_rtstruct(tmp_path / "s.dcm", [Region("body", list(contours))])).structures
    return structure


def doubts_of(tmp_path: Path, *contours: Drawn) -> dict[str, object]:
    """What the finding on doubtful contours says of them; nothing without one."""
    found = read_structures(write_rtstruct(tmp_path / "s.dcm", [Region("body", list(contours))]))
    evidence = [f.evidence for f in check_structures(found) if f.code == "structure-contours-doubtful"]
    return dict(evidence[0]) if evidence else {}


def blob(count: int = 90, seed: int = 0) -> np.ndarray:
    """An uneven polygon around the origin, (n, 2)."""
    random = np.random.default_rng(seed)
    angle = np.sort(random.uniform(0, 2 * np.pi, count))
    radius = 18 + 7 * np.sin(3 * angle + seed) + random.uniform(-1, 1, count)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


@pytest.mark.parametrize("seed", range(4))
def test_each_centre_is_decided_as_the_winding_of_the_polygon_around_it_says(seed: int) -> None:
    outline, hole = blob(seed=seed), circle(4.0, 0, count=40)[:, :2]
    lifted = [np.column_stack([polygon, np.full(len(polygon), 3.0)]) for polygon in (outline, hole)]
    structure = Structure(1, "blob", tuple(map(Contour, lifted)), spacing_mm=2.0)
    matrix = axes_matrix(np.eye(3), (0.73, 0.91, 1), (-29.7, -31.3, 2))
    mask = structure.mask(Nodes(matrix, (80, 70, 3), ""))
    places = centres(matrix, (80, 70, 3))[1]
    expected = winding_inside([outline, hole], places.reshape(-1, 3)[:, :2]).reshape(70, 80)
    assert 900 < expected.sum() < 2500
    assert np.array_equal(mask[1], expected)


@pytest.mark.parametrize("angles", [(0.3, 0, 0), (0.4, -0.7, 0.2), (0, np.pi / 2, 0)])
def test_contours_drawn_on_oblique_slices_are_decided_exactly_on_these_slices(angles: tuple[float, ...]) -> None:
    axes = turned(*angles)
    outlines = [blob(seed=seed) for seed in range(5)]
    contours = [
        Contour(polygon @ axes[:, :2].T + 2.5 * number * axes[:, 2] + (10, 20, 30))
        for number, polygon in enumerate(outlines)
    ]
    matrix = axes_matrix(axes, (0.8, 0.9, 2.5), np.array((10, 20, 30)) + axes @ (-30.3, -30.1, -2.5))
    mask = Structure(1, "blob", tuple(contours)).mask(Nodes(matrix, (75, 68, 7), ""))
    i, j = np.meshgrid(np.arange(75), np.arange(68))
    flat = np.stack([i * 0.8 - 30.3, j * 0.9 - 30.1], axis=-1).reshape(-1, 2)
    for number, polygon in enumerate(outlines):
        assert np.array_equal(mask[number + 1], winding_inside([polygon], flat).reshape(68, 75))
    assert not mask[0].any() and not mask[6].any()


@pytest.mark.parametrize(("spacing", "start"), [(1.0, 0.3), (2.5, 0.0), (2.5, 0.7), (3.0, 1.25)])
def test_a_shell_keeps_its_volume_and_its_shape(tmp_path: Path, spacing: float, start: float) -> None:
    heights = np.arange(-60 + start, 60, spacing)
    structure = structure_of(tmp_path, *ball(40, heights), *ball(15, heights))
    assert structure.volume_mm3 == pytest.approx(SHELL_MM3, rel=0.002)
    mask = structure.mask(Nodes(AXIAL, AXIAL_SIZE, ""))
    distance = np.linalg.norm(centres(AXIAL, AXIAL_SIZE), axis=-1)
    assert dice(mask, (distance < 40) & (distance > 15)) > 0.995
    assert mask.sum() == pytest.approx(SHELL_MM3, rel=0.005)


@pytest.mark.parametrize("angles", [(0.3, 0.2, 0.1), (np.pi / 2, 0, 0), (0, np.pi / 2, 0), (0.8, -0.5, 1.2)])
def test_a_shell_keeps_volume_and_shape_on_a_grid_across_its_planes(tmp_path: Path, angles: tuple[float, ...]) -> None:
    heights = np.arange(-60.2, 60, 2.5)
    structure = structure_of(tmp_path, *ball(40, heights), *ball(15, heights))
    axes = turned(*angles)
    matrix = axes_matrix(axes, (1, 1, 1.5), axes @ (-50.3, -50.1, -50))
    mask = structure.mask(Nodes(matrix, (100, 100, 67), ""))
    distance = np.linalg.norm(centres(matrix, (100, 100, 67)), axis=-1)
    assert dice(mask, (distance < 40) & (distance > 15)) > 0.995
    assert mask.sum() * 1.5 == pytest.approx(SHELL_MM3, rel=0.005)


def test_a_cylinder_ends_half_a_slice_beyond_its_last_contours(tmp_path: Path) -> None:
    structure = structure_of(tmp_path, *[Drawn(circle(10, height)) for height in range(0, 30, 3)])
    assert structure.volume_mm3 == pytest.approx(np.pi * 100 * 30, rel=1e-4)
    heights = np.flatnonzero(
        structure.mask(Nodes(axes_matrix(np.eye(3), (1, 1, 0.5), (-15, -15, -10)), (31, 31, 100), "")).any(axis=(1, 2))
    )
    # From -1.5 to 28.5; the half-open rule of intervals counts the first end.
    assert heights[0] * 0.5 - 10 == -1.5 and heights[-1] * 0.5 - 10 == 28.0


def test_a_structure_outside_the_grid_gives_an_empty_mask(tmp_path: Path) -> None:
    structure = structure_of(tmp_path, *ball(20, range(-20, 21), (500, 0, 0)))
    for axes in (np.eye(3), turned(0.2, 0.1, 0)):
        assert not structure.mask(Nodes(axes_matrix(axes, (1, 1, 1), (0, 0, -30)), (40, 40, 60), "")).any()


def test_half_a_structure_outside_the_grid_is_cut_at_the_border(tmp_path: Path) -> None:
    structure = structure_of(tmp_path, *ball(20, np.arange(-20, 21) + 0.5))
    mask = structure.mask(Nodes(axes_matrix(np.eye(3), (1, 1, 1), (0.5, -29.5, -29.5)), (60, 60, 60), ""))
    assert mask.sum() == pytest.approx(2 / 3 * np.pi * 20**3, rel=0.003)


def test_a_contour_inside_another_is_a_hole_and_told(tmp_path: Path) -> None:
    contours = [Drawn(circle(radius, height)) for height in range(5) for radius in (20, 10)]
    doubts = doubts_of(tmp_path, *contours)
    assert doubts["nested"] == 5 and doubts["volume_ml"] == pytest.approx(5 * np.pi * 0.3, rel=1e-4)


def test_an_island_in_a_hole_belongs_to_the_structure(tmp_path: Path) -> None:
    contours = [Drawn(circle(radius, height)) for height in range(4) for radius in (5, 20, 10)]
    assert structure_of(tmp_path, *contours).volume_mm3 == pytest.approx(4 * np.pi * (400 - 100 + 25), rel=1e-4)


def test_contours_to_be_xored_are_so_and_nothing_is_doubtful_about_them(tmp_path: Path) -> None:
    contours = [
        Drawn(circle(radius, height, (x, 0)), "CLOSEDPLANAR_XOR")
        for height in range(3)
        for radius, x in ((20, 0), (20, 20))
    ]
    overlap = 2 * 400 * np.arccos(0.5) - 10 * np.sqrt(1600 - 400)
    assert structure_of(tmp_path, *contours).volume_mm3 == pytest.approx(3 * 2 * (np.pi * 400 - overlap), rel=1e-4)
    assert doubts_of(tmp_path, *contours) == {}


def test_contours_that_overlap_in_part_both_count_and_are_told(tmp_path: Path) -> None:
    contours = [Drawn(circle(20, height, (x, 0))) for height in range(3) for x in (0, 20)]
    overlap = 2 * 400 * np.arccos(0.5) - 10 * np.sqrt(1600 - 400)
    structure = structure_of(tmp_path, *contours)
    assert structure.volume_mm3 == pytest.approx(3 * (2 * np.pi * 400 - overlap), rel=1e-4)
    assert doubts_of(tmp_path, *contours)["overlapping"] == 3
    mask = structure.mask(Nodes(axes_matrix(np.eye(3), (0.5, 0.5, 1), (-30, -30, 0)), (160, 120, 3), ""))
    assert mask.sum() / 4 == pytest.approx(structure.volume_mm3, rel=0.003)


def test_a_contour_that_is_there_twice_counts_once_and_is_told(tmp_path: Path) -> None:
    contours = [Drawn(circle(20, height)) for height in (0, 0, 1, 1, 2)]
    assert structure_of(tmp_path, *contours).volume_mm3 == pytest.approx(3 * np.pi * 400, rel=1e-4)
    assert doubts_of(tmp_path, *contours)["repeated"] == 2


def test_a_keyhole_leaves_the_hole_out_and_is_not_doubtful(tmp_path: Path) -> None:
    outer, inner = circle(20, 0), circle(10, 0)[::-1]
    keyhole = np.concatenate([outer, outer[:1], np.roll(inner, 1, axis=0), inner[-1:]])
    contours = [Drawn(keyhole + (0, 0, height)) for height in range(4)]
    assert structure_of(tmp_path, *contours).volume_mm3 == pytest.approx(4 * np.pi * 300, rel=1e-3)
    assert doubts_of(tmp_path, *contours) == {}


def test_a_figure_of_eight_is_filled_on_both_sides_and_told(tmp_path: Path) -> None:
    eight = np.array([(-10.0, -10), (10, 10), (10, -10), (-10, 10)])
    contours = [Drawn(np.column_stack([eight, np.full(4, height)])) for height in range(3)]
    structure = structure_of(tmp_path, *contours)
    assert structure.volume_mm3 == pytest.approx(3 * 200, rel=1e-3)
    assert doubts_of(tmp_path, *contours)["self_crossing"] == 3


def test_missing_planes_leave_a_gap_that_is_told(tmp_path: Path) -> None:
    heights = [0, 3, 6, 9, 24, 27, 30]
    path = write_rtstruct(tmp_path / "s.dcm", [Region("two parts", [Drawn(circle(10, height)) for height in heights])])
    found = read_structures(path)
    (structure,) = found.structures
    assert structure.volume_mm3 == pytest.approx(7 * 3 * np.pi * 100, rel=1e-4)
    mask = structure.mask(Nodes(axes_matrix(np.eye(3), (1, 1, 1), (-15, -15, -5)), (31, 31, 41), ""))
    assert np.flatnonzero(~mask.any(axis=(1, 2))).tolist() == [*range(4), *range(16, 28), *range(37, 41)]
    (gap,) = [finding for finding in check_structures(found) if finding.code == "structure-gap"]
    assert gap.severity == "warning" and gap.evidence["gaps_mm"] == [15] and gap.evidence["usual_mm"] == 3


def test_a_section_of_thicker_slices_is_no_gap(tmp_path: Path) -> None:
    heights = [*range(0, 20, 4), *range(23, 60, 7)]
    found = read_structures(
        write_rtstruct(tmp_path / "s.dcm", [Region("head", [Drawn(circle(10, height)) for height in heights])])
    )
    assert [finding.code for finding in check_structures(found)] == []
    assert found.structures[0].volume_mm3 == pytest.approx(np.pi * 100 * (2 + 58 + 3.5), rel=1e-4)


def test_a_single_contour_is_as_thick_as_the_slices_of_the_set(tmp_path: Path) -> None:
    path = write_rtstruct(
        tmp_path / "s.dcm",
        [Region("body", ball(30, np.arange(-30, 31, 2.5))), Region("nodule", [Drawn(circle(4, 5.0))])],
    )
    assert read_structures(path).structures[1].volume_mm3 == pytest.approx(np.pi * 16 * 2.5, rel=1e-4)


def test_a_single_contour_alone_has_no_volume_that_anybody_knows(tmp_path: Path) -> None:
    structure = structure_of(tmp_path, Drawn(circle(4, 5.0)))
    assert np.isnan(structure.volume_mm3)
    # On a grid it stands for a slice of the grid.
    mask = structure.mask(Nodes(axes_matrix(np.eye(3), (0.5, 0.5, 2), (-10, -10, -1)), (40, 40, 8), ""))
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [3]


@pytest.mark.parametrize("points", [[(0, 0), (10, 0), (20, 0)], [(5, 5)] * 4, [(0, 0), (7, 7), (0, 0), (7, 7)]])
def test_contours_that_enclose_nothing_are_left_out_and_told(tmp_path: Path, points: list[tuple[float, float]]) -> None:
    flat = np.column_stack([np.array(points, float), np.full(len(points), 2.0)])
    path = write_rtstruct(
        tmp_path / "s.dcm", [Region("line", [Drawn(circle(10, 0)), Drawn(circle(10, 2)), Drawn(flat)])]
    )
    found = read_structures(path)
    (finding,) = check_structures(found)
    assert finding.code == "structure-contours-left-out" and finding.evidence["few_points"] == 1
    assert found.structures[0].volume_mm3 == pytest.approx(2 * 2 * np.pi * 100, rel=1e-3)


def test_contours_across_the_others_are_left_out_and_told(tmp_path: Path) -> None:
    sagittal = np.column_stack([np.zeros(720), circle(10, 0)[:, 0], circle(10, 0)[:, 1]])
    found = read_structures(
        write_rtstruct(
            tmp_path / "s.dcm", [Region("both", [*(Drawn(circle(10, height)) for height in range(5)), Drawn(sagittal)])]
        )
    )
    (finding,) = check_structures(found)
    assert finding.code == "structure-contours-left-out" and finding.severity == "error"
    assert finding.evidence["other_planes"] == 1 and finding.evidence["of_contours"] == 6
    assert found.structures[0].volume_mm3 == pytest.approx(5 * np.pi * 100, rel=1e-4)


@pytest.mark.parametrize("beside_mm", [0.03, 0.05, 0.1])
def test_planes_whose_heights_were_rounded_otherwise_for_some_contours_are_not_planes_apart(
    tmp_path: Path, beside_mm: float
) -> None:
    contours = [
        Drawn(circle(10, height + beside_mm * (x > 0), (x, 0))) for height in 3.0 * np.arange(10) for x in (-30, 30)
    ]
    body = structure_of(tmp_path, *contours)
    assert body.volume_mm3 == pytest.approx(2 * 30 * np.pi * 100, rel=1e-3)
    assert body.planes.doubts.gaps_mm == () and len(body.planes.planes) == 10


def test_thin_slices_with_a_gap_stay_slices(tmp_path: Path) -> None:
    heights = np.concatenate([0.1 * np.arange(20), 12 + 0.1 * np.arange(20)])
    body = structure_of(tmp_path, *(Drawn(circle(10, height)) for height in heights))
    assert body.volume_mm3 == pytest.approx(4 * np.pi * 100, rel=1e-3)
    assert body.planes.doubts.gaps_mm == pytest.approx((10.1,))


def test_the_same_contour_within_rounding_is_no_hole_that_leaves_nothing(tmp_path: Path) -> None:
    contours = [Drawn(circle(radius, height)) for height in (0, 3, 6) for radius in (10, 9.999)]
    assert structure_of(tmp_path, *contours).volume_mm3 == pytest.approx(9 * np.pi * 100, rel=1e-3)
    assert doubts_of(tmp_path, *contours)["repeated"] == 3
