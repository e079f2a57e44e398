"""Archives of small studies with planted faults, made fast: templates of files, with UIDs and numbers put into them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from DicomRegInspectorLib.registration.file.write import write_deformable_registration
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.10.1234."
SLICES, SPACING_MM = 5, 3.0
FAULTS = (
    "", "slice-gap", "", "duplicate-position", "reg-matrix-not-rigid", "", "reg-folding", "reg-frame-unknown",
    "file-truncated", "",
)  # fmt: skip
"""Planted in study after study: what each is to be found for, most for nothing."""
SCANNERS = (("Maker A", "One"), ("Maker B", "=Two"), ("<b>Maker C</b>", "Three"))
SECRET = "Nemo^Secret"


def uid(study: int, part: int, instance: int = 0) -> str:
    """A UID of constant length."""
    return f"{ROOT}{study + 100000}.{part + 10}.{instance + 100}"


STUDY, FIXED, MOVING, FIXED_FRAME, MOVING_FRAME, REGISTRATION, OTHER = range(7)
"""Parts of a study's UIDs."""


def fault_of(study: int) -> str:
    """What is planted in a study."""
    return FAULTS[study % len(FAULTS)]


def _written(dataset: Dataset, sop_class: str) -> bytes:
    dataset.SOPClassUID = sop_class
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _common(part: int, instance: int) -> Dataset:
    dataset = Dataset()
    dataset.SOPInstanceUID, dataset.StudyInstanceUID = uid(0, part, instance), uid(0, STUDY)
    dataset.SeriesInstanceUID = uid(0, part)
    dataset.PatientName, dataset.PatientID, dataset.StudyDate = SECRET, "ID000000", "20200101"
    dataset.SeriesDescription = "Lung of Secret"
    dataset.Manufacturer, dataset.ManufacturerModelName = SCANNERS[0]
    return dataset


@cache
def slice_template(part: int, instance: int, z: float, scanner: tuple[str, str], year: int) -> bytes:
    """A CT slice of study 0."""
    dataset = _common(part, instance)
    dataset.Manufacturer, dataset.ManufacturerModelName = scanner
    dataset.StudyDate = f"{year}0101"
    dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.FrameOfReferenceUID = uid(0, FIXED_FRAME if part == FIXED else MOVING_FRAME)
    dataset.SeriesNumber, dataset.InstanceNumber = part, instance
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [-16, -16, z], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [4, 4], SPACING_MM
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows = dataset.Columns = 8
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = bytes(128)
    return _written(dataset, "1.2.840.10008.5.1.4.1.1.2")


@cache
def matrix_template(fault: str) -> bytes:
    """A Spatial Registration of study 0: the moving frame to the fixed one."""
    dataset = _common(REGISTRATION, 0)
    dataset.Modality, dataset.FrameOfReferenceUID = "REG", uid(0, FIXED_FRAME)
    matrix = np.eye(4)
    matrix[0, 3] = 1.5
    if fault == "reg-matrix-not-rigid":
        matrix[1, 1] = 1.3
    inner, middle, outer = Dataset(), Dataset(), Dataset()
    inner.FrameOfReferenceTransformationMatrix = matrix.ravel().tolist()
    inner.FrameOfReferenceTransformationMatrixType = "RIGID"
    middle.MatrixSequence = [inner]
    outer.FrameOfReferenceUID = uid(0, OTHER if fault == "reg-frame-unknown" else MOVING_FRAME)
    outer.MatrixRegistrationSequence = [middle]
    dataset.RegistrationSequence = [outer]
    return _written(dataset, "1.2.840.10008.5.1.4.1.1.66.1")


@cache
def grid_template(folder: Path) -> bytes:
    """A Deformable Spatial Registration of study 0 that folds."""
    vectors = np.zeros((4, 4, 4, 3))
    vectors[..., 0] = 20.0 * np.array([0, 1, -1, 0])[None, None, :]
    path = folder / "grid.dcm"
    write_deformable_registration(
        path, vectors=vectors, origin=np.array([-16.0, -16.0, 0.0]), directions=np.eye(3),
        spacing=np.array([10.0, 10.0, 4.0]), registered_frame_uid=uid(0, FIXED_FRAME),
        source_frame_uid=uid(0, MOVING_FRAME), series_description="Lung",
    )  # fmt: skip
    import pydicom

    dataset = pydicom.dcmread(path)
    path.unlink()
    dataset.SOPInstanceUID, dataset.StudyInstanceUID = uid(0, REGISTRATION), uid(0, STUDY)
    dataset.SeriesInstanceUID = uid(0, REGISTRATION)
    return _written(dataset, dataset.SOPClassUID)


def study_files(study: int, folder: Path, slices: int = SLICES) -> Iterator[tuple[str, bytes]]:
    """The files of a study by their names: two series, and a registration between them."""
    fault, scanner, year = fault_of(study), SCANNERS[study % len(SCANNERS)], 2018 + study % 4
    old, new = f"{ROOT}100000.".encode(), f"{ROOT}{study + 100000}.".encode()
    for part in (FIXED, MOVING):
        for k in range(slices):
            z = SPACING_MM * k
            if part == MOVING and fault == "slice-gap":
                z += SPACING_MM * (k > 2)
            if part == MOVING and fault == "duplicate-position" and k == 3:
                z -= SPACING_MM
            content = slice_template(part, k + 1, z, scanner, year).replace(old, new)
            content = content.replace(b"ID000000", b"ID%06d" % study)
            if fault == "file-truncated" and part == FIXED and k == 2:
                content = content[:-40]
            yield f"{part}-{k}.dcm", content
    template = grid_template(folder) if fault == "reg-folding" else matrix_template(fault)
    yield "reg.dcm", template.replace(old, new).replace(b"ID000000", b"ID%06d" % study)


def write_archive(folder: Path, studies: int, *, first: int = 0, flat: bool = False, slices: int = SLICES) -> int:
    """Write studies, each in a folder of its own or all in one; returns how many files."""
    folder.mkdir(exist_ok=True, parents=True)
    count = 0
    for study in range(first, first + studies):
        place = folder if flat else folder / f"{study:06}"
        if not flat:
            place.mkdir()
        for name, content in study_files(study, folder, slices):
            target = place / (f"{study:06}-{name}" if flat else name)
            descriptor = os.open(target, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
            os.write(descriptor, content)
            os.close(descriptor)
            count += 1
    return count
