"""The panel's behaviour: what each button does, and what is shown before, during and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import qt
import slicer
from slicer.i18n import tr as _

from ..findings import Finding
from ..registration import Registration
from ..registration.conventions import Assumed
from ..samples import make_samples
from ..scene.places import longest_vector_lps
from ..scene.quality.node_quality import NodeQuality
from ..series import Series
from ..tasks.inspect import Inspection
from ..words import well_formed
from .findings.finding_actions import Elsewhere
from .findings.findings_section import FindingsSection, FindingsWidgets
from .findings.rows import summary
from .job import Endings, Job
from .navigation import Drawing, selected_series_uids, show_registration
from .quality.quality_section import QualitySection, QualityWidgets
from .registrations.registrations_section import RegistrationsSection, RegistrationsWidgets
from .sample_data import sample_folder
from .sections import bring_into_view
from .series.plans import Plans
from .series.series_section import SeriesSection, SeriesWidgets
from .settings.stored import OPTIONS, stored_settings, unwatch_settings, watch_settings
from .settings.values import Settings
from .worker import Worker

if TYPE_CHECKING:
    import ctk

    from .logic import InspectorLogic


class PanelWidgets(FindingsWidgets, QualityWidgets, RegistrationsWidgets, SeriesWidgets, Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    inputPathLineEdit: ctk.ctkPathLineEdit
    inspectFileButton: qt.QPushButton
    inspectFolderButton: qt.QPushButton
    inspectDatabaseButton: qt.QPushButton
    progressWidget: qt.QWidget
    progressBar: qt.QProgressBar
    cancelButton: qt.QPushButton
    statusLabel: qt.QLabel
    tryItButton: qt.QPushButton


class InspectorPanel:
    """Connects the widgets of the panel with the module's logic: the section Input, and the others with each other.

    Parameters
    ----------
    selected_series
        Tells which series are selected in the DICOM browser.
    """

    def __init__(
        self,
        ui: PanelWidgets,
        logic: InspectorLogic,
        icons: Path,
        selected_series: Callable[[], list[str]] = selected_series_uids,
    ) -> None:
        self._ui, self._logic, self._selected_series = ui, logic, selected_series
        self.ask_file: Callable[[str], str] = chosen_file
        """Where a file is asked for."""
        self.inspection: Inspection | None = None
        """What the panel shows."""
        self._job = Job(ui.progressWidget, ui.progressBar, ui.cancelButton, self._say, self._rest(None))
        self._sections: dict[str, Any] = {}
        self._inspected = ""
        self._answers: dict[str, Assumed] = {}
        plans, self._drawing = Plans(), Drawing()
        self.quality = self._sections["quality"] = QualitySection(
            ui, logic, self._rest("quality"), self._measured, self._drawing, self._files
        )
        self.series = self._sections["series"] = SeriesSection(
            ui, logic, plans, self._rest("series"), self._add_findings, drawing=self._drawing
        )
        self.registrations = self._sections["registrations"] = RegistrationsSection(
            ui, logic, icons, self._rest("registrations"), self._loaded
        )
        elsewhere = Elsewhere(
            self.registrations, plans, self.series.choose, self._reveal, self._take, self._drawing, self._answer
        )
        self.findings_section = self._sections["findings"] = FindingsSection(
            ui, logic, icons, elsewhere, self._rest("findings")
        )
        self.findings = self.findings_section.view
        self.read_as = self.registrations.read_as
        ui.inspectFolderButton.connect("clicked()", self.inspect_folder)
        ui.inspectFileButton.connect("clicked()", self.choose_file)
        ui.inspectDatabaseButton.connect("clicked()", self.inspect_selected_series)
        ui.tryItButton.connect("clicked()", self.try_samples)
        ui.inputPathLineEdit.connect("currentPathChanged(QString)", self._offer_samples)
        self._settings: Settings | None = None
        self._apply_settings()
        watch_settings(self._apply_settings)
        self.reset()

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return self._job.busy or any(section.busy for section in self._sections.values())

    def reset(self) -> None:
        """Show nothing, as at the beginning."""
        self._show(None)
        self.quality.reset()
        self._say(_("Choose a folder with DICOM files, or select series in the DICOM browser, and inspect them."))

    def scene_changed(self) -> None:
        """Note that another scene was opened, or this one closed: nothing is shown from here."""
        self._drawing.forget()

    def close(self) -> None:
        """Stop what is under way and do not touch the widgets any more: they are about to go."""
        unwatch_settings(self._apply_settings)
        for section in (self._job, *self._sections.values()):
            section.close()

    def inspect_folder(self) -> None:
        """Inspect the folder, or the file, in the path box."""
        folder = self._ui.inputPathLineEdit.currentPath.strip()
        if not folder:
            self._say(_("Choose a folder or a file first."))
            self._ui.inputPathLineEdit.setFocus()
            return
        self._ui.inputPathLineEdit.addCurrentPathToHistory()
        self._inspected, self._answers = folder, {}
        self._inspect(lambda worker: self._logic.inspect(folder, run=worker.run))

    def _answer(self, path: str, said: Assumed) -> None:
        """Inspect again, with what was said of a transform's file; it holds until something else is inspected."""
        folder, answers = self._inspected, self._answers | {path: said}
        self._answers = answers
        self._inspect(lambda worker: self._logic.inspect(folder, run=worker.run, assumed=answers))

    def choose_file(self) -> None:
        """Let a file be chosen, and inspect it."""
        path = self.ask_file(self._ui.inputPathLineEdit.currentPath.strip())
        if path:
            self._ui.inputPathLineEdit.currentPath = path
            self.inspect_folder()

    def inspect_selected_series(self) -> None:
        """Inspect the series that are selected in the DICOM browser."""
        uids = self._selected_series()
        if not uids:
            self._say(_("No series is selected. Open Slicer's DICOM module, select one or more series, and come back."))
            return
        self._inspect(lambda worker: self._logic.inspectDatabaseSeries(uids, run=worker.run))

    def try_samples(self) -> None:
        """Make the sample data where they are missing, choose their folder, and inspect it."""
        if self.busy:
            return
        folder = self._job.run(
            lambda worker: worker.run(lambda step: make_samples(sample_folder(), progress=step)),
            Endings(
                title=_("The sample data were not made."),
                refused=_("No sample data: {error}"),
                cancelled=_("Cancelled."),
            ),
            writes=True,
        )
        if folder is not None:
            self._ui.inputPathLineEdit.currentPath = str(folder)
            self.inspect_folder()

    def _offer_samples(self, *_arguments: object) -> None:
        """Only as long as there is nothing else to do."""
        nothing_chosen = not self._ui.inputPathLineEdit.currentPath.strip()
        self._ui.tryItButton.visible = self.inspection is None and nothing_chosen

    def _apply_settings(self) -> None:
        """Take over what the application settings say; of a change, only what has changed.

        A new scene begins with them by itself (DicomRegInspectorLogic.getParameterNode).
        """
        before, now = self._settings, stored_settings()
        self._settings = now
        self._logic.intervalTolerance = now.interval_tolerance
        if before is None:
            return
        parameters = self._logic.getParameterNode()
        for name, setting in OPTIONS.items():
            if getattr(before, setting) != getattr(now, setting):
                setattr(parameters, name, getattr(now, setting))

    def _inspect(self, work: Callable[[Worker[Inspection]], Inspection]) -> None:
        if self.busy:
            return
        before = self.inspection is not None
        inspection = self._job.run(
            work,
            Endings(
                title=_("The inspection failed."),
                refused=_("Not inspected: {error}"),
                cancelled=_("Cancelled. What is shown below is from before.") if before else _("Cancelled."),
            ),
        )
        if inspection is not None:
            self._show(inspection)
            self._say(inspection_in_words(inspection))

    def _rest(self, busy_section: str | None) -> Callable[[bool], None]:
        """What lets everything but one section (None: Input) rest while that one is busy."""

        def rest(busy: bool) -> None:
            ui = self._ui
            starts = (ui.inspectFolderButton, ui.inspectDatabaseButton, ui.inspectFileButton, ui.tryItButton)
            for widget in (*starts, ui.inputPathLineEdit):
                widget.enabled = not busy
            for name, section in self._sections.items():
                if name != busy_section:
                    section.set_enabled(not busy)

        return rest

    def _say(self, text: str) -> None:
        self._ui.statusLabel.text = well_formed(text)

    def _show(self, inspection: Inspection | None) -> None:
        self.inspection = inspection
        self._offer_samples()
        self.findings_section.show(inspection)
        nothing_yet = _("Nothing inspected yet.")
        registrations = inspection.registrations if inspection else ()
        no_registration = _("No registration among the files.") if inspection else nothing_yet
        self.registrations.show(registrations, no_registration, self.findings_section.findings_of)
        no_series = _("No image series among the files.") if inspection else nothing_yet
        self.series.show(inspection.series if inspection else (), no_series)

    def _add_findings(self, series: Series, found: Sequence[Finding]) -> None:
        """Put what was found later in a series among the findings."""
        if self.inspection is None:
            return
        self.inspection, changed = self.inspection.with_findings_of(series, found)
        self.findings_section.show(self.inspection)
        self.series.exchange(series, changed)

    def _take(self, registration: Registration, nodes: list[slicer.vtkMRMLTransformNode]) -> None:
        """Show a registration that was loaded, ready to be measured; the section that it was loaded from stays."""
        self.quality.choose(nodes[0])
        self.registrations.applying.choose(nodes[0])
        self._drawing.hide()
        show_registration(nodes[0], longest_vector_lps(registration, None))

    def _loaded(self, registration: Registration, nodes: list[slicer.vtkMRMLTransformNode]) -> None:
        self._take(registration, nodes)
        self._reveal("qualityCollapsibleButton")

    def _measured(self, result: NodeQuality | None) -> None:
        findings = self._sections.get("findings")  # not there yet while the sections are made
        if findings is not None:
            findings.show_measured(result)
            self.registrations.view.tell(findings.findings_of)

    def _files(self) -> dict[str, str]:
        """The images that were inspected, by SOP Instance UID."""
        every = self.inspection.series if self.inspection is not None else ()
        return {slice_.sop_instance_uid: str(slice_.path) for series in every for slice_ in series.slices}

    def _reveal(self, section: str) -> None:
        button = getattr(self._ui, section)
        button.collapsed = False
        bring_into_view(button)


def chosen_file(beginning: str) -> str:
    """Ask for a file, in a dialog; empty when none was chosen."""
    return qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), _("File to inspect"), beginning) or ""


MOST_TOLD = 3
"""Lines of what was not checked that the status has room for."""


def inspection_in_words(inspection: Inspection) -> str:
    """Return how many files of which kind were read, how many findings there are, and what was not checked and why."""
    counts = inspection.file_counts
    parts = [
        _("{count} DICOM files").format(count=counts.dicom) if counts.dicom != 1 else _("1 DICOM file"),
        _("{count} image series").format(count=len(inspection.series)),
        _("{count} registrations").format(count=len(inspection.registrations))
        if len(inspection.registrations) != 1
        else _("1 registration"),
    ]
    text = ", ".join(parts) + ": " + summary(inspection.findings) + "."
    if counts.not_dicom == 1:
        text += " " + _("Left out: 1 file that is not DICOM.")
    elif counts.not_dicom:
        text += " " + _("Left out: {count} files that are not DICOM.").format(count=counts.not_dicom)
    missing = inspection.coverage.missing_in_words
    if missing:
        shown = "; ".join(missing[:MOST_TOLD])
        more = _(" and {count} more").format(count=len(missing) - MOST_TOLD) if len(missing) > MOST_TOLD else ""
        text += " " + _("Not checked: {what}{more}.").format(what=shown, more=more)
    return text
