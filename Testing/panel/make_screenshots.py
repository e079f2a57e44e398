"""Draw every state of the panel as the stand-in shows it, to look at wording and alignment without Slicer.

    python Testing/panel/make_screenshots.py OUTPUT_FOLDER [FOLDER_TO_INSPECT]

Without a folder the project's own sample data is made and inspected. Qt draws offscreen, in its own style with the
colours of Slicer's: in Slicer the panel looks alike, but these are no pictures of Slicer.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "DicomRegInspector"))

import slicer_standin

SECTIONS = ("input", "findings", "registrations", "quality", "series")
WIDTH, NARROW, WIDE = 480, 400, 600


class Camera:
    """The panel in a window of its own, and a picture of it when asked."""

    def __init__(self, output: Path) -> None:
        slicer_standin.install()
        import slicer
        from PySide6 import QtWidgets
        from slicer_standin.application import load_module
        from slicer_standin.pythonqt import unwrap

        self.output, self.application, self.slicer = output, QtWidgets.QApplication.instance(), slicer
        self.application.setStyle("Fusion")
        self.theme(dark=False)
        load_module(slicer_standin.MODULE_FOLDER / "DicomRegInspector.py")
        self.widget = slicer.util.getModuleWidget("DicomRegInspector")
        self.ui = self.widget.ui
        self.window = unwrap(slicer.modules.dicomreginspector.widgetRepresentation())
        self.widget.enter()
        self.width = WIDTH
        self.window.show()
        output.mkdir(parents=True, exist_ok=True)

    def theme(self, dark: bool) -> None:
        """Slicer's light or dark colours."""
        from slicer_standin.palettes import palette

        self.application.setPalette(palette(dark))

    def unfold(self, *names: str) -> None:
        """These sections only."""
        for name in SECTIONS:
            getattr(self.ui, name + "CollapsibleButton").collapsed = name not in names

    def take(self, name: str) -> None:
        """A picture as high as the panel needs at this width, as in Slicer's scrolled module panel."""
        for _ in range(6):  # a change of height passes through the layouts one by one
            self.application.processEvents()
            height = self.window.layout().totalHeightForWidth(self.width)
            self.window.resize(self.width, max(height, self.window.minimumSizeHint().height(), 200))
        self.window.grab().save(str(self.output / f"panel-{name}.png"))

    def during(self, method: str, press: Callable[[], None], name: str, progress: tuple[int, int, str]) -> None:
        """A picture in the middle of what a button starts, by way of one of the logic's methods."""
        logic = self.widget.logic
        work = getattr(logic, method)

        def shown(*arguments: Any, run: Any, **options: Any) -> Any:
            run(lambda step: (step(*progress), time.sleep(0.2)))
            self.take(name)
            return work(*arguments, run=run, **options)

        setattr(logic, method, shown)
        try:
            press()
        finally:
            delattr(logic, method)


def select(camera: Camera, *codes: str) -> bool:
    """The first finding with one of these codes; the first of all where there is none."""
    shown = [row.finding.code for row in camera.widget.panel.findings.shown]
    wanted = [shown.index(code) for code in codes if code in shown]
    camera.ui.findingsTable.selectRow(wanted[0] if wanted else 0)
    return bool(wanted)


def begin_and_fail(camera: Camera, folder: Path) -> None:
    """Empty, an error, busy, cancelled."""
    ui = camera.ui
    camera.unfold(*SECTIONS)
    camera.take("empty")
    camera.unfold("input", "findings", "registrations")
    ui.inputPathLineEdit.currentPath = str(folder / "not-there")
    ui.inspectFolderButton.click()
    camera.take("error")
    ui.inputPathLineEdit.currentPath = str(folder)
    work = camera.widget.logic.inspect

    def stop(*arguments: Any, run: Any) -> Any:
        ui.cancelButton.click()
        return work(*arguments, run=run)

    camera.widget.logic.inspect = stop
    ui.inspectFolderButton.click()
    del camera.widget.logic.inspect
    camera.take("cancelled")
    camera.during("inspect", ui.inspectFolderButton.click, "busy", (57, 112, "Reading headers"))


def findings(camera: Camera) -> None:
    """The table, a finding, both questions, and what is said afterwards."""
    ui = camera.ui
    camera.unfold("input", "findings")
    camera.take("findings")
    select(camera, "slice-gap", "slice-overlap", "spacing-change")
    camera.take("finding-series")
    ui.showMeButton.click()
    camera.take("finding-show-me")
    camera.during("loadSeries", ui.askDoButton.click, "finding-loading", (11, 28, "Reading slices"))
    camera.take("finding-shown")
    ui.repairButton.click()
    camera.take("finding-repair")
    ui.askCancelButton.click()
    if select(camera, "reg-folding", "reg-grid-does-not-cover", "reg-near-zero"):
        camera.take("finding-registration")
        ui.showMeButton.click()
        camera.take("finding-registration-show-me")
        ui.askDoButton.click()
        camera.take("finding-registration-shown")
    ui.filterLineEdit.text = "no such words"
    camera.take("findings-filtered")
    ui.filterLineEdit.text = ""


def registrations(camera: Camera) -> None:
    """The list, another reading, loading and loaded, and loaded as the standard says."""
    ui = camera.ui
    camera.unfold("registrations")
    ui.registrationsTable.clearSelection()
    camera.take("registrations")
    names = [one.series_description for one in camera.widget.panel.inspection.registrations]
    ui.registrationsTable.selectRow(max(range(len(names)), key=lambda row: "voxels" in names[row]))
    ui.readAsComboBox.currentIndex = 1
    camera.take("registrations-read-as")
    camera.during("loadRegistration", ui.loadButton.click, "registrations-loading", (3, 7, "Reading vectors"))
    camera.take("registrations-loaded")
    ui.readAsComboBox.currentIndex = 0
    ui.loadButton.click()
    camera.take("registrations-as-written")


def quality(camera: Camera) -> None:
    """Before, during and after measuring, with the images of the registration where there are some."""
    ui, slicer = camera.ui, camera.slicer
    camera.unfold("quality")
    camera.take("quality-not-measured")
    volumes = {}
    for series in camera.widget.panel.inspection.series:
        if series.main_stack is not None and series.main_stack.frame_of_reference_uid not in volumes:
            volumes[series.main_stack.frame_of_reference_uid] = series
    for item in camera.widget.panel.registrations.view.selected().items:
        frames = (item.registered_frame_uid, item.source_frame_uid)
        if all(frame in volumes for frame in frames):
            fixed, moving = (camera.widget.logic.loadSeries(volumes[frame])[0] for frame in frames)
            ui.qualityFixedSelector.setCurrentNode(fixed)
            ui.qualityMovingSelector.setCurrentNode(moving)
    camera.during("measureQuality", ui.measureButton.click, "quality-busy", (4, 11, "Jacobian determinant"))
    camera.take("quality-measured")
    transforms = slicer.util.getNodesByClass("vtkMRMLTransformNode")
    repaired = [node for node in transforms if "repaired" in node.GetName() and node.IsA("vtkMRMLGridTransformNode")]
    if repaired:
        ui.qualityTransformSelector.setCurrentNode(repaired[0])
        ui.measureButton.click()
        camera.take("quality-repaired")
    ui.showMaskButton.click()
    camera.take("quality-shown")
    assert slicer.mrmlScene is not None


def series(camera: Camera) -> None:
    """Each way to make a series regular, loading, loaded, before and after, saved, checked, two volumes compared."""
    ui = camera.ui
    camera.unfold("series")
    for index in range(ui.modeComboBox.count):
        ui.modeComboBox.currentIndex = index
        camera.take(f"series-{index + 1}")
    ui.modeComboBox.currentIndex = 1
    camera.during("loadSeries", ui.loadSeriesButton.click, "series-loading", (11, 28, "Reading slices"))
    camera.take("series-loaded")
    camera.slicer.app.playMainWindow(True)
    ui.beforeAfterButton.click()
    camera.take("series-before-after")
    camera.slicer.app.playMainWindow(False)
    with tempfile.TemporaryDirectory(prefix="DicomRegInspector-saved-") as folder:
        saving = camera.widget.panel.series.saving
        ask, saving.ask = saving.ask, lambda: folder
        camera.during("saveSeries", ui.saveSeriesButton.click, "series-saving", (20, 37, "Writing DICOM"))
        saving.ask = ask
    camera.take("series-saved")
    ui.checkPixelsButton.click()
    camera.take("series-pixels-checked")
    ui.spacingSpinBox.value = 0.001
    camera.take("series-refused")
    ui.spacingSpinBox.value = 0.0
    ui.compareCollapsibleButton.collapsed = False
    volumes = camera.slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    ui.compareASelector.setCurrentNode(volumes[-2])
    ui.compareBSelector.setCurrentNode(volumes[-1])
    ui.compareButton.click()
    camera.take("series-compared")
    ui.compareCollapsibleButton.collapsed = True


def widths_and_dark(camera: Camera) -> None:
    """Everything at once: narrow, wide, dark."""
    camera.unfold(*SECTIONS)
    select(camera, "slice-gap", "slice-overlap", "spacing-change")
    camera.ui.repairButton.click()
    for name, width in (("narrow", NARROW), ("wide", WIDE)):
        camera.width = width
        camera.take(name)
    camera.width = WIDTH
    camera.theme(dark=True)
    camera.take("dark")
    for sections in (("input", "findings"), ("series",), ("quality",)):
        camera.unfold(*sections)
        camera.take(f"dark-{sections[-1]}")
    camera.theme(dark=False)


def main(output: Path, folder: Path) -> None:
    """All pictures."""
    camera = Camera(output)
    begin_and_fail(camera, folder)
    findings(camera)
    registrations(camera)
    quality(camera)
    series(camera)
    widths_and_dark(camera)
    print(f"{len(list(output.glob('panel-*.png')))} pictures in {output}")


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="DicomRegInspector-") as made:
        if len(sys.argv) == 2:
            slicer_standin.install()
            from DicomRegInspectorLib.samples import make_samples
            from panel_steps import write_folding

            make_samples(Path(made))
            write_folding(Path(made) / "folded.dcm", "SYNTHETIC, folds")
        main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else Path(made))
