"""Landmarks from files of all kinds, and through a whole run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import reference
import regfiles as rf
from DicomRegInspectorLib.errors import FileError
from DicomRegInspectorLib.registration import read_registration
from DicomRegInspectorLib.registration.measures.landmarks import Landmark, read_landmarks
from landmarkcases import GRID, SPEC

# ---- CSV


def csv_file(folder: Path, content: str | bytes) -> Path:
    path = folder / "marks.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        "name,x,y,z\na,1,-2.5,3e1\nb,4,5,6\n",
        "\ufeffname,x,y,z\r\na,1,-2.5,3e1\r\nb,4,5,6\r\n",
        "Name , X , Y , Z\na, 1, -2.5, 30\nb, 4, 5, 6",
        "z,y,x,label,remark\n30,-2.5,1,a,good\n6,5,4,b,\n",
        'id,x,y,z\n"a",1,-2.5,30\n\n\nb,4,5,6\n',
    ],
)
def test_csv_of_all_sorts_is_read(tmp_path: Path, content: str) -> None:
    assert read_landmarks(csv_file(tmp_path, content)) == [Landmark("a", (1, -2.5, 30)), Landmark("b", (4, 5, 6))]


def test_points_without_names_are_counted(tmp_path: Path) -> None:
    assert [one.name for one in read_landmarks(csv_file(tmp_path, "x,y,z\n1,2,3\n4,5,6\n"))] == ["1", "2"]
    assert [one.name for one in read_landmarks(csv_file(tmp_path, "name,x,y,z\n,1,2,3\nb,4,5,6\n"))] == ["1", "b"]


def test_a_comma_in_a_quoted_name_is_part_of_it(tmp_path: Path) -> None:
    assert read_landmarks(csv_file(tmp_path, 'name,x,y,z\n"apex, left",1,2,3\n'))[0].name == "apex, left"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("name,x,y,z\na,1,2,3\nb,1,two,3\n", "line 3"),
        ("name,x,y,z\na,1,2\n", "line 2"),
        ("name,x,y,z\na,1,2,nan\n", "line 2"),
        ("name,x,y,z\na,1,2,3\n\nb,1,2,inf\n", "line 4"),
        ("name,x,y,z\na,1,2,\n", "line 2"),
        # Decimal commas make columns of their own; read on, the point would be somewhere else.
        ("name,x,y,z\na,1,5,2,5,3,5\n", "line 2"),
        ("x,y,z\n1,2,3\n1,5,2,3\n", "line 3"),
        ("name,x,y,z\na,1_0,2,3\n", "line 2"),
    ],
)
def test_a_row_that_is_no_point_is_named_by_file_and_line(tmp_path: Path, content: str, line: str) -> None:
    path = csv_file(tmp_path, content)
    with pytest.raises(FileError) as refused:
        read_landmarks(path)
    assert str(path) in str(refused.value)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "column"),
        ("name,x,y\na,1,2\n", "'z'"),
        ("1,2,3\n4,5,6\n", "expected the header name,x,y,z"),
        ("name;x;y;z\na;1;2;3\n", "expected the header name,x,y,z"),
        ("name,x,y,z\n", "holds no landmarks"),
        (b"name,x,y,z\n\xff\xfe,1,2,3\n", "is not CSV text"),
        ("name,x,y,z\n" + "a" * 200_000 + ",1,2,3\n", "is not CSV text"),
        (bytes(1000), "NUL|column"),
    ],
)
def test_a_file_that_holds_no_landmarks_is_refused_by_name(tmp_path: Path, content: str | bytes, says: str) -> None:
    path = csv_file(tmp_path, content)
    with pytest.raises(FileError, match=says) as refused:
        read_landmarks(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.csv"):
        read_landmarks(tmp_path / "none.csv")
    with pytest.raises(FileError, match=tmp_path.name):
        read_landmarks(tmp_path)


def test_endless_files_are_not_read_to_their_end(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="more than 100,000"):
        read_landmarks(csv_file(tmp_path, "x,y,z\n" + "1,2,3\n" * 100_002))


# ---- Spatial Fiducials objects, written with pydicom


def fiducials_file(path: Path, sets: list[dict], character_set: str = "ISO_IR 192") -> Path:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    def data(**values: object):
        dataset = pydicom.Dataset()
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        return dataset

    whole = data(
        SpecificCharacterSet=character_set, SOPClassUID=rf.FIDUCIALS_CLASS, SOPInstanceUID=generate_uid(),
        StudyInstanceUID="1.2.3.4.5", SeriesInstanceUID="1.2.3.4.6", Modality="FID", PatientName="SECRET^PATIENT",
        PatientID="SECRET-ID", ContentLabel="MARKS",
    )  # fmt: skip
    whole.FiducialSetSequence = [
        data(
            **({"FrameOfReferenceUID": one["frame"]} if "frame" in one else {}),
            FiducialSequence=[data(**fiducial) for fiducial in one["points"]],
        )
        for one in sets
    ]
    whole.file_meta = pydicom.FileMetaDataset()
    whole.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    whole.save_as(path, enforce_file_format=True)
    return path


def point(name: str | None, *values: float, shape: str = "POINT") -> dict:
    told = {"ShapeType": shape, "FiducialIdentifier": name, "NumberOfContourPoints": len(values) // 3}
    told["ContourData"] = list(values)
    return {key: value for key, value in told.items() if value is not None}


def test_each_set_keeps_its_frame_and_its_points(tmp_path: Path) -> None:
    path = fiducials_file(
        tmp_path / "f.dcm",
        [
            {"frame": "1.2.3.100", "points": [point("A1", 1.5, -2, 3), point("Karina Ä", 4, 5, 6)]},
            {"frame": "1.2.3.200", "points": [point("A1", 10, 20, 30.25)]},
            {"points": [point("lost", 0, 0, 0)]},
        ],
    )
    registration = read_registration(path)
    assert (registration.kind, registration.items) == ("fiducials", ())
    sets = registration.fiducial_sets
    assert [one.frame_uid for one in sets] == ["1.2.3.100", "1.2.3.200", ""]
    assert sets[0].landmarks == (Landmark("A1", (1.5, -2, 3)), Landmark("Karina Ä", (4, 5, 6)))
    assert sets[1].landmarks == (Landmark("A1", (10, 20, 30.25)),)
    assert [one.without_place for one in sets] == [(), (), ()]


def test_a_shape_of_several_points_lies_at_their_mean(tmp_path: Path) -> None:
    path = fiducials_file(
        tmp_path / "f.dcm",
        [{"frame": "1.2.3", "points": [point("ruler", 0, 0, 0, 10, 20, -30, shape="RULER")]}],
    )
    assert read_registration(path).fiducial_sets[0].landmarks == (Landmark("ruler", (5, 10, -15)),)


def test_a_point_without_place_is_named(tmp_path: Path) -> None:
    marked = {"ShapeType": "POINT", "FiducialIdentifier": "on image"}
    path = fiducials_file(
        tmp_path / "f.dcm",
        [{"frame": "1.2.3", "points": [point("P", 1, 2, 3), marked, point("half", 1, 2, 3, 4), point(None, 7, 8, 9)]}],
    )
    (only,) = read_registration(path).fiducial_sets
    assert [one.name for one in only.landmarks] == ["P", "fiducial 4"]
    assert only.without_place == ("on image", "half")


@pytest.mark.parametrize("sets", [[], [{"frame": "1.2.3", "points": []}]])
def test_an_object_without_points_is_read_and_holds_none(tmp_path: Path, sets: list) -> None:
    registration = read_registration(fiducials_file(tmp_path / "f.dcm", sets))
    assert registration.kind == "fiducials"
    assert [landmark for one in registration.fiducial_sets for landmark in one.landmarks] == []


# ---- Both kinds of file through a whole run


def test_fiducials_and_csv_give_the_same_errors_in_a_run(tmp_path: Path) -> None:
    from DicomRegInspectorLib.tasks.quality import JudgedBy, run_quality

    path = rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((SPEC,)))
    fixed = reference.points_inside(GRID, 4, 0, 1.5).round(4)
    moving = (reference.map_points(SPEC, fixed) + [0.5, 1.0, -1.0]).round(4)
    csvs = []
    for name, points in (("fixed", fixed), ("moving", moving)):
        rows = "".join(f"P{n},{x:.4f},{y:.4f},{z:.4f}\n" for n, (x, y, z) in enumerate(points, 1))
        csvs.append(tmp_path / f"{name}.csv")
        csvs[-1].write_text("name,x,y,z\n" + rows)
    # Two sets lie in the registered frame: all their points count.
    both = fiducials_file(
        tmp_path / "both.dcm",
        [
            {"frame": "1.2.3.100", "points": [point(f"P{n}", *fixed[n - 1]) for n in (1, 2)]},
            {"frame": "1.2.3.200", "points": [point(f"P{n}", *moving[n - 1]) for n in (4, 3, 2, 1)]},
            {"frame": "1.2.3.100", "points": [point(f"P{n}", *fixed[n - 1]) for n in (3, 4)]},
        ],
    )
    for first, second in ((csvs[0], csvs[1]), (both, both), (both, csvs[1])):
        (item,) = run_quality(path, JudgedBy(fixed_landmarks=first, moving_landmarks=second)).items
        told = item.to_dict()["landmarks"]
        assert told["after_mm"] == pytest.approx(dict.fromkeys(("mean", "max", "p50", "p95", "rms"), 1.5), abs=1e-3)
        before = np.linalg.norm(fixed - moving, axis=1)
        assert told["before_mm"]["max"] == pytest.approx(before.max(), abs=1e-6)
        assert len(told["landmarks"]) == 4


def test_fiducials_that_are_only_marked_on_images_are_named_in_a_run(tmp_path: Path) -> None:
    from DicomRegInspectorLib.tasks.quality import JudgedBy, run_quality

    path = rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((SPEC,)))
    marked = {"ShapeType": "POINT", "FiducialIdentifier": "on image"}
    spots = reference.points_inside(GRID, 1, 0, 1.5).round(4)[0]
    both = fiducials_file(
        tmp_path / "f.dcm",
        [{"frame": frame, "points": [point("P", *spots), marked]} for frame in ("1.2.3.100", "1.2.3.200")],
    )
    (item,) = run_quality(path, JudgedBy(fixed_landmarks=both, moving_landmarks=both)).items
    assert [one.name for one in item.landmarks.landmarks] == ["P"]
    assert "on image" in item.landmarks.unpaired


@pytest.mark.parametrize("which", ["missing", "a registration", "another frame", "a folder"])
def test_landmark_files_of_no_use_are_refused_by_name(tmp_path: Path, which: str) -> None:
    from DicomRegInspectorLib.errors import DicomRegInspectorError
    from DicomRegInspectorLib.tasks.quality import JudgedBy, run_quality

    path = rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((SPEC,)))
    useless = {
        "missing": tmp_path / "none.csv",
        "a registration": path,
        "another frame": fiducials_file(tmp_path / "f.dcm", [{"frame": "1.9.9", "points": [point("P", 1, 2, 3)]}]),
        "a folder": tmp_path,
    }[which]
    with pytest.raises(DicomRegInspectorError) as refused:
        run_quality(path, JudgedBy(fixed_landmarks=useless, moving_landmarks=useless))
    assert str(useless) in str(refused.value)
