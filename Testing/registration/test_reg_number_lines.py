"""Numbers are written as Python writes each of them alone, digit for digit."""

from __future__ import annotations

import numpy as np
import pytest
from DicomRegInspectorLib.registration.points.number_lines import number_lines
from hypothesis import example, given, settings
from hypothesis import strategies as st


def by_python(table: np.ndarray) -> str:
    return "".join(",".join(map(repr, row)) + "\n" for row in table.tolist())


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.floats(-9e6, 9e6) | st.floats() | st.integers(-(2**24), 2**24).map(float), min_size=1),
    st.integers(1, 4),
    st.integers(0, 99),
)
@example([9007199254740993.0, 8388607.999999999, 8388608.0, 1.0, 0.9999999999999999, -0.0, 5e-324], 1, 0)
def test_any_numbers_are_written_as_python_writes_them(values: list[float], columns: int, seed: int) -> None:
    # Among coordinates, so that not all are left to Python.
    table = np.random.default_rng(seed).uniform(-300, 300, (200, columns))
    table.reshape(-1)[: len(values)] = values[: table.size]
    assert number_lines(table) == by_python(table)


@pytest.mark.parametrize("largest", [2, 10, 300, 1024, 8_388_607])
@pytest.mark.parametrize("decimals", [0, 1, 6, 12, 14, 16, 17])
def test_numbers_of_so_many_decimals_and_those_beside_them_are_written_as_python_writes_them(
    largest: int, decimals: int
) -> None:
    table = np.round(np.random.default_rng(decimals).uniform(1, largest, (6000, 3)), decimals)
    table[::3] = np.nextafter(table[::3], np.inf)
    table[1::3] = -np.nextafter(table[1::3], -np.inf)
    assert number_lines(table) == by_python(table)


@pytest.mark.parametrize("places", range(0, 53, 4))
def test_numbers_half_way_between_decimals_are_written_as_python_writes_them(places: int) -> None:
    # 32-bit numbers and their like: a binary fraction of so many places ends in a 5, as many decimals behind the point.
    random = np.random.default_rng(places)
    table = random.integers(1, 2**10, (3000, 3)) + np.round(random.random((3000, 3)) * 2.0**places) / 2.0**places
    assert number_lines(table) == by_python(table)


def test_a_table_without_rows_is_no_text() -> None:
    assert number_lines(np.empty((0, 3))) == ""
