"""Images that nobody would take for slices are told as what they are, and spoil no volume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import volume_making as vm
from DicomRegInspectorLib import inspect_paths, load_series
from pydicom.dataset import Dataset

CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
AXIAL, CORONAL = ["1", "0", "0", "0", "1", "0"], ["1", "0", "0", "0", "0", "-1"]
DERIVED = ["DERIVED", "SECONDARY"]


def picture(**elements: Any) -> Dataset:
    """An image without a plane, of another size than the slices."""
    return vm.dataset(np.zeros((9, 11), np.uint8), None, **{"SOPClassUID": CAPTURE, "ImageType": DERIVED, **elements})


def placed(position: tuple[float, ...], **elements: Any) -> Dataset:
    one = vm.dataset(np.zeros((9, 11), np.uint8), position, **elements)
    one.ImageOrientationPatient = elements.get("ImageOrientationPatient", CORONAL)
    return one


def colour(**elements: Any) -> Dataset:
    return vm.dataset(np.zeros((9, 11, 3), np.uint8), None, ImageType=DERIVED, **elements)


OTHERS = {
    "a screenshot": lambda: [picture()],
    "a dose report": lambda: [picture(SeriesDescription="Dose Report"), picture(ImageType=[*DERIVED, "DOSE_INFO"])],
    "a protocol page of CT class": lambda: [
        picture(SOPClassUID=vm.CT_IMAGE, ImageType=["DERIVED", "SECONDARY", "OTHER", "CT_SOM5 PROT"])
    ],
    "a coloured rendering of CT class": lambda: [colour()],
    "a screen of CT class that nothing names": lambda: [
        picture(SOPClassUID=vm.CT_IMAGE, PixelSpacing=None, SliceThickness=None)
    ],
    "saved screens with the places of slices": lambda: [
        placed((0, 0, 2.5 * k), ImageType=[*DERIVED, "SCREEN SAVE"], ImageOrientationPatient=AXIAL) for k in (1, 3, 5)
    ],
    "a localizer": lambda: [placed((0, 40, 90), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])],
    "a localizer without a plane": lambda: [
        picture(SOPClassUID=vm.CT_IMAGE, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    ],
    "MPR snapshots": lambda: [
        placed((0, 3.0, 70), ImageType=[*DERIVED, "MPR"], ImageOrientationPatient=plane)
        for plane in (CORONAL, ["0", "1", "0", "0", "0", "-1"])
    ],
    "a captured reformat": lambda: [placed((0, 5, 60), SOPClassUID=CAPTURE, ImageType=DERIVED)],
    "captures with the places of slices": lambda: [
        placed((0, 0, 2.5 * k), SOPClassUID=CAPTURE, ImageType=DERIVED, ImageOrientationPatient=AXIAL)
        for k in (0, 4, 8)
    ],
}  # fmt: skip


@pytest.mark.parametrize("what", OTHERS)
def test_among_slices_they_are_named_and_left_out(tmp_path: Path, what: str) -> None:
    pixels = vm.pixels_of(10)
    vm.write_stack(tmp_path, pixels, vm.axial(10))
    others = OTHERS[what]()
    for number, one in enumerate(others):
        vm.save(one, tmp_path / f"other{number}.dcm")
    found = inspect_paths(tmp_path)
    assert {finding.severity for finding in found.findings} == {"info"}, [one.message for one in found.findings]
    assert {finding.code for finding in found.findings} <= {"no-slice", "localizer-in-series"}
    (series,) = found.series
    assert series.slice_count == 10 + len(others) and series.is_volume
    assert [len(stack.slices) for stack in series.stacks if not stack.is_localizer] == [10]
    np.testing.assert_array_equal(load_series(tmp_path).array, pixels)


@pytest.mark.parametrize("what", OTHERS)
def test_as_a_series_of_their_own_they_have_no_errors(tmp_path: Path, what: str) -> None:
    if "places of slices" in what:
        pytest.skip("what makes a stack of its own is a volume")
    for number, one in enumerate(OTHERS[what]()):
        vm.save(one, tmp_path / f"other{number}.dcm")
    found = inspect_paths(tmp_path).findings
    assert [finding.code for finding in found].count("no-slice") >= 1
    assert {finding.severity for finding in found} == {"info"}, [one.message for one in found]


def test_many_screenshots_do_not_hide_the_volume(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(6), vm.axial(6))
    for number in range(20):
        vm.save(picture(), tmp_path / f"screen{number}.dcm")
    assert load_series(tmp_path).array.shape[0] == 6
    (told,) = inspect_paths(tmp_path).findings
    assert told.evidence["images"] == 20 and "20 screenshots" in told.message and "6 slices" in told.message


def test_a_converted_volume_of_captures_stays_one(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(8), vm.axial(8), SOPClassUID=CAPTURE)
    found = inspect_paths(tmp_path)
    assert [finding.code for finding in found.findings] == ["geometry-ignored-by-readers"]
    assert found.series[0].is_volume


def test_a_slice_that_lost_its_position_is_still_an_error(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(5), vm.axial(5))
    vm.save(vm.dataset(vm.pixels_of(1)[0], None), tmp_path / "lost.dcm")
    assert [finding.code for finding in inspect_paths(tmp_path).findings] == ["position-missing"]


def test_a_gap_beside_screenshots_is_still_found(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(6), [(0, 0, z) for z in (0, 2, 4, 10, 12, 14)])
    vm.save(picture(), tmp_path / "screen.dcm")
    assert sorted(finding.code for finding in inspect_paths(tmp_path).findings) == ["no-slice", "slice-gap"]


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.66", "1.3.46.670589.11.0.0.12.2"])
def test_raw_data_with_rows_but_without_pixels_is_no_image(tmp_path: Path, sop_class: str) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(6), vm.axial(6))
    raw = vm.dataset(vm.pixels_of(1)[0], None, SOPClassUID=sop_class)
    del raw.PixelData, raw.BitsAllocated
    vm.save(raw, tmp_path / "raw.dcm")
    found = inspect_paths(tmp_path)
    assert (found.series[0].slice_count, found.findings) == (6, ())


def test_a_slice_that_lost_bits_allocated_is_still_a_slice(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(5), vm.axial(5))
    damaged = vm.dataset(vm.pixels_of(1)[0], vm.axial(6)[5])
    del damaged.PixelData, damaged.BitsAllocated
    vm.save(damaged, tmp_path / "damaged.dcm")
    assert inspect_paths(tmp_path).series[0].slice_count == 6
