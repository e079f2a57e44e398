"""How a run ends: its exit codes, and what a signal or a reader that leaves makes of it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..address_space import address_space_limit

DONE, FOUND, UNUSABLE, INTERRUPTED, READER_LEFT = 0, 1, 2, 130, 141
EXIT_CODES: dict[int, str] = {
    DONE: "done",
    FOUND: "findings at or above --fail-on; for compare: not the same image; for verify: a number is off",
    UNUSABLE: "bad usage, nothing readable, or not writable: one line on stderr",
    129: "ended by SIGHUP",
    INTERRUPTED: "interrupted (Ctrl-C, SIGINT)",
    READER_LEFT: "the reader of stdout left before all data were written (SIGPIPE)",
    143: "ended by SIGTERM",
}
"""Every exit code with its meaning; help is made of it. From 128 on they are what shells make of signals."""


class Stopped(BaseException):
    """A signal asked the program to end; what is unfinished is removed on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def prepare_program() -> None:
    """Let SIGINT, SIGTERM and SIGHUP unwind the program, and give standard streams that are closed somewhere to go."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # What is ignored (nohup) stays ignored.
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is taken: this one. Otherwise the next file that is opened would be stdout.
            os.open(os.devnull, os.O_RDWR)


_waiting: list[int] | None = None
"""Signals that came while they are held; None when they are not."""


@contextmanager
def held_signals() -> Iterator[None]:
    """Let signals that stop the program wait for a while: VTK crashes when its import is broken off."""
    global _waiting
    _waiting = []
    try:
        yield
    finally:
        came, _waiting = _waiting, None
        for number in came:
            _stop(number, None)


def _stop(number: int, frame: FrameType | None) -> None:
    if _waiting is not None:
        _waiting.append(number)
    elif _postponed.can_wait and not _may_unwind(frame):
        _postponed.postpone(number)
    else:
        _postponed.until = None
        raise KeyboardInterrupt if number == signal.SIGINT else Stopped(number)


_MOST_S = 10.0
"""After which the program is unwound wherever it is: on a busy machine imports take that long."""


class _Postponed:
    """Signals that came where the program cannot be unwound; a moment later it is tried again, for some seconds."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self.until: float | None = None

    @property
    def can_wait(self) -> bool:
        is_early = self.until is None or time.monotonic() < self.until
        return is_early and hasattr(signal, "setitimer")

    def postpone(self, number: int) -> None:
        """Try a signal again a moment later."""
        self._numbers.append(number)
        self.until = self.until or time.monotonic() + _MOST_S
        signal.signal(signal.SIGALRM, self._again)
        signal.setitimer(signal.ITIMER_REAL, 0.005)

    def _again(self, _: int, frame: FrameType | None) -> None:
        numbers, self._numbers = self._numbers, []
        for number in numbers:
            _stop(number, frame)


_postponed = _Postponed()
_LOCKING = frozenset(
    {"threading", "concurrent.futures.thread", "concurrent.futures._base", "logging", "weakref", "_weakrefset"}
    | {"importlib._bootstrap", "importlib._bootstrap_external", "subprocess"}
)
"""Modules that take locks which other threads wait for, or run where an exception is printed and forgotten."""
_WAITING = frozenset({"join", "_wait_for_tstate_lock", "_wait", "_try_wait", "communicate"})
_NOT_BROKEN_OFF = frozenset({"submit", "start", "shutdown"})


def _may_unwind(frame: FrameType | None) -> bool:
    """Tell whether an exception may be raised in a frame.

    Between the taking of a lock and the block that gives it back the lock would stay taken, and what waits for it would
    wait for ever: of a pool's threads in about one of 200 interrupts. Waiting for others may be broken off.
    """
    names: list[str] = []
    is_waiting = False
    while frame is not None:
        if frame.f_globals.get("__name__") in _LOCKING:
            name = frame.f_code.co_name
            if not names:
                # Of a Condition only once it has given its lock up.
                is_waiting = name in _WAITING or (name == "wait" and "gotit" in frame.f_locals)
            names.append(name)
        frame = frame.f_back
    return not names or (is_waiting and _NOT_BROKEN_OFF.isdisjoint(names))


def end_failed() -> None:
    """Stop the program as unusable at once where libraries may crash at exit.

    Slicer's HDF5 does over a file that it could not write, PyArrow when memory has not sufficed to load all of it.
    """
    if "slicer" in sys.modules or address_space_limit() is not None:
        os._exit(UNUSABLE)


def die_of(number: int) -> int:
    """Let the signal itself end the program, as a shell expects that is to stop its loop.

    Returns the exit code, where a program cannot end so.
    """
    if os.name == "posix":
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return 128 + number
