"""Ending the application in the middle of work: the process has to end at once, and without a crash.

Each time another application is started with this folder's ``run.py``, which begins something long and exits.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import qt
import slicer

from .big_study import write_big_study
from .record import Record, opened_module, settle

LONGEST_S = 2.0
"""From the call that exits to the end of the process."""
PATIENCE_S = 180
AFTER_MS = 1000
"""The work is under way for so long when the application exits."""
LEAVING = "leaving.txt"
"""Holds when the application exited: what it prints itself may come in between, or take letters away."""
WORKS = ("nothing", "inspect", "load-registration", "measure", "save-parametric-map")
TRIES = 2


def leave_in_mid_work(record: Record, folder: Path) -> None:
    """Start applications that leave in the middle of each work."""
    write_big_study(folder)
    for work in WORKS:
        if record.is_wanted(work):
            with record.trying(work) as told:
                told.append(_left(work, folder))


def _left(work: str, folder: Path) -> str:
    seconds = LONGEST_S
    for _ in range(TRIES):
        code, seconds, output = _start(work, folder)
        assert code == 0, f"ended with {code}\n{output[-3000:]}"
        if seconds < LONGEST_S:
            break
    assert seconds < LONGEST_S, f"{seconds:.2f} s until the process had ended"
    return f"ended {seconds:.2f} s after the exit"


def _start(work: str, folder: Path) -> tuple[int, float, str]:
    """Return the exit code, the seconds between exit and end, and what was printed."""
    launcher = slicer.app.launcherExecutableFilePath
    program = launcher if launcher and Path(launcher).is_file() else slicer.app.applicationFilePath()
    module = Path(slicer.util.modulePath("DicomRegInspector")).parent
    script = Path(__file__).with_name("run.py")
    command = [program, "--no-splash", "--additional-module-paths", str(module), "--python-script", str(script)]
    command += ["--leave-during", work, "--data", str(folder)]
    command += [] if slicer.util.mainWindow() else ["--no-main-window"]
    output, leaving = folder / "output.txt", folder / LEAVING
    leaving.unlink(missing_ok=True)
    with output.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        end = time.monotonic() + PATIENCE_S
        while process.poll() is None and time.monotonic() < end:
            settle(20)
        ended = time.time()
        if process.poll() is None:
            process.kill()
            process.wait()
    text = output.read_text(encoding="utf-8", errors="replace")
    assert leaving.exists(), f"it did not come to its work\n{text[-3000:]}"
    return process.returncode, ended - float(leaving.read_text(encoding="ascii")), text


def leave(work: str, folder: Path) -> None:
    """Begin a work in this application, and exit from it."""
    widget = opened_module()
    ui = widget.ui
    settle(500)
    ui.inputPathLineEdit.currentPath = str(folder)
    buttons: dict[str, Any] = {
        "inspect": ui.inspectFolderButton,
        "load-registration": ui.loadButton,
        "measure": ui.measureButton,
        "save-parametric-map": ui.saveSeriesButton,
    }
    if work in ("load-registration", "measure", "save-parametric-map"):
        ui.inspectFolderButton.click()
        ui.registrationsTable.selectRow(0)
    if work == "measure":
        ui.loadButton.click()
    if work == "save-parametric-map":
        ui.modeComboBox.currentIndex = 1
        ui.saveAsComboBox.currentIndex = ui.saveAsComboBox.findData("map")
        saved = folder / f"saved-{time.time_ns()}"
        saved.mkdir()
        widget.panel.series.saving.ask = lambda: str(saved)

    def exit_now() -> None:
        if work != "nothing" and not widget.panel.busy:
            print("the work had ended already", flush=True)
        sys.stdout.flush()
        (folder / LEAVING).write_text(str(time.time()), encoding="ascii")
        slicer.util.exit(0)

    qt.QTimer.singleShot(AFTER_MS, exit_now)
    if work in buttons:
        buttons[work].click()
