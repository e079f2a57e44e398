"""What the extension adds to the start of the application, against an empty scripted module.

In fresh interpreters with slicer-core and the tests' stand-in for the application loaded (the base classes of scripted
modules are not in slicer-core), bytecode cached: importing each module file, making its module object, and what is
called when the start is completed. Before that one widget of each kind is made, as any application has done by then;
without, most of the time would be Qt's for its first fonts. The peer is a module file with nothing in it but the
classes that Slicer's template has, measured in the same run.

    python Benchmarks/startup.py [--repeat N]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from harness import LIBRARY, as_installed, machine

TESTING = LIBRARY.parent / "Testing"

EMPTY = """
import vtk
import slicer
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule, ScriptedLoadableModuleLogic, ScriptedLoadableModuleTest, ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin
from slicer import vtkMRMLScalarVolumeNode


class EmptyModule(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        slicer.app.connect("startupCompleted()", self.afterStartup)

    def afterStartup(self):
        pass


@parameterNodeWrapper
class EmptyModuleParameterNode:
    inputVolume: vtkMRMLScalarVolumeNode
    invert: bool = False


class EmptyModuleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    pass


class EmptyModuleLogic(ScriptedLoadableModuleLogic):
    pass


class EmptyModuleTest(ScriptedLoadableModuleTest):
    pass
"""

CHILD = """
import json, sys, time
from pathlib import Path
import slicer_standin
slicer_standin.install()
import slicer, qt, ctk
from slicer_standin.application import load_module
slicer.app.playMainWindow(True)
warm = [qt.QGroupBox("x"), qt.QDoubleSpinBox(), qt.QCheckBox("x"), qt.QLabel("x"), ctk.ctkComboBox(),
        ctk.ctkSettingsPanel()]
forms = [qt.QFormLayout(warm[0]), qt.QVBoxLayout(warm[-1])]
warm[1].toolTip = "x"
slicer.app.userSettings()
took = {}
for name in sys.argv[1:]:
    started = time.perf_counter()
    load_module(Path(name))
    took[Path(name).name] = time.perf_counter() - started
started = time.perf_counter()
slicer.app.completeStartup()
took["start completed"] = time.perf_counter() - started
print(json.dumps(took))
"""


def run(files: list[Path], bytecode: Path) -> dict[str, float]:
    """Seconds for each step, in a fresh interpreter that keeps its bytecode in a folder."""
    paths = os.pathsep.join(map(str, (TESTING, LIBRARY)))
    environment = {**as_installed(bytecode), "PYTHONPATH": paths, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", CHILD, *map(str, files)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def need_application() -> None:
    """End with a sentence where what stands in for the application is not installed."""
    for package, installed_as in (("PySide6", "PySide6-Essentials"), ("slicer", "slicer-core")):
        if find_spec(package) is None:
            sys.exit(
                f"This needs the application's stand-in, and {package} is not installed ({installed_as}); "
                "pip install -c constraints.txt '.[test]' brings everything."
            )


def main() -> None:
    """Print the median of each step, ours and the peer's in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=15)
    repeat = parser.parse_args().repeat
    need_application()
    print(machine())
    ours = [LIBRARY / "DicomRegInspectorPlugin.py", LIBRARY / "DicomRegInspector.py"]
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "EmptyModule.py"
        empty.write_text(EMPTY, encoding="utf-8")
        runs: dict[str, list[float]] = {}
        for number in range(repeat + 1):
            for who, files in (("ours", ours), ("empty", [empty])):
                for step, seconds in run(files, Path(folder) / "bytecode").items():
                    if number:  # the first run writes the bytecode
                        runs.setdefault(f"{who}: {step}", []).append(1000 * seconds)
    for step, times in runs.items():
        print(f"{step:36} {statistics.median(times):7.1f} ms  (least {min(times):.1f})")
    sums = {
        who: sum(statistics.median(times) for step, times in runs.items() if step.startswith(who))
        for who in ("ours", "empty")
    }
    print(f"altogether {sums['ours']:.1f} ms, {sums['ours'] / sums['empty']:.1f} times an empty module's")


if __name__ == "__main__":
    main()
