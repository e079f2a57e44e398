"""How long work tells where it is, and how it is told to stop."""

from __future__ import annotations

from collections.abc import Callable

from .errors import Cancelled

Progress = Callable[[int, int, str], object]
"""Called with (done, total, what is being done); returning False stops the work."""


def report_progress(progress: Progress | None, done: int, total: int, text: str, stopped: str) -> None:
    """Tell a progress callback, if there is one, where the work is.

    Parameters
    ----------
    stopped
        What to say when the callback asks to stop.

    Raises
    ------
    Cancelled
        When it returned False.
    """
    if progress is not None and progress(done, total, text) is False:
        raise Cancelled(stopped)
