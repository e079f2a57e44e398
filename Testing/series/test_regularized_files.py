"""Regularized series as volume files: SimpleITK finds every value in its place, Slicer every slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.series.regularize.regularize import regularize
from DicomRegInspectorLib.volumes.regularized_files import write_regularized
from stack_loading import load_to_regularize
from stack_making import along_table, tilted, write_stack

sitk = pytest.importorskip("SimpleITK", reason="volume files are written with SimpleITK")

HEIGHTS = np.concatenate([np.arange(0, 20, 2.0), [23.5], 40 + np.arange(0, 15, 3.0)])
FLIP = np.array([-1.0, -1.0, 1.0])


def test_volume_files_are_read_back_by_simpleitk(tmp_path: Path) -> None:
    volume = load_to_regularize(write_stack(tmp_path / "source", along_table(HEIGHTS), tilted(12)))[0]
    result = regularize(volume, "resample", spacing_mm=1.5)
    for name in ("a.nrrd", "a.nii.gz", "a.nii", "a.mha"):
        assert write_regularized(result, tmp_path / name) == [tmp_path / name]
        image = sitk.ReadImage(str(tmp_path / name))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), result.array)
        matrix = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
        np.testing.assert_allclose(matrix, result.affine_lps[:3, :3], atol=1e-5)
        np.testing.assert_allclose(image.GetOrigin(), result.affine_lps[:3, 3], atol=1e-4)
        with pytest.raises(UsageError, match="already exists"):
            write_regularized(result, tmp_path / name)


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_sections_keep_their_tilt_in_formats_that_hold_it(tmp_path: Path, ending: str) -> None:
    volume = load_to_regularize(write_stack(tmp_path / "source", along_table(HEIGHTS), tilted(12)))[0]
    result = regularize(volume, "split")
    written = write_regularized(result, tmp_path / f"part.{ending}")
    assert [path.name for path in written] == [f"part-section-{n + 1}.{ending}" for n in range(len(result.volumes))]
    for path, one in zip(written, result.volumes, strict=True):
        image = sitk.ReadImage(str(path))
        matrix = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
        np.testing.assert_allclose(matrix, one.affine_lps[:3, :3], atol=1e-9)


@pytest.mark.parametrize("mode", ["acquisition", "split"])
def test_where_a_format_cannot_place_slices_the_transform_is_beside_it(tmp_path: Path, mode: str) -> None:
    slicer = pytest.importorskip("slicer", reason="the transform is for Slicer; needs slicer-core or Slicer")
    vtk = pytest.importorskip("vtk")
    volume = load_to_regularize(write_stack(tmp_path / "source", along_table(HEIGHTS), tilted(12)))[0]
    result = regularize(volume, mode)
    stem = "head" if mode == "acquisition" else "head-section-1"
    written = {path.name: path for path in write_regularized(result, tmp_path / "head.nii.gz")}
    place, beside = written[f"{stem}.nii.gz"], written[f"{stem}-acquisition-transform.h5"]
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    storage = slicer.vtkMRMLTransformStorageNode()
    storage.SetFileName(str(beside))
    assert storage.ReadData(node)
    to_world = vtk.vtkGeneralTransform()
    node.GetTransformToWorld(to_world)
    image = sitk.ReadImage(str(place))
    for k, corner in enumerate(result.volumes[0].slice_corners_lps_mm):
        lattice = np.array(image.TransformIndexToPhysicalPoint((0, 0, k)))
        moved = np.array(to_world.TransformPoint(lattice * FLIP)) * FLIP
        np.testing.assert_allclose(moved, corner, atol=1e-3)
