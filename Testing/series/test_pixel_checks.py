"""Checks of pixels: silent on regular files, and right with numbers on each thing that can be wrong."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.errors import Cancelled, FileError, UsageError
from DicomRegInspectorLib.series import check_pixels
from DicomRegInspectorLib.series.pixel_checks.check_pixels import check_file
from pixel_files import ct, found, only, save
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

PYDICOM_FILES = Path(pydicom.__file__).parent / "data" / "test_files"
EXPLAINED = {
    "J2K_pixelrep_mismatch.dcm": {"pixel-bits-inconsistent"},
    "693_J2KI.dcm": {"pixel-bits-inconsistent"},  # 14 bits stored, 16 in the compressed image
    "JPEG2000-embedded-sequence-delimiter.dcm": {"pixel-not-decodable"},  # its width was overwritten
    "MR_small_padded.dcm": {"pixel-data-length"},
    "MR_truncated.dcm": {"file-truncated"},
    "rtplan_truncated.dcm": {"file-truncated"},
    "badVR.dcm": {"pixel-frames-disagree"},  # Number of Frames is no number; there is room for 15
    "liver_1frame.dcm": {"pixel-frames-disagree"},  # functional groups of three frames were left in
    "liver_expb_1frame.dcm": {"pixel-frames-disagree"},
    "SC_rgb_jpeg.dcm": {"pixel-photometric", "pixel-lossy"},  # says RGB, holds YBR; and another ratio
    "JPEGLSNearLossless_08.dcm": {"pixel-lossy"},
    "JPEGLSNearLossless_16.dcm": {"pixel-lossy"},
    "SC_rgb_jls_lossy_line.dcm": {"pixel-lossy"},
    "SC_rgb_jls_lossy_sample.dcm": {"pixel-lossy"},
    "SC_jpeg_no_color_transform.dcm": {"pixel-lossy"},  # lossy, ratio not said
    "SC_jpeg_no_color_transform_2.dcm": {"pixel-lossy"},
    "SC_rgb_jpeg_app14_dcmd.dcm": {"pixel-lossy"},
    "meta_missing_tsyntax.dcm": {"pixel-bits-inconsistent"},  # pixel data without rows and columns
    "nested_priv_SQ.dcm": {"pixel-bits-inconsistent"},
    "ExplVR_BigEnd.dcm": {"pixel-spacing-kind"},  # ultrasound without any calibration
}
"""Every file that pydicom installs for its own tests and that is odd, with what is odd about it."""


def test_a_regular_file_has_no_finding(tmp_path: Path) -> None:
    one = check_file(ct(tmp_path))
    assert one.findings == ()
    assert (one.pixels, one.length_bytes, one.expected_bytes) == ("present", 6144, 6144)
    assert one.spacing is not None and one.spacing.where == "the patient"


def test_the_files_of_pydicom_have_only_the_findings_that_are_explained() -> None:
    # Which frames can be decoded depends on what is installed; another test sees to that.
    report = check_pixels(PYDICOM_FILES, decode=False)
    for one in report.files:
        name = Path(one.path).name
        codes = {finding.code for finding in one.findings}
        if "dicomdirtests" in one.path or one.pixels == "missing":
            assert codes <= {"pixel-data-missing", "pixel-bits-inconsistent", "pixel-spacing-kind"}, (one.path, codes)
            assert all(f.severity == "info" or f.code == "pixel-data-missing" for f in one.findings)
        elif codes and one.modality == "US" and {f.severity for f in one.findings} == {"info"}:
            assert codes == {"pixel-spacing-kind"}
        else:
            assert codes == EXPLAINED.get(name, set()), (name, [f.message for f in one.findings])


def test_every_file_that_pydicom_cannot_decode_has_an_error() -> None:
    checked = {one.path: one for one in check_pixels(PYDICOM_FILES).files}
    failed = 0
    for path, one in checked.items():
        if not one.description or one.pixels != "present":
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                assert pydicom.dcmread(path, force=True).pixel_array.size
            except Exception:
                failed += 1
                assert any(finding.severity == "error" for finding in one.findings), path
            else:
                assert not any(finding.code == "pixel-not-decodable" for finding in one.findings), path
    assert failed >= 3


def test_real_series_have_no_finding(shared_data: Path) -> None:
    report = check_pixels(shared_data)
    assert len(report.files) == 28 * 3 + 1
    assert report.findings == ()


@pytest.mark.parametrize(
    ("count", "code", "severity", "key", "number"),
    [
        (6144 - 100, "pixel-data-length", "error", "too_few_bytes", 100),
        (6144 + 100, "pixel-data-length", "warning", "too_many_bytes", 100),
        (3 * 6144, "pixel-frames-disagree", "error", "whole_frames", 3),
    ],
)
def test_pixels_of_another_length_than_announced(
    tmp_path: Path, count: int, code: str, severity: str, key: str, number: int
) -> None:
    finding = only(ct(tmp_path, PixelData=bytes(count)))
    assert (finding.code, finding.severity, finding.evidence[key]) == (code, severity, number)
    assert finding.evidence["expected_bytes"] == 6144


def test_an_odd_length_and_a_padded_one(tmp_path: Path) -> None:
    shape = {"Rows": 3, "Columns": 3, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    assert check_file(ct(tmp_path, **shape, PixelData=bytes(10))).findings == ()
    path = Path(ct(tmp_path, "odd.dcm", **shape, PixelData=bytes(10)))
    raw = path.read_bytes()
    start = raw.rindex(b"\xe0\x7f\x10\x00OW") + 8
    path.write_bytes(raw[:start] + (9).to_bytes(4, "little") + raw[start + 4 : start + 13])
    finding = only(str(path))
    assert finding.code == "pixel-data-length" and finding.evidence["length_bytes"] == 9


def test_subsampled_colours_and_packed_bits_have_their_own_lengths(tmp_path: Path) -> None:
    colour = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    colour |= {
        "PhotometricInterpretation": "YBR_FULL_422",
        "RescaleType": "US",
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7",
    }
    assert check_file(ct(tmp_path, **colour, PixelData=bytes(48 * 64 * 2))).findings == ()
    finding = only(ct(tmp_path, "full.dcm", **colour, PixelData=bytes(48 * 64 * 3)))
    assert finding.code == "pixel-data-length" and "without subsampled" in finding.message
    bits = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "Rows": 5, "Columns": 5, "NumberOfFrames": 3}
    bits |= {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.1"}
    assert check_file(ct(tmp_path, "bits.dcm", **bits, PixelData=bytes(10))).findings == ()  # 75 bits
    finding = only(ct(tmp_path, "gaps.dcm", **bits, PixelData=bytes(12)))
    assert "whole byte" in finding.message


def test_bytes_after_the_pixels(tmp_path: Path) -> None:
    path = Path(ct(tmp_path))
    path.write_bytes(path.read_bytes() + bytes(100))
    finding = only(str(path))
    assert finding.code == "pixel-data-length" and finding.evidence["trailing_bytes"] == 100
    padded = ct(tmp_path, "padded.dcm", DataSetTrailingPadding=bytes(64))
    assert check_file(padded).findings == ()


def test_a_cut_off_file(tmp_path: Path) -> None:
    path = Path(ct(tmp_path))
    path.write_bytes(path.read_bytes()[:-1000])
    finding = only(str(path))
    assert finding.code == "file-truncated" and finding.evidence["missing_bytes"] == 1000


@pytest.mark.parametrize(
    ("values", "severity"),
    [
        ({"HighBit": 15}, "warning"),
        ({"HighBit": 16}, "error"),
        ({"BitsStored": 17, "HighBit": 16}, "error"),
        ({"PixelRepresentation": 2}, "error"),
        ({"BitsStored": None}, "error"),
    ],
)
def test_bit_depths_that_contradict_each_other(tmp_path: Path, values: dict[str, Any], severity: str) -> None:
    findings = found(ct(tmp_path, **values), "pixel-bits-inconsistent")
    assert [finding.severity for finding in findings] == [severity]


def test_bits_above_the_stored_ones(tmp_path: Path) -> None:
    values = (np.arange(48 * 64) % 4096).astype("<u2")
    values[10:15] |= 0x4000
    path = ct(tmp_path, PixelData=values.tobytes())
    finding = only(path)
    assert finding.severity == "warning"
    assert (finding.evidence["values"], finding.evidence["bits"]) == (5, "0x4000")
    assert "value 10" in finding.message
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x60000010, "US", 48)
    dataset.add_new(0x60000011, "US", 64)
    dataset.add_new(0x60000100, "US", 16)
    dataset.add_new(0x60000102, "US", 14)
    dataset.save_as(path)
    assert only(path).severity == "info" and "overlay" in only(path).message


def test_signed_values_may_repeat_their_sign_and_padding_may_use_all_bits(tmp_path: Path) -> None:
    values = (np.arange(48 * 64) % 4096 - 2048).astype("<i2")
    assert check_file(ct(tmp_path, PixelRepresentation=1, PixelData=values.tobytes())).findings == ()
    cut = (values.astype("<i4") & 0xFFF).astype("<u2")
    finding = only(ct(tmp_path, "cut.dcm", PixelRepresentation=1, PixelData=cut.tobytes()))
    assert finding.severity == "info" and finding.evidence["values"] == int((values < 0).sum())
    padding = values.copy()
    padding[:7] = -32768
    path = ct(tmp_path, "padding.dcm", PixelRepresentation=1, PixelPaddingValue=-32768, PixelData=padding.tobytes())
    assert check_file(path).findings == ()


def test_smallest_and_largest_value_of_the_wrong_signedness(tmp_path: Path) -> None:
    path = ct(tmp_path)
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x00280106, "SS", -5)
    dataset.add_new(0x00280107, "SS", 4095)
    dataset.save_as(path)
    by_severity = {finding.severity: finding for finding in check_file(path).findings}
    assert set(by_severity) == {"warning", "info"}
    assert by_severity["warning"].evidence["other_value"] == 65531


def test_values_beyond_the_range_that_is_announced(tmp_path: Path) -> None:
    finding = only(ct(tmp_path, SmallestImagePixelValue=100, LargestImagePixelValue=4000))
    assert finding.severity == "info"
    assert (finding.evidence["smallest_found"], finding.evidence["largest_found"]) == (0, 3071)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"PhotometricInterpretation": "RGB"}, "3 sample"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "lookup table"),
        ({"PhotometricInterpretation": "GREY"}, "does not define"),
        ({"PhotometricInterpretation": None}, "missing"),
    ],
)
def test_colours_that_contradict_the_samples(tmp_path: Path, values: dict[str, Any], word: str) -> None:
    findings = found(ct(tmp_path, **values), "pixel-photometric")
    assert findings and word in findings[0].message


def test_an_image_without_pixels_and_objects_that_rightly_have_none(tmp_path: Path) -> None:
    finding = only(ct(tmp_path, PixelData=None))
    assert finding.code == "pixel-data-missing" and finding.evidence["expected_bytes"] == 6144
    plan = check_file(get_testdata_file("rtplan.dcm"))
    assert plan.findings == () and plan.pixels.startswith("none: ")


def test_lossy_flags_against_method_and_ratio(tmp_path: Path) -> None:
    lossy = pydicom.dcmread(get_testdata_file("SC_rgb_jpeg_dcmtk.dcm"))
    assert lossy.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    lossy.LossyImageCompression = "00"
    assert found(save(lossy, tmp_path), "pixel-lossy")[0].severity == "warning"
    irreversible = pydicom.dcmread(get_testdata_file("JPEG2000.dcm"))
    irreversible.file_meta.TransferSyntaxUID = JPEG2000Lossless
    finding = found(save(irreversible, tmp_path), "pixel-lossy")
    # The 9-7 wavelet is lossy (T.800); GDCM's own dump of the file agrees with the header's 01.
    assert [one.severity for one in finding if "lossy method" in one.message] == ["error"]


@pytest.mark.parametrize(
    ("values", "severity"),
    [
        ({"RescaleSlope": 0}, "error"),
        ({"RescaleIntercept": 0}, "warning"),
        ({"RescaleSlope": 500}, "warning"),
        ({"RescaleSlope": None}, "warning"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "RescaleType": "US", "RescaleSlope": "1e-9"}, "warning"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "RescaleType": "HU"}, "warning"),
    ],
)
def test_rescales_that_cannot_be_meant(tmp_path: Path, values: dict[str, Any], severity: str) -> None:
    finding = only(ct(tmp_path, **{"RescaleType": "HU", **values}))
    assert (finding.code, finding.severity) == ("rescale-absurd", severity)


def test_which_spacing_applies(tmp_path: Path) -> None:
    radiograph = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "Modality": "CR", "ImagerPixelSpacing": [0.2, 0.2]}
    one = check_file(ct(tmp_path, **radiograph, PixelSpacing=None))
    assert one.spacing is not None and (one.spacing.mm, one.spacing.where) == ((0.2, 0.2), "the detector")
    assert [finding.code for finding in one.findings] == ["pixel-spacing-kind"]
    region = Dataset()
    region.RegionDataType, region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection = 1, 3, 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.02, 0.03
    ultrasound = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1",
        "Modality": "US",
        "SequenceOfUltrasoundRegions": [region],
    }
    one = check_file(ct(tmp_path, **ultrasound, PixelSpacing=[0.3, 0.2]))
    assert one.findings == () and one.spacing is not None and one.spacing.mm == pytest.approx((0.3, 0.2))
    finding = only(ct(tmp_path, **ultrasound, PixelSpacing=[1.0, 1.0]))
    assert (finding.code, finding.severity) == ("pixel-spacing-kind", "warning")


def test_rescale_that_varies_within_a_stack(tmp_path: Path) -> None:
    for number in range(6):
        slope = 1.5 if number == 4 else 1
        ct(tmp_path, f"{number}.dcm", SOPInstanceUID=f"1.2.3.{number}", ImagePositionPatient=[0, 0, number],
           RescaleSlope=slope)  # fmt: skip
    (finding,) = check_pixels(tmp_path).findings
    assert (finding.code, finding.severity) == ("rescale-varies", "warning")
    assert (finding.evidence["slope_max"], finding.evidence["sop_instance_uids"]) == (1.5, ["1.2.3.4"])


def test_the_same_of_several_files_is_said_once(tmp_path: Path) -> None:
    for number in range(3):
        ct(tmp_path, f"{number}.dcm", SOPInstanceUID=f"1.2.3.{number}", ImagePositionPatient=[0, 0, number], HighBit=15)
    (finding,) = check_pixels(tmp_path).findings
    assert finding.evidence["files"] == 3


def test_bad_paths_and_cancelling(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such"):
        check_pixels(tmp_path / "absent")
    ct(tmp_path)
    with pytest.raises(Cancelled):
        check_pixels(tmp_path, lambda *_: False)


def test_damaged_files_raise_nothing_but_file_errors(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    names = ["CT_small.dcm", "MR_small_bigendian.dcm", "SC_rgb_rle.dcm", "liver_1frame.dcm", "JPEG2000.dcm"]
    names += ["MR_small_implicit.dcm", "image_dfl.dcm", "priv_SQ.dcm", "nested_priv_SQ.dcm"]
    path = tmp_path / "damaged.dcm"
    outcomes = set()
    for name in names:
        whole = np.frombuffer(Path(get_testdata_file(name)).read_bytes(), np.uint8)
        for _ in range(12):
            data = whole[: random.integers(150, whole.size)].copy()
            data[random.integers(132, min(data.size, 4000), 4)] = random.integers(0, 256, 4)
            path.write_bytes(data.tobytes())
            try:
                outcomes.add(check_file(path, decode=False).pixels)
            except FileError as error:
                outcomes.add(error.code)
    assert {"file-truncated", "present"} <= outcomes


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_a_big_multi_frame_file_is_checked_in_little_memory(tmp_path: Path, project_root: Path) -> None:
    frames = 200
    path = Path(ct(tmp_path, Rows=512, Columns=512, NumberOfFrames=frames, PixelData=bytes(512 * 512 * 2)))
    raw = path.read_bytes()
    start = raw.rindex(b"\xe0\x7f\x10\x00OW") + 8
    length = 512 * 512 * 2 * frames
    with path.open("wb") as file:
        file.write(raw[:start] + length.to_bytes(4, "little"))
        file.truncate(start + 4 + length)
    program = (
        "import sys; from DicomRegInspectorLib.series import check_pixels; report = check_pixels(sys.argv[1]);"
        "print(len(report.findings), [line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line][0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        env={"PYTHONPATH": str(project_root / "DicomRegInspector"), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    findings, peak_kb = (int(part) for part in done.stdout.split())
    assert path.stat().st_size > 100_000_000
    assert findings == 0
    assert peak_kb < 50_000
