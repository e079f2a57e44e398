"""Pitch, roll and yaw against SciPy, and the shift at a point against the equation of the standard."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from dicom_objects import REGISTERED, SOURCE, expected, inner_points, rigid, write_linear, write_matrices, write_slice
from DicomRegInspectorLib import cli, read_registration
from DicomRegInspectorLib.registration.turns import IEC_AXES, turn_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import polar
from scipy.spatial.transform import Rotation

ANGLE = st.floats(-179.9, 179.9)
LEFT, SUPERIOR, ANTERIOR = np.array([1.0, 0, 0]), np.array([0, 0, 1.0]), np.array([0, -1.0, 0])


def about(axis: np.ndarray, degrees: float) -> np.ndarray:
    return Rotation.from_rotvec(math.radians(degrees) * axis).as_matrix()


@given(st.floats(-89.9, 89.9), ANGLE, ANGLE)
def test_angles_are_those_that_scipy_made_the_rotation_of(pitch: float, roll: float, yaw: float) -> None:
    """Each a turn about a direction in the patient, without any coordinates of a table; yaw is the outermost."""
    rotation = about(ANTERIOR, yaw) @ about(LEFT, pitch) @ about(SUPERIOR, roll)
    turn = turn_of(rotation)
    assert not turn.is_locked
    assert (turn.pitch_deg, turn.roll_deg, turn.yaw_deg) == pytest.approx((pitch, roll, yaw), abs=1e-6)
    assert turn.total_deg == pytest.approx(math.degrees(Rotation.from_matrix(rotation).magnitude()), abs=1e-6)
    intrinsic = Rotation.from_matrix(IEC_AXES.T @ rotation @ IEC_AXES).as_euler("ZXY", degrees=True)
    assert (turn.yaw_deg, turn.pitch_deg, turn.roll_deg) == pytest.approx(tuple(intrinsic), abs=1e-6)


def test_signs_are_those_that_the_manual_says() -> None:
    assert about(LEFT, 90) @ SUPERIOR == pytest.approx(ANTERIOR, abs=1e-12)
    assert about(SUPERIOR, 90) @ ANTERIOR == pytest.approx(LEFT, abs=1e-12)
    assert about(ANTERIOR, 90) @ LEFT == pytest.approx(SUPERIOR, abs=1e-12)
    assert turn_of(about(LEFT, 3)).pitch_deg == pytest.approx(3)
    assert turn_of(about(SUPERIOR, 3)).roll_deg == pytest.approx(3)
    assert turn_of(about(ANTERIOR, 3)).yaw_deg == pytest.approx(3)


@pytest.mark.parametrize("pitch", [90.0, -90.0])
def test_a_locked_pitch_is_told_and_the_rotation_is_still_the_same(pitch: float) -> None:
    rotation = about(ANTERIOR, 20) @ about(LEFT, pitch) @ about(SUPERIOR, 30)
    turn = turn_of(rotation)
    assert turn.is_locked and turn.roll_deg == 0 and turn.pitch_deg == pytest.approx(pitch)
    made = about(ANTERIOR, turn.yaw_deg) @ about(LEFT, turn.pitch_deg)
    assert made == pytest.approx(rotation, abs=1e-9)


def test_what_is_not_rigid_has_the_rotation_of_its_polar_decomposition() -> None:
    matrix = about(ANTERIOR, 12) @ np.array([[1.2, 0.1, 0], [0.1, 0.9, 0.05], [0, 0.05, 1.1]])
    rotation, _ = polar(matrix)
    assert vars(turn_of(matrix)) == pytest.approx(vars(turn_of(rotation)))
    assert turn_of(matrix).yaw_deg == pytest.approx(12)


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.main(["show", *map(str, arguments)]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_a_matrix_is_told_both_ways_and_its_shift_at_the_point(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = about(ANTERIOR, 5) @ about(LEFT, 2) @ about(SUPERIOR, -3)
    matrix[:3, 3] = (4, -5, 6)
    path = write_matrices(tmp_path / "r.dcm", {SOURCE: matrix})
    text = told(capsys, path, "--at", "-10,20,30")
    assert "turns by, source to registered pitch 2.00°, roll -3.00°, yaw 5.00°" in text
    # Turned back, they are not the same with other signs.
    back = turn_of(matrix[:3, :3].T)
    assert f"pitch {back.pitch_deg:.2f}°, roll {back.roll_deg:.2f}°, yaw {back.yaw_deg:.2f}°" in text
    assert abs(back.pitch_deg + 2) > 0.1
    point = np.array([-10.0, 20, 30])
    shift = matrix[:3, :3].T @ (point - matrix[:3, 3]) - point
    (item,) = read_registration(path).items
    assert item.shift_at(point, "").shift_mm == pytest.approx(tuple(shift), abs=1e-9)
    assert f"{np.linalg.norm(shift):.3f} mm long" in text
    names = (("left", "right"), ("posterior", "anterior"), ("superior", "inferior"))
    sides = [f"{abs(v):.2f} mm {pair[int(v < 0)]}" for v, pair in zip(shift, names, strict=True)]
    assert all(side in text for side in sides), (sides, text)
    assert "no image of the registered frame is here" in told(capsys, path)


def test_a_deformable_item_is_told_at_the_centre_of_the_grid_or_of_the_registered_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pre, post = rigid(10, (1, 2, 3)), rigid(-4, (0, 0, 5))
    path = write_linear(tmp_path / "reg.dcm", pre, post)
    (point,) = inner_points(1)
    (mapped,) = expected(point[None], pre, post)
    (item,) = read_registration(path).items
    shift = item.shift_at(point, "")
    assert shift.shift_mm == pytest.approx(tuple(mapped - point), abs=1e-4)
    assert "centre of the grid" in told(capsys, path)
    (tmp_path / "ct").mkdir()
    for k in range(5):
        write_slice(tmp_path / "ct" / f"{k}.dcm", 30 + 2.0 * k, "1.2.3.4", SeriesDescription="Planning")
    # 4 x 4 pixels of 1.5 mm from (-10, -20): the centres are 4.5 mm apart.
    assert "shift at (-7.75, -17.75, 34) mm LPS, centre of the registered image series “Planning”" in told(
        capsys, path, tmp_path / "ct"
    )
    assert cli.main(["show", str(path), "--at=0,20,40", "--json", "-"]) == 0
    (item_told,) = json.loads(capsys.readouterr().out)["registrations"][0]["items"]
    assert item_told["shift"]["point_lps_mm"] == [0, 20, 40]
    assert item_told["turns"]["pre"]["roll_deg"] == pytest.approx(10)
    assert "undefined there" in told(capsys, path, "--at", "900,0,0")


@pytest.mark.parametrize("value", ["1,2", "a,b,c", "1,2,nan", "1,2,3,4"])
def test_a_point_that_is_none_is_refused_in_a_line(
    value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_matrices(tmp_path / "r.dcm", {SOURCE: rigid(5, (1, 2, 3)), REGISTERED: np.eye(4)})
    assert cli.main(["show", str(path), "--at", value]) == 2
    assert capsys.readouterr().err.count("\n") == 1
