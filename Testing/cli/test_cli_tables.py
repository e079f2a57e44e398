"""Tables and scenes: nothing that a file says is taken for a formula, or keeps Slicer from opening a scene."""

from __future__ import annotations

import csv
import io
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import pydicom
import pytest
import regfiles as rf
from dicom_objects import write_linear, write_slice
from DicomRegInspectorLib import cli
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.words import table_cell, well_formed

SERIES = "1.2.826.0.1.3680043.8.498.32"
HOSTILE = "a\x1b[31m\x01\u202eb\x0c"
"""Escape and control characters, and a mark that turns the reading direction."""


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "-", "--1"])
def test_a_formula_becomes_text(text: str) -> None:
    assert table_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-1.5", "+2e3", "-inf", "=".join("ab"), "", "nan", "'=1", "a-b"])
def test_numbers_and_words_stay(text: str) -> None:
    assert table_cell(text) == text


def test_names_of_points_are_no_formulas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    registration = write_linear(tmp_path / "reg.dcm")
    points = tmp_path / "points.csv"
    points.write_text('name,x,y,z,=cmd\n=1+1,0,0,0,-7\n"+A, B",1e6,0,0,@a\nF-1,0,0,0,\n')
    assert cli.main(["map", str(registration), "--points", str(points), "--quiet"]) == 0
    header, first, second, third = csv.reader(io.StringIO(capsys.readouterr().out))
    assert (header[0], header[4]) == ("name", "'=cmd")
    assert (first[0], first[4], second[0], second[4], third[0]) == ("'=1+1", "-7", "'+A, B", "'@a", "F-1")
    assert len([float(cell) for row in (first, second, third) for cell in row[1:4]]) == 9


def test_paths_in_a_quality_table_are_no_formulas(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("=1+1.dcm", "b.dcm"):
        shutil.move(write_linear(tmp_path / "reg.dcm"), name)
    assert cli.main(["quality", "=1+1.dcm", "b.dcm", "--csv", "-"]) == 0
    assert [row["file"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == ["'=1+1.dcm", "b.dcm"]


def texts_of_scene(bundle: Path) -> str:
    """What the scene's file holds, by another parser of XML than Slicer's."""
    with ZipFile(bundle) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".mrml")]
        root = ElementTree.fromstring(archive.read(name))
    return "\n".join(text for element in root.iter() for text in (element.text or "", *element.attrib.values()))


def test_a_scene_opens_whatever_its_registration_says(tmp_path: Path) -> None:
    slicer = pytest.importorskip("slicer")
    grid = rf.GridSpec(rf.smooth_vectors((4, 5, 3)))
    rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((rf.DeformableItem(grid),)))
    dataset = pydicom.dcmread(tmp_path / "reg.dcm")
    dataset.SpecificCharacterSet, dataset.SeriesDescription = "ISO_IR 192", HOSTILE
    dataset.SOPInstanceUID = "1.2\x1b[31m\x01"
    dataset.save_as(tmp_path / f"reg{HOSTILE}.dcm")
    output = tmp_path / "out.mrb"
    assert cli.main(["load", str(tmp_path / f"reg{HOSTILE}.dcm"), "--output", str(output)]) == 0
    told = texts_of_scene(output)
    assert "a\ufffd[31m" in told and not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", told)
    scene = slicer.vtkMRMLScene()
    with ZipFile(output) as archive:
        archive.extractall(tmp_path / "scene")
    (file,) = (tmp_path / "scene").rglob("*.mrml")
    scene.SetURL(str(file))
    assert scene.Connect() and scene.GetFirstNodeByClass("vtkMRMLGridTransformNode") is not None


@pytest.mark.parametrize(
    "description", ["../../../tmp/x", "..\\..\\x", "/etc/x", "CON", "a" * 60 + "." * 4, "x\ny\x00z", " . "]
)
def test_no_description_names_a_file_elsewhere(description: str, tmp_path: Path) -> None:
    pytest.importorskip("slicer")
    grid = rf.GridSpec(rf.smooth_vectors((4, 5, 3)))
    rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((rf.DeformableItem(grid),)))
    dataset = pydicom.dcmread(tmp_path / "reg.dcm")
    dataset.SeriesDescription = description
    dataset.save_as(tmp_path / "reg.dcm")
    output = tmp_path / "out.mrb"
    assert cli.main(["load", str(tmp_path / "reg.dcm"), "--output", str(output)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mrb", "reg.dcm"]
    with ZipFile(output) as archive:
        names = archive.namelist()
    assert all(re.fullmatch(r"out/(Data/|out\.mrml|Data/[^/\\\x00-\x1f]+\.h5)?", name) for name in names), names


def test_a_scene_opens_whatever_its_series_says(tmp_path: Path) -> None:
    pytest.importorskip("slicer")
    folder = tmp_path / "ct"
    folder.mkdir()
    for number, position in enumerate([0, 2, 4, 6, 14, 16, 18, 20]):
        path = write_slice(folder / f"{number}", position, SERIES)
        image = pydicom.dcmread(path)
        image.SpecificCharacterSet, image.SeriesDescription = "ISO_IR 192", HOSTILE
        image.Modality, image.StudyInstanceUID = "CT\x1b[31m\x01", "1.2\x1b[31m\x01"
        image.save_as(path)
    output = tmp_path / "out.mrb"
    assert cli.main(["regularize", str(folder), "--mode", "acquisition", "--output", str(output)]) == 0
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", texts_of_scene(output))


def test_a_scene_that_cannot_be_read_again_is_refused(tmp_path: Path) -> None:
    slicer = pytest.importorskip("slicer")
    from DicomRegInspectorLib.scene.transforms.save import save_scene

    scene = slicer.vtkMRMLScene()
    scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "a\x01b")
    with pytest.raises(UsageError, match="cannot be read again"):
        save_scene(scene, tmp_path / "out.mrb")
    assert list(tmp_path.iterdir()) == []


def test_other_scripts_and_lines_stay() -> None:
    kept = "Größe 頭部 رأس\u200c\u200d\n\ttext"
    assert well_formed(kept) == kept
    assert well_formed("a\x00\x1b\x7f\x85\u2066\ufffe\udcfcb") == "a" + "\ufffd" * 7 + "b"
