"""Write a Deformable Spatial Registration object (PS3.3 A.39.2, C.20.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...dicom import tags
from ...errors import UsageError
from ...output_file import replace_file

if TYPE_CHECKING:
    from pydicom import Dataset

_STUDY_LEVEL = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""What an object of a study has in common with the study's images (PS3.3 C.7.1.1, C.7.2.1)."""

_MATRIX_TYPES = ("RIGID", "RIGID_SCALE", "AFFINE")


@dataclass(frozen=True)
class NewIdentity:
    """What a new object is called; given only where it has to come out the same each time."""

    sop_instance_uid: str = field(default_factory=lambda: _new_uid())
    series_instance_uid: str = field(default_factory=lambda: _new_uid())
    series_number: int = 1
    written: datetime = field(default_factory=datetime.now)


def write_deformable_registration(
    path: str | PathLike[str],
    *,
    vectors: np.ndarray,
    origin: Sequence[float],
    directions: np.ndarray,
    spacing: Sequence[float],
    registered_frame_uid: str,
    source_frame_uid: str,
    pre: np.ndarray | None = None,
    post: np.ndarray | None = None,
    matrix_type: str = "RIGID",
    series_description: str = "",
    content_label: str = "REGISTRATION",
    content_description: str = "",
    registered_images: Sequence[Dataset] = (),
    source_images: Sequence[Dataset] = (),
    identity: NewIdentity | None = None,
) -> str:
    """Write one deformable registration item to a new DICOM file, explicit VR little endian.

    Raises UsageError when the grid means nothing, or the file cannot be written; nothing is left of it then.

    Parameters
    ----------
    vectors
        (nz, ny, nx, 3) mm along the LPS axes of the Registered RCS; NaN where undefined. Stored as float32.
    origin, directions, spacing
        (3,) LPS mm of node (0, 0, 0); (3, 3) with row, column and row x column as columns; (3,) mm along those.
    registered_frame_uid, source_frame_uid
        Frame of Reference UIDs of the images that points come from, and of those they are looked up in.
    pre, post
        (4, 4) LPS matrices of Equation C.20.3-1; None leaves it out, which means the identity.
    matrix_type : ``RIGID``, ``RIGID_SCALE`` or ``AFFINE``, for both matrices
    registered_images
        pydicom data sets of images of the registered frame: the first gives patient and study, and all are referenced.
    source_images
        Those of the source frame, of the same study; where there are none the item refers to the registered images.
    identity : UIDs, number and time of the new object; None makes new ones

    Returns the new SOP Instance UID.
    """
    grid, axes = _checked(vectors, directions, spacing, matrix_type)
    dataset = _new_object(registered_images, identity or NewIdentity())
    dataset.SeriesDescription, dataset.ContentLabel = series_description, content_label
    dataset.ContentDescription = content_description
    dataset.FrameOfReferenceUID = registered_frame_uid
    item = _dataset(
        SourceFrameOfReferenceUID=source_frame_uid,
        DeformableRegistrationGridSequence=[_grid_item(grid, origin, axes, spacing)],
        RegistrationTypeCodeSequence=[],
        **_matrix_sequences(pre, post, matrix_type),
    )
    dataset.DeformableRegistrationSequence = [item]
    _refer_to(dataset, item, registered_images, source_images)
    _save(dataset, Path(path))
    return str(dataset.SOPInstanceUID)


def _checked(
    vectors: np.ndarray, directions: np.ndarray, distances: Sequence[float], matrix_type: str
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors and directions as they are stored."""
    grid, axes, spacing = np.ascontiguousarray(vectors, "<f4"), np.asarray(directions, float), np.asarray(distances)
    if grid.ndim != 4 or grid.shape[3] != 3 or not grid.size:
        raise UsageError(f"vectors must have shape (nz, ny, nx, 3), got {grid.shape}")
    if axes.shape != (3, 3) or not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4) or np.linalg.det(axes) < 0:
        raise UsageError(
            "directions must be three perpendicular unit columns, the third the cross product of the others"
        )
    if spacing.shape != (3,) or not (spacing > 0).all():
        raise UsageError(f"spacing must be three positive numbers, got {spacing.tolist()}")
    if grid.nbytes > 0xFFFFFFFE:
        raise UsageError(f"{grid.nbytes} bytes of vectors do not fit a DICOM element, which holds 4294967294 at most")
    if matrix_type not in _MATRIX_TYPES:
        raise UsageError(f"matrix type {matrix_type!r} is none of {', '.join(_MATRIX_TYPES)}")
    return grid, axes


def _dataset(**values: Any) -> Dataset:
    from pydicom import Dataset

    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _new_uid() -> str:
    from pydicom.uid import generate_uid

    return str(generate_uid(prefix=None))


def _new_object(images: Sequence[Dataset], identity: NewIdentity) -> Dataset:
    """Patient, study, series, equipment and SOP common modules; type 2 attributes that nobody knows stay empty."""
    from ... import __version__

    date, time = identity.written.strftime("%Y%m%d"), identity.written.strftime("%H%M%S")
    dataset = _dataset(**(dict.fromkeys(_STUDY_LEVEL, "") | {"StudyInstanceUID": _new_uid()}))
    for keyword in _STUDY_LEVEL if images else ():
        if keyword in images[0]:
            # As text: a name keeps the bytes of its own character set otherwise.
            setattr(dataset, keyword, str(images[0][keyword].value))
    dataset.update(
        _dataset(
            SpecificCharacterSet="ISO_IR 192",
            SOPClassUID=tags.DEFORMABLE_REGISTRATION,
            SOPInstanceUID=identity.sop_instance_uid,
            SeriesInstanceUID=identity.series_instance_uid,
            Modality="REG",
            SeriesNumber=identity.series_number,
            Laterality="",
            InstanceNumber=1,
            SeriesDate=date,
            SeriesTime=time,
            ContentDate=date,
            ContentTime=time,
            ContentCreatorName="",
            PositionReferenceIndicator="",
            Manufacturer="DicomRegInspector",
            ManufacturerModelName="DicomRegInspector",
            DeviceSerialNumber="none",
            SoftwareVersions=__version__,
        )
    )
    return dataset


def _grid_item(grid: np.ndarray, origin: Sequence[float], axes: np.ndarray, spacing: Sequence[float]) -> Dataset:
    from pydicom.valuerep import DSfloat

    def decimal(value: float) -> DSfloat:
        return DSfloat(float(value), auto_format=True)

    return _dataset(
        ImagePositionPatient=[decimal(value) for value in origin],
        ImageOrientationPatient=[decimal(value) for value in axes[:, :2].T.ravel()],
        GridDimensions=[grid.shape[2], grid.shape[1], grid.shape[0]],
        GridResolution=[float(value) for value in spacing],
        VectorGridData=grid.tobytes(),
    )


def _matrix_sequences(pre: np.ndarray | None, post: np.ndarray | None, matrix_type: str) -> dict[str, list[Dataset]]:
    """Type 1C: each is there with one item, or not at all."""
    named = {"PreDeformationMatrixRegistrationSequence": pre, "PostDeformationMatrixRegistrationSequence": post}
    return {name: [_matrix_item(matrix, matrix_type)] for name, matrix in named.items() if matrix is not None}


def _matrix_item(matrix: np.ndarray, matrix_type: str) -> Dataset:
    from pydicom.valuerep import DSfloat

    return _dataset(
        FrameOfReferenceTransformationMatrixType=matrix_type,
        FrameOfReferenceTransformationMatrix=[
            DSfloat(float(value), auto_format=True) for value in np.asarray(matrix, float).reshape(16)
        ],
    )


def _refer_to(
    dataset: Dataset, item: Dataset, registered_images: Sequence[Dataset], source_images: Sequence[Dataset]
) -> None:
    registered = source_images or registered_images
    if registered:
        item.ReferencedImageSequence = [_reference(image) for image in registered]
        dataset.ReferencedSeriesSequence = _series_references([*registered_images, *source_images])


def _reference(image: Dataset) -> Dataset:
    return _dataset(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)


def _series_references(images: Sequence[Dataset]) -> list[Dataset]:
    """Referenced Series Sequence (0008,1115) of the Common Instance Reference module (PS3.3 C.12.2)."""
    by_series: dict[str, list[Dataset]] = {}
    for image in images:
        by_series.setdefault(str(image.SeriesInstanceUID), []).append(_reference(image))
    return [_dataset(SeriesInstanceUID=uid, ReferencedInstanceSequence=rows) for uid, rows in by_series.items()]


def _save(dataset: Dataset, path: Path) -> None:
    from pydicom import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    replace_file(path, lambda unfinished: dataset.save_as(unfinished, enforce_file_format=True))
