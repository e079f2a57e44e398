"""The module's door: what Slicer looks for by name. What thinks is in DicomRegInspectorLib."""

import pathlib

import slicer
import vtk
from DicomRegInspectorLib.panel.parameter_node import DicomRegInspectorParameterNode
from DicomRegInspectorLib.panel.selftests.module_tests import SelfTests
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class DicomRegInspector(ScriptedLoadableModule):
    """How the module presents itself."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("DICOM Registration Inspector")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Informatics")]
        self.parent.dependencies = []
        self.parent.contributors = ["DicomRegInspector contributors"]
        self.parent.helpText = _("""
<p>Loads DICOM spatial and deformable registrations as transform nodes exactly where the standard says, finds what is
wrong with registrations and with the slice positions of image series, loads irregular series made regular, and measures
the quality of any transform.</p>
<p>In the Python console: <code>from DicomRegInspector import DicomRegInspectorLogic;
logic = DicomRegInspectorLogic(); inspection = logic.inspect(folder); nodes = logic.loadRegistration(path);
quality = logic.measureQuality(nodes[0]); volumes = logic.loadSeries(folder, mode="resample")</code></p>
<p>See the <a href="https://github.com/DicomRegInspector/SlicerDicomRegInspector">documentation</a>.</p>
""")
        self.parent.acknowledgementText = _("""
<p>Written by the DicomRegInspector contributors. What a registration means follows DICOM PS3.3, sections C.20.2 and
C.20.3.</p>
""")
        self.settingsPanel = None
        slicer.app.connect("startupCompleted()", self.afterStartup)
        slicer.app.connect("startupCompleted()", self.watchScenes)

    def watchScenes(self):
        """What Slicer's readers do not keep of this module's nodes is put right after each scene that is opened."""
        slicer.mrmlScene.AddObserver(slicer.mrmlScene.EndImportEvent, self.onSceneImported)

    def onSceneImported(self, scene, event) -> None:
        """Imports the library only now: a scene is being opened anyway."""
        from DicomRegInspectorLib.scene.reopened import scene_was_opened

        scene_was_opened(scene)

    def afterStartup(self):
        """Add the sample data and the page of the settings dialog, when the application is ready for both."""
        from DicomRegInspectorLib.panel.sample_data import after_startup

        self.settingsPanel = after_startup(pathlib.Path(self.resourcePath("Icons")))


class DicomRegInspectorWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The module's panel; its behaviour is DicomRegInspectorLib.panel.InspectorPanel."""

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None

    def setup(self) -> None:
        """Called when the user opens the module for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from DicomRegInspectorLib.panel.panel import InspectorPanel

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/DicomRegInspector.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        # The file connects the signal of the change with every node box in it.
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = DicomRegInspectorLogic()
        self.panel = InspectorPanel(self.ui, self.logic, pathlib.Path(self.resourcePath("Icons")))
        self.ui.inputPathLineEdit.connect("currentPathChanged(QString)", self.onFolderChanged)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Called when the application closes or the module is reloaded."""
        if self.panel:
            self.panel.close()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        """Called each time the user opens this module."""
        self.initializeParameterNode()

    def exit(self) -> None:
        """Called each time the user opens a different module."""
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event) -> None:
        """The parameter node is about to be reset."""
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event) -> None:
        """Make a new parameter node at once when the module is shown."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        """Ensure that the parameter node exists and is observed."""
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode) -> None:
        """Connect the panel to a parameter node; None disconnects it."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.updateFolder)
        self._parameterNode = parameterNode
        self._parameterNodeGuiTag = None
        if self._parameterNode:
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.updateFolder)
            self.updateFolder()

    # Slicer's wrapper binds a path box to pathlib.Path only, and the Path of an empty box is ".": the folder that
    # Slicer was started in would show up as the user's choice. So the folder is kept as text and bound here.
    def updateFolder(self, caller=None, event=None) -> None:
        """From the parameter node to the path box."""
        if self._parameterNode and self.ui.inputPathLineEdit.currentPath != self._parameterNode.inputFolder:
            self.ui.inputPathLineEdit.currentPath = self._parameterNode.inputFolder

    def onFolderChanged(self, path) -> None:
        """From the path box to the parameter node."""
        if self._parameterNode:
            self._parameterNode.inputFolder = path


class DicomRegInspectorLogic(ScriptedLoadableModuleLogic):
    """What the module does, without a window: for the panel, for scripts and for the Python console."""

    def getParameterNode(self):
        from DicomRegInspectorLib.panel.settings.stored import with_stored_defaults

        return with_stored_defaults(DicomRegInspectorParameterNode, super().getParameterNode())

    intervalTolerance = 0.05
    """Share of the spacing that an interval between slices may be off; the panel takes that of the settings."""

    def inspect(self, folder, progress=None, run=None):
        """Inspect a folder, a file, or a list of them, and return an Inspection.

        progress(done, total, text) is called as the work goes on and stops it by returning False
        (DicomRegInspectorLib.errors.Cancelled is raised then). run(function) may call function(progress) in a thread:
        it uses neither the scene nor Qt.
        """
        from DicomRegInspectorLib import inspect_paths
        from DicomRegInspectorLib.progress import in_background

        share = self.intervalTolerance
        return in_background(lambda report: inspect_paths(folder, report, interval_tolerance=share), progress, run)

    def inspectDatabaseSeries(self, seriesUIDs, progress=None, run=None):
        """Inspect series of Slicer's DICOM database, given by their Series Instance UIDs."""
        from DicomRegInspectorLib.errors import UsageError

        database = getattr(slicer, "dicomDatabase", None)
        if not database or not database.isOpen:
            raise UsageError(_("There is no open DICOM database; open Slicer's DICOM module first."))
        uids = [seriesUIDs] if isinstance(seriesUIDs, str) else list(seriesUIDs)
        files = [path for uid in uids for path in database.filesForSeries(uid)]
        if not files:
            raise UsageError(_("The DICOM database has no files of the selected series."))
        return self.inspect(files, progress, run)

    def loadRegistration(self, path, bake=False, placeVolumes=False, repair=None, progress=None, run=None):
        """Load a registration file; return one transform node for each of its items, to put source volumes under.

        repair reads it in another way than the standard's, which the nodes then say: voxel-units, reversed,
        axis-signs, without-bulk, matrices-ignored or matrices-swapped (DicomRegInspectorLib.registration.repairs).
        run(function) may call function(progress) in a thread: it uses neither the scene nor Qt.
        """
        from DicomRegInspectorLib.scene import load_registration

        return load_registration(
            path, slicer.mrmlScene, bake, place_volumes=placeVolumes, repair=repair, progress=progress, run=run
        )

    def loadSeries(
        self,
        pathsOrSeries,
        mode=None,
        spacing=None,
        maxGap=None,
        stack=None,
        progress=None,
        run=None,
        pixelSpacing=None,
        duplicates=None,
        overlaps=None,
        reference=None,
        **options,
    ):
        """Load an image series (files, folders or an inspected Series) and return its volume nodes.

        mode makes it regular: acquisition (values untouched, under a transform that puts every slice where its header
        says), resample (to a spacing and a pixelSpacing in mm, by default the nominal one and the files'; or on the
        grid of the volume node reference), split (a volume for each section of constant spacing) or crop (the longest
        section); None loads it as it is. Gaps of more than maxGap slices (by default 1) are never bridged. duplicates
        (first, last, mean, or an acquisition number) says which slice of one place is kept, overlaps (keep, first,
        last, mean) which of two too close; further options are those of RegularizeOptions. A Plan in place of a series
        says all of this. stack chooses one of several, from 0. progress(done, total, text) stops the loading by
        returning False; run(function) may call function(progress) in a thread without scene and Qt.
        """
        from DicomRegInspectorLib.scene.series.series_nodes import load_series_nodes

        options.update(spacing_mm=spacing, in_plane_spacing_mm=pixelSpacing, max_gap=maxGap)
        options.update(duplicates=duplicates, overlaps=overlaps, reference=reference)
        return load_series_nodes(
            slicer.mrmlScene, pathsOrSeries, mode, stack=stack, progress=progress, run=run, **options
        )

    def addPlainVolume(self, series, volumeNodes, stack=None, progress=None, run=None):
        """Add an inspected Series as Slicer's reader has it without its transform; return a BeforeAfter with both."""
        from DicomRegInspectorLib.scene.series.before_after import add_plain_volume

        return add_plain_volume(slicer.mrmlScene, series, volumeNodes, stack=stack, progress=progress, run=run)

    def saveSeries(
        self,
        series,
        place,
        mode=None,
        spacing=None,
        maxGap=None,
        stack=None,
        progress=None,
        run=None,
        pixelSpacing=None,
        duplicates=None,
        overlaps=None,
        reference=None,
        **options,
    ):
        """Write an inspected Series as new DICOM and return an Outcome (description, written, dropped, notes).

        place is a new or empty folder, or a file that ends in .dcm for a Parametric Map of floating-point values. mode
        and the other options as for loadSeries, and a Plan as there; without a mode only positions are corrected that
        were written with too few digits, and pixels stay as they are. Never into the source's folder, never over a
        file.
        """
        from DicomRegInspectorLib.scene.series.series_nodes import save_series_or_plan

        options.update(spacing_mm=spacing, in_plane_spacing_mm=pixelSpacing, max_gap=maxGap)
        options.update(duplicates=duplicates, overlaps=overlaps, reference=reference)
        return save_series_or_plan(series, place, mode, stack=stack, progress=progress, run=run, **options)

    def checkPixels(self, paths, progress=None, run=None):
        """Check the pixel data of files and folders and return a PixelReport (files, findings)."""
        from DicomRegInspectorLib.progress import in_background
        from DicomRegInspectorLib.series.pixel_checks.check_pixels import check_pixels

        return in_background(lambda report: check_pixels(paths, report), progress, run)

    def compareVolumes(self, volumeNodeA, volumeNodeB, progress=None, run=None):
        """Find out whether two volume nodes are the same physical image in any order of voxels; return a Comparison."""
        from DicomRegInspectorLib.scene.compare_nodes import compare_nodes

        return compare_nodes(volumeNodeA, volumeNodeB, progress=progress, run=run)

    def measureQuality(
        self,
        transformNode,
        segmentationNode=None,
        fixedVolume=None,
        movingVolume=None,
        progress=None,
        fixedLandmarks=None,
        movingLandmarks=None,
        run=None,
    ):
        """Measure any transform node and return a NodeQuality (its to_dict() holds all the numbers).

        With a segmentation or label volume it is measured in each segment too; with both images it is judged how the
        transform is meant; with both markups nodes the distances of their points are told. run(function) may call
        function(progress) in a thread: it uses neither the scene nor Qt.
        """
        from DicomRegInspectorLib.scene.quality.node_quality import measure_transform

        return measure_transform(
            transformNode,
            segmentationNode,
            fixedVolume,
            movingVolume,
            fixed_landmarks=fixedLandmarks,
            moving_landmarks=movingLandmarks,
            progress=progress,
            run=run,
        )

    def createQualityTables(self, quality):
        """Put what measureQuality returned into table nodes: measures, segments, landmarks, readings."""
        from DicomRegInspectorLib.scene.quality.quality_tables import add_quality_tables

        return add_quality_tables(slicer.mrmlScene, quality)

    def showQuality(self, transformNode, fixedVolume=None, movingVolume=None, progress=None):
        """Make and show everything there is to see of a transform: volumes, mask, charts, arrows, comparison."""
        from DicomRegInspectorLib.scene.quality.show_quality import show_quality

        return show_quality(transformNode, fixed=fixedVolume, moving=movingVolume, progress=progress)

    def writeReport(self, inspection, path, identifiers=False, progress=None, run=None):
        """Write an inspection as one HTML file, with measures, pictures and the files' digests; return its path.

        identifiers tells in it who the patient is; without it nobody is told. A file that is there is replaced only if
        it is such a report. progress(done, total, text) stops the writing by returning False; run(function) may call
        function(progress) in a thread: it uses neither the scene nor Qt.
        """
        from DicomRegInspectorLib.report.html.write_report import ReportOptions, write_report
        from DicomRegInspectorLib.scene.pictures import report_pictures

        options = ReportOptions(identifiers=identifiers)
        return write_report(inspection, path, options, drawer=report_pictures, progress=progress, run=run).path

    def createFindingsTable(self, inspection):
        """Put all findings of an inspection into a new table node and return it."""
        from DicomRegInspectorLib.scene.tables import findings_table

        return findings_table(inspection, slicer.mrmlScene)

    def plotSlicePositions(self, series):
        """Chart the distance from each slice of a series to the next; shown where there is a layout."""
        from DicomRegInspectorLib.panel.navigation import show_slice_positions_layout
        from DicomRegInspectorLib.scene.charts import plot_slice_positions

        chart = plot_slice_positions(series, slicer.mrmlScene).chart
        show_slice_positions_layout(chart)
        return chart


class DicomRegInspectorTest(SelfTests, ScriptedLoadableModuleTest):
    """The self-tests that Slicer's harness runs; they are in DicomRegInspectorLib/panel/selftests/module_tests.py."""
