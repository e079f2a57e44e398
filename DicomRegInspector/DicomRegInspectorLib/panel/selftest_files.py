"""Small DICOM files that the self-tests write: a CT stack at chosen positions, and a known deformable field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
DEFORMABLE_REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.3"
ROWS, COLUMNS, PIXEL_MM = 8, 10, 2.0


def write_ct_stack(folder: Path, positions_mm: Sequence[float]) -> str:
    """Axial CT slices of 8 x 10 pixels of 2 mm, corner at x = y = 0, z as given (LPS mm). Returns the series' UID."""
    from pydicom.uid import generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    for number, z in enumerate(positions_mm, start=1):
        dataset = _dataset(CT_IMAGE, "CT", study, series, frame)
        dataset.SeriesDescription = "Self-test stack"
        dataset.InstanceNumber = number
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.ImagePositionPatient = [0.0, 0.0, float(z)]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing = [PIXEL_MM, PIXEL_MM]
        dataset.SliceThickness = 2.5
        dataset.Rows, dataset.Columns = ROWS, COLUMNS
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
        dataset.RescaleIntercept, dataset.RescaleSlope = 0, 1
        dataset.PixelData = bytes(2 * ROWS * COLUMNS)
        _save(dataset, folder / f"slice{number:03d}.dcm")
    return series


@dataclass(frozen=True)
class KnownField:
    """A deformable registration whose result can be worked out by hand.

    The offset is an affine function of the registered point, ``D(x) = gradient · x + offset_mm``, which trilinear
    interpolation between grid nodes reproduces exactly.
    """

    dimensions: tuple[int, int, int] = (5, 6, 7)
    resolution_mm: tuple[float, float, float] = (4.0, 3.0, 2.5)
    origin_lps_mm: tuple[float, float, float] = (-8.0, 5.0, 11.0)
    gradient: np.ndarray = field(
        default_factory=lambda: np.array([[0.05, 0.0, 0.02], [0.0, -0.04, 0.01], [0.03, 0.0, 0.02]])
    )
    offset_mm: tuple[float, float, float] = (1.0, -2.0, 3.0)
    pre: np.ndarray = field(
        default_factory=lambda: np.array([[0.0, -1, 0, 7], [1, 0, 0, -3], [0, 0, 1, 2], [0, 0, 0, 1]])
    )
    post: np.ndarray = field(
        default_factory=lambda: np.array([[1.0, 0, 0, -4], [0, 0, -1, 6], [0, 1, 0, 1], [0, 0, 0, 1]])
    )

    def displacement(self, points: np.ndarray) -> np.ndarray:
        """D(x) at (..., 3) registered points, LPS mm."""
        return points @ self.gradient.T + np.asarray(self.offset_mm)

    def source_of(self, point: Sequence[float]) -> np.ndarray:
        """Equation C.20.3-1 of PS3.3: ``M_post · (M_pre · x + D(x))``, LPS mm."""
        x = np.asarray(point, float)
        moved = self.pre[:3, :3] @ x + self.pre[:3, 3] + self.displacement(x)
        return self.post[:3, :3] @ moved + self.post[:3, 3]

    def inside(self, fraction: Sequence[float]) -> np.ndarray:
        """A point within the grid, by fractions of its extent along each axis, LPS mm."""
        extent = (np.asarray(self.dimensions) - 1) * np.asarray(self.resolution_mm)
        return np.asarray(self.origin_lps_mm) + np.asarray(fraction) * extent

    def vectors(self) -> np.ndarray:
        """(nz, ny, nx, 3) float32: x runs fastest in the file."""
        axes = [
            start + step * np.arange(count)
            for start, step, count in zip(self.origin_lps_mm, self.resolution_mm, self.dimensions, strict=True)
        ]
        z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
        return self.displacement(np.stack([x, y, z], axis=-1)).astype("<f4")


def write_deformable(path: Path, known: KnownField) -> tuple[str, str]:
    """A Deformable Spatial Registration (PS3.3 A.39.2) with one item. Returns its SOP and Series Instance UIDs."""
    from pydicom.dataset import Dataset
    from pydicom.uid import generate_uid

    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = _dataset(DEFORMABLE_REGISTRATION, "REG", generate_uid(), generate_uid(), generate_uid())
    dataset.SeriesDescription = "Self-test field"
    dataset.ContentLabel = "SELFTEST"
    grid = Dataset()
    grid.ImagePositionPatient = list(known.origin_lps_mm)
    grid.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    grid.GridDimensions = list(known.dimensions)
    grid.GridResolution = list(known.resolution_mm)
    grid.VectorGridData = known.vectors().tobytes()
    item = Dataset()
    item.SourceFrameOfReferenceUID = generate_uid()
    item.PreDeformationMatrixRegistrationSequence = [_matrix(known.pre)]
    item.PostDeformationMatrixRegistrationSequence = [_matrix(known.post)]
    item.DeformableRegistrationGridSequence = [grid]
    dataset.DeformableRegistrationSequence = [item]
    _save(dataset, path)
    return str(dataset.SOPInstanceUID), str(dataset.SeriesInstanceUID)


def _matrix(matrix: np.ndarray) -> Dataset:
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.FrameOfReferenceTransformationMatrix = matrix.ravel().tolist()
    dataset.FrameOfReferenceTransformationMatrixType = "RIGID"
    return dataset


def _dataset(sop_class: str, modality: str, study: str, series: str, frame: str) -> Dataset:
    from pydicom.dataset import Dataset
    from pydicom.uid import generate_uid

    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = sop_class, generate_uid(), modality
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
    dataset.PatientName, dataset.PatientID = "Self^Test", "SELFTEST"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.SeriesNumber = "20260101", "120000", "1", 1
    dataset.Manufacturer = "DicomRegInspector self-test"
    return dataset


def _save(dataset: Dataset, path: Path) -> None:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
