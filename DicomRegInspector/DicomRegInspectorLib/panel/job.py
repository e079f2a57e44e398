"""One long work at a time behind a bar and a Cancel button, with a sentence for each way in which it can end.

Sections of the panel are made of that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import qt
import slicer
from slicer.i18n import tr as _

from ..errors import Cancelled, DicomRegInspectorError
from ..words import well_formed
from .sections import bring_into_view
from .worker import Worker

if TYPE_CHECKING:
    import ctk

Result = TypeVar("Result")


@dataclass(frozen=True)
class Endings:
    """What is said when a work does not come to its end."""

    title: str
    """What did not happen, as a sentence; also over the message of an unexpected error."""
    refused: str
    """With the place ``{error}``: the work says itself why it cannot be done."""
    cancelled: str

    @property
    def memory(self) -> str:
        """Where there is not enough memory."""
        return self.refused.format(error=_("there is not enough memory for it."))

    @property
    def broken(self) -> str:
        """After an unexpected error, which the application shows and logs."""
        return _("{what} The application's log says more.").format(what=self.title)


class Job:
    """Runs one work at a time and shows how far it is.

    Parameters
    ----------
    row, bar, cancel_button
        The widget that is there only while something is under way, and the bar and the button in it.
    say
        Shows a sentence.
    on_busy
        Called with True when a work begins, and with False at its end.
    """

    def __init__(
        self, row: Any, bar: Any, cancel_button: Any, say: Callable[[str], None], on_busy: Callable[[bool], None]
    ) -> None:
        self._row, self._bar, self._cancel_button = row, bar, cancel_button
        self._say, self._on_busy = say, on_busy
        self._worker: Worker[Any] | None = None
        self._closed = False
        cancel_button.connect("clicked()", self.cancel)
        self._show_row(False)

    @property
    def busy(self) -> bool:
        """Whether a work is under way."""
        return self._worker is not None

    @property
    def closed(self) -> bool:
        """Whether the widgets are gone or about to go: they must not be touched any more."""
        return self._closed

    def close(self) -> None:
        """Stop what is under way without waiting for it, and begin nothing more: the widgets are about to go."""
        self._closed = True
        if self._worker is not None:
            self._worker.abandon()

    def cancel(self) -> None:
        """Stop what is under way, if there is something."""
        if self._worker is not None and not self._worker.cancelled:
            self._worker.cancel()
            self._cancel_button.enabled = False
            self._say(_("Stopping …"))

    def run(self, work: Callable[[Worker[Result]], Result], endings: Endings, *, writes: bool = False) -> Result | None:
        """Do a work to its end.

        Parameters
        ----------
        work
            Called in this thread with a Worker: ``worker.run(function)`` computes in a thread, ``worker.here`` is the
            progress callback for what has to be done in this one.
        endings
            What is said when there is no result.
        writes
            Whether files are written: Cancel waits until what had been begun is removed.

        Returns
        -------
        object or None
            What the work returned; None when it was stopped or failed, when the widgets are gone, and when another
            work was under way already.

        Raises
        ------
        Exception
            What nobody expected: the application shows it.
        """
        if self.busy or self._closed:
            return None
        worker = self._worker = Worker(self._show, self._process_events, writes=writes)
        self._show_row(True)
        self._on_busy(True)
        result, text = None, endings.broken
        # Closing Slicer ends its event loop, but not this one, and the process would stay until the work is done.
        slicer.app.connect("lastWindowClosed()", worker.abandon)
        try:
            with slicer.util.tryWithErrorDisplay(endings.title):
                try:
                    result, text = work(worker), ""
                except Cancelled:
                    text = endings.cancelled
                except DicomRegInspectorError as error:
                    text = endings.refused.format(error=error)
                except MemoryError:
                    text = endings.memory
        finally:
            slicer.app.disconnect("lastWindowClosed()", worker.abandon)
            self._worker = None
            if not self._closed:
                self._show_row(False)
                self._on_busy(False)
                if text:
                    self._say(text)
        return None if self._closed else result

    def _process_events(self) -> None:
        slicer.app.processEvents()
        if self._worker is not None and _is_exiting():
            self._worker.abandon()

    def _show(self, done: int, total: int, text: str) -> None:
        if self._closed:
            return
        # Else the bar is painted at once, with all views around it, and then once more with the text.
        self._bar.updatesEnabled = False
        self._bar.maximum = total  # 0 of 0: Qt shows that something is going on
        self._bar.setValue(done)
        self._bar.updatesEnabled = True
        self._say(f"{text} ({done} / {total})" if total else text)

    def _show_row(self, visible: bool) -> None:
        self._row.visible = visible
        self._bar.maximum = 0
        self._bar.setValue(0)
        self._cancel_button.enabled = True


_STAYS = 1


def _is_exiting() -> bool:
    """Whether the application was told to exit, which no signal says: then its event loops end, and none can begin."""
    loop = qt.QEventLoop()
    qt.QTimer.singleShot(0, lambda: loop.exit(_STAYS))
    return loop.exec_() != _STAYS


class Section:
    """A section of the panel.

    Parameters
    ----------
    frame
        What folds the section; it rests while another section is busy.
    status
        Where its sentences stand; not there while there is nothing to say.
    progress
        The row, the bar and the button of :class:`Job`.
    on_busy
        Called with True when a work begins, and with False at its end.
    """

    def __init__(
        self,
        frame: ctk.ctkCollapsibleButton,
        status: qt.QLabel,
        progress: tuple[qt.QWidget, qt.QProgressBar, qt.QPushButton],
        on_busy: Callable[[bool], None],
    ) -> None:
        self._frame, self._status, self._on_busy = frame, status, on_busy
        self._job = Job(*progress, self.note, self._busy_changed)

    @property
    def busy(self) -> bool:
        """Whether a work that was begun here is under way."""
        return self._job.busy

    def close(self) -> None:
        """Stop what is under way and do not touch the widgets any more: they are about to go."""
        self._job.close()

    def set_enabled(self, enabled: bool) -> None:
        """Rest while something else is under way."""
        self._frame.enabled = enabled

    def say(self, text: str) -> None:
        """Answer what was asked for, in sight."""
        self.note(text)
        if text:
            bring_into_view(self._status)

    def note(self, text: str) -> None:
        """Show a sentence where the section's sentences stand; the panel stays where it is."""
        self._status.text = well_formed(text)
        self._status.visible = bool(text)

    def _busy_changed(self, busy: bool) -> None:
        self._set_busy(busy)
        self._on_busy(busy)
        bring_into_view(self._status)  # how far it is, and why it did not come to its end

    def _set_busy(self, busy: bool) -> None:
        """Let the section's own controls rest, or be used again."""
        raise NotImplementedError
