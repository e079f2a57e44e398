"""What the headers of many files have in common is held once, and recognised again."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from DicomRegInspectorLib.dicom import fast_header
from DicomRegInspectorLib.dicom.header_walk import LEARN_ANEW, Selection, codes_of, walk
from DicomRegInspectorLib.dicom.identity import gathered, masked_headers
from DicomRegInspectorLib.dicom.tags import Tag
from DicomRegInspectorLib.privacy import HIDDEN
from DicomRegInspectorLib.series import read_header
from pydicom.data import get_testdata_file


def test_what_differs_in_short_series_is_recognised_again_in_long_ones() -> None:
    tags = {Tag.TRANSFER_SYNTAX_UID: (b"UI",), Tag.SERIES_INSTANCE_UID: (b"UI",), Tag.ROWS: (b"US",)}
    selection, content = Selection(codes_of(tags), Tag.ROWS), Path(get_testdata_file("CT_small.dcm")).read_bytes()
    expected = walk(content, len(content), selection)
    uid = expected[0][Tag.SERIES_INSTANCE_UID]
    for number in range(8):
        other = content.replace(uid, uid.replace(uid[5:7], b"%02d" % number, 1))
        walk(other, len(other), selection)
    assert Tag.SERIES_INSTANCE_UID in selection.varying
    for _ in range(LEARN_ANEW):
        assert walk(content, len(content), selection) == expected
    assert Tag.SERIES_INSTANCE_UID not in selection.varying


def test_files_that_share_elements_share_them_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = fast_header._HEADER
    monkeypatch.setattr(fast_header, "_HEADER", Selection(known.codes, known.last_tag, known.lenient))
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.PatientName, dataset.SeriesDescription = "Secret^Nemo", "Lung of Secret"
    headers = []
    for number in range(4):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number + 1}"
        dataset.ImagePositionPatient = [0, 0, number]
        dataset.save_as(tmp_path / f"{number}.dcm")
        headers.append(read_header(tmp_path / f"{number}.dcm"))
    masked = masked_headers(headers, gathered(headers))
    assert masked[2].shared is masked[3].shared
    assert [header.series_description for header in masked] == [f"Lung of {HIDDEN}"] * 4
    for own, hidden in zip(headers, masked, strict=True):
        assert own.elements.keys() | {Tag.SPECIFIC_CHARACTER_SET} == hidden.elements.keys()
        assert (own.image_position_mm, own.sop_instance_uid) == (hidden.image_position_mm, hidden.sop_instance_uid)
