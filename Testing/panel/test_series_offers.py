"""What the DICOM browser is offered of series with several sets, and what comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from DicomRegInspectorLib.panel.selftests.files import write_phases


def offered(series_plugins: Any, database: Any, folder: Path) -> list[Any]:
    database.insertFolder(str(folder))
    return series_plugins.examineForImport([sorted(str(path) for path in folder.rglob("*.dcm"))])


def ways(found: list[Any]) -> list[str]:
    return [loadable.name.split(" - ")[0] for loadable in found]


def test_twenty_five_volumes_are_one_offer(
    application: Any, series_plugins: Any, database: Any, tmp_path: Path
) -> None:
    write_phases(tmp_path, 25)
    (found,) = offered(series_plugins, database, tmp_path)
    assert ways([found]) == ["4D: 25 volumes by temporal position"]
    assert (found.selected, found.confidence, found.warning) == (False, 0.4, "")
    assert len(found.files) == 100
    assert series_plugins.load(found)
    (sequence,) = application.util.getNodesByClass("vtkMRMLSequenceNode")
    assert [sequence.GetNthIndexValue(t) for t in range(25)] == [str(t) for t in range(1, 26)]
    values = [application.util.arrayFromVolume(sequence.GetNthDataNode(t))[2, 0, 0] for t in range(25)]
    assert values == [100 * t + 2 for t in range(1, 26)]
    (browser,) = application.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    assert browser.GetProxyNode(sequence).GetName().startswith("4D: 25 volumes by temporal position")


def test_few_sets_are_offered_one_by_one_too(
    application: Any, series_plugins: Any, database: Any, tmp_path: Path
) -> None:
    write_phases(tmp_path, 3)
    found = offered(series_plugins, database, tmp_path)
    assert ways(found) == [
        "4D: 3 volumes by temporal position",
        *(f"Set {t} of 3: temporal position {t}" for t in (1, 2, 3)),
    ]
    assert {(one.selected, one.confidence) for one in found} == {(False, 0.4)}
    assert series_plugins.load(found[2])
    (node,) = application.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert application.util.arrayFromVolume(node)[:, 0, 0].tolist() == [200, 201, 202, 203]
    assert node.GetParentTransformNode() is None and node.GetName() == found[2].name


def test_an_incomplete_series_says_what_is_missing(series_plugins: Any, database: Any, tmp_path: Path) -> None:
    write_phases(tmp_path, 4)
    (tmp_path / "time003" / "slice002.dcm").unlink()
    found = offered(series_plugins, database, tmp_path)
    assert ways(found)[0] == "4D: 4 volumes by temporal position"
    assert found[0].warning == (
        "Not all are complete: set 3 lacks the slice at 2.5 mm. Missing slices hold a fill value."
    )
    assert "set 3 of 4 lacks the slice at 2.5 mm" in found[3].warning
    assert not any("without duplicates" in name for name in ways(found))


def test_a_gap_in_all_sets_is_offered_regularized_for_the_first(
    series_plugins: Any, database: Any, tmp_path: Path
) -> None:
    write_phases(tmp_path, 3, (0.0, 2.5, 5.0, 7.5, 17.5, 20.0, 22.5))
    found = offered(series_plugins, database, tmp_path)
    assert ways(found)[0] == "4D: 3 volumes by temporal position"
    assert "with one spacing for all they lie up to 7.5 mm off" in found[0].warning
    assert ways(found)[4:] == [
        "Temporal position 1, regularized",
        "Temporal position 1, section 1 of 2",
        "Temporal position 1, section 2 of 2",
    ]


def test_examining_sets_reads_no_pixel(
    series_plugins: Any, database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise AssertionError("pixels were read")

    monkeypatch.setattr("DicomRegInspectorLib.series.pixels.load_sets.load_pixels", refuse)
    monkeypatch.setattr("DicomRegInspectorLib.series.pixels.volume.load_pixels", refuse)
    write_phases(tmp_path, 3)
    found = offered(series_plugins, database, tmp_path)
    assert len(found) == 4
    with pytest.raises(AssertionError, match="pixels were read"):
        series_plugins.load(found[0])
