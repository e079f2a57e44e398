"""What passed and what did not, with pictures."""

from __future__ import annotations

import re
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer

WIDTH = 118
"""Characters of a line of the table."""


@dataclass(frozen=True)
class Row:
    """One thing that was tried."""

    part: str
    name: str
    passed: bool
    told: str
    seconds: float


class Record:
    """Collects rows, takes pictures, and notices what nobody would: errors of slots, and message boxes.

    Parameters
    ----------
    shots
        Folder for the pictures; none are taken without it.
    names
        What alone is to be tried; empty for everything.
    """

    def __init__(self, shots: Path | None, names: set[str]) -> None:
        self.part = ""
        self.rows: list[Row] = []
        self._shots, self._names = shots, names
        self._unexpected: list[str] = []
        self._taken = 0
        if shots is not None:
            shots.mkdir(parents=True, exist_ok=True)

    def is_wanted(self, name: str) -> bool:
        """Whether something is to be tried."""
        return not self._names or name in self._names

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Keep what slots raise, which a console gets else, and what is shown in boxes that wait for an answer."""
        hook, display = sys.excepthook, slicer.util.errorDisplay

        def raised(kind: type[BaseException], error: BaseException, trace: Any) -> None:
            self._unexpected.append("".join(traceback.format_exception(kind, error, trace)))

        def shown(text: str, *_arguments: object, **_options: object) -> None:
            trace = traceback.format_exc() if sys.exc_info()[0] is not None else ""
            self._unexpected.append(f"{text}\n{trace}")

        sys.excepthook, slicer.util.errorDisplay = raised, shown
        try:
            yield
        finally:
            sys.excepthook, slicer.util.errorDisplay = hook, display

    @contextmanager
    def trying(self, name: str) -> Iterator[list[str]]:
        """Try something: it passes when nothing is raised meanwhile. What is put into the list is told with it."""
        told: list[str] = []
        begin = time.monotonic()
        self._unexpected.clear()
        try:
            yield told
            failed = list(self._unexpected)
        except Exception:
            failed = [*self._unexpected, traceback.format_exc()]
        if failed:
            told = [failed[-1].strip().splitlines()[-1], *told]
            print(f"NOT PASSED {self.part}: {name}\n" + "\n".join(failed), flush=True)
            self.picture(f"failed-{name}")
        row = Row(self.part, name, not failed, "; ".join(told), time.monotonic() - begin)
        self.rows.append(row)
        print(f"{'passed' if row.passed else 'FAILED'} {row.part}: {name} ({row.seconds:.1f} s) {row.told}", flush=True)

    def picture(self, name: str) -> None:
        """Take a picture of the main window; without one, of the module's panel."""
        if self._shots is None:
            return
        settle()
        window = slicer.util.mainWindow() or slicer.util.getModuleWidget("DicomRegInspector").parent
        self._taken += 1
        name = re.sub(r"[^\w-]+", "-", name)
        window.grab().save(str(self._shots / f"{self._taken:03d}-{self.part}-{name}.png"))

    def tell(self) -> int:
        """Print the table; returns the exit code."""
        print("=" * WIDTH)
        for row in self.rows:
            begin = "passed" if row.passed else "FAILED"
            line = f"{begin}  {row.part:10} {row.name:32} {row.seconds:6.1f} s  {row.told}"
            print(" ".join(line.split("\n"))[: WIDTH * 2])
        failed = [row for row in self.rows if not row.passed]
        window = "with" if slicer.util.mainWindow() else "without"
        print(f"{len(self.rows) - len(failed)} of {len(self.rows)} passed, {window} a main window", flush=True)
        return 1 if failed or not self.rows else 0


def settle(milliseconds: int = 150) -> None:
    """Let the event loop run: what was changed is laid out and drawn."""
    end = time.monotonic() + milliseconds / 1000
    while time.monotonic() < end:
        slicer.app.processEvents()
        time.sleep(0.005)


SIZE = (1600, 1000)
"""Of the main window: pictures are of one size on every screen."""


def opened_module() -> Any:
    """Open the module in the main window, where there is one; returns its widget."""
    window = slicer.util.mainWindow()
    if window is not None:
        window.showNormal()
        window.move(0, 0)
        window.resize(*SIZE)
        slicer.util.selectModule("DicomRegInspector")
        settle()
    return slicer.util.getModuleWidget("DicomRegInspector")


def begin_anew(widget: Any) -> None:
    """Empty the scene and the panel, which begins as it does for a user."""
    from DicomRegInspectorLib.panel.navigation import restore_layout

    restore_layout()
    manager = slicer.app.layoutManager()
    if manager is not None:
        manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    slicer.mrmlScene.Clear()
    widget.enter()
    widget.panel.reset()
    ui = widget.ui
    ui.inputPathLineEdit.currentPath = ""
    ui.filterLineEdit.text = ""
    ui.severityComboBox.currentIndex = 0
    for name in ("input", "findings", "registrations", "series"):
        getattr(ui, name + "CollapsibleButton").collapsed = False
    for name in ("quality", "compare"):
        getattr(ui, name + "CollapsibleButton").collapsed = True
