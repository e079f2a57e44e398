"""``load``: what other tools read from the files written here, against the equation and against each other."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from dicom_objects import (
    REGISTERED,
    SOURCE,
    expected,
    inner_points,
    rigid,
    write_fiducials,
    write_linear,
    write_matrices,
)
from DicomRegInspectorLib import cli
from DicomRegInspectorLib.registration.file.write import write_deformable_registration

slicer = pytest.importorskip("slicer", reason="load needs slicer-core or Slicer")
vtk = pytest.importorskip("vtk")
sitk = pytest.importorskip("SimpleITK", reason="the files are read back with SimpleITK")

PRE, POST = rigid(7.0, (3.0, -4.0, 2.0)), rigid(-11.0, (-6.0, 1.0, 5.0))
FLIP = np.array([-1.0, -1.0, 1.0])
TOLERANCE_MM = 1e-3
"""What the project promises of loaded nodes; VTK's grid transform itself is right to 2e-5 mm."""


@pytest.fixture
def load(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def load(name: str, *registrations: Path, options: tuple[str, ...] = (), code: int = 0) -> tuple[Path, str]:
        output = tmp_path / name
        arguments = ["load", *map(str, registrations), "--output", str(output), *options]
        assert cli.main(arguments) == code
        captured = capsys.readouterr()
        assert not list(tmp_path.glob(".unfinished*"))
        return output, captured.out + captured.err

    return load


def through(transform, points: np.ndarray) -> np.ndarray:
    return np.array([transform.TransformPoint(point) for point in points.tolist()])


def as_transform(output: Path):
    if output.suffix in (".h5", ".tfm"):
        return sitk.ReadTransform(str(output))
    return sitk.DisplacementFieldTransform(sitk.ReadImage(str(output), sitk.sitkVectorFloat64))


def read_by_slicer(output: Path):
    node = getattr(slicer, f"vtkMRML{'' if output.suffix in ('.h5', '.tfm') else 'Grid'}TransformNode")()
    storage = slicer.vtkMRMLTransformStorageNode()
    storage.SetFileName(str(output))
    assert storage.ReadData(node)
    return node


def from_world(node, points: np.ndarray) -> np.ndarray:
    """World to node, in LPS."""
    transform = vtk.vtkGeneralTransform()
    node.GetTransformFromWorld(transform)
    return through(transform, points * FLIP) * FLIP


def mapped_back(matrix, points: np.ndarray) -> np.ndarray:
    """From the registered to the item's frame: the matrix goes the other way (PS3.3 C.20.2)."""
    return (np.linalg.inv(matrix) @ np.column_stack([points, np.ones(len(points))]).T).T[:, :3]


def nodes_of(scene, class_name: str) -> list:
    nodes = scene.GetNodesByClass(class_name)
    return [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]


def read_bundle(path: Path, folder: Path):
    """A scene from a bundle, without the cache that Slicer's own reader of bundles needs."""
    with zipfile.ZipFile(path) as bundle:
        bundle.extractall(folder)
    (mrml,) = folder.rglob("*.mrml")
    scene = slicer.vtkMRMLScene()
    scene.SetURL(str(mrml))
    assert scene.Import()
    return scene


@pytest.mark.parametrize("name", ["t.h5", "t.tfm"])
@pytest.mark.parametrize("options", [(), ("--bake",)])
def test_an_itk_transform_resamples_as_the_equation_says(load, tmp_path, name: str, options: tuple[str, ...]) -> None:
    output, _ = load(name, write_linear(tmp_path / "r.dcm", PRE, POST), options=options)
    points = inner_points(30)
    mapped = through(sitk.ReadTransform(str(output)), points)
    np.testing.assert_allclose(mapped, expected(points, PRE, POST), atol=TOLERANCE_MM)


@pytest.mark.parametrize("name", ["f.nrrd", "f.mha", "f.nii.gz", "f.nii", "F.NRRD"])
def test_a_displacement_field_holds_the_whole_mapping(load, tmp_path: Path, name: str) -> None:
    output, _ = load(name, write_linear(tmp_path / "r.dcm", PRE, POST))
    points = inner_points(30)
    mapped = through(as_transform(output), points)
    np.testing.assert_allclose(mapped, expected(points, PRE, POST), atol=TOLERANCE_MM)


@pytest.mark.parametrize("name", ["f.nrrd", "f.mha", "f.nii.gz", "t.h5", "t.tfm"])
def test_slicer_reads_it_as_the_same_mapping(load, tmp_path: Path, name: str) -> None:
    output, _ = load(name, write_linear(tmp_path / "r.dcm", PRE, POST))
    points = inner_points(30)
    np.testing.assert_allclose(
        from_world(read_by_slicer(output), points), expected(points, PRE, POST), atol=TOLERANCE_MM
    )


@pytest.mark.parametrize("name", ["f.nrrd", "t.h5"])
def test_slicer_keeps_undefined_vectors_and_goes_on_with_the_border_s(load, tmp_path: Path, name: str) -> None:
    vectors = np.full((8, 8, 8, 3), (1.0, 2.0, 3.0), np.float32)
    vectors[:, :, 6:] = np.nan
    path = write_linear(
        tmp_path / "r.dcm", vectors=vectors, origin=np.zeros(3), directions=np.eye(3), spacing=np.full(3, 2.0)
    )
    output, said = load(name, path)
    assert "a voxel further around" in said and "3D Slicer adds the border's vector" in said
    node = read_by_slicer(output)
    points = np.array([(7.9, 7.0, 7.0), (12.0, 6.0, 6.0), (11.0, 7.0, 7.0), (9.0, 7.0, 7.0), (5.0, -30.0, 40.0)])
    mapped = from_world(node, points)
    assert np.isnan(mapped[1:3]).all(), "on an undefined node, and beside one"
    assert np.isnan(mapped[3]).all(), "a voxel further around"
    np.testing.assert_allclose(mapped[[0, 4]], points[[0, 4]] + (1, 2, 3), atol=1e-6)


def test_nifti_declares_its_vectors(load, tmp_path: Path) -> None:
    output, _ = load("f.nii.gz", write_linear(tmp_path / "r.dcm"))
    header = zlib.decompressobj(31).decompress(output.read_bytes(), 352)
    # NIfTI-1: dim[5] at byte 50 counts components, intent_code at byte 68; 1007 is a vector.
    assert struct.unpack_from("<h", header, 50)[0] == 3
    assert struct.unpack_from("<h", header, 68)[0] == 1007


def test_a_scene_holds_every_item_in_its_place(load, tmp_path: Path) -> None:
    matrix = rigid(20.0, (4.0, 5.0, 6.0))
    deformable = write_linear(tmp_path / "r.dcm", PRE, POST)
    linear = write_matrices(tmp_path / "m.dcm", {REGISTERED: np.eye(4), SOURCE: matrix})
    output, said = load("s.mrb", deformable, linear)
    assert "3 registration items" in said
    scene = read_bundle(output, tmp_path / "unpacked")
    points = inner_points(30)
    innermost = scene.GetFirstNodeByName("Lung")
    np.testing.assert_allclose(from_world(innermost, points), expected(points, PRE, POST), atol=TOLERANCE_MM)
    (turned,) = [
        node
        for node in nodes_of(scene, "vtkMRMLLinearTransformNode")
        if node.GetAttribute("DicomRegInspector.Kind") == "matrix"
        and node.GetAttribute("DicomRegInspector.SourceFrameOfReferenceUID") == SOURCE
    ]
    np.testing.assert_allclose(from_world(turned, points), mapped_back(matrix, points), atol=1e-6)


def test_a_matrix_is_written_as_resampling_needs_it(load, tmp_path: Path) -> None:
    matrix = rigid(20.0, (4.0, 5.0, 6.0))
    path = write_matrices(tmp_path / "m.dcm", {REGISTERED: np.eye(4), SOURCE: matrix})
    output, _ = load("m.h5", path)
    points = inner_points(5)
    mapped = through(sitk.ReadTransform(str(output)), points)
    np.testing.assert_allclose(mapped, mapped_back(matrix, points), atol=1e-9)


def test_a_matrix_is_no_displacement_field(load, tmp_path: Path) -> None:
    output, said = load("m.nrrd", write_matrices(tmp_path / "m.dcm", {SOURCE: rigid(3.0, (1, 2, 3))}), code=2)
    assert ".h5" in said
    assert not output.exists()


def test_what_does_not_fit_one_transform_is_sent_to_a_scene(load, tmp_path: Path) -> None:
    one, two = write_linear(tmp_path / "1.dcm"), write_linear(tmp_path / "2.dcm")
    output, said = load("x.h5", one, two, code=2)
    assert ".mrb" in said
    turns = {REGISTERED: rigid(1.0, (0, 0, 0)), SOURCE: rigid(2.0, (0, 0, 0))}
    output, said = load("x.tfm", write_matrices(tmp_path / "m.dcm", turns), code=2)
    assert "--item" in said
    assert not output.exists()
    load("x.tfm", tmp_path / "m.dcm", options=("--item", "2"))


def test_nothing_is_overwritten_unasked(load, tmp_path: Path) -> None:
    registration = write_linear(tmp_path / "r.dcm")
    (tmp_path / "x.h5").write_text("mine")
    output, said = load("x.h5", registration, code=2)
    assert "--overwrite" in said
    assert output.read_text() == "mine"
    load("x.h5", registration, options=("--overwrite",))
    assert sitk.ReadTransform(str(output)).GetName() == "DisplacementFieldTransform"


def test_an_input_is_never_the_output(load, tmp_path: Path) -> None:
    registration = write_linear(tmp_path / "r.mrb")
    before = registration.read_bytes()
    load("r.mrb", registration, options=("--overwrite",), code=2)
    assert registration.read_bytes() == before


@pytest.mark.parametrize("name", ["x.h5", "x.nrrd", "x.mrb"])
def test_a_failing_writer_leaves_nothing(load, tmp_path: Path, monkeypatch, name: str) -> None:
    from DicomRegInspectorLib import output_file

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    registration = write_linear(tmp_path / "r.dcm")
    monkeypatch.setattr(output_file.os, "replace", full)
    (tmp_path / name).write_text("mine")
    output, said = load(name, registration, options=("--overwrite",), code=2)
    assert "cannot be written (No space left on device)" in said
    assert output.read_text() == "mine"


def test_fiducials_with_places_are_loaded_as_markups(load, tmp_path: Path) -> None:
    path = write_fiducials(tmp_path / "f.dcm", ["A", "B"], [(1, 2, 3), (-4, 5, 6)])
    output, said = load("x.mrb", path)
    assert "1 set of fiducials as markups" in said
    with zipfile.ZipFile(output) as bundle:
        assert [name for name in bundle.namelist() if name.endswith(".mrk.json")]
    output, said = load("x.nrrd", path, code=2)
    assert "name a .mrb" in said and not output.exists()


def test_fiducials_are_nothing_to_load(load, tmp_path: Path) -> None:
    output, said = load("x.mrb", write_fiducials(tmp_path / "f.dcm", ["A"]), code=2)
    assert "fiducials" in said
    assert not output.exists()


def test_without_slicer_the_command_says_what_to_install(load, tmp_path: Path, monkeypatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("DicomRegInspectorLib.scene")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "slicer", None)
    _, said = load("x.mrb", write_linear(tmp_path / "r.dcm"), code=2)
    assert "[headless]" in said


def test_readings_and_formats_offered_are_those_there_are() -> None:
    from DicomRegInspectorLib.cli.arguments import LOAD_SUFFIXES, READINGS, SCENE_SUFFIX
    from DicomRegInspectorLib.registration.file.write_transform import FORMATS
    from DicomRegInspectorLib.registration.repairs import REPAIRS

    assert tuple(REPAIRS) == READINGS
    assert (SCENE_SUFFIX, *(suffix for form in FORMATS for suffix in form.suffixes)) == LOAD_SUFFIXES


@pytest.mark.parametrize("name", ["t.h5", "t.nrrd"])
@pytest.mark.parametrize(
    ("reading", "change"),
    [
        ("voxel-units", lambda vectors, spacing: vectors * spacing),
        ("axis-signs", lambda vectors, spacing: vectors * [-1, -1, 1]),
    ],
)
def test_another_reading_is_written_and_said(tmp_path: Path, load, name: str, reading: str, change) -> None:
    spacing = np.array([2.0, 3.0, 4.0])
    vectors = np.random.default_rng(0).normal(size=(5, 6, 7, 3)).astype(np.float32)
    path = tmp_path / "reg.dcm"
    write_deformable_registration(
        path,
        vectors=vectors,
        origin=(0.0, 0.0, 0.0),
        directions=np.eye(3),
        spacing=spacing,
        registered_frame_uid=REGISTERED,
        source_frame_uid=SOURCE,
    )
    output, text = load(name, path, options=("--read-as", reading))
    assert "NOT as the standard says" in text
    node = np.array([2.0, 3.0, 1.0])
    if name.endswith(".h5"):
        transform = sitk.ReadTransform(str(output))
    else:
        transform = sitk.DisplacementFieldTransform(sitk.ReadImage(str(output), sitk.sitkVectorFloat64))
    expected_place = node * spacing + change(vectors[1, 3, 2].astype(float), spacing)
    assert np.abs(np.array(transform.TransformPoint((node * spacing).tolist())) - expected_place).max() < TOLERANCE_MM


def test_a_scene_says_on_its_nodes_how_the_file_was_read(tmp_path: Path, load) -> None:
    path = write_linear(tmp_path / "reg.dcm")
    output, text = load("scene.mrb", path, options=("--read-as", "reversed"))
    assert "direction reversed" in text
    scene = read_bundle(output, tmp_path / "opened")
    repairs = {node.GetAttribute("DicomRegInspector.Repair") for node in nodes_of(scene, "vtkMRMLTransformNode")}
    assert repairs == {"direction reversed (as ToParent)"}


ZEROED = "written as 0 mm: 40 vectors"


@pytest.mark.parametrize(
    ("name", "told", "kept"),
    [
        ("field.nrrd", "40 vectors that the file leaves undefined or infinite: NaN", True),
        ("field.mha", "40 vectors that the file leaves undefined or infinite: NaN", True),
        ("transform.h5", "40 vectors that the file leaves undefined or infinite: NaN", True),
        ("field.nii.gz", "40 vectors that the file leaves undefined or infinite: NaN was written, but programs", False),
        ("transform.tfm", ZEROED, False),
        ("scene.mrb", ZEROED, False),
    ],
)
def test_undefined_vectors_do_not_become_zero_without_a_word(
    name: str, told: str, kept: bool, tmp_path: Path, load
) -> None:
    vectors = np.full((4, 5, 6, 3), 2.0, np.float32)
    vectors[:, :, 4:] = np.nan
    vectors[0, 0, 4] = 1, np.inf, 2
    path, report = tmp_path / "holes.dcm", tmp_path / "report.json"
    upright = {"origin": np.zeros(3), "directions": np.eye(3), "spacing": np.full(3, 2.0)}
    write_linear(path, vectors=vectors, **upright)
    output, said = load(name, path, options=("--json", str(report)))
    assert told in said
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["written"] == str(output) and found["undefined_vectors"] == 40
    assert found["undefined_written_as"] == ("nan" if kept else "zero" if ZEROED in told else "nan, read as zero")
    if kept:
        undefined = through(as_transform(output), np.array([(7.0, 3.0, 3.0), (9.0, 1.0, 1.0), (8.0, 0.0, 0.0)]))
        assert np.isnan(undefined).all(), "as map says"
    write_linear(path, vectors=np.full((4, 5, 6, 3), 2.0), **upright)
    _, said = load(f"whole-{name}", path)
    assert "undefined or infinite" not in said


def test_what_readers_do_outside_the_grid_is_told(load, tmp_path: Path) -> None:
    plain, full = write_linear(tmp_path / "plain.dcm"), write_linear(tmp_path / "full.dcm", PRE, POST)
    output, said = load("t.h5", full)
    assert "moves points by the matrices alone, from half a voxel on" in said
    away = np.array([[900.0, -700.0, 800.0]])
    both = POST @ PRE
    np.testing.assert_allclose(through(as_transform(output), away), away @ both[:3, :3].T + both[:3, 3], atol=1e-9)
    output, said = load("f.nrrd", plain)
    assert "leaves points where they are, from half a voxel on" in said and "3D Slicer" in said
    np.testing.assert_array_equal(through(as_transform(output), away), away)
    _, said = load("m.tfm", write_matrices(tmp_path / "m.dcm", {SOURCE: rigid(3.0, (1, 2, 3))}))
    assert "Outside the grid" not in said, "a matrix is defined everywhere"
