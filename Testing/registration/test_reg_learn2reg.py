"""SDlogJ against the arithmetic of the Learn2Reg challenge, put down again with SciPy from its definition."""

from __future__ import annotations

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.findings.about import about_node
from DicomRegInspectorLib.registration import Mapping
from DicomRegInspectorLib.registration.grid import grid_of_array
from DicomRegInspectorLib.registration.mapping import affine_mapping
from DicomRegInspectorLib.registration.measures.distributions import SdLogJacobian
from DicomRegInspectorLib.registration.measures.field import Block, Field
from DicomRegInspectorLib.registration.measures.quality import measure
from scipy.ndimage import correlate1d

SPACING = np.array([1.5, 2.0, 3.0])


def learn2reg(voxels: np.ndarray) -> float:
    """SDlogJ of a field (ni, nj, nk, 3) in voxels: differences of both neighbours, two layers cut, ``log(J + 3)``."""
    gradient = np.empty((*voxels.shape[:3], 3, 3))
    for component in range(3):
        for axis in range(3):
            gradient[..., component, axis] = correlate1d(voxels[..., component], (-0.5, 0, 0.5), axis, mode="constant")
    inner = np.linalg.det(gradient + np.eye(3))[2:-2, 2:-2, 2:-2]
    return float(np.log((inner + 3).clip(1e-9, 1e9)).std())


def quality_of(vectors: np.ndarray):
    """Measures of (nk, nj, ni, 3) vectors in mm."""
    grid = grid_of_array(vectors.astype(np.float32), np.diag([*SPACING, 1.0]))
    return measure(Mapping(np.eye(4), grid, np.eye(4)), about_node("test"))


@pytest.mark.parametrize("size", [2.0, 250.0], ids=["smooth", "folded far below -3"])
def test_sdlogj_is_that_of_learn2reg(size: float) -> None:
    vectors = rf.smooth_vectors((21, 18, 16), size)
    expected = learn2reg(np.transpose(vectors / SPACING, (2, 1, 0, 3)))
    quality = quality_of(vectors)
    assert quality.sd_log_jacobian == pytest.approx(expected, rel=1e-4)
    assert quality.to_dict()["jacobian"]["sd_log"] == quality.sd_log_jacobian
    assert (quality.jacobian.min < -3) == (size > 20)


def sd_log_jacobian(determinants: np.ndarray, blocks: list[tuple[range, slice]]) -> float | None:
    """Of (nk, nj, ni) determinants that come in blocks of slices and rows."""
    nz, ny, nx = determinants.shape
    spread = SdLogJacobian(Field((nx, ny, nz), np.eye(4), np.eye(4), np.eye(4), lambda: None))
    for slices, rows in blocks:
        part = determinants[slices.start : slices.stop, rows]
        spread.add(part.reshape(-1), Block(slices, rows, nx))
    return spread.value


BLOCKS = {
    "whole": [(range(9), slice(0, 10))],
    "by slice": [(range(k, k + 1), slice(0, 10)) for k in range(9)],
    "by row": [(range(k, k + 1), slice(j, j + 1)) for j in range(10) for k in range(9)],
    "by groups": [(range(4), slice(0, 10)), (range(4, 8), slice(0, 10)), (range(8, 9), slice(0, 10))],
}


@pytest.mark.parametrize("blocks", BLOCKS)
def test_undefined_nodes_take_no_part(blocks: str) -> None:
    generator = np.random.default_rng(4)
    determinants = generator.normal(1, 0.2, (9, 10, 11)).astype(np.float32)
    determinants[3:5, 4, 2:7] = np.nan
    inner = determinants[2:-2, 2:-2, 2:-2].astype(float)
    assert sd_log_jacobian(determinants, BLOCKS[blocks]) == pytest.approx(np.nanstd(np.log(inner + 3)))
    assert sd_log_jacobian(np.full((9, 10, 11), np.nan, np.float32), BLOCKS[blocks]) is None


def test_a_grid_without_inner_nodes_has_none_and_a_matrix_has_zero() -> None:
    assert quality_of(np.zeros((4, 9, 9, 3))).sd_log_jacobian is None
    assert measure(affine_mapping(np.diag([2.0, 1, 1, 1])), about_node("test")).sd_log_jacobian == 0
