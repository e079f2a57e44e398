"""Registrations in unusual places are named: a structure set that relates frames, points that a matrix was made of."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from DicomRegInspectorLib import inspect_paths
from DicomRegInspectorLib.report.text.show import show_file
from DicomRegInspectorLib.report.text.terminal import Style
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SHIFT = [1, 0, 0, 12.5, 0, 1, 0, -7, 0, 0, 1, 30, 0, 0, 0, 1]


def item(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def written(path: Path, sop_class: str, modality: str, **values: object) -> Path:
    made = item(SOPClassUID=sop_class, Modality=modality, PatientName="SECRET^NAME", FrameOfReferenceUID="1.2.3.100")
    made.update(item(SOPInstanceUID=generate_uid(), StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.4", **values))
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pydicom.dcmwrite(path, made, enforce_file_format=True)
    return path


def structures(path: Path, related: list[Dataset]) -> Path:
    frame = item(FrameOfReferenceUID="1.2.3.100")
    if related:
        frame.FrameOfReferenceRelationshipSequence = related
    return written(path, "1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", ReferencedFrameOfReferenceSequence=[frame],
                   ROIContourSequence=[item(ReferencedROINumber=1)])  # fmt: skip


def relationship(matrix: list[float] | None) -> Dataset:
    related = item(RelatedFrameOfReferenceUID="1.2.3.200", FrameOfReferenceTransformationType="HOMOGENEOUS")
    if matrix:
        related.FrameOfReferenceTransformationMatrix = matrix
    return related


def notes(path: Path) -> list:
    found = [finding for finding in inspect_paths(path).findings if finding.code == "reg-not-read"]
    assert {finding.severity for finding in found} <= {"info"}
    return found


@pytest.mark.parametrize("matrix", [SHIFT, None])
def test_a_structure_set_that_relates_frames_is_named_and_shown(tmp_path: Path, matrix) -> None:
    path = structures(tmp_path / "rs.dcm", [relationship(matrix)])
    (finding,) = notes(path)
    assert "(3006,00C0)" in finding.message and "1.2.3.200 to 1.2.3.100" in finding.message
    assert finding.evidence["relationships"] == 1
    text = show_file(path, Style(width=200, colour=False)).text
    assert "Frame of Reference Relationship Sequence (3006,00C0)" in text and "1.2.3.200" in text
    assert ("translation (12.5, -7, 30) mm" in text) == (matrix is not None)
    assert "SECRET" not in text


def test_an_ordinary_structure_set_says_nothing(tmp_path: Path) -> None:
    assert list(inspect_paths(structures(tmp_path / "rs.dcm", [])).findings) == []


@pytest.mark.parametrize("outer", [True, False])
def test_fiducials_that_a_matrix_was_made_of_are_named(tmp_path: Path, outer: bool) -> None:
    step = item(FrameOfReferenceTransformationMatrixType="RIGID", FrameOfReferenceTransformationMatrix=SHIFT)
    used = [item(FiducialUID=f"1.2.3.{n}") for n in (7, 8, 9)]
    matrix = item(MatrixSequence=[step])
    moving = item(FrameOfReferenceUID="1.2.3.200", MatrixRegistrationSequence=[matrix])
    (moving if outer else matrix).UsedFiducialsSequence = used
    path = written(tmp_path / "reg.dcm", "1.2.840.10008.5.1.4.1.1.66.1", "REG", RegistrationSequence=[moving])
    (finding,) = notes(path)
    assert "(0070,0314)" in finding.message and "3 fiducials" in finding.message
    assert finding.evidence["fiducial_uids"] == ["1.2.3.7", "1.2.3.8", "1.2.3.9"]
    assert "Used Fiducials Sequence" in show_file(path, Style(width=200, colour=False)).text
