"""Sequences of undefined length are passed over as pydicom writes them, and nothing else gets through."""

from __future__ import annotations

import contextlib
import struct

import pytest
from DicomRegInspectorLib.dicom.undefined_length import NotPlainError, end_of_undefined
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset


def encoded(levels: int, items: int, implicit: bool, undefined_items: bool) -> bytes:
    """Nested sequences of undefined length, from the first item of the outermost on."""
    inner = Dataset()
    inner.PatientComments = "some text"
    inner.RedPaletteColorLookupTableData = bytes(range(64))
    for _ in range(levels):
        outer = Dataset()
        outer.StudyID = "1"
        outer.ReferencedImageSequence = [inner] * items
        outer["ReferencedImageSequence"].is_undefined_length = True
        for item in outer.ReferencedImageSequence:
            item.is_undefined_length_sequence_item = undefined_items
        inner = outer
    del inner["StudyID"]
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = implicit, True
    write_dataset(buffer, inner)
    return buffer.getvalue()[8 if implicit else 12 :]


def end_of_items(data: bytes, implicit: bool) -> int:
    return end_of_undefined(data, 0, 0x00081140, 0 if implicit else int.from_bytes(b"SQ", "little"))


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("undefined_items", [True, False])
@pytest.mark.parametrize(("levels", "items"), [(1, 0), (1, 3), (3, 2), (10, 1)])
def test_the_end_is_found(implicit: bool, undefined_items: bool, levels: int, items: int) -> None:
    data = encoded(levels, items, implicit, undefined_items)
    assert end_of_items(data + b"what follows", implicit) == len(data)


@pytest.mark.parametrize("implicit", [True, False])
def test_a_cut_sequence_has_no_end(implicit: bool) -> None:
    data = encoded(2, 2, implicit, True)
    for length in range(0, len(data) - 1, 7):
        with pytest.raises(struct.error):
            end_of_items(data[:length], implicit)


def test_endless_nesting_is_left_alone() -> None:
    item = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    with pytest.raises(NotPlainError):
        end_of_items(item[12:] + item * 1000, False)


@settings(max_examples=200, deadline=None)
@given(
    implicit=st.booleans(),
    place=st.integers(0, 10_000),
    change=st.binary(min_size=1, max_size=6),
    undefined_items=st.booleans(),
)
def test_damage_ends_in_an_end_or_a_refusal(implicit: bool, place: int, change: bytes, undefined_items: bool) -> None:
    data = bytearray(encoded(3, 2, implicit, undefined_items))
    place %= len(data)
    data[place : place + len(change)] = change
    with contextlib.suppress(struct.error, NotPlainError):
        assert end_of_items(bytes(data), implicit) > 0
