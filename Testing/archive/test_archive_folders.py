"""Folders of all kinds: flat ones, studies in several, links, what is no DICOM, what cannot be read, and nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pydicom.data
import pytest
from archive_making import SLICES, STUDY, study_files, uid, write_archive
from archive_rows import all_rows, dicts_of
from DicomRegInspectorLib import inspect_paths
from DicomRegInspectorLib.archive.folders import scan
from DicomRegInspectorLib.dicom.fast_header import read_header
from DicomRegInspectorLib.errors import Cancelled, FileError, UsageError
from pydicom.data import get_testdata_file


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_a_flat_folder_of_mixed_studies_gives_the_rows_of_sorted_ones(
    tmp_path: Path, output: Path, serial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("DicomRegInspectorLib.archive.folders.index.FILES_A_TASK", 7)
    write_archive(tmp_path / "sorted", 10)
    write_archive(tmp_path / "flat", 10, flat=True)
    serial(tmp_path / "sorted", tmp_path / "first")
    serial(tmp_path / "flat", output)
    assert all_rows(output) == all_rows(tmp_path / "first")


def test_a_study_in_two_places_is_one_and_its_copies_are_told(tmp_path: Path, output: Path, serial: Any) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    write_archive(a, 1)
    shutil.copytree(a, b)
    for file in sorted((a / "000000").iterdir())[:4]:
        file.unlink()  # a study that is split as well
    serial([a, b], output)
    (row,) = dicts_of(output, "studies")
    assert row["files"] == (2 * SLICES + 1 - 4) + (2 * SLICES + 1)
    assert {row["slices"] for row in dicts_of(output, "series")} == {SLICES}
    assert [row["copy"] for row in dicts_of(output, "registrations")] == [1, 2]
    copies = [row for row in dicts_of(output, "findings") if '"same_instance":true' in row["evidence"]]
    assert sum(int(row["evidence"].split('"copies":')[1].split(",")[0]) for row in copies) == 2 * SLICES - 4


def test_links_and_overlapping_places_count_files_once(tmp_path: Path, output: Path, serial: Any) -> None:
    folder = tmp_path / "in"
    write_archive(folder, 2)
    (folder / "again").symlink_to(folder / "000000")
    (folder / "circle").symlink_to(folder)
    (folder / "file.dcm").symlink_to(folder / "000001" / "1-0.dcm")
    (folder / "nowhere").symlink_to(folder / "absent")
    serial([folder, folder / "000001", folder / "000000" / "reg.dcm"], output)
    assert [row["files"] for row in dicts_of(output, "studies")] == [2 * SLICES + 1] * 2


def test_the_verdict_is_that_of_inspecting_the_folder(tmp_path: Path, output: Path, serial: Any) -> None:
    write_archive(tmp_path / "in", 9)
    serial(tmp_path / "in", output)
    rows = dicts_of(output, "findings")
    for study in range(9):
        inspected = inspect_paths(tmp_path / "in" / f"{study:06}", audit=False)
        told = [row for row in rows if row["study_instance_uid"] == uid(study, STUDY)]
        expected = [(f.severity, f.code) for f in inspected.findings]
        assert [(row["severity"], row["code"]) for row in told] == expected


def test_what_names_no_study_or_cannot_be_read_is_told_by_its_folder(tmp_path: Path, output: Path, serial: Any) -> None:
    folder = tmp_path / "in"
    write_archive(folder, 1)
    contents = dict(study_files(1, folder))
    without = contents["1-0.dcm"].replace(uid(1, STUDY).encode() + b"\0", b"\0" * (len(uid(1, STUDY)) + 1))
    without = without.replace(uid(1, STUDY).encode(), b"\0" * len(uid(1, STUDY)))
    (folder / "odd").mkdir()
    (folder / "odd" / "no-study").write_bytes(without)
    (folder / "odd" / "cut.dcm").write_bytes(contents["1-1.dcm"][:300])
    (folder / "odd" / "text.dcm").write_text("no DICOM at all, although it is called so")
    (folder / "odd" / "notes.txt").write_text("notes")
    shutil.copy(get_testdata_file("DICOMDIR"), folder / "odd" / "DICOMDIR")
    tally = serial(folder, output)
    assert (tally.judged, tally.failed, tally.passed_over) == (2, 0, 2)
    none, one = sorted(dicts_of(output, "studies"), key=lambda row: row["study_instance_uid"], reverse=True)
    assert none["study_instance_uid"].startswith("no-uid-") and one["study_instance_uid"] == uid(0, STUDY)
    assert (none["files"], none["unreadable_files"], none["series"]) == (3, 1, 1)
    codes = sorted(row["code"] for row in dicts_of(output, "findings") if row["severity"] == "error")
    assert codes == ["file-truncated", "file-unreadable"]


def test_the_first_elements_of_a_file_name_the_study_that_its_whole_header_names() -> None:
    found = 0
    for path in sorted(Path(pydicom.data.__file__).parent.rglob("*")):
        try:
            header = read_header(path) if path.is_file() else None
        except FileError:
            continue
        if header is not None:
            study = scan._study_by_walk(str(path), header.size)
            assert study in ("", scan.NOT_DICOM if header.is_dicomdir else header.study_uid), path
            found += study != ""
    assert found > 80


def test_a_file_that_is_cut_off_behind_its_study_is_told_in_that_study(
    tmp_path: Path, output: Path, serial: Any
) -> None:
    write_archive(tmp_path / "in", 1)
    (path,) = tmp_path.rglob("1-1.dcm")
    content = path.read_bytes()
    path.write_bytes(content[: content.index(uid(0, STUDY).encode()) + 60])
    serial(tmp_path / "in", output)
    (row,) = dicts_of(output, "studies")
    assert (row["study_instance_uid"], row["files"], row["unreadable_files"]) == (uid(0, STUDY), 2 * SLICES + 1, 1)


def test_a_study_without_series_is_a_row(tmp_path: Path, output: Path, serial: Any) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(get_testdata_file("reportsi.dcm"), tmp_path / "in" / "report.dcm")
    tally = serial(tmp_path / "in", output)
    (row,) = dicts_of(output, "studies")
    assert (tally.judged, row["state"], row["series"], row["other_dicom_files"]) == (1, "done", 0, 1)
    assert tally.summary.studies == 1 and dicts_of(output, "series") == []


def test_an_archive_without_studies_is_refused_and_changes_nothing(tmp_path: Path, output: Path, serial: Any) -> None:
    folder = tmp_path / "in"
    write_archive(folder, 2)
    serial(folder, output)
    before = all_rows(output)
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "notes.txt").write_text("the disk that should be mounted here is not")
    with pytest.raises(UsageError, match="no study was found"):
        serial(folder, output)
    assert all_rows(output) == before


def test_rows_stay_while_a_folder_cannot_be_listed(
    tmp_path: Path, output: Path, serial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    write_archive(folder, 3)
    serial(folder, output)
    listed = os.scandir

    def scandir(place: Any) -> Any:
        if isinstance(place, bytes) and place.endswith(b"000001"):
            raise PermissionError(13, "Permission denied")
        return listed(place)

    monkeypatch.setattr(os, "scandir", scandir)
    tally = serial(folder, output)
    assert (tally.judged, tally.failed, tally.gone, tally.already_done) == (1, 1, 0, 2)
    assert "could be listed" in tally.remarks[0]
    failed = [row for row in dicts_of(output, "studies") if row["state"] == "failed"]
    assert [row["reason"] for row in failed] == ["A folder cannot be listed (Permission denied)."]
    monkeypatch.undo()
    tally = serial(folder, output)
    assert (tally.judged, tally.gone, tally.already_done) == (0, 1, 3)


def test_unchanged_files_are_not_opened_again(
    tmp_path: Path, output: Path, serial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive(tmp_path / "in", 3)
    serial(tmp_path / "in", output)
    opened = []
    monkeypatch.setattr(scan, "_study_of", lambda path: opened.append(path) or "1.2.3")
    assert serial(tmp_path / "in", output).already_done == 3
    assert opened == []


def test_names_that_are_not_utf_8_are_read(tmp_path: Path, output: Path, serial: Any) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, content in study_files(0, folder):
        with open(os.fsencode(folder) + b"/M\xfcller-" + name.encode(), "wb") as file:
            file.write(content)
    assert serial(folder, output).failed == 0
    assert dicts_of(output, "studies")[0]["files"] == 2 * SLICES + 1


def test_registrations_between_studies_are_no_fault_of_theirs(tmp_path: Path, output: Path, serial: Any) -> None:
    """Study 7 names a frame that nobody has; here another study comes that has it."""
    folder = tmp_path / "in"
    write_archive(folder, 1, first=7)
    serial(folder, output)
    (row,) = dicts_of(output, "studies")
    assert (row["warnings"], row["infos"], row["worst"]) == (1, 0, "warning")
    (folder / "000008").mkdir()
    for name, content in study_files(0, folder):
        # Its moving frame is the one that study 7 names.
        moved = content.replace(uid(0, 4).encode(), uid(7, 6).encode())
        (folder / "000008" / name).write_bytes(moved)
    assert serial(folder, output).already_done == 1
    rows = {row["study_instance_uid"]: row for row in dicts_of(output, "studies")}
    seven = rows[uid(7, STUDY)]
    assert (seven["warnings"], seven["infos"], seven["worst"]) == (0, 1, "info")
    found = [row for row in dicts_of(output, "findings") if row["code"] == "reg-frame-unknown"]
    assert [(row["severity"], row["frame_in_study"]) for row in found] == [("info", uid(0, STUDY))]
    # And when it has gone it is one again.
    shutil.rmtree(folder / "000008")
    serial(folder, output)
    (row,) = dicts_of(output, "studies")
    assert (row["warnings"], row["infos"], row["worst"]) == (1, 0, "warning")


def test_an_output_is_of_its_places_and_of_nothing_else(tmp_path: Path, output: Path, serial: Any) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    write_archive(a, 1)
    write_archive(b, 1, first=1)
    serial(a, output)
    assert serial([a, b], output).judged == 1
    with pytest.raises(UsageError, match=f"also of {b}"):
        serial(a, output)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds no archive"):
        serial(a, tmp_path / "full")
    assert sorted(os.listdir(tmp_path / "full")) == ["thesis.txt"]
    with pytest.raises(UsageError, match="no such file"):
        serial(tmp_path / "absent", tmp_path / "new")


def test_a_run_can_be_stopped_and_gone_on_with(tmp_path: Path, output: Path, serial: Any) -> None:
    folder = tmp_path / "in"
    write_archive(folder, 40)

    def stop(done: int, total: int, text: str) -> bool:
        return not ("files/s" in text and done >= 16)

    with pytest.raises(Cancelled):
        serial(folder, output, progress=stop)
    assert len(dicts_of(output, "studies")) == 16
    tally = serial(folder, output)
    assert (tally.judged, tally.already_done) == (24, 16)
    assert [row["outcome"] for row in dicts_of(output, "runs")] == ["stopped", "complete"]
