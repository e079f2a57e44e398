"""Killed at random moments, a run loses no study that had ended, and goes on to the table of a run that was not."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest
from archive_making import write_archive
from archive_rows import all_rows
from DicomRegInspectorLib.archive import EngineOptions, RunOptions, inspect_archive

STUDIES = 100
RUNS_KILLED, WORKERS_KILLED = 14, 6


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kills") / "studies"
    write_archive(folder, STUDIES)
    return folder


@pytest.fixture(scope="module")
def expected(archive: Path) -> dict[str, list[tuple[object, ...]]]:
    output = archive.parent / "serial"
    inspect_archive(archive, output, how=RunOptions(EngineOptions(workers=0)))
    return all_rows(output)


def _start(archive: Path, output: Path, workers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "DicomRegInspectorLib", "archive", str(archive), "--output", str(output)]
    return subprocess.Popen([*command, "--workers", str(workers), "--quiet"], stderr=subprocess.PIPE)


def _wait_until(condition: Callable[[], object], run: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 300
    while run.poll() is None and time.monotonic() < until and not condition():
        time.sleep(0.02)


def _done(output: Path) -> dict[str, str]:
    """What the journal says is done; nothing before there is one."""
    try:
        database = sqlite3.connect(f"file:{output / 'archive.sqlite'}?mode=ro", uri=True)
    except sqlite3.Error:
        return {}
    try:
        return dict(database.execute("SELECT study_instance_uid, digest FROM journal"))
    except sqlite3.Error:
        return {}
    finally:
        database.close()


def _has_more(output: Path, before: dict[str, str]) -> bool:
    return _done(output) != before


def _judged(output: Path) -> int:
    database = sqlite3.connect(output / "archive.sqlite")
    try:
        return int(database.execute("SELECT sum(judged) FROM runs").fetchone()[0])
    finally:
        database.close()


def test_a_run_killed_again_and_again_ends_with_the_same_table(
    archive: Path, expected: dict[str, list[tuple[object, ...]]], tmp_path: Path
) -> None:
    output, moments = tmp_path / "out", random.Random(15)
    before: dict[str, str] = {}
    progressed = 0
    for _ in range(RUNS_KILLED):
        run = _start(archive, output, 0)
        # While it begins, or some time after something new was finished.
        if moments.random() < 0.7:
            _wait_until(partial(_has_more, output, before), run)
        time.sleep(moments.uniform(0, 0.5))
        # Some have ended by then.
        run.kill()
        run.communicate()
        after = _done(output)
        assert before.items() <= after.items()
        progressed += before != after
        before = after
    assert progressed >= 2
    run = _start(archive, output, 0)
    _, said = run.communicate(timeout=240)
    assert (run.returncode, said) == (0, b"")
    assert all_rows(output) == expected
    # No study was judged twice.
    assert _judged(output) == STUDIES


def test_workers_killed_at_random_moments_change_nothing(
    archive: Path, expected: dict[str, list[tuple[object, ...]]], tmp_path: Path
) -> None:
    output, moments = tmp_path / "out", random.Random(16)
    run = _start(archive, output, 2)
    killed = 0
    while killed < WORKERS_KILLED and run.poll() is None:
        time.sleep(moments.uniform(0.3, 0.8))
        workers = _workers_of(run)
        # The run itself is killed in between, once.
        if killed == WORKERS_KILLED // 2 and workers:
            run.kill()
            run.communicate()
            killed += 1
            run = _start(archive, output, 2)
        elif workers and _done(output):
            with suppress(psutil.NoSuchProcess):
                moments.choice(workers).send_signal(signal.SIGKILL)
                killed += 1
    _, said = run.communicate(timeout=240)
    assert (run.returncode, said) == (0, b"")
    assert all_rows(output) == expected
    assert _judged(output) == STUDIES


def _workers_of(run: subprocess.Popen[bytes]) -> list[psutil.Process]:
    if run.poll() is not None:
        return []
    return [child for child in psutil.Process(run.pid).children(recursive=True) if _is_worker(child)]


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def test_no_worker_outlives_a_run_that_was_killed(archive: Path, tmp_path: Path) -> None:
    run = _start(archive, tmp_path / "out", 2)
    _wait_until(lambda: len(_workers_of(run)) >= 2, run)
    workers = _workers_of(run)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert len(workers) >= 2 and not alive


def test_two_runs_on_one_output_exclude_each_other(archive: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run = _start(archive, output, 0)
    try:
        _wait_until((output / "archive.sqlite").exists, run)
        os.kill(run.pid, signal.SIGSTOP)
        other = _start(archive, output, 0)
        _, said = other.communicate(timeout=240)
        assert other.returncode == 2
        assert f"another run is writing here (process {run.pid})" in said.decode()
        os.kill(run.pid, signal.SIGCONT)
        run.communicate(timeout=240)
        assert run.returncode == 0
    finally:
        run.kill()
        run.wait()


@pytest.mark.parametrize(("number", "code", "count"), [(signal.SIGTERM, 143, 2), (signal.SIGINT, 130, 0)])
def test_a_signal_ends_a_run_and_its_workers(archive: Path, tmp_path: Path, number: int, code: int, count: int) -> None:
    output = tmp_path / "out"
    run = _start(archive, output, count)
    _wait_until(lambda: _done(output), run)
    workers = psutil.Process(run.pid).children(recursive=True) if run.poll() is None else []
    run.send_signal(number)
    _, said = run.communicate(timeout=240)
    assert run.returncode in (-number, code, 0)
    assert not psutil.wait_procs(workers, timeout=20)[1]
    assert said.decode().strip() in ("", "dicom-reg-inspector: stopped")
    assert _done(output)
