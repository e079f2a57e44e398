"""The command apply: what it writes, says and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dicom_objects import inner_points, write_linear
from DicomRegInspectorLib import read_registration
from DicomRegInspectorLib.cli import main
from DicomRegInspectorLib.cli.applying import INTERPOLATIONS, WHAT
from DicomRegInspectorLib.tasks.apply import request, run

sitk = pytest.importorskip("SimpleITK")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A volume of 2 mm around the middle of the registration's grid, in no frame that is named."""
    made = sitk.GetImageFromArray(np.random.default_rng(1).normal(0, 300, (12, 14, 16)).astype(np.float32))
    made.SetSpacing((2.0, 2.0, 2.0))
    made.SetOrigin((-12.0, 12.0, 34.0))
    sitk.WriteImage(made, str(tmp_path / "image.nrrd"))
    return tmp_path / "image.nrrd"


@pytest.fixture
def registration(tmp_path: Path) -> Path:
    return write_linear(tmp_path / "reg.dcm", np.eye(4), np.eye(4))


def apply(*arguments: object) -> int:
    return main(["apply", *map(str, arguments)])


def test_an_image_is_written_and_what_it_lacks_is_told(
    registration: Path, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = image.parent / "out.nrrd"
    assert apply(registration, "--image", image, "--reference", image, "--output", out) == 0
    said = capsys.readouterr().out
    assert "out.nrrd: a volume of float32 values, read back" in said
    assert "from the source to the registered frame" in said and "linear interpolation" in said
    assert "Frames of reference were not compared: the input says none" in said
    assert sitk.ReadImage(str(out)).GetSize() == (16, 14, 12)
    assert apply(registration, "--image", image, "--reference", image, "--output", out) == 2
    assert "--overwrite" in capsys.readouterr().err
    options = ("--overwrite", "--interpolation", "nearest", "--fill", "-7", "--spacing", "4,4,6", "--json", "-")
    assert apply(registration, "--image", image, "--reference", image, "--output", out, *options) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["dimensions"] == [8, 7, 4] and told["spacing_mm"] == [4, 4, 6]
    assert told["coverage"]["fill"] == -7 and told["interpolation"] == "nearest"
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(out)))
    assert 0 < told["coverage"]["filled_voxels"] == int((values == -7).sum()) < values.size
    assert told["transform"]["inverse"] is False and told["written"] == str(out)


def test_refusals_are_one_line_and_name_the_option(
    registration: Path, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = image.parent / "out.nrrd"
    for options, said in (
        (["--inverse"], "--reference"),
        (["--spacing", "0"], "each more than 0"),
        (["--item", "3"], "no item 3"),
        (["--reference", image.parent / "none.nrrd"], "no such file"),
        (["--then", registration], "cannot go on"),
        (["--image", image.parent / "none.nrrd"], "no such file"),
    ):
        assert apply(registration, "--image", image, "--output", out, *options) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and said in told, told
    assert apply(image, "--image", image, "--output", out) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert apply(registration, "--output", out) == 2
    assert "--image" in capsys.readouterr().err
    sitk.WriteImage(sitk.Image([4, 4, 4, 2], sitk.sitkFloat32), str(image.parent / "time.nii"))
    assert apply(registration, "--image", image.parent / "time.nii", "--output", out) == 2
    assert "4 axes" in capsys.readouterr().err
    assert not out.exists()


def test_labels_and_points_take_the_same_way(
    registration: Path, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = image.parent
    labels = np.zeros((12, 14, 16), np.uint8)
    labels[3:9, 3:9, 3:9] = 2
    made = sitk.GetImageFromArray(labels)
    made.CopyInformation(sitk.ReadImage(str(image)))
    sitk.WriteImage(made, str(folder / "labels.nrrd"))
    out = folder / "moved.nrrd"
    assert apply(registration, "--labels", folder / "labels.nrrd", "--reference", image, "--output", out) == 1
    said = capsys.readouterr().out
    assert "label 2: 1.728 mL before" in said and "nearest interpolation" in said
    assert "error structure-not-carried" in said and "where the transform is undefined" in said
    x, y, z = read_registration(registration).items[0].map_points(inner_points(1))[0].tolist()
    (folder / "points.csv").write_text(f"x,y,z\n{x!r},{y!r},{z!r}\n", encoding="utf-8")
    assert apply(registration, "--points", folder / "points.csv", "--output", folder / "moved.csv", "--json", "-") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["residual"]["points"] == 1 and told["residual"]["max_mm"] < 1e-4 and told["kind"] == "points"
    assert (folder / "moved.csv").read_text(encoding="utf-8").startswith("x,y,z,residual_mm\n")
    assert apply(registration, "--dose", image, "--output", folder / "dose.dcm") == 2
    assert "is no RT Dose" in capsys.readouterr().err


def test_the_parser_knows_what_the_task_knows() -> None:
    assert tuple(WHAT) == tuple(run.KINDS)
    assert request.INTERPOLATIONS == INTERPOLATIONS
