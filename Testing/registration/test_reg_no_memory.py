"""Grids that do not fit into memory: a sentence with the sizes, not the end of the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import regfiles as rf
from DicomRegInspectorLib import cli, memory, read_registration
from DicomRegInspectorLib.errors import UsageError
from regcases import run_limited

MEGABYTE = 1 << 20


@pytest.fixture
def registration(tmp_path: Path) -> Path:
    spec = rf.RegistrationSpec((rf.DeformableItem(rf.GridSpec(rf.smooth_vectors((10, 20, 30)))),))
    return rf.write(tmp_path / "reg.dcm", spec)


def test_vectors_that_do_not_fit_are_refused_with_both_sizes(
    registration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (item,) = read_registration(registration).items
    nx, ny, nz = item.grid.dimensions
    monkeypatch.setattr(memory, "available_memory", lambda: 70_000)
    with pytest.raises(UsageError, match=f"{nx} × {ny} × {nz} vectors needs 72 kB of memory; 70 kB are available"):
        _ = item.grid.vectors
    monkeypatch.setattr(memory, "available_memory", lambda: 80_000)
    assert item.grid.vectors.shape == (nz, ny, nx, 3)


def test_a_scene_that_does_not_fit_is_refused_with_both_sizes(
    registration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("slicer")
    monkeypatch.setattr(memory, "available_memory", lambda: 400_000)
    assert cli.main(["load", str(registration), "--output", str(tmp_path / "out.mrb")]) == 2
    said = capsys.readouterr().err
    assert "a Slicer scene with these grids needs 432 kB of memory; 400 kB are available" in said
    assert said.count("\n") == 1


def test_the_limit_of_the_process_counts() -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("how much a process has is told by Linux only")
    done = run_limited(
        "from DicomRegInspectorLib.memory import available_memory\n"
        "import mmap\n"
        "before = available_memory()\n"
        "held = mmap.mmap(-1, 100 << 20)\n"
        "print(before, available_memory())",
        megabytes=700,
    )
    before, after = map(int, done.stdout.split())
    assert 100 * MEGABYTE < before < 700 * MEGABYTE
    assert before - after == pytest.approx(100 * MEGABYTE, abs=5 * MEGABYTE)


@pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")
def test_libraries_that_do_not_fit_are_not_called_missing(registration: Path, tmp_path: Path) -> None:
    pytest.importorskip("slicer")
    done: subprocess.CompletedProcess[str] = run_limited(
        "import sys\nfrom DicomRegInspectorLib import cli\nsys.exit(cli.main(sys.argv[1:]))",
        "load", str(registration), "--output", str(tmp_path / "out.mrb"), megabytes=400,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "not enough memory" in done.stderr
