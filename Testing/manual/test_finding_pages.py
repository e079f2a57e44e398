"""The pages on finding codes are what the table and the examples make, and no code lacks one."""

from __future__ import annotations

import pytest
import write_manual
from DicomRegInspectorLib.findings import CODES
from finding_examples import MAKERS


def test_every_code_has_an_example_made_of_data() -> None:
    assert {code for code, _ in MAKERS} == set(CODES)
    assert all(maker.__doc__ and maker.__doc__.rstrip().endswith(".") for _, maker in MAKERS)


def test_the_pages_are_what_the_table_and_the_examples_make() -> None:
    different = write_manual.different_pages()
    assert different == [], "run Testing/manual/write_manual.py --write and look at what changes"


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("0.211 (0.178 to 0.249) mm", "0.2111 (0.1781 to 0.249) mm", False),
        ("2 mm too close", "2.1 mm too close", True),
        ("2 mm too close", "2 mm too far", True),
        ("two mm", "2 mm", True),
    ],
)
def test_pages_differ_by_words_and_numbers_but_not_by_rounding(ours: str, theirs: str, expected: bool) -> None:
    assert write_manual.differ(ours, theirs) is expected


def test_a_changed_table_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    page = write_manual._head("slice-gap", CODES["slice-gap"])
    there = (write_manual.FOLDER / "slice-gap.md").read_text(encoding="utf-8")
    assert there.startswith(page)
    assert write_manual.differ(there.replace("5 %", "6 %"), there)
