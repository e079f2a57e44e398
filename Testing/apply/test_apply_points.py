"""Points and markups through registrations: by the exact inverse there, by the mapping back."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from applycases import GRID_ORIGIN, GRID_SIZE, GRID_SPACING, deformable
from DicomRegInspectorLib.errors import DicomRegInspectorError
from DicomRegInspectorLib.tasks.apply.applied import Applied
from DicomRegInspectorLib.tasks.apply.request import ApplyRequest
from DicomRegInspectorLib.tasks.apply.run import apply_transform
from DicomRegInspectorLib.tasks.apply.transform import read_transform
from regfiles import rigid

PRE = rigid((0.02, -0.03, 0.05), (3, -2, 1))
POINTS = np.random.default_rng(4).uniform(-20, 20, (50, 3))


@pytest.fixture
def registration(tmp_path: Path) -> Path:
    k, j, i = np.meshgrid(*(np.arange(count) for count in GRID_SIZE[::-1]), indexing="ij")
    nodes = np.stack([i, j, k], -1) * GRID_SPACING + GRID_ORIGIN
    return deformable(tmp_path / "reg.dcm", (2 * np.cos(nodes[..., ::-1] / 12)).astype(np.float32), PRE)


def apply(transform: Path, output: Path, given: Path, inverse: bool = False) -> Applied:
    request = ApplyRequest(transform=read_transform(transform, inverse=inverse), input=str(given), output=output)
    return apply_transform("points", request)


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(encoding="utf-8")))


def test_points_of_the_source_frame_go_where_the_mapping_comes_from(tmp_path: Path, registration: Path) -> None:
    given = tmp_path / "points.csv"
    rows = [f"p{n},{x!r},{y!r},{z!r}" for n, (x, y, z) in enumerate(POINTS.tolist())]
    given.write_text("name,x,y,z\n" + "\n".join([*rows, "far,900,0,0"]) + "\n", encoding="utf-8")
    applied = apply(registration, tmp_path / "out.csv", given)
    found = table(tmp_path / "out.csv")
    moved = np.array([[float(row[axis]) for axis in "xyz"] for row in found])
    again = read_transform(registration).item.map_points(moved[:-1])
    assert np.abs(again - POINTS).max() < 1e-4
    assert np.isnan(moved[-1]).all() and found[-1]["name"] == "far"
    assert max(float(row["residual_mm"]) for row in found[:-1]) <= 1e-4
    assert applied.residual is not None
    assert (applied.residual.points, applied.residual.lost) == (51, 1) and applied.more["lost"] == 1
    # And back, by the mapping itself: nothing is searched for.
    back = apply(registration, tmp_path / "back.csv", tmp_path / "out.csv", inverse=True)
    again = np.array([[float(row[axis]) for axis in "xyz"] for row in table(tmp_path / "back.csv")])
    assert np.abs(again[:-1] - POINTS).max() < 1e-4 and back.residual is None


def test_markups_stay_markups_in_their_own_coordinates(tmp_path: Path, registration: Path) -> None:
    markup: dict[str, Any] = {
        "type": "Fiducial",
        "coordinateSystem": "RAS",
        "controlPoints": [
            {"label": "a", "position": [-5.0, 6.0, 7.0], "description": "kept"},
            {"label": "far", "position": [900.0, 0.0, 0.0]},
        ],
    }
    given = tmp_path / "points.mrk.json"
    given.write_text(json.dumps({"markups": [markup]}), encoding="utf-8")
    apply(registration, tmp_path / "out.mrk.json", given, inverse=True)
    first, far = json.loads((tmp_path / "out.mrk.json").read_text(encoding="utf-8"))["markups"][0]["controlPoints"]
    expected = read_transform(registration).item.map_points([[5.0, -6.0, 7.0]])[0] * (-1, -1, 1)
    assert np.abs(np.array(first["position"]) - expected).max() < 1e-9 and first["description"] == "kept"
    assert far["positionStatus"] == "undefined"


@pytest.mark.parametrize(
    ("text", "output", "said"),
    [
        ("x,y,z\n1,2,3\n", "out.fcsv", "keep their format, CSV"),
        ("x,y,z\n1,2\n", "out.csv", "expected 3 columns"),
        ("\xff\xfe", "out.csv", "points"),
    ],
)
def test_what_holds_no_points_is_refused(tmp_path: Path, registration: Path, text: str, output: str, said: str) -> None:
    given = tmp_path / "points.csv"
    given.write_bytes(text.encode("latin-1"))
    with pytest.raises(DicomRegInspectorError, match=said):
        apply(registration, tmp_path / output, given)
    assert not (tmp_path / output).exists()
