"""What a stack is and what it will be made into: strips to scale, and a table with both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import qt
from slicer.i18n import tr as _

from ...series import Stack
from ...series.regularize.plan import Plan
from ..sections import fit_height
from .series_words import geometry_rows
from .strip import draw_strips, height_of
from .strip_places import Strips, legend_of, strips_in_words, strips_of

REASONS = (
    qt.QEvent.Resize,
    qt.QEvent.Show,
    qt.QEvent.PaletteChange,
    qt.QEvent.StyleChange,
    qt.QEvent.FontChange,
    qt.QEvent.EnabledChange,
)


class PictureWidgets(Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    stripLabel: qt.QLabel
    legendLabel: qt.QLabel
    beforeAfterTable: qt.QTableWidget


class BeforeAfterPicture:
    """Draws the strips, and again whenever the panel gets another width or other colours; fills the table."""

    def __init__(self, ui: PictureWidgets) -> None:
        self._ui = ui
        self._strips: Strips | None = None
        self._closed = self._fits_soon = False
        table = ui.beforeAfterTable
        table.setColumnCount(3)
        table.setHorizontalHeaderLabels(["", _("Before"), _("After")])
        header = table.horizontalHeader()
        header.setSectionResizeMode(0, qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(1, qt.QHeaderView.Stretch)
        header.setSectionResizeMode(2, qt.QHeaderView.Stretch)
        header.setSectionsClickable(False)
        # Both follow the width: what no longer fits into a line of the table is wrapped.
        header.connect("sectionResized(int,int,int)", self._fit_rows_soon)
        self._watching = redraw_with(ui.stripLabel, self._draw)
        self.show(None, None)

    def close(self) -> None:
        """Stop drawing: the widgets are about to go."""
        self._watching.draw = None
        self._closed = True

    def show(self, stack: Stack | None, plan: Plan | None) -> None:
        """Show a stack and what it will be made into; without a plan, only what it is."""
        ui = self._ui
        self._strips = strips_of(stack, plan) if stack is not None else None
        ui.stripLabel.visible = ui.legendLabel.visible = self._strips is not None
        if self._strips is not None:
            words = strips_in_words(self._strips)
            ui.stripLabel.toolTip = words
            ui.stripLabel.accessibleDescription = words
            ui.stripLabel.setFixedHeight(height_of(self._strips))
            ui.legendLabel.text = legend_of(self._strips)
            self._draw()
        rows = geometry_rows(stack, plan) if stack is not None and self._strips is not None else []
        table = ui.beforeAfterTable
        table.setRowCount(0)
        table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(text)
                table.setItem(number, column, item)
        table.setColumnHidden(2, plan is None)
        table.visible = bool(rows)
        self._fit_rows()

    def _draw(self) -> None:
        label = self._ui.stripLabel
        if self._strips is None or label.width < 2:
            return
        ratio = label.devicePixelRatioF() if hasattr(label, "devicePixelRatioF") else 1.0
        # Brush and colour point into the palette: it is held while they are read.
        palette = label.palette
        text = palette.windowText().color()
        ink = qt.QColor(text.red(), text.green(), text.blue())
        titles = (_("Before"), _("After"))
        label.setPixmap(draw_strips(self._strips, label.width, ink, label.font, titles, ratio))

    def _fit_rows_soon(self, *_arguments: object) -> None:
        """When all columns have their new widths."""
        if not self._fits_soon and not self._closed:
            self._fits_soon = True
            qt.QTimer.singleShot(0, self._fit_rows)

    def _fit_rows(self) -> None:
        """As high as its rows: the panel scrolls, the table does not."""
        self._fits_soon = False
        if self._closed:
            return
        table = self._ui.beforeAfterTable
        table.resizeRowsToContents()
        fit_height(table)


class Redraw(qt.QObject):
    """Calls a function whenever a widget was resized, shown, or got another palette, style or font.

    Slicer's Python may override Qt's virtual functions in classes of its own; this is Slicer's own way of it
    (SampleData and Segment Editor filter events like this). Keep a reference as long as it is to work.
    """

    def __init__(self, *arguments: Any) -> None:
        qt.QObject.__init__(self, *arguments)
        self.draw: Callable[[], None] | None = None

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Let every event pass."""
        if self.draw is not None and event.type() in REASONS:
            self.draw()
        return False


def redraw_with(widget: Any, draw: Callable[[], None]) -> Redraw:
    """Have a widget's picture drawn again by ``draw`` for as long as the result is kept."""
    watching = Redraw()
    watching.draw = draw
    widget.installEventFilter(watching)
    return watching
