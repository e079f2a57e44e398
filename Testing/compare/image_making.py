"""Volumes to be exported, and what pydicom and NumPy alone make of the images."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.samples.ct_files import made_uid

ORIGIN, SPACING = (-20.125, 15.5, 7.25), (1.25, 1.5, 2.75)
PATIENT = "Mustermann^Erika"
STATED = {
    "CountsSource": "EMISSION",
    "DecayCorrection": "START",
    "DecayFactor": "1.02",
    "FrameReferenceTime": "0",
    "SeriesDate": "20240101",
    "SeriesTime": "101010",
}


def turned(*angles: float) -> np.ndarray:
    """(3, 3): turns about x and z, one after the other."""
    (cx, sx), (cz, sz) = ((np.cos(angle), np.sin(angle)) for angle in angles)
    return np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])


def volume_file(path: Path, array: np.ndarray, directions: np.ndarray | None = None) -> Path:
    """Write (nk, nj, ni) values with SimpleITK; directions (3, 3) of i, j, k as columns, LPS."""
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.GetImageFromArray(array)
    image.SetOrigin(ORIGIN)
    image.SetSpacing(SPACING)
    image.SetDirection((np.eye(3) if directions is None else directions).ravel().tolist())
    sitk.WriteImage(image, str(path))
    return path


def by_place(array: np.ndarray, index_to_lps: np.ndarray) -> dict[tuple[float, ...], float]:
    """Values by the places of their voxels, LPS mm to the hundredth."""
    k, j, i = np.indices(array.shape).reshape(3, -1)
    places = np.stack([i, j, k, np.ones_like(i)], axis=1) @ np.asarray(index_to_lps)[:3].T
    keys = (np.round(places, 2) + 0.0).tolist()
    return dict(zip(map(tuple, keys), array.ravel().tolist(), strict=True))


def of_file(path: Path) -> dict[tuple[float, ...], float]:
    """Values of a volume file by place, as SimpleITK reads it."""
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage(str(path))
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return by_place(sitk.GetArrayFromImage(image).astype(float), matrix)


def images(folder: Path) -> list[pydicom.Dataset]:
    """The images of a folder, by their names."""
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def of_images(folder: Path) -> dict[tuple[float, ...], float]:
    """Values of a folder's images by place: Equation C.7.6.2.1-1 and C.11.1 in NumPy."""
    found: dict[tuple[float, ...], float] = {}
    for data in images(folder):
        shared = data.get("SharedFunctionalGroupsSequence")
        plane = shared[0].PlaneOrientationSequence[0] if shared else data
        measures = shared[0].PixelMeasuresSequence[0] if shared else data
        stored = data.pixel_array.reshape(-1, data.Rows, data.Columns).astype(float)
        values = stored * float(data.get("RescaleSlope", 1)) + float(data.get("RescaleIntercept", 0))
        frames = data.get("PerFrameFunctionalGroupsSequence")
        for frame, pixels in enumerate(values):
            place = frames[frame].PlanePositionSequence[0] if frames else data
            matrix = np.eye(4)
            cosines = np.array(plane.ImageOrientationPatient, float).reshape(2, 3)
            rows, columns = map(float, measures.PixelSpacing)
            matrix[:3, 0], matrix[:3, 1] = cosines[0] * columns, cosines[1] * rows
            matrix[:3, 3] = np.array(place.ImagePositionPatient, float)
            found |= by_place(pixels[None], matrix)
    return found


def off(a: dict[tuple[float, ...], float], b: dict[tuple[float, ...], float]) -> float:
    """The largest difference of values; the places have to be the same ones."""
    nearest = {tuple(np.round(place, 1) + 0.0): value for place, value in b.items()}
    assert len(a) == len(b) == len(nearest)
    return max(abs(value - nearest[tuple(np.round(place, 1) + 0.0)]) for place, value in a.items())


def dciodvfy(path: Path) -> list[str]:
    """Its errors."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr
    return [line for line in told.splitlines() if line.startswith("Error")]


def write_reference(folder: Path, sop_class: str, count: int, elements: dict[str, Any] | None = None) -> Path:
    """An axial series of 4 x 5 pixels of 2 mm, 3 mm apart, about the volumes; each slice says its own KVP and time."""
    folder.mkdir(parents=True)
    for number in range(count):
        data = pydicom.Dataset()
        data.SpecificCharacterSet = "ISO_IR 100"
        data.SOPClassUID, data.SOPInstanceUID = sop_class, made_uid("image", folder.name, number)
        data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = PATIENT, "4711", "19700102", "F"
        data.StudyInstanceUID, data.SeriesInstanceUID = made_uid("image", "study"), made_uid("image", folder.name)
        data.StudyDate, data.StudyTime, data.StudyID, data.AccessionNumber = "20240102", "101112", "7", "A1"
        data.FrameOfReferenceUID, data.PositionReferenceIndicator = made_uid("image", "frame"), ""
        data.SeriesNumber, data.InstanceNumber, data.ImageType = 4, number + 1, ["ORIGINAL", "PRIMARY", "AXIAL"]
        data.ImagePositionPatient, data.ImageOrientationPatient = [-20, 15, 6 + 3 * number], [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.SliceThickness, data.PatientPosition = [2, 2], 3, "HFS"
        data.SamplesPerPixel, data.PhotometricInterpretation, data.Rows, data.Columns = 1, "MONOCHROME2", 4, 5
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
        data.RescaleSlope, data.RescaleIntercept, data.PixelData = 1, 0, bytes(40)
        for keyword, value in (elements or {}).items():
            setattr(data, keyword, value[number] if isinstance(value, tuple) else value)
        data.file_meta = pydicom.dataset.FileMetaDataset()
        data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        data.file_meta.MediaStorageSOPClassUID = sop_class
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        data.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def values_of(folder: Path, keyword: str) -> Sequence[Any]:
    """An element of each image."""
    return [data[keyword].value for data in images(folder)]
