"""The registry of formats: who is asked to read a file, and what every command then does with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib import cli, inspect_paths, read_registration
from DicomRegInspectorLib.errors import NotDicomError
from DicomRegInspectorLib.registration import Mapping, Registration, RegistrationItem
from DicomRegInspectorLib.registration.conventions import Conventions
from DicomRegInspectorLib.registration.file import read as registry

MATRIX = rf.rigid((0.1, -0.2, 0.3), (4.0, -5.0, 6.0))
"""Registered to source, LPS mm."""
HEAD = b"#Sixteen numbers\n"


class SixteenNumbers:
    """A format of its own: a line that says so, and the rows of a matrix from registered to source."""

    FORMAT = "sixteen numbers"
    ENDINGS = (".sixteen",)
    CONVENTIONS = Conventions("registered to source", "LPS", "mm", "a matrix acts everywhere")

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        return head.startswith(HEAD)

    @staticmethod
    def read(path: Path) -> Registration:
        numbers = np.array(path.read_bytes()[len(HEAD) :].split(), float).reshape(4, 4)
        item = RegistrationItem(path, 1, "", "", Mapping(matrix=np.linalg.inv(numbers)))
        return Registration(path, "matrix", (item,), format=SixteenNumbers.FORMAT)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "READERS", (SixteenNumbers, *registry.READERS))
    path = tmp_path / "numbers.dcm"  # the name says nothing
    path.write_bytes(HEAD + " ".join(f"{value:.17g}" for value in MATRIX.ravel()).encode())
    return path


def test_a_file_is_read_by_whoever_recognises_its_content(file: Path, tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(-100, 100, (20, 3))
    (item,) = read_registration(file).items
    np.testing.assert_allclose(item.map_points(points), points @ MATRIX[:3, :3].T + MATRIX[:3, 3], atol=1e-9)
    dicom = rf.write(tmp_path / "numbers.txt", rf.RegistrationSpec((rf.MatrixItem((MATRIX,)),)))
    assert (read_registration(file).format, read_registration(dicom).format) == ("sixteen numbers", "DICOM")


def test_what_nobody_recognises_is_told_to_be_no_dicom(file: Path) -> None:
    file.write_bytes(b"#Fifteen numbers\n" + bytes(200))
    with pytest.raises(NotDicomError):
        read_registration(file)


def test_every_command_takes_it(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = tmp_path / "points.csv"
    points.write_text("x,y,z\n10,20,30\n")
    assert cli.main(["map", str(file), "--points", str(points)]) == 0
    mapped = np.array(capsys.readouterr().out.splitlines()[1].split(","), float)
    np.testing.assert_allclose(mapped, MATRIX[:3, :3] @ [10, 20, 30] + MATRIX[:3, 3], atol=1e-6)
    assert cli.main(["show", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "numbers.dcm: sixteen numbers" in shown
    assert "(0070,0309)" not in shown and "SOP" not in shown
    assert cli.main(["quality", str(file)]) == 0
    assert "Jacobian determinant" in capsys.readouterr().out
    assert cli.main(["inspect", str(file.parent), "--fail-on", "error"]) == 0
    assert "matrix to the registered frame" in capsys.readouterr().out


def test_an_inspection_finds_it_among_other_files(file: Path) -> None:
    (file.parent / "readme.txt").write_text("nothing")
    inspection = inspect_paths(file.parent)
    assert [registration.path.name for registration in inspection.registrations] == ["numbers.dcm"]
    assert inspection.findings == ()
