"""A progress bar on a terminal, for work that takes long enough to wonder about."""

from __future__ import annotations

import shutil
import time
from typing import TextIO

from .terminal import printable

QUIET_SECONDS = 0.2
"""Work that is done by then shows no bar. The program has begun 0.1 s before: longer work says something in 0.3 s."""
REDRAW_SECONDS = 0.1
_BAR = 24


class ProgressBar:
    """Redraws one line while work goes on; a no-op without a stream, and where it is no terminal.

    A context manager: the line is gone when the work is done, so that only results stay on the screen.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if stream is not None and stream.isatty() else None
        self._started = self._drawn = time.monotonic()
        self._shown = False

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._stream is not None and self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def __call__(self, done: int, total: int, text: str) -> bool:
        """Show ``done`` of ``total``, a total of 0 when nobody knows it. Returns True: go on."""
        now = time.monotonic()
        is_due = now - self._started >= QUIET_SECONDS and (not self._shown or now - self._drawn >= REDRAW_SECONDS)
        if self._stream is not None and is_due:
            self._draw(self._stream, done, total, text)
            self._drawn, self._shown = now, True
        return True

    def _draw(self, stream: TextIO, done: int, total: int, text: str) -> None:
        line = printable(text)
        if total > 0:
            full = _BAR * min(done, total) // total
            line = (
                f"[{'#' * full}{'.' * (_BAR - full)}] {100 * min(done, total) // total:3d} %  {done} of {total}  {line}"
            )
        columns = shutil.get_terminal_size((80, 24)).columns
        line = line.encode(stream.encoding or "ascii", "replace").decode(stream.encoding or "ascii")
        stream.write(f"\r\x1b[K{line[: columns - 1]}")
        stream.flush()
