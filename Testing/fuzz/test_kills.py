"""A few of the moments of `kills.py`, and that it notices what must not be."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import kills
import writers
from DicomRegInspectorLib.cli.ending import Stopped, held_signals, prepare_program
from whole import contents, is_whole

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


@pytest.mark.parametrize("name", ["load .nii.gz", "regularize positions folder", "export-image", "map"])
def test_writers_that_are_ended_leave_nothing_half_written(name: str) -> None:
    outcome = kills.run(6, seed=3, writers=[writer for writer in writers.WRITERS if writer.name == name])
    assert outcome.wrong == [], str(outcome)
    assert sum(outcome.ended.values()) == 6


def writing(code: str) -> writers.Writer:
    """A writer that goes wrong."""

    class Wrong(writers.Writer):
        def command(self, *more: str) -> list[str]:
            return [sys.executable, "-c", f"import os, time; over = {'--overwrite' in more}; {code}"]

    return Wrong("wrong", ("load",), ("out.nrrd",))


HALF = "file = open('out.nrrd', 'w'); file.write('ha'); file.flush(); time.sleep(1); file.write('lf'); file.close()"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (HALF, "out.nrrd is half"),
        ("os.path.exists('out.nrrd') and os.remove('out.nrrd'); time.sleep(1); open('out.nrrd', 'w')", "is lost"),
        ("os.makedirs(f'.unfinished-{os.getpid()}'); time.sleep(1); open('out.nrrd', 'w')", "SIGTERM left"),
    ],
)
def test_what_must_not_be_is_noticed(code: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kills, "make_inputs", lambda folder: None)
    monkeypatch.setattr(random.Random, "uniform", lambda *_: 0.6)
    outcome = kills.run(6, writers=[writing(code)])
    assert any(said in wrong for wrong in outcome.wrong), str(outcome)


@pytest.mark.parametrize("ending", [".dcm", ".json", ".html", ".png", ".nrrd"])
def test_a_cut_off_output_is_not_whole(ending: str, tmp_path: Path) -> None:
    from pydicom.data import get_testdata_file

    data = {
        ".dcm": Path(str(get_testdata_file("CT_small.dcm"))).read_bytes(),
        ".json": b'{"schema": 1}\n',
        ".html": b"<html></html>\n",
        ".png": b"\x89PNG" + bytes(8) + b"IEND" + bytes(4),
        ".nrrd": b"NRRD",
    }[ending]
    reference, output = tmp_path / f"reference{ending}", tmp_path / f"output{ending}"
    reference.write_bytes(data)
    output.write_bytes(data)
    assert is_whole(output, reference) and contents(output) == contents(reference)
    output.write_bytes(data[: len(data) * 2 // 3])
    assert not is_whole(output, reference)


@pytest.fixture
def prepared() -> Iterator[None]:
    """A program that is ended by signals."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    prepare_program()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("prepared")
def test_a_signal_waits_while_vtk_is_imported() -> None:
    for number, raised in ((signal.SIGTERM, Stopped), (signal.SIGINT, KeyboardInterrupt)):
        steps = []
        with pytest.raises(raised), held_signals():
            os.kill(os.getpid(), number)
            steps = list(range(1000))
        assert len(steps) == 1000


class Signalling:
    """A lock during whose taking a signal comes."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.acquire, self.release = self.lock.acquire, self.lock.release

    def __enter__(self) -> None:
        self.lock.acquire()
        os.kill(os.getpid(), signal.SIGTERM)

    def __exit__(self, *exception: object) -> None:
        self.lock.release()


@pytest.mark.usefixtures("prepared")
def test_a_signal_leaves_no_lock_taken_that_threads_wait_for() -> None:
    lock = Signalling()
    condition = threading.Condition(lock)
    was_inside = False
    with pytest.raises(Stopped):
        with condition:
            was_inside = True
        time.sleep(10)
    assert was_inside
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lock.acquire, timeout=5).result()


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("wait", [Future().result, threading.Event().wait, Future().exception])
def test_waiting_for_other_threads_is_broken_off_by_a_signal(wait: Callable[[], object]) -> None:
    started = time.monotonic()
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(Stopped):
        wait()
    assert time.monotonic() - started < 5
