"""Requests under way and per second are bounded over threads and processes, also where one of them is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from DicomRegInspectorLib.archive.dicomweb.turns import Turns

pytest.importorskip("fcntl", reason="locks of this kind are those of Unix")

HOLDS = """
import sys, time
from DicomRegInspectorLib.archive.dicomweb.turns import Turns
with Turns(sys.argv[1], 1, None).turn(time.sleep):
    print("held", flush=True)
    time.sleep(60)
"""


def test_no_more_turns_are_held_than_there_are(tmp_path: Path) -> None:
    turns, under_way, most, lock = Turns(tmp_path, 3, None), [0], [0], threading.Lock()

    def ask() -> None:
        for _ in range(4):
            with turns.turn(time.sleep):
                with lock:
                    under_way[0] += 1
                    most[0] = max(most[0], under_way[0])
                time.sleep(0.01)
                with lock:
                    under_way[0] -= 1

    threads = [threading.Thread(target=ask) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 3 and under_way[0] == 0


def test_requests_keep_their_rate_over_threads(tmp_path: Path) -> None:
    turns, times = Turns(tmp_path, 8, 50.0), []

    def ask() -> None:
        for _ in range(5):
            with turns.turn(time.sleep):
                times.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == 20
    assert max(times) - min(times) >= 19 / 50 - 0.02, "twenty requests at 50 in a second take 0.38 s"


def test_the_turn_of_a_killed_process_is_free_again(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, env=os.environ)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        waits: list[float] = []

        def wait(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 5:
                holder.send_signal(signal.SIGKILL)
                holder.wait()
            time.sleep(seconds)

        with Turns(tmp_path, 1, None).turn(wait):
            assert len(waits) >= 5
    finally:
        holder.kill()
        holder.communicate()


def test_waiting_for_a_turn_can_be_stopped(tmp_path: Path) -> None:
    turns = Turns(tmp_path, 1, None)

    class Stopped(Exception):
        pass

    def stop(seconds: float) -> None:
        raise Stopped

    with turns.turn(time.sleep), pytest.raises(Stopped), turns.turn(stop):
        pass


def test_a_time_that_lies_far_ahead_makes_nobody_wait(tmp_path: Path) -> None:
    """A clock was set back, or a file is what another run left."""
    import struct

    (tmp_path / "next").write_bytes(struct.pack("<d", time.time() + 1e6))
    waits: list[float] = []
    with Turns(tmp_path, 2, 100.0).turn(waits.append):
        pass
    assert sum(waits) <= 0.03
