"""All findings as a table of the scene, or as a report in a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import DicomRegInspectorError
from ...tasks.inspect import Inspection
from ..job import Endings, Job
from ..settings.stored import stored_settings

if TYPE_CHECKING:
    from ..logic import InspectorLogic

REPORT_SUFFIXES = (".html", ".htm")


class FileWidgets(Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    saveTableButton: qt.QPushButton
    saveReportButton: qt.QPushButton
    openReportButton: qt.QPushButton


class FindingsFiles:
    """The buttons at the end of the section Findings."""

    def __init__(self, ui: FileWidgets, logic: InspectorLogic, job: Job, say: Callable[[str], None]) -> None:
        self._ui, self._logic, self._job, self._say = ui, logic, job, say
        self._inspection: Inspection | None = None
        self._report: Path | None = None
        ui.saveTableButton.connect("clicked()", self.save_table)
        ui.saveReportButton.connect("clicked()", self.save_report)
        ui.openReportButton.connect("clicked()", self.open_report)

    def show(self, inspection: Inspection | None) -> None:
        """Offer the files of an inspection."""
        self._inspection, self._report = inspection, None
        self.update()

    def update(self) -> None:
        """Rest while something is under way."""
        ui, rests = self._ui, self._job.busy
        ui.saveTableButton.enabled = bool(self._inspection and self._inspection.findings) and not rests
        ui.saveReportButton.enabled = self._inspection is not None and not rests
        ui.openReportButton.enabled = self._report is not None and not rests

    def save_table(self) -> None:
        """Put the findings into a table node."""
        if self._inspection is None:
            return
        with slicer.util.tryWithErrorDisplay(_("The table was not made.")):
            try:
                node = self._logic.createFindingsTable(self._inspection)
            except DicomRegInspectorError as error:
                self._say(_("Not saved: {error}").format(error=error))
                return
            self._say(_("The findings are in the table {name}.").format(name=node.GetName()))

    def save_report(self) -> None:
        """Ask for a file and write the report into it."""
        if self._inspection is None:
            return
        chosen = qt.QFileDialog.getSaveFileName(
            self._ui.saveReportButton.window(),
            _("Save report"),
            str(Path.home() / "registration-report.html"),
            _("HTML file (*.html)"),
        )
        if not chosen:
            self._say(_("No report was written."))
            return
        path = Path(chosen)
        if path.suffix.lower() not in REPORT_SUFFIXES:
            path = path.with_name(path.name + REPORT_SUFFIXES[0])
        self.write(path)

    def write(self, path: Path) -> None:
        """Write the report into a file."""
        inspection = self._inspection
        if inspection is None:
            return
        names = stored_settings().identifiers_in_reports
        written = self._job.run(
            lambda worker: self._logic.writeReport(
                inspection, str(path), identifiers=names, progress=worker.here, run=worker.run
            ),
            Endings(
                title=_("The report was not written."),
                refused=_("Not written: {error}"),
                cancelled=_("Cancelled; no report was written."),
            ),
            writes=True,
        )
        if written:
            self._report = Path(written)
            self.update()
            text = _("The report is in {file}. It holds no names or IDs of patients.")
            if names:
                text = _("The report is in {file}. It names the patients, as the application settings ask.")
            self._say(text.format(file=written))

    def open_report(self) -> None:
        """Open the report that was written last in the web browser."""
        if self._report is None:
            return
        if not self._report.is_file():
            self._say(_("{file} is not there any more.").format(file=self._report))
        elif not qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._report))):
            self._say(_("No program opens {file}.").format(file=self._report))
