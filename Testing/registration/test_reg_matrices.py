"""Matrices judged with the digits that they were written with: no false alarm over rounding, and no scale missed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.dicom.values import half_units
from DicomRegInspectorLib.dicom.wanted_elements import Element
from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.findings.about import about_item
from DicomRegInspectorLib.registration import Mapping, read_registration
from DicomRegInspectorLib.registration.checks import vector_findings
from DicomRegInspectorLib.registration.choose import choose_item
from DicomRegInspectorLib.registration.grid import grid_of_array
from DicomRegInspectorLib.registration.matrices import is_identity, matrix_findings
from DicomRegInspectorLib.report.text.inspection_report import item_summary
from hypothesis import example, given
from hypothesis import strategies as st

ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)
STYLES = ("fixed", "stripped", "exponent")
NAME = "reg-matrix-not-rigid"


def texts_of(linear: np.ndarray, decimals: int, style: str) -> list[str]:
    """Nine numbers as a writer writes them: 0.7100, 0.71, or 7.100e-01."""
    if style == "exponent":
        return [f"{value:.{decimals}e}" for value in linear.ravel()]
    texts = [f"{value:.{decimals}f}" for value in linear.ravel()]
    return [text.rstrip("0").rstrip(".") for text in texts] if style == "stripped" else texts


def judged(texts: list[str], declared: str = "RIGID") -> list[Finding]:
    """The findings about a matrix that was written so."""
    raw = "\\".join(texts).encode()
    halves = half_units(Element(rf.MATRIX, "DS", 0, len(raw), True, raw))
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([float(text) for text in texts]).reshape(3, 3)
    return matrix_findings(
        matrix, declared, "matrix", about_item("reg.dcm", 1), half_units=np.array(halves).reshape(3, 3)
    )


def turned(angles: tuple[float, float, float]) -> np.ndarray:
    return rf.rotation(*np.radians(angles))


@given(ANGLES, st.integers(2, 6), st.sampled_from(STYLES))
@example((0.0, 0.0, 45.0), 2, "stripped")
@example((0.0, 0.0, 0.29), 2, "fixed")
@example((90.0, 0.0, 5.7), 2, "stripped")
def test_a_rotation_is_never_told_as_scaling_however_it_is_rounded(angles, decimals: int, style: str) -> None:
    assert judged(texts_of(turned(angles), decimals, style)) == []


@given(ANGLES, st.integers(3, 6), st.sampled_from(STYLES), st.sampled_from((0.99, 1.01)))
def test_a_scaling_of_one_percent_is_always_told(angles, decimals: int, style: str, scale: float) -> None:
    (finding,) = judged(texts_of(scale * turned(angles), decimals, style))
    assert (finding.code, finding.severity) == (NAME, "warning")
    assert np.allclose(finding.evidence["singular_values"], scale, atol=2 * 10.0**-decimals)


@given(ANGLES, ANGLES, st.integers(3, 6), st.sampled_from(STYLES))
def test_one_percent_along_any_single_axis_is_told(before, after, decimals: int, style: str) -> None:
    stretched = turned(after) @ np.diag([1.01, 1, 1]) @ turned(before)
    (finding,) = judged(texts_of(stretched, decimals, style))
    assert finding.severity == "warning"


@pytest.mark.parametrize("axes", [(1.01, 1.01, 1.01), (1.01, 1, 1), (1, 0.98, 1), (1, 1, 1.1), (2, 2, 2)])
@pytest.mark.parametrize("style", STYLES)
def test_two_decimals_are_enough_for_a_scale_along_the_axes(axes, style: str) -> None:
    (finding,) = judged(texts_of(np.diag(axes), 2, style))
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    ("linear", "declared", "severity", "words"),
    [
        (np.diag([-1, 1, 1.0]), "AFFINE", "warning", "mirrors"),
        (np.diag([-1, 1, 1.0]), "RIGID_SCALE", "warning", "mirrors"),
        (np.diag([1, 1, -1.0]), "", "warning", "mirrors"),
        (np.diag([1.02, 1, 1]), "Rigid", "warning", "scales by 1.02, 1, 1"),
        (np.diag([1.02, 1, 1]), " rigid", "warning", "scales"),
        (np.diag([1.02, 1, 1]), "RIGID_SCALE", "info", "scales"),
        (np.diag([1.02, 1, 1]), "Rigid Scale", "info", "scales"),
        (np.diag([1.02, 1, 1]), "AFFINE", "info", "scales"),
        (np.diag([1.02, 1, 1]), "", "info", "scales"),
        (np.array([[1, 0.1, 0], [0, 1, 0], [0, 0, 1.0]]), "RIGID", "warning", "shears"),
        (np.array([[1, 0.1, 0], [0, 1, 0], [0, 0, 1.0]]), "RIGID_SCALE", "warning", "shears"),
        (np.array([[1, 0.1, 0], [0, 1, 0], [0, 0, 1.0]]), "AFFINE", "info", "shears"),
    ],
)
def test_what_a_matrix_does_is_held_against_what_it_may(linear, declared: str, severity: str, words: str) -> None:
    for style in ("stripped", "fixed"):
        (finding,) = judged(texts_of(linear, 4, style), declared)
        assert (finding.severity, words in finding.message) == (severity, True), finding.message
        assert ("but" in finding.message) == (severity == "warning" and declared != "" and declared != "AFFINE")


def test_a_shear_has_its_angle_and_a_turned_scaling_none() -> None:
    sheared = np.eye(3)
    sheared[0, 1] = np.tan(np.radians(3))
    (finding,) = judged(texts_of(turned((20, -30, 50)) @ sheared, 6, "fixed"))
    assert finding.evidence["shear_deg"] == pytest.approx(3, abs=0.01)
    for scaled in (turned((20, -30, 50)) @ np.diag([1.2, 1, 1]), np.diag([1.2, 1, 0.9]) @ turned((20, -30, 50))):
        (finding,) = judged(texts_of(scaled, 4, "fixed"))
        assert "shear" not in finding.message and "shear_deg" not in finding.evidence


# ---- In files -------------------------------------------------------------------------------------------------------


def written(path: Path, item: rf.MatrixItem | rf.DeformableItem, decimals: int, *matrix_path: int):
    """A registration whose matrix at a path has so many decimals."""
    elements = rf.elements_of(rf.RegistrationSpec((item,)))

    def shorten(siblings: list[rf.Element], index: int) -> None:
        values = [f"{float(text):.{decimals}f}" for text in siblings[index].value]
        siblings[index] = rf.Element(rf.MATRIX, "DS", values)

    return read_registration(rf.write(path, rf.edited(elements, [*matrix_path, rf.MATRIX], shorten)))


@pytest.mark.parametrize("decimals", [2, 3, 4])
def test_a_rounded_rotation_is_a_rotation_in_every_word(tmp_path: Path, decimals: int) -> None:
    matrix = rf.rigid((0.3, -0.2, 0.7), (0.0, 0.0, 0.0))
    chain = (rf.REGISTRATION_SEQUENCE, rf.MATRIX_REGISTRATION_SEQUENCE, rf.MATRIX_SEQUENCE)
    (item,) = written(tmp_path / "m.dcm", rf.MatrixItem((matrix,)), decimals, *chain).items
    assert [finding.code for finding in item.findings] == []
    assert "rotation by 4" in item_summary(item) and "scale" not in item_summary(item)
    pre = rf.DeformableItem(rf.GridSpec(rf.smooth_vectors((4, 5, 3))), matrix)
    (item,) = written(tmp_path / "p.dcm", pre, decimals, rf.DEFORMABLE_SEQUENCE, rf.PRE_SEQUENCE).items
    assert NAME not in {finding.code for finding in item.findings}
    assert "pre-deformation matrix: rotation by 4" in item_summary(item)


@pytest.mark.parametrize(
    ("change", "same"),
    [(6.1e-17, True), (1e-9, True), (-6e-8, True), (1.2e-7, True), (1e-5, False), (1e-4, False), (0.2, False)],
)
def test_noise_makes_no_identity_something_else(change: float, same: bool) -> None:
    for row, column in ((0, 0), (0, 1), (2, 1)):
        matrix = np.eye(4)
        matrix[row, column] += change
        assert is_identity(matrix) == same
    shifted = np.eye(4)
    shifted[1, 3] = 200 * change
    assert is_identity(shifted) == same


def test_an_identity_of_32_bit_numbers_is_the_registered_frames_own_item(tmp_path: Path) -> None:
    nearly = np.eye(4)
    nearly[:3, :3] = np.float32(turned((12, 5, 70))).astype(float) @ np.float32(turned((12, 5, 70))).T
    own, moving = rf.MatrixItem((nearly,), frame="1.2.3.100"), rf.MatrixItem((rf.rigid((0, 0, 0.1), (1, 2, 3)),))
    registration = read_registration(rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((own, moving))))
    assert choose_item(registration, None).item.number == 2
    assert "identity" in item_summary(registration.items[0])


# ---- What moves nothing ---------------------------------------------------------------------------------------------


def near_zero(pre: np.ndarray, post: np.ndarray) -> list[str]:
    grid = grid_of_array(np.full((4, 5, 6, 3), 0.01, np.float32), np.diag([5.0, 5.0, 5.0, 1.0]))
    return [finding.code for finding in vector_findings(Mapping(pre, grid, post), about_item("reg.dcm", 1))]


def test_matrices_that_undo_each_other_move_nothing() -> None:
    there, back = rf.rigid((0.2, 0.1, -0.3), (30, -20, 10)), np.linalg.inv(rf.rigid((0.2, 0.1, -0.3), (30, -20, 10)))
    assert near_zero(there, back) == ["reg-near-zero"]
    assert near_zero(there, np.eye(4)) == near_zero(np.eye(4), back) == []


def test_small_matrices_count_by_what_they_move() -> None:
    assert near_zero(rf.rigid((0, 0, 0), (0.05, 0, 0)), np.eye(4)) == ["reg-near-zero"]
    assert near_zero(rf.rigid((0, 0, 0), (0.2, 0, 0)), np.eye(4)) == []
    assert near_zero(rf.rigid((0, 0, 0.01), (0, 0, 0)), np.eye(4)) == [], "0.3 mm at the grid's far corner"


@pytest.mark.parametrize(
    ("matrices", "told"),
    [
        ((np.eye(4),), True),
        ((np.eye(4), np.eye(4)), True),
        ((np.eye(4), rf.rigid((0, 0, 0), (0.2, 0, 0))), False),
        ((np.eye(4), rf.rigid((0, 0, 1e-3), (0, 0, 0))), False),
        ((rf.rigid((0, 0, 0), (0, 0.03, 0)),), True),
    ],
)
def test_an_object_that_does_nothing_is_noted(tmp_path: Path, matrices, told: bool) -> None:
    items = tuple(rf.MatrixItem((matrix,), frame=f"1.2.3.{100 + n}") for n, matrix in enumerate(matrices))
    registration = read_registration(rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec(items)))
    assert [(f.code, f.severity) for f in registration.findings] == ([("reg-near-zero", "info")] if told else [])


@pytest.mark.parametrize("name", ["pre", "post"])
def test_a_matrix_that_cannot_be_read_is_named_and_shown(tmp_path: Path, name: str) -> None:
    item = rf.DeformableItem(rf.GridSpec(rf.smooth_vectors((3, 4, 2))), np.eye(4), np.eye(4))
    tag = rf.PRE_SEQUENCE if name == "pre" else rf.POST_SEQUENCE
    elements = rf.elements_of(rf.RegistrationSpec((item,)))
    for values, shown in ((["0,9998"] + ["0,0000"] * 15, "0,9998"), (["Mustermann^Max"] * 16, "16")):
        tree = rf.with_value(elements, [rf.DEFORMABLE_SEQUENCE, tag, rf.MATRIX], values)
        (read,) = read_registration(rf.write(tmp_path / "reg.dcm", tree)).items
        assert f"of the {name}-deformation matrix" in read.problem
        assert shown in read.problem and "Muster" not in read.problem
        assert ("comma" in read.problem) == ("," in values[0])
