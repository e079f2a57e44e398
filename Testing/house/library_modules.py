"""The library's modules as their sources have them: what each imports and what it defines, without importing any."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

LIBRARY = "DicomRegInspectorLib"


def module_files(folder: Path) -> dict[str, Path]:
    """The files below a package's folder by dotted name; the package's own ``__init__`` by the folder's name."""
    files = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def package_of(module: str, file: Path) -> str:
    """The package that relative names of a module begin at."""
    return module if file.name == "__init__.py" else module.rpartition(".")[0]


def absolute(name: str, package: str) -> str:
    """A name with leading dots, as imports have them, seen from a package; names without stay."""
    level = len(name) - len(name.lstrip("."))
    if level == 0:
        return name
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], *filter(None, [name[level:]])])


def import_graph(files: dict[str, Path]) -> dict[str, set[str]]:
    """Which of the modules each imports, anywhere in it but where only types are checked.

    A name that a package has at first use is imported from where the package has it from.
    """
    graph, homes = {}, lazy_names(files)
    for module, file in files.items():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = imported_names(tree, package_of(module, file))
        graph[module] = {name for name in (_module_of(name, files, homes) for name in names) if name} - {module}
    return graph


def lazy_names(files: dict[str, Path]) -> dict[str, str]:
    """Names that packages have by :func:`~DicomRegInspectorLib.lazy.names_from`, and the same names in their homes."""
    homes = {}
    for package, file in files.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if file.name == "__init__.py" else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "names_from":
                for name, home in ast.literal_eval(node.args[1]).items():
                    homes[f"{package}.{name}"] = f"{absolute(f'.{home}', package)}.{name}"
    return homes


def imported_names(node: ast.AST, package: str) -> Iterator[str]:
    """Absolute dotted names that a tree imports; of ``from a import b`` it is ``a.b``."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        for child in node.orelse:
            yield from imported_names(child, package)
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = absolute("." * node.level + (node.module or ""), package)
        yield from (f"{module}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from imported_names(child, package)


def _module_of(name: str, files: dict[str, Path], homes: dict[str, str]) -> str | None:
    """The module that an imported name is or stands in; None where it is none of these."""
    while name in homes:
        name = homes[name]
    if name in files:
        return name
    parent = name.rpartition(".")[0]
    return parent if parent in files else None


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that can all be reached from one another, each sorted."""
    reached = {module: _reachable(module, graph) for module in graph}
    groups = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in graph
        if module in reached[module]
    }
    return [list(group) for group in sorted(groups)]


def _reachable(start: str, graph: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += graph[module]
    return found
