"""CT image files from an array of Hounsfield units: what the sample data and the self-tests are written with."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..output_file import replace_file
from ..registration.file.write.dicom_object import dataset_of

if TYPE_CHECKING:
    from pydicom import Dataset

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
WRITTEN = datetime(2026, 1, 1, 12, 0, 0)
"""The same on every machine, so that the files come out the same."""
INTERCEPT_HU = -1024
DERIVATION = "SYNTHETIC: computed from formulas, not acquired from a patient or an object"

_NAMESPACE = uuid.UUID("6b1f3a52-8f1c-4e64-9d5c-0f6f6a7b9d21")


def made_uid(*names: object) -> str:
    """Return a UID that follows from names: the same names give the same one, on every machine (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(map(str, names))).int}"


@dataclass(frozen=True)
class SliceGeometry:
    """Where the pixels of a series lie; LPS mm (PS3.3 C.7.6.2)."""

    positions: NDArray[np.float64]
    """(n, 3) Image Position (Patient) of each slice: the centre of its first pixel."""
    rows: int
    columns: int
    pixel_mm: float
    row: tuple[float, float, float] = (1.0, 0.0, 0.0)
    column: tuple[float, float, float] = (0.0, 1.0, 0.0)
    thickness_mm: tuple[float, ...] = (2.5,)
    """For all slices, or one for each."""

    def points(self) -> NDArray[np.float64]:
        """Return (n, rows, columns, 3) centres of all pixels."""
        down, right = np.arange(self.rows) * self.pixel_mm, np.arange(self.columns) * self.pixel_mm
        plane = down[:, None, None] * np.asarray(self.column) + right[None, :, None] * np.asarray(self.row)
        return self.positions[:, None, None, :] + plane


@dataclass(frozen=True)
class SeriesNames:
    """What identifies a series; nobody's names."""

    series_uid: str
    study_uid: str
    frame_uid: str
    description: str
    study_description: str = ""
    series_number: int = 1
    patient_name: str = "Phantom^Nobody"
    patient_id: str = "PHANTOM-1"
    """Neither is in the descriptions: reports black out what is."""
    extra: dict[str, object] = field(default_factory=dict)
    """Further elements by keyword, in all files."""


def write_ct_series(
    folder: Path,
    hounsfield: NDArray[np.floating],
    geometry: SliceGeometry,
    names: SeriesNames,
    written: Callable[[], None] = lambda: None,
) -> list[Dataset]:
    """Write ``slice001.dcm`` and on, explicit VR little endian, 12 bits stored, in the order of the positions.

    Returns the slices without their pixels, for objects that refer to them.

    Parameters
    ----------
    hounsfield
        (n, rows, columns); rounded, and cut to what 12 bits hold: -1024 to 3071.
    written
        Called after each file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored = np.clip(np.rint(np.asarray(hounsfield, float) - INTERCEPT_HU), 0, 4095).astype("<u2")
    datasets = []
    for number, (pixels, position) in enumerate(zip(stored, geometry.positions, strict=True), start=1):
        thickness = geometry.thickness_mm[(number - 1) % len(geometry.thickness_mm)]
        dataset = _image(names, geometry, number, position, thickness)
        dataset.PixelData = pixels.tobytes()
        save(dataset, folder / f"slice{number:03d}.dcm")
        del dataset.PixelData
        datasets.append(dataset)
        written()
    return datasets


def _image(
    names: SeriesNames, geometry: SliceGeometry, number: int, position: Sequence[float], thickness: float
) -> Dataset:
    from .. import __version__

    day, time = WRITTEN.strftime("%Y%m%d"), WRITTEN.strftime("%H%M%S")
    values = {
        "SpecificCharacterSet": "ISO_IR 192",
        "ImageType": ["DERIVED", "SECONDARY", "AXIAL"],
        "DerivationDescription": DERIVATION,
        "SOPClassUID": CT_IMAGE,
        "SOPInstanceUID": made_uid(names.series_uid, number),
        **dict.fromkeys(("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"), day),
        **dict.fromkeys(("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"), time),
        **dict.fromkeys(("AccessionNumber", "ReferringPhysicianName", "PatientBirthDate"), ""),
        "PatientName": names.patient_name,
        "PatientID": names.patient_id,
        "PatientSex": "O",
        "QualityControlSubject": "YES",  # a phantom, if only a computed one (PS3.3 C.7.1.1)
        "Modality": "CT",
        "Manufacturer": "DicomRegInspector",
        "ManufacturerModelName": "Synthetic phantom",
        "DeviceSerialNumber": "none",
        "SoftwareVersions": __version__,
        "StudyDescription": names.study_description,
        "SeriesDescription": names.description,
        "StudyID": "1",
        "SeriesNumber": names.series_number,
        "AcquisitionNumber": 1,
        "InstanceNumber": number,
        "StudyInstanceUID": names.study_uid,
        "SeriesInstanceUID": names.series_uid,
        "FrameOfReferenceUID": names.frame_uid,
        "PositionReferenceIndicator": "",
        "PatientPosition": "HFS",
        "KVP": "",
        "SliceThickness": _decimal(thickness),
        "ImagePositionPatient": [_decimal(value) for value in position],
        "ImageOrientationPatient": [_decimal(value) for value in (*geometry.row, *geometry.column)],
        "PixelSpacing": [_decimal(geometry.pixel_mm)] * 2,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": geometry.rows,
        "Columns": geometry.columns,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "RescaleIntercept": INTERCEPT_HU,
        "RescaleSlope": 1,
        "RescaleType": "HU",
        "WindowCenter": 40,
        "WindowWidth": 400,
        **names.extra,
    }
    return dataset_of(**values)


def _decimal(value: float) -> str:
    """A decimal string of at most 16 characters (PS3.5 6.2)."""
    return f"{float(value) + 0.0:.6f}".rstrip("0").rstrip(".")


def save(dataset: Dataset, path: Path) -> None:
    """Save it as a DICOM file."""
    from pydicom import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    replace_file(path, lambda unfinished: dataset.save_as(unfinished, enforce_file_format=True))
