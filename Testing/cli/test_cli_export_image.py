"""The command export-image: what it writes, says and refuses."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.cli import main

sitk = pytest.importorskip("SimpleITK")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A float volume on a grid of 1.5 x 1.5 x 3 mm."""
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(0, 300, (3, 4, 5)).astype(np.float32))
    image.SetSpacing((1.5, 1.5, 3.0))
    sitk.WriteImage(image, str(tmp_path / "v.nii.gz"))
    return tmp_path / "v.nii.gz"


def run(*arguments: object) -> int:
    return main(["export-image", *map(str, arguments)])


def test_a_volume_is_written_compared_and_told_of(volume: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = volume.parent / "out"
    assert run(volume, "--kind", "ct", "--output", out, "--description", "Made of a file") == 0
    said = capsys.readouterr().out
    assert "3 files, CT Image Storage" in said and "The same physical image" in said and "steps of" in said
    assert pydicom.dcmread(out / "00002.dcm").SeriesDescription == "Made of a file"
    assert main(["compare", str(volume), str(out)]) == 0
    assert run(volume, "--kind", "ct", "--output", out) == 2
    assert "already exists" in capsys.readouterr().err
    assert run(volume, "--parametric-map", "--output", out, "--overwrite", "--json", "-") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == ["00001.dcm"] and told["comparison"]["explained_by"] == "identical"
    assert told["step"] == 0 and told["written"] == str(out)
    assert [path.name for path in out.iterdir()] == ["00001.dcm"]
    assert sorted(path.name for path in volume.parent.iterdir()) == ["out", "v.nii.gz"]


def test_refusals_are_one_line_and_name_the_option(volume: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = volume.parent / "out"
    assert run(volume, "--kind", "mr", "--output", out) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Sequence Variant (0018,0021)" in said and "--set" in said and "--kind" in said
    assert run(volume, "--kind", "mr", "--set", "Sequence", "--output", out) == 2
    assert "KEYWORD=VALUE" in capsys.readouterr().err
    assert run(volume.parent / "nothing.nii", "--output", out) == 2
    assert "no such file" in capsys.readouterr().err
    sitk.WriteImage(sitk.Image([4, 4, 4, 2], sitk.sitkFloat32), str(volume.parent / "time.nii"))
    assert run(volume.parent / "time.nii", "--output", out) == 2
    assert "4 axes" in capsys.readouterr().err
    sitk.WriteImage(sitk.Image([4, 4], sitk.sitkUInt8), str(volume.parent / "flat.png"))
    assert run(volume.parent / "flat.png", "--output", out) == 2
    assert "2 axes" in capsys.readouterr().err
    assert not out.exists()


def test_elements_can_be_stated(volume: Path) -> None:
    out = volume.parent / "out"
    stated = ["--set", "ScanningSequence=SE\\EP", "--set", "SequenceVariant=SK"]
    assert run(volume, "--kind", "mr", *stated, "--output", out) == 0
    assert list(pydicom.dcmread(out / "00001.dcm").ScanningSequence) == ["SE", "EP"]


def test_a_sheared_nifti_file_is_refused_for_its_axes(volume: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = volume.parent / "v.nii"
    sitk.WriteImage(sitk.ReadImage(str(volume)), str(plain))
    header = bytearray(plain.read_bytes())
    struct.pack_into("<hh", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, 1, 0.3, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0)
    plain.write_bytes(header)
    assert run(plain, "--output", volume.parent / "out") == 2
    assert "right angles" in capsys.readouterr().err
    assert not (volume.parent / "out").exists()
