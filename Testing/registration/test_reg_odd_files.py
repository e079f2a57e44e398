"""Files that vanish, shrink, cannot be opened, or are no plain files at all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.errors import FileError
from DicomRegInspectorLib.registration import read_registration
from regcases import (
    SMALL,
    assert_one_clear_line,
    deformable,
    outcome,
)

# ---- Files that change or are odd -----------------------------------------------------------------------------------


def test_a_file_that_vanishes_before_its_vectors_are_read_is_refused(tmp_path: Path) -> None:
    path = rf.write(tmp_path / "reg.dcm", deformable())
    registration = read_registration(path)
    path.unlink()
    try:
        vectors = registration.items[0].grid.vectors
    except FileError as error:
        assert_one_clear_line(error, path)
    else:
        np.testing.assert_array_equal(vectors, SMALL.vectors)


def test_a_file_that_shrinks_before_its_vectors_are_read_is_refused(tmp_path: Path) -> None:
    path = rf.write(tmp_path / "reg.dcm", deformable())
    whole = path.read_bytes()
    registration = read_registration(path)
    path.write_bytes(whole[: whole.index(SMALL.vectors.tobytes()) + 50])
    try:
        vectors = registration.items[0].grid.vectors
    except FileError as error:
        assert_one_clear_line(error, path)
    else:
        np.testing.assert_array_equal(vectors, SMALL.vectors)


def test_a_file_that_cannot_be_opened_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins
    import io

    path = rf.write(tmp_path / "reg.dcm", deformable())
    real_open, real_os_open = builtins.open, os.open

    def refuse(file, *args, **kwargs):
        if not isinstance(file, int) and os.fspath(file) == str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(file, *args, **kwargs)

    def refuse_os(file, *args, **kwargs):
        if os.fspath(file) == str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real_os_open(file, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", refuse)
    monkeypatch.setattr(io, "open", refuse)
    monkeypatch.setattr(os, "open", refuse_os)
    result = outcome(path)
    assert isinstance(result, FileError)
    assert_one_clear_line(result, path)


def test_a_disk_error_while_reading_is_refused_in_one_line(tmp_path: Path) -> None:
    device = Path("/proc/self/mem")
    if not device.exists():
        pytest.skip("needs a file whose reading fails (/proc/self/mem)")
    link = tmp_path / "broken.dcm"
    link.symlink_to(device)
    result = outcome(link)
    assert isinstance(result, FileError)
    assert "\n" not in str(result)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a POSIX feature")
def test_a_named_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.dcm"
    os.mkfifo(pipe)
    result = outcome(pipe)
    assert isinstance(result, FileError)
    assert_one_clear_line(result, pipe)


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop.dcm"
    loop.symlink_to(loop)
    result = outcome(loop)
    assert isinstance(result, FileError)
    assert_one_clear_line(result, loop)


@pytest.mark.parametrize("name", ["with space.dcm", "ümläut ☃.dcm", "100% {x} <b>.dcm", "-starts-with-dash"])
def test_odd_file_names_are_no_hindrance(tmp_path: Path, name: str) -> None:
    path = rf.write(tmp_path / name, deformable())
    registration = read_registration(str(path))
    np.testing.assert_array_equal(registration.items[0].grid.vectors, SMALL.vectors)
