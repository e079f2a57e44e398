"""The few CTK and qMRML widgets the panel uses, with the properties and signals that their C++ headers declare.

Only what a test needs works; a member that is not listed raises AttributeError.
"""

from __future__ import annotations

import types
from typing import Any

from PySide6 import QtCore, QtWidgets

from .pythonqt import proxy_class


class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A section with a title line that folds its content (ctkCollapsibleButton.h)."""

    CTK_MEMBERS = frozenset({"setCollapsed"})
    CTK_BASE = QtWidgets.QAbstractButton
    contentsCollapsed = QtCore.Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._collapsed = False
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
            child.setVisible(not collapsed)
        self.contentsCollapsed.emit(collapsed)

    collapsed = QtCore.Property(bool, _get_collapsed, setCollapsed, notify=contentsCollapsed)

    def sizeHint(self) -> QtCore.QSize:
        title = QtCore.QSize(self.fontMetrics().horizontalAdvance(self.text()) + 30, self._title_height())
        return title if self._collapsed or self.layout() is None else self.layout().totalSizeHint().expandedTo(title)

    def paintEvent(self, event: Any) -> None:
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width(), self._title_height())
        option.text = ("▸ " if self._collapsed else "▾ ") + self.text()
        QtWidgets.QStylePainter(self).drawControl(QtWidgets.QStyle.ControlElement.CE_PushButton, option)


class ctkPathLineEdit(QtWidgets.QWidget):
    """An edit with history and a browse button for a file or folder (ctkPathLineEdit.h)."""

    CTK_MEMBERS = frozenset({"setCurrentPath", "addCurrentPathToHistory", "comboBox"})
    CTK_BASE = QtWidgets.QWidget
    currentPathChanged = QtCore.Signal(str)
    validInputChanged = QtCore.Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._setting_key = ""
        self._combo = QtWidgets.QComboBox(self)
        self._combo.setEditable(True)
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

    def addCurrentPathToHistory(self) -> None:
        if self._combo.findText(self._get_path()) < 0:
            self._combo.addItem(self._get_path())

    def comboBox(self) -> QtWidgets.QComboBox:
        return self._combo

    currentPath = QtCore.Property(str, _get_path, setCurrentPath)
    settingKey = QtCore.Property(str, _get_key, _set_key)
    label = QtCore.Property(str, lambda self: "", lambda self, text: None)


class qMRMLWidget(QtWidgets.QWidget):
    """The widget that a scripted module's widget lives in (qMRMLWidget.h, qSlicerAbstractModuleWidget.h)."""

    CTK_MEMBERS = frozenset({"setMRMLScene", "mrmlScene"})
    CTK_BASE = QtWidgets.QWidget

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._entered = False

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene

    def mrmlScene(self) -> Any:
        return self._scene

    def _set_entered(self, entered: bool) -> None:
        self._entered = entered

    isEntered = QtCore.Property(bool, lambda self: self._entered, _set_entered)


CTK_CLASSES = (ctkCollapsibleButton, ctkPathLineEdit)
SLICER_WIDGETS = (qMRMLWidget,)


def make_ctk_module() -> types.ModuleType:
    """The module ``ctk``."""
    module = types.ModuleType("ctk", "CTK through PythonQt, as a stand-in on PySide6")
    for widget_class in CTK_CLASSES:
        setattr(module, widget_class.__name__, proxy_class(widget_class))

    def lookup(name: str) -> Any:
        raise AttributeError(f"the stand-in's module ctk has no {name}")

    module.__getattr__ = lookup  # type: ignore[method-assign]
    return module
