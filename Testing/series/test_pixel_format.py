"""How pixels are stored, read by the fast walk: what it gives is what the walk for files of any encoding gives."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import pydicom.data
import pytest
from DicomRegInspectorLib.dicom.header import Header
from DicomRegInspectorLib.errors import FileError
from DicomRegInspectorLib.series import read_header
from DicomRegInspectorLib.series.pixels import format as pixel_format
from DicomRegInspectorLib.series.pixels.format import PixelFormat, read_pixel_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nested_making import IMAGE, PRIVATE, PUBLIC_SEQUENCES, damaged, element, sequence, whole_file

INSTALLED = sorted((Path(pydicom.data.__file__).parent / "test_files").rglob("*.dcm"))
PIXELS = [
    (0x00280004, [b"CS"], [b"MONOCHROME2 ", b"RGB ", b""]),
    (0x00280006, [b"US"], [b"\1\0"]),
    (0x00280008, [b"IS"], [b"1 ", b"2 ", b"x ", b"1_0 "]),
    (0x00280101, [b"US", b"SS"], [b"\x0c\0", b"\x10\0", b""]),
    (0x00280102, [b"US"], [b"\x0b\0", b"\x0b\0\x0b\0"]),
    (0x00280103, [b"US"], [b"\0\0", b"\1\0"]),
    (0x00280120, [b"US", b"SS", b"OW"], [b"\0\x80"]),
    (0x00280121, [b"US", b"SS"], [b"\xff\x7f"]),
    (0x00281052, [b"DS"], [b"-1024 ", b"nan "]),
    (0x00281053, [b"DS", b"FD"], [b"1 ", b"0.5 "]),
    (0x00281054, [b"LO"], [b"HU", b"HU" * 3000]),
    (0x00283000, [b"SQ"], [b""]),
    (0x00541001, [b"CS"], [b"BQML"]),
    (0x7FE00008, [b"OF"], [bytes(64)]),
]
NEARLY_ALWAYS = (0x00280004, 0x00280101, 0x00280103)
SELDOM = (0x00283000, 0x7FE00008)


def image_file(rng: Random) -> bytes:
    """A small image that says of its pixels what files say, right and wrong, with sequences and long elements."""
    implicit = rng.random() < 0.3
    elements = {tag: element(tag, vr, value, implicit) for tag, vr, value in IMAGE}
    for tag, representations, values in PIXELS:
        if rng.random() < (0.95 if tag in NEARLY_ALWAYS else 0.1 if tag in SELDOM else 0.5):
            usual = rng.random() < 0.9
            vr = representations[0] if usual else rng.choice(representations)
            elements[tag] = element(tag, vr, values[0] if usual else rng.choice(values), implicit)
    for tag in rng.sample(PUBLIC_SEQUENCES + PRIVATE, rng.randint(0, 3)):
        elements[tag] = sequence(rng, tag, implicit, 2)
    if rng.random() < 0.2:
        elements[0x00291010] = element(0x00291010, b"OB", bytes(9000), implicit)
    elements[0x7FE00010] = element(0x7FE00010, b"OW", bytes(64), implicit)
    return whole_file(elements, implicit)


def outcome(header: Header) -> dict[str, Any] | tuple[type, str, str]:
    """What a file's format is, or why it has none."""
    try:
        found = read_pixel_format(header)
    except FileError as error:
        return type(error), error.code, error.problem
    values = {field.name: getattr(found, field.name) for field in fields(PixelFormat)}
    values["rescales"] = [(rescale.slope, rescale.intercept, rescale.table is None) for rescale in found.rescales]
    return values


def without_fast_walk(header: Header, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any] | tuple[type, str, str]:
    with monkeypatch.context() as patched:
        patched.setattr(pixel_format, "_walk_fast", lambda *_: None)
        return outcome(header)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.none() | st.integers(0, 2**32))
def test_both_walks_read_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, damage: int | None
) -> None:
    path = tmp_path / "image.dcm"
    content = image_file(Random(seed))
    path.write_bytes(content if damage is None else damaged(Random(damage), content))
    try:
        header = read_header(path)
    except FileError:
        return
    assert repr(outcome(header)) == repr(without_fast_walk(header, monkeypatch))


@pytest.mark.parametrize("path", INSTALLED, ids=lambda path: path.name)
def test_both_walks_read_the_same_of_real_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        header = read_header(path)
    except FileError as error:
        pytest.skip(f"no header can be read: {error.problem}")
    assert repr(outcome(header)) == repr(without_fast_walk(header, monkeypatch))


def test_plain_files_need_neither_the_other_walk_nor_pydicom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a slower way was taken")

    monkeypatch.setattr(pixel_format, "open_dataset", refuse)
    monkeypatch.setattr("DicomRegInspectorLib.series.pixels.slow_format.slow_values", refuse)
    plain = {tag: element(tag, vr, value, False) for tag, vr, value in IMAGE}
    plain |= {tag: element(tag, vrs[0], values[0], False) for tag, vrs, values in PIXELS if tag not in SELDOM}
    plain[0x7FE00010] = element(0x7FE00010, b"OW", bytes(32), False)
    content = whole_file(plain, False)
    for name in ("first.dcm", "second.dcm"):  # the second is recognised by what was walked over in the first
        (tmp_path / name).write_bytes(content)
        found = read_pixel_format(read_header(tmp_path / name))
        assert (found.rows, found.columns, found.bits_stored, found.high_bit, found.signed) == (4, 4, 12, 11, False)
        assert (found.offset, found.length) == (len(content) - 32, 32)
        assert (found.rescales[0].slope, found.rescales[0].intercept, found.units) == (1.0, -1024.0, "BQML")
        assert found.padding_elements == (0x8000, 0x7FFF)
