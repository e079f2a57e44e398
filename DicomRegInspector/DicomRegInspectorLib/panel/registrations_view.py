"""The list of registrations of the panel."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import qt
from slicer.i18n import tr as _

from ..registration import Registration
from ..scene.places import registration_label

_KINDS = {"deformable": "deformable", "matrix": "matrix", "fiducials": "fiducials (not read)"}


class RegistrationsView:
    """Shows registrations in a QTableWidget, one row each, and tells which one is selected.

    Parameters
    ----------
    ui
        The panel's widgets: ``registrationsTable``, ``registrationsEmptyLabel``.
    on_select
        Called with the selected registration, or None.
    on_activate
        Called with a registration that was double-clicked.
    """

    def __init__(
        self,
        ui: Any,
        on_select: Callable[[Registration | None], None],
        on_activate: Callable[[Registration], None],
    ) -> None:
        self._ui, self._on_select, self._on_activate = ui, on_select, on_activate
        self._registrations: Sequence[Registration] = ()
        table = ui.registrationsTable
        table.setColumnCount(4)
        table.setHorizontalHeaderLabels([_("Registration"), _("Kind"), _("Items"), _("Displacement (mm)")])
        table.connect("itemSelectionChanged()", lambda: self._on_select(self.selected()))
        table.connect("cellDoubleClicked(int,int)", self._double_clicked)
        self.show((), "")

    def show(self, registrations: Sequence[Registration], empty_text: str) -> None:
        """List registrations; without any, a sentence says why."""
        self._registrations = registrations
        table = self._ui.registrationsTable
        blocked = table.blockSignals(True)
        table.setRowCount(0)
        table.setRowCount(len(registrations))
        for row, registration in enumerate(registrations):
            for column, text in enumerate(_texts(registration)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(_tooltip(registration))
                table.setItem(row, column, item)
        table.blockSignals(blocked)
        for column in range(3):
            table.resizeColumnToContents(column)
        self._ui.registrationsEmptyLabel.text = empty_text
        self._ui.registrationsEmptyLabel.visible = not registrations
        table.visible = bool(registrations)
        if len(registrations) == 1:
            table.selectRow(0)
        self._on_select(self.selected())

    def selected(self) -> Registration | None:
        """The registration of the selected row."""
        rows = [index.row() for index in self._ui.registrationsTable.selectionModel().selectedRows()]
        return self._registrations[rows[0]] if rows else None

    def select(self, registration: Registration) -> None:
        """Select a registration's row."""
        for row, other in enumerate(self._registrations):
            if other is registration:
                self._ui.registrationsTable.selectRow(row)

    def _double_clicked(self, row: int, _column: int) -> None:
        self._on_activate(self._registrations[row])


def _texts(registration: Registration) -> tuple[str, ...]:
    lengths = [item.displacement_mm["max"] for item in registration.items if item.displacement_mm is not None]
    known = [length for length in lengths if length is not None]
    largest = _("up to {length:.1f}").format(length=max(known)) if known else "–"
    return (registration_label(registration), _KINDS[registration.kind], str(len(registration.items)), largest)


def _tooltip(registration: Registration) -> str:
    lines = [registration.path.name]
    lines += [
        f"{item.number}: {item.description}" + (f". Cannot be loaded: {item.problem}" if item.problem else "")
        for item in registration.items
    ]
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)
