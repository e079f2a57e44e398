"""Every text that a user of Slicer can see goes through the translation function, with its placeholders inside."""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

MODULE = Path(__file__).resolve().parents[2] / "DicomRegInspector"
FILES = [*sorted(MODULE.glob("*.py")), *sorted((MODULE / "DicomRegInspectorLib" / "panel").rglob("*.py"))]
SHOWN_ATTRIBUTES = {
    "accessibleDescription",
    "accessibleName",
    "helpText",
    "html",
    "acknowledgementText",
    "placeholderText",
    "specialValueText",
    "statusTip",
    "suffix",
    "text",
    "title",
    "toolTip",
    "warning",
    "windowTitle",
}
"""What is assigned to these is seen."""
SHOWING_CALLS = {
    "_say",
    "addItem",
    "delayDisplay",
    "errorDisplay",
    "infoDisplay",
    "say",
    "setHorizontalHeaderLabels",
    "setHtml",
    "setItemText",
    "setPlainText",
    "setStatusTip",
    "setText",
    "setTitle",
    "setToolTip",
    "setWindowTitle",
    "tryWithErrorDisplay",
    "warningDisplay",
}
"""What is handed to these is seen. Table items get what other functions say."""
WORD = re.compile(r"[^\W\d_]{2,}")
UNTRANSLATED = {"mm", "DICOM", "HTML", "MRML"}
"""Units and names are the same in every language."""


def words_in(text: str) -> bool:
    """Whether a text has words in it, tags and units aside."""
    return any(word not in UNTRANSLATED for word in WORD.findall(re.sub(r"<[^>]*>|\{[^}]*\}", "", text)))


def bare_texts(node: ast.AST) -> list[str]:
    """Literals with words in an expression that no translation function is called on."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "translate"):
        return []
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) and words_in(node.value) else []
    if isinstance(node, ast.Subscript):  # a key
        return bare_texts(node.value)
    if isinstance(node, ast.Compare | ast.Attribute):
        return []
    if isinstance(node, ast.Call):
        inner = [*node.args, *(keyword.value for keyword in node.keywords)]
        # A method of a text, as in "; ".join(...), shows the text; other calls say for themselves what they show.
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        shown = isinstance(receiver, ast.Constant | ast.JoinedStr | ast.Call)
        return [text for part in ([receiver, *inner] if shown and receiver else []) for text in bare_texts(part)]
    return [text for child in ast.iter_child_nodes(node) for text in bare_texts(child)]


def shown_in(tree: ast.AST) -> list[tuple[int, ast.expr]]:
    """Every expression whose value is shown, with its line."""
    found: list[tuple[int, ast.expr]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Attribute)
            and target.attr in SHOWN_ATTRIBUTES
            # What a hidden module says of itself stands in developers' lists; Slicer's plugins do not translate it.
            and not (isinstance(target.value, ast.Name) and target.value.id == "parent")
            for target in node.targets
        ):
            found.append((node.lineno, node.value))
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in SHOWING_CALLS:
                found += [(node.lineno, argument) for argument in node.args[-1:] if name == "setItemText"]
                found += [(node.lineno, argument) for argument in node.args if name != "setItemText"]
            if name in ("Endings", "Question"):
                found += [(node.lineno, one) for one in [*node.args, *(keyword.value for keyword in node.keywords)]]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_text_is_shown_untranslated(path: Path) -> None:
    if path.parent.name == "selftests":
        pytest.skip("self-tests speak to developers")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [(line, text) for line, value in shown_in(tree) for text in bare_texts(value)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_placeholders_stand_in_the_text_that_is_translated(path: Path) -> None:
    """``_(f"{n} slices")`` and ``_("a" + b)`` would look up texts that no translator has seen."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    wrong = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "_"
        and not (len(node.args) == 1 and isinstance(node.args[0], ast.Constant))
    ]
    assert wrong == []


def test_no_text_of_the_ui_files_is_kept_from_translators() -> None:
    """``notr`` is for class names and the like."""
    for path in (MODULE / "Resources" / "UI").glob("*.ui"):
        for element in ElementTree.parse(path).iter("string"):
            if element.get("notr") == "true":
                assert not words_in(element.text or "") or (element.text or "").startswith("vtkMRML")


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('label.text = "Nothing yet."', ["Nothing yet."]),
        ('label.text = _("Nothing yet.")', []),
        ('label.text = _("{n} slices").format(n="five of them")', ["five of them"]),
        ('label.text = f"Loaded {name}"', ["Loaded "]),
        ('label.text = names["key"] if kind == "matrix" else "–"', []),
        ('self._say("Done: " + _("all"))', ["Done: "]),
        ('button.setToolTip(reason or "Load it.")', ["Load it."]),
        ('label.text = "; ".join(parts)', []),
        ('Endings(title="It failed", refused=_("No"))', ["It failed"]),
    ],
)
def test_scan_finds_what_it_is_made_for(code: str, found: list[str]) -> None:
    assert [text for _, value in shown_in(ast.parse(code)) for text in bare_texts(value)] == found
