"""What the DICOM plugin offers in the browser, and what it loads."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from DicomRegInspectorLib.panel.selftest_files import KnownField, write_ct_stack, write_deformable


@pytest.fixture
def plugin(application: Any) -> Any:
    application.mrmlScene.Clear()
    return application.modules.dicomPlugins["DicomRegInspectorPlugin"]()


@pytest.fixture
def database(application: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    from slicer_standin.dicom import DicomDatabase

    monkeypatch.setattr(application, "dicomDatabase", DicomDatabase())
    return application.dicomDatabase


def changed(path: Path, **values: Any) -> str:
    """A deformable registration with other values; None takes an element away."""
    import pydicom

    write_deformable(path, KnownField())
    dataset = pydicom.dcmread(path)
    for name, value in values.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    dataset.save_as(path)
    return str(path)


def offered(plugin: Any, database: Any, path: str) -> Any:
    database.insertFolder(str(Path(path).parent))
    return plugin.examineForImport([[path]])


def test_deformable_registration_is_offered_above_slicerrt(plugin: Any, database: Any, tmp_path: Path) -> None:
    (loadable,) = offered(plugin, database, changed(tmp_path / "reg.dcm"))
    assert loadable.name == "1: Self-test field - Deformable registration"
    assert loadable.confidence == 0.95
    assert (loadable.selected, loadable.warning) == (True, "")
    assert loadable.files == [str(tmp_path / "reg.dcm")]


def test_examining_asks_only_for_tags_that_slicer_caches_and_opens_no_file(
    plugin: Any, database: Any, tmp_path: Path
) -> None:
    path = changed(tmp_path / "reg.dcm")
    database.insertFolder(str(tmp_path))
    Path(path).unlink()
    assert len(plugin.examineForImport([[path]])) == 1
    assert set(database.tagsAsked) <= set(plugin.tags.values())


def test_missing_values_are_left_out(plugin: Any, database: Any, tmp_path: Path) -> None:
    path = changed(tmp_path / "reg.dcm", SeriesNumber=None, SeriesDescription=None, Manufacturer=None)
    (loadable,) = offered(plugin, database, path)
    assert loadable.name == "Deformable registration"
    assert "an unknown system" in loadable.tooltip


def test_wrong_class_is_offered_by_content_with_a_warning(plugin: Any, database: Any, tmp_path: Path) -> None:
    path = changed(tmp_path / "reg.dcm", SOPClassUID="1.2.840.10008.5.1.4.1.1.66")
    (loadable,) = offered(plugin, database, path)
    assert "1.2.840.10008.5.1.4.1.1.66)" in loadable.warning


def test_modality_reg_without_a_registration_in_it_is_not_offered(plugin: Any, database: Any, tmp_path: Path) -> None:
    path = changed(tmp_path / "reg.dcm", SOPClassUID="1.2.840.10008.5.1.4.1.1.66", DeformableRegistrationSequence=None)
    assert offered(plugin, database, path) == []


def test_fiducials_and_images_are_not_offered(plugin: Any, database: Any, tmp_path: Path) -> None:
    assert offered(plugin, database, changed(tmp_path / "a.dcm", SOPClassUID="1.2.840.10008.5.1.4.1.1.66.2")) == []
    write_ct_stack(tmp_path / "ct", [0.0, 1.0])
    assert offered(plugin, database, str(tmp_path / "ct" / "slice001.dcm")) == []


def test_loading_says_true_or_logs_one_line(
    application: Any, plugin: Any, database: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (loadable,) = offered(plugin, database, changed(tmp_path / "reg.dcm"))
    assert plugin.load(loadable) is True
    assert application.mrmlScene.GetNumberOfNodesByClass("vtkMRMLGridTransformNode") == 1
    (tmp_path / "reg.dcm").write_bytes(b"overwritten")
    with caplog.at_level(logging.ERROR):
        assert plugin.load(loadable) is False
    assert len(caplog.records) == 1
    assert "reg.dcm" in caplog.text


def test_loaded_nodes_stand_under_their_study(application: Any, plugin: Any, database: Any, tmp_path: Path) -> None:
    import copy

    import pydicom

    path = changed(tmp_path / "reg.dcm")
    dataset = pydicom.dcmread(path)
    dataset.DeformableRegistrationSequence.append(copy.deepcopy(dataset.DeformableRegistrationSequence[0]))
    dataset.save_as(path)
    (loadable,) = offered(plugin, database, path)
    assert plugin.load(loadable)
    hierarchy = application.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(application.mrmlScene)
    uid = application.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName()
    study = hierarchy.GetItemByUID(uid, str(dataset.StudyInstanceUID))
    nodes = application.util.getNodesByClass("vtkMRMLTransformNode")
    assert len(nodes) == 6  # of each item: pre-deformation, grid, post-deformation
    assert {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) for node in nodes} == {study}


def test_real_plastimatch_registration_is_offered_and_loaded(
    application: Any, plugin: Any, database: Any, deformable_pair: Path
) -> None:
    database.insertFolder(str(deformable_pair))
    (loadable,) = plugin.examineForImport([[str(deformable_pair / "registration.dcm")]])
    assert plugin.load(loadable)
    assert application.mrmlScene.GetNumberOfNodesByClass("vtkMRMLGridTransformNode") == 1
