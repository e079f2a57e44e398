"""What is there already, at every command that writes: left, replaced whole, or skipped; never an input."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib import cli

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "series"))

from stack_making import along_table, tilted, write_stack

HEIGHTS = np.concatenate([np.arange(0, 20, 2.0), 40 + np.arange(0, 15, 3.0)])


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return write_stack(tmp_path / "series", along_table(HEIGHTS), tilted(15))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    """Run a command; what it says."""

    def run(*arguments: object, code: int = 0) -> str:
        assert cli.main(list(map(str, arguments))) == code
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return captured.err if code else captured.out

    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def nothing_unfinished(folder: Path) -> bool:
    return not list(folder.glob(".unfinished*"))


def test_a_dicom_folder_is_replaced_whole(series: Path, tmp_path: Path, run) -> None:
    output = tmp_path / "out"
    run("regularize", series, "--mode", "acquisition", "--output", output)
    before = contents(output)
    assert len(before) == 15
    line = ("regularize", series, "--mode", "crop", "--output", output)
    assert "--overwrite replaces it, --skip-existing leaves it" in run(*line, code=2)
    assert run(*line, "--skip-existing") == f"{output}: is there already; skipped\n"
    assert contents(output) == before
    said = run(*line, "--overwrite")
    assert said.splitlines()[-1] == f"written: {output}"
    assert len(contents(output)) == 10 and nothing_unfinished(tmp_path)
    uids = {pydicom.dcmread(path).SOPInstanceUID for path in output.iterdir()}
    assert uids.isdisjoint(pydicom.dcmread(path).SOPInstanceUID for path in series.iterdir())


def test_a_folder_with_anything_else_is_never_replaced(series: Path, tmp_path: Path, run) -> None:
    output = tmp_path / "out"
    run("regularize", series, "--mode", "crop", "--output", output)
    foreign = (b"mine", next(series.iterdir()).read_bytes())
    for content in foreign:
        (output / "00007.dcm.note").write_bytes(content)
        for option in ("--overwrite", "--skip-existing"):
            assert "holds 00007.dcm.note" in run(
                "regularize", series, "--mode", "crop", "--output", output, option, code=2
            )
    assert len(contents(output)) == 11


@pytest.mark.parametrize("place", ["series", ".", "series/link"])
def test_a_folder_with_an_input_in_it_is_no_output(series: Path, tmp_path: Path, run, place: str) -> None:
    (series / "link").symlink_to(series)
    before = contents(series)
    arguments = ("regularize", series, "--mode", "crop", "--output", f"{tmp_path / place}/", "--overwrite")
    assert "is one of the inputs, or holds one" in run(*arguments, code=2)
    assert contents(series) == before


def test_what_fails_leaves_what_was_there(series: Path, tmp_path: Path, run) -> None:
    output = tmp_path / "out"
    run("regularize", series, "--mode", "crop", "--output", output)
    before = contents(output)
    run("regularize", series, "--mode", "resample", "--spacing", "-1", "--output", output, "--overwrite", code=2)
    assert contents(output) == before and nothing_unfinished(tmp_path)


def test_sections_are_replaced_or_skipped_together(series: Path, tmp_path: Path, run) -> None:
    pytest.importorskip("SimpleITK")
    pytest.importorskip("slicer")
    line = ("regularize", series, "--mode", "split", "--output", tmp_path / "out.v2.nrrd")
    said = run(*line)
    written = [tmp_path / f"out.v2-section-{number}.nrrd" for number in (1, 2)]
    assert [f"written: {path}" for path in written] == said.splitlines()[-2:]
    for path in written:
        path.write_bytes(b"old")
    assert "out.v2-section-1.nrrd: already exists" in run(*line, code=2)
    assert "out.v2-section-1.nrrd: is there already" in run(*line, "--skip-existing")
    assert [path.read_bytes() for path in written] == [b"old", b"old"]
    assert run(*line, "--overwrite") == said
    assert all(path.read_bytes().startswith(b"NRRD") for path in written) and nothing_unfinished(tmp_path)


def test_sample_data_are_made_anew_only_over_sample_data(tmp_path: Path, run) -> None:
    output = tmp_path / "samples"
    run("sample-data", output)
    before = contents(output)
    changed = output / "registration-pair" / "registration.dcm"
    changed.write_bytes(b"changed")
    assert "already exists" in run("sample-data", output, code=2)
    assert "skipped" in run("sample-data", output, "--skip-existing")
    assert changed.read_bytes() == b"changed"
    run("sample-data", output, "--overwrite")
    assert contents(output) == before and nothing_unfinished(tmp_path)
    (output / "mine.txt").write_text("mine")
    assert "holds mine.txt" in run("sample-data", output, "--overwrite", code=2)


@pytest.mark.parametrize(
    "line",
    [
        ("regularize", "SERIES", "--mode", "crop", "--output", "-"),
        ("load", "no-such-file", "--output", "-"),
        ("sample-data", "-"),
        ("demo", "-"),
    ],
)
def test_what_is_no_text_does_not_go_to_stdout(series: Path, tmp_path: Path, run, monkeypatch, line) -> None:
    monkeypatch.chdir(tmp_path)
    assert "cannot go to stdout" in run(*(series if word == "SERIES" else word for word in line), code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["series"]
