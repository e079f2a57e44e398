"""Landmarks and their errors: pairing, and errors against the equation worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import reference
import regfiles as rf
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.registration import RegistrationItem, read_registration
from DicomRegInspectorLib.registration.measures.landmarks import (
    Landmark,
    TargetRegistrationError,
    target_registration_error,
)
from landmarkcases import GRID, SPEC, statistics_of


def read(path: Path, item: rf.DeformableItem | rf.MatrixItem = SPEC) -> RegistrationItem:
    return read_registration(rf.write(path, rf.RegistrationSpec((item,)))).items[0]


def named(points: np.ndarray, prefix: str = "P") -> list[Landmark]:
    return [Landmark(f"{prefix}{n}", tuple(point)) for n, point in enumerate(np.asarray(points, float).tolist(), 1)]


# ---- Errors


def test_errors_are_the_distances_that_the_equation_leaves(tmp_path: Path) -> None:
    fixed = reference.points_inside(GRID, 12, 0, 1.5)
    off = np.random.default_rng(1).normal(size=(12, 3)) * 2
    moving = reference.map_points(SPEC, fixed) + off
    told = target_registration_error(read(tmp_path / "reg.dcm").mapping, named(fixed), named(moving))
    before, after = np.linalg.norm(fixed - moving, axis=1), np.linalg.norm(off, axis=1)
    assert [one.name for one in told.landmarks] == [f"P{n}" for n in range(1, 13)]
    assert [one.before_mm for one in told.landmarks] == pytest.approx(before)
    assert [one.after_mm for one in told.landmarks] == pytest.approx(after, abs=1e-4)
    summary = told.to_dict()
    assert summary["before_mm"] == pytest.approx(statistics_of(before))
    assert summary["after_mm"] == pytest.approx(statistics_of(after), abs=1e-4)
    assert (summary["undefined"], summary["unpaired"]) == ([], [])


def test_the_observers_error_is_taken_out_in_squares(tmp_path: Path) -> None:
    fixed = reference.points_inside(GRID, 6, 0, 1.5)
    off = np.array([[3.0, 0, 0]] * 3 + [[0, 5.0, 0]] * 3)
    mapping, moving = read(tmp_path / "reg.dcm").mapping, reference.map_points(SPEC, fixed) + off
    told = target_registration_error(mapping, named(fixed), named(moving), observer_mm=1.5).to_dict()
    assert told["observer_error_mm"] == 1.5
    assert told["after_without_observer_rms_mm"] == pytest.approx(np.sqrt((9 + 25) / 2 - 1.5**2), abs=1e-4)
    # An observer who is worse than what is left explains all of it.
    told = target_registration_error(mapping, named(fixed), named(moving), observer_mm=8).to_dict()
    assert told["after_without_observer_rms_mm"] == 0
    unknown = target_registration_error(mapping, named(fixed), named(moving)).to_dict()
    assert (unknown["observer_error_mm"], unknown["after_without_observer_rms_mm"]) == (None, None)
    for wrong in (-1.0, np.nan, np.inf):
        with pytest.raises(UsageError, match="observer error"):
            target_registration_error(mapping, named(fixed), named(moving), observer_mm=wrong)


def test_the_error_in_the_registered_frame_is_that_of_the_inverse(tmp_path: Path) -> None:
    fixed, truth = reference.points_inside(GRID, 10, 0, 1.5), reference.points_inside(GRID, 10, 5, 1.5)
    # The moving landmark is where another registered point maps: through the inverse it is that point.
    moving = reference.map_points(SPEC, truth)
    told = target_registration_error(read(tmp_path / "reg.dcm").mapping, named(fixed), named(moving))
    expected = np.linalg.norm(truth - fixed, axis=1)
    assert [one.after_inverse_mm for one in told.landmarks] == pytest.approx(expected, abs=1e-3)


def test_a_matrix_moves_landmarks_into_the_source_frame(tmp_path: Path) -> None:
    matrix = rf.rigid((0.4, -0.2, 0.3), (5, 6, -7))
    moving = np.random.default_rng(0).uniform(-100, 100, (5, 3))
    fixed = moving @ matrix[:3, :3].T + matrix[:3, 3]
    told = target_registration_error(
        read(tmp_path / "r.dcm", rf.MatrixItem((matrix,))).mapping, named(fixed), named(moving)
    )
    assert told.to_dict()["after_mm"]["max"] < 1e-6
    assert told.to_dict()["after_inverse_mm"]["max"] < 1e-6


@pytest.mark.parametrize(
    ("distance", "mark"),
    [(0.0, "within 2 mm"), (1.99, "within 2 mm"), (2.01, "2 to 5 mm"), (4.99, "2 to 5 mm"), (5.01, "above 5 mm")],
)
def test_tg_132_marks(tmp_path: Path, distance: float, mark: str) -> None:
    item = read(tmp_path / "reg.dcm", rf.MatrixItem((np.eye(4),)))
    told = target_registration_error(item.mapping, named([[1, 2, 3]]), named([[1, 2, 3 + distance]]))
    assert told.landmarks[0].mark == mark
    assert told.to_dict()["marks_mm"] == [2.0, 5.0]


def hole() -> rf.DeformableItem:
    vectors = GRID.vectors.copy()
    vectors[4, 5, 6] = np.nan
    return rf.DeformableItem(replace(GRID, vectors=vectors))


def test_landmarks_where_the_mapping_says_nothing_are_named_and_not_dropped(tmp_path: Path) -> None:
    fixed = np.array(
        [
            reference.node_position(GRID, 3, 3, 3),
            reference.node_position(GRID, -4, 3, 3),  # outside
            reference.node_position(GRID, 6.3, 5.2, 4.1),  # beside the undefined vector
        ]
    )
    moving = np.array([reference.map_one(rf.DeformableItem(GRID), fixed[0]) + [0, 3, 0], fixed[1], fixed[2]])
    told = target_registration_error(read(tmp_path / "reg.dcm", hole()).mapping, named(fixed), named(moving))
    inside, outside, beside = told.landmarks
    assert inside.after_mm == pytest.approx(3, abs=1e-4)
    assert (outside.name, outside.after_mm, outside.mark) == ("P2", None, "undefined")
    assert (beside.name, beside.after_mm, beside.mark) == ("P3", None, "undefined")
    assert "mapping is undefined" in outside.remark
    assert "mapping is undefined" in beside.remark
    summary = told.to_dict()
    assert summary["undefined"] == ["P2", "P3"]
    assert [one["name"] for one in summary["landmarks"]] == ["P1", "P2", "P3"]
    # Means are over the pairs that have an error.
    assert summary["after_mm"] == pytest.approx(statistics_of(np.array([3.0])), abs=1e-4)
    assert summary["before_mm"]["mean"] == pytest.approx(np.linalg.norm(fixed - moving, axis=1).mean())


def test_a_partner_without_preimage_is_named(tmp_path: Path) -> None:
    fixed = reference.points_inside(GRID, 2, 0, 1.5)
    moving = np.array([reference.map_one(SPEC, fixed[0]), [5000.0, 0, 0]])
    first, second = target_registration_error(read(tmp_path / "reg.dcm").mapping, named(fixed), named(moving)).landmarks
    assert (first.after_inverse_mm, first.remark) == (pytest.approx(0, abs=1e-3), "")
    assert second.after_inverse_mm is None
    assert "inverse was not found" in second.remark
    assert second.after_mm is not None


def test_a_field_of_nan_leaves_every_landmark_undefined(tmp_path: Path) -> None:
    item = read(tmp_path / "r.dcm", rf.DeformableItem(replace(GRID, vectors=np.full_like(GRID.vectors, np.nan))))
    fixed = reference.points_inside(GRID, 3, 0, 1.5)
    summary = target_registration_error(item.mapping, named(fixed), named(fixed)).to_dict()
    assert summary["undefined"] == ["P1", "P2", "P3"]
    assert summary["after_mm"] == dict.fromkeys(("mean", "max", "p50", "p95", "rms"))
    assert summary["before_mm"] == dict.fromkeys(("mean", "max", "p50", "p95", "rms"), 0.0)


# ---- Pairing


@pytest.fixture
def still(tmp_path: Path) -> RegistrationItem:
    return read(tmp_path / "still.dcm", rf.MatrixItem((np.eye(4),)))


def error_of(item: RegistrationItem, fixed: dict[str, tuple], moving: dict[str, tuple]) -> TargetRegistrationError:
    return target_registration_error(
        item.mapping, *([Landmark(n, p) for n, p in side.items()] for side in (fixed, moving))
    )


def test_pairs_are_made_by_name_whatever_the_order(still: RegistrationItem) -> None:
    fixed = {"carina": (0, 0, 0), "apex": (10, 0, 0), "nodule": (0, 20, 0)}
    moving = {"nodule": (0, 20, 1), "carina": (0, 0, 2), "apex": (10, 0, 3)}
    told = error_of(still, fixed, moving)
    assert {one.name: one.after_mm for one in told.landmarks} == pytest.approx({"carina": 2, "apex": 3, "nodule": 1})


def test_names_without_partner_are_named(still: RegistrationItem) -> None:
    told = error_of(still, {"a": (0, 0, 0), "b": (1, 1, 1)}, {"b": (1, 1, 1), "c": (2, 2, 2), "d": (3, 3, 3)})
    assert [one.name for one in told.landmarks] == ["b"]
    assert told.unpaired == ("a", "c", "d")
    assert told.to_dict()["unpaired"] == ["a", "c", "d"]


def test_without_common_names_equal_numbers_pair_by_order(still: RegistrationItem) -> None:
    told = error_of(still, {"F-1": (0, 0, 0), "F-2": (5, 0, 0)}, {"M-1": (0, 0, 1), "M-2": (5, 0, 4)})
    assert [(one.name, one.after_mm) for one in told.landmarks] == [("F-1", 1), ("F-2", 4)]
    assert told.unpaired == ()


def test_different_numbers_without_common_names_cannot_be_paired(still: RegistrationItem) -> None:
    with pytest.raises(UsageError, match="2 fixed, 1 moving"):
        error_of(still, {"F-1": (0, 0, 0), "F-2": (5, 0, 0)}, {"M-1": (0, 0, 1)})


@pytest.mark.parametrize("side", ["fixed", "moving"])
def test_a_name_that_occurs_twice_is_refused(still: RegistrationItem, side: str) -> None:
    once = named([[0, 0, 0], [1, 1, 1]])
    twice = [*once, Landmark("P2", (3.0, 3.0, 3.0))]
    with pytest.raises(UsageError, match=rf"{side} landmarks hold 'P2' more than once"):
        target_registration_error(still.mapping, *((twice, once) if side == "fixed" else (once, twice)))


def test_no_landmarks_at_all_are_refused(still: RegistrationItem) -> None:
    with pytest.raises(UsageError):
        target_registration_error(still.mapping, [], [])
