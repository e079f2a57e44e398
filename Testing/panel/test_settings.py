"""The settings that last: what stored values mean, the page of the settings dialog, and who follows a change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from DicomRegInspectorLib.panel.settings.values import DEFAULTS, KEYS, MODE_NAMES, RANGES, Settings, settings_from
from hypothesis import given
from hypothesis import strategies as st
from slicer_standin import pythonqt

TITLE = "DICOM Registration Inspector"


@pytest.fixture
def store(application: Any) -> Iterator[Any]:
    """The application's settings, without any of ours before and after."""
    settings = application.app.userSettings()

    def clear() -> None:
        for key in KEYS.values():
            settings.remove(key)

    clear()
    yield settings
    clear()


@pytest.fixture
def page(application: Any, store: Any) -> Iterator[Any]:
    """The page as the dialog shows it."""
    from DicomRegInspectorLib.panel.settings.page import add_settings_panel

    application.app.playMainWindow(True)
    pythonqt.FAILED_CONNECTIONS.clear()
    pythonqt.SLOT_ERRORS.clear()
    yield add_settings_panel()
    assert pythonqt.FAILED_CONNECTIONS == []
    assert pythonqt.SLOT_ERRORS == []
    application.app.playMainWindow(False)


def test_defaults_are_those_of_the_library() -> None:
    from DicomRegInspectorLib.cli.arguments import make_parser
    from DicomRegInspectorLib.series.geometry.spacing import LEAST_TOLERANCE, MOST_TOLERANCE, RELATIVE_TOLERANCE
    from DicomRegInspectorLib.series.regularize.options import MAX_GAP, MODES

    assert DEFAULTS.interval_tolerance == RELATIVE_TOLERANCE
    assert RANGES["interval_tolerance_percent"] == pytest.approx((100 * LEAST_TOLERANCE, 100 * MOST_TOLERANCE))
    assert DEFAULTS.max_gap == MAX_GAP
    assert MODE_NAMES == MODES
    assert make_parser().parse_args(["inspect", "x"]).tolerance == DEFAULTS.interval_tolerance_percent
    assert not DEFAULTS.identifiers_in_reports


def test_every_setting_has_a_key_of_its_own_in_one_group() -> None:
    assert set(KEYS) == {one.name for one in fields(Settings)}
    assert len(set(KEYS.values())) == len(KEYS)
    assert all(key.startswith("DicomRegInspector/") for key in KEYS.values())
    assert KEYS["interval_tolerance_percent"] == "DicomRegInspector/IntervalTolerancePercent"


@pytest.mark.parametrize(
    ("name", "stored", "meant"),
    [
        ("interval_tolerance_percent", "7.5", 7.5),
        ("interval_tolerance_percent", 7.5, 7.5),
        ("interval_tolerance_percent", 0.1, 0.1),
        ("interval_tolerance_percent", "0.05", 5.0),
        ("interval_tolerance_percent", "45.1", 5.0),
        ("interval_tolerance_percent", "nan", 5.0),
        ("interval_tolerance_percent", "-3", 5.0),
        ("interval_tolerance_percent", "wide", 5.0),
        ("interval_tolerance_percent", None, 5.0),
        ("interval_tolerance_percent", True, 5.0),
        ("max_gap", "0", 0.0),
        ("max_gap", "1e9", 1.0),
        ("max_gap", ["1"], 1.0),
        ("regularize_mode", "split", "split"),
        ("regularize_mode", "SPLIT", "acquisition"),
        ("regularize_mode", 2, "acquisition"),
        ("bake", "true", True),
        ("bake", "false", False),
        ("bake", True, True),
        ("bake", 1, True),
        ("bake", "perhaps", False),
        ("layout_changes", None, True),
        ("layout_changes", "false", False),
        ("identifiers_in_reports", "yes please", False),
    ],
)
def test_what_a_stored_value_means(name: str, stored: object, meant: object) -> None:
    assert getattr(settings_from({KEYS[name]: stored}), name) == meant


TEXTS = st.text(alphabet="0123456789.eE+-naiftrusplcoq ", max_size=12)


@given(
    st.dictionaries(
        st.sampled_from(sorted(KEYS.values())),
        st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.lists(TEXTS, max_size=2),
    )
)
def test_no_stored_value_does_harm(stored: dict[str, object]) -> None:
    settings = settings_from(stored)
    for name, (least, most) in RANGES.items():
        assert least <= getattr(settings, name) <= most
    assert settings.regularize_mode in MODE_NAMES
    for one in fields(Settings):
        assert type(getattr(settings, one.name)) is type(getattr(DEFAULTS, one.name))


def test_the_page_shows_the_defaults_and_stores_what_is_chosen(store: Any, page: Any) -> None:
    from DicomRegInspectorLib.panel.settings.stored import stored_settings

    assert stored_settings() == DEFAULTS
    page.tolerance.value = 12.5
    page.mode.currentIndex = 2
    page.max_gap.value = 3
    page.bake.checked = True
    page.identifiers.checked = True
    page.layout_changes.checked = False
    expected = Settings(12.5, "split", 3.0, True, False, False, True)
    assert stored_settings() == expected
    # Another session reads text from the file.
    store.sync()
    from PySide6 import QtCore

    later = QtCore.QSettings(store.fileName(), QtCore.QSettings.Format.IniFormat)
    assert settings_from({key: later.value(key) for key in KEYS.values()}) == expected


def test_restore_defaults_and_cancel_are_the_dialog_s(page: Any) -> None:
    from DicomRegInspectorLib.panel.settings.stored import stored_settings

    page.tolerance.value = 10.0
    page.widget.applySettings()
    page.tolerance.value = 20.0
    page.place_volumes.checked = True
    page.widget.resetSettings()
    assert stored_settings() == Settings(interval_tolerance_percent=10.0)
    assert page.tolerance.value == 10.0
    page.widget.restoreDefaultSettings()
    assert stored_settings() == DEFAULTS
    assert page.tolerance.value == 5.0


def test_an_unusable_value_is_shown_as_the_default_that_is_in_force(application: Any, store: Any) -> None:
    from DicomRegInspectorLib.panel.settings.page import add_settings_panel
    from DicomRegInspectorLib.panel.settings.stored import stored_settings

    store.setValue(KEYS["interval_tolerance_percent"], "500")
    store.setValue(KEYS["regularize_mode"], "magic")
    store.setValue(KEYS["max_gap"], "4")
    application.app.playMainWindow(True)
    page = add_settings_panel()
    application.app.playMainWindow(False)
    assert page.tolerance.value == stored_settings().interval_tolerance_percent == 5.0
    assert page.mode.currentUserDataAsString == stored_settings().regularize_mode == "acquisition"
    assert page.max_gap.value == stored_settings().max_gap == 4.0


def test_every_control_says_what_it_does_and_can_be_reached_by_a_key_of_its_own(page: Any) -> None:
    import re

    from PySide6 import QtWidgets

    widget = pythonqt.unwrap(page.widget)
    controls = [one for one in widget.findChildren(QtWidgets.QWidget) if one.objectName() in KEYS]
    assert {one.objectName() for one in controls} == set(KEYS)
    assert all(one.toolTip() for one in controls)
    labels = widget.findChildren(QtWidgets.QLabel)
    texts = [one.text() for one in labels + controls if hasattr(one, "text") and "&" in one.text()]
    letters = [re.search(r"&(\w)", text).group(1).lower() for text in texts]
    assert len(letters) == len(KEYS)
    assert len(set(letters)) == len(letters)
    assert all(label.buddy() is not None for label in labels if "&" in label.text())


def test_those_who_watch_are_told_of_a_change_until_they_stop(page: Any) -> None:
    from DicomRegInspectorLib.panel.settings.stored import stored_settings, unwatch_settings, watch_settings

    seen: list[float] = []

    def watcher() -> None:
        seen.append(stored_settings().max_gap)

    watch_settings(watcher)
    page.max_gap.value = 7
    unwatch_settings(watcher)
    page.max_gap.value = 9
    assert seen == [7.0]


def test_without_a_main_window_there_is_no_page(application: Any) -> None:
    from DicomRegInspectorLib.panel.settings.page import add_settings_panel

    application.app.playMainWindow(False)
    assert add_settings_panel() is None


def test_a_new_scene_begins_with_the_stored_ways_of_loading(application: Any, store: Any) -> None:
    from DicomRegInspector import DicomRegInspectorLogic

    store.setValue(KEYS["bake"], "true")
    application.mrmlScene.Clear()
    parameters = DicomRegInspectorLogic().getParameterNode()
    assert (parameters.bakeToSingleGrid, parameters.placeVolumes) == (True, False)
    parameters.bakeToSingleGrid = False
    assert not DicomRegInspectorLogic().getParameterNode().bakeToSingleGrid, "what was chosen stays"
    application.mrmlScene.Clear()


def test_a_script_s_logic_keeps_the_library_s_tolerance_and_the_panel_s_has_the_stored_one(
    application: Any, store: Any, page: Any, widget: Any, tmp_path: Path
) -> None:
    from DicomRegInspectorLib.panel.selftests.files import write_ct_stack

    from DicomRegInspector import DicomRegInspectorLogic

    write_ct_stack(tmp_path, [0.0, 2.0, 4.0, 6.3, 8.3, 10.3, 12.3])
    page.tolerance.value = 20.0
    widget.ui.inputPathLineEdit.currentPath = str(tmp_path)
    widget.ui.inspectFolderButton.click()
    assert [one.code for one in widget.panel.inspection.findings] == ["spacing-jitter"]
    assert "slice-gap" in {one.code for one in DicomRegInspectorLogic().inspect(tmp_path).findings}
    page.tolerance.value = 5.0
    widget.ui.inspectFolderButton.click()
    assert "slice-gap" in {one.code for one in widget.panel.inspection.findings}


def test_a_change_reaches_the_open_panel_and_leaves_alone_what_it_is_not_about(page: Any, widget: Any) -> None:
    ui = widget.ui
    ui.modeComboBox.currentIndex = 3
    page.max_gap.value = 4
    assert ui.gapSpinBox.value == 4
    assert ui.modeComboBox.currentIndex == 3
    page.mode.currentIndex = 1
    assert ui.modeComboBox.currentIndex == 1
    page.bake.checked = True
    assert ui.bakeCheckBox.checked
    assert not ui.placeVolumesCheckBox.checked
    page.widget.restoreDefaultSettings()
    assert (ui.modeComboBox.currentIndex, ui.gapSpinBox.value, ui.bakeCheckBox.checked) == (0, 1.0, False)


def test_showing_a_finding_leaves_the_layout_where_that_is_wanted(
    application: Any, page: Any, widget: Any, tmp_path: Path
) -> None:
    from DicomRegInspectorLib.panel.selftests.files import write_ct_stack

    application.app.playMainWindow(True)
    write_ct_stack(tmp_path, [0.0, 2.0, 4.0, 8.0, 10.0, 12.0])
    widget.ui.inputPathLineEdit.currentPath = str(tmp_path)
    widget.ui.inspectFolderButton.click()
    widget.ui.findingsTable.selectRow(0)
    layout = application.app.layoutManager().layout

    def show() -> int:
        section = widget.panel.findings_section
        finding = widget.panel.inspection.findings[0]
        section._actions._show(finding, section._places.of(finding))
        return application.app.layoutManager().layout

    page.layout_changes.checked = False
    assert show() == layout
    page.layout_changes.checked = True
    assert show() != layout


@pytest.mark.parametrize("wanted", [False, True])
def test_saved_reports_name_patients_only_where_that_is_wanted(
    page: Any, widget: Any, tmp_path: Path, wanted: bool
) -> None:
    from DicomRegInspectorLib.panel.selftests.files import write_ct_stack

    write_ct_stack(tmp_path / "ct", [0.0, 2.0, 4.0, 6.0])
    widget.ui.inputPathLineEdit.currentPath = str(tmp_path / "ct")
    widget.ui.inspectFolderButton.click()
    page.identifiers.checked = wanted
    widget.panel.findings_section.files.write(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ("Made^Up" in text or "Made, Up" in text) == wanted
