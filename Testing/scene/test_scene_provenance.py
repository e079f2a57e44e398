"""Names, attributes, subject hierarchy and volumes around a loaded registration."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="the scene room needs slicer-core or Slicer")

import regfiles as rf  # noqa: E402
from DicomRegInspectorLib.scene import load_registration  # noqa: E402
from DicomRegInspectorLib.scene.pictures.report_pictures import library_versions  # noqa: E402
from scenetools import (  # noqa: E402
    POST,
    PRE,
    SMOOTH,
    attributes_of,
    load,
    transforms_of,
    written,
)

# ---- Names, provenance, subject hierarchy ---------------------------------------------------------------------------


def test_names_come_from_the_series_and_stay_unique() -> None:
    scene = slicer.vtkMRMLScene()
    path = written(
        rf.RegistrationSpec(
            (rf.DeformableItem(SMOOTH, PRE, POST), rf.DeformableItem(SMOOTH)), series_description="Lung DIR"
        )
    )
    nodes = [
        *load_registration(path, scene),
        *load_registration(path, scene),
        *load_registration(path, scene, bake=True),
    ]
    names = [n.GetName() for n in transforms_of(scene)]
    assert len(names) == 4 + 4 + 2
    assert len(set(names)) == len(names)
    assert all("Lung DIR" in node.GetName() for node in nodes)
    assert len({node.GetID() for node in nodes}) == len(nodes)


@pytest.mark.parametrize("description", ["", "a/b\\c", "<b>&\"'", "x" * 64, "Über früh α", "  "])
def test_any_series_description_makes_a_name(description: str) -> None:
    scene = slicer.vtkMRMLScene()
    spec = rf.RegistrationSpec(
        (rf.DeformableItem(SMOOTH),), series_description=description.replace("\\", "-"), charset="ISO_IR 192"
    )
    (node,) = load_registration(written(spec), scene)
    assert node.GetName().strip()


@pytest.mark.parametrize("bake", [False, True])
def test_every_node_says_where_it_came_from(bake: bool) -> None:
    scene = slicer.vtkMRMLScene()
    path = written(rf.RegistrationSpec((rf.DeformableItem(SMOOTH, PRE, POST),), sop_instance_uid="1.2.3.77.88"))
    load_registration(path, scene, bake=bake)
    for node in transforms_of(scene):
        values = list(attributes_of(node).values())
        for expected in ("1.2.3.77.88", "1.2.3.100", "1.2.3.200", path.name):
            assert expected in values
        assert str(path.parent) not in " ".join(values)


@pytest.mark.parametrize("kind", ["plain", "full", "matrices"])
def test_no_patient_gets_into_the_scene(tmp_path: Path, kind: str) -> None:
    scene = slicer.vtkMRMLScene()
    spec = replace(getattr(rf.Samples(), kind), patient_name="SECRET^PATIENT", patient_id="SECRET-ID-4711")
    path = written(spec)
    assert b"SECRET^PATIENT" in path.read_bytes()
    load_registration(path, scene)
    load_registration(path, scene, bake=True)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit(str(tmp_path / "scene.mrml"))
    assert "SECRET" not in (tmp_path / "scene.mrml").read_text()
    for node in transforms_of(scene):
        assert "SECRET" not in node.GetName() + repr(attributes_of(node))


@pytest.mark.parametrize("bake", [False, True])
def test_nodes_stand_under_their_study(hierarchy_scene, bake: bool) -> None:
    scene, hierarchy, study = hierarchy_scene
    load(rf.DeformableItem(SMOOTH, PRE, POST), scene, bake=bake)
    for node in transforms_of(scene):
        item = hierarchy.GetItemByDataNode(node)
        assert item != hierarchy.GetInvalidItemID()
        assert (
            hierarchy.GetItemAncestorAtLevel(item, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelStudy())
            == study
        )


def test_another_study_takes_no_nodes(hierarchy_scene) -> None:
    scene, hierarchy, study = hierarchy_scene
    (node,) = load_registration(written(rf.RegistrationSpec((rf.DeformableItem(SMOOTH),), study_uid="9.9.9")), scene)
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) != study


# ---- Volumes --------------------------------------------------------------------------------------------------------


def _volume(scene, hierarchy, name: str, frame: str):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    item = hierarchy.GetItemByDataNode(volume) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), volume)
    hierarchy.SetItemAttribute(
        item, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMFrameOfReferenceUIDAttributeName(), frame
    )
    return volume


def _reference(node, role: str):
    return node.GetNodeReference(getattr(slicer.vtkMRMLTransformNode, f"Get{role}NodeReferenceRole")())


@pytest.mark.parametrize(
    "make", [lambda: rf.DeformableItem(SMOOTH, PRE, POST), lambda: rf.MatrixItem((PRE,))], ids=["grid", "matrix"]
)
def test_volumes_of_both_frames_become_references_and_stay_where_they_are(hierarchy_scene, make) -> None:
    scene, hierarchy, _ = hierarchy_scene
    other = _volume(scene, hierarchy, "other", "1.2.3.999")
    moving, fixed = _volume(scene, hierarchy, "moving", "1.2.3.200"), _volume(scene, hierarchy, "fixed", "1.2.3.100")
    _, node = load(make(), scene)
    assert _reference(node, "Fixed") is fixed
    assert _reference(node, "Moving") is moving
    assert [v.GetParentTransformNode() for v in (other, moving, fixed)] == [None] * 3


def test_only_source_volumes_go_under_the_node_when_asked(hierarchy_scene) -> None:
    scene, hierarchy, _ = hierarchy_scene
    other, fixed = _volume(scene, hierarchy, "other", "1.2.3.999"), _volume(scene, hierarchy, "fixed", "1.2.3.100")
    moving, again = _volume(scene, hierarchy, "moving", "1.2.3.200"), _volume(scene, hierarchy, "again", "1.2.3.200")
    _, node = load(rf.DeformableItem(SMOOTH, PRE, POST), scene, place_volumes=True)
    assert moving.GetParentTransformNode() is node
    assert again.GetParentTransformNode() is node
    assert fixed.GetParentTransformNode() is None
    assert other.GetParentTransformNode() is None


def test_without_matching_volumes_there_are_no_references(hierarchy_scene) -> None:
    scene, hierarchy, _ = hierarchy_scene
    _volume(scene, hierarchy, "other", "1.2.3.999")
    _volume(scene, hierarchy, "unknown", "")
    _, node = load(rf.DeformableItem(SMOOTH), scene, place_volumes=True)
    assert _reference(node, "Fixed") is None
    assert _reference(node, "Moving") is None


def test_the_dicom_database_tells_the_frame_where_the_scene_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    class Database:
        isOpen = True  # noqa: N815

        @staticmethod
        def instanceValue(uid: str, tag: str) -> str:  # noqa: N802
            assert tag == "0020,0052"
            return {"1.5.1": "1.2.3.100", "1.5.2": "1.2.3.200"}.get(uid, "")

    monkeypatch.setattr(slicer, "dicomDatabase", Database, raising=False)
    scene = slicer.vtkMRMLScene()
    for name, uids in (("fixed", "1.5.1 1.5.9"), ("moving", "1.5.2")):
        scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name).SetAttribute("DICOM.instanceUIDs", uids)
    _, node = load(rf.DeformableItem(SMOOTH), scene)
    assert _reference(node, "Fixed").GetName() == "fixed"
    assert _reference(node, "Moving").GetName() == "moving"


def test_slicer_s_own_python_names_what_it_knows_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", unknown)
    monkeypatch.delattr(slicer, "app", raising=False)
    assert [name for name, _version in library_versions()] == ["VTK"]


def test_items_that_share_a_frame_take_the_volumes_that_they_refer_to(tmp_path: Path) -> None:
    referred = [[f"1.2.3.{phase}.{number}" for number in (1, 2)] for phase in (1, 2)]
    elements = rf.elements_of(
        rf.RegistrationSpec((rf.MatrixItem((np.eye(4),), frame="1.2.3.100"), rf.MatrixItem((PRE,), frame="1.2.3.100")))
    )
    sequence = next(element for element in elements if element.tag == rf.REGISTRATION_SEQUENCE)
    for inner, uids in zip(sequence.value, referred, strict=True):
        items = [[rf.Element(0x00081150, "UI", rf.CT_CLASS), rf.Element(0x00081155, "UI", uid)] for uid in uids]
        inner.insert(0, rf.Element(0x00081140, "SQ", items))
    scene, volumes = slicer.vtkMRMLScene(), []
    for phase, uids in enumerate(referred):
        volume = slicer.vtkMRMLScalarVolumeNode()
        volume.SetName(f"phase {phase}")
        volume.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
        volumes.append(scene.AddNode(volume))
    still, moving = load_registration(rf.write(tmp_path / "r.dcm", elements), scene, place_volumes=True)
    assert [node.GetName().partition(" item ")[2] for node in (still, moving)] == ["1 (phase 0)", "2 (phase 1)"]
    assert moving.GetNodeReference(moving.GetMovingNodeReferenceRole()).GetName() == "phase 1"
    assert moving.GetNodeReference(moving.GetFixedNodeReferenceRole()).GetName() == "phase 0"
    assert volumes[0].GetParentTransformNode() is None
    assert volumes[1].GetParentTransformNode().GetID() == moving.GetID()
