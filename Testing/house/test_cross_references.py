"""Names that docstrings and comments point at, ``:func:`.grid.field_of_grid```: each of them is there."""

from __future__ import annotations

import ast
import builtins
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from library_modules import LIBRARY, absolute, module_files, package_of

REFERENCE = re.compile(r":(mod|func|class|data|attr|meth|exc):`([^`]*)`")
TARGET = re.compile(r"^(?:[^<`]+<)?[~!]?(\.*[A-Za-z_][\w.]*)(?:\(\))?>?$")


def dangling(files: dict[str, Path]) -> list[str]:
    """References of the modules that lead nowhere, as ``module:line: what is written there``."""
    wrong = []
    for module, file in files.items():
        text = file.read_text(encoding="utf-8")
        for found in REFERENCE.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            if not leads_somewhere(found[1], found[2], module, line, files):
                wrong.append(f"{module}:{line}: {found[0]}")
    return wrong


def leads_somewhere(role: str, written: str, module: str, line: int, files: dict[str, Path]) -> bool:
    """Whether a reference names something, read as Python reads relative imports in that module."""
    target = TARGET.match(" ".join(written.split()))
    if target is None:
        return False
    name = absolute(target[1], package_of(module, files[module]))
    if role == "mod":
        return name in files or (not target[1].startswith(".") and is_installed(name))
    if target[1].startswith("."):
        return is_defined(name, files)
    around = (f"{module}.{owner}" for owner in classes_around(files[module], line))
    places = (*around, module)
    if any(is_defined(candidate, files) for candidate in (name, *(f"{place}.{name}" for place in places))):
        return True
    return is_installed(name) if "." in name else hasattr(builtins, name)


def is_defined(name: str, files: dict[str, Path]) -> bool:
    """Whether a dotted name is a module, something defined or imported in one, or a member of a class of one."""
    parts = name.split(".")
    for depth in range(len(parts), 0, -1):
        module = ".".join(parts[:depth])
        if module in files:
            return not parts[depth:] or ".".join(parts[depth:]) in definitions(files[module])
    return False


@cache
def definitions(file: Path) -> frozenset[str]:
    """Names of a module's scope, and of its classes' members as ``Class.member``."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(_names(tree.body)) | {
        f"{node.name}.{member}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for member in (*_names(node.body), *_attributes(node))
    }


def _names(body: list[ast.stmt]) -> list[str]:
    names = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names += [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
        elif isinstance(node, ast.If | ast.Try):
            names += _names([*node.body, *node.orelse])
    return names


def _attributes(owner: ast.ClassDef) -> set[str]:
    """Attributes that the methods of a class give its objects."""
    return {
        node.attr
        for node in ast.walk(owner)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"
    }


@cache
def _classes(file: Path) -> tuple[tuple[str, int, int], ...]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return tuple((node.name, node.lineno, node.end_lineno or node.lineno) for node in found)


def classes_around(file: Path, line: int) -> list[str]:
    """The classes that a line stands in."""
    return [name for name, first, last in _classes(file) if first <= line <= last]


def is_installed(name: str) -> bool:
    """Whether a dotted name begins with an installed package that is not the library."""
    first = name.partition(".")[0]
    return first != LIBRARY and find_spec(first) is not None


@pytest.fixture(scope="session")
def files(project_root: Path) -> dict[str, Path]:
    return module_files(project_root / "DicomRegInspector" / LIBRARY)


def test_every_reference_leads_somewhere(files: dict[str, Path]) -> None:
    texts = [file.read_text(encoding="utf-8") for file in files.values()]
    assert sum(len(REFERENCE.findall(text)) for text in texts) > 100
    assert dangling(files) == []


@pytest.mark.parametrize(
    ("reference", "good"),
    [
        (":mod:`.read`", True),
        (":mod:`.reading`", False),
        (":mod:`..grid`", True),
        (":mod:`.grid`", False),
        (":mod:`json`", True),
        (":func:`..grid.map_points`", True),
        (":func:`~..grid.map_points`", True),
        (":func:`..grid.map_point`", False),
        (":func:`the map <..grid.map_points>`", True),
        (":attr:`..grid.Grid.shape`", True),
        (":attr:`..grid.Grid.made`", True),
        (":attr:`..grid.Grid.size`", False),
        (":func:`read`", True),
        (":func:`write`", False),
        (":class:`Path`", True),
        (":class:`ValueError`", True),
        (":attr:`numpy.ndarray.shape`", True),
        (":func:`not a name`", False),
    ],
)
def test_a_reference_that_dangles_is_found(reference: str, good: bool, tmp_path: Path) -> None:
    sources = {
        "__init__": "",
        "grid": "class Grid:\n    shape: tuple\n    def __init__(self): self.made = 1\ndef map_points(): ...\n",
        "file/__init__": "",
        "file/read": f"from pathlib import Path\n\ndef read():\n    '''See {reference}.'''\n",
    }
    for name, source in sources.items():
        place = tmp_path / "house" / f"{name}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(source, encoding="utf-8")
    assert (dangling(module_files(tmp_path / "house")) == []) is good
