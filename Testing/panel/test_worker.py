"""Work in a thread: the event loop goes on, and it can be stopped, failed and abandoned."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.errors import Cancelled
from DicomRegInspectorLib.panel.worker import Worker


class Events:
    """An event loop that remembers when it was run."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.action: Any = None

    def __call__(self) -> None:
        self.times.append(time.monotonic())
        if self.action is not None:
            self.action()


@pytest.fixture
def events() -> Events:
    return Events()


def test_result_comes_from_another_thread_and_events_do_not(events: Events) -> None:
    here, threads = threading.current_thread(), []
    events.action = lambda: threads.append(threading.current_thread())

    def work(progress: Any) -> threading.Thread:
        time.sleep(0.1)
        return threading.current_thread()

    assert Worker(lambda *state: None, events).run(work) is not here
    assert set(threads) == {here}


def test_application_is_never_left_alone_for_a_tenth_of_a_second_of_computing(events: Events) -> None:
    values = np.random.default_rng(1).normal(size=(80, 128, 128)).astype(np.float32)

    def work(progress: Any) -> None:
        for _ in range(20):
            np.percentile(np.gradient(values, axis=0), (1, 99))

    Worker(lambda *state: None, events).run(work)
    gaps = np.diff(events.times)
    assert len(gaps) > 10
    # The machine may be busy with something else once; a frozen application would be late each time.
    assert np.percentile(gaps, 90) < 0.1


def test_progress_is_shown_here_and_each_state_once(events: Events) -> None:
    shown = []

    def work(progress: Any) -> bool:
        going_on = progress(2, 5, "two")
        time.sleep(0.15)
        return going_on

    assert Worker(lambda *state: shown.append(state), events).run(work) is True
    assert shown == [(2, 5, "two")]


def test_cancel_in_an_event_stops_at_the_next_step(events: Events) -> None:
    worker: Worker[None] = Worker(lambda *state: None, events)
    events.action = worker.cancel
    steps = []

    def work(progress: Any) -> None:
        for number in range(1000):
            if not progress(number, 1000, "working"):
                raise Cancelled("stopped")
            steps.append(number)
            time.sleep(0.01)

    with pytest.raises(Cancelled):
        worker.run(work)
    assert len(steps) < 100


def test_what_the_work_raises_is_raised_here(events: Events) -> None:
    def work(progress: Any) -> None:
        raise ZeroDivisionError("in the thread")

    with pytest.raises(ZeroDivisionError, match="in the thread"):
        Worker(lambda *state: None, events).run(work)


def test_abandoned_work_is_not_waited_for(events: Events) -> None:
    worker: Worker[None] = Worker(lambda *state: None, events)
    events.action = worker.abandon
    release, seen = threading.Event(), []

    def work(progress: Any) -> None:
        release.wait(10)
        seen.append(progress(1, 2, "next step"))

    with pytest.raises(Cancelled):
        worker.run(work)
    assert len(events.times) == 1
    release.set()
    for thread in [thread for thread in threading.enumerate() if thread.name == "DicomRegInspector"]:
        thread.join(10)
    assert seen == [False]


def test_work_in_the_same_thread_shows_and_may_be_stopped(events: Events) -> None:
    shown: list[Any] = []
    worker: Worker[None] = Worker(lambda *state: shown.append(state), events)
    assert worker.here(0, 3, "sampling") is True
    events.action = worker.cancel
    assert worker.here(1, 3, "sampling") is False
    assert (len(events.times), shown[0]) == (2, (0, 3, "sampling"))


def hold(release: threading.Event) -> Any:
    """A function that computes in one long step, asking nobody whether to go on."""

    def work(progress: Any) -> str:
        release.wait(10)
        return "done"

    return work


def test_cancel_answers_within_a_third_of_a_second_in_the_middle_of_a_step(events: Events) -> None:
    worker: Worker[str] = Worker(lambda *state: None, events)
    events.action = worker.cancel
    release, begun = threading.Event(), time.monotonic()
    with pytest.raises(Cancelled):
        worker.run(hold(release))
    assert time.monotonic() - begun < 0.5  # 0.22 s, and what a busy machine adds
    release.set()


def test_what_writes_files_is_waited_for_when_it_is_cancelled(events: Events) -> None:
    worker: Worker[str] = Worker(lambda *state: None, events, writes=True)
    release = threading.Event()
    events.action = worker.cancel
    begun = time.monotonic()
    threading.Timer(0.6, release.set).start()
    with pytest.raises(Cancelled):
        worker.run(hold(release))
    assert time.monotonic() - begun >= 0.6


def test_measures_stop_within_a_slice_and_ask_from_the_thread_that_measures() -> None:
    from DicomRegInspectorLib.registration.measures.field import Field

    slices, read, asked = 400, list[int](), list[int]()

    def open_slices() -> Callable[[int], np.ndarray]:
        def slow(k: int) -> np.ndarray:
            time.sleep(0.02)
            read.append(k)
            return np.zeros((5, 6, 3), np.float32)

        return slow

    def go_on() -> None:
        asked.append(threading.get_ident())
        if len(asked) == 3:
            raise Cancelled("enough")

    def work(read_slice: Callable[[int], np.ndarray], part: range) -> None:
        for k in part:
            read_slice(k)

    field = Field((6, 5, slices), np.eye(4), np.eye(4), np.eye(4), open_slices)
    with pytest.raises(Cancelled, match="enough"):
        field.asking(go_on).run(work)
    assert asked == 3 * [threading.get_ident()]
    assert 0 < len(read) < slices / 4
    stopped_at = len(read)
    time.sleep(0.1)
    assert len(read) == stopped_at


def test_exit_in_the_middle_of_a_work_is_not_held_up_by_it(application: Any, ui: Any) -> None:
    """slicer.util.exit() emits no signal that would say so; it ends the event loops."""
    from DicomRegInspectorLib.panel.job import Endings, Job
    from PySide6 import QtCore, QtWidgets

    told: list[str] = []
    job = Job(ui.progressWidget, ui.progressBar, ui.cancelButton, told.append, lambda busy: None)
    release, ends = threading.Event(), Endings("It failed.", "Refused: {error}", "Cancelled.")
    application_ = QtWidgets.QApplication.instance()
    QtCore.QTimer.singleShot(0, lambda: job.run(lambda worker: worker.run(hold(release)), ends))
    QtCore.QTimer.singleShot(100, lambda: QtCore.QCoreApplication.exit(3))
    begun = time.monotonic()
    assert application_.exec() == 3
    assert time.monotonic() - begun < 2
    assert told[-1] == "Cancelled."
    release.set()


def test_a_thread_that_was_left_alone_lets_go_of_no_qt_object(application: Any) -> None:
    """Garbage would be collected in it, too, and with it widgets of the application that goes; afterwards it is."""
    import gc

    seen: list[bool] = []
    left, ended = threading.Event(), threading.Event()

    def function(progress: Any) -> None:
        left.wait(5)
        seen.append(gc.isenabled())
        ended.set()

    worker: Worker[None] = Worker(lambda done, total, text: None, lambda: worker.abandon())
    with pytest.raises(Cancelled):
        worker.run(function)
    assert not gc.isenabled()
    left.set()
    assert ended.wait(5) and seen == [False]
    for _ in range(100):
        if gc.isenabled():
            break
        time.sleep(0.02)
    assert gc.isenabled()


def test_what_the_thread_logs_is_handled_in_the_application_s_thread(application: Any) -> None:
    """Slicer's handler makes Qt objects, which belong to the thread that made them."""
    import logging

    seen: list[tuple[str, int]] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append((record.getMessage(), threading.get_ident()))

    def logging_twice(progress: Any) -> None:
        logging.warning("there")
        time.sleep(0.1)
        logging.warning("at the end")

    handler, other = Handler(), Handler(logging.ERROR)
    root = logging.getLogger()
    for added in (handler, other):
        root.addHandler(added)
    try:
        worker: Worker[None] = Worker(lambda done, total, text: None, lambda: logging.warning("here"))
        worker.run(logging_twice)
        logging.warning("afterwards")
    finally:
        for added in (handler, other):
            root.removeHandler(added)
    assert {ident for _text, ident in seen} == {threading.get_ident()}
    texts = [text for text, _ident in seen if text != "here"]
    assert texts == ["there", "at the end", "afterwards"]
    assert handler.filters == []
