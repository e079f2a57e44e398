"""Regularized series written as DICOM, read back by pydicom and judged by dciodvfy."""

from __future__ import annotations

import builtins
import shutil
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.errors import FileError, UsageError
from DicomRegInspectorLib.series.regularize.regularize import regularize
from DicomRegInspectorLib.series.write.correct_positions import write_corrected
from DicomRegInspectorLib.series.write.parametric_map import write_parametric_map
from DicomRegInspectorLib.series.write.stored_values import choose_encoding
from DicomRegInspectorLib.series.write.write_back import write_series
from stack_loading import load_to_regularize
from stack_making import along_table, tilted, write_stack

HEIGHTS = np.concatenate([np.arange(0, 20, 2.0), 30 + np.arange(0, 15, 3.0)])
IDENTITY = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "FrameOfReferenceUID")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_stack(tmp_path / "source", along_table(HEIGHTS), tilted(15))


def load(folder: Path):
    return load_to_regularize(folder)[0]


def datasets(folder: Path) -> list[pydicom.Dataset]:
    """In the order of positions."""
    found = [pydicom.dcmread(path) for path in folder.rglob("*.dcm")]
    return sorted(found, key=lambda one: float(one.ImagePositionPatient[2]))


def errors_of(path: Path) -> set[str]:
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return {line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")}


needs_dciodvfy = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")


@pytest.mark.parametrize("mode", ["acquisition", "split", "crop"])
def test_untouched_values_keep_their_bits_and_places(source: Path, tmp_path: Path, mode: str) -> None:
    before = {one.SOPInstanceUID: one for one in datasets(source)}
    written = write_series(regularize(load(source), mode), tmp_path / "new")
    assert len(written) == (2 if mode == "split" else 1)
    after = [one for series in written for one in datasets(series.folder)]
    assert len(after) == (10 if mode == "crop" else len(HEIGHTS))
    for one in after:
        (reference,) = one.SourceImageSequence
        old = before[reference.ReferencedSOPInstanceUID]
        assert one.PixelData == old.PixelData
        for name in ("ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope", "PixelSpacing", *IDENTITY):
            assert one[name].value == old[name].value, name
        assert one.SOPInstanceUID == one.file_meta.MediaStorageSOPInstanceUID
        assert one.SOPInstanceUID not in before and one.SeriesInstanceUID != old.SeriesInstanceUID
        assert "DicomRegInspector" in one.DerivationDescription
    assert len({one.SOPInstanceUID for one in after}) == len(after)
    assert len({one.SeriesInstanceUID for one in after}) == len(written)


def test_a_resampled_series_comes_back_as_the_volume_it_was(source: Path, tmp_path: Path) -> None:
    result = regularize(load(source), "resample", spacing_mm=1.7)
    (written,) = write_series(result, tmp_path / "new")
    back = load(written.folder)
    np.testing.assert_array_equal(back.array, result.array)
    np.testing.assert_allclose(back.affine_lps, result.affine_lps, atol=1e-6)
    assert back.is_regular
    for k, one in enumerate(datasets(written.folder)):
        assert one.ImageType[:2] == ["DERIVED", "SECONDARY"]
        assert one.SliceThickness == pytest.approx(1.7) and "GantryDetectorTilt" not in one
        named = [item.ReferencedSOPInstanceUID for item in one.get("SourceImageSequence", [])]
        assert named == [slice_.sop_instance_uid for slice_ in result.volume.sources[k]]
        assert all(one[name].value == datasets(tmp_path / "source")[0][name].value for name in IDENTITY)
        assert one.PixelPaddingValue == -1000


@needs_dciodvfy
@pytest.mark.parametrize("mode", ["acquisition", "resample", "split", "crop"])
def test_the_validator_finds_no_error_that_the_source_has_not(source: Path, tmp_path: Path, mode: str) -> None:
    known = set().union(*(errors_of(path) for path in source.iterdir()))
    for series in write_series(regularize(load(source), mode), tmp_path / "new"):
        for path in series.paths:
            assert errors_of(path) <= known


@needs_dciodvfy
def test_the_validator_finds_no_new_error_in_a_real_series(tilted_irregular_ct: Path, tmp_path: Path) -> None:
    known = set().union(*(errors_of(path) for path in tilted_irregular_ct.glob("*.dcm")))
    (written,) = write_series(regularize(load(tilted_irregular_ct), "resample", spacing_mm=4.0), tmp_path / "new")
    assert set().union(*(errors_of(path) for path in written.paths)) <= known


@pytest.mark.parametrize(
    ("values", "zero_intercept"),
    [
        (np.linspace(-0.37, 812.4, 60), False),
        (np.linspace(1e-7, 3e-6, 60), False),
        (np.linspace(0, 45123.77, 60), True),
        (np.linspace(-20.5, 45123.77, 60), True),
        (np.arange(60) * 3000.0 - 90000, False),
        (np.full(60, 7.3), False),
    ],
    ids=["fractions", "tiny", "pet", "pet with negatives", "wide", "constant"],
)
def test_values_come_back_within_half_a_step(values: np.ndarray, zero_intercept: bool) -> None:
    array = values.reshape(3, 4, 5)
    encoding = choose_encoding(array, zero_intercept=zero_intercept)
    back = encoding.store(array).astype(np.float64) * encoding.slope + encoding.intercept
    assert np.abs(back - array).max() <= encoding.slope / 2 * 1.001
    assert encoding.slope <= np.ptp(array) / 32766 or not np.ptp(array)
    assert not zero_intercept or encoding.intercept == 0


@pytest.mark.parametrize(
    ("low", "high"), [(-1024, 3071), (0, 65535), (-32768, 32767), (70000, 130000), (-40000, 20000)]
)
def test_whole_values_that_fit_come_back_exactly(low: int, high: int) -> None:
    array = np.random.default_rng(1).integers(low, high, (3, 8, 8), endpoint=True, dtype=np.int32)
    array[0, 0, :2] = low, high
    for given in (array, array.astype(np.float64)):
        encoding = choose_encoding(given)
        np.testing.assert_array_equal(encoding.store(given) * encoding.slope + encoding.intercept, array)


def test_values_that_cannot_be_stored_are_refused() -> None:
    for bad in (np.full((1, 2, 2), np.nan), np.array([[[1.0, np.inf]]]), np.zeros((1, 2, 2, 3), np.uint16)):
        with pytest.raises(UsageError):
            choose_encoding(bad)
    with pytest.raises(UsageError, match="digits"):
        choose_encoding(1000 / 3 + np.linspace(0, 1e-10, 8).reshape(1, 2, 4))


def test_nothing_is_written_into_the_source_or_over_files(source: Path, tmp_path: Path) -> None:
    result = regularize(load(source), "crop")
    before = {path: path.read_bytes() for path in source.iterdir()}
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    linked = tmp_path / "linked"
    linked.symlink_to(source)
    for folder in (source, source / "below", linked, taken, taken / "mine.txt", tmp_path / "no" / "such"):
        with pytest.raises(UsageError):
            write_series(result, folder)
        with pytest.raises(UsageError):
            write_parametric_map(result.volume, folder)
    assert {path: path.read_bytes() for path in source.iterdir()} == before
    assert (taken / "mine.txt").read_text() == "mine" and not (tmp_path / "no").exists()
    assert not list(tmp_path.rglob(".unfinished*"))


def test_a_failure_on_the_way_leaves_nothing_behind(source: Path, tmp_path: Path) -> None:
    result = regularize(load(source), "crop")
    Path(result.volume.sources[4][0].path).unlink()
    with pytest.raises(FileError):
        write_series(result, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_frames_of_one_file_are_not_written_back_but_named(tmp_path: Path) -> None:
    from pydicom.data import get_testdata_file

    volume = load(Path(get_testdata_file("rtdose.dcm", download=False)))
    for result in (regularize(volume, "crop"), regularize(volume, "resample")):
        with pytest.raises(FileError, match=r"several frames.*volume file"):
            write_series(result, tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_colours_are_resampled_and_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    colours = rng.integers(0, 255, (len(HEIGHTS), 48, 40, 3), endpoint=True, dtype=np.uint8)
    elements = [
        {
            "SamplesPerPixel": 3,
            "PhotometricInterpretation": "RGB",
            "PlanarConfiguration": 0,
            "BitsAllocated": 8,
            "BitsStored": 8,
            "HighBit": 7,
            "PixelData": one.tobytes(),
        }
        for one in colours
    ]
    volume = load(write_stack(tmp_path / "source", along_table(HEIGHTS), per_slice=elements))
    np.testing.assert_array_equal(volume.array, colours)
    result = regularize(volume, "resample", spacing_mm=1.0)
    between = (colours[0].astype(float) + colours[1]) / 2
    np.testing.assert_array_equal(result.array[0], colours[0])
    np.testing.assert_array_equal(result.array[1], np.rint(between))
    (written,) = write_series(result, tmp_path / "new")
    np.testing.assert_array_equal(load(written.folder).array, result.array)


def test_what_each_slice_scales_differently_comes_back_within_half_a_step(tmp_path: Path) -> None:
    elements = [
        {"RescaleSlope": f"{0.37 + 0.01 * k:.4f}", "RescaleIntercept": "0", "Modality": "PT", "RescaleType": "US"}
        for k in range(len(HEIGHTS))
    ]
    volume = load(write_stack(tmp_path / "source", along_table(HEIGHTS), per_slice=elements))
    result = regularize(volume, "resample", spacing_mm=1.3)
    (written,) = write_series(result, tmp_path / "new")
    back = load(written.folder)
    assert {float(one.RescaleIntercept) for one in datasets(written.folder)} == {0.0}
    assert np.abs(back.array - result.array).max() <= written.encoding.slope / 2 * 1.001
    assert written.encoding.slope < 2 * result.array.max() / 65534


def rounded_stack(folder: Path, spacing: float, decimals: int, degrees: float = 0.0) -> Path:
    return write_stack(folder, along_table(7.77 + spacing * np.arange(60)), tilted(degrees), decimals=decimals)


@pytest.mark.parametrize("degrees", [0.0, 20.0])
def test_rounded_positions_are_corrected_and_nothing_else(tmp_path: Path, degrees: float) -> None:
    source = rounded_stack(tmp_path / "source", 0.58, 1, degrees)
    volume = load(source)
    assert volume.deviation_mm > 0.02
    written, corrected = write_corrected(volume.stack, tmp_path / "new")
    after, before = datasets(written.folder), datasets(source)
    along = np.array([one.ImagePositionPatient for one in after], float)
    np.testing.assert_allclose(np.diff(along[:, 2]), 0.58, atol=2e-4)
    np.testing.assert_allclose(np.diff(along[:, 2]), np.diff(along[:, 2])[0], atol=1e-9)
    assert corrected.largest_move_mm <= 0.1
    unchanged = {"ImagePositionPatient", "SOPInstanceUID", "SeriesInstanceUID", "SpacingBetweenSlices"}
    unchanged |= {"SeriesNumber", "SeriesDescription", "InstanceNumber"}
    for new, old in zip(after, before, strict=True):
        assert new.PixelData == old.PixelData
        for element in old:
            assert element.keyword in unchanged or new[element.tag] == element
    assert load(written.folder).is_regular


def test_a_spacing_that_the_user_knows_is_kept(tmp_path: Path) -> None:
    volume = load(rounded_stack(tmp_path / "source", 0.59, 1))
    written, corrected = write_corrected(volume.stack, tmp_path / "new", 0.6)
    heights = [float(one.ImagePositionPatient[2]) for one in datasets(written.folder)]
    np.testing.assert_allclose(heights, heights[0] + 0.6 * np.arange(60), atol=1e-9)
    assert corrected.largest_move_mm == pytest.approx(0.59, abs=0.1)


def test_positions_that_are_wrong_by_more_than_rounding_are_not_corrected(tmp_path: Path) -> None:
    missing = write_stack(tmp_path / "missing", along_table(np.delete(np.arange(20.0), 7)))
    changing = write_stack(tmp_path / "changing", along_table([*np.arange(8.0), *(7 + 2.5 * np.arange(1, 9))]))
    drifting = write_stack(tmp_path / "drifting", along_table(np.arange(30) + 0.02 * np.sin(np.arange(30))))
    for folder in (missing, changing, drifting):
        with pytest.raises(UsageError, match="not rounding"):
            write_corrected(load(folder).stack, tmp_path / "new")
        assert not (tmp_path / "new").exists()
    with pytest.raises(UsageError, match="not rounding"):
        write_corrected(load(missing).stack, tmp_path / "new", 1.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fractions_are_kept_bit_for_bit_in_a_parametric_map(source: Path, tmp_path: Path, dtype) -> None:
    pytest.importorskip("highdicom")
    volume = load(source)
    fractions = replace(volume, array=(volume.array / 7).astype(dtype))
    result = regularize(fractions, "resample", spacing_mm=1.5).volume
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = write_parametric_map(result, tmp_path / "map.dcm")
    one = pydicom.dcmread(path)
    np.testing.assert_array_equal(one.pixel_array, result.array)
    assert one.pixel_array.dtype == dtype
    frames = one.PerFrameFunctionalGroupsSequence
    corners = np.array([frame.PlanePositionSequence[0].ImagePositionPatient for frame in frames], float)
    np.testing.assert_allclose(corners, result.slice_corners_lps_mm, atol=1e-6)
    measures = one.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert measures.SpacingBetweenSlices == pytest.approx(1.5)
    first = datasets(tmp_path / "source")[0]
    assert all(one[name].value == first[name].value for name in IDENTITY)
    if shutil.which("dciodvfy"):
        assert errors_of(path) == set()


def test_without_highdicom_a_parametric_map_says_what_to_install(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = regularize(load(source), "resample").volume
    real = builtins.__import__

    def without(name: str, *rest, **options):
        if name == "highdicom":
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match="pip install highdicom"):
        write_parametric_map(result, tmp_path / "map.dcm")
