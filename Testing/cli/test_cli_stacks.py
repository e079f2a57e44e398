"""``--stack`` of regularize, pixels and compare: by number, label or value, and refused in one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib import cli

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "series"))
import volume_making as vm

CHOICES = ("2", "temporal position 2", "temporal position = 2")
MR = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR"}


@pytest.fixture
def phases(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """Three complete volumes of four slices, and their pixels (t, k, j, i)."""
    pixels = vm.pixels_of(12)
    folder = tmp_path / "phases"
    vm.write_stack(folder, pixels, vm.axial(4) * 3, TemporalPositionIdentifier=[1] * 4 + [2] * 4 + [3] * 4, **MR)
    return folder, pixels.reshape(3, 4, 5, 7)


@pytest.mark.parametrize("choice", CHOICES)
def test_regularize_takes_the_set_chosen(phases: tuple[Path, np.ndarray], tmp_path: Path, choice: str) -> None:
    sitk = pytest.importorskip("SimpleITK")
    folder, pixels = phases
    output = tmp_path / "out.nrrd"
    assert cli.main(["regularize", str(folder), "--mode", "crop", "--stack", choice, "--output", str(output)]) == 0
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(output))), pixels[1])


@pytest.mark.parametrize("choice", CHOICES)
def test_pixels_checks_the_files_of_the_set_chosen(
    phases: tuple[Path, np.ndarray], capsys: pytest.CaptureFixture[str], choice: str
) -> None:
    folder, _ = phases
    assert cli.main(["pixels", str(folder), "--stack", choice, "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert sorted(Path(entry["file"]).name for entry in report["files"]) == [f"{k:03d}.dcm" for k in range(4, 8)]


@pytest.mark.parametrize("choice", CHOICES)
def test_compare_takes_the_set_chosen_of_the_series(
    phases: tuple[Path, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str], choice: str
) -> None:
    sitk = pytest.importorskip("SimpleITK")
    folder, pixels = phases
    image = sitk.GetImageFromArray(pixels[1])
    image.SetSpacing((0.5, 0.75, 2.5))
    image.SetOrigin(vm.axial(1)[0])
    exported = str(tmp_path / "second.nrrd")
    sitk.WriteImage(image, exported)
    for a, b, stacks, is_same in (
        (folder, exported, [choice], True),
        (exported, folder, [choice], True),
        (folder, exported, ["3"], False),
        (folder, folder, [choice], True),
        (folder, folder, [choice, "3"], False),
    ):
        options = [text for stack in stacks for text in ("--stack", stack)]
        assert cli.main(["compare", str(a), str(b), *options, "--json", "-"]) == (0 if is_same else 1)
        assert json.loads(capsys.readouterr().out)["same_physical_image"] is is_same


@pytest.mark.parametrize(
    "arguments",
    [
        ("regularize", "--mode", "crop", "--output", "x.nrrd", "--stack", "temporal position 9", "PHASES"),
        ("pixels", "--stack", "9", "PHASES"),
        ("compare", "--stack", "0", "PHASES", "PHASES"),
    ],
)
def test_what_is_no_set_is_refused_in_one_line_that_lists_them(
    phases: tuple[Path, np.ndarray], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert cli.main([str(phases[0]) if argument == "PHASES" else argument for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.endswith("3: temporal position 3. [--stack]\n")
    assert "told apart by temporal position (1, 2, 3): 1: temporal position 1; 2: temporal position 2; " in said


def test_stack_of_what_is_no_series_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sitk = pytest.importorskip("SimpleITK")
    place = str(tmp_path / "image.nrrd")
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 3, 4), np.int16)), place)
    assert cli.main(["compare", place, place, "--stack", "1"]) == 2
    assert "neither of the two is one" in capsys.readouterr().err
    assert cli.main(["compare", place, place, "--stack", "1", "--stack", "2", "--stack", "3"]) == 2
    assert "--stack is given 3 times" in capsys.readouterr().err


def test_an_option_is_named_only_where_the_command_has_it(
    phases: tuple[Path, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = vm.write_stack(tmp_path / "other", vm.pixels_of(3), vm.axial(3), SeriesInstanceUID="1.2.5.2", **MR)
    both = [str(phases[0]), str(other[0].parent)]
    assert cli.main(["pixels", *both, "--stack", "1"]) == 2
    assert capsys.readouterr().err.endswith(" [--series]\n")
    assert cli.main(["pixels", *both, "--stack", "1", "--series", "1.2.5.1"]) == 0
    capsys.readouterr()
    assert cli.main(["compare", str(tmp_path), both[0]]) == 2
    assert capsys.readouterr().err.endswith(" images).\n")
