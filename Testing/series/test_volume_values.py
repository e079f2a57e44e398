"""Values of a volume: pydicom's, NumPy's, or what was written; never this library's own arithmetic."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
import volume_making as vm
from DicomRegInspectorLib.errors import DicomRegInspectorError, FileError, UsageError
from DicomRegInspectorLib.series import load_series
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.pixels import apply_color_lut, apply_modality_lut
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

INSTALLED = Path(pydicom.__file__).parent / "data"


def installed_images() -> list[str]:
    """Every file that pydicom installs and that describes an image."""
    names = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted(INSTALLED.rglob("*")):
            if not path.is_file() or path.suffix in (".py", ".pyc", ".json", ".md"):
                continue
            try:
                found = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            except Exception:  # not DICOM, in whatever way
                continue
            if "Rows" in found:
                names.append(path.relative_to(INSTALLED).as_posix())
    return names


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", installed_images())
def test_values_are_those_of_pydicom(name: str) -> None:
    found = pydicom.dcmread(INSTALLED / name, force=True)
    try:
        expected = apply_modality_lut(found.pixel_array, found)
    except Exception:  # pydicom raises many kinds
        with pytest.raises(FileError) as caught:
            load_series(INSTALLED / name)
        assert caught.value.code in ("pixel-not-decodable", "pixel-data-missing", "file-truncated")
        return
    if found.PhotometricInterpretation == "PALETTE COLOR":
        expected = apply_color_lut(expected, found)
    if int(found.get("NumberOfFrames", 1) or 1) == 1:
        expected = expected[None]
    # Doses are listed from the feet or the head: by position here.
    volume = load_series(INSTALLED / name)
    numbers = [(one.frame_number or 1) - 1 for one in volume.slices]
    assert volume.array.shape == expected.shape
    np.testing.assert_array_equal(volume.array, expected[numbers])
    assert volume.array.flags.c_contiguous and volume.array.dtype.isnative


def test_there_are_enough_installed_images() -> None:
    assert len(installed_images()) > 90


def test_negative_values_survive_an_unsigned_type(tmp_path: Path) -> None:
    stored = np.array([[[0, 1, 1024]], [[4095, 2000, 24]]], np.uint16)
    vm.write_stack(tmp_path, stored, vm.axial(2), BitsStored=12, RescaleSlope="1", RescaleIntercept="-1024")
    volume = load_series(tmp_path)
    assert volume.array.tolist() == [[[-1024, -1023, 0]], [[3071, 976, -1000]]]
    assert volume.array.dtype == np.int16


@pytest.mark.parametrize(
    ("kind", "low", "high", "intercept", "expected"),
    [
        ("i2", -2000, 3071, -1024, "i2"),
        ("i2", -32768, 100, -1024, "i4"),
        ("u2", 0, 33791, -1024, "i2"),
        ("u2", 0, 65535, -1024, "i4"),
        ("u2", 0, 65535, 0, "u2"),
        ("u1", 0, 255, -128, "i1"),
        ("u1", 0, 255, -129, "i2"),
    ],
)
def test_the_type_is_the_narrowest_that_holds_the_values(
    tmp_path: Path, kind: str, low: int, high: int, intercept: int, expected: str
) -> None:
    stored = np.array([[[low, high]], [[high, low]]], kind)
    vm.write_stack(tmp_path, stored, vm.axial(2), RescaleSlope="1", RescaleIntercept=str(intercept))
    volume = load_series(tmp_path)
    assert volume.array.dtype == expected
    assert volume.array.tolist() == [[[low + intercept, high + intercept]], [[high + intercept, low + intercept]]]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["u1", "i1", "u2", "i2", "u4", "i4"]),
    unused=st.integers(0, 7),
    slope=st.sampled_from(["1", "-1", "2", "0", "0.5", "1.7", "0.055172", "-3", "1e-3", "70000"]),
    intercept=st.sampled_from(["0", "-1024", "0.25", "-32768", "100000", "-1e-2"]),
    syntax=st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]),
    seed=st.integers(0, 100),
)
def test_any_rescale_equals_apply_modality_lut(
    tmp_path: Path, kind: str, unused: int, slope: str, intercept: str, syntax: str, seed: int
) -> None:
    # Stored values fill all bits: what lies above Bits Stored has to be ignored.
    bits = np.dtype(kind).itemsize * 8 - unused
    pixels = vm.pixels_of(1, (3, 4), kind, seed)[0]
    one = vm.dataset(pixels, BitsStored=bits, RescaleSlope=slope, RescaleIntercept=intercept)
    if syntax == ExplicitVRBigEndian:
        one.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
        # 8-bit pixels in words: bytes are exchanged in pairs (PS3.5 annex A.3).
        one["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    path = vm.save(one, tmp_path / "one.dcm", syntax)
    found = pydicom.dcmread(path)
    np.testing.assert_array_equal(load_series(path).array[0], apply_modality_lut(found.pixel_array, found))
    np.testing.assert_array_equal(load_series(path, stored_values=True).array[0], found.pixel_array)


def test_each_slice_has_its_own_slope(tmp_path: Path) -> None:
    stored = vm.pixels_of(3, dtype="u2")
    slopes = ["0.5", "0.125", "1.7"]
    vm.write_stack(
        tmp_path, stored, vm.axial(3), RescaleSlope=slopes, RescaleIntercept="0", Units="BQML", Modality="PT"
    )
    volume = load_series(tmp_path)
    assert volume.array.dtype == np.float64 and volume.units == "BQML"
    for k, slope in enumerate(slopes):
        np.testing.assert_array_equal(volume.array[k], stored[k].astype(np.float64) * float(slope))
    (finding,) = [one for one in volume.findings if one.code == "rescale-varies"]
    assert (finding.severity, finding.evidence["slope_min"], finding.evidence["slope_max"]) == ("info", 0.125, 1.7)


def test_stored_values_stay_as_they_are(tmp_path: Path) -> None:
    stored = vm.pixels_of(2, dtype="u2")
    vm.write_stack(tmp_path, stored, vm.axial(2), RescaleSlope="0.5", RescaleIntercept="-7", RescaleType="HU")
    volume = load_series(tmp_path, stored_values=True)
    np.testing.assert_array_equal(volume.array, stored)
    assert (volume.array.dtype, volume.units, volume.is_stored) == (np.uint16, "", True)
    assert load_series(tmp_path).units == "HU"


def test_values_can_be_had_in_single_precision(tmp_path: Path) -> None:
    stored = vm.pixels_of(2, dtype="i2")
    vm.write_stack(tmp_path, stored, vm.axial(2), RescaleSlope="0.055172", RescaleIntercept="-7")
    volume = load_series(tmp_path, dtype="float32")
    np.testing.assert_array_equal(volume.array, (stored * 0.055172 - 7).astype(np.float32))
    with pytest.raises(UsageError, match="float32 or float64"):
        load_series(tmp_path, dtype="int16")


def test_slices_of_other_signedness_and_depth_share_a_type_that_holds_them(tmp_path: Path) -> None:
    pixels = [np.array([[-5, 7]], "i2"), np.array([[65535, 0]], "u2"), np.array([[255, 3]], "u1")]
    for k, one in enumerate(pixels):
        vm.save(vm.dataset(one, (0, 0, 3 * k)), tmp_path / f"{k}.dcm")
    volume = load_series(tmp_path)
    assert volume.array[:, 0].tolist() == [[-5, 7], [65535, 0], [255, 3]]
    assert volume.array.dtype == np.int32


def test_a_modality_lut_is_looked_up(tmp_path: Path) -> None:
    item = pydicom.Dataset()
    item.LUTDescriptor = [4, 10, 16]
    item.LUTData = [100, 7, 65535, 3]
    item["LUTData"].VR = "US"
    item.ModalityLUTType = "US"
    one = vm.dataset(np.array([[0, 10, 11, 12, 13, 200]], "u1"), ModalityLUTSequence=[item])
    volume = load_series(vm.save(one, tmp_path / "lut.dcm"))
    assert volume.array[0, 0].tolist() == [100, 100, 7, 65535, 3, 3]


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, RLELossless, ImplicitVRLittleEndian])
def test_transfer_syntaxes_give_the_same_values(tmp_path: Path, syntax: str) -> None:
    stored = vm.pixels_of(3)
    for k, position in enumerate(vm.axial(3)):
        one = vm.dataset(stored[k], position, RescaleSlope="1", RescaleIntercept="-1")
        if syntax == RLELossless:
            one.compress(RLELossless, generate_instance_uid=False)
        vm.save(one, tmp_path / f"{k}.dcm", syntax)
    np.testing.assert_array_equal(load_series(tmp_path).array, stored.astype(np.int32) - 1)


def test_mixed_transfer_syntaxes_make_one_volume(tmp_path: Path) -> None:
    stored = vm.pixels_of(4)
    syntaxes = [ExplicitVRLittleEndian, RLELossless, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
    for k, position in enumerate(vm.axial(4)):
        one = vm.dataset(stored[k], position)
        if syntaxes[k] == RLELossless:
            one.compress(RLELossless, generate_instance_uid=False)
        vm.save(one, tmp_path / f"{k}.dcm", syntaxes[k])
    np.testing.assert_array_equal(load_series(tmp_path).array, stored)


def test_frames_are_placed_and_scaled_each_by_its_own_groups(tmp_path: Path) -> None:
    stored = vm.pixels_of(3, dtype="u2")
    order = [2, 0, 1]
    positions = [vm.axial(3)[place] for place in order]
    one = vm.enhanced(stored, positions, [("2", "1"), ("0.5", "0"), ("1", "-1000")])
    volume = load_series(vm.save(one, tmp_path / "enhanced.dcm"))
    values = stored.astype(np.float64)
    np.testing.assert_array_equal(volume.array, [values[1] * 0.5, values[2] - 1000, values[0] * 2 + 1])
    assert volume.units == "HU"
    np.testing.assert_array_equal(volume.slice_corners_lps_mm, vm.axial(3))


def test_a_nuclear_tomogram_is_a_volume(tmp_path: Path) -> None:
    stored = vm.pixels_of(4, dtype="u2")
    volume = load_series(vm.save(vm.nuclear(stored, 3.5), tmp_path / "nm.dcm"))
    np.testing.assert_array_equal(volume.array, stored)
    np.testing.assert_allclose(volume.slice_corners_lps_mm, [(1, 2, 3 + 3.5 * k) for k in range(4)])


def test_a_dose_is_scaled_when_asked_for() -> None:
    path = INSTALLED / "test_files" / "rtdose.dcm"
    found = pydicom.dcmread(path)
    dose = load_series(path, scale_dose=True)
    np.testing.assert_array_equal(dose.array, found.pixel_array * float(found.DoseGridScaling))
    assert dose.units == str(found.DoseUnits)
    assert load_series(path).units == ""


@pytest.mark.parametrize(
    ("planar", "syntax"), [(0, ExplicitVRLittleEndian), (1, ExplicitVRLittleEndian), (0, RLELossless)]
)
def test_colour_comes_pixel_by_pixel(tmp_path: Path, planar: int, syntax: str) -> None:
    stored = vm.pixels_of(2, (4, 6, 3), "u1")
    for k, position in enumerate(vm.axial(2)):
        one = vm.dataset(stored[k], position, PlanarConfiguration=planar)
        if planar:
            one.PixelData = stored[k].transpose(2, 0, 1).tobytes()
        if syntax == RLELossless:
            one.compress(RLELossless, generate_instance_uid=False)
        vm.save(one, tmp_path / f"{k}.dcm", syntax)
    volume = load_series(tmp_path)
    np.testing.assert_array_equal(volume.array, stored)
    assert volume.is_color and volume.dimensions == (6, 4, 2)


def test_ybr_becomes_rgb_and_stays_on_request(tmp_path: Path) -> None:
    # Y, CB, CR of black, white, and full red by PS3.3 C.7.6.3.1.2.
    stored = np.array([[[0, 128, 128], [255, 128, 128], [76, 85, 255]]], np.uint8)
    path = vm.save(vm.dataset(stored, PhotometricInterpretation="YBR_FULL"), tmp_path / "ybr.dcm")
    np.testing.assert_allclose(load_series(path).array[0, 0], [[0, 0, 0], [255, 255, 255], [254, 0, 0]], atol=1)
    np.testing.assert_array_equal(load_series(path, stored_values=True).array[0], stored)


def test_a_palette_is_looked_up_and_indices_stay_on_request(tmp_path: Path) -> None:
    one = vm.dataset(np.array([[0, 1, 2]], np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for number, name in enumerate(("Red", "Green", "Blue")):
        setattr(one, f"{name}PaletteColorLookupTableDescriptor", [3, 0, 16])
        table = np.array([0, 1000 * (number + 1), 65535], "<u2")
        setattr(one, f"{name}PaletteColorLookupTableData", table.tobytes())
    path = vm.save(one, tmp_path / "palette.dcm")
    assert load_series(path).array[0, 0].tolist() == [[0, 0, 0], [1000, 2000, 3000], [65535, 65535, 65535]]
    assert load_series(path, stored_values=True).array[0, 0].tolist() == [0, 1, 2]


def test_monochrome1_keeps_its_values_and_says_so(tmp_path: Path) -> None:
    stored = vm.pixels_of(2, dtype="u2")
    vm.write_stack(tmp_path, stored, vm.axial(2), PhotometricInterpretation="MONOCHROME1")
    volume = load_series(tmp_path)
    np.testing.assert_array_equal(volume.array, stored)
    assert volume.photometric == "MONOCHROME1"


def test_float_pixels_are_read(tmp_path: Path) -> None:
    values = np.array([[0.5, -1e-7, 3e8]], np.float32)
    one = vm.dataset(np.zeros((1, 3), "i4"), PixelData=None, BitsStored=32)
    for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
        del one[keyword]
    one.FloatPixelData = values.tobytes()
    volume = load_series(vm.save(one, tmp_path / "float.dcm"))
    np.testing.assert_array_equal(volume.array[0], values)
    assert volume.array.dtype == np.float32


def test_a_high_bit_that_is_not_the_highest_is_told(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(2, dtype="u2"), vm.axial(2), BitsStored=12, HighBit=15)
    findings = [one for one in load_series(tmp_path).findings if one.code == "pixel-bits-inconsistent"]
    assert [(one.severity, one.evidence["files"]) for one in findings] == [("warning", 2)]


def test_a_slope_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    path = vm.save(vm.dataset(vm.pixels_of(1)[0], RescaleSlope="1", RescaleIntercept="0"), tmp_path / "one.dcm")
    raw = path.read_bytes()
    assert raw.count(b"\x28\x00\x53\x10DS\x02\x001 ") == 1
    path.write_bytes(raw.replace(b"\x28\x00\x53\x10DS\x02\x001 ", b"\x28\x00\x53\x10DS\x02\x00xx"))
    with pytest.raises(DicomRegInspectorError, match=r"one\.dcm"):
        load_series(path)
