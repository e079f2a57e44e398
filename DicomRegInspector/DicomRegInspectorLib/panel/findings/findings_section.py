"""The panel's section Findings: read one, see its place, repair it, and take all of them along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import slicer
from slicer.i18n import tr as _

from ...findings import Finding
from ...registration import Registration
from ...scene.places import Place, Places, measured_place
from ...scene.quality.node_quality import NodeQuality
from ...tasks.inspect import Inspection
from ..job import Section
from ..navigation import show_position
from .ask_box import AskBox, AskWidgets
from .finding_actions import Elsewhere, FindingActions
from .finding_words import finding_html, finding_text
from .findings_files import FileWidgets, FindingsFiles
from .findings_view import FindingsTableWidgets, FindingsView
from .left_open_questions import LeftOpenQuestions
from .rows import Row, merged_rows, row_of, rows_of, summary

if TYPE_CHECKING:
    import ctk
    import qt

    from ...tasks.left_open import LeftOpen
    from ..logic import InspectorLogic


class FindingsWidgets(AskWidgets, FileWidgets, FindingsTableWidgets, Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    findingsCollapsibleButton: ctk.ctkCollapsibleButton
    findingsEmptyLabel: qt.QLabel
    findingBrowser: qt.QTextBrowser
    showMeButton: qt.QPushButton
    repairButton: qt.QPushButton
    copyFindingButton: qt.QPushButton
    findingsProgressWidget: qt.QWidget
    findingsProgressBar: qt.QProgressBar
    findingsCancelButton: qt.QPushButton
    findingsStatusLabel: qt.QLabel


class FindingsSection(Section):
    """Connects the widgets of the section with the module's logic and with the other sections."""

    def __init__(
        self,
        ui: FindingsWidgets,
        logic: InspectorLogic,
        icons: Path,
        elsewhere: Elsewhere,
        on_busy: Callable[[bool], None],
    ) -> None:
        progress = (ui.findingsProgressWidget, ui.findingsProgressBar, ui.findingsCancelButton)
        super().__init__(ui.findingsCollapsibleButton, ui.findingsStatusLabel, progress, on_busy)
        self._ui, self._elsewhere = ui, elsewhere
        self._inspection: Inspection | None = None
        self._places: Places | None = None
        self._row: Row | None = None
        self._measured: list[Row] = []
        """What measuring a transform found: it is about the scene, and outlives an inspection."""
        self._ask = AskBox(ui)
        self.files = FindingsFiles(ui, logic, self._job, self.say)
        self._questions = LeftOpenQuestions(self._ask, elsewhere.answer)
        self._actions = FindingActions(logic, self._job, self._ask, self.say, elsewhere)
        self.view = FindingsView(ui, icons, self._selected, self.show_me)
        ui.showMeButton.connect("clicked()", self.show_me)
        ui.repairButton.connect("clicked()", self.repair)
        ui.copyFindingButton.connect("clicked()", self.copy)
        self.show(None)

    def show(self, inspection: Inspection | None) -> None:
        """Show the findings of an inspection; None shows that there was none."""
        self._inspection = inspection
        self._places = Places(inspection) if inspection is not None else None
        self.say("")
        self.files.show(inspection)
        self._fill()
        if inspection is not None and inspection.left_open:
            self._questions.ask(inspection.left_open[0])

    def show_measured(self, result: NodeQuality | None) -> None:
        """Show also what measuring a transform of the scene found; None for nothing."""
        node = slicer.mrmlScene.GetNodeByID(result.key) if result is not None else None
        registrations = self._inspection.registrations if self._inspection is not None else ()
        rows = []
        if result is not None and node is not None:
            rows = [row_of(finding, measured_place(node, finding, registrations)) for finding in result.findings]
        if rows or self._measured:
            self._measured = rows
            self._fill()

    def _fill(self) -> None:
        found = rows_of(self._inspection, self._places) if self._inspection is not None else []
        rows = merged_rows(found, self._measured)
        self.view.show(rows)
        ui = self._ui
        for widget in (ui.findingBrowser, ui.showMeButton, ui.repairButton, ui.copyFindingButton):
            widget.visible = bool(rows)
        ui.findingsEmptyLabel.visible = not rows
        ui.findingsEmptyLabel.text = self._nothing_found()

    def _selected(self, row: Row | None) -> None:
        self._row = row
        self._ask.close()
        self.say("")
        if row is None:
            self._ui.findingBrowser.setPlainText(self._nothing_selected())
        else:
            self._ui.findingBrowser.setHtml(finding_html(row.finding, row.place))
            self._lead_to(row.place)
        self._offer()

    def _lead_to(self, place: Place) -> None:
        """What a selection does by itself: nothing that has to be undone."""
        if place.registration is not None:
            self._elsewhere.registrations.view.select(place.registration)
        if place.series is not None:
            self._elsewhere.choose_series(place.series, None)
        if place.position_lps_mm is not None:
            show_position(place.position_lps_mm)

    def _offer(self) -> None:
        """The buttons below the finding: each one that rests says why."""
        ui, rests = self._ui, self._job.busy
        finding, place = (self._row.finding, self._row.place) if self._row is not None else (None, None)
        reason = self._actions.reason_not_to_show(finding, place)
        ui.showMeButton.enabled = not reason and not rests
        ui.showMeButton.toolTip = reason or _("Show the image, the place and what tells most about it in the views.")
        offer, reason = self._actions.offer_for(finding, place)
        if self._left_open() is not None:
            reason = _("Say what the file does not say, to have it read.")
        ui.repairButton.enabled = (offer is not None or self._left_open() is not None) and not rests
        ui.repairButton.toolTip = reason or _("Say what the repair would change, and ask before doing it.")
        ui.copyFindingButton.enabled = finding is not None and not rests

    def show_me(self) -> None:
        """Show the place of the selected finding; what it needs is loaded when the user says so."""
        if self._row is not None and self._ui.showMeButton.enabled:
            self.say("")
            self._actions.show(self._row.finding, self._row.place)

    def repair(self) -> None:
        """Tell what the repair of the selected finding would change, and ask."""
        if self._row is not None and self._ui.repairButton.enabled:
            self.say("")
            left_open = self._left_open()
            if left_open is not None:
                self._questions.ask(left_open)
            else:
                self._actions.ask_to_repair(self._row.finding, self._row.place)

    def _left_open(self) -> LeftOpen | None:
        """What the selected finding says that a file leaves open."""
        found = self._inspection.left_open if self._inspection is not None and self._row is not None else ()
        return next((left_open for left_open in found if left_open.finding == self._row.finding), None)

    def copy(self) -> None:
        """Put the selected finding on the clipboard, as text."""
        if self._row is not None:
            slicer.app.clipboard().setText(finding_text(self._row.finding, self._row.place))
            self.say(_("The finding is on the clipboard."))

    def findings_of(self, registration: Registration) -> list[Finding]:
        """Return all findings about a registration, what measuring its transform found among them."""
        about = self._inspection.findings_about(registration) if self._inspection is not None else []
        rows = [row for row in self.view.rows if row.place.transform_id and row.place.registration is registration]
        return about + [row.finding for row in rows]

    def _nothing_found(self) -> str:
        if self._inspection is None:
            return _("Nothing inspected yet.")
        if not self._inspection.registrations and not self._inspection.series:
            return _("Nothing to judge: there is neither an image series nor a registration among the files.")
        coverage = self._inspection.coverage
        if coverage.is_complete:
            return _("Nothing found. Checked: {checked}.").format(checked=coverage.checked_in_words)
        return _("Nothing found in what could be checked.")

    def _nothing_selected(self) -> str:
        if not self.view.rows:
            return ""
        if not self.view.shown:
            return _("No finding passes the filter; there are {counts}.").format(
                counts=summary([row.finding for row in self.view.rows])
            )
        return _("Select a finding to read it. Double-click it, or press Enter, to see its place.")

    def _set_busy(self, busy: bool) -> None:
        ui = self._ui
        for widget in (ui.severityComboBox, ui.filterLineEdit, ui.findingsTable, ui.askFrame):
            widget.enabled = not busy
        self._offer()
        self.files.update()
