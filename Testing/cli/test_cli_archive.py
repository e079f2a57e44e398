"""``archive``: what is printed, exit codes, and what is refused in one line."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from DicomRegInspectorLib import cli


@pytest.fixture
def studies(tmp_path: Path, shared_data: Path) -> Path:
    folder = tmp_path / "studies"
    shutil.copytree(shared_data / "deformable-pair-plastimatch", folder / "pair")
    shutil.copytree(shared_data / "ct-ge-tilted-irregular", folder / "ct")
    return folder


def _archive(studies: Path, output: Path, *more: str) -> list[str]:
    return ["archive", str(studies), "--output", str(output), "--workers", "0", *more]


def test_the_summary_is_printed_and_written(studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out"
    assert cli.main(_archive(studies, output)) == 0
    said = capsys.readouterr()
    assert "3 studies judged, 0 done before" in said.out and said.err == ""
    assert "HiSpeed Dual" in said.out and "slice-overlap" in said.out
    assert (output / "summary.html").is_file() and (output / "archive.sqlite").is_file()
    assert cli.main(_archive(studies, output)) == 0
    assert "0 studies judged, 3 done before" in capsys.readouterr().out
    assert cli.main(_archive(studies, output, "--json", "-")) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["already_done"], told["summary"]["studies"], told["summary"]["counts"]["files"]) == (3, 3, 85)


def test_it_fails_on_request_and_is_quiet_on_request(
    studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(_archive(studies, tmp_path / "out", "--quiet", "--fail-on", "error")) == 1
    assert cli.main(_archive(studies / "pair", tmp_path / "pair", "--quiet", "--fail-on", "warning")) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--workers", "-1"], "--workers -1: expected 1 or more"),
        (["--scheduler", "tcp://127.0.0.1:1"], "leave --workers, --threads and --memory out"),
        (["--study-limit", "0"], "--study-limit 0: expected seconds"),
        (["--tolerance", "90"], "a tolerance of 90 %"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    more: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(_archive(tmp_path, tmp_path / "out", *more)) == 2
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_memory_that_is_no_size_is_refused(studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["archive", str(studies), "--output", str(tmp_path / "out"), "--workers", "1", "--memory", "much"]
    assert cli.main(command) == 2
    assert "--memory much: expected a size like 4GB" in capsys.readouterr().err


def test_an_empty_archive_is_unusable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    assert cli.main(_archive(tmp_path / "in", tmp_path / "out")) == 2
    assert "no study was found" in capsys.readouterr().err


@pytest.mark.parametrize("package", ["pyarrow", "pyarrow.parquet", "distributed"])
def test_without_the_extra_one_sentence_says_what_to_install(
    package: str, studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert cli.main(["archive", str(studies), "--output", str(tmp_path / "out"), "--workers", "1"]) == 2
    said = capsys.readouterr().err
    assert "pip install 'dicom-reg-inspector[archive]'" in said and said.count("\n") == 1


def test_nothing_else_imports_what_archives_need() -> None:
    code = (
        "import sys; from DicomRegInspectorLib.cli.arguments import make_parser; make_parser();"
        "from DicomRegInspectorLib import inspect_paths; import DicomRegInspectorLib.tasks.inspect;"
        "print([name for name in ('dask', 'distributed', 'pyarrow', 'dicomweb_client', 'sqlite3') "
        "if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("most_bytes", [0, 30_000, 120_000])
def test_a_full_disk_ends_in_one_line_and_the_next_run_goes_on(studies: Path, tmp_path: Path, most_bytes: int) -> None:
    """Files that may not grow are what a full disk is, for whoever writes them."""
    output = tmp_path / "out"
    command = [sys.executable, "-m", "DicomRegInspectorLib", *_archive(studies, output)]
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes,) * 2)}
    full = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), **limit)
    assert full.returncode == 2, full.stderr
    assert full.stderr.startswith("dicom-reg-inspector: ") and full.stderr.count("\n") == 1
    assert str(output) in full.stderr
    after = subprocess.run(command, capture_output=True, text=True)
    assert (after.returncode, after.stderr) == (0, "")
    assert "studies                                     3 of 85 files" in after.stdout
