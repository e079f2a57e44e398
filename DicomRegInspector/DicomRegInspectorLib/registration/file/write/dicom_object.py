"""What the DICOM objects that are written have in common: patient, study, equipment, references, matrices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ....errors import errors_of_file
from ...matrices import RIGID_TOLERANCE, is_rigid

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

_REQUIRED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""Type 1 and 2 of patient and study (PS3.3 C.7.1.1, C.7.2.1): there, if only empty."""

_STUDY = frozenset(
    [0x00080020, 0x00080030, 0x00080050, 0x00080051, 0x00080090, 0x00080096, 0x0008009C, 0x0008009D, 0x00081030]
    + [0x00081032, 0x00081048, 0x00081049, 0x00081060, 0x00081062, 0x00081080, 0x00081084, 0x00081110]
    + [0x0020000D, 0x00200010, 0x00321033, 0x00321034, 0x00321066, 0x00321067, 0x00380010, 0x00380014]
    + [0x00380060, 0x00380062, 0x00380064, 0x00380500, 0x00401012]
)
"""Attributes of the modules General Study and Patient Study that are not in group 0010."""
_TRIAL_SERIES = (0x00120071, 0x00120072, 0x00120073)
"""Of group 0012 what is a series' own (PS3.3 C.7.3.2)."""

_READ = frozenset([0x00200011, 0x00201040])
"""Series Number and Position Reference Indicator, which new objects are given values by, too."""
NOT_COPIED = "holds elements that cannot be copied"

MATRIX_TYPES = ("RIGID", "RIGID_SCALE", "AFFINE")


@dataclass(frozen=True)
class NewIdentity:
    """What a new object is called; given only where it has to come out the same each time."""

    sop_instance_uid: str = field(default_factory=lambda: new_uid())
    series_instance_uid: str = field(default_factory=lambda: new_uid())
    series_number: int = 1
    written: datetime = field(default_factory=datetime.now)


class Reference(NamedTuple):
    """An instance that an object refers to."""

    class_uid: str
    instance_uid: str
    series_uid: str
    study_uid: str


@dataclass(frozen=True, eq=False)
class ReferencedImages:
    """The images of one frame of reference that an object refers to."""

    references: tuple[Reference, ...] = ()
    header: Dataset | None = None
    """Of one of them, without pixels: what it says of patient, study and frame holds for all."""

    def __bool__(self) -> bool:
        return self.header is not None


def owner_of(path: str | PathLike[str]) -> Dataset:
    """Read of an image what it says of patient, study and frame; what else it holds may be damaged.

    Raises FileError when one of these elements cannot be understood.
    """
    import pydicom

    with errors_of_file(path, NOT_COPIED):
        return owner_in(pydicom.dcmread(path, stop_before_pixels=True))


def owner_in(header: Dataset) -> Dataset:
    """Return what a header says of patient, study and frame; other elements are not looked at."""
    return dataset_with(copied(header[tag]) for tag in list(header.keys()) if _is_owners(int(tag)) or int(tag) in _READ)


def _is_owners(tag: int) -> bool:
    group = tag >> 16
    return group == 0x0010 or tag in _STUDY or (group == 0x0012 and tag not in _TRIAL_SERIES)


def images_of(datasets: Sequence[Dataset] | ReferencedImages) -> ReferencedImages:
    """Return pydicom data sets of images as what an object refers to."""
    if isinstance(datasets, ReferencedImages):
        return datasets
    references = tuple(
        Reference(
            str(image.SOPClassUID),
            str(image.SOPInstanceUID),
            str(image.SeriesInstanceUID),
            str(image.get("StudyInstanceUID", "")),
        )
        for image in datasets
    )
    return ReferencedImages(references, datasets[0] if datasets else None)


def dataset_of(**values: Any) -> Dataset:
    """Return a data set of values by keyword."""
    from pydicom import Dataset

    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def new_uid() -> str:
    """Return a UID that nobody else has."""
    from pydicom.uid import generate_uid

    return str(generate_uid(prefix=None))


def new_object(
    sop_class_uid: str, modality: str, registered: ReferencedImages, source: ReferencedImages, identity: NewIdentity
) -> Dataset:
    """Return patient, study, series, equipment, references and SOP Common of a new object.

    Patient and study are those of the registered images, without any those of the source images; type 2 attributes
    that nobody knows stay empty.
    """
    from .... import __version__

    date, time = identity.written.strftime("%Y%m%d"), identity.written.strftime("%H%M%S")
    dataset = dataset_of(**(dict.fromkeys(_REQUIRED, "") | {"StudyInstanceUID": new_uid()}))
    owner = registered.header if registered else source.header
    if owner is not None:
        dataset.update(dataset_with(copied(owner[tag]) for tag in list(owner.keys()) if _is_owners(int(tag))))
    dataset.update(
        dataset_of(
            SpecificCharacterSet="ISO_IR 192",
            SOPClassUID=sop_class_uid,
            SOPInstanceUID=identity.sop_instance_uid,
            InstanceCreationDate=date,
            InstanceCreationTime=time,
            SeriesInstanceUID=identity.series_instance_uid,
            Modality=modality,
            SeriesNumber=identity.series_number,
            Laterality="",
            InstanceNumber=1,
            SeriesDate=date,
            SeriesTime=time,
            ContentDate=date,
            ContentTime=time,
            ContentCreatorName="",
            Manufacturer="DicomRegInspector",
            ManufacturerModelName="DicomRegInspector",
            DeviceSerialNumber="none",
            SoftwareVersions=__version__,
        )
    )
    _refer_to_series(dataset, (*registered.references, *source.references))
    return dataset


def copied(element: DataElement) -> DataElement:
    """Return an element in the new object's character set: a name keeps the bytes of its own one otherwise.

    Values that are not as they should be are copied as they are: what images say of the patient, the object says too.
    """
    from copy import deepcopy

    from pydicom import DataElement
    from pydicom.config import IGNORE

    value = element.value
    if element.VR == "SQ":
        value = [
            dataset_with(copied(inner) for inner in item if inner.keyword != "SpecificCharacterSet") for item in value
        ]
    elif element.VR == "PN":
        value = "\\".join(map(str, value)) if element.VM > 1 else str(value if value is not None else "")
    else:
        value = deepcopy(value)
    return DataElement(element.tag, element.VR, value, validation_mode=IGNORE)


def dataset_with(elements: Iterable[DataElement]) -> Dataset:
    """Return a data set of elements."""
    from pydicom import Dataset

    dataset = Dataset()
    for element in elements:
        dataset.add(element)
    return dataset


def place_in_frame(dataset: Dataset, frame_uid: str, images: ReferencedImages) -> None:
    """Give an object the Frame of Reference module (PS3.3 C.7.4.1) that its images have."""
    dataset.FrameOfReferenceUID = frame_uid
    indicator = images.header.get("PositionReferenceIndicator", "") if images.header is not None else ""
    dataset.PositionReferenceIndicator = str(indicator or "")


def _refer_to_series(dataset: Dataset, references: Sequence[Reference]) -> None:
    """Common Instance Reference (PS3.3 C.12.2): series of the object's own study, then those of others."""
    studies: dict[str, dict[str, list[Dataset]]] = {}
    for reference in dict.fromkeys(references):
        study = reference.study_uid or str(dataset.StudyInstanceUID)
        studies.setdefault(study, {}).setdefault(reference.series_uid, []).append(reference_item(reference))
    lists = {
        study: [dataset_of(SeriesInstanceUID=uid, ReferencedInstanceSequence=rows) for uid, rows in by_series.items()]
        for study, by_series in studies.items()
    }
    own = lists.pop(str(dataset.StudyInstanceUID), None)
    if own:
        dataset.ReferencedSeriesSequence = own
    if lists:
        dataset.StudiesContainingOtherReferencedInstancesSequence = [
            dataset_of(StudyInstanceUID=study, ReferencedSeriesSequence=series) for study, series in lists.items()
        ]


def reference_item(reference: Reference) -> Dataset:
    """Return an item that names an instance (PS3.3 table 10-11)."""
    return dataset_of(ReferencedSOPClassUID=reference.class_uid, ReferencedSOPInstanceUID=reference.instance_uid)


def decimals_of(values: Iterable[float]) -> list[Any]:
    """Return numbers for a DS element: each with as many digits as its 16 bytes hold (PS3.5 section 6.2)."""
    from pydicom.valuerep import DSfloat

    return [DSfloat(float(value) + 0.0, auto_format=True) for value in values]


def as_written(values: np.ndarray) -> np.ndarray:
    """Return numbers as a reader finds them in a DS element, in the same shape."""
    return np.array([float(str(value)) for value in decimals_of(np.ravel(values))]).reshape(np.shape(values))


def matrix_item(matrix: np.ndarray, matrix_type: str | None) -> Dataset:
    """Return an item of a matrix (4, 4); without a type it is told what it is."""
    return dataset_of(
        FrameOfReferenceTransformationMatrixType=matrix_type or matrix_type_of(matrix),
        FrameOfReferenceTransformationMatrix=decimals_of(np.asarray(matrix, float).reshape(16)),
    )


def matrix_type_of(matrix: np.ndarray) -> str:
    """Return Frame of Reference Transformation Matrix Type (0070,030C) of a (4, 4) by PS3.3 C.20.2.1.1.

    Of RIGID_SCALE the columns of the upper left 3x3 are at right angles, with lengths of their own.
    """
    if is_rigid(matrix):
        return "RIGID"
    linear = matrix[:3, :3]
    lengths = np.linalg.norm(linear, axis=0)
    cosines = linear.T @ linear / np.maximum(np.outer(lengths, lengths), 1e-300)
    at_right_angles = np.abs(cosines - np.diag(np.diag(cosines))).max() <= RIGID_TOLERANCE
    return "RIGID_SCALE" if at_right_angles and np.linalg.det(linear) > 0 else "AFFINE"
