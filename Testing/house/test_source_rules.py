"""Rules of the house that a reader feels: short files, short functions, nothing unfinished, nothing of one machine."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

LONGEST_FILE = 400
LONGEST_FUNCTION = 60

UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b|^(<{7}|>{7}) ", re.MULTILINE)
ONE_MACHINE = re.compile(r"(?<![\w./~}-])/(home|root|tmp|opt|Users|mnt|work)/\w|[A-Z]:\\Users|\bfile:///\w")


@pytest.fixture(scope="session")
def tracked_texts(project_root: Path) -> dict[str, str]:
    """Every text file that git tracks, or every source file of a copy without git."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=project_root, capture_output=True, text=True)
    names = [name for name in listed.stdout.split("\0") if name and (project_root / name).is_file()]
    if listed.returncode != 0 or not names:
        pytest.skip("not a git checkout")
    texts = {}
    for name in names:
        data = (project_root / name).read_bytes()
        if b"\0" not in data:
            texts[name] = data.decode("utf-8")
    assert "README.md" in texts
    return texts


def shipped_sources(project_root: Path) -> list[Path]:
    sources = sorted((project_root / "DicomRegInspector").rglob("*.py"))
    assert len(sources) > 10
    return sources


def test_files_read_in_one_sitting(project_root: Path) -> None:
    tests = sorted(path for folder in ("Testing", "Benchmarks") for path in (project_root / folder).rglob("*.py"))
    assert len(tests) > 100
    sources = [*shipped_sources(project_root), *tests]
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources}
    assert len(lengths) == len(sources)
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_functions_that_ship_fit_on_a_screen(project_root: Path) -> None:
    long = {}
    for path in shipped_sources(project_root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long[f"{path}:{node.lineno} {node.name}"] = length
    assert long == {}


def variables(source: str) -> set[str]:
    """Every name that a source binds or reads."""
    nodes = list(ast.walk(ast.parse(source)))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return names | {node.arg for node in nodes if isinstance(node, ast.arg)}


def test_variables_that_ship_say_what_they_hold(project_root: Path) -> None:
    assert [
        path for path in shipped_sources(project_root) if "one" in variables(path.read_text(encoding="utf-8"))
    ] == []
    assert "one" in variables("[one.size for one in images]") and "one" in variables("def f(one): pass")


def test_each_exception_from_the_types_says_why(project_root: Path) -> None:
    # ``# type: ignore[code] # why``
    silent = re.compile(r"#\s*type:\s*ignore(?!\[[a-z-]+(?:, ?[a-z-]+)*\] # \w)")
    texts = {str(path): path.read_text(encoding="utf-8") for path in shipped_sources(project_root)}
    assert places(silent, texts) == []
    for bad in ("x  # type: ignore", "x  # type: ignore[arg-type]", "x  # type: ignore[arg-type] #"):
        assert places(silent, {"planted": bad}) != []
    assert places(silent, {"planted": "x  # type: ignore[arg-type] # sorts"}) == []


def test_nothing_is_left_unfinished(tracked_texts: dict[str, str]) -> None:
    assert places(UNFINISHED, tracked_texts) == []


def test_nothing_points_at_one_machine(tracked_texts: dict[str, str]) -> None:
    assert places(ONE_MACHINE, tracked_texts) == []


def places(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    """Where a pattern is found, as file:line: text."""
    return [
        f"{name}:{text.count(chr(10), 0, found.start()) + 1}: {found[0]}"
        for name, text in texts.items()
        for found in pattern.finditer(text)
    ]
