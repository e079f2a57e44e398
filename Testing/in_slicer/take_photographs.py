"""Take the manual's pictures of the whole window.

``Slicer --python-script Testing/in_slicer/take_photographs.py DATA OUTPUT``: DATA is a folder with the two real data
sets of ``../shared/data``; OUTPUT gets a PNG for each, which ``Testing/manual/make_pictures.py OUTPUT`` takes into
Resources/Screenshots. Only what a user can do is done: the panel is widened, Data Probe folded.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import qt
import slicer

PANEL_WIDTH = 540
NAMES = {
    "ct-ge-tilted-irregular": ("Head CT", "Phantom^Nobody", "dcm_qa_ct"),
    "fixed": ("Head, fixed", "Phantom^Pair", "dcm_qa_ct pair"),
    "moving": ("Head, moving", "Phantom^Pair", "dcm_qa_ct pair"),
    "deformable-pair-plastimatch": ("Head, deformation", "Phantom^Pair", "dcm_qa_ct pair"),
}
"""Series Description, Patient's Name and Patient ID that the files of a folder get: they have none to be shown."""
GAP = 8, 9
"""Instance numbers of the slices of the head that are left out to have a gap."""


class Photographer:
    """The application with the module open, and where the pictures go."""

    def __init__(self, data: Path, output: Path) -> None:
        from in_slicer.record import begin_anew, opened_module

        self.output = output
        self.pair, self.head = data / "deformable-pair-plastimatch", data / "ct-ge-tilted-irregular"
        self.widget = opened_module()
        self.begin_anew = lambda: begin_anew(self.widget)
        window = slicer.util.mainWindow()
        panel = window.findChild("QDockWidget", "PanelDockWidget")
        window.resizeDocks([panel], [PANEL_WIDTH], qt.Qt.Horizontal)
        slicer.util.findChild(window, "DataProbeCollapsibleWidget").collapsed = True

    @property
    def ui(self) -> Any:
        """The panel's controls."""
        return self.widget.ui

    def unfold(self, *sections: str) -> None:
        """Show these sections alone, the last one from its beginning."""
        from DicomRegInspectorLib.panel.sections import scroll_area_of

        from in_slicer.record import settle

        for section in ("input", "findings", "registrations", "quality", "series", "compare"):
            getattr(self.ui, section + "CollapsibleButton").collapsed = section not in sections
        settle(400)
        first = getattr(self.ui, sections[0] + "CollapsibleButton")
        area = scroll_area_of(first)
        if area is not None:
            area.verticalScrollBar().setValue(first.mapTo(area.widget(), qt.QPoint(0, 0)).y())

    def inspect(self, folder: Path) -> None:
        """Inspect a folder."""
        self.ui.inputPathLineEdit.currentPath = str(folder)
        self.ui.inspectFolderButton.click()

    def take(self, name: str) -> None:
        """Take the picture."""
        from in_slicer.record import settle

        slicer.util.mainWindow().statusBar().clearMessage()
        settle(1500)
        slicer.util.mainWindow().grab().save(str(self.output / f"{name}.png"))
        print(f"{name}: {self.ui.qualityStatusLabel.text} | {self.ui.findingsStatusLabel.text}", flush=True)


def named_copies(data: Path, folder: Path) -> None:
    """Copy the data sets, with names that can be shown."""
    import pydicom.misc

    for path in filter(pydicom.misc.is_dicom, sorted(path for path in data.rglob("*") if path.is_file())):
        if path.parent.name in NAMES:
            dataset = pydicom.dcmread(path)
            dataset.SeriesDescription, dataset.PatientName, dataset.PatientID = NAMES[path.parent.name]
            copy = folder / path.relative_to(data)
            copy.parent.mkdir(parents=True, exist_ok=True)
            dataset.save_as(copy)


def registration(camera: Photographer) -> None:
    """The field of the pair in slices and in 3-D, measured."""
    ui = camera.ui
    camera.inspect(camera.pair)
    for number in range(ui.seriesComboBox.count):
        ui.seriesComboBox.currentIndex = number
        ui.loadSeriesButton.click()
    ui.registrationsTable.selectRow(0)
    ui.loadButton.click()
    ui.measureButton.click()
    ui.showGlyphsButton.click()
    slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode").SetSliceVisible(True)
    camera.unfold("quality")
    camera.take("window-registration")
    ui.showComparisonButton.click()
    camera.take("window-comparison")
    ui.hideButton.click()
    slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode").SetSliceVisible(False)


def gap(camera: Photographer) -> None:
    """The head without two of its slices: the finding, the chart of distances, the slices at the gap."""
    import pydicom

    folder = camera.head.with_name("gap")
    folder.mkdir()
    for path in camera.head.iterdir():
        if pydicom.dcmread(path, stop_before_pixels=True).InstanceNumber not in GAP:
            shutil.copy(path, folder)
    camera.inspect(folder)
    ui = camera.ui
    codes = [row.finding.code for row in camera.widget.panel.findings.shown]
    ui.findingsTable.selectRow(codes.index("slice-gap"))
    ui.showMeButton.click()
    ui.askDoButton.click()
    camera.unfold("findings")
    camera.take("window-gap")


def before_and_after(camera: Photographer) -> None:
    """The head as a plain volume, and resampled."""
    ui = camera.ui
    camera.inspect(camera.head)
    ui.modeComboBox.currentIndex = 1
    ui.loadSeriesButton.click()
    ui.beforeAfterButton.click()
    camera.unfold("series")
    camera.take("window-before-after")


def browser(camera: Photographer) -> None:
    """What the DICOM browser offers of both data sets."""
    from DICOMLib import DICOMUtils

    from in_slicer.record import settle

    with tempfile.TemporaryDirectory() as folder, DICOMUtils.TemporaryDICOMDatabase(folder) as database:
        for data in (camera.pair, camera.head):
            DICOMUtils.importDicom(str(data))
        slicer.util.selectModule("DICOM")
        settle(1500)
        widget = slicer.modules.DICOMInstance.browserWidget
        tables = widget.dicomBrowser.dicomTableManager()
        for table in (tables.patientsTable(), tables.studiesTable(), tables.seriesTable()):
            table.tableView().selectAll()
            settle(300)
        series = [
            uid
            for patient in database.patients()
            for study in database.studiesForPatient(patient)
            for uid in database.seriesForStudy(study)
        ]
        widget.onSeriesSelected(series)
        widget.examineForLoading()
        widget.loadableTable.setColumnWidth(0, 420)
        widget.loadableTable.setColumnWidth(1, 130)
        settle(500)
        camera.take("window-browser")
        widget.loadableTable.scrollToBottom()
        camera.take("window-browser-end")
    slicer.util.selectModule("DicomRegInspector")


def main() -> None:
    code = 1
    sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
    try:
        data, output = (Path(argument).resolve() for argument in sys.argv[1:3])
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="heads-") as folder:
            named_copies(data, Path(folder))
            camera = Photographer(Path(folder), output)
            for photograph in (registration, gap, before_and_after, browser):
                camera.begin_anew()
                photograph(camera)
        code = 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    slicer.util.exit(code)


qt.QTimer.singleShot(0, main)
