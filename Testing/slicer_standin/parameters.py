"""A parameter node wrapper for plain values, kept in a real vtkMRMLScriptedModuleNode.

Types: str, bool, int, float, pathlib.Path, MRML node classes, and unions of these with None. Widgets: QCheckBox with
bool, QLineEdit with str, ctkPathLineEdit with pathlib.Path, qMRMLNodeComboBox with nodes. Anything else raises;
Slicer's own wrapper knows more.
"""

from __future__ import annotations

import pathlib
import types
import typing
from collections.abc import Callable
from typing import Any

import ctk
import qt
import slicer
import vtk

_READ: dict[type, Callable[[str], Any]] = {
    str: str,
    bool: lambda text: text == "True",
    int: int,
    float: float,
    pathlib.Path: pathlib.Path,
}

_CONNECTIONS: list[tuple[type, type, str, str]] = [
    (qt.QCheckBox, bool, "checked", "stateChanged"),
    (qt.QLineEdit, str, "text", "textChanged"),
    (ctk.ctkPathLineEdit, pathlib.Path, "currentPath", "currentPathChanged"),
]


def node_classes(datatype: Any) -> tuple[type, ...]:
    """The node classes of a parameter's type; empty when it is no node, nor a union of nodes with None.

    Slicer asks for typing.Union here: ``A | B`` is another type to it.
    """
    if isinstance(datatype, type):
        return (datatype,) if issubclass(datatype, slicer.vtkMRMLNode) else ()
    arguments = typing.get_args(datatype) if typing.get_origin(datatype) == typing.Union else ()
    classes = tuple(argument for argument in arguments if argument is not type(None))
    return classes if len(classes) < len(arguments) and all(node_classes(one) for one in classes) else ()


class _NodeConnector:
    """A node combo box bound to one parameter, whose type says which classes it offers."""

    def __init__(self, widget: Any, classes: tuple[type, ...]) -> None:
        self.widget, self.slot = widget, None
        widget.nodeTypes = [node_class().GetClassName() for node_class in classes]

    def read(self) -> Any:
        return self.widget.currentNode()

    def write(self, value: Any) -> None:
        self.widget.setCurrentNode(value)

    def on_changed(self, slot: Callable[[], None] | None) -> None:
        if slot is not None:
            self.widget.currentNodeIDChanged.connect(slot)
        elif self.slot is not None:
            self.widget.currentNodeIDChanged.disconnect(self.slot)
        self.slot = slot


class _Connector:
    """One widget bound to one parameter."""

    def __init__(self, widget: Any, datatype: type) -> None:
        for widget_type, value_type, prop, signal in _CONNECTIONS:
            if type(widget) is widget_type and datatype is value_type:
                self.widget, self.datatype, self.property, self.signal = widget, datatype, prop, signal
                self.slot: Callable[[], None] | None = None
                return
        raise RuntimeError(
            f"Unable to create GUI connector from datatype '{datatype}' to widget type '{type(widget)}'."
        )

    def read(self) -> Any:
        return self.datatype(getattr(self.widget, self.property))

    def write(self, value: Any) -> None:
        setattr(self.widget, self.property, str(value) if self.datatype is pathlib.Path else value)

    def on_changed(self, slot: Callable[[], None] | None) -> None:
        if slot is not None:
            getattr(self.widget, self.signal).connect(slot)
        elif self.slot is not None:
            getattr(self.widget, self.signal).disconnect(self.slot)
        self.slot = slot


def _connect(widget: Any, datatype: Any) -> Any:
    classes = node_classes(datatype)
    if classes and type(widget) is slicer.qMRMLNodeComboBox:
        return _NodeConnector(widget, classes)
    return _Connector(widget, datatype)


def _make_node_property(name: str, classes: tuple[type, ...]) -> property:
    def read(self: Any) -> Any:
        return self.parameterNode.GetNodeReference(name)

    def write(self: Any, value: Any) -> None:
        if value is not None and not isinstance(value, classes):
            raise TypeError(f"{name} must be one of {classes}, not {type(value).__name__}")
        self.parameterNode.SetParameter(name, "")
        self.parameterNode.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    return property(read, write)


def _make_property(name: str, datatype: Any) -> property:
    classes = node_classes(datatype)
    if classes:
        return _make_node_property(name, classes)

    def read(self: Any) -> Any:
        return _READ[datatype](self.parameterNode.GetParameter(name))

    def write(self: Any, value: Any) -> None:
        if not isinstance(value, datatype):
            raise TypeError(f"{name} must be {datatype.__name__}, not {type(value).__name__}")
        self.parameterNode.SetParameter(name, str(value))

    return property(read, write)


class _Wrapper:
    """What the decorated class gains."""

    allParameters: typing.ClassVar[dict[str, tuple[type, Any]]] = {}

    def __init__(self, parameterNode: Any, prefix: str | None = None) -> None:
        self.parameterNode = parameterNode
        self._guis: dict[int, tuple[int, list[tuple[str, Any]]]] = {}
        self._writing = False
        for name, (_datatype, default) in self.allParameters.items():
            if not parameterNode.HasParameter(name):
                parameterNode.SetParameter(name, str(default))

    def connectGui(self, gui: Any) -> int:
        pairs = []
        for widget in vars(gui).values():
            name = widget.property("SlicerParameterName")
            if name:
                if name not in self.allParameters:
                    raise ValueError(f"Cannot find a param with the given name: {name}")
                pairs.append((name, _connect(widget, self.allParameters[name][0])))
        tag = len(self._guis) + 1
        for name, connector in pairs:
            connector.write(getattr(self, name))
            connector.on_changed(self._reader(name, connector))
        observer = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._to_gui(pairs))
        self._guis[tag] = (observer, pairs)
        return tag

    def disconnectGui(self, tag: int | None) -> None:
        if tag in self._guis:
            observer, pairs = self._guis.pop(tag)
            self.RemoveObserver(observer)
            for _name, connector in pairs:
                connector.on_changed(None)

    def _reader(self, name: str, connector: Any) -> Callable[[], None]:
        def from_gui() -> None:
            if not self._writing:
                setattr(self, name, connector.read())

        return from_gui

    def _to_gui(self, pairs: list[tuple[str, Any]]) -> None:
        if self._writing:
            return
        self._writing = True
        try:
            for name, connector in pairs:
                connector.write(getattr(self, name))
        finally:
            self._writing = False

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def StartModify(self) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified: int) -> None:
        self.parameterNode.EndModify(wasModified)


def parameterNodeWrapper(classtype: type) -> type:
    parameters = {}
    for name, datatype in typing.get_type_hints(classtype, include_extras=True).items():
        if node_classes(datatype):
            parameters[name] = (datatype, "")
            continue
        if datatype not in _READ:
            raise NotImplementedError(f"the stand-in's parameter node has no {datatype} (parameter {name})")
        parameters[name] = (datatype, getattr(classtype, name, datatype()))
    members: dict[str, Any] = {
        "allParameters": parameters,
        "__doc__": classtype.__doc__,
        "__module__": classtype.__module__,
    }
    members.update({name: _make_property(name, datatype) for name, (datatype, _default) in parameters.items()})
    return type(classtype.__name__, (_Wrapper,), members)


def make_module() -> types.ModuleType:
    """The module ``slicer.parameterNodeWrapper``."""
    module = types.ModuleType("slicer.parameterNodeWrapper")
    module.parameterNodeWrapper = parameterNodeWrapper  # type: ignore[attr-defined]

    def lookup(name: str) -> Any:
        raise AttributeError(f"the stand-in's slicer.parameterNodeWrapper has no {name}")

    module.__getattr__ = lookup  # type: ignore[method-assign]
    assert slicer.mrmlScene is not None
    return module
