"""Grab the panel as the stand-in draws it, to look at wording and alignment without Slicer.

    python Testing/panel/make_screenshots.py OUTPUT_FOLDER FOLDER_TO_INSPECT

Qt draws it offscreen in its own style; in Slicer it looks otherwise, so these are no pictures for a README.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import slicer_standin


def main(output: Path, folder: Path) -> None:
    """Save the panel before, during and after an inspection, and with a dark palette."""
    slicer_standin.install()
    import slicer
    from PySide6 import QtGui, QtWidgets
    from slicer_standin.application import load_module
    from slicer_standin.pythonqt import unwrap

    load_module(slicer_standin.MODULE_FOLDER / "DicomRegInspector.py")
    widget = slicer.util.getModuleWidget("DicomRegInspector")
    representation = unwrap(slicer.modules.dicomreginspector.widgetRepresentation())
    output.mkdir(parents=True, exist_ok=True)
    representation.resize(480, 1100)
    representation.show()

    def grab(name: str) -> None:
        for _ in range(5):  # a change of height passes through the layouts one by one
            slicer.app.processEvents()
        representation.grab().save(str(output / f"panel-{name}.png"))

    def grab_busy(path: str, progress: object) -> object:
        progress(57, 112, "Reading headers")
        grab("busy")
        del widget.logic.inspect
        return widget.logic.inspect(path, progress)

    widget.enter()
    grab("empty")
    widget.ui.inputPathLineEdit.currentPath = str(folder)
    widget.logic.inspect = grab_busy
    widget.ui.inspectFolderButton.click()
    grab("done")
    widget.ui.findingsTable.selectRow(0)
    grab("finding")
    palette = QtGui.QPalette()
    for role, colour in (
        ("Window", "#323232"),
        ("Base", "#242424"),
        ("AlternateBase", "#2c2c2c"),
        ("Button", "#3c3c3c"),
    ):
        palette.setColor(getattr(QtGui.QPalette.ColorRole, role), QtGui.QColor(colour))
    for role in ("WindowText", "Text", "ButtonText", "PlaceholderText"):
        palette.setColor(getattr(QtGui.QPalette.ColorRole, role), QtGui.QColor("#e6e6e6"))
    QtWidgets.QApplication.setPalette(palette)
    widget.ui.registrationsTable.selectRow(0)
    widget.ui.loadButton.click()
    grab("dark")
    QtWidgets.QApplication.setPalette(QtGui.QPalette())
    for section in ("input", "findings", "series"):
        getattr(widget.ui, section + "CollapsibleButton").collapsed = True
    widget.ui.readAsComboBox.currentIndex = 1
    grab("quality-empty")
    measure = widget.logic.measureQuality

    def grab_measuring(*arguments: object, **keywords: object) -> object:
        arguments[4](4, 11, "Jacobian determinant")
        grab("quality-busy")
        return measure(*arguments, **keywords)

    widget.logic.measureQuality = grab_measuring
    widget.ui.measureButton.click()
    del widget.logic.measureQuality
    grab("quality-done")
    widget.ui.showMaskButton.click()
    grab("quality-mask")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
