"""The findings table of the panel: filled, sorted, filtered, and what is selected in it."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import ctk
import qt
from slicer.i18n import tr as _

from ...findings import Severity
from ...scene.places import name_of_series
from ...words import well_formed
from ..sections import fit_height
from .rows import COLUMNS, Row, filtered_rows, sorted_rows

_FILES: dict[Severity, str] = {
    "error": "SeverityError.svg",
    "warning": "SeverityWarning.svg",
    "info": "SeverityInfo.svg",
}


LEAST_SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")
"""What each entry of the panel's severity box lets through."""

SEVERITY_COLUMN, WHERE_COLUMN, SUBJECT_COLUMN = 0, 2, 3

MOST_ROWS = 8
"""That are seen at once; of more the table scrolls."""
CELL_MARGIN = 8
"""Pixels of a cell beside its text."""
SUBJECT_WIDTH = 110
"""Pixels: enough to tell series apart; their names stand in the tool tip and below the table."""


class FindingsTableWidgets(Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    severityLabel: qt.QLabel
    severityComboBox: ctk.ctkComboBox
    filterLineEdit: qt.QLineEdit
    findingsTable: qt.QTableWidget


class FindingsView:
    """Shows rows in a QTableWidget.

    Sorting and filtering are done here and not by the widget, so that severities sort by rank and ``slice 2`` comes
    before ``slice 14``.

    Parameters
    ----------
    icons
        Folder of the severity icons. Severity is told by shape and colour, and in words by tool tip, screen reader and
        the text below the table.
    on_select
        Called with the selected row, or None.
    on_activate
        Called when the selected row is double-clicked, or Enter is pressed on it.
    """

    def __init__(
        self,
        ui: FindingsTableWidgets,
        icons: Path,
        on_select: Callable[[Row | None], None],
        on_activate: Callable[[], None],
    ) -> None:
        self._ui, self._on_select, self._on_activate = ui, on_select, on_activate
        self._icons = severity_icons(icons)
        self._rows: list[Row] = []
        self._shown: list[Row] = []
        self._subjects: dict[str, str] = {}
        self._sort_column: int | None = None
        self._descending = False
        table = ui.findingsTable
        table.setColumnCount(len(COLUMNS))
        table.setHorizontalHeaderLabels(["", _("Finding"), _("Where"), _("Of")])
        header = table.horizontalHeader()
        header.setSectionsClickable(True)
        header.setHighlightSections(False)
        header.setStretchLastSection(False)
        # What does not fit is elided and told by the tool tip; a table to be scrolled sideways hides its columns.
        for column in range(len(COLUMNS)):
            to_contents = column in (SEVERITY_COLUMN, WHERE_COLUMN)
            mode = qt.QHeaderView.ResizeToContents if to_contents else qt.QHeaderView.Stretch
            header.setSectionResizeMode(column, mode)
        header.setSectionResizeMode(SUBJECT_COLUMN, qt.QHeaderView.Interactive)
        header.resizeSection(SUBJECT_COLUMN, SUBJECT_WIDTH)
        table.horizontalHeaderItem(SEVERITY_COLUMN).setToolTip(_("Severity: error, warning or info"))
        header.connect("sectionClicked(int)", self.sort_by)
        header.connect("sectionResized(int,int,int)", self._cut_subjects)
        table.connect("itemSelectionChanged()", self._selection_changed)
        table.connect("cellClicked(int,int)", self._selection_changed)  # the selected row again: lead there again
        table.connect("cellActivated(int,int)", self._activated)
        ui.severityComboBox.connect("currentIndexChanged(int)", self._fill)
        ui.filterLineEdit.connect("textChanged(QString)", self._fill)

    @property
    def rows(self) -> Sequence[Row]:
        """All rows, whether they pass the filter or not."""
        return self._rows

    @property
    def shown(self) -> Sequence[Row]:
        """The rows in the table, from the top."""
        return self._shown

    def show(self, rows: Sequence[Row]) -> None:
        """Show findings. Where all are about one subject, its column would say nothing."""
        self._rows = list(rows)
        table = self._ui.findingsTable
        table.setColumnHidden(SUBJECT_COLUMN, len({row.texts[SUBJECT_COLUMN] for row in rows}) < 2)
        for widget in (self._ui.severityLabel, self._ui.severityComboBox, self._ui.filterLineEdit, table):
            widget.visible = bool(rows)
        self._fill()

    def sort_by(self, column: int) -> None:
        """Sort by a column; a second time, the other way round. Severity begins with the worst."""
        self._descending = not self._descending if column == self._sort_column else column == 0
        self._sort_column = column
        header = self._ui.findingsTable.horizontalHeader()
        header.setSortIndicator(column, qt.Qt.DescendingOrder if self._descending else qt.Qt.AscendingOrder)
        header.setSortIndicatorShown(True)
        self._fill()

    def _fill(self, *_arguments: object) -> None:
        table = self._ui.findingsTable
        least = LEAST_SEVERITIES[max(self._ui.severityComboBox.currentIndex, 0)]
        rows = filtered_rows(self._rows, least, self._ui.filterLineEdit.text)
        if self._sort_column is not None:
            rows = sorted_rows(rows, self._sort_column, self._descending)
        self._shown = []  # columns may get other widths meanwhile
        blocked = table.blockSignals(True)
        table.clearSelection()
        table.setRowCount(0)  # also lets go of the current row, which would otherwise stand for another finding
        table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, text in enumerate(row.texts):
                item = qt.QTableWidgetItem(text if column != SEVERITY_COLUMN else "")
                item.setToolTip(_as_tooltip(row))
                if column == SEVERITY_COLUMN:
                    item.setIcon(self._icons[row.finding.severity])
                    item.setData(qt.Qt.AccessibleTextRole, text)
                table.setItem(number, column, item)
        fit_height(table, MOST_ROWS)
        table.blockSignals(blocked)
        self._shown, self._subjects = rows, _short_subjects(self._rows)
        self._cut_subjects()
        self._on_select(None)

    def _cut_subjects(self, *_arguments: object) -> None:
        """Cut names in their middle, since many begin alike; tables cut titles at their end by themselves."""
        table = self._ui.findingsTable
        metrics, width = table.fontMetrics(), table.columnWidth(SUBJECT_COLUMN) - CELL_MARGIN
        for number, row in enumerate(self._shown):
            text = self._subjects[row.place.subject]
            table.item(number, SUBJECT_COLUMN).setText(metrics.elidedText(text, qt.Qt.ElideMiddle, width))

    def _selection_changed(self, *_arguments: object) -> None:
        selected = [index.row() for index in self._ui.findingsTable.selectionModel().selectedRows()]
        self._on_select(self._shown[selected[0]] if selected else None)

    def _activated(self, *_arguments: object) -> None:
        self._on_activate()


def _short_subjects(rows: Sequence[Row]) -> dict[str, str]:
    """What the narrow column says of each subject: the name alone where that tells it from the others."""
    names = {row.place.subject: row.place.subject for row in rows}
    names |= {row.place.subject: name_of_series(row.place.series) for row in rows if row.place.series is not None}
    counts = Counter(names.values())
    return {subject: well_formed(name if counts[name] == 1 else subject) for subject, name in names.items()}


def _as_tooltip(row: Row) -> str:
    """What the row says in full, and what to do; escaped, because a tooltip that looks like HTML is shown as HTML."""
    severity, title, where, subject = row.texts
    place = ", ".join(part for part in (subject, where) if part)
    lines = (f"{severity}: {title}", place, row.finding.message, row.finding.remedy)
    return well_formed("".join(f"<p>{html.escape(line)}</p>" for line in lines))


def severity_icons(folder: Path) -> dict[Severity, qt.QIcon]:
    """Return the icon of each severity, from the module's folder of icons."""
    icons = {severity: qt.QIcon(str(folder / name)) for severity, name in _FILES.items()}
    for severity, icon in icons.items():
        # In a selected row Qt would tint them, and severities would look alike.
        icon.addFile(str(folder / _FILES[severity]), qt.QSize(), qt.QIcon.Selected)
    return icons
