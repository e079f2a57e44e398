"""Mosaics: slices side by side in one image come out as the volumes they are."""

from __future__ import annotations

from pathlib import Path

import mosaic_making as mm
import numpy as np
import pytest
import volume_making as vm
from DicomRegInspectorLib import inspect_paths, load_series
from DicomRegInspectorLib.dicom.siemens_csa import csa_values
from DicomRegInspectorLib.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import RLELossless

TURNED = np.linalg.qr(np.array([[0.9, 0.2, -0.3], [-0.1, 0.95, 0.3], [0.4, -0.1, 1.0]]))[0]
OBLIQUE = [*TURNED[:, 0], *TURNED[:, 1]]
NORMAL = np.cross(TURNED[:, 0], TURNED[:, 1])


@pytest.mark.parametrize("count", [4, 7, 36])
@pytest.mark.parametrize("sign", [1, -1])
def test_an_oblique_mosaic_becomes_the_volume_it_was_made_of(tmp_path: Path, count: int, sign: int) -> None:
    slices, first = mm.slices_of(count), np.array([-31.5, 12.25, 80.75])
    path = mm.save_all([mm.mosaic(slices, first, OBLIQUE, normal=sign * NORMAL)], tmp_path)
    volume = load_series(path)
    order = slice(None) if sign > 0 else slice(None, None, -1)
    np.testing.assert_array_equal(volume.array, slices[order])
    corners = first + 3.6 * sign * np.arange(count)[order, None] * NORMAL
    np.testing.assert_allclose(volume.slice_corners_lps_mm, corners, atol=1e-6)
    np.testing.assert_allclose(volume.spacing_mm, [2.0, 2.5, 3.6], atol=1e-6)
    assert volume.is_regular
    told = [(finding.code, finding.severity) for finding in inspect_paths(path).findings]
    assert told == [("slices-tiled", "info")]


def test_a_time_series_of_mosaics_is_complete_sets(tmp_path: Path) -> None:
    series = [mm.mosaic(mm.slices_of(9, seed=t), (0, 0, 5), OBLIQUE, normal=NORMAL, AcquisitionNumber=t + 1,
                        InstanceNumber=t + 1) for t in range(12)]  # fmt: skip
    path = mm.save_all(series, tmp_path)
    (found,) = inspect_paths(path).series
    assert [len(stack.slices) for stack in found.stacks] == [9] * 12 and found.is_multiphase
    assert {finding.severity for finding in found.findings} == {"info"}
    for number in (0, 7):
        np.testing.assert_array_equal(load_series(path, stack=number + 1).array, mm.slices_of(9, seed=number))


def test_the_private_header_counts_without_the_word_in_image_type(tmp_path: Path) -> None:
    one = mm.mosaic(mm.slices_of(5), (0, 0, 0), OBLIQUE, normal=NORMAL, ImageType=["DERIVED", "PRIMARY", "M"])
    assert load_series(vm.save(one, tmp_path / "one.dcm")).array.shape == (5, 6, 8)


@pytest.mark.parametrize("second", [True, False])
def test_the_csa_header_alone_is_enough(tmp_path: Path, second: bool) -> None:
    one = mm.mosaic(mm.slices_of(6), (0, 0, 0), OBLIQUE, normal=None, in_private=False)
    header = {"EchoNumber": ["1", "", ""], "NumberOfImagesInMosaic": ["6"],
              "SliceNormalVector": [str(value) for value in -NORMAL]}  # fmt: skip
    raw = mm.csa_header(header, second=second)
    one.private_block(0x29, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", raw)
    volume = load_series(vm.save(one, tmp_path / "one.dcm"))
    np.testing.assert_array_equal(volume.array, mm.slices_of(6)[::-1])
    assert [finding.severity for finding in volume.findings] == ["info"]


def test_what_the_file_does_not_say_is_told_as_a_warning(tmp_path: Path) -> None:
    one = mm.mosaic(mm.slices_of(6), (0, 0, 0), OBLIQUE, normal=None, SpacingBetweenSlices=None, SliceThickness="3")
    volume = load_series(vm.save(one, tmp_path / "one.dcm"))
    (told,) = volume.findings
    assert (told.code, told.severity) == ("slices-tiled", "warning")
    assert "Slice Thickness" in told.message and "SliceNormalVector" in told.message
    assert volume.spacing_mm[2] == pytest.approx(3.0)


def test_compressed_mosaics_are_taken_apart_too(tmp_path: Path) -> None:
    one = mm.mosaic(mm.slices_of(6), (0, 0, 0), OBLIQUE, normal=NORMAL)
    one.compress(RLELossless)
    one.save_as(tmp_path / "one.dcm", enforce_file_format=True)
    np.testing.assert_array_equal(load_series(tmp_path / "one.dcm").array, mm.slices_of(6))


def test_plain_slices_that_are_called_mosaics_stay_slices(tmp_path: Path) -> None:
    images = [vm.dataset(vm.pixels_of(1)[0], (0, 0, 3 * k), SOPClassUID=mm.MR_IMAGE, Modality="MR",
                         ImageType=mm.MOSAIC, SliceThickness="3") for k in range(5)]  # fmt: skip
    path = mm.save_all(images, tmp_path)
    assert load_series(path).array.shape[0] == 5
    assert inspect_paths(path).findings == ()


def test_a_slice_that_was_cut_out_of_its_mosaic_stays_one(tmp_path: Path) -> None:
    images = [vm.dataset(vm.pixels_of(1)[0], (0, 0, 3 * k), SOPClassUID=mm.MR_IMAGE, Modality="MR",
                         ImageType=mm.MOSAIC, SliceThickness="3") for k in range(4)]  # fmt: skip
    for one in images:
        one.AcquisitionMatrix = [one.Rows, 0, 0, one.Columns]
        one.private_block(0x19, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 4)
    assert load_series(mm.save_all(images, tmp_path)).array.shape[0] == 4


def test_a_mosaic_of_unknown_slices_is_told_and_not_loaded(tmp_path: Path) -> None:
    slices = np.zeros((40, 96, 96), np.uint16)
    images = [mm.mosaic(slices, (-100, -100, 30), [1, 0, 0, 0, 1, 0], normal=None, in_private=False,
                        AcquisitionMatrix=[96, 0, 0, 96], InstanceNumber=t) for t in range(2)]  # fmt: skip
    path = mm.save_all(images, tmp_path)
    told = [(finding.code, finding.severity) for finding in inspect_paths(path).findings]
    assert told == [("slices-tiled", "warning")]
    with pytest.raises(UsageError, match="mosaics of several slices"):
        load_series(path)


def test_a_uih_grid_lies_where_its_frame_sequence_says(tmp_path: Path) -> None:
    slices = mm.slices_of(7)
    corners = np.array([4.0, -8.0, 15.0]) - 4.2 * np.arange(7)[:, None] * NORMAL
    path = vm.save(mm.uih_grid(slices, corners, OBLIQUE), tmp_path / "grid.dcm")
    volume = load_series(path)
    np.testing.assert_array_equal(volume.array, slices[::-1])
    np.testing.assert_allclose(volume.slice_corners_lps_mm, corners[::-1], atol=1e-5)
    assert [finding.severity for finding in inspect_paths(path).findings] == ["info"]


@given(st.binary(max_size=400), st.integers(0, 400))
def test_a_damaged_csa_header_gives_nothing_false_and_raises_nothing(raw: bytes, kept: int) -> None:
    names = frozenset(["NumberOfImagesInMosaic"])
    whole = mm.csa_header({"A": ["1"], "NumberOfImagesInMosaic": ["12"]})
    assert csa_values(whole, names) == {"NumberOfImagesInMosaic": ("12",)}
    assert set(csa_values(raw, names)) <= names
    assert csa_values(whole[:kept], names) in ({}, csa_values(whole, names))


def test_mosaics_that_nothing_tells_apart_are_a_volume_each(tmp_path: Path) -> None:
    series = [mm.mosaic(mm.slices_of(9, seed=t), (0, 0, 5), OBLIQUE, normal=NORMAL, InstanceNumber=1) for t in range(3)]
    (found,) = inspect_paths(mm.save_all(series, tmp_path)).series
    assert [len(stack.slices) for stack in found.stacks] == [9] * 3 and found.is_multiphase
    assert {finding.severity for finding in found.findings} == {"info"}
