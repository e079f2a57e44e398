"""What the buttons below the measures make in the scene, and how it is brought into view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _
from vtkmodules.util.numpy_support import vtk_to_numpy

from ..errors import DicomRegInspectorError
from ..scene.histograms import add_histograms
from ..scene.node_field import WorldField
from ..scene.node_quality import NodeQuality
from ..scene.quality_views import QualityVolumes, add_quality_volumes
from ..scene.transform_display import show_transform
from ..scene.warping import add_comparison
from .navigation import show_chart, show_position, show_table

OVERLAY = 0.6
"""Opacity of a measure's colours over the fixed image: the anatomy stays to be seen."""


class QualityShows:
    """The show buttons: enabled for what was measured, each makes its nodes and shows them.

    Parameters
    ----------
    ui
        The panel's widgets.
    logic
        The module's logic: ``createQualityTables``.
    say
        Shows a sentence.
    """

    def __init__(self, ui: Any, logic: Any, say: Callable[[str], None]) -> None:
        self._ui, self._logic, self._say = ui, logic, say
        self._result: NodeQuality | None = None
        self._made: tuple[NodeQuality, str, QualityVolumes] | None = None
        for button, show in (
            (ui.showJacobianButton, self.jacobian),
            (ui.showMagnitudeButton, self.magnitude),
            (ui.showMaskButton, self.mask),
            (ui.showGlyphsButton, self.glyphs),
            (ui.showHistogramsButton, self.histograms),
            (ui.showComparisonButton, self.comparison),
            (ui.qualityTablesButton, self.tables),
        ):
            button.connect("clicked()", self._guarded(show))

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
        ui.showComparisonButton.enabled = curved and both
        ui.qualityTablesButton.enabled = result is not None

    def _guarded(self, show: Callable[[], None]) -> Callable[[], None]:
        """What goes wrong is said, not raised; what was measured must still be in the scene."""

        def guarded() -> None:
            if self._result is None:
                return
            done = False
            self._say(_("Working …"))
            self._ui.qualityStatusLabel.repaint()  # at once: seconds go by on the largest grids
            try:
                with slicer.util.tryWithErrorDisplay(_("It cannot be shown."), waitCursor=True):
                    try:
                        show()
                    except DicomRegInspectorError as error:
                        self._say(_("Not shown: {error}").format(error=error))
                    done = True
            finally:
                if not done:
                    self._say(_("It cannot be shown; the application's log says more."))

        return guarded

    def _fixed(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        return self._ui.qualityFixedSelector.currentNode()

    def _volumes(self) -> QualityVolumes:
        """The volumes of the result, made at the first use and again when one was removed or the image changed."""
        fixed = self._fixed()
        fixed_id = fixed.GetID() if fixed is not None else ""
        if self._made is not None:
            result, made_for, volumes = self._made
            nodes = (volumes.jacobian, volumes.magnitude, volumes.mask)
            if result is self._result and made_for == fixed_id and all(map(slicer.mrmlScene.IsNodePresent, nodes)):
                return volumes
        volumes = add_quality_volumes(slicer.mrmlScene, self._result.field, reference=fixed)
        self._made = (self._result, fixed_id, volumes)
        return volumes

    def jacobian(self) -> None:
        """The determinants over the fixed image, at the smallest of them."""
        volume = self._volumes().jacobian
        self._overlay(volume)
        self._go_to(self._result.quality.jacobian.min_index)
        self._say(_("{name} is shown in the slice views, at its smallest value.").format(name=volume.GetName()))

    def magnitude(self) -> None:
        """The lengths over the fixed image, at the longest of them."""
        volume = self._volumes().magnitude
        self._overlay(volume)
        self._go_to(self._result.quality.vectors.max_index)
        self._say(_("{name} is shown in the slice views, at its largest value.").format(name=volume.GetName()))

    def mask(self) -> None:
        """The mask as label layer."""
        volumes = self._volumes()
        slicer.util.setSliceViewerLayers(label=volumes.mask, labelOpacity=OVERLAY)
        if volumes.counts["folded"]:
            self._go_to(self._result.quality.jacobian.min_index)
        counts = ", ".join(
            _("{count} voxels {what}").format(count=volumes.counts[key], what=what)
            for key, what in (
                ("folded", _("folded")),
                ("undefined", _("undefined")),
                ("uncovered", _("outside the grid")),
            )
            if volumes.counts[key]
        )
        if counts:
            self._say(_("The mask shows {counts}.").format(counts=counts))
        else:
            self._say(_("The mask is empty: no voxel is folded, undefined or outside the grid."))

    def _overlay(self, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
        fixed = self._fixed()
        if fixed is not None:
            slicer.util.setSliceViewerLayers(background=fixed, foreground=volume, foregroundOpacity=OVERLAY)
        else:
            slicer.util.setSliceViewerLayers(background=volume, foreground=None, fit=True)

    def _go_to(self, index: tuple[int, int, int] | None) -> None:
        if index is not None:
            right, front, top, _one = self._result.field.index_to_ras @ [*index, 1]
            show_position((-right, -front, top))

    def glyphs(self) -> None:
        """Slicer's own display of the transform."""
        volumes = self._volumes()
        node = slicer.mrmlScene.GetNodeByID(self._result.key)
        show_transform(node, self._result.field, volumes.longest_mm, region=volumes.magnitude)
        self._say(
            _(
                "{name} is shown by arrows; grid and contours are set too, under Display in the module Transforms."
            ).format(name=node.GetName())
        )

    def histograms(self) -> None:
        """Three charts, of which the components are shown."""
        nx, ny, nz = self._result.field.grid.dimensions
        scalars = self._volumes().jacobian.GetImageData().GetPointData().GetScalars()
        charts = add_histograms(slicer.mrmlScene, self._result.field, vtk_to_numpy(scalars).reshape(nz, ny, nx))
        show_chart(charts["components"])
        self._say(_("The charts are: {names}.").format(names=", ".join(chart.GetName() for chart in charts.values())))

    def comparison(self) -> None:
        """A checkerboard of warped moving and fixed image."""
        fixed, moving = self._fixed(), self._ui.qualityMovingSelector.currentNode()
        mask = self._volumes().mask.GetImageData()
        ni, nj, nk = mask.GetDimensions()
        labels = vtk_to_numpy(mask.GetPointData().GetScalars()).reshape(nk, nj, ni)
        node = slicer.mrmlScene.GetNodeByID(self._result.key)
        made = add_comparison(slicer.mrmlScene, node, fixed, moving, self._result.field, labels)
        slicer.util.setSliceViewerLayers(background=made.checkerboard, foreground=made.difference, foregroundOpacity=0)
        text = _("{name} is shown; the difference is the layer in front.").format(name=made.checkerboard.GetName())
        if made.rms is not None and made.rms_before is not None:
            text += " " + _("RMS difference {before:.4g} before, {after:.4g} after the registration.").format(
                before=made.rms_before, after=made.rms
            )
        self._say(text)

    def tables(self) -> None:
        """Everything in table nodes; the segments' is shown where there is one."""
        made = self._logic.createQualityTables(self._result)
        nodes = [node for node in (made.regions, made.landmarks, made.audit, made.measures) if node is not None]
        show_table(nodes[0])
        self._say(_("The tables are: {names}.").format(names=", ".join(node.GetName() for node in nodes)))
