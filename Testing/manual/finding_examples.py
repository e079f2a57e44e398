"""An example for each finding code: data with just that problem, and what the library says of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import example_audits  # noqa: F401  (importing notes the examples)
import example_landmarks  # noqa: F401
import example_objects  # noqa: F401
import example_pixels  # noqa: F401
import example_registrations  # noqa: F401
import example_relations  # noqa: F401
import example_series  # noqa: F401
import example_structures  # noqa: F401
from DicomRegInspectorLib.findings import CODES, Finding
from shown import MAKERS, Maker


@dataclass(frozen=True)
class Example:
    """One finding as the library reports it."""

    code: str
    made: str
    """What the data are, in a sentence."""
    finding: Finding


@contextmanager
def _working_folder(folder: Path) -> Iterator[None]:
    """Relative paths, so that findings name the same files everywhere."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def examples(codes: Iterable[str] = CODES) -> list[Example]:
    """The examples of these codes, in the order of the table; codes without one are left out."""
    return [_run(code, maker) for code in codes for shown, maker in MAKERS if shown == code]


def _run(code: str, maker: Maker) -> Example:
    with TemporaryDirectory() as folder, _working_folder(Path(folder)):
        found = [finding for finding in maker() if finding.code == code]
    if not found:
        raise AssertionError(f"the example of {code} ({maker.__name__}) does not show it")
    made = " ".join((maker.__doc__ or "").split())
    return Example(code, made, found[0])
