"""``demo``: what it leaves behind, and that it leaves everything else alone."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib import cli
from pydicom.data import get_testdata_file

slicer = pytest.importorskip("slicer", reason="the demonstration needs slicer-core or Slicer")

FILES = ["quality.png", "registration.png", "report.html", "report.json", "scene.mrb", "synthetic-registration.dcm"]


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo") / "made" / "here"
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("DicomRegInspectorLib.cli.trying.tell", lambda _, text: said.append(text))
        # The demonstration is for machines without a network too.
        patch.setattr("socket.socket.connect", lambda *_: pytest.fail("the demonstration went to the network"))
        assert cli.main(["demo", str(folder)]) == 0
    return folder, "\n".join(said)


def test_it_leaves_a_report_a_scene_a_picture_and_the_registration(demonstration) -> None:
    folder, said = demonstration
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert all(str(folder / name) in said for name in FILES)


def test_the_report_finds_the_gap_in_the_real_ct(demonstration) -> None:
    folder, said = demonstration
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    (gap,) = [finding for finding in report["findings"] if finding["code"] == "slice-gap"]
    positions = sorted(
        float(pydicom.dcmread(path, specific_tags=["ImagePositionPatient"]).ImagePositionPatient[2])
        for path in (Path(get_testdata_file("DICOMDIR")).parent / "77654033" / "CT2").iterdir()
    )
    assert f"{max(np.diff(positions)):.1f}" == "202.5"
    assert "202.5 mm" in gap["message"]
    assert "202.5 mm" in said
    assert len(report["registrations"]) == 1


def test_the_synthetic_field_says_what_it_is(demonstration) -> None:
    folder, said = demonstration
    dataset = pydicom.dcmread(folder / "synthetic-registration.dcm")
    assert "SYNTHETIC" in dataset.SeriesDescription
    assert re.search(r"SYNTHETIC,\s+just\s+written", said)
    fixed = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    assert dataset.FrameOfReferenceUID == fixed.FrameOfReferenceUID
    assert dataset.DeformableRegistrationSequence[0].SourceFrameOfReferenceUID != fixed.FrameOfReferenceUID


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_the_synthetic_registration_is_valid_dicom(demonstration) -> None:
    folder, _ = demonstration
    command = ["dciodvfy", folder / "synthetic-registration.dcm"]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    assert "DeformableSpatialRegistration" in said
    assert "Error" not in said


def test_the_patient_of_the_real_files_is_nowhere(demonstration) -> None:
    folder, said = demonstration
    names = {str(pydicom.dcmread(get_testdata_file("CT_small.dcm")).PatientName)}
    names |= {str(pydicom.dcmread(folder / "synthetic-registration.dcm").PatientName)}
    with zipfile.ZipFile(folder / "scene.mrb") as bundle:
        texts = [said, (folder / "report.json").read_text(encoding="utf-8")]
        texts += [bundle.read(name).decode() for name in bundle.namelist() if name.endswith(".mrml")]
    assert all(name and name not in text for name in names for text in texts)


def test_the_scene_maps_as_the_registration_does(demonstration, tmp_path: Path) -> None:
    import vtk
    from DicomRegInspectorLib import read_registration

    folder, _ = demonstration
    with zipfile.ZipFile(folder / "scene.mrb") as bundle:
        bundle.extractall(tmp_path)
    (mrml,) = tmp_path.rglob("*.mrml")
    scene = slicer.vtkMRMLScene()
    scene.SetURL(str(mrml))
    assert scene.Import()
    charts = scene.GetNodesByClass("vtkMRMLPlotChartNode")
    assert charts.GetNumberOfItems() == 3
    assert scene.GetFirstNodeByName("SYNTHETIC source: the CT slice warped") is not None
    node = scene.GetFirstNodeByClass("vtkMRMLGridTransformNode")
    volume = scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    assert node.GetNodeReference(slicer.vtkMRMLTransformNode.GetFixedNodeReferenceRole()) is volume
    (item,) = read_registration(folder / "synthetic-registration.dcm").items
    rng = np.random.default_rng(3)
    nodes = np.array([item.grid.node_position(tuple(index)) for index in rng.integers(1, (30, 30, 16), (40, 3))])
    between = nodes + rng.uniform(-1, 1, nodes.shape)

    def error_mm(points: np.ndarray) -> float:
        transform = vtk.vtkGeneralTransform()
        node.GetTransformFromWorld(transform)
        flip = np.array([-1.0, -1.0, 1.0])
        mapped = np.array([transform.TransformPoint(point) for point in (points * flip).tolist()]) * flip
        return float(np.abs(mapped - item.map_points(points)).max())

    assert error_mm(nodes) < 1e-3
    # Slicer interpolates cubically what it reads from a file; set to linear it is the same between the nodes too.
    node.GetTransformFromParentAs("vtkOrientedGridTransform").SetInterpolationModeToLinear()
    assert error_mm(between) < 1e-3


def test_the_fixed_slice_in_the_scene_is_the_ct_in_its_place(demonstration, tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    folder, _ = demonstration
    with zipfile.ZipFile(folder / "scene.mrb") as bundle:
        (name,) = [name for name in bundle.namelist() if name.endswith("Fixed CT slice.nrrd")]
        bundle.extract(name, tmp_path)
    ours = sitk.ReadImage(str(tmp_path / name))
    theirs = sitk.ReadImage(get_testdata_file("CT_small.dcm"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(theirs))
    np.testing.assert_allclose(ours.GetOrigin(), theirs.GetOrigin(), atol=1e-5)
    np.testing.assert_allclose(ours.GetSpacing()[:2], theirs.GetSpacing()[:2], atol=1e-6)
    np.testing.assert_allclose(ours.GetDirection(), theirs.GetDirection(), atol=1e-6)


@pytest.mark.parametrize("name", ["registration.png", "quality.png"])
def test_the_picture_is_a_png_of_a_useful_size(demonstration, name) -> None:
    head = (demonstration[0] / name).read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    assert 1500 < width <= 1602
    assert 600 < height < 1600


def test_it_can_be_run_again_in_its_own_folder(demonstration) -> None:
    folder, _ = demonstration
    assert cli.main(["demo", str(folder)]) == 2
    assert cli.main(["demo", str(folder), "--skip-existing"]) == 0
    before = (folder / "report.json").stat().st_mtime_ns
    assert cli.main(["demo", str(folder), "--overwrite"]) == 0
    assert (folder / "report.json").stat().st_mtime_ns > before
    assert sorted(path.name for path in folder.iterdir()) == FILES


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, capsys) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert cli.main(["demo", str(tmp_path)]) == 2
    assert "thesis.txt" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_without_pydicoms_files_it_says_so(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("pydicom.data.get_testdata_file", lambda *_, **__: None)
    assert cli.main(["demo", str(tmp_path / "d")]) == 2
    assert "test files" in capsys.readouterr().err
    assert not (tmp_path / "d").exists()
