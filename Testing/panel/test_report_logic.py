"""The module's logic writes the HTML report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))

from dicom_objects import PATIENT, write_linear, write_slice


def test_logic_writes_a_report_without_the_patient_unless_asked(application: Any, tmp_path: Path) -> None:
    from DicomRegInspectorLib.errors import Cancelled

    from DicomRegInspector import DicomRegInspectorLogic

    folder = tmp_path / "study"
    folder.mkdir()
    for number, position in enumerate((0, 2, 4, 8, 10)):
        write_slice(folder / f"{number}.dcm", position, "1.2.3")
    write_linear(folder / "reg.dcm")
    logic, place = DicomRegInspectorLogic(), tmp_path / "report.html"
    inspection = logic.inspect(folder)
    with pytest.raises(Cancelled):
        logic.writeReport(inspection, place, progress=lambda *_: False)
    assert not place.exists()
    assert logic.writeReport(inspection, place) == str(place)
    html = place.read_text(encoding="utf-8")
    assert "<title>Inspection report: study</title>" in html
    assert "slice-gap" in html and "data:image/png;base64," in html
    assert PATIENT not in html
    logic.writeReport(inspection, str(place), identifiers=True)
    assert PATIENT in place.read_text(encoding="utf-8")
