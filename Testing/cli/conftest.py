"""The objects beside these tests can be imported in any of pytest's import modes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / room) for room in ("registration", "series", "structures", "apply"))]


@pytest.fixture
def run_quality(capfd: pytest.CaptureFixture[str]):
    """Run the command; its exit code, stdout and stderr, of the libraries beneath too."""

    def run(*arguments: object) -> tuple[int, str, str]:
        from DicomRegInspectorLib import cli

        code = cli.main(["quality", *(str(argument) for argument in arguments)])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.out + captured.err
        if code == 2:
            assert captured.err.count("\n") == 1, captured.err
            assert captured.err.startswith("dicom-reg-inspector")
            assert "unexpected" not in captured.err
            assert captured.out == ""
        return code, captured.out, captured.err

    return run


@pytest.fixture
def told(run_quality) -> Callable[..., dict]:
    """The JSON on stdout of a run that must succeed."""

    def told(*arguments: object) -> dict:
        code, out, _ = run_quality(*arguments, "--json", "-")
        assert code == 0
        return json.loads(out)

    return told
