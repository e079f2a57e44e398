"""Writing HTML reports: from the command line and from the module's logic, where, how large, of which files."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pydicom
import pytest
from DicomRegInspectorLib import cli
from DicomRegInspectorLib.cli.libraries import picture_drawer
from DicomRegInspectorLib.errors import Cancelled, UsageError
from DicomRegInspectorLib.report.html.write_report import ReportOptions, write_report
from DicomRegInspectorLib.tasks.inspect import inspect_paths
from page_reading import Node, read_page
from report_objects import IDENTIFIERS, report, write_folding, write_irregular, write_linear, write_slice

MEGABYTE = 1_000_000


def read(place: Path) -> Node:
    return read_page(place.read_text(encoding="utf-8"))


def test_the_real_ct_stays_below_five_megabytes(tilted_irregular_ct: Path, tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    assert cli.main(["inspect", str(tilted_irregular_ct), "--html", str(place)]) == 0
    assert place.stat().st_size < 5 * MEGABYTE
    assert "Series 1: CT" in read(place).text


def test_a_pair_is_audited_and_pictured_below_five_megabytes(
    deformable_pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("slicer", reason="pictures need slicer-core or Slicer")
    place = tmp_path / "report.html"
    assert cli.main(["inspect", str(deformable_pair), "--html", str(place)]) == 0
    assert f"HTML report: {place}" in capsys.readouterr().out
    assert place.stat().st_size < 5 * MEGABYTE
    page = read(place)
    assert "as the standard says" in page.one("div", "audit").text
    assert "95 % interval" in page.one("div", "audit").text
    assert "Audited with series 1 (fixed) and series 2 (moving)." in page.text
    (picture,) = page.all("img")
    assert picture.attributes["src"].startswith("data:image/png;base64,iVBORw0KGgo")
    assert len(page.all("svg", "plot")) == 2


def test_quality_writes_what_it_was_given_to_judge_by(deformable_pair: Path, tmp_path: Path) -> None:
    landmarks = tmp_path / "points.csv"
    landmarks.write_text("name,x,y,z\nA<b>,0,113,763\n", encoding="utf-8")
    place, told = tmp_path / "report.html", tmp_path / "told.json"
    arguments = ["quality", str(deformable_pair / "registration.dcm"), "--html", str(place), "--json", str(told)]
    arguments += ["--fixed", str(deformable_pair / "fixed"), "--moving", str(deformable_pair / "moving")]
    assert cli.main([*arguments, "--landmarks", str(landmarks), str(landmarks)]) == 0
    page, quality = read(place), json.loads(told.read_text(encoding="utf-8"))["items"][0]
    statistics = next(one for one in page.all("table", "numbers") if "Statistics" in one.one("caption").text)
    rows = {row.one("th").text: [cell.text for cell in row.all("td")] for row in statistics.one("tbody").all("tr")}
    displacement = quality["displacement_mm"]
    expected = [displacement[key] for key in ("p50", "p95", "p99", "max", "mean")]
    assert [float(cell) for cell in rows["Length, mm"][2:]] == pytest.approx(expected, rel=1e-3)
    assert float(rows["Jacobian determinant"][0]) == pytest.approx(quality["jacobian"]["min"], rel=1e-3)
    assert "A<b>" in page.text
    assert "Target registration error" in page.text
    assert "--fixedfixed" in page.text  # an option, and the last part of the path that it was given


def test_it_says_when_with_what_and_of_which_files(tmp_path: Path) -> None:
    folder = write_irregular(tmp_path / "data")
    write_folding(folder / "reg.dcm")
    before = datetime.now().astimezone() - timedelta(seconds=1)
    page = report(folder, tmp_path / "report.html", pictures=False)
    made = datetime.fromisoformat(page.one("time").attributes["datetime"])
    assert made.tzinfo is not None
    assert before <= made <= datetime.now().astimezone()
    import numpy
    import pydicom
    from DicomRegInspectorLib import __version__

    facts = {one.one("dt").text: one.one("dd").text for one in page.all("div") if one.parent.tag == "dl"}
    assert (facts["pydicom"], facts["NumPy"]) == (pydicom.__version__, numpy.__version__)
    assert facts["DicomRegInspector"] == __version__
    assert facts["Python"] == ".".join(map(str, sys.version_info[:3]))
    digests = [one.text for one in page.all("code") if re.fullmatch("[0-9a-f]{64}", one.text)]
    each = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("[0-9].dcm"))
    of_series = hashlib.sha256("".join(f"{one}\n" for one in each).encode()).hexdigest()
    assert digests == [hashlib.sha256((folder / "reg.dcm").read_bytes()).hexdigest(), of_series]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_the_digest_of_a_series_is_what_the_command_in_the_report_gives(tmp_path: Path) -> None:
    folder = write_irregular(tmp_path / "data")
    page = report(folder, tmp_path / "report.html")
    command = next(one.text for one in page.all("code") if one.text.startswith("sha256sum"))
    done = subprocess.run(
        command.replace("FILES", "*"), shell=True, cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[0] in page.text


def test_nobody_is_told_who_the_patient_is_unless_asked(tmp_path: Path) -> None:
    folder = write_irregular(tmp_path / "Nemo^Secret data", SeriesDescription="CT nemo 19561203 id-secret-77")
    write_folding(folder / "secret.dcm")
    page = report(folder, tmp_path / "without.html", pictures=False)
    html = (tmp_path / "without.html").read_text(encoding="utf-8").casefold()
    for word in IDENTIFIERS:
        assert word.casefold() not in html, word
    assert not page.all("section", "patients")
    assert cli.main(["inspect", str(folder), "--html", str(tmp_path / "with.html"), "--identifiers"]) == 0
    box = read(tmp_path / "with.html").one("section", "patients")
    assert "Confidential" in box.text
    row = [one.text for one in box.one("tbody").one("tr").children]
    assert row == ["Nemo^Secret", "ID-SECRET-77", "19561203", "1"]


def test_every_patient_of_a_mixed_series_is_told_or_hidden(tmp_path: Path) -> None:
    folder = write_irregular(tmp_path / "data", SeriesDescription="of Ahab and Nemo")
    for number in (5, 7):
        path = folder / f"{number}.dcm"
        other = pydicom.dcmread(path)
        other.PatientName, other.PatientID = "Ahab^Captain", "ID-WHALE-9"
        other.save_as(path)
    report(folder, tmp_path / "without.html", pictures=False)
    html = (tmp_path / "without.html").read_text(encoding="utf-8")
    assert not [word for word in ("Ahab", "WHALE", "Nemo") if word in html]
    box = report(folder, tmp_path / "with.html", pictures=False, identifiers=True).one("section", "patients")
    rows = [[cell.text for cell in row.children] for row in box.one("tbody").all("tr")]
    assert rows == [["Nemo^Secret", "ID-SECRET-77", "19561203", "1"], ["Ahab^Captain", "ID-WHALE-9", "19561203", "1"]]


def test_a_file_that_is_no_report_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_irregular(tmp_path / "data")
    place = tmp_path / "page.html"
    place.write_text("<!DOCTYPE html>\n<html>mine</html>", encoding="utf-8")
    assert cli.main(["inspect", str(folder), "--html", str(place)]) == 2
    assert "is there and is no HTML report" in capsys.readouterr().err
    assert place.read_text(encoding="utf-8").endswith("<html>mine</html>")
    place.unlink()
    assert cli.main(["inspect", str(folder), "--html", str(place)]) == 0
    assert cli.main(["inspect", str(folder), "--html", str(place)]) == 0  # an earlier report is
    assert [one.name for one in tmp_path.iterdir() if "unfinished" in one.name] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--html", "-"], "name a file"),
        (["--html", "no/where/report.html"], "there is no folder"),
        (["--html", "."], "is a folder"),
        (["--identifiers"], "--identifiers belongs to --html"),
        (["--html", "same.out", "--json", "same.out"], "both --json and --html"),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_irregular(tmp_path / "data")
    assert cli.main(["inspect", "data", *arguments]) == 2
    captured = capsys.readouterr()
    assert words in captured.err and captured.out == ""


def test_it_goes_with_json_alone_on_stdout_and_with_fail_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, place = write_irregular(tmp_path / "data"), tmp_path / "report.html"
    assert cli.main(["inspect", str(folder), "--html", str(place), "--json", "-", "--fail-on", "error"]) == 1
    assert json.loads(capsys.readouterr().out)["schema"] == 1
    assert read(place).one(class_="words").text.startswith("Do not use as it is")


def test_a_folder_without_dicom_gets_a_report_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    place = tmp_path / "report.html"
    assert cli.main(["inspect", str(tmp_path / "data"), "--html", str(place)]) == 2
    assert "Nothing could be inspected" in read(place).text


def test_the_report_finds_what_the_json_finds_and_the_terminal_prints(
    deformable_pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A field in voxels, told by its two images; one that moves everything by 12 mm has that as a measure alone."""
    import numpy as np
    from dicom_objects import node_points

    write_linear(tmp_path / "bulk.dcm", vectors=0 * node_points() + np.array([12.0, 0, 0]))
    in_voxels = pydicom.dcmread(deformable_pair / "registration.dcm")
    grid = in_voxels.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(-1, 3) / np.array(grid.GridResolution, float)
    grid.VectorGridData = vectors.astype("<f4").tobytes()
    in_voxels.save_as(tmp_path / "voxels.dcm")
    paths = [str(tmp_path / "bulk.dcm"), str(tmp_path / "voxels.dcm")]
    paths += [str(deformable_pair / name) for name in ("fixed", "moving")]
    place, told = tmp_path / "report.html", tmp_path / "told.json"
    assert cli.main(["inspect", *paths, "--html", str(place), "--json", str(told), "--fail-on", "error"]) == 1
    findings = json.loads(told.read_text(encoding="utf-8"))["findings"]
    codes = sorted({one["code"] for one in findings})
    assert "reg-units-suspect" in codes
    assert sorted({one.one("code").text for one in read(place).all("article", "finding")}) == codes
    printed = capsys.readouterr().out
    assert sorted(set(re.findall(r"\[([a-z-]+)\]$", printed, re.MULTILINE))) == codes
    assert "bulk motion, rigid" in read(place).text.lower()


def test_without_slicers_libraries_the_report_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folding(tmp_path / "reg.dcm")
    for name in [one for one in sys.modules if one.startswith("DicomRegInspectorLib.scene")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "slicer", None)
    monkeypatch.setitem(sys.modules, "vtk", None)
    import DicomRegInspectorLib

    monkeypatch.delattr(DicomRegInspectorLib, "scene", raising=False)
    page = report(tmp_path / "reg.dcm", tmp_path / "report.html")
    assert "Pictures need Slicer's MRML libraries" in page.text
    assert not page.all("img")
    assert len(page.all("svg", "plot")) == 2


def test_stopping_leaves_no_file(tmp_path: Path) -> None:
    write_irregular(tmp_path / "data")
    write_folding(tmp_path / "data" / "reg.dcm")
    inspection, place = inspect_paths([tmp_path / "data"]), tmp_path / "report.html"
    calls: list[str] = []
    write_report(inspection, place, drawer=picture_drawer(), progress=lambda *state: calls.append(state[2]) or True)
    assert {"Histogram of the displacements", "Digests of files"} <= set(calls)
    place.unlink()
    for text in dict.fromkeys(calls):
        with pytest.raises(Cancelled):
            write_report(
                inspection, place, drawer=picture_drawer(), progress=lambda _done, _total, now, text=text: now != text
            )
        assert not place.exists()


def test_a_file_that_is_gone_by_then_is_told_not_raised(tmp_path: Path) -> None:
    folder = write_irregular(tmp_path / "data")
    write_folding(folder / "reg.dcm")
    inspection = inspect_paths([folder])
    for path in folder.iterdir():
        os.unlink(path)
    write_report(inspection, tmp_path / "report.html", ReportOptions(paths=[str(folder)]), drawer=picture_drawer())
    text = read(tmp_path / "report.html").text
    assert "cannot be read any more" in text


def test_what_reads_and_computes_may_run_in_a_thread(tmp_path: Path) -> None:
    folder = write_irregular(tmp_path / "data")
    inspection, ran = inspect_paths([folder]), []

    def run(function):
        ran.append(function)
        return function(None)

    written = write_report(inspection, tmp_path / "report.html", drawer=picture_drawer(), run=run)
    assert len(ran) == 2
    assert written.size == (tmp_path / "report.html").stat().st_size
    with pytest.raises(UsageError, match="is no HTML report"):
        write_report(inspection, next(folder.iterdir()))


def test_a_thin_image_is_met_by_the_picture(tmp_path: Path) -> None:
    """The longest vector lies beside the only slice there is."""
    pytest.importorskip("slicer", reason="pictures need slicer-core or Slicer")
    write_folding(tmp_path / "reg.dcm")
    write_slice(tmp_path / "slice.dcm", 0, "1.2.3")
    assert "as near as the image reaches. Image: series 1." in report(tmp_path, tmp_path / "report.html").text


def test_without_an_image_the_picture_says_so(tmp_path: Path) -> None:
    pytest.importorskip("slicer", reason="pictures need slicer-core or Slicer")
    write_folding(tmp_path / "reg.dcm")
    text = report(tmp_path, tmp_path / "report.html").text
    assert "Slices through the longest vector. No image of the registered frame was among the files." in text
