"""The walk over elements finds what pydicom finds in every encoding, in bounded memory, and tells limits as limits."""

from __future__ import annotations

import dataclasses
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
import regfiles as rf
from DicomRegInspectorLib import check_pixels, limits
from DicomRegInspectorLib.dicom import element_walk, wanted_elements
from DicomRegInspectorLib.dicom.dataset import open_dataset
from DicomRegInspectorLib.dicom.deflated_source import DeflatedSource
from DicomRegInspectorLib.dicom.element_walk import MOST_LEVELS, ElementWalk
from DicomRegInspectorLib.dicom.wanted_elements import read_elements
from DicomRegInspectorLib.errors import FileError, TruncatedFileError
from DicomRegInspectorLib.registration import read_registration
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from regcases import deformable

SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]
SEQUENCES = ["ReferencedSeriesSequence", "ReferencedStudySequence", "ContentSequence"]
OPEN_SEQUENCE, EMPTY_ITEM = b"\x08\0\x15\x11SQ\0\0\xff\xff\xff\xff", b"\xfe\xff\x00\xe0\0\0\0\0"
MANY = 30_000
FLAT = st.fixed_dictionaries(
    {},
    optional={
        "PatientComments": st.text("abc", max_size=20),
        "StudyID": st.text("123", max_size=6),
        "Rows": st.integers(0, 65535),
        "RedPaletteColorLookupTableData": st.binary(max_size=40).filter(lambda data: len(data) % 2 == 0),
    },
)
TREES = st.recursive(
    FLAT,
    lambda inner: st.tuples(
        FLAT, st.dictionaries(st.sampled_from(SEQUENCES), st.lists(inner, max_size=3), min_size=1, max_size=2)
    ).map(lambda parts: {**parts[0], **parts[1]}),
    max_leaves=12,
)


def dataset_of(tree: dict[str, Any], undefined: bool) -> Dataset:
    found = Dataset()
    for keyword, value in tree.items():
        if isinstance(value, list):
            setattr(found, keyword, [dataset_of(item, undefined) for item in value])
            found[keyword].is_undefined_length = undefined
            for item in found[keyword].value:
                item.is_undefined_length_sequence_item = undefined
        else:
            setattr(found, keyword, value)
    return found


def save(path: Path, found: Dataset, syntax: str) -> Path:
    found.SOPClassUID, found.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.66.1", "1.2.3"
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = syntax
    found.file_meta.MediaStorageSOPClassUID, found.file_meta.MediaStorageSOPInstanceUID = found.SOPClassUID, "1.2.3"
    found.save_as(path, enforce_file_format=True)
    return path


def walked(walk: ElementWalk) -> list[tuple[int, Any]]:
    """Tags with values, sequences as lists of the same."""
    found: list[tuple[int, Any]] = []
    for head in walk.elements():
        if head.tag in {0x00081115, 0x00081110, 0x0040A730}:
            found.append((head.tag, [walked(walk) for _ in walk.items(head)]))
        else:
            found.append((head.tag, walk.value(head, 1000)))
    return found


def by_pydicom(found: Dataset) -> list[tuple[int, Any]]:
    told: list[tuple[int, Any]] = []
    for tag in sorted(found.keys()):
        raw = found.get_item(tag)
        if raw.VR == "SQ" or int(tag) in {0x00081115, 0x00081110, 0x0040A730}:
            told.append((int(tag), [by_pydicom(item) for item in found[tag].value]))
        else:
            told.append((int(tag), raw.value or b""))
    return told


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES, syntax=st.sampled_from(SYNTAXES), undefined=st.booleans())
def test_the_walk_finds_what_pydicom_finds(tmp_path: Path, tree: dict[str, Any], syntax: str, undefined: bool) -> None:
    path = save(tmp_path / "tree.dcm", dataset_of(tree, undefined), syntax)
    with open_dataset(path) as dataset:
        found = walked(dataset.walk)
    assert found == by_pydicom(dcmread(path))
    with open_dataset(path, look_up=True) as dataset:
        places = {head.tag: head for head in dataset.walk.elements() if head.length != 0xFFFFFFFF}
        values = {tag: dataset.bytes_at(head.offset, head.length) for tag, head in places.items()}
    assert all(values[tag] == value for tag, value in found if isinstance(value, bytes))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES, syntax=st.sampled_from(SYNTAXES), undefined=st.booleans(), stop=st.integers(0, 3))
def test_a_sequence_left_early_is_passed_over(
    tmp_path: Path, tree: dict[str, Any], syntax: str, undefined: bool, stop: int
) -> None:
    path = save(tmp_path / "tree.dcm", dataset_of(tree, undefined), syntax)
    with open_dataset(path) as dataset:
        walk, seen = dataset.walk, []
        for head in walk.elements():
            seen.append(head.tag)
            if head.tag in {0x00081115, 0x00081110, 0x0040A730}:
                for number in walk.items(head):
                    if number > stop or next(walk.elements(), None) is not None:
                        break
    assert seen == [int(tag) for tag in sorted(dcmread(path).keys())]


@pytest.mark.parametrize("undefined_items", [False, True])
def test_very_many_empty_items_take_no_memory(tmp_path: Path, undefined_items: bool) -> None:
    item = (
        b"\xfe\xff\x00\xe0\xff\xff\xff\xff\xfe\xff\x0d\xe0\0\0\0\0" if undefined_items else b"\xfe\xff\x00\xe0\0\0\0\0"
    )
    body = OPEN_SEQUENCE + item * MANY + b"\xfe\xff\xdd\xe0\0\0\0\0"
    path = tmp_path / "items.dcm"
    path.write_bytes(rf.wrap(body + b"\x10\0\x20\0LO\x04\0last", rf.Encoding()))
    for wanted in ((0x00100020,), (0x00081115, 0x00100020)):
        with open_dataset(path) as dataset:
            walk, items, last = dataset.walk, 0, b""
            tracemalloc.start()
            for head in walk.elements(wanted):
                if head.tag == 0x00081115:
                    items = sum(1 for _ in walk.items(head))
                else:
                    last = walk.value(head, 100)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert (items, last) == (MANY if len(wanted) > 1 else 0, b"last")
        assert peak < 200_000


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = rf.write(tmp_path / "reg.dcm", deformable())
    monkeypatch.setattr(wanted_elements, "MOST_KEPT", 5 << 10)
    with pytest.raises(FileError, match="of the elements that are read"):
        read_registration(path)


def test_elements_without_end_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(element_walk, "MOST_ELEMENTS", 10_000)
    monkeypatch.setattr(limits, "ELEMENTS", dataclasses.replace(limits.ELEMENTS, value=10_000))
    path = tmp_path / "many.dcm"
    path.write_bytes(rf.wrap(OPEN_SEQUENCE + EMPTY_ITEM * 20_000, rf.Encoding()))
    with pytest.raises(FileError, match="holds more than 10,000 elements"):
        read_elements(path, {0x00081115})


@pytest.mark.parametrize("explicit", [False, True])
@pytest.mark.parametrize("levels", [MOST_LEVELS, MOST_LEVELS + 1, 900])
def test_deep_nesting_is_told_as_what_it_is(tmp_path: Path, levels: int, explicit: bool) -> None:
    encoding = rf.Encoding("explicit-le" if explicit else "implicit-le")
    elements = deformable()
    context = rf.context_of(encoding)
    body = rf.encode_elements([e for e in elements if e.tag < rf.CONTENT_SEQUENCE], context)
    body += rf.nested_sequences(levels, undefined=True, explicit=explicit, tag=rf.CONTENT_SEQUENCE)
    body += rf.encode_elements([e for e in elements if e.tag > rf.CONTENT_SEQUENCE], context)
    path = tmp_path / "deep.dcm"
    path.write_bytes(rf.wrap(body, encoding))
    (finding,) = [found for found in check_pixels([path]).findings if found.severity == "error"] or [None]
    if levels <= MOST_LEVELS:
        assert read_registration(path).items and finding is None
        return
    with pytest.raises(FileError, match=f"nests sequences more than {MOST_LEVELS} levels deep") as caught:
        read_registration(path)
    assert not isinstance(caught.value, TruncatedFileError)
    assert finding.code == "file-unreadable" and f"more than {MOST_LEVELS} levels deep" in finding.message


def test_what_inflates_to_too_much_is_told(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    path = tmp_path / "bomb"
    path.write_bytes(b"head" + packer.compress(bytes(3 << 20)) + packer.flush())
    with DeflatedSource(path, 4, 1 << 20) as source, pytest.raises(FileError, match=r"more than 1 MiB"):
        source.skip(2 << 20)
    with DeflatedSource(path, 4, 3 << 20) as source:
        assert (source.skip(1 << 20), len(source.read(4 << 20)), source.read(1)) == (1 << 20, 2 << 20, b"")


@pytest.mark.parametrize(("claimed", "problem"), [(300, "are left in an item"), (1 << 20, "is cut off")])
def test_a_length_beyond_its_item_is_no_cut_file(tmp_path: Path, claimed: int, problem: str) -> None:
    item = b"\x20\0\x0d\0UN\0\0" + struct.pack("<L", claimed) + b"1.2.3 "
    item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(item)) + item
    body = b"\x08\0\x15\x11SQ\0\0" + struct.pack("<L", len(item)) + item + b"\x09\0\x10\0LO\xf4\x01" + b"x" * 500
    path = tmp_path / "long.dcm"
    path.write_bytes(rf.wrap(body, rf.Encoding()))
    with pytest.raises(FileError, match=problem) as caught:
        read_elements(path, {0x00081115, 0x0020000D})
    assert isinstance(caught.value, TruncatedFileError) == (problem == "is cut off")
    # Nobody who does not look into the sequence is told of it.
    assert read_elements(path, {0x00090010}).root.get(0x00090010).length == 500


@pytest.mark.parametrize("padding", [b"\0" * 100, b"\n", b"\r\n", b"\0"])
def test_padding_after_the_data_set_is_passed_over(tmp_path: Path, padding: bytes) -> None:
    path = rf.write(tmp_path / "reg.dcm", deformable())
    path.write_bytes(path.read_bytes() + padding)
    assert [item.problem for item in read_registration(path).items] == [None]


def test_bytes_that_are_no_element_are_told_as_that(tmp_path: Path) -> None:
    path = rf.write(tmp_path / "reg.dcm", deformable())
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"written by a tool, thus!")
    with pytest.raises(FileError, match=f"has bytes at {size:,} that are no element") as caught:
        read_registration(path)
    assert not isinstance(caught.value, TruncatedFileError)
