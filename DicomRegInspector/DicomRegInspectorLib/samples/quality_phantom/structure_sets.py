"""RT Structure Sets of boxes, written with pydicom alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...registration.file.write.dicom_object import dataset_of
from ..ct_files import WRITTEN, made_uid, save
from .boxes import Box

if TYPE_CHECKING:
    from pydicom import Dataset

_COLOURS = ((201, 120, 60), (60, 140, 210), (230, 200, 70), (90, 180, 110))
_COPIED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime",
           "StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName", "FrameOfReferenceUID",
           "PositionReferenceIndicator")  # fmt: skip
"""Of the images."""
_STRUCTURE_SET, _STUDY = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.3.1.2.3.1"
"""SOP Classes: RT Structure Set Storage, and the study that it refers to."""


def write_structures(
    path: Path, boxes: Sequence[tuple[str, Box]], images: Sequence[Dataset], description: str, number: int
) -> None:
    """Write named boxes, each as a rectangle in every slice that it holds the middle of (PS3.3 A.19.3)."""
    first = images[0]
    frame = dataset_of(
        FrameOfReferenceUID=first.FrameOfReferenceUID,
        RTReferencedStudySequence=[
            dataset_of(
                ReferencedSOPClassUID=_STUDY,
                ReferencedSOPInstanceUID=first.StudyInstanceUID,
                RTReferencedSeriesSequence=[
                    dataset_of(
                        SeriesInstanceUID=first.SeriesInstanceUID,
                        ContourImageSequence=[_reference(image) for image in images],
                    )
                ],
            )
        ],
    )
    dataset = dataset_of(
        SpecificCharacterSet="ISO_IR 192",
        SOPClassUID=_STRUCTURE_SET,
        SOPInstanceUID=made_uid("quality", path.name),
        **{name: first.get(name, "") for name in _COPIED},
        Modality="RTSTRUCT",
        Manufacturer="DicomRegInspector",
        OperatorsName="",
        SeriesInstanceUID=made_uid("quality", path.name, "series"),
        SeriesNumber=number,
        SeriesDescription=description,
        StructureSetLabel="SYNTHETIC",
        StructureSetDate=WRITTEN.strftime("%Y%m%d"),
        StructureSetTime=WRITTEN.strftime("%H%M%S"),
        ReferencedFrameOfReferenceSequence=[frame],
        StructureSetROISequence=[],
        ROIContourSequence=[],
        RTROIObservationsSequence=[],
        ApprovalStatus="UNAPPROVED",
    )
    for roi, (name, box) in enumerate(boxes, start=1):
        _add(dataset, roi, name, _rectangles(box, images))
    save(dataset, path)


def _add(dataset: Dataset, roi: int, name: str, contours: list[Dataset]) -> None:
    dataset.StructureSetROISequence.append(
        dataset_of(
            ROINumber=roi,
            ReferencedFrameOfReferenceUID=dataset.FrameOfReferenceUID,
            ROIName=name,
            ROIGenerationAlgorithm="MANUAL",
        )
    )
    colour = list(_COLOURS[(roi - 1) % len(_COLOURS)])
    dataset.ROIContourSequence.append(
        dataset_of(ROIDisplayColor=colour, ContourSequence=contours, ReferencedROINumber=roi)
    )
    dataset.RTROIObservationsSequence.append(
        dataset_of(ObservationNumber=roi, ReferencedROINumber=roi, RTROIInterpretedType="ORGAN", ROIInterpreter="")
    )


def _reference(image: Dataset) -> Dataset:
    return dataset_of(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)


def _rectangles(box: Box, images: Sequence[Dataset]) -> list[Dataset]:
    contours = []
    (x0, y0, z0), (x1, y1, z1) = box.low, box.high
    for image in images:
        z = float(image.ImagePositionPatient[2])
        if z0 < z < z1:
            corners = [x0, y0, z, x1, y0, z, x1, y1, z, x0, y1, z]
            contours.append(
                dataset_of(
                    ContourImageSequence=[_reference(image)],
                    ContourGeometricType="CLOSED_PLANAR",
                    NumberOfContourPoints=4,
                    ContourData=[f"{value:g}" for value in corners],
                )
            )
    return contours
