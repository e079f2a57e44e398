"""Long computations beside the application: in a thread, while the event loop goes on."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from ..errors import Cancelled

Result = TypeVar("Result")

POLL_S = 0.02
"""How long the event loop rests while the thread computes: fifty looks a second, and no key or click waits longer."""
SHOW_S = 0.1
"""What is shown meanwhile is painted at once, with all views around it: ten times a second, not fifty."""
GRACE_S = 0.2
"""So long a function that was asked to stop is waited for; then it goes on alone, and what it computes is dropped."""


class _LogLater(logging.Filter):
    """Keeps what other threads log from the application's handlers, until the application's thread hands it on.

    Slicer's handler makes Qt objects. Made in a thread that is gone, they crash the application when it exits.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._records: deque[logging.LogRecord] = deque()
        self._handlers = list(logging.getLogger().handlers)
        for handler in self._handlers:
            handler.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a record of the application's thread through, and keep the others."""
        if threading.get_ident() == self._thread:
            return True
        if record not in self._records:  # each handler asks
            self._records.append(record)
        return False

    def hand_on(self) -> None:
        """Give the application's handlers what was kept; called in its thread."""
        while self._records:
            record = self._records.popleft()
            for handler in self._handlers:
                if record.levelno >= handler.level:
                    handler.handle(record)

    def close(self) -> None:
        """Keep nothing any more."""
        for handler in self._handlers:
            handler.removeFilter(self)


class Worker(Generic[Result]):
    """Runs a function in a thread; the caller's thread shows the progress and runs the event loop meanwhile.

    The function must not touch MRML or Qt: both live in the application's thread. It gets a progress callback, which it
    calls as it goes on and which returns False when it is to stop.

    Parameters
    ----------
    show
        Called in the caller's thread with done, total and a text, each time they have changed.
    process_events
        Runs the application's event loop once; a press on Cancel arrives in it.
    writes
        Whether the function writes files: then it is waited for, until what it had begun is removed.
    """

    def __init__(
        self, show: Callable[[int, int, str], None], process_events: Callable[[], None], *, writes: bool = False
    ) -> None:
        self._show, self._process_events, self._writes = show, process_events, writes
        self._state: tuple[int, int, str] | None = None
        self._shown: tuple[int, int, str] | None = None
        self._shown_at = 0.0
        self._stop = threading.Event()
        self._left_at = float("inf")
        self._abandoned = self._computes = False
        self._lock = threading.Lock()

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def cancel(self) -> None:
        """Ask the function to stop at its next step."""
        if not self._writes and not self._stop.is_set():
            self._left_at = time.monotonic() + GRACE_S
        self._stop.set()

    def abandon(self) -> None:
        """Do not wait for the function any more; it stops at its next step, and what it computes is dropped.

        Until then no garbage is collected: the widgets are about to go, and the thread that lets go of a Qt object
        destroys it. Outside the application's thread that is a crash.
        """
        with self._lock:
            if self._computes:
                gc.disable()
            self._abandoned = True
        self._stop.set()

    def progress(self, done: int, total: int, text: str) -> bool:
        """Take the function's report, from any thread; True to go on, False to stop."""
        self._state = (done, total, text)
        return not self._stop.is_set()

    def here(self, done: int, total: int, text: str) -> bool:
        """Report the same for work done in the caller's thread: show it and run the event loop at once."""
        going_on = self.progress(done, total, text)
        self._shown_at = 0.0
        self._turn()
        return going_on and not self._stop.is_set()

    def run(self, function: Callable[[Callable[[int, int, str], bool]], Result]) -> Result:
        """Run it to its end.

        Raises
        ------
        Cancelled
            When it was stopped or abandoned.
        Exception
            Whatever the function raised, with its own traceback.
        """
        results: list[Result] = []
        errors: list[BaseException] = []
        log = _LogLater()

        def work() -> None:
            try:
                results.append(function(self.progress))
            except BaseException as error:
                errors.append(error)
            finally:
                log.close()
                with self._lock:
                    self._computes = False
                    if self._abandoned:
                        gc.enable()

        self._computes = True
        thread = threading.Thread(target=work, name="DicomRegInspector", daemon=True)
        thread.start()
        while thread.is_alive() and not self._abandoned and time.monotonic() < self._left_at:
            # Waiting lets go of the interpreter; Slicer's event loop alone would keep it, and nothing be computed.
            thread.join(POLL_S)
            log.hand_on()
            self._turn()
        log.hand_on()
        if self._stop.is_set() and (self._abandoned or not errors):
            raise Cancelled("the work was cancelled")
        if errors:
            raise errors[0]
        return results[0]

    def _turn(self) -> None:
        state, now = self._state, time.monotonic()
        is_due = state != self._shown and now - self._shown_at > SHOW_S
        if state is not None and is_due and not self._stop.is_set():
            self._shown, self._shown_at = state, now
            self._show(*state)
        self._process_events()
