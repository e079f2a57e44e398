"""How runs end in a shell: signals, readers that leave, closed and full streams; and what ``--quiet`` leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dicom_objects import inner_points, write_linear, write_slice
from DicomRegInspectorLib import cli
from DicomRegInspectorLib.cli.ending import EXIT_CODES

SERIES = "1.2.826.0.1.3680043.8.498.31"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and shells as POSIX has them")


@pytest.fixture
def registration(tmp_path: Path) -> Path:
    return write_linear(tmp_path / "reg.dcm")


@pytest.fixture
def gapped(tmp_path: Path) -> Path:
    folder = tmp_path / "ct"
    folder.mkdir()
    for number, position in enumerate([0, 2, 4, 6, 14, 16, 18, 20]):
        write_slice(folder / f"{number}", position, SERIES)
    return folder


def many_points(tmp_path: Path) -> Path:
    """More than a pipe holds."""
    place = tmp_path / "points.csv"
    rows = inner_points(50).tolist() * 400
    place.write_text("x,y,z\n" + "".join(",".join(map(repr, row)) + "\n" for row in rows))
    return place


def shell(line: str, tmp_path: Path) -> subprocess.CompletedProcess:
    program = f"PYTHONPATH={Path(cli.__file__).parent.parent.parent} {sys.executable} -m DicomRegInspectorLib"
    text = f'set -o pipefail; run() {{ {program} "$@"; }}; {line}'
    return subprocess.run(["bash", "-c", text], capture_output=True, text=True, cwd=tmp_path, timeout=120)


def test_points_that_nobody_took_are_not_done(registration: Path, tmp_path: Path) -> None:
    done = shell(f"run map {registration} --points {many_points(tmp_path)} | head -1", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (141, "x,y,z\n", "")


def test_json_that_nobody_took_is_no_verdict(gapped: Path, tmp_path: Path) -> None:
    assert shell(f"run inspect {gapped} --json - --fail-on error | true", tmp_path).returncode == 141


def test_help_that_nobody_reads_is_no_error(tmp_path: Path) -> None:
    done = shell("run --help | true", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("redirection", "said"),
    [(">&-", "stdout is closed"), ("> /dev/full", "stdout: cannot be written (No space left on device)")],
)
def test_points_without_a_place_to_go_are_an_error(
    registration: Path, tmp_path: Path, redirection: str, said: str
) -> None:
    done = shell(f"run map {registration} --points {many_points(tmp_path)} {redirection}", tmp_path)
    assert (done.returncode, done.stderr) == (2, f"dicom-reg-inspector: {said}\n")


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-", "2> /dev/full", "2> >(exec true)"])
def test_a_verdict_needs_no_stream(gapped: Path, tmp_path: Path, redirection: str) -> None:
    done = shell(f"run inspect {gapped} --fail-on error --json out.json {redirection}", tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["schema"] == 1
    assert shell(f"run inspect nothing-here {redirection}", tmp_path).returncode == 2


WAITING = """
import sys, time
from DicomRegInspectorLib import cli
from DicomRegInspectorLib.samples import sets

def write(samples, folder, progress):
    (folder / "half").mkdir()
    time.sleep(100)

sets._write = write
sys.exit(cli.main())
"""
"""The program, held where something unfinished is there that has to be removed."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_as_a_shell_expects_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parent.parent.parent)}
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, "sample-data", "made"],
        cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not any(tmp_path.glob(".unfinished-*/new/made/half")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    assert process.communicate(timeout=60)[1] == "dicom-reg-inspector: stopped\n"
    assert process.returncode == -number
    assert list(tmp_path.iterdir()) == []
    assert 128 + number in EXIT_CODES


def test_help_tells_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert all(f"{code} {meaning}" in told for code, meaning in EXIT_CODES.items())


def test_the_manual_has_the_same_table() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "command-line.md"
    rows = [line.strip("| ").split(" | ") for line in page.read_text(encoding="utf-8").splitlines()]
    told = {int(row[0]): row[1].replace("`", "") for row in rows if len(row) == 2 and row[0].isdigit()}
    assert told == EXIT_CODES


def test_quiet_leaves_findings_one_to_a_line(gapped: Path, registration: Path, capsys) -> None:
    assert cli.main(["inspect", str(gapped), "--quiet", "--fail-on", "error"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"error slice-gap series {SERIES}: 8 mm between slices 4 and 5")
    assert all(line.split()[0] in ("error", "warning", "info") for line in lines)


def test_quiet_leaves_nothing_where_nothing_is_found(registration: Path, tmp_path: Path, capsys) -> None:
    assert cli.main(["show", str(registration), "--quiet"]) == 0
    points = tmp_path / "p.csv"
    points.write_text("x,y,z\n1e6,0,0\n")
    assert cli.main(["map", str(registration), "--points", str(points), "--quiet"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("x,y,z\nnan,nan,nan\n", "")
    assert cli.main(["show", "absent", "--quiet"]) == 2
    assert "absent" in capsys.readouterr().err
