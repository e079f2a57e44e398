"""The settings that last, where Slicer keeps them, and who wants to know when they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from .values import DEFAULTS, KEYS, Settings, converted, settings_from

_watchers: list[Callable[[], None]] = []


def stored_settings() -> Settings:
    """Return what is in force now; the defaults where nothing was ever set."""
    store = slicer.app.userSettings()
    return settings_from({key: store.value(key) for key in KEYS.values() if store.contains(key)})


def forget_unusable_settings() -> None:
    """Remove stored values that mean nothing, so that the settings dialog shows what is in force."""
    store = slicer.app.userSettings()
    for name, key in KEYS.items():
        if store.contains(key) and converted(name, store.value(key)) is None:
            store.remove(key)


OPTIONS = {
    "bakeToSingleGrid": "bake",
    "placeVolumes": "place_volumes",
    "regularizeMode": "regularize_mode",
    "regularizeMaxGap": "max_gap",
}
"""Parameters of the scene that begin with a setting."""


def with_stored_defaults(wrapper: Any, node: Any) -> Any:
    """Wrap a parameter node; what it has no value for yet begins with the setting."""
    new = [name for name in OPTIONS if not node.HasParameter(name)]
    parameters = wrapper(node)
    settings = stored_settings() if new else DEFAULTS
    for name in new:
        setattr(parameters, name, getattr(settings, OPTIONS[name]))
    return parameters


def watch_settings(watcher: Callable[[], None]) -> None:
    """Have a function called after each change in the settings dialog."""
    _watchers.append(watcher)


def unwatch_settings(watcher: Callable[[], None]) -> None:
    """Stop calling a function after changes."""
    if watcher in _watchers:
        _watchers.remove(watcher)


def settings_changed(*_arguments: object) -> None:
    """Tell all who watch."""
    for watcher in list(_watchers):
        watcher()
