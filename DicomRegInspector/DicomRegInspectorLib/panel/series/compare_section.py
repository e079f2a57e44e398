"""Comparing two volumes of the scene: are they the same physical image?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from slicer.i18n import tr as _

from ...volumes import Comparison, Volume
from ..job import Endings, Job

if TYPE_CHECKING:
    import ctk
    import qt
    import slicer

    from ..logic import InspectorLogic

LEAST_ANGLE_DEG = 1e-3
"""Less is rounding of direction cosines."""


class CompareWidgets(Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    seriesStatusLabel: qt.QLabel
    compareCollapsibleButton: ctk.ctkCollapsibleButton
    compareASelector: slicer.qMRMLNodeComboBox
    compareBSelector: slicer.qMRMLNodeComboBox
    compareButton: qt.QPushButton
    compareVerdictLabel: qt.QLabel


class CompareSection:
    """Connects two boxes and a button.

    Parameters
    ----------
    say
        Shows a sentence of the section above; what is said of a comparison stands below its button instead.
    """

    def __init__(self, ui: CompareWidgets, logic: InspectorLogic, job: Job, say: Callable[[str], None]) -> None:
        self._ui, self._logic, self._job, self._say_above = ui, logic, job, say
        for selector in (ui.compareASelector, ui.compareBSelector):
            selector.connect("currentNodeIDChanged(QString)", self._chosen)
        ui.compareButton.connect("clicked()", self.compare)
        self._forget()

    def update(self) -> None:
        """Let the button be pressed when there are two volumes."""
        ui, busy = self._ui, self._job.busy
        first, second = ui.compareASelector.currentNode(), ui.compareBSelector.currentNode()
        ui.compareCollapsibleButton.enabled = not busy
        ui.compareButton.enabled = first is not None and second is not None and first is not second and not busy

    def _chosen(self, *_arguments: object) -> None:
        # What was found is not about another choice.
        if not self._job.busy:
            self._forget()
        self.update()

    def _forget(self) -> None:
        ui = self._ui
        first, second = ui.compareASelector.currentNode(), ui.compareBSelector.currentNode()
        same = first is not None and first is second
        self._say(_("Choose two different volumes.") if same else "")

    def compare(self) -> None:
        """Compare the two volumes and say what was found."""
        ui = self._ui
        first, second = ui.compareASelector.currentNode(), ui.compareBSelector.currentNode()
        if first is None or second is None or first is second:
            return
        result = self._job.run(
            lambda worker: self._logic.compareVolumes(first, second, run=worker.run),
            Endings(
                title=_("The volumes were not compared."),
                refused=_("Not compared: {error}"),
                cancelled=_("Cancelled; the volumes were not compared to the end."),
            ),
        )
        if self._job.closed:
            return
        text = comparison_in_words(result) if result is not None else ui.seriesStatusLabel.text
        self._say_above("")
        self._say(text)

    def _say(self, text: str) -> None:
        label = self._ui.compareVerdictLabel
        label.text = text
        label.visible = bool(text)


def comparison_in_words(comparison: Comparison) -> str:
    """Return the verdict, then what it is from, a line each."""
    lines = [comparison.reason + "."]
    lines.append(_("A is {a}, B is {b}.").format(a=_volume(comparison.a), b=_volume(comparison.b)))
    angle = f"{comparison.angle_deg:.3g}" if comparison.angle_deg >= LEAST_ANGLE_DEG else "0"
    lines.append(
        _("i, j, k of A run along {axes} of B; largest angle between axes {angle}°.").format(
            axes=", ".join(comparison.index_mapping.signed_axes), angle=angle
        )
    )
    lines.append(
        _("Corners lie up to {distance:.4g} mm apart (the same place: up to {tolerance:.3g} mm).").format(
            distance=comparison.max_corner_distance_mm, tolerance=comparison.tolerance_mm
        )
    )
    values = comparison.values
    if values is not None and values.differing:
        text = _("Values, B − A: {differing:,} of {compared:,} differ, by {largest:.6g} at most").format(
            differing=values.differing, compared=values.compared, largest=values.max
        )
        if values.place is not None:
            text += _(", at voxel ({place}) of A").format(place=", ".join(map(str, values.place)))
        details = ", ".join(f"{name.replace('_', ' ')} {number:.6g}" for name, number in values.details.items())
        lines.append(text + (f"; {details}." if details else "."))
    return "\n".join(lines)


def _volume(volume: Volume) -> str:
    ni, nj, nk = volume.dimensions
    spacing = " × ".join(f"{value:.4g}" for value in volume.spacing_mm)
    name = volume.name
    return _("{name} ({ni} × {nj} × {nk} voxels of {spacing} mm)").format(
        name=name, ni=ni, nj=nj, nk=nk, spacing=spacing
    )
