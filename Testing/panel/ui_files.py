"""The .ui files of the panel, one for each section, as one list of elements in the order in which they are read."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "DicomRegInspector" / "Resources" / "UI"
UI_FILES = [
    FOLDER / f"DicomRegInspector{section}.ui" for section in ("Input", "Findings", "Registrations", "Quality", "Series")
]


def elements(tag: str) -> Iterator[ElementTree.Element]:
    """Every element of a kind."""
    for path in UI_FILES:
        yield from ElementTree.parse(path).iter(tag)


def named_widgets() -> dict[str, ElementTree.Element]:
    """The widgets by name; names are unique among all files."""
    return {element.attrib["name"]: element for element in elements("widget")}


def bound_controls() -> dict[str, str]:
    """The parameter that each bound control is bound to."""
    found = {name: element.find("property[@name='SlicerParameterName']") for name, element in named_widgets().items()}
    return {name: element.findtext("string") for name, element in found.items() if element is not None}


def section_of(name: str) -> str:
    """The section that a widget stands in."""
    found = (path for path in UI_FILES for one in ElementTree.parse(path).iter("widget") if one.attrib["name"] == name)
    return next(found).stem.removeprefix("DicomRegInspector")
