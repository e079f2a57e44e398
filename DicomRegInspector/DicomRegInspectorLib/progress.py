"""How long work tells where it is, and how it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import Cancelled

Progress = Callable[[int, int, str], object]
"""Called with (done, total, what is being done); returning False stops the work, which then raises
:class:`~.errors.Cancelled`, whoever was given the callback."""
Run = Callable[[Callable[[Progress | None], Any]], Any]
"""Called with a function of a progress callback, and returns its result; may call it in a thread, with a callback of
its own: the function uses neither the scene nor Qt."""


def in_background(work: Callable[[Progress | None], Any], progress: Progress | None, run: Run | None) -> Any:
    """Let ``run`` do the work, with a progress callback of its own; without one do it here and now."""
    return work(progress) if run is None else run(work)


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
