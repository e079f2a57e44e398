"""The shape of the library: no module imports itself by way of others, no folder is a pile."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from library_modules import LIBRARY, circles, import_graph, module_files

MOST_IN_A_FOLDER = 20


@pytest.fixture(scope="session")
def library_files(project_root: Path) -> dict[str, Path]:
    files = module_files(project_root / "DicomRegInspector" / LIBRARY)
    assert len(files) > 100
    return files


def test_no_module_imports_itself_by_way_of_others(library_files: dict[str, Path]) -> None:
    graph = import_graph(library_files)
    assert sum(map(len, graph.values())) > 500
    assert circles(graph) == []


def test_no_folder_has_more_than_twenty_modules_of_its_own(library_files: dict[str, Path]) -> None:
    counts = Counter(str(path.parent) for path in library_files.values() if path.name != "__init__.py")
    assert {folder: count for folder, count in counts.items() if count > MOST_IN_A_FOLDER} == {}


CIRCLES = {
    "at the top": {"a": "from . import b", "b": "from . import a"},
    "by name": {"a": "from .b import thing", "b": "from .a import other"},
    "later": {"a": "import house.b", "b": "def later():\n    from .a import thing"},
    "by way of a third": {"a": "from .b import x", "b": "from .c import x", "c": "from .a import x"},
    "by a name at first use": {
        "a": "from .deep import x",
        "deep/__init__": "from ..lazy import names_from\n__getattr__ = names_from(__name__, {'x': 'end'})",
        "deep/end": "from ..a import y",
    },
    "through a package": {
        "a": "from . import deep",
        "deep/__init__": "from .end import x",
        "deep/end": "from ..a import x",
    },
}


@pytest.mark.parametrize("kind", CIRCLES)
def test_a_circle_is_found(kind: str, tmp_path: Path) -> None:
    (found,) = circles(import_graph(planted(CIRCLES[kind], tmp_path)))
    inside = [name for name in CIRCLES[kind] if "names_from" not in CIRCLES[kind][name]]
    assert found == [f"house.{name.removesuffix('/__init__').replace('/', '.')}" for name in inside]


def test_what_only_checkers_of_types_import_makes_no_circle(tmp_path: Path) -> None:
    sources = {"a": "from . import b", "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import a"}
    assert circles(import_graph(planted(sources, tmp_path))) == []


def test_the_graph_has_what_python_imports(library_files: dict[str, Path], project_root: Path) -> None:
    # What a fresh interpreter has loaded is reached in the graph, or is a package around something that is.
    program = (
        f"import sys; import {LIBRARY}.tasks.inspect; print(*[m for m in sys.modules if m.startswith('{LIBRARY}')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project_root / "DicomRegInspector",
        capture_output=True,
        text=True,
        check=True,
    )
    graph = import_graph(library_files)
    for module in graph:  # to import a module is to import the packages around it
        parents = [module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1)]
        graph[module] |= set(parents)
    reached, waiting = set(), [f"{LIBRARY}.tasks.inspect"]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += graph[module]
    assert len(done.stdout.split()) > 50
    assert set(done.stdout.split()) - reached == set()


def planted(sources: dict[str, str], folder: Path) -> dict[str, Path]:
    """The modules of a package ``house`` with these sources."""
    for name, source in {"__init__": "", **sources}.items():
        file = folder / "house" / f"{name}.py"
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(source, encoding="utf-8")
    return module_files(folder / "house")
