"""The application's settings and their dialog, as far as a page of it needs them (ctkSettingsPanel.cpp, .h)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from PySide6 import QtCore, QtWidgets

from .pythonqt import unwrap


class ctkComboBox(QtWidgets.QComboBox):
    """A combo box that can be set by the data of its items (ctkComboBox.h)."""

    CTK_MEMBERS = frozenset({"setCurrentUserDataAsString", "setElideMode"})
    CTK_BASE = QtWidgets.QComboBox

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._elide = QtCore.Qt.TextElideMode.ElideNone

    def setElideMode(self, mode: QtCore.Qt.TextElideMode) -> None:
        self._elide = mode

    elideMode = QtCore.Property(QtCore.Qt.TextElideMode, lambda self: self._elide, setElideMode)

    def _get_data(self) -> str:
        data = self.itemData(self.currentIndex())
        return "" if data is None else str(data)

    def setCurrentUserDataAsString(self, data: str) -> None:
        for index in range(self.count()):
            if str(self.itemData(index)) == data:
                self.setCurrentIndex(index)
                return

    currentUserDataAsString = QtCore.Property(str, _get_data, setCurrentUserDataAsString)


class ctkSettingsPanel(QtWidgets.QWidget):
    """Ties properties of objects to keys of the settings: what changes in one changes in the other."""

    CTK_MEMBERS = frozenset(
        {
            "registerProperty",
            "reloadSettings",
            "applySettings",
            "resetSettings",
            "restoreDefaultSettings",
        }
    )
    CTK_BASE = QtWidgets.QWidget
    # The header says QVariant: PySide's name for it.
    settingChanged = QtCore.Signal("QString", "QVariant")

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings: QtCore.QSettings | None = None
        self._properties: dict[str, tuple[QtCore.QObject, str]] = {}
        self._defaults: dict[str, Any] = {}
        self._previous: dict[str, Any] = {}

    def registerProperty(self, key: str, target: QtCore.QObject, prop: str, signal: str) -> None:
        name = signal.removeprefix("2")
        if not signal.startswith("2") or target.metaObject().indexOfSignal(name) < 0:
            raise AttributeError(f"{type(target).__name__} has no signal {signal!r}; expected str(qt.SIGNAL(...))")
        if target.metaObject().indexOfProperty(prop) < 0:
            raise AttributeError(f"{type(target).__name__} has no property {prop}")
        self._properties[key] = (target, prop)
        self._defaults[key] = self._previous[key] = target.property(prop)
        QtCore.QObject.connect(target, QtCore.SIGNAL(name), lambda *_: self._update(key))
        if self._settings is not None:
            self.reloadSettings()

    def _get_settings(self) -> QtCore.QSettings | None:
        return self._settings

    def _set_settings(self, settings: QtCore.QSettings) -> None:
        self._settings = settings
        self.reloadSettings()

    # Neither setSettings nor changedSettings is a slot or invokable: Python reaches the property alone.
    settings = QtCore.Property(QtCore.QObject, _get_settings, _set_settings)

    def reloadSettings(self) -> None:
        for key, (target, prop) in self._properties.items():
            if self._settings.contains(key):
                target.setProperty(prop, self._as_property(target, prop, self._settings.value(key)))
                self._previous[key] = target.property(prop)
            else:
                self._update(key)

    @staticmethod
    def _as_property(target: QtCore.QObject, prop: str, value: Any) -> Any:
        """QVariant converts text to what the property takes; PySide does not."""
        kind = type(target.property(prop))
        if kind is bool and isinstance(value, str):
            return value == "true"
        return kind(value)

    def _update(self, key: str) -> None:
        target, prop = self._properties[key]
        self._set(key, target.property(prop))

    def _set(self, key: str, value: Any) -> None:
        if self._settings is None:
            return
        before = self._settings.value(key)
        self._settings.setValue(key, value)
        target, prop = self._properties[key]
        target.setProperty(prop, value)
        if before != value:
            self.settingChanged.emit(key, value)

    def applySettings(self) -> None:
        for key, (target, prop) in self._properties.items():
            if self._previous[key] != target.property(prop):
                self._previous[key] = target.property(prop)
                self.settingChanged.emit(key, target.property(prop))

    def resetSettings(self) -> None:
        for key, value in self._previous.items():
            self._set(key, value)

    def restoreDefaultSettings(self) -> None:
        for key, value in self._defaults.items():
            self._set(key, value)


class SettingsDialog:
    """``slicer.app.settingsDialog()``: pages under their labels, over one store."""

    def __init__(self, settings: QtCore.QSettings) -> None:
        self._settings = settings
        self.panels: dict[str, Any] = {}

    def addPanel(self, label: str, panel: Any) -> None:
        unwrap(panel).setWindowTitle(label)
        self.panels[label] = panel
        unwrap(panel).settings = self._settings

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the stand-in's settings dialog has no {name}")


def make_settings() -> QtCore.QSettings:
    """Settings in a file of their own, empty at first."""
    folder = Path(tempfile.mkdtemp(prefix="slicer-stand-in-"))
    return QtCore.QSettings(str(folder / "Slicer.ini"), QtCore.QSettings.Format.IniFormat)
