"""``map``: points through a registration as CSV, against the equation worked out point by point."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from dicom_objects import (
    REGISTERED,
    SOURCE,
    expected,
    inner_points,
    rigid,
    write_fiducials,
    write_linear,
    write_matrices,
    write_slice,
)
from DicomRegInspectorLib import cli

PRE, POST = rigid(7.0, (3.0, -4.0, 2.0)), rigid(-11.0, (-6.0, 1.0, 5.0))


@pytest.fixture
def registration(tmp_path: Path) -> Path:
    return write_linear(tmp_path / "reg.dcm", PRE, POST)


@pytest.fixture
def run_map(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    def run(registration: Path, points: str | bytes | np.ndarray, *options: str) -> tuple[int, list[list[str]], str]:
        if isinstance(points, np.ndarray):
            points = "x,y,z\n" + "".join(",".join(map(repr, row)) + "\n" for row in points.tolist())
        path = tmp_path / "points.csv"
        path.write_bytes(points if isinstance(points, bytes) else points.encode())
        code = cli.main(["map", str(registration), "--points", str(path), *options])
        captured = capsys.readouterr()
        return code, list(csv.reader(io.StringIO(captured.out))), captured.err

    return run


def numbers(rows: list[list[str]]) -> np.ndarray:
    return np.array(rows[1:], dtype=float)


def test_points_go_where_the_equation_says(run_map, registration: Path) -> None:
    points = inner_points(50)
    code, rows, error = run_map(registration, points)
    assert (code, rows[0], error) == (0, ["x", "y", "z"], "")
    # float32 vectors of some millimetres carry an error below a micrometre.
    np.testing.assert_allclose(numbers(rows), expected(points, PRE, POST), atol=1e-5)


def test_numbers_keep_what_they_are_worth(run_map, registration: Path) -> None:
    points = inner_points(3)
    from DicomRegInspectorLib import read_registration

    _, rows, _ = run_map(registration, points)
    assert np.array_equal(numbers(rows), read_registration(registration).items[0].map_points(points))


def test_outside_the_grid_is_nan_and_is_counted(run_map, registration: Path) -> None:
    points = np.vstack([inner_points(1), [[1e6, 0.0, 0.0]]])
    code, rows, error = run_map(registration, points)
    assert code == 0
    assert rows[2] == ["nan", "nan", "nan"]
    assert "1 of 2" in error
    assert np.isfinite(numbers(rows)[0]).all()


def test_the_inverse_leads_back(run_map, registration: Path) -> None:
    points = inner_points(40)
    code, rows, error = run_map(registration, expected(points, PRE, POST), "--inverse")
    assert (code, rows[0]) == (0, ["x", "y", "z"])
    np.testing.assert_allclose(numbers(rows), points, atol=1e-3)
    assert "40 of 40 points found" in error


def test_residuals_are_a_column_of_their_own(run_map, registration: Path) -> None:
    points = np.vstack([expected(inner_points(2), PRE, POST), [[1e6, 0.0, 0.0]]])
    code, rows, error = run_map(registration, points, "--inverse", "--residuals")
    assert (code, rows[0]) == (0, ["x", "y", "z", "residual_mm"])
    assert (numbers(rows)[:2, 3] < 1e-4).all()
    assert rows[3][:3] == ["nan", "nan", "nan"]
    assert "2 of 3 points found" in error
    assert run_map(registration, points, "--residuals")[0] == 2


@pytest.mark.parametrize(
    "text",
    [
        "x,y,z\n-10,20,40\n",
        "X, Y ,Z\r\n-10, 20 ,40\r\n\r\n",
        "\ufeffx,y,z\n-10,20,40",
        "-10,20,40\n",
        "\n\n x ; y ; z \n-10;20;40\n",
        "x\ty\tz\n-10\t20\t40\n",
        "name,z,y,x\nspot,40,20,-10\n",
        '"x","y","z"\r-1e1,"2.0e1",40.000\r',
    ],
)
def test_any_reasonable_table_is_read(run_map, registration: Path, text: str) -> None:
    code, rows, _ = run_map(registration, text)
    assert code == 0
    if len(rows[0]) == 1:
        rows = [re.split("[;\t]", row[0]) for row in rows]
    columns = [[name.strip().lower() for name in rows[0]].index(axis) for axis in "xyz"]
    rows = [[row[column] for column in columns] for row in rows]
    np.testing.assert_allclose(numbers(rows), expected(np.array([[-10.0, 20.0, 40.0]]), PRE, POST), atol=1e-5)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"", "is empty"),
        (b"x,y\n1,2\n", "line 1"),
        (b"x,y,z,x\n1,2,3,4\n", "line 1"),
        (b"x,y,z\n1,2,3\n\n1,two,3\n", "line 4"),
        (b"x,y,z\n1,2\n", "line 2"),
        (b"x,y,z\n1,2,3,4\n", "line 2"),
        (b"x;y;z\n1,5;2;3\n", "line 2"),
        (b"x,y,z\n1_0,2,3\n", "line 2"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"x,y,z\n\x1b[31m,2,3\n", "line 2"),
    ],
)
def test_a_bad_row_is_named(run_map, registration: Path, text: bytes, where: str) -> None:
    code, rows, error = run_map(registration, text)
    assert (code, rows) == (2, [])
    assert "points.csv" in error
    assert where in error
    assert error.count("\n") == 1
    assert "\x1b" not in error


def test_a_table_without_points_gives_one_without(run_map, registration: Path) -> None:
    assert run_map(registration, "x,y,z\n")[:2] == (0, [["x", "y", "z"]])


def test_points_come_from_stdin(monkeypatch, capsys, registration: Path) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"x,y,z\n-10,20,40\n"))
    monkeypatch.setattr("sys.stdin", stdin)
    assert cli.main(["map", str(registration), "--points", "-"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    np.testing.assert_allclose(numbers(rows), expected(np.array([[-10.0, 20.0, 40.0]]), PRE, POST), atol=1e-5)


def test_the_item_that_moves_is_taken_and_named(run_map, tmp_path: Path) -> None:
    matrix = rigid(20.0, (4.0, 5.0, 6.0))
    path = write_matrices(tmp_path / "m.dcm", {REGISTERED: np.eye(4), SOURCE: matrix})
    points = inner_points(5)
    code, rows, error = run_map(path, points)
    assert code == 0
    back = (np.linalg.inv(matrix) @ np.column_stack([points, np.ones(5)]).T).T[:, :3]
    np.testing.assert_allclose(numbers(rows), back, atol=1e-9)
    assert "item 2 of 2" in error
    assert SOURCE in error
    code, rows, _ = run_map(path, points, "--item", "1")
    np.testing.assert_allclose(numbers(rows), points, atol=1e-12)


def test_a_choice_between_items_is_left_to_the_user(run_map, tmp_path: Path) -> None:
    turns = {REGISTERED: rigid(1.0, (0, 0, 0)), SOURCE: rigid(2.0, (0, 0, 0))}
    path = write_matrices(tmp_path / "m.dcm", turns)
    code, rows, error = run_map(path, inner_points(1))
    assert (code, rows) == (2, [])
    assert "--item" in error
    assert SOURCE in error
    code, _, error = run_map(path, inner_points(1), "--item", "3")
    assert code == 2
    assert "items 1 to 2" in error


def test_what_maps_no_points_is_refused(run_map, tmp_path: Path) -> None:
    assert run_map(write_fiducials(tmp_path / "f.dcm", ["A"]), inner_points(1))[0] == 2
    assert run_map(write_slice(tmp_path / "s.dcm", 0, "1.2.3"), inner_points(1))[0] == 2
