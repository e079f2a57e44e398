"""The panel's section Series: where slices lie, what they are made into, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import slicer
from slicer.i18n import tr as _

from ...errors import DicomRegInspectorError
from ...findings import Finding
from ...scene.places import series_labels
from ...series import Series, Stack
from ...series.regularize.one_per_place import stack_to_regularize
from ...series.regularize.options import EVERY_MODE, Mode
from ...series.regularize.plan import Plan
from ...words import well_formed
from ..job import Section
from ..navigation import Drawing
from .compare_section import CompareSection, CompareWidgets
from .plans import Plans
from .series_actions import ActionWidgets, Chosen, SeriesActions
from .series_options import OptionBoxes, OptionWidgets
from .series_picture import BeforeAfterPicture, PictureWidgets
from .series_saving import SavingWidgets, SeriesSaving, ask_folder
from .series_words import in_sentences, plan_in_words, series_in_words, stack_in_words

if TYPE_CHECKING:
    import ctk
    import qt

    from ..logic import InspectorLogic

AddFindings = Callable[[Series, Sequence[Finding]], None]


class SeriesWidgets(ActionWidgets, CompareWidgets, OptionWidgets, PictureWidgets, SavingWidgets, Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    seriesCollapsibleButton: ctk.ctkCollapsibleButton
    seriesComboBox: ctk.ctkComboBox
    stackComboBox: ctk.ctkComboBox
    seriesSummaryLabel: qt.QLabel
    plotButton: qt.QPushButton
    previewLabel: qt.QLabel
    seriesProgressWidget: qt.QWidget
    seriesProgressBar: qt.QProgressBar
    seriesCancelButton: qt.QPushButton


class SeriesSection(Section):
    """Connects the widgets of the section with the module's logic.

    Parameters
    ----------
    add_findings
        Takes what the pixel checks find in a series; without it pixels are not offered to be checked.
    ask
        Asks the user for a folder to save in; returns an empty text when there is none.
    drawing
        What all sections show in the views.
    """

    def __init__(
        self,
        ui: SeriesWidgets,
        logic: InspectorLogic,
        plans: Plans,
        on_busy: Callable[[bool], None],
        add_findings: AddFindings | None = None,
        ask: Callable[[], str] = ask_folder,
        drawing: Drawing | None = None,
    ) -> None:
        progress = (ui.seriesProgressWidget, ui.seriesProgressBar, ui.seriesCancelButton)
        super().__init__(ui.seriesCollapsibleButton, ui.seriesStatusLabel, progress, on_busy)
        self._ui, self._logic, self._plans = ui, logic, plans
        self._drawing = drawing or Drawing()
        self._series: list[Series] = []
        self._nothing = ""
        self._picture = BeforeAfterPicture(ui)
        self._options = OptionBoxes(ui, self._show_plan)
        self._actions = SeriesActions(
            ui, logic, plans, self._job, self.say, lambda: self._chosen, add_findings, self._drawing
        )
        self.saving = SeriesSaving(ui, logic, self._job, self.say, lambda: self._chosen, ask)
        self._compare = CompareSection(ui, logic, self._job, self.say)
        ui.seriesComboBox.connect("currentIndexChanged(int)", self._show_series)
        ui.stackComboBox.connect("currentIndexChanged(int)", self._show_stack)
        ui.plotButton.connect("clicked()", self.plot)
        self._set_busy(False)

    @property
    def mode(self) -> Mode:
        """How the stack is made regular."""
        return self._options.mode

    def close(self) -> None:
        """Stop what is under way and draw nothing any more."""
        super().close()
        self._picture.close()

    def show(self, every: Sequence[Series], nothing: str) -> None:
        """List the series of an inspection; without any, say the words ``nothing``."""
        self._series, self._nothing = list(every), nothing
        self._plans.begin(self._series)
        self._fill(self._ui.seriesComboBox, series_labels(self._series))
        self.say("")
        self._show_series()

    def choose(self, series: Series | None, mode: Mode | None = None) -> None:
        """Show a series that a finding is about, and how it could be made regular."""
        if series in self._series:
            self._ui.seriesComboBox.currentIndex = self._series.index(series)
        if mode is not None:
            self._ui.modeComboBox.currentIndex = EVERY_MODE.index(mode)

    def exchange(self, series: Series, other: Series) -> None:
        """Take another series for one in the list: the same one, of which more was found."""
        self._series = [other if series_ is series else series_ for series_ in self._series]

    @staticmethod
    def _fill(combo: Any, texts: Sequence[str]) -> None:
        blocked = combo.blockSignals(True)
        combo.clear()
        for text in texts:
            combo.addItem(text)
        combo.blockSignals(blocked)
        combo.enabled = bool(texts)

    def _current_series(self) -> Series | None:
        index = self._ui.seriesComboBox.currentIndex
        return self._series[index] if 0 <= index < len(self._series) else None

    def _stack_number(self) -> int | None:
        """The number that the loading is told: None lets it find the main stack."""
        series, index = self._current_series(), self._ui.stackComboBox.currentIndex
        return index if series is not None and 1 <= index <= len(series.stacks) else None

    @property
    def _chosen(self) -> Chosen | None:
        series = self._current_series()
        if series is None:
            return None
        try:
            plan = self._plan(series)
        except DicomRegInspectorError:
            plan = None
        return Chosen(series, self._stack_number(), plan)

    def _plan(self, series: Series) -> Plan:
        """What the stack will be made into by the options as they are now: a node whose grid is taken may have moved.

        Raises DicomRegInspectorError when it cannot be made regular like that.
        """
        return self._plans.of(series, self._options.chosen, self._stack_number())

    def _shown_stack(self) -> Stack | None:
        """What will be made regular; where that cannot be told, the stack that was chosen."""
        series, number = self._current_series(), self._stack_number()
        if series is None:
            return None
        try:
            return stack_to_regularize(series, number, is_divided=self.mode != "restack")[0]
        except DicomRegInspectorError:
            return series.main_stack if number is None else series.stacks[number - 1]

    def _show_series(self, *_arguments: object) -> None:
        series = self._current_series()
        stacks = series.stacks if series is not None else ()
        texts = [stack_in_words(number, stack) for number, stack in enumerate(stacks, 1)] if len(stacks) > 1 else []
        self._fill(self._ui.stackComboBox, [_("Main stack"), *texts] if series is not None else [])
        self._show_stack()

    def _show_stack(self, *_arguments: object) -> None:
        series, stack = self._current_series(), self._shown_stack()
        self._ui.plotButton.enabled = self._can_plot()
        self._ui.seriesSummaryLabel.text = series_in_words(series, stack) if series is not None else self._nothing
        self._options.offer(stack)
        self.saving.offer(stack)
        self._show_plan()

    def _show_plan(self) -> None:
        series, plan, text = self._current_series(), None, ""
        if series is not None:
            try:
                plan = self._plan(series)
                text = _("Gives {volumes}").format(volumes=plan_in_words(plan))
                if plan.restacked is not None:
                    text += " " + in_sentences(plan.restacked.description, *plan.restacked.notes)
            except DicomRegInspectorError as error:
                text = _("Cannot be made regular: {error}").format(error=error)
        self._ui.previewLabel.text = well_formed(text)
        self._ui.previewLabel.visible = bool(text)
        self._picture.show(self._shown_stack(), plan)
        self._update_actions()

    def _update_actions(self) -> None:
        self._actions.update()
        self.saving.update()

    def plot(self) -> None:
        """Plot the slice positions of the chosen series."""
        series = self._current_series()
        if series is None:
            return
        with slicer.util.tryWithErrorDisplay(_("The positions were not plotted.")):
            try:
                self._drawing.begin("positions")
                chart = self._logic.plotSlicePositions(series)
            except DicomRegInspectorError as error:
                self.say(_("Not plotted: {error}").format(error=error))
                return
            self.note(_("The distances between slices are plotted in {name}.").format(name=chart.GetName()))

    def _set_busy(self, busy: bool) -> None:
        ui = self._ui
        series = self._current_series()
        for widget in (ui.seriesComboBox, ui.stackComboBox):
            widget.enabled = series is not None and not busy
        self._options.set_busy(busy)
        ui.plotButton.enabled = self._can_plot()
        self._update_actions()
        self._compare.update()

    def _can_plot(self) -> bool:
        series = self._current_series()
        stack = series.main_stack if series is not None else None
        return stack is not None and len(stack.slices) > 1 and not self.busy
