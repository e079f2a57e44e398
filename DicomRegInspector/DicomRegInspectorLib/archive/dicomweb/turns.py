"""Whose turn it is to ask: so many requests at a time and per second, over all workers of a machine.

Workers are threads or processes, and may be killed at any moment: a turn is a lock on a file, which the system gives up
when its holder ends, however it ends.
"""

from __future__ import annotations

import os
import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: each worker takes one turn at a time, and its share of the rate
    fcntl = None  # type: ignore[assignment] # asked for before it is used

_LOOK_AGAIN_S = 0.02


class Turns:
    """The turns of one server. Holds paths and numbers only, so that it can be sent to workers."""

    def __init__(self, folder: str | os.PathLike[str], most: int, rate: float | None) -> None:
        self._folder, self._most, self._rate = Path(folder), most, rate

    @contextmanager
    def turn(self, wait: Callable[[float], None]) -> Iterator[None]:
        """Take one turn, as soon as there is one and the rate allows it.

        ``wait`` sleeps so many seconds, and raises when the work is to stop.
        """
        if fcntl is None:
            self._keep_rate(wait)
            yield
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = self._taken(wait)
        try:
            self._keep_rate(wait)
            yield
        finally:
            os.close(descriptor)

    def _taken(self, wait: Callable[[float], None]) -> int:
        """The descriptor of a lock that is held."""
        while True:
            for number in random.sample(range(self._most), self._most):
                descriptor = os.open(self._folder / f"turn-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return descriptor
                except BlockingIOError:
                    os.close(descriptor)
                except BaseException:
                    os.close(descriptor)
                    raise
            wait(_LOOK_AGAIN_S)

    def _keep_rate(self, wait: Callable[[float], None]) -> None:
        """Wait until a request is due; the time of the next is kept in a file."""
        if self._rate is None:
            return
        step = 1 / self._rate
        descriptor = os.open(self._folder / "next", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            kept, now = os.read(descriptor, 8), time.time()
            due = struct.unpack("<d", kept)[0] if len(kept) == 8 else now
            # A clock that was set back, or what another run left, makes nobody wait longer than the others' turns.
            due = min(max(due, now), now + self._most * step)
            os.pwrite(descriptor, struct.pack("<d", due + step), 0)
        finally:
            os.close(descriptor)
        if due > now:
            wait(due - now)
