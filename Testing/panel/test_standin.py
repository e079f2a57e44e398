"""The stand-in refuses what PythonQt refuses, and allows what it allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def qt(application: Any) -> Any:
    import qt

    return qt


def test_qt_properties_are_attributes(qt: Any) -> None:
    button = qt.QPushButton("first")
    button.text = "second"
    assert button.text == "second"
    with pytest.raises(TypeError, match="'str' object is not callable"):
        button.text()


def test_setters_and_is_methods_work_too(qt: Any) -> None:
    button = qt.QPushButton("first")
    button.setText("second")
    button.setEnabled(False)
    assert (button.text, button.enabled, button.isEnabled()) == ("second", False, False)


def test_properties_take_only_their_type(qt: Any) -> None:
    with pytest.raises(AttributeError, match="does not accept"):
        qt.QLabel().text = 5


def test_qt_objects_take_no_new_attributes(qt: Any) -> None:
    with pytest.raises(AttributeError):
        qt.QPushButton().mine = 1
    with pytest.raises(AttributeError):
        qt.QTableWidgetItem("x").mine = 1
    with pytest.raises(AttributeError):
        qt.QPushButton().noSuchThing  # noqa: B018 - the look-up is what is tested


def test_table_items_have_methods(qt: Any) -> None:
    item = qt.QTableWidgetItem("x")
    item.setData(qt.Qt.UserRole, 7)
    assert (item.text(), item.data(qt.Qt.UserRole)) == ("x", 7)


def test_wrong_signal_signature_is_false_and_a_line_on_stderr(qt: Any, capfd: Any) -> None:
    from slicer_standin import pythonqt

    assert qt.QPushButton().connect("klicked()", print) is False
    assert "No such signal" in capfd.readouterr().err
    assert pythonqt.FAILED_CONNECTIONS.pop().endswith("klicked()")


@pytest.mark.parametrize("by_name", [False, True], ids=["signature", "attribute"])
def test_slots_get_as_many_arguments_as_they_take(qt: Any, by_name: bool) -> None:
    button, seen = qt.QPushButton(), []

    def nothing() -> None:
        seen.append(())

    def one(checked: bool) -> None:
        seen.append((checked,))

    for slot in (nothing, one):
        assert button.clicked.connect(slot) if by_name else button.connect("clicked(bool)", slot)
    button.click()
    assert sorted(seen) == [(), (False,)]
    if by_name:
        assert button.clicked.disconnect(one)
    else:
        assert button.disconnect("clicked(bool)", one)
    button.click()
    assert seen.count((False,)) == 1


def test_enumerators_have_no_scope(qt: Any) -> None:
    assert qt.QHeaderView.Stretch != qt.QHeaderView.Interactive
    with pytest.raises(AttributeError):
        qt.Qt.ItemDataRole  # noqa: B018 - the look-up is what is tested


@pytest.mark.parametrize("module", ["qt", "ctk", "slicer.parameterNodeWrapper", "slicer.app", "slicer.modules"])
def test_what_it_does_not_know_is_an_error(application: Any, module: str) -> None:
    import importlib

    holder = getattr(application, module.split(".")[1]) if "." in module else importlib.import_module(module)
    with pytest.raises(AttributeError, match=r"stand-in.*has no noSuchThing"):
        holder.noSuchThing  # noqa: B018 - the look-up is what is tested


def test_parameter_node_keeps_values_in_the_scene(application: Any) -> None:
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    @parameterNodeWrapper
    class Node:
        flag: bool = True
        name: str = "a"

    mrml = application.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    Node(mrml).flag = False
    assert mrml.GetParameter("flag") == "False"
    assert (Node(mrml).flag, Node(mrml).name) == (False, "a")
    with pytest.raises(TypeError):
        Node(mrml).flag = "yes"


def test_parameter_node_refuses_types_it_cannot_keep(application: Any) -> None:
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    with pytest.raises(NotImplementedError):

        @parameterNodeWrapper
        class _Node:
            numbers: list[int]


def test_package_slicer_takes_in_nothing_of_the_tests(application: Any) -> None:
    """The package appends every folder ``slicer`` on the path and imports what is in it; Testing is on the path."""
    tests = Path(__file__).resolve().parents[1]
    assert [folder for folder in application.__path__ if Path(folder).resolve().is_relative_to(tests)] == []
