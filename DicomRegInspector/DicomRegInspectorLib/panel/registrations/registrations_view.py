"""The list of registrations of the panel."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import qt
from slicer.i18n import tr as _

from ...findings import Finding, worst_severity
from ...registration import Registration
from ...scene.places import registration_label
from ...words import tenths, well_formed
from ..findings.findings_view import severity_icons
from ..findings.rows import summary
from ..sections import fit_height

FINDINGS_COLUMN = 3
MOST_ROWS = 5
"""That are seen at once; of more the table scrolls."""
FindingsOf = Callable[[Registration], Sequence[Finding]]


class RegistrationsTableWidgets(Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    registrationsEmptyLabel: qt.QLabel
    registrationsTable: qt.QTableWidget


class RegistrationsView:
    """Shows registrations in a QTableWidget, one row each, and tells which one is selected.

    Parameters
    ----------
    icons
        Folder of the severity icons.
    on_select
        Called with the selected registration, or None.
    on_activate
        Called with a registration whose row was double-clicked, or on which Enter was pressed.
    """

    def __init__(
        self,
        ui: RegistrationsTableWidgets,
        icons: Path,
        on_select: Callable[[Registration | None], None],
        on_activate: Callable[[Registration], None],
    ) -> None:
        self._ui, self._on_select, self._on_activate = ui, on_select, on_activate
        self._registrations: Sequence[Registration] = ()
        table = ui.registrationsTable
        self._icons = severity_icons(icons)
        table.setColumnCount(4)
        table.setHorizontalHeaderLabels([_("Registration"), _("Kind"), _("Up to (mm)"), _("Findings")])
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
        header.setStretchLastSection(False)
        for column in range(1, 4):
            header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
        table.connect("itemSelectionChanged()", lambda: self._on_select(self.selected()))
        table.connect("cellActivated(int,int)", self._activated)
        self.show((), "", lambda registration: ())

    def show(self, registrations: Sequence[Registration], empty_text: str, findings_of: FindingsOf) -> None:
        """List registrations; without any, a sentence says why."""
        self._registrations = registrations
        table = self._ui.registrationsTable
        blocked = table.blockSignals(True)
        table.setRowCount(0)
        table.setRowCount(len(registrations))
        self.tell(findings_of)
        fit_height(table, MOST_ROWS)
        table.blockSignals(blocked)
        self._ui.registrationsEmptyLabel.text = empty_text
        self._ui.registrationsEmptyLabel.visible = not registrations
        table.visible = bool(registrations)
        if len(registrations) == 1:
            table.selectRow(0)
        self._on_select(self.selected())

    def tell(self, findings_of: FindingsOf) -> None:
        """Fill the rows, with what was found about each registration; the selection stays."""
        table = self._ui.registrationsTable
        for row, registration in enumerate(self._registrations):
            findings = findings_of(registration)
            worst = worst_severity(findings)
            for column, text in enumerate(_texts(registration, findings)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(_tooltip(registration, findings))
                if column == FINDINGS_COLUMN and worst is not None:
                    item.setIcon(self._icons[worst])
                table.setItem(row, column, item)

    def selected(self) -> Registration | None:
        """Return the registration of the selected row."""
        rows = [index.row() for index in self._ui.registrationsTable.selectionModel().selectedRows()]
        return self._registrations[rows[0]] if rows else None

    def select(self, registration: Registration) -> None:
        """Select a registration's row."""
        for row, other in enumerate(self._registrations):
            if other is registration:
                self._ui.registrationsTable.selectRow(row)

    def _activated(self, row: int, _column: int) -> None:
        self._on_activate(self._registrations[row])


def _texts(registration: Registration, findings: Sequence[Finding]) -> tuple[str, ...]:
    lengths = [item.displacement_mm["max"] for item in registration.items if item.displacement_mm is not None]
    known = [length for length in lengths if length is not None]
    kinds = {"deformable": _("deformable"), "matrix": _("matrix"), "fiducials": _("fiducials")}
    kind = kinds[registration.kind]
    if len(registration.items) > 1:
        kind += ", " + _("{count} items").format(count=len(registration.items))
    return (
        registration_label(registration),
        kind,
        tenths(max(known)) if known else "–",
        str(len(findings)) if findings else _("none"),
    )


def _tooltip(registration: Registration, findings: Sequence[Finding]) -> str:
    lines = [registration.path.name]
    lines += [
        f"{item.number}: {item.description}"
        + (f", {item.images.words}" if item.images else "")
        + (". " + _("Cannot be loaded: {problem}").format(problem=item.problem) if item.problem else "")
        for item in registration.items
    ]
    if findings:
        lines.append(summary(findings) + ":")
    lines += [finding.title for finding in findings]
    return well_formed("".join(f"<p>{html.escape(line)}</p>" for line in dict.fromkeys(lines)))
