"""The box "Read as": another reading of the selected registration, and what it changes."""

from __future__ import annotations

from typing import Any

from ..registration import Registration
from ..registration.repairs import Repair
from .registrations.readings import ReadAs, readings_for


class ReadAsBox:
    """Offers the readings that apply to a registration. The standard's is chosen anew with every other registration.

    Parameters
    ----------
    ui
        The panel's widgets: ``readAsComboBox``, ``readAsExplanationLabel``.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._registration: Registration | None = None
        self._readings: list[ReadAs] = []
        ui.readAsComboBox.connect("currentIndexChanged(int)", self._explain)
        self.offer(None)

    @property
    def chosen(self) -> Repair | None:
        """None for the standard's reading."""
        index = self._ui.readAsComboBox.currentIndex
        return self._readings[index].repair if 0 <= index < len(self._readings) else None

    def choose(self, reading: Repair | None) -> None:
        """Choose a reading; one that does not apply to the registration is left alone."""
        for index, one in enumerate(self._readings):
            if one.repair == reading:
                self._ui.readAsComboBox.currentIndex = index

    def offer(self, registration: Registration | None) -> None:
        """Offer what applies to a registration; a choice for another one is not kept."""
        if registration is not None and registration is self._registration:
            self._ui.readAsComboBox.enabled = len(self._readings) > 1
            return
        self._registration = registration
        self._readings = readings_for(registration)
        combo = self._ui.readAsComboBox
        blocked = combo.blockSignals(True)
        combo.clear()
        for one in self._readings:
            combo.addItem(one.title)
        combo.currentIndex = 0
        combo.blockSignals(blocked)
        combo.enabled = registration is not None and len(self._readings) > 1
        self._explain()

    def _explain(self, *_arguments: object) -> None:
        index = self._ui.readAsComboBox.currentIndex
        label = self._ui.readAsExplanationLabel
        label.text = self._readings[index].explanation if 0 <= index < len(self._readings) else ""
        label.visible = self._registration is not None
