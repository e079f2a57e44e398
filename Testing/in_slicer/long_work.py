"""What takes long, on a grid of 512 × 512 × 141: does the application stay alive, and how fast does Cancel answer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt
import slicer

from .big_study import volume_node, write_big_study
from .event_loop_watch import EventLoopWatch, Pause
from .record import Record, begin_anew, opened_module, settle

MOST_S = 0.1
"""Between two runs of the event loop, but for the views' own making."""
CANCEL_S = 0.3
TRIES = 3
"""Of which the best counts: other programs take their share of the machine."""
AFTERWARDS_MS = 800
"""What was shown is drawn from the event loop."""
CANCEL_AFTER_MS = (600, 150, 40)
"""When Cancel is pressed, in each try: what ends before is tried again earlier."""


@dataclass(frozen=True)
class Work:
    """One button of the panel that begins something long."""

    name: str
    button: str
    cancel: str
    """The Cancel button beside it; empty where there is none to press."""
    status: str
    prepare: Callable[[Any], None] = lambda ui: None
    """Brings the panel into the state before, each time."""


def _fresh_images(ui: Any) -> None:
    """Another fixed image: what was computed for the one before is of no use."""
    ui.hideButton.click()
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    images = [node for node in nodes if node.GetName() in ("Fixed", "Fixed again")]
    other = next(node for node in images if node != ui.qualityFixedSelector.currentNode())
    ui.qualityFixedSelector.setCurrentNode(other)
    ui.qualityMovingSelector.setCurrentNode(slicer.util.getNode("Moving"))


def _registration(ui: Any) -> None:
    ui.registrationsTable.selectRow(0)


def _finding(ui: Any) -> None:
    ui.hideButton.click()
    codes = [row.finding.code for row in slicer.util.getModuleWidget("DicomRegInspector").panel.findings.shown]
    ui.findingsTable.clearSelection()
    ui.findingsTable.selectRow(codes.index("reg-folding"))


def _acquisition(ui: Any) -> None:
    ui.modeComboBox.currentIndex = 0


def _map(ui: Any) -> None:
    ui.modeComboBox.currentIndex = 1
    ui.saveAsComboBox.currentIndex = ui.saveAsComboBox.findData("map")


def _compare(ui: Any) -> None:
    ui.compareASelector.setCurrentNode(slicer.util.getNode("Fixed"))
    ui.compareBSelector.setCurrentNode(slicer.util.getNode("Moving"))


def _apply(ui: Any) -> None:
    ui.applyTransformSelector.setCurrentNode(ui.qualityTransformSelector.currentNode())
    ui.applyGridSelector.setCurrentNode(slicer.util.getNode("Fixed"))
    for node in slicer.util.getNodesByClass("vtkMRMLVolumeNode"):
        ticked = qt.Qt.Checked if node.GetName() == "Moving" else qt.Qt.Unchecked
        ui.applyNodesSelector.setCheckState(node, ticked)


QUALITY = ("qualityCancelButton", "qualityStatusLabel")
SERIES = ("seriesCancelButton", "seriesStatusLabel")
WORKS = (
    Work("inspect", "inspectFolderButton", "cancelButton", "statusLabel"),
    Work("load-registration", "loadButton", "registrationsCancelButton", "registrationsStatusLabel", _registration),
    Work("measure", "measureButton", *QUALITY),
    Work("measure-with-images", "measureButton", *QUALITY, _fresh_images),
    Work("jacobian", "showJacobianButton", *QUALITY, _fresh_images),
    Work("length", "showMagnitudeButton", *QUALITY, _fresh_images),
    Work("mask", "showMaskButton", *QUALITY, _fresh_images),
    Work("arrows", "showGlyphsButton", *QUALITY, _fresh_images),
    Work("histograms", "showHistogramsButton", *QUALITY, _fresh_images),
    Work("comparison", "showComparisonButton", *QUALITY, _fresh_images),
    Work("apply", "applyCopiesButton", "registrationsCancelButton", "applyStatusLabel", _apply),
    Work("show-me", "showMeButton", "findingsCancelButton", "findingsStatusLabel", _finding),
    Work("load-series", "loadSeriesButton", *SERIES, _acquisition),
    Work("before-and-after", "beforeAfterButton", *SERIES),
    Work("check-pixels", "checkPixelsButton", *SERIES),
    Work("compare-volumes", "compareButton", "seriesCancelButton", "compareVerdictLabel", _compare),
    Work("save-parametric-map", "saveSeriesButton", *SERIES, _map),
)
"""In an order in which each finds what it needs."""
FIRST = ("inspect", "load-registration", "measure", "load-series")
"""What others need, done always."""


def measure_long_work(record: Record, folder: Path) -> None:
    """Have each work done and cancelled, and tell the longest pauses."""
    widget = opened_module()
    begin_anew(widget)
    ui = widget.ui
    write_big_study(folder)
    saved = folder / "saved"
    saved.mkdir()
    saving = widget.panel.series.saving
    ask, saving.ask = saving.ask, lambda: str(saved)
    ui.inputPathLineEdit.currentPath = str(folder)
    for name, shift_mm in (("Fixed", 0.0), ("Fixed again", 0.0), ("Moving", 4.0)):
        volume_node(name, shift_mm)
    settle(AFTERWARDS_MS)
    with EventLoopWatch() as watch:
        settle(AFTERWARDS_MS)
    print(f"idle: {_told(watch.longest)}", flush=True)
    try:
        for work in WORKS:
            if record.is_wanted(work.name) or work.name in FIRST:
                with record.trying(work.name) as told:
                    told += [_cancelled(ui, work), _done(ui, work)]
                record.picture(work.name)
    finally:
        saving.ask = ask
        begin_anew(widget)


def _done(ui: Any, work: Work) -> str:
    best, of_all = Pause(float("inf"), float("inf"), ""), ""
    for _ in range(TRIES):
        work.prepare(ui)
        settle(AFTERWARDS_MS)
        begin = time.perf_counter()
        with EventLoopWatch() as watch:
            getattr(ui, work.button).click()
            seconds = time.perf_counter() - begin
            if not ui.askFrame.isHidden():
                ui.askDoButton.click()
            settle(AFTERWARDS_MS)
        said = getattr(ui, work.status).text
        assert said and not re.match(r"Cancelled|Not \w+:", said), said or "nothing was said"
        if watch.longest.own_seconds < best.own_seconds:
            best = watch.longest
            of_all = f"{_told(best)}; with the views' {_told(watch.longest_of_all, whole=True)}; took {seconds:.1f} s"
        if best.own_seconds < MOST_S:
            break
    assert best.own_seconds < MOST_S, of_all
    return of_all


def _told(pause: Pause, whole: bool = False) -> str:
    return f"{1000 * (pause.seconds if whole else pause.own_seconds):.0f} ms ({pause.where})"


def _cancelled(ui: Any, work: Work) -> str:
    """Press Cancel in the middle, and see how long it takes until the panel can be used again."""
    times: list[float] = []
    for milliseconds in CANCEL_AFTER_MS:
        work.prepare(ui)
        pressed: list[float] = []

        def press(pressed: list[float] = pressed) -> None:
            button = getattr(ui, work.cancel)
            if button.visible or not button.window().visible:
                pressed.append(time.perf_counter())
                button.click()

        timer = qt.QTimer()
        timer.setSingleShot(True)
        timer.connect("timeout()", press)
        timer.start(milliseconds)
        getattr(ui, work.button).click()
        end = time.perf_counter()
        timer.stop()
        cancelled = "ancel" in getattr(ui, work.status).text
        if pressed and cancelled:
            times.append(end - pressed[0])
            if times[-1] < CANCEL_S:
                break
    if not times:
        return "ended before it could be cancelled"
    assert min(times) < CANCEL_S, f"Cancel took {min(times):.2f} s"
    return f"Cancel {1000 * min(times):.0f} ms"
