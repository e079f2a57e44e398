"""Self-tests of the section Series, mixed into those of the module."""

from __future__ import annotations

from typing import Any

import qt
import slicer

POSITIONS_MM = (0.0, 2.5, 5.0, 7.5, 10.0, 15.0, 17.5, 20.0, 22.5)
"""Of the stack that the other self-tests write: nine slices over 22.5 mm, 2.5 mm apart, one missing."""
AVERAGE_MM = 22.5 / 8
"""What a reader with one spacing takes for every interval."""
RESAMPLE = 1
"""The mode's entry in its box."""


class SeriesSelfTests:
    """Needs ``makeWidget``, ``makeLogic`` and ``folder`` of the class that it is mixed into."""

    def volumeNodes(self) -> list[Any]:
        """List them in the order they were made."""
        return list(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))

    def test_table_tells_before_and_after(self) -> None:
        """Voxels, widest step, and how far one spacing is off: slice 5 lies at 10 mm, and is shown at 11.25 mm."""
        widget = self.makeWidget()
        table = widget.ui.beforeAfterTable
        widget.ui.modeComboBox.currentIndex = RESAMPLE
        rows = {
            table.item(row, 0).text(): (table.item(row, 1).text(), table.item(row, 2).text())
            for row in range(table.rowCount)
        }
        self.assertEqual(rows["Voxels"], ("10 × 8 × 9", "10 × 8 × 10"))
        self.assertEqual(rows["Widest interval, mm"], ("5", "2.5"))
        self.assertEqual(rows["As a plain volume"], ("off by up to 1.2 mm (slice 5)", "in place"))

    def test_sets_are_loaded_as_a_sequence(self) -> None:
        """One volume for each time point, in order, and the proxy shows the one that is chosen."""
        from .files import write_phases

        write_phases(self.folder / "phases", 3)
        nodes = self.makeLogic().loadSequence(self.folder / "phases")
        sequence = nodes.sequence
        self.assertEqual(sequence.GetNumberOfDataNodes(), 3)
        self.assertEqual([sequence.GetNthIndexValue(t) for t in range(3)], ["1", "2", "3"])
        self.assertEqual(sequence.GetIndexName(), "temporal position")
        module = getattr(slicer.modules, "sequences", None)
        logic = module.logic() if module is not None else slicer.vtkSlicerSequencesLogic()
        for t in range(3):
            values = slicer.util.arrayFromVolume(sequence.GetNthDataNode(t))
            self.assertEqual(values[:, 0, 0].tolist(), [100 * (t + 1) + k for k in range(4)])
            nodes.browser.SetSelectedItemNumber(t)
            logic.UpdateProxyNodesFromSequences(nodes.browser)
            shown = slicer.util.arrayFromVolume(nodes.proxy)
            self.assertEqual(shown[:, 0, 0].tolist(), values[:, 0, 0].tolist())

    def test_strips_are_drawn_again_when_the_widget_changes(self) -> None:
        """A change of the widget's state reaches the event filter, which draws the strips in its colours and size."""
        widget = self.makeWidget()
        label = widget.ui.stripLabel
        self.assertFalse(label.isHidden())
        label.setPixmap(qt.QPixmap(1, 1))
        label.enabled = not label.enabled
        label.enabled = not label.enabled
        drawn = label.grab().toImage()
        colours = {drawn.pixelColor(column, 8).name() for column in range(drawn.width())}
        self.assertGreater(len(colours), 1)
        self.assertIn("gaps: 1", label.toolTip)

    def test_plain_volume_stands_beside_the_regularized_one(self) -> None:
        """Equally spaced from the first slice to the last, with the pixels of the volume that was loaded."""
        import numpy as np

        widget = self.makeWidget()
        ui = widget.ui
        ui.gapSpinBox.value = 1
        self.assertFalse(ui.beforeAfterButton.enabled)
        ui.loadSeriesButton.click()
        self.assertTrue(ui.beforeAfterButton.enabled)
        ui.beforeAfterButton.click()
        regularized, plain = self.volumeNodes()
        self.assertAlmostEqual(plain.GetSpacing()[2], AVERAGE_MM, places=6)
        self.assertIsNone(plain.GetParentTransformNode())
        self.assertIsNotNone(regularized.GetParentTransformNode())
        first, second = (slicer.util.arrayFromVolume(node) for node in (regularized, plain))
        self.assertTrue(np.shares_memory(first, second))
        self.assertIn("2.812 mm for every interval", ui.seriesStatusLabel.text)
        view = slicer.mrmlScene.GetSingletonNode("RegPlainCoronal", "vtkMRMLSliceCompositeNode")
        self.assertEqual(view.GetBackgroundVolumeID(), plain.GetID())

    def test_frames_are_decoded_in_another_process(self) -> None:
        """JPEG-LS frames, whose decoder may block for ever on damaged ones, come from a Python that Slicer starts."""
        from pathlib import Path

        import numpy as np

        from ...series.pixels.decode_apart import is_decoded_apart
        from .files import JPEG_LS, compress_beside, has_codec_beside, write_ct_stack

        if not has_codec_beside(JPEG_LS):
            return  # Slicer brings no pyjpegls on Windows on ARM.
        folder = Path(self.folder) / "compressed"
        write_ct_stack(folder, POSITIONS_MM)
        expected = slicer.util.arrayFromVolume(self.makeLogic().loadSeries(folder)[0]).copy()
        compress_beside(folder, JPEG_LS)
        self.assertTrue(is_decoded_apart(JPEG_LS))
        found = slicer.util.arrayFromVolume(self.makeLogic().loadSeries(folder)[0])
        self.assertTrue(np.array_equal(found, expected))

    def test_a_decoder_that_ends_its_process_leaves_the_application_alone(self) -> None:
        """Planted in place of the decoder, it is refused with the file's name; then the real one is there again."""
        from pathlib import Path

        from ...errors import FileError
        from .files import JPEG_LS, compress_beside, has_codec_beside, planted_decoder, write_ct_stack

        if not has_codec_beside(JPEG_LS):
            return
        folder = Path(self.folder) / "deadly"
        write_ct_stack(folder, POSITIONS_MM)
        compress_beside(folder, JPEG_LS)
        with planted_decoder(Path(self.folder) / "planted"), self.assertRaisesRegex(FileError, "cannot be decoded"):
            self.makeLogic().loadSeries(folder)
        self.assertEqual(len(self.makeLogic().loadSeries(folder)), 1)

    def test_two_volumes_are_compared(self) -> None:
        """The same series loaded twice is one physical image; moved by 4 mm it is not."""
        widget = self.makeWidget()
        ui = widget.ui
        logic = self.makeLogic()
        series = widget.panel.inspection.series[0]
        (first,), (second,) = logic.loadSeries(series, "resample"), logic.loadSeries(series, "resample")
        ui.compareASelector.setCurrentNode(first)
        ui.compareBSelector.setCurrentNode(second)
        self.assertTrue(ui.compareButton.enabled)
        ui.compareButton.click()
        self.assertTrue(ui.compareVerdictLabel.text.startswith("The same physical image"))
        origin = second.GetOrigin()
        second.SetOrigin(origin[0] + 4, origin[1], origin[2])
        ui.compareButton.click()
        self.assertIn("Corners lie up to 4 mm apart", ui.compareVerdictLabel.text)

    def test_resampled_series_is_saved_as_regular_dicom(self) -> None:
        """Into a new folder; inspected again, it has no irregular slice."""
        logic = self.makeLogic()
        series = logic.inspect(self.folder / "stack").series[0]
        outcome = logic.saveSeries(series, self.folder / "saved", "resample")
        self.assertEqual([str(path) for path in outcome.written], [str(self.folder / "saved")])
        (saved,) = logic.inspect(self.folder / "saved").series
        self.assertEqual(saved.slice_count, 10)
        self.assertEqual([finding.code for finding in saved.findings if finding.severity != "info"], [])

    def test_pixels_are_checked_and_what_is_wrong_is_listed(self) -> None:
        """A file that was cut short becomes a finding in the list."""
        path = sorted((self.folder / "stack").iterdir())[3]
        path.write_bytes(path.read_bytes()[:-40])
        widget = self.makeWidget()
        before = len(widget.panel.inspection.findings)
        widget.ui.checkPixelsButton.click()
        findings = widget.panel.inspection.findings
        self.assertGreater(len(findings), before)
        self.assertEqual(widget.ui.findingsTable.rowCount, len(findings))
        self.assertTrue(any(path.name in finding.message + finding.subject for finding in findings))
