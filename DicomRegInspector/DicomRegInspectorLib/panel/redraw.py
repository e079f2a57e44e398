"""Pictures that follow their widget: drawn again when it has another size or other colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt


class Redraw(qt.QObject):
    """Calls a function whenever a widget was resized, shown, or got another palette, style or font.

    Slicer's Python may override Qt's virtual functions in classes of its own; this is Slicer's own way of it
    (SampleData and Segment Editor filter events like this). Keep a reference as long as it is to work.
    """

    def __init__(self, *arguments: Any) -> None:
        qt.QObject.__init__(self, *arguments)
        self.draw: Callable[[], None] | None = None

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Let every event pass."""
        if self.draw is not None and event.type() in REASONS:
            self.draw()
        return False


REASONS = (
    qt.QEvent.Resize,
    qt.QEvent.Show,
    qt.QEvent.PaletteChange,
    qt.QEvent.StyleChange,
    qt.QEvent.FontChange,
    qt.QEvent.EnabledChange,
)


def redraw_with(widget: Any, draw: Callable[[], None]) -> Redraw:
    """Have a widget's picture drawn again by ``draw`` for as long as the result is kept."""
    watching = Redraw()
    watching.draw = draw
    widget.installEventFilter(watching)
    return watching
