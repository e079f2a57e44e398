"""A dose on new voxels as an RT Dose object (PS3.3 A.18.3, C.8.8.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...registration.file.write.dicom_object import (
    NewIdentity,
    Reference,
    ReferencedImages,
    copied,
    new_object,
    new_uid,
    place_in_frame,
    reference_item,
)
from ...series.write.stored_values import decimal_string
from ...volumes import Volume
from ..image_export.derivation import Derivation, describe_derivation
from ..image_export.reference import ReferenceImages

if TYPE_CHECKING:
    from pydicom import Dataset

RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
_KEPT = (
    "DoseUnits",
    "DoseType",
    "DoseSummationType",
    "TissueHeterogeneityCorrection",
    "ReferencedRTPlanSequence",
    "ReferencedTreatmentRecordSequence",
    "PlanOverviewSequence",
)
"""What holds for the dose wherever it lies; not what is told of places: normalization point, DVHs, structure set."""
COMMENT = "resampled by a registration; energy is not conserved"
"""Dose Comment (3004,0006), at most 64 characters."""


@dataclass(frozen=True, eq=False)
class StoredDose:
    """Values as they are stored."""

    stored: NDArray[np.integer]
    """(nk, nj, ni)."""
    scaling: float
    """Dose Grid Scaling (3004,000E), as its decimal string says it."""


def stored_dose(values: NDArray[np.floating], bits: int) -> StoredDose:
    """Return a dose in steps of the largest value by what so many bits hold.

    Parameters
    ----------
    values
        (nk, nj, ni), finite; negative ones, which errors have (PS3.3 C.8.8.3.4.4), are stored signed.
    bits
        16 or 32.
    """
    low, high = float(values.min()), float(values.max())
    signed = low < 0
    dtype = np.dtype(f"{'i' if signed else 'u'}{bits // 8}")
    most = np.iinfo(dtype).max
    scaling = max(-low, high) / most or 1.0
    # Ten digits are as many as 16 bytes always hold; rounded up, so that the largest value still fits.
    exponent = 10.0 ** (np.floor(np.log10(scaling)) - 8)
    scaling = float(decimal_string(float(np.ceil(scaling / exponent) * exponent)))
    stored = np.clip(np.rint(values / scaling), np.iinfo(dtype).min, most).astype(dtype)
    return StoredDose(stored, scaling)


def dose_object(
    planes: Volume,
    dose: StoredDose,
    header: Dataset,
    reference: ReferenceImages,
    derivation: Derivation,
    *,
    is_rigid: bool,
    description: str,
) -> Dataset:
    """Return an RT Dose: what the dose is is the input's, whose it is the reference's, without one the input's.

    Spatial Transform of Dose (3004,0005) and Referenced Spatial Registration Sequence (0070,0404) tell by what it was
    brought here, empty where that is no DICOM object (type 2C, PS3.3 C.8.8.3).

    Parameters
    ----------
    planes
        Where it lies; k along row × column.
    header
        The input's, without pixels.
    """
    owner = reference.owner or ReferencedImages((), header)
    number = reference.series_number if reference.series is not None else int(header.get("SeriesNumber") or 0) + 1
    instance = new_object(RT_DOSE, "RTDOSE", owner, ReferencedImages(), NewIdentity(series_number=number))
    del instance.ContentCreatorName, instance.Laterality
    place_in_frame(instance, planes.frame_uid or new_uid(), owner)
    for keyword in _KEPT:
        if keyword in header:
            instance[keyword] = copied(header[keyword])
    instance.OperatorsName = ""
    instance.SeriesDescription = description or "dose, registered"
    instance.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    instance.DoseComment = COMMENT
    describe_derivation(instance, derivation, [reference_of(header)])
    instance.SpatialTransformOfDose = "RIGID" if is_rigid else "NON_RIGID"
    instance.ReferencedSpatialRegistrationSequence = [reference_item(named) for named in derivation.registrations]
    _place(instance, planes)
    _set_pixels(instance, dose)
    return instance


def reference_of(header: Dataset) -> Reference:
    """Return how an object is referred to."""
    keywords = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
    return Reference(*(str(header.get(keyword, "")) for keyword in keywords))


def _place(instance: Dataset, planes: Volume) -> None:
    spacing = planes.spacing_mm
    instance.ImagePositionPatient = [decimal_string(value) for value in planes.index_to_lps[:3, 3]]
    instance.ImageOrientationPatient = [decimal_string(value) for value in planes.directions[:, :2].T.ravel()]
    instance.PixelSpacing = [decimal_string(spacing[1]), decimal_string(spacing[0])]
    instance.SliceThickness = decimal_string(spacing[2])
    count = len(planes.array)
    if count == 1:
        return  # A single plane has no frames that offsets would be of.
    instance.NumberOfFrames = count
    instance.FrameIncrementPointer = 0x3004000C
    # Relative to the first plane: rule a, which holds for any orientation (PS3.3 C.8.8.3.2).
    instance.GridFrameOffsetVector = [decimal_string(k * float(spacing[2])) for k in range(count)]


def _set_pixels(instance: Dataset, dose: StoredDose) -> None:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    stored = dose.stored
    bits = stored.dtype.itemsize * 8
    if stored.nbytes >= 2**32 - 2:
        raise UsageError("the dose is larger than one element holds (4 GiB); choose fewer voxels")
    instance.file_meta = FileMetaDataset()
    instance.file_meta.MediaStorageSOPClassUID = RT_DOSE
    instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    instance.SamplesPerPixel, instance.PhotometricInterpretation = 1, "MONOCHROME2"
    instance.Rows, instance.Columns = stored.shape[1:]
    instance.BitsAllocated, instance.BitsStored, instance.HighBit = bits, bits, bits - 1
    instance.PixelRepresentation = int(stored.dtype.kind == "i")
    instance.DoseGridScaling = decimal_string(dose.scaling)
    data = stored.astype(stored.dtype.newbyteorder("<"), order="C").tobytes()
    instance.PixelData = data + b"\0" * (len(data) % 2)
    instance["PixelData"].VR = "OW"
