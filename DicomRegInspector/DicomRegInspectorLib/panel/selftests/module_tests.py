"""The module's self-tests: run by Slicer's harness in Slicer, and by the stand-in without it.

They write the DICOM files they need, and judge by numbers that are worked out here: Equation C.20.3-1 of PS3.3, and the
positions that the slices were given.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import qt
import slicer
import vtk

from .export_tests import ExportSelfTests
from .findings_tests import FindingsSelfTests
from .samples_tests import SamplesSelfTests
from .series_tests import POSITIONS_MM, SeriesSelfTests
from .views_tests import ViewsSelfTests

TOLERANCE_MM = 1e-3


class SelfTests(ExportSelfTests, FindingsSelfTests, SamplesSelfTests, SeriesSelfTests, ViewsSelfTests):
    """Mixed into the module's test class, which brings the assertions."""

    def setUp(self) -> None:
        """Begin with an empty scene, and a folder with a stack that has a gap and a registration with a known field."""
        from .files import KnownField, write_ct_stack, write_deformable

        manager = slicer.app.layoutManager()
        self.layoutBefore: int | None = manager.layout if manager is not None else None
        self.foldersBefore: Any = None
        slicer.mrmlScene.Clear()
        self.widget: Any = None
        self.folder = Path(tempfile.mkdtemp(prefix="DicomRegInspector-"))
        self.known = KnownField()
        self.registrationFile = self.folder / "registration.dcm"
        self.registrationUID, self.registrationSeriesUID = write_deformable(self.registrationFile, self.known)
        self.seriesUID = write_ct_stack(self.folder / "stack", POSITIONS_MM)

    def tearDown(self) -> None:
        """Leave nothing behind: neither in the scene and the layout nor among the folders that the path box offers."""
        from ..navigation import restore_layout

        if self.widget is not None:
            self.widget.panel.reset()
            self.widget.ui.filterLineEdit.text = ""
            self.widget.ui.severityComboBox.currentIndex = 0
            self.widget.ui.modeComboBox.currentIndex = 0
            self.forgetFolders()
        restore_layout()
        if self.layoutBefore is not None:
            slicer.app.layoutManager().setLayout(self.layoutBefore)
        slicer.mrmlScene.Clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def makeLogic(self) -> Any:
        """Return the module's logic."""
        from DicomRegInspector import DicomRegInspectorLogic

        return DicomRegInspectorLogic()

    def makeWidget(self) -> Any:
        """Return the module's widget, with the folder of this run chosen and the inspection done."""
        self.widget = widget = slicer.util.getModuleWidget("DicomRegInspector")
        store, key = self.folderHistory()
        self.foldersBefore = store.value(key)
        widget.enter()
        widget.ui.inputPathLineEdit.currentPath = str(self.folder)
        widget.ui.inspectFolderButton.click()
        return widget

    def loadedWidget(self) -> Any:
        """Return the module's widget with the registration loaded, whose transform is chosen to be measured."""
        widget = self.makeWidget()
        widget.ui.registrationsTable.selectRow(0)
        widget.ui.loadButton.click()
        return widget

    def folderHistory(self) -> tuple[Any, str]:
        """Return where the path box keeps the folders that it offers: CTK puts its own name before the key."""
        return slicer.app.userSettings(), "ctkPathLineEdit/" + self.widget.ui.inputPathLineEdit.settingKey

    def forgetFolders(self) -> None:
        """Have the path box offer what it did before."""
        store, key = self.folderHistory()
        if self.foldersBefore is None:
            store.remove(key)
        else:
            store.setValue(key, self.foldersBefore)
        self.widget.ui.inputPathLineEdit.retrieveHistory()
        self.widget.ui.inputPathLineEdit.currentPath = ""

    def assertNodeFollowsEquation(self, node: Any) -> None:
        """Check that node and parents send points of the registered frame where Equation C.20.3-1 does."""
        import numpy as np

        transform = vtk.vtkGeneralTransform()
        node.GetTransformFromWorld(transform)
        for fraction in ((0.5, 0.5, 0.5), (0.1, 0.9, 0.3), (0.77, 0.21, 0.64)):
            registered = self.known.inside(fraction)
            ras = transform.TransformPoint(registered * [-1, -1, 1])
            error = np.linalg.norm(np.array(ras) * [-1, -1, 1] - self.known.source_of(registered))
            self.assertLess(error, TOLERANCE_MM)

    def test_registration_loads_where_the_standard_says(self) -> None:
        """As a chain of nodes and as one baked grid."""
        logic = self.makeLogic()
        for bake in (False, True):
            nodes = logic.loadRegistration(str(self.registrationFile), bake=bake)
            self.assertEqual(len(nodes), 1)
            self.assertNodeFollowsEquation(nodes[0])
            self.assertEqual(nodes[0].GetTransformNodeID() is None, bake)

    def test_gap_is_found_and_tabled(self) -> None:
        """The missing slice is an entry of the table node, at the right slices."""
        logic = self.makeLogic()
        inspection = logic.inspect(self.folder / "stack")
        codes = [finding.code for finding in inspection.findings if finding.severity != "info"]
        self.assertEqual(codes, ["slice-gap"])
        table = logic.createFindingsTable(inspection).GetTable()
        rows = [
            [table.GetColumn(column).GetValue(row) for column in range(table.GetNumberOfColumns())]
            for row in range(table.GetNumberOfRows())
        ]
        self.assertEqual(len(rows), len(inspection.findings))
        gap = rows[[row[-1] for row in rows].index("slice-gap")]
        self.assertEqual(gap[2], "slices 5–6")

    def test_positions_are_plotted(self) -> None:
        """The chart's table holds every interval, the second one the gap alone."""
        import numpy as np

        logic = self.makeLogic()
        series = logic.inspect([self.folder / "stack"]).series[0]
        chart = logic.plotSlicePositions(series)
        self.assertEqual(chart.GetNumberOfPlotSeriesNodes(), 3)
        drawn, marked = (chart.GetNthPlotSeriesNode(index) for index in range(2))
        intervals = slicer.util.arrayFromTableColumn(drawn.GetTableNode(), drawn.GetYColumnName())
        np.testing.assert_allclose(intervals, np.diff(POSITIONS_MM), atol=1e-6)
        numbers = slicer.util.arrayFromTableColumn(marked.GetTableNode(), marked.GetXColumnName())
        heights = slicer.util.arrayFromTableColumn(marked.GetTableNode(), marked.GetYColumnName())
        self.assertEqual(list(numbers[np.isfinite(heights)]), [5])
        logic.plotSlicePositions(series)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode"), 1)

    def test_panel_shows_findings_and_jumps_to_the_slice(self) -> None:
        """From the button to the slice view."""
        widget = self.makeWidget()
        table, shown = widget.ui.findingsTable, widget.panel.findings.shown
        self.assertEqual(table.rowCount, len(widget.panel.inspection.findings))
        gap = [row.finding.code for row in shown].index("slice-gap")
        self.assertIn("Error: ", table.item(gap, 0).toolTip())
        self.assertEqual(table.item(gap, 2).text(), "slices 5–6")
        # An application without main window has no slice views.
        view = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed") or slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLSliceNode"
        )
        view.SetOrientation("Axial")
        table.selectRow(gap)
        self.assertIn(shown[gap].finding.message, widget.ui.findingBrowser.plainText)
        self.assertAlmostEqual(view.GetSliceToRAS().GetElement(2, 3), POSITIONS_MM[4], places=3)

    def sliceCounts(self) -> list[int]:
        """Return those of the volumes in the scene."""
        volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        return [volume.GetImageData().GetDimensions()[2] for volume in volumes]

    def test_panel_loads_the_series_regularized(self) -> None:
        """The missing slice is interpolated, or splits the stack; the preview says so before."""
        widget = self.makeWidget()
        ui = widget.ui
        ui.modeComboBox.currentIndex = 1
        self.assertIn("10 × 8 × 10, 2 × 2 × 2.5 mm", ui.previewLabel.text)
        ui.loadSeriesButton.click()
        self.assertEqual(self.sliceCounts(), [10])
        ui.modeComboBox.currentIndex = 2
        ui.loadSeriesButton.click()
        self.assertEqual(self.sliceCounts(), [10, 5, 4])
        self.assertIn("Loaded", ui.seriesStatusLabel.text)

    def test_panel_filters_findings(self) -> None:
        """Words and severity narrow the table."""
        widget = self.makeWidget()
        widget.ui.filterLineEdit.text = "no such words"
        self.assertEqual(widget.ui.findingsTable.rowCount, 0)
        widget.ui.filterLineEdit.text = "missing"
        self.assertEqual([row.finding.code for row in widget.panel.findings.shown], ["slice-gap"])
        widget.ui.filterLineEdit.text = ""
        widget.ui.severityComboBox.currentIndex = 2
        self.assertTrue(all(row.finding.severity == "error" for row in widget.panel.findings.shown))

    def test_panel_loads_the_registration(self) -> None:
        """With the options of the panel."""
        widget = self.makeWidget()
        self.assertEqual(widget.ui.registrationsTable.rowCount, 1)
        widget.ui.registrationsTable.selectRow(0)
        widget.ui.bakeCheckBox.checked = True
        self.assertTrue(widget.logic.getParameterNode().bakeToSingleGrid)
        widget.ui.loadButton.click()
        # Each slice view has a hidden transform of its own.
        nodes = slicer.util.getNodesByClass("vtkMRMLTransformNode")
        self.assertEqual(len([node for node in nodes if not node.GetHideFromEditors()]), 1)
        self.assertNodeFollowsEquation(slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLGridTransformNode"))

    def determinant(self) -> float:
        """Return that of the known field between its matrices: the same everywhere."""
        import numpy as np

        known = self.known
        return float(np.linalg.det(known.post[:3, :3] @ (known.pre[:3, :3] + known.gradient)))

    def test_quality_of_a_node_is_that_of_its_formula(self) -> None:
        """Measured through the chain of nodes, in a segment too, and put into tables."""
        import numpy as np

        logic = self.makeLogic()
        (node,) = logic.loadRegistration(str(self.registrationFile))
        labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels")
        slicer.util.updateVolumeFromArray(labels, np.ones((200, 200, 200), np.uint8))
        labels.SetOrigin(-100, -100, -100)
        quality = logic.measureQuality(node, labels)
        for jacobian in (quality.quality.jacobian, quality.regions[0].jacobian):
            self.assertAlmostEqual(jacobian.min, self.determinant(), places=4)
            self.assertAlmostEqual(jacobian.max, self.determinant(), places=4)
        tables = logic.createQualityTables(quality)
        values = slicer.util.arrayFromTableColumn(tables.regions, "Jacobian max")
        self.assertAlmostEqual(float(values[0]), self.determinant(), places=4)
        self.assertEqual(quality.regions[0].nodes, int(np.prod(self.known.dimensions)))

    def test_panel_measures_and_shows_the_loaded_registration(self) -> None:
        """Computed in a thread while the application goes on; then volumes, charts and arrows of it."""
        widget = self.loadedWidget()
        widget.ui.measureButton.click()
        self.assertIn("Measured", widget.ui.qualityStatusLabel.text)
        jacobian = widget.panel.quality.result.quality.jacobian
        self.assertAlmostEqual(jacobian.max, self.determinant(), places=4)
        self.assertGreater(widget.ui.measuresTable.rowCount, 20)
        widget.ui.showJacobianButton.click()
        (volume,) = [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if "Jac" in node.GetName()]
        self.assertAlmostEqual(float(slicer.util.arrayFromVolume(volume).max()), self.determinant(), places=4)
        for name in ("showMagnitudeButton", "showMaskButton", "showGlyphsButton", "showHistogramsButton"):
            getattr(widget.ui, name).click()
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode"), 3)
        widget.ui.qualityTablesButton.click()
        self.assertNotIn("Not shown", widget.ui.qualityStatusLabel.text)

    def test_measuring_can_be_cancelled(self) -> None:
        """By the panel's button, which is pressed while the thread computes."""
        widget = self.loadedWidget()
        measure = widget.logic.measureQuality

        def disturbed(*arguments: Any, run: Any, **options: Any) -> Any:
            widget.ui.qualityCancelButton.click()
            return measure(*arguments, run=run, **options)

        widget.logic.measureQuality = disturbed
        try:
            widget.ui.measureButton.click()
        finally:
            del widget.logic.measureQuality
        self.assertIn("Cancelled", widget.ui.qualityStatusLabel.text)
        self.assertIsNone(widget.panel.quality.result)
        self.assertTrue(widget.ui.measureButton.enabled)

    def test_panel_loads_with_another_reading(self) -> None:
        """The whole transform reversed: source points go back to the registered ones."""
        import numpy as np

        widget = self.makeWidget()
        widget.ui.registrationsTable.selectRow(0)
        widget.ui.readAsComboBox.currentIndex = widget.ui.readAsComboBox.findText("Direction reversed")
        widget.ui.loadButton.click()
        node = widget.ui.qualityTransformSelector.currentNode()
        self.assertIn("reversed", node.GetAttribute("DicomRegInspector.Repair"))
        registered = self.known.inside((0.4, 0.5, 0.6))
        transform = vtk.vtkGeneralTransform()
        node.GetTransformFromWorld(transform)
        back = np.array(transform.TransformPoint(self.known.source_of(registered) * [-1, -1, 1])) * [-1, -1, 1]
        self.assertLess(np.linalg.norm(back - registered), 0.01)

    def test_inspection_can_be_cancelled(self) -> None:
        """By the progress callback, and by the panel's button."""
        from ...errors import Cancelled

        with self.assertRaises(Cancelled):
            self.makeLogic().inspect(self.folder, lambda done, total, text: False)
        widget = self.makeWidget()
        before = widget.panel.inspection
        self.inspectWith(widget, widget.ui.cancelButton.click)
        self.assertIs(widget.panel.inspection, before)
        self.assertIn("Cancelled", widget.ui.statusLabel.text)
        self.assertTrue(widget.ui.inspectFolderButton.enabled)

    def test_scene_may_be_closed_while_inspecting(self) -> None:
        """And the module left and entered again."""
        widget = self.makeWidget()

        def interrupt() -> None:
            slicer.mrmlScene.Clear()
            widget.exit()
            widget.enter()
            widget.ui.inspectFolderButton.click()  # disabled: nothing starts a second time

        self.inspectWith(widget, interrupt)
        self.assertEqual(len(widget.panel.inspection.registrations), 1)
        self.assertFalse(widget.panel.busy)

    def inspectWith(self, widget: Any, interrupt: Any) -> None:
        """Inspect the folder from the panel; in the middle of it something happens, in the application's thread."""
        import threading

        inspect, happened = widget.logic.inspect, threading.Event()

        def act() -> None:
            try:
                interrupt()
            finally:
                happened.set()

        def disturbed(folder: Any, run: Any) -> Any:
            def wait(step: Any) -> None:
                if not happened.wait(60):
                    raise TimeoutError("the application's event loop does not run beside the inspection")

            run(wait)
            return inspect(folder, run=run)

        widget.logic.inspect = disturbed
        qt.QTimer.singleShot(0, act)
        try:
            widget.ui.inputPathLineEdit.currentPath = str(self.folder)
            widget.ui.inspectFolderButton.click()
        finally:
            del widget.logic.inspect
        self.assertTrue(happened.is_set())

    def test_plugin_offers_and_loads_registrations(self) -> None:
        """The DICOM browser's way: files in the database, loadables by plugin, nodes in the scene."""
        from DICOMLib import DICOMUtils

        plugin = slicer.modules.dicomPlugins["DicomRegInspectorPlugin"]()
        series_plugin = slicer.modules.dicomPlugins["DicomRegInspectorSeriesPlugin"]()
        with DICOMUtils.TemporaryDICOMDatabase() as database:
            self.assertTrue(DICOMUtils.importDicom(str(self.folder), database))
            images = list(database.filesForSeries(self.seriesUID))
            self.assertEqual(len(images), len(POSITIONS_MM))
            offered = series_plugin.examineForImport([images])
            self.assertEqual([offer.selected for offer in offered], [False, False, False])
            self.assertTrue(all(offer.warning and offer.confidence < 0.5 for offer in offered))
            self.assertTrue(series_plugin.load(offered[0]))
            self.assertEqual(self.sliceCounts(), [10])  # 22.5 mm in steps of 2.5 mm
            registrations = list(database.filesForSeries(self.registrationSeriesUID))
            (loadable,) = plugin.examineForImport([registrations])
            self.assertIn("Self-test field", loadable.name)
            self.assertTrue(loadable.selected)
            self.assertGreater(loadable.confidence, 0.9)
            self.assertTrue(plugin.load(loadable))
            inspection = self.makeLogic().inspectDatabaseSeries([self.seriesUID])
            self.assertEqual([series.slice_count for series in inspection.series], [len(POSITIONS_MM)])
        nodes = slicer.util.getNodesByClass("vtkMRMLTransformNode")
        innermost = [n for n in nodes if n.GetAttribute("DicomRegInspector.SOPInstanceUID") == self.registrationUID][-1]
        self.assertNodeFollowsEquation(innermost)
