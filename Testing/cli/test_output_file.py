"""Folders for what is being written: whose they are, when they go, and what goes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from DicomRegInspectorLib import output_file
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.output_file import FORMER, remove_abandoned, replace_file, unfinished_folder

LIBRARY = str(Path(output_file.__file__).resolve().parents[1])
Start = Callable[..., subprocess.Popen]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process that writes and waits; returns when it has begun."""
    processes: list[subprocess.Popen] = []

    def start(code: str = "") -> subprocess.Popen:
        program = f"""
            import os, sys, time
            from pathlib import Path
            sys.path.insert(0, {LIBRARY!r})
            from DicomRegInspectorLib.output_file import FORMER, unfinished_folder
            place = Path({str(tmp_path)!r})
            with unfinished_folder(place, "out") as new:
                (new / "half").write_text("half")
                {code}
                print("begun", flush=True)
                time.sleep(100)
        """
        process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def unfinished(folder: Path) -> list[Path]:
    return list(folder.glob(".unfinished-*"))


def kill(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()


def test_what_a_killed_run_left_goes_with_the_next(start: Start, tmp_path: Path) -> None:
    for process in [start(), start()]:
        kill(process)
    assert len(unfinished(tmp_path)) == 2
    replace_file(tmp_path / "out", lambda place: place.write_text("whole"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_another_run_is_writing_stays(start: Start, tmp_path: Path) -> None:
    start()
    (held,) = unfinished(tmp_path)
    replace_file(tmp_path / "out", lambda place: place.write_text("whole"))
    assert unfinished(tmp_path) == [held] and (held / "new" / "half").read_text() == "half"


@pytest.mark.skipif(os.name != "posix", reason="modes and links as POSIX has them")
def test_only_what_is_ours_beyond_doubt_is_removed(start: Start, tmp_path: Path) -> None:
    kill(start())
    (left,) = unfinished(tmp_path)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "lock").write_text("")
    (mine / "work").write_text("work")
    others = {
        left.with_name(left.name[:-1]): "a name that is too short",
        left.with_name(f"{left.name}.copy"): "a name that goes on",
        left.with_name(".unfinished-00000000-0123456789abcdef"): "of another machine",
    }
    for other in others:
        other.mkdir()
        (other / "lock").write_bytes(output_file._SIGNATURE)
    foreign = left.with_name(left.name[:-16] + "0" * 16)
    foreign.mkdir()
    (foreign / "lock").write_text("of another program")
    full = left.with_name(left.name[:-16] + "1" * 16)
    full.mkdir()
    (full / "work").write_text("without a lock")
    link = left.with_name(left.name[:-16] + "2" * 16)
    link.symlink_to(mine)
    remove_abandoned(tmp_path)
    assert not left.exists()
    for stays in (*others, foreign, full, link, mine / "work"):
        assert stays.exists(), others.get(stays, stays)


def test_one_that_has_no_lock_yet_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def sweep_first(path: str | Path, *arguments: int) -> int:
        if Path(path).name == "lock":
            monkeypatch.setattr(os, "open", opened)
            remove_abandoned(tmp_path)
        return opened(path, *arguments)

    monkeypatch.setattr(os, "open", sweep_first)
    replace_file(tmp_path / "out", lambda place: place.write_text("whole"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_made_room_comes_back_when_nothing_took_its_place(start: Start, tmp_path: Path) -> None:
    for name in ("kept", "replaced"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").write_text(name)
    moves = "(new.parent / FORMER).mkdir(); " + "; ".join(
        f"os.rename(place / {name!r}, new.parent / FORMER / {name!r})" for name in ("kept", "replaced")
    )
    process = start(moves)
    (tmp_path / "replaced").mkdir()
    kill(process)
    remove_abandoned(tmp_path)
    assert (tmp_path / "kept" / "old").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["kept", "old", "replaced"]


def test_an_error_puts_back_what_made_room(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with (
        pytest.raises(UsageError, match=r"^out: cannot be written \(No such file"),
        unfinished_folder(tmp_path, "out") as new,
    ):
        (new.parent / FORMER).mkdir()
        os.rename(tmp_path / "kept", new.parent / FORMER / "kept")
        os.rename(new / "never made", tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_messages_name_the_place_and_not_the_folder_beside_it(tmp_path: Path) -> None:
    def write(place: Path) -> None:
        raise UsageError(f"{place}: is the disk full?")

    with pytest.raises(UsageError) as raised:
        replace_file(tmp_path / "out", write)
    assert str(raised.value) == f"{tmp_path.resolve() / 'out'}: is the disk full?"


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_signal_leaves_nothing(start: Start, tmp_path: Path) -> None:
    process = start("import signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 3
    deadline = time.monotonic() + 10
    while list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(tmp_path.iterdir()) == []
