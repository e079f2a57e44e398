"""How a stack is to be made regular: the boxes of the section Series, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, cast

from slicer.i18n import tr as _

from ...errors import UsageError
from ...scene.series.series_nodes import options_of
from ...series import Slice, Stack
from ...series.regularize.options import EVERY_MODE, OVERLAPS, Duplicates, Mode, RegularizeOptions
from ..connectors import fill_choices, value_choices
from .series_words import spacing_text

if TYPE_CHECKING:
    import ctk
    import qt
    import slicer


class OptionWidgets(Protocol):
    """The widgets that it uses, by their names in the .ui file."""

    modeLabel: qt.QLabel
    modeComboBox: ctk.ctkComboBox
    gridLabel: qt.QLabel
    gridSelector: slicer.qMRMLNodeComboBox
    spacingLabel: qt.QLabel
    spacingSpinBox: qt.QDoubleSpinBox
    pixelSpacingLabel: qt.QLabel
    pixelSpacingSpinBox: qt.QDoubleSpinBox
    gapLabel: qt.QLabel
    gapSpinBox: qt.QDoubleSpinBox
    duplicatesLabel: qt.QLabel
    duplicatesComboBox: ctk.ctkComboBox
    overlapsLabel: qt.QLabel
    overlapsComboBox: ctk.ctkComboBox
    sectionOrderLabel: qt.QLabel
    sectionOrderLineEdit: qt.QLineEdit
    sectionGapLabel: qt.QLabel
    sectionGapSpinBox: qt.QDoubleSpinBox


class OptionBoxes:
    """The boxes; those that mean nothing for a stack or a mode are not there.

    Parameters
    ----------
    on_change
        Called when another choice was made.
    """

    def __init__(self, ui: OptionWidgets, on_change: Callable[[], None]) -> None:
        self._ui, self._on_change = ui, on_change
        self._has_duplicates = False
        self._has_overlaps = False
        self._busy, self._is_there = False, False
        value_choices(ui.modeComboBox, EVERY_MODE)
        value_choices(ui.overlapsComboBox, OVERLAPS)
        ui.modeComboBox.connect("currentIndexChanged(int)", self._changed)
        ui.duplicatesComboBox.connect("currentIndexChanged(int)", self._changed)
        ui.overlapsComboBox.connect("currentIndexChanged(int)", self._changed)
        ui.gridSelector.connect("currentNodeIDChanged(QString)", self._changed)
        ui.spacingSpinBox.connect("valueChanged(double)", self._changed)
        ui.pixelSpacingSpinBox.connect("valueChanged(double)", self._changed)
        ui.gapSpinBox.connect("valueChanged(double)", self._changed)
        ui.sectionOrderLineEdit.connect("textChanged(QString)", self._changed)
        ui.sectionGapSpinBox.connect("valueChanged(double)", self._changed)
        self.offer(None)

    @property
    def mode(self) -> Mode:
        """How the stack is made regular; the entries of the box stand in this order."""
        return EVERY_MODE[max(self._ui.modeComboBox.currentIndex, 0)]

    @property
    def chosen(self) -> RegularizeOptions:
        """What the boxes say; those that are not there say what is usual.

        Raises UsageError when the volume whose grid was chosen lies on none, or the order of sections is none.
        """
        ui = self._ui
        resampled, restacked = self.mode == "resample", self.mode == "restack"
        reference = ui.gridSelector.currentNode() if resampled else None
        spaced = resampled and reference is None
        has_duplicates = self._has_duplicates and not restacked
        chosen: str = ui.duplicatesComboBox.currentData if has_duplicates else "first"
        has_overlaps = self._has_overlaps and not restacked
        duplicates = cast("Duplicates", chosen if chosen in ("first", "last", "mean") else int(chosen))
        return options_of(
            self.mode,
            reference,
            spacing_mm=(ui.spacingSpinBox.value or None) if spaced else None,
            in_plane_spacing_mm=(ui.pixelSpacingSpinBox.value or None) if spaced else None,
            max_gap=ui.gapSpinBox.value,
            duplicates=duplicates,
            overlaps=OVERLAPS[max(ui.overlapsComboBox.currentIndex, 0)] if has_overlaps else "keep",
            section_order=_section_order(ui.sectionOrderLineEdit.text) if restacked else None,
            section_gap_mm=(ui.sectionGapSpinBox.value or None) if restacked else None,
        )

    def offer(self, stack: Stack | None) -> None:
        """Have the boxes ask what there is to ask for a stack."""
        ui = self._ui
        self._is_there = stack is not None
        self._has_duplicates = stack is not None and len(stack.distinct) < len(stack.slices)
        spacing = stack.spacing if stack is not None else None
        self._has_overlaps = spacing is not None and any(interval.kind == "overlap" for interval in spacing.irregular)
        ui.spacingSpinBox.specialValueText = (
            _("Nominal: {spacing} mm").format(spacing=spacing_text(spacing.nominal_mm)) if spacing else _("Nominal")
        )
        pixels = stack.pixel_spacing_mm if stack is not None else None
        ui.pixelSpacingSpinBox.specialValueText = (
            _("As in the files: {spacing} mm").format(spacing=_pixel_spacing(pixels))
            if pixels
            else _("As in the files")
        )
        self._offer_duplicates(stack.slices if stack is not None and self._has_duplicates else ())
        self._show_rows()

    def _offer_duplicates(self, slices: Sequence[Slice]) -> None:
        known = {slice_.header.acquisition_number for slice_ in slices}
        numbers = sorted(number for number in known if number is not None)
        entries = [(_("Keep the first"), "first"), (_("Keep the last"), "last"), (_("Take the mean"), "mean")]
        if len(numbers) > 1:
            entries += [(_("Keep acquisition {number}").format(number=number), str(number)) for number in numbers]
        fill_choices(self._ui.duplicatesComboBox, entries)

    def set_busy(self, busy: bool) -> None:
        """Take no other choice while something is under way."""
        self._busy = busy
        self._show_rows()

    def _changed(self, *_arguments: object) -> None:
        self._show_rows()
        self._on_change()

    def _show_rows(self) -> None:
        ui = self._ui
        resampled, restacked = self.mode == "resample", self.mode == "restack"
        spaced = resampled and ui.gridSelector.currentNode() is None
        for label, box, is_there in (
            (ui.modeLabel, ui.modeComboBox, True),
            (ui.gapLabel, ui.gapSpinBox, True),
            (ui.gridLabel, ui.gridSelector, resampled),
            (ui.spacingLabel, ui.spacingSpinBox, spaced),
            (ui.pixelSpacingLabel, ui.pixelSpacingSpinBox, spaced),
            (ui.duplicatesLabel, ui.duplicatesComboBox, self._has_duplicates and not restacked),
            (ui.overlapsLabel, ui.overlapsComboBox, self._has_overlaps and not restacked),
            (ui.sectionOrderLabel, ui.sectionOrderLineEdit, restacked),
            (ui.sectionGapLabel, ui.sectionGapSpinBox, restacked),
        ):
            label.visible = is_there
            box.visible = is_there
            box.enabled = is_there and self._is_there and not self._busy


def _section_order(text: str) -> tuple[int, ...] | None:
    """Section numbers with commas between them; None for nothing."""
    if not text.strip():
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(_("{text!r} is no list of section numbers like 2, 1, 3.").format(text=text)) from None


def _pixel_spacing(pixels: tuple[float, ...]) -> str:
    rows, columns = pixels
    return f"{columns:.4g}" if rows == columns else f"{columns:.4g} × {rows:.4g}"
