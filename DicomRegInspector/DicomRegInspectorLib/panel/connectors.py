"""What binds the panel's controls to the parameter node where Slicer's own binding does not fit.

Slicer fills a bound combo box with the values themselves, untranslated, and knows no choice that depends on the data;
it binds a path box to pathlib.Path only, and the Path of an empty box is ".": the folder that Slicer was started in
would show up as the user's choice. All other controls are bound by Slicer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ctk
import qt
from slicer.parameterNodeWrapper import GuiConnector

WANTED = "wantedChoice"
"""Property of a combo box: what was chosen last, offered at present or not."""


class _TextConnector(GuiConnector):
    """A widget bound to a parameter of text."""

    SIGNAL = ""

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        """Asked of registered connectors only; these are made for their widgets."""
        return False

    @staticmethod
    def create(widget: Any, datatype: Any) -> None:
        """As :meth:`canRepresent`."""

    def __init__(self, widget: Any) -> None:
        super().__init__()
        self._widget = widget

    def _connect(self) -> None:
        self._widget.connect(self.SIGNAL, self.changed)

    def _disconnect(self) -> None:
        self._widget.disconnect(self.SIGNAL, self.changed)

    def widget(self) -> Any:
        """The bound widget."""
        return self._widget


class ChoiceConnector(_TextConnector):
    """A combo box whose entries carry their values as data; a value that is not offered stays as it is."""

    SIGNAL = "currentIndexChanged(int)"

    def read(self) -> str:
        """Return the value of the entry chosen."""
        return self._widget.currentData or ""

    def write(self, value: str) -> None:
        """Choose the entry with a value, as soon as there is one."""
        self._widget.setProperty(WANTED, value)
        index = self._widget.findData(value)
        if index >= 0:
            self._widget.currentIndex = index


class FolderConnector(_TextConnector):
    """A path box bound to text."""

    SIGNAL = "currentPathChanged(QString)"

    def read(self) -> str:
        """Return the path as it stands there."""
        return self._widget.currentPath

    def write(self, value: str) -> None:
        """Show a path; one that is there already keeps its cursor."""
        if self._widget.currentPath != value:
            self._widget.currentPath = value


def connect_parameters(parameters: Any, ui: object) -> int:
    """Return bind every control with the property SlicerParameterName; returns the tag that ``disconnectGui`` takes."""
    mapping = {}
    for widget in vars(ui).values():
        name = widget.property("SlicerParameterName")
        if name:
            own = {ctk.ctkComboBox: ChoiceConnector, ctk.ctkPathLineEdit: FolderConnector}.get(type(widget))
            mapping[name] = own(widget) if own is not None else widget
    return parameters.connectParametersToGui(mapping)


def value_choices(box: qt.QComboBox, values: Sequence[str]) -> None:
    """Give the entries of a .ui file's combo box their values, in their order."""
    for index, value in enumerate(values):
        box.setItemData(index, value)


def fill_choices(box: qt.QComboBox, entries: Sequence[tuple[str, str]]) -> None:
    """Offer entries (text, value), and choose what was chosen last where it is among them; no signal is sent."""
    wanted = box.property(WANTED)
    blocked = box.blockSignals(True)
    box.clear()
    for text, value in entries:
        box.addItem(text, value)
    box.currentIndex = max(box.findData(wanted), 0 if entries else -1)
    box.blockSignals(blocked)
