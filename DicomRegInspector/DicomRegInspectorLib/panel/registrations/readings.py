"""The readings that a registration can be loaded with, and what each of them changes. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from slicer.i18n import tr as _

from ...registration import Registration, RegistrationItem
from ...registration.repairs import REPAIRS, Repair

if TYPE_CHECKING:
    import ctk
    import qt


@dataclass(frozen=True)
class ReadAs:
    """One entry of the box."""

    repair: Repair | None
    """None: as the standard says."""
    title: str
    explanation: str
    """What the nodes hold with this reading, in a sentence or two."""


def _readings() -> tuple[ReadAs, ...]:
    known = {
        None: (
            _("As the standard says"),
            _("Matrices and vectors in mm, as DICOM PS3.3 C.20 defines them. Nothing is changed."),
        ),
        "voxel-units": (
            _("Vectors in voxels"),
            _("Each vector is taken as a number of voxels along the grid's axes and multiplied by the grid's spacing."),
        ),
        "reversed": (
            _("Direction reversed"),
            _("The whole transform is turned around, exactly: it leads from source to registered image, not back."),
        ),
        "axis-signs": (
            _("Signs of x and y turned"),
            _("The x and y components of the vectors change their sign, as if they had been written in RAS, not LPS."),
        ),
        "without-bulk": (
            _("Bulk motion as a node of its own"),
            _(
                "The rigid motion that fits best becomes a linear transform of its own, and the grid holds the rest. "
                "Points go where they go by the standard."
            ),
        ),
        "matrices-ignored": (
            _("Matrices ignored"),
            _("The matrices before and after the deformation are left out; only the grid is used."),
        ),
        "matrices-swapped": (
            _("Matrices exchanged"),
            _("The matrix before the deformation is applied after it, and the other way round."),
        ),
    }
    return tuple(ReadAs(repair, *known[repair]) for repair in (None, *REPAIRS))


def readings_for(registration: Registration | None) -> list[ReadAs]:
    """Return the readings that apply to every usable item of a registration; the standard's, the first, always does."""
    items = [item for item in registration.items if not item.problem] if registration is not None else []
    return [
        reading
        for reading in _readings()
        if reading.repair is None or (items and all(_applies(reading.repair, item) for item in items))
    ]


def _applies(repair: Repair, item: RegistrationItem) -> bool:
    if item.kind == "matrix":
        return repair in ("reversed", "axis-signs")
    if item.grid is None:
        return repair in ("reversed", "matrices-ignored", "matrices-swapped")
    return True


class ReadAsWidgets(Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    readAsComboBox: ctk.ctkComboBox
    readAsExplanationLabel: qt.QLabel


class ReadAsBox:
    """Offers the readings that apply to a registration. The standard's is chosen anew with every other registration."""

    def __init__(self, ui: ReadAsWidgets) -> None:
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
        for index, entry in enumerate(self._readings):
            if entry.repair == reading:
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
        for reading in self._readings:
            combo.addItem(reading.title)
        combo.currentIndex = 0
        combo.blockSignals(blocked)
        combo.enabled = registration is not None and len(self._readings) > 1
        self._explain()

    def _explain(self, *_arguments: object) -> None:
        index = self._ui.readAsComboBox.currentIndex
        label = self._ui.readAsExplanationLabel
        label.text = self._readings[index].explanation if 0 <= index < len(self._readings) else ""
        label.visible = self._registration is not None
