"""The writer of deformable registrations: valid, complete, and read back the same by pydicom."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_objects import (
    ORIGIN,
    REGISTERED,
    SHIFT,
    SOURCE,
    SPACING,
    TURN,
    node_points,
    rigid,
    write_linear,
    write_slice,
)
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.registration.file.write import StreamedVectors, write_deformable_registration

PRE, POST = rigid(7.0, (3.0, -4.0, 2.0)), rigid(-11.0, (-6.0, 1.0, 5.0))


def test_every_element_says_what_was_asked_for(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(write_linear(tmp_path / "r.dcm", PRE, POST, series_description="Lungenflügel"))
    assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.66.3"
    assert dataset.SeriesDescription == "Lungenflügel"
    assert dataset.FrameOfReferenceUID == REGISTERED
    (item,) = dataset.DeformableRegistrationSequence
    assert item.SourceFrameOfReferenceUID == SOURCE
    for sequence, matrix in (
        (item.PreDeformationMatrixRegistrationSequence, PRE),
        (item.PostDeformationMatrixRegistrationSequence, POST),
    ):
        np.testing.assert_allclose(np.reshape(sequence[0].FrameOfReferenceTransformationMatrix, (4, 4)), matrix)
    (grid,) = item.DeformableRegistrationGridSequence
    np.testing.assert_allclose(grid.ImagePositionPatient, ORIGIN)
    np.testing.assert_allclose(grid.ImageOrientationPatient, [*TURN[:, 0], *TURN[:, 1]])
    assert list(grid.GridDimensions) == [9, 8, 7]
    assert list(grid.GridResolution) == list(SPACING)
    vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(7, 8, 9, 3)
    from dicom_objects import LINEAR

    np.testing.assert_allclose(vectors, node_points() @ LINEAR.T + SHIFT, atol=1e-6)


def test_patient_and_study_come_from_the_images(tmp_path: Path) -> None:
    image = pydicom.dcmread(write_slice(tmp_path / "s.dcm", 1.0, "1.2.3"))
    dataset = pydicom.dcmread(write_linear(tmp_path / "r.dcm", registered_images=[image]))
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID"):
        assert dataset[keyword].value == image[keyword].value
    assert dataset.SeriesInstanceUID != image.SeriesInstanceUID
    (series,) = dataset.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == "1.2.3"
    assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID


def test_images_of_both_frames_are_referenced(tmp_path: Path) -> None:
    registered = pydicom.dcmread(write_slice(tmp_path / "s.dcm", 1.0, "1.2.3"))
    source = pydicom.dcmread(write_slice(tmp_path / "t.dcm", 1.0, "1.2.4"))
    path = write_linear(tmp_path / "r.dcm", registered_images=[registered], source_images=[source])
    dataset = pydicom.dcmread(path)
    series = {
        one.SeriesInstanceUID: one.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
        for one in dataset.ReferencedSeriesSequence
    }
    assert series == {"1.2.3": registered.SOPInstanceUID, "1.2.4": source.SOPInstanceUID}
    (item,) = dataset.DeformableRegistrationSequence
    assert [one.ReferencedSOPInstanceUID for one in item.ReferencedImageSequence] == [source.SOPInstanceUID]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize("matrices", [(None, None), (PRE, None), (None, POST), (PRE, POST)])
@pytest.mark.parametrize("with_image", [False, True])
def test_dciodvfy_finds_no_error(tmp_path: Path, matrices: tuple, with_image: bool) -> None:
    images = [pydicom.dcmread(write_slice(tmp_path / "s.dcm", 1.0, "1.2.3"))] if with_image else []
    path = write_linear(tmp_path / "r.dcm", *matrices, registered_images=images)
    said = subprocess.run(["dciodvfy", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    assert "DeformableSpatialRegistration" in said
    assert "Error" not in said


@pytest.mark.parametrize(
    "values",
    [
        {"vectors": np.zeros((4, 3))},
        {"vectors": np.zeros((0, 1, 1, 3))},
        {"directions": np.ones((3, 3))},
        {"directions": np.diag([1.0, 1.0, -1.0])},
        {"spacing": [1.0, 0.0, 1.0]},
        {"spacing": [1.0, float("nan"), 1.0]},
        {"matrix_type": "SHEAR"},
    ],
)
def test_a_grid_that_means_nothing_is_refused(tmp_path: Path, values: dict) -> None:
    with pytest.raises(UsageError):
        write_linear(tmp_path / "r.dcm", **values)
    assert list(tmp_path.iterdir()) == []


def test_no_half_file_is_left(tmp_path: Path) -> None:
    """A disk that is full in the middle of the vectors."""

    def half():
        yield np.zeros((4, 3), np.float32)
        raise OSError(28, "No space left on device")

    with pytest.raises(UsageError, match="No space left on device"):
        write_deformable_registration(
            tmp_path / "r.dcm", vectors=StreamedVectors((2, 2, 2), half()), origin=[0, 0, 0], directions=np.eye(3),
            spacing=[1, 1, 1], registered_frame_uid=REGISTERED, source_frame_uid=SOURCE,
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
