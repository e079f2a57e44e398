"""Whether the images of both sides meet under an item, by matrices and by fields, and how far they are apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.registration import Registration
from DicomRegInspectorLib.tasks.boxes import Box, are_apart, gap_mm
from DicomRegInspectorLib.tasks.item_images import ImagesAtHand
from DicomRegInspectorLib.tasks.meeting import Meetings
from DicomRegInspectorLib.tasks.relations import relate_items, relation_findings
from relatives import REGISTERED, SOURCE, Images, registration, series_of

FIXED = Images(series="1.2.3.1")
"""72 × 40 × 24 mm, from (-1.5, -1, -2) on."""


def meetings(one: Registration, *images: Images) -> Meetings:
    (relations,) = relate_items([one], ImagesAtHand(series_of(*images)))
    return relations[-1].meetings


def apart(one: Registration, *images: Images) -> list:
    return [found for found in relation_findings([one], series_of(*images)) if found.code == "reg-images-apart"]


def shifted(x: float, **changes: object) -> Images:
    return Images(SOURCE, series="1.2.3.2", origin=(x, 0.0, 0.0), **changes)


def to_registered(matrix: np.ndarray) -> rf.MatrixItem:
    return rf.MatrixItem((matrix,))


@pytest.mark.parametrize("angle", [0.0, 0.3, 2.0])
def test_a_matrix_written_the_wrong_way_round_is_an_error_with_the_distance(tmp_path: Path, angle: float) -> None:
    """The tables are 600 mm apart."""
    right = rf.rigid((0.0, 0.0, angle), (-600.0, 20.0, 5.0))
    moving = replace(FIXED, frame=SOURCE, series="1.2.3.2")
    # The source image is where the inverse takes the fixed one: turned with it, so that it fits exactly.
    inverse = np.linalg.inv(right)
    axes = inverse[:3, :3]
    moving = replace(moving, origin=tuple(inverse[:3, 3]), angles=(0.0, 0.0, -angle))
    np.testing.assert_allclose(moving.axes, axes, atol=1e-6)
    assert apart(registration(tmp_path / "right.dcm", to_registered(right)), FIXED, moving) == []
    assert meetings(registration(tmp_path / "right.dcm", to_registered(right)), FIXED, moving).best.share > 0.6
    (found,) = apart(registration(tmp_path / "wrong.dcm", to_registered(rf.as_written(inverse))), FIXED, moving)
    assert (found.severity, found.subject) == ("error", "item 1 of wrong.dcm")
    (share,) = found.evidence["other_readings_inside_percent"].values()
    assert share > 60
    # Distance of two boxes, from many points of both.
    points = FIXED.pixels().reshape(-1, 3) @ right[:3, :3].T + right[:3, 3]
    there = moving.pixels().reshape(-1, 3)
    nearest = min(np.linalg.norm(there - point, axis=1).min() for point in points[::7])
    assert found.evidence["gap_mm"] == pytest.approx(nearest, abs=8)


def test_the_distance_of_boxes_is_exact_along_an_axis(tmp_path: Path) -> None:
    # The fixed image ends at x = 70.5, the moving one begins at 300 - 1.5.
    (found,) = apart(registration(tmp_path / "r.dcm", to_registered(np.eye(4))), FIXED, shifted(300.0))
    assert found.evidence["gap_mm"] == pytest.approx(228.0, abs=1e-6)
    assert "228 mm" in found.message


@pytest.mark.parametrize(("x", "expected"), [(0.0, 1.0), (36.0, 0.5), (54.0, 0.25)])
def test_the_share_of_the_registered_image_that_lands_inside(tmp_path: Path, x: float, expected: float) -> None:
    best = meetings(registration(tmp_path / "r.dcm", to_registered(np.eye(4))), FIXED, shifted(x)).best
    assert best.share == pytest.approx(expected, abs=0.07)
    assert best.gap_mm == 0


def test_a_single_slice_that_cuts_the_image_between_lattice_points_meets_it(tmp_path: Path) -> None:
    thin = shifted(10.0, slices=1, angles=(0.0, 0.0, 0.0))
    thin = replace(thin, origin=(10.0, 5.0, 7.3))
    assert apart(registration(tmp_path / "r.dcm", to_registered(np.eye(4))), FIXED, thin) == []


def test_images_that_touch_meet(tmp_path: Path) -> None:
    assert apart(registration(tmp_path / "r.dcm", to_registered(np.eye(4))), FIXED, shifted(72.0)) == []
    assert len(apart(registration(tmp_path / "r.dcm", to_registered(np.eye(4))), FIXED, shifted(73.0))) == 1


def test_one_pair_that_meets_is_enough(tmp_path: Path) -> None:
    elsewhere = Images(SOURCE, series="1.2.3.3", origin=(2000.0, 0, 0))
    one = registration(tmp_path / "r.dcm", to_registered(np.eye(4)))
    assert apart(one, FIXED, elsewhere, shifted(30.0)) == []
    assert len(apart(one, FIXED, elsewhere)) == 1


@pytest.mark.parametrize(
    ("images", "why"),
    [
        pytest.param([FIXED], "no image of the moved side", id="no source"),
        pytest.param([shifted(900.0)], "no image of the registered side", id="no registered"),
        pytest.param([FIXED, shifted(900.0, image_type="ORIGINAL\\PRIMARY\\LOCALIZER")], "moved side", id="localizer"),
    ],
)
def test_what_is_not_at_hand_is_not_judged_and_said(tmp_path: Path, images: list[Images], why: str) -> None:
    one = registration(tmp_path / "r.dcm", to_registered(np.eye(4)))
    assert apart(one, *images) == []
    assert why in meetings(one, *images).unchecked


def test_an_item_for_the_registered_frame_itself_has_nothing_to_meet(tmp_path: Path) -> None:
    one = registration(tmp_path / "r.dcm", rf.MatrixItem((np.eye(4),), frame=REGISTERED))
    found = meetings(one, FIXED, Images(series="1.2.3.4", origin=(5000.0, 0, 0)))
    assert (found.pairs, found.unchecked) == ((), "")


GRID = rf.GridSpec(
    np.random.default_rng(3).normal(size=(6, 8, 12, 3)).astype(np.float32), (8.0, 8.0, 8.0), (-8.0, -8.0, -8.0)
)


@pytest.mark.parametrize("where", ["pre", "post", "vectors"])
def test_a_field_written_the_wrong_way_round_is_an_error(tmp_path: Path, where: str) -> None:
    motion = rf.rigid((0.0, 0.0, 0.1 if where == "post" else 0.0), (500.0, 0.0, 0.0))

    def item(matrix: np.ndarray) -> rf.DeformableItem:
        if where == "vectors":
            return rf.DeformableItem(replace(GRID, vectors=GRID.vectors + matrix[:3, 3].astype(np.float32)))
        return rf.DeformableItem(GRID, **{where: rf.as_written(matrix)})

    moving = shifted(500.0)
    assert apart(registration(tmp_path / "right.dcm", item(motion)), FIXED, moving) == []
    assert meetings(registration(tmp_path / "right.dcm", item(motion)), FIXED, moving).best.share > 0.5
    wrong = registration(tmp_path / "wrong.dcm", item(np.linalg.inv(motion)))
    (found,) = apart(wrong, FIXED, moving)
    assert found.severity == "error"
    # 500 to the other side: 1,000 mm less the width of the image, less what the field may do between nodes.
    assert 850 < found.evidence["gap_mm"] < 940
    assert any(share > 50 for share in found.evidence["other_readings_inside_percent"].values())
    assert "vectors" not in vars(wrong.items[0].grid), "the vectors were not read as a whole"


def test_undefined_vectors_are_not_judged(tmp_path: Path) -> None:
    hole = rf.DeformableItem(replace(GRID, vectors=np.full_like(GRID.vectors, np.nan)))
    one = registration(tmp_path / "r.dcm", hole)
    assert apart(one, FIXED, shifted(900.0)) == []
    assert "no defined vector" in meetings(one, FIXED, shifted(900.0)).unchecked


def test_a_thin_image_between_coarse_nodes_is_not_called_missing(tmp_path: Path) -> None:
    coarse = rf.GridSpec(np.zeros((3, 3, 3, 3), np.float32), (40.0, 40.0, 40.0), (-5.0, -5.0, -5.0))
    thin = replace(shifted(0.0, slices=1), origin=(3.0, 3.0, 13.0))
    assert apart(registration(tmp_path / "r.dcm", rf.DeformableItem(coarse)), FIXED, thin) == []


def boxes(seed: int) -> tuple[Box, Box, np.ndarray]:
    random = np.random.default_rng(seed)
    made = []
    for _ in range(2):
        axes = rf.rotation(*random.uniform(-3, 3, 3))
        low = random.uniform(-60, 60, 3)
        made.append(Box(axes, low, low + random.uniform(5, 60, 3)))
    return made[0], made[1], rf.rigid(random.uniform(-3, 3, 3), random.uniform(-60, 60, 3))


@pytest.mark.parametrize("seed", range(40))
def test_boxes_against_a_quadratic_program(seed: int) -> None:
    """The distance of two convex bodies, minimised over both by bounded least squares (scipy)."""
    optimize = pytest.importorskip("scipy.optimize")
    box, other, matrix = boxes(seed)
    low, high = np.concatenate([box.low, other.low]), np.concatenate([box.high, other.high])
    difference = np.hstack([matrix[:3, :3] @ box.axes.T, -other.axes.T])
    best = optimize.lsq_linear(difference, -matrix[:3, 3], bounds=(low, high), tol=1e-12)
    distance = float(np.linalg.norm(difference @ best.x + matrix[:3, 3]))
    assert are_apart(box, other, matrix, 0.01) == (distance > 0.01)
    if distance > 0.5:
        assert gap_mm(box, other, matrix) == pytest.approx(distance, rel=0.01, abs=0.05)
