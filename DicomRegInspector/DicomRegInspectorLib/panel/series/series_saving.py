"""Saving a stack as a new DICOM series: regularized, as a Parametric Map, or with its positions corrected."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import DicomRegInspectorError
from ...series import Stack
from ...series.write.correct_positions import correct_positions
from ...tasks.regularize import Outcome
from ..connectors import fill_choices
from ..job import Endings, Job
from .save_places import name_for, new_file_in, new_folder_in
from .series_actions import Chosen
from .series_words import outcome_in_words

if TYPE_CHECKING:
    import ctk

    from ..logic import InspectorLogic

LEAST_MOVE_MM = 1e-6
"""Positions that would move by less are right already."""


def ask_folder() -> str:
    """Ask for a folder to save in; empty when the user does not want any."""
    return qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Folder for the new DICOM series")) or ""


class SavingWidgets(Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    saveAsLabel: qt.QLabel
    saveAsComboBox: ctk.ctkComboBox
    saveSeriesButton: qt.QPushButton


class SeriesSaving:
    """Connects the box and the button."""

    def __init__(
        self,
        ui: SavingWidgets,
        logic: InspectorLogic,
        job: Job,
        say: Callable[[str], None],
        chosen: Callable[[], Chosen | None],
        ask: Callable[[], str],
    ) -> None:
        self._ui, self._logic, self._job, self._say = ui, logic, job, say
        self._chosen, self.ask = chosen, ask
        self._correctable = False
        self._kinds: list[str] = []
        ui.saveAsComboBox.connect("currentIndexChanged(int)", self._update_button)
        ui.saveSeriesButton.connect("clicked()", self.save)

    def offer(self, stack: Stack | None) -> None:
        """Find out whether the stack's positions were rounded, so that they can be corrected."""
        self._correctable = False
        if stack is not None:
            with suppress(DicomRegInspectorError):  # not one of that kind
                self._correctable = correct_positions(stack).largest_move_mm > LEAST_MOVE_MM

    def update(self) -> None:
        """Offer what the mode makes possible."""
        chosen = self._chosen()
        made = chosen.plan if chosen is not None else None
        names = {
            "series": _("Images of 16 bits"),
            "map": _("Parametric Map (keeps fractions)"),
            "positions": _("Images as they are, positions corrected"),
        }
        kinds = ["series"] if made is not None and made.mode != "acquisition" else []
        kinds += ["map"] if made is not None and made.mode == "resample" else []
        kinds += ["positions"] if self._correctable else []
        box = self._ui.saveAsComboBox
        if kinds != self._kinds:
            self._kinds = kinds
            fill_choices(box, [(names[kind], kind) for kind in kinds])
        box.enabled = not self._job.busy
        box.visible = self._ui.saveAsLabel.visible = bool(kinds)
        self._update_button()

    def _update_button(self, *_arguments: object) -> None:
        button, chosen = self._ui.saveSeriesButton, self._chosen()
        button.enabled = bool(self._kinds) and not self._job.busy
        if chosen is not None and chosen.plan is not None and not self._kinds:
            button.toolTip = _(
                "DICOM images hold their positions themselves: with an acquisition transform there is nothing new to "
                "save. Choose another way to make the stack regular."
            )
        else:
            button.toolTip = _(
                "Choose a folder, and write the series there with new UIDs, and with references to the images that it "
                "comes from. Nothing is written into the folder of the source or over a file."
            )

    def save(self) -> None:
        """Ask for a folder and write there."""
        chosen = self._chosen()
        if chosen is None or not self._kinds or self._job.busy:
            return
        kind = self._ui.saveAsComboBox.currentData
        folder = self.ask()
        if not folder:
            return
        outcome = self._job.run(
            lambda worker: self._write(chosen, kind, Path(folder), worker.run),
            Endings(
                title=_("The series was not saved."),
                refused=_("Not saved: {error}"),
                cancelled=_("Cancelled; nothing was left in the folder."),
            ),
            writes=True,
        )
        if outcome is not None:
            self._say(outcome_in_words(outcome))

    def _write(self, chosen: Chosen, kind: str, folder: Path, run: Callable[..., Outcome]) -> Outcome:
        plan = chosen.plan if kind != "positions" else None
        name = name_for(chosen.series.modality, NAMES[plan.mode if plan is not None else kind])
        place = new_file_in(folder, name, ".dcm") if kind == "map" else new_folder_in(folder, name)
        if plan is None:
            return self._logic.saveSeries(chosen.series, place, stack=chosen.stack, run=run)
        return self._logic.saveSeries(plan, place, run=run)


NAMES = {
    "acquisition": "copy",
    "resample": "resampled",
    "split": "sections",
    "crop": "cropped",
    "restack": "restacked",
    "positions": "positions-corrected",
}
"""Of folders and files; not translated, as they go from one place to another."""
