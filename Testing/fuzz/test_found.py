"""What damaged files have done to exports and to volumes of other formats, one file of each kind."""

from __future__ import annotations

import contextlib
import sys
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent / "series")]

import exporting_calls
import fuzz
import volume_making as vm
from DicomRegInspectorLib import (
    ApplyRequest,
    ExportOptions,
    apply_transform,
    check_pixels,
    export_image,
    export_transform,
    inspect_paths,
    load_series,
    read_transform,
)
from DicomRegInspectorLib.errors import DicomRegInspectorError, FileError, UsageError
from DicomRegInspectorLib.report.text.show import show_file
from DicomRegInspectorLib.report.text.terminal import Style
from DicomRegInspectorLib.series.regularize.options import RegularizeOptions
from DicomRegInspectorLib.structures import read_structures
from DicomRegInspectorLib.tasks.regularize import save_series
from DicomRegInspectorLib.volumes.other_formats import read_label_image

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def shift(tmp_path: Path) -> Path:
    (tmp_path / "shift.txt").write_text(exporting_calls.SHIFT)
    return tmp_path / "shift.txt"


def images(folder: Path, **elements: object) -> Path:
    vm.write_stack(folder, vm.pixels_of(3), vm.axial(3), PatientID="4711", **elements)
    return folder


def between(folder: Path) -> ExportOptions:
    return ExportOptions(fixed=[folder], moving=[folder], assumed=exporting_calls.BOTH_KNOWN)


def replaced(folder: Path, old: bytes, new: bytes) -> Path:
    for path in folder.iterdir():
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new))
    return folder


def test_an_element_that_is_not_copied_may_be_broken(shift: Path, tmp_path: Path) -> None:
    folder = replaced(images(tmp_path / "ct"), b"\x18\x00\x50\x00DS", b"\x18\x00\x50\x00FD")
    written = export_transform(shift, tmp_path / "reg.dcm", between(folder))
    assert written.output.stat().st_size > 0
    assert len(export_image(folder, tmp_path / "new").files) == 3


def test_an_element_that_is_copied_may_not(shift: Path, tmp_path: Path) -> None:
    folder = replaced(images(tmp_path / "ct", PatientSize="1.80"), b"\x10\x00\x20\x10DS", b"\x10\x00\x20\x10FD")
    for write in (
        lambda: export_transform(shift, tmp_path / "reg.dcm", between(folder)),
        lambda: export_image(folder, tmp_path / "new"),
    ):
        with pytest.raises(FileError, match="holds elements that cannot be copied"):
            write()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ct", "shift.txt"]


def test_images_without_a_place_are_refused(shift: Path, tmp_path: Path) -> None:
    folder = images(tmp_path / "ct", ImagePositionPatient=None, Rows=0)
    with pytest.raises(UsageError):
        export_transform(shift, tmp_path / "reg.dcm", between(folder))
    with pytest.raises(UsageError):
        export_image(folder, tmp_path / "new")


@pytest.mark.parametrize("wrong", [b"1.2.3.5x", b"1.2.3.5\xc7"])
def test_uids_that_are_none_warn_nobody(wrong: bytes, shift: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = replaced(images(tmp_path / "ct", FrameOfReferenceUID="1.2.3.55"), b"1.2.3.55", wrong)
    if wrong.isascii():
        export_transform(shift, tmp_path / "reg.dcm", between(folder))
    else:
        with pytest.raises(FileError, match="does not go into a DICOM object"):
            export_transform(shift, tmp_path / "reg.dcm", between(folder))


def test_one_slice_without_thickness_is_exported(shift: Path, tmp_path: Path) -> None:
    vm.save(vm.dataset(vm.pixels_of(1)[0], SliceThickness=None), tmp_path / "ct" / "1.dcm")
    assert export_transform(shift, tmp_path / "reg.dcm", between(tmp_path / "ct")).output.exists()


@pytest.mark.parametrize("name", ["labels.nrrd", "labels.nii", "labels.mha"])
def test_a_volume_cut_off_after_its_header_takes_no_memory(name: str, tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    sitk.WriteImage(sitk.Image(512, 512, 100, sitk.sitkUInt8), str(tmp_path / name))
    whole = (tmp_path / name).read_bytes()
    assert read_label_image(tmp_path / name).labels.shape == (100, 512, 512)
    (tmp_path / name).write_bytes(whole[:400])
    before = fuzz.reset_peak()
    with pytest.raises(FileError, match="claims 512 x 512 x 100 voxels"):
        read_label_image(tmp_path / name)
    assert not before or fuzz.status("VmHWM") - before < 10 << 20


def test_dicom_is_no_volume_of_another_format(tmp_path: Path) -> None:
    pytest.importorskip("SimpleITK")
    vm.save(vm.dataset(np.zeros((5, 7), np.int16)), tmp_path / "labels.dcm")
    with pytest.raises(FileError, match="is not a volume that SimpleITK reads"):
        read_label_image(tmp_path / "labels.dcm")


def test_a_signalling_nan_among_labels_warns_nobody(tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    values = np.full((3, 4, 5), 0x7FA00000, np.uint32).view(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "labels.nrrd"))
    with pytest.raises(FileError, match="not whole"):
        read_label_image(tmp_path / "labels.nrrd")


def test_a_volume_of_values_is_not_taken_for_hundreds_of_structures(tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    values = np.arange(-300, 300, dtype=np.int16).reshape(6, 10, 10)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "values.nrrd"))
    with pytest.raises(FileError, match="negative numbers"):
        read_structures(tmp_path / "values.nrrd")


def test_transforms_are_applied_to_images_whose_uids_are_none_without_a_warning(shift: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = replaced(images(tmp_path / "ct", StudyInstanceUID="1.2.3.55"), b"1.2.3.55", b"1.2.3.5x")
    transform = read_transform(shift, assumed=exporting_calls.BOTH_KNOWN)
    apply_transform("image", ApplyRequest(transform=transform, input=str(folder), output=tmp_path / "moved"))
    assert len(list((tmp_path / "moved").iterdir())) == 3


def test_a_transfer_syntax_that_is_no_text_is_told_by_everything_that_reads_headers(tmp_path: Path) -> None:
    plain, longer = b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x16\x001.2.840.10008.1.2.4.\xac1"
    folder = replaced(images(tmp_path / "ct"), b"\x02\x00\x10\x00" + plain, b"\x02\x00\x10\x00" + longer)
    for path in folder.iterdir():
        data = bytearray(path.read_bytes())
        place = data.index(b"\x02\x00\x00\x00UL\x04\x00") + 8  # File Meta Information Group Length
        data[place : place + 4] = (int.from_bytes(data[place : place + 4], "little") + 2).to_bytes(4, "little")
        path.write_bytes(data)
    for read in (load_series, check_pixels, inspect_paths):
        with contextlib.suppress(DicomRegInspectorError):
            read([str(folder)])
    with contextlib.suppress(DicomRegInspectorError):
        show_file(str(next(folder.iterdir())), Style())


def test_a_description_that_says_it_is_an_identifier_warns_nobody_who_writes_a_map(tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    folder = replaced(images(tmp_path / "ct", SeriesDescription="Thorax"), b"\x08\x00\x3e\x10LO", b"\x08\x00\x3e\x10UI")
    with contextlib.suppress(DicomRegInspectorError):
        save_series(inspect_paths([folder]).series[0], tmp_path / "map.dcm", RegularizeOptions(mode="resample"))


@pytest.mark.parametrize("characters", ["ISO_IR 192", "GB18030"])
def test_names_in_any_characters_are_kept_in_a_map(characters: str, tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    elements = {"PatientName": "Yamada^Tarou=山田^太郎", "AccessionNumber": "山"}
    folder = images(tmp_path / "ct", SpecificCharacterSet=characters, **elements)
    save_series(inspect_paths([folder]).series[0], tmp_path / "map.dcm", RegularizeOptions(mode="resample"))
    written = pydicom.dcmread(tmp_path / "map.dcm")
    assert {name: str(written[name].value) for name in elements} == elements
