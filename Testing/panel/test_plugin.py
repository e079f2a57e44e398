"""What the DICOM plugin offers in the browser, and what it loads."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from DicomRegInspectorLib.panel.selftests.files import KnownField, write_ct_stack, write_deformable


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
    assert loadable.name == "Deformable registration, 5 × 6 × 7 grid - 1: Self-test field"
    assert loadable.confidence == 0.95
    assert (loadable.selected, loadable.warning) == (True, "")
    assert loadable.files == [str(tmp_path / "reg.dcm")]


def test_examining_asks_the_database_only_for_tags_that_slicer_caches(
    plugin: Any, database: Any, tmp_path: Path
) -> None:
    offered(plugin, database, changed(tmp_path / "reg.dcm"))
    assert set(database.tagsAsked) <= set(plugin.tags.values())


def test_missing_values_are_left_out_and_a_nameless_series_is_called_as_slicer_calls_it(
    plugin: Any, database: Any, tmp_path: Path
) -> None:
    path = changed(tmp_path / "reg.dcm", SeriesNumber=None, SeriesDescription=None, Manufacturer=None)
    (loadable,) = offered(plugin, database, path)
    assert loadable.name == "Deformable registration, 5 × 6 × 7 grid - Unnamed Series"
    assert "an unknown system" in loadable.tooltip


def test_wrong_class_is_offered_by_content_with_a_warning(plugin: Any, database: Any, tmp_path: Path) -> None:
    path = changed(tmp_path / "reg.dcm", SOPClassUID="1.2.840.10008.5.1.4.1.1.66")
    (loadable,) = offered(plugin, database, path)
    assert "1.2.840.10008.5.1.4.1.1.66, the file holds Deformable" in loadable.warning


def test_modality_reg_without_a_registration_in_it_is_not_offered(plugin: Any, database: Any, tmp_path: Path) -> None:
    path = changed(tmp_path / "reg.dcm", SOPClassUID="1.2.840.10008.5.1.4.1.1.66", DeformableRegistrationSequence=None)
    assert offered(plugin, database, path) == []


def test_fiducials_and_images_are_not_offered(plugin: Any, database: Any, tmp_path: Path) -> None:
    assert offered(plugin, database, changed(tmp_path / "a.dcm", SOPClassUID="1.2.840.10008.5.1.4.1.1.66.2")) == []
    write_ct_stack(tmp_path / "ct", [0.0, 1.0])
    assert offered(plugin, database, str(tmp_path / "ct" / "slice001.dcm")) == []


IRREGULAR_MM = (0.0, 2.5, 5.0, 7.5, 10.0, 40.0, 42.5, 45.0, 47.5)


def series_offered(series_plugins: Any, database: Any, folder: Path) -> list[Any]:
    database.insertFolder(str(folder))
    return series_plugins.examineForImport([sorted(str(path) for path in folder.iterdir())])


def test_irregular_series_is_offered_below_slicers_own_reader_with_a_warning(
    series_plugins: Any, database: Any, tmp_path: Path
) -> None:
    write_ct_stack(tmp_path, IRREGULAR_MM)
    found = series_offered(series_plugins, database, tmp_path)
    assert [one.name.split(" - ")[0] for one in found] == ["Regularized", "Section 1 of 2", "Section 2 of 2"]
    assert {(one.selected, one.confidence) for one in found} == {(False, 0.4)}
    assert all("11 slices" in one.warning for one in found)  # (40 - 10) / 2.5 - 1
    assert all(len(one.files) == 9 for one in found)


@pytest.mark.parametrize("positions", [[0.0, 2.5, 5.0, 7.5], [0.0, 2.5, 5.001, 7.5], [3.0]])
def test_regular_series_is_left_to_slicer(
    series_plugins: Any, database: Any, tmp_path: Path, positions: list[float]
) -> None:
    write_ct_stack(tmp_path, positions)
    assert series_offered(series_plugins, database, tmp_path) == []


def test_duplicates_alone_are_offered_to_be_left_out(
    application: Any, series_plugins: Any, database: Any, tmp_path: Path
) -> None:
    write_ct_stack(tmp_path, (0, 2, 4, 4, 6, 8))
    (found,) = series_offered(series_plugins, database, tmp_path)
    assert found.name.startswith("Without duplicates - ") and "one position" in found.warning
    assert (found.selected, found.confidence) == (False, 0.4)
    assert series_plugins.load(found)
    (node,) = application.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert node.GetImageData().GetDimensions()[2] == 5 and node.GetSpacing()[2] == pytest.approx(2)


def test_a_tilt_alone_is_offered_to_be_removed(series_plugins: Any, database: Any, tmp_path: Path) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "series"))
    from stack_making import along_table, tilted, write_stack

    write_stack(tmp_path, along_table(range(0, 20, 2)), tilted(12))
    (found,) = series_offered(series_plugins, database, tmp_path)
    assert found.name.startswith("Upright, tilt removed - ") and "12" in found.warning
    assert series_plugins.load(found)


def test_phases_at_one_place_are_no_duplicates(series_plugins: Any, database: Any, tmp_path: Path) -> None:
    import pydicom

    write_ct_stack(tmp_path, (0, 2, 4, 0, 2, 4))
    for path in tmp_path.iterdir():
        one = pydicom.dcmread(path)
        one.TemporalPositionIdentifier = 1 if one.InstanceNumber <= 3 else 2
        one.save_as(path)
    found = series_offered(series_plugins, database, tmp_path)
    assert [one.name.split(" - ")[0] for one in found] == [
        "4D: 2 volumes by temporal position",
        "Set 1 of 2: temporal position 1",
        "Set 2 of 2: temporal position 2",
    ]
    assert [(one.selected, one.confidence, one.warning) for one in found] == [(False, 0.4, "")] * 3


def test_irregular_series_without_pixels_is_not_offered(series_plugins: Any, database: Any, tmp_path: Path) -> None:
    import pydicom

    write_ct_stack(tmp_path, IRREGULAR_MM)
    for path in tmp_path.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        del dataset.PixelData
        dataset.save_as(path)
    assert series_offered(series_plugins, database, tmp_path) == []


def test_examining_a_series_reads_no_pixel(
    series_plugins: Any, database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise AssertionError("pixels were read")

    for user in ("pixels.volume", "regularize.values"):
        monkeypatch.setattr(f"DicomRegInspectorLib.series.{user}.load_pixels", refuse)
    write_ct_stack(tmp_path, IRREGULAR_MM)
    found = series_offered(series_plugins, database, tmp_path)
    assert len(found) == 3
    with pytest.raises(AssertionError, match="pixels were read"):
        series_plugins.load(found[0])


def test_regularized_and_section_are_loaded(
    application: Any, series_plugins: Any, database: Any, tmp_path: Path
) -> None:
    write_ct_stack(tmp_path, IRREGULAR_MM)
    regularized, _first, second = series_offered(series_plugins, database, tmp_path)
    assert series_plugins.load(regularized)
    assert series_plugins.load(second)
    whole, section = application.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert whole.GetImageData().GetDimensions() == (10, 8, 20)
    assert whole.GetSpacing() == pytest.approx((2.0, 2.0, 2.5))
    assert section.GetImageData().GetDimensions() == (10, 8, 4)
    assert section.GetOrigin() == pytest.approx((0.0, 0.0, 40.0))
    assert section.GetName() == second.name


def test_series_whose_files_vanished_is_logged(
    series_plugins: Any, database: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_ct_stack(tmp_path, IRREGULAR_MM)
    loadables = series_offered(series_plugins, database, tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    with caplog.at_level(logging.ERROR):
        assert [series_plugins.load(one) for one in loadables] == [False] * 3
    assert len(caplog.records) == 3


def test_real_tilted_series_is_offered_in_its_two_sections(
    series_plugins: Any, database: Any, shared_data: Path
) -> None:
    folder = shared_data / "ct-ge-tilted-irregular"
    files = sorted(str(path) for path in folder.glob("*.dcm"))
    database.insertFolder(str(folder))
    found = series_plugins.examineForImport([files])
    assert [one.name for one in found] == [
        f"{what} - 2: Unnamed Series" for what in ("Regularized", "Section 1 of 2", "Section 2 of 2")
    ]
    assert "18.5" in found[0].warning


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


def test_the_reader_s_column_says_what_the_row_is(application: Any) -> None:
    readers = {name: made().loadType for name, made in application.modules.dicomPlugins.items()}
    assert readers == {
        "DicomRegInspectorPlugin": "Registration",
        "DicomRegInspectorSeriesPlugin": "Irregular series",
        "DicomRegInspectorSetsPlugin": "Series of sets",
    }


def test_headers_are_read_once_for_both_plugins_of_series(
    series_plugins: Any, database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import DicomRegInspectorLib.series as room

    read, paths = room.read_header, []
    monkeypatch.setattr(room, "read_header", lambda path: (paths.append(path), read(path))[1])
    write_ct_stack(tmp_path, IRREGULAR_MM)
    series_offered(series_plugins, database, tmp_path)
    assert len(paths) == len(set(paths)) == len(IRREGULAR_MM)


LONG = "Thorax-Abdomen mit Kontrastmittel, venoes, 1.25 mm, Phase 30 %"


def test_what_is_loaded_stands_before_a_long_description(
    plugin: Any, series_plugins: Any, database: Any, tmp_path: Path
) -> None:
    import pydicom

    write_ct_stack(tmp_path / "ct", IRREGULAR_MM)
    for path in (tmp_path / "ct").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.SeriesDescription, dataset.SeriesNumber = LONG, 12
        dataset.save_as(path)
    names = [one.name for one in series_offered(series_plugins, database, tmp_path / "ct")]
    assert names == [f"{what} - 12: {LONG}" for what in ("Regularized", "Section 1 of 2", "Section 2 of 2")]
