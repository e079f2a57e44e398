"""The panel's section Registrations: which there are, how one is read, and loading it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import slicer
from slicer.i18n import tr as _

from ...findings import Finding
from ...registration import Registration
from ...registration.repairs import Repair
from ...scene.places import registration_label
from ...scene.transforms.loaded import transforms_of
from ..job import Endings, Section
from ..worker import Worker
from .apply_section import ApplySection, ApplyWidgets
from .readings import ReadAsBox, ReadAsWidgets
from .registrations_view import RegistrationsTableWidgets, RegistrationsView

if TYPE_CHECKING:
    import ctk
    import qt

    from ..logic import InspectorLogic


def loading_endings() -> Endings:
    """Return what is said when a registration is not loaded."""
    return Endings(
        title=_("The registration was not loaded."),
        refused=_("Not loaded: {error}"),
        cancelled=_("Cancelled; nothing was loaded."),
    )


class RegistrationsWidgets(ApplyWidgets, ReadAsWidgets, RegistrationsTableWidgets, Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    registrationsCollapsibleButton: ctk.ctkCollapsibleButton
    bakeCheckBox: qt.QCheckBox
    placeVolumesCheckBox: qt.QCheckBox
    loadButton: qt.QPushButton
    registrationsProgressWidget: qt.QWidget
    registrationsProgressBar: qt.QProgressBar
    registrationsCancelButton: qt.QPushButton
    registrationsStatusLabel: qt.QLabel


class RegistrationsSection(Section):
    """Connects the widgets of the section with the module's logic.

    Parameters
    ----------
    on_loaded
        Called with the registration and the nodes that were loaded.
    """

    def __init__(
        self,
        ui: RegistrationsWidgets,
        logic: InspectorLogic,
        icons: Path,
        on_busy: Callable[[bool], None],
        on_loaded: Callable[[Registration, list[slicer.vtkMRMLTransformNode]], None],
    ) -> None:
        progress = (ui.registrationsProgressWidget, ui.registrationsProgressBar, ui.registrationsCancelButton)
        super().__init__(ui.registrationsCollapsibleButton, ui.registrationsStatusLabel, progress, on_busy)
        self._ui, self._logic, self._on_loaded = ui, logic, on_loaded
        self.read_as = ReadAsBox(ui)
        self.applying = ApplySection(ui, logic, self._job, self.note)
        self.view = RegistrationsView(ui, icons, self._selected, self._activated)
        ui.loadButton.connect("clicked()", self.load_selected)

    def show(
        self,
        registrations: Sequence[Registration],
        nothing: str,
        findings_of: Callable[[Registration], Sequence[Finding]] = lambda registration: (),
    ) -> None:
        """List the registrations of an inspection; without any, say the words ``nothing``."""
        self.view.show(registrations, nothing, findings_of)
        self.say("")

    def choose(self, registration: Registration, reading: Repair | None = None) -> None:
        """Select a registration, and how it is read; nothing is loaded yet."""
        self.view.select(registration)
        self.read_as.choose(reading)

    def load_selected(self) -> None:
        """Load the selected registration with the options of the panel."""
        registration = self.view.selected()
        if registration is None or not self._ui.loadButton.enabled:
            return
        again = bool(transforms_of(slicer.mrmlScene, registration))
        nodes = self._job.run(lambda worker: self.load(worker, registration, self.read_as.chosen), loading_endings())
        if nodes:
            self.say(loaded_in_words(registration, nodes, again))
            self._on_loaded(registration, nodes)

    def load(
        self, worker: Worker[Any], registration: Registration, reading: Repair | None
    ) -> list[slicer.vtkMRMLTransformNode]:
        """Load a registration in a way, with the section's other options; as a part of someone's work."""
        return self._logic.loadRegistration(
            registration,
            bake=self._ui.bakeCheckBox.checked,
            placeVolumes=self._ui.placeVolumesCheckBox.checked,
            repair=reading,
            run=worker.run,
        )

    def _activated(self, _registration: Registration) -> None:
        self.load_selected()

    def _set_busy(self, busy: bool) -> None:
        ui = self._ui
        for widget in (ui.registrationsTable, ui.readAsComboBox, ui.bakeCheckBox, ui.placeVolumesCheckBox):
            widget.enabled = not busy
        self.applying.update()
        self._selected(self.view.selected())

    def _selected(self, registration: Registration | None) -> None:
        self.read_as.offer(registration)
        if self._job.busy:
            self._ui.readAsComboBox.enabled = False
        button = self._ui.loadButton
        reason = reason_not_to_load(registration)
        button.enabled = not reason and not self._job.busy
        button.toolTip = reason or _("Load the selected registration as transform nodes.")


def reason_not_to_load(registration: Registration | None) -> str:
    """Return why a registration cannot be loaded; empty when it can."""
    if registration is None:
        return _("Select a registration first.")
    if not registration.items:
        return _("This object holds no transform that could be loaded.")
    if all(item.problem for item in registration.items):
        return _("This registration cannot be loaded; its findings say why.")
    return ""


def loaded_in_words(registration: Registration, nodes: list[slicer.vtkMRMLTransformNode], again: bool) -> str:
    """Return what was loaded, and how it was read."""
    names = ", ".join(node.GetName() for node in nodes)
    text = _("Loaded {name}: transform {nodes}.").format(name=registration_label(registration), nodes=names)
    repair = nodes[0].GetAttribute("DicomRegInspector.Repair")
    if repair:
        text += " " + _("Read in another way than the standard's: {repair}.").format(repair=repair)
    return text + (" " + _("It was loaded before too.") if again else "")
