"""Plain tables of points, read and written by NumPy: the same points and the same text as row by row."""

from __future__ import annotations

import numpy as np
import pytest
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.registration.points import csv_points, parse_points
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NUMBERS = st.floats(width=64).map(repr) | st.sampled_from(
    [
        "1e5",
        " 2 ",
        "+3",
        "-0",
        "nan",
        "-inf",
        "Infinity",
        "1_0",
        "two",
        "",
        "0x10",
        "１",
        '"4"',
        "1.",
        ".5",
        "1e400",
        "1,2",
    ]
)
ROWS = st.lists(st.lists(NUMBERS, min_size=3, max_size=3).map(",".join) | st.sampled_from(["", " ", "1,2", "#1,2,3"]))
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
HEADS = st.sampled_from(["x,y,z", "X,y,Z", "x, y,z", "z,y,x", "r,a,s", "1,2,3", '"x",y,z'])


def outcome(text: str) -> tuple[str, ...]:
    """What becomes of a text: points and what is written of them, or the message."""
    try:
        points = parse_points(text, "points.csv")
    except UsageError as error:
        return (str(error),)
    positions = points.positions_lps_mm
    residual_mm = np.arange(len(positions)) / 7
    moved = np.where(np.isfinite(positions), positions * np.float64(1.1), np.nan)
    texts = points.rewrite(positions, None), points.rewrite(moved, residual_mm)
    return (repr(positions.tolist()), points.format, repr(points.names), *texts)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HEADS, ROWS, ENDS, st.booleans())
def test_both_ways_give_the_same(
    monkeypatch: pytest.MonkeyPatch, head: str, rows: list[str], end: str, is_ended: bool
) -> None:
    text = end.join([head, *rows]) + (end if is_ended else "")
    with monkeypatch.context() as patched:
        patched.setattr(csv_points, "_plain", lambda _: None)
        expected = outcome(text)
    assert outcome(text) == expected


def test_a_plain_table_is_not_read_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("rows were read one by one")

    monkeypatch.setattr(csv_points, "_rows", refuse)
    points = np.random.default_rng(1).uniform(-300, 300, (10_000, 3))
    text = "x,y,z\n" + "".join(",".join(map(repr, row)) + "\n" for row in points.tolist())
    read = parse_points(text, "points.csv")
    np.testing.assert_array_equal(read.positions_lps_mm, points)
    assert read.rewrite(points, None) == text
