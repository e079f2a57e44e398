"""``show``: what one object says, in words, units and places."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_objects import (
    COUNT,
    ORIGIN,
    REGISTERED,
    SOURCE,
    SPACING,
    TURN,
    node_points,
    rigid,
    write_fiducials,
    write_linear,
    write_matrices,
)
from DicomRegInspectorLib import read_registration
from DicomRegInspectorLib.errors import FileError, NotDicomError
from DicomRegInspectorLib.report.text.matrices import describe_direction, describe_matrix
from DicomRegInspectorLib.report.text.show import show_file
from DicomRegInspectorLib.report.text.show_registration import preview_vectors
from DicomRegInspectorLib.report.text.terminal import Style
from DicomRegInspectorLib.words import describe_plane
from pydicom.data import get_testdata_file

WIDE = Style(200)


def row(text: str, name: str) -> str:
    """What stands beside a name."""
    (found,) = [line for line in text.splitlines() if line.strip().startswith(name)]
    return found.strip()[len(name) :].strip()


def test_a_deformable_object_says_frames_matrices_and_grid(tmp_path: Path) -> None:
    text = show_file(write_linear(tmp_path / "r.dcm", rigid(30.0, (1.0, 2.0, 3.0))), WIDE).text
    assert REGISTERED in row(text, "Frame of Reference UID (0020,0052)")
    assert row(text, "Source Frame of Reference UID (0064,0003)") == SOURCE
    assert row(text, "Grid Dimensions (0064,0007)") == "9 × 8 × 7 nodes (504 vectors)"
    assert row(text, "Grid Resolution (0064,0008)") == "4 × 5 × 6 mm"
    assert row(text, "Image Position (Patient) (0020,0032)") == "(-20, 10, 30) mm LPS, first node"
    assert row(text, "Pre Deformation Matrix (0064,000F)") == "rotation by 30.00°, translation (1, 2, 3) mm"
    assert row(text, "Post Deformation Matrix (0064,0010)") == "identity"
    # The grid is turned by 36.87 degrees about z: its rows run to the left and towards posterior.
    assert row(text, "first index (row)") == "left, 36.9° towards posterior"
    assert row(text, "third index (row × column)") == "superior"


def test_the_extremes_stand_where_they_are_in_the_file(deformable_pair: Path) -> None:
    path = deformable_pair / "registration.dcm"
    grid = pydicom.dcmread(path).DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    nx, ny, nz = grid.GridDimensions
    vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(nz, ny, nx, 3)
    lengths = np.linalg.norm(vectors.astype(float), axis=-1)
    k, j, i = np.unravel_index(lengths.argmax(), lengths.shape)
    place = np.array(grid.ImagePositionPatient, float) + np.array(grid.GridResolution) * (i, j, k)
    line = row(show_file(path, WIDE).text, "longest  ")
    numbers = [float(value) for value in re.findall(r"-?\d+\.?\d*", line)]
    assert numbers[:3] == [i, j, k]
    np.testing.assert_allclose(numbers[3:6], place, atol=0.06)
    np.testing.assert_allclose(numbers[6:9], vectors[k, j, i], atol=6e-4)
    assert numbers[9] == pytest.approx(lengths.max(), abs=6e-4)


def test_the_preview_is_what_numpy_finds(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    vectors = rng.normal(size=(*COUNT[::-1], 3)).astype(np.float32)
    vectors[3, 3, 3] = np.nan
    (item,) = read_registration(write_linear(tmp_path / "r.dcm", vectors=vectors)).items
    shown = {one.name: one for one in preview_vectors(item.grid)}
    lengths = np.linalg.norm(vectors.astype(float), axis=-1)
    faces = np.full(lengths.shape, np.nan)
    for axis in range(3):
        for end in (0, -1):
            part = [slice(None)] * 3
            part[axis] = end
            faces[tuple(part)] = lengths[tuple(part)]

    def index(array: np.ndarray, which) -> tuple[int, ...]:
        return tuple(int(value) for value in np.unravel_index(which(array), array.shape)[::-1])

    assert shown["longest"].index == index(lengths, np.nanargmax)
    assert shown["shortest"].index == index(lengths, np.nanargmin)
    assert shown["longest on a face"].index == index(faces, np.nanargmax)
    assert shown["median length"].length_mm == pytest.approx(np.nanmedian(lengths), abs=0.02)
    for axis, name in enumerate("xyz"):
        assert shown[f"least {name}"].index == index(vectors[..., axis], np.nanargmin)
        assert shown[f"most {name}"].index == index(vectors[..., axis], np.nanargmax)
    assert shown["first node"].vector == tuple(map(float, vectors[0, 0, 0]))
    assert shown["last node"].index == tuple(COUNT - 1)


def test_the_box_of_an_oblique_grid_holds_all_its_nodes(tmp_path: Path) -> None:
    text = show_file(write_linear(tmp_path / "r.dcm"), WIDE).text
    nodes = node_points().reshape(-1, 3)
    expected = [value for axis in range(3) for value in (nodes[:, axis].min(), nodes[:, axis].max())]
    numbers = [float(value) for value in re.findall(r"-?\d+\.?\d*", row(text, "covers, LPS"))]
    np.testing.assert_allclose(numbers, expected, atol=0.06)
    corner = ORIGIN + TURN @ (SPACING * (COUNT - 1))
    assert f"({COUNT[0] - 1}, {COUNT[1] - 1}, {COUNT[2] - 1})" in text
    assert f"{corner[2]:g}" in text


def test_a_matrix_object_says_which_way_it_goes(tmp_path: Path) -> None:
    path = write_matrices(tmp_path / "m.dcm", {REGISTERED: np.eye(4), SOURCE: rigid(12.5, (0.0, 0.0, 7.0))})
    text = show_file(path, WIDE).text
    assert "the registered frame itself" in text
    assert "rotation by 12.50°, translation (0, 0, 7) mm" in text
    assert "into the registered frame" in text


def test_fiducials_are_counted_and_named(tmp_path: Path) -> None:
    text = show_file(write_fiducials(tmp_path / "f.dcm", ["Nasion", "Tragus L\x1b[2J"]), WIDE).text
    assert "2 fiducials" in text
    assert "Nasion (point)" in text
    assert "Tragus L\\x1b[2J" in text
    assert "\x1b" not in text


def test_an_image_says_how_it_lies(tilted_irregular_ct: Path) -> None:
    path = sorted(tilted_irregular_ct.glob("*.dcm"))[3]
    dataset = pydicom.dcmread(path)
    text = show_file(path, WIDE).text
    assert row(text, "Image Orientation (Patient) (0020,0037)") == "axial, tilted 18.5°"
    assert row(text, "along a row") == "left"
    row_axis, column = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
    along = np.cross(row_axis, column) @ np.array(dataset.ImagePositionPatient, float)
    assert row(text, "position along the normal") == f"{along:.2f} mm"
    assert row(text, "Slice Thickness (0018,0050)").startswith("4 mm")


def test_frames_of_a_dose_are_placed_by_their_offsets() -> None:
    path = get_testdata_file("rtdose.dcm")
    dataset = pydicom.dcmread(path)
    last = float(dataset.ImagePositionPatient[2]) + float(dataset.GridFrameOffsetVector[-1])
    text = show_file(path, WIDE).text
    assert f"{last:g}) mm LPS, last slice" in text
    assert row(text, "spacing") == "5 mm, slices 1–15"


@pytest.mark.parametrize(
    ("name", "words"),
    [("DICOMDIR", "media directory"), ("rtplan.dcm", "RT Plan Storage"), ("examples_rgb_color.dcm", "nothing places")],
)
def test_anything_else_is_named(name: str, words: str) -> None:
    assert words in show_file(get_testdata_file(name), WIDE).text


def test_every_dicom_file_of_pydicom_is_shown_or_refused_in_a_sentence() -> None:
    folder = Path(get_testdata_file("CT_small.dcm")).parent
    shown = 0
    for path in sorted(folder.glob("*.dcm")):
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        try:
            text = show_file(path, WIDE).text
        except FileError:
            continue
        shown += 1
        assert all(character == "\n" or character.isprintable() for character in text)
        patient = str(dataset.get("PatientName", ""))
        assert len(patient) < 4 or patient not in text
    assert shown > 50


def test_what_is_no_dicom_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("no")
    with pytest.raises(NotDicomError):
        show_file(path, WIDE)


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.eye(4), "identity"),
        (rigid(0.0, (0.0, 0.0, 0.5)), "translation (0, 0, 0.5) mm"),
        (rigid(0.001, (0.0, 0.0, 0.0)), "rotation by 0.00°"),
        (rigid(180.0, (0.0, 0.0, 0.0)), "rotation by 180.00°"),
        (np.diag([2.0, 2.0, 2.0, 1.0]), "affine with scale 2, 2, 2"),
        (np.diag([-1.0, 1.0, 1.0, 1.0]), "reflection"),
        (np.full((4, 4), np.nan), "not all numbers"),
    ],
)
def test_matrices_in_words(matrix: np.ndarray, words: str) -> None:
    assert describe_matrix(matrix) == words


def test_directions_and_planes_in_words() -> None:
    assert describe_direction(np.array([0, 0, -2.0])) == "inferior"
    assert describe_direction(np.array([-1.0, -1.0 / np.sqrt(3), 0])) == "right, 30.0° towards anterior"
    assert describe_plane(np.array([0, 1.0, 0])) == "coronal"
    assert describe_plane(np.array([1.0, 0, 0.1])) == "sagittal, tilted 5.7°"
    assert describe_plane(np.array([1.0, 0, 1.0])).startswith("oblique")
