"""How long a call may take of this process, whatever else the machine does."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

from DicomRegInspectorLib.errors import DicomRegInspectorError

MOST_SECONDS = 5.0
"""Of this process, for one call of a public function."""


class TooLong(BaseException):
    """A call went on for more than :data:`MOST_SECONDS`."""


@contextlib.contextmanager
def limited_time() -> Iterator[None]:
    """Stop a call that takes too long.

    Raises TooLong.
    """

    def stop(*_: object) -> None:
        raise TooLong

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextlib.contextmanager
def one_of_several() -> Iterator[None]:
    """Call a public function beside others: what it refuses stops no other, and its time is its own."""
    if signal.getitimer(signal.ITIMER_PROF)[0] > 0:
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    with contextlib.suppress(DicomRegInspectorError):
        yield
