"""Files of small series whose pixels and places are known because they are made here."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
NUCLEAR = "1.2.840.10008.5.1.4.1.1.20"
FRAME_OF_REFERENCE = "1.2.3.4"
_numbers = itertools.count(1)


def dataset(pixels: np.ndarray, position: Sequence[Any] | None = (0, 0, 0), **elements: Any) -> Dataset:
    """A CT slice of these pixels, (rows, columns) or (rows, columns, 3); elements by keyword, None to leave out."""
    number = next(_numbers)
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.SOPClassUID = CT_IMAGE
    one.SOPInstanceUID = f"1.2.3.{number}"
    one.StudyInstanceUID = "1.2.5"
    one.SeriesInstanceUID = "1.2.5.1"
    one.FrameOfReferenceUID = FRAME_OF_REFERENCE
    one.Modality = "CT"
    one.InstanceNumber = number
    one.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    one.SliceThickness = "2.5"
    if position is not None:
        one.ImagePositionPatient = [text(value) for value in position]
        one.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    one.PixelSpacing = ["0.75", "0.5"]
    bits = pixels.dtype.itemsize * 8
    one.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
    one.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        one.PlanarConfiguration = 0
    one.Rows, one.Columns = pixels.shape[:2]
    one.BitsAllocated = one.BitsStored = bits
    one.HighBit = bits - 1
    one.PixelRepresentation = int(pixels.dtype.kind == "i")
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    one.PixelData = data + bytes(len(data) % 2)
    one["PixelData"].VR = "OW" if bits > 8 else "OB"
    for keyword, value in elements.items():
        if value is None:
            del one[keyword]
        else:
            setattr(one, keyword, value)
    if elements.get("BitsStored") and "HighBit" not in elements:
        one.HighBit = one.BitsStored - 1
    return one


def text(value: Any) -> str:
    """A number as a DS element holds it."""
    return value if isinstance(value, str) else f"{value:.10g}"[:16]


def save(one: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write a dataset in a transfer syntax."""
    path.parent.mkdir(parents=True, exist_ok=True)
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
    one.file_meta.TransferSyntaxUID = syntax
    encoding = {} if pydicom.uid.UID(syntax).is_compressed else _encoding(syntax)
    pydicom.dcmwrite(path, one, enforce_file_format=True, **encoding)
    return path


def _encoding(syntax: str) -> dict[str, bool]:
    uid = pydicom.uid.UID(syntax)
    return {"implicit_vr": uid.is_implicit_VR, "little_endian": uid.is_little_endian}


def pixels_of(count: int, shape: Sequence[int] = (5, 7), dtype: str = "i2", seed: int = 1) -> np.ndarray:
    """Random stored values (count, *shape) over the whole range of a type."""
    reach = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(reach.min, reach.max, (count, *shape), dtype, endpoint=True)


def write_stack(folder: Path, pixels: np.ndarray, positions: Sequence[Sequence[Any]], **elements: Any) -> list[Path]:
    """One file for each slice; an element given as a list of as many values is different in each."""
    paths = []
    for k, position in enumerate(positions):
        own = {key: value[k] if isinstance(value, list) else value for key, value in elements.items()}
        paths.append(save(dataset(pixels[k], position, **own), folder / f"{k:03d}.dcm"))
    return paths


def axial(count: int, spacing: float = 2.5) -> list[tuple[float, float, float]]:
    """Positions of a straight axial stack."""
    return [(-10.0, 20.0, 100 + k * spacing) for k in range(count)]


def enhanced(pixels: np.ndarray, positions: Sequence[Sequence[float]], rescales: Sequence[tuple[str, str]]) -> Dataset:
    """An Enhanced CT (frames, rows, columns) whose frames have their own place and their own rescale."""
    one = dataset(pixels[0], None, SOPClassUID=ENHANCED_CT, NumberOfFrames=len(pixels), PixelSpacing=None)
    one.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = ["0.75", "0.5"]
    orientation.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    one.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for position, (slope, intercept) in zip(positions, rescales, strict=True):
        group, plane, values = Dataset(), Dataset(), Dataset()
        plane.ImagePositionPatient = [text(value) for value in position]
        values.RescaleSlope, values.RescaleIntercept, values.RescaleType = slope, intercept, "HU"
        group.PlanePositionSequence = [plane]
        group.PixelValueTransformationSequence = [values]
        groups.append(group)
    one.PerFrameFunctionalGroupsSequence = groups
    return one


def nuclear(pixels: np.ndarray, spacing: float) -> Dataset:
    """A reconstructed tomogram (frames, rows, columns), one position for all."""
    elements = {
        "SOPClassUID": NUCLEAR,
        "Modality": "NM",
        "ImageType": ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
    }
    one = dataset(pixels[0], None, NumberOfFrames=len(pixels), SpacingBetweenSlices=text(spacing), **elements)
    one.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    detector = Dataset()
    detector.ImagePositionPatient = ["1", "2", "3"]
    detector.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    one.DetectorInformationSequence = [detector]
    one.SliceVector = list(range(1, len(pixels) + 1))
    return one
