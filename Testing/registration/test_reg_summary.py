"""How quantities are distributed: told by counting, without an array of them, against NumPy's sorting."""

from __future__ import annotations

import numpy as np
import pytest
from DicomRegInspectorLib.registration.measures import distributions as counted
from DicomRegInspectorLib.registration.measures import field as measured_field
from DicomRegInspectorLib.registration.measures import local
from DicomRegInspectorLib.registration.measures.distributions import FoldedNodes, distributions
from DicomRegInspectorLib.registration.measures.field import Field
from DicomRegInspectorLib.registration.measures.summary import Summary, summarize
from DicomRegInspectorLib.registration.measures.walk import arrays_of

SHAPE = (75, 80, 50)
COUNT = int(np.prod(SHAPE))
RANDOM = np.random.default_rng(11)
NORMAL = RANDOM.normal(size=COUNT)
KINDS = {
    "normal": NORMAL,
    "half of them zero": np.where(RANDOM.random(COUNT) < 0.5, 0, NORMAL),
    "all the same": np.full(COUNT, -3.25),
    "in order": np.sort(NORMAL),
    "three values": RANDOM.integers(0, 3, COUNT),
    "two halves": np.arange(COUNT) < COUNT // 2,
    "long tails": NORMAL / RANDOM.random(COUNT) ** 3,
    "a third undefined": np.where(RANDOM.random(COUNT) < 1 / 3, np.nan, NORMAL),
    "nearly all undefined": np.where(RANDOM.random(COUNT) < 0.999, np.nan, NORMAL),
    "undefined but for the end": np.where(np.arange(COUNT) < COUNT - 5, np.nan, NORMAL),
}
ALONG = [local.along(direction) for direction in np.eye(3)]
ALL = [local.JACOBIAN, local.MAGNITUDE, local.CURL, *ALONG]


def field_of(vectors: np.ndarray, matrix: np.ndarray | None = None) -> Field:
    """Vectors (nz, ny, nx, 3) on a lattice."""
    nz, ny, nx, _ = vectors.shape
    matrix = np.diag([1.5, 2.0, 3.0, 1.0]) if matrix is None else matrix
    return Field((nx, ny, nz), matrix, np.eye(4), np.eye(4), lambda: lambda k, rows=slice(None): vectors[k, rows])


def summaries_of(values: np.ndarray) -> dict[str, Summary]:
    """Of (n,) values, as an array and as the components along x of a field, in small blocks and large."""
    vectors = np.zeros((*SHAPE, 3), np.float32)
    vectors[..., 0] = values.reshape(SHAPE)
    return {"array": summarize(values.astype(np.float32)), "field": distributions(field_of(vectors), ALONG)[0]}


@pytest.mark.parametrize("nodes", [900, 5000, 1 << 17])
@pytest.mark.parametrize("kind", KINDS)
def test_a_summary_is_what_numpy_sorts_out(kind, nodes, monkeypatch):
    monkeypatch.setattr(measured_field, "BLOCK_NODES", nodes)
    values = KINDS[kind].astype(np.float32)
    defined = values[~np.isnan(values)].astype(np.float64)
    for found in summaries_of(values).values():
        assert (found.count, found.min, found.max) == (defined.size, defined.min(), defined.max())
        assert found.mean == pytest.approx(defined.mean(), rel=1e-12, abs=1e-12)
        assert list(found.percentiles.values()) == pytest.approx(np.percentile(defined, [1, 5, 50, 95, 99]), rel=1e-12)


@pytest.mark.parametrize("nodes", [900, 1 << 17])
@pytest.mark.parametrize("kind", ["normal", "three values", "a third undefined"])
def test_places_are_those_of_the_first_extreme(kind, nodes, monkeypatch):
    monkeypatch.setattr(measured_field, "BLOCK_NODES", nodes)
    values = KINDS[kind].astype(np.float32).reshape(SHAPE)
    vectors = np.zeros((*SHAPE, 3), np.float32)
    vectors[..., 0] = values
    found = distributions(field_of(vectors), ALONG)[0]
    for index, number in ((found.min_index, np.nanargmin(values)), (found.max_index, np.nanargmax(values))):
        assert index == tuple(int(i) for i in np.unravel_index(number, SHAPE)[::-1])


def test_no_array_is_made_where_the_sample_is_right(monkeypatch):
    monkeypatch.setattr(counted, "arrays_of", None)
    vectors = RANDOM.normal(size=(*SHAPE, 3)).astype(np.float32)
    assert all(found.count == COUNT for found in distributions(field_of(vectors), ALL))


@pytest.mark.parametrize("low, high", [(7, 8), (-8, -7), (0.01, 0.02)])
def test_a_sample_that_misleads_changes_nothing(monkeypatch, low, high):
    """Brackets that a percentile does not lie in are noticed, and the values put in order."""
    wrong = [counted._Bracket(np.float32(low), np.float32(high), False, False)] * 5
    monkeypatch.setattr(counted, "_brackets", lambda sample: wrong)
    values = NORMAL.astype(np.float32)
    expected = np.percentile(values.astype(np.float64), [1, 5, 50, 95, 99])
    assert list(summaries_of(values)["field"].percentiles.values()) == pytest.approx(expected, rel=1e-12)


OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = np.linalg.qr(RANDOM.normal(size=(3, 3)))[0] * [1.5, 2.0, 3.25]


@pytest.mark.parametrize("nodes", [900, 1 << 17])
@pytest.mark.parametrize("matrix", [None, OBLIQUE], ids=["axial", "oblique"])
def test_quantities_together_are_what_their_arrays_hold(matrix, nodes, monkeypatch):
    monkeypatch.setattr(measured_field, "BLOCK_NODES", nodes)
    vectors = RANDOM.normal(size=(*SHAPE, 3)).astype(np.float32)
    flat = vectors.reshape(-1, 3)
    flat[RANDOM.integers(0, COUNT, 300)] = [np.nan, np.inf, 1.0]
    field = field_of(vectors, matrix)
    folding = FoldedNodes(field)
    found = distributions(field, ALL, [(0, folding)])
    arrays = arrays_of(field, ALL)
    folded = np.argwhere(arrays[0] <= 0)
    assert folding.region.count == len(folded) > 0
    assert (folding.region.first, folding.region.last) == (tuple(folded.min(0)[::-1]), tuple(folded.max(0)[::-1]))
    for summary, values in zip(found, arrays, strict=True):
        defined = values[~np.isnan(values)].astype(np.float64)
        assert (summary.count, summary.min, summary.max) == (defined.size, defined.min(), defined.max())
        expected = np.percentile(defined, [1, 5, 50, 95, 99])
        assert list(summary.percentiles.values()) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("matrix", [None, OBLIQUE], ids=["axial", "oblique"])
def test_the_sample_has_the_numbers_of_its_nodes(matrix):
    vectors = RANDOM.normal(size=(*SHAPE, 3)).astype(np.float32)
    vectors[3, 4, 5:9] = np.nan
    field = field_of(vectors, matrix)
    size = 1 << 14
    numbers = np.arange(size) * (COUNT // size) + counted._scattered(size) % (COUNT // size)
    for sample, values in zip(counted._sample(field, ALL), arrays_of(field, ALL), strict=True):
        wanted = values.reshape(-1)[numbers]
        np.testing.assert_allclose(sample, wanted[np.isfinite(wanted)], rtol=1e-4, atol=1e-5)


def test_nothing_defined_has_no_numbers():
    assert summarize(np.full(COUNT, np.nan, np.float32)) == Summary(0)
    assert distributions(field_of(np.full((*SHAPE, 3), np.nan, np.float32)), ALL) == [Summary(0)] * len(ALL)
