"""Headers made of the DICOM JSON model say what the instance says, or that there is doubt."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pydicom
import pytest
from DicomRegInspectorLib.archive.dicomweb.header_file import HeaderWriter, written
from DicomRegInspectorLib.archive.dicomweb.same import decimals_written, says_the_same
from DicomRegInspectorLib.dicom.fast_header import read_header
from DicomRegInspectorLib.dicom.tags import Tag
from fake_server import metadata_of
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from stack_making import along_table, write_stack

REAL = ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "liver_1frame.dcm", "JPEG2000.dcm")


@pytest.mark.parametrize("name", REAL)
def test_real_objects_say_the_same_by_pydicoms_json(name: str, tmp_path: Path) -> None:
    path = Path(get_testdata_file(name, download=False))
    own = read_header(path)
    writer = HeaderWriter()
    writer.decimals = decimals_written(own)
    made = writer.header_file(json.loads(json.dumps(metadata_of(pydicom.dcmread(path)))))
    assert not made.is_doubtful
    (tmp_path / "made.dcm").write_bytes(made.content)
    assert says_the_same(own, read_header(tmp_path / "made.dcm"))
    pydicom.dcmread(tmp_path / "made.dcm")  # a reader of another's finds it whole


@pytest.fixture()
def one_slice(tmp_path: Path) -> Path:
    write_stack(tmp_path / "ct", along_table([12.5]), per_slice=[{"SeriesDescription": "Kopf"}])
    return next((tmp_path / "ct").iterdir())


@pytest.mark.parametrize(
    ("key", "element"),
    [
        ("00200032", {"vr": "DS", "Value": [1.5, None, 3]}),
        ("00200032", {"vr": "DS", "Value": []}),
        ("00200032", {"vr": "DS", "Value": [[1], 2, 3]}),
        ("00200032", {"vr": "DS", "Value": [True, 2, 3]}),
        ("00200032", {"vr": "DS", "Value": "1\\2\\3"}),
        ("00200032", {"vr": "DS", "InlineBinary": "!!"}),
        ("00200032", {"vr": "DS", "InlineBinary": 5}),
        ("00200032", ["DS"]),
        ("00280010", {"vr": "US", "Value": [70000]}),
        ("00280010", {"vr": "US", "Value": ["many"]}),
        ("00280010", {"vr": "US", "Value": [48.5]}),
        ("00280010", {"vr": "US", "Value": [True]}),
        ("00280010", {"vr": "US", "Value": [{}]}),
        ("00080060", {"vr": "CS", "Value": [5]}),
        ("00081140", {"vr": "SQ", "Value": ["item"]}),
        ("00081140", {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [7]}}]}),
    ],
)
def test_what_is_no_value_is_doubtful(key: str, element: Any, one_slice: Path, tmp_path: Path) -> None:
    metadata = metadata_of(pydicom.dcmread(one_slice))
    made = HeaderWriter().header_file({**metadata, key: element})
    assert made.is_doubtful
    (tmp_path / "made.dcm").write_bytes(made.content)
    read_header(tmp_path / "made.dcm")  # what is left out leaves a file that can be read


KEYS = ("00200032", "00280010", "00080060", "00081140", "52009230", "0019100C", "x", "00", "7FE00010")
NAMES = ("vr", "Value", "InlineBinary", "BulkDataURI", "00081155")


@given(
    st.dictionaries(
        st.sampled_from(
            ["00200032", "00280010", "00080060", "00081140", "52009230", "0019100C", "x", "00", "7FE00010"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
            max_leaves=12,
        ),
        max_size=5,
    )
)
@settings(max_examples=150, deadline=None)
def test_whatever_json_holds_is_a_file_or_doubt(metadata: dict[str, Any]) -> None:
    made = HeaderWriter().header_file(metadata)
    assert made.content[128:132] == b"DICM"


def test_numbers_keep_the_digits_of_the_series() -> None:
    assert [written(number, 3) for number in (1.5, -2, 0, 1e-7, 1.23456)] == [
        "1.500",
        "-2.000",
        "0.000",
        "1e-07",
        "1.23456",
    ]
    assert [written(number, 0) for number in (1.5, 2.0, -0.0, 1e300)] == ["1.5", "2", "0", "1e+300"]
    assert written(math.nan, 3) == "nan"


def test_a_writer_that_has_seen_an_instance_writes_the_next_as_if_it_had_not(one_slice: Path) -> None:
    first = metadata_of(pydicom.dcmread(one_slice))
    second = {**first, "00200013": {"vr": "IS", "Value": [2]}, "00080018": {"vr": "UI", "Value": ["1.2.9"]}}
    remembering = HeaderWriter()
    remembering.header_file(first)
    assert remembering.header_file(second) == HeaderWriter().header_file(second)


@pytest.mark.parametrize(
    "change",
    [
        lambda ds: ds.private_block(0x43, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [800, 0, 0, 0]),
        lambda ds: setattr(ds, "ImagePositionPatient", [-25, -30, 12.75]),
        lambda ds: setattr(ds, "EchoTime", "3.5"),
        lambda ds: setattr(ds, "ImageType", ["DERIVED", "PRIMARY"]),
        lambda ds: delattr(ds, "Rows"),
        lambda ds: setattr(ds, "FrameOfReferenceUID", "1.2.3"),
    ],
)
def test_headers_that_differ_in_what_counts_are_told_apart(change: Any, one_slice: Path, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(one_slice)
    change(dataset)
    dataset.save_as(tmp_path / "changed.dcm")
    assert says_the_same(read_header(one_slice), read_header(one_slice))
    assert not says_the_same(read_header(one_slice), read_header(tmp_path / "changed.dcm"))


def test_texts_of_any_alphabet_come_as_utf8(one_slice: Path, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(one_slice)
    dataset.SpecificCharacterSet, dataset.SeriesDescription = "ISO_IR 100", "Schädel"
    dataset.save_as(one_slice)
    (tmp_path / "made.dcm").write_bytes(HeaderWriter().header_file(metadata_of(pydicom.dcmread(one_slice))).content)
    own, made = read_header(one_slice), read_header(tmp_path / "made.dcm")
    assert own.series_description == made.series_description == "Schädel"
    assert own.raw(Tag.SERIES_DESCRIPTION) != made.raw(Tag.SERIES_DESCRIPTION)
