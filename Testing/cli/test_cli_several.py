"""Several registrations in one call: what cannot be read among what can is a finding that counts."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_objects import ORIGIN, SPACING, inner_points, node_points, write_fiducials, write_linear, write_slice
from DicomRegInspectorLib import cli


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two registrations, a file that is garbage, fiducials, and a slice of an image."""
    place = tmp_path / "registrations"
    place.mkdir()
    write_linear(place / "a.dcm")
    # Folds: the vectors run against the places ten times as fast.
    write_linear(place / "b", vectors=-10.0 * (node_points() - ORIGIN), spacing=SPACING)
    (place / "garbage.dcm").write_bytes(np.random.default_rng(1).bytes(3000))
    write_slice(place / "slice", 0.0, "1.2.826.0.1.3680043.8.498.40")
    return place


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]):
    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main(list(map(str, arguments)))
        captured = capfd.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return code, captured.out, captured.err

    return run


def test_quality_measures_what_it_can_and_counts_what_it_cannot(folder: Path, run) -> None:
    code, out, error = run("quality", folder)
    assert (code, error) == (0, "")
    titles = [line for line in out.splitlines() if line.endswith(("quality of the registration", "cannot be used"))]
    assert titles == [
        "a.dcm: quality of the registration", "b: quality of the registration", "garbage.dcm: cannot be used"
    ]  # fmt: skip
    assert run("quality", folder / "a.dcm", folder / "garbage.dcm", "--fail-on", "error")[0] == 1
    assert run("quality", folder / "a.dcm", "--fail-on", "error")[0] == 0
    assert run("quality", folder / "a.dcm", folder / "b", "--fail-on", "error")[0] == 1
    code, out, error = run("quality", folder / "garbage.dcm", folder / "slice")
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert "garbage.dcm" in error


def test_quality_of_several_is_a_list_in_json_and_a_column_in_csv(folder: Path, tmp_path: Path, run) -> None:
    code, out, _ = run("quality", folder, "--json", "-", "--csv", tmp_path / "t.csv", "--fail-on", "error")
    told = json.loads(out)
    assert (code, told["schema"]) == (1, 1)
    assert [Path(one["file"]).name for one in told["registrations"]] == ["a.dcm", "b"]
    alone = json.loads(run("quality", folder / "a.dcm", "--json", "-")[1])
    assert told["registrations"][0] == alone
    assert [Path(one["file"]).name for one in told["unreadable"]] == ["garbage.dcm"]
    assert {"file-unreadable", "reg-folding"} <= {finding["code"] for finding in told["findings"]}
    rows = list(csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text(encoding="utf-8"))))
    assert [(Path(row["file"]).name, row["item"]) for row in rows] == [("a.dcm", "1"), ("b", "1")]
    assert run("quality", folder / "a.dcm", "--csv", "-")[1].startswith("item,")


def test_quality_prints_findings_only_when_quiet(folder: Path, run) -> None:
    code, out, error = run("quality", folder, "--quiet", "--fail-on", "error")
    assert (code, error) == (1, "")
    assert out.startswith("error file-unreadable garbage.dcm: ")
    assert any(line.startswith("error reg-folding item 1 of b: ") for line in out.splitlines())
    assert [line.split()[0] for line in run("quality", folder / "a.dcm", "--quiet")[1].splitlines()] == ["info"]


def test_fiducials_among_registrations_are_nothing_to_measure(folder: Path, run) -> None:
    write_fiducials(folder / "fiducials.dcm", ["A"], [(1, 2, 3)])
    for name in ("b", "garbage.dcm"):
        (folder / name).unlink()
    code, out, error = run("quality", folder, "--json", "-", "--fail-on", "error")
    told = json.loads(out)
    assert (code, len(told["registrations"]), told["unreadable"]) == (0, 1, [])
    assert "no items to measure" in told["passed_over"][0]["problem"]
    assert "fiducials.dcm" in error and error.endswith("passed over\n")
    assert run("quality", folder / "fiducials.dcm")[0] == 2


def test_items_that_cannot_be_used_are_told_by_their_own_findings(folder: Path, run) -> None:
    dataset = pydicom.dcmread(folder / "b")
    dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0].GridResolution = [1, 0, 1]
    dataset.save_as(folder / "b")
    code, out, _ = run("quality", folder / "a.dcm", folder / "b", "--json", "-", "--fail-on", "error")
    told = json.loads(out)
    assert (code, told["unreadable"]) == (1, [])
    assert [finding["code"] for finding in told["registrations"][1]["findings"]] == ["reg-grid-invalid"]
    assert run("quality", folder / "b")[0] == 2


def test_what_registrations_are_judged_by_has_to_be_readable(folder: Path, tmp_path: Path, run) -> None:
    landmarks = tmp_path / "fixed.csv"
    landmarks.write_text("name,x,y,z\na,one,2,3\n")
    code, out, error = run("quality", folder, "--landmarks", landmarks, landmarks)
    assert (code, out) == (2, "")
    assert "fixed.csv" in error


def test_html_is_of_one_registration(folder: Path, tmp_path: Path, run) -> None:
    code, _, error = run("quality", folder, "--html", tmp_path / "x.html")
    assert (code, "inspect --html" in error) == (2, True)
    assert not (tmp_path / "x.html").exists()


def test_load_writes_what_it_can_and_fails_over_what_it_cannot(folder: Path, tmp_path: Path, run) -> None:
    pytest.importorskip("slicer", reason="a scene needs slicer-core or Slicer")
    output = tmp_path / "scene.mrb"
    code, out, error = run("load", folder, "--output", output)
    assert (code, error.count("\n")) == (1, 1)
    assert "2 registration items" in out and "garbage.dcm: is not DICOM" in error
    with zipfile.ZipFile(output) as bundle:
        assert sum(name.endswith((".h5", ".nrrd", ".tfm")) for name in bundle.namelist()) >= 2
    line = ("load", folder / "a.dcm", folder / "garbage.dcm", "--output", output, "--overwrite")
    code, out, _ = run(*line, "--fail-on", "never", "--json", "-")
    assert (code, [finding["code"] for finding in json.loads(out)["findings"]]) == (0, ["file-unreadable"])
    assert run(*line[:1], *line[2:])[0] == 2
    (folder / "a.dcm").rename(folder / "a.mrb")
    assert "in a folder that is read" in run("load", folder, "--output", folder / "a.mrb", "--overwrite")[2]


def test_one_output_for_two_inputs_is_refused_before_anything_is_written(folder: Path, tmp_path: Path, run) -> None:
    points = tmp_path / "p.csv"
    points.write_text("x,y,z\n" + ",".join(map(repr, inner_points(1)[0].tolist())) + "\n")
    for other in ("b", "garbage.dcm"):
        assert run("load", folder / "a.dcm", folder / other, "--output", tmp_path / "x.h5")[0] == 2
    assert run("map", folder / "a.dcm", "--points", points, "--output", tmp_path / "x.csv")[0] == 0
    assert run("map", folder / "b", "--points", points, "--output", tmp_path / "x.csv")[0] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.csv", "registrations", "x.csv"]
