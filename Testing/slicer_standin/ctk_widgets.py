"""The few CTK and qMRML widgets the panel uses, with the properties and signals that their C++ headers declare.

Only what a test needs works; a member that is not listed raises AttributeError.
"""

from __future__ import annotations

import types
import weakref
import xml.etree.ElementTree as ElementTree
from typing import Any

import shiboken6
from PySide6 import QtCore, QtWidgets

from .pythonqt import FAILED_CONNECTIONS, proxy_class, unwrap
from .settings_dialog import ctkComboBox, ctkSettingsPanel


class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A section with a title line that folds its content (ctkCollapsibleButton.h).

    As in CTK, what was hidden by itself stays hidden when the section unfolds, and what is shown while the section is
    folded comes when it unfolds.
    """

    CTK_MEMBERS = frozenset({"setCollapsed"})
    CTK_BASE = QtWidgets.QAbstractButton
    contentsCollapsed = QtCore.Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._collapsed = False
        self._collapsed_height = 14
        self._forcing = False
        self._hidden: weakref.WeakSet[QtWidgets.QWidget] = weakref.WeakSet()
        self.setCheckable(True)
        self.setChecked(True)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.setContentsMargins(0, self._title_height(), 0, 0)
        self.toggled.connect(lambda checked: self.setCollapsed(not checked))

    def _title_height(self) -> int:
        return self.fontMetrics().height() + 10

    def _get_collapsed(self) -> bool:
        return self._collapsed

    def setCollapsed(self, collapsed: bool) -> None:
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        self.setChecked(not collapsed)
        for child in self.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindChildOption.FindDirectChildrenOnly):
            self._place(child)
        self.updateGeometry()
        self.contentsCollapsed.emit(collapsed)

    def _place(self, child: QtWidgets.QWidget) -> None:
        self._forcing = True
        child.setVisible(not self._collapsed and child not in self._hidden)
        self._forcing = False

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        if event.child().isWidgetType():
            if event.type() == QtCore.QEvent.Type.ChildAdded:
                event.child().installEventFilter(self)
            elif event.type() == QtCore.QEvent.Type.ChildPolished and self._collapsed:
                self._place(event.child())  # a .ui file sets the property before it adds the content
        super().childEvent(event)

    def eventFilter(self, child: QtCore.QObject, event: QtCore.QEvent) -> bool:
        if not getattr(self, "_forcing", True) and isinstance(child, QtWidgets.QWidget):
            if event.type() == QtCore.QEvent.Type.ShowToParent:
                self._hidden.discard(child)
                self._place(child)
            elif event.type() == QtCore.QEvent.Type.HideToParent:
                self._hidden.add(child)
        return False

    def _get_height(self) -> int:
        return self._collapsed_height

    def _set_height(self, height: int) -> None:
        self._collapsed_height = height
        self.updateGeometry()

    collapsedHeight = QtCore.Property(int, _get_height, _set_height)
    collapsed = QtCore.Property(bool, _get_collapsed, setCollapsed, notify=contentsCollapsed)

    def sizeHint(self) -> QtCore.QSize:
        title = QtCore.QSize(self.fontMetrics().horizontalAdvance(self.text()) + 30, self._title_height())
        if self._collapsed or self.layout() is None:
            return title + QtCore.QSize(0, self._collapsed_height)
        return self.layout().totalSizeHint().expandedTo(title)

    def paintEvent(self, event: Any) -> None:
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width(), self._title_height())
        painter = QtWidgets.QStylePainter(self)
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_PushButton, option)
        text = ("▸   " if self._collapsed else "▾   ") + self.text()
        left = QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter
        painter.drawItemText(
            option.rect.adjusted(8, 0, 0, 0), left, self.palette(), self.isEnabled(), text, self.foregroundRole()
        )


def _texts(value: Any) -> list[str]:
    """A list of texts from the settings, which give a list of one as the text alone."""
    return [value] if isinstance(value, str) else list(value or ())


class ctkPathLineEdit(QtWidgets.QWidget):
    """An edit with history and a browse button for a file or folder (ctkPathLineEdit.h)."""

    CTK_MEMBERS = frozenset({"setCurrentPath", "addCurrentPathToHistory", "retrieveHistory", "comboBox"})
    CTK_BASE = QtWidgets.QWidget
    currentPathChanged = QtCore.Signal(str)
    validInputChanged = QtCore.Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._setting_key = ""
        self._combo = QtWidgets.QComboBox(self)
        self._combo.setEditable(True)
        # Its size follows from a length, not from the paths in its history (ctkPathLineEdit::SizeAdjustPolicy).
        self._combo.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._combo.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        browse = QtWidgets.QToolButton(self)
        browse.setText("...")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)
        layout.addWidget(browse)
        self.setFocusProxy(self._combo)
        self._combo.editTextChanged.connect(self.currentPathChanged.emit)

    def _get_path(self) -> str:
        return self._combo.currentText()

    def setCurrentPath(self, path: str) -> None:
        self._combo.setEditText(path)

    def _get_key(self) -> str:
        return self._setting_key

    def _set_key(self, key: str) -> None:
        self._setting_key = key
        self.retrieveHistory()

    def _history(self) -> tuple[QtCore.QSettings, str]:
        import slicer

        return unwrap(slicer.app.userSettings()), f"ctkPathLineEdit/{self._setting_key or self.objectName()}"

    def addCurrentPathToHistory(self) -> None:
        path = self._get_path()
        if not path:
            return
        settings, key = self._history()
        settings.setValue(key, [path, *(one for one in _texts(settings.value(key)) if one != path)])
        if (index := self._combo.findText(path)) >= 0:
            self._combo.removeItem(index)
        self._combo.insertItem(0, path)
        self._combo.setCurrentIndex(0)

    def retrieveHistory(self) -> None:
        """What the settings have; the newest becomes the path where there was none."""
        settings, key = self._history()
        path, blocked = self._get_path(), self.blockSignals(True)
        self._combo.clear()
        self._combo.addItems(_texts(settings.value(key))[:10])
        if path:
            self.setCurrentPath(path)
        self.blockSignals(blocked)
        if not path:
            self._combo.setCurrentIndex(0)

    def comboBox(self) -> QtWidgets.QComboBox:
        return self._combo

    currentPath = QtCore.Property(str, _get_path, setCurrentPath)
    settingKey = QtCore.Property(str, _get_key, _set_key)
    label = QtCore.Property(str, lambda self: "", lambda self, text: None)


class qMRMLWidget(QtWidgets.QWidget):
    """The widget that a scripted module's widget lives in (qMRMLWidget.h, qSlicerAbstractModuleWidget.h)."""

    CTK_MEMBERS = frozenset({"setMRMLScene", "mrmlScene"})
    CTK_BASE = QtWidgets.QWidget
    # Declared for the connections of a .ui file, which go by signature; PySide cannot emit it, so setMRMLScene calls
    # what the file connects.
    mrmlSceneChanged = QtCore.Signal("vtkMRMLScene*")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._entered = False
        self.scene_receivers: list[Any] = []

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene
        for receiver in self.scene_receivers:
            receiver(scene)

    def mrmlScene(self) -> Any:
        return self._scene

    def _set_entered(self, entered: bool) -> None:
        self._entered = entered

    isEntered = QtCore.Property(bool, lambda self: self._entered, _set_entered)


def _value(default: Any, kind: str | type) -> Any:
    """A property that only keeps what it is given."""
    keep: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
    return QtCore.Property(kind, lambda self: keep.get(self, default), keep.__setitem__)


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """A choice among the scene's nodes of some classes, or none (qMRMLNodeComboBox.h); noneEnabled must be set.

    Of the signals only currentNodeIDChanged(QString) is there: PySide cannot emit one with a vtkMRMLNode*.
    """

    CTK_MEMBERS = frozenset(
        {"setMRMLScene", "mrmlScene", "currentNode", "setCurrentNode", "setCurrentNodeID", "currentNodeIDChanged"}
    )
    CTK_BASE = QtWidgets.QWidget
    currentNodeIDChanged = QtCore.Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._types: list[str] = []
        self._combo = QtWidgets.QComboBox(self)
        # Slicer's is as wide as the names in it when it is first shown; here at any time, which is the worst of it.
        self._combo.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToContents)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)
        self.setFocusProxy(self._combo)
        self._combo.currentIndexChanged.connect(lambda _index: self.currentNodeIDChanged.emit(self._get_id()))
        self._combo.addItem("None", "")

    @QtCore.Slot("vtkMRMLScene*")
    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent):
            scene.AddObserver(event, self._refresh)
        scene.AddObserver(scene.EndImportEvent, self._imported)
        self._refresh()

    def _imported(self, *_arguments: Any) -> None:
        """The model of the scene is built anew; what was asked for before its node was there is lost, and that told."""
        self._refresh()
        self.currentNodeIDChanged.emit(self._get_id())

    def mrmlScene(self) -> Any:
        return self._scene

    def _refresh(self, *_arguments: Any) -> None:
        closed = self._scene is None or not shiboken6.isValid(self) or self._scene.IsClosing()
        if closed or self._scene.IsImporting():
            return
        collections = [self._scene.GetNodesByClass(name) for name in self._types]
        nodes = [nodes.GetItemAsObject(index) for nodes in collections for index in range(nodes.GetNumberOfItems())]
        if not self.showChildNodeTypes:
            nodes = [node for node in nodes if node.GetClassName() in self._types]
        before = self._get_id()
        blocked = self._combo.blockSignals(True)
        self._combo.clear()
        self._combo.addItem(self.noneDisplay, "")
        for node in nodes:
            if not node.GetHideFromEditors():
                self._combo.addItem(node.GetName(), node.GetID())
        self._combo.setCurrentIndex(max(self._combo.findData(before), 0))
        self._combo.blockSignals(blocked)
        if self._get_id() != before:
            self.currentNodeIDChanged.emit(self._get_id())

    def currentNode(self) -> Any:
        return self._scene.GetNodeByID(self._get_id()) if self._scene is not None and self._get_id() else None

    def setCurrentNode(self, node: Any) -> None:
        self.setCurrentNodeID("" if node is None else node if isinstance(node, str) else node.GetID())

    def setCurrentNodeID(self, node_id: str) -> None:
        self._combo.setCurrentIndex(max(self._combo.findData(node_id), 0))

    def _get_id(self) -> str:
        return self._combo.currentData() or ""

    def _set_types(self, types: list[str]) -> None:
        self._types = list(types)
        self._refresh()

    currentNodeID = QtCore.Property(str, _get_id, setCurrentNodeID)
    nodeTypes = QtCore.Property("QStringList", lambda self: self._types, _set_types)
    showChildNodeTypes = _value(True, bool)
    noneEnabled = _value(False, bool)
    noneDisplay = _value("None", str)
    addEnabled = _value(True, bool)
    removeEnabled = _value(True, bool)
    renameEnabled = _value(False, bool)


class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """A choice of any number of the scene's nodes, each with a tick (qMRMLCheckableNodeComboBox.h)."""

    CTK_MEMBERS = qMRMLNodeComboBox.CTK_MEMBERS | {"checkedNodes", "checkState", "setCheckState", "checkedNodesChanged"}
    checkedNodesChanged = QtCore.Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._checked: set[str] = set()

    def checkedNodes(self) -> tuple[Any, ...]:
        """A tuple, as PythonQt gives it, in the order of the box."""
        every = (self._combo.itemData(index) for index in range(self._combo.count()))
        return tuple(self._scene.GetNodeByID(node_id) for node_id in every if node_id and node_id in self._checked)

    def checkState(self, node: Any) -> QtCore.Qt.CheckState:
        checked = node is not None and node.GetID() in self._checked
        return QtCore.Qt.CheckState.Checked if checked else QtCore.Qt.CheckState.Unchecked

    def setCheckState(self, node: Any, state: QtCore.Qt.CheckState) -> None:
        before = set(self._checked)
        (self._checked.add if state == QtCore.Qt.CheckState.Checked else self._checked.discard)(node.GetID())
        if self._checked != before:
            self.checkedNodesChanged.emit()

    def _refresh(self, *arguments: Any) -> None:
        super()._refresh(*arguments)
        there = {self._combo.itemData(index) for index in range(self._combo.count())}
        if getattr(self, "_checked", set()) - there:
            self._checked &= there
            self.checkedNodesChanged.emit()


CTK_CLASSES = (ctkCollapsibleButton, ctkComboBox, ctkPathLineEdit)
SETTINGS_CLASSES = (ctkSettingsPanel,)
"""Not in a .ui file."""
SLICER_WIDGETS = (qMRMLWidget, qMRMLNodeComboBox, qMRMLCheckableNodeComboBox)


def connect_scene(widget: QtWidgets.QWidget, ui_file: str) -> None:
    """Play the connections of a .ui file that hand the scene on; one to what is not there counts as failed."""
    for connection in ElementTree.parse(ui_file).iter("connection"):
        sender, signal, receiver, slot = (
            connection.findtext(name) for name in ("sender", "signal", "receiver", "slot")
        )
        target = widget.findChild(QtWidgets.QWidget, receiver)
        valid = sender == widget.objectName() and widget.metaObject().indexOfSignal(signal) >= 0
        if not valid or target is None or target.metaObject().indexOfSlot(slot) < 0:
            FAILED_CONNECTIONS.append(f"{sender}.{signal} to {receiver}.{slot}")
        else:
            widget.scene_receivers.append(getattr(target, slot.partition("(")[0]))


def make_ctk_module() -> types.ModuleType:
    """The module ``ctk``."""
    module = types.ModuleType("ctk", "CTK through PythonQt, as a stand-in on PySide6")
    for widget_class in (*CTK_CLASSES, *SETTINGS_CLASSES):
        setattr(module, widget_class.__name__, proxy_class(widget_class))

    def lookup(name: str) -> Any:
        raise AttributeError(f"the stand-in's module ctk has no {name}")

    module.__getattr__ = lookup  # type: ignore[method-assign]
    return module
