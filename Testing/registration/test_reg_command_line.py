"""Registrations through the command line: mapped numbers, exit codes, and one line for what cannot be used."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import reference
import regfiles as rf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from regcases import BASE, BROKEN, at_most, deformable

cli = pytest.importorskip("DicomRegInspectorLib.cli")

FULL = rf.Samples().full


def run(*arguments: object) -> tuple[int, str, str]:
    """The command in this process: exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        with at_most(20):
            code = cli.main([str(argument) for argument in arguments])
    finally:
        sys.stdout, sys.stderr = before
    return code, out.getvalue(), err.getvalue()


def assert_clean(code: int, out: str, err: str) -> None:
    """What holds for every run, whatever the input."""
    assert code in (0, 1, 2)
    assert "Traceback" not in out + err
    assert "unexpected" not in err, err
    assert "SECRET" not in out + err
    if code == 2:
        assert err.startswith("dicom-reg-inspector")
        assert err.count("\n") == 1, err
        assert err.endswith("\n")


def numbers(text: str) -> np.ndarray:
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][:3] == ["x", "y", "z"]
    return np.array(rows[1:], dtype=float)


def points_file(folder: Path, points: np.ndarray) -> Path:
    path = folder / "points.csv"
    path.write_text("x,y,z\n" + "".join(f"{x!r},{y!r},{z!r}\n" for x, y, z in np.asarray(points).tolist()))
    return path


# ---- Numbers --------------------------------------------------------------------------------------------------------


def test_mapped_points_are_those_of_the_equation(tmp_path: Path) -> None:
    item = FULL.items[0]
    points = np.vstack([reference.points_inside(item.grid, 40, margin=1e-3), [[1e5, 0, 0]]])
    code, out, _ = run("map", rf.write(tmp_path / "reg.dcm", FULL), "--points", points_file(tmp_path, points))
    assert code == 0
    mapped = numbers(out)
    np.testing.assert_allclose(mapped[:-1], reference.map_points(item, points[:-1]), rtol=0, atol=1e-6)
    assert np.isnan(mapped[-1]).all()
    assert "nan,nan,nan" in out.splitlines()[-1]


def test_points_mapped_back_are_where_they_were(tmp_path: Path) -> None:
    item = FULL.items[0]
    points = reference.points_inside(item.grid, 40, margin=0.5)
    sources = points_file(tmp_path, reference.map_points(item, points))
    code, out, _ = run("map", rf.write(tmp_path / "reg.dcm", FULL), "--points", sources, "--inverse")
    assert code == 0
    np.testing.assert_allclose(numbers(out)[:, :3], points, rtol=0, atol=1e-3)


@pytest.mark.parametrize("number", [1, 2])
def test_each_item_maps_by_itself(tmp_path: Path, number: int) -> None:
    spec = rf.Samples().matrices
    points = np.random.default_rng(0).uniform(-100, 100, (5, 3))
    path = rf.write(tmp_path / "reg.dcm", spec, rf.Encoding("implicit-le", True, True))
    code, out, _ = run("map", path, "--points", points_file(tmp_path, points), "--item", number)
    assert code == 0
    expected = reference.map_points(spec.items[number - 1], points)
    np.testing.assert_allclose(numbers(out), expected, rtol=0, atol=1e-6)


FIELDS = [(kind, suffix, "--bake") for kind in ("plain", "full") for suffix in ("h5", "nrrd", "nii.gz", "mha")]


@pytest.mark.parametrize(
    ("kind", "suffix", "option"),
    [
        *FIELDS,
        ("plain", "h5", ""),
        ("full", "h5", ""),
        ("plain", "nrrd", ""),
        ("matrices", "h5", ""),
        ("matrices", "tfm", ""),
    ],
)
def test_transform_files_mean_the_same_to_simpleitk(tmp_path: Path, kind: str, suffix: str, option: str) -> None:
    sitk = pytest.importorskip("SimpleITK")
    pytest.importorskip("slicer", reason="writing transforms needs slicer-core or Slicer")
    spec = getattr(rf.Samples(), kind)
    item = spec.items[-1]
    target = tmp_path / f"out.{suffix}"
    path = rf.write(tmp_path / "reg.dcm", spec)
    options = ["--item", len(spec.items), *([option] if option else [])]
    code, out, err = run("load", path, "--output", target, *options)
    assert_clean(code, out, err)
    assert code == 0, err
    if suffix in ("h5", "tfm"):
        transform = sitk.ReadTransform(str(target))
    else:
        transform = sitk.DisplacementFieldTransform(sitk.ReadImage(str(target), sitk.sitkVectorFloat64))
    if kind == "matrices":
        points = np.random.default_rng(0).uniform(-100, 100, (5, 3))
    else:
        points = reference.points_inside(item.grid, 30, margin=0.05)
    mapped = np.array([transform.TransformPoint(p.tolist()) for p in points])
    np.testing.assert_allclose(mapped, reference.map_points(item, points), rtol=0, atol=1e-3)


@pytest.mark.parametrize("option", ["", "--bake"])
def test_a_scene_written_by_the_command_holds_every_item(tmp_path: Path, option: str) -> None:
    slicer = pytest.importorskip("slicer", reason="writing scenes needs slicer-core or Slicer")
    import vtk

    spec = rf.RegistrationSpec((*FULL.items, rf.DeformableItem(None, FULL.items[0].pre, source_frame="1.2.3.201")))
    target = tmp_path / "scene.mrb"
    result = run("load", rf.write(tmp_path / "reg.dcm", spec), "--output", target, *([option] if option else []))
    assert_clean(*result)
    assert result[0] == 0, result[2]
    scene, cache, io_manager = slicer.vtkMRMLScene(), slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(str(tmp_path))
    scene.SetCacheManager(cache)
    io_manager.SetCacheManager(cache)
    scene.SetDataIOManager(io_manager)
    assert scene.ReadFromMRB(str(target))
    nodes = scene.GetNodesByClass("vtkMRMLTransformNode")
    chains = [nodes.GetItemAsObject(n) for n in range(nodes.GetNumberOfItems())]
    ends = [n for n in chains if not any(o.GetParentTransformNode() is n for o in chains)]
    assert len(ends) == 2
    flip = np.array([-1.0, -1.0, 1.0])
    grid = FULL.items[0].grid
    points = np.array([reference.node_position(grid, i, j, k) for i in (1, 3, 5) for j in (1, 4) for k in (1, 3)])
    for item in spec.items:
        (node,) = [n for n in ends if item.source_frame in [n.GetAttribute(a) for a in n.GetAttributeNames()]]
        transform = vtk.vtkGeneralTransform()
        node.GetTransformFromWorld(transform)
        mapped = np.array([transform.TransformPoint(*(p * flip)) for p in points]) * flip
        np.testing.assert_allclose(mapped, reference.map_points(item, points), rtol=0, atol=1e-3)


# ---- Exit codes -----------------------------------------------------------------------------------------------------


def test_findings_decide_the_exit_code_only_when_asked(tmp_path: Path) -> None:
    broken = rf.write(tmp_path / "broken.dcm", BROKEN["vectors too short"][0]())
    untidy = rf.write(tmp_path / "untidy.dcm", deformable(), rf.Encoding(order="reversed"))
    tidy = rf.write(tmp_path / "tidy.dcm", FULL)
    expected = {
        (broken, "never"): 0,
        (broken, "warning"): 1,
        (broken, "error"): 1,
        (untidy, "never"): 0,
        (untidy, "warning"): 1,
        (untidy, "error"): 0,
        (tidy, "warning"): 0,
    }
    for (path, level), code in expected.items():
        assert run("inspect", path, "--fail-on", level)[0] == code, (path.name, level)


def test_the_json_report_is_strict_and_holds_what_inspect_found(tmp_path: Path) -> None:
    rf.write(tmp_path / "resolution.dcm", BROKEN["resolution not a number"][0]())
    rf.write(tmp_path / "full.dcm", FULL)
    target = tmp_path / "report.json"
    code, out, err = run("inspect", tmp_path, "--json", target)
    assert_clean(code, out, err)

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    report = json.loads(target.read_text(), parse_constant=refuse)
    assert report["schema"] == 1
    assert "reg-grid-invalid" in {finding["code"] for finding in report["findings"]}
    assert "SECRET" not in target.read_text()


@pytest.mark.parametrize("name", [*BROKEN])
def test_broken_registrations_are_refused_or_reported_by_every_command(tmp_path: Path, name: str) -> None:
    path = rf.write(tmp_path / "reg.dcm", BROKEN[name][0]())
    points = points_file(tmp_path, np.zeros((1, 3)))
    result = run("inspect", path, "--fail-on", "error")
    assert_clean(*result)
    assert result[0] in (1, 2)
    result = run("show", path)
    assert_clean(*result)
    result = run("map", path, "--points", points)
    assert_clean(*result)
    # A matrix that collapses space can still be applied in the direction in which it is written.
    assert result[0] == 2 or name in ("singular matrix", "matrix of zeros")


@pytest.mark.parametrize("content", [b"", b"\0" * 600, b"A letter.\n" * 99, b"\0" * 128 + b"DICM", b"\xff" * 300])
def test_files_that_are_no_registration_end_with_2_and_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(content)
    points = points_file(tmp_path, np.zeros((1, 3)))
    for arguments in (("show", path), ("map", path, "--points", points), ("load", path, "--output", tmp_path / "o.h5")):
        result = run(*arguments)
        assert_clean(*result)
        assert result[0] == 2
        assert "x.dcm" in result[2]
    result = run("inspect", path)
    assert result[0] == 2
    assert "Traceback" not in result[1] + result[2]


def test_cut_files_are_refused_or_reported_by_every_command(tmp_path: Path) -> None:
    whole = rf.encode(deformable())
    path = tmp_path / "cut.dcm"
    points = points_file(tmp_path, np.zeros((1, 3)))
    for offset in range(0, len(whole) - 120, 41):
        path.write_bytes(whole[:offset])
        for arguments in (("inspect", path, "--fail-on", "error"), ("show", path), ("map", path, "--points", points)):
            code, out, err = run(*arguments)
            assert "Traceback" not in out + err
            assert "unexpected" not in err, (offset, err)
            assert "SECRET" not in out + err
            assert code in ((1, 2) if arguments[0] != "show" else (0, 1, 2)), (offset, arguments[0])


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted(BASE)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5),
)
def test_flipped_bytes_never_reach_the_user_as_a_traceback(tmp_path: Path, name: str, flips: list) -> None:
    data = bytearray(BASE[name])
    for place, value in flips:
        data[132 + int(place * (len(data) - 132))] = value
    path = tmp_path / "flipped.dcm"
    path.write_bytes(bytes(data))
    points = points_file(tmp_path, np.zeros((1, 3)))
    for arguments in (("inspect", path), ("show", path), ("map", path, "--points", points)):
        code, out, err = run(*arguments)
        assert code in (0, 1, 2)
        assert "Traceback" not in out + err
        assert "unexpected" not in err, (arguments[0], err)


def test_nobodys_name_is_shown(tmp_path: Path) -> None:
    path = rf.write(tmp_path / "reg.dcm", FULL)
    assert b"SECRET^PATIENT" in path.read_bytes()
    for command in ("inspect", "show"):
        code, out, err = run(command, path)
        assert code == 0
        assert "SECRET" not in out + err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["inspect", "nowhere"], 2),
        (["show", "nowhere"], 2),
        (["map", "nowhere", "--points", "nowhere"], 2),
        (["frobnicate"], 2),
        ([], 2),
        (["--version"], 0),
    ],
)
def test_the_program_as_users_start_it_ends_properly(tmp_path: Path, arguments: list[str], code: int) -> None:
    home = str(Path(cli.__file__).resolve().parent.parent)
    done = subprocess.run(
        [sys.executable, "-m", "DicomRegInspectorLib", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": home},
    )
    assert done.returncode == code
    assert "Traceback" not in done.stdout + done.stderr
    if code == 2:
        assert done.stderr.count("\n") == 1
        assert not done.stdout
