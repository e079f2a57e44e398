"""Long work that lets the application live and can be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable

SHOW_INTERVAL_S = 0.05
"""Twenty pictures a second look smooth and cost nothing."""


class CancellableProgress:
    """The progress callback of an inspection: shows how far it is, runs the event loop, says whether to go on.

    Parameters
    ----------
    show
        Called with done, total and a text, at most once in ``interval_s``.
    process_events
        Runs the application's event loop once; a press on Cancel arrives in it.
    interval_s
        Seconds between two calls of both; 0 calls them every time.
    """

    def __init__(
        self,
        show: Callable[[int, int, str], None],
        process_events: Callable[[], None],
        interval_s: float = SHOW_INTERVAL_S,
    ) -> None:
        self._show = show
        self._process_events = process_events
        self._interval_s = interval_s
        self._next = 0.0
        self.cancelled = False

    def cancel(self, *_arguments: object) -> None:
        """Ask to stop at the next step."""
        self.cancelled = True

    def __call__(self, done: int, total: int, text: str) -> bool:
        """True to go on, False to stop."""
        now = time.monotonic()
        if not self.cancelled and now >= self._next:
            self._show(done, total, text)
            self._process_events()
            self._next = time.monotonic() + self._interval_s
        return not self.cancelled
