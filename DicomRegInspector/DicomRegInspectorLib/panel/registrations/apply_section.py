"""Applying a transform of the scene to nodes that are chosen: under it, or as hardened copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from slicer.i18n import tr as _

from ...words import well_formed
from ..job import Endings, Job
from ..sections import bring_into_view

if TYPE_CHECKING:
    import ctk
    import qt
    import slicer

    from ...scene.applying.apply_nodes import Placed
    from ...scene.applying.copies import HardenedCopy
    from ..logic import InspectorLogic

TOLD_RESIDUAL_MM = 1e-6
"""Smaller ones are rounding."""


class ApplyWidgets(Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    registrationsStatusLabel: qt.QLabel
    applyCollapsibleButton: ctk.ctkCollapsibleButton
    applyTransformSelector: slicer.qMRMLNodeComboBox
    applyNodesSelector: slicer.qMRMLCheckableNodeComboBox
    applyGridSelector: slicer.qMRMLNodeComboBox
    applyBackCheckBox: qt.QCheckBox
    applyUnderButton: qt.QPushButton
    applyCopiesButton: qt.QPushButton
    applyStatusLabel: qt.QLabel


class ApplySection:
    """Connects three boxes, a tick and two buttons; what is said of it stands below them."""

    def __init__(self, ui: ApplyWidgets, logic: InspectorLogic, job: Job, say_above: Callable[[str], None]) -> None:
        self._ui, self._logic, self._job, self._say_above = ui, logic, job, say_above
        ui.applyTransformSelector.connect("currentNodeIDChanged(QString)", self._transform_chosen)
        ui.applyGridSelector.connect("currentNodeIDChanged(QString)", self._chosen)
        ui.applyNodesSelector.connect("checkedNodesChanged()", self._chosen)
        ui.applyBackCheckBox.connect("toggled(bool)", self._transform_chosen)
        ui.applyUnderButton.connect("clicked()", self.put_under)
        ui.applyCopiesButton.connect("clicked()", self.make_copies)
        self._say("")
        self.update()

    def choose(self, node: slicer.vtkMRMLTransformNode) -> None:
        """Take a transform that was just loaded."""
        self._ui.applyTransformSelector.setCurrentNode(node)

    def update(self) -> None:
        """Let the buttons be pressed when a transform and something to move are chosen, or say what is missing."""
        ui, busy = self._ui, self._job.busy
        ui.applyCollapsibleButton.enabled = not busy
        missing = ""
        if ui.applyTransformSelector.currentNode() is None:
            missing = _("Choose a transform first.")
        elif not self._nodes():
            missing = _("Tick what is to be moved first.")
        for button, does in (
            (
                ui.applyUnderButton,
                _(
                    "Place what is ticked under the transform. Nothing is computed, and taking it out again brings it "
                    "back."
                ),
            ),
            (
                ui.applyCopiesButton,
                _(
                    "Make copies of what is ticked that lie where the transform brings them; what is ticked stays as "
                    "it is. Where the transform says nothing, points are missing and voxels hold a fill value, and "
                    "the line below says how many."
                ),
            ),
        ):
            button.enabled = not missing and not busy
            button.toolTip = missing or does

    def put_under(self) -> None:
        """Put what is ticked under the transform."""
        transform, nodes = self._ui.applyTransformSelector.currentNode(), self._nodes()
        if transform is None or not nodes or self._job.busy:
            return
        self._answer(placed_in_words(self._logic.putUnder(nodes, transform, back=self._ui.applyBackCheckBox.checked)))

    def make_copies(self) -> None:
        """Make hardened copies of what is ticked."""
        ui = self._ui
        transform, nodes = ui.applyTransformSelector.currentNode(), self._nodes()
        if transform is None or not nodes or self._job.busy:
            return
        copies: list[HardenedCopy] | None = self._job.run(
            lambda worker: self._logic.hardenCopies(
                nodes, transform, grid=ui.applyGridSelector.currentNode(), back=ui.applyBackCheckBox.checked,
                progress=worker.here, run=worker.run,
            ),
            Endings(
                title=_("No copies were made."),
                refused=_("No copies: {error}"),
                cancelled=_("Cancelled; no copies were made."),
            ),
        )  # fmt: skip
        if self._job.closed:
            return
        self._answer(copies_in_words(copies) if copies is not None else ui.registrationsStatusLabel.text)

    def _nodes(self) -> list[Any]:
        return list(self._ui.applyNodesSelector.checkedNodes())

    def _transform_chosen(self, *_arguments: object) -> None:
        """The grid is that of the image which the transform leads to, where it names one."""
        ui, node = self._ui, self._ui.applyTransformSelector.currentNode()
        if node is not None:
            back = ui.applyBackCheckBox.checked
            volume = node.GetNodeReference(
                node.GetMovingNodeReferenceRole() if back else node.GetFixedNodeReferenceRole()
            )
            if volume is not None and volume.IsA("vtkMRMLScalarVolumeNode"):
                ui.applyGridSelector.setCurrentNode(volume)
        self._chosen()

    def _chosen(self, *_arguments: object) -> None:
        # What was said is not about another choice.
        if not self._job.busy:
            self._say("")
        self.update()

    def _answer(self, text: str) -> None:
        self._say_above("")
        self._say(text)
        bring_into_view(self._ui.applyStatusLabel)

    def _say(self, text: str) -> None:
        label = self._ui.applyStatusLabel
        label.text = well_formed(text)
        label.visible = bool(text)


def placed_in_words(placed: Placed) -> str:
    """Return what was put under a transform, and what was not and why, a line each."""
    lines = list(placed.left)
    if placed.placed:
        text = _("Under {transform} now: {nodes}.")
        lines.insert(0, text.format(transform=placed.transform.GetName(), nodes=", ".join(placed.placed)))
    return "\n".join(lines)


def copies_in_words(copies: Sequence[HardenedCopy]) -> str:
    """Return what the copies are called and how complete they are, a line each."""
    return "\n".join(_copy_in_words(copied) for copied in copies)


def _copy_in_words(copied: HardenedCopy) -> str:
    parts = []
    if copied.undefined:
        text = _("the transform says nothing about {count:,} of {total:,} points, which are missing")
        if copied.unit == "voxels":
            text = _("the transform says nothing about {count:,} of {total:,} voxels")
        parts.append(text.format(count=copied.undefined, total=copied.count))
    if copied.filled:
        text = _("{count:,} of {total:,} voxels look beyond what is known, and have no label")
        if copied.fill is not None:
            text = _("{count:,} of {total:,} voxels look beyond what is known, and hold {fill:g}")
        parts.append(text.format(count=copied.filled, total=copied.count, fill=copied.fill))
    if copied.largest_residual_mm > TOLD_RESIDUAL_MM:
        parts.append(_("inverse within {residual:.2g} mm").format(residual=copied.largest_residual_mm))
    if not parts:
        parts.append(_("all {count:,} {unit} have a place").format(count=copied.count, unit=copied.unit))
    return _("{name}: {what}.").format(name=copied.node.GetName(), what="; ".join(parts))
