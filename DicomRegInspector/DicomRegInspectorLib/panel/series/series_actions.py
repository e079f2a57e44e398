"""What the section Series does with a stack: load it, show it before and after, check its pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import slicer
from slicer.i18n import tr as _

from ...findings import Finding
from ...scene.series.acquisition import SOURCE_SERIES_ATTRIBUTE
from ...series import Series
from ...series.pixels.set_grid import SetGroup, groups_of_sets
from ...series.regularize.plan import Plan
from ..findings.rows import summary
from ..job import Endings, Job
from ..navigation import Drawing, show_before_after_layout, show_loaded, show_sequence
from .plans import Plans
from .series_words import plain_in_words, sequence_in_words

if TYPE_CHECKING:
    import qt

    from ..logic import InspectorLogic


@dataclass(frozen=True)
class Chosen:
    """What the section shows."""

    series: Series
    stack: int | None
    """Which of the series' stacks; None the main one."""
    plan: Plan | None
    """None when the stack cannot be made regular."""


class ActionWidgets(Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    checkPixelsButton: qt.QPushButton
    loadSeriesButton: qt.QPushButton
    loadSetsButton: qt.QPushButton
    beforeAfterButton: qt.QPushButton


class SeriesActions:
    """Connects the buttons.

    Parameters
    ----------
    chosen
        Tells what the section shows; None without a series.
    add_findings
        Takes the series that was checked and what was found; None hides the button.
    drawing
        What all sections show in the views.
    """

    def __init__(
        self,
        ui: ActionWidgets,
        logic: InspectorLogic,
        plans: Plans,
        job: Job,
        say: Callable[[str], None],
        chosen: Callable[[], Chosen | None],
        add_findings: Callable[[Series, Sequence[Finding]], None] | None,
        drawing: Drawing,
    ) -> None:
        self._ui, self._logic, self._job, self._say, self._chosen = ui, logic, job, say, chosen
        self._plans, self._drawing = plans, drawing
        self._add_findings = add_findings
        self._loaded: tuple[str, int | None, tuple[str, ...]] = ("", None, ())
        """Series, stack and node IDs of what was loaded last."""
        self._groups: tuple[Series | None, tuple[SetGroup, ...]] = (None, ())
        """The 4D images of the series that was asked for last."""
        ui.loadSeriesButton.connect("clicked()", self.load)
        ui.loadSetsButton.connect("clicked()", self.load_sets)
        ui.beforeAfterButton.connect("clicked()", self.show_before_after)
        ui.checkPixelsButton.connect("clicked()", self.check_pixels)
        ui.checkPixelsButton.visible = add_findings is not None

    def update(self) -> None:
        """Let each button be pressed when it can do something."""
        ui, chosen, busy = self._ui, self._chosen(), self._job.busy
        ui.loadSeriesButton.enabled = chosen is not None and chosen.plan is not None and not busy
        group = self._group(chosen)
        ui.loadSetsButton.visible = group is not None
        ui.loadSetsButton.enabled = group is not None and not busy
        ui.checkPixelsButton.enabled = chosen is not None and not busy
        ui.beforeAfterButton.enabled = bool(self._nodes()) and not busy

    def _nodes(self) -> list[slicer.vtkMRMLScalarVolumeNode]:
        """What was loaded of the series and stack that are shown, as far as it is still in the scene."""
        chosen = self._chosen()
        uid, stack, ids = self._loaded
        if chosen is None or (chosen.series.series_instance_uid, chosen.stack) != (uid, stack):
            return []
        nodes = [slicer.mrmlScene.GetNodeByID(id_) for id_ in ids]
        # After a scene was closed, another node may have come to the same ID.
        return [node for node in nodes if node is not None and node.GetAttribute(SOURCE_SERIES_ATTRIBUTE) == uid]

    def load(self) -> None:
        """Load the chosen stack in the way chosen, beside the application."""
        chosen = self._chosen()
        plan = chosen.plan if chosen is not None else None
        if chosen is None or plan is None:
            return
        nodes = self._plans.load(self._job, self._logic, plan)
        if nodes is None:
            return
        self._loaded = (chosen.series.series_instance_uid, chosen.stack, tuple(node.GetID() for node in nodes))
        self._drawing.hide()
        show_loaded(nodes[0])
        self._say(_("Loaded {nodes}.").format(nodes=", ".join(node.GetName() for node in nodes)))
        self.update()

    def _group(self, chosen: Chosen | None) -> SetGroup | None:
        """The sets that the chosen stack is one of; of the main stack, the most there are."""
        if chosen is None:
            return None
        if self._groups[0] is not chosen.series:
            self._groups = (chosen.series, groups_of_sets(chosen.series))
        number, groups = chosen.stack, self._groups[1]
        return next((group for group in groups if number is None or number in group.numbers), None)

    def load_sets(self) -> None:
        """Load all sets that the chosen stack is one of as a sequence."""
        chosen = self._chosen()
        group = self._group(chosen)
        if chosen is None or group is None:
            return
        nodes = self._job.run(
            lambda worker: self._logic.loadSequence(chosen.series, group.numbers, run=worker.run),
            Endings(
                title=_("The sets were not loaded."),
                refused=_("Not loaded: {error}"),
                cancelled=_("Cancelled; nothing was loaded."),
            ),
        )
        if nodes is None:
            return
        self._drawing.hide()
        show_loaded(nodes.proxy)
        show_sequence(nodes.browser)
        self._say(sequence_in_words(nodes, chosen.series, group))

    def show_before_after(self) -> None:
        """Show the stack as a plain volume beside what was loaded."""
        chosen, nodes = self._chosen(), self._nodes()
        if chosen is None or not nodes:
            self.update()
            return
        volumes = self._job.run(
            lambda worker: self._logic.addPlainVolume(chosen.series, nodes, stack=chosen.stack, run=worker.run),
            Endings(
                title=_("The plain volume was not made."),
                refused=_("Not shown: {error}"),
                cancelled=_("Cancelled; nothing was added to the scene."),
            ),
        )
        if volumes is None:
            return
        self._drawing.begin("before and after")
        shown = show_before_after_layout(volumes)
        text = _("{plain} beside {after}: ").format(
            plain=volumes.plain.GetName(), after=", ".join(node.GetName() for node in volumes.after)
        ) + plain_in_words(volumes.placement, volumes.stack)
        self._say(text if shown else text + " " + _("(This application has no slice views to show them in.)"))

    def check_pixels(self) -> None:
        """Read the pixel data of the series, and hand on what is wrong with them."""
        chosen = self._chosen()
        if chosen is None or self._add_findings is None:
            return
        report = self._job.run(
            lambda worker: self._logic.checkPixels(chosen.series.paths, run=worker.run),
            Endings(
                title=_("The pixels were not checked."),
                refused=_("Not checked: {error}"),
                cancelled=_("Cancelled; the pixels were not checked to the end."),
            ),
        )
        if report is None:
            return
        self._add_findings(chosen.series, report.findings)
        text = _("Checked the pixels of {count} files: {found}.").format(
            count=len(report.files), found=summary(report.findings)
        )
        self._say(text)
