"""What stands in a registration and is not used is told, and nothing else is."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.errors import RegistrationError
from DicomRegInspectorLib.registration import read_registration

CODE = "reg-not-used"
SMALL = rf.GridSpec(rf.smooth_vectors((3, 4, 2)))
MATRIX = rf.rigid((0.1, 0.2, -0.3), (30, -20, 5))
OTHER = rf.rigid((-0.4, 0.1, 0.2), (7, 8, -90))
ENCODINGS = [rf.Encoding(syntax) for syntax in ("explicit-le", "implicit-le", "explicit-be")]


def deformable(pre: np.ndarray | None = None) -> list[rf.Element]:
    return rf.elements_of(rf.RegistrationSpec((rf.DeformableItem(SMALL, pre),)))


def spatial() -> list[rf.Element]:
    return rf.elements_of(rf.RegistrationSpec((rf.MatrixItem((MATRIX,)),)))


def told(path: Path, elements: list[rf.Element], encoding: rf.Encoding = rf.EXPLICIT) -> list[str]:
    """The messages about what is not used; each is a warning."""
    registration = read_registration(rf.write(path / "reg.dcm", elements, encoding))
    findings = [finding for finding in registration.findings if finding.code == CODE]
    assert {finding.severity for finding in findings} <= {"warning"}
    return [finding.message for finding in findings]


def matrix_sequence(tag: int) -> rf.Element:
    """A Matrix Registration Sequence or what it consists of, as a matrix item has it."""
    outer = next(e for e in rf.item_elements(rf.MatrixItem((OTHER,))) if e.tag == rf.MATRIX_REGISTRATION_SEQUENCE)
    if tag == outer.tag:
        return outer
    inner = next(e for e in outer.value[0] if e.tag == rf.MATRIX_SEQUENCE)
    return inner if tag == inner.tag else next(e for e in inner.value[0] if e.tag == rf.MATRIX)


def inside(elements: list[rf.Element], path: list[int], new: rf.Element) -> list[rf.Element]:
    """The tree with another element in the first item of the sequence at a path, or at its top."""
    if not path:
        return [*elements, new]
    return rf.edited(elements, path, lambda level, index: level[index].value[0].append(new))


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.syntax)
@pytest.mark.parametrize("tag", [rf.MATRIX_REGISTRATION_SEQUENCE, rf.MATRIX_SEQUENCE, rf.MATRIX])
@pytest.mark.parametrize("path", [[], [rf.DEFORMABLE_SEQUENCE], [rf.DEFORMABLE_SEQUENCE, rf.GRID_SEQUENCE]])
def test_a_matrix_where_the_standard_has_none_is_told(tmp_path: Path, encoding, tag: int, path: list[int]) -> None:
    (message,) = told(tmp_path, inside(deformable(), path, matrix_sequence(tag)), encoding)
    assert f"({tag >> 16:04X},{tag & 0xFFFF:04X})" in message and "not applied" in message


@pytest.mark.parametrize("tag", [rf.PRE_SEQUENCE, rf.POST_SEQUENCE, rf.GRID_SEQUENCE])
def test_what_belongs_to_a_deformable_item_is_told_in_a_matrix_item(tmp_path: Path, tag: int) -> None:
    item = rf.item_elements(rf.DeformableItem(SMALL, OTHER, OTHER))
    (message,) = told(tmp_path, inside(spatial(), [rf.REGISTRATION_SEQUENCE], next(e for e in item if e.tag == tag)))
    assert f"({tag >> 16:04X},{tag & 0xFFFF:04X})" in message and "Registration Sequence (0070,0308)" in message


@pytest.mark.parametrize("between", [False, True])
@pytest.mark.parametrize("make", [deformable, spatial])
def test_a_second_sequence_is_told_and_nobody_says_that_all_was_read(tmp_path: Path, make, between: bool) -> None:
    elements = make()
    tag = rf.DEFORMABLE_SEQUENCE if make is deformable else rf.REGISTRATION_SEQUENCE
    again = next(e for e in elements if e.tag == tag)
    more = [rf.Element(0x00710010, "LO", "MAKER")] if between else []
    (message,) = told(tmp_path, [*elements, *more, again])
    assert "stands 2 times" in message and "first was used" in message
    registration = read_registration(tmp_path / "reg.dcm")
    assert len(registration.items) == 1
    (order,) = [finding for finding in registration.findings if finding.code == "reg-tag-order"]
    assert "All were read" not in order.message


def test_an_empty_sequence_before_the_full_one_is_told_in_the_refusal(tmp_path: Path) -> None:
    full = next(e for e in spatial() if e.tag == rf.REGISTRATION_SEQUENCE)
    elements = [*rf.with_value(spatial(), [rf.REGISTRATION_SEQUENCE], []), full]
    with pytest.raises(RegistrationError, match="a second time"):
        read_registration(rf.write(tmp_path / "reg.dcm", elements))


def private(value: np.ndarray, kind: str) -> rf.Element:
    """A private element with the 16 numbers of a matrix."""
    numbers = np.asarray(value, float).ravel()
    if kind == "UN":
        return rf.Element(0x00711001, "UN", struct.pack("<16d", *numbers))
    if kind == "OB":
        return rf.Element(0x00711001, "OB", struct.pack("<16f", *numbers))
    return rf.Element(0x00711001, kind, [rf.ds(v) for v in numbers] if kind == "DS" else numbers.tolist())


CREATOR = rf.Element(0x00710010, "LO", "MAKER")


@pytest.mark.parametrize("kind", ["DS", "FD", "UN", "OB"])
@pytest.mark.parametrize("path", [[], [rf.DEFORMABLE_SEQUENCE]])
@pytest.mark.parametrize("column_major", [False, True])
def test_private_matrices_are_told(tmp_path: Path, kind: str, path: list[int], column_major: bool) -> None:
    elements = inside(deformable(), path, CREATOR)
    matrix = OTHER.T if column_major else OTHER
    (message,) = told(tmp_path, inside(elements, path, private(matrix, kind)))
    assert "(0071,1001)" in message and "4 × 4 matrix" in message


@pytest.mark.parametrize("encoding", [*ENCODINGS, rf.Encoding(undefined_sequences=True, undefined_items=True)], ids=str)
def test_private_sequences_with_a_matrix_are_told(tmp_path: Path, encoding) -> None:
    nested = rf.Element(0x00711002, "SQ", [[matrix_sequence(rf.MATRIX_SEQUENCE)]])
    (message,) = told(tmp_path, [*deformable(), CREATOR, nested], encoding)
    assert "(0071,1002)" in message and "(3006,00C6)" in message


def test_private_elements_that_say_nothing_new_are_not_told(tmp_path: Path) -> None:
    elements = deformable(MATRIX)
    same = [private(matrix, "FD") for matrix in (np.eye(4), MATRIX, np.linalg.inv(MATRIX), MATRIX.T)]
    for one in (*same, private(np.arange(16), "FD"), private(np.zeros(16), "FD"), *rf.private_elements(5000)):
        assert told(tmp_path, [*elements, CREATOR, one]) == []
    # A private sequence of undefined length, with a public matrix behind it.
    before = [rf.Element(0x00630010, "LO", "MAKER"), rf.Element(0x00631001, "SQ", [[CREATOR]])]
    ordered = sorted([*elements, *before], key=lambda e: e.tag)
    assert told(tmp_path, ordered, rf.Encoding(undefined_sequences=True, undefined_items=True)) == []


@pytest.mark.parametrize("name", ["plain", "full", "matrices"])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.syntax)
def test_ordinary_objects_use_all_that_they_hold(tmp_path: Path, name: str, encoding) -> None:
    assert told(tmp_path, rf.elements_of(getattr(rf.Samples(), name)), encoding) == []
