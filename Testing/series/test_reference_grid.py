"""Resampling on a grid that is given: by spacings in plane, and by another volume of whatever directions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib.cli import main
from DicomRegInspectorLib.errors import FileError, UsageError
from DicomRegInspectorLib.series.regularize.reference import ReferenceGrid
from DicomRegInspectorLib.series.regularize.regularize import regularize
from DicomRegInspectorLib.series.write.write_back import write_series
from DicomRegInspectorLib.volumes.other_formats import read_reference
from series_making import rotation
from stack_loading import load_to_regularize
from stack_making import PIXEL_SPACING, along_table, phantom, tilted, write_stack

RNG = np.random.default_rng(3)
JITTERED = np.cumsum(RNG.uniform(1.4, 2.4, 34))
GAPPED = np.concatenate([np.arange(0, 30, 2.0), np.arange(58, 90, 2.0)])


def points_of(affine: np.ndarray, dimensions: tuple[int, int, int]) -> np.ndarray:
    """(nk, nj, ni, 3) LPS mm."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in dimensions], indexing="ij"), axis=-1)
    return (index @ affine[:3, :3].T + affine[:3, 3]).transpose(2, 1, 0, 3)


def grid(directions: np.ndarray, spacing: tuple[float, float, float], dimensions, centre) -> ReferenceGrid:
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing
    affine[:3, 3] = np.asarray(centre) - affine[:3, :3] @ ((np.array(dimensions) - 1) / 2)
    return ReferenceGrid(affine, tuple(dimensions))


def load(folder: Path):
    return load_to_regularize(folder)[0]


def rms_of(result, expected: np.ndarray) -> float:
    """Of the error where the result is valid, relative to the image's."""
    error = (result.array - expected)[result.valid]
    return float(np.sqrt((error**2).mean()) / np.sqrt((expected[result.valid] ** 2).mean()))


@pytest.mark.parametrize("tilt", [0.0, 17.0])
@pytest.mark.parametrize("turn", [(0, 0, 0), (0.3, -0.2, 0.5), (np.pi / 2, 0, 0), (np.pi, 0, 0)])
def test_the_phantom_comes_back_on_a_grid_of_other_directions(tmp_path: Path, tilt: float, turn) -> None:
    volume = load(write_stack(tmp_path, along_table(JITTERED), tilted(tilt)))
    wanted = grid(rotation(*turn), (1.3, 1.1, 1.7), (30, 34, 26), (0.0, 0.0, 30.0))
    result = regularize(volume, "resample", reference=wanted).volume
    assert result.dimensions == wanted.dimensions
    np.testing.assert_allclose(result.affine_lps, wanted.affine_lps, atol=1e-9)
    assert rms_of(result, phantom(points_of(wanted.affine_lps, wanted.dimensions))) < 0.01
    assert result.valid_fraction == pytest.approx(result.valid.mean(), abs=1e-12)
    assert result.valid_fraction > 0.6
    assert (result.array[~result.valid] == -1000).all()


def test_both_ways_of_resampling_agree(tmp_path: Path) -> None:
    volume = load(write_stack(tmp_path, along_table(GAPPED), tilted(17)))
    straight = regularize(volume, "resample", spacing_mm=1.5, in_plane_spacing_mm=1.2).volume
    # Turned by less than a hundredth of a pixel over the image: another way to the same values.
    turned = straight.affine_lps.copy()
    turned[:3, :3] = rotation(0, 0, 4e-6) @ turned[:3, :3]
    other = regularize(volume, "resample", reference=ReferenceGrid(turned, straight.dimensions)).volume
    both = straight.valid & other.valid
    assert both.sum() > 0.97 * straight.valid.sum() and both.sum() > 0.97 * other.valid.sum()
    assert np.abs(straight.array[both].astype(int) - other.array[both]).max() <= 1
    same = regularize(volume, "resample", reference=ReferenceGrid(straight.affine_lps, straight.dimensions)).volume
    np.testing.assert_array_equal(same.array, straight.array)
    np.testing.assert_array_equal(same.valid, straight.valid)


def test_gaps_stay_open_on_a_grid_of_other_directions(tmp_path: Path) -> None:
    volume = load(write_stack(tmp_path, along_table(GAPPED), tilted(17)))
    upright = grid(np.eye(3), (1.25, 1.5, 2.0), (30, 30, 44), (0.0, 0.0, 44.0))
    result = regularize(volume, "resample", reference=upright).volume
    normal = np.cross(np.array(tilted(17)[:3]), np.array(tilted(17)[3:]))
    height = points_of(upright.affine_lps, upright.dimensions) @ normal
    starts = np.array(along_table(GAPPED)) @ normal
    within = (height > starts[14] + 0.1) & (height < starts[15] - 0.1)
    assert within.any() and not result.valid[within].any()
    assert rms_of(result, phantom(points_of(upright.affine_lps, upright.dimensions))) < 0.01


def test_a_reference_beyond_the_images_is_filled(tmp_path: Path) -> None:
    volume = load(write_stack(tmp_path, along_table(JITTERED)))
    big = grid(np.eye(3), (2, 2, 2), (40, 50, 60), (0, 0, 30))
    result = regularize(volume, "resample", reference=big).volume
    points = points_of(big.affine_lps, big.dimensions)
    last = np.array([-25 + PIXEL_SPACING[1] * 39, -30 + PIXEL_SPACING[0] * 47, JITTERED[-1]])
    inside = ((points >= [-25, -30, JITTERED[0]]) & (points <= last)).all(axis=-1)
    np.testing.assert_array_equal(result.valid, inside)
    assert "outside" in result.description
    with pytest.raises(UsageError, match="elsewhere"):
        regularize(volume, "resample", reference=grid(np.eye(3), (1, 1, 1), (9, 9, 9), (0, 0, 500)))
    with pytest.raises(UsageError, match="elsewhere"):
        regularize(volume, "resample", reference=grid(rotation(0.3, 0, 0), (1, 1, 1), (9, 9, 9), (0, 0, 500)))


def test_a_series_on_an_upright_grid_is_written_as_dicom(tmp_path: Path) -> None:
    volume = load(write_stack(tmp_path / "source", along_table(JITTERED), tilted(17)))
    upright = grid(np.eye(3), (1.25, 1.5, 2.0), (30, 30, 20), (0.0, 0.0, 30.0))
    result = regularize(volume, "resample", reference=upright)
    (written,) = write_series(result, tmp_path / "new")
    back = load(written.folder)
    np.testing.assert_array_equal(back.array, result.array)
    np.testing.assert_allclose(back.affine_lps, upright.affine_lps, atol=1e-6)


def test_the_command_line_takes_references_of_all_kinds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sitk = pytest.importorskip("SimpleITK")
    source = write_stack(tmp_path / "source", along_table(JITTERED), tilted(17))
    image = sitk.Image([30, 30, 20], sitk.sitkUInt8)
    image.SetOrigin((-18.0, -21.0, 11.0))
    image.SetSpacing((1.25, 1.5, 2.0))
    sitk.WriteImage(image, str(tmp_path / "reference.nrrd"))
    series = write_stack(tmp_path / "other", [(-18.0, -21.0, 11.0 + 2.0 * k) for k in range(20)])
    for number, reference in enumerate((tmp_path / "reference.nrrd", series)):
        output = tmp_path / f"out-{number}.nrrd"
        options = ["--mode", "resample", "--reference", str(reference), "--output", str(output)]
        # Series that were written for different tests share their frame of reference.
        assert main(["regularize", str(source), *options]) == 0, capsys.readouterr().err
        written = sitk.ReadImage(str(output))
        np.testing.assert_allclose(written.GetOrigin(), (-18.0, -21.0, 11.0), atol=1e-6)
        spacing = (1.25, 1.5, 2.0)
        np.testing.assert_allclose(written.GetSpacing(), spacing, atol=1e-6)
    assert main(["regularize", str(source), "--mode", "crop", "--reference", "x", "--output", str(output) + "x/"]) == 2
    assert "reference" in capsys.readouterr().err
    spacing_too = ["--spacing", "2", "--reference", str(series), "--output", str(tmp_path / "three.nrrd")]
    assert main(["regularize", str(source), "--mode", "resample", *spacing_too]) == 2
    assert "spacing of its own" in capsys.readouterr().err


def test_references_that_are_no_grid_are_refused(tmp_path: Path) -> None:
    sheared = np.eye(4)
    sheared[0, 2] = 0.2
    with pytest.raises(UsageError, match="right angles"):
        ReferenceGrid(sheared, (4, 4, 4))
    with pytest.raises(UsageError, match="size"):
        ReferenceGrid(np.eye(4), (4, 0, 4))
    with pytest.raises(UsageError, match="evenly"):
        read_reference(write_stack(tmp_path / "irregular", along_table(JITTERED)))
    with pytest.raises(UsageError, match="right angles"):
        read_reference(write_stack(tmp_path / "tilted", along_table(np.arange(0, 20, 2.0)), tilted(9)))
    one = next(iter((tmp_path / "tilted").iterdir()))
    with pytest.raises(FileError, match="one image of a series"):
        read_reference(one)
    with pytest.raises(FileError, match="no such file"):
        read_reference(tmp_path / "nothing.nrrd")
    (tmp_path / "text.nrrd").write_text("no volume")
    with pytest.raises(FileError, match="SimpleITK"):
        read_reference(tmp_path / "text.nrrd")


def test_a_reference_of_another_frame_is_refused(tmp_path: Path) -> None:
    volume = load(write_stack(tmp_path, along_table(JITTERED)))
    elsewhere = ReferenceGrid(np.eye(4), (4, 4, 4), "1.2.3")
    with pytest.raises(UsageError, match="frame of reference"):
        regularize(volume, "resample", reference=elsewhere)
