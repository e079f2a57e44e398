"""A stand-in for the parts of a running 3D Slicer that are not in ``slicer-core``: see README.md beside this file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

MODULE_FOLDER = Path(__file__).parents[2] / "DicomRegInspector"

_installed = False
_application: Any = None


def install() -> None:
    """Make ``qt``, ``ctk``, ``DICOMLib`` and the application's side of ``slicer`` importable in this process."""
    global _installed, _application
    if _installed:
        return
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6 import QtCore, QtUiTools, QtWidgets

    QtCore.QCoreApplication.setAttribute(QtCore.Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    _application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["slicer-stand-in"])
    from . import application, ctk_widgets, pythonqt

    class QUiLoader(QtUiTools.QUiLoader):
        def __init__(self, parent: Any = None) -> None:
            super().__init__(parent)
            for widget_class in ctk_widgets.CTK_CLASSES + ctk_widgets.SLICER_WIDGETS:
                self.registerCustomWidget(widget_class)

        def load(self, device: Any, parent: Any = None) -> Any:
            widget = super().load(device, parent)
            ctk_widgets.connect_scene(widget, device.fileName())
            return widget

    sys.modules["qt"] = pythonqt.make_qt_module()
    sys.modules["qt"].QUiLoader = pythonqt.proxy_class(QUiLoader)  # type: ignore[attr-defined]
    sys.modules["ctk"] = ctk_widgets.make_ctk_module()
    application.install_slicer()
    import slicer

    from . import dicom, parameters, sample_data, scripted  # they import qt, ctk and slicer

    modules = scripted.make_modules()
    modules["slicer.parameterNodeWrapper"] = parameters.make_module()
    for name, module in modules.items():
        sys.modules[name] = module
        setattr(slicer, name.split(".")[1], module)
    sys.modules.update(dicom.make_modules())
    sys.modules["SampleData"] = sample_data.make_module()
    slicer.dicomDatabase = dicom.DicomDatabase()
    _installed = True
