"""CT, MR and PET images of one frame each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np

from ...errors import errors_of_file
from ...registration.file.write.dicom_object import NOT_COPIED, copied, new_uid
from ...series.write.stored_values import Encoding, decimal_string, set_pixels
from ...volumes import Volume
from .kinds import Kind, take_over
from .reference import ReferenceImages

if TYPE_CHECKING:
    from pydicom import Dataset

_IMAGE_TYPES = {
    "CT": ["DERIVED", "SECONDARY", "AXIAL"],
    "MR": ["DERIVED", "SECONDARY", "OTHER"],
    "PT": ["DERIVED", "PRIMARY"],
}
"""PS3.3 C.8.2.1.1.1, C.8.3.1.1.1, C.8.9.4.1.1; of CT the third value only tells slices from localizers, whatever
their direction, and of PET images nothing is SECONDARY."""
_STATIC = ("STATIC", "WHOLE BODY")
"""Series Types (0054,1000) of one point in time, as a volume is (PS3.3 C.8.9.1.1.2)."""


def single_frames(
    base: Dataset,
    planes: Volume,
    kind: Kind,
    encodings: tuple[Encoding, ...],
    reference: ReferenceImages,
    stated: Mapping[str, str],
) -> Iterator[Dataset]:
    """Yield the images of a volume, from the first slice on.

    Raises ChoiceError when something that the class requires is not known, before the first one.
    """
    normal = planes.directions[:, 2]
    corners = planes.index_to_lps[:3, 3] + np.arange(len(planes.array))[:, None] * planes.index_to_lps[:3, 2]
    for k, corner in enumerate(corners):
        instance = deepcopy(base)
        instance.SOPInstanceUID = new_uid()
        instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
        instance.InstanceNumber = k + 1
        header = reference.header_near(corner, normal)
        with errors_of_file(reference.paths[0] if header is not None else "", NOT_COPIED):
            take_over(instance, kind, header, stated, are_the_volume=reference.are_the_volume)
        instance.ImageType = list(_IMAGE_TYPES[kind.modality])
        if kind.name == "pet":
            _complete_pet(instance, k, len(corners))
        _place(instance, planes, corner)
        encoding = encodings[k if len(encodings) > 1 else 0]
        instance.SamplesPerPixel, instance.PhotometricInterpretation = 1, "MONOCHROME2"
        set_pixels(instance, encoding.store(planes.array[k]))
        _set_rescale(instance, kind, encoding)
        if header is not None and reference.are_the_volume:
            with errors_of_file(reference.paths[0], NOT_COPIED):
                _take_over_of_values(instance, header)
        yield instance


def _complete_pet(instance: Dataset, k: int, count: int) -> None:
    """What a PET image says of the series that it is written in (PS3.3 C.8.9.1, C.8.9.4)."""
    own = list(instance.get("SeriesType") or ("", ""))
    instance.SeriesType = [own[0] if own[0] in _STATIC else _STATIC[0], "IMAGE"]
    instance.NumberOfSlices, instance.ImageIndex = count, k + 1


def _place(instance: Dataset, planes: Volume, corner: np.ndarray) -> None:
    spacing = planes.spacing_mm
    instance.ImagePositionPatient = [decimal_string(value) for value in corner]
    instance.ImageOrientationPatient = [decimal_string(value) for value in planes.directions[:, :2].T.ravel()]
    instance.PixelSpacing = [decimal_string(spacing[1]), decimal_string(spacing[0])]
    instance.SliceThickness = decimal_string(spacing[2])
    if instance.Modality == "MR":
        instance.SpacingBetweenSlices = decimal_string(spacing[2])


def _set_rescale(instance: Dataset, kind: Kind, encoding: Encoding) -> None:
    if kind.name == "mr" and (encoding.slope, encoding.intercept) == (1, 0):
        return  # The class has no Modality LUT; what is stored is the value.
    instance.RescaleSlope = decimal_string(encoding.slope)
    instance.RescaleIntercept = decimal_string(encoding.intercept)
    if kind.name != "pet":
        instance.RescaleType = "HU" if kind.name == "ct" else "US"


def _take_over_of_values(instance: Dataset, header: Dataset) -> None:
    """What images say of their values holds for these, too: they are the same."""
    for keyword in ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if keyword in header:
            instance[keyword] = copied(header[keyword])
    if "RescaleType" in instance and header.get("RescaleType"):
        instance.RescaleType = header.RescaleType
