"""Deflated registrations are inflated once for all that is asked of them, and read as plain ones."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib import inspect_paths
from DicomRegInspectorLib.dicom import deflated_source
from DicomRegInspectorLib.dicom.deflated_source import DeflatedSource, unpacked_of
from DicomRegInspectorLib.dicom.fast_header import read_header
from DicomRegInspectorLib.errors import FileError
from DicomRegInspectorLib.registration import read_registration
from DicomRegInspectorLib.registration.measures.quality import measure

RANDOM = np.random.default_rng(3)
VECTORS = RANDOM.normal(size=(30, 50, 40, 3)).astype(np.float32)


@pytest.fixture
def files(tmp_path: Path) -> Callable[[np.ndarray], tuple[Path, Path]]:
    """Write vectors to a deflated and a plain file."""

    def write(vectors: np.ndarray) -> tuple[Path, Path]:
        grid = rf.GridSpec(vectors, (1.0, 1.0, 2.0), (0.0, 0.0, 0.0))
        spec = rf.RegistrationSpec((rf.DeformableItem(grid, rf.rigid((0.1, 0, 0), (1, 2, 3)), np.eye(4)),))
        return (
            rf.write(tmp_path / "deflated.dcm", spec, rf.Encoding("deflated")),
            rf.write(tmp_path / "plain.dcm", spec, rf.Encoding()),
        )

    return write


@pytest.fixture
def inflated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of all pieces that were inflated."""
    pieces: list[int] = []
    pull = DeflatedSource.pull

    def counted(self: DeflatedSource, count: int) -> bytes:
        data = pull(self, count)
        pieces.append(len(data))
        return data

    monkeypatch.setattr(DeflatedSource, "pull", counted)
    return pieces


def numbers_of(path: Path) -> list[object]:
    (registration,) = inspect_paths(path).registrations
    (item,) = registration.items
    measured = measure(item.mapping, item.subject).to_dict()
    return [
        [(finding.code, finding.evidence) for finding in registration.findings], item.displacement_mm,
        {key: measured[key] for key in ("jacobian", "curl", "displacement_mm", "bending_energy")},
    ]  # fmt: skip


def test_one_pass_does_for_inspecting_and_measuring(files, inflated):
    deflated, plain = files(VECTORS)
    found = numbers_of(deflated)
    # The header's first bytes, which tell that it is a registration, are inflated before.
    assert VECTORS.nbytes < sum(inflated) < VECTORS.nbytes + 2 * (1 << 16)
    assert found == numbers_of(plain)


def test_a_header_takes_its_first_bytes_alone(files, inflated):
    deflated, _ = files(VECTORS)
    assert read_header(deflated).is_registration
    assert sum(inflated) <= 1 << 16


def test_what_was_inflated_is_gone_with_the_registration(files):
    deflated, _ = files(VECTORS)
    registration = read_registration(deflated)
    assert unpacked_of(deflated) is not None
    del registration
    gc.collect()
    assert unpacked_of(deflated) is None


def test_a_file_that_has_changed_is_inflated_again(files):
    deflated, _ = files(VECTORS)
    before = read_registration(deflated)
    files(2 * VECTORS)
    assert unpacked_of(deflated) is None
    np.testing.assert_array_equal(read_registration(deflated).items[0].grid.vectors, 2 * VECTORS)
    np.testing.assert_array_equal(before.items[0].grid.vectors, VECTORS)


def no_file(**_: object) -> None:
    raise OSError(28, "No space left on device")


def full(*_: object) -> shutil._ntuple_diskusage:
    return shutil._ntuple_diskusage(1 << 40, 1 << 40, 0)


class Fills:
    """A file on a disk that is full after 100 kB."""

    def __init__(self) -> None:
        self.written = 0

    def write(self, data: bytes) -> None:
        self.written += len(data)
        if self.written > 100_000:
            raise OSError(28, "No space left on device")

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (tempfile, "TemporaryFile", no_file),
        (tempfile, "TemporaryFile", lambda **_: Fills()),
        (shutil, "disk_usage", full),
        (deflated_source, "_MOST_TIMES", 1),
    ],
    ids=["no temporary file", "full on the way", "little room", "too much for its size"],
)
def test_where_nothing_can_be_kept_it_is_inflated_again(files, inflated, monkeypatch, owner, name, value):
    deflated, plain = files(VECTORS)
    monkeypatch.setattr(deflated_source, "_CHECKED_EVERY", 1 << 17)
    monkeypatch.setattr(owner, name, value)
    found = numbers_of(deflated)
    assert unpacked_of(deflated) is None
    assert sum(inflated) > 2 * VECTORS.nbytes
    assert found == numbers_of(plain)


def test_threads_that_take_turns_read_the_same(files, monkeypatch):
    """Windows has no read at a place."""
    monkeypatch.setattr(deflated_source, "_PREADV", None)
    deflated, _ = files(VECTORS)
    np.testing.assert_array_equal(read_registration(deflated).items[0].grid.vectors, VECTORS)


def test_a_temporary_file_that_cannot_be_read_any_more_is_told(files, monkeypatch):
    deflated, _ = files(VECTORS)
    (item,) = read_registration(deflated).items

    def broken(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(deflated_source, "_PREADV", broken)
    with pytest.raises(FileError, match=r"cannot be read \(Input/output error\)"):
        _ = item.grid.vectors
