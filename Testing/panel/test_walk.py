"""A walk through every control of the panel, by keyboard: each one changes something that can be seen, or says why not.

The controls are those of the .ui files. A new one without an effect in its section's state, or in one named for it,
fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from panel_states import ELSEWHERE, KINDS, STATES, STOPPED_BY
from slicer_standin import pythonqt
from ui_files import elements
from walker import Walker


@pytest.fixture(autouse=True)
def no_slot_fails() -> Any:
    pythonqt.SLOT_ERRORS.clear()
    pythonqt.FILE_ANSWERS.clear()
    pythonqt.OPENED_URLS.clear()
    yield
    assert pythonqt.SLOT_ERRORS == []


@pytest.fixture
def walker(application: Any, widget: Any, tmp_path: Path) -> Any:
    made = Walker(application, widget, tmp_path)
    yield made
    ui = widget.ui
    for name in ("input", "findings", "registrations", "series"):
        getattr(ui, name + "CollapsibleButton").collapsed = False
    for name in ("quality", "compare"):
        getattr(ui, name + "CollapsibleButton").collapsed = True
    application.app.playMainWindow(False)


def test_every_control_of_the_files_is_on_the_way() -> None:
    assert set(KINDS) == {*STATES, *STOPPED_BY}
    assert set(ELSEWHERE) < set(KINDS)
    cancelling = {name for name in KINDS if name.lower().endswith("cancelbutton")}
    assert set(STOPPED_BY) == cancelling - {"askCancelButton"}


@pytest.mark.parametrize("name", list(STATES))
def test_control_changes_what_is_seen(walker: Walker, name: str) -> None:
    STATES[name](walker)
    widget = getattr(walker.ui, name)
    assert widget.enabled
    assert not widget.isHidden()
    before = walker.seen()
    walker.operate(name)
    after = walker.seen()
    assert {key for key in after if after[key] != before.get(key)}, f"{name} changes nothing"
    assert not walker.widget.panel.busy


@pytest.mark.parametrize("name", list(STOPPED_BY))
def test_cancel_stops_what_is_under_way_and_says_so(walker: Walker, name: str) -> None:
    state, method, begin, label = STOPPED_BY[name]
    state(walker)
    work = getattr(walker.widget.logic, method)
    seen: list[Any] = []

    def disturbed(*arguments: Any, run: Any, **options: Any) -> Any:
        run(lambda step: (step(1, 4, "half way"), time.sleep(0.1)))
        seen.append((getattr(walker.ui, label).text, getattr(walker.ui, begin).enabled, walker.widget.panel.busy))
        walker.operate(name)
        seen.append(getattr(walker.ui, label).text)
        return work(*arguments, run=run, **options)

    setattr(walker.widget.logic, method, disturbed)
    try:
        walker.operate(begin)
    finally:
        delattr(walker.widget.logic, method)
    assert seen == [("half way (1 / 4)", False, True), "Stopping …"]
    assert getattr(walker.ui, label).text.startswith("Cancelled")
    assert not walker.widget.panel.busy
    assert getattr(walker.ui, name).isVisibleTo(walker.ui.inputCollapsibleButton.window()) is False


def test_the_keyboard_reaches_every_control(application: Any, ui: Any) -> None:
    from PySide6 import QtCore

    stops = [element.text for element in elements("tabstop")]
    for name in KINDS:
        widget = pythonqt.unwrap(getattr(ui, name))
        policy = (widget.focusProxy() or widget).focusPolicy()
        assert policy & QtCore.Qt.FocusPolicy.TabFocus, name
        assert name in stops
    # A label in the order is reached too, so that what it says can be copied by keyboard.
    assert all(getattr(ui, name) for name in stops)


def test_tab_order_is_the_reading_order() -> None:
    """Widgets stand in the file in the order in which they are read, grids row by row."""
    order = [element.attrib["name"] for element in elements("widget")]
    stops = [element.text for element in elements("tabstop")]
    assert stops == sorted(stops, key=order.index)


def test_tab_goes_from_section_to_section(ui: Any) -> None:
    """Each file orders its own controls; the sections follow each other as they stand."""
    stops = [element.text for element in elements("tabstop")]
    widgets = {pythonqt.unwrap(getattr(ui, name)): name for name in stops}
    first = widget = pythonqt.unwrap(getattr(ui, stops[0]))
    chain = []
    while not chain or widget is not first:
        chain.append(widgets.get(widget))
        widget = widget.nextInFocusChain()
    assert [name for name in chain if name is not None] == stops


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind == "QPushButton"])
def test_button_that_rests_in_the_empty_panel_tells_what_it_is_for(ui: Any, name: str) -> None:
    button = getattr(ui, name)
    assert button.toolTip
    assert button.text
    assert button.enabled or button.isHidden() or button.toolTip.endswith((".", "…"))


def test_enter_on_a_finding_is_show_me(walker: Walker) -> None:
    from PySide6 import QtCore, QtTest

    walker.finding()
    QtTest.QTest.keyClick(pythonqt.unwrap(walker.ui.findingsTable), QtCore.Qt.Key.Key_Return)
    assert not walker.ui.askFrame.isHidden()


def test_enter_on_a_registration_loads_it(walker: Walker) -> None:
    from PySide6 import QtCore, QtTest

    walker.registration()
    QtTest.QTest.keyClick(pythonqt.unwrap(walker.ui.registrationsTable), QtCore.Qt.Key.Key_Return)
    assert walker.ui.registrationsStatusLabel.text.startswith("Loaded")


LONG_NAME = "CT Thorax mit Kontrastmittel venoese Phase 1.25 mm Weichteilkern, nachverarbeitet"


@pytest.mark.parametrize(
    "state",
    [Walker.empty, Walker.finding, Walker.asking, Walker.pictured, Walker.comparing, Walker.resampling],
    ids=lambda state: state.__name__,
)
def test_panel_is_never_wider_than_400_pixels_needs(walker: Walker, state: Callable[[Walker], None]) -> None:
    """Long names of nodes included; Slicer's panel would have to be scrolled sideways."""
    state(walker)
    for name in ("quality", "compare"):
        getattr(walker.ui, name + "CollapsibleButton").collapsed = False
    if state is Walker.finding:
        walker.ui.showMeButton.click()
    for class_name in ("vtkMRMLScalarVolumeNode", "vtkMRMLTransformNode"):
        for node in walker.application.util.getNodesByClass(class_name):
            node.SetName(LONG_NAME)
    walker.application.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", LONG_NAME)
    content = pythonqt.unwrap(walker.ui.inputCollapsibleButton).parentWidget().parentWidget()
    for section in content.children():
        if section.isWidgetType():
            section.layout().invalidate()
    content.layout().invalidate()
    assert content.layout().totalMinimumSize().width() <= 380  # around it, Slicer leaves some margin
