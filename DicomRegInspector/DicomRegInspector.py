"""The module's door: what Slicer looks for by name. What thinks is in DicomRegInspectorLib."""

import pathlib

import slicer
from DicomRegInspectorLib.panel.logic import InspectorLogic
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
        from DicomRegInspectorLib.panel.sections import load_sections

        self.sections, self.ui = load_sections(self.layout, self.resourcePath)
        self.logic = DicomRegInspectorLogic()
        self.panel = InspectorPanel(self.ui, self.logic, pathlib.Path(self.resourcePath("Icons")))
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartImportEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEnd)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEnd)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Called when the application closes or the module is reloaded."""
        if self.panel:
            self.panel.close()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        """Called each time the user opens this module."""
        from DicomRegInspectorLib.panel.sections import hold_width

        hold_width(self.sections, True)
        self.initializeParameterNode()

    def exit(self) -> None:
        """Called each time the user opens a different module."""
        from DicomRegInspectorLib.panel.sections import hold_width

        hold_width(self.sections, False)
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event) -> None:
        """The parameter node is about to be reset, or read: the boxes would empty it when their nodes come after it."""
        self.setParameterNode(None)

    def onSceneEnd(self, caller, event) -> None:
        """A scene was closed or opened: connect the panel with its parameter node at once when the module is shown."""
        self.panel.scene_changed()
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        """Ensure that the parameter node exists and is observed."""
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode) -> None:
        """Connect the panel to a parameter node; None disconnects it."""
        from DicomRegInspectorLib.panel.connectors import connect_parameters

        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
        self._parameterNode = parameterNode
        self._parameterNodeGuiTag = connect_parameters(parameterNode, self.ui) if parameterNode else None


class DicomRegInspectorLogic(InspectorLogic, ScriptedLoadableModuleLogic):
    """What the module does, without a window; its methods are in DicomRegInspectorLib/panel/logic.py."""


class DicomRegInspectorTest(SelfTests, ScriptedLoadableModuleTest):
    """The self-tests that Slicer's harness runs; they are in DicomRegInspectorLib/panel/selftests/module_tests.py."""
