"""3D Slicer's own segmentation files, as Slicer writes them: names, colours, layers that overlap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.errors import FileError
from DicomRegInspectorLib.structures import read_structures

slicer = pytest.importorskip("slicer", reason="Slicer's writer is in slicer-core or Slicer")
sitk = pytest.importorskip("SimpleITK", reason="SimpleITK reads NRRD")

import vtk  # noqa: E402
from vtkmodules.util.numpy_support import numpy_to_vtk  # noqa: E402

SPACING_MM = 2.0
BOXES = {"Liver": (slice(5, 13), slice(8, 20), slice(8, 20)), "Kidney": (slice(12, 20), slice(8, 20), slice(8, 23))}
"""Along k, j and i; they overlap in a slice."""
COLOURS = {"Liver": (1.0, 0.0, 0.0), "Kidney": (0.0, 0.4, 1.0)}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """What Slicer writes of two segments, the first row of voxels at LPS (-30, -30, -30) mm."""
    scene: Any = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "organs")
    matrix = vtk.vtkMatrix4x4()
    for axis, sign in enumerate((-1, -1, 1)):
        matrix.SetElement(axis, axis, sign * SPACING_MM)
        matrix.SetElement(axis, 3, sign * -30.0)
    for name, box in BOXES.items():
        array = np.zeros((30, 30, 30), np.uint8)
        array[box] = 1
        image = slicer.vtkOrientedImageData()
        image.SetDimensions(30, 30, 30)
        image.GetPointData().SetScalars(numpy_to_vtk(array.ravel(), deep=1))
        image.SetGeometryFromImageToWorldMatrix(matrix)
        node.AddSegmentFromBinaryLabelmapRepresentation(image, name, COLOURS[name])
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(tmp_path / "organs.seg.nrrd"))
    assert storage.WriteData(node)
    return tmp_path / "organs.seg.nrrd"


def test_segments_are_where_they_were_drawn(written: Path) -> None:
    found = read_structures(written)
    assert [structure.name for structure in found.structures] == list(BOXES)
    assert [structure.colour for structure in found.structures] == [(255, 0, 0), (0, 102, 255)]
    assert [structure.number for structure in found.structures] == [1, 2]
    for structure, box in zip(found.structures, BOXES.values(), strict=True):
        assert structure.volume_mm3 == pytest.approx(np.prod([part.stop - part.start for part in box]) * SPACING_MM**3)
        assert structure.voxels is not None
        low, high = structure.voxels.box()
        for axis, part in enumerate(reversed(box)):
            ends = -30 + SPACING_MM * (np.array([part.start, part.stop]) - 0.5)
            np.testing.assert_allclose([low[axis], high[axis]], ends)


def test_a_layer_that_is_not_there_is_told(written: Path, tmp_path: Path) -> None:
    image = sitk.ReadImage(str(written))
    image.SetMetaData("Segment1_Layer", "7")
    sitk.WriteImage(image, str(tmp_path / "wrong.seg.nrrd"))
    with pytest.raises(FileError, match="Segment1_Layer is 7; the file has layers 0 to 1"):
        read_structures(tmp_path / "wrong.seg.nrrd")


def test_a_label_that_is_no_number_is_told(written: Path, tmp_path: Path) -> None:
    image = sitk.ReadImage(str(written))
    image.SetMetaData("Segment0_LabelValue", "one")
    sitk.WriteImage(image, str(tmp_path / "wrong.seg.nrrd"))
    with pytest.raises(FileError, match="Segment0_LabelValue is “one”; expected a whole number"):
        read_structures(tmp_path / "wrong.seg.nrrd")
