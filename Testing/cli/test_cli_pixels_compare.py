"""``pixels`` and ``compare``: exit codes, JSON and what is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib import cli
from pydicom.data import get_testdata_file

GOOD, BROKEN = get_testdata_file("CT_small.dcm"), get_testdata_file("MR_truncated.dcm")


def test_pixels_reports_and_writes_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["pixels", GOOD, BROKEN, "--json", str(tmp_path / "out.json")]) == 0
    said = capsys.readouterr().out
    assert "Pixels of 2 DICOM files" in said and "MR_truncated.dcm: The file ends within Pixel Data" in said
    report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert report["schema"] == 1 and len(report["files"]) == 2
    assert [finding["code"] for finding in report["findings"]] == ["file-truncated"]
    assert report["files"][0]["expected_bytes"] == 128 * 128 * 2


def test_pixels_fails_on_request_and_on_what_is_no_dicom(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["pixels", GOOD, "--fail-on", "warning"]) == 0
    assert cli.main(["pixels", BROKEN, "--fail-on", "error"]) == 1
    capsys.readouterr()
    (tmp_path / "text").write_text("nothing")
    assert cli.main(["pixels", str(tmp_path / "text")]) == 2
    assert cli.main(["pixels", str(tmp_path / "absent")]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    """One image in two orders of voxels, as files."""
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.GetImageFromArray(np.random.default_rng(2).permutation(120).reshape(4, 5, 6).astype(np.int16))
    paths = [str(tmp_path / "a.nrrd"), str(tmp_path / "b.nii.gz")]
    sitk.WriteImage(image, paths[0])
    sitk.WriteImage(sitk.Flip(image, (True, False, True)), paths[1])
    return paths


def test_compare_tells_the_order_of_voxels(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", *pair, "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1 and found["same_physical_image"] is True
    assert found["index_mapping"]["axes"] == ["-i", "+j", "-k"]
    assert found["index_mapping"]["matrix"] == [[-1, 0, 0, 5], [0, 1, 0, 0], [0, 0, -1, 3], [0, 0, 0, 1]]
    assert found["max_corner_distance_mm"] < 1e-4
    assert (found["max_value_difference"], found["explained_by"]) == (0, "identical")
    assert cli.main(["compare", *pair]) == 0
    assert "The same physical image" in capsys.readouterr().out


@pytest.mark.parametrize(("options", "code"), [((), 1), (("--fail-on", "error"), 1), (("--fail-on", "never"), 0)])
def test_compare_fails_on_a_difference_unless_told_not_to(
    pair: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], code: int
) -> None:
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage(pair[1])
    image[1, 2, 3] = 999
    sitk.WriteImage(image, str(tmp_path / "c.nrrd"))
    assert cli.main(["compare", pair[0], str(tmp_path / "c.nrrd"), *options]) == code
    assert "Not the same image" in capsys.readouterr().out
    assert cli.main(["compare", *pair, *options, "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_compare_refuses_what_it_cannot_use(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", pair[0], "absent.nii"]) == 2
    assert cli.main(["compare", *pair, "--tolerance", "-1"]) == 2
    assert cli.main(["compare", pair[0]]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_pixels_says_what_was_checked_and_what_was_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from DicomRegInspectorLib.report.text.outcomes import pixel_report
    from DicomRegInspectorLib.report.text.terminal import Style
    from DicomRegInspectorLib.series import check_pixels

    plain, compressed = get_testdata_file("CT_small.dcm"), get_testdata_file("MR_small_RLE.dcm")
    assert cli.main(["pixels", str(plain)]) == 0
    said = capsys.readouterr().out
    assert "Checked: whether pixels are there" in said and "decoded" not in said
    assert cli.main(["pixels", str(plain), str(compressed)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "every frame of 1 compressed file was decoded" in said and "Not checked" not in said
    report = check_pixels([str(plain), str(compressed)], decode=False)
    said = " ".join(pixel_report(report, Style()).split())
    assert "Not checked: whether the frames of 1 compressed file can be decoded" in said
    assert [file["frames_decoded"] for file in report.to_dict()["files"]] == [None, False]
