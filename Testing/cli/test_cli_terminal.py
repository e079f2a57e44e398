"""Nothing that a file says, or is called, acts on the terminal."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
import regfiles as rf
import volume_making as vm
from DicomRegInspectorLib.cli import main
from DicomRegInspectorLib.report.text.terminal import Style, printable_lines

HOSTILE = "\x1b[31mRED\x1b]0;title\x07\r\n\t\x9b1m"
TURNED = "\u202egpj.exe\u2066"
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five slices and a registration whose every text acts, in files whose names do."""
    place = tmp_path / f"in{TURNED}"
    place.mkdir()
    keywords = ("Modality", "SeriesDescription", "StudyDescription", "ProtocolName", "Manufacturer", "RescaleType")
    for number, (pixels, where) in enumerate(zip(vm.pixels_of(5, dtype="u2"), vm.axial(5), strict=True)):
        image = vm.dataset(pixels, where)
        image.SpecificCharacterSet = "ISO_IR 192"
        image.SeriesInstanceUID = image.FrameOfReferenceUID = "1.2.3"
        for keyword in (*keywords, *(("PhotometricInterpretation",) if number == 2 else ())):
            setattr(image, keyword, "=" * 60)
        path = vm.save(image, place / f"{number}\x1b[7m\n{TURNED}.dcm")
        value = f"{HOSTILE}{TURNED}".encode()
        path.write_bytes(path.read_bytes().replace(b"=" * 60, value + b"." * (60 - len(value))))
    spec = rf.RegistrationSpec(
        (rf.DeformableItem(rf.GridSpec(rf.smooth_vectors((3, 4, 2))), rf.rigid((0.1, 0, 0), (1, 2, 3))),),
        series_description=HOSTILE,
        manufacturer=HOSTILE,
    )
    rf.write(place / f"reg\x1b[2J{TURNED}.dcm", spec)
    whole = next(place.glob("0*")).read_bytes()
    (place / f"cut{HOSTILE[:4]}.dcm").write_bytes(whole[: len(whole) // 2])
    return place


@pytest.mark.parametrize("command", ["inspect", "pixels", "show", "quality", "compare", "regularize", "map", "load"])
@pytest.mark.filterwarnings("ignore")
def test_what_a_file_says_is_shown_as_text(
    command: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registration = str(next(folder.glob("reg*")))
    points = tmp_path / "points.csv"
    np.savetxt(points, np.zeros((2, 3)), delimiter=",", header="x,y,z", comments="")
    arguments = {
        "inspect": [str(folder), "--html", str(tmp_path / "report.html")],
        "pixels": [str(folder)],
        "show": [registration, str(next(folder.glob("0*"))), str(next(folder.glob("cut*")))],
        "quality": [registration],
        "compare": [str(next(folder.glob("0*"))), str(next(folder.glob("1*")))],
        "regularize": [str(folder), "--mode", "resample", "--output", str(tmp_path / "out.nrrd")],
        "map": [registration, "--points", str(points)],
        "load": [registration, "--output", str(tmp_path / "out.nrrd")],
    }
    main([command, *arguments[command]])
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert ACTING.findall(text) == []
    # The value is there, as text.
    assert command not in ("inspect", "pixels", "show") or "[31MRED" in said.out.upper()


def test_files_hold_what_they_are_meant_to(folder: Path) -> None:
    image = pydicom.dcmread(next(folder.glob("2*")))
    assert image.Modality.startswith("\x1b[31mRED")
    assert TURNED in image.SeriesDescription


def test_own_colours_are_let_through_and_others_are_not() -> None:
    style = Style(100, colour=True)
    line = style.paint("bad", "error")
    assert printable_lines(f"{line}\n\tmore") == f"{line}\n\tmore"
    assert printable_lines("\x1b[41m\x1b]0;x\x07\u202e\r") == "\\x1b[41m\\x1b]0;x\\x07\\u202e\\x0d"
