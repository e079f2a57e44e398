"""The classes of DICOM images that volumes are written as, and what each requires that no volume file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...dicom.tags import STORAGE
from ...dicom.values import name_of_uid
from ...errors import ChoiceError, UsageError
from ...registration.file.write.dicom_object import copied
from ...series.write.single_frames import CT, MR, PET, elements_in_words

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class Kind:
    """A class of images, and elements that the reference or the user has to give."""

    name: str
    sop_class_uid: str
    modality: str
    required: tuple[str, ...] = ()
    """Type 1: a value is needed, and none is made up."""
    may_be_empty: tuple[str, ...] = ()
    """Type 2: there, empty where nobody knows."""
    taken_over: tuple[str, ...] = ()
    """Type 3 and 1C: there where the reference has it."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind("ct", CT, "CT", (), ("KVP", "AcquisitionNumber", "PatientPosition"), ("BodyPartExamined",)),
        Kind(
            "mr",
            MR,
            "MR",
            ("ScanningSequence", "SequenceVariant"),
            (
                "ScanOptions",
                "MRAcquisitionType",
                "EchoTime",
                "EchoTrainLength",
                "RepetitionTime",
                "PatientPosition",
            ),
            ("InversionTime", "BodyPartExamined"),
        ),
        Kind(
            "pet",
            PET,
            "PT",
            ("Units", "CountsSource", "DecayCorrection", "SeriesDate", "SeriesTime", "FrameReferenceTime"),
            (
                "AcquisitionDate",
                "AcquisitionTime",
                "ActualFrameDuration",
                "CorrectedImage",
                "CollimatorType",
                "DoseCalibrationFactor",
                "PatientGantryRelationshipCodeSequence",
                "PatientOrientationCodeSequence",
                "RadiopharmaceuticalInformationSequence",
            ),
            (
                "AttenuationCorrectionMethod",
                "BodyPartExamined",
                "DecayFactor",
                "RandomsCorrectionMethod",
                "ReconstructionMethod",
                "ScatterCorrectionMethod",
                "SeriesType",
                "SUVType",
            ),
        ),
        Kind("secondary-capture", STORAGE + "7.3", "OT"),
        Kind("parametric-map", STORAGE + "30", "OT"),
        Kind("segmentation", STORAGE + "66.4", "SEG", ("SegmentAlgorithmType",), (), ("SegmentAlgorithmName",)),
    )
}
"""By the names that users choose them by."""

SINGLE_FRAMES = ("ct", "mr", "pet")
"""Those that are series of images of one frame."""

UNITS_OF_PET = (
    *("CNTS", "NONE", "CM2", "CM2ML", "PCNT", "CPS", "BQML", "MGMINML", "UMOLMINML", "MLMING", "MLG", "1CM", "UMOLML"),
    *("PROPCNTS", "PROPCPS", "MLMINML", "MLML", "GML", "STDDEV"),
)
"""Units (0054,1001) that PS3.3 C.8.9.1.1.3 defines."""

UNITS_OF_MAPS = {
    "HU": ("[hnsf'U]", "UCUM", "Hounsfield unit"),
    "BQML": ("Bq/ml", "UCUM", "Becquerels/milliliter"),
    "GML": ("g/ml", "UCUM", "grams/milliliter"),
    "": ("1", "UCUM", "no units"),
}
"""Codes of what the values of a Parametric Map are in."""


_OF_VALUES = ("Units", "SUVType")
"""In what units values are is not a reference's to say."""


def kind_of(name: str | None, reference_class: str) -> Kind:
    """Return the kind chosen, else that of the reference's images, else multi-frame Secondary Capture.

    Raises UsageError for a name that is none of :data:`KINDS`.
    """
    if name is not None:
        if name not in KINDS:
            raise UsageError(f"{name}: is no kind of image; there are {', '.join(KINDS)}")
        return KINDS[name]
    of_reference = [kind for kind in KINDS.values() if kind.sop_class_uid == reference_class]
    return of_reference[0] if of_reference and of_reference[0].name in SINGLE_FRAMES else KINDS["secondary-capture"]


def take_over(
    instance: Dataset, kind: Kind, header: Dataset | None, stated: Mapping[str, str], *, are_the_volume: bool = False
) -> None:
    """Give an instance what its class requires: what is stated, else what a reference of the same class has.

    ``are_the_volume``: whether the reference's values are those that are written, and so its units.

    Raises ChoiceError that names what is missing of type 1.
    """
    of_class = header if header is not None and str(header.get("SOPClassUID", "")) == kind.sop_class_uid else None
    for keyword in (*kind.required, *kind.may_be_empty, *kind.taken_over):
        if keyword in stated:
            continue
        if of_class is not None and keyword in of_class and (are_the_volume or keyword not in _OF_VALUES):
            instance[keyword] = copied(of_class[keyword])
        elif keyword in kind.may_be_empty:
            setattr(instance, keyword, [] if _is_sequence(keyword) else None)
        elif keyword in kind.required and keyword in instance:
            del instance[keyword]
    state(instance, stated)
    missing = [keyword for keyword in _needed(instance, kind) if instance.get(keyword) in (None, "", [])]
    if missing:
        raise ChoiceError(_missing_text(kind, missing, of_class is not None), "reference", "stated elements", "kind")


def _is_sequence(keyword: str) -> bool:
    from pydicom.datadict import dictionary_VR

    return dictionary_VR(keyword) == "SQ"


def state(instance: Dataset, stated: Mapping[str, str]) -> None:
    """Set elements by keyword to values as they are written in text, several divided by backslashes.

    Raises UsageError for what is no value of its element.
    """
    from pydicom import DataElement
    from pydicom.config import RAISE
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    for keyword, value in stated.items():
        values = value.split("\\") if "\\" in value else value
        try:
            element = DataElement(tag_for_keyword(keyword), dictionary_VR(keyword), values, validation_mode=RAISE)
        except (ValueError, TypeError, OverflowError) as error:
            raise UsageError(f"{elements_in_words([keyword])}: {value!r} is no value for it ({error})") from error
        instance.add(element)


def _needed(instance: Dataset, kind: Kind) -> tuple[str, ...]:
    """Type 1, and of type 1C what this instance needs (PS3.3 C.8.9.4)."""
    is_decayed = kind.name == "pet" and instance.get("DecayCorrection") not in (None, "", "NONE")
    return (*kind.required, *(["DecayFactor"] if is_decayed else []))


def require_stated(kind: Kind, stated: Mapping[str, str]) -> None:
    """Refuse a class that requires what only the user can say, and has not.

    Raises ChoiceError.
    """
    missing = [keyword for keyword in kind.required if not stated.get(keyword)]
    if missing:
        raise ChoiceError(_missing_text(kind, missing, False), "stated elements", "kind")


def _missing_text(kind: Kind, missing: list[str], has_reference: bool) -> str:
    name = name_of_uid(kind.sop_class_uid)
    where = "neither the volume nor the reference says" if has_reference else "a volume file does not say"
    text = f"{name} needs {elements_in_words(missing)}, which {where}; nothing is made up."
    if "Units" in missing:
        text += " Units are those of the values: GML for SUV, BQML for Bq/ml."
    other = (
        "State them"
        if has_reference or kind.name not in SINGLE_FRAMES
        else (f"Name a {kind.name.upper()} series as the reference, state them")
    )
    return f"{text} {other}, or choose another kind of image"


def check_units(kind: Kind, units: str) -> None:
    """Refuse units that a kind of image has no word for.

    Raises UsageError.
    """
    known = {"pet": UNITS_OF_PET, "parametric-map": tuple(filter(None, UNITS_OF_MAPS)), "segmentation": ()}
    if units and kind.name in known and units not in known[kind.name]:
        there = ", ".join(known[kind.name]) or "none"
        raise UsageError(f"{units}: no units of {kind.name} images; there are {there} (GML for SUV)")


def check_stated(kind: Kind, stated: Mapping[str, str]) -> None:
    """Refuse to be told elements that have no place among what this kind requires.

    Raises UsageError.
    """
    of_class = (*kind.required, *kind.may_be_empty, *kind.taken_over)
    known = {keyword for keyword in of_class if not _is_sequence(keyword)}
    wrong = sorted(set(stated) - known)
    if wrong:
        what = f"there are {', '.join(sorted(known))}" if known else f"for {kind.name} there is nothing to state"
        raise UsageError(f"{', '.join(wrong)}: cannot be stated of {kind.name} images; {what}")
