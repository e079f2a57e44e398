"""The sample data in Slicer: the module Sample Data, the panel's "try it", and what the application's start costs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from slicer_standin import pythonqt

CATEGORY = "DICOM Registration Inspector"


@pytest.fixture
def cache(application: Any, tmp_path: Path) -> Iterator[Path]:
    """An empty cache of the application."""
    before = application.app.cachePath
    application.app.cachePath = str(tmp_path)
    pythonqt.SLOT_ERRORS.clear()
    yield tmp_path
    application.app.cachePath = before
    assert pythonqt.SLOT_ERRORS == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample data, made once."""
    from DicomRegInspectorLib.samples import make_samples

    return make_samples(tmp_path_factory.mktemp("made"))


@pytest.fixture
def filled(cache: Path, made: Path) -> Path:
    """The cache with the sample data in it."""
    from DicomRegInspectorLib.panel.sample_data import sample_folder

    shutil.copytree(made, sample_folder())
    return cache


def sources(application: Any) -> list[Any]:
    return application.modules.sampleDataSources.get(CATEGORY, [])


def test_start_registers_the_sample_data_once_and_adds_the_settings_page(application: Any) -> None:
    module = application.modules.DicomRegInspectorInstance
    application.app.playMainWindow(True)
    application.modules.sampleDataSources.clear()
    module.afterStartup()
    module.afterStartup()  # as after a reload
    application.app.playMainWindow(False)
    assert [one.sampleName for one in sources(application)] == [
        "Irregular CT series (synthetic)",
        "Deformable registration pair (synthetic)",
    ]
    assert all(Path(one.thumbnailFileName).is_file() for one in sources(application))
    assert CATEGORY in application.app.settingsDialog().panels


def test_the_module_asks_to_be_called_after_the_start_and_not_before(application: Any) -> None:
    from slicer_standin.application import ScriptedModule

    import DicomRegInspector

    application.app.completeStartup()
    application.modules.sampleDataSources.clear()
    parent = ScriptedModule(Path(DicomRegInspector.__file__))
    module = DicomRegInspector.DicomRegInspector(parent)
    assert sources(application) == []
    application.app.completeStartup()
    assert len(sources(application)) == 2
    assert module.settingsPanel is None, "without a main window there is no dialog to open"


def test_an_application_without_sample_data_starts_all_the_same(application: Any, monkeypatch: Any) -> None:
    import sys

    from DicomRegInspectorLib.panel.sample_data import register_sample_data

    application.modules.sampleDataSources.clear()
    monkeypatch.setitem(sys.modules, "SampleData", None)
    register_sample_data(Path())
    assert sources(application) == []


def test_the_irregular_series_loads_under_its_acquisition_transform(application: Any, filled: Path) -> None:
    application.mrmlScene.Clear()
    application.modules.DicomRegInspectorInstance.afterStartup()
    (node,) = sources(application)[0].customDownloader(sources(application)[0])
    assert "SYNTHETIC" in node.GetName()
    assert node.IsA("vtkMRMLScalarVolumeNode")
    assert node.GetParentTransformNode() is not None
    from DicomRegInspector import DicomRegInspectorLogic

    folder = DicomRegInspectorLogic().getParameterNode().inputFolder
    assert len(list(Path(folder).glob("*.dcm"))) == 40


def test_the_pair_loads_with_the_moving_volume_under_the_transform(application: Any, filled: Path) -> None:
    import numpy as np
    import vtk
    from DicomRegInspectorLib.panel.sample_data import load_sample
    from DicomRegInspectorLib.samples.known_field import BREATHING

    application.mrmlScene.Clear()
    fixed, moving, transform = load_sample("pair")
    every = application.mrmlScene.GetNodesByClass("vtkMRMLTransformableNode")
    names = [every.GetItemAsObject(index).GetName() for index in range(every.GetNumberOfItems())]
    assert len(names) >= 4, "two volumes, the grid and its matrix"
    assert all("SYNTHETIC" in name for name in names if name != "Camera")
    assert moving.GetParentTransformNode() is transform
    assert fixed.GetParentTransformNode() is None
    general = vtk.vtkGeneralTransform()
    transform.GetTransformFromWorld(general)
    point = np.array([-60.0, 10.0, -40.0])
    flip = np.array([-1.0, -1.0, 1.0])
    assert np.abs(np.array(general.TransformPoint(point * flip)) * flip - BREATHING.source_of(point)).max() < 0.15


def test_what_cannot_be_made_is_said_and_not_raised(application: Any, cache: Path, monkeypatch: Any) -> None:
    application.mrmlScene.Clear()
    application.app.cachePath = str(cache / "file")
    (cache / "file").write_text("")
    shown: list[str] = []
    monkeypatch.setattr(application.util, "errorDisplay", lambda text, **_: shown.append(text))
    application.modules.DicomRegInspectorInstance.afterStartup()
    source = sources(application)[0]
    assert source.customDownloader(source) == []
    assert "cannot be written" in " ".join(shown)
    assert application.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0


def test_try_it_makes_chooses_and_inspects(widget: Any, cache: Path) -> None:
    ui = widget.ui
    assert ui.tryItButton.isVisibleTo(ui.tryItButton.parent())
    ui.tryItButton.click()
    assert Path(ui.inputPathLineEdit.currentPath).parent == cache
    assert ui.inputPathLineEdit.currentPath == widget._parameterNode.inputFolder
    inspection = widget.panel.inspection
    assert len(inspection.series) == 3
    assert len(inspection.registrations) == 2
    assert "slice-gap" in {finding.code for finding in inspection.findings}
    assert not ui.tryItButton.isVisibleTo(ui.tryItButton.parent())
    assert ui.statusLabel.text.startswith("134 DICOM files")


def test_try_it_shows_how_far_it_is_and_can_be_cancelled(widget: Any, cache: Path, monkeypatch: Any) -> None:
    from DicomRegInspectorLib.panel import panel

    seen: list[str] = []
    make = panel.make_samples

    def slowly(folder: Path, progress: Any) -> Path:
        def step(done: int, total: int, text: str) -> bool:
            seen.append(f"{text} {total}")
            if done == 3:
                widget.panel._job.cancel()
            return progress(done, total, text)

        return make(folder, progress=step)

    monkeypatch.setattr(panel, "make_samples", slowly)
    widget.ui.tryItButton.click()
    assert seen[0] == "Making sample data 134"
    assert widget.ui.statusLabel.text == "Cancelled."
    assert widget.panel.inspection is None
    assert widget.ui.inputPathLineEdit.currentPath == ""
    assert widget.ui.tryItButton.enabled


def test_try_it_that_cannot_write_says_so(widget: Any, cache: Path, application: Any) -> None:
    (cache / "file").write_text("")
    application.app.cachePath = str(cache / "file")
    widget.ui.tryItButton.click()
    assert widget.ui.statusLabel.text.startswith("No sample data: ")
    assert "cannot be written" in widget.ui.statusLabel.text


def test_try_it_is_offered_only_while_nothing_is_chosen(widget: Any, tmp_path: Path) -> None:
    button = widget.ui.tryItButton
    assert button.isVisibleTo(button.parent())
    widget.ui.inputPathLineEdit.currentPath = str(tmp_path)
    assert not button.isVisibleTo(button.parent())
    widget.ui.inputPathLineEdit.currentPath = ""
    assert button.isVisibleTo(button.parent())
