"""Series of enhanced objects written back: frames become images of one frame, positions are corrected in place."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
import volume_making as vm
from DicomRegInspectorLib.errors import FileError
from DicomRegInspectorLib.series import load_series
from DicomRegInspectorLib.series.pixels.choose_stack import the_series
from DicomRegInspectorLib.series.regularize.one_per_place import stack_to_regularize
from DicomRegInspectorLib.series.regularize.regularize import regularize
from DicomRegInspectorLib.series.write.correct_positions import write_corrected
from DicomRegInspectorLib.series.write.parametric_map import write_parametric_map
from DicomRegInspectorLib.series.write.write_back import write_series
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless
from stack_loading import load_to_regularize
from stack_making import along_table, write_stack

HEIGHTS = np.concatenate([np.arange(0, 12, 2.0), 12.5 + np.arange(0, 9, 2.0)])
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


def errors_of(path: Path) -> set[str]:
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return {line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")}


needs_dciodvfy = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")


def legacy_converted(tmp_path: Path, modality: str = "CT") -> Path:
    """A phantom series as one Legacy Converted Enhanced object, made by highdicom."""
    hd = pytest.importorskip("highdicom")
    more = {}
    if modality == "MR":
        more = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR", "ScanningSequence": "GR", "EchoTime": 4.6,
                "SequenceVariant": "SP", "ScanOptions": "", "MRAcquisitionType": "3D", "RepetitionTime": 9.0,
                "EchoTrainLength": 1, "ImageType": ["ORIGINAL", "PRIMARY", "M", "NONE"]}  # fmt: skip
    single = write_stack(tmp_path / "single", along_table(HEIGHTS), per_slice=[more] * len(HEIGHTS))
    datasets = [pydicom.dcmread(path) for path in sorted(single.iterdir())]
    for one in datasets:
        # highdicom takes these only where pydicom is set to give dates as datetime objects.
        del one.AcquisitionDate, one.AcquisitionTime
    made = hd.legacy.LegacyConvertedEnhancedCTImage if modality == "CT" else hd.legacy.LegacyConvertedEnhancedMRImage
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = made(datasets, hd.UID(), 8, hd.UID(), 1)
    folder = tmp_path / "enhanced"
    folder.mkdir()
    one.save_as(folder / "one.dcm")
    return folder


def enhanced_mr(path: Path, heights: np.ndarray = HEIGHTS, **elements) -> Path:
    """An Enhanced MR with a rescale for each frame."""
    pixels = np.random.default_rng(2).integers(0, 4000, (len(heights), 6, 9), np.uint16)
    rescales = [(f"{1 + k / 8}", f"{k - 3}") for k in range(len(heights))]
    one = vm.enhanced(pixels, [(-10.0, 20.0, height) for height in heights], rescales)
    one.SOPClassUID, one.Modality, one.EchoPulseSequence, one.InversionRecovery = ENHANCED_MR, "MR", "GRADIENT", "YES"
    one.SegmentedKSpaceTraversal, one.SteadyStatePulseSequence = "PARTIAL", "NONE"
    for group in one.PerFrameFunctionalGroupsSequence:
        echo, content = Dataset(), Dataset()
        echo.EffectiveEchoTime = 4.25
        group.MREchoSequence = [echo]
        content.FrameAcquisitionDateTime = "20260102030405.5"
        group.FrameContentSequence = [content]
    timing = Dataset()
    timing.RepetitionTime, timing.FlipAngle = "12.5", "30"
    one.SharedFunctionalGroupsSequence[0].MRTimingAndRelatedParametersSequence = [timing]
    one.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness = "2"
    for name, value in elements.items():
        setattr(one, name, value)
    return vm.save(one, path)


@pytest.mark.parametrize("mode", ["acquisition", "split", "crop"])
@pytest.mark.parametrize("compress", [False, True])
def test_untouched_frames_keep_values_and_places_as_images_of_one_frame(
    tmp_path: Path, mode: str, compress: bool
) -> None:
    path = enhanced_mr(tmp_path / "source" / "one.dcm")
    if compress:
        one = pydicom.dcmread(path)
        one.compress(RLELossless, generate_instance_uid=False)
        one.save_as(path)
    source = pydicom.dcmread(path)
    before = load_series(path)
    result = regularize(load_to_regularize(path)[0], mode)
    for part, series in zip(result.volumes, write_series(result, tmp_path / "new"), strict=True):
        back = load_series(series.folder)
        np.testing.assert_array_equal(back.array, part.array[[bool(one) for one in part.sources]])
        assert set(back.slice_positions_mm) <= set(before.slice_positions_mm)
        for file, corner in zip(series.paths, back.slice_corners_lps_mm, strict=True):
            one = pydicom.dcmread(file)
            (reference,) = one.SourceImageSequence
            number = int(reference.ReferencedFrameNumber)
            assert reference.ReferencedSOPClassUID == ENHANCED_MR
            assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
            frame = source.PerFrameFunctionalGroupsSequence[number - 1]
            assert one.ImagePositionPatient == frame.PlanePositionSequence[0].ImagePositionPatient
            np.testing.assert_array_equal(one.pixel_array, source.pixel_array[number - 1])
            assert one.SOPClassUID == one.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
            assert (one.EchoTime, one.RepetitionTime, one.FlipAngle, one.SliceThickness) == (4.25, 12.5, 30, 2)
            assert (one.ScanningSequence, one.SequenceVariant) == (["GR", "IR"], "SK")
            assert (one.AcquisitionDate, one.AcquisitionTime) == ("20260102", "030405.5")
            assert "NumberOfFrames" not in one and "PerFrameFunctionalGroupsSequence" not in one
            assert one.FrameOfReferenceUID == source.FrameOfReferenceUID and corner[0] == -10


def test_resampled_frames_come_back_within_half_a_step(tmp_path: Path) -> None:
    path = enhanced_mr(tmp_path / "source" / "one.dcm")
    result = regularize(load_to_regularize(path)[0], "resample", spacing_mm=1.5)
    (written,) = write_series(result, tmp_path / "new")
    back = load_series(written.folder)
    assert np.abs(back.array - result.array).max() <= written.encoding.slope / 2 * 1.001
    np.testing.assert_allclose(back.affine_lps, result.affine_lps, atol=1e-6)
    one = pydicom.dcmread(written.paths[2])
    named = {int(item.ReferencedFrameNumber) for item in one.SourceImageSequence}
    assert named == {slice_.frame_number for slice_ in result.volume.sources[2]} and len(named) == 2
    assert one.ImageType[:2] == ["DERIVED", "SECONDARY"] and one.SliceThickness == 1.5
    if shutil.which("dciodvfy"):
        # What the source lacks of patient, study and equipment is lacking here; nothing of the image is.
        assert not [error for error in errors_of(written.paths[0]) if "Image" in error.partition("Module=")[2]]


@needs_dciodvfy
@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.parametrize("mode", ["acquisition", "resample", "split", "crop"])
def test_the_validator_finds_no_error_in_what_frames_become(tmp_path: Path, modality: str, mode: str) -> None:
    folder = legacy_converted(tmp_path, modality)
    single = set().union(*(errors_of(path) for path in (tmp_path / "single").iterdir()))
    for series in write_series(regularize(load_to_regularize(folder)[0], mode), tmp_path / "new"):
        for path in series.paths:
            assert errors_of(path) <= single


def test_what_was_converted_to_an_enhanced_object_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = legacy_converted(tmp_path)
    (written,) = write_series(regularize(load_to_regularize(folder)[0], "acquisition"), tmp_path / "new")
    before = {float(one.ImagePositionPatient[2]): one for one in map(pydicom.dcmread, (tmp_path / "single").iterdir())}
    for path in written.paths:
        one = pydicom.dcmread(path)
        old = before[float(one.ImagePositionPatient[2])]
        assert one.PixelData == old.PixelData
        same = ("KVP", "RescaleSlope", "RescaleIntercept", "RescaleType", "ImageOrientationPatient", "PixelSpacing")
        same += ("ImageType", "PatientPosition", "WindowCenter", "PatientID", "StudyInstanceUID")
        for name in same:
            assert one[name].value == old[name].value, name


def test_what_cannot_be_told_of_a_frame_is_named_not_made_up(tmp_path: Path) -> None:
    path = enhanced_mr(tmp_path / "source" / "one.dcm", EchoPulseSequence="")
    result = regularize(load_to_regularize(path)[0], "crop")
    with pytest.raises(FileError, match=r"Scanning Sequence \(0018,0020\).*volume file"):
        write_series(result, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_dose_is_not_made_an_image_of_another_kind(tmp_path: Path) -> None:
    dose = get_testdata_file("rtdose.dcm", download=False)
    result = regularize(load_to_regularize(dose)[0], "resample", spacing_mm=4.0)
    with pytest.raises(FileError, match=r"RT Dose Storage.*volume file"):
        write_series(result, tmp_path / "new")


def test_positions_of_frames_are_corrected_in_place(tmp_path: Path) -> None:
    true = 3 + 0.58 * np.arange(20)
    path = enhanced_mr(tmp_path / "source" / "one.dcm", np.round(true, 1))
    for compress in (False, True):
        if compress:
            one = pydicom.dcmread(path)
            one.compress(RLELossless, generate_instance_uid=False)
            one.save_as(path)
        stack, _ = stack_to_regularize(the_series(path, None))
        written, corrected = write_corrected(stack, tmp_path / f"new-{compress}")
        assert corrected.spacing_mm == pytest.approx(0.58, abs=0.002)
        (file,) = written.paths
        after, before = pydicom.dcmread(file), pydicom.dcmread(path)
        assert after.PixelData == before.PixelData and after.SOPClassUID == before.SOPClassUID
        assert after.SOPInstanceUID != before.SOPInstanceUID
        (reference,) = after.SourceImageSequence
        assert reference.ReferencedSOPInstanceUID == before.SOPInstanceUID
        assert "ReferencedFrameNumber" not in reference
        back = load_series(file)
        assert back.is_regular and np.abs(back.slice_positions_mm - true).max() < 0.06
        np.testing.assert_array_equal(back.array, load_series(path).array)


def test_positions_are_not_corrected_for_a_part_of_the_frames(tmp_path: Path) -> None:
    path = enhanced_mr(tmp_path / "source" / "one.dcm", np.array([*(0.6 * np.arange(20)), 4.2]))
    stack, _ = stack_to_regularize(the_series(path, None))
    with pytest.raises(Exception, match=r"positions cannot be corrected"):
        write_corrected(stack, tmp_path / "new")
    dose, _ = stack_to_regularize(the_series(get_testdata_file("rtdose.dcm", download=False), None))
    with pytest.raises(FileError, match="of their own"):
        write_corrected(dose, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_parametric_map_is_made_of_frames_too(tmp_path: Path) -> None:
    folder = legacy_converted(tmp_path)
    result = regularize(load_to_regularize(folder)[0], "resample", spacing_mm=1.5).volume
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = write_parametric_map(result, tmp_path / "map.dcm")
    np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, result.array)
