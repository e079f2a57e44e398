"""Saving the chosen transform as a DICOM registration between the chosen images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import qt
import slicer
from slicer.i18n import tr as _

from ...tasks.dicom_export.outgoing import DicomExport
from ...words import well_formed
from ..job import Endings, Job
from ..series.save_places import new_file_in
from .export_words import export_in_words

if TYPE_CHECKING:
    from ..logic import InspectorLogic

SUFFIX = ".dcm"


class ExportWidgets(Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    qualityTransformSelector: slicer.qMRMLNodeComboBox
    qualityFixedSelector: slicer.qMRMLNodeComboBox
    qualityMovingSelector: slicer.qMRMLNodeComboBox
    exportTransformButton: qt.QPushButton


class TransformExport:
    """The button that saves a transform as DICOM: enabled when it and both images are chosen."""

    def __init__(
        self,
        ui: ExportWidgets,
        logic: InspectorLogic,
        say: Callable[[str], None],
        job: Job,
        files: Callable[[], dict[str, str]],
    ) -> None:
        self._ui, self._logic, self._say, self._job, self._files = ui, logic, say, job, files
        self.ask: Callable[[], str] = self._ask_file
        """Asks for a file; empty when the user does not want any."""
        ui.exportTransformButton.connect("clicked()", self.save)

    def update(self) -> None:
        """Offer it for what is chosen, or say what has to be chosen."""
        ui, button = self._ui, self._ui.exportTransformButton
        both = ui.qualityFixedSelector.currentNode() is not None and ui.qualityMovingSelector.currentNode() is not None
        chosen = ui.qualityTransformSelector.currentNode() is not None
        button.enabled = chosen and both and not self._job.busy
        if not chosen:
            button.toolTip = _("Choose a transform above first.")
        elif not both:
            button.toolTip = _(
                "Choose the fixed and the moving image above first: patient, study and frames of reference are those "
                "of their images."
            )
        else:
            button.toolTip = _(
                "Choose a file, and write the transform there as a DICOM registration of the moving to the fixed "
                "image, with references to the images that they were loaded from. A linear transform becomes a Spatial "
                "Registration, any other a Deformable Spatial Registration. Nothing is written over a file."
            )

    def save(self) -> None:
        """Ask for a file and write the chosen transform into it."""
        ui = self._ui
        node = ui.qualityTransformSelector.currentNode()
        fixed, moving = ui.qualityFixedSelector.currentNode(), ui.qualityMovingSelector.currentNode()
        if node is None or fixed is None or moving is None or self._job.busy:
            return
        chosen = self.ask()
        if not chosen:
            self._say(_("Nothing was saved."))
            return
        path = Path(chosen)
        if path.suffix.lower() != SUFFIX:
            path = path.with_name(path.name + SUFFIX)
        was_there = path.exists()
        written: DicomExport | None = self._job.run(
            lambda worker: self._logic.exportTransform(
                node, fixed, moving, path, description=well_formed(node.GetName() or ""), files=self._files(),
                progress=worker.here, run=worker.run,
            ),
            Endings(
                title=_("The transform was not saved."),
                refused=_("Not saved: {error}"),
                cancelled=_("Cancelled; no file was written."),
            ),
            writes=True,
        )  # fmt: skip
        if self._job.closed:
            return
        if written is not None:
            self._say(export_in_words(written))
        elif not was_there and path.is_file():
            self._say(_("Stopped when {file} was whole already; it stays.").format(file=path))

    def _ask_file(self) -> str:
        return (
            qt.QFileDialog.getSaveFileName(
                self._ui.exportTransformButton.window(),
                _("Save transform as DICOM"),
                str(new_file_in(Path.home(), "registration", SUFFIX)),
                _("DICOM file (*.dcm)"),
            )
            or ""
        )
