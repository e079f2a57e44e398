"""Values that are no numbers are quoted by inspect and pixels alike; elements of low groups stop no reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import volume_making as vm
from DicomRegInspectorLib import check_pixels, inspect_paths, load_series
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

HOUNSFIELD = {"RescaleSlope": "1", "RescaleIntercept": "0", "RescaleType": "HU"}
SPACING, POSITION, ORIENTATION, THICKNESS, BETWEEN = 0x00280030, 0x00200032, 0x00200037, 0x00180050, 0x00180088


def raw(one: Dataset, tag: int, text: str) -> Dataset:
    value = text.encode() + b" " * (len(text) % 2)
    one._dict[Tag(tag)] = RawDataElement(Tag(tag), "DS", len(value), value, 0, False, True)
    return one


def series(folder: Path, tag: int, text: str) -> Path:
    for k in range(4):
        vm.save(raw(vm.dataset(vm.pixels_of(1)[0], (0, 0, 2.5 * k), **HOUNSFIELD), tag, text), folder / f"{k}.dcm")
    return folder


CASES = [
    (SPACING, "0,143\\0,143", "error", "decimal points"),
    (SPACING, "0.0058,0.0019", "error", "backslashes"),
    (SPACING, "0\\0", "error", "two positive numbers"),
    (SPACING, "0.5", "error", "two positive numbers"),
    (SPACING, "-0.5\\0.5", "error", "two positive numbers"),
    (SPACING, "0.5\\0.5\\0.5", "error", "two positive numbers"),
    (SPACING, "0.5mm\\0.5mm", "error", "two positive numbers"),
    (SPACING, "nan\\nan", "error", "two positive numbers"),
    (POSITION, "-100,5\\-100,5\\2,5", "error", "decimal points"),
    (POSITION, "1\\2", "error", "three numbers"),
    (ORIENTATION, "1\\0\\0\\0\\1", "error", "six direction cosines"),
    (THICKNESS, "2,5", "warning", "decimal points"),
    (BETWEEN, "unknown", "warning", "one number"),
]


@pytest.mark.parametrize(("tag", "text", "severity", "said"), CASES)
def test_a_value_that_is_no_number_is_quoted_by_both(
    tmp_path: Path, tag: int, text: str, severity: str, said: str
) -> None:
    path = series(tmp_path, tag, text)
    for findings in (inspect_paths(path).findings, check_pixels(path).findings):
        (told,) = [finding for finding in findings if finding.code == "number-invalid"]
        assert told.severity == severity and f"'{text}'" in told.message and said in told.message
        assert told.evidence["values"] == [text]


def test_numbers_as_dicom_has_them_are_not_told(tmp_path: Path) -> None:
    for text in ("0.5\\0.5", "5e-1\\5.0E-01", " 0.5 \\ 0.5", "1.25\\.5"):
        assert [f.code for f in check_pixels(series(tmp_path, SPACING, text)).findings] == []
        assert [f.code for f in inspect_paths(tmp_path).findings] == []


def test_frames_are_quoted_too(tmp_path: Path) -> None:
    from test_frame_values import enhanced

    one = enhanced([(3.0 * k, {}) for k in range(4)])
    measures = one.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    raw(measures, SPACING, "0,5\\0,5")
    path = vm.save(one, tmp_path / "one.dcm")
    for findings in (inspect_paths(path).findings, check_pixels(path).findings):
        assert ["'0,5\\0,5'" in finding.message for finding in findings if finding.code == "number-invalid"] == [True]


@pytest.mark.parametrize("tag", [0x00010010, 0x00030010, 0x00041500, 0x00041220, 0x00060010, 0x00071001])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_elements_of_low_groups_stop_no_reading(tmp_path: Path, tag: int, syntax: str) -> None:
    pixels = vm.pixels_of(4)
    for k in range(4):
        one = vm.dataset(pixels[k], (0, 0, 2.5 * k), **HOUNSFIELD)
        if tag == 0x00041220:
            item = Dataset()
            item.ReferencedFileID = "IMAGE"
            one.add_new(tag, "SQ", [item])
        else:
            one.add_new(tag, "CS", "C")
        vm.save(one, tmp_path / f"{k}.dcm", syntax)
    assert inspect_paths(tmp_path).findings == () and check_pixels(tmp_path).findings == ()
    np.testing.assert_array_equal(load_series(tmp_path).array, pixels)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("length", [4, 8])
def test_a_command_group_that_was_left_stops_no_reading(tmp_path: Path, syntax: str, length: int) -> None:
    pixels = vm.pixels_of(4)
    implicit = syntax == ImplicitVRLittleEndian
    for k in range(4):
        path = vm.save(vm.dataset(pixels[k], (0, 0, 2.5 * k)), tmp_path / f"{k}.dcm", syntax)
        content = path.read_bytes()
        start = 132 + 12 + int.from_bytes(content[140:144], "little")
        head = b"\0\0\0\0" + (length.to_bytes(4, "little") if implicit else b"UL" + length.to_bytes(2, "little"))
        path.write_bytes(content[:start] + head + bytes(length) + content[start:])
    assert inspect_paths(tmp_path).findings == ()
    np.testing.assert_array_equal(load_series(tmp_path).array, pixels)


def test_slices_without_pixel_spacing_are_told_as_loading_tells_them(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(4), vm.axial(4), PixelSpacing=None)
    (told,) = inspect_paths(tmp_path).findings
    assert (told.code, told.severity) == ("geometry-ignored-by-readers", "error")
    loaded = [finding for finding in load_series(tmp_path).findings if finding.code == told.code]
    assert {finding.severity for finding in loaded} == {told.severity}
