"""Small DICOM objects for the tests of the command line and the report, and what they must map to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from DicomRegInspectorLib.registration.file.write import write_deformable_registration
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

REGISTERED, SOURCE = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2"
PATIENT = "Nemo^Secret"

LINEAR = np.array([[0.05, -0.02, 0.01], [0.03, -0.04, 0.02], [-0.01, 0.02, 0.03]])
"""D(x) = LINEAR x + SHIFT is linear, so that trilinear interpolation reproduces it everywhere."""
SHIFT = np.array([1.5, -2.5, 0.75])
ORIGIN = np.array([-20.0, 10.0, 30.0])
SPACING = np.array([4.0, 5.0, 6.0])
COUNT = np.array([9, 8, 7])
TURN = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])


def rigid(degrees: float, shift: tuple[float, float, float]) -> np.ndarray:
    """A turn about z and a translation."""
    angle = np.radians(degrees)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, 3] = shift
    return matrix


def node_points() -> np.ndarray:
    """(nz, ny, nx, 3) LPS mm of the grid's nodes."""
    k, j, i = np.meshgrid(*(np.arange(count) for count in COUNT[::-1]), indexing="ij")
    return ORIGIN + (np.stack([i, j, k], axis=-1) * SPACING) @ TURN.T


def inner_points(count: int, seed: int = 5) -> np.ndarray:
    """Points within the grid, LPS mm."""
    index = np.random.default_rng(seed).uniform(0.1, COUNT - 1.1, (count, 3))
    return ORIGIN + (index * SPACING) @ TURN.T


def write_linear(path: Path, pre: np.ndarray | None = None, post: np.ndarray | None = None, **values: object) -> Path:
    """A deformable registration on an oblique grid with a linear field."""
    settings = {
        "vectors": node_points() @ LINEAR.T + SHIFT,
        "origin": ORIGIN,
        "directions": TURN,
        "spacing": SPACING,
        "registered_frame_uid": REGISTERED,
        "source_frame_uid": SOURCE,
        "series_description": "Lung",
    }
    write_deformable_registration(path, pre=pre, post=post, **(settings | values))
    return path


def expected(points: np.ndarray, pre: np.ndarray | None = None, post: np.ndarray | None = None) -> np.ndarray:
    """PS3.3 Equation C.20.3-1 for that field, point by point."""
    pre, post = (np.eye(4) if matrix is None else matrix for matrix in (pre, post))
    rows = []
    for x in points:
        moved = pre[:3, :3] @ x + pre[:3, 3] + LINEAR @ x + SHIFT
        rows.append(post[:3, :3] @ moved + post[:3, 3])
    return np.array(rows)


def write_matrices(path: Path, matrices: dict[str, np.ndarray], registered: str = REGISTERED) -> Path:
    """A Spatial Registration object: a matrix into the registered frame for each frame."""
    dataset = new_object("1.2.840.10008.5.1.4.1.1.66.1", "REG", FrameOfReferenceUID=registered)
    dataset.RegistrationSequence = [
        data(
            FrameOfReferenceUID=frame,
            MatrixRegistrationSequence=[
                data(
                    MatrixSequence=[
                        data(
                            FrameOfReferenceTransformationMatrixType="RIGID",
                            FrameOfReferenceTransformationMatrix=[f"{value:.12g}" for value in matrix.ravel()],
                        )
                    ]
                )
            ],
        )
        for frame, matrix in matrices.items()
    ]
    return save(dataset, path)


def write_fiducials(path: Path, names: list[str], places: Sequence[Sequence[float]] = ()) -> Path:
    """A Spatial Fiducials object with one set; without places the points are only marked on images."""
    dataset = new_object("1.2.840.10008.5.1.4.1.1.66.2", "REG")
    points = [data(ShapeType="POINT", FiducialIdentifier=name) for name in names]
    for point, place in zip(points, places, strict=False):
        point.ContourData = list(place)
    dataset.FiducialSetSequence = [data(FrameOfReferenceUID=SOURCE, FiducialSequence=points)]
    return save(dataset, path)


def write_slice(path: Path, position: float, series: str, **values: object) -> Path:
    """An axial CT slice without pixels worth looking at."""
    dataset = new_object(
        "1.2.840.10008.5.1.4.1.1.2", "CT", SeriesInstanceUID=series, FrameOfReferenceUID=REGISTERED,
        Rows=4, Columns=4, PixelSpacing=["1.5", "1.5"], ImageOrientationPatient=["1", "0", "0", "0", "1", "0"],
        ImagePositionPatient=["-10", "-20", f"{position:g}"], SliceThickness="2", SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2", BitsAllocated=16, BitsStored=16, HighBit=15, PixelRepresentation=0,
        PixelData=bytes(32),
    )  # fmt: skip
    dataset.update(data(**values))
    return save(dataset, path)


def data(**values: object) -> Dataset:
    """A data set from keywords."""
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def new_object(sop_class: str, modality: str, **values: object) -> Dataset:
    """Identity of an object whose patient must never be seen."""
    identity = {
        "SOPClassUID": sop_class,
        "SOPInstanceUID": generate_uid(),
        "Modality": modality,
        "PatientName": PATIENT,
        "PatientID": "ID-SECRET-77",
        "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.9",
        "SeriesInstanceUID": generate_uid(),
    }
    return data(**(identity | values))


def save(dataset: Dataset, path: Path) -> Path:
    """Write a data set as a DICOM file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
    return path
