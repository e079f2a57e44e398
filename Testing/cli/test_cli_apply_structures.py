"""The command apply with structures: what it writes, says and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from applycases import REGISTERED, SOURCE, ct_series
from DicomRegInspectorLib.cli import main
from regfiles import MatrixItem, RegistrationSpec, rigid, write
from structfiles import Drawn, Region, ball, circle, write_rtstruct


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Registration, structures and a reference series."""
    spec = RegistrationSpec((MatrixItem((rigid((0.1, 0.2, 0), (3, -2, 4)),), ("RIGID",)),))
    contours = ball(20, np.arange(-20, 21, 2.0))
    regions = [
        Region("Liver", [*contours, Drawn(circle(5, 0))]),
        Region("Broken", [Drawn(b"1\\2\\x\\4\\5\\6\\7\\8\\9")]),
    ]
    given = write_rtstruct(tmp_path / "structures.dcm", regions, frame=SOURCE)
    fixed = ct_series(tmp_path / "fixed", np.zeros((30, 30, 30)), REGISTERED, origin=(-30, -30, -30), spacing_mm=2.0)
    return [str(write(tmp_path / "reg.dcm", spec)), "--structures", str(given), "--reference", str(fixed)]


def apply(*arguments: object) -> int:
    return main(["apply", *map(str, arguments)])


def test_a_structure_set_is_written_and_what_is_odd_is_told(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.dcm"
    assert apply(*arguments, "--output", out, "--fail-on", "never") == 0
    said = capsys.readouterr().out
    assert "RT Structure Set of 2 structures, read back" in said and "from the source to the registered frame" in said
    assert "Liver: 33." in said and "mL before" in said and "drawn anew" in said
    assert "Contour Data (3006,0050) holds no number as value 3" in said and "structure-contours-left-out" in said
    assert "uixote" not in said
    assert apply(*arguments, "--output", out) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert apply(*arguments, "--output", out, "--overwrite", "--json", "-") == 1
    told = json.loads(capsys.readouterr().out)
    (liver, broken) = told["parts"]
    assert liver["name"] == "Liver" and liver["volume_before_ml"] == pytest.approx(33.4, abs=0.2)
    assert liver["volume_after_ml"] == pytest.approx(liver["volume_before_ml"], rel=0.005)
    assert broken["volume_after_ml"] is None and told["residual"]["lost"] == 0
    assert {finding["code"] for finding in told["findings"]} == {
        "structure-contours-left-out",
        "structure-contours-doubtful",
        "structure-empty",
    }


def test_points_are_written_as_a_table_without_a_reference(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert apply(*arguments[:3], "--output", tmp_path / "out.csv", "--fail-on", "never") == 0
    assert "points of contours" in capsys.readouterr().out
    first = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[0]
    assert first == "structure,number,contour,type,point,x,y,z,residual_mm"


def test_refusals_are_one_line_and_say_what_to_do(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registration, _, given, *reference = arguments
    for options, said in (
        ((registration, "--structures", given, "--output", tmp_path / "a.dcm"), "--reference"),
        ((*arguments, "--output", tmp_path / "a.nrrd"), ".csv (points)"),
        ((*arguments, "--output", tmp_path / "a.dcm", "--inverse"), "--any-frame"),
        ((registration, "--structures", registration, *reference, "--output", tmp_path / "a.dcm"), "neither an RT"),
        ((registration, "--structures", tmp_path / "no.dcm", *reference, "--output", tmp_path / "a.dcm"), "no.dcm"),
    ):
        assert apply(*options) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and said in told, told
    assert not (tmp_path / "a.dcm").exists() and not (tmp_path / "a.nrrd").exists()
