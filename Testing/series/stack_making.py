"""CT series written as files from an image known by a formula, at any places a stack may have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SIZE = (48, 40)
"""Rows, columns."""
PIXEL_SPACING = (1.5, 1.25)
"""Between rows, between columns, mm."""


def phantom(points: np.ndarray) -> np.ndarray:
    """A smooth image of some hundred HU at points (..., 3), LPS mm; its waves are 90 mm and longer."""
    x, y, z = np.moveaxis(np.asarray(points, np.float64), -1, 0)
    return 500 * np.sin(x / 16) * np.cos(y / 19) + 400 * np.cos(z / 17 + x / 41)


def slice_points(position: Sequence[float], orientation: Sequence[float]) -> np.ndarray:
    """(rows, columns, 3) pixel centres by PS3.3 Equation C.7.6.2.1-1."""
    j, i = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]), indexing="ij")
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    return (
        np.asarray(position, np.float64)
        + i[..., None] * PIXEL_SPACING[1] * row
        + j[..., None] * PIXEL_SPACING[0] * column
    )


AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def tilted(degrees: float) -> tuple[float, ...]:
    """The orientation of slices under a gantry tilted about the left-right axis."""
    angle = np.deg2rad(degrees)
    return (1.0, 0.0, 0.0, 0.0, float(np.cos(angle)), float(-np.sin(angle)))


def along_table(heights: Sequence[float], start: Sequence[float] = (-25.0, -30.0)) -> list[tuple[float, ...]]:
    """Positions that differ in z only, as the table moves."""
    return [(*start, float(z)) for z in heights]


def write_stack(
    folder: Path,
    positions: Sequence[Sequence[float]],
    orientation: Sequence[float] = AXIAL,
    *,
    decimals: int = 7,
    series_uid: str = "",
    per_slice: Sequence[dict[str, Any]] = (),
) -> Path:
    """A CT series of the phantom, named so that file order is not slice order; ``per_slice`` sets elements."""
    folder.mkdir(parents=True, exist_ok=True)
    series_uid = series_uid or generate_uid()
    study, frame = generate_uid(entropy_srcs=["study"]), generate_uid(entropy_srcs=["frame"])
    for number, position in enumerate(positions):
        values = np.rint(phantom(slice_points(position, orientation))) + 1024
        one = ct_slice(values.astype(np.uint16), position, orientation, decimals)
        one.SeriesInstanceUID, one.StudyInstanceUID, one.FrameOfReferenceUID = series_uid, study, frame
        one.InstanceNumber = number + 1
        for name, value in (per_slice[number] if number < len(per_slice) else {}).items():
            setattr(one, name, value)
        one.save_as(folder / f"{(number * 7919) % 10007:05d}.dcm", enforce_file_format=True)
    return folder


def ct_slice(stored: np.ndarray, position: Sequence[float], orientation: Sequence[float], decimals: int = 7) -> Dataset:
    """One CT image that dciodvfy finds nothing wrong with."""
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, generate_uid()
    one.file_meta.MediaStorageSOPClassUID, one.file_meta.MediaStorageSOPInstanceUID = CTImageStorage, one.SOPInstanceUID
    one.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    one.StudyDate = one.SeriesDate = one.ContentDate = one.AcquisitionDate = "20260101"
    one.StudyTime = one.SeriesTime = one.ContentTime = one.AcquisitionTime = "120000"
    one.AccessionNumber, one.Modality, one.Manufacturer, one.ReferringPhysicianName = "", "CT", "Nobody", ""
    one.PatientName, one.PatientID, one.PatientBirthDate, one.PatientSex = "Phantom^Wave", "PHANTOM-7", "19700101", "O"
    one.SeriesDescription, one.StudyID, one.SeriesNumber, one.AcquisitionNumber = "waves", "1", 3, 1
    one.PatientPosition, one.PositionReferenceIndicator, one.KVP = "HFS", "", 120
    one.SliceThickness, one.SpacingBetweenSlices = 2.0, 2.0
    one.ImagePositionPatient = [f"{value:.{decimals}f}" for value in position]
    one.ImageOrientationPatient = [f"{value:.10g}" for value in orientation]
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.Rows, one.Columns = stored.shape
    one.PixelSpacing = list(PIXEL_SPACING)
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 0
    one.RescaleIntercept, one.RescaleSlope, one.RescaleType = -1024, 1, "HU"
    one.WindowCenter, one.WindowWidth = 0, 2000
    one.PixelData = stored.astype("<u2").tobytes()
    return one
