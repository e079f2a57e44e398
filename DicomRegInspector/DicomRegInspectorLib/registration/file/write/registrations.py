"""Write registration objects: Deformable Spatial Registration and Spatial Registration (PS3.3 A.39, C.20)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ....dicom import tags
from ....errors import UsageError
from .dicom_object import (
    MATRIX_TYPES,
    NewIdentity,
    ReferencedImages,
    dataset_of,
    decimals_of,
    images_of,
    matrix_item,
    new_object,
    place_in_frame,
    reference_item,
)
from .stream import save, save_with_vectors

if TYPE_CHECKING:
    from pydicom import Dataset

IDENTITY_CODE = ("125021", "DCM", "Frame of Reference Identity")
"""Of CID 7100: the registered frame's own item is right by definition."""
LONG_STRING = 64
"""Characters of an LO element."""


@dataclass(frozen=True)
class StreamedVectors:
    """Vectors that come in pieces, and are not held."""

    dimensions: tuple[int, int, int]
    """(nx, ny, nz)."""
    pieces: Iterable[np.ndarray]
    """Float32 of any shape, x fastest."""

    @property
    def count(self) -> int:
        """Number of vectors."""
        nx, ny, nz = self.dimensions
        return nx * ny * nz


def write_deformable_registration(
    path: str | PathLike[str],
    *,
    vectors: np.ndarray | StreamedVectors,
    origin: Sequence[float],
    directions: np.ndarray,
    spacing: Sequence[float],
    registered_frame_uid: str,
    source_frame_uid: str,
    pre: np.ndarray | None = None,
    post: np.ndarray | None = None,
    matrix_type: str | None = "RIGID",
    series_description: str = "",
    content_label: str = "REGISTRATION",
    content_description: str = "",
    comment: str = "",
    registered_images: Sequence[Dataset] | ReferencedImages = (),
    source_images: Sequence[Dataset] | ReferencedImages = (),
    identity: NewIdentity | None = None,
) -> str:
    """Write one deformable registration item to a new DICOM file, explicit VR little endian.

    Returns the new SOP Instance UID. Raises UsageError when the grid means nothing, or the file cannot be written;
    nothing is left of it then.

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
    matrix_type : ``RIGID``, ``RIGID_SCALE`` or ``AFFINE``, for both matrices; None: each is told what it is
    registered_images, source_images
        Images of the two frames, as pydicom data sets or what is known of them: all are referenced, and the first give
        patient and study.
    identity : UIDs, number and time of the new object; None makes new ones
    """
    vectors = vectors if isinstance(vectors, StreamedVectors) else _streamed(vectors)
    axes = _checked(directions, spacing, matrix_type)
    registered, source = images_of(registered_images), images_of(source_images)
    dataset = new_object(tags.DEFORMABLE_REGISTRATION, "REG", registered, source, identity or NewIdentity())
    _describe(dataset, series_description, content_label, content_description)
    place_in_frame(dataset, registered_frame_uid, registered)
    item = dataset_of(
        SourceFrameOfReferenceUID=source_frame_uid,
        DeformableRegistrationGridSequence=[_grid_item(vectors, origin, axes, spacing)],
        RegistrationTypeCodeSequence=[],
        **_matrix_sequences(pre, post, matrix_type),
        **({"FrameOfReferenceTransformationComment": comment[:LONG_STRING]} if comment else {}),
    )
    # The item's own list is of what it moves; without it, General Reference (PS3.3 C.12.4) has the registered images.
    holder, images = (item, source) if source else (dataset, registered)
    _refer_to(holder, images)
    dataset.DeformableRegistrationSequence = [item]
    save_with_vectors(dataset, Path(path), vectors.pieces, vectors.count)
    return str(dataset.SOPInstanceUID)


def write_spatial_registration(
    path: str | PathLike[str],
    *,
    matrix: np.ndarray,
    registered_frame_uid: str,
    source_frame_uid: str,
    series_description: str = "",
    content_label: str = "REGISTRATION",
    content_description: str = "",
    comment: str = "",
    registered_images: Sequence[Dataset] | ReferencedImages = (),
    source_images: Sequence[Dataset] | ReferencedImages = (),
    identity: NewIdentity | None = None,
) -> str:
    """Write a Spatial Registration (PS3.3 A.39.1, C.20.2): the registered frame's identity, and the source's matrix.

    Each item refers to its images where they are known, which tells them apart where both share one frame.
    Raises UsageError when the file cannot be written; nothing is left of it then.

    Parameters
    ----------
    matrix
        (4, 4) LPS mm, from the source frame **into** the registered one (Equation C.20.2-1); its type is told as what
        it is.
    registered_frame_uid, source_frame_uid, registered_images, source_images, comment, identity
        As of :func:`write_deformable_registration`.

    Returns the new SOP Instance UID.
    """
    registered, source = images_of(registered_images), images_of(source_images)
    dataset = new_object(tags.SPATIAL_REGISTRATION, "REG", registered, source, identity or NewIdentity())
    _describe(dataset, series_description, content_label, content_description)
    place_in_frame(dataset, registered_frame_uid, registered)
    code = dict(zip(("CodeValue", "CodingSchemeDesignator", "CodeMeaning"), IDENTITY_CODE, strict=True))
    own = dataset_of(
        MatrixSequence=[matrix_item(np.eye(4), "RIGID")], RegistrationTypeCodeSequence=[dataset_of(**code)]
    )
    moved = dataset_of(MatrixSequence=[matrix_item(matrix, None)], RegistrationTypeCodeSequence=[])
    if comment:
        moved.FrameOfReferenceTransformationComment = comment[:LONG_STRING]
    dataset.RegistrationSequence = [
        _matrix_registration(registered_frame_uid, registered, own),
        _matrix_registration(source_frame_uid, source, moved),
    ]
    save(dataset, Path(path))
    return str(dataset.SOPInstanceUID)


def _matrix_registration(frame_uid: str, images: ReferencedImages, registration: Dataset) -> Dataset:
    item = dataset_of(FrameOfReferenceUID=frame_uid, MatrixRegistrationSequence=[registration])
    _refer_to(item, images)
    return item


def _refer_to(holder: Dataset, images: ReferencedImages) -> None:
    if images.references:
        holder.ReferencedImageSequence = [reference_item(reference) for reference in images.references]


def _describe(dataset: Dataset, series: str, label: str, content: str) -> None:
    dataset.SeriesDescription, dataset.ContentLabel = series[:LONG_STRING], label
    dataset.ContentDescription = content[:LONG_STRING]


def _streamed(vectors: np.ndarray) -> StreamedVectors:
    array = np.asarray(vectors)
    if array.ndim != 4 or array.shape[3] != 3 or not array.size:
        raise UsageError(f"vectors must have shape (nz, ny, nx, 3), got {array.shape}")
    nz, ny, nx, _ = array.shape
    return StreamedVectors((nx, ny, nz), array)


def _checked(directions: np.ndarray, distances: Sequence[float], matrix_type: str | None) -> np.ndarray:
    """Directions as they are stored."""
    axes, spacing = np.asarray(directions, float), np.asarray(distances)
    if axes.shape != (3, 3) or not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4) or np.linalg.det(axes) < 0:
        raise UsageError(
            "directions must be three perpendicular unit columns, the third the cross product of the others"
        )
    if spacing.shape != (3,) or not (spacing > 0).all():
        raise UsageError(f"spacing must be three positive numbers, got {spacing.tolist()}")
    if matrix_type is not None and matrix_type not in MATRIX_TYPES:
        raise UsageError(f"matrix type {matrix_type!r} is none of {', '.join(MATRIX_TYPES)}")
    return axes


def _grid_item(
    vectors: StreamedVectors, origin: Sequence[float], axes: np.ndarray, spacing: Sequence[float]
) -> Dataset:
    return dataset_of(
        ImagePositionPatient=decimals_of(origin),
        ImageOrientationPatient=decimals_of(axes[:, :2].T.ravel()),
        GridDimensions=list(vectors.dimensions),
        GridResolution=[float(value) for value in spacing],
    )


def _matrix_sequences(
    pre: np.ndarray | None, post: np.ndarray | None, matrix_type: str | None
) -> dict[str, list[Dataset]]:
    """Type 1C: each is there with one item, or not at all."""
    named = {"PreDeformationMatrixRegistrationSequence": pre, "PostDeformationMatrixRegistrationSequence": post}
    return {name: [matrix_item(matrix, matrix_type)] for name, matrix in named.items() if matrix is not None}
