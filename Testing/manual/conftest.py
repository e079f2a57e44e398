"""Tests of the manual use the writers of the registration, series and relation tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]
sys.path += [str(HERE.parent / room) for room in ("registration", "series", "relations", "structures")]


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample data in it, written once."""
    from DicomRegInspectorLib.samples import write_samples

    folder = tmp_path_factory.mktemp("cookbook")
    write_samples(folder / "samples")
    return folder


@pytest.fixture
def here(sample_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of its own for each recipe, with the samples in it."""
    (tmp_path / "samples").symlink_to(sample_folder / "samples", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def slicer_application() -> Iterator[Any]:
    """Slicer as far as it is played, with the module and an empty scene."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import slicer_standin

    slicer_standin.install()
    import slicer
    from slicer_standin.application import load_module

    sys.modules.setdefault("DicomRegInspector", load_module(slicer_standin.MODULE_FOLDER / "DicomRegInspector.py"))
    slicer.mrmlScene.Clear()
    yield slicer
    slicer.mrmlScene.Clear()
