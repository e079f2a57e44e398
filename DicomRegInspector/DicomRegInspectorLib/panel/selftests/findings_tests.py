"""Self-tests of the section Findings, mixed into those of the module."""

from __future__ import annotations

from typing import Any

import slicer


class FindingsSelfTests:
    """Needs ``makeWidget`` and ``folder`` of the class that it is mixed into."""

    def selectFinding(self, widget: Any, code: str) -> Any:
        """Select the first finding with a code, and return it."""
        shown = widget.panel.findings.shown
        number = [row.finding.code for row in shown].index(code)
        widget.ui.findingsTable.selectRow(number)
        return shown[number].finding

    def test_finding_is_told_in_full_and_copied(self) -> None:
        """Message, meaning, what to do; the clipboard takes it as text."""
        from ...findings import CODES

        widget = self.makeWidget()
        finding = self.selectFinding(widget, "slice-gap")
        for part in (finding.message, CODES[finding.code].meaning, finding.remedy):
            self.assertIn(part, widget.ui.findingBrowser.plainText)
        widget.ui.copyFindingButton.click()
        self.assertIn(finding.message, slicer.app.clipboard().text())

    def test_show_me_asks_and_shows_the_series(self) -> None:
        """Nothing is loaded before the user says so; then the image is there, and a chart of its positions."""
        widget = self.makeWidget()
        ui = widget.ui
        self.selectFinding(widget, "slice-gap")
        ui.showMeButton.click()
        self.assertFalse(ui.askFrame.isHidden())
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"), 0)
        ui.askDoButton.click()
        self.assertTrue(ui.askFrame.isHidden())
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"), 1)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode"), 1)
        self.assertIn("slices 5–6", ui.findingsStatusLabel.text)

    def test_repair_tells_before_it_does(self) -> None:
        """Splitting at the gap gives the two volumes that were announced."""
        widget = self.makeWidget()
        ui = widget.ui
        self.selectFinding(widget, "slice-gap")
        ui.repairButton.click()
        self.assertIn("2 volumes", ui.askLabel.text)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"), 0)
        ui.askDoButton.click()
        volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        self.assertEqual([volume.GetImageData().GetDimensions()[2] for volume in volumes], [5, 4])

    def test_question_can_be_declined(self) -> None:
        """And leaves everything as it was."""
        widget = self.makeWidget()
        self.selectFinding(widget, "slice-gap")
        widget.ui.repairButton.click()
        widget.ui.askCancelButton.click()
        self.assertTrue(widget.ui.askFrame.isHidden())
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"), 0)

    def test_registration_of_a_finding_is_loaded_and_shown(self) -> None:
        """A finding about frames has no place, and says so; the registration's row tells how many there are."""
        widget = self.makeWidget()
        self.selectFinding(widget, "reg-frame-unknown")
        self.assertFalse(widget.ui.showMeButton.enabled)
        self.assertIn("no place in space", widget.ui.showMeButton.toolTip)
        self.assertIn("warning", widget.ui.registrationsTable.item(0, 3).toolTip())

    def test_report_is_written(self) -> None:
        """One file, without the patient's name."""
        widget = self.makeWidget()
        path = self.folder / "report.html"
        widget.panel.findings_section.files.write(path)
        text = path.read_text(encoding="utf-8")
        self.assertIn("Slices missing", text)
        self.assertNotIn("Made^Up", text)
        self.assertTrue(widget.ui.openReportButton.enabled)
