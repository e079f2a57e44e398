"""Write RT Structure Sets (PS3.3 A.19) that belong to the images they are drawn on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError, errors_of_file
from ..output_file import replace_file
from ..registration.file.write.dicom_object import (
    NewIdentity,
    Reference,
    ReferencedImages,
    dataset_of,
    new_object,
    place_in_frame,
    reference_item,
)
from .contour_data import CONTOUR_DATA, decimal_string
from .model import Contour
from .read_rtstruct import RT_STRUCTURE_SET, read_rtstruct
from .structure import Structure

if TYPE_CHECKING:
    from pydicom import Dataset

_DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1"
"""Study Component Management's SOP Class: what Referenced SOP Class UID of a study has had since it was retired."""
LABEL, LONG, SHORT_TEXT = 16, 64, 1024
"""Characters of SH, LO and ST elements."""


@dataclass(frozen=True)
class Said:
    """What a structure set says of itself."""

    label: str = "REGISTERED"
    """Structure Set Label (3006,0002)."""
    description: str = ""
    """Structure Set Description (3006,0006): how it came about."""
    series_description: str = ""
    predecessor: Reference | None = None
    """The structure set that it was made of."""


def write_rtstruct(
    path: str | PathLike[str],
    structures: Sequence[Structure],
    images: ReferencedImages,
    frame_uid: str,
    said: Said | None = None,
    identity: NewIdentity | None = None,
) -> str:
    """Write structures as an RT Structure Set, implicit VR little endian; returns its SOP Instance UID.

    Contours may be longer than an element of explicit representation can be (PS3.3 C.8.8.6, note).

    Parameters
    ----------
    structures
        With contours; their numbers differ. Names are written as their files had them.
    images
        Whose patient and study it belongs to, and which it refers to.
    frame_uid
        Frame of Reference UID that the contours lie in.

    Raises
    ------
    UsageError
        When the file cannot be written; nothing is left of it then.
    """
    said, identity = said or Said(), identity or NewIdentity()
    path = Path(path)
    dataset = _dataset(structures, images, frame_uid, said, identity)

    def write(unfinished: Path) -> None:
        with errors_of_file(path, "cannot be written: what the images say does not go into a structure set"):
            dataset.save_as(unfinished, enforce_file_format=True)
        _read_back(unfinished, path, structures)

    replace_file(path, write)
    return identity.sop_instance_uid


def _dataset(
    structures: Sequence[Structure], images: ReferencedImages, frame_uid: str, said: Said, identity: NewIdentity
) -> Dataset:
    from pydicom import FileMetaDataset
    from pydicom.uid import ImplicitVRLittleEndian

    dataset = new_object(RT_STRUCTURE_SET, "RTSTRUCT", images, ReferencedImages(), identity)
    # RT Series (C.8.8.1) and the structure set have no such attributes; images are named where the set has them.
    for keyword in (
        *("Laterality", "ContentDate", "ContentTime", "ContentCreatorName"),
        *("ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence"),
    ):
        dataset.pop(keyword, None)
    place_in_frame(dataset, frame_uid, images)
    date, time = identity.written.strftime("%Y%m%d"), identity.written.strftime("%H%M%S")
    dataset.update(
        dataset_of(
            OperatorsName="",
            StructureSetLabel=said.label[:LABEL],
            StructureSetDate=date,
            StructureSetTime=time,
            ApprovalStatus="UNAPPROVED",
        )
    )
    if said.series_description:
        dataset.SeriesDescription = said.series_description[:LONG]
    if said.description:
        dataset.StructureSetDescription = said.description[:SHORT_TEXT]
    if said.predecessor is not None:
        dataset.PredecessorStructureSetSequence = [reference_item(said.predecessor)]
    dataset.ReferencedFrameOfReferenceSequence = [_frame_item(frame_uid, images, str(dataset.StudyInstanceUID))]
    dataset.StructureSetROISequence = [_roi_item(structure, frame_uid) for structure in structures]
    dataset.ROIContourSequence = [_contours_item(structure) for structure in structures]
    dataset.RTROIObservationsSequence = [
        dataset_of(
            ObservationNumber=number,
            ReferencedROINumber=structure.number,
            RTROIInterpretedType=structure.interpreted_type,
            ROIInterpreter="",
        )
        for number, structure in enumerate(structures, start=1)
    ]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def _read_back(unfinished: Path, path: Path, structures: Sequence[Structure]) -> None:
    """Refuse a file that does not hold what was to be written: a disk may be full, a number too long."""
    found = read_rtstruct(unfinished)
    counts = [
        [(structure.number, structure.point_count) for structure in each] for each in (structures, found.structures)
    ]
    if found.findings or counts[0] != counts[1]:
        raise UsageError(f"{path}: does not read as it was written; report this")


def _frame_item(frame_uid: str, images: ReferencedImages, study_uid: str) -> Dataset:
    """The frame with the images in it, by study and series."""
    item = dataset_of(FrameOfReferenceUID=frame_uid)
    studies: dict[str, dict[str, list[Reference]]] = {}
    for reference in dict.fromkeys(images.references):
        series = studies.setdefault(reference.study_uid or study_uid, {})
        series.setdefault(reference.series_uid, []).append(reference)
    if studies:
        item.RTReferencedStudySequence = [
            dataset_of(
                ReferencedSOPClassUID=_DETACHED_STUDY,
                ReferencedSOPInstanceUID=uid,
                RTReferencedSeriesSequence=[
                    dataset_of(SeriesInstanceUID=series_uid, ContourImageSequence=list(map(reference_item, members)))
                    for series_uid, members in by_series.items()
                ],
            )
            for uid, by_series in studies.items()
        ]
    return item


def _roi_item(structure: Structure, frame_uid: str) -> Dataset:
    item = dataset_of(
        ROINumber=structure.number,
        ReferencedFrameOfReferenceUID=frame_uid,
        ROIName=(structure.written_name or structure.name)[:LONG],
        ROIGenerationAlgorithm=structure.generation_algorithm[:LABEL],
    )
    if structure.description:
        item.ROIDescription = structure.description[:SHORT_TEXT]
    return item


def _contours_item(structure: Structure) -> Dataset:
    item = dataset_of(ReferencedROINumber=structure.number)
    if structure.colour is not None:
        item.ROIDisplayColor = list(structure.colour)
    if structure.contours:
        item.ContourSequence = [_contour_item(contour) for contour in structure.contours]
    return item


def _contour_item(contour: Contour) -> Dataset:
    from pydicom.charset import default_encoding
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    item = dataset_of(ContourGeometricType=contour.geometric_type, NumberOfContourPoints=len(contour.points))
    if contour.images:
        item.ContourImageSequence = [_image_item(uids, contour.frame_number) for uids in contour.images]
    value = decimal_string(contour.points.ravel())
    # As bytes, and said to be in the encoding that is written, so that they are not made numbers one by one: of a
    # million points that takes pydicom half a minute.
    item.set_original_encoding(True, True, default_encoding)
    item[CONTOUR_DATA] = RawDataElement(Tag(CONTOUR_DATA), "DS", len(value), value, 0, True, True)
    return item


def _image_item(uids: tuple[str, str], frame_number: int | None) -> Dataset:
    item = reference_item(Reference(*uids, "", ""))
    if frame_number is not None:
        item.ReferencedFrameNumber = frame_number
    return item
