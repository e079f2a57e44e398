"""Files that say two things, vectors that may be anything, directions in chains: asked or refused, never guessed."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib import cli, inspect_paths, read_registration
from DicomRegInspectorLib.errors import ChoiceError, FileError, UsageError
from DicomRegInspectorLib.panel.selftests.files import write_ct_stack
from DicomRegInspectorLib.registration.conventions import Assumed
from DicomRegInspectorLib.tasks.chain import read_in_a_row
from itk_transforms import affine, field_image, mapped_by, points_around, sitk

MATRIX = "1 0 0 5\n0 1 0 -6\n0 0 1 7\n0 0 0 1\n"
ELASTIX = (
    '(Transform "TranslationTransform")\n(NumberOfParameters 3)\n(TransformParameters {numbers})\n'
    '(InitialTransformParametersFileName "{initial}")\n(HowToCombineTransforms "{how}")\n'
    "(FixedImageDimension 3)\n(MovingImageDimension 3)\n"
)


def vectors(path: Path) -> Path:
    sitk.WriteImage(sitk.Cast(field_image(size=0.3), sitk.sitkVectorFloat32), str(path))
    return path


def changed(path: Path, old: bytes, new: bytes) -> Path:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    return path


def elastix(path: Path, *, numbers: str = "1 2 3", initial: str = "NoInitialTransform", how: str = "Compose") -> Path:
    path.write_text(ELASTIX.format(numbers=numbers, initial=initial, how=how))
    return path


@pytest.mark.parametrize("suffix", ["mha", "nrrd", "nii.gz", "nii"])
def test_vectors_in_a_folder_that_nothing_calls_displacements_are_not_judged(tmp_path: Path, suffix: str) -> None:
    for name in ("rgb", "gradient_warp", "eigenvectors", "T1_warped", "displayed", "velocity_field"):
        vectors(tmp_path / f"{name}.{suffix}")
    inspection = inspect_paths(tmp_path)
    assert inspection.registrations == ()
    (finding,) = inspection.findings
    assert (finding.code, finding.severity, finding.evidence) == ("reg-left-open", "info", {"files": 6})
    assert f"T1_warped.{suffix}" in finding.message
    # Named by itself, each is what its user takes it for.
    (registration,) = inspect_paths(tmp_path / f"rgb.{suffix}").registrations
    assert registration.kind == "deformable"


def test_the_remark_on_vectors_names_nobody(tmp_path: Path) -> None:
    write_ct_stack(tmp_path / "ct", [0.0, 2.0, 4.0])
    for path in (tmp_path / "ct").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PatientName, dataset.PatientID = "Quixote^Alonso", "Q-4711"
        dataset.save_as(path)
    vectors(tmp_path / "Quixote_Alonso_gradients.nrrd")
    (finding,) = [finding for finding in inspect_paths(tmp_path).findings if finding.code == "reg-left-open"]
    assert "gradients.nrrd" in finding.message
    assert "Quixote" not in finding.message and "Alonso" not in finding.message


@pytest.mark.parametrize(
    "name", ["1Warp.nii.gz", "sub-01_1InverseWarp.nii.gz", "deformationField.mha", "dvf.mha", "out-vf.mha", "disp.nrrd"]
)
def test_fields_that_programs_call_so_are_found_in_folders(tmp_path: Path, name: str) -> None:
    vectors(tmp_path / name)
    inspection = inspect_paths(tmp_path)
    assert [registration.path.name for registration in inspection.registrations] == [name]
    assert not [finding for finding in inspection.findings if finding.code == "reg-left-open"]


def test_fields_that_say_what_they_are_need_no_name(tmp_path: Path) -> None:
    nrrd, nifti = vectors(tmp_path / "a.nrrd"), vectors(tmp_path / "b.nii")
    changed(nrrd, b"encoding", b"displacement field type:=resampling\nencoding")
    data = bytearray(nifti.read_bytes())
    struct.pack_into("<h", data, 68, 1006)
    nifti.write_bytes(bytes(data))
    found = inspect_paths(tmp_path).registrations
    assert [registration.path.name for registration in found] == ["a.nrrd", "b.nii"]


def test_headers_that_say_two_things_are_refused(tmp_path: Path) -> None:
    key = b"displacement field type:=modeling\n"
    nrrd = changed(vectors(tmp_path / "a.nrrd"), b"encoding", key + b"encoding")
    read_registration(changed(nrrd, b"encoding", key + b"encoding"))
    with pytest.raises(FileError, match="two things of displacement field type: 'modeling' and 'resampling'"):
        read_registration(changed(nrrd, key + key, key + key.replace(b"modeling", b"resampling")))
    space = b"space: left-posterior-superior\n"
    with pytest.raises(FileError, match="two things of space"):
        read_registration(changed(vectors(tmp_path / "b.nrrd"), space, space + b"space: right-anterior-superior\n"))
    with pytest.raises(FileError, match="two things of Offset"):
        read_registration(changed(vectors(tmp_path / "a.mha"), b"ElementSpacing", b"Position = 1 2 3\nElementSpacing"))
    with pytest.raises(FileError, match="two things of TransformParameters"):
        elastix(tmp_path / "a.txt").write_text((tmp_path / "a.txt").read_text() + "(TransformParameters 9 9 9)\n")
        read_registration(tmp_path / "a.txt")
    with pytest.raises(FileError, match="two things of InitialTransformParameterFileName"):
        other = '(InitialTransformParameterFileName "a.txt")\n'
        elastix(tmp_path / "b.txt").write_text((tmp_path / "b.txt").read_text() + other)
        read_registration(tmp_path / "b.txt")


def test_lengths_in_cm_and_frames_without_space_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="lengths in cm"):
        read_registration(changed(vectors(tmp_path / "a.mha"), b"ElementSp", b"DistanceUnits = cm\nElementSp"))
    frame = b"measurement frame: (0,0,0) (0,0,0) (0,0,0)\nencoding"
    with pytest.raises(FileError, match="spans no space"):
        read_registration(changed(vectors(tmp_path / "a.nrrd"), b"encoding", frame))


def test_matrices_of_elastix_are_added(tmp_path: Path) -> None:
    elastix(tmp_path / "first.txt", numbers="10 20 30")
    (item,) = read_registration(elastix(tmp_path / "second.txt", initial="first.txt", how="Add")).items
    assert item.kind == "matrix"
    np.testing.assert_allclose(item.map_points([4.0, 5.0, 6.0]), [15, 27, 39], rtol=0, atol=1e-12)


@pytest.mark.parametrize("initial", ["self.txt", "./self.txt", "missing.txt", "../missing.txt", "/dev/zero", "."])
def test_initial_transforms_that_are_none_are_told(tmp_path: Path, initial: str) -> None:
    with pytest.raises(FileError, match=r"transform of itself|neither where it says nor beside it"):
        read_registration(elastix(tmp_path / "self.txt", initial=initial))


def test_what_fsl_writes_is_never_taken_for_millimetres(tmp_path: Path) -> None:
    flirt = tmp_path / "flirt.mat"
    flirt.write_text("".join("".join(f"{word}  " for word in row.split()) + "\n" for row in MATRIX.splitlines()))
    for assumed in (Assumed(), Assumed("registered-to-source", "ras")):
        with pytest.raises(FileError, match="FLIRT"):
            read_registration(flirt, assumed)
    warp = vectors(tmp_path / "fnirt.nii")
    data = bytearray(warp.read_bytes())
    nx, ny, nz = struct.unpack("<3h", data[42:48])
    struct.pack_into("<8h", data, 40, 4, nx, ny, nz, 3, 1, 1, 1)
    struct.pack_into("<h", data, 68, 0)
    warp.write_bytes(bytes(data))
    with pytest.raises(FileError, match="FSL"):
        read_registration(warp, Assumed("registered-to-source", "ras"))
    assert inspect_paths(tmp_path).findings == ()


def test_in_a_chain_one_transform_is_turned_around_as_ants_says_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # antsApplyTransforms -t 1InverseWarp.nii.gz -t [0GenericAffine.mat,1] is for points in the other order.
    matrix, warp = tmp_path / "0GenericAffine.mat", vectors(tmp_path / "1InverseWarp.nii.gz")
    sitk.WriteTransform(affine(), str(matrix))
    (item,) = read_in_a_row(f"[{matrix},1]", [warp]).items
    points = points_around(count=50)
    starts = mapped_by(affine(), points)
    field = sitk.DisplacementFieldTransform(sitk.Cast(field_image(size=0.3), sitk.sitkVectorFloat64))
    np.testing.assert_allclose(item.map_points(starts), mapped_by(field, points), rtol=0, atol=1e-3)
    assert cli.main(["quality", f"[{matrix},1]", "--then", str(warp)]) == 0
    assert "0GenericAffine.mat" in capsys.readouterr().out
    assert cli.main(["show", f"[{matrix},1]"]) == 0
    assert "turned around; the file's own: registered to source" in " ".join(capsys.readouterr().out.split())
    places = tmp_path / "points.csv"
    places.write_text("x,y,z\n" + "\n".join(",".join(map(repr, place)) for place in starts.tolist()) + "\n")
    assert cli.main(["map", str(warp), f"[{matrix},0]", "--points", str(places)]) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    expected = mapped_by(affine(), mapped_by(field, starts))
    np.testing.assert_allclose([np.array(row.split(","), float) for row in rows], expected, rtol=0, atol=1e-3)


def test_what_is_said_of_several_files_is_said_of_those_that_leave_it_open(tmp_path: Path) -> None:
    plain, itk = tmp_path / "matrix.txt", tmp_path / "affine.tfm"
    plain.write_text(MATRIX)
    sitk.WriteTransform(affine(), str(itk))
    points = points_around(count=20)
    expected = mapped_by(affine(), points)
    said = Assumed("source-to-registered", "lps")
    (item,) = read_in_a_row(itk, [plain], said).items
    np.testing.assert_allclose(item.map_points(points), expected - [5, -6, 7], rtol=0, atol=1e-9)
    with pytest.raises(UsageError, match="none of which leaves that open"):
        read_in_a_row(itk, [itk], said)
    first, second = inspect_paths([plain, itk], assumed=said).registrations
    np.testing.assert_allclose(second.items[0].map_points(points), expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(first.items[0].map_points(points), points - [5, -6, 7], rtol=0, atol=1e-9)
    (alone,) = inspect_paths(itk, assumed=Assumed("source-to-registered")).registrations
    np.testing.assert_allclose(alone.items[0].map_points(expected), points, rtol=0, atol=1e-9)


def test_a_folder_answers_for_each_file_by_its_path(tmp_path: Path) -> None:
    path = changed(vectors(tmp_path / "warp.nrrd"), b"left-posterior-superior", b"right-anterior-superior")
    with pytest.raises(ChoiceError):
        read_registration(path)
    inspection = inspect_paths(tmp_path)
    (left_open,) = inspection.left_open
    assert (left_open.path, left_open.questions) == (str(path), ("coordinates",))
    (finding,) = inspection.findings
    assert (finding.code, finding.severity) == ("reg-left-open", "warning")
    answered = inspect_paths(tmp_path, assumed={str(path): Assumed(coordinates="ras")})
    assert answered.left_open == () and len(answered.registrations) == 1
