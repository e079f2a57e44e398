"""What every command makes of transforms in other formats: shown, mapped, measured, written on, chained, inspected."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib import cli, inspect_paths, read_registration
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.registration.conventions import Assumed
from DicomRegInspectorLib.tasks.export import export_registration
from itk_transforms import affine, as_part, bspline, field, field_image, mapped_by, points_around, sitk


@pytest.fixture
def ants(tmp_path: Path) -> tuple[Path, Path]:
    """What antsRegistration writes: a warp on the fixed image's lattice, and an affine transform after it."""
    warp, matrix = tmp_path / "1Warp.nii.gz", tmp_path / "0GenericAffine.mat"
    sitk.WriteImage(sitk.Cast(field_image(size=0.3), sitk.sitkVectorFloat32), str(warp))
    sitk.WriteTransform(affine(), str(matrix))
    return warp, matrix


def points_in(path: Path, points: np.ndarray) -> Path:
    rows = "\n".join(",".join(f"{value:.12g}" for value in point) for point in points)
    path.write_text(f"x,y,z\n{rows}\n")
    return path


def test_a_chain_of_ants_is_mapped_shown_measured_and_written(
    ants: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warp, matrix = map(str, ants)
    points = points_around(count=200)
    # antsApplyTransforms -t 1Warp.nii.gz -t 0GenericAffine.mat: a composite in which the last acts first.
    expected = mapped_by(sitk.CompositeTransform([affine(), field(size=0.3)]), points)
    places = points_in(tmp_path / "points.csv", points)
    assert cli.main(["map", warp, matrix, "--points", str(places)]) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    np.testing.assert_allclose([np.array(row.split(","), float) for row in rows], expected, rtol=0, atol=1e-3)
    assert cli.main(["show", warp, "--then", matrix]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "1Warp.nii.gz (displacement field, NIfTI), then 0GenericAffine.mat" in shown
    assert cli.main(["quality", warp, "--then", matrix, "--json", str(tmp_path / "quality.json")]) == 0
    capsys.readouterr()
    told = json.loads((tmp_path / "quality.json").read_text())["items"][0]
    determinant = np.linalg.det(np.reshape(affine().GetMatrix(), (3, 3)))
    assert told["jacobian"]["p50"] == pytest.approx(determinant, rel=0.3)
    output = tmp_path / "one.h5"
    assert cli.main(["load", warp, "--then", matrix, "--output", str(output)]) == 0
    capsys.readouterr()
    np.testing.assert_allclose(mapped_by(sitk.ReadTransform(str(output)), points), expected, rtol=0, atol=1e-3)
    assert cli.main(["show", warp, matrix, "--then", matrix]) == 2
    assert "name one to begin with" in capsys.readouterr().err


def test_the_inverse_chain_of_ants_has_the_affine_transform_first(ants: tuple[Path, Path], tmp_path: Path) -> None:
    # -t [0GenericAffine.mat,1] -t 1InverseWarp.nii.gz, for points of the moving image.
    forward = sitk.CompositeTransform([affine(), field(size=0.3)])
    displacements = sitk.InvertDisplacementField(field_image(size=0.3), maximumNumberOfIterations=200)
    warp = tmp_path / "1InverseWarp.nii.gz"
    sitk.WriteImage(sitk.Cast(displacements, sitk.sitkVectorFloat32), str(warp))
    back = read_registration(ants[1], Assumed("source-to-registered")).items[0]
    moving = mapped_by(forward, points_around(count=100))
    expected = mapped_by(sitk.DisplacementFieldTransform(displacements), mapped_by(affine().GetInverse(), moving))
    (inverse,) = read_registration(warp).items
    np.testing.assert_allclose(inverse.map_points(back.map_points(moving)), expected, rtol=0, atol=1e-3)


def test_a_folder_of_transforms_is_inspected(ants: tuple[Path, Path], tmp_path: Path) -> None:
    sitk.WriteTransform(bspline(size=0.5), str(tmp_path / "spline.tfm"))
    sitk.WriteTransform(sitk.CompositeTransform([affine(), bspline(size=0.5)]), str(tmp_path / "composite.h5"))
    rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((rf.MatrixItem((np.eye(4),)),)))
    (tmp_path / "notes.txt").write_text("nothing")
    inspection = inspect_paths(tmp_path)
    formats = {registration.path.name: registration.format for registration in inspection.registrations}
    assert set(formats) == {"1Warp.nii.gz", "0GenericAffine.mat", "spline.tfm", "composite.h5", "reg.dcm"}
    assert not [finding for finding in inspection.findings if finding.severity == "error"]
    sampled = [finding.about.file for finding in inspection.findings if finding.code == "reg-sampled"]
    assert {Path(file).name for file in sampled} == {"spline.tfm", "composite.h5"}
    told = {entry["format"] for entry in inspection.to_dict()["registrations"]}
    assert "ITK transform, HDF5" in told and "DICOM" in told


@pytest.mark.parametrize("suffix", ["h5", "tfm", "nrrd"])
def test_a_spline_is_written_on_a_grid_whose_error_is_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "spline.tfm"
    sitk.WriteTransform(bspline(size=1.0), str(path))
    done = export_registration(read_registration(path), tmp_path / f"grid.{suffix}")
    error = read_registration(path).items[0].mapping.sampling_error
    assert f"{error.max_mm:.3g} mm off" in done.notes[0]
    (item,) = read_registration(done.output).items
    inner = item.grid.node_position((5, 5, 5))[None]
    np.testing.assert_allclose(item.map_points(inner), mapped_by(bspline(size=1.0), inner), rtol=0, atol=1e-4)


def test_a_field_behind_a_shear_is_exact_and_its_grid_is_not_written_as_nifti(tmp_path: Path) -> None:
    path = tmp_path / "inverse.tfm"
    sitk.WriteTransform(sitk.CompositeTransform([field(), affine()]), str(path))
    registration = read_registration(path)
    points = points_around(count=500)
    expected = mapped_by(sitk.CompositeTransform([field(), affine()]), points)
    np.testing.assert_allclose(registration.items[0].map_points(points), expected, rtol=0, atol=1e-4)
    assert registration.items[0].mapping.exact is None
    with pytest.raises(UsageError, match="right angles"):
        export_registration(registration, tmp_path / "grid.nii.gz")
    done = export_registration(registration, tmp_path / "grid.nrrd")
    (item,) = read_registration(done.output).items
    nodes = np.array([item.grid.node_position((i, 3, 3)) for i in range(2, 6)])
    np.testing.assert_allclose(
        item.map_points(nodes), mapped_by(sitk.CompositeTransform([field(), affine()]), nodes), atol=1e-3
    )


def test_what_is_said_of_a_file_is_shown_and_dicom_needs_nothing_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "affine.tfm"
    sitk.WriteTransform(affine(), str(path))
    assert cli.main(["show", str(path), "--maps", "source-to-registered"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "source to registered, as was said of it (the format's own: registered to source" in shown
    (item,) = read_registration(path, Assumed("source-to-registered")).items
    points = points_around(count=20)
    np.testing.assert_allclose(item.map_points(points), mapped_by(affine().GetInverse(), points), atol=1e-9)
    dicom = rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((rf.MatrixItem((np.eye(4),)),)))
    assert cli.main(["show", str(dicom), "--maps", "source-to-registered"]) == 2
    assert "DICOM says which way" in capsys.readouterr().err


def test_a_named_file_that_leaves_something_open_is_told_in_an_inspection(tmp_path: Path) -> None:
    path = tmp_path / "matrix.txt"
    path.write_text("1 0 0 5\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    assert inspect_paths(tmp_path).findings == ()
    (finding,) = inspect_paths(path).findings
    assert "does not say which way it maps" in finding.message
    said = inspect_paths(path, assumed=Assumed("registered-to-source", "lps"))
    (registration,) = said.registrations
    assert registration.items[0].map_points(np.zeros(3)).tolist() == [5, 0, 0]
    assert as_part(affine()).kind == registration.kind == "matrix"
