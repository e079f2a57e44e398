"""The panel's section Series: where slices lie, what would become of them, and loading them made regular."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..errors import DicomRegInspectorError
from ..scene.places import series_labels
from ..series import Series, Stack
from ..series.regularize.preview import preview
from ..series.regularize.regular import MODES, Mode
from .job import Endings, Job
from .series_words import preview_in_words, series_in_words, stack_in_words
from .strip import draw_strip, strip_in_words


class SeriesSection:
    """Connects the widgets of the section with the module's logic.

    Parameters
    ----------
    ui
        The widgets of ``DicomRegInspector.ui`` as attributes.
    logic
        The module's logic: ``loadSeries`` and ``plotSlicePositions``.
    on_busy
        Called with True when the loading begins, and with False at its end.
    """

    def __init__(self, ui: Any, logic: Any, on_busy: Callable[[bool], None]) -> None:
        self._ui, self._logic, self._on_busy = ui, logic, on_busy
        self._job = Job(
            ui.seriesProgressWidget, ui.seriesProgressBar, ui.seriesCancelButton, self._say, self._busy_changed
        )
        self._series: list[Series] = []
        self._nothing = ""
        self._loadable = False
        ui.seriesComboBox.connect("currentIndexChanged(int)", self._show_series)
        ui.stackComboBox.connect("currentIndexChanged(int)", self._show_stack)
        ui.modeComboBox.connect("currentIndexChanged(int)", self._show_preview)
        ui.spacingSpinBox.connect("valueChanged(double)", self._show_preview)
        ui.gapSpinBox.connect("valueChanged(double)", self._show_preview)
        ui.plotButton.connect("clicked()", self.plot)
        ui.loadSeriesButton.connect("clicked()", self.load)
        self._set_busy(False)

    @property
    def busy(self) -> bool:
        """Whether a loading is under way."""
        return self._job.busy

    def close(self) -> None:
        """The widgets are about to go: stop what is under way and do not touch them any more."""
        self._job.close()

    def set_enabled(self, enabled: bool) -> None:
        """Rest while something else is under way."""
        self._ui.seriesCollapsibleButton.enabled = enabled

    def show(self, every: Sequence[Series], nothing: str) -> None:
        """List the series of an inspection; without any, say the words ``nothing``."""
        self._series, self._nothing = list(every), nothing
        self._fill(self._ui.seriesComboBox, series_labels(self._series))
        self._say("")
        self._show_series()

    def choose(self, series: Series | None, mode: Mode | None = None) -> None:
        """Show a series that a finding is about, and how it could be made regular."""
        if series in self._series:
            self._ui.seriesComboBox.currentIndex = self._series.index(series)
        if mode is not None:
            self._ui.modeComboBox.currentIndex = MODES.index(mode)

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

    def _chosen_stack(self) -> tuple[Stack | None, int | None]:
        """What is shown, and the number that the loading is told: None lets it find the main stack."""
        series, index = self._current_series(), self._ui.stackComboBox.currentIndex
        if series is None:
            return None, None
        if index < 1 or index > len(series.stacks):
            return series.main_stack, None
        return series.stacks[index - 1], index - 1

    @property
    def mode(self) -> Mode:
        """How the stack is made regular; the entries of the box stand in this order."""
        return MODES[max(self._ui.modeComboBox.currentIndex, 0)]

    def _spacing(self) -> float | None:
        value = self._ui.spacingSpinBox.value
        return value if self.mode == "resample" and value > 0 else None

    def _show_series(self, *_arguments: object) -> None:
        series = self._current_series()
        stacks = series.stacks if series is not None else ()
        texts = [stack_in_words(stack) for stack in stacks] if len(stacks) > 1 else []
        self._fill(self._ui.stackComboBox, [_("Main stack"), *texts] if series is not None else [])
        self._show_stack()

    def _show_stack(self, *_arguments: object) -> None:
        series, (stack, _number) = self._current_series(), self._chosen_stack()
        ui = self._ui
        ui.plotButton.enabled = self._can_plot()
        ui.seriesSummaryLabel.text = series_in_words(series, stack) if series is not None else self._nothing
        drawn = stack is not None and len(stack.distinct) > 1
        ui.stripLabel.visible = drawn
        if drawn:
            ui.stripLabel.setPixmap(draw_strip(stack, qt.QColor(ui.stripLabel.palette.text().color())))
            ui.stripLabel.toolTip = strip_in_words(stack)
            ui.stripLabel.accessibleDescription = strip_in_words(stack)
        self._show_preview()

    def _show_preview(self, *_arguments: object) -> None:
        series, (_stack, number) = self._current_series(), self._chosen_stack()
        self._ui.spacingSpinBox.enabled = self.mode == "resample"
        text, self._loadable = "", False
        if series is not None:
            try:
                result = preview(
                    series, self.mode, stack=number, spacing_mm=self._spacing(), max_gap=self._ui.gapSpinBox.value
                )
                text, self._loadable = _("Gives {volumes}").format(volumes=preview_in_words(result)), True
            except DicomRegInspectorError as error:
                text = _("Cannot be made regular: {error}").format(error=error)
        self._ui.previewLabel.text = text
        self._ui.loadSeriesButton.enabled = self._loadable and not self.busy

    def load(self) -> None:
        """Load the chosen stack in the way chosen, beside the application."""
        series, (_stack, number) = self._current_series(), self._chosen_stack()
        if self.busy or series is None or not self._loadable:
            return
        nodes = self._job.run(
            lambda worker: self._logic.loadSeries(
                series, self.mode, self._spacing(), self._ui.gapSpinBox.value, stack=number, run=worker.run
            ),
            Endings(
                title=_("The series was not loaded."),
                refused=_("Not loaded: {error}"),
                cancelled=_("Cancelled; nothing was loaded."),
                memory=_("Not loaded: the memory is not enough for a volume of this size."),
                broken=_("The loading failed; the application's log says more."),
            ),
        )
        if nodes is not None:
            self._say(_("Loaded {nodes}.").format(nodes=", ".join(node.GetName() for node in nodes)))

    def plot(self) -> None:
        """Plot the slice positions of the chosen series."""
        series = self._current_series()
        if series is None:
            return
        with slicer.util.tryWithErrorDisplay(_("The positions were not plotted.")):
            try:
                chart = self._logic.plotSlicePositions(series)
            except DicomRegInspectorError as error:
                self._say(_("Not plotted: {error}").format(error=error))
                return
            self._say(_("The distances between slices are plotted in {name}.").format(name=chart.GetName()))

    def _busy_changed(self, busy: bool) -> None:
        self._set_busy(busy)
        self._on_busy(busy)

    def _set_busy(self, busy: bool) -> None:
        ui = self._ui
        ui.loadSeriesButton.enabled = self._loadable and not busy
        series = self._current_series()
        for widget in (ui.seriesComboBox, ui.stackComboBox):
            widget.enabled = series is not None and not busy
        for widget in (ui.modeComboBox, ui.gapSpinBox):
            widget.enabled = not busy
        ui.spacingSpinBox.enabled = self.mode == "resample" and not busy
        ui.plotButton.enabled = self._can_plot()

    def _can_plot(self) -> bool:
        series = self._current_series()
        stack = series.main_stack if series is not None else None
        return stack is not None and len(stack.slices) > 1 and not self.busy

    def _say(self, text: str) -> None:
        self._ui.seriesStatusLabel.text = text
