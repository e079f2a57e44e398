"""What the DICOM browser says of a registration before it is loaded, and what saying so costs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.panel.selftests.files import KnownField, write_deformable
from DicomRegInspectorLib.samples import make_samples


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_samples(tmp_path_factory.mktemp("samples"), "pair")


def offer(plugin: Any, database: Any, path: Path) -> Any:
    database.insertFolder(str(path.parent))
    (loadable,) = plugin.examineForImport([[str(path)]])
    return loadable


def test_the_name_says_kind_grid_and_the_images_it_registers_to(plugin: Any, database: Any, pair: Path) -> None:
    loadable = offer(plugin, database, pair / "registration.dcm")
    assert loadable.name == (
        "Deformable registration, to CT “SYNTHETIC chest CT, fixed”, 55 × 43 × 48 grid - "
        "3: SYNTHETIC registration, vectors in mm"
    )
    assert "source images: CT “SYNTHETIC chest CT, moving”" in loadable.tooltip
    assert "pre-deformation matrix" in loadable.tooltip
    assert (loadable.warning, loadable.selected, loadable.confidence) == ("", True, 0.95)


def test_images_it_refers_to_can_be_loaded_with_it(plugin: Any, database: Any, pair: Path) -> None:
    loadable = offer(plugin, database, pair / "registration.dcm")
    files = {database.fileForInstance(uid) for uid in loadable.referencedInstanceUIDs}
    assert files == {str(path) for name in ("fixed", "moving") for path in (pair / name).iterdir()}


def test_images_that_are_examined_with_it_are_not_asked_for(
    application: Any, plugin: Any, database: Any, pair: Path
) -> None:
    """The browser compares what is referred to with the files of one row: for two series it would always ask.

    Series of the same registration stand in the list or not from one selection to the next.
    """
    database.insertFolder(str(pair))
    series = {name: sorted(str(path) for path in (pair / name).iterdir()) for name in ("fixed", "moving")}
    registration = [str(pair / "registration.dcm")]

    def asked_for(*examined: list[str]) -> set[str]:
        (loadable,) = plugin.examineForImport([*examined, registration])
        return {database.fileForInstance(uid) for uid in loadable.referencedInstanceUIDs}

    assert asked_for(*series.values()) == set()
    assert asked_for(series["fixed"]) == set(series["moving"])
    assert asked_for() == {*series["fixed"], *series["moving"]}
    assert asked_for(*series.values()) == set()
    (loadable,) = plugin.examineForImport([*series.values(), registration])
    assert plugin.load(loadable)
    assert {database.fileForInstance(uid) for uid in loadable.referencedInstanceUIDs} == {
        *series["fixed"],
        *series["moving"],
    }


def test_single_slices_that_it_refers_to_stand_for_their_series(
    plugin: Any, database: Any, pair: Path, tmp_path: Path
) -> None:
    """The browser loads just the instances that it is told."""
    dataset = pydicom.dcmread(pair / "registration.dcm")
    for series in dataset.ReferencedSeriesSequence:
        del series.ReferencedInstanceSequence[1:]
    for item in dataset.DeformableRegistrationSequence:
        del item.ReferencedImageSequence[1:]
    dataset.save_as(tmp_path / "r.dcm")
    for name in ("fixed", "moving"):
        database.insertFolder(str(pair / name))
    loadable = offer(plugin, database, tmp_path / "r.dcm")
    files = {database.fileForInstance(uid) for uid in loadable.referencedInstanceUIDs}
    assert files == {str(path) for name in ("fixed", "moving") for path in (pair / name).iterdir()}


def test_without_references_the_images_of_its_frames_are_taken(
    plugin: Any, database: Any, pair: Path, tmp_path: Path
) -> None:
    dataset = pydicom.dcmread(pair / "registration.dcm")
    del dataset.ReferencedSeriesSequence
    dataset.save_as(tmp_path / "r.dcm")
    database.insertFolder(str(pair / "fixed"))
    loadable = offer(plugin, database, tmp_path / "r.dcm")
    assert {database.fileForInstance(uid) for uid in loadable.referencedInstanceUIDs} == {
        str(path) for path in (pair / "fixed").iterdir()
    }
    assert "source images: none in this study" in loadable.tooltip


def test_what_an_item_refers_to_is_what_it_moves_where_frames_are_shared(
    plugin: Any, database: Any, pair: Path, tmp_path: Path
) -> None:
    dataset = pydicom.dcmread(pair / "registration.dcm")
    (item,) = dataset.DeformableRegistrationSequence
    item.SourceFrameOfReferenceUID = dataset.FrameOfReferenceUID
    dataset.save_as(tmp_path / "r.dcm")
    for name in ("fixed", "moving"):
        database.insertFolder(str(pair / name))
    loadable = offer(plugin, database, tmp_path / "r.dcm")
    assert "source images: CT “SYNTHETIC chest CT, moving” (46 CT images referred to)" in loadable.tooltip


def test_what_a_file_says_is_text_in_the_tooltip(plugin: Any, database: Any, pair: Path, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(pair / "registration.dcm")
    dataset.Manufacturer = "<script>alert(1)</script>"
    dataset.save_as(tmp_path / "r.dcm")
    loadable = offer(plugin, database, tmp_path / "r.dcm")
    assert "<script>" not in loadable.tooltip
    assert "&lt;script&gt;" in loadable.tooltip


def test_one_that_cannot_be_loaded_is_offered_last_with_the_reason(plugin: Any, database: Any, tmp_path: Path) -> None:
    write_deformable(tmp_path / "r.dcm", KnownField())
    dataset = pydicom.dcmread(tmp_path / "r.dcm")
    (grid,) = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence
    grid.GridDimensions = [50, 60, 70]
    dataset.save_as(tmp_path / "r.dcm")
    loadable = offer(plugin, database, tmp_path / "r.dcm")
    assert loadable.warning.startswith("Cannot be loaded: ")
    assert (loadable.selected, loadable.confidence) == (False, 0.1)
    assert plugin.load(loadable) is False


def test_one_that_vanished_is_offered_last_with_the_reason(plugin: Any, database: Any, tmp_path: Path) -> None:
    write_deformable(tmp_path / "r.dcm", KnownField())
    database.insertFolder(str(tmp_path))
    (tmp_path / "r.dcm").unlink()
    (loadable,) = plugin.examineForImport([[str(tmp_path / "r.dcm")]])
    assert "cannot be opened" in loadable.warning
    assert loadable.confidence == 0.1
    assert plugin.load(loadable) is False


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """How many bytes this process has asked the system for, by the system's own count."""
    counter = Path("/proc/self/io")
    if not counter.exists():
        pytest.skip("this system does not count the bytes a process reads")

    def count() -> int:
        return int(counter.read_text().split("rchar: ")[1].split()[0])

    return count


def test_examining_a_registration_reads_no_vector(plugin: Any, database: Any, tmp_path: Path, bytes_read: Any) -> None:
    """24 MB of vectors: what is read, twice a buffer of 128 kB, is a small part of that."""
    from DicomRegInspectorLib.registration.file.write import write_deformable_registration

    path = tmp_path / "large.dcm"
    write_deformable_registration(
        path,
        vectors=np.zeros((50, 200, 200, 3), np.float32),
        origin=(0.0, 0.0, 0.0),
        directions=np.eye(3),
        spacing=(1.0, 1.0, 1.0),
        registered_frame_uid="1.2.3",
        source_frame_uid="1.2.4",
    )
    database.insertFolder(str(tmp_path))
    plugin.examineForImport([[str(path)]])  # what is imported at the first use does not count
    plugin.loadableCache.clear()
    before = bytes_read()
    (loadable,) = plugin.examineForImport([[str(path)]])
    assert "200 × 200 × 50 grid" in loadable.name
    assert bytes_read() - before < 300_000 < path.stat().st_size / 75
    before = bytes_read()
    plugin.examineForImport([[str(path)]])
    assert bytes_read() - before < 2_000, "the answer is kept"


def test_examining_an_irregular_series_reads_no_pixel(
    series_plugins: Any, database: Any, tmp_path: Path, bytes_read: Any
) -> None:
    from DicomRegInspectorLib.samples.ct_files import SeriesNames, SliceGeometry, write_ct_series

    z = np.array([0.0, 2.0, 4.0, 6.0, 12.0, 14.0, 16.0])
    geometry = SliceGeometry(np.stack([0 * z, 0 * z, z], axis=1), 1024, 1024, 0.5)
    names = SeriesNames("1.2.5", "1.2.6", "1.2.7", "large slices")
    write_ct_series(tmp_path, np.zeros((7, 1024, 1024)), geometry, names)
    files = sorted(str(path) for path in tmp_path.iterdir())
    database.insertFolder(str(tmp_path))
    series_plugins.examineForImport([files])
    series_plugins.forget()
    before = bytes_read()
    assert len(series_plugins.examineForImport([files])) == 3
    assert bytes_read() - before < 7 * 70_000 < 7 * 1024 * 1024 * 2 / 20


def test_transforms_are_offered_for_export_and_volumes_are_not(application: Any, plugin: Any) -> None:
    scene = application.mrmlScene
    hierarchy = application.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    items = []
    for name in ("vtkMRMLLinearTransformNode", "vtkMRMLScalarVolumeNode"):
        node = scene.AddNewNodeByClass(name, "node")
        items.append(hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node))
    (exportable,) = plugin.examineForExport(items[0])
    assert (exportable.subjectHierarchyItemID, exportable.pluginClass) == (items[0], "DicomRegInspectorPlugin")
    rows = {name: exportable.tag(name) for name in ("SeriesDescription", "FixedVolume", "MovingVolume")}
    assert rows == {"SeriesDescription": "node", "FixedVolume": "", "MovingVolume": ""}
    assert plugin.examineForExport(items[1]) == []
