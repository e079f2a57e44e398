"""A patient whose name, ID and birth date stand in every text element of a folder is in no output."""

from __future__ import annotations

import gzip
import logging
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest
from DicomRegInspectorLib import cli
from hostile_files import PEOPLE, SERIES, Person, found_in, write_folder

pytest.importorskip("slicer", reason="scenes are written with slicer-core")


@pytest.fixture(scope="module", params=PEOPLE)
def hostile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Person, Path]:
    person = PEOPLE[request.param]
    return person, write_folder(tmp_path_factory.mktemp(request.param) / "study", person)


def commands_that_describe(folder: Path, out: Path) -> Iterator[list[str]]:
    """What puts texts of files in words, and a scene."""
    yield ["inspect", str(folder), "--all", "--json", str(out / "inspect.json"), "--html", str(out / "inspect.html")]
    for name in ("field", "matrix", "points", "structures", "report", "images-0/1", "images-1/3", "images-1/2"):
        yield ["show", str(folder / f"{name}.dcm")]
    yield ["pixels", str(folder), "--json", str(out / "pixels.json")]
    yield [
        "load",
        *(str(folder / f"{name}.dcm") for name in ("field", "matrix", "points")),
        "--output",
        str(out / "a.mrb"),
    ]


def commands_that_write(folder: Path, out: Path) -> Iterator[list[str]]:
    """Every other command that reads DICOM, with every writer."""
    field, matrix, points = (str(folder / f"{name}.dcm") for name in ("field", "matrix", "points"))
    images = [str(folder / f"images-{number}") for number in (0, 1)]
    judged = ["--landmarks", points, points, "--fixed", images[0], "--moving", images[1]]
    yield ["quality", field, "--json", str(out / "quality.json"), "--html", str(out / "quality.html")]
    yield ["quality", matrix, "--csv", str(out / "quality.csv"), "--item", "1"]
    yield ["quality", field, *judged]
    yield ["quality", matrix, "--item", "1", *judged]
    for suffix in ("h5", "nrrd", "nii.gz", "mha"):
        yield ["load", field, "--output", str(out / f"field.{suffix}"), "--bake"]
    yield ["load", matrix, "--item", "1", "--output", str(out / "matrix.tfm")]
    (out / "in.csv").write_text("x,y,z\n0,20,40\n", encoding="utf-8")
    yield ["map", field, "--points", str(out / "in.csv")]
    for mode, suffix in (("acquisition", "mrb"), ("resample", "nrrd"), ("split", "nii.gz"), ("crop", "mha")):
        place = str(out / f"{mode}.{suffix}")
        yield ["regularize", images[0], "--mode", mode, "--output", place, "--json", str(out / f"{mode}.json")]
    # The object itself is the patient's, and says so: it goes elsewhere.
    exported = ["--output", str(out.parent / f"{out.name}.dcm"), "--overwrite", "--json", str(out / "export.json")]
    yield ["export", field, *exported]
    yield ["export", field, "--fixed", images[0], "--moving", images[1], *exported]
    yield ["export", field, "--fixed", images[1], "--moving", images[0], *exported]
    yield ["compare", images[0], images[1], "--json", str(out / "compare.json")]
    yield ["show", points + ".missing"]
    yield ["map", str(folder / "report.dcm"), "--points", str(out / "in.csv")]
    yield ["quality", str(folder / "structures.dcm")]


def written(out: Path) -> Iterator[tuple[str, bytes]]:
    """Every file that was written, what is packed in it unpacked."""
    for path in sorted(out.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield path.name, path.name.encode("utf-8") + b"\n" + content
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as bundle:
                for name in bundle.namelist():
                    yield f"{path.name}/{name}", name.encode("utf-8") + b"\n" + bundle.read(name)
        if content[:2] == b"\x1f\x8b":
            yield path.name, gzip.decompress(content)


@pytest.fixture
def leaks_of(
    hostile: tuple[Person, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Callable[..., list[tuple[str, ...]]]:
    """Run commands and read all they say, log and write; which secret stands where."""
    return lambda commands: list(_leaks(commands, *hostile, tmp_path, capfd, caplog))


def _leaks(
    commands: Callable[[Path, Path], Iterator[list[str]]],
    person: Person,
    folder: Path,
    out: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Iterator[tuple[str, ...]]:
    caplog.set_level(logging.DEBUG)
    succeeded = 0
    for command in commands(folder, out):
        succeeded += cli.main(command) == 0
        told = capfd.readouterr()
        assert "unexpected" not in told.err, told.err
        # What pydicom says to its own log while the tests write is nothing of ours.
        logged = [message for message in caplog.messages if "maximum length" not in message]
        caplog.clear()
        for secret in found_in("\n".join([told.out, told.err, *logged]).encode("utf-8", "replace"), person):
            yield command[0], command[1], secret
    assert succeeded >= 10
    for name, content in written(out):
        for secret in found_in(content, person):
            yield name, secret


def test_nobody_is_named_where_files_are_described(leaks_of: Callable[..., list], tmp_path: Path) -> None:
    assert leaks_of(commands_that_describe) == []
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".html", ".mrb"}


@pytest.mark.parametrize("hostile", ["plain"], indirect=True)
def test_nobody_is_named_by_anything_that_is_written(leaks_of: Callable[..., list], tmp_path: Path) -> None:
    assert leaks_of(commands_that_write) == []
    suffixes = {".json", ".csv", ".html", ".h5", ".nrrd", ".gz", ".mha", ".tfm", ".mrb"}
    assert suffixes <= {path.suffix for path in tmp_path.iterdir()}


def test_what_is_not_a_name_is_still_read(hostile: tuple[Person, Path], tmp_path: Path) -> None:
    """Masks are there, in place of the name alone: what stands beside it stays."""
    from DicomRegInspectorLib import inspect_paths
    from DicomRegInspectorLib.privacy import HIDDEN

    _, folder = hostile
    inspection = inspect_paths(folder)
    described = [inspection.series[0].description, *(reg.series_description for reg in inspection.registrations)]
    assert any(HIDDEN in text for text in described)
    assert {series.series_instance_uid for series in inspection.series} == set(SERIES)
    quoted = [finding for finding in inspection.findings if finding.code == "number-invalid"]
    assert any(f"'{HIDDEN} 2'" in finding.message for finding in quoted)


def test_derived_dicom_keeps_the_patient_it_is_of(hostile: tuple[Person, Path], tmp_path: Path) -> None:
    """A copy of somebody's images without the name would be nobody's: the patient module is copied on purpose."""
    person, folder = hostile
    out = tmp_path / "series"
    assert cli.main(["regularize", str(folder / "images-0"), "--mode", "resample", "--output", str(out)]) == 0
    source, copy = pydicom.dcmread(folder / "images-0" / "0.dcm"), pydicom.dcmread(next(out.rglob("*.dcm")))
    assert copy.PatientName == source.PatientName and copy.PatientID == person.number
    assert str(copy.SeriesDescription).startswith(str(source.SeriesDescription))
