"""Outputs that are there already: left alone, replaced or skipped, and never an input."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable

from ..errors import UsageError
from .output import tell

STDOUT = "-"


def output_stays(options: argparse.Namespace, inputs: Iterable[str]) -> bool:
    """Tell, before the work, whether an output file is there and to be left as it is, so that nothing is to be done.

    Raises
    ------
    UsageError
        When it is there and neither ``--overwrite`` nor ``--skip-existing`` was given, is one of the inputs, is a
        folder or would lie in one that is not there.
    """
    output: str = options.output
    if output == STDOUT:
        return False
    if os.path.realpath(output) in map(os.path.realpath, inputs):
        raise UsageError(f"{output}: is one of the inputs; name another output")
    folder = os.path.dirname(os.path.abspath(output))
    if not os.path.isdir(folder):
        raise UsageError(f"{output}: there is no folder {folder}")
    if os.path.isdir(output):
        raise UsageError(f"{output}: is a folder; name a file")
    # A device or a pipe is written to, not replaced.
    if not os.path.isfile(output) or options.overwrite:
        return False
    if options.skip_existing:
        tell(options, f"{output}: is there already; skipped")
        return True
    raise UsageError(f"{output}: already exists; --overwrite replaces it, --skip-existing leaves it")
