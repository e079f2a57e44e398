"""Measures do not depend on how a grid is divided into blocks, bands and threads: against NumPy's gradient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from DicomRegInspectorLib.registration.measures import field as measured_field
from DicomRegInspectorLib.registration.measures import local
from DicomRegInspectorLib.registration.measures.field import Field
from DicomRegInspectorLib.registration.measures.walk import arrays_of
from scipy.spatial.transform import Rotation

THREE = [local.MAGNITUDE, local.JACOBIAN, local.CURL]
RANDOM = np.random.default_rng(5)
AXIAL = np.diag([1.5, 1.5, 3.0, 1.0])
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("zyx", [25, -40, 65], degrees=True).as_matrix() * [1.5, 2.0, 3.25]
PRE, POST = np.eye(4), np.eye(4)
PRE[:3, :3] += 0.2 * RANDOM.normal(size=(3, 3))
POST[:3, :3] += 0.2 * RANDOM.normal(size=(3, 3))


def field_of(vectors: np.ndarray, matrix: np.ndarray, in_order: bool = False) -> Field:
    """A field that, if it can only be read in order, refuses to be read otherwise."""
    nz, ny, nx, _ = vectors.shape

    def open_slices():
        reached = 0

        def read(k: int, rows: slice = slice(None)) -> np.ndarray:
            nonlocal reached
            first, _, _ = rows.indices(ny)
            assert not in_order or k * ny + first >= reached, "read backwards"
            reached = k * ny + first
            return vectors[k, rows].copy()

        return read

    return Field((nx, ny, nz), matrix, PRE, POST, open_slices, in_order)


def expected_of(vectors: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths, determinants and curl in double precision, NaN where a vector or a neighbour is not finite."""
    exact = vectors.astype(np.float64)
    exact[~np.isfinite(exact).all(axis=-1)] = np.nan
    along = np.zeros((*exact.shape, 3))
    for axis, size in enumerate(exact.shape[2::-1]):
        if size > 1:
            along[..., axis] = np.gradient(exact, axis=2 - axis)
    gradient = along @ np.linalg.inv(matrix[:3, :3])
    with np.errstate(invalid="ignore"):
        determinants = np.linalg.det(PRE[:3, :3] + gradient) * np.linalg.det(POST[:3, :3])
    turning = gradient - np.swapaxes(gradient, -1, -2)
    curl = np.sqrt((turning**2).sum(axis=(-1, -2)) / 2)
    undefined = np.isnan(exact[..., 0])
    determinants[undefined] = curl[undefined] = np.nan
    return np.linalg.norm(exact, axis=-1), determinants, curl


SHAPES = [(9, 23, 17), (40, 5, 4), (1, 30, 20), (6, 1, 30), (7, 19, 1), (2, 2, 2), (3, 12, 3), (5, 40, 2), (2, 64, 9)]


@pytest.mark.parametrize("in_order", [False, True], ids=["any order", "in order"])
@pytest.mark.parametrize("matrix", [AXIAL, OBLIQUE], ids=["axial", "oblique"])
@pytest.mark.parametrize("nodes", [1, 50, 200, 1 << 14])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_blocks_change_nothing(monkeypatch, shape, nodes, matrix, in_order):
    monkeypatch.setattr(measured_field, "BLOCK_NODES", nodes)
    vectors = RANDOM.normal(size=(*shape, 3)).astype(np.float32)
    flat = vectors.reshape(-1, 3)
    flat[RANDOM.integers(0, len(flat), 3)] = [[np.nan] * 3, [1, np.inf, 2], [-np.inf, np.nan, 0]]
    field = field_of(vectors, matrix, in_order)
    expected = expected_of(vectors, matrix)
    together = arrays_of(field, THREE)
    for found, wanted in zip(together, expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    alone = local.magnitude(field), local.jacobian(field), local.curl(field)
    for found, same in zip(alone, together, strict=True):
        np.testing.assert_array_equal(found, same)


@pytest.mark.parametrize("size", [3e6, 1e13, 3e25])
def test_what_overflows_is_undefined_and_what_is_large_is_measured(size):
    vectors = RANDOM.normal(size=(4, 6, 5, 3)).astype(np.float32)
    vectors[2, 3, 1] *= np.float32(size)
    field = field_of(vectors, AXIAL)
    with np.errstate(over="ignore"):
        wanted = [values.astype(np.float32) for values in expected_of(vectors, AXIAL)]
    for found, values in zip(arrays_of(field, THREE), wanted, strict=True):
        assert not np.isinf(found).any()
        near = np.isfinite(found)
        np.testing.assert_allclose(found[near], values[near], rtol=1e-3, atol=1e-3)
        assert near.sum() >= found.size - 7


@pytest.mark.parametrize("threads", [1, 2])
def test_every_part_is_taken_once(monkeypatch, threads):
    monkeypatch.setattr(measured_field, "THREADS", threads)
    taken: list[int] = []
    field = field_of(np.zeros((5, 4, 3, 3), np.float32), AXIAL)
    field.run(lambda read, part: taken.extend(part), 7)
    assert sorted(taken) == list(range(7))
    replace(field, in_order=True).run(lambda read, part: taken.extend(part))
    assert taken[7:] == list(range(5))
