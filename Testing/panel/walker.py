"""The walk through the panel under the stand-in: its states, and the keyboard."""

from __future__ import annotations

from pathlib import Path

from panel_states import KINDS, PanelStates
from slicer_standin import pythonqt


class Walker(PanelStates):
    """Brings the panel into states and operates its controls."""

    def answer_file(self, path: Path) -> None:
        pythonqt.FILE_ANSWERS.append(str(path))

    def opened(self) -> list[str]:
        return list(pythonqt.OPENED_URLS)

    def tick(self, class_name: str) -> None:
        from PySide6 import QtCore

        node = self.application.util.getNodesByClass(class_name)[0]
        self.ui.applyNodesSelector.setCheckState(node, QtCore.Qt.CheckState.Checked)

    def show_window(self) -> None:
        self.application.app.playMainWindow(True)

    def operate(self, name: str) -> None:
        """What the keyboard does with a control of its class."""
        from PySide6 import QtCore, QtTest, QtWidgets

        widget, kind, key = pythonqt.unwrap(getattr(self.ui, name)), KINDS[name], QtCore.Qt.Key
        press = QtTest.QTest.keyClick
        if kind == "qMRMLCheckableNodeComboBox":
            self.tick("vtkMRMLMarkupsFiducialNode")  # the list that Slicer opens is not played
            return
        if kind in ("ctkPathLineEdit", "qMRMLNodeComboBox"):
            assert isinstance(widget.focusProxy(), QtWidgets.QComboBox)
            widget = widget.focusProxy()
            kind = "QLineEdit" if kind == "ctkPathLineEdit" else "QComboBox"
        if kind in ("QComboBox", "ctkComboBox"):
            press(widget, key.Key_Up if widget.currentIndex() == widget.count() - 1 else key.Key_Down)
        elif kind == "QLineEdit":
            QtTest.QTest.keyClicks(widget, "missing")
        elif kind in ("QDoubleSpinBox", "QSpinBox"):
            press(widget, key.Key_Up)
        elif kind == "QTableWidget":
            press(widget, key.Key_Down)
        elif kind == "QTextBrowser":
            press(widget, key.Key_A, QtCore.Qt.KeyboardModifier.ControlModifier)
            press(widget, key.Key_C, QtCore.Qt.KeyboardModifier.ControlModifier)
        else:
            press(widget, key.Key_Space)
