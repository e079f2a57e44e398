"""Every code of the registry, in data that show it: found at the panel's own faces, shown, and repaired."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import finding_examples  # noqa: F401  (importing notes the examples)
import numpy as np
import slicer
from DicomRegInspectorLib.findings import CODES, Finding
from DicomRegInspectorLib.scene.places import Place
from example_landmarks import NAMES, POINTS
from shown import MAKERS, Maker

from .record import Record, begin_anew, opened_module, settle

PLANE_TOLERANCE_MM = 0.01
REFUSED = ("Not shown", "Not loaded", "It cannot be shown", "The transform is not in the scene")
"""Sentences that a button that can be pressed must not end with."""


@dataclass
class Study:
    """One example of a code in the panel."""

    widget: Any
    folder: Path
    code: str
    made: Sequence[Finding]
    """What the library found in it."""

    @property
    def ui(self) -> Any:
        """The panel's controls."""
        return self.widget.ui

    def row(self) -> int | None:
        """Where a finding of the code stands in the table."""
        codes = [row.finding.code for row in self.widget.panel.findings.shown]
        return codes.index(self.code) if self.code in codes else None


def walk_findings(record: Record, folder: Path) -> None:
    """Visit each code's examples; a code without one does not pass."""
    widget = opened_module()
    here = Path.cwd()
    for code in CODES:
        if not record.is_wanted(code):
            continue
        makers = [maker for shown, maker in MAKERS if shown == code]
        if not makers:
            with record.trying(code):
                raise AssertionError("no example of it in Testing/manual")
        for number, maker in enumerate(makers):
            with record.trying(f"{code}{f' {number + 1}' if number else ''}") as told:
                place = folder / f"{code}-{number}"
                begin_anew(widget)
                try:
                    _visit(record, _study(widget, place, code, maker), told)
                finally:
                    os.chdir(here)
    begin_anew(widget)


def _study(widget: Any, folder: Path, code: str, maker: Maker) -> Study:
    folder.mkdir(parents=True)
    os.chdir(folder)  # makers write into the working folder
    return Study(widget, folder, code, [finding for finding in maker() if finding.code == code])


def _visit(record: Record, study: Study, told: list[str]) -> None:
    ui = study.ui
    ui.inputPathLineEdit.currentPath = str(study.folder)
    ui.inspectFolderButton.click()
    for name, face in FACES.items():
        face(study)
        if study.row() is not None:
            told.append(name)
            break
    row = study.row()
    assert row is not None, "it is found at no face of the panel"
    ui.findingsTable.selectRow(row)
    found = study.widget.panel.findings.shown[row]
    assert found.finding.message in ui.findingBrowser.plainText
    record.picture(study.code)
    told.append(_show(record, study, found.place))
    again = study.row()  # loading may have led to a measurement, which changes the table
    if again is not None:
        ui.findingsTable.selectRow(again)
    told.append(_repair(record, study))


def _inspected(study: Study) -> None:
    """The folder was inspected."""


def _pixels_checked(study: Study) -> None:
    for number in range(len(study.widget.panel.inspection.series)):
        study.ui.seriesComboBox.currentIndex = number
        study.ui.checkPixelsButton.click()


def _measured(study: Study) -> None:
    """Load each registration and measure it, by landmarks where the example has some."""
    ui = study.ui
    for number in range(ui.registrationsTable.rowCount):
        ui.registrationsTable.selectRow(number)
        if not ui.loadButton.enabled:
            continue
        ui.loadButton.click()
        if study.code in POINTS:
            selectors = (ui.qualityFixedLandmarksSelector, ui.qualityMovingLandmarksSelector)
            for selector, points in zip(selectors, POINTS[study.code], strict=True):
                selector.setCurrentNode(_landmarks(points))
        if ui.measureButton.enabled:
            ui.measureButton.click()
        if study.row() is not None:
            return


def _landmarks(points_lps_mm: np.ndarray) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "landmarks")
    for name, (x, y, z) in zip(NAMES, points_lps_mm.tolist(), strict=True):
        node.AddControlPoint((-x, -y, z), name)
    return node


def _put_there(study: Study) -> None:
    """What comes from a script, or from images that were never files, is put among the findings as it was made."""
    found = [
        replace(finding, subject=replace(finding.about, file=str(study.folder / finding.about.file)).subject)
        if finding.about is not None and finding.about.file  # relative to where it was made
        else finding
        for finding in study.made
    ]
    panel = study.widget.panel
    panel.inspection = panel.inspection.with_findings(found)
    panel.findings_section.show(panel.inspection)


FACES: dict[str, Callable[[Study], None]] = {
    "inspected": _inspected,
    "pixels checked": _pixels_checked,
    "measured": _measured,
    "put among the findings": _put_there,
}
"""Where a finding can come from, the user's ways first."""


def _show(record: Record, study: Study, place: Place) -> str:
    """Press *Show me*, and what it asks for; the views have to be at the place."""
    ui = study.ui
    if not ui.showMeButton.enabled:
        reason = ui.showMeButton.toolTip
        assert reason, "Show me rests without a reason"
        return f"not shown: {_plain(reason)}"
    ui.showMeButton.click()
    if not ui.askFrame.isHidden():
        record.picture(f"{study.code}-asked")
        ui.askDoButton.click()
    settle()
    said = ui.findingsStatusLabel.text
    record.picture(f"{study.code}-shown")
    assert said and not said.startswith(REFUSED), said or "nothing was said"
    if place.position_lps_mm is not None:
        far = _furthest_view_mm(place.position_lps_mm)
        assert far < PLANE_TOLERANCE_MM, f"a view is {far:.3f} mm beside the place"
    return f"shown: {said}"


def _furthest_view_mm(position_lps_mm: Sequence[float]) -> float:
    """How far the plane of Slicer's own slice views is from a point, at most."""
    point = np.array(position_lps_mm) * [-1, -1, 1]
    far = 0.0
    for name in ("Red", "Green", "Yellow"):
        node = slicer.mrmlScene.GetSingletonNode(name, "vtkMRMLSliceNode")
        if node is not None:
            matrix = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())
            far = max(far, abs(float(matrix[:3, 2] @ (point - matrix[:3, 3]))))
    return far


def _repair(record: Record, study: Study) -> str:
    """Press *Repair*, read what it would do, and have it done."""
    ui = study.ui
    if not ui.repairButton.enabled:
        reason = ui.repairButton.toolTip
        assert reason, "Repair rests without a reason"
        return f"no repair: {_plain(reason)}"
    ui.repairButton.click()
    assert not ui.askFrame.isHidden() and ui.askLabel.text, "nothing was told before the repair"
    record.picture(f"{study.code}-repair-asked")
    ui.askDoButton.click()
    settle()
    said = ui.findingsStatusLabel.text
    record.picture(f"{study.code}-repaired")
    assert said.startswith("Loaded"), said or "nothing was said"
    return f"repaired: {said}"


def _plain(text: str) -> str:
    """Without the paragraph that Qt sets a tool tip in."""
    return text.removeprefix("<p>").removesuffix("</p>").strip()
