"""Writers that cannot write: a disk that is full, places that are no files, names that libraries cannot open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))

import writers
from DicomRegInspectorLib import cli

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits, pipes and names of bytes as POSIX has them")
BY_NAME = {writer.name: writer for writer in writers.WRITERS}
NEEDS_SLICER = ("load .mrb", "regularize acquisition .mrb", "demo")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    writers.make_inputs(folder, nodes=12, slices=20)
    return folder


@pytest.fixture
def folder(inputs: Path, tmp_path: Path) -> Path:
    """Where writers run: the inputs, and nothing else."""
    for source in inputs.iterdir():
        (tmp_path / source.name).symlink_to(source)
    return tmp_path


def run(arguments: list[str | bytes], folder: Path, most_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    import resource

    limit = None if most_bytes is None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes,) * 2)
    return subprocess.run(
        arguments, cwd=folder, env=writers.environment(), preexec_fn=limit,
        capture_output=True, text=True, errors="surrogateescape", timeout=120, check=False,
    )  # fmt: skip


def new_in(folder: Path, inputs: Path) -> list[str]:
    return sorted({path.name for path in folder.iterdir()} - {path.name for path in inputs.iterdir()})


def require(name: str) -> writers.Writer:
    if name in NEEDS_SLICER:
        pytest.importorskip("slicer")
    pytest.importorskip("SimpleITK")
    pytest.importorskip("highdicom")
    return BY_NAME[name]


@pytest.mark.parametrize(
    "name",
    [
        "load .mrb",
        "load .h5",
        "load .nii.gz",
        "regularize resample .nrrd",
        "regularize resample .nii",
        "regularize resample .nii.gz",
        "regularize acquisition .mrb",
        "regularize resample folder",
        "regularize resample .dcm",
        "regularize split .mha",
        "export-image",
        "export-image one file",
        "map",
        "inspect",
        "sample-data",
        "demo",
    ],
)
def test_a_file_that_does_not_fit_is_one_sentence(name: str, folder: Path, inputs: Path) -> None:
    writer = require(name)
    done = run(writer.command("--quiet") if writer.arguments[0] == "inspect" else writer.command(), folder, 2000)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("dicom-reg-inspector: "), done.stderr
    assert "File too large" in done.stderr or "is the disk full?" in done.stderr
    assert "unfinished" not in done.stderr
    assert new_in(folder, inputs) in ([], ["made"])
    assert not any((folder / output).exists() for output in writer.outputs)


@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz", ".nii", ".mha"])
def test_a_volume_that_lacks_its_end_is_not_left(ending: str, folder: Path, inputs: Path) -> None:
    writer = require(f"regularize resample {ending}")
    assert run(writer.command(), folder).returncode == 0
    output = folder / writer.outputs[0]
    size = output.stat().st_size
    output.unlink()
    # The checksum and the length of a compressed file, which readers here would not miss.
    assert run(writer.command(), folder, size - 8).returncode == 2
    assert new_in(folder, inputs) == []
    assert run(writer.command(), folder, size).returncode == 0


def test_what_was_there_stays_when_the_new_one_does_not_fit(folder: Path, inputs: Path) -> None:
    writer = require("regularize resample .nrrd")
    output = folder / writer.outputs[0]
    output.write_bytes(b"before")
    done = run(writer.command("--overwrite"), folder, 2000)
    assert done.returncode == 2 and "volume.nrrd: " in done.stderr and "unfinished" not in done.stderr
    assert output.read_bytes() == b"before" and new_in(folder, inputs) == ["volume.nrrd"]


@pytest.mark.parametrize("name", ["load .mrb", "regularize resample .nrrd", "regularize acquisition .mrb", "demo"])
def test_a_name_that_libraries_cannot_open_is_refused(name: str, folder: Path, inputs: Path) -> None:
    writer = require(name)
    given = [*map(os.fsencode, writer.command())]
    given[given.index(os.fsencode(writer.outputs[0].partition("/")[0]))] = b"m\xfcller" + Path(
        writer.outputs[0]
    ).suffix.encode() * (name != "demo")
    done = run(given, folder)
    assert done.returncode == 2 and "this name is not in UTF-8" in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1 and "\udcfc" not in done.stderr
    assert new_in(folder, inputs) == []


def test_a_volume_that_itk_cannot_open_is_refused(folder: Path) -> None:
    writer = require("regularize resample .nrrd")
    run(writer.command(), folder)
    odd = os.fsencode(folder) + b"/m\xfcller.nrrd"
    os.rename(folder / "volume.nrrd", odd)
    done = run([sys.executable, "-m", "DicomRegInspectorLib", "compare", odd, "series"], folder)
    assert done.returncode == 2 and "has a name that is not in UTF-8" in done.stderr, done.stderr


@pytest.mark.parametrize(
    "line",
    [
        ("load", "reg.dcm", "--output", "pipe.h5"),
        ("load", "reg.dcm", "--output", "pipe.h5", "--overwrite"),
        ("export", "reg.dcm", "--output", "pipe.dcm"),
        ("regularize", "series", "--mode", "resample", "--output", "pipe.nrrd"),
        ("regularize", "series", "--mode", "resample", "--output", "pipe"),
        ("map", "reg.dcm", "--points", "points.csv", "--output", "pipe.csv"),
        ("inspect", "reg.dcm", "--json", "pipe.json"),
        ("inspect", "reg.dcm", "--html", "pipe.html"),
        ("quality", "reg.dcm", "--csv", "pipe.csv"),
        ("sample-data", "pipe"),
    ],
)
def test_a_pipe_is_no_place_for_a_file(line: tuple[str, ...], folder: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    pipe = next(word for word in line if word.startswith("pipe"))
    os.mkfifo(pipe)
    assert cli.main(line) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"dicom-reg-inspector: {pipe}: is a pipe or a device; name a file") and said.count("\n") == 1


@pytest.mark.parametrize("place", ["pipe", "/dev/zero"])
@pytest.mark.parametrize(
    "line",
    [
        ("map", "reg.dcm", "--points", "PLACE"),
        ("map", "PLACE", "--points", "points.csv"),
        ("quality", "reg.dcm", "--landmarks", "PLACE", "points.csv"),
        ("quality", "reg.dcm", "--labels", "PLACE"),
        ("show", "PLACE"),
        ("compare", "PLACE", "series"),
        ("export", "PLACE", "--output", "new.dcm"),
        ("export", "reg.dcm", "--output", "new.dcm", "--fixed", "PLACE"),
    ],
)
def test_what_never_ends_is_not_read(line: tuple[str, ...], place: str, folder: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    os.mkfifo("pipe")
    assert cli.main([place if word == "PLACE" else word for word in line]) == 2
    said = capsys.readouterr().err
    assert place in said and said.count("\n") == 1
