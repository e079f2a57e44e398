"""The command export: what it writes, says and refuses."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib import read_registration
from DicomRegInspectorLib.cli import main
from DicomRegInspectorLib.registration.file.write import write_deformable_registration, write_spatial_registration

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "registration"))

from exportcases import FRAMES, PATIENT, by_equation, dicom3tools, voxel_centres, write_images

TURN = np.array([[0.8, -0.6, 0.0, 4.0], [0.6, 0.8, 0.0, -2.0], [0.0, 0.0, 1.0, 3.0], [0.0, 0.0, 0.0, 1.0]])


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Folders fixed and moving, and a rigid and a deformable registration that name no images."""
    for which in ("fixed", "moving"):
        write_images(tmp_path / which, which)
    frames = {"registered_frame_uid": FRAMES["fixed"], "source_frame_uid": FRAMES["moving"]}
    write_spatial_registration(tmp_path / "rigid.dcm", matrix=TURN, **frames)
    write_grid(tmp_path / "grid.dcm", **frames)
    return tmp_path


def write_grid(path: Path, size: float = 1.5, **frames: str) -> Path:
    """A field that bends along x, over the images."""
    k, j, i = np.mgrid[:8, :9, :9]
    vectors = size * np.stack([np.sin(0.9 * i), 0.2 * j, np.cos(0.4 * k)], axis=-1)
    write_deformable_registration(
        path, vectors=vectors, origin=[-50, -40, 0], directions=np.eye(3), spacing=[9, 9, 8], **frames
    )
    return path


def export(*arguments: object) -> int:
    return main(["export", *map(str, arguments)])


def sides(study: Path) -> list[object]:
    return ["--fixed", study / "fixed", "--moving", study / "moving"]


def test_patient_study_and_references_come_from_the_images(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = study / "out.dcm"
    assert export(study / "grid.dcm", "--output", output, *sides(study), "--description", "Lung to lung") == 0
    said = capsys.readouterr()
    assert "as it is" in said.out
    data = pydicom.dcmread(output)
    slices = {which: [pydicom.dcmread(path) for path in sorted((study / which).iterdir())] for which in FRAMES}
    first = slices["fixed"][0]
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientAge", "StudyInstanceUID", "StudyID"):
        assert data[keyword].value == first[keyword].value
    assert PATIENT not in said.out + said.err
    assert (data.SeriesDescription, data.FrameOfReferenceUID) == ("Lung to lung", FRAMES["fixed"])
    series = {
        item.SeriesInstanceUID: [row.ReferencedSOPInstanceUID for row in item.ReferencedInstanceSequence]
        for item in data.ReferencedSeriesSequence
    }
    assert series == {
        images[0].SeriesInstanceUID: [image.SOPInstanceUID for image in images] for images in slices.values()
    }
    (item,) = data.DeformableRegistrationSequence
    moved = [row.ReferencedSOPInstanceUID for row in item.ReferencedImageSequence]
    assert moved == [image.SOPInstanceUID for image in slices["moving"]]
    assert dicom3tools("dciodvfy", output) == ""
    assert dicom3tools("dcentvfy", output, *(study / "fixed").iterdir(), *(study / "moving").iterdir()) == ""


def test_images_of_another_study_are_referred_to_as_such(study: Path) -> None:
    moving = write_images(study / "elsewhere", "moving", study="another study")
    output = study / "out.dcm"
    assert export(study / "rigid.dcm", "--output", output, "--fixed", study / "fixed", "--moving", moving) == 0
    data = pydicom.dcmread(output)
    (other,) = data.StudiesContainingOtherReferencedInstancesSequence
    assert other.StudyInstanceUID != data.StudyInstanceUID
    assert len(other.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 7
    assert len(data.ReferencedSeriesSequence) == 1
    assert dicom3tools("dciodvfy", output) == ""
    registration = read_registration(output)
    assert [series.study_uid for series in registration.referenced_series] == [
        data.StudyInstanceUID,
        other.StudyInstanceUID,
    ]


def test_a_matrix_leads_from_the_source_into_the_registered_frame(study: Path) -> None:
    output = study / "out.dcm"
    assert export(study / "rigid.dcm", "--output", output, *sides(study), "--grid", 3) == 0
    identity, moved = pydicom.dcmread(output).RegistrationSequence
    assert (identity.FrameOfReferenceUID, moved.FrameOfReferenceUID) == (FRAMES["fixed"], FRAMES["moving"])
    for item, expected in ((identity, np.eye(4)), (moved, TURN)):
        (matrix,) = item.MatrixRegistrationSequence[0].MatrixSequence
        assert matrix.FrameOfReferenceTransformationMatrixType == "RIGID"
        np.testing.assert_allclose(np.reshape(matrix.FrameOfReferenceTransformationMatrix, (4, 4)), expected)


def test_a_registration_keeps_what_it_says_where_there_are_no_images(study: Path) -> None:
    """Patient, study and references of the object itself; nothing is made up."""
    first, again = study / "first.dcm", study / "again.dcm"
    assert export(study / "grid.dcm", "--output", first, *sides(study)) == 0
    assert export(first, "--output", again) == 0
    data, before = pydicom.dcmread(again), pydicom.dcmread(first)
    assert data.SOPInstanceUID != before.SOPInstanceUID
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert data[keyword].value == before[keyword].value
    assert data.DeformableRegistrationSequence == before.DeformableRegistrationSequence
    named = {
        which: {
            row.ReferencedSOPInstanceUID
            for series in dataset.ReferencedSeriesSequence
            for row in series.ReferencedInstanceSequence
        }
        for which, dataset in (("data", data), ("before", before))
    }
    assert named["data"] == named["before"]
    assert dicom3tools("dciodvfy", again) == ""


def test_the_error_between_nodes_is_printed_reported_and_in_the_object(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, report = study / "out.dcm", study / "out.json"
    assert export(study / "grid.dcm", "--output", output, *sides(study), "--grid", "6,6,7", "--json", report) == 0
    told = json.loads(report.read_text())
    error = told["between_nodes"]["max_mm"]
    assert 0.05 < error < 3
    said = capsys.readouterr().out
    assert "Between nodes at most" in said
    comment = pydicom.dcmread(output).DeformableRegistrationSequence[0].FrameOfReferenceTransformationComment
    number = float(comment.split("at most ")[1].split(" mm")[0])
    assert error <= number <= 1.1 * error
    spacing = told["grid"]["spacing_mm"]
    assert all(0 < own <= asked for own, asked in zip(spacing, (6, 6, 7), strict=True))
    random = np.random.default_rng(3)
    corner, axes = voxel_centres()[0, 0, 0], np.zeros((3, 3))
    for axis, far in enumerate((voxel_centres()[0, 0, -1], voxel_centres()[0, -1, 0], voxel_centres()[-1, 0, 0])):
        axes[axis] = far - corner
    points = corner + random.uniform(0.001, 0.999, (2000, 3)) @ axes
    off = np.linalg.norm(by_equation(output, points) - by_equation(study / "grid.dcm", points), axis=1)
    assert off.max() <= error + 1e-3


def test_the_voxels_of_a_volume_are_a_grid(study: Path) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="volumes are read with SimpleITK")
    image = sitk.Image(5, 6, 7, sitk.sitkUInt8)
    image.SetSpacing((7.0, 6.0, 5.0))
    image.SetOrigin((-20.0, -15.0, 8.0))
    sitk.WriteImage(image, str(study / "grid.nrrd"))
    output = study / "out.dcm"
    assert export(study / "grid.dcm", "--output", output, *sides(study), "--grid", study / "grid.nrrd") == 0
    grid = read_registration(output).items[0].grid
    assert grid.dimensions == (5, 6, 7)
    np.testing.assert_allclose(grid.origin_lps_mm, [-20, -15, 8])
    np.testing.assert_allclose(grid.spacing_mm, [7, 6, 5])


def test_a_chain_goes_through_its_registrations_in_order(study: Path) -> None:
    back = {"registered_frame_uid": FRAMES["moving"], "source_frame_uid": FRAMES["fixed"]}
    write_grid(study / "back.dcm", 0.8, **back)
    output = study / "out.dcm"
    # There and back: both ends are in the fixed images' frame.
    ends = ["--fixed", study / "fixed", "--moving", study / "fixed"]
    assert export(study / "grid.dcm", study / "back.dcm", "--output", output, *ends) == 0
    points = voxel_centres().reshape(-1, 3)
    expected = by_equation(study / "back.dcm", by_equation(study / "grid.dcm", points))
    found = by_equation(output, points)
    both = np.isfinite(found).all(axis=1)
    assert both.mean() > 0.9
    assert np.linalg.norm(found - expected, axis=1)[both].max() < 1e-3


def test_transforms_of_other_programs_need_images_and_get_frames_from_them(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A matrix of ITK maps from the registered to the source frame; the object holds its inverse."""
    sitk = pytest.importorskip("SimpleITK", reason="the transform is written with SimpleITK")
    affine = sitk.AffineTransform(3)
    affine.SetMatrix((1.05, 0.02, 0.0, -0.03, 0.98, 0.01, 0.0, 0.0, 1.0))
    affine.SetTranslation((1.0, -2.0, 3.0))
    sitk.WriteTransform(affine, str(study / "a.tfm"))
    assert export(study / "a.tfm", "--output", study / "out.dcm") == 2
    assert "missing: images of both frames [--fixed, --moving]" in capsys.readouterr().err
    assert export(study / "a.tfm", "--output", study / "out.dcm", "--fixed", study / "fixed") == 2
    assert "missing: images of the source frame [--moving]" in capsys.readouterr().err
    assert export(study / "a.tfm", "--output", study / "out.dcm", *sides(study)) == 0
    assert "1 matrix: AFFINE" in capsys.readouterr().out
    points = voxel_centres().reshape(-1, 3)
    expected = np.array([affine.TransformPoint(point) for point in points.tolist()])
    np.testing.assert_allclose(by_equation(study / "out.dcm", points), expected, atol=1e-6)


def test_a_field_that_maps_the_other_way_is_inverted_with_its_residual(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="the transform is written with SimpleITK")
    k, j, i = np.mgrid[:8, :9, :9]
    image = sitk.GetImageFromArray(1.5 * np.stack([np.sin(0.9 * i), 0.2 * j, np.cos(0.4 * k)], axis=-1), isVector=True)
    image.SetOrigin((-50, -40, 0))
    image.SetSpacing((9, 9, 8))
    field = sitk.DisplacementFieldTransform(sitk.Cast(image, sitk.sitkVectorFloat64))
    sitk.WriteTransform(field, str(study / "f.tfm"))
    output = study / "out.dcm"
    assert export(study / "f.tfm", "--output", output, *sides(study), "--maps", "source-to-registered") == 0
    assert "Inverse searched at each node: largest residual" in capsys.readouterr().out
    points = voxel_centres().reshape(-1, 3)
    found = by_equation(output, points)
    assert np.isfinite(found).all()
    back = np.array([field.TransformPoint(point) for point in found.tolist()])
    assert np.linalg.norm(back - points, axis=1).max() < 1e-3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fixed", "moving", "--moving", "fixed"], "exchanged"),
        (["--fixed", "other", "--moving", "moving"], "frame of reference 1.2.3.4, the registration says"),
        (["--fixed", "fixed", "moving"], "of 2 series"),
        (["--fixed", "nothing"], "nothing"),
        (["--grid", "0"], "expected mm"),
        (["--grid", "1,2"], "expected mm"),
        (["--item", "9"], "no item 9"),
        (["--maps", "source-to-registered"], "DICOM says which way"),
    ],
)
def test_bad_input_is_a_sentence_and_leaves_nothing(
    study: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    write_images(study / "other", "fixed", FrameOfReferenceUID="1.2.3.4")
    before = sorted(study.iterdir())
    places = {path.name: path for path in before} | {"nothing": study / "nothing"}
    assert (
        export(study / "grid.dcm", "--output", study / "out.dcm", *(places.get(each, each) for each in arguments)) == 2
    )
    text = capsys.readouterr().err
    assert said in text and text.count("\n") == 1
    assert sorted(study.iterdir()) == before


def test_a_singular_matrix_is_refused(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flat = np.diag([1.0, 1.0, 0.0, 1.0])
    frames = {"registered_frame_uid": FRAMES["fixed"], "source_frame_uid": FRAMES["moving"]}
    write_spatial_registration(study / "flat.dcm", matrix=flat, **frames)
    assert export(study / "flat.dcm", "--output", study / "out.dcm", *sides(study)) == 2
    assert "singular" in capsys.readouterr().err
    assert not (study / "out.dcm").exists()


def test_folding_is_told_and_where_there_is_no_inverse_too(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = {"registered_frame_uid": FRAMES["fixed"], "source_frame_uid": FRAMES["moving"]}
    folded = write_grid(study / "folded.dcm", 14.0, **frames)
    assert export(folded, "--output", study / "out.dcm", *sides(study), "--fail-on", "warning") == 1
    assert "reg-folding" in capsys.readouterr().out
    assert export(folded, "--output", study / "back.dcm", *sides(study), "--read-as", "reversed") == 0
    told = capsys.readouterr().out
    assert "without a defined vector: written as NaN" in told and "NOT as the standard says" in told


def test_images_that_meet_only_the_other_way_round_are_refused(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    far = np.eye(4)
    far[:3, 3] = 400.0
    frames = {"registered_frame_uid": FRAMES["fixed"], "source_frame_uid": FRAMES["moving"]}
    write_images(study / "far", "moving", shift=400.0)
    write_spatial_registration(study / "wrong.dcm", matrix=far, **frames)
    given = ["--fixed", study / "fixed", "--moving", study / "far"]
    assert export(study / "wrong.dcm", "--output", study / "out.dcm", *given) == 2
    text = capsys.readouterr().err
    assert "mm beside the moving one" in text and "--maps" in text
    write_spatial_registration(study / "right.dcm", matrix=np.linalg.inv(far), **frames)
    assert export(study / "right.dcm", "--output", study / "out.dcm", *given) == 0


def test_an_output_that_is_there_stays_unless_it_is_to_be_replaced(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = study / "out.dcm"
    output.write_bytes(b"mine")
    assert export(study / "grid.dcm", "--output", output, *sides(study)) == 2
    assert export(study / "grid.dcm", "--output", output, *sides(study), "--skip-existing") == 0
    assert output.read_bytes() == b"mine"
    assert export(study / "grid.dcm", "--output", output, *sides(study), "--overwrite") == 0
    assert read_registration(output).kind == "deformable"
    assert export(output, "--output", output, "--overwrite") == 2
    assert "one of the inputs" in capsys.readouterr().err


def test_a_full_disk_is_a_sentence(study: Path) -> None:
    """No file of this process may become longer than 8 KiB: what is written ends in the middle of the vectors."""

    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    arguments = ["export", study / "grid.dcm", "--output", study / "out.dcm", *sides(study), "--grid", "2"]
    command = [sys.executable, "-m", "DicomRegInspectorLib", *map(str, arguments)]
    before = sorted(study.iterdir())
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=little_room, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "out.dcm: cannot be written (File too large)" in done.stderr and "Traceback" not in done.stderr
    assert sorted(study.iterdir()) == before


def test_points_become_fiducials_of_both_frames(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (study / "fixed.csv").write_text("name,x,y,z\ncarina,1.5,-2.25,30\nthe apex of the left lung,4,5,6\n")
    header = "# Markups fiducial file version = 5.0\n# CoordinateSystem = RAS\n"
    (study / "moving.fcsv").write_text(
        f"{header}1,-7,-8,9,0,0,0,1,1,1,0,carina,,,2,0\n2,0,0,0,0,0,0,1,1,1,0,lost,,,0,0\n"
    )
    output = study / "points.dcm"
    assert export(study / "fixed.csv", study / "moving.fcsv", "--output", output, *sides(study)) == 0
    said = capsys.readouterr().out
    assert "2 sets: 2 points and 1 point" in said and "1 point without a position" in said
    data = pydicom.dcmread(output)
    assert (data.SOPClassUID, data.Modality) == ("1.2.840.10008.5.1.4.1.1.66.2", "FID")
    fixed, moving = data.FiducialSetSequence
    assert (fixed.FrameOfReferenceUID, moving.FrameOfReferenceUID) == (FRAMES["fixed"], FRAMES["moving"])
    assert [list(map(float, point.ContourData)) for point in fixed.FiducialSequence] == [[1.5, -2.25, 30], [4, 5, 6]]
    assert list(map(float, moving.FiducialSequence[0].ContourData)) == [7, 8, 9]
    assert fixed.FiducialSequence[0].FiducialIdentifier == moving.FiducialSequence[0].FiducialIdentifier == "carina"
    assert fixed.FiducialSequence[1].FiducialDescription == "the apex of the left lung"
    assert len(fixed.FiducialSequence[1].FiducialIdentifier) <= 16
    assert dicom3tools("dciodvfy", output) == ""
    assert dicom3tools("dcentvfy", output, *(study / "fixed").iterdir()) == ""
    _, second = read_registration(output).fiducial_sets
    assert [landmark.position_lps_mm for landmark in second.landmarks] == [(7.0, 8.0, 9.0)]


def test_points_need_the_images_of_their_frame(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (study / "p.csv").write_text("x,y,z\n1,2,3\n")
    output = study / "points.dcm"
    assert export(study / "p.csv", "--output", output) == 2
    assert export(study / "p.csv", "--output", output, *sides(study)) == 2
    assert export(study / "p.csv", "--output", output, "--fixed", study / "fixed", "--grid", "3") == 2
    assert capsys.readouterr().err.count("\n") == 3
    assert export(study / "p.csv", "--output", output, "--moving", study / "moving") == 0
    assert read_registration(output).fiducial_sets[0].frame_uid == FRAMES["moving"]
