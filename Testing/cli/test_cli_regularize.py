"""``regularize``: what is written, what is said of it, and what is refused with exit code 2 and one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib import cli

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "series"))

from stack_making import along_table, tilted, write_stack

HEIGHTS = np.concatenate([np.arange(0, 20, 2.0), 40 + np.arange(0, 15, 3.0)])


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return write_stack(tmp_path / "series", along_table(HEIGHTS), tilted(15))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def run(*arguments: object, code: int = 0) -> str:
        assert cli.main(["regularize", *map(str, arguments)]) == code
        captured = capsys.readouterr()
        if code == 2:
            assert captured.out == "" and captured.err.count("\n") == 1 and "Traceback" not in captured.err
            return captured.err
        assert captured.err == ""
        return captured.out

    return run


@pytest.mark.parametrize("ending", ["nrrd", "nii.gz", "mha"])
def test_a_resampled_volume_file_has_the_spacing_asked_for(series: Path, tmp_path: Path, run, ending: str) -> None:
    pytest.importorskip("slicer")
    sitk = pytest.importorskip("SimpleITK")
    place = tmp_path / f"out.{ending}"
    text = run(series, "--mode", "resample", "--spacing", "1.5", "--max-gap", "2", "--output", place)
    image = sitk.ReadImage(str(place))
    assert image.GetSpacing()[2] == pytest.approx(1.5, abs=1e-6)
    directions = np.array(image.GetDirection()).reshape(3, 3)
    np.testing.assert_allclose(directions.T @ directions, np.eye(3), atol=1e-5)
    assert "fill value -1000" in text and str(place) in text


def test_every_mode_writes_a_new_dicom_folder(series: Path, tmp_path: Path, run) -> None:
    counts = {"acquisition": 15, "split": 15, "crop": 10}
    for mode in ("acquisition", "resample", "split", "crop"):
        run(series, "--mode", mode, "--output", tmp_path / mode)
        files = sorted((tmp_path / mode).rglob("*.dcm"))
        assert len(files) == counts.get(mode, len(files)) > 0
        uids = {pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID for path in files}
        assert len(uids) == (2 if mode == "split" else 1)
    assert sorted(path.name for path in (tmp_path / "split").iterdir()) == ["section-1", "section-2"]


def test_a_scene_and_a_report_are_written(series: Path, tmp_path: Path, run) -> None:
    pytest.importorskip("slicer")
    place, report = tmp_path / "all.mrb", tmp_path / "report.json"
    run(series, "--mode", "acquisition", "--output", place, "--json", report)
    assert place.stat().st_size > 1000
    found = json.loads(report.read_text())
    assert found["schema"] == 1 and found["written"] == [str(place)] and found["dropped"] == []
    (volume,) = found["volumes"]
    assert volume["has_displacement_grid"] and volume["values_untouched"] and volume["is_orthogonal"]


def test_of_a_regular_stack_no_transform_is_written(tmp_path: Path, run) -> None:
    pytest.importorskip("slicer")
    regular = write_stack(tmp_path / "regular", along_table(2.0 * np.arange(12)))
    place = tmp_path / "new" / "volume.nrrd"
    place.parent.mkdir()
    text = run(regular, "--mode", "acquisition", "--output", place)
    assert "12 slices as they are, regular already: no transform is needed" in text
    assert [path.name for path in place.parent.iterdir()] == ["volume.nrrd"]
    assert "acquisition-transform" not in text


def test_what_was_left_out_is_listed_without_names(series: Path, tmp_path: Path, run) -> None:
    text = run(series, "--mode", "crop", "--output", tmp_path / "new")
    assert "left out, 5 images:" in text and text.count("outside the longest regular run") == 5
    assert "Phantom" not in text and "PHANTOM" not in text
    found = json.loads(run(series, "--mode", "crop", "--output", tmp_path / "new2", "--json", "-"))
    assert len(found["dropped"]) == 5


def test_positions_alone_are_corrected(tmp_path: Path, run) -> None:
    rounded = write_stack(tmp_path / "rounded", along_table(0.6 * np.arange(40) + 0.04), decimals=1)
    text = run(rounded, "--positions-only", "--spacing", "0.6", "--output", tmp_path / "new")
    assert "0.6 mm apart" in text and "pixel data unchanged" in text
    files = sorted((tmp_path / "new").glob("*.dcm"))
    heights = [float(pydicom.dcmread(path).ImagePositionPatient[2]) for path in files]
    np.testing.assert_allclose(np.diff(heights), 0.6, atol=1e-9)


def test_fractions_go_into_a_parametric_map(series: Path, tmp_path: Path, run) -> None:
    pytest.importorskip("highdicom")
    place = tmp_path / "map.dcm"
    run(series, "--mode", "resample", "--spacing", "1.1", "--parametric-map", "--output", place)
    values = pydicom.dcmread(place).pixel_array
    assert values.dtype == np.float32 and (values != np.rint(values)).mean() > 0.3


def test_what_cannot_be_done_is_refused_before_anything_is_written(series: Path, tmp_path: Path, run) -> None:
    there = tmp_path / "there.nrrd"
    there.write_text("mine")
    empty = tmp_path / "empty"
    empty.mkdir()
    before = sorted(tmp_path.rglob("*"))
    resample = (series, "--mode", "resample", "--output")
    for arguments in (
        (series, "--output", tmp_path / "x.nrrd"),
        (series, "--mode", "resample", "--positions-only", "--output", tmp_path / "x"),
        (series, "--positions-only", "--output", tmp_path / "x.nrrd"),
        (series, "--positions-only", "--output", tmp_path / "x"),
        (series, "--mode", "melt", "--output", tmp_path / "x.nrrd"),
        (series, "--mode", "crop", "--spacing", "2", "--output", tmp_path / "x.nrrd"),
        (*resample, tmp_path / "x.nrrd", "--spacing", "0"),
        (*resample, tmp_path / "x.nrrd", "--spacing", "nan"),
        (*resample, tmp_path / "x.nrrd", "--spacing", "1e-9"),
        (*resample, tmp_path / "x.nrrd", "--max-gap", "-1"),
        (*resample, tmp_path / "x.nrrd", "--duplicates", "all"),
        (*resample, tmp_path / "x.nrrd", "--duplicates", "77"),
        (*resample, tmp_path / "x.nrrd", "--stack", "9"),
        (*resample, tmp_path / "x.nrrd", "--series", "1.2.3"),
        (*resample, tmp_path / "x.txt"),
        (*resample, there),
        (*resample, series),
        (*resample, series / "new"),
        (*resample, tmp_path / "no" / "such" / "x.nrrd"),
        (*resample, tmp_path / "x", "--parametric-map"),
        (empty, "--mode", "split", "--output", tmp_path / "x.nrrd"),
        (tmp_path / "none", "--mode", "split", "--output", tmp_path / "x.nrrd"),
    ):
        run(*arguments, code=2)
    assert sorted(tmp_path.rglob("*")) == before and there.read_text() == "mine"
