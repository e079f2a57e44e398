"""The commands of README, tutorial and command-line page, run as they stand in their order, answer what is shown."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from documents import DOCS, ROOT, blocks
from recipes import commands, run_command, shows

PAGES = (
    ROOT / "README.md",
    *(DOCS / f"{name}.md" for name in ("tutorial", "command-line", "apply", "sign-off", "conformance-kit")),
)
COMMANDS = [
    (page, command)
    for page in PAGES
    for block in blocks(page)
    if block.language == "console"
    for command in commands(block)
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each command answers, run in the order of its page in an empty folder; pages run beside each other."""
    folders = {page: tmp_path_factory.mktemp(page.stem) for page in PAGES}

    def run(page: Path) -> list[str]:
        return [run_command(command.line, folders[page]) for of, command in COMMANDS if of == page]

    with ThreadPoolExecutor(len(PAGES)) as pool:
        return [answer for answers in pool.map(run, PAGES) for answer in answers]


@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=lambda number: COMMANDS[number][1].line[:60])
def test_the_command_answers_what_the_page_shows(number: int, answers: list[str]) -> None:
    assert shows(COMMANDS[number][1].output, answers[number]), answers[number]


def test_the_tutorial_uses_the_commands_that_matter() -> None:
    used = {word for page, command in COMMANDS if page.stem == "tutorial" for word in command.line.split()}
    assert {"sample-data", "inspect", "regularize", "show", "map", "quality", "load"} <= used


@pytest.mark.parametrize(
    ("wanted", "answer", "expected"),
    [
        ("a 1.23 mm\n…\nz", "a 1.231 mm\nb\nc\nz\n", True),
        ("a\n…", "a\nb\n", True),
        ("a 1.23 mm", "a 1.25 mm", False),
        ("a", "a\nb", False),
        ("3 errors", "4 errors", False),
        ("a\n…\nz", "a\nb", False),
    ],
)
def test_output_is_compared_by_words_and_rounded_numbers(wanted: str, answer: str, expected: bool) -> None:
    assert shows(wanted, answer) is expected
