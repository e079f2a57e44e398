"""Numbers that stand for nothing in place of NaN: found by what they are, and no real motion taken for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.registration import read_registration
from DicomRegInspectorLib.registration.grid import grid_of_array
from DicomRegInspectorLib.registration.measures import statistics
from hypothesis import given
from hypothesis import strategies as st

LARGEST = float(np.finfo(np.float32).max)
SHAPE = (6, 7, 8, 3)
CODE = "reg-vectors-fill-value"


def field(seed: int = 0, size: float = 5.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(SHAPE) * size).astype(np.float32)


def found(vectors: np.ndarray) -> dict[float, int]:
    """Fill values of a field with how many vectors hold them."""
    fills = grid_of_array(vectors, np.diag([3.0, 3.0, 3.0, 1.0])).statistics.fills
    return {fill.value: fill.region.count for fill in fills}


VALUES = [-9999, 1e5, LARGEST, -LARGEST, -32768, 65535, -1000, -1024, 999, 1e20, 300, -128]


@pytest.mark.parametrize("value", VALUES)
def test_a_fill_value_is_named_with_how_many_hold_it_and_where(tmp_path: Path, value: float) -> None:
    vectors = field()
    vectors[1:3, 2:4, 5] = value
    item = rf.DeformableItem(rf.GridSpec(vectors))
    path = rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((item,)))
    (finding,) = [finding for finding in read_registration(path).findings if finding.code == CODE]
    assert finding.evidence["value_mm"] == np.float32(value)
    assert (finding.evidence["count"], finding.evidence["first_index_ijk"]) == (4, [5, 2, 1])
    assert finding.evidence["last_index_ijk"] == [5, 3, 2]
    assert f"{np.float32(value):.9g}" in finding.message and "4 of 336" in finding.message
    assert finding.severity == ("error" if abs(value) >= 2000 else "warning")


@given(
    st.floats(2500, 2.0**127, width=32), st.integers(2, 300), st.sets(st.integers(0, 2), min_size=1), st.integers(0, 99)
)
def test_a_value_in_any_components_and_any_number_of_vectors_is_found(
    value: float, count: int, axes: set[int], seed: int
) -> None:
    vectors = field(seed)
    flat = vectors.reshape(-1, 3)
    nodes = np.random.default_rng(seed).permutation(len(flat))[:count]
    for axis in axes:
        flat[nodes, axis] = -value
    assert found(vectors) == {-value: count}


def test_two_fill_values_turned_signs_holes_and_strays_do_not_hide_each_other() -> None:
    vectors = field()
    vectors[0] = 9999, 9999, -9999
    vectors[1, :2] = 1e5
    vectors[2, 0] = np.nan
    vectors[3, 3, 3] = 4321
    vectors[4, 4, 4] = np.inf
    assert found(vectors) == {9999: 56, 1e5: 16}


def test_most_of_a_field_may_be_fill() -> None:
    vectors = np.full(SHAPE, -9999, np.float32)
    vectors[2, 2, :4] = field()[2, 2, :4]
    assert found(vectors) == {-9999: 332}
    assert found(np.full(SHAPE, -9999, np.float32)) == {-9999: 336}
    only_zeros = np.zeros(SHAPE, np.float32)
    only_zeros[0] = -9999
    assert found(only_zeros) == {-9999: 56}


def test_what_fills_slabs_far_apart_is_counted_together(monkeypatch) -> None:
    from DicomRegInspectorLib.registration import vectors as room

    monkeypatch.setattr(room, "SLAB_VECTORS", 50)
    vectors = field(3, 900)
    vectors[[0, 5]] = -32768
    assert found(vectors) == {-32768: 112}


def parts(part: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """A field of one kind in its first two slices and of another behind."""
    return np.concatenate([part[:2], rest[2:]]).astype(np.float32)


CONSTANT = {
    "everything moves by 60 mm": np.full(SHAPE, (0, 0, 60)),
    "everything moves by 900 mm, from table to table": np.full(SHAPE, (0, 0, -900)),
    "everything by one vector with equal components": np.full(SHAPE, 150),
    "a table apart, and a deformation": field() + (0, 1500, 0),
    "a part moves by 60 mm": parts(np.full(SHAPE, (0, 0, 60)), np.zeros(SHAPE)),
    "a part moves by 60 mm along each axis": parts(np.full(SHAPE, 60), np.zeros(SHAPE)),
    "a masked bulk motion of 900 mm": parts(np.zeros(SHAPE), np.full(SHAPE, (0, 0, 900))),
    "clamped to 40 mm": np.clip(field(1, 30), -40, 40),
    "clamped to 150 mm": np.clip(field(1, 100), -150, 150),
    "one stray": parts(field(), field()),
    "zero outside of the body": parts(np.zeros(SHAPE), field()),
    "large and different everywhere": field(2, 5000),
    "whole millimetres": np.round(field(2, 60)),
}
CONSTANT["one stray"][3, 3, 3] = -9999


@pytest.mark.parametrize("name", CONSTANT)
def test_real_motion_is_no_fill_value(name: str) -> None:
    assert found(np.ascontiguousarray(CONSTANT[name], np.float32)) == {}


def test_an_ordinary_field_is_not_searched(monkeypatch) -> None:
    monkeypatch.setattr(statistics, "measure_vectors", None)
    assert found(field(1, 15)) == {}
