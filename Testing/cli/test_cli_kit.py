"""``kit`` and ``kit-score`` at the command line: what is written, what is said, and the exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from DicomRegInspectorLib import cli
from DicomRegInspectorLib.kit.score import TOLERANCE_MM


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit") / "kit"
    assert cli.main(["kit", str(folder)]) == 0
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    """Run a command; what it says."""

    def run(*arguments: object, code: int = 0) -> str:
        capsys.readouterr()
        assert cli.main(list(map(str, arguments))) == code
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return captured.err if code == 2 else captured.out

    return run


def test_a_kit_is_written_once_and_replaced_only_as_a_whole(written: Path, tmp_path: Path, run) -> None:
    kit = tmp_path / "kit"
    shutil.copytree(written, kit)
    assert "already exists; --overwrite replaces it" in run("kit", kit, code=2)
    assert run("kit", kit, "--skip-existing") == f"{kit}: is there already; skipped\n"
    (kit / "answers.csv").write_text("spoilt")
    said = run("kit", kit, "--overwrite")
    assert (kit / "answers.csv").read_bytes() == (written / "answers.csv").read_bytes()
    assert "no person's" in said and f"kit-score {kit} ANSWERS.csv" in said
    (kit / "images" / "mine.txt").write_text("mine")
    assert "holds images/mine.txt, which this command does not write" in run("kit", kit, "--overwrite", code=2)
    assert list(tmp_path.glob(".unfinished*")) == []


def test_right_answers_are_told_and_pass(written: Path, run) -> None:
    said = run("kit-score", written, written / "answers.csv", "--fail-on", "warning")
    assert said.startswith("115 of 115 items right within 0.05 mm\n")
    assert "  grid-oblique.dcm: right within 0.0001 mm" in said
    assert run("kit-score", written, written / "answers.csv", "--quiet") == ""


def test_what_is_misread_or_refused_decides_the_exit_code(written: Path, tmp_path: Path, run) -> None:
    lines = (written / "answers.csv").read_text(encoding="utf-8").splitlines()
    refused, misread = tmp_path / "refused.csv", tmp_path / "misread.csv"
    refused.write_text("\n".join(line for line in lines if not line.startswith("grid-fine.dcm")))
    moved = []
    for line in lines:
        cells = line.split(",")
        moved.append(",".join([*cells[:6], *cells[3:6]]) if line.startswith("matrix-rigid.dcm,2") else line)
    misread.write_text("\n".join(moved))
    for level, code in (("never", 0), ("error", 0), ("warning", 1)):
        assert "grid-fine.dcm: refused" in run("kit-score", written, refused, "--fail-on", level, code=code)
    said = run("kit-score", written, misread, "--fail-on", "error", "--quiet", code=1)
    assert said.startswith("matrix-rigid.dcm, item 2: nothing is moved")
    numbers = json.loads(run("kit-score", written, misread, "--json", "-"))
    (item,) = (item for item in numbers["items"] if item["verdict"] != "right")
    assert ["identity"] in item["readings"] and item["off_mm"] > 10
    assert numbers["total"] == {"right": 114, "misread": 1, "unknown": 0, "refused": 0}
    assert next(row["capability"] for row in numbers["capabilities"]) == "where the grid lies"


def test_a_wrong_table_is_one_line_and_no_table_is_written_over(written: Path, tmp_path: Path, run) -> None:
    table = tmp_path / "answers.csv"
    table.write_text("x,y,z\n1,2,3\n")
    said = run("kit-score", written, table, code=2)
    assert said.count("\n") == 1 and "line 1: expected the header object,item,point" in said
    assert "is there and is no JSON report" in run("kit-score", written, table, "--json", table, code=2)
    assert "holds no conformance kit" in run("kit-score", tmp_path / "none", table, code=2)


def test_the_tolerance_of_help_is_that_of_the_library() -> None:
    options = cli.make_parser().parse_args(["kit-score", "kit", "answers.csv"])
    assert options.tolerance == TOLERANCE_MM
