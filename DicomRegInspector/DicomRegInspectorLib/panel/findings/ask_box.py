"""The box below the finding that asks before anything is done: what will change, what will not, do it or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..sections import bring_into_view

if TYPE_CHECKING:
    import qt


@dataclass(frozen=True)
class Question:
    """What is asked, and what each button does. A button without a name is not there."""

    html: str
    """Rich text; whatever comes from a file has to be escaped in it."""
    do: str
    """On the button that does it."""
    on_do: Callable[[], None]
    other: str = ""
    """On the button for something else."""
    on_other: Callable[[], None] | None = None


class AskWidgets(Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    askFrame: qt.QFrame
    askLabel: qt.QLabel
    askDoButton: qt.QPushButton
    askOptionsButton: qt.QPushButton
    askCancelButton: qt.QPushButton


class AskBox:
    """Asks in the panel and not in a dialog: the finding can be read and the views be looked at meanwhile."""

    def __init__(self, ui: AskWidgets) -> None:
        self._ui = ui
        self._question: Question | None = None
        ui.askDoButton.connect("clicked()", self._do)
        ui.askOptionsButton.connect("clicked()", self._do_other)
        ui.askCancelButton.connect("clicked()", self.close)
        self.close()

    @property
    def open(self) -> bool:
        """Whether something is being asked."""
        return self._question is not None

    def ask(self, question: Question) -> None:
        """Show a question; one that was open is dropped. The keyboard is at the button that does it."""
        self._question = question
        ui = self._ui
        ui.askLabel.text = question.html
        ui.askDoButton.text = question.do
        ui.askOptionsButton.text = question.other
        ui.askOptionsButton.visible = bool(question.other)
        ui.askFrame.visible = True
        ui.askDoButton.setFocus()
        bring_into_view(ui.askFrame)

    def close(self) -> None:
        """Ask nothing any more."""
        self._question = None
        self._ui.askFrame.visible = False
        self._ui.askLabel.text = ""

    def _do(self) -> None:
        question = self._question
        self.close()
        if question is not None:
            question.on_do()

    def _do_other(self) -> None:
        question = self._question
        self.close()
        if question is not None and question.on_other is not None:
            question.on_other()
