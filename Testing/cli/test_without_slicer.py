"""What a plain installation does: exports need neither Slicer nor SimpleITK, volume files need SimpleITK alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dicom_objects import expected, inner_points, rigid, write_linear
from DicomRegInspectorLib.series.regularize.regularize import regularize

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "series"))

from stack_loading import load_to_regularize
from stack_making import along_table, tilted, write_stack

PRE, POST = rigid(7.0, (3.0, -4.0, 2.0)), rigid(-11.0, (-6.0, 1.0, 5.0))
SLICER = ("slicer", "slicer_core", "vtk", "vtkmodules", "qt", "ctk", "PySide6", "scipy", "highdicom")
PROGRAM = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from DicomRegInspectorLib.cli import main
sys.exit(main(sys.argv[1:]))
"""


def run_without(blocked: tuple[str, ...], *arguments: object) -> subprocess.CompletedProcess[str]:
    import DicomRegInspectorLib

    home = str(Path(DicomRegInspectorLib.__file__).resolve().parent.parent)
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(blocked=blocked), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": home},
    )


@pytest.mark.parametrize("suffix", ["h5", "tfm", "nrrd", "mha", "nii.gz", "nii"])
def test_registrations_are_exported_with_numpy_and_pydicom_alone(tmp_path: Path, suffix: str) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="the files are read back with SimpleITK")
    output = tmp_path / f"out.{suffix}"
    registration = write_linear(tmp_path / "r.dcm", PRE, POST)
    done = run_without((*SLICER, "SimpleITK"), "load", registration, "--output", output)
    assert (done.returncode, done.stderr) == (0, "")
    if suffix in ("h5", "tfm"):
        transform = sitk.ReadTransform(str(output))
    else:
        transform = sitk.DisplacementFieldTransform(sitk.ReadImage(str(output), sitk.sitkVectorFloat64))
    points = inner_points(20)
    mapped = np.array([transform.TransformPoint(point) for point in points.tolist()])
    np.testing.assert_allclose(mapped, expected(points, PRE, POST), atol=1e-3)


@pytest.mark.parametrize("suffix", ["nrrd", "nii.gz", "mha"])
def test_volumes_are_regularized_with_simpleitk_alone(tmp_path: Path, suffix: str) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="volume files are written with SimpleITK")
    heights = np.concatenate([np.arange(0, 20, 2.0), 40 + np.arange(0, 15, 3.0)])
    series, output = write_stack(tmp_path / "series", along_table(heights), tilted(15)), tmp_path / f"head.{suffix}"
    done = run_without(SLICER, "regularize", series, "--mode", "acquisition", "--output", output)
    assert (done.returncode, done.stderr) == (0, "")
    result = regularize(load_to_regularize(series)[0], "acquisition")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(output))), result.array)
    assert (tmp_path / "head-acquisition-transform.h5").stat().st_size > 1000


def test_what_is_missing_is_named_before_the_work(tmp_path: Path) -> None:
    series = write_stack(tmp_path / "series", along_table(2.0 * np.arange(6)))
    arguments = ("regularize", series, "--mode", "crop", "--output")
    done = run_without((*SLICER, "SimpleITK"), *arguments, tmp_path / "head.nrrd")
    assert done.returncode == 2 and "pip install SimpleITK" in done.stderr
    for command in (arguments, ("load", write_linear(tmp_path / "r.dcm"), "--output")):
        done = run_without(SLICER, *command, tmp_path / "scene.mrb")
        assert done.returncode == 2 and "dicom-reg-inspector[headless]" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.dcm", "series"]
