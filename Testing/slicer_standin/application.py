"""The application object, the modules, and the scene with the real MRML logics that slicer-core has."""

from __future__ import annotations

import importlib
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .ctk_widgets import SLICER_WIDGETS, qMRMLWidget
from .dicom import qSlicerDICOMExportable
from .pythonqt import FAILED_CONNECTIONS, proxy_class, unwrap, wrap
from .settings_dialog import SettingsDialog, make_settings


class Closed:
    """An object that says so when it is asked for what the stand-in has not got."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the stand-in's {self._what} has no {name}")


class LayoutManager(Closed):
    """Present when an application with main window is played: the real logics of layouts and slices, without widgets.

    The layout logic reads the descriptions of layouts and makes the view nodes that they name; every slice node gets a
    slice logic, as qMRMLLayoutSliceViewFactory.cxx does with each view. Those put hidden models and transforms into the
    scene, which code that counts nodes meets in the application too.
    """

    def __init__(self) -> None:
        super().__init__("layout manager")
        self._scene, self._slices = slicer.mrmlScene, vtk.vtkCollection()
        self.logic = slicer.vtkMRMLLayoutLogic()
        self.logic.SetMRMLScene(self._scene)
        _kept[0].SetSliceLogics(self._slices)
        self._tag = self._scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, self._node_added)
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            self._add_slice_logic(node)
        for node in slicer.util.getNodesByClass("vtkMRMLViewNode"):
            self._add_camera(node)
        self._node = self.logic.GetLayoutNode()
        if self._node.GetViewArrangement() == self._node.SlicerLayoutNone:
            self.setLayout(self._node.SlicerLayoutFourUpView)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _node_added(self, _scene: Any, _event: str, node: Any) -> None:
        if node.IsA("vtkMRMLSliceNode") and node.GetLayoutName():
            self._add_slice_logic(node)
        if node.IsA("vtkMRMLViewNode") and node.GetLayoutName():
            self._add_camera(node)

    def _add_camera(self, node: Any) -> None:
        """As the module Cameras does for each 3-D view."""
        cameras = slicer.util.getNodesByClass("vtkMRMLCameraNode")
        if node.GetLayoutName() not in [camera.GetLayoutName() for camera in cameras]:
            camera = self._scene.AddNewNodeByClass("vtkMRMLCameraNode", "Camera")
            camera.SetLayoutName(node.GetLayoutName())

    def _add_slice_logic(self, node: Any) -> None:
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(_kept[0])
        logic.SetMRMLScene(self._scene)
        self._slices.AddItem(logic)
        logic.SetSliceNode(node)

    def close(self) -> None:
        """No main window any more."""
        self._scene.RemoveObserver(self._tag)
        _kept[0].SetSliceLogics(None)
        for number in range(self._slices.GetNumberOfItems()):
            logic = self._slices.GetItemAsObject(number)
            logic.SetSliceNode(None)
            logic.SetMRMLScene(None)
        self._slices.RemoveAllItems()
        self.logic.SetMRMLScene(None)

    @property
    def layout(self) -> int:
        return self._node.GetViewArrangement()

    def setLayout(self, layout: int) -> None:
        self._node.SetViewArrangement(layout)

    def mrmlSliceLogics(self) -> Any:
        return self._slices


class ModuleManager(Closed):
    """``slicer.app.moduleManager()``."""

    SIGNALS = ("moduleAboutToBeUnloaded(QString)",)

    def __init__(self) -> None:
        super().__init__("module manager")

    def module(self, name: str) -> Any:
        return getattr(slicer.modules, name.lower(), None)

    def connect(self, signature: str, receiver: Any) -> bool:
        return signature in self.SIGNALS

    def disconnect(self, signature: str, receiver: Any) -> bool:
        return signature in self.SIGNALS


class Application(Closed):
    """``slicer.app``."""

    SIGNALS = ("startupCompleted()", "lastWindowClosed()")
    """The second is QGuiApplication's; emitted in real event loops only when the test does it."""
    applicationName = "Slicer stand-in"
    applicationVersion = "0.0.0"

    def __init__(self) -> None:
        super().__init__("slicer.app")
        self._layout_manager: LayoutManager | None = None
        self._module_manager = ModuleManager()
        self.cursors: list[Any] = []
        self.cachePath = tempfile.mkdtemp(prefix="slicer-stand-in-cache-")
        self._settings = make_settings()
        self._settings_dialog = SettingsDialog(self._settings)
        self._receivers: dict[str, list[Any]] = {signal: [] for signal in self.SIGNALS}

    def userSettings(self) -> Any:
        return wrap(self._settings)

    def settingsDialog(self) -> SettingsDialog:
        return self._settings_dialog

    def commandOptions(self) -> Any:
        return types.SimpleNamespace(noMainWindow=self._layout_manager is None)

    def completeStartup(self) -> None:
        """What the application does when all modules are there: once."""
        self._emit("startupCompleted()")
        self._receivers["startupCompleted()"].clear()

    def closeLastWindow(self) -> None:
        """What the user does."""
        self._emit("lastWindowClosed()")

    def receivers(self, signal: str) -> int:
        """How many functions are connected."""
        return len(self._receivers[signal])

    def _emit(self, signal: str) -> None:
        for receiver in list(self._receivers[signal]):
            receiver()

    def playMainWindow(self, present: bool) -> None:
        if self._layout_manager is not None:
            self._layout_manager.close()
        self._layout_manager = LayoutManager() if present else None

    def applicationLogic(self) -> Any:
        return _kept[0]

    def processEvents(self) -> None:
        QtWidgets.QApplication.processEvents()

    def layoutManager(self) -> LayoutManager | None:
        return self._layout_manager

    def clipboard(self) -> Any:
        return wrap(QtWidgets.QApplication.clipboard())

    def moduleManager(self) -> ModuleManager:
        return self._module_manager

    def testingEnabled(self) -> bool:
        return True

    def topLevelWidgets(self) -> list[Any]:
        return wrap(QtWidgets.QApplication.topLevelWidgets())

    def setOverrideCursor(self, cursor: Any) -> None:
        self.cursors.append(cursor)

    def restoreOverrideCursor(self) -> None:
        self.cursors.pop()

    def connect(self, signature: str, receiver: Any) -> bool:
        if signature not in self.SIGNALS:
            FAILED_CONNECTIONS.append(f"QObject::connect: No such signal qSlicerApplication::{signature}")
            return False
        self._receivers[signature].append(receiver)
        return True

    def disconnect(self, signature: str, receiver: Any) -> bool:
        if receiver not in self._receivers.get(signature, []):
            return False
        self._receivers[signature].remove(receiver)
        return True


class Modules:
    """``slicer.modules``."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the stand-in's slicer.modules has no {name}")


class LogicModule(Closed):
    """A loadable module of which only the logic exists."""

    def __init__(self, logic: Any) -> None:
        super().__init__("loadable module")
        self._logic = logic

    def logic(self) -> Any:
        return self._logic


class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """The widget representation of a scripted module."""

    CTK_MEMBERS = qMRMLWidget.CTK_MEMBERS | {"self"}

    def setPythonSelf(self, instance: Any) -> None:
        self._python_self = instance

    def self(self) -> Any:
        return self._python_self


class ScriptedModule(Closed):
    """``slicer.modules.<name>`` of a scripted module, and the ``parent`` that its module class fills."""

    def __init__(self, path: Path) -> None:
        super().__init__("scripted module")
        self.path = str(path)
        self.title, self.helpText, self.acknowledgementText = "", "", ""
        self.categories: list[str] = []
        self.dependencies: list[str] = []
        self.contributors: list[str] = []
        self.hidden = False
        self._representation: Any = None

    def widgetRepresentation(self) -> Any:
        if self._representation is None:
            name = Path(self.path).stem
            representation = wrap(qSlicerScriptedLoadableModuleWidget())
            unwrap(representation).setLayout(QtWidgets.QVBoxLayout())
            representation.setMRMLScene(slicer.mrmlScene)
            instance = getattr(sys.modules[name], name + "Widget")(representation)
            unwrap(representation).setPythonSelf(instance)
            setattr(slicer.modules, name + "Widget", instance)
            instance.setup()
            self._representation = representation
        return self._representation

    def unload(self) -> None:
        """End of the application: the widget is cleaned up and destroyed."""
        if self._representation is not None:
            self._representation.self().cleanup()
            unwrap(self._representation).deleteLater()
            QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
            self._representation = None


def load_module(path: Path) -> Any:
    """Load a scripted module's file as the application does: its folder on the path, its class made, no widget yet."""
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = importlib.import_module(path.stem)
    parent = ScriptedModule(path)
    setattr(slicer.modules, path.stem.lower(), parent)
    setattr(slicer.modules, path.stem + "Instance", getattr(module, path.stem)(parent))
    return parent


_kept: list[Any] = []
"""Logics know each other without owning each other, as in the application, which owns them all."""


def make_scene() -> Any:
    """An MRML scene with the logics of the core modules, and the nodes that an application has from its start."""
    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetMRMLScene(scene)
    layout = scene.CreateNodeByClass("vtkMRMLLayoutNode")
    layout.UnRegister(None)
    layout.SetSingletonTag("vtkMRMLLayoutNode")
    scene.AddNode(layout)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    for name in ("Red", "Green", "Yellow"):
        node = scene.CreateNodeByClass("vtkMRMLSliceNode")
        node.UnRegister(None)
        node.SetName(name)
        node.SetSingletonTag(name)
        node.SetLayoutName(name)
        scene.AddNode(node).SetOrientation({"Red": "Axial", "Green": "Coronal", "Yellow": "Sagittal"}[name])
    plots = slicer.vtkSlicerPlotsLogic()
    plots.SetMRMLScene(scene)
    plots.SetMRMLApplicationLogic(logic)
    slicer.modules.plots = LogicModule(plots)
    tables = slicer.vtkSlicerTablesLogic()
    tables.SetMRMLScene(scene)
    slicer.modules.tables = LogicModule(tables)
    # As the module Colors does.
    scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
    _kept.append(logic)
    return scene


def install_slicer() -> None:
    """Give the package ``slicer`` what the application adds to it."""
    slicer.app = Application()
    slicer.modules = Modules()
    slicer.mrmlScene = make_scene()
    for widget_class in (*SLICER_WIDGETS, qSlicerScriptedLoadableModuleWidget):
        setattr(slicer, widget_class.__name__, proxy_class(widget_class))
    slicer.qSlicerDICOMExportable = qSlicerDICOMExportable
    assert isinstance(slicer, types.ModuleType)
