"""``map`` and the files that points come in: columns kept, Slicer's markups, outputs that are there."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from dicom_objects import REGISTERED, SOURCE, expected, inner_points, rigid, write_linear
from DicomRegInspectorLib import cli

PRE, POST = rigid(7.0, (3.0, -4.0, 2.0)), rigid(-11.0, (-6.0, 1.0, 5.0))
FLIP = np.array([-1.0, -1.0, 1.0])
POINTS = inner_points(2)
OUTSIDE = [1e6, 0.0, 0.0]


@pytest.fixture
def registration(tmp_path: Path) -> Path:
    return write_linear(tmp_path / "reg.dcm", PRE, POST)


@pytest.fixture
def mapped(registration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """What a file of points becomes, and what is said."""

    def mapped(text: str, *options: str, code: int = 0) -> tuple[str, str]:
        path = tmp_path / "points"
        path.write_text(text, encoding="utf-8")
        assert cli.main(["map", str(registration), "--points", str(path), *options]) == code
        captured = capsys.readouterr()
        return captured.out, captured.err

    return mapped


def cells(points: np.ndarray) -> list[str]:
    return [",".join(map(repr, point)) for point in points.tolist()]


def test_other_columns_stay_as_they_are(mapped) -> None:
    first, second = ([repr(value) for value in point] for point in POINTS.tolist())
    text = (
        "\ufeffpatient;Z;note;X;Y;\n"
        f'007;{first[2]};"apex; left, ""A""";{first[0]};{first[1]};\n'
        f"00012;{second[2]};two\u00a0lines;{second[0]};{second[1]};x\n"
    )
    out, error = mapped(text)
    rows = list(csv.reader(io.StringIO(out), delimiter=";"))
    assert error == ""
    assert rows[0] == ["patient", "Z", "note", "X", "Y", ""]
    assert [[row[0], row[2], row[5]] for row in rows[1:]] == [
        ["007", 'apex; left, "A"', ""],
        ["00012", "two\u00a0lines", "x"],
    ]
    places = np.array([[row[3], row[4], row[1]] for row in rows[1:]], float)
    np.testing.assert_allclose(places, expected(POINTS, PRE, POST), atol=1e-5)


def test_a_cell_may_hold_a_line_break(mapped) -> None:
    out, _ = mapped(f'name,x,y,z\n"first\nsecond",{cells(POINTS)[0]}\n')
    assert list(csv.reader(io.StringIO(out)))[1][0] == "first\nsecond"


@pytest.mark.parametrize(
    ("header", "signs"),
    [("x,y,z", (1, 1, 1)), ("L,P,S", (1, 1, 1)), ("r,a,s", (-1, -1, 1)), (" R , A , S ", (-1, -1, 1))],
)
def test_headings_say_the_coordinate_system(mapped, header: str, signs: tuple[int, ...]) -> None:
    out, _ = mapped(f"{header}\n" + "\n".join(cells(POINTS * signs)) + "\n")
    lines = out.splitlines()
    assert lines[0].replace(" ", "") == header.replace(" ", "")
    np.testing.assert_allclose(
        np.loadtxt(lines[1:], delimiter=","), expected(POINTS, PRE, POST) * np.array(signs), atol=1e-5
    )


@pytest.mark.parametrize("header", ["x,y,z,r,a,s", "l,p,s,r,a", "r,a,z", "i,j,k", "x_mm,y_mm,z_mm", "s,r,a,r"])
def test_headings_that_do_not_say_it_are_refused(mapped, header: str) -> None:
    out, error = mapped(f"{header}\n" + ",".join("1" * len(header.split(","))) + "\n", code=2)
    assert out == ""
    assert "line 1: expected the header x,y,z or l,p,s (LPS mm) or r,a,s (RAS mm)" in error


def test_slicers_table_of_control_points_says_what_is_defined(mapped) -> None:
    head = "label,r,a,s,defined,selected,visible,locked,description\n"
    first = cells(POINTS * FLIP)[0]
    out, error = mapped(f"{head}F-1,{first},1,1,1,0,\nF-2,0,0,0,0,1,1,0,nowhere\nF-3,1e6,0,0,1,1,1,0,\n")
    rows = list(csv.reader(io.StringIO(out)))
    np.testing.assert_allclose(np.array(rows[1][1:4], float) * FLIP, expected(POINTS[:1], PRE, POST)[0], atol=1e-5)
    assert rows[1][4:] == ["1", "1", "1", "0", ""]
    assert rows[2] == ["F-2", "nan", "nan", "nan", "0", "1", "1", "0", "nowhere"]
    assert rows[3][1:5] == ["nan", "nan", "nan", "0"]
    assert "1 of 3 points have no position in the file" in error
    assert "1 of 3 points lie where the registration is undefined" in error


def test_a_residual_column_that_is_there_is_written_anew(mapped) -> None:
    back, _ = mapped("name,residual_mm,x,y,z\na,old," + cells(expected(POINTS, PRE, POST))[0] + "\n", "--inverse",
                     "--residuals")  # fmt: skip
    (row,) = list(csv.DictReader(io.StringIO(back)))
    assert list(row) == ["name", "residual_mm", "x", "y", "z"]
    assert float(row["residual_mm"]) < 1e-4


FCSV = (
    "# Markups fiducial file version = {version}\n# CoordinateSystem = {system}\n# columns = id,x,y,z,ow,ox,oy,oz,vis"
)


@pytest.mark.parametrize(
    ("version", "system", "signs", "rest"),
    [("4.11", "LPS", 1, ""), ("4.10", "0", FLIP, ""), ("5.6", "RAS", FLIP, ",2,0"), ("4.10", "1", 1, "")],
)
def test_fcsv_is_written_in_its_own_coordinates(mapped, version: str, system: str, signs, rest: str) -> None:
    text = FCSV.format(version=version, system=system) + "\n"
    for number, place in enumerate(cells(POINTS * signs), 1):
        text += f'{number},{place},0,0,0,1,1,0,1,"F, {number}",said "so",vtkMRMLScalarVolumeNode1{rest}\n'
    out, error = mapped(text)
    assert (error, out.splitlines()[:3]) == ("", text.splitlines()[:3])
    rows = list(csv.reader(out.splitlines()[3:]))
    before = list(csv.reader(text.splitlines()[3:]))
    assert [row[:1] + row[4:] for row in rows] == [row[:1] + row[4:] for row in before]
    places = np.array([row[1:4] for row in rows], float) * signs
    np.testing.assert_allclose(places, expected(POINTS, PRE, POST), atol=1e-5)


def test_fcsv_tells_points_without_a_position(mapped) -> None:
    text = (
        FCSV.format(version="5.6", system="LPS")
        + "\n1,0,0,0,0,0,0,1,1,1,0,F-1,,,0,0\n2,1e6,0,0,0,0,0,1,1,1,0,F-2,,,2,0\n"
    )
    out, error = mapped(text)
    lines = out.splitlines()
    assert lines[3] == text.splitlines()[3]
    assert lines[4] == "2,nan,nan,nan,0,0,0,1,1,1,0,F-2,,,0,0"
    assert "no position" in error and "undefined" in error


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Markups fiducial file version = 4.11\n1,1,2,3\n", "does not say its coordinate system"),
        (FCSV.format(version="4.10", system="2") + "\n1,1,2,3\n", "says CoordinateSystem = 2"),
        (FCSV.format(version="5.6", system="LPS") + "\n1,1,two,3\n", "line 4: expected id,x,y,z"),
        ("# Fiducial List file F.fcsv\n# columns = label,x,y,z\nF,1,2,3\n", "is no markups file of Slicer"),
        ("{", "is no JSON"),
        ("{}", "without a list of markups"),
        ('{"markups": [{"type": "Plane"}]}', "is of type Plane"),
        ('{"markups": [{"type": "Line", "coordinateSystem": "IJK"}]}', "has coordinateSystem IJK"),
        ('{"markups": [{"type": "Line", "coordinateUnits": "um"}]}', "has coordinateUnits um"),
        ('{"markups": [{"type": "Line", "coordinateUnits": []}]}', "has coordinateUnits []"),
        ('{"markups": [{"type": "Line", "controlPoints": [{"position": [1, 2]}]}]}', "markup 1, point 1"),
        ('{"markups": [{"type": "Line", "controlPoints": [{"position": [1, 2, true]}]}]}', "three finite numbers"),
        ('{"markups": [{"type": "Line", "controlPoints": [{"position": [1, 2, NaN]}]}]}', "three finite numbers"),
        ('{"markups": [{"type": "Line", "controlPoints": [{"position": [1, 2, 1' + "0" * 400 + "]}]}]}", "finite"),
        ("[" * 100_000, "line 1"),
        ('{"a":' * 100_000, "is no JSON"),
    ],
)
def test_markups_that_do_not_say_enough_are_refused(mapped, text: str, said: str) -> None:
    out, error = mapped(text, code=2)
    assert (out, error.count("\n")) == ("", 1)
    assert said in error


def test_slicer_reads_mapped_markups_as_the_same_points(registration: Path, tmp_path: Path, capsys) -> None:
    slicer = pytest.importorskip("slicer", reason="markups are written and read by slicer-core")
    scene = slicer.vtkMRMLScene()
    node = scene.AddNode(slicer.vtkMRMLMarkupsFiducialNode())
    for number, place in enumerate(np.vstack([POINTS, [OUTSIDE]]) * FLIP, 1):
        node.AddControlPoint(*place.tolist(), f"F, {number}")
        node.SetNthControlPointDescription(number - 1, f'the "{number}"')
    node.AddControlPoint(0.0, 0.0, 0.0, "nowhere")
    node.UnsetNthControlPointPosition(3)
    for name, storage in (
        ("a.mrk.json", slicer.vtkMRMLMarkupsJsonStorageNode()),
        ("a.fcsv", slicer.vtkMRMLMarkupsFiducialStorageNode()),
    ):
        storage.SetFileName(str(tmp_path / name))
        assert storage.WriteData(node)
        output = tmp_path / f"mapped-{name}"
        arguments = ["map", str(registration), "--points", str(tmp_path / name), "--output", str(output)]
        assert cli.main(arguments) == 0
        said = capsys.readouterr()
        assert said.out == ""
        assert "1 of 4 points have no position" in said.err and "1 of 4 points lie where" in said.err
        again = scene.AddNode(slicer.vtkMRMLMarkupsFiducialNode())
        storage.SetFileName(str(output))
        assert storage.ReadData(again)
        assert again.GetNumberOfControlPoints() == 4
        places = np.array([again.GetNthControlPointPosition(number) for number in range(2)]) * FLIP
        np.testing.assert_allclose(places, expected(POINTS, PRE, POST), atol=1e-5)
        labels = [again.GetNthControlPointLabel(number) for number in range(4)]
        assert labels == ["F, 1", "F, 2", "F, 3", "nowhere"]
        assert again.GetNthControlPointDescription(1) == 'the "2"'
        statuses = [again.GetNthControlPointPositionStatus(number) for number in range(4)]
        assert statuses == [node.PositionDefined] * 2 + [node.PositionUndefined] * 2


def test_lists_of_markups_keep_their_systems_and_lose_stale_measurements(mapped) -> None:
    document = {
        "@schema": "markups-schema-v1.0.3.json#",
        "markups": [
            {
                "type": kind,
                "coordinateSystem": system,
                "coordinateUnits": ["mm", "UCUM", "millimeter"],
                "controlPoints": [
                    {"id": "7", "label": "Ü", "position": (point * signs).tolist(), "selected": True}
                    for point in POINTS
                ],
                "measurements": [{"name": "length", "value": 12.0}],
                "display": {"color": [1, 0, 0]},
            }
            for kind, system, signs in (("Line", "RAS", FLIP), ("Curve", "LPS", np.ones(3)))
        ],
    }  # fmt: skip
    out, _ = mapped(json.dumps(document))
    told = json.loads(out)
    for markup, before, signs in zip(told["markups"], document["markups"], (FLIP, np.ones(3)), strict=True):
        places = np.array([point.pop("position") for point in markup["controlPoints"]]) * signs
        np.testing.assert_allclose(places, expected(POINTS, PRE, POST), atol=1e-5)
        for point in before["controlPoints"]:
            point.pop("position")
        before.pop("measurements")
    assert told == document


def test_residuals_have_no_place_in_markups(mapped) -> None:
    text = '{"markups": [{"type": "Line", "controlPoints": []}]}'
    assert "no place for it" in mapped(text, "--inverse", "--residuals", code=2)[1]
    assert json.loads(mapped(text)[0])["markups"][0]["controlPoints"] == []


def test_an_output_is_replaced_or_skipped_only_when_asked(mapped, registration: Path, tmp_path: Path) -> None:
    text, output = "x,y,z\n" + cells(POINTS)[0] + "\n", tmp_path / "out.csv"
    assert mapped(text, "--output", str(output)) == ("", "")
    first = output.read_text()
    np.testing.assert_allclose(np.loadtxt(output, delimiter=",", skiprows=1), expected(POINTS, PRE, POST)[0], atol=1e-5)
    other = "x,y,z\n" + cells(POINTS)[1] + "\n"
    assert "--overwrite replaces it, --skip-existing leaves it" in mapped(other, "--output", str(output), code=2)[1]
    assert "is there already; skipped" in mapped(other, "--output", str(output), "--skip-existing")[0]
    assert mapped(other, "--output", str(output), "--skip-existing", "--quiet") == ("", "")
    assert output.read_text() == first
    mapped(other, "--output", str(output), "--overwrite")
    assert output.read_text() != first
    assert "not allowed with" in mapped(other, "--output", str(output), "--overwrite", "--skip-existing", code=2)[1]
    assert not list(tmp_path.glob(".unfinished*"))


def test_an_input_is_never_the_output(mapped, registration: Path, tmp_path: Path) -> None:
    text = "x,y,z\n" + cells(POINTS)[0] + "\n"
    (tmp_path / "link").symlink_to(tmp_path / "points")
    for output in (tmp_path / "points", tmp_path / "link", registration, tmp_path / "." / "points"):
        assert "is one of the inputs" in mapped(text, "--output", str(output), "--overwrite", code=2)[1]
    assert (tmp_path / "points").read_text() == text
    assert "there is no folder" in mapped(text, "--output", str(tmp_path / "none" / "x.csv"), code=2)[1]


def test_points_go_through_several_registrations_and_back(mapped, registration: Path, tmp_path: Path, capsys) -> None:
    third = "1.2.826.0.1.3680043.8.498.3"
    # The field reaches far enough for what the first registration sends into it.
    wide = {"origin": np.array([-80.0, -80.0, -80.0]), "spacing": np.full(3, 25.0), "directions": np.eye(3)}
    second = write_linear(
        tmp_path / "second.dcm", registered_frame_uid=SOURCE, source_frame_uid=third,
        vectors=np.full((8, 8, 8, 3), (3.0, -2.0, 1.0)), **wide,
    )  # fmt: skip
    there = expected(POINTS, PRE, POST) + (3.0, -2.0, 1.0)
    path = tmp_path / "points"
    path.write_text("x,y,z\n" + "\n".join(cells(POINTS)) + "\n")
    assert cli.main(["map", str(registration), str(second), "--points", str(path)]) == 0
    out = capsys.readouterr().out
    np.testing.assert_allclose(np.loadtxt(out.splitlines()[1:], delimiter=","), there, atol=1e-5)
    path.write_text(out)
    line = ["map", str(registration), str(second), "--points", str(path), "--inverse", "--residuals"]
    assert cli.main(line) == 0
    back = np.loadtxt(capsys.readouterr().out.splitlines()[1:], delimiter=",")
    np.testing.assert_allclose(back[:, :3], POINTS, atol=1e-3)
    assert (back[:, 3] < 1e-3).all()
    assert cli.main(["map", str(second), str(registration), "--points", str(path)]) == 2
    error = capsys.readouterr().err
    assert third in error and REGISTERED in error and "cannot go on" in error
