"""Volumes compared: copies that SimpleITK permutes, flips and writes, and what dcm2niix makes of real series."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.errors import FileError, UsageError
from DicomRegInspectorLib.volumes import Comparison, Volume, compare_volumes
from DicomRegInspectorLib.volumes.other_formats import index_to_lps
from DicomRegInspectorLib.volumes.read_volume import read_volume

sitk = pytest.importorskip("SimpleITK")

ALL_ORDERS = list(itertools.product(itertools.permutations(range(3)), itertools.product((False, True), repeat=3)))


def volume(image: Any, **options: Any) -> Volume:
    """A SimpleITK image as it is."""
    return Volume(sitk.GetArrayFromImage(image), index_to_lps(image), **options)


def changed(image: Any, values: np.ndarray) -> Any:
    """An image in the same place with other values."""
    result = sitk.GetImageFromArray(values)
    result.CopyInformation(image)
    return result


def compared(a: Any, b: Any, **options: Any) -> Comparison:
    """Two SimpleITK images compared."""
    return compare_volumes(volume(a), volume(b), **options)


@pytest.mark.parametrize(("order", "flips"), ALL_ORDERS)
def test_every_order_of_voxels_that_simpleitk_makes_is_the_same_image(image, order, flips) -> None:
    other = sitk.Flip(sitk.PermuteAxes(image, order), flips)
    found = compared(image, other)
    assert found.same_physical_image
    assert found.explained_by == "identical"
    assert found.max_value_difference == 0
    assert found.max_corner_distance_mm < 1e-9
    assert found.index_mapping.is_identity == (order == (0, 1, 2) and not any(flips))
    matrix = np.array(found.to_dict()["index_mapping"]["matrix"])
    for index in [(0, 0, 0), (6, 0, 4), (2, 3, 1)]:
        there = tuple(int(value) for value in (matrix @ [*index, 1])[:3])
        assert other[there] == image[index]
        assert other.TransformIndexToPhysicalPoint(there) == pytest.approx(image.TransformIndexToPhysicalPoint(index))


def test_the_order_is_told_in_words(image) -> None:
    found = compared(image, sitk.Flip(sitk.PermuteAxes(image, (1, 0, 2)), (True, False, False)))
    assert found.index_mapping.signed_axes == ["+j", "-i", "+k"]
    assert (
        found.index_mapping.words() == "i of A is j of B; j of A is i of B reversed (j = 0 is i = 5); k of A is k of B"
    )


@pytest.mark.parametrize("shift", [0.04, 0.3, 12.0])
def test_a_shifted_copy_is_the_same_within_tolerance_only(image, shift: float) -> None:
    other = sitk.Image(image)
    other.SetOrigin(tuple(np.array(image.GetOrigin()) + [0, 0, shift]))
    found = compared(image, other)
    assert found.max_corner_distance_mm == pytest.approx(shift)
    assert found.same_physical_image == (shift < 0.1)
    assert compared(image, other, tolerance_mm=20).same_physical_image


def test_a_turned_copy_is_apart_at_its_corners(image) -> None:
    other = sitk.Image(image)
    turn = sitk.VersorTransform((0, 0, 1), np.radians(3))
    other.SetDirection((np.array(turn.GetMatrix()).reshape(3, 3) @ np.reshape(image.GetDirection(), (3, 3))).ravel())
    corners = list(itertools.product((0, 6), (0, 5), (0, 4)))
    apart = [
        np.linalg.norm(np.subtract(image.TransformIndexToPhysicalPoint(c), other.TransformIndexToPhysicalPoint(c)))
        for c in corners
    ]
    assert compared(image, other).max_corner_distance_mm == pytest.approx(max(apart))


def test_values_in_another_order_than_the_places_are_noticed(image) -> None:
    mirrored = changed(image, sitk.GetArrayFromImage(image)[:, :, ::-1].copy())
    found = compared(image, mirrored)
    assert not found.same_physical_image
    assert found.explained_by == "unexplained"
    assert found.value_mapping is not None and found.value_mapping.signed_axes == ["-i", "+j", "+k"]


def test_rounding_to_a_slope_is_explained_and_more_is_not(image) -> None:
    slope = 0.37
    values = sitk.GetArrayFromImage(image).astype(np.float64) + 0.123
    stored = np.round(values / slope) * slope
    exact = volume(changed(image, values), quanta=np.array([1e-6]))
    found = compare_volumes(exact, volume(changed(image, stored), quanta=np.array([slope])))
    assert found.same_physical_image and found.explained_by == "rescale-quantization"
    assert 0.4 * slope < found.max_value_difference <= 0.5 * slope
    # Without being told, the step is found in the values.
    assert compare_volumes(exact, volume(changed(image, stored))).explained_by == "rescale-quantization"
    stored[2, 3, 4] += slope
    found = compare_volumes(exact, volume(changed(image, stored), quanta=np.array([slope])))
    assert not found.same_physical_image and found.explained_by == "unexplained"
    assert found.values.place == (4, 3, 2)


def test_a_constant_factor_and_offset_are_found(image) -> None:
    values = sitk.GetArrayFromImage(image).astype(np.float64)
    found = compared(changed(image, values), changed(image, values * 2.5 - 1024))
    assert found.same_physical_image and found.explained_by == "linear"
    assert found.values.details["factor"] == pytest.approx(2.5)
    assert found.values.details["offset"] == pytest.approx(-1024)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_slopes_of_slices_are_found_in_either_volume(image, order) -> None:
    values = sitk.GetArrayFromImage(image).astype(np.float64)
    slopes = np.array([1.0, 1.3, 0.7, 2.0, 1.1])[:, None, None]
    other = sitk.PermuteAxes(changed(image, values * slopes), order)
    for found in (compared(changed(image, values), other), compared(other, changed(image, values))):
        assert found.explained_by == "slice-slopes"
        assert found.values.details["factor_max"] / found.values.details["factor_min"] == pytest.approx(2.0 / 0.7)


def test_noise_is_unexplained(image) -> None:
    values = sitk.GetArrayFromImage(image).astype(np.float64)
    noise = np.random.default_rng(0).normal(0, 3, values.shape)
    found = compared(changed(image, values), changed(image, values + noise))
    assert not found.same_physical_image and found.explained_by == "unexplained"
    assert found.max_value_difference == pytest.approx(np.abs(noise).max())
    assert found.values.rms == pytest.approx(np.sqrt((noise**2).mean()))
    assert found.values.mean == pytest.approx(noise.mean())


def test_undefined_values_count_only_where_the_other_has_one(image) -> None:
    values = sitk.GetArrayFromImage(image).astype(np.float64)
    values[0, 0, 0] = np.nan
    assert compared(changed(image, values), changed(image, values)).explained_by == "identical"
    found = compared(image, changed(image, values))
    assert found.values.undefined == 1 and not found.same_physical_image


def test_other_sizes_and_channels_are_not_the_same(image) -> None:
    found = compared(image, image[:, :, 1:])
    assert not found.same_physical_image and found.values is None and found.explained_by is None
    assert found.to_dict()["max_value_difference"] is None
    assert found.max_corner_distance_mm == pytest.approx(2.5)
    colour = sitk.Compose(image, image, image)
    assert not compared(image, colour).same_physical_image
    assert compared(colour, sitk.Flip(colour, (True, False, True))).explained_by == "identical"


def test_slices_that_no_matrix_places_are_compared_where_they_lie(image) -> None:
    plain = volume(image)
    corners = plain.positions([(0, 0, k) for k in range(5)])
    corners[3] += plain.directions[:, 2] * 0.8
    irregular = volume(image, slice_corners_lps_mm=corners)
    assert compare_volumes(plain, irregular).max_corner_distance_mm == pytest.approx(0.8)
    turned = sitk.PermuteAxes(image, (2, 0, 1))
    assert compare_volumes(volume(turned), irregular).max_corner_distance_mm == pytest.approx(0.8)
    assert compare_volumes(irregular, volume(image, slice_corners_lps_mm=corners)).same_physical_image


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_files_that_simpleitk_writes(image, suffix: str, tmp_path: Path) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    sitk.WriteImage(image, first)
    sitk.WriteImage(sitk.DICOMOrient(image, "RAS"), second)
    found = compare_volumes(read_volume(first), read_volume(second))
    assert found.same_physical_image and found.explained_by == "identical"
    assert found.b.orientation == "RAS" or suffix == ".nii.gz"


def test_a_scaled_nifti_differs_by_half_its_slope(image, tmp_path: Path) -> None:
    values = sitk.GetArrayFromImage(image).astype(np.float64) / 7
    original, scaled = tmp_path / "a.nrrd", tmp_path / "b.nii"
    sitk.WriteImage(changed(image, values), original)
    slope = np.float32(values.max() / 1000)
    sitk.WriteImage(changed(image, np.round(values / slope).astype(np.int16)), scaled)
    raw = bytearray(scaled.read_bytes())
    raw[112:116] = slope.tobytes()  # scl_slope of NIfTI-1
    scaled.write_bytes(raw)
    found = compare_volumes(read_volume(original), read_volume(scaled))
    assert found.explained_by == "rescale-quantization" and found.same_physical_image
    assert found.values.details["step_b"] == pytest.approx(float(slope), rel=1e-5)
    assert found.max_value_difference <= float(slope) / 2 * 1.001


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such"):
        read_volume(tmp_path / "absent.nii")
    (tmp_path / "text.txt").write_text("nothing")
    with pytest.raises(FileError, match="SimpleITK"):
        read_volume(tmp_path / "text.txt")
    with pytest.raises(UsageError, match="does not place"):
        Volume(np.zeros((2, 2, 2)), np.zeros((4, 4)))
    with pytest.raises(UsageError, match="shape"):
        Volume(np.zeros((2, 2)), np.eye(4))


def test_no_volume_is_copied() -> None:
    values = np.random.default_rng(1).integers(0, 1000, (60, 256, 256)).astype(np.int16)
    tracemalloc.start()
    turned = np.ascontiguousarray(values.transpose(2, 1, 0)[:, ::-1])
    matrix = np.eye(4)[:, [2, 1, 0, 3]] @ np.diag([1, -1, 1, 1.0])
    matrix[:3, 3] = [0, 255, 0]
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    found = compare_volumes(Volume(values, np.eye(4)), Volume(turned, matrix))
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert found.same_physical_image and found.explained_by == "identical"
    assert peak < values.nbytes


def converted(folder: Path, tmp_path: Path) -> Path:
    """Where dcm2niix wrote its volumes of a DICOM folder."""
    if shutil.which("dcm2niix") is None:
        pytest.skip("dcm2niix is not installed (Debian package dcm2niix)")
    subprocess.run(["dcm2niix", "-z", "n", "-f", "out", "-o", tmp_path, folder], check=True, capture_output=True)
    return tmp_path


def test_dcm2niix_of_a_regular_series_is_the_same_image(deformable_pair: Path, tmp_path: Path) -> None:
    nifti = converted(deformable_pair / "fixed", tmp_path) / "out.nii"
    found = compare_volumes(read_volume(deformable_pair / "fixed"), read_volume(nifti))
    assert found.same_physical_image
    assert found.index_mapping.signed_axes == ["+i", "-j", "+k"]
    assert found.max_corner_distance_mm < 1e-3
    assert found.explained_by in ("float-rounding", "rescale-quantization")
    assert found.max_value_difference < 1e-3


def test_dcm2niix_of_an_irregular_tilted_series_has_its_values_elsewhere(
    tilted_irregular_ct: Path, tmp_path: Path
) -> None:
    nifti = converted(tilted_irregular_ct, tmp_path) / "out.nii"
    found = compare_volumes(read_volume(tilted_irregular_ct), read_volume(nifti))
    assert found.explained_by == "identical" and found.max_value_difference == 0
    assert not found.same_physical_image
    # 14 slices of 7 mm that are put 4 mm apart, and the tilt left out: centimetres.
    assert found.max_corner_distance_mm > 30
