"""One object with all slices of a volume: multi-frame Secondary Capture, and Parametric Maps of floating-point values.

Functional groups (PS3.3 C.7.6.16) say of each frame where it lies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...errors import UsageError
from ...registration.file.write.dicom_object import dataset_of, new_uid
from ...series.write.stored_values import Encoding, decimal_string, set_pixels
from ...volumes import Volume
from .kinds import UNITS_OF_MAPS

if TYPE_CHECKING:
    from pydicom import Dataset

_STACK_ID, _IN_STACK, _FRAME_CONTENT = 0x00209056, 0x00209057, 0x00209111
_FUNCTIONAL_GROUPS = 0x52009230
_MOST_BYTES = 2**32 - 4
"""What the length of an element can say."""


def secondary_capture(base: Dataset, planes: Volume, encoding: Encoding, units: str) -> Dataset:
    """Return a volume as multi-frame Secondary Capture (PS3.3 A.8.4) with a place for every frame."""
    _require_room(planes.array.size * 2)
    stored = np.stack([encoding.store(plane) for plane in planes.array])
    _frames(base, planes)
    base.ImageType, base.PatientOrientation = ["DERIVED", "SECONDARY"], []
    base.ConversionType, base.BurnedInAnnotation = "WSD", "NO"
    base.FrameIncrementPointer = _FUNCTIONAL_GROUPS
    base.SamplesPerPixel, base.PhotometricInterpretation = 1, "MONOCHROME2"
    base.PresentationLUTShape = "IDENTITY"
    set_pixels(base, stored.reshape(-1, stored.shape[2]))
    base.Rows, base.Columns = stored.shape[1:]
    base.RescaleSlope, base.RescaleIntercept = decimal_string(encoding.slope), decimal_string(encoding.intercept)
    base.RescaleType = units or "US"
    return base


def parametric_map(base: Dataset, planes: Volume, units: str) -> Dataset:
    """Return a volume as Parametric Map (PS3.3 A.75): float32, or float64 where float32 does not hold the values."""
    array = _as_floats(planes.array)
    _require_room(array.nbytes)
    finite = [plane[np.isfinite(plane)] for plane in array]
    low = min((float(plane.min()) for plane in finite if plane.size), default=0.0)
    high = max((float(plane.max()) for plane in finite if plane.size), default=0.0)
    shared = _frames(base, planes)
    _index_frames(base)
    base.ImageType = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    shared.ParametricMapFrameTypeSequence = [dataset_of(FrameType=base.ImageType)]
    shared.PixelValueTransformationSequence = [dataset_of(RescaleIntercept="0", RescaleSlope="1", RescaleType="US")]
    shared.FrameVOILUTSequence = [
        dataset_of(
            WindowCenter=decimal_string((low + high) / 2),
            WindowWidth=decimal_string(max(high - low, 1.0)),
            VOILUTFunction="LINEAR_EXACT",
        )
    ]
    shared.RealWorldValueMappingSequence = [_mapping(low, high, units)]
    base.ContentLabel, base.ContentDescription, base.ContentQualification = "MAP", "", "RESEARCH"
    base.ContentCreatorName = ""
    base.BurnedInAnnotation, base.LossyImageCompression = "NO", "00"
    # Whether a face can be recognized nobody has looked at: that is not to be denied.
    base.RecognizableVisualFeatures = "YES"
    base.AcquisitionContextSequence = []
    base.SamplesPerPixel, base.PhotometricInterpretation = 1, "MONOCHROME2"
    base.PixelPresentation, base.PresentationLUTShape = "MONOCHROME", "IDENTITY"
    base.Rows, base.Columns = array.shape[1:]
    base.BitsAllocated = 8 * array.dtype.itemsize
    data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    if array.dtype.itemsize == 4:
        base.FloatPixelData = data
    else:
        base.DoubleFloatPixelData = data
    return base


def _require_room(size: int) -> None:
    if size > _MOST_BYTES:
        raise UsageError(
            f"the voxels take {size / 2**30:.1f} GiB, more than pixel data of one object can have (4); write images of "
            "one frame (ct, mr, pet), or resample"
        )


def _as_floats(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind in "iu" and max(abs(int(array.min())), abs(int(array.max()))) > 2**53:
        raise UsageError("holds integers beyond 2^53, which no floating-point number tells apart")
    if array.dtype.kind == "f" and array.dtype.itemsize in (4, 8):
        return array
    return array.astype(np.float32 if array.dtype.itemsize <= 2 else np.float64)


def _mapping(low: float, high: float, units: str) -> Dataset:
    code, scheme, meaning = UNITS_OF_MAPS[units]
    return dataset_of(
        LUTLabel="values",
        LUTExplanation="values",
        MeasurementUnitsCodeSequence=[dataset_of(CodeValue=code, CodingSchemeDesignator=scheme, CodeMeaning=meaning)],
        DoubleFloatRealWorldValueFirstValueMapped=low,
        DoubleFloatRealWorldValueLastValueMapped=high,
        RealWorldValueIntercept=0.0,
        RealWorldValueSlope=1.0,
    )


def _frames(base: Dataset, planes: Volume) -> Dataset:
    """Place every frame in functional groups (PS3.3 C.7.6.16); returns those that all frames share."""
    spacing = [decimal_string(value) for value in planes.spacing_mm]
    shared = dataset_of(
        PixelMeasuresSequence=[
            dataset_of(
                PixelSpacing=[spacing[1], spacing[0]], SliceThickness=spacing[2], SpacingBetweenSlices=spacing[2]
            )
        ],
        PlaneOrientationSequence=[
            dataset_of(ImageOrientationPatient=[decimal_string(value) for value in planes.directions[:, :2].T.ravel()])
        ],
    )
    corners = planes.index_to_lps[:3, 3] + np.arange(len(planes.array))[:, None] * planes.index_to_lps[:3, 2]
    base.SharedFunctionalGroupsSequence = [shared]
    base.PerFrameFunctionalGroupsSequence = [
        dataset_of(PlanePositionSequence=[dataset_of(ImagePositionPatient=[decimal_string(value) for value in corner])])
        for corner in corners
    ]
    base.NumberOfFrames = len(corners)
    return shared


def _index_frames(base: Dataset) -> None:
    """Number the frames of one stack (PS3.3 C.7.6.16.2.2, C.7.6.17)."""
    organization = new_uid()
    base.DimensionOrganizationSequence = [dataset_of(DimensionOrganizationUID=organization)]
    base.DimensionIndexSequence = [
        dataset_of(
            DimensionIndexPointer=pointer, FunctionalGroupPointer=_FRAME_CONTENT, DimensionOrganizationUID=organization
        )
        for pointer in (_STACK_ID, _IN_STACK)
    ]
    base.DimensionOrganizationType = "3D"
    for k, frame in enumerate(base.PerFrameFunctionalGroupsSequence, 1):
        frame.FrameContentSequence = [dataset_of(DimensionIndexValues=[1, k], StackID="1", InStackPositionNumber=k)]
