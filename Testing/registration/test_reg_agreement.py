"""Two masks compared, against SimpleITK and surface-distance where their definitions are these."""

from __future__ import annotations

import math

import numpy as np
import pytest
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.registration.measures.agreement import Agreement, compare_masks
from DicomRegInspectorLib.registration.measures.surface_distances import border_voxels, nearest_mm

SPACING = np.array([1.0, 1.3, 2.5])


def ellipsoid(centre_mm: tuple[float, float, float], radii_mm: tuple[float, float, float]) -> np.ndarray:
    """(40, 50, 60) mask on a lattice of SPACING."""
    k, j, i = np.indices((40, 50, 60))
    place = np.stack([i, j, k], axis=-1) * SPACING
    return np.square((place - centre_mm) / radii_mm).sum(axis=-1) < 1


def compared(first: np.ndarray, second: np.ndarray) -> Agreement:
    return compare_masks(first, second, np.diag([*SPACING, 1.0]))


ROUND = ellipsoid((28, 32, 48), (18, 21, 30))
SHIFTED = ellipsoid((33, 30, 52), (15, 24, 26))
WITH_ISLAND = SHIFTED.copy()
WITH_ISLAND[2:5, 40:44, 50:53] = True
HOLLOW = ROUND & ~ellipsoid((28, 32, 48), (8, 8, 12))
PAIRS = {
    "shifted": (ROUND, SHIFTED),
    "with an island": (ROUND, WITH_ISLAND),
    "hollow": (HOLLOW, SHIFTED),
    "far apart": (ellipsoid((8, 8, 12), (5, 6, 9)), ellipsoid((50, 55, 85), (6, 5, 8))),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_overlap_and_hausdorff_distance_are_those_of_simpleitk(pair: tuple[np.ndarray, np.ndarray]) -> None:
    sitk = pytest.importorskip("SimpleITK")
    agreement = compared(*pair)
    images = [sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in pair]
    for image in images:
        image.SetSpacing(SPACING.tolist())
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(*images)
    assert agreement.dice == pytest.approx(overlap.GetDiceCoefficient(), rel=1e-12)
    # SimpleITK takes the distances of all voxels of an image: of contours they are those of border voxels.
    between = sitk.HausdorffDistanceImageFilter()
    between.Execute(*[sitk.LabelContour(image, False) for image in images])
    assert agreement.hausdorff_mm == pytest.approx(between.GetHausdorffDistance(), rel=1e-6)
    assert agreement.mean_distance_mm == pytest.approx(between.GetAverageHausdorffDistance(), rel=1e-6)
    shape = sitk.LabelShapeStatisticsImageFilter()
    for image, volume, centre in zip(
        images,
        (agreement.first_cm3, agreement.second_cm3),
        (agreement.first_centre_lps_mm, agreement.second_centre_lps_mm),
        strict=True,
    ):
        shape.Execute(image)
        assert volume == pytest.approx(shape.GetPhysicalSize(1) / 1000)
        assert centre == pytest.approx(shape.GetCentroid(1))


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_percentiles_are_those_of_all_border_voxels(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """By brute force over the border voxels that SciPy's erosion leaves, as medpy takes them."""
    ndimage = pytest.importorskip("scipy.ndimage")
    spacing = SPACING[::-1]
    borders = [mask & ~ndimage.binary_erosion(mask) for mask in pair]
    maps = [ndimage.distance_transform_edt(~border, sampling=spacing) for border in borders]
    there, back = maps[1][borders[0]], maps[0][borders[1]]
    agreement = compared(*pair)
    assert agreement.hd95_pooled_mm == pytest.approx(np.percentile(np.hstack([there, back]), 95))
    assert agreement.hd95_larger_mm == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))
    assert agreement.mean_distance_mm == pytest.approx((there.mean() + back.mean()) / 2)


def test_boxes_are_as_far_apart_as_surface_distance_says() -> None:
    """Its surface elements lie between voxels, one layer farther out; of moved boxes the distances are the same."""
    surface_distance = pytest.importorskip("surface_distance")
    first, second = np.zeros((2, 30, 30, 30), bool)
    first[5:20, 6:22, 7:21] = True
    second[8:23, 6:22, 11:25] = True
    theirs = surface_distance.compute_surface_distances(first, second, SPACING[::-1].tolist())
    agreement = compared(first, second)
    assert agreement.hausdorff_mm == pytest.approx(surface_distance.compute_robust_hausdorff(theirs, 100))
    assert agreement.dice == pytest.approx(surface_distance.compute_dice_coefficient(first, second))


def test_one_mask_agrees_with_itself() -> None:
    agreement = compared(HOLLOW, HOLLOW)
    told = agreement.to_dict()
    assert told["dice"] == 1
    assert [told[name] for name in ("hausdorff_mm", "mean_distance_mm", "hd95_pooled_mm", "centres_apart_mm")] == [
        0
    ] * 4


def test_an_empty_structure_has_no_distances() -> None:
    empty = np.zeros_like(ROUND)
    agreement = compared(ROUND, empty)
    assert (agreement.dice, agreement.second_cm3) == (0, 0)
    assert (agreement.hausdorff_mm, agreement.mean_distance_mm, agreement.hd95_larger_mm) == (None, None, None)
    assert (agreement.hd95_pooled_mm, agreement.centres_apart_mm) == (None, None)
    assert compared(empty, empty).dice is None


def test_a_sheared_lattice_is_refused() -> None:
    sheared = np.eye(4)
    sheared[1, 2] = 0.2
    with pytest.raises(UsageError, match="right angles"):
        compare_masks(ROUND, SHIFTED, sheared)


def test_distances_beyond_the_first_reach_are_exact() -> None:
    """Voxels far from all others are sought farther and farther out."""
    generator = np.random.default_rng(3)
    border = np.zeros((40, 60, 50), bool)
    border[tuple(generator.integers(0, (40, 60, 50), (6, 3)).T)] = True
    points = generator.integers(0, (40, 60, 50), (200, 3))
    spacing = np.array([2.5, 0.7, 1.1])
    places = np.argwhere(border) * spacing
    expected = np.linalg.norm(points[:, None] * spacing - places, axis=-1).min(axis=1)
    assert nearest_mm(points, border, spacing) == pytest.approx(expected)
    assert expected.max() > 3 * 8 * 0.7


def test_the_border_has_neighbours_outside() -> None:
    block = np.zeros((7, 7, 7), bool)
    block[1:6, 1:6, 1:6] = True
    assert border_voxels(block).sum() == 5**3 - 3**3
    assert border_voxels(np.ones((4, 5, 6), bool)).sum() == 4 * 5 * 6 - 2 * 3 * 4
    assert border_voxels(np.ones((1, 5, 6), bool)).sum() == 30


def test_a_ball_is_as_large_as_its_formula_says() -> None:
    k, j, i = np.indices((84, 84, 84)) - 41.5
    ball = i * i + j * j + k * k < 40**2
    agreement = compare_masks(ball, ball, np.eye(4))
    assert agreement.first_cm3 == pytest.approx(4 / 3 * math.pi * 40**3 / 1000, rel=1e-3)
