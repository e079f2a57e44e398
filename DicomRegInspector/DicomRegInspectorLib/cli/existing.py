"""Outputs that are there already: left alone, replaced or skipped; and never an input."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UsageError
from ..output_file import FORMER, require_file_place, unfinished_folder
from .output import tell

STDOUT = "-"


def output_stays(
    options: argparse.Namespace,
    output: str,
    inputs: Iterable[str],
    is_own: Callable[[Path], bool] | None = None,
    parts: Iterable[str] = (),
) -> bool:
    """Tell, before the work, whether an output is there and to be left as it is, so that nothing is to be done.

    Parameters
    ----------
    inputs
        Files and folders that are read.
    is_own
        For an output that is a folder: whether a file in it is one that the command writes. A folder that holds
        anything else is nobody's output. None: a folder is no output.
    parts
        Files that are written in the output's stead where it does not fit into one.

    Raises
    ------
    UsageError
        When it is there and neither ``--overwrite`` nor ``--skip-existing`` was given, or cannot be an output.
    """
    if output == STDOUT:
        raise UsageError(f"{STDOUT}: what is written here cannot go to stdout; name a file or a folder")
    place = Path(os.path.realpath(output))
    for path in inputs:
        source = Path(os.path.realpath(path))
        if place == source or (place.is_dir() and place in source.parents):
            raise UsageError(f"{output}: is one of the inputs, or holds one; name another output")
        if place.is_file() and source in place.parents:
            raise UsageError(f"{output}: is there, in a folder that is read; name another output")
    if is_own is None or not place.is_dir():
        require_file_place(output, "a file" if is_own is None else "a file or a folder")
    if is_own is None and not place.parent.is_dir():
        raise UsageError(f"{output}: there is no folder {place.parent}")
    # An empty folder is as good as none.
    is_there = any(place.iterdir()) if place.is_dir() else place.is_file()
    there = [output] if is_there else [part for part in parts if os.path.isfile(part)]
    if not there:
        return False
    if is_own is not None and place.is_dir():
        foreign = next((file for file in sorted(place.rglob("*")) if not file.is_dir() and not is_own(file)), None)
        if foreign is not None:
            raise UsageError(
                f"{output}: holds {foreign.relative_to(place)}, which this command does not write; name another folder"
            )
    if options.skip_existing:
        tell(options, f"{there[0]}: is there already; skipped")
        return True
    if not options.overwrite:
        raise UsageError(f"{there[0]}: already exists; --overwrite replaces it, --skip-existing leaves it")
    return False


@contextmanager
def written_over(options: argparse.Namespace, output: str) -> Iterator[str]:
    """Give a place to write an output to; what is there already is replaced when the new one is whole.

    Without ``--overwrite`` that is the output itself, whose writers replace nothing.
    """
    if not options.overwrite:
        yield output
        return
    final = Path(os.path.realpath(output))
    with unfinished_folder(final.parent, output) as new:
        former = new.parent / FORMER
        former.mkdir()
        yield str(new / final.name) + (os.sep if final.is_dir() or output.endswith(("/", os.sep)) else "")
        for entry in new.iterdir():
            place = final.with_name(entry.name)
            if place.is_dir():
                os.rename(place, former / entry.name)
            os.replace(entry, place)
