"""The panel's behaviour: what each button does, and what is shown before, during and after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..errors import Cancelled, DicomRegInspectorError
from ..findings import Finding
from ..inspection import Inspection
from ..registration import Registration
from ..scene.places import Places, registration_label
from .findings_view import FindingsView
from .navigation import nodes_of, selected_series_uids, show_position
from .progress import CancellableProgress
from .quality_section import QualitySection
from .read_as import ReadAsBox
from .registrations_view import RegistrationsView
from .rows import summary
from .series_section import SeriesSection


class InspectorPanel:
    """Connects the widgets of the panel with the module's logic.

    Parameters
    ----------
    ui
        The widgets of ``DicomRegInspector.ui`` as attributes.
    logic
        The module's logic: ``inspect``, ``inspectDatabaseSeries``, ``loadRegistration``, ``createFindingsTable``,
        ``loadSeries``, ``plotSlicePositions``, ``measureQuality``, ``createQualityTables``.
    icons
        Folder of the severity icons.
    selected_series
        Tells which series are selected in the DICOM browser.
    """

    def __init__(
        self, ui: Any, logic: Any, icons: Path, selected_series: Callable[[], list[str]] = selected_series_uids
    ) -> None:
        self._ui, self._logic, self._selected_series = ui, logic, selected_series
        self._progress: CancellableProgress | None = None
        self._closed = False
        self._places: Places | None = None
        self.inspection: Inspection | None = None
        """What the panel shows."""
        self.findings = FindingsView(ui, icons, self._show_finding)
        self.read_as = ReadAsBox(ui)
        self.registrations = RegistrationsView(ui, self._show_registration, self._load)
        self.quality = QualitySection(ui, logic, self._measuring)
        self.series = SeriesSection(ui, logic, self._loading_series)
        ui.inspectFolderButton.connect("clicked()", self.inspect_folder)
        ui.inspectDatabaseButton.connect("clicked()", self.inspect_selected_series)
        ui.cancelButton.connect("clicked()", self.cancel)
        ui.saveTableButton.connect("clicked()", self.save_table)
        ui.loadButton.connect("clicked()", self.load_selected)
        self._set_busy(False)
        self.reset()

    @property
    def busy(self) -> bool:
        """Whether an inspection, a loading or a measuring is under way."""
        return self._progress is not None or self.quality.busy or self.series.busy

    def reset(self) -> None:
        """Show nothing, as at the beginning."""
        self._show(None)
        self.quality.reset()
        self._say(_("Choose a folder with DICOM files, or select series in the DICOM browser, and inspect them."))

    def close(self) -> None:
        """The widgets are about to go: stop what is under way and do not touch them any more."""
        self._closed = True
        self.cancel()
        self.quality.close()
        self.series.close()

    def cancel(self) -> None:
        """Stop the inspection or the loading that is under way, if there is one."""
        if self._progress is not None:
            self._progress.cancel()

    def inspect_folder(self) -> None:
        """Inspect the folder in the path box."""
        folder = self._ui.inputPathLineEdit.currentPath.strip()
        if not folder:
            self._say(_("Choose a folder first."))
            self._ui.inputPathLineEdit.setFocus()
            return
        self._ui.inputPathLineEdit.addCurrentPathToHistory()
        self._inspect(lambda progress: self._logic.inspect(folder, progress))

    def inspect_selected_series(self) -> None:
        """Inspect the series that are selected in the DICOM browser."""
        uids = self._selected_series()
        if not uids:
            self._say(_("No series is selected. Open Slicer's DICOM module, select one or more series, and come back."))
            return
        self._inspect(lambda progress: self._logic.inspectDatabaseSeries(uids, progress))

    def _inspect(self, work: Callable[[CancellableProgress], Inspection]) -> None:
        if self.busy:
            return
        self._progress = CancellableProgress(self._show_progress, slicer.app.processEvents)
        self._set_busy(True)
        inspection, text = None, ""
        try:
            with slicer.util.tryWithErrorDisplay(_("The inspection failed.")):
                try:
                    inspection = work(self._progress)
                    text = _inspection_in_words(inspection)
                except Cancelled:
                    text = _("Cancelled. What is shown below is from before.") if self.inspection else _("Cancelled.")
                except DicomRegInspectorError as error:
                    text = _("Not inspected: {error}").format(error=error)
        finally:
            self._progress = None
            if not self._closed:
                self._set_busy(False)
                self._say(text or _("The inspection failed; the application's log says more."))
        if inspection is not None and not self._closed:
            self._show(inspection)

    def _show_progress(self, done: int, total: int, text: str) -> None:
        if self._closed:
            return
        bar = self._ui.progressBar
        bar.maximum = total  # 0 of 0: Qt shows that something is going on
        bar.setValue(done)
        self._say(f"{text} ({done} / {total})" if total else text)

    def _set_busy(self, busy: bool) -> None:
        self._ui.progressWidget.visible = busy
        self._ui.progressBar.setValue(0)
        self._rest(busy)
        self.quality.set_enabled(not busy)
        self._ui.seriesCollapsibleButton.enabled = not busy

    def _measuring(self, busy: bool) -> None:
        """Let everything but the section Quality rest."""
        self._rest(busy)
        self._ui.seriesCollapsibleButton.enabled = not busy

    def _loading_series(self, busy: bool) -> None:
        """Let everything but the section Series rest."""
        self._rest(busy)
        self.quality.set_enabled(not busy)

    def _rest(self, busy: bool) -> None:
        ui = self._ui
        inputs = (ui.inspectFolderButton, ui.inspectDatabaseButton, ui.inputPathLineEdit)
        for widget in (*inputs, ui.findingsCollapsibleButton, ui.registrationsCollapsibleButton):
            widget.enabled = not busy

    def _say(self, text: str) -> None:
        self._ui.statusLabel.text = text

    def _show(self, inspection: Inspection | None) -> None:
        self.inspection = inspection
        self._places = Places(inspection) if inspection is not None else None
        self.findings.show(inspection)
        self._ui.saveTableButton.enabled = bool(inspection and inspection.findings)
        registrations = inspection.registrations if inspection else ()
        nothing_yet = _("Nothing inspected yet.")
        self.registrations.show(registrations, _("No registration among the files.") if inspection else nothing_yet)
        no_series = _("No image series among the files.") if inspection else nothing_yet
        self.series.show(inspection.series if inspection else (), no_series)

    def _show_finding(self, finding: Finding | None) -> None:
        label = self._ui.findingLabel
        if finding is None or self._places is None:
            label.text = self._nothing_selected()
            return
        place = self._places.of(finding)
        label.text = f"{finding.message}\n" + _("What to do: {remedy}").format(remedy=finding.remedy)
        if place.registration is not None:
            self.registrations.select(place.registration)
            names = ", ".join(node.GetName() for node in nodes_of(place.registration))
            if names:
                self._say(_("{name} is loaded: transform {nodes}.").format(name=place.subject, nodes=names))
        self.series.choose(place.series)
        if place.position_lps_mm is not None:
            show_position(place.position_lps_mm)

    def _nothing_selected(self) -> str:
        if self.inspection is None:
            return _("Nothing inspected yet.")
        if not self.inspection.findings:
            return _("Nothing found: slice positions are regular, and the registrations are as they should be.")
        if not self.findings.shown:
            return _("No finding passes the filter; there are {counts}.").format(
                counts=summary(self.inspection.findings)
            )
        return _("Select a finding to read it and to see its place.")

    def _show_registration(self, registration: Registration | None) -> None:
        self.read_as.offer(registration)
        button = self._ui.loadButton
        if registration is None:
            button.enabled, button.toolTip = False, _("Select a registration first.")
        elif not registration.items:
            button.enabled, button.toolTip = False, _("This object holds no transform that could be loaded.")
        elif all(item.problem for item in registration.items):
            button.enabled, button.toolTip = False, _("This registration cannot be loaded; its findings say why.")
        else:
            button.enabled, button.toolTip = True, _("Load the selected registration as transform nodes.")

    def load_selected(self) -> None:
        """Load the selected registration with the options of the panel."""
        registration = self.registrations.selected()
        if registration is not None:
            self._load(registration)

    def _load(self, registration: Registration) -> None:
        if self.busy or not self._ui.loadButton.enabled:
            return
        progress = self._progress = CancellableProgress(self._show_progress, slicer.app.processEvents)
        self._set_busy(True)
        nodes, text, before = [], "", len(nodes_of(registration))
        try:
            with slicer.util.tryWithErrorDisplay(_("The registration was not loaded."), waitCursor=True):
                try:
                    nodes = self._load_as_chosen(registration, progress)
                    text = _loaded_in_words(registration, nodes, before > 0)
                except Cancelled:
                    text = _("Cancelled; nothing was loaded.")
                except DicomRegInspectorError as error:
                    text = _("Not loaded: {error}").format(error=error)
        finally:
            self._progress = None
            if not self._closed:
                self._set_busy(False)
                self._say(text or _("The loading failed; the application's log says more."))
        if nodes and not self._closed:
            self.quality.choose(nodes[0])

    def _load_as_chosen(
        self, registration: Registration, progress: CancellableProgress
    ) -> list[slicer.vtkMRMLTransformNode]:
        ui = self._ui
        return self._logic.loadRegistration(
            registration,
            bake=ui.bakeCheckBox.checked,
            placeVolumes=ui.placeVolumesCheckBox.checked,
            repair=self.read_as.chosen,
            progress=progress,
        )

    def save_table(self) -> None:
        """Put the findings into a table node."""
        if self.inspection is None:
            return
        with slicer.util.tryWithErrorDisplay(_("The table was not made.")):
            node = self._logic.createFindingsTable(self.inspection)
            self._say(_("The findings are in the table {name}.").format(name=node.GetName()))


def _count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _inspection_in_words(inspection: Inspection) -> str:
    counts = inspection.file_counts
    parts = [
        _count(counts.dicom, "DICOM file"),
        _count(len(inspection.series), "image series", "image series"),
        _count(len(inspection.registrations), "registration"),
    ]
    text = ", ".join(parts) + ": " + summary(inspection.findings) + "."
    if counts.not_dicom:
        text += (
            f" Left out: {_count(counts.not_dicom, 'file')} that {'is' if counts.not_dicom == 1 else 'are'} not DICOM."
        )
    return text


def _loaded_in_words(registration: Registration, nodes: list[slicer.vtkMRMLTransformNode], again: bool) -> str:
    names = ", ".join(node.GetName() for node in nodes)
    text = _("Loaded {name}: transform {nodes}.").format(name=registration_label(registration), nodes=names)
    repair = nodes[0].GetAttribute("DicomRegInspector.Repair")
    if repair:
        text += " " + _("Read in another way than the standard's: {repair}.").format(repair=repair)
    return text + (_(" It was loaded before too.") if again else "")
