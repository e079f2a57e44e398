"""The module's self-test class, run through the stand-in as Slicer's harness would run it."""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

import pytest
from slicer_standin import pythonqt


def test_class_names_are_those_that_slicer_looks_for(application: Any) -> None:
    import DicomRegInspector

    for suffix in ("", "Widget", "Logic", "Test"):
        assert isinstance(getattr(DicomRegInspector, "DicomRegInspector" + suffix), type)


@pytest.mark.parametrize("main_window", [False, True], ids=["without main window", "with main window"])
def test_every_selftest_passes_and_no_slot_fails(application: Any, main_window: bool) -> None:
    from DicomRegInspector import DicomRegInspectorTest

    application.app.playMainWindow(main_window)
    pythonqt.SLOT_ERRORS.clear()
    store, manager = application.app.userSettings(), application.app.layoutManager()
    store.setValue("ctkPathLineEdit/DicomRegInspector/InputFolder", ["/where/the/user/was"])
    settings = {key: store.value(key) for key in store.allKeys()}
    layout = None
    if manager is not None:
        layout = application.vtkMRMLLayoutNode.SlicerLayoutConventionalView
        manager.setLayout(layout)
    suite = unittest.TestLoader().loadTestsFromTestCase(DicomRegInspectorTest)
    assert suite.countTestCases() >= 9
    result = unittest.TestResult()
    suite.run(result)
    assert not result.failures + result.errors + result.skipped, "\n".join(
        text for _test, text in result.failures + result.errors
    )
    assert pythonqt.SLOT_ERRORS == []
    assert {key: store.value(key) for key in store.allKeys()} == settings
    assert manager is None or manager.layout == layout
    store.remove("ctkPathLineEdit/DicomRegInspector/InputFolder")
    application.app.playMainWindow(False)


def test_reload_and_test_button_runs_them(application: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import DicomRegInspector

    run = []
    for name in dir(DicomRegInspector.DicomRegInspectorTest):
        if name.startswith("test_"):
            monkeypatch.setattr(DicomRegInspector.DicomRegInspectorTest, name, lambda self, name=name: run.append(name))
    application.selfTests["DicomRegInspector"](msec=1)
    assert len(run) >= 9


def test_selftest_that_fails_is_reported(application: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import DicomRegInspector

    def fail(self: Any) -> None:
        self.assertEqual(1, 2)

    monkeypatch.setattr(DicomRegInspector.DicomRegInspectorTest, "test_gap_is_found_and_tabled", fail)
    with pytest.raises(AssertionError):
        application.selfTests["DicomRegInspector"](msec=1)


def test_module_presents_itself(application: Any) -> None:
    module = application.modules.dicomreginspector
    assert module.title == "DICOM Registration Inspector"
    assert module.categories == ["Informatics"]
    assert "https://github.com/DicomRegInspector/SlicerDicomRegInspector" in module.helpText
    assert application.modules.dicomreginspectorplugin.hidden


@pytest.mark.parametrize("name", ["DicomRegInspector", "DicomRegInspectorPlugin"])
def test_discovering_the_module_reads_nothing_heavy(name: str) -> None:
    """Slicer executes every module's file at its start; what the panel needs is read when it is opened."""
    code = (
        "import sys, slicer_standin; slicer_standin.install()\n"
        "from slicer_standin.application import load_module\n"
        f"load_module(slicer_standin.MODULE_FOLDER / '{name}.py')\n"
        "slicer_standin.application.slicer.app.playMainWindow(True)\n"
        "slicer_standin.application.slicer.app.completeStartup()\n"
        "rooms = ('inspection', 'registration', 'series', 'scene', 'panel.panel', 'panel.selftest_files', 'samples')\n"
        "heavy = {'pydicom', *('DicomRegInspectorLib.' + room for room in rooms)}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
