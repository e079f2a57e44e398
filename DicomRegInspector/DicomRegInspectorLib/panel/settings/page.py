"""The page "DICOM Registration Inspector" of Slicer's application settings dialog."""

from __future__ import annotations

from typing import Any

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from .stored import forget_unusable_settings, settings_changed
from .values import DEFAULTS, KEYS, MODE_NAMES, RANGES


def add_settings_panel() -> Any:
    """Put the page into the dialog; nothing where the application has no main window, and so no dialog to open.

    What is returned has to be kept as long as the application runs.
    """
    if slicer.app.commandOptions().noMainWindow:
        return None
    panel = SettingsPanel()
    slicer.app.settingsDialog().addPanel(_("DICOM Registration Inspector"), panel.widget)
    return panel


class SettingsPanel:
    """The page's controls, each tied to its key: the dialog reads, writes, resets and restores them."""

    def __init__(self) -> None:
        # The dialog would show the nearest value that a box can hold, while the default is in force.
        forget_unusable_settings()
        self.widget = ctk.ctkSettingsPanel()
        self._layout = qt.QVBoxLayout(self.widget)
        note = qt.QLabel(
            _(
                "The module's panel starts with these. What you choose there takes precedence and is saved with the "
                "scene."
            )
        )
        note.wordWrap = True
        self._layout.addWidget(note)
        self._add_series()
        self._add_registrations()
        self._add_views_and_reports()
        self._layout.addStretch(1)
        self.widget.connect("settingChanged(QString,QVariant)", settings_changed)

    def _add_series(self) -> None:
        self._form = self._section(_("Image series"))
        self.tolerance = self._number(
            "interval_tolerance_percent",
            _("&Tolerance for slice intervals:"),
            _(
                "How far the distance between neighbouring slices may be off the usual one before it is a gap, an "
                "overlap or a change of spacing, in per cent of the spacing; usually 5 %. What rounding to the digits "
                "written explains is never irregular."
            ),
            suffix=_(" % of the spacing"),
        )
        self.mode = self._choice(
            "regularize_mode",
            _("Make &regular by:"),
            _("The way of making a stack regular that is chosen at first in the section Series."),
            {
                "acquisition": _("Acquisition transform: values untouched"),
                "resample": _("Resampling between true positions"),
                "split": _("Splitting into sections"),
                "crop": _("Cropping to the longest section"),
            },
        )
        self.max_gap = self._number(
            "max_gap",
            _("&Bridge gaps up to (slices):"),
            _(
                "As many missing slices, at the usual spacing, are interpolated across. Wider gaps are never bridged: "
                "they hold a fill value, or end a section."
            ),
            decimals=0,
        )

    def _add_registrations(self) -> None:
        self._form = self._section(_("Registrations"))
        self.bake = self._flag(
            "bake",
            _("Load deformable registrations as a &single grid"),
            _(
                "Load a deformable registration as one grid transform that contains its matrices, instead of a grid "
                "between linear transforms. Both map points the same way."
            ),
        )
        self.place_volumes = self._flag(
            "place_volumes",
            _("&Place volumes of the source frame under the transform"),
            _("Put volumes that are loaded already, and belong to the source frame, under the transform."),
        )

    def _add_views_and_reports(self) -> None:
        self._form = self._section(_("Views and reports"))
        self.layout_changes = self._flag(
            "layout_changes",
            _("Change the &layout of the views to show a finding"),
            _("Where showing it needs a chart or several views. Slices are moved to the place in any case."),
        )
        self.identifiers = self._flag(
            "identifiers_in_reports",
            _("Patient &names and IDs in saved reports"),
            _("When off, reports can be passed on: they name files, series and UIDs, but no person."),
        )

    def _section(self, title: str) -> Any:
        box = qt.QGroupBox(title)
        self._layout.addWidget(box)
        return qt.QFormLayout(box)

    def _number(self, name: str, label: str, explained: str, *, suffix: str = "", decimals: int = 1) -> Any:
        box = qt.QDoubleSpinBox()
        box.minimum, box.maximum = RANGES[name]
        box.decimals, box.singleStep = decimals, 10.0**-decimals * (5 if decimals else 1)
        box.value = getattr(DEFAULTS, name)
        box.suffix = suffix
        self._add(name, label, box, explained, "value", "valueChanged(double)")
        return box

    def _choice(self, name: str, label: str, explained: str, texts: dict[str, str]) -> Any:
        box = ctk.ctkComboBox()
        for value in MODE_NAMES:
            box.addItem(texts[value], value)
        box.currentIndex = MODE_NAMES.index(getattr(DEFAULTS, name))
        self._add(name, label, box, explained, "currentUserDataAsString", "currentIndexChanged(int)")
        return box

    def _flag(self, name: str, label: str, explained: str) -> Any:
        box = qt.QCheckBox(label)
        box.checked = getattr(DEFAULTS, name)
        self._add(name, None, box, explained, "checked", "toggled(bool)")
        return box

    def _add(self, name: str, label: str | None, box: Any, explained: str, prop: str, signal: str) -> None:
        """A row of the form; the value that the box has now is the one that the dialog restores as the default."""
        box.toolTip = explained
        box.objectName = name
        if label is None:
            self._form.addRow(box)
        else:
            text = qt.QLabel(label)
            text.setBuddy(box)
            self._form.addRow(text, box)
        self.widget.registerProperty(KEYS[name], box, prop, str(qt.SIGNAL(signal)))
