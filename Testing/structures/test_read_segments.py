"""Segmentations and label volumes as structures: each voxel where it belongs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.errors import FileError
from DicomRegInspectorLib.registration.nodes import Nodes
from DicomRegInspectorLib.structures import read_structures
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from structfiles import axes_matrix, centres, turned

AXES = turned(0.3, -0.2, 0.1)
MATRIX = axes_matrix(AXES, (0.9, 1.1, 2.5), (-20, 5, 30))
SIZE = (24, 20, 12)


def labels() -> np.ndarray:
    """Two balls of voxels, (nk, nj, ni)."""
    k, j, i = np.meshgrid(*(np.arange(size) for size in reversed(SIZE)), indexing="ij")
    found = np.zeros(SIZE[::-1], np.uint8)
    found[(i - 7) ** 2 + (j - 9) ** 2 + (3 * (k - 5)) ** 2 < 40] = 1
    found[(i - 17) ** 2 + (j - 11) ** 2 + (2 * (k - 7)) ** 2 < 30] = 2
    return found


def source_images() -> list[Dataset]:
    """CT images on the lattice, as far as highdicom wants them."""
    images = []
    for k in range(SIZE[2]):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID, image.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"1.2.3.{k + 1}"
        image.PatientName = image.PatientID = image.PatientBirthDate = image.PatientSex = ""
        image.StudyID = image.StudyDate = image.StudyTime = image.AccessionNumber = image.ReferringPhysicianName = ""
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = "1.2.4", "1.2.5", "1.2.6"
        image.Rows, image.Columns, image.InstanceNumber, image.Modality = SIZE[1], SIZE[0], k + 1, "CT"
        image.ImagePositionPatient = (MATRIX[:3, 3] + k * MATRIX[:3, 2]).tolist()
        image.ImageOrientationPatient = AXES[:, :2].T.ravel().tolist()
        image.PixelSpacing, image.SliceThickness = [1.1, 0.9], 2.5
        images.append(image)
    return images


def write_segmentation(path: Path, kind: str, **more: Any) -> Path:
    """A Segmentation of :func:`labels`, made with highdicom."""
    hd = pytest.importorskip("highdicom")
    from pydicom.sr.codedict import codes

    descriptions = [
        hd.seg.SegmentDescription(number, name, codes.SCT.Organ, codes.SCT.Liver, "MANUAL")
        for number, name in ((1, "liver"), (2, "spleen"))
    ]
    pixels = labels() if kind != "FRACTIONAL" else np.stack([labels() == 1, labels() == 2], axis=-1) * 0.7
    made = hd.seg.Segmentation(
        source_images(), pixels, kind, descriptions, "1.2.7", 1, "1.2.8", 1, "made", "made", "1", "1", **more
    )
    made.save_as(path)
    return path


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
@pytest.mark.parametrize("omit", [True, False])
def test_segments_are_structures_with_the_voxels_that_were_written(tmp_path: Path, kind: str, omit: bool) -> None:
    found = read_structures(write_segmentation(tmp_path / "seg.dcm", kind, omit_empty_frames=omit))
    assert [(structure.number, structure.name) for structure in found.structures] == [(1, "liver"), (2, "spleen")]
    assert found.frame_uid == "1.2.6" and {reference.series_uid for reference in found.references} == {"1.2.5"}
    for structure in found.structures:
        assert np.array_equal(structure.mask(Nodes(MATRIX, SIZE, "")), labels() == structure.number)


def test_frames_that_lie_on_no_lattice_are_refused(tmp_path: Path) -> None:
    path = write_segmentation(tmp_path / "seg.dcm", "BINARY")
    dataset = pydicom.dcmread(path)
    for number in (2, 5):
        position = dataset.PerFrameFunctionalGroupsSequence[number].PlanePositionSequence[0]
        position.ImagePositionPatient = [value + 0.7 for value in position.ImagePositionPatient]
    dataset.save_as(path)
    with pytest.raises(FileError, match="lie on no lattice"):
        read_structures(path)


def test_a_segmentation_without_places_is_refused(tmp_path: Path) -> None:
    path = write_segmentation(tmp_path / "seg.dcm", "BINARY")
    dataset = pydicom.dcmread(path)
    for groups in dataset.PerFrameFunctionalGroupsSequence:
        del groups.PlanePositionSequence
    dataset.save_as(path)
    with pytest.raises(FileError, match=r"without Image Position \(Patient\) \(0020,0032\)"):
        read_structures(path)


def test_labels_of_a_volume_are_structures_on_any_grid(tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.GetImageFromArray(labels())
    image.SetSpacing((0.9, 1.1, 2.5))
    image.SetOrigin((-20.0, 5.0, 30.0))
    image.SetDirection(AXES.ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / "labels.nrrd"))
    found = read_structures(tmp_path / "labels.nrrd")
    assert [structure.number for structure in found.structures] == [1, 2]
    for structure in found.structures:
        own = labels() == structure.number
        assert structure.volume_mm3 == pytest.approx(own.sum() * 0.9 * 1.1 * 2.5)
        assert np.array_equal(structure.mask(Nodes(MATRIX, SIZE, "")), own)
    matrix = axes_matrix(np.eye(3), (1, 1, 1), (-30, -10, 10))
    index = (centres(matrix, (50, 50, 60)) - MATRIX[:3, 3]) @ np.linalg.inv(MATRIX[:3, :3]).T
    near = np.floor(index + 0.5).astype(int)
    there = ((near >= 0) & (near < SIZE)).all(axis=-1)
    expected = np.zeros(there.shape, bool)
    expected[there] = labels()[near[there][:, 2], near[there][:, 1], near[there][:, 0]] == 2
    assert expected.sum() > 500
    assert np.array_equal(found.structures[1].mask(Nodes(matrix, (50, 50, 60), "")), expected)
