"""A patient whose name, ID and birth date stand in every text element is in no widget, node and offer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from panel_steps import inspect

TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTING / "privacy"), str(TESTING / "cli")]

from hostile_files import PEOPLE, found_in, write_folder  # noqa: E402

PERSON = PEOPLE["japanese"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("hostile") / "study", PERSON)


def texts_of_widgets() -> Iterator[str]:
    """Whatever any widget says, in tables, boxes and tooltips too."""
    from PySide6 import QtWidgets

    for widget in QtWidgets.QApplication.allWidgets():
        yield widget.toolTip()
        for name in ("text", "title", "toPlainText", "placeholderText"):
            read = getattr(widget, name, None)
            if callable(read) and not isinstance(widget, QtWidgets.QComboBox):
                yield str(read())
        if isinstance(widget, QtWidgets.QTableWidget):
            items = (widget.item(row, k) for row in range(widget.rowCount()) for k in range(widget.columnCount()))
            for item in filter(None, items):
                yield f"{item.text()} {item.toolTip()}"
        if isinstance(widget, QtWidgets.QComboBox):
            yield from (widget.itemText(k) for k in range(widget.count()))


def texts_of_scene(scene: Any) -> Iterator[str]:
    """Names and attributes of all nodes, and the cells of tables."""
    for k in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(k)
        yield node.GetName() or ""
        yield from (f"{name} {node.GetAttribute(name)}" for name in node.GetAttributeNames())
        if node.IsA("vtkMRMLTableNode"):
            rows, columns = node.GetNumberOfRows(), node.GetNumberOfColumns()
            yield from (node.GetCellText(row, column) for row in range(rows) for column in range(columns))


def test_nobody_is_named_by_the_panel(application: Any, widget: Any, hostile: Path) -> None:
    inspect(widget.ui, hostile)
    assert widget.ui.findingsTable.rowCount > 5
    for row in range(widget.ui.findingsTable.rowCount):
        widget.ui.findingsTable.setCurrentCell(row, 0)
        assert found_in("\n".join(texts_of_widgets()).encode(), PERSON) == []
    assert "▮▮▮" in "\n".join(texts_of_widgets())
    told = list(texts_of_scene(application.mrmlScene))
    assert found_in("\n".join(told).encode(), PERSON) == []


def test_nobody_is_named_by_what_the_browser_offers(
    plugin: Any, series_plugins: Any, database: Any, hostile: Path
) -> None:
    database.insertFolder(str(hostile))
    files = sorted(hostile.glob("*.dcm")), sorted((hostile / "images-0").iterdir())
    groups = [list(map(str, group)) for group in files]
    offers = [offer for each in (plugin, series_plugins) for offer in each.examineForImport(groups)]
    assert len(offers) >= 3
    told = "\n".join(f"{offer.name} {offer.tooltip} {offer.warning}" for offer in offers)
    assert "▮▮▮" in told
    assert found_in(told.encode(), PERSON) == []
