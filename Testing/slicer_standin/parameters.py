"""A parameter node wrapper for plain values, kept in a real vtkMRMLScriptedModuleNode.

Types: str, bool, int, float (also Annotated with WithinRange), pathlib.Path, MRML node classes, and unions of these
with None. Widgets: QCheckBox with bool, QLineEdit with str, QDoubleSpinBox with float, ctkPathLineEdit with
pathlib.Path, qMRMLNodeComboBox with nodes, and whatever a module brings a GuiConnector of its own for. Anything else
raises; Slicer's own wrapper knows more.
"""

from __future__ import annotations

import abc
import math
import pathlib
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
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
    (qt.QDoubleSpinBox, float, "value", "valueChanged"),
    (ctk.ctkPathLineEdit, pathlib.Path, "currentPath", "currentPathChanged"),
]


@dataclass(frozen=True)
class WithinRange:
    """An annotation of a number: what is outside is refused, and bound boxes get these limits."""

    minimum: float
    maximum: float

    def validate(self, value: float) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


def split_annotations(datatype: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type, and what it is annotated with."""
    if typing.get_origin(datatype) is typing.Annotated:
        return typing.get_args(datatype)[0], datatype.__metadata__
    return datatype, ()


def node_classes(datatype: Any) -> tuple[type, ...]:
    """The node classes of a parameter's type; empty when it is no node, nor a union of nodes with None.

    Slicer asks for typing.Union here: ``A | B`` is another type to it.
    """
    if isinstance(datatype, type):
        return (datatype,) if issubclass(datatype, slicer.vtkMRMLNode) else ()
    arguments = typing.get_args(datatype) if typing.get_origin(datatype) == typing.Union else ()
    classes = tuple(argument for argument in arguments if argument is not type(None))
    return classes if len(classes) < len(arguments) and all(node_classes(one) for one in classes) else ()


class GuiConnector(abc.ABC):
    """A widget bound to one parameter; a module may derive its own (guiConnectors.py)."""

    @staticmethod
    @abc.abstractmethod
    def canRepresent(widget: Any, datatype: Any) -> bool: ...

    @staticmethod
    @abc.abstractmethod
    def create(widget: Any, datatype: Any) -> Any: ...

    def __init__(self) -> None:
        self._callback: Callable[[], None] | None = None

    def onChanged(self, callback: Callable[[], None] | None) -> None:
        self._callback = callback
        self._disconnect() if callback is None else self._connect()

    def changed(self) -> None:
        if self._callback:
            self._callback()

    @abc.abstractmethod
    def _connect(self) -> None: ...

    @abc.abstractmethod
    def _disconnect(self) -> None: ...

    @abc.abstractmethod
    def widget(self) -> Any: ...

    @abc.abstractmethod
    def read(self) -> Any: ...

    @abc.abstractmethod
    def write(self, value: Any) -> None: ...


class _OwnConnector(GuiConnector):
    """What is common to those of the stand-in."""

    def __init__(self, widget: Any, signal: str) -> None:
        super().__init__()
        self._widget, self._signal = widget, signal

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        raise NotImplementedError("the stand-in finds its connectors by itself")

    create = canRepresent

    def _connect(self) -> None:
        getattr(self._widget, self._signal).connect(self.changed)

    def _disconnect(self) -> None:
        getattr(self._widget, self._signal).disconnect(self.changed)

    def widget(self) -> Any:
        return self._widget


class _NodeConnector(_OwnConnector):
    """A node combo box bound to one parameter, whose type says which classes it offers."""

    def __init__(self, widget: Any, classes: tuple[type, ...]) -> None:
        super().__init__(widget, "currentNodeIDChanged")
        widget.nodeTypes = [node_class().GetClassName() for node_class in classes]

    def read(self) -> Any:
        return self._widget.currentNode()

    def write(self, value: Any) -> None:
        self._widget.setCurrentNode(value)


class _Connector(_OwnConnector):
    """One widget bound to one plain value."""

    def __init__(self, widget: Any, annotated: Any) -> None:
        datatype, annotations = split_annotations(annotated)
        for widget_type, value_type, prop, signal in _CONNECTIONS:
            if type(widget) is widget_type and datatype is value_type:
                super().__init__(widget, signal)
                self._datatype, self._property = datatype, prop
                if widget_type is qt.QDoubleSpinBox:
                    limits = next(iter(annotations), WithinRange(-math.inf, math.inf))
                    widget.minimum, widget.maximum = limits.minimum, limits.maximum
                return
        raise RuntimeError(
            f"Unable to create GUI connector from datatype '{datatype}' to widget type '{type(widget)}'."
        )

    def read(self) -> Any:
        return self._datatype(getattr(self._widget, self._property))

    def write(self, value: Any) -> None:
        setattr(self._widget, self._property, str(value) if self._datatype is pathlib.Path else value)


def _connect(widget: Any, datatype: Any) -> GuiConnector:
    if isinstance(widget, GuiConnector):
        return widget
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


def _make_property(name: str, annotated: Any) -> property:
    datatype, annotations = split_annotations(annotated)
    classes = node_classes(datatype)
    if classes:
        return _make_node_property(name, classes)

    def read(self: Any) -> Any:
        return _READ[datatype](self.parameterNode.GetParameter(name))

    def write(self: Any, value: Any) -> None:
        if not isinstance(value, datatype):
            raise TypeError(f"{name} must be {datatype.__name__}, not {type(value).__name__}")
        for annotation in annotations:
            annotation.validate(value)
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
        named = [(widget.property("SlicerParameterName"), widget) for widget in vars(gui).values()]
        return self.connectParametersToGui({name: widget for name, widget in named if name})

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        for name in mapping:
            if name not in self.allParameters:
                raise ValueError(f"Cannot find a param with the given name: {name}")
        pairs = [(name, _connect(widget, self.allParameters[name][0])) for name, widget in mapping.items()]
        tag = len(self._guis) + 1
        for name, connector in pairs:
            connector.write(getattr(self, name))
            connector.onChanged(self._reader(name, connector))
        observer = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._to_gui(pairs))
        self._guis[tag] = (observer, pairs)
        return tag

    def disconnectGui(self, tag: int | None) -> None:
        if tag in self._guis:
            observer, pairs = self._guis.pop(tag)
            self.RemoveObserver(observer)
            for _name, connector in pairs:
                connector.onChanged(None)

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
        plain, annotations = split_annotations(datatype)
        if plain not in _READ or not all(isinstance(annotation, WithinRange) for annotation in annotations):
            raise NotImplementedError(f"the stand-in's parameter node has no {datatype} (parameter {name})")
        parameters[name] = (datatype, getattr(classtype, name, plain()))
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
    for played in (parameterNodeWrapper, GuiConnector, WithinRange):
        setattr(module, played.__name__, played)

    def lookup(name: str) -> Any:
        raise AttributeError(f"the stand-in's slicer.parameterNodeWrapper has no {name}")

    module.__getattr__ = lookup  # type: ignore[method-assign]
    assert slicer.mrmlScene is not None
    return module
