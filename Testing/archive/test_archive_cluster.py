"""A Dask cluster that somebody has started: a scheduler and workers, as commands, on loopback."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_making import write_archive
from archive_rows import all_rows
from DicomRegInspectorLib.archive import EngineOptions, RunOptions, engine, inspect_archive
from DicomRegInspectorLib.errors import UsageError

STUDIES = 60
Cluster = tuple[str, list[subprocess.Popen[bytes]]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Its address, and its two workers."""
    folder = tmp_path_factory.mktemp("cluster")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"

    def start(*command: str) -> subprocess.Popen[bytes]:
        with (folder / "log").open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", *command, "--no-dashboard"], stdout=log, stderr=log)

    place = ["--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-show"]
    scheduler = start("distributed.cli.dask_scheduler", *place)
    own = ["--nthreads", "1", "--no-nanny", "--local-directory", str(folder)]
    workers = [start("distributed.cli.dask_worker", address, *own) for _ in range(2)]
    try:
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def _wait_for_workers(address: str, count: int) -> None:
    from distributed import Client

    with Client(address, timeout=30, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


def test_another_version_of_this_program_is_refused(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _wait_for_workers(cluster[0], 2)
    monkeypatch.setattr(engine, "__version__", "0.0.1")
    with pytest.raises(UsageError, match=r"has version .*; scheduler and workers need DicomRegInspector 0\.0\.1"):
        inspect_archive(tmp_path, tmp_path / "out", how=RunOptions(EngineOptions(scheduler=cluster[0])))


def test_a_cluster_gives_the_table_of_a_serial_run_also_when_it_loses_a_worker(
    cluster: Cluster, tmp_path: Path
) -> None:
    address, workers = cluster
    write_archive(tmp_path / "in", STUDIES)
    inspect_archive(tmp_path / "in", tmp_path / "serial", how=RunOptions(EngineOptions(workers=0)))
    _wait_for_workers(address, 2)
    killer = threading.Thread(target=_kill_when_rows_are_there, args=(workers[0], tmp_path / "out"))
    killer.start()
    tally = inspect_archive(tmp_path / "in", tmp_path / "out", how=RunOptions(EngineOptions(scheduler=address)))
    killer.join()
    assert (tally.judged, tally.failed) == (STUDIES, 0)
    assert workers[0].poll() is not None and workers[1].poll() is None
    assert all_rows(tmp_path / "out") == all_rows(tmp_path / "serial")


def _kill_when_rows_are_there(worker: subprocess.Popen[bytes], output: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            database = sqlite3.connect(f"file:{output / 'archive.sqlite'}?mode=ro", uri=True)
            found = database.execute("SELECT count(*) FROM journal").fetchone()[0]
            database.close()
        except sqlite3.Error:
            found = 0
        if found:
            break
        time.sleep(0.01)
    worker.kill()
    worker.wait()
