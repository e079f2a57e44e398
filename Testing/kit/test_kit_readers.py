"""The table of readers in the manual is what they answer, and the port of SlicerRT's arithmetic does what is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from DicomRegInspectorLib.kit import score_kit
from other_readers import OTHERS
from plastimatch_writer import is_installed, judge_plastimatch
from readers import write_answers
from slicerrt_port import slicerrt
from write_readers import BEGIN, PAGE, row

QUICK = [other for other in OTHERS if other.name in ("DicomRegInspector", "pydicomrt", "SimpleITK")]


def rows_of_the_manual() -> dict[str, str]:
    """The table's lines by the name of the reader, without its version."""
    section = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2]
    lines = [line for line in section.splitlines() if re.match(r"\| [A-Za-z]", line)]
    return {line.split()[1]: line for line in lines[1:]}


@pytest.mark.parametrize("other", QUICK, ids=lambda other: other.name)
def test_the_manuals_table_is_what_readers_answer(kit: Path, tmp_path: Path, other) -> None:
    if other.package:
        pytest.importorskip(other.package)
    line = rows_of_the_manual()[other.name]
    version = line.split(" | ")[0].split()[-1]
    if other.version not in ("", version):
        pytest.skip(f"the manual is of {other.name} {version}; {other.version} is installed")
    score = score_kit(kit, write_answers(kit, other.reader, tmp_path / "answers.csv"))
    assert line == row(other, score, version)


def test_every_reader_is_in_the_manual_or_said_not_to_have_run() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in [other.name for other in OTHERS] + ["plastimatch", "CERR", "espadon"]:
        assert name in text.partition(BEGIN)[2]


def test_the_port_of_slicerrt_is_named_by_what_slicerrt_does(kit: Path, tmp_path: Path) -> None:
    chosen = ("grid-axial", "grid-oblique.", "pre-post-rigid.", "chain-two", "frames-chains")

    def reader(question):
        return slicerrt(question) if question.path.name.startswith(chosen) else None

    score = score_kit(kit, write_answers(kit, reader, tmp_path / "answers.csv"))
    told = {item.title: item.readings[0] for item in score.items if item.verdict == "misread"}
    assert told["grid-axial.dcm"] == ("reversed", "outside-repeated")
    assert told["grid-oblique.dcm"] == ("reversed", "outside-repeated", "orientation-rows-upright")
    everything = ("reversed", "outside-repeated", "orientation-rows-upright", "pre-on-grid", "post-ignored")
    assert told["pre-post-rigid.dcm"] == everything
    assert told["chain-two.dcm, item 2"] in (("matrix-order",), ("matrix-order", "items-chained"))
    assert told["frames-chains.dcm, item 1"] == ("matrix-order", "items-chained")


@pytest.mark.skipif(not is_installed(), reason="plastimatch, dicom3tools or SimpleITK is not installed")
def test_what_plastimatch_writes_says_what_its_field_says(kit: Path, tmp_path: Path) -> None:
    written = judge_plastimatch(kit, tmp_path)
    assert written.points > 500 and written.off_mm < 1e-4
    assert written.errors > 0
