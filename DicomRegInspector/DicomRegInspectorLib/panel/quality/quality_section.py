"""The panel's section Quality: choose a transform, measure it beside the application, see what came out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import Cancelled
from ...registration.measures.rows import rows_of
from ...scene.quality.node_quality import NodeQuality
from ..job import Endings, Section
from ..navigation import Drawing
from ..sections import bring_into_view, fit_height
from ..worker import Worker
from .quality_shows import QualityShows, ShowWidgets
from .quality_words import verdict
from .transform_export import ExportWidgets, TransformExport

if TYPE_CHECKING:
    import ctk

    from ..logic import InspectorLogic


MOST_ROWS = 12
"""Measures that are seen at once; of more the table scrolls."""


class QualityWidgets(ShowWidgets, ExportWidgets, Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    qualityCollapsibleButton: ctk.ctkCollapsibleButton
    qualitySegmentsSelector: slicer.qMRMLNodeComboBox
    qualityFixedLandmarksSelector: slicer.qMRMLNodeComboBox
    qualityMovingLandmarksSelector: slicer.qMRMLNodeComboBox
    measureButton: qt.QPushButton
    qualityProgressWidget: qt.QWidget
    qualityProgressBar: qt.QProgressBar
    qualityCancelButton: qt.QPushButton
    qualityStatusLabel: qt.QLabel
    verdictLabel: qt.QLabel
    measuresOfLabel: qt.QLabel
    measuresOfComboBox: ctk.ctkComboBox
    measuresTable: qt.QTableWidget


class QualitySection(Section):
    """Connects the widgets of the section with the module's logic.

    Parameters
    ----------
    on_measured
        Called with what the section shows, None for nothing, each time that it changes.
    drawing
        What all sections show in the views.
    files
        Gives the files of images that were inspected, by SOP Instance UID.
    """

    def __init__(
        self,
        ui: QualityWidgets,
        logic: InspectorLogic,
        on_busy: Callable[[bool], None],
        on_measured: Callable[[NodeQuality | None], None] = lambda result: None,
        drawing: Drawing | None = None,
        files: Callable[[], dict[str, str]] = dict,
    ) -> None:
        progress = (ui.qualityProgressWidget, ui.qualityProgressBar, ui.qualityCancelButton)
        super().__init__(ui.qualityCollapsibleButton, ui.qualityStatusLabel, progress, on_busy)
        self._ui, self._logic, self._on_measured = ui, logic, on_measured
        self.result: NodeQuality | None = None
        """What the section shows."""
        self._shows = QualityShows(ui, logic, self.say, self._job, drawing or Drawing())
        self.exporting = TransformExport(ui, logic, self.say, self._job, files)
        table = ui.measuresTable
        table.setColumnCount(3)
        table.setHorizontalHeaderLabels([_("Measure"), _("Value"), _("Unit")])
        table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
        for column in (1, 2):
            table.horizontalHeader().setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
        ui.qualityTransformSelector.connect("currentNodeIDChanged(QString)", self._transform_chosen)
        for selector in self._judges():
            selector.connect("currentNodeIDChanged(QString)", self._judge_chosen)
        ui.measureButton.connect("clicked()", self.measure)
        ui.measuresOfComboBox.connect("currentIndexChanged(int)", self._fill_table)
        self._set_busy(False)
        self.reset()

    def reset(self) -> None:
        """Show nothing, as at the beginning."""
        self._show(None)
        self.note(self._nothing_measured())

    def close(self) -> None:
        """Stop what is under way and let go of what was measured."""
        super().close()
        self.result = None
        self._shows.forget()

    def choose(self, node: slicer.vtkMRMLTransformNode) -> None:
        """Take a transform that was just loaded."""
        self._ui.qualityTransformSelector.setCurrentNode(node)

    def _judges(self) -> tuple[Any, ...]:
        ui = self._ui
        return (
            ui.qualitySegmentsSelector,
            ui.qualityFixedSelector,
            ui.qualityMovingSelector,
            ui.qualityFixedLandmarksSelector,
            ui.qualityMovingLandmarksSelector,
        )

    def _transform_chosen(self, *_arguments: object) -> None:
        """Another transform: its own images are taken where it names them, and what was measured is not its own."""
        node = self._ui.qualityTransformSelector.currentNode()
        if node is not None:
            for selector, role in (
                (self._ui.qualityFixedSelector, node.GetFixedNodeReferenceRole()),
                (self._ui.qualityMovingSelector, node.GetMovingNodeReferenceRole()),
            ):
                volume = node.GetNodeReference(role)
                if volume is not None and volume.IsA("vtkMRMLScalarVolumeNode"):
                    selector.setCurrentNode(volume)
        self._forget_another_s(node)
        self._set_busy(self.busy)

    def _judge_chosen(self, *_arguments: object) -> None:
        self._shows.update(self.result)
        self.exporting.update()

    def _forget_another_s(self, node: slicer.vtkMRMLTransformNode | None) -> None:
        if self.busy:
            return
        if self.result is None or node is None or node.GetID() != self.result.key:
            self.reset()

    def _nothing_measured(self) -> str:
        if self._ui.qualityTransformSelector.currentNode() is None:
            return _("Choose a transform in the scene, or load a registration above.")
        return _("Not measured yet.")

    def measure(self) -> None:
        """Measure the chosen transform with what is chosen to judge it by."""
        node = self._ui.qualityTransformSelector.currentNode()
        if self.busy:
            return
        if node is None:
            self.say(_("Choose a transform first."))
            self._ui.qualityTransformSelector.setFocus()
            return
        result = self._job.run(
            lambda worker: self._measure(node, worker),
            Endings(
                title=_("The transform was not measured."),
                refused=_("Not measured: {error}"),
                cancelled=_("Cancelled. What is shown is from before.") if self.result else _("Cancelled."),
            ),
        )
        if result is not None:
            self.say(_("Measured {name}: {source}.").format(name=result.name, source=result.field.source))
        if not self._job.closed:
            self._finish(result)

    def _measure(self, node: slicer.vtkMRMLTransformNode, worker: Worker[NodeQuality]) -> NodeQuality:
        judges = [selector.currentNode() for selector in self._judges()]
        going_on = worker.here(0, 0, _("Reading the scene"))
        # The scene may have been closed in the meantime, and the widgets with the application.
        if not going_on or any(judge is not None and judge.GetScene() is None for judge in (node, *judges)):
            raise Cancelled("measuring was cancelled")
        segments, fixed, moving, first, second = judges
        return self._logic.measureQuality(
            node, segments, fixed, moving, worker.here, fixedLandmarks=first, movingLandmarks=second, run=worker.run
        )

    def _finish(self, result: NodeQuality | None) -> None:
        if result is not None:
            self._show(result)
            bring_into_view(self._ui.verdictLabel, self._ui.qualityStatusLabel)
        # The scene may have been closed, or the transform removed, while it was measured.
        chosen = self._ui.qualityTransformSelector.currentNode()
        if self.result is not None and (chosen is None or chosen.GetID() != self.result.key):
            self.reset()

    def _set_busy(self, busy: bool) -> None:
        ui = self._ui
        chosen = ui.qualityTransformSelector.currentNode() is not None
        ui.measureButton.enabled = chosen and not busy
        for selector in (ui.qualityTransformSelector, *self._judges()):
            selector.enabled = not busy
        self._shows.update(None if busy else self.result)
        self.exporting.update()

    def _show(self, result: NodeQuality | None) -> None:
        self.result = result
        self._on_measured(result)
        self._offer_regions(result)
        self._fill_table()
        self._ui.verdictLabel.text = verdict(result) if result is not None else ""
        self._ui.verdictLabel.visible = result is not None
        self._shows.update(result)
        if result is None:
            self._shows.forget()

    def _offer_regions(self, result: NodeQuality | None) -> None:
        """The whole and each segment; nothing to choose where no segment was measured."""
        regions = (result.regions or ()) if result is not None else ()
        combo = self._ui.measuresOfComboBox
        combo.clear()  # the choice that goes with it is told, and fills the table once more: it is small
        combo.addItem(_("Whole transform"))
        for region in regions:
            combo.addItem(region.name)
        for widget in (combo, self._ui.measuresOfLabel):
            widget.visible = bool(regions)

    def _fill_table(self, *_arguments: object) -> None:
        """The measures of what is chosen."""
        result, table = self.result, self._ui.measuresTable
        chosen = self._ui.measuresOfComboBox.currentIndex - 1
        if result is None:
            rows = []
        elif 0 <= chosen < len(result.regions or ()):
            rows = result.regions[chosen].rows
        else:
            rows = rows_of(result.quality.measures)
        table.setRowCount(0)
        table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, text in enumerate((row.measure, row.text, "" if row.shown[1] == "1" else row.shown[1])):
                table.setItem(number, column, qt.QTableWidgetItem(text))
        fit_height(table, MOST_ROWS)
        table.visible = bool(rows)
