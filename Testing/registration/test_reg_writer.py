"""The tests' own writer is held against pydicom, so that a failure elsewhere is not the writer's."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import regfiles as rf

pydicom = pytest.importorskip("pydicom")

SYNTAXES = list(rf.SYNTAXES)


def read_back(spec: rf.RegistrationSpec, encoding: rf.Encoding) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(rf.encode(rf.elements_of(spec, encoding.vector_vr), encoding)))


@pytest.mark.parametrize(("syntax", "sequences", "items"), list(product(SYNTAXES, (False, True), (False, True))))
def test_pydicom_reads_back_what_was_written(syntax: str, sequences: bool, items: bool) -> None:
    spec = rf.Samples().full
    data = read_back(spec, rf.Encoding(syntax, sequences, items))
    item, expected = data.DeformableRegistrationSequence[0], spec.items[0]
    grid = item.DeformableRegistrationGridSequence[0]
    order = ">" if syntax == "explicit-be" else "<"
    assert data.file_meta.TransferSyntaxUID == rf.SYNTAXES[syntax]
    assert data.SOPClassUID == rf.DEFORMABLE_CLASS
    assert data.FrameOfReferenceUID == spec.frame_uid
    assert item.SourceFrameOfReferenceUID == expected.source_frame
    assert list(grid.GridDimensions) == [7, 6, 5]
    assert list(grid.GridResolution) == list(expected.grid.spacing)
    assert np.array_equal(np.frombuffer(grid.VectorGridData, f"{order}f4").reshape(5, 6, 7, 3), expected.grid.vectors)
    assert np.array_equal(np.array(grid.ImageOrientationPatient, float), expected.grid.orientation)
    for sequence, matrix in (
        (item.PreDeformationMatrixRegistrationSequence, expected.pre),
        (item.PostDeformationMatrixRegistrationSequence, expected.post),
    ):
        assert np.array_equal(np.array(sequence[0].FrameOfReferenceTransformationMatrix, float).reshape(4, 4), matrix)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_pydicom_reads_back_spatial_registrations(syntax: str) -> None:
    spec = rf.Samples().matrices
    data = read_back(spec, rf.Encoding(syntax, True, False))
    assert data.SOPClassUID == rf.SPATIAL_CLASS
    second = data.RegistrationSequence[1]
    assert second.FrameOfReferenceUID == "1.2.3.200"
    matrices = second.MatrixRegistrationSequence[0].MatrixSequence
    for read, written in zip(matrices, spec.items[1].matrices, strict=True):
        assert np.array_equal(np.array(read.FrameOfReferenceTransformationMatrix, float).reshape(4, 4), written)


@pytest.mark.parametrize("undefined", [False, True])
def test_pydicom_reads_sequences_encoded_as_unknown(undefined: bool) -> None:
    spec = rf.Samples().full
    data = read_back(spec, rf.Encoding("explicit-le", undefined, undefined, sequence_vr="UN"))
    grid = data.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    assert list(grid.GridDimensions) == [7, 6, 5]


def test_decimal_strings_fit_and_lose_little() -> None:
    values = np.random.default_rng(1).normal(0, 200, 2000)
    texts = [rf.ds(v) for v in values]
    assert max(map(len, texts)) <= 16
    assert np.abs(rf.as_written(values) - values).max() < 1e-9


def test_group_lengths_and_private_elements_do_not_disturb_pydicom() -> None:
    elements = rf.elements_of(rf.Samples().plain)
    elements[2:2] = rf.private_elements(1000)
    data = pydicom.dcmread(io.BytesIO(rf.encode(elements, rf.Encoding(group_lengths=True))))
    assert data[0x0009, 0x1003].value[1][0x0009, 0x1002].value == [1.5, 2.5]
    assert data[0x0064, 0x0000].value > 2520


def test_nested_sequences_have_lengths_that_add_up() -> None:
    for undefined in (False, True):
        body = rf.nested_sequences(30, undefined=undefined)
        data = pydicom.dcmread(io.BytesIO(rf.wrap(body)))
        depth = 0
        while "ContentSequence" in data:
            data, depth = data.ContentSequence[0], depth + 1
        assert depth == 30


def test_an_edit_leaves_the_original_alone() -> None:
    elements = rf.elements_of(rf.Samples().full)
    path = (rf.DEFORMABLE_SEQUENCE, rf.GRID_SEQUENCE, rf.GRID_DIMENSIONS)
    changed = rf.with_value(elements, path, [1, 2, 3])
    again = rf.without(changed, *path)
    assert rf.encode(elements) != rf.encode(changed) != rf.encode(again)
    assert rf.encode(elements) == rf.encode(rf.elements_of(replace(rf.Samples().full)))
