"""The .ui file and the code that uses it agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import slicer_standin
from slicer_standin import pythonqt
from slicer_standin.ctk_widgets import CTK_CLASSES
from ui_files import FOLDER, UI_FILES, bound_controls, elements, named_widgets

CODE = [slicer_standin.MODULE_FOLDER / "DicomRegInspector.py"] + sorted(
    (slicer_standin.MODULE_FOLDER / "DicomRegInspectorLib" / "panel").rglob("*.py")
)
CTK_SIGNALS = {
    "ctkPathLineEdit": {"validInputChanged(bool)", "currentPathChanged(QString)"},
    "ctkCollapsibleButton": {"contentsCollapsed(bool)"},
    "ctkComboBox": set(),
}
"""As their headers declare them."""


def used_names() -> set[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in CODE)
    return set(re.findall(r"\b_?ui\.([a-z]\w+)", text)) - {"__dict__"}


def test_no_file_is_left_out_and_no_name_is_given_twice() -> None:
    assert set(UI_FILES) == set(FOLDER.glob("*.ui"))
    names = [element.attrib["name"] for element in elements("widget")]
    assert len(names) == len(set(names))


def test_every_widget_that_the_code_names_is_in_the_file() -> None:
    assert used_names() <= set(named_widgets())


def test_every_widget_in_the_file_is_used_by_code_or_explains_another() -> None:
    widgets = named_widgets()
    explains = {name for name, element in widgets.items() if element.find("property[@name='buddy']") is not None}
    sections = {path.stem for path in UI_FILES} | {"inputCollapsibleButton"}
    unused = set(widgets) - used_names() - explains - set(bound_controls()) - sections
    assert unused == set()


def test_bound_controls_name_fields_of_the_parameter_node(application: Any) -> None:
    from DicomRegInspectorLib.panel.parameter_node import DicomRegInspectorParameterNode

    bound = list(bound_controls().values())
    assert len(bound) == len(set(bound))
    assert set(bound) == set(DicomRegInspectorParameterNode.allParameters)


NOT_KEPT = {
    "severityComboBox": "a scene must not open with findings hidden",
    "filterLineEdit": "a scene must not open with findings hidden",
    "readAsComboBox": "is about the selected registration; the standard's reading is chosen anew with every other one",
    "measuresOfComboBox": "is about what was measured, which is not kept",
    "seriesComboBox": "lists what was inspected, which is not kept",
    "stackComboBox": "lists what was inspected, which is not kept",
}


def test_every_option_is_kept_with_the_scene_or_says_why_not() -> None:
    options = {"QCheckBox", "ctkComboBox", "QDoubleSpinBox", "QLineEdit", "QSpinBox", "ctkPathLineEdit"}
    options |= {"qMRMLNodeComboBox"}
    there = {name for name, element in named_widgets().items() if element.attrib["class"] in options}
    assert there == {*bound_controls(), *NOT_KEPT}


def test_each_class_declares_the_widgets_it_uses_with_their_classes(application: Any) -> None:
    """mypy holds the code against these declarations; this holds them against the files."""
    from DicomRegInspectorLib.panel.panel import PanelWidgets

    declared: dict[str, str] = {}
    for part in PanelWidgets.__mro__:
        declared.update(vars(part).get("__annotations__", {}))
    classes = {name: element.attrib["class"] for name, element in named_widgets().items()}
    assert {name: text.partition(".")[2] for name, text in declared.items()} == {
        name: classes[name] for name in declared
    }
    assert used_names() == set(declared)


@pytest.mark.parametrize(
    ("path", "name", "signature"),
    [
        (path, name, signature)
        for path in CODE
        for name, signature in re.findall(r"\bui\.(\w+)\.connect\(\s*\"([^\"]+)\"", path.read_text(encoding="utf-8"))
    ],
    ids=lambda value: value.name if isinstance(value, Path) else value,
)
def test_signal_exists_in_the_widget_class(application: Any, ui: Any, path: Path, name: str, signature: str) -> None:
    meta = pythonqt.unwrap(getattr(ui, name)).metaObject()
    assert meta.indexOfSignal(signature) >= 0


def test_setting_up_the_panel_connects_every_signal(ui: Any) -> None:
    assert pythonqt.FAILED_CONNECTIONS == []


def test_every_node_box_gets_the_scene_from_the_file_alone(application: Any, ui: Any) -> None:
    boxes = [name for name, element in named_widgets().items() if element.attrib["class"].endswith("NodeComboBox")]
    assert len(boxes) == 12
    assert all(getattr(ui, name).mrmlScene() is application.mrmlScene for name in boxes)


def test_node_boxes_offer_the_classes_that_the_parameter_node_takes(application: Any, ui: Any) -> None:
    """Slicer's connector overwrites what the file says; both have to say the same."""
    for element in named_widgets().values():
        types = element.find("property[@name='nodeTypes']")
        if types is not None:
            offered = [text.text for text in types.iter("string")]
            assert list(getattr(ui, element.attrib["name"]).nodeTypes) == offered


def test_signals_of_ctk_widgets_are_those_of_the_headers(application: Any) -> None:
    for widget_class in CTK_CLASSES:
        widget = widget_class()
        meta = widget.metaObject()
        own = range(meta.methodOffset(), meta.methodCount())
        signals = {
            bytes(meta.method(index).methodSignature()).decode()
            for index in own
            if meta.method(index).methodType() == meta.method(index).MethodType.Signal
        }
        assert signals == CTK_SIGNALS[widget_class.__name__]


def test_buddies_and_tab_stops_name_widgets() -> None:
    widgets = named_widgets()
    buddies = {element.find("cstring").text for element in elements("property") if element.get("name") == "buddy"}
    stops = [element.text for element in elements("tabstop")]
    assert buddies <= set(widgets)
    assert len(stops) == len(set(stops))
    interactive = {"QPushButton", "QCheckBox", "ctkComboBox", "QLineEdit", "QTableWidget", "ctkPathLineEdit"}
    interactive |= {"qMRMLNodeComboBox"}
    assert {name for name, element in widgets.items() if element.attrib["class"] in interactive} <= set(stops)


def test_every_mnemonic_is_given_once_and_none_is_one_of_slicers_menus() -> None:
    """File, Edit, View and Help open by Alt too. Only one Cancel is visible at a time; hidden ones take no key."""
    texts = [element.find("string").text or "" for element in elements("property") if element.get("name") == "text"]
    letters = [match.lower() for text in texts for match in re.findall(r"&(\w)", text) if text != "&Cancel"]
    assert len(letters) == len(set(letters))
    assert not set(letters) & set("fevhc")


def test_every_control_says_what_it_does() -> None:
    needs = {"QPushButton", "QCheckBox", "ctkComboBox", "QLineEdit", "QTableWidget", "ctkPathLineEdit"}
    needs |= {"qMRMLNodeComboBox"}
    silent = [
        name
        for name, element in named_widgets().items()
        if element.attrib["class"] in needs and element.find("property[@name='toolTip']") is None
    ]
    assert silent == []


def test_panel_has_no_colour_of_its_own() -> None:
    for path in UI_FILES:
        text = path.read_text(encoding="utf-8")
        assert "styleSheet" not in text
        assert "palette" not in text
