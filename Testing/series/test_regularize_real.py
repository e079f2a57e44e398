"""A real tilted head CT of two sections, made regular, against its headers, SimpleITK and dcm2niix."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.series.regularize.regularize import regularize
from stack_loading import load_to_regularize

PADDING = -1500
"""Pixel Padding Value (0028,0120) of these files: outside the circle that was reconstructed."""


@pytest.fixture(scope="module")
def head(tilted_irregular_ct: Path):
    return load_to_regularize(tilted_irregular_ct)[0]


@pytest.fixture(scope="module")
def images(tilted_irregular_ct: Path) -> list[pydicom.Dataset]:
    """The files by instance number, which here is the order of positions."""
    return sorted(map(pydicom.dcmread, tilted_irregular_ct.glob("*.dcm")), key=lambda one: one.InstanceNumber)


def test_it_splits_into_the_two_sections_of_the_scan(head, images: list[pydicom.Dataset]) -> None:
    result = regularize(head, "split")
    assert [one.label for one in result.volumes] == ["section 1 of 2", "section 2 of 2"]
    assert [len(one.array) for one in result.volumes] == [14, 14]
    assert [float(one.SliceThickness) for one in images] == [4.0] * 14 + [7.0] * 14
    for volume, start in zip(result.volumes, (0, 14), strict=True):
        for k, one in enumerate(images[start : start + 14]):
            np.testing.assert_array_equal(volume.array[k], one.pixel_array)
            corner = volume.affine_lps[:3, 3] + k * volume.affine_lps[:3, 2]
            np.testing.assert_allclose(corner, np.array(one.ImagePositionPatient, float), atol=1e-3)


def test_resampled_to_4_mm_it_is_orthogonal_and_upright(head, images: list[pydicom.Dataset]) -> None:
    sitk = pytest.importorskip("SimpleITK")
    result = regularize(head, "resample", spacing_mm=4.0).volume
    assert result.is_orthogonal and result.spacing_mm[2] == pytest.approx(4.0, abs=1e-9)
    cosines = np.array(images[0].ImageOrientationPatient, float)
    np.testing.assert_allclose(result.affine_lps[:3, 2] / 4, np.cross(cosines[:3], cosines[3:]), atol=1e-6)
    # Upright: a plain volume of the slices would lean by tan 18.5° of its height, 48 mm. Each section is evenly spaced,
    # so SimpleITK places it by a matrix with the tilt in it, and interpolates along the tilted axis instead: the same
    # but for what changes between slices.
    for section in regularize(head, "split").volumes:
        image = sitk.GetImageFromArray(section.array)
        spacing = section.spacing_mm
        image.SetSpacing(spacing.tolist())
        image.SetDirection((section.affine_lps[:3, :3] / spacing).reshape(-1).tolist())
        image.SetOrigin(section.affine_lps[:3, 3].tolist())
        reference = sitk.Image(*result.dimensions, sitk.sitkInt16)
        reference.SetSpacing(result.spacing_mm.tolist())
        reference.SetDirection((result.affine_lps[:3, :3] / result.spacing_mm).reshape(-1).tolist())
        reference.SetOrigin(result.affine_lps[:3, 3].tolist())
        theirs = sitk.GetArrayFromImage(sitk.Resample(image, reference, sitk.Transform(), sitk.sitkLinear, -3000))
        both = result.valid & (theirs > -1200) & (result.array > -1200)
        assert both.sum() > 2e6
        assert np.corrcoef(theirs[both], result.array[both])[0, 1] > 0.98
        # Fifteen rows (7 mm) to either side fit far worse.
        moved = np.roll(theirs, 15, axis=1)
        assert np.corrcoef(moved[both], result.array[both])[0, 1] < 0.95


def test_the_acquisition_grid_is_exact_at_every_slice_corner(head, images: list[pydicom.Dataset]) -> None:
    result = regularize(head, "acquisition").volume
    assert len(result.array) == 28 and result.is_untouched and result.is_orthogonal
    nj, ni = result.array.shape[1:]
    for k, one in enumerate(images):
        np.testing.assert_array_equal(result.array[k], one.pixel_array)
        cosines = np.array(one.ImageOrientationPatient, float)
        rows, columns = (float(value) for value in one.PixelSpacing)
        for b in (0, 1):
            for a in (0, 1):
                header = np.array(one.ImagePositionPatient, float)
                header = header + a * (ni - 1) * columns * cosines[:3] + b * (nj - 1) * rows * cosines[3:]
                lattice = result.affine_lps @ [a * (ni - 1), b * (nj - 1), k, 1]
                np.testing.assert_allclose(
                    lattice[:3] + result.displacement.displacements_mm[k, b, a], header, atol=1e-3
                )


@pytest.fixture(scope="module")
def tilt_corrected(tilted_irregular_ct: Path, tmp_path_factory: pytest.TempPathFactory):
    """dcm2niix's tilt-corrected, equidistant image: (array in the slices' row order, affine LPS)."""
    sitk = pytest.importorskip("SimpleITK")
    if shutil.which("dcm2niix") is None:
        pytest.skip("dcm2niix is not installed")
    folder = tmp_path_factory.mktemp("dcm2niix")
    command = ["dcm2niix", "-o", str(folder), "-f", "head", "-z", "n", str(tilted_irregular_ct)]
    subprocess.run(command, capture_output=True, check=True)
    found = list(folder.glob("head_Tilt_Eq*.nii"))
    if not found:
        pytest.skip("this version of dcm2niix names its output otherwise")
    image = sitk.ReadImage(str(found[0]))
    array = sitk.GetArrayFromImage(image)[:, ::-1]
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = np.array(image.GetOrigin()) + affine[:3, 1] * (array.shape[1] - 1)
    affine[:3, 1] *= -1
    return array, affine


def rows_of_all_slices(images: list[pydicom.Dataset], affine: np.ndarray, count: int, mix) -> list[np.ndarray]:
    """Each slice at the rows of a grid, by ``mix(before, after, weight)`` of the two rows around; the edge repeats."""
    result = []
    for one in images:
        column = np.array(one.ImageOrientationPatient[3:], float)
        start = (affine[:3, 3] - np.array(one.ImagePositionPatient, float)) @ column / float(one.PixelSpacing[0])
        place = start + np.arange(count)
        before = np.clip(np.floor(place), 0, one.Rows - 2).astype(int)
        pixels = one.pixel_array
        result.append(mix(pixels[before], pixels[before + 1], (place - before)[:, None]))
    return result


def test_dcm2niix_agrees_voxel_by_voxel(head, images: list[pydicom.Dataset], tilt_corrected) -> None:
    theirs, affine = tilt_corrected
    spacing = float(np.linalg.norm(affine[:3, 2]))
    mine = regularize(head, "resample", spacing_mm=spacing).volume
    # The same grid: as many rows more than the slices have, in the same place.
    assert mine.array.shape == theirs.shape
    np.testing.assert_allclose(mine.affine_lps, affine, atol=1e-4)
    normal = np.cross(*np.array(images[0].ImageOrientationPatient, float).reshape(2, 3))
    heights = np.array([np.array(one.ImagePositionPatient, float) @ normal for one in images])
    heights -= heights[0]
    planes = spacing * np.arange(len(theirs))
    after = np.clip(np.searchsorted(heights, planes), 1, 27)
    weights = np.clip((planes - heights[after - 1]) / np.diff(heights)[after - 1], 0, 1)

    touched = rows_of_all_slices(images, affine, theirs.shape[1], lambda a, b, w: (a == PADDING) | (b == PADDING))
    padded = np.stack([touched[k - 1] | touched[k] for k in after])
    inside = mine.valid & ~padded
    difference = theirs.astype(int) - mine.array
    assert inside.sum() > 0.7 * mine.valid.sum()
    assert np.abs(difference[inside]).max() <= 1
    # Why by 1: it rounds twice, after moving the rows and after blending slices. Done so here, nothing is left but
    # halves that go up or down.
    rounded = rows_of_all_slices(images, affine, theirs.shape[1], lambda a, b, w: np.rint(a * (1 - w) + b * w))
    twice = np.stack([rounded[k - 1] * (1 - w) + rounded[k] * w for k, w in zip(after, weights, strict=True)])
    left = (np.rint(twice) != theirs) & inside
    assert left.sum() < 0.01 * (np.abs(difference) * inside).sum()
    # By more only where padding is one of the pixels interpolated between: it takes one or the other there, and here
    # nothing is valid.
    far = np.abs(difference) > 1
    assert (far & padded).any() and not (far & mine.valid).any()
    assert mine.fill == PADDING and (mine.array[~mine.valid] == PADDING).all()
