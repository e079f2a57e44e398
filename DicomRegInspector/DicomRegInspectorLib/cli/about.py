"""Commands about the program itself: explain and completion."""

from __future__ import annotations

import argparse
import sys

from ..errors import UsageError
from .ending import DONE
from .output import give

SHELLS = ("bash", "zsh", "fish")
_MISSING = "completion needs argcomplete; install it: pip install 'dicom-reg-inspector[completion]'"


def explain_command(options: argparse.Namespace) -> int:
    """Print what findings mean; returns the exit code."""
    from ..findings import CODES
    from ..findings.explained import codes_like
    from ..report.text.explain import all_codes, explanation
    from ..report.text.terminal import Style

    style = Style.of(sys.stdout)
    if not options.codes:
        give(all_codes(style))
        return DONE
    codes = [code.lower() for code in options.codes]
    for code in codes:
        if code not in CODES:
            meant = codes_like(code)
            hint = f"did you mean {' or '.join(meant)}?" if meant else "explain without a code lists them all"
            raise UsageError(f"there is no finding code {code!r}; {hint}")
    give("\n\n".join(explanation(code, style) for code in codes))
    return DONE


def completion_command(options: argparse.Namespace) -> int:
    """Print what makes a shell complete commands and options; returns the exit code."""
    try:
        from argcomplete import shellcode
    except ImportError as error:
        raise UsageError(_MISSING) from error
    give(shellcode(["dicom-reg-inspector"], shell=options.shell))
    return DONE


def answer_shell(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks how a line could go on, and end."""
    try:
        from argcomplete import autocomplete
    except ImportError:
        # The line is not finished: nothing may be run.
        sys.exit(1)
    autocomplete(parser)  # ends the process
