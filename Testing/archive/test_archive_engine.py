"""Dask's engine: what it asks for and when, and what it makes of workers that end."""

from __future__ import annotations

import os
import time
import tracemalloc
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator

import pytest
from DicomRegInspectorLib import memory
from DicomRegInspectorLib.archive import EngineOptions
from DicomRegInspectorLib.archive import engine as engines
from DicomRegInspectorLib.archive.engine import WINDOW, DaskEngine, Engine, engine_of
from DicomRegInspectorLib.errors import UsageError

BIG = 100_000
"""Bytes of a task with the paths of a thousand files."""


def _asked_at_a_time(engine: Engine, alone: bool) -> tuple[set[int], int]:
    """How many tasks had no outcome yet whenever one was asked for, itself included; how many while one was taken."""
    asked, taken = 0, 0
    waiting: set[int] = set()
    meanwhile = 0

    def tasks() -> Iterator[int]:
        nonlocal asked
        for number in range(20):
            asked += 1
            waiting.add(asked - taken)
            yield number

    for outcome in engine.run(abs, tasks(), alone=alone):
        assert outcome.result == outcome.task
        taken += 1
        meanwhile = max(meanwhile, asked - taken)
    assert (asked, taken) == (20, 20)
    return waiting, meanwhile


def test_a_task_alone_is_asked_for_when_the_outcome_before_it_was_taken() -> None:
    with engine_of(EngineOptions(workers=2, threads=True)) as engine:
        assert _asked_at_a_time(engine, alone=True) == ({1}, 0)
        waiting, meanwhile = _asked_at_a_time(engine, alone=False)
    assert max(waiting) == 2 * WINDOW and meanwhile == 2 * WINDOW - 1


@pytest.mark.parametrize("threads", [True, False])
def test_nothing_is_kept_of_tasks_that_have_ended(threads: bool) -> None:
    with engine_of(EngineOptions(workers=1, threads=threads)) as engine:
        tracemalloc.start()
        try:
            held = []
            for count in (10, 100):
                assert sum(outcome.result or 0 for outcome in engine.run(len, _big_tasks(count))) == count * BIG
                held.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    assert held[1] - held[0] < 20 * BIG  # a fifth of what the second run sent


def _big_tasks(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield bytes(BIG)


def _process(_: int) -> int:
    return os.getpid()


def test_nothing_is_sent_to_a_process_that_was_ended() -> None:
    with engine_of(EngineOptions(workers=1)) as engine:
        processes = []
        for outcome in engine.run(_process, iter(range(4)), alone=True):
            assert outcome.result is not None
            processes.append(outcome.result)
            engine.end_process(outcome.result)
    assert len(set(processes)) == 4


def test_workers_that_are_given_up_are_begun_anew() -> None:
    """As Dask gives up one that ends while it begins; with none left, tasks would wait for ever."""
    with DaskEngine(EngineOptions(workers=2, threads=False)) as engine:
        cluster = engine._cluster
        for worker in list(cluster.workers.values()):
            cluster.sync(worker.close)
        (outcome,) = engine.run(abs, iter([-3]), alone=True)
    assert outcome.result == 3


def test_a_run_ends_when_no_worker_can_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_MOST_LOOKS", 1)
    monkeypatch.setattr(engines, "_BEGIN_S", 0)
    with DaskEngine(EngineOptions(workers=1)) as engine:
        cluster = engine._cluster
        monkeypatch.setattr(cluster, "scale", lambda count: None)
        for worker in list(cluster.workers.values()):
            cluster.sync(worker.close)
        with pytest.raises(UsageError, match="the workers on this machine end as soon as they begin; run again"):
            list(engine.run(abs, iter([-3])))


def test_a_run_ends_when_memory_does_not_suffice_to_speak_with_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What asyncio cannot read for want of memory stays there to be read, again and again for ever."""

    def starved() -> None:
        raise MemoryError

    with DaskEngine(EngineOptions(workers=1, threads=True)) as engine:
        engine._client.loop.asyncio_loop.call_soon_threadsafe(starved)
        with pytest.raises(UsageError, match="not enough memory to speak with the workers"):
            list(engine.run(time.sleep, iter([2.5])))
    monkeypatch.setattr(engines, "_MOST_LOOKS_WITHOUT_ROOM", 1)
    with DaskEngine(EngineOptions(workers=1, threads=True)) as engine:
        monkeypatch.setattr(engines, "address_space_left", lambda: 4096)
        with pytest.raises(UsageError, match="not enough memory to speak with the workers"):
            list(engine.run(time.sleep, iter([4.5])))


def test_workers_are_not_started_where_a_limit_has_no_room_for_their_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "address_space_limit", lambda: 800 << 20)
    monkeypatch.setattr(memory, "address_space_left", lambda: 400 << 20)
    with pytest.raises(UsageError, match="not enough memory for 2 workers: this process may take 839 MB"):
        DaskEngine(EngineOptions(workers=2)).__enter__()


def test_workers_have_no_pages_for_browsers_and_say_nothing_of_a_second_run() -> None:
    with warnings.catch_warnings(), DaskEngine(EngineOptions(workers=1, threads=True)) as engine:
        warnings.simplefilter("error", UserWarning)
        with DaskEngine(EngineOptions(workers=1, threads=True)):
            server = engine._cluster.scheduler.http_server
            assert server.address == "127.0.0.1"
            for page in ("/info/main/workers.html", "/json/identity.json", "/health"):
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    urllib.request.urlopen(f"http://127.0.0.1:{server.port}{page}")
