"""Studies that cannot be judged are rows with a reason: crashes, hangs, errors, files that change; and retries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from archive_making import study_files, uid, write_archive
from archive_rows import all_rows, dicts_of
from DicomRegInspectorLib.archive import EngineOptions, JudgeOptions, RunOptions, judge, run_archive
from DicomRegInspectorLib.errors import UsageError
from odd_readers import OddSource


def _reasons(output: Path) -> dict[str, str]:
    return {row["study_instance_uid"]: row["reason"] for row in dicts_of(output, "studies") if row["state"] == "failed"}


def test_what_a_study_does_to_its_reader_is_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "GRACE_S", 0.2)
    source = OddSource(["", "broken", "odd", "memory", "slow", "hang", "changing", ""])
    how = RunOptions(EngineOptions(workers=0), study_limit_s=0.3)
    tally = run_archive([source], ["odd"], tmp_path, how=how)
    assert (tally.judged, tally.failed) == (8, 6)
    assert _reasons(tmp_path) == {
        "1.2.1": "The file is broken.",
        "1.2.2": "The file holds what cannot be understood (RuntimeError).",
        "1.2.3": "needs more memory than there is",
        "1.2.4": "given up after 0.3 s",
        "1.2.5": "given up after 0.3 s; it had not ended 0.2 s later",
        "1.2.6": judge.CHANGED,
    }


def test_crashes_hangs_and_too_much_memory_cost_their_own_studies_and_no_other(tmp_path: Path) -> None:
    """Three beside each other: while one worker begins anew, what waits at the other is lost with the next crash."""
    kinds = [""] * 20
    kinds[3] = kinds[4] = "crash"
    kinds[5], kinds[9] = "hog", "hang"
    how = RunOptions(EngineOptions(workers=2, memory="500MB"), study_limit_s=5.0)
    tally = run_archive([OddSource(kinds)], ["odd"], tmp_path, how=how)
    reasons = _reasons(tmp_path)
    assert set(reasons) == {"1.2.3", "1.2.4", "1.2.5", "1.2.9"}
    assert all("ended 3 times" in reasons[f"1.2.{number}"] for number in (3, 4, 5))
    assert reasons["1.2.9"].startswith("given up after 5 s")
    assert (tally.judged, tally.failed) == (20, 4)


def test_failed_studies_are_left_until_they_are_to_be_retried(tmp_path: Path) -> None:
    how = RunOptions(EngineOptions(workers=0))
    run_archive([OddSource(["broken", "", "changing"])], ["odd"], tmp_path, how=how)
    again = run_archive([OddSource(["", "", ""])], ["odd"], tmp_path, how=how)
    # What changed while it was read is read again in any case.
    assert (again.judged, again.already_done, again.failed) == (1, 2, 0)
    assert set(_reasons(tmp_path)) == {"1.2.0"}
    retried = run_archive([OddSource(["", "", ""])], ["odd"], tmp_path, how=RunOptions(how.engine, retry=True))
    assert (retried.judged, retried.already_done) == (1, 2)
    assert _reasons(tmp_path) == {}


def test_a_changed_study_is_judged_again_and_one_that_is_gone_leaves(tmp_path: Path, serial: Any) -> None:
    archive, output = tmp_path / "in", tmp_path / "out"
    write_archive(archive, 6)
    serial(archive, output)
    (archive / "000000" / "1-1.dcm").unlink()
    (archive / "000002" / "1-1.dcm").touch()
    for file in (archive / "000004").iterdir():
        file.unlink()
    write_archive(archive, 1, first=6)
    tally = serial(archive, output)
    assert (tally.judged, tally.already_done, tally.gone) == (3, 3, 1)
    serial(archive, tmp_path / "anew")
    assert all_rows(output) == all_rows(tmp_path / "anew")
    gaps = {row["study_instance_uid"] for row in dicts_of(output, "findings") if row["code"] == "slice-gap"}
    assert uid(0, 0) in gaps and uid(4, 0) not in gaps


def test_other_options_judge_everything_again(tmp_path: Path, serial: Any) -> None:
    archive, output = tmp_path / "in", tmp_path / "out"
    write_archive(archive, 3)
    serial(archive, output)
    tally = serial(archive, output, JudgeOptions(pixels=True, measures=True))
    assert (tally.judged, tally.already_done) == (3, 0)
    rows = dicts_of(output, "runs")
    assert {row["made_with"] for row in dicts_of(output, "studies")} == {rows[-1]["made_with"]}
    assert [row["outcome"] for row in rows] == ["complete", "complete"] and '"pixels": true' in rows[-1]["options"]


def test_files_that_change_while_a_study_is_read_are_told(
    tmp_path: Path, serial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from DicomRegInspectorLib.archive.folders import source

    archive, output = tmp_path / "in", tmp_path / "out"
    write_archive(archive, 2)
    inspected = source.inspect_files

    def and_change(files: Any, *args: Any, **options: Any) -> Any:
        found = inspected(files, *args, **options)
        if "000001" in files[0]:
            (archive / "000001" / "2-1.dcm").unlink()
        return found

    monkeypatch.setattr(source, "inspect_files", and_change)
    assert serial(archive, output).failed == 1
    assert _reasons(output) == {uid(1, 0): judge.CHANGED}
    monkeypatch.undo()
    tally = serial(archive, output)
    assert (tally.judged, tally.failed, tally.already_done) == (1, 0, 1)


def test_each_study_has_a_report_of_its_own_when_asked_for(tmp_path: Path, serial: Any) -> None:
    archive, output = tmp_path / "in", tmp_path / "out"
    write_archive(archive, 2)
    serial(archive, output, reports=True)
    reports = sorted((output / "reports").iterdir())
    assert [report.name.startswith(uid(study, 0)) for study, report in enumerate(reports)] == [True, True]
    page = (output / "summary.html").read_text("utf-8")
    assert f'href="reports/{reports[1].name}"' in page
    for report in reports:
        assert "Secret" not in report.read_text("utf-8") and str(archive) not in report.read_text("utf-8")


def test_reports_are_those_of_the_rows(tmp_path: Path, serial: Any) -> None:
    archive, output = tmp_path / "in", tmp_path / "out"
    write_archive(archive, 3)
    serial(archive, output)
    assert not (output / "reports").exists()
    # Asked for later, they are made; what is judged without one loses the one of before, and so does what is gone.
    assert serial(archive, output, reports=True).judged == 3
    assert serial(archive, output, reports=True).already_done == 3
    (archive / "000001" / "1-1.dcm").touch()
    for file in (archive / "000002").iterdir():
        file.unlink()
    assert serial(archive, output).judged == 1
    (report,) = (output / "reports").iterdir()
    assert report.name.startswith(uid(0, 0))


def test_a_report_that_cannot_be_written_ends_the_run_and_fails_no_study(tmp_path: Path, serial: Any) -> None:
    archive, output = tmp_path / "in", tmp_path / "out"
    write_archive(archive, 2)
    serial(archive, output, reports=True)
    for report in sorted((output / "reports").iterdir()):
        report.write_text("somebody's own notes")
    with pytest.raises(UsageError, match="is no HTML report"):
        serial(archive, output, JudgeOptions(pixels=True), reports=True)
    assert _reasons(output) == {}


def test_a_study_uid_that_is_a_path_leads_nowhere(tmp_path: Path, serial: Any) -> None:
    archive, output = tmp_path / "in", tmp_path / "out"
    archive.mkdir()
    evil = b"../../../../../evil/../a".ljust(len(uid(0, 0)), b"x")[: len(uid(0, 0))]
    for name, content in study_files(0, archive):
        (archive / name).write_bytes(content.replace(uid(0, 0).encode(), evil))
    serial(archive, output, reports=True)
    (report,) = (output / "reports").iterdir()
    assert report.name.startswith("study-") and not list(tmp_path.rglob("evil*"))
