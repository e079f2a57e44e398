"""Landmarks and their errors: files of all kinds, pairing, and errors against the equation worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import reference
import regfiles as rf
from DicomRegInspectorLib.errors import FileError, UsageError
from DicomRegInspectorLib.registration import RegistrationItem, read_registration
from DicomRegInspectorLib.registration.landmarks import (
    Landmark,
    TargetRegistrationError,
    read_landmarks,
    target_registration_error,
)

GRID = rf.GridSpec(
    rf.smooth_vectors((12, 11, 9), 4.0), (3.0, 4.0, 5.0), (-15.0, 7.0, 30.0), rf.orientation_of((0.4, 0.3, -0.7))
)
SPEC = rf.DeformableItem(GRID, rf.rigid((0.1, -0.1, 0.2), (3, -5, 8)), rf.rigid((-0.2, 0.1, 0.1), (-7, 4, 3)))


def read(path: Path, item: rf.DeformableItem | rf.MatrixItem = SPEC) -> RegistrationItem:
    return read_registration(rf.write(path, rf.RegistrationSpec((item,)))).items[0]


def named(points: np.ndarray, prefix: str = "P") -> list[Landmark]:
    return [Landmark(f"{prefix}{n}", tuple(point)) for n, point in enumerate(np.asarray(points, float).tolist(), 1)]


# ---- Errors


def test_errors_are_the_distances_that_the_equation_leaves(tmp_path: Path) -> None:
    fixed = reference.points_inside(GRID, 12, 0, 1.5)
    off = np.random.default_rng(1).normal(size=(12, 3)) * 2
    moving = reference.map_points(SPEC, fixed) + off
    told = target_registration_error(read(tmp_path / "reg.dcm"), named(fixed), named(moving))
    before, after = np.linalg.norm(fixed - moving, axis=1), np.linalg.norm(off, axis=1)
    assert [one.name for one in told.landmarks] == [f"P{n}" for n in range(1, 13)]
    assert [one.before_mm for one in told.landmarks] == pytest.approx(before)
    assert [one.after_mm for one in told.landmarks] == pytest.approx(after, abs=1e-4)
    summary = told.to_dict()
    assert summary["before_mm"] == pytest.approx({"mean": before.mean(), "max": before.max()})
    assert summary["after_mm"] == pytest.approx({"mean": after.mean(), "max": after.max()}, abs=1e-4)
    assert (summary["undefined"], summary["unpaired"]) == ([], [])


def test_the_error_in_the_registered_frame_is_that_of_the_inverse(tmp_path: Path) -> None:
    fixed, truth = reference.points_inside(GRID, 10, 0, 1.5), reference.points_inside(GRID, 10, 5, 1.5)
    # The moving landmark is where another registered point maps: through the inverse it is that point.
    moving = reference.map_points(SPEC, truth)
    told = target_registration_error(read(tmp_path / "reg.dcm"), named(fixed), named(moving))
    expected = np.linalg.norm(truth - fixed, axis=1)
    assert [one.after_inverse_mm for one in told.landmarks] == pytest.approx(expected, abs=1e-3)


def test_a_matrix_moves_landmarks_into_the_source_frame(tmp_path: Path) -> None:
    matrix = rf.rigid((0.4, -0.2, 0.3), (5, 6, -7))
    moving = np.random.default_rng(0).uniform(-100, 100, (5, 3))
    fixed = moving @ matrix[:3, :3].T + matrix[:3, 3]
    told = target_registration_error(read(tmp_path / "r.dcm", rf.MatrixItem((matrix,))), named(fixed), named(moving))
    assert told.to_dict()["after_mm"]["max"] < 1e-6
    assert told.to_dict()["after_inverse_mm"]["max"] < 1e-6


@pytest.mark.parametrize(
    ("distance", "mark"),
    [(0.0, "within 2 mm"), (1.99, "within 2 mm"), (2.01, "2 to 5 mm"), (4.99, "2 to 5 mm"), (5.01, "above 5 mm")],
)
def test_tg_132_marks(tmp_path: Path, distance: float, mark: str) -> None:
    item = read(tmp_path / "reg.dcm", rf.MatrixItem((np.eye(4),)))
    told = target_registration_error(item, named([[1, 2, 3]]), named([[1, 2, 3 + distance]]))
    assert told.landmarks[0].mark == mark
    assert told.to_dict()["marks_mm"] == [2.0, 5.0]


def hole() -> rf.DeformableItem:
    vectors = GRID.vectors.copy()
    vectors[4, 5, 6] = np.nan
    return rf.DeformableItem(replace(GRID, vectors=vectors))


def test_landmarks_where_the_mapping_says_nothing_are_named_and_not_dropped(tmp_path: Path) -> None:
    fixed = np.array(
        [
            reference.node_position(GRID, 3, 3, 3),
            reference.node_position(GRID, -4, 3, 3),  # outside
            reference.node_position(GRID, 6.3, 5.2, 4.1),  # beside the undefined vector
        ]
    )
    moving = np.array([reference.map_one(rf.DeformableItem(GRID), fixed[0]) + [0, 3, 0], fixed[1], fixed[2]])
    told = target_registration_error(read(tmp_path / "reg.dcm", hole()), named(fixed), named(moving))
    inside, outside, beside = told.landmarks
    assert inside.after_mm == pytest.approx(3, abs=1e-4)
    assert (outside.name, outside.after_mm, outside.mark) == ("P2", None, "undefined")
    assert (beside.name, beside.after_mm, beside.mark) == ("P3", None, "undefined")
    assert "mapping is undefined" in outside.remark
    assert "mapping is undefined" in beside.remark
    summary = told.to_dict()
    assert summary["undefined"] == ["P2", "P3"]
    assert [one["name"] for one in summary["landmarks"]] == ["P1", "P2", "P3"]
    # Means are over the pairs that have an error.
    assert summary["after_mm"] == pytest.approx({"mean": 3, "max": 3}, abs=1e-4)
    assert summary["before_mm"]["mean"] == pytest.approx(np.linalg.norm(fixed - moving, axis=1).mean())


def test_a_partner_without_preimage_is_named(tmp_path: Path) -> None:
    fixed = reference.points_inside(GRID, 2, 0, 1.5)
    moving = np.array([reference.map_one(SPEC, fixed[0]), [5000.0, 0, 0]])
    first, second = target_registration_error(read(tmp_path / "reg.dcm"), named(fixed), named(moving)).landmarks
    assert (first.after_inverse_mm, first.remark) == (pytest.approx(0, abs=1e-3), "")
    assert second.after_inverse_mm is None
    assert "inverse was not found" in second.remark
    assert second.after_mm is not None


def test_a_field_of_nan_leaves_every_landmark_undefined(tmp_path: Path) -> None:
    item = read(tmp_path / "r.dcm", rf.DeformableItem(replace(GRID, vectors=np.full_like(GRID.vectors, np.nan))))
    fixed = reference.points_inside(GRID, 3, 0, 1.5)
    summary = target_registration_error(item, named(fixed), named(fixed)).to_dict()
    assert summary["undefined"] == ["P1", "P2", "P3"]
    assert summary["after_mm"] == {"mean": None, "max": None}
    assert summary["before_mm"] == {"mean": 0.0, "max": 0.0}


# ---- Pairing


@pytest.fixture
def still(tmp_path: Path) -> RegistrationItem:
    return read(tmp_path / "still.dcm", rf.MatrixItem((np.eye(4),)))


def error_of(item: RegistrationItem, fixed: dict[str, tuple], moving: dict[str, tuple]) -> TargetRegistrationError:
    return target_registration_error(item, *([Landmark(n, p) for n, p in side.items()] for side in (fixed, moving)))


def test_pairs_are_made_by_name_whatever_the_order(still: RegistrationItem) -> None:
    fixed = {"carina": (0, 0, 0), "apex": (10, 0, 0), "nodule": (0, 20, 0)}
    moving = {"nodule": (0, 20, 1), "carina": (0, 0, 2), "apex": (10, 0, 3)}
    told = error_of(still, fixed, moving)
    assert {one.name: one.after_mm for one in told.landmarks} == pytest.approx({"carina": 2, "apex": 3, "nodule": 1})


def test_names_without_partner_are_named(still: RegistrationItem) -> None:
    told = error_of(still, {"a": (0, 0, 0), "b": (1, 1, 1)}, {"b": (1, 1, 1), "c": (2, 2, 2), "d": (3, 3, 3)})
    assert [one.name for one in told.landmarks] == ["b"]
    assert told.unpaired == ("a", "c", "d")
    assert told.to_dict()["unpaired"] == ["a", "c", "d"]


def test_without_common_names_equal_numbers_pair_by_order(still: RegistrationItem) -> None:
    told = error_of(still, {"F-1": (0, 0, 0), "F-2": (5, 0, 0)}, {"M-1": (0, 0, 1), "M-2": (5, 0, 4)})
    assert [(one.name, one.after_mm) for one in told.landmarks] == [("F-1", 1), ("F-2", 4)]
    assert told.unpaired == ()


def test_different_numbers_without_common_names_cannot_be_paired(still: RegistrationItem) -> None:
    with pytest.raises(UsageError, match="2 fixed, 1 moving"):
        error_of(still, {"F-1": (0, 0, 0), "F-2": (5, 0, 0)}, {"M-1": (0, 0, 1)})


@pytest.mark.parametrize("side", ["fixed", "moving"])
def test_a_name_that_occurs_twice_is_refused(still: RegistrationItem, side: str) -> None:
    once = named([[0, 0, 0], [1, 1, 1]])
    twice = [*once, Landmark("P2", (3.0, 3.0, 3.0))]
    with pytest.raises(UsageError, match=rf"{side} landmarks hold 'P2' more than once"):
        target_registration_error(still, *((twice, once) if side == "fixed" else (once, twice)))


def test_no_landmarks_at_all_are_refused(still: RegistrationItem) -> None:
    with pytest.raises(UsageError):
        target_registration_error(still, [], [])


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
        (b"name,x,y,z\n\xff\xfe,1,2,3\n", "no CSV text"),
        ("name,x,y,z\n" + "a" * 200_000 + ",1,2,3\n", "no CSV text"),
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
    with pytest.raises(FileError, match="more than 100000"):
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
    from DicomRegInspectorLib.quality_run import JudgedBy, run_quality

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
        assert told["after_mm"] == pytest.approx({"mean": 1.5, "max": 1.5}, abs=1e-3)
        before = np.linalg.norm(fixed - moving, axis=1)
        assert told["before_mm"]["max"] == pytest.approx(before.max(), abs=1e-6)
        assert len(told["landmarks"]) == 4


def test_fiducials_that_are_only_marked_on_images_are_named_in_a_run(tmp_path: Path) -> None:
    from DicomRegInspectorLib.quality_run import JudgedBy, run_quality

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
    from DicomRegInspectorLib.quality_run import JudgedBy, run_quality

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
