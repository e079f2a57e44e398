"""How long the event loop stands still, and whose work that is.

A timer of a few milliseconds notes the longest time between two of its calls. Whenever it stays away for
:data:`SAMPLE_S`, and each time again after that, a thread of the C library's writes down which Python line the
application's thread is in, without asking for the interpreter's lock (``faulthandler.dump_traceback_later``). A pause
belongs to the views in the share of samples whose innermost Python frame is one of :data:`VIEWS`, which hand over to
Slicer's C++ there: laying out, making and drawing views, slicing volumes, placing glyphs. All the rest is the module's
own: its Python, NumPy, the nodes it makes, and waiting for the interpreter while its thread keeps it.
"""

from __future__ import annotations

import faulthandler
import re
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt

INTERVAL_MS = 5
SAMPLE_S = 0.025
LEAST_S = 0.04
"""Shorter pauses are not kept."""
VIEWS = {
    ("drawn.py", ""),
    ("job.py", "_process_events"),
    ("layouts.py", ""),
    ("navigation.py", ""),
    ("record.py", "settle"),
    ("transform_display.py", "show_transform"),
}
"""Files and functions from which Slicer draws; an empty name stands for the whole file."""
FRAME = re.compile(r'File "([^"]*)", line (\d+) in (\S+)')


@dataclass(frozen=True)
class Pause:
    """One time in which the event loop did not run."""

    seconds: float
    own_seconds: float
    where: str
    """The line of its own that most samples were in; of the views' where there is none."""


class EventLoopWatch:
    """Watches as long as it is entered."""

    def __init__(self) -> None:
        self.pauses: list[Pause] = []
        self._timer = qt.QTimer()
        self._timer.setInterval(INTERVAL_MS)
        self._timer.connect("timeout()", self._tick)

    def __enter__(self) -> EventLoopWatch:
        self._file = tempfile.TemporaryFile()
        self._last = time.perf_counter()
        self._timer.start()
        self._sample()
        return self

    def __exit__(self, *_error: object) -> None:
        self._tick()
        self._timer.stop()
        faulthandler.cancel_dump_traceback_later()
        self._file.close()

    @property
    def longest(self) -> Pause:
        """The pause with the most of the module's own work in it."""
        return max(self.pauses, key=lambda pause: pause.own_seconds, default=Pause(0.0, 0.0, ""))

    @property
    def longest_of_all(self) -> Pause:
        """The longest pause, the views' work included."""
        return max(self.pauses, key=lambda pause: pause.seconds, default=Pause(0.0, 0.0, ""))

    def _sample(self) -> None:
        faulthandler.dump_traceback_later(SAMPLE_S, repeat=True, file=self._file)

    def _tick(self) -> None:
        now = time.perf_counter()
        seconds = now - self._last
        if seconds > LEAST_S:
            faulthandler.cancel_dump_traceback_later()
            self._file.seek(0)
            self.pauses.append(_judged(seconds, self._file.read().decode(errors="replace")))
            self._file.seek(0)
            self._file.truncate()
        self._sample()
        self._last = time.perf_counter()


def _judged(seconds: float, dumps: str) -> Pause:
    frames = [frame for dump in dumps.split("Timeout (")[1:] if (frame := _innermost(dump)) is not None]
    own = [frame for frame in frames if not _is_views(frame)]
    told = Counter(f"{name}:{line} {function}" for name, line, function in own or frames)
    share = len(own) / len(frames) if frames else 1.0
    return Pause(seconds, seconds * share, told.most_common(1)[0][0] if told else "not sampled")


def _innermost(dump: str) -> tuple[str, str, str] | None:
    """File, line and function that the application's thread is in."""
    ident: Any = threading.main_thread().ident
    block = re.search(rf"hread 0x0*{ident:x} [^\n]*\n\s*([^\n]*)", dump)
    frame = FRAME.search(block.group(1)) if block is not None else None
    return (Path(frame.group(1)).name, frame.group(2), frame.group(3)) if frame is not None else None


def _is_views(frame: tuple[str, str, str]) -> bool:
    name, _line, function = frame
    return (name, "") in VIEWS or (name, function) in VIEWS
