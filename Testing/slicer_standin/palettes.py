"""The colours of Slicer's light and dark style, as Base/QTGUI/qSlicerStyle.cxx sets them."""

from __future__ import annotations

from PySide6 import QtGui

LIGHT = {
    "Window": "white",
    "WindowText": "black",
    "Base": "white",
    "AlternateBase": "#e4e4fe",
    "Text": "black",
    "PlaceholderText": "darkGray",
    "Button": "#fcfcfc",
    "ButtonText": "black",
    "Light": "#c8c8c8",
    "Midlight": "#e6e6e6",
    "Dark": "#aaaaaa",
    "Mid": "#c8c8c8",
    "Shadow": "#5a5a5a",
    "Highlight": "#308cc6",
    "HighlightedText": "white",
    "Link": "#0000ff",
}
LIGHT_DISABLED = {"WindowText": "#bebebe", "Text": "#bebebe", "ButtonText": "#bebebe", "Highlight": "#919191"}
DARK = {
    "Window": "#323232",
    "WindowText": "white",
    "Base": "#1e1e1e",
    "AlternateBase": "#323232",
    "Text": "white",
    "PlaceholderText": "lightGray",
    "Button": "#323232",
    "ButtonText": "white",
    "Light": "#828284",
    "Midlight": "#5a5a5b",
    "Dark": "#232323",
    "Mid": "#2b2b2b",
    "Shadow": "#141414",
    "Highlight": "#3ca4ff",
    "HighlightedText": "white",
    "Link": "#3ca4ff",
}
DARK_DISABLED = {"WindowText": "#6d6d6d", "Text": "#6d6d6d", "ButtonText": "#b4b4b4", "Highlight": "#505050"}


def palette(dark: bool) -> QtGui.QPalette:
    """One of the two."""
    made = QtGui.QPalette()
    for role, colour in (DARK if dark else LIGHT).items():
        made.setColor(getattr(QtGui.QPalette.ColorRole, role), QtGui.QColor(colour))
    for role, colour in (DARK_DISABLED if dark else LIGHT_DISABLED).items():
        made.setColor(QtGui.QPalette.ColorGroup.Disabled, getattr(QtGui.QPalette.ColorRole, role), QtGui.QColor(colour))
    return made
