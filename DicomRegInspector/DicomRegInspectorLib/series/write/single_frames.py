"""Frames of enhanced objects as the images of one frame that the same acquisition could have been: CT, MR, PET, SC.

An enhanced object describes its frames in functional groups (PS3.3 C.7.6.16), shared by all and of each. What the
classic image names by the same element is taken over; what it names otherwise is renamed (:data:`_RENAMED`). Nothing
that is required of the classic image is made up: where the enhanced one does not say it, there is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy, deepcopy
from typing import TYPE_CHECKING, Any

from ...dicom.tags import STORAGE
from ...dicom.values import name_of_uid
from ...errors import FileError
from ..geometry.frames import PER_FRAME_GROUPS, SHARED_GROUPS
from .stored_values import decimal_string

if TYPE_CHECKING:
    from pydicom import Dataset

CT, MR, PET, SECONDARY_CAPTURE = STORAGE + "2", STORAGE + "4", STORAGE + "128", STORAGE + "7"
SINGLE_FRAME_CLASSES = {
    STORAGE + "2.1": CT,
    STORAGE + "2.2": CT,
    STORAGE + "4.1": MR,
    STORAGE + "4.4": MR,
    STORAGE + "130": PET,
    STORAGE + "128.1": PET,
    STORAGE + "7.2": SECONDARY_CAPTURE,
    STORAGE + "7.3": SECONDARY_CAPTURE,
    STORAGE + "7.4": SECONDARY_CAPTURE,
}
"""Enhanced and Legacy Converted classes, multi-frame secondary captures, and what their frames become."""
_REQUIRED = {
    MR: ("ScanningSequence", "SequenceVariant"),
    PET: ("SeriesType", "Units", "CountsSource", "DecayCorrection", "NumberOfSlices", "FrameReferenceTime"),
    SECONDARY_CAPTURE: ("ConversionType",),
}
"""Required with a value (type 1) beside what every image here has."""
_REQUIRED_EMPTY = {
    CT: ("KVP", "AcquisitionNumber", "SliceThickness"),
    MR: ("ScanOptions", "MRAcquisitionType", "EchoTime", "EchoTrainLength", "RepetitionTime", "SliceThickness"),
    PET: ("SliceThickness", "CorrectedImage", "RandomsCorrectionMethod", "CollimatorType"),
    SECONDARY_CAPTURE: (),
}
"""Required, empty where unknown (type 2)."""
_OF_THE_WHOLE = frozenset(
    (
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
        "NumberOfFrames",
        "FrameIncrementPointer",
        "DimensionOrganizationSequence",
        "DimensionIndexSequence",
        "DimensionOrganizationType",
        "ConcatenationUID",
        "InConcatenationNumber",
        "InConcatenationTotalNumber",
        "ConcatenationFrameOffsetNumber",
        "SOPInstanceUIDOfConcatenationSource",
        "PixelPresentation",
        "VolumetricProperties",
        "VolumeBasedCalculationTechnique",
        "ContentQualification",
        "ReferencedImageEvidenceSequence",
        "SourceImageEvidenceSequence",
        "ExtendedOffsetTable",
        "ExtendedOffsetTableLengths",
        "PixelData",
    )
)
"""What says something of all frames together, and has no place in an image of one."""
_COPIED = frozenset(
    (
        "PixelSpacing",
        "SliceThickness",
        "SpacingBetweenSlices",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "WindowCenter",
        "WindowWidth",
        "WindowCenterWidthExplanation",
        "VOILUTFunction",
        "AnatomicRegionSequence",
        "KVP",
        "FocalSpots",
        "FilterType",
        "ConvolutionKernel",
        "ReconstructionDiameter",
        "DistanceSourceToDetector",
        "TableHeight",
        "RotationDirection",
        "RevolutionTime",
        "SingleCollimationWidth",
        "TotalCollimationWidth",
        "TableSpeed",
        "TableFeedPerRotation",
        "SpiralPitchFactor",
        "CTDIvol",
        "RepetitionTime",
        "FlipAngle",
        "EchoTrainLength",
        "NumberOfAverages",
        "PercentSampling",
        "PercentPhaseFieldOfView",
        "PixelBandwidth",
        "MRAcquisitionType",
    )
)
"""Elements of functional groups that a classic image has under the same name."""
_RENAMED = {
    "FrameType": "ImageType",
    "EffectiveEchoTime": "EchoTime",
    "InversionTimes": "InversionTime",
    "FrameAcquisitionDateTime": "AcquisitionDateTime",
    "ExposureTimeInms": "ExposureTime",
    "XRayTubeCurrentInmA": "XRayTubeCurrent",
    "ExposureInmAs": "Exposure",
}
_WHOLE = ("ExposureTime", "XRayTubeCurrent", "Exposure")
_UNASSIGNED = ("UnassignedSharedConvertedAttributesSequence", "UnassignedPerFrameConvertedAttributesSequence")
"""Of Legacy Converted objects: elements just as the images had them that were converted."""


def single_frame(dataset: Dataset, number: int, path: str) -> Dataset:
    """Turn one frame (from 1) of an enhanced object into a classic image, without its pixels and their rescale.

    Raises FileError when no single-frame class fits, or something is not to be had that the fitting one requires.
    """
    from pydicom import Dataset

    kind = SINGLE_FRAME_CLASSES.get(str(dataset.get("SOPClassUID", "")))
    if kind is None:
        raise FileError(path, _no_class_problem(dataset))
    single = Dataset()
    single.file_meta = deepcopy(dataset.file_meta)
    for element in dataset:
        if element.keyword not in _OF_THE_WHOLE:
            # Setting a value later must not set it in the source.
            single[element.tag] = copy(element)
    for element in _of_frame(dataset, number):
        if element.keyword in _RENAMED:
            _rename(single, element.keyword, element.value)
        else:
            single[element.tag] = copy(element)
    single.SOPClassUID = kind
    _complete(single, kind)
    missing = [keyword for keyword in _REQUIRED.get(kind, ()) if single.get(keyword) in (None, "", [])]
    if missing:
        raise FileError(path, _missing_problem(kind, missing))
    return single


def _no_class_problem(dataset: Dataset) -> str:
    name = name_of_uid(dataset.get("SOPClassUID", "")) or "an unknown class"
    return (
        f"holds several frames of {name}, for which there is no image of one frame: enhanced CT, MR and PET and "
        "multi-frame Secondary Capture are written back as DICOM. Write a volume file (.nrrd, .nii.gz) or a Slicer "
        "scene (.mrb) instead."
    )


def _missing_problem(kind: str, missing: list[str]) -> str:
    return (
        f"holds several frames; as {name_of_uid(kind)} they need {elements_in_words(missing)}, which nothing in the "
        "file says. Write a volume file (.nrrd, .nii.gz) or a Slicer scene (.mrb) instead."
    )


def elements_in_words(keywords: Iterable[str]) -> str:
    """Return the names and tags of elements: ``Series Instance UID (0020,000E), Modality (0008,0060)``."""
    from pydicom.datadict import dictionary_description, tag_for_keyword

    tags = [(dictionary_description(keyword), tag_for_keyword(keyword) or 0) for keyword in keywords]
    return ", ".join(f"{name} ({tag >> 16:04X},{tag & 0xFFFF:04X})" for name, tag in tags)


def _of_frame(dataset: Dataset, number: int) -> Iterator[Any]:
    """Elements of the functional groups that a classic image has, shared ones first, so that the frame's own win."""
    shared = dataset[SHARED_GROUPS].value if SHARED_GROUPS in dataset else []
    frames = dataset[PER_FRAME_GROUPS].value if PER_FRAME_GROUPS in dataset else []
    for groups in (*shared[:1], *frames[number - 1 : number]):
        for sequence in groups:
            item = sequence.value[0] if sequence.VR == "SQ" and sequence.value else ()
            is_unassigned = sequence.keyword in _UNASSIGNED
            for element in item:
                if is_unassigned or element.keyword in _COPIED or element.keyword in _RENAMED:
                    yield element


def _rename(dataset: Dataset, keyword: str, value: Any) -> None:
    name = _RENAMED[keyword]
    if value in (None, "", []):
        return
    if name == "InversionTime":
        value = value[0] if isinstance(value, (list, tuple)) or hasattr(value, "__len__") else value
    if name in ("EchoTime", "InversionTime"):
        value = decimal_string(value)
    elif name in _WHOLE:
        value = round(float(value))
    elif name == "AcquisitionDateTime":
        # Date and time of the whole acquisition are those of its first frame.
        dataset.AcquisitionDate, dataset.AcquisitionTime = (
            str(value)[:8],
            str(value)[8:].partition("+")[0].partition("-")[0],
        )
    setattr(dataset, name, value)


def _complete(dataset: Dataset, kind: str) -> None:
    """What is said otherwise of a classic image, and elements that may be empty."""
    if kind == MR:
        _pulse_sequence(dataset)
    if kind == CT:
        values = list(dataset.get("ImageType") or ["ORIGINAL", "PRIMARY"])
        what = "LOCALIZER" if "LOCALIZER" in values[2:] else "AXIAL"
        dataset.ImageType = [*values[:2], what, *[each for each in values[3:] if each != "NONE"]]
    for keyword in (*_REQUIRED_EMPTY[kind], "PositionReferenceIndicator", "PatientPosition"):
        if keyword not in dataset and not (
            keyword == "PatientPosition" and "PatientOrientationCodeSequence" in dataset
        ):
            setattr(dataset, keyword, None)


def _pulse_sequence(dataset: Dataset) -> None:
    """Scanning Sequence and Sequence Variant by the MR Pulse Sequence Module (C.8.13.4), where they are not there."""
    if not dataset.get("ScanningSequence"):
        echo = {"SPIN": ["SE"], "GRADIENT": ["GR"], "BOTH": ["SE", "GR"]}.get(dataset.get("EchoPulseSequence", ""), [])
        inverted = ["IR"] if dataset.get("InversionRecovery") == "YES" else []
        planar = ["EP"] if dataset.get("EchoPlanarPulseSequence") == "YES" else []
        if echo:
            dataset.ScanningSequence = [*echo, *inverted, *planar]
    if "IR" in dataset.get("ScanningSequence", []) and "InversionTime" not in dataset:
        dataset.InversionTime = None
    if not dataset.get("SequenceVariant"):
        known = [dataset.get(name) for name in ("SegmentedKSpaceTraversal", "SteadyStatePulseSequence")]
        if any(known):
            variants = ["SK"] if known[0] in ("PARTIAL", "FULL") else []
            variants += ["SS"] if known[1] not in (None, "", "NONE") else []
            dataset.SequenceVariant = variants or ["NONE"]
    if not dataset.get("MRAcquisitionType") and dataset.get("VolumetricProperties") == "VOLUME":
        dataset.MRAcquisitionType = "3D"
