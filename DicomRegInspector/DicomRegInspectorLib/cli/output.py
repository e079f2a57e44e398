"""What commands print, where to, and the exit code that it makes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..findings import SEVERITIES
from .arguments import one_line

if TYPE_CHECKING:
    from ..findings import Finding

DONE, FOUND = 0, 1
"""Exit codes; :data:`~.arguments.UNUSABLE` is the third."""


def complain(text: str) -> None:
    """Say something in one line on stderr."""
    from ..report.text.terminal import write_text

    write_text(sys.stderr, f"dicom-reg-inspector: {one_line(text)}")


def tell(text: str) -> None:
    """Print onto stdout; a reader that has gone (``| head``) does not change what the command found."""
    from ..report.text.terminal import write_text

    try:
        write_text(sys.stdout, text)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()


def drop_output() -> None:
    """Turn stdout into nowhere: Python flushes it once more when it ends, and that must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell_report(in_words: Callable[[], str], as_dict: Callable[[], dict[str, Any]], json_place: str | None) -> None:
    """Print a report in words and, where asked for, write it as a JSON file; with ``-`` print JSON alone."""
    from ..report.files import json_text, write_json

    if json_place == "-":
        tell(json_text(as_dict(), ascii_only=True))
        return
    tell(in_words())
    if json_place is not None:
        write_json(json_place, as_dict())


def verdict(findings: Iterable[Finding], fail_on: str) -> int:
    """Return the exit code that findings make."""
    if fail_on == "never":
        return DONE
    level = SEVERITIES.index(fail_on)
    return FOUND if any(SEVERITIES.index(finding.severity) >= level for finding in findings) else DONE
