"""The percentiles of large quantities, found by counting, against NumPy's, found by sorting."""

from __future__ import annotations

import numpy as np
import pytest
from DicomRegInspectorLib.registration.measures import summary
from DicomRegInspectorLib.registration.measures.summary import summarize, summarize_all

COUNT = 300_000
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


@pytest.mark.parametrize("kind", KINDS)
def test_a_summary_is_what_numpy_sorts_out(kind):
    values = KINDS[kind].astype(np.float32)
    defined = values[~np.isnan(values)].astype(np.float64)
    found = summarize(values.copy())
    assert (found.count, found.min, found.max) == (defined.size, defined.min(), defined.max())
    assert found.mean == pytest.approx(defined.mean(), rel=1e-12, abs=1e-12)
    assert list(found.percentiles.values()) == pytest.approx(np.percentile(defined, [1, 5, 50, 95, 99]), rel=1e-12)


def test_a_sample_that_misleads_changes_nothing(monkeypatch):
    """Brackets that no percentile lies in are noticed, and the values put in order."""
    monkeypatch.setattr(summary, "_brackets", lambda flat: np.tile(np.float32([7, 8]), (5, 1)))
    values = NORMAL.astype(np.float32)
    expected = np.percentile(values.astype(np.float64), [1, 5, 50, 95, 99])
    assert list(summarize(values.copy()).percentiles.values()) == pytest.approx(expected, rel=1e-12)


def test_quantities_are_summarized_together_as_alone():
    quantities = [KINDS[kind].astype(np.float32) for kind in ("normal", "a third undefined", "three values")]
    together = summarize_all([values.copy() for values in quantities])
    assert together == [summarize(values.copy()) for values in quantities]


def test_nothing_defined_has_no_numbers():
    assert summarize(np.full(COUNT, np.nan, np.float32)) == summary.Summary(0)
