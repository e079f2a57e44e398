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


def test_text_with_half_a_surrogate_pair_is_refused(qt: Any) -> None:
    """PythonQt would take an empty text, and leave an error behind for the call after it."""
    label = qt.QLabel()
    with pytest.raises(UnicodeEncodeError):
        label.text = "M\udcfcller"
    with pytest.raises(UnicodeEncodeError):
        label.setText("M\udcfcller")
    with pytest.raises(UnicodeEncodeError):
        qt.QTableWidgetItem("M\udcfcller")


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


def test_number_within_limits_sets_those_of_its_box_and_refuses_others(application: Any, qt: Any) -> None:
    import typing

    from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

    limited = typing.Annotated[float, WithinRange(0.0, 5.0)]
    members = {"__annotations__": {"gap": limited, "free": float}, "gap": 1.0, "free": 2.0}
    parameters = parameterNodeWrapper(type("Node", (), members))(
        application.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    )
    gap, free = qt.QDoubleSpinBox(), qt.QDoubleSpinBox()
    tag = parameters.connectParametersToGui({"gap": gap, "free": free})
    assert (gap.minimum, gap.maximum, gap.value) == (0.0, 5.0, 1.0)
    assert free.maximum > 1e300  # Slicer takes every number where no limits are given
    gap.value = 4.0
    assert parameters.gap == 4.0
    with pytest.raises(ValueError, match="within range"):
        parameters.gap = 6.0
    parameters.disconnectGui(tag)


def test_combo_box_is_bound_by_a_connector_of_the_module_only(application: Any, qt: Any) -> None:
    """Slicer's own would fill it with the values themselves."""
    from DicomRegInspectorLib.panel.connectors import ChoiceConnector
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    wrapped = parameterNodeWrapper(type("Node", (), {"__annotations__": {"choice": str}, "choice": "b"}))
    parameters = wrapped(application.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    box = qt.QComboBox()
    for text in "abc":
        box.addItem(text.upper(), text)
    with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
        parameters.connectParametersToGui({"choice": box})
    tag = parameters.connectParametersToGui({"choice": ChoiceConnector(box)})
    assert box.currentText == "B"
    box.currentIndex = 2
    assert parameters.choice == "c"
    parameters.choice = "not offered"
    assert (box.currentText, parameters.choice) == ("C", "not offered")
    parameters.disconnectGui(tag)
    box.currentIndex = 0
    assert parameters.choice == "not offered"


def node_box(application: Any, *classes: str) -> Any:
    box = application.qMRMLNodeComboBox()
    box.nodeTypes = list(classes)
    box.noneEnabled = True
    box.setMRMLScene(application.mrmlScene)
    return box


def test_node_box_follows_the_scene_and_says_so(application: Any) -> None:
    application.mrmlScene.Clear()
    box, seen = node_box(application, "vtkMRMLTransformNode"), []
    assert box.connect("currentNodeIDChanged(QString)", seen.append)
    node = application.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    assert box.currentNode() is None  # a new node does not choose itself
    box.setCurrentNode(node)
    assert box.currentNode() is node
    application.mrmlScene.RemoveNode(node)
    assert (box.currentNode(), seen) == (None, [node.GetID(), ""])


def test_parameter_of_a_node_type_is_bound_to_a_node_box(application: Any) -> None:
    import typing

    from slicer.parameterNodeWrapper import parameterNodeWrapper

    image = typing.Union[application.vtkMRMLScalarVolumeNode, application.vtkMRMLModelNode, None]  # noqa: UP007
    wrapped = parameterNodeWrapper(type("Node", (), {"__annotations__": {"image": image}}))
    application.mrmlScene.Clear()
    box = node_box(application)
    box.setProperty("SlicerParameterName", "image")
    parameters = wrapped(application.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    tag = parameters.connectGui(_Gui(box))
    assert list(box.nodeTypes) == ["vtkMRMLScalarVolumeNode", "vtkMRMLModelNode"]
    model = application.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode")
    box.setCurrentNode(model)
    assert parameters.image is model
    parameters.image = None
    assert box.currentNode() is None
    with pytest.raises(TypeError):
        parameters.image = application.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    parameters.disconnectGui(tag)


class _Gui:
    def __init__(self, box: Any) -> None:
        self.box = box


def test_union_without_none_or_in_another_spelling_is_no_node_parameter(application: Any) -> None:
    """Slicer's node boxes take typing.Union with None only."""
    import typing

    from slicer_standin.parameters import node_classes

    volume, model = application.vtkMRMLScalarVolumeNode, application.vtkMRMLModelNode
    assert node_classes(typing.Union[volume, model, None]) == (volume, model)  # noqa: UP007
    assert node_classes(typing.Union[volume, model]) == ()  # noqa: UP007
    assert node_classes(volume | model | None) == ()


def test_connections_of_a_ui_file_are_checked(application: Any, tmp_path: Path) -> None:
    from slicer_standin import MODULE_FOLDER, pythonqt

    text = (MODULE_FOLDER / "Resources" / "UI" / "DicomRegInspectorQuality.ui").read_text(encoding="utf-8")
    broken = text.replace("<receiver>qualityFixedSelector</receiver>", "<receiver>gone</receiver>")
    (tmp_path / "broken.ui").write_text(broken, encoding="utf-8")
    application.util.loadUI(str(tmp_path / "broken.ui"))
    assert pythonqt.FAILED_CONNECTIONS == [
        "DicomRegInspectorQuality.mrmlSceneChanged(vtkMRMLScene*) to gone.setMRMLScene(vtkMRMLScene*)"
    ]
    pythonqt.FAILED_CONNECTIONS.clear()


def test_package_slicer_takes_in_nothing_of_the_tests(application: Any) -> None:
    """The package appends every folder ``slicer`` on the path and imports what is in it; Testing is on the path."""
    tests = Path(__file__).resolve().parents[1]
    assert [folder for folder in application.__path__ if Path(folder).resolve().is_relative_to(tests)] == []
