"""Errors say no more than every face can say; the command line adds its options, and knows them all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from DicomRegInspectorLib.cli import _OPTIONS
from DicomRegInspectorLib.cli.arguments import make_parser

OPTION = re.compile(r"(?<![\w-])--[a-z]")
IDENTITIES_OF = re.compile(r"\bid\((finding|item|row|registration|\w+\.(finding|item|registration))\)")


def library(project_root: Path) -> Iterator[tuple[str, ast.Module]]:
    root = project_root / "DicomRegInspector" / "DicomRegInspectorLib"
    for path in sorted(root.rglob("*.py")):
        yield path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def texts_of(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def raised_texts(module: ast.Module) -> Iterator[str]:
    """Texts in a raise, and in the assignments of the function around it that a message could be made of."""
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef):
            statements = [
                node for node in ast.walk(function) if isinstance(node, ast.Raise | ast.Assign | ast.AugAssign)
            ]
            if any(isinstance(node, ast.Raise) for node in statements):
                for node in statements:
                    yield from texts_of(node)


def test_errors_outside_of_the_command_line_name_no_option_of_it(project_root: Path) -> None:
    found = {
        (name, text)
        for name, module in library(project_root)
        if not name.startswith("cli/")
        for text in raised_texts(module)
        if OPTION.search(text)
    }
    assert found == set()
    planted = ast.parse('def check():\n    missing = "--moving"\n    raise UsageError(f"{missing} is missing")')
    assert any(OPTION.search(text) for text in raised_texts(planted))


def test_the_command_line_knows_how_everything_is_chosen(project_root: Path) -> None:
    chosen = set()
    for _, module in library(project_root):
        for call in ast.walk(module):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "ChoiceError":
                for choice in call.args[1:]:
                    if isinstance(choice, ast.JoinedStr):  # of the fixed or of the moving image
                        chosen |= {f"{role}{choice.values[-1].value}" for role in ("fixed", "moving")}
                    else:
                        chosen.add(ast.literal_eval(choice))
    assert chosen == set(_OPTIONS)
    commands = next(action for action in make_parser()._actions if hasattr(action, "choices") and action.choices)
    told = {option for command in commands.choices.values() for option in command._option_string_actions}
    assert set(_OPTIONS.values()) <= told


def test_nothing_tells_findings_apart_by_their_identity(project_root: Path) -> None:
    root = project_root / "DicomRegInspector" / "DicomRegInspectorLib"
    found = [
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob("*.py"))
        if IDENTITIES_OF.search(path.read_text(encoding="utf-8"))
        or ".subject.split(" in path.read_text(encoding="utf-8")
    ]
    assert found == []
