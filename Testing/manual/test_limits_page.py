"""The page of limits is what the library's limits say, and no room has a limit of its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import write_limits
from DicomRegInspectorLib import limits

LIBRARY = Path(limits.__file__).parent
ROOMS = ("dicom", "registration/file", "registration/points", "series/pixels", "series/geometry", "volumes")
OTHERS = {
    # Shown, not read: what a finding or a page lists.
    "MAX_QUOTED", "MAX_TEXTS", "_MOST_DECIMALS", "_MOST_SHOWN", "MAX_OF_A_KIND", "MAX_UIDS",
    # Judged: what counts as a scan's doing.
    "MOST_BLAMED", "MOST_BREAKS", "MOST_STEPS", "MOST_TOLERANCE", "MOST_DIVISOR", "LARGEST_FIELD_MM",
    # Remembered between files, or kept of one where what is left out is not missed.
    "MAX_RUN_BYTES", "MAX_RUNS", "MOST_OUT_OF_ORDER", "MOST_PRIVATE", "MOST_PRIVATE_BYTES", "LISTED_AT_MOST",
    # Beyond, a slower reader takes over, which has the limits.
    "MAX_ELEMENTS", "MAX_SEQUENCE", "MAX_TAGS", "MAX_ITEMS", "MOST_VALUES",
    "MAX_THREADS",
    # One is nothing to be stated.
    "_MOST_PACKED",
}  # fmt: skip


def test_the_page_has_the_limits_as_they_are() -> None:
    page = write_limits.PAGE.read_text(encoding="utf-8")
    assert page == write_limits.updated(page), "run Testing/manual/write_limits.py --write"
    assert all(limit.text in page for limit in limits.LIMITS)


def own_limits(source: str) -> set[str]:
    """Names of a module that sound like limits and hold a number."""
    found = set()
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign):
            continue
        names = [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        if any(isinstance(part, ast.Constant) for part in ast.walk(node.value)):
            found |= {name for name in names if name.lstrip("_").startswith(("MOST_", "MAX_", "LARGEST_", "LONGEST_"))}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_has_limits_of_its_own(room: str) -> None:
    files = [path for path in (LIBRARY / room).rglob("*.py") if path.is_file()]
    assert files
    for path in files:
        assert own_limits(path.read_text(encoding="utf-8")) <= OTHERS, path


def test_a_limit_of_ones_own_is_noticed() -> None:
    assert own_limits("MOST_ROWS = 1 << 20\n_MAX_X, B = 3, 4\nMOST_Z = limits.Z.value\n") == {"MOST_ROWS", "_MAX_X"}


def test_limits_are_named_in_sentences() -> None:
    assert limits.LEVELS.sentence.startswith("nests sequences more than 64 levels deep")
    assert limits.INFLATED_HEADER.text == "64 MiB" and limits.INFLATED.text == "8 GiB"
    assert limits.CUT_SLICES.shown == "A spacing of … mm makes … slices; choose a wider one."
    for limit in limits.LIMITS:
        assert limit.what and limit.why and limit.met and limit.value > 0
