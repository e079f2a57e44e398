"""What a transform's file leaves open, asked in the box below the finding: one thing after the other, none preset."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from ...registration.conventions import NOTHING_ASSUMED, Assumed
from .ask_box import AskBox, Question
from .finding_words import paragraphs

if TYPE_CHECKING:
    from ...tasks.left_open import LeftOpen


class LeftOpenQuestions:
    """Asks which way a transform maps, and in which coordinates, as far as its file does not say.

    Parameters
    ----------
    answered
        Called with the file's path and what was said of it, when everything was.
    """

    def __init__(self, ask: AskBox, answered: Callable[[str, Assumed], None]) -> None:
        self._ask, self._answered = ask, answered

    def ask(self, left_open: LeftOpen, said: Assumed = NOTHING_ASSUMED) -> None:
        """Ask for the first thing that is open and was not said."""
        if "direction" in left_open.questions and said.maps is None:
            self._ask.ask(
                Question(
                    _told(left_open, _("Which way does it map points? Both images can tell if it is wrong.")),
                    _("From registered to source image, as resampling needs it"),
                    lambda: self.ask(left_open, replace(said, maps="registered-to-source")),
                    _("From source to registered"),
                    lambda: self.ask(left_open, replace(said, maps="source-to-registered")),
                )
            )
        elif "coordinates" in left_open.questions and said.coordinates is None:
            self._ask.ask(
                Question(
                    _told(left_open, _("In which coordinates are its numbers?")),
                    _("LPS, as DICOM and ITK have them"),
                    lambda: self.ask(left_open, replace(said, coordinates="lps")),
                    _("RAS, as Slicer has them"),
                    lambda: self.ask(left_open, replace(said, coordinates="ras")),
                )
            )
        else:
            self._answered(left_open.path, said)


def _told(left_open: LeftOpen, question: str) -> str:
    name = html.escape(os.path.basename(left_open.path))
    return paragraphs((f"<b>{name}</b>: {html.escape(left_open.sentence)}.", html.escape(question)))
