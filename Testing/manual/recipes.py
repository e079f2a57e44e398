"""Running what the manual shows: Python blocks in a namespace of their own, commands in a shell."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from documents import ROOT, Block

ELLIPSIS = "…"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])")


def run_python(block: Block) -> tuple[dict[str, Any], str]:
    """Run a block: what it leaves, and what it prints."""
    space: dict[str, Any] = {"__name__": "recipe"}
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(block.text, block.heading, "exec"), space)
    return space, printed.getvalue()


@dataclass(frozen=True)
class Command:
    """A command of a console block, and what the page shows of its output."""

    line: str
    output: str


def commands(block: Block) -> list[Command]:
    """The commands of a console block: lines that begin with ``$``."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert not parts[0].strip(), "a console block begins with a command"
    split = (part.partition("\n") for part in parts[1:])
    return [Command(line.strip(), output) for line, _, output in split]


def run_command(line: str, folder: Path) -> str:
    """Run a command in a shell in which ``dicom-reg-inspector`` is this checkout's; its output, errors among it."""
    tools = folder / ".tools"
    tools.mkdir(exist_ok=True)
    shim = tools / "dicom-reg-inspector"
    shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m DicomRegInspectorLib "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "DicomRegInspector"),
        "PYTHONIOENCODING": "utf-8",
    }
    environment.pop("COLUMNS", None)
    done = subprocess.run(
        line, shell=True, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    return done.stdout


def shows(expected: str, actual: str) -> bool:
    """Whether output is what a page shows: a line of three dots stands for any lines, numbers may be rounded."""
    wanted, lines = expected.strip("\n").splitlines(), actual.strip("\n").splitlines()
    return _shows(wanted, lines)


def _shows(wanted: list[str], lines: list[str]) -> bool:
    if not wanted:
        return not lines
    if wanted[0].strip() == ELLIPSIS:  # any lines, also none
        return any(_shows(wanted[1:], lines[start:]) for start in range(len(lines) + 1))
    return bool(lines) and same_text(wanted[0], lines[0]) and _shows(wanted[1:], lines[1:])


def same_text(one: str, other: str) -> bool:
    """Whether two texts differ by the rounding of numbers at most."""
    one, other = one.rstrip(), other.rstrip()
    if _NUMBER.sub("#", one) != _NUMBER.sub("#", other):
        return False
    return all(_same_number(a, b) for a, b in zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True))


def _same_number(one: str, other: str) -> bool:
    """Within 0.2 %, and one in the last digit of decimals: bootstraps and sums end a little differently elsewhere."""
    decimals = len(one.partition(".")[2])
    last_digit = 1.01 * 10.0**-decimals if decimals and "e" not in one else 1e-6
    return abs(float(one) - float(other)) <= 2e-3 * abs(float(one)) + last_digit
