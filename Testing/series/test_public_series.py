"""The comparison with dcm2niix and plain counting, on series whose volumes are known because they are written here."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

BENCHMARKS = Path(__file__).resolve().parents[2] / "Benchmarks"
SERIES = "1.2.826.0.1.3680043.10.1.77"
COLUMNS, ROWS, SLICES, SPACING_MM = 12, 10, 5, 2.5

needs_dcm2niix = pytest.mark.skipif(shutil.which("dcm2niix") is None, reason="dcm2niix is not installed")


@pytest.fixture
def public_series(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import public_series

    return public_series


@pytest.fixture
def plain_counting(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import plain_counting

    return plain_counting


def write_echoes(folder: Path, echoes: int = 2, depths: tuple[int, ...] = tuple(range(SLICES))) -> list[Path]:
    """One MR series of some volumes, one for each echo, slice by slice; the files in the order written."""
    paths = []
    for echo in range(1, echoes + 1):
        for index in depths:
            number = (echo - 1) * SLICES + index + 1
            image = Dataset()
            image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, f"{SERIES}.{number}"
            image.StudyInstanceUID, image.SeriesInstanceUID = f"{SERIES}.0", SERIES
            image.FrameOfReferenceUID = f"{SERIES}.0.1"
            image.Modality, image.Manufacturer, image.ImageType = "MR", "SIEMENS", ["ORIGINAL", "PRIMARY", "M"]
            image.SeriesNumber, image.InstanceNumber, image.AcquisitionNumber = 3, number, 1
            image.EchoNumbers, image.EchoTime, image.RepetitionTime = echo, 5.0 * echo, 500
            image.ImagePositionPatient = [-20, -15, SPACING_MM * index]
            image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            image.PixelSpacing, image.SliceThickness = [1.5, 1.5], SPACING_MM
            image.Rows, image.Columns, image.SamplesPerPixel = ROWS, COLUMNS, 1
            image.PhotometricInterpretation, image.PixelRepresentation = "MONOCHROME2", 0
            image.BitsAllocated = image.BitsStored = 16
            image.HighBit = 15
            image.PixelData = np.full((ROWS, COLUMNS), 100 * echo + index, np.uint16).tobytes()
            image.file_meta = FileMetaDataset()
            image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            paths.append(folder / f"{number}.dcm")
            image.save_as(paths[-1], enforce_file_format=True)
    return paths


@needs_dcm2niix
def test_volumes_of_two_echoes_are_the_same_for_both_readers(tmp_path: Path, public_series: ModuleType) -> None:
    write_echoes(tmp_path)
    (row,) = public_series.rows_of(tmp_path)
    assert row.uid == SERIES
    assert row.counted.complete and row.counted.images == 2 * SLICES and str(row.counted) == "5×2"
    for volumes in (row.product, row.dcm2niix):
        assert volumes.count == {(COLUMNS, ROWS, SLICES): 2}
        assert volumes.spacings_mm[COLUMNS, ROWS, SLICES] == pytest.approx([SPACING_MM] * 2)
    assert row.differences == {}
    json.dumps(row.to_dict())


@needs_dcm2niix
def test_a_volume_read_otherwise_is_a_difference_without_a_reason(tmp_path: Path, public_series: ModuleType) -> None:
    write_echoes(tmp_path)
    (row,) = public_series.rows_of(tmp_path)
    row.product.count.clear()
    row.product.add((COLUMNS, ROWS, 2 * SLICES), SPACING_MM)
    assert public_series.differences(row) == {"volumes": "", "dims": ""}
    row.product.count.clear()
    row.product.add((COLUMNS, ROWS, SLICES), 1.002 * SPACING_MM, 2)
    assert public_series.differences(row) == {"spacing": ""}


def test_plain_counting_tells_what_is_missing_and_what_is_there_twice(
    tmp_path: Path, plain_counting: ModuleType
) -> None:
    paths = write_echoes(tmp_path)
    shutil.copy(paths[0], tmp_path / "again.dcm")
    (tmp_path / "notes.txt").write_text("no image")
    raw = dcmread(paths[0])
    del raw.PixelData, raw.BitsAllocated, raw.ImagePositionPatient
    raw.SOPInstanceUID = f"{SERIES}.99"
    raw.save_as(tmp_path / "raw.dcm")
    counted = plain_counting.plain_counts(tmp_path)[SERIES]
    assert counted.complete and (counted.files, counted.images, counted.repeated) == (11, 10, 1)
    paths[-1].unlink()
    counted = plain_counting.plain_counts(tmp_path)[SERIES]
    assert not counted.complete and not counted.equally_often and str(counted) == "5×1-2"


def test_plain_counting_calls_a_series_with_a_hole_incomplete(tmp_path: Path, plain_counting: ModuleType) -> None:
    write_echoes(tmp_path, depths=(0, 1, 3, 4))
    counted = plain_counting.plain_counts(tmp_path)[SERIES]
    assert counted.equally_often and not counted.evenly_spaced and not counted.complete


@pytest.mark.parametrize("order", "<>")
def test_a_nifti_header_is_read_in_both_byte_orders(tmp_path: Path, public_series: ModuleType, order: str) -> None:
    head = bytearray(352)
    head[:4] = struct.pack(order + "i", 348)
    head[40:56] = struct.pack(order + "8h", 4, 64, 48, 30, 7, 0, 0, 0)
    head[76:108] = struct.pack(order + "8f", -1, 2, 2, 3.5, 1.2, 0, 0, 0)
    path = tmp_path / "image.nii"
    path.write_bytes(head)
    assert public_series.read_nifti(path) == ((64, 48, 30), 3.5, 7)
    path.write_bytes(head[:100])
    with pytest.raises(ValueError, match="no NIfTI-1 header"):
        public_series.read_nifti(path)


def test_tiles_are_told_by_whole_numbers_of_them(public_series: ModuleType) -> None:
    assert public_series._are_tiles({(384, 384)}, [(64, 64, 36)])
    assert not public_series._are_tiles({(384, 384)}, [(64, 64, 37)])
    assert not public_series._are_tiles({(100, 100)}, [(64, 64, 2)])
    assert not public_series._are_tiles({(64, 64)}, [(64, 64, 2)])


def test_mosaics_that_only_this_library_takes_apart_are_explained(public_series: ModuleType) -> None:
    ours, theirs = public_series.Volumes(), public_series.Volumes()
    ours.add((192, 192, 40), 2.5, 2)
    theirs.add((1344, 1344, 1), None, 2)
    counted = public_series.PlainCount(images=2, sizes={(1344, 1344)})
    found = public_series.differences(public_series.Row("folder", "1", counted, ours, theirs, []))
    assert found.keys() == {"dims"} and "leaves it whole" in found["dims"]
    counted = public_series.PlainCount(images=2, sizes={(1000, 1000)})
    assert "whole" not in public_series.differences(public_series.Row("folder", "1", counted, ours, theirs, []))["dims"]


def test_series_of_a_volume_each_are_known_to_be_joined(public_series: ModuleType) -> None:
    def row(uid: str, description: str, theirs: int) -> Any:
        volumes = public_series.Volumes()
        volumes.add((64, 64, 33), 3.4)
        joined = public_series.Volumes()
        joined.add((64, 64, 33), 3.4, theirs)
        counted = public_series.PlainCount(description=description)
        return public_series.Row("folder", uid, counted, volumes, joined if theirs else None, [])

    rest = [row("2", "bold", 0), row("3", "bold", 0), row("4", "bold", 1), row("5", "bold", 0)]
    assert public_series._joined(row("1", "bold", 3), rest).startswith("joined")
    assert public_series._joined(row("1", "bold", 4), rest) == ""
    assert public_series._joined(row("1", "dwi", 3), rest) == ""


def test_without_dcm2niix_one_sentence_says_so(tmp_path: Path) -> None:
    write_echoes(tmp_path)
    command = [sys.executable, str(BENCHMARKS / "public_series.py"), str(tmp_path)]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == "" and done.stderr.startswith("dcm2niix is not installed") and done.stderr.count("\n") == 1
