"""What the command line promises whatever happens: exit codes, one line on stderr, nothing overwritten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dicom_objects import write_linear, write_slice
from DicomRegInspectorLib import cli

SERIES = "1.2.826.0.1.3680043.8.498.30"


@pytest.fixture
def gapped_series(tmp_path: Path) -> Path:
    folder = tmp_path / "ct"
    folder.mkdir()
    for number, position in enumerate([0, 2, 4, 6, 14, 16, 18, 20]):
        write_slice(folder / f"{number}", position, SERIES)
    return folder


@pytest.fixture
def regular_series(tmp_path: Path) -> Path:
    folder = tmp_path / "regular"
    folder.mkdir()
    for number in range(6):
        write_slice(folder / f"{number}", 2.0 * number, SERIES)
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        if code == 2:
            assert captured.err.count("\n") == 1, captured.err
            assert captured.err.startswith("dicom-reg-inspector")
        return code, captured.out, captured.err

    return run


@pytest.mark.parametrize(("fail_on", "code"), [("never", 0), ("warning", 1), ("error", 1)])
def test_findings_decide_the_exit_code_only_when_asked_to(run, gapped_series: Path, fail_on: str, code: int) -> None:
    assert run("inspect", gapped_series, "--fail-on", fail_on)[0] == code


def test_findings_do_not_decide_the_exit_code_by_default(run, gapped_series: Path) -> None:
    assert run("inspect", gapped_series)[0] == 0


def test_a_regular_series_passes_the_strictest_level(run, regular_series: Path) -> None:
    assert run("inspect", regular_series, "--fail-on", "warning")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["inspect"],
        ["inspect", "--fail-on", "sometimes", "."],
        ["inspect", "no-such-folder"],
        ["show", "no-such-file"],
        ["show", "."],
        ["map", "no-such-file", "--points", "p.csv"],
        ["map", "x", "--points", "p.csv", "--item", "first"],
        ["load", "no-such-file", "--output", "x.h5"],
        ["load", "no-such-file", "--output", "x.vtk"],
        ["load", "no-such-file", "--output", "no-such-folder/x.h5"],
    ],
)
def test_bad_usage_exits_with_2_and_one_line(run, tmp_path: Path, monkeypatch, arguments: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments)[0] == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"hello\n", bytes(200), b"\0" * 128 + b"DICM"])
def test_a_file_that_holds_nothing_exits_with_2(run, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(content)
    assert run("inspect", path)[0] == 2
    assert run("show", path)[0] == 2
    assert run("map", path, "--points", path)[0] == 2


def test_an_empty_folder_is_no_pass(run, tmp_path: Path) -> None:
    code, _, error = run("inspect", tmp_path, "--fail-on", "error")
    assert code == 2
    assert str(tmp_path) in error


def test_a_broken_file_among_good_ones_is_a_finding(run, regular_series: Path) -> None:
    (regular_series / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM")
    assert run("inspect", regular_series)[0] == 0
    code, out, _ = run("inspect", regular_series, "--fail-on", "error")
    assert code == 1
    assert "broken.dcm" in out


def test_show_describes_what_it_can_and_counts_what_it_cannot(run, tmp_path: Path) -> None:
    folder = tmp_path / "registrations"
    folder.mkdir()
    for name in ("a.dcm", "b"):
        write_linear(folder / name)
    write_slice(folder / "ct", 0.0, SERIES)
    (folder / "garbage.dcm").write_bytes(b"\xff" * 3000)
    for paths in ([folder], [folder / "a.dcm", folder / "b", folder / "garbage.dcm", folder / "a.dcm"]):
        assert run("show", *paths)[0] == 0
        code, out, error = run("show", *paths, "--fail-on", "error")
        assert (code, error) == (1, "")
        titles = [line.partition(":")[0] for line in out.splitlines() if line.endswith(("Registration", "be used"))]
        assert sorted(titles) == ["a.dcm", "b", "garbage.dcm"]
        code, out, _ = run("show", *paths, "--json", "-", "--fail-on", "error")
        told = json.loads(out)
        assert (code, len(told["registrations"]), told["series"]) == (1, 2, [])
        assert [finding["code"] for finding in told["findings"]] == ["file-unreadable"]
        assert told["findings"][0]["evidence"]["file"].endswith("garbage.dcm")
    assert run("show", folder / "a.dcm", folder / "ct", "--fail-on", "error")[0] == 0
    assert run("show", folder / "garbage.dcm", "--fail-on", "error")[0] == 2


def test_show_of_a_folder_without_registrations_says_so(run, regular_series: Path) -> None:
    code, _, error = run("show", regular_series)
    assert (code, str(regular_series) in error, "holds no registration" in error) == (2, True, True)


def test_a_file_name_cannot_break_the_one_line(run, tmp_path: Path) -> None:
    code, _, error = run("show", tmp_path / "a\nb\x1b[31m\u202e.dcm")
    assert code == 2
    assert "\x1b" not in error
    assert "\u202e" not in error


def raising(error: BaseException):
    def run(options: object) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ZeroDivisionError("division\nby zero"), 2, "ZeroDivisionError: division by zero"),
        (MemoryError(), 2, "not enough memory for this: close other programs"),
        (ImportError("x.so: failed to map segment from shared object"), 2, "not enough memory"),
        (AssertionError("Status.init"), 2, "unexpected AssertionError"),
        (RecursionError("too deep"), 2, "RecursionError"),
        (OSError(28, "No space left on device", "out.json"), 2, "out.json: No space left on device"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_what_nobody_expected_is_one_line_too(monkeypatch, capsys, error: BaseException, code: int, text: str) -> None:
    monkeypatch.setitem(cli.COMMANDS, "show", raising(error))
    assert cli.main(["show", "x"]) == code
    assert text in capsys.readouterr().err


def test_debug_lets_the_traceback_through(monkeypatch) -> None:
    monkeypatch.setitem(cli.COMMANDS, "show", raising(ZeroDivisionError("here")))
    with pytest.raises(ZeroDivisionError):
        cli.main(["show", "x", "--debug"])


def test_json_replaces_an_earlier_report_and_nothing_else(run, gapped_series: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text('{"schema": 0}')
    assert run("inspect", gapped_series, "--json", report)[0] == 0
    assert json.loads(report.read_text(encoding="utf-8"))["schema"] == 1
    slice_file = gapped_series / "3"
    before = slice_file.read_bytes()
    assert run("inspect", gapped_series, "--json", slice_file)[0] == 2
    assert slice_file.read_bytes() == before
    assert run("inspect", gapped_series, "--json", tmp_path)[0] == 2
    assert run("inspect", gapped_series, "--json", tmp_path / "none" / "x.json")[0] == 2


def test_json_on_stdout_comes_alone(run, gapped_series: Path) -> None:
    code, out, _ = run("inspect", gapped_series, "--json", "-", "--fail-on", "error")
    assert code == 1
    (series,) = json.loads(out)["series"]
    assert series["slice_count"] == 8


def command(*arguments: object, **options: object) -> subprocess.Popen:
    library = Path(cli.__file__).parent.parent
    environment = os.environ | {"PYTHONPATH": str(library)} | options.pop("env", {})
    line = [sys.executable, "-m", "DicomRegInspectorLib", *map(str, arguments)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, **options)


def test_a_reader_that_leaves_does_not_change_the_verdict(gapped_series: Path) -> None:
    process = command("inspect", gapped_series, "--fail-on", "error")
    process.stdout.close()
    assert process.wait(60) == 1
    assert process.stderr.read() == b""


def test_an_ascii_terminal_gets_ascii(gapped_series: Path, tmp_path: Path) -> None:
    write_linear(gapped_series / "reg.dcm", series_description="Lungenflügel × 2")
    out, error = command("inspect", gapped_series, env={"PYTHONIOENCODING": "ascii"}).communicate(timeout=60)
    assert error == b""
    assert b"grid 9 x 8 x 7, 4 x 5 x 6 mm" in out


def test_starting_up_imports_no_library() -> None:
    heavy = "{'numpy', 'pydicom', 'slicer', 'vtk', 'scipy'}"
    code = f"import DicomRegInspectorLib.cli, sys; print(sorted({heavy} & set(sys.modules)))"
    environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"
