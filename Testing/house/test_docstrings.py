"""Docstrings of public functions begin with a verb that says what they do, ``Return`` where nothing says more."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from library_modules import LIBRARY

ROOMS = (
    "__init__.py", "__main__.py", "address_space.py", "archive", "cli", "dicom", "errors.py", "findings", "kit",
    "lazy.py", "limits.py",
    "memory.py", "output_file.py", "panel", "privacy.py", "progress.py", "registration", "report", "samples", "scene",
    "series", "space.py", "structures", "tasks", "version.py", "volumes", "words.py",
)  # fmt: skip
VERBS = {
    "Add", "Answer", "Apply", "Ask", "Average", "Begin", "Bring", "Build", "Call", "Check", "Choose", "Collect",
    "Compare", "Compute", "Count", "Cut", "Decide", "Decode", "Describe", "Divide", "Do", "Draw", "Encode", "Fill",
    "Find", "Fit", "Follow", "Give", "Go", "Group", "Have", "Import", "Inflate", "Inspect", "Interpolate", "Join",
    "Judge", "Keep", "Leave", "Let", "List", "Load", "Look", "Make", "Map", "Mark", "Measure", "Move", "Name", "Note",
    "Offer", "Open", "Pass", "Pick", "Place", "Plan", "Plot", "Print", "Project", "Put", "Raise", "Rank", "Read",
    "Refuse", "Register", "Remove", "Report", "Rescale", "Rest", "Return", "Round", "Run", "Sample", "Save", "Say",
    "See", "Select", "Send", "Set", "Show", "Sort", "Split", "Stop", "Summarize", "Take", "Tell", "Turn", "Use",
    "Walk", "Warp", "Wrap", "Write", "Yield",
}  # fmt: skip


def public_functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """Functions and methods that are public and no properties; those of self-tests say what is tested."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith(("_", "test_")):
            decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
            if not any("property" in decorator or decorator.endswith(".setter") for decorator in decorators):
                yield node


def without_verb(source: str) -> list[str]:
    """What begins otherwise, as ``function: first words``."""
    found = []
    for function in public_functions(ast.parse(source).body):
        docstring = ast.get_docstring(function)
        first = re.match(r"\w+", docstring or "")
        if docstring and (first is None or first[0] not in VERBS):
            found.append(f"{function.name}: {docstring[:40]}")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_docstrings_of_public_functions_begin_with_a_verb(room: str, project_root: Path) -> None:
    place = project_root / "DicomRegInspector" / LIBRARY / room
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    assert files and all(file.is_file() for file in files)
    found = {str(file): without_verb(file.read_text(encoding="utf-8")) for file in files}
    assert {file: functions for file, functions in found.items() if functions} == {}


def test_no_room_is_left_out(project_root: Path) -> None:
    library = project_root / "DicomRegInspector" / LIBRARY
    assert {place.name for place in library.iterdir() if place.name != "__pycache__"} == set(ROOMS)


def test_a_docstring_without_a_verb_is_found() -> None:
    assert without_verb("def f():\n    'The sum.'\n\nclass A:\n    def g(self):\n        'Whether it is.'") == [
        "f: The sum.",
        "g: Whether it is.",
    ]
    assert without_verb("def f():\n    'Return the sum.'\n\ndef _g():\n    'The sum.'") == []
    assert without_verb("class A:\n    @property\n    def size(self):\n        'The size.'") == []
