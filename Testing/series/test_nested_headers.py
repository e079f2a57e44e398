"""Headers with sequences of undefined length: walked over without pydicom, with pydicom's result, in bounded time."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from random import Random

import pytest
from DicomRegInspectorLib.dicom import pydicom_header
from DicomRegInspectorLib.dicom.fast_header import fast_header
from DicomRegInspectorLib.dicom.pydicom_header import slow_header
from DicomRegInspectorLib.dicom.undefined_length import MOST_LEVELS
from DicomRegInspectorLib.errors import FileError, TruncatedFileError
from DicomRegInspectorLib.series import read_header
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nested_making import (
    END_OF_ITEM,
    END_OF_SEQUENCE,
    IMAGE,
    ITEM,
    UNDEFINED,
    damaged,
    delimiter,
    element,
    nested_file,
    outcome,
    whole_file,
)
from series_making import write

SEQUENCE = 0x00081140
OPEN_ITEM, CLOSE_ITEM, CLOSE_SEQUENCE = delimiter(ITEM, UNDEFINED), delimiter(END_OF_ITEM), delimiter(END_OF_SEQUENCE)
on_generated_files = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def with_sequence(value: bytes, *, implicit: bool = False, vr: bytes = b"SQ", leave_out: int = 0) -> bytes:
    """An image with one sequence of undefined length, ``value`` from the first item to the delimiter."""
    elements = {tag: element(tag, vr, content, implicit) for tag, vr, content in IMAGE if tag != leave_out}
    elements[SEQUENCE] = element(SEQUENCE, vr, value, implicit, UNDEFINED)
    elements[0x7FE00010] = element(0x7FE00010, b"OW", bytes(32), implicit)
    return whole_file(elements, implicit)


def nested(levels: int, implicit: bool) -> bytes:
    """Sequences in sequences, from the first item of the outermost on."""
    inner = element(SEQUENCE, b"SQ", b"", implicit, UNDEFINED) + OPEN_ITEM
    return OPEN_ITEM + inner * (levels - 1) + (CLOSE_ITEM + CLOSE_SEQUENCE) * levels


@pytest.fixture
def without_pydicom(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("pydicom was asked")

    monkeypatch.setattr(pydicom_header, "slow_header", refuse)
    monkeypatch.setattr(pydicom_header, "pixel_data_by_pydicom", refuse)


@on_generated_files
@given(seed=st.integers(0, 1 << 40))
def test_both_ways_of_reading_agree_on_sequences_of_every_form(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "nested.dcm"
    path.write_bytes(nested_file(Random(seed)))
    fast = outcome(fast_header, path)
    assert fast is not None
    assert fast == outcome(slow_header, path)


@on_generated_files
@given(seed=st.integers(0, 1 << 40), damage=st.integers(0, 1 << 40))
def test_both_ways_of_reading_agree_on_damaged_sequences(tmp_path: Path, seed: int, damage: int) -> None:
    path = tmp_path / "damaged.dcm"
    path.write_bytes(damaged(Random(damage), nested_file(Random(seed))))
    fast = outcome(fast_header, path)
    if fast is not None:
        assert fast == outcome(slow_header, path)


@pytest.mark.usefixtures("without_pydicom")
@pytest.mark.parametrize("seed", range(20))
def test_sequences_of_every_form_are_read_without_pydicom(tmp_path: Path, seed: int) -> None:
    header = read_header(write(tmp_path / "nested.dcm", nested_file(Random(seed))))
    assert (header.rows, header.instance_number, header.pixel_data) == (4, 7, "complete")
    assert header.image_position_mm == (-120.5, -90.0, 12.25)


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("levels", [1, 2, 16, MOST_LEVELS, MOST_LEVELS + 1, 100])
def test_every_depth_gives_the_same_header(tmp_path: Path, levels: int, implicit: bool) -> None:
    path = tmp_path / "deep.dcm"
    path.write_bytes(with_sequence(nested(levels, implicit), implicit=implicit))
    expected = outcome(slow_header, path)
    assert outcome(fast_header, path) == (expected if levels <= MOST_LEVELS + 1 else None)
    assert read_header(path) == expected
    assert expected.rows == 4


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("levels", [900, 20_000])
def test_a_whole_file_that_is_nested_too_deeply_is_not_called_cut_off(
    tmp_path: Path, levels: int, implicit: bool
) -> None:
    with pytest.raises(FileError, match="nested too deeply") as caught:
        read_header(write(tmp_path / "deep.dcm", with_sequence(nested(levels, implicit), implicit=implicit)))
    assert not isinstance(caught.value, TruncatedFileError)


@pytest.mark.parametrize("explicit_inside", [False, True])
def test_an_unknown_sequence_is_read_as_it_is_encoded(tmp_path: Path, explicit_inside: bool) -> None:
    inside = element(0x00081155, b"UI", b"1.2.3\0", not explicit_inside)
    path = tmp_path / "unknown.dcm"
    path.write_bytes(with_sequence(OPEN_ITEM + inside + CLOSE_ITEM + CLOSE_SEQUENCE, vr=b"UN"))
    fast = outcome(fast_header, path)
    assert (fast is None) == explicit_inside
    assert read_header(path) == outcome(slow_header, path)


@pytest.mark.parametrize("tag", [0x00080018, 0x00080005])
def test_a_wanted_element_in_an_item_is_not_the_images(tmp_path: Path, tag: int) -> None:
    value = b"ISO_IR 192" if tag == 0x00080005 else b"9.9\0"
    inside = element(tag, b"CS" if tag == 0x00080005 else b"UI", value, False)
    header = read_header(write(tmp_path / "image.dcm", with_sequence(OPEN_ITEM + inside + CLOSE_ITEM + CLOSE_SEQUENCE)))
    assert header.sop_instance_uid == "1.2.3.4"
    assert header.series_description == "Türkei"


@pytest.mark.usefixtures("without_pydicom")
@pytest.mark.parametrize(
    "items",
    [
        (OPEN_ITEM + CLOSE_ITEM) * 1_000_000,
        delimiter(ITEM) * 2_000_000,
        (OPEN_ITEM + element(0x00081155, b"UI", b"", False) + CLOSE_ITEM) * 600_000,
    ],
    ids=["empty", "empty of defined length", "empty element"],
)
def test_a_million_items_take_as_long_as_their_bytes(tmp_path: Path, items: bytes) -> None:
    path = write(tmp_path / "many.dcm", with_sequence(items + CLOSE_SEQUENCE))
    start = time.process_time()
    assert read_header(path).rows == 4
    assert time.process_time() - start < 6


@pytest.mark.usefixtures("without_pydicom")
def test_a_million_items_take_no_memory_of_their_own(tmp_path: Path) -> None:
    path = write(tmp_path / "many.dcm", with_sequence((OPEN_ITEM + CLOSE_ITEM) * 1_000_000 + CLOSE_SEQUENCE))
    tracemalloc.start()
    assert read_header(path).rows == 4
    assert tracemalloc.get_traced_memory()[1] < 4 * 16_000_000
    tracemalloc.stop()


def test_what_pydicom_is_asked_for_is_bounded_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydicom_header, "MOST_READS", 20_000)
    # Without a series only pydicom reads it.
    content = with_sequence((OPEN_ITEM + CLOSE_ITEM) * 20_000 + CLOSE_SEQUENCE, leave_out=0x0020000E)
    with pytest.raises(FileError, match="20,000 pieces") as caught:
        read_header(write(tmp_path / "many.dcm", content))
    assert not isinstance(caught.value, TruncatedFileError)
