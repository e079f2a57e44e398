"""The settings that last, where Slicer keeps them, and who wants to know when they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from .values import KEYS, Settings, converted, settings_from

_watchers: list[Callable[[], None]] = []


def stored_settings() -> Settings:
    """What is in force now; the defaults where nothing was ever set."""
    store = slicer.app.userSettings()
    return settings_from({key: store.value(key) for key in KEYS.values() if store.contains(key)})


def forget_unusable_settings() -> None:
    """Remove stored values that mean nothing, so that the settings dialog shows what is in force."""
    store = slicer.app.userSettings()
    for name, key in KEYS.items():
        if store.contains(key) and converted(name, store.value(key)) is None:
            store.remove(key)


def with_stored_defaults(wrapper: Callable[[Any], Any], node: Any) -> Any:
    """A parameter node in its wrapper; one that is new begins with the stored ways of loading."""
    is_new = not node.HasParameter("bakeToSingleGrid")
    parameters = wrapper(node)
    if is_new:
        settings = stored_settings()
        parameters.bakeToSingleGrid, parameters.placeVolumes = settings.bake, settings.place_volumes
    return parameters


def watch_settings(watcher: Callable[[], None]) -> None:
    """Have a function called after each change in the settings dialog."""
    _watchers.append(watcher)


def unwatch_settings(watcher: Callable[[], None]) -> None:
    """Not any more."""
    if watcher in _watchers:
        _watchers.remove(watcher)


def settings_changed(*_arguments: object) -> None:
    """Tell all who watch."""
    for watcher in list(_watchers):
        watcher()
