"""``explain`` and ``completion``: the manual's words in a terminal, and what a shell is answered."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from DicomRegInspectorLib import cli
from DicomRegInspectorLib.findings import CODES
from DicomRegInspectorLib.findings.explained import GROUPS, codes_like, related_codes

DOCS = Path(__file__).resolve().parents[2] / "docs" / "findings"


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert cli.main(list(arguments)) == code
    captured = capsys.readouterr()
    return captured.err if code else captured.out


def words(text: str) -> str:
    return " ".join(re.sub(r"[`*]", "", text).split())


@pytest.mark.parametrize("code", CODES)
def test_an_explanation_says_what_the_page_of_the_manual_says(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = (DOCS / f"{code}.md").read_text(encoding="utf-8")
    explained = words(said(capsys, "explain", code))
    for heading in ("What it means", "How it is measured", "What to do"):
        paragraph = page.split(f"\n## {heading}\n\n")[1].split("\n\n")[0]
        assert words(f"{heading} {paragraph}") in explained
    keys = re.findall(r"^\| `(\w+)` \|", page.split("## Evidence")[1], re.MULTILINE)
    assert all(key in explained for key in keys)
    assert all(other in explained for other in re.findall(r"\(([\w-]+)\.md\)$", page, re.MULTILINE) if other in CODES)


def test_without_a_code_all_are_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "explain").splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("  ") and line.split()[0] in CODES]
    assert sorted(listed) == sorted(CODES)
    assert sum(len(codes) for _, codes in GROUPS) == len(CODES)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("slice-gpa", "slice-gap"),
        ("slice_gap", "slice-gap"),
        ("gap", "slice-gap"),
        ("reg-foldings", "reg-folding"),
        ("folding", "reg-folding"),
        ("slices missing", "slice-gap"),
    ],
)
def test_a_mistyped_code_is_answered_with_the_one_meant(typed: str, meant: str, capsys) -> None:
    assert meant in codes_like(typed)
    assert f"did you mean {meant}" in said(capsys, "explain", typed, code=2)


def test_what_is_like_no_code_is_sent_to_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert "lists them all" in said(capsys, "explain", "\x1b[31m", code=2)
    assert said(capsys, "explain", "SLICE-GAP") == said(capsys, "explain", "slice-gap")


def test_related_codes_are_related_both_ways() -> None:
    assert all(code in related_codes(other) for code in CODES for other in related_codes(code))


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment with the program on the path, under its name."""
    program = tmp_path / "bin" / "dicom-reg-inspector"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m DicomRegInspectorLib "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    library = str(Path(cli.__file__).parent.parent.parent)
    return os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": library}


@pytest.mark.skipif(os.name != "posix", reason="bash")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["expl"], {"explain"}),
        (["inspect", "--js"], {"--json"}),
        (["inspect", "--fail-on", ""], {"never", "warning", "error"}),
        (["explain", "slice-g"], {"slice-gap"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes(typed: list[str], expected: set[str], installed: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("argcomplete")
    line = " ".join(["dicom-reg-inspector", *typed])
    script = f"""
        eval "$(dicom-reg-inspector completion bash)"
        complete -p dicom-reg-inspector > complete.txt
        COMP_LINE='{line}' COMP_POINT={len(line)} COMP_TYPE=9
        _python_argcomplete dicom-reg-inspector
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], env=installed, cwd=tmp_path, capture_output=True, text=True)
    assert "_python_argcomplete" in (tmp_path / "complete.txt").read_text()
    assert {word.strip() for word in done.stdout.split()} >= expected
    assert "error" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("argcomplete")
    assert "dicom-reg-inspector" in said(capsys, "completion", shell)


def test_without_the_library_the_command_says_what_to_install(capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    assert "[completion]" in said(capsys, "completion", "bash", code=2)
