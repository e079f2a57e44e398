"""How long the event loop stands still, and whose work that is.

A timer of a few milliseconds notes the longest time between two of its calls. Meanwhile every call and return of Python
in the application's thread is noted with its time (``sys.setprofile``), so that each moment of a pause belongs to the
innermost Python function. Those of :data:`VIEWS` hand over to Slicer's C++, which lays out, makes and draws views,
slices volumes and places glyphs: their time is the views'. All the rest is the module's own: its Python, NumPy, the
nodes it makes, and waiting for the interpreter while its thread keeps it; but for the time in which the thread was
ready and the machine ran other programs, where Linux tells how long that was.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType

import qt

INTERVAL_MS = 5
LEAST_S = 0.04
"""Shorter pauses are not kept."""
VIEWS = {
    ("drawn.py", ""),
    ("fitting.py", ""),
    ("job.py", "_is_exiting"),
    ("job.py", "_process_events"),
    ("layouts.py", ""),
    ("navigation.py", ""),
    ("record.py", "settle"),
    ("solid.py", ""),
    ("transform_display.py", "show_transform"),
}
"""Files and functions from which Slicer draws; an empty name stands for the whole file."""


@dataclass(frozen=True)
class Pause:
    """One time in which the event loop did not run."""

    seconds: float
    own_seconds: float
    where: str
    """The function of its own that took most of it; of the views' where there is none."""


class EventLoopWatch:
    """Watches as long as it is entered."""

    def __init__(self) -> None:
        self.pauses: list[Pause] = []
        self._timer = qt.QTimer()
        self._timer.setInterval(INTERVAL_MS)
        self._timer.connect("timeout()", self._tick)
        self._spent: dict[CodeType, float] = defaultdict(float)
        self._innermost = sys._getframe().f_code
        self._since = self._last = time.perf_counter()
        self._held_up = 0.0

    def __enter__(self) -> EventLoopWatch:
        self._since = self._last = time.perf_counter()
        self._held_up = _held_up()
        self._timer.start()
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        sys.setprofile(None)
        self._timer.stop()
        self._tick()

    @property
    def longest(self) -> Pause:
        """The pause with the most of the module's own work in it."""
        return max(self.pauses, key=lambda pause: pause.own_seconds, default=Pause(0.0, 0.0, ""))

    @property
    def longest_of_all(self) -> Pause:
        """The longest pause, the views' work included."""
        return max(self.pauses, key=lambda pause: pause.seconds, default=Pause(0.0, 0.0, ""))

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        if event not in ("call", "return"):
            return
        now = time.perf_counter()
        self._spent[self._innermost] += now - self._since
        # A slot's caller is the Python function that let the event loop run.
        inner = frame if event == "call" else frame.f_back
        self._innermost = inner.f_code if inner is not None else frame.f_code
        self._since = time.perf_counter()  # noting a call takes as long as many a call does

    def _tick(self) -> None:
        now, held_up = time.perf_counter(), _held_up()
        self._spent[self._innermost] += now - self._since
        self._since = now
        spent, self._spent = self._spent, defaultdict(float)  # calls from here on are noted, too
        if now - self._last > LEAST_S:
            self.pauses.append(_judged(now - self._last, spent, held_up - self._held_up))
        self._last, self._held_up = now, held_up


def _held_up() -> float:
    """Return the seconds in which this thread was ready to run and others did (Linux' schedstat); 0 elsewhere."""
    path = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    return int(path.read_text(encoding="ascii").split()[1]) * 1e-9 if path.exists() else 0.0


def _judged(seconds: float, spent: dict[CodeType, float], held_up: float) -> Pause:
    own = {code: part for code, part in spent.items() if not _is_views(code)}
    most = max(own or spent, key=spent.__getitem__)
    where = f"{Path(most.co_filename).name} {most.co_name}, {1000 * spent[most]:.0f} ms"
    return Pause(seconds, max(sum(own.values()) - held_up, 0.0), where)


def _is_views(code: CodeType) -> bool:
    name = Path(code.co_filename).name
    return (name, "") in VIEWS or (name, code.co_name) in VIEWS
