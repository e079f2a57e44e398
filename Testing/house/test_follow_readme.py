"""The script that follows the README: it takes the commands from the text, and runs them in an empty place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import follow_readme
import pytest


def test_commands_are_the_lines_of_the_first_shell_block() -> None:
    readme = (
        "# Name\n\n```python\nprint()\n```\n\n```sh\n# first\necho one && echo two\necho three\n```\n\n```sh\nno\n```\n"
    )
    assert follow_readme.set_up_commands(readme) == ["echo one && echo two", "echo three"]
    with pytest.raises(ValueError, match="no shell block"):
        follow_readme.set_up_commands("# Name\n")


def test_the_script_prints_a_command_as_it_stands(project_root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "Testing/house/follow_readme.py", "2"],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.rstrip("\n") in (project_root / "README.md").read_text(encoding="utf-8").splitlines()
    assert "pytest" in done.stdout
    assert follow_readme.main(["3"]) == 2


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of one file."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "there.txt").write_text("committed", encoding="ascii")
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=N", "-c", "user.email=n@e", "commit", "-qm", "One"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    (folder / "left.txt").write_text("not committed", encoding="ascii")
    return folder


def test_commands_run_in_a_clone_with_little_in_the_environment(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    seen = tmp_path / "seen.txt"
    assert follow_readme.follow(repository, [f"(ls; env) > {seen}", "test -f there.txt"]) == 0
    text = seen.read_text(encoding="utf-8")
    assert "there.txt" in text and "left.txt" not in text and "PYTHONPATH" not in text


def test_the_first_command_that_fails_ends_it(repository: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen.txt"
    assert follow_readme.follow(repository, ["exit 3", f"touch {seen}"]) == 3
    assert not seen.exists()
