"""The stand-in, and the module loaded in it.

This folder must not be called ``slicer``: the package of that name takes in every folder ``slicer`` on the path.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import slicer_standin
from slicer_standin import pythonqt


@pytest.fixture(autouse=True)
def every_connection_holds() -> Iterator[None]:
    """PythonQt answers a wrong signature with False and a line that nobody reads: here it fails the test."""
    yield
    failed = list(pythonqt.FAILED_CONNECTIONS)
    pythonqt.FAILED_CONNECTIONS.clear()
    assert failed == []


@pytest.fixture(autouse=True)
def no_slot_fails() -> Iterator[None]:
    """What a slot raises goes to a console in Slicer: here it fails the test."""
    pythonqt.SLOT_ERRORS.clear()
    yield
    assert pythonqt.SLOT_ERRORS == []


@pytest.fixture(scope="session")
def application() -> Any:
    """The application as far as it is played, with the module and the plugin discovered."""
    slicer_standin.install()
    import slicer
    from slicer_standin.application import load_module

    load_module(slicer_standin.MODULE_FOLDER / "DicomRegInspectorPlugin.py")
    load_module(slicer_standin.MODULE_FOLDER / "DicomRegInspector.py")
    return slicer


@pytest.fixture
def widget(application: Any) -> Iterator[Any]:
    """The module's widget, entered, on an empty scene."""
    application.mrmlScene.Clear()
    application.app.playMainWindow(False)
    widget = application.util.getModuleWidget("DicomRegInspector")
    widget.parent.isEntered = True
    widget.enter()
    yield widget
    widget.panel.reset()
    widget.ui.filterLineEdit.text = ""
    widget.ui.severityComboBox.currentIndex = 0
    application.mrmlScene.Clear()


@pytest.fixture
def ui(widget: Any) -> Any:
    """The widget's controls."""
    return widget.ui


@pytest.fixture
def plugin(application: Any) -> Any:
    """A new DICOM plugin of the module, on an empty scene."""
    application.mrmlScene.Clear()
    return application.modules.dicomPlugins["DicomRegInspectorPlugin"]()


@pytest.fixture
def series_plugins(application: Any) -> Any:
    """New DICOM plugins for series of images, played as one: what is offered, and loading it."""
    application.mrmlScene.Clear()
    names = ("DicomRegInspectorSetsPlugin", "DicomRegInspectorSeriesPlugin")
    return SeriesPlugins([application.modules.dicomPlugins[name]() for name in names])


class SeriesPlugins:
    """Asks each plugin, as the browser does, and loads with the one that offered."""

    def __init__(self, plugins: list[Any]) -> None:
        self.plugins = plugins
        self.readers: dict[int, Any] = {}

    def examineForImport(self, lists: list[list[str]]) -> list[Any]:  # noqa: N802 - as Slicer calls it
        found = [(plugin, loadable) for plugin in self.plugins for loadable in plugin.examineForImport(lists)]
        self.readers.update({id(loadable): plugin for plugin, loadable in found})
        return [loadable for _, loadable in found]

    def load(self, loadable: Any) -> bool:
        return self.readers[id(loadable)].load(loadable)

    def forget(self) -> None:
        for plugin in self.plugins:
            plugin.loadableCache.clear()


@pytest.fixture
def database(application: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty DICOM database, the application's own."""
    from slicer_standin.dicom import DicomDatabase

    monkeypatch.setattr(application, "dicomDatabase", DicomDatabase())
    return application.dicomDatabase
