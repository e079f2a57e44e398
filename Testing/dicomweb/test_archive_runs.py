"""The command archive over a server: the same tables as over files, whatever happens to the server meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from archive_making import fault_of, uid, write_archive
from archive_rows import TABLES, dicts_of
from DicomRegInspectorLib.archive import (
    DicomwebSettings,
    EngineOptions,
    JudgeOptions,
    RunOptions,
    inspect_archive,
)
from DicomRegInspectorLib.archive.dicomweb.study import StudyFiles
from DicomRegInspectorLib.archive.studies import SourceError
from DicomRegInspectorLib.cli import main
from fake_server import FakeServer, serving
from orthanc_server import Orthanc

STUDIES = 14
SERIAL = RunOptions(EngineOptions(workers=0))
OF_THE_RUN = ("source", "made_with")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Studies with a planted fault in every other one; without the file that is cut off, which no server takes."""
    folder = tmp_path_factory.mktemp("archive") / "studies"
    write_archive(folder, STUDIES)
    for study in range(STUDIES):
        if fault_of(study) == "file-truncated":
            for path in list(folder.rglob("*")):
                if path.is_file() and uid(study, 0).encode() in path.read_bytes():
                    path.unlink()
    return folder


@pytest.fixture(scope="module")
def expected(archive: Path) -> dict[str, list[dict[str, Any]]]:
    """The tables of a serial run over the files."""
    inspect_archive(archive, archive.parent / "from-files", how=SERIAL)
    return tables(archive.parent / "from-files")


@pytest.fixture()
def fake(archive: Path) -> Iterator[FakeServer]:
    """A good server with the archive."""
    with serving(*(path for path in sorted(archive.rglob("*")) if path.is_file())) as server:
        yield server


def tables(output: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        table: [{key: value for key, value in row.items() if key not in OF_THE_RUN} for row in dicts_of(output, table)]
        for table in TABLES
    }


def files_of(archive: Path) -> list[Path]:
    return [path for path in sorted(archive.rglob("*")) if path.is_file()]


def test_tables_equal_those_of_files(fake: FakeServer, expected: dict[str, Any], tmp_path: Path) -> None:
    tally = inspect_archive(fake.url, tmp_path / "out", how=SERIAL)
    assert (tally.judged, tally.failed) == (len(expected["studies"]), 0)
    assert tables(tmp_path / "out") == expected
    assert {row["source"] for row in dicts_of(tmp_path / "out", "studies")} == {fake.url}
    assert not list((tmp_path / "out" / ".private").rglob("*.dcm")), "no header is left behind"


def test_tables_of_orthanc_equal_those_of_files(
    orthanc: Orthanc, archive: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    orthanc.add(files_of(archive))
    inspect_archive(f"{orthanc.url}/", tmp_path / "out", how=RunOptions(EngineOptions(workers=2, threads=True)))
    assert tables(tmp_path / "out") == expected


def test_a_restart_in_mid_run_costs_nothing(
    archive: Path, expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped within the third study, and started again a second later."""
    from orthanc_server import MISSING, is_installed

    if not is_installed():
        pytest.skip(MISSING)
    server = Orthanc(tmp_path / "own")
    server.start()
    later: list[threading.Thread] = []

    fetch, fetched = StudyFiles.fetch, []

    def fetch_and_stop(*arguments: Any, **options: Any) -> None:
        fetched.append(arguments)
        if len(fetched) == 8:
            server.stop()
            later.append(threading.Thread(target=lambda: (time.sleep(1), server.start())))
            later[0].start()
        fetch(*arguments, **options)

    monkeypatch.setattr(StudyFiles, "fetch", fetch_and_stop)
    try:
        server.add(files_of(archive))
        asking = DicomwebSettings(patience_s=60)
        tally = inspect_archive(server.url, tmp_path / "out", how=SERIAL, asking=asking)
        later[0].join()
    finally:
        server.stop()
    assert (tally.judged, tally.failed) == (len(expected["studies"]), 0)
    assert tables(tmp_path / "out") == expected


def test_a_run_goes_on_where_the_server_left_it(fake: FakeServer, expected: dict[str, Any], tmp_path: Path) -> None:
    """Nothing is lost, and what is done is not asked for again."""
    metadata = r"/series/[\d.]+/metadata$"
    refused = uid(5, 0)
    fake.fails(rf"/{refused}/series/.*/metadata$", lambda handler: handler.send(b"", status=401))
    with pytest.raises(SourceError, match="401"):
        inspect_archive(fake.url, tmp_path / "out", how=SERIAL)
    before = {row["study_instance_uid"] for row in dicts_of(tmp_path / "out", "studies")}
    fake.faults.clear()
    fake.requests.clear()
    tally = inspect_archive(fake.url, tmp_path / "out", how=SERIAL)
    assert tally.already_done == len(before) and tally.judged == len(expected["studies"]) - len(before)
    assert tables(tmp_path / "out") == expected
    assert not any(fake.asked(rf"/{study}{metadata}") for study in before)
    assert fake.asked(metadata) == 2 * tally.judged


def test_a_study_that_fails_is_a_row_and_is_tried_again_on_request(
    fake: FakeServer, expected: dict[str, Any], tmp_path: Path
) -> None:
    broken = uid(1, 0)
    fake.fails(rf"/{broken}/series/.*/metadata$", lambda handler: handler.send(b"<html>", "text/html"))
    tally = inspect_archive(fake.url, tmp_path / "out", how=SERIAL)
    assert tally.failed == 1
    (row,) = (row for row in dicts_of(tmp_path / "out", "studies") if row["state"] == "failed")
    assert row["study_instance_uid"] == broken
    assert "no JSON" in row["reason"] and f"{fake.url}/studies/{broken}/" in row["reason"]
    fake.faults.clear()
    assert inspect_archive(fake.url, tmp_path / "out", how=SERIAL).judged == 0
    tally = inspect_archive(fake.url, tmp_path / "out", how=RunOptions(EngineOptions(workers=0), retry=True))
    assert (tally.judged, tally.failed) == (1, 0)
    assert tables(tmp_path / "out") == expected


def test_what_a_killed_run_left_is_taken_away(fake: FakeServer, tmp_path: Path) -> None:
    """Headers that name patients, in folders that nobody took away any more."""
    inspect_archive(fake.url, tmp_path / "out", how=SERIAL)
    (private,) = (tmp_path / "out" / ".private").glob("dicomweb-*")
    (private / "fetched" / "left" / "0000").mkdir(parents=True)
    (private / "fetched" / "left" / "0000" / "1.2.3.dcm").write_bytes(b"Nemo^Secret")
    inspect_archive(fake.url, tmp_path / "out", how=SERIAL)
    assert not list(private.rglob("*.dcm"))
    assert (tmp_path / "out" / ".private").stat().st_mode & 0o077 == 0


def test_a_study_that_grew_is_read_again(fake: FakeServer, tmp_path: Path) -> None:
    kept = fake.datasets.pop()
    inspect_archive(fake.url, tmp_path / "out", how=SERIAL)
    fake.datasets.append(kept)
    tally = inspect_archive(fake.url, tmp_path / "out", how=SERIAL)
    assert tally.judged == 1
    (study,) = (
        row for row in dicts_of(tmp_path / "out", "studies") if row["study_instance_uid"] == kept[0].StudyInstanceUID
    )
    assert study["files"] == 11


def test_a_study_that_never_ends_is_given_up(fake: FakeServer, tmp_path: Path) -> None:
    slow = uid(2, 0)
    fake.fails(rf"/{slow}/series/.*/metadata$", lambda handler: (time.sleep(2), handler.send_json([])))
    inspect_archive(fake.url, tmp_path / "out", how=RunOptions(EngineOptions(workers=0), study_limit_s=1))
    rows = {row["study_instance_uid"]: row for row in dicts_of(tmp_path / "out", "studies")}
    assert rows[slow]["reason"].startswith("given up after 1 s")
    assert sum(row["state"] == "failed" for row in rows.values()) == 1


def test_the_command_ends_with_2_where_it_may_not_ask(
    fake: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DICOMWEB_TOKEN", "very-secret-token")
    fake.fails("/studies", lambda handler: handler.send(b"", status=401))
    assert main(["archive", fake.url, "--output", str(tmp_path / "out"), "--workers", "0", "--patience", "1"]) == 2
    told = capsys.readouterr()
    assert f"{fake.url}/studies" in told.err and "401" in told.err and len(told.err.strip().splitlines()) == 1
    assert "very-secret-token" not in told.err + told.out
    assert fake.requests[0][1]["authorization"] == "Bearer very-secret-token"


def test_the_command_reads_a_server(fake: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asking = ["--connections", "2", "--rate", "5000", "--patience", "5"]
    assert main(["archive", fake.url, "--output", str(tmp_path / "out"), "--workers", "0", *asking]) == 0
    assert "slice-gap" in capsys.readouterr().out
    assert JudgeOptions().pixels is False and fake.asked("/frames") == 0
