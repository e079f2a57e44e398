"""Files that are no registrations, untidy ones, and ones whose content is wrong: one clear error or finding each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.errors import FileError, NotDicomError, RegistrationError
from DicomRegInspectorLib.findings import worst_severity
from DicomRegInspectorLib.registration import read_registration
from regcases import (
    BAD_MATRIX,
    BROKEN,
    GRID,
    INCOMPLETE,
    SMALL,
    UNTIDY,
    assert_one_clear_line,
    assert_reported,
    deformable,
    outcome,
)

# ---- Not registrations ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", NotDicomError),
        (b"x", NotDicomError),
        (b"This is no DICOM file, it is a letter.\n" * 50, NotDicomError),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, NotDicomError),
        (b"\0" * 5000, NotDicomError),
        (b"\xff" * 5000, NotDicomError),
        (b"x,y,z\n1,2,3\n", NotDicomError),
        (b"\0" * 128 + b"DICM", FileError),
        (b"\0" * 128 + b"DIC", NotDicomError),
        (b"\0" * 128 + b"DICM" + b"\0" * 100, FileError),
        (b"\0" * 128 + b"DICM" + b"\xff" * 100, FileError),
    ],
)
def test_a_file_that_is_no_dicom_object_is_refused_in_one_line(tmp_path: Path, content: bytes, kind: type) -> None:
    path = tmp_path / "some.dcm"
    path.write_bytes(content)
    result = outcome(path)
    assert isinstance(result, kind)
    assert_one_clear_line(result, path)


def test_random_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise"
    random = np.random.default_rng(0)
    for size in (1, 7, 8, 131, 132, 133, 500, 20_000):
        for _ in range(5):
            path.write_bytes(random.bytes(size))
            assert isinstance(outcome(path), FileError)


def test_a_missing_file_and_a_folder_are_refused_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "folder.dcm"
    folder.mkdir()
    for path in (folder, tmp_path / "nowhere.dcm"):
        result = outcome(path)
        assert isinstance(result, FileError)
        assert_one_clear_line(result, path)


def test_an_image_is_named_as_what_it_is(tmp_path: Path) -> None:
    elements = [e for e in deformable() if e.tag >> 16 not in (0x0064, 0x0070)]
    elements = rf.with_value(rf.with_value(elements, [0x00080016], rf.CT_CLASS), [0x00080060], "CT")
    path = rf.write(tmp_path / "ct.dcm", elements)
    result = outcome(path)
    assert isinstance(result, RegistrationError)
    assert_one_clear_line(result, path)


def test_fiducials_are_recognised_and_named(tmp_path: Path) -> None:
    elements = [e for e in deformable() if e.tag != rf.DEFORMABLE_SEQUENCE]
    elements = rf.with_value(elements, [0x00080016], rf.FIDUCIALS_CLASS)
    elements.append(rf.Element(0x0070031C, "SQ", [[rf.Element(rf.FRAME_UID, "UI", "1.2.3.200")]]))
    registration = read_registration(rf.write(tmp_path / "fiducials.dcm", elements))
    assert (registration.kind, registration.items) == ("fiducials", ())
    assert "reg-not-read" in {finding.code for finding in registration.findings}


# ---- Untidy, but readable -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", UNTIDY)
def test_untidy_files_are_read_all_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / "reg.dcm"
    path.write_bytes(UNTIDY[name]())
    registration = outcome(path)
    assert not isinstance(registration, FileError), registration
    np.testing.assert_array_equal(registration.items[0].grid.vectors, SMALL.vectors)
    assert worst_severity(registration.findings) != "error"


def test_text_in_another_character_set_is_decoded(tmp_path: Path) -> None:
    spec = rf.RegistrationSpec((rf.DeformableItem(SMALL),), charset="ISO_IR 192", series_description="Über früh α")
    assert read_registration(rf.write(tmp_path / "reg.dcm", spec)).series_description == "Über früh α"


@pytest.mark.parametrize("order", ["reversed", "content-first"])
def test_elements_out_of_order_are_reported_and_read(tmp_path: Path, order: str) -> None:
    registration = read_registration(rf.write(tmp_path / "reg.dcm", deformable(), rf.Encoding(order=order)))
    assert "reg-tag-order" in {finding.code for finding in registration.findings}
    np.testing.assert_array_equal(registration.items[0].grid.vectors, SMALL.vectors)
    tidy = read_registration(rf.write(tmp_path / "tidy.dcm", deformable()))
    assert "reg-tag-order" not in {finding.code for finding in tidy.findings}


@pytest.mark.parametrize(
    ("syntax", "vr", "order", "regular"),
    [
        ("explicit-be", "OF", ">", True),
        ("explicit-be", "OW", ">", False),
        ("explicit-be", "OW", "<", False),
        ("explicit-be", "OW", "words", False),
        ("explicit-be", "UN", ">", False),
        ("explicit-be", "UN", "<", False),
        ("explicit-be", "OB", ">", False),
        ("explicit-be", "OB", "<", False),
        ("explicit-le", "OF", "<", True),
        ("explicit-le", "OW", "<", True),
        ("explicit-le", "UN", "<", True),
        ("explicit-le", "OB", "<", True),
        ("explicit-le", "UN", ">", False),
        ("explicit-le", "OB", ">", False),
    ],
)
def test_vectors_come_out_right_in_any_byte_order_the_vr_leaves_open(
    tmp_path: Path, syntax: str, vr: str, order: str, regular: bool
) -> None:
    """Only OF says how its bytes are turned; the others depend on what the writer took them for (PS3.5 7.3)."""
    elements = rf.elements_of(rf.RegistrationSpec((rf.DeformableItem(SMALL),)), vr)
    encoding = rf.Encoding(syntax, float_order="" if order == "words" else order)
    if order == "words":
        turned = SMALL.vectors.astype("<f4").view("<u2").astype(">u2").tobytes()
        elements = rf.with_value(elements, [*GRID, rf.VECTOR_DATA], turned)
    registration = read_registration(rf.write(tmp_path / "reg.dcm", elements, encoding))
    np.testing.assert_array_equal(registration.items[0].grid.vectors, SMALL.vectors)
    codes = {finding.code for finding in registration.findings}
    assert "reg-vectors-byte-order" not in codes or not regular


def test_a_clean_file_has_no_warnings(tmp_path: Path) -> None:
    for name in ("plain", "full", "matrices"):
        registration = read_registration(rf.write(tmp_path / "reg.dcm", getattr(rf.Samples(), name)))
        assert worst_severity(registration.findings) in (None, "info"), registration.findings


# ---- Wrong content --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("syntax", ["explicit-le", "implicit-le"])
def test_broken_content_is_refused_or_reported(tmp_path: Path, name: str, syntax: str) -> None:
    make, codes = BROKEN[name]
    assert_reported(rf.write(tmp_path / "reg.dcm", make(), rf.Encoding(syntax)), *codes)


def test_an_empty_item_is_refused_or_reported(tmp_path: Path) -> None:
    assert_reported(
        rf.write(tmp_path / "reg.dcm", rf.with_value(deformable(), [rf.DEFORMABLE_SEQUENCE], [[]])),
        INCOMPLETE,
        usable=True,
    )


def test_missing_frames_are_reported(tmp_path: Path) -> None:
    for elements in (
        rf.without(deformable(), rf.FRAME_UID),
        rf.without(deformable(), rf.DEFORMABLE_SEQUENCE, rf.SOURCE_FRAME),
    ):
        assert_reported(rf.write(tmp_path / "reg.dcm", elements), INCOMPLETE, "reg-frame-unknown", usable=True)


@pytest.mark.parametrize("sequence", [rf.REGISTRATION_SEQUENCE, rf.MATRIX_REGISTRATION_SEQUENCE, rf.MATRIX_SEQUENCE])
@pytest.mark.parametrize("empty", [False, True])
def test_missing_sequences_of_spatial_registrations_are_reported(tmp_path: Path, sequence: int, empty: bool) -> None:
    chain = (rf.REGISTRATION_SEQUENCE, rf.MATRIX_REGISTRATION_SEQUENCE, rf.MATRIX_SEQUENCE)
    path = chain[: chain.index(sequence) + 1]
    spec = rf.RegistrationSpec((rf.MatrixItem((np.eye(4),)),))
    tree = rf.with_value(rf.elements_of(spec), path, []) if empty else rf.without(rf.elements_of(spec), *path)
    assert_reported(rf.write(tmp_path / "reg.dcm", tree), INCOMPLETE, BAD_MATRIX)


def test_a_broken_item_leaves_the_others_usable(tmp_path: Path) -> None:
    broken = rf.DeformableItem(SMALL, np.diag([1.0, 1.0, 0.0, 1.0]))
    spec = rf.RegistrationSpec((broken, rf.DeformableItem(SMALL, source_frame="1.2.3.201")))
    registration = read_registration(rf.write(tmp_path / "reg.dcm", spec))
    assert [item.problem is None for item in registration.items] in ([False, True], [True, True])
    second = registration.items[1]
    node = np.array(SMALL.origin)
    np.testing.assert_allclose(second.map_points(node), node + SMALL.vectors[0, 0, 0], atol=1e-5)


@pytest.mark.parametrize("stated", ["RIGID", "RIGID_SCALE", "AFFINE"])
def test_a_matrix_that_is_less_rigid_than_it_says_is_reported(tmp_path: Path, stated: str) -> None:
    item = rf.DeformableItem(SMALL, np.diag([1.1, 0.9, 1.0, 1.0]), pre_type=stated)
    registration = read_registration(rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((item,))))
    assert ("reg-matrix-not-rigid" in {f.code for f in registration.findings}) or stated != "RIGID"
