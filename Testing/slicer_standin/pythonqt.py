"""Qt as Slicer's Python sees it (PythonQt), played on PySide6.

A proxy stands before every Qt object. It gives Qt properties as attributes, methods as methods, connects signals by
their C++ signature, and refuses what a C++ object would refuse. What it does not know, it reports as an error.
"""

from __future__ import annotations

import inspect
import sys
import traceback
import types
import weakref
from enum import EnumMeta
from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

_SOURCES = (QtWidgets, QtGui, QtCore, QtUiTools)
_PROXIES: weakref.WeakValueDictionary[int, QObjectProxy] = weakref.WeakValueDictionary()
_CLASSES: dict[type, type] = {}
_VALUE_TYPES: dict[type, type] = {}
FAILED_CONNECTIONS: list[str] = []
"""Every signal connection that Qt would have refused with no more than a line on stderr."""
SLOT_ERRORS: list[Exception] = []
"""Exceptions that left a slot: the application would print them and go on."""
FILE_ANSWERS: list[str] = []
"""What the user chooses in the next file dialogs; empty text is Cancel."""
OPENED_URLS: list[str] = []
"""What was handed to the desktop to be opened."""


def wrap(value: Any) -> Any:
    """The value as PythonQt would hand it out: Qt objects behind their proxy."""
    if isinstance(value, QtCore.QObject):
        known = _PROXIES.get(id(value))
        if known is not None and object.__getattribute__(known, "_q") is value:
            return known
        proxy = object.__new__(proxy_class(type(value)))
        _adopt(proxy, value)
        return proxy
    if isinstance(value, list | tuple):
        return type(value)(wrap(item) for item in value)
    return value


def unwrap(value: Any) -> Any:
    """The value as PySide wants it.

    Raises
    ------
    UnicodeEncodeError
        A text holds half a surrogate pair, as names of files do that Python could not decode. PySide leaves it out;
        PythonQt takes an empty text and leaves the error behind for the next call (PythonQtConv::PyObjGetString).
    """
    if isinstance(value, str):
        value.encode("utf-8")
    if isinstance(value, QObjectProxy):
        return object.__getattribute__(value, "_q")
    if isinstance(value, list | tuple):
        return type(value)(unwrap(item) for item in value)
    return value


def _adopt(proxy: QObjectProxy, qobject: QtCore.QObject) -> None:
    object.__setattr__(proxy, "_q", qobject)
    object.__setattr__(proxy, "_receivers", {})
    _PROXIES[id(qobject)] = proxy
    # PySide forgets a Python-side wrapper that nothing refers to; PythonQt's lives as long as the C++ object does.
    qobject.__dict__["_standin_proxy"] = proxy


def proxy_class(pyside_class: type) -> type:
    """The class that ``type(widget)`` gives for objects of a Qt class; one for each class."""
    if pyside_class not in _CLASSES:
        _CLASSES[pyside_class] = _ProxyMeta(pyside_class.__name__, (QObjectProxy,), {"_pyside": pyside_class})
    return _CLASSES[pyside_class]


def _is_scoped_enum(value: Any) -> bool:
    return isinstance(value, EnumMeta)


def _trimmed(function: Any) -> Any:
    """A slot that takes only as many of the signal's arguments as the function has places for, as in PythonQt.

    A place with a default counts too. An exception ends in the slot: Qt goes on, and a test reads it from SLOT_ERRORS.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        places = None
    else:
        kinds = [parameter.kind for parameter in parameters]
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        places = None if inspect.Parameter.VAR_POSITIONAL in kinds else sum(kind in positional for kind in kinds)

    def slot(*arguments: Any) -> None:
        try:
            function(*[wrap(argument) for argument in arguments[:places]])
        except Exception as error:
            SLOT_ERRORS.append(error)
            traceback.print_exc()

    return slot


class SignalProxy:
    """A signal reached as an attribute: ``button.clicked.connect(f)``."""

    def __init__(self, owner: QObjectProxy, name: str) -> None:
        self._owner, self._name = owner, name

    def _signature(self) -> str:
        """The signal's full signature; where arguments have defaults, the one with all of them."""
        meta = unwrap(self._owner).metaObject()
        methods = [meta.method(index) for index in range(meta.methodCount())]
        signatures = [
            bytes(method.methodSignature()).decode()
            for method in methods
            if bytes(method.name()).decode() == self._name and method.methodType() == method.MethodType.Signal
        ]
        return max(signatures, key=len)

    def connect(self, function: Any) -> bool:
        return self._owner.connect(self._signature(), function)

    def disconnect(self, function: Any) -> bool:
        return self._owner.disconnect(self._signature(), function)

    def emit(self, *arguments: Any) -> None:
        getattr(unwrap(self._owner), self._name).emit(*[unwrap(argument) for argument in arguments])


class _ProxyMeta(type):
    def __getattr__(cls, name: str) -> Any:
        """Static methods and unscoped enumerators: ``qt.QHeaderView.Stretch``."""
        if name.startswith("_"):
            raise AttributeError(name)
        pyside_class = cls.__dict__.get("_pyside") or cls._pyside
        try:
            value = getattr(pyside_class, name)
        except AttributeError:
            raise AttributeError(f"{cls.__name__} has no member {name}") from None
        if callable(value) and not _is_scoped_enum(value):
            return lambda *a, **k: wrap(value(*[unwrap(item) for item in a], **k))
        return value

    def __subclasscheck__(cls, other: type) -> bool:
        ours, theirs = cls.__dict__.get("_pyside"), getattr(other, "_pyside", None)
        if ours is None or theirs is None:
            return type.__subclasscheck__(cls, other)
        return issubclass(theirs, ours)

    def __instancecheck__(cls, instance: Any) -> bool:
        return cls.__subclasscheck__(type(instance))


class QObjectProxy(metaclass=_ProxyMeta):
    """What Python holds of a Qt object. Attributes are Qt properties, methods, signals; nothing can be added."""

    _pyside: type = QtCore.QObject

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        qt_class = type(self).__dict__.get("_pyside") or _event_filter_class(type(self))
        if keywords:
            raise TypeError("PythonQt constructors take no keyword arguments")
        if QtWidgets.QApplication.instance() is None:
            raise RuntimeError("no Qt application: call slicer_standin.install() first")
        _adopt(self, qt_class(*[unwrap(argument) for argument in arguments]))

    def _property(self, name: str) -> QtCore.QMetaProperty | None:
        meta = unwrap(self).metaObject()
        index = meta.indexOfProperty("objectName" if name == "name" else name)
        return meta.property(index) if index >= 0 else None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        qobject = object.__getattribute__(self, "_q")
        if not shiboken6.isValid(qobject):
            raise ValueError(f"Trying to get attribute {name} of a destroyed {type(self).__name__} object")
        found = self._property(name)
        if found is not None:
            return wrap(found.read(qobject))
        if name.encode() in [bytes(item) for item in qobject.dynamicPropertyNames()]:
            return qobject.property(name)
        allowed = getattr(type(qobject), "CTK_MEMBERS", None)
        inherited = getattr(type(qobject), "CTK_BASE", type(qobject))
        if allowed is not None and name not in allowed and not hasattr(inherited, name):
            raise AttributeError(f"{type(self).__name__} has no attribute named '{name}' that the stand-in knows")
        value = getattr(qobject, name, None)
        if value is None:
            raise AttributeError(f"{type(self).__name__} has no attribute named '{name}'")
        if isinstance(value, QtCore.SignalInstance):
            return SignalProxy(self, name)
        if callable(value) and not _is_scoped_enum(value):
            return lambda *a: wrap(value(*[_trimmed(i) if inspect.ismethod(i) else unwrap(i) for i in a]))
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        found = self._property(name)
        if found is None and "_pyside" not in type(self).__dict__:
            object.__setattr__(self, name, value)  # a Python class that derives from a Qt class has attributes
            return
        if found is None:
            raise AttributeError(
                f"{type(self).__name__} has no attribute named '{name}' (a C++ object takes no new ones)"
            )
        if not found.isWritable():
            raise AttributeError(f"property '{name}' of {type(self).__name__} is read only")
        wanted = {"QString": str, "bool": (bool, int), "int": int, "double": (int, float)}.get(str(found.typeName()))
        if wanted and not isinstance(value, wanted):
            raise AttributeError(
                f"property '{name}' of type '{found.typeName()}' does not accept a {type(value).__name__}"
            )
        if not found.write(unwrap(self), unwrap(value)):
            raise AttributeError(f"property '{name}' of {type(self).__name__} did not take {value!r}")

    def connect(self, signature: str, receiver: Any) -> bool:
        """Connect a signal by its C++ signature. False, and a line on stderr, when there is no such signal."""
        qobject = unwrap(self)
        normalized = bytes(QtCore.QMetaObject.normalizedSignature(signature)).decode()
        if qobject.metaObject().indexOfSignal(normalized) < 0:
            message = f"QObject::connect: No such signal {type(self).__name__}::{signature}"
            FAILED_CONNECTIONS.append(message)
            print(message, file=sys.stderr)
            return False
        slot = _trimmed(receiver)
        self._receivers.setdefault((normalized, receiver), []).append(slot)
        return bool(QtCore.QObject.connect(qobject, QtCore.SIGNAL(normalized), slot))

    def disconnect(self, signature: str, receiver: Any) -> bool:
        normalized = bytes(QtCore.QMetaObject.normalizedSignature(signature)).decode()
        slots = self._receivers.get((normalized, receiver))
        if not slots:
            return False
        return bool(QtCore.QObject.disconnect(unwrap(self), QtCore.SIGNAL(normalized), slots.pop()))

    def className(self) -> str:
        return unwrap(self).metaObject().className()

    def __bool__(self) -> bool:
        return shiboken6.isValid(unwrap(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__} (stand-in)"


def _event_filter_class(python_class: type) -> type:
    """For a Python class derived from QObject: a PySide class that hands events on to its eventFilter.

    Other virtual functions, and deriving from other classes, are not played.
    """
    if python_class._pyside is not QtCore.QObject or "eventFilter" not in python_class.__dict__:
        raise NotImplementedError("the stand-in lets Python classes derive from QObject alone, to filter events")

    class EventFilter(QtCore.QObject):
        def eventFilter(self, watched: Any, event: Any) -> bool:
            proxy = _PROXIES.get(id(self))
            if proxy is None:
                return False
            try:
                return bool(proxy.eventFilter(wrap(watched), event))
            except Exception as error:
                SLOT_ERRORS.append(error)
                traceback.print_exc()
                return False

    return EventFilter


class _QtNamespace:
    """``qt.Qt``: enumerators without their scope."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(QtCore.Qt, name, None)
        if value is None or _is_scoped_enum(value):
            raise AttributeError(f"qt.Qt has no enumerator {name}")
        return value


def _value_type(pyside_class: type) -> type:
    """A value class (QColor, QIcon, QTableWidgetItem ...), closed against new attributes."""
    if pyside_class not in _VALUE_TYPES:

        def refuse(self: Any, name: str, value: Any) -> None:
            raise AttributeError(f"{pyside_class.__name__} has no attribute named '{name}'")

        def create(self: Any, *arguments: Any) -> None:
            pyside_class.__init__(self, *[unwrap(argument) for argument in arguments])

        members = {"__setattr__": refuse, "__init__": create}
        _VALUE_TYPES[pyside_class] = type(pyside_class.__name__, (pyside_class,), members)
    return _VALUE_TYPES[pyside_class]


class FileDialog:
    """``qt.QFileDialog``: of it only what the panel calls. PythonQt returns the name alone, not the filter too."""

    @staticmethod
    def getSaveFileName(parent: Any, caption: str, name: str, name_filter: str) -> str:
        return FileDialog._answer(parent, caption, name, name_filter)

    @staticmethod
    def getOpenFileName(parent: Any, caption: str, name: str) -> str:
        return FileDialog._answer(parent, caption, name)

    @staticmethod
    def getExistingDirectory(parent: Any, caption: str) -> str:
        return FileDialog._answer(parent, caption)

    @staticmethod
    def _answer(parent: Any, *texts: str) -> str:
        if not (parent is None or isinstance(parent, QObjectProxy)) or not all(isinstance(one, str) for one in texts):
            raise ValueError("Could not find matching overload for given arguments")
        if not FILE_ANSWERS:
            raise RuntimeError("a file dialog would wait here for ever: put what the user chooses into FILE_ANSWERS")
        return FILE_ANSWERS.pop(0)


class DesktopServices:
    """``qt.QDesktopServices``: remembers what would be opened."""

    @staticmethod
    def openUrl(url: QtCore.QUrl) -> bool:
        OPENED_URLS.append(url.toString())
        return url.isValid()


def make_qt_module() -> types.ModuleType:
    """The module ``qt``."""
    module = types.ModuleType("qt", "Qt through PythonQt, as a stand-in on PySide6")

    def lookup(name: str) -> Any:
        played = {"QFileDialog": FileDialog, "QDesktopServices": DesktopServices}
        if name in played:
            return played[name]
        if name == "Qt":
            return _QtNamespace()
        if name == "SIGNAL":
            return lambda signature: "2" + signature
        for source in _SOURCES:
            value = getattr(source, name, None)
            if isinstance(value, type) and issubclass(value, QtCore.QObject):
                return proxy_class(value)
            if isinstance(value, type) and not _is_scoped_enum(value):
                return value if issubclass(value, QtWidgets.QApplication) else _value_type(value)
        raise AttributeError(f"the stand-in's module qt has no {name}")

    module.__getattr__ = lookup  # type: ignore[method-assign]
    return module
