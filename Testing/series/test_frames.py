"""Objects with many frames: where each frame lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib.series import Series, inspect_series, read_header
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from series_making import codes, only

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"


def multiframe(sop_class: str, modality: str, frames: int) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.3", "1.2.3.5", "1.2.3.6"
    dataset.Modality, dataset.NumberOfFrames = modality, frames
    dataset.Rows = dataset.Columns = 4
    dataset.SamplesPerPixel, dataset.BitsAllocated = 1, 16
    dataset.PixelData = bytes(4 * 4 * 2 * frames)
    return dataset


def item(**values: object) -> Sequence:
    dataset = Dataset()
    for name, value in values.items():
        setattr(dataset, name, value)
    return Sequence([dataset])


def enhanced(positions: np.ndarray, *, shared_orientation: bool = True, **frame_groups: list) -> Dataset:
    dataset = multiframe(ENHANCED_CT, "CT", len(positions))
    shared = Dataset()
    shared.PixelMeasuresSequence = item(PixelSpacing=[0.5, 0.5], SliceThickness="2.0")
    orientation = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    if shared_orientation:
        shared.PlaneOrientationSequence = orientation
    frames = []
    for k, position in enumerate(positions):
        frame = Dataset()
        frame.PlanePositionSequence = item(ImagePositionPatient=[f"{value:.4f}" for value in position])
        if not shared_orientation:
            frame.PlaneOrientationSequence = orientation
        for name, groups in frame_groups.items():
            setattr(frame, name, groups[k])
        frames.append(frame)
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    return dataset


def inspected(
    dataset: Dataset, folder: Path, syntax: str = ExplicitVRLittleEndian, *, undefined: bool = False
) -> Series:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    if undefined:
        for element in dataset:
            element.is_undefined_length = element.VR == "SQ"
    path = folder / "object.dcm"
    dataset.save_as(path, enforce_file_format=True)
    (series,) = inspect_series([read_header(path)])
    return series


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_enhanced_frames_lie_where_their_functional_groups_say(
    tmp_path: Path, syntax: str, undefined: bool, shared: bool
) -> None:
    z = np.array([0.0, 2.0, 4.0, 10.0, 12.0, 14.0])
    positions = np.stack([np.full(6, -5.0), np.full(6, 7.0), z], axis=1)
    series = inspected(enhanced(positions, shared_orientation=shared), tmp_path, syntax, undefined=undefined)
    assert series.slice_count == 6
    np.testing.assert_allclose(series.main_stack.positions_mm, z)
    gap = only(series, "slice-gap")
    assert gap.evidence["frame_numbers"] == [3, 4]
    assert gap.evidence["missing_slices"] == 2
    assert series.main_stack.pixel_spacing_mm == (0.5, 0.5)


def test_enhanced_phases_are_told_apart_by_their_temporal_position(tmp_path: Path) -> None:
    positions = np.array([[0.0, 0.0, z * 2.0] for _ in range(3) for z in range(5)])
    content = [item(TemporalPositionIndex=k // 5 + 1) for k in range(15)]
    series = inspected(enhanced(positions, FrameContentSequence=content), tmp_path)
    (finding,) = series.findings
    assert (finding.code, finding.severity) == ("acquisitions-mixed", "info")
    assert len(series.stacks) == 3


def test_frames_without_a_plane_are_missing_a_position(tmp_path: Path) -> None:
    dataset = multiframe(ENHANCED_CT, "CT", 3)
    series = inspected(dataset, tmp_path)
    assert "position-missing" in codes(series)


def dose(offsets: list[float], position: list[float], orientation: list[float]) -> Dataset:
    dataset = multiframe(RT_DOSE, "RTDOSE", len(offsets))
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = position, orientation
    dataset.PixelSpacing = [2.5, 2.5]
    dataset.GridFrameOffsetVector = offsets
    return dataset


AXIAL = [1, 0, 0, 0, 1, 0]


def test_dose_planes_lie_at_their_offsets_along_the_normal(tmp_path: Path) -> None:
    series = inspected(dose([0, 3, 6, 9], [1.0, 2.0, 50.0], AXIAL), tmp_path)
    np.testing.assert_allclose(series.main_stack.corners_lps_mm, [[1, 2, 50 + 3 * k] for k in range(4)])
    assert codes(series) == []


def test_dose_offsets_that_run_down_lie_below(tmp_path: Path) -> None:
    series = inspected(dose([0, -3, -6, -9], [1.0, 2.0, 50.0], AXIAL), tmp_path)
    np.testing.assert_allclose(series.main_stack.positions_mm, [41, 44, 47, 50])
    assert codes(series) == []


def test_absolute_dose_offsets_are_z_coordinates(tmp_path: Path) -> None:
    series = inspected(dose([50, 53, 56, 59], [1.0, 2.0, 50.0], AXIAL), tmp_path)
    np.testing.assert_allclose(series.main_stack.corners_lps_mm[:, 2], [50, 53, 56, 59])
    turned = inspected(dose([50, 53, 56, 59], [1.0, 2.0, 50.0], [-1, 0, 0, 0, 1, 0]), tmp_path)
    np.testing.assert_allclose(np.sort(turned.main_stack.corners_lps_mm[:, 2]), [50, 53, 56, 59])


def test_irregular_dose_offsets_are_found(tmp_path: Path) -> None:
    series = inspected(dose([0, 3, 6, 9, 15, 18], [0, 0, 0], AXIAL), tmp_path)
    gap = only(series, "slice-gap")
    assert (gap.evidence["frame_numbers"], gap.evidence["missing_slices"]) == ([4, 5], 1)


@pytest.mark.parametrize("offsets", [[], [0, 3]])
def test_dose_frames_without_their_offsets_have_no_position(tmp_path: Path, offsets: list[float]) -> None:
    dataset = dose([0, 3, 6, 9], [0, 0, 0], AXIAL)
    dataset.GridFrameOffsetVector = offsets
    series = inspected(dataset, tmp_path)
    assert codes(series) == ["position-missing"]
    assert series.slice_count == 4


def test_a_reconstructed_nuclear_tomogram_is_placed_by_its_detector(tmp_path: Path) -> None:
    dataset = multiframe("1.2.840.10008.5.1.4.1.1.20", "NM", 4)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    dataset.PixelSpacing, dataset.SpacingBetweenSlices = [4.0, 4.0], "4.0"
    dataset.SliceVector = [1, 2, 3, 4]
    dataset.DetectorInformationSequence = item(ImagePositionPatient=[1, 2, 3], ImageOrientationPatient=AXIAL)
    series = inspected(dataset, tmp_path)
    np.testing.assert_allclose(series.main_stack.positions_mm, [3, 7, 11, 15])
    assert codes(series) == []


def test_a_file_that_vanishes_before_its_frames_are_read_is_a_finding(tmp_path: Path) -> None:
    dataset = enhanced(np.array([[0.0, 0, 0], [0, 0, 1]]))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = tmp_path / "gone.dcm"
    dataset.save_as(path, enforce_file_format=True)
    header = read_header(path)
    path.unlink()
    (series,) = inspect_series([header])
    assert only(series, "file-unreadable").subject == str(path)
