"""What the buttons below the measures make in the scene, and how it is brought into view.

What takes long is computed in a thread, behind the section's bar and its Cancel button; the nodes are made afterwards,
in the application's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import slicer
from slicer.i18n import tr as _

from ...errors import Cancelled
from ...registration.measures.histograms import jacobian_histogram
from ...scene.layouts import ComparisonVolumes
from ...scene.quality.histograms import displacement_histograms, place_histograms
from ...scene.quality.node_quality import NodeQuality
from ...scene.quality.quality_arrays import QualityArrays, quality_arrays
from ...scene.quality.quality_views import QualityVolumes, Subject, place_quality_volumes
from ...scene.quality.transform_display import main_direction, show_transform
from ...scene.quality.warping import Comparison, compare_images, gather_comparison, place_comparison
from ...scene.transforms.loaded import frame_of_transform
from ...scene.transforms.node_field import WorldField
from ...scene.volumes import volume_lattice
from ..job import Endings, Job
from ..navigation import (
    Drawing,
    show_arrows,
    show_comparison_layout,
    show_histograms_layout,
    show_layers,
    show_position,
    show_table,
)
from ..worker import Worker

if TYPE_CHECKING:
    import qt

    from ..logic import InspectorLogic

OVERLAY = 0.6
"""Opacity of a measure's colours over the fixed image: the anatomy stays to be seen."""


class ShowWidgets(Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    qualityFixedSelector: slicer.qMRMLNodeComboBox
    qualityMovingSelector: slicer.qMRMLNodeComboBox
    showJacobianButton: qt.QPushButton
    showMagnitudeButton: qt.QPushButton
    showMaskButton: qt.QPushButton
    showGlyphsButton: qt.QPushButton
    showHistogramsButton: qt.QPushButton
    showComparisonButton: qt.QPushButton
    hideButton: qt.QPushButton
    qualityTablesButton: qt.QPushButton


class QualityShows:
    """The show buttons: enabled for what was measured, each makes its nodes and shows them in place of what was shown.

    A button stays pressed as long as its show is to be seen; pressed again it hides it.
    """

    def __init__(
        self, ui: ShowWidgets, logic: InspectorLogic, say: Callable[[str], None], job: Job, drawing: Drawing
    ) -> None:
        self._ui, self._logic, self._say, self._job, self._drawing = ui, logic, say, job, drawing
        self._result: NodeQuality | None = None
        self._made: tuple[NodeQuality, str, QualityArrays, QualityVolumes] | None = None
        self._buttons = {
            "jacobian": ui.showJacobianButton,
            "magnitude": ui.showMagnitudeButton,
            "mask": ui.showMaskButton,
            "glyphs": ui.showGlyphsButton,
            "histograms": ui.showHistogramsButton,
            "comparison": ui.showComparisonButton,
        }
        for what, button in self._buttons.items():
            button.connect("clicked()", partial(self._toggle, what))
        ui.qualityTablesButton.connect("clicked()", partial(self._run, self.tables))
        ui.hideButton.connect("clicked()", self.hide)
        drawing.on_change = self._press_buttons

    def _begin(self, what: str, result: NodeQuality) -> None:
        self._drawing.begin(f"{what} of {result.key}")

    def _is_shown(self, what: str) -> bool:
        return self._result is not None and self._drawing.what == f"{what} of {self._result.key}"

    def _press_buttons(self) -> None:
        for what, button in self._buttons.items():
            button.checked = self._is_shown(what)

    def _toggle(self, what: str) -> None:
        if self._is_shown(what):
            self.hide()
        else:
            self._run(getattr(self, what))
        if not self._job.closed:
            self._press_buttons()

    def update(self, result: NodeQuality | None) -> None:
        """Offer what there is to show of a result."""
        self._result = result
        ui = self._ui
        curved = result is not None and isinstance(result.field, WorldField)
        for button in (
            ui.showJacobianButton,
            ui.showMagnitudeButton,
            ui.showMaskButton,
            ui.showGlyphsButton,
            ui.showHistogramsButton,
        ):
            button.enabled = curved
        both = ui.qualityFixedSelector.currentNode() is not None and ui.qualityMovingSelector.currentNode() is not None
        ui.showComparisonButton.enabled = result is not None and both
        ui.qualityTablesButton.enabled = result is not None
        self._press_buttons()

    def forget(self) -> None:
        """Let go of volumes that were made: they would stay in memory when the scene they were in is closed."""
        self._made = None

    def hide(self) -> None:
        """Take away what is shown, whichever button showed it; the views and the layout are as before."""
        self._say(_("Hidden.") if self._drawing.hide() else _("Nothing is shown from here."))

    def _run(self, show: Callable[[NodeQuality, Worker[Any]], str]) -> None:
        """Show something; what goes wrong is said, not raised."""
        result = self._result
        if result is None:
            return
        sentence = self._job.run(
            lambda worker: show(result, worker),
            Endings(
                title=_("It cannot be shown."),
                refused=_("Not shown: {error}"),
                cancelled=_("Cancelled; nothing was made."),
            ),
        )
        if sentence is not None:
            self._say(sentence)

    def _fixed(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        return self._ui.qualityFixedSelector.currentNode()

    def _compute(self, worker: Worker[Any], function: Callable[[Any], Any], *nodes: slicer.vtkMRMLNode | None) -> Any:
        """In a thread; given up when one of the nodes that it is about left the scene in the meantime."""
        made = worker.run(function)
        if self._job.closed or any(node is not None and node.GetScene() is None for node in nodes):
            raise Cancelled("what was to be shown is not in the scene any more")
        return made

    def _volumes(self, result: NodeQuality, worker: Worker[Any]) -> tuple[QualityArrays, QualityVolumes]:
        """The volumes of the result, made at the first use and again when one was removed or the image changed."""
        fixed, node = self._fixed(), slicer.mrmlScene.GetNodeByID(result.key)
        fixed_id = fixed.GetID() if fixed is not None else ""
        if self._made is not None:
            made_of, made_for, arrays, volumes = self._made
            nodes = (volumes.jacobian, volumes.magnitude, volumes.mask)
            if made_of is result and made_for == fixed_id and all(map(slicer.mrmlScene.IsNodePresent, nodes)):
                return arrays, volumes
        lattice = volume_lattice(fixed) if fixed is not None else None
        arrays = self._compute(
            worker, lambda progress: quality_arrays(result.field, lattice, progress), node, fixed
        )  # fmt: skip
        volumes = place_quality_volumes(slicer.mrmlScene, arrays)
        self._made = (result, fixed_id, arrays, volumes)
        return arrays, volumes

    def _show(
        self,
        result: NodeQuality,
        overlay: slicer.vtkMRMLVolumeNode | None = None,
        label: slicer.vtkMRMLVolumeNode | None = None,
    ) -> None:
        """Show a measure over the fixed image, or over what the user has there."""
        frame = frame_of_transform(slicer.mrmlScene.GetNodeByID(result.key))
        show_layers(self._fixed(), overlay, label, OVERLAY, frame_uid=frame)

    def jacobian(self, result: NodeQuality, worker: Worker[Any]) -> str:
        """Show the determinants over the fixed image, at the smallest of them."""
        volume = self._volumes(result, worker)[1].jacobian
        self._begin("jacobian", result)
        self._show(result, volume)
        _go_to(result, result.quality.jacobian.min_index)
        return _("{name} is shown in the slice views, at its smallest value.").format(name=volume.GetName())

    def magnitude(self, result: NodeQuality, worker: Worker[Any]) -> str:
        """Show the lengths over the fixed image, at the longest of them."""
        volume = self._volumes(result, worker)[1].magnitude
        self._begin("magnitude", result)
        self._show(result, volume)
        _go_to(result, result.quality.vectors.max_index)
        return _("{name} is shown in the slice views, at its largest value.").format(name=volume.GetName())

    def mask(self, result: NodeQuality, worker: Worker[Any]) -> str:
        """Show the mask as label layer over the fixed image."""
        volumes = self._volumes(result, worker)[1]
        self._begin("mask", result)
        self._show(result, label=volumes.mask)
        if volumes.counts["folded"]:
            _go_to(result, result.quality.jacobian.min_index)
        counts = ", ".join(
            _("{what}: {count}").format(count=volumes.counts[key], what=what)
            for key, what in (
                ("folded", _("folded")),
                ("undefined", _("undefined")),
                ("uncovered", _("outside the grid")),
            )
            if volumes.counts[key]
        )
        if counts:
            return _("The mask shows voxels, {counts}.").format(counts=counts)
        return _("The mask is empty: no voxel is folded, undefined or outside the grid.")

    def glyphs(self, result: NodeQuality, worker: Worker[Any]) -> str:
        """Show Slicer's own display of the transform over the fixed image, at the longest displacement."""
        volumes = self._volumes(result, worker)[1]
        node = slicer.mrmlScene.GetNodeByID(result.key)
        self._begin("glyphs", result)
        self._show(result)
        told = arrows_in_words(node, result.field, volumes, self._fixed())
        _go_to(result, result.quality.vectors.max_index)
        return told

    def histograms(self, result: NodeQuality, worker: Worker[Any]) -> str:
        """Show three charts beside the slice views, with the determinants over the fixed image."""
        arrays, volumes = self._volumes(result, worker)

        def count(progress: Any) -> Any:
            found = displacement_histograms(result.field, progress)
            found["jacobian"] = jacobian_histogram(arrays.determinants)
            return found

        found = self._compute(worker, count, volumes.jacobian, self._fixed())
        charts = place_histograms(slicer.mrmlScene, result.field, found)
        self._begin("histograms", result)
        show_histograms_layout(charts, self._fixed(), volumes.jacobian, OVERLAY)
        _go_to(result, result.quality.jacobian.min_index)
        return _("The charts are: {names}.").format(names="; ".join(chart.GetName() for chart in charts.values()))

    def comparison(self, result: NodeQuality, worker: Worker[Any]) -> str:
        """Show fixed, moving as loaded, moving registered and their difference, side by side."""
        fixed, moving = self._fixed(), self._ui.qualityMovingSelector.currentNode()
        node = slicer.mrmlScene.GetNodeByID(result.key)
        labels = self._volumes(result, worker)[0].labels if isinstance(result.field, WorldField) else None
        inputs = gather_comparison(node, fixed, moving)
        arrays = self._compute(
            worker, lambda progress: compare_images(inputs, labels, progress), node, fixed, moving
        )  # fmt: skip
        subject = Subject(result.name, result.key, result.field.source)
        made = place_comparison(slicer.mrmlScene, arrays, fixed, moving, subject)
        self._begin("comparison", result)
        shown = show_comparison_layout(
            ComparisonVolumes(fixed, made.as_loaded, made.warped, made.difference, made.checkerboard)
        )
        if not shown:
            show_layers(made.checkerboard, made.difference, opacity=0.0)
        return _compared_in_words(made, shown)

    def tables(self, result: NodeQuality, worker: Worker[Any]) -> str:
        """Put everything into table nodes; the segments' is shown where there is one."""
        made = self._logic.createQualityTables(result)
        nodes = [node for node in (made.regions, made.landmarks, made.audit, made.measures) if node is not None]
        show_table(nodes[0])
        return _("The tables are: {names}.").format(names=", ".join(node.GetName() for node in nodes))


def arrows_in_words(
    node: slicer.vtkMRMLTransformNode,
    field: WorldField,
    volumes: QualityVolumes,
    image: slicer.vtkMRMLVolumeNode | None,
) -> str:
    """Show a transform by arrows, and say what they are: from where to where, how long, drawn at which scale.

    In 3-D they are in the image where there is one: a field may reach far beyond it.
    """
    region = image or volumes.magnitude
    display = show_transform(node, field, volumes.drawn_mm, region=region)
    show_arrows(region, main_direction(node, region))
    percent = display.GetGlyphScalePercent()
    scale = _("true to scale") if percent == 100 else _("drawn {factor:g} times as long").format(factor=percent / 100)
    return _(
        "{name} is shown by arrows, from where the moving image has a point to where the registration puts it: up to "
        "{longest:.3g} mm, {scale}; in 3-D the longest alone. Display in the module Transforms has a grid and contours."
    ).format(name=node.GetName(), longest=float(volumes.drawn_mm[-1]), scale=scale)


def _go_to(result: NodeQuality, index: tuple[int, int, int] | None) -> None:
    if index is not None:
        right, front, top, _one = result.field.index_to_ras @ [*index, 1]
        show_position((-right, -front, top))


def _compared_in_words(made: Comparison, shown: bool) -> str:
    if shown:
        text = _(
            "The four views are linked; hold Shift and move the mouse to point at one place in all of them. Fade the "
            "difference out in its view to see a checkerboard."
        )
    else:
        text = _("{name} is shown; the difference is the layer in front.").format(name=made.checkerboard.GetName())
    if made.rms is not None and made.rms_before is not None:
        text += " " + _("RMS difference {before:.4g} before, {after:.4g} after the registration.").format(
            before=made.rms_before, after=made.rms
        )
    return text
