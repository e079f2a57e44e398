"""The command verify: the quality report of the phantom against closed forms, and what an error makes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib import cli
from DicomRegInspectorLib.registration.measures import local
from DicomRegInspectorLib.registration.measures.field import Field
from DicomRegInspectorLib.samples.quality_phantom import FOLDING, NAMES, REGISTRATION, write_quality_phantom
from DicomRegInspectorLib.samples.quality_phantom.boxes import STRUCTURES
from DicomRegInspectorLib.samples.quality_phantom.waves import FOLD, STRETCH, WaveField, nodes
from DicomRegInspectorLib.tasks.signing.verify import Verified, verify

Run = Callable[..., tuple[int, dict, str]]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    write_quality_phantom(folder)
    return folder


@pytest.fixture
def phantom(made: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(made, tmp_path / "phantom"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, dict, str]:
        code = cli.main(["verify", *map(str, arguments), "--json", "-"])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, json.loads(captured.out) if captured.out else {}, captured.err

    return run


def off(told: dict) -> set[str]:
    return {row["name"] for row in told["rows"] if not row["right"]}


def test_every_number_is_right_and_the_phantom_is_left(run: Run, tmp_path: Path) -> None:
    code, told, err = run(tmp_path / "new")
    assert (code, told["off"], err) == (0, 0, "")
    assert told["numbers"] == len(told["rows"]) > 500
    assert max(row["deviation"] for row in told["rows"]) < 1e-4
    assert {path.relative_to(tmp_path / "new").as_posix() for path in (tmp_path / "new").rglob("*.*")} == NAMES
    # Overlap, surfaces, volumes, landmarks, field: all kinds of numbers are among them.
    names = {row["name"] for row in told["rows"]}
    for part in ("structures.1.after.dice", "structures.2.after.hausdorff_mm", "structures.3.before.hd95_pooled_mm",
                 "landmarks.after_inverse_mm.p95", "jacobian.sd_log", "bending_energy", "curl.mean",
                 "bulk.rigid.rotation_deg", "inverse_residual_mm.max", "structures.0.jacobian.min"):  # fmt: skip
        assert part in names


def test_it_prints_a_table_with_what_was_found_and_expected(capsys: pytest.CaptureFixture[str], made: Path) -> None:
    assert cli.main(["verify", str(made)]) == 0
    out = capsys.readouterr().out
    assert "structures.1.after.dice" in out
    (line,) = [line for line in out.splitlines() if "structures.1.after.dice" in line]
    assert line.split()[1:3] == ["0.9", "0.9"]
    assert "All 592 numbers are right" in out


def test_no_number_of_the_report_is_left_out(made: Path) -> None:
    """Whatever the report tells and the phantom knows nothing of is off."""
    for row in verify(made):
        assert row.expected is not None, row.name


def test_a_field_that_is_half_a_percent_too_long_is_found(run: Run, phantom: Path) -> None:
    dataset = pydicom.dcmread(phantom / REGISTRATION)
    grid = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    grid.VectorGridData = (np.frombuffer(grid.VectorGridData, "<f4") * np.float32(1.005)).tobytes()
    dataset.save_as(phantom / REGISTRATION)
    code, told, err = run(phantom)
    assert code == 1
    assert {"displacement_mm.max", "jacobian.sd_log", "bending_energy", "landmarks.after_mm.mean"} <= off(told)
    assert err.count("\n") == 1
    assert "off by more than 0.1 %" in err
    # The other registration is what it was.
    assert {row["subject"] for row in told["rows"] if not row["right"]} == {REGISTRATION}


def test_a_contour_that_was_moved_is_found(run: Run, phantom: Path) -> None:
    path = phantom / "structures-moving.dcm"
    dataset = pydicom.dcmread(path)
    for contour in dataset.ROIContourSequence[1].ContourSequence:
        points = np.array(contour.ContourData, float).reshape(-1, 3) + (1, 0, 0)
        contour.ContourData = [f"{value:g}" for value in points.ravel()]
    dataset.save_as(path)
    code, told, _ = run(phantom)
    assert code == 1
    assert {name.split(".")[1] for name in off(told)} == {"1"}
    assert {"structures.1.after.dice", "structures.1.moving_centre_lps_mm.0"} <= off(told)


def test_a_landmark_that_was_moved_is_found(run: Run, phantom: Path) -> None:
    path = phantom / "landmarks-fixed.csv"
    lines = path.read_text().splitlines()
    name, x, y, z = lines[8].split(",")
    lines[8] = f"{name},{float(x) + 0.1!r},{y},{z}"
    path.write_text("\n".join(lines))
    code, told, _ = run(phantom)
    assert code == 1
    assert "landmarks.landmarks.7.after_mm" in off(told)


def test_an_error_in_a_measure_is_found(run: Run, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Jacobian by differences to one side, as a slip might have it."""
    right = local.JACOBIAN.of_differences

    def slipped(field: Field) -> Callable[..., Callable[[np.ndarray], None]]:
        make = right(field)

        def bind(twice: np.ndarray, work: np.ndarray) -> Callable[[np.ndarray], None]:
            fill = make(twice, work)

            def measure(out: np.ndarray) -> None:
                fill(out)
                out[:] = np.roll(out, 1)

            return measure

        return bind

    monkeypatch.setattr(local, "JACOBIAN", replace(local.JACOBIAN, of_differences=slipped))
    code, told, _ = run(made)
    assert code == 1
    assert any(name.startswith(("jacobian.", "regions.")) for name in off(told))


def test_a_folder_that_is_no_phantom_is_refused_and_left(run: Run, phantom: Path, tmp_path: Path) -> None:
    (phantom / "mine.txt").write_text("keep")
    code, told, err = run(phantom)
    assert (code, told) == (2, {})
    assert "mine.txt, which is no part of it" in err
    (phantom / "mine.txt").unlink()
    (phantom / FOLDING).unlink()
    code, _, err = run(phantom)
    assert code == 2
    assert f"lacks {FOLDING}" in err


def test_the_files_are_the_same_each_time(made: Path, tmp_path: Path) -> None:
    write_quality_phantom(tmp_path)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


@pytest.mark.parametrize("field", [STRETCH, FOLD], ids=["stretch", "fold"])
def test_the_closed_forms_are_the_limits_of_differences(field: WaveField) -> None:
    """The gradients that answers rest on are differences of the displacement, at every node but the outermost."""
    points = nodes()[1:-1, 1:-1, 1:-1]
    gradient = field.gradient(points)
    step = points[1, 1, 1] - points[0, 0, 0]
    for axis in range(3):
        away = np.eye(3)[axis] * step[axis]
        difference = (field.displacement(points + away) - field.displacement(points - away)) / (2 * step[axis])
        assert difference == pytest.approx(gradient[..., axis], abs=1e-12)


def test_corners_of_structures_go_to_whole_voxels() -> None:
    for structure in STRUCTURES:
        corners = np.array([structure.moving.low, structure.moving.high])
        assert (corners % 2 == 0).all()
        expected = STRETCH.source_of(np.array([structure.true.low, structure.true.high], float))
        assert corners == pytest.approx(expected)


def test_no_number_and_no_finite_number_are_never_right() -> None:
    assert not Verified("a", "b", None, 1.0).is_right
    assert not Verified("a", "b", float("nan"), 1.0).is_right
    assert not Verified("a", "b", 1.0, None).is_right
    assert Verified("a", "b", 1.0009, 1.0).is_right
    assert not Verified("a", "b", 1.0011, 1.0).is_right
    assert not Verified("a", "b", 0.002, 0.0).is_right
    assert not Verified("a", "b", "undecided", "standard").is_right
