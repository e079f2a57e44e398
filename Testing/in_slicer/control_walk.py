"""A walk over every control of the .ui files: each changes something to be seen, in a state where it is of use."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import qt
import slicer
from panel_states import KINDS, STATES, STOPPED_BY, PanelStates

from .record import Record, begin_anew, opened_module


class ApplicationWalker(PanelStates):
    """Operates the panel's controls in the application; dialogs for files are answered, browsers not opened."""

    def __init__(self, widget: Any, folder: Path) -> None:
        folder.mkdir(parents=True)
        super().__init__(slicer, widget, folder)
        self._answers: list[str] = []
        self._opened: list[str] = []

    def answer_file(self, path: Path) -> None:
        self._answers.append(str(path))

    def opened(self) -> list[str]:
        return list(self._opened)

    def tick(self, class_name: str) -> None:
        self.ui.applyNodesSelector.setCheckState(slicer.util.getNodesByClass(class_name)[0], qt.Qt.Checked)

    def show_window(self) -> None:
        pass  # it is there, or it is not

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No dialog and no other program, and the folders that the path box offers stay the user's."""
        from DicomRegInspectorLib.panel.findings import findings_files

        panel = self.widget.panel
        saving, exporting = panel.series.saving, panel.quality.exporting
        settings = slicer.app.userSettings()
        key = "ctkPathLineEdit/" + self.ui.inputPathLineEdit.settingKey
        before, asked = settings.value(key), (saving.ask, exporting.ask, panel.ask_file)
        played = SimpleNamespace(
            QFileDialog=SimpleNamespace(getSaveFileName=lambda *_arguments: self._answer()),
            QDesktopServices=SimpleNamespace(openUrl=self._open),
            QUrl=findings_files.qt.QUrl,
        )
        saving.ask = exporting.ask = self._answer
        panel.ask_file = lambda _beginning: self._answer()
        try:
            with patch.object(findings_files, "qt", played):
                yield
        finally:
            saving.ask, exporting.ask, panel.ask_file = asked
            settings.setValue(key, before)
            self.ui.inputPathLineEdit.retrieveHistory()

    def _answer(self) -> str:
        return self._answers.pop() if self._answers else ""

    def _open(self, url: Any) -> bool:
        self._opened.append(url.toString())
        return True

    def operate(self, name: str) -> None:
        """Do what a user does with a control of its class."""
        widget, kind = getattr(self.ui, name), KINDS[name]
        if kind in ("QComboBox", "ctkComboBox"):
            widget.currentIndex = self._another(widget.currentIndex, widget.count)
        elif kind == "qMRMLNodeComboBox":
            nodes = [widget.nodeFromIndex(number) for number in range(widget.nodeCount())]
            other = self._another(nodes.index(widget.currentNode()) if widget.currentNode() else -1, len(nodes))
            widget.setCurrentNode(nodes[other] if other >= 0 else None)
        elif kind == "qMRMLCheckableNodeComboBox":
            self.tick("vtkMRMLMarkupsFiducialNode")
        elif kind == "ctkPathLineEdit":
            widget.currentPath = "missing"
        elif kind == "QLineEdit":
            widget.text = "missing"
        elif kind in ("QDoubleSpinBox", "QSpinBox"):
            widget.stepUp()
        elif kind == "QTableWidget":
            rows = [index.row() for index in widget.selectionModel().selectedRows()]
            widget.selectRow(self._another(rows[0] if rows else -1, widget.rowCount))
        elif kind == "QTextBrowser":
            widget.selectAll()
            widget.copy()
        else:
            widget.click()

    @staticmethod
    def _another(index: int, count: int) -> int:
        return index + 1 if index + 1 < count else index - 1


def walk_controls(record: Record, folder: Path) -> None:
    """Bring the panel into each control's state and operate it."""
    widget = opened_module()
    for name in KINDS:
        if not record.is_wanted(name):
            continue
        begin_anew(widget)
        slicer.app.clipboard().setText("")
        walker = ApplicationWalker(widget, folder / name)
        with walker.alone(), record.trying(name):
            if name in STOPPED_BY:
                _stop(record, walker, name)
            else:
                _operate(record, walker, name)
    begin_anew(widget)


def _operate(record: Record, walker: ApplicationWalker, name: str) -> None:
    STATES[name](walker)
    control = getattr(walker.ui, name)
    assert control.enabled and not control.isHidden(), f"{name} cannot be used in its state"
    before = walker.seen()
    walker.operate(name)
    after = walker.seen()
    assert {key for key in after if after[key] != before.get(key)}, f"{name} changes nothing"
    assert not walker.widget.panel.busy
    record.picture(name)


def _stop(record: Record, walker: ApplicationWalker, name: str) -> None:
    """Press Cancel in the middle of what it stops."""
    state, method, begin, label = STOPPED_BY[name]
    state(walker)
    work = getattr(walker.widget.logic, method)
    told: list[str] = []

    def disturbed(*arguments: Any, run: Any, **options: Any) -> Any:
        run(lambda step: (step(1, 4, "half way"), time.sleep(0.1)))
        record.picture(f"{name}-under-way")
        told.append(getattr(walker.ui, label).text)
        walker.operate(name)
        told.append(getattr(walker.ui, label).text)
        return work(*arguments, run=run, **options)

    with patch.object(walker.widget.logic, method, disturbed):
        walker.operate(begin)
    assert told == ["half way (1 / 4)", "Stopping …"], told
    assert getattr(walker.ui, label).text.startswith("Cancelled"), getattr(walker.ui, label).text
    assert not walker.widget.panel.busy
