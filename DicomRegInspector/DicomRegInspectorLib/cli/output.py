"""What commands print, where to, and the exit code that it makes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import UsageError
from ..findings import SEVERITIES
from .ending import DONE, FOUND
from .shared import one_line

if TYPE_CHECKING:
    from ..findings import Finding
    from ..report.text.progress import ProgressBar


def complain(text: str) -> None:
    """Say something in one line on stderr; where nobody can hear it, the exit code has to do."""
    from ..report.text.terminal import write_text

    if sys.stderr is None:
        return
    try:
        write_text(sys.stderr, f"dicom-reg-inspector: {one_line(text)}")
        sys.stderr.flush()
    except OSError:
        drop_output(sys.stderr)


_NO_MEMORY = b"dicom-reg-inspector: there is not enough memory for this\n"


def complain_of_memory() -> None:
    """Say that memory does not suffice, at least in words that are there already."""
    try:
        from ..memory import no_room

        complain(no_room())
    except Exception:
        with suppress(OSError):
            os.write(2, _NO_MEMORY)


def remark(options: argparse.Namespace, text: str) -> None:
    """Say on stderr what is good to know; ``--quiet`` leaves it out."""
    if not options.quiet:
        complain(text)


def tell(options: argparse.Namespace, text: str) -> None:
    """Print words for people onto stdout; ``--quiet`` leaves them out.

    A reader that has gone (``| head``) does not change what the command found.
    """
    if not options.quiet:
        _print(text)


def _print(text: str) -> None:
    from ..report.text.terminal import printable_lines

    try:
        if sys.stdout is not None:
            give(printable_lines(text))
    except BrokenPipeError:
        drop_output(sys.stdout)


def give(text: str) -> None:
    """Print what the command was asked for onto stdout, all of it.

    Raises
    ------
    BrokenPipeError
        When whoever reads it left.
    UsageError
        When stdout is closed or cannot be written.
    """
    from ..report.text.terminal import write_text

    if sys.stdout is None:
        raise UsageError("stdout is closed")
    try:
        write_text(sys.stdout, text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"stdout: cannot be written ({error.strerror or error})") from error


def drop_output(stream: TextIO) -> None:
    """Turn a stream into nowhere: Python flushes it once more when it ends, and that must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def progress_bar(options: argparse.Namespace) -> ProgressBar:
    """Make the bar for long work; it shows nothing with ``--quiet`` or without a terminal."""
    from ..report.text.progress import ProgressBar

    return ProgressBar(None if options.quiet else sys.stderr)


def tell_report(
    options: argparse.Namespace,
    in_words: Callable[[], str],
    as_dict: Callable[[], dict[str, Any]],
    findings: Sequence[Finding] = (),
) -> None:
    """Print a report in words and, where asked for, write it as a JSON file; with ``-`` print JSON alone.

    Of the words ``--quiet`` leaves the findings, one to a line.
    """
    from ..report.files import json_text, write_json
    from ..report.text.outcomes import finding_line

    if options.json == "-":
        give(json_text(as_dict(), ascii_only=True))
        return
    if not options.quiet:
        _print(in_words())
    elif findings:
        _print("\n".join(map(finding_line, findings)))
    if options.json is not None:
        write_json(options.json, as_dict())


def verdict(findings: Iterable[Finding], fail_on: str) -> int:
    """Return the exit code that findings make."""
    if fail_on == "never":
        return DONE
    level = SEVERITIES.index(fail_on)
    return FOUND if any(SEVERITIES.index(finding.severity) >= level for finding in findings) else DONE
