"""Matrices of registrations against each other: swapped, for one frame, forth and back, around triangles, chains."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.registration import Registration
from DicomRegInspectorLib.tasks.inspect import inspect_paths
from DicomRegInspectorLib.tasks.relations import relation_findings
from relatives import REGISTERED, SOURCE, Images, codes, registration, series_of
from test_relations_references import referring, series_at_hand, uids

THIRD = "1.2.3.300"
A_TO_B = rf.rigid((0.05, -0.08, 0.12), (12, -7, 20))
"""From the frame SOURCE into the frame REGISTERED."""
B_TO_C = rf.rigid((-0.1, 0.02, 0.3), (-30, 4, 9))
OWN = ("reg-registered-frame-moved", "reg-matrices-disagree", "reg-matrix-order")


def item(matrix: np.ndarray, frame: str) -> rf.MatrixItem:
    return rf.MatrixItem((rf.as_written(matrix),), frame=frame)


def mine(registrations: list[Registration], series: list) -> list:
    return [finding for finding in relation_findings(registrations, series) if finding.code in OWN]


def voxel_corners(images: Images) -> np.ndarray:
    """(8, 3) outer corners of the voxels of a stack, by its numbers alone."""
    size = np.array([images.columns, images.rows, images.slices])
    step = np.array([images.spacing[1], images.spacing[0], images.interval])
    steps = np.array([(np.array(corner) * size - 0.5) * step for corner in product((0, 1), repeat=3)])
    return np.array(images.origin) + steps @ images.axes.T


def apart(first: np.ndarray, second: np.ndarray, points: np.ndarray) -> float:
    both = [points @ matrix[:3, :3].T + matrix[:3, 3] for matrix in (first, second)]
    return float(np.linalg.norm(both[0] - both[1], axis=1).max())


def test_swapped_items_are_an_error_with_how_far_the_frame_is_moved(tmp_path: Path) -> None:
    images = Images()
    swapped = registration(tmp_path / "r.dcm", item(A_TO_B, REGISTERED), item(np.eye(4), SOURCE))
    (found,) = mine([swapped], series_of(images))
    assert (found.code, found.severity, found.subject) == ("reg-registered-frame-moved", "error", "item 1 of r.dcm")
    inverse = np.linalg.inv(rf.as_written(A_TO_B))
    assert found.evidence["moved_mm"] == pytest.approx(apart(inverse, np.eye(4), voxel_corners(images)), abs=1e-6)
    assert "item 2" in found.message


def test_swapped_items_that_refer_to_their_images_are_an_error_too(tmp_path: Path) -> None:
    fixed, moving = Images(series="1.2.3.1"), Images(SOURCE, series="1.2.3.2")
    swapped = referring(tmp_path / "r.dcm", (REGISTERED, A_TO_B, uids(fixed)), (SOURCE, np.eye(4), uids(moving)))
    assert [(found.code, found.severity) for found in mine([swapped], series_at_hand(fixed, moving))] == [
        ("reg-registered-frame-moved", "error")
    ]


@pytest.mark.parametrize(
    "items",
    [
        pytest.param((item(np.eye(4), REGISTERED), item(A_TO_B, SOURCE)), id="as they should be"),
        pytest.param((item(np.eye(4), REGISTERED), item(np.eye(4), SOURCE)), id="two frames that are one"),
        pytest.param((item(A_TO_B, SOURCE), item(B_TO_C, THIRD)), id="no item of the registered frame"),
        pytest.param((item(rf.rigid((0, 0, 1e-5), (1e-3, 0, 0)), REGISTERED), item(A_TO_B, SOURCE)), id="noise"),
    ],
)
def test_objects_that_agree_are_silent(tmp_path: Path, items: tuple[rf.MatrixItem, ...]) -> None:
    assert mine([registration(tmp_path / "r.dcm", *items)], series_of(Images())) == []


def test_two_matrices_for_one_frame_are_told_with_their_distance(tmp_path: Path) -> None:
    images, other = Images(), A_TO_B @ rf.rigid((0, 0, 0.02), (0, 3, 0))
    both = registration(tmp_path / "r.dcm", item(A_TO_B, SOURCE), item(other, SOURCE))
    (found,) = mine([both], series_of(images))
    assert (found.code, found.severity, found.subject) == ("reg-matrices-disagree", "warning", "item 2 of r.dcm")
    ways = [np.linalg.inv(rf.as_written(matrix)) for matrix in (A_TO_B, other)]
    assert found.evidence["disagreement_mm"] == pytest.approx(apart(*ways, voxel_corners(images)), abs=1e-6)


@pytest.mark.parametrize(("shift", "told"), [(0.0, []), (1.5, []), (6.0, ["reg-matrices-disagree"])])
def test_forth_and_back_in_two_objects(tmp_path: Path, shift: float, told: list[str]) -> None:
    forth = registration(tmp_path / "a.dcm", item(A_TO_B, SOURCE))
    wrong = np.linalg.inv(A_TO_B) @ rf.rigid((0, 0, 0), (shift, 0, 0))
    back = registration(tmp_path / "b.dcm", item(wrong, REGISTERED), frame_uid=SOURCE, sop_instance_uid="1.2.3.9")
    found = mine([forth, back], [])
    assert codes(found) == told
    for finding in found:
        assert finding.evidence["disagreement_mm"] == pytest.approx(shift, abs=1e-3)
        assert "cube of 200 mm" in finding.message
        assert "leads back" in finding.message


@pytest.mark.parametrize(("shift", "told"), [(0.0, []), (5.0, ["reg-matrices-disagree"])])
def test_around_three_frames(tmp_path: Path, shift: float, told: list[str]) -> None:
    direct = rf.rigid((0, 0, 0), (0, shift, 0)) @ B_TO_C @ A_TO_B
    objects = [
        registration(tmp_path / "ab.dcm", item(A_TO_B, SOURCE)),
        registration(tmp_path / "bc.dcm", item(B_TO_C, REGISTERED), frame_uid=THIRD, sop_instance_uid="1.2.3.8"),
        registration(tmp_path / "ac.dcm", item(direct, SOURCE), frame_uid=THIRD, sop_instance_uid="1.2.3.9"),
    ]
    found = mine(objects, [])
    assert codes(found) == told
    for finding in found:
        assert finding.evidence["disagreement_mm"] == pytest.approx(shift, abs=1e-2)
        assert len(finding.evidence["other_files"]) == 2


def test_phases_of_one_frame_do_not_disagree(tmp_path: Path) -> None:
    phases = [Images(series=f"1.2.3.{number}") for number in (1, 2, 3)]
    matrices = (np.eye(4), A_TO_B, rf.rigid((0, 0, 0), (0, 0, 9)))
    together = referring(tmp_path / "r.dcm", *((REGISTERED, m, uids(p)) for m, p in zip(matrices, phases, strict=True)))
    assert mine([together], series_at_hand(*phases)) == []
    assert mine([together], []) == []
    again = referring(
        tmp_path / "again.dcm", (REGISTERED, np.eye(4), uids(phases[0])), (REGISTERED, B_TO_C, uids(phases[1]))
    )
    (found,) = mine([together, again], series_at_hand(*phases))
    assert (found.code, found.subject) == ("reg-matrices-disagree", "item 2 of again.dcm")


def test_the_order_of_a_chain_is_told_over_the_images_that_it_moves(tmp_path: Path) -> None:
    first, second = rf.rigid((0.4, 0, 0), (5, -3, 8)), rf.rigid((0, 0, 0.3), (10, 0, 0))
    ways = second @ first, first @ second
    chain = registration(tmp_path / "r.dcm", rf.MatrixItem((first, second), frame=SOURCE))
    (alone,) = chain.findings
    cube = np.array(list(product((-100.0, 100.0), repeat=3)))
    assert (alone.code, alone.severity) == ("reg-matrix-order", "info")
    assert alone.evidence["difference_mm"] == pytest.approx(apart(*ways, cube), abs=1e-6)

    from DicomRegInspectorLib.tasks.item_images import ImagesAtHand
    from DicomRegInspectorLib.tasks.relations import relate_items, with_images

    moving = Images(SOURCE, origin=(300.0, 0.0, -50.0))
    (relations,) = relate_items([chain], ImagesAtHand(series_of(moving)))
    (beside,) = with_images(chain, relations).findings
    assert beside.evidence["difference_mm"] == pytest.approx(apart(*ways, voxel_corners(moving)), abs=1e-6)


@pytest.mark.parametrize("second", [rf.rigid((0.7, 0, 0), (0, 0, 0)), np.eye(4)], ids=["one axis", "identity"])
def test_matrices_that_commute_are_silent(tmp_path: Path, second: np.ndarray) -> None:
    chain = registration(tmp_path / "r.dcm", rf.MatrixItem((rf.rigid((0.4, 0, 0), (5, 0, 0)), second)))
    assert chain.findings == ()


def test_an_inspection_tells_the_order_once(tmp_path: Path) -> None:
    chain = rf.MatrixItem((rf.rigid((0.4, 0, 0), (5, -3, 8)), rf.rigid((0, 0, 0.3), (10, 0, 0))))
    registration(tmp_path / "r.dcm", chain)
    assert codes(inspect_paths([tmp_path]).findings) == ["reg-matrix-order"]
