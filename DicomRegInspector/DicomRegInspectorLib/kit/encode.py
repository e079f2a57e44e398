"""Objects of the kit as DICOM files (PS3.3 A.39.1, A.39.2, A.40)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..samples.ct_files import WRITTEN, made_uid
from .equation import Array, Lattice, NamedPoints, Parts
from .objects import DEFORMABLE, FIDUCIALS, MATRICES, SYNTAXES, Encoding, KitItem, KitObject, decimal, matrix_type

if TYPE_CHECKING:
    from pydicom import Dataset

CLASSES = {
    MATRICES: "1.2.840.10008.5.1.4.1.1.66.1",
    FIDUCIALS: "1.2.840.10008.5.1.4.1.1.66.2",
    DEFORMABLE: "1.2.840.10008.5.1.4.1.1.66.3",
}
STUDY_UID = made_uid("kit", "study")
PATIENT_NAME, PATIENT_ID = "Kit^Nobody", "KIT-1"
BODY_PART = "ABDOMEN"
"""Not a pair, so that no side is asked for."""
FIRST_SERIES_NUMBER = 101
_PRIVATE_CREATOR = "CONFORMANCE KIT"
_LAST = ("SeriesDescription", "FrameOfReferenceUID")
"""What stands behind everything else in an object whose elements are out of order."""
_SHARED_FRAMES = {"source-3": "source-2"}

Images = dict[str, list["Dataset"]]
"""Slices of each series, without pixels."""


def frame_uid(series: str) -> str:
    """Return the Frame of Reference UID of a series; two phases are of one frame."""
    return made_uid("kit", _SHARED_FRAMES.get(series, series), "frame")


def series_uid(series: str) -> str:
    """Return the Series Instance UID of a series of images."""
    return made_uid("kit", series, "series")


def write_object(made: KitObject, number: int, images: Images, path: Path) -> None:
    """Write an object as a DICOM file.

    Parameters
    ----------
    number
        Of the object in the kit, from 0: for its Series Number.
    images
        Of the registered series and of those that its items lead to.
    """
    from pydicom.uid import UID

    dataset = _dataset(
        SpecificCharacterSet="ISO_IR 192",
        SOPClassUID=CLASSES[made.sop_class or made.kind],
        SOPInstanceUID=made_uid("kit", made.name, "object"),
        **_study(),
        SeriesInstanceUID=made_uid("kit", made.name, "object series"),
        Modality="FID" if made.kind == FIDUCIALS else "REG",
        SeriesDescription=f"KIT {made.name}",
        SeriesNumber=FIRST_SERIES_NUMBER + number,
        InstanceNumber=1,
        BodyPartExamined=BODY_PART,
        **_written_by(),
        ContentLabel="KIT",
        ContentDescription="SYNTHETIC: an object with known answers"[:64],
        ContentCreatorName="",
    )
    if made.kind != FIDUCIALS:
        dataset.FrameOfReferenceUID = frame_uid(made.registered)
        dataset.PositionReferenceIndicator = ""
    if made.encoding.private:
        _add_private(dataset)
    used = dict.fromkeys([made.registered, *(item.source for item in made.items)])
    dataset.ReferencedSeriesSequence = [
        _dataset(SeriesInstanceUID=series_uid(key), ReferencedInstanceSequence=_references(images[key])) for key in used
    ]
    order = ">" if made.encoding.syntax == "explicit big endian" else "<"
    _add_content(dataset, made, images, order)
    if made.encoding.undefined_sequences or made.encoding.undefined_items:
        _leave_lengths_open(dataset, made.encoding)
    dataset.file_meta = _file_meta(dataset, UID(SYNTAXES[made.encoding.syntax]))
    path.write_bytes(_encoded(dataset, made.encoding))


def _dataset(**values: Any) -> Dataset:
    from pydicom import Dataset

    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _study() -> dict[str, object]:
    """As :func:`..samples.ct_files.write_ct_series` has it: one patient, one study."""
    return {
        "PatientName": PATIENT_NAME,
        "PatientID": PATIENT_ID,
        "PatientBirthDate": "",
        "PatientSex": "O",
        "QualityControlSubject": "YES",
        "StudyInstanceUID": STUDY_UID,
        "StudyDate": WRITTEN.strftime("%Y%m%d"),
        "StudyTime": WRITTEN.strftime("%H%M%S"),
        "StudyID": "1",
        "StudyDescription": "SYNTHETIC conformance kit",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
    }


def _written_by() -> dict[str, object]:
    from ..version import __version__

    date, time = WRITTEN.strftime("%Y%m%d"), WRITTEN.strftime("%H%M%S")
    return {
        **dict.fromkeys(("SeriesDate", "ContentDate"), date),
        **dict.fromkeys(("SeriesTime", "ContentTime"), time),
        "Manufacturer": "DicomRegInspector",
        "ManufacturerModelName": "Conformance kit",
        "DeviceSerialNumber": "none",
        "SoftwareVersions": __version__,
    }


def _file_meta(dataset: Dataset, syntax: str) -> Dataset:
    from pydicom import FileMetaDataset

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    # Of the kit, so that files do not change with the library that writes them.
    meta.ImplementationClassUID = made_uid("kit", "implementation")
    meta.ImplementationVersionName = "CONFORMANCE_KIT"
    return meta


def _references(images: Sequence[Dataset]) -> list[Dataset]:
    return [
        _dataset(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)
        for image in images
    ]


def _add_content(dataset: Dataset, made: KitObject, images: Images, order: str) -> None:
    if made.kind == FIDUCIALS:
        (item,) = made.items
        dataset.FiducialSetSequence = _fiducial_sets(made, item, images)
        return
    content = []
    for item in made.items:
        assert isinstance(item.parts, Parts)
        is_deformable = made.kind == DEFORMABLE
        entry = _deformable_item(item, item.parts, order) if is_deformable else _matrix_item(item, item.parts)
        entry.ReferencedImageSequence = _references(images[item.source])
        if made.encoding.private:
            _add_private(entry)
        content.append(entry)
    dataset.add(
        _sequence("DeformableRegistrationSequence" if made.kind == DEFORMABLE else "RegistrationSequence", content)
    )


def _sequence(keyword: str, items: list[Dataset]) -> Any:
    from pydicom import DataElement
    from pydicom.datadict import tag_for_keyword

    return DataElement(tag_for_keyword(keyword), "SQ", items)


def _deformable_item(item: KitItem, parts: Parts, order: str) -> Dataset:
    entry = _dataset(SourceFrameOfReferenceUID=frame_uid(item.source), RegistrationTypeCodeSequence=[])
    if parts.lattice is not None:
        entry.DeformableRegistrationGridSequence = [_grid(parts.lattice, order)]
    if item.has_pre:
        entry.PreDeformationMatrixRegistrationSequence = [_matrix(parts.pre)]
    if item.has_post:
        entry.PostDeformationMatrixRegistrationSequence = [_matrix(parts.post)]
    return entry


def _grid(lattice: Lattice, order: str) -> Dataset:
    return _dataset(
        ImagePositionPatient=_decimals(lattice.origin),
        ImageOrientationPatient=_decimals(lattice.directions[:, :2].T.ravel()),
        GridDimensions=lattice.dimensions.tolist(),
        GridResolution=lattice.spacing.tolist(),
        VectorGridData=np.ascontiguousarray(lattice.vectors).astype(f"{order}f4").tobytes(),
    )


def _matrix_item(item: KitItem, parts: Parts) -> Dataset:
    chain = _dataset(RegistrationTypeCodeSequence=[], MatrixSequence=[_matrix(matrix) for matrix in parts.chain or ()])
    entry = _dataset(MatrixRegistrationSequence=[chain])
    if item.names_frame:
        entry.FrameOfReferenceUID = frame_uid(item.source)
    return entry


def _matrix(matrix: Array) -> Dataset:
    return _dataset(
        FrameOfReferenceTransformationMatrixType=matrix_type(matrix),
        FrameOfReferenceTransformationMatrix=_decimals(matrix.ravel()),
    )


def _decimals(values: Array) -> list[str]:
    return [decimal(value) for value in values]


def _fiducial_sets(made: KitObject, item: KitItem, images: Images) -> list[Dataset]:
    points = item.parts
    assert isinstance(points, NamedPoints)
    sides = (
        (made.registered, points.names, points.positions),
        (item.source, points.source_names, points.source_positions),
    )
    return [
        _dataset(
            FrameOfReferenceUID=frame_uid(series),
            ReferencedImageSequence=_references(images[series]),
            FiducialSequence=[
                _fiducial(name, position, made_uid("kit", made.name, series, name))
                for name, position in zip(names, positions, strict=True)
            ],
        )
        for series, names, positions in sides
    ]


def _fiducial(name: str, position: Array, uid: str) -> Dataset:
    return _dataset(
        FiducialIdentifier=name,
        FiducialUID=uid,
        ShapeType="POINT",
        NumberOfContourPoints=1,
        ContourData=_decimals(position),
    )


def _add_private(dataset: Dataset) -> None:
    """What other makers' objects hold: a block with text, numbers, bytes and a sequence of its own."""
    block = dataset.private_block(0x0009, _PRIVATE_CREATOR, create=True)
    block.add_new(0x01, "LO", "not for other readers")
    block.add_new(0x02, "FD", [1.5, -2.5, 3.5])
    block.add_new(0x03, "OB", bytes(range(256)) * 4)
    inner = _dataset(CodeMeaning="not for other readers")
    block.add_new(0x04, "SQ", [inner, inner])


def _leave_lengths_open(dataset: Dataset, encoding: Encoding) -> None:
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = encoding.undefined_sequences
            for item in element.value:
                item.is_undefined_length_sequence_item = encoding.undefined_items
                _leave_lengths_open(item, encoding)


def _encoded(dataset: Dataset, encoding: Encoding) -> bytes:
    late = _dataset()
    for keyword in _LAST if encoding.out_of_order else ():
        late.add(dataset.data_element(keyword))
        delattr(dataset, keyword)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    behind = io.BytesIO()
    if late:
        late.save_as(behind, implicit_vr=False, little_endian=True)
    return buffer.getvalue() + behind.getvalue()
