"""Spatial Fiducials in the scene: points where the file says, by name, one list for each frame."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
import slicer
from DicomRegInspectorLib.errors import DicomRegInspectorError, UsageError
from DicomRegInspectorLib.registration import read_registration
from DicomRegInspectorLib.report.text.show import show_file
from DicomRegInspectorLib.report.text.terminal import Style
from DicomRegInspectorLib.scene import load_registration
from DicomRegInspectorLib.scene.transforms.save import save_registrations
from DicomRegInspectorLib.tasks.export import export_registration
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

POINTS = {"1.2.3.100": {"Carina": (1.5, -20, 30.25), "Apex Ä": (-4, 50, -60)}, "1.2.3.200": {"Carina": (7, 8, 9)}}


def item(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def fiducials(path: Path, sets: dict[str, dict[str, tuple]]) -> Path:
    """A Spatial Fiducials object written by pydicom; a point of () is only marked on images."""
    made = item(SpecificCharacterSet="ISO_IR 192", SOPClassUID="1.2.840.10008.5.1.4.1.1.66.2", Modality="REG",
                SOPInstanceUID=generate_uid(), SeriesDescription="Lung points", PatientName="SECRET^NAME")  # fmt: skip
    made.FiducialSetSequence = []
    for frame, points in sets.items():
        listed = []
        for name, place in points.items():
            one = item(ShapeType="POINT", FiducialIdentifier=name)
            if place:
                one.ContourData, one.NumberOfContourPoints = list(place), 1
            listed.append(one)
        made.FiducialSetSequence.append(item(FrameOfReferenceUID=frame, FiducialSequence=listed))
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pydicom.dcmwrite(path, made, enforce_file_format=True)
    return path


def told(nodes: list) -> list[dict[str, tuple]]:
    """Names and places of the points of each node, LPS mm."""
    return [
        {
            node.GetNthControlPointLabel(n): tuple(np.array(node.GetNthControlPointPositionWorld(n)) * (-1, -1, 1))
            for n in range(node.GetNumberOfControlPoints())
        }
        for node in nodes
    ]


def test_each_set_is_a_list_of_its_points(tmp_path: Path) -> None:
    scene = slicer.vtkMRMLScene()
    nodes = load_registration(fiducials(tmp_path / "f.dcm", POINTS), scene)
    assert told(nodes) == list(POINTS.values())
    assert [node.GetAttribute("DicomRegInspector.FrameOfReferenceUID") for node in nodes] == list(POINTS)
    assert [node.GetName() for node in nodes] == ["Lung points set 1", "Lung points set 2"]
    assert all(node.GetParentTransformNode() is None for node in nodes)


def test_points_without_a_place_are_counted_and_nothing_else_is_loaded(tmp_path: Path) -> None:
    path = fiducials(tmp_path / "f.dcm", {"1.2.3.100": {"A": (1, 2, 3), "marked": ()}})
    (node,) = load_registration(path, slicer.vtkMRMLScene())
    assert (node.GetNumberOfControlPoints(), node.GetAttribute("DicomRegInspector.WithoutPlace")) == (1, "1")
    scene = slicer.vtkMRMLScene()
    with pytest.raises(DicomRegInspectorError, match="without fiducials that have a place"):
        load_registration(fiducials(tmp_path / "g.dcm", {"1.2.3.100": {"marked": ()}}), scene)
    assert scene.GetNumberOfNodes() == 0


def test_a_scene_file_holds_them_and_no_other_format_does(tmp_path: Path) -> None:
    registration = read_registration(fiducials(tmp_path / "f.dcm", POINTS))
    output = tmp_path / "points.mrb"
    saved = save_registrations([registration], output)
    assert saved.description == "a Slicer scene with 2 sets of fiducials as markups"
    with zipfile.ZipFile(output) as bundle:
        lists = [json.loads(bundle.read(name)) for name in bundle.namelist() if name.endswith(".mrk.json")]
    places = sorted(point["position"] for one in lists for point in one["markups"][0]["controlPoints"])
    systems = {one["markups"][0]["coordinateSystem"] for one in lists}
    assert systems == {"LPS"} and places == sorted(list(map(float, p)) for s in POINTS.values() for p in s.values())
    with pytest.raises(UsageError, match=r"name a \.mrb"):
        export_registration(registration, tmp_path / "points.h5")


def test_show_says_where_each_point_is(tmp_path: Path) -> None:
    sets = {"1.2.3.100": {"Carina": (1.5, -20, 30.25), "marked": ()}}
    text = show_file(fiducials(tmp_path / "f.dcm", sets), Style(width=200, colour=False)).text
    assert "2 fiducials" in text
    assert "Carina (point): (1.5, -20, 30.25) mm LPS" in text
    assert "marked (point): no place" in text
    assert "SECRET" not in text
