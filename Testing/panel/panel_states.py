"""The panel's states, and for each control of the .ui files the one in which it is of use.

Walked through by the tests under the stand-in, and in the application itself by ``Testing/in_slicer``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from DicomRegInspectorLib.panel.selftests.files import KnownField, write_ct_stack, write_deformable, write_phases
from ui_files import elements, section_of

INTERACTIVE = {
    "ctkCollapsibleButton",
    "ctkComboBox",
    "ctkPathLineEdit",
    "QCheckBox",
    "QComboBox",
    "QDoubleSpinBox",
    "QLineEdit",
    "QPushButton",
    "QSpinBox",
    "QTableWidget",
    "QTextBrowser",
    "QToolButton",
    "qMRMLCheckableNodeComboBox",
    "qMRMLNodeComboBox",
}
KINDS = {
    element.attrib["name"]: element.attrib["class"]
    for element in elements("widget")
    if element.attrib["class"] in INTERACTIVE
}
GAP_MM = (0.0, 2.0, 4.0, 4.0, 8.0, 10.0, 12.0, 14.0)
"""A slice is missing, and one is there twice."""


class PanelStates:
    """The panel with a study of everything: brings it into states, tells what can be seen."""

    def __init__(self, application: Any, widget: Any, folder: Path) -> None:
        self.application, self.widget, self.ui, self.folder = application, widget, widget.ui, folder

    # What differs between the application and the stand-in.

    def answer_file(self, path: Path) -> None:
        """Have the next dialog for a file or a folder answered with this one."""
        raise NotImplementedError

    def opened(self) -> list[str]:
        """What other programs were asked to open."""
        raise NotImplementedError

    def tick(self, class_name: str) -> None:
        """Tick the first node of a class in Apply's box."""
        raise NotImplementedError

    def show_window(self) -> None:
        """Have a main window, whose layout can change, where that is a choice."""

    def written(self) -> PanelStates:
        import pydicom

        write_ct_stack(self.folder / "gap", GAP_MM)
        write_deformable(self.folder / "reg.dcm", KnownField())
        dataset = pydicom.dcmread(self.folder / "reg.dcm")
        grid = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
        vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(7, 6, 5, 3).copy()
        vectors[3, 2, 2, 0] += 20
        grid.VectorGridData = vectors.tobytes()
        dataset.save_as(self.folder / "reg.dcm")
        return self

    # The states, each built on the one before.

    def empty(self) -> None:
        """Nothing done yet."""

    def folder_chosen(self) -> None:
        self.written().ui.inputPathLineEdit.currentPath = str(self.folder)

    def file_answered(self) -> None:
        self.written()
        self.answer_file(self.folder / "reg.dcm")

    def inspected(self) -> None:
        self.folder_chosen()
        self.ui.inspectFolderButton.click()

    def finding(self) -> None:
        self.inspected()
        self.select("slice-gap")

    def asking(self) -> None:
        self.finding()
        self.ui.repairButton.click()

    def report_asked(self) -> None:
        self.inspected()
        self.answer_file(self.folder / "report.html")

    def report_written(self) -> None:
        self.report_asked()
        self.ui.saveReportButton.click()

    def registration(self) -> None:
        self.inspected()
        self.ui.registrationsTable.selectRow(0)

    def loaded(self) -> None:
        self.registration()
        self.ui.loadButton.click()

    def judged(self) -> None:
        """Loaded, with something of every class in the scene that it can be judged by."""
        self.loaded()
        scene = self.application.mrmlScene
        for class_name in ("vtkMRMLLabelMapVolumeNode", "vtkMRMLMarkupsFiducialNode"):
            scene.AddNewNodeByClass(class_name, "judge")
        self.ui.loadSeriesButton.click()

    def applying(self) -> None:
        """A transform chosen, with images and points in the scene that it can be applied to."""
        self.judged()
        self.ui.applyCollapsibleButton.collapsed = False

    def ticked(self) -> None:
        self.applying()
        self.tick("vtkMRMLMarkupsFiducialNode")

    def measured(self) -> None:
        self.loaded()
        self.ui.measureButton.click()

    def measured_in_regions(self) -> None:
        """Measured inside a label that covers the grid."""
        self.loaded()
        labels = self.application.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels")
        self.application.util.updateVolumeFromArray(labels, np.ones((100, 100, 100), np.uint8))
        labels.SetOrigin(-50, -50, -50)
        self.ui.qualitySegmentsSelector.setCurrentNode(labels)
        self.ui.measureButton.click()

    def pictured(self) -> None:
        """Measured, both images chosen."""
        self.judged()
        every = self.application.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        volume = next(node for node in every if node.GetClassName() == "vtkMRMLScalarVolumeNode")
        self.ui.measureButton.click()
        for selector in (self.ui.qualityFixedSelector, self.ui.qualityMovingSelector):
            selector.setCurrentNode(volume)

    def exporting(self) -> None:
        self.pictured()
        self.answer_file(self.folder / "saved.dcm")

    def layout_changed(self) -> None:
        self.show_window()
        self.measured()
        self.ui.showHistogramsButton.click()

    def two_registrations(self) -> None:
        self.folder_chosen()
        write_deformable(self.folder / "other.dcm", KnownField())
        self.ui.inspectFolderButton.click()

    def two_series(self) -> None:
        self.folder_chosen()
        write_ct_stack(self.folder / "regular", (0.0, 2.0, 4.0))
        self.ui.inspectFolderButton.click()

    def two_stacks(self) -> None:
        import pydicom

        self.folder_chosen()
        for number in (7, 8):
            path = self.folder / "gap" / f"slice{number:03d}.dcm"
            dataset = pydicom.dcmread(path)
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
            dataset.ImagePositionPatient = [0.0, 3.0 * number, 50.0]
            dataset.save_as(path)
        self.ui.inspectFolderButton.click()

    def resampling(self) -> None:
        self.inspected()
        self.ui.modeComboBox.currentIndex = 1

    def resampling_like_another(self) -> None:
        self.series_loaded()
        self.ui.modeComboBox.currentIndex = 1

    def overlapping(self) -> None:
        write_ct_stack(self.folder / "overlap", (0.0, 2.0, 4.0, 4.8, 6.0, 8.0, 10.0))
        self.ui.inputPathLineEdit.currentPath = str(self.folder)
        self.ui.inspectFolderButton.click()
        self.ui.modeComboBox.currentIndex = 1

    def phased(self) -> None:
        write_phases(self.folder / "phases", 3)
        self.ui.inputPathLineEdit.currentPath = str(self.folder / "phases")
        self.ui.inspectFolderButton.click()

    def restacking(self) -> None:
        write_ct_stack(self.folder / "sections", (0.0, 2.0, 4.0, 0.0, 2.0, 4.0))
        self.ui.inputPathLineEdit.currentPath = str(self.folder)
        self.ui.inspectFolderButton.click()
        self.ui.modeComboBox.currentIndex = 4

    def unfolded(self) -> None:
        self.series_loaded()
        self.ui.compareCollapsibleButton.collapsed = False

    def series_loaded(self) -> None:
        self.inspected()
        self.ui.loadSeriesButton.click()

    def saving(self) -> None:
        self.resampling()
        self.answer_file(self.folder / "saved")

    def comparing(self) -> None:
        self.unfolded()
        self.ui.modeComboBox.currentIndex = 1  # what is loaded twice in one way is there once
        self.ui.loadSeriesButton.click()
        nodes = self.application.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        self.ui.compareASelector.setCurrentNode(nodes[0])
        self.ui.compareBSelector.setCurrentNode(nodes[1])

    def select(self, code: str) -> None:
        codes = [row.finding.code for row in self.widget.panel.findings.shown]
        self.ui.findingsTable.selectRow(codes.index(code))

    # What can be seen.

    def seen(self) -> dict[str, object]:
        """Everything of the panel and the scene that a user can see, hear from a screen reader or paste."""
        told: dict[str, object] = {}
        for element in elements("widget"):
            name = element.attrib["name"]
            widget = getattr(self.ui, name, None)
            if widget is None:
                continue
            told[name] = [
                getattr(widget, key)
                for key in ("enabled", "toolTip", "text", "plainText", "currentIndex", "value", "collapsed", "checked")
                if hasattr(widget, key)
            ] + [not widget.isHidden()]
            if hasattr(widget, "rowCount"):
                rows = [index.row() for index in widget.selectionModel().selectedRows()]
                told[name] += [widget.rowCount, rows, self.cells(widget)]
            if hasattr(widget, "currentNode"):
                told[name].append(widget.currentNode())
            if hasattr(widget, "checkedNodes"):
                told[name] += [node.GetID() for node in widget.checkedNodes()]
        nodes = self.application.mrmlScene.GetNodes()
        told["nodes"] = [nodes.GetItemAsObject(index).GetID() for index in range(nodes.GetNumberOfItems())]
        told["views"] = self.views()
        told["clipboard"] = self.application.app.clipboard().text()
        told["opened"] = self.opened()
        return told

    def views(self) -> list[object]:
        layout = self.application.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        told: list[object] = [layout.GetViewArrangement()] if layout is not None else []  # none without a main window
        for composite in self.application.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            told += [composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID(), composite.GetLabelVolumeID()]
        return told

    @staticmethod
    def cells(table: Any) -> list[str]:
        items = [table.item(row, column) for row in range(table.rowCount) for column in range(table.columnCount)]
        return [item.text() if item is not None else "" for item in items]


IN_SECTION: dict[str, Callable[[PanelStates], None]] = {
    "Input": PanelStates.empty,
    "Findings": PanelStates.finding,
    "Registrations": PanelStates.registration,
    "Quality": PanelStates.measured,
    "Series": PanelStates.inspected,
}
"""The state in which most controls of a section are of use."""

ELSEWHERE: dict[str, Callable[[PanelStates], None]] = {
    "inspectFileButton": PanelStates.file_answered,
    "inspectFolderButton": PanelStates.folder_chosen,
    "severityComboBox": PanelStates.inspected,
    "filterLineEdit": PanelStates.inspected,
    "findingsTable": PanelStates.inspected,
    "askDoButton": PanelStates.asking,
    "askOptionsButton": PanelStates.asking,
    "askCancelButton": PanelStates.asking,
    "saveTableButton": PanelStates.inspected,
    "saveReportButton": PanelStates.report_asked,
    "openReportButton": PanelStates.report_written,
    "registrationsTable": PanelStates.two_registrations,
    "applyTransformSelector": PanelStates.applying,
    "applyNodesSelector": PanelStates.applying,
    "applyGridSelector": PanelStates.applying,
    "applyBackCheckBox": PanelStates.applying,
    "applyUnderButton": PanelStates.ticked,
    "applyCopiesButton": PanelStates.ticked,
    "qualityTransformSelector": PanelStates.loaded,
    "qualitySegmentsSelector": PanelStates.judged,
    "qualityFixedSelector": PanelStates.judged,
    "qualityMovingSelector": PanelStates.judged,
    "qualityFixedLandmarksSelector": PanelStates.judged,
    "qualityMovingLandmarksSelector": PanelStates.judged,
    "measureButton": PanelStates.loaded,
    "measuresOfComboBox": PanelStates.measured_in_regions,
    "showComparisonButton": PanelStates.pictured,
    "hideButton": PanelStates.layout_changed,
    "exportTransformButton": PanelStates.exporting,
    "seriesComboBox": PanelStates.two_series,
    "stackComboBox": PanelStates.two_stacks,
    "gridSelector": PanelStates.resampling_like_another,
    "spacingSpinBox": PanelStates.resampling,
    "pixelSpacingSpinBox": PanelStates.resampling,
    "overlapsComboBox": PanelStates.overlapping,
    "sectionOrderLineEdit": PanelStates.restacking,
    "sectionGapSpinBox": PanelStates.restacking,
    "beforeAfterButton": PanelStates.series_loaded,
    "loadSetsButton": PanelStates.phased,
    "saveAsComboBox": PanelStates.resampling,
    "saveSeriesButton": PanelStates.saving,
    "compareASelector": PanelStates.unfolded,
    "compareBSelector": PanelStates.unfolded,
    "compareButton": PanelStates.comparing,
}
"""The state in which each of the others is of use."""

STOPPED_BY: dict[str, tuple[Callable[[PanelStates], None], str, str, str]] = {
    "cancelButton": (PanelStates.folder_chosen, "inspect", "inspectFolderButton", "statusLabel"),
    "findingsCancelButton": (PanelStates.asking, "loadSeries", "askDoButton", "findingsStatusLabel"),
    "registrationsCancelButton": (
        PanelStates.registration,
        "loadRegistration",
        "loadButton",
        "registrationsStatusLabel",
    ),
    "qualityCancelButton": (PanelStates.loaded, "measureQuality", "measureButton", "qualityStatusLabel"),
    "seriesCancelButton": (PanelStates.inspected, "loadSeries", "loadSeriesButton", "seriesStatusLabel"),
}
"""For each Cancel: the state, the logic's method that takes long, the button that begins it, and where it is told."""

STATES = {name: ELSEWHERE.get(name, IN_SECTION[section_of(name)]) for name in KINDS if name not in STOPPED_BY}
"""The state in which each control is of use."""
