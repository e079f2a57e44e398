"""Pixel Padding: told, never blended with the image, and kept in what is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.series import load_series
from DicomRegInspectorLib.series.regularize.reference import ReferenceGrid
from DicomRegInspectorLib.series.regularize.regularize import regularize
from DicomRegInspectorLib.series.write.write_back import write_series
from pydicom.uid import ImplicitVRLittleEndian
from stack_loading import load_to_regularize
from stack_making import SIZE, along_table, tilted, write_stack

HEIGHTS = np.concatenate([np.arange(0, 12, 2.0), 12.7 + np.arange(0, 12, 2.0)])
STORED = 7
"""Stored padding value; a value of -1017 with the intercept of -1024."""
CORNER = np.add.outer(np.arange(SIZE[0]), np.arange(SIZE[1])) < 22


def pad(folder: Path, value: int | None = STORED, vr: str = "US", limit: int | None = None, **more: Any) -> Path:
    """Put padding into a corner of every image of a folder."""
    for path in sorted(folder.iterdir()):
        one = pydicom.dcmread(path)
        pixels = one.pixel_array.copy()
        pixels[CORNER] = STORED
        if limit is not None:
            pixels[0, :4] = limit
        one.PixelData = pixels.tobytes()
        if value is not None:
            one.add_new("PixelPaddingValue", vr, value)
        if limit is not None:
            one.add_new("PixelPaddingRangeLimit", vr, limit)
        for name, what in more.items():
            setattr(one, name, what)
        one.save_as(path)
    return folder


@pytest.fixture
def padded(tmp_path: Path) -> Path:
    return pad(write_stack(tmp_path / "padded", along_table(HEIGHTS)))


@pytest.mark.parametrize("vr", ["US", "SS"])
def test_padding_is_told_with_the_values(tmp_path: Path, vr: str) -> None:
    folder = pad(write_stack(tmp_path / "padded", along_table(HEIGHTS)), vr=vr)
    volume = load_series(folder)
    assert volume.padding_value == STORED - 1024
    np.testing.assert_array_equal(volume.padding_mask, np.broadcast_to(CORNER, volume.array.shape))
    stored = load_series(folder, stored_values=True)
    assert stored.padding_value == STORED
    as_float = load_series(folder, dtype="float32")
    np.testing.assert_array_equal(as_float.padding_mask, volume.padding_mask)


def test_a_range_of_values_pads(tmp_path: Path) -> None:
    volume = load_series(pad(write_stack(tmp_path / "padded", along_table(HEIGHTS)), limit=2))
    assert volume.padding_value is None
    assert volume.padding.ranges[0].tolist() == [2 - 1024, STORED - 1024]
    np.testing.assert_array_equal(volume.padding_mask, np.broadcast_to(CORNER, volume.array.shape))


def test_slopes_of_their_own_scale_padding_as_they_scale_pixels(tmp_path: Path) -> None:
    slopes = [{"RescaleSlope": str(1 + k / 4)} for k in range(len(HEIGHTS))]
    volume = load_series(pad(write_stack(tmp_path / "padded", along_table(HEIGHTS), per_slice=slopes)))
    assert volume.array.dtype == np.float64 and volume.padding_value is None
    np.testing.assert_array_equal(volume.padding_mask, np.broadcast_to(CORNER, volume.array.shape))


def test_signed_padding_is_read_as_the_pixels_are(tmp_path: Path) -> None:
    folder = write_stack(tmp_path / "padded", along_table(HEIGHTS))
    for number, path in enumerate(sorted(folder.iterdir())):
        one = pydicom.dcmread(path)
        pixels = one.pixel_array.astype(np.int16) - 1024
        pixels[CORNER] = -2000
        one.PixelData, one.PixelRepresentation, one.RescaleIntercept = pixels.tobytes(), 1, 0
        # Half of the files name it unsigned, as scanners do, and half by an implicit value representation.
        one.add_new("PixelPaddingValue", "US", 63536)
        if number % 2:
            one.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        one.save_as(path, implicit_vr=bool(number % 2), little_endian=True)
    volume = load_series(folder)
    assert volume.padding_value == -2000
    np.testing.assert_array_equal(volume.padding_mask, np.broadcast_to(CORNER, volume.array.shape))


def test_padding_that_the_bits_cannot_hold_is_none(tmp_path: Path) -> None:
    folder = write_stack(tmp_path / "padded", along_table(HEIGHTS))
    volume = load_series(pad(folder, value=63536, BitsStored=12, HighBit=11))
    assert volume.padding is None and not volume.padding_mask.any()


@pytest.mark.parametrize("tilt", [0.0, 15.0])
@pytest.mark.parametrize("in_plane", [None, 1.1])
def test_padding_is_never_blended(tmp_path: Path, tilt: float, in_plane: float | None) -> None:
    plain = write_stack(tmp_path / "plain", along_table(HEIGHTS), tilted(tilt))
    without = regularize(load_to_regularize(plain)[0], "resample", spacing_mm=1.3, in_plane_spacing_mm=in_plane).volume
    pad(plain)
    volume = load_to_regularize(plain)[0]
    result = regularize(volume, "resample", spacing_mm=1.3, in_plane_spacing_mm=in_plane).volume
    # Where no padding had a part, nothing is any other by one bit.
    np.testing.assert_array_equal(result.array[result.valid], without.array[result.valid])
    assert not (result.valid & ~without.valid).any()
    assert (result.array[~result.valid] == STORED - 1024).all() and result.fill == STORED - 1024
    lost = without.valid & ~result.valid
    assert lost.any() and result.valid.sum() > 0.7 * without.valid.sum()
    # What the linear weights of the padded pixels come to, by the same resampling of the mask itself.
    shares = load_to_regularize(plain)[0]
    object.__setattr__(shares, "array", np.where(volume.padding_mask, 1e6, 0.0))
    object.__setattr__(shares, "padding", None)
    share = regularize(shares, "resample", spacing_mm=1.3, in_plane_spacing_mm=in_plane, fill=0).volume.array
    np.testing.assert_array_equal(lost, (share > 0) & without.valid)


def test_padding_is_not_blended_on_a_reference_either(padded: Path) -> None:
    affine = np.diag([1.1, 1.1, 1.3, 1.0])
    affine[:3, 3] = -24, -29, 0.4
    angle = 0.05
    affine[:2, :2] = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * 1.1
    volume = load_to_regularize(padded)[0]
    result = regularize(volume, "resample", reference=ReferenceGrid(affine, (40, 50, 15))).volume
    smallest = volume.array[~volume.padding_mask].min()
    assert result.array[result.valid].min() >= smallest
    assert (result.array[~result.valid] == STORED - 1024).all()
    assert 0.5 < result.valid_fraction < 0.95


@pytest.mark.parametrize("mode", ["acquisition", "split", "crop"])
def test_untouched_values_tell_their_padding(padded: Path, mode: str) -> None:
    for one in regularize(load_to_regularize(padded)[0], mode).volumes:
        expected = np.broadcast_to(~CORNER, one.array.shape)
        np.testing.assert_array_equal(one.valid, expected)
        assert one.valid_fraction == pytest.approx(expected.mean(), abs=1e-12) and not one.is_all_valid


def test_a_mean_of_duplicates_leaves_padding_out(tmp_path: Path) -> None:
    folder = write_stack(tmp_path / "double", along_table([0, 2, 4, 4, 6, 8]))
    values = {3: 100, 4: 300}
    for path in sorted(folder.iterdir()):
        one = pydicom.dcmread(path)
        pixels = np.full(SIZE, values.get(int(one.InstanceNumber), 50), np.uint16)
        pixels[:, :10] = STORED
        if one.InstanceNumber == 4:
            pixels[:, :20] = STORED
        one.PixelData = pixels.tobytes()
        one.add_new("PixelPaddingValue", "US", STORED)
        one.save_as(path)
    result = regularize(load_to_regularize(folder)[0], "crop", duplicates="mean").volume
    assert result.array[2, 0, [0, 15, 30]].tolist() == [STORED - 1024, 100 - 1024, 200 - 1024]
    assert result.valid[2, 0, [0, 15, 30]].tolist() == [False, True, True]


def test_what_is_written_names_its_padding(padded: Path, tmp_path: Path) -> None:
    result = regularize(load_to_regularize(padded)[0], "resample", spacing_mm=1.3)
    (written,) = write_series(result, tmp_path / "new")
    back = load_series(written.folder)
    assert back.padding_value == STORED - 1024
    np.testing.assert_array_equal(back.padding_mask, ~result.valid)
    (copied,) = write_series(regularize(load_to_regularize(padded)[0], "acquisition"), tmp_path / "copy")
    assert {pydicom.dcmread(path).PixelPaddingValue for path in copied.paths} == {STORED}


def test_fractional_values_are_written_with_their_padding(tmp_path: Path) -> None:
    slopes = [{"RescaleSlope": "0.7"} for _ in HEIGHTS]
    folder = pad(write_stack(tmp_path / "padded", along_table(HEIGHTS), per_slice=slopes))
    result = regularize(load_to_regularize(folder)[0], "resample", spacing_mm=1.3)
    (written,) = write_series(result, tmp_path / "new")
    back = load_series(written.folder)
    np.testing.assert_array_equal(back.padding_mask, ~result.valid)
    assert back.padding_value == pytest.approx(0.7 * STORED - 1024, abs=0.05)


def test_headers_are_read_alike_by_both_ways(padded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from DicomRegInspectorLib.series.pixels import format as pixel_format

    fast = load_series(padded).padding
    monkeypatch.setattr(pixel_format, "_walk_file", lambda _: None)
    np.testing.assert_array_equal(load_series(padded).padding.ranges, fast.ranges)
