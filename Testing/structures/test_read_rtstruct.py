"""RT Structure Sets read: what is kept, what cannot be used, and how fast."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.errors import FileError, UsageError
from DicomRegInspectorLib.structures import read_structures
from DicomRegInspectorLib.structures.checks import check_structures
from structfiles import FRAME, Drawn, Region, circle, write_rtstruct


def left_out(path: Path) -> dict[str, object]:
    """Message and evidence of the one finding on contours that cannot be used."""
    (finding,) = read_structures(path).findings
    assert finding.code == "structure-contours-left-out" and finding.severity == "error"
    return {"message": finding.message, **finding.evidence}


@pytest.mark.parametrize("explicit", [False, True])
def test_names_types_colours_and_points_are_kept(tmp_path: Path, explicit: bool) -> None:
    points = circle(20, -3.25, count=100)
    regions = [
        Region("PTV 60", [Drawn(points)], (12, 200, 7), "PTV"),
        Region("Marker", [Drawn(np.array([[1.5, 2.5, -3]]), "POINT")], None, "MARKER"),
    ]
    found = read_structures(write_rtstruct(tmp_path / "s.dcm", regions, explicit=explicit))
    target, marker = found.structures
    assert (target.number, target.name, target.colour, target.interpreted_type) == (1, "PTV 60", (12, 200, 7), "PTV")
    assert target.generation_algorithm == "MANUAL" and target.frame_uid == found.frame_uid == FRAME
    assert found.label == "PLAN" and found.findings == ()
    assert np.abs(target.contours[0].points - points).max() < 1e-8
    assert marker.colour is None and marker.contours[0].geometric_type == "POINT"
    assert marker.contours[0].points.tolist() == [[1.5, 2.5, -3]] and marker.volume_mm3 == 0


def test_a_name_of_the_patient_is_masked_where_it_is_shown_and_kept_for_writing(tmp_path: Path) -> None:
    (structure,) = read_structures(
        write_rtstruct(tmp_path / "s.dcm", [Region("Quixote liver", [Drawn(circle(9, 0))])])
    ).structures
    assert "uixote" not in structure.name and structure.name.endswith("liver") and "uixote" not in repr(structure)
    assert structure.written_name == "Quixote liver"


@pytest.mark.parametrize(
    ("data", "said", "reason"),
    [
        (b"1\\2\\3\\4\\abc\\6\\7\\8\\9", "holds no number as value 5", "not_numbers"),
        (b"1\\2\\3\\4\\5,5\\6\\7\\8\\9", "holds '5,5' as value 5", "not_numbers"),
        (b"1\\2\\3\\4\\nan\\6\\7\\8\\9", "holds no number as value 5", "not_numbers"),
        (b"1\\2\\3\\4\\\\6\\7\\8\\9", "as value 5", "not_numbers"),
        (b"1\\2\\3\\4\\1e999\\6\\7\\8\\9", "holds '1e999' as value 5", "not_numbers"),
        (b"1\\2\\3\\4\\-1e300\\6\\7\\8\\9", "a number beyond 1,000,000,000 mm", "not_numbers"),
        (b"1\\2\\3\\4\\1_0\\6\\7\\8\\9", "holds no number as value 5", "not_numbers"),
        (b"1\\2\\3\\4\\5\\6\\7\\8", "holds 8 numbers, which are no triplets", "not_numbers"),
        (b"1\\2\\3\\4\\5\\6", "CLOSED_PLANAR with 2 points", "few_points"),
        (b"", "CLOSED_PLANAR with 0 points", "few_points"),
    ],
)
def test_data_that_are_no_contour_are_left_out_and_told(tmp_path: Path, data: bytes, said: str, reason: str) -> None:
    path = write_rtstruct(tmp_path / "s.dcm", [Region("lung", [Drawn(circle(9, 0)), Drawn(data)])])
    told = left_out(path)
    assert said in str(told["message"]) and "contour 2" in str(told["message"])
    assert told[reason] == 1 and told["contours"] == 1 and told["of_contours"] == 2 and told["first_contour"] == 2
    if reason == "not_numbers":
        assert "Contour Data (3006,0050)" in str(told["message"])
    assert len(read_structures(path).structures[0].contours) == 1


def test_a_contour_of_an_unknown_type_is_left_out_and_told(tmp_path: Path) -> None:
    told = left_out(write_rtstruct(tmp_path / "s.dcm", [Region("a", [Drawn(circle(9, 0), "SPLINE")])]))
    assert told["unknown_type"] == 1 and "(3006,0042)" in str(told["message"])


def test_a_count_that_disagrees_with_the_data_is_told_and_the_data_count(tmp_path: Path) -> None:
    found = read_structures(write_rtstruct(tmp_path / "s.dcm", [Region("a", [Drawn(circle(9, 0), count=12)])]))
    (finding,) = found.findings
    assert finding.code == "structure-contours-doubtful" and finding.evidence["count_disagrees"] == 1
    assert found.structures[0].point_count == 720


def test_the_first_point_again_at_the_end_is_no_point_of_its_own(tmp_path: Path) -> None:
    points = circle(9, 0, count=50)
    closed = np.concatenate([points, points[:1]])
    (structure,) = read_structures(write_rtstruct(tmp_path / "s.dcm", [Region("a", [Drawn(closed)])])).structures
    assert structure.point_count == 50


def test_an_empty_structure_is_kept_and_told(tmp_path: Path) -> None:
    found = read_structures(write_rtstruct(tmp_path / "s.dcm", [Region("bolus"), Region("a", [Drawn(circle(9, 0))])]))
    assert found.structures[0].is_empty and found.structures[0].volume_mm3 == 0
    assert [(finding.code, finding.severity) for finding in check_structures(found)] == [("structure-empty", "info")]


def test_contours_of_a_structure_that_is_not_there_are_told(tmp_path: Path) -> None:
    path = write_rtstruct(tmp_path / "s.dcm", [Region("a", [Drawn(circle(9, 0))])])
    dataset = pydicom.dcmread(path)
    dataset.ROIContourSequence[0].ReferencedROINumber = 9
    dataset.save_as(path)
    assert "ROI Number 9, which no structure has" in str(left_out(path)["message"])


def test_a_missing_name_is_told_with_those_there_are(tmp_path: Path) -> None:
    found = read_structures(write_rtstruct(tmp_path / "s.dcm", [Region("liver", [Drawn(circle(9, 0))])]))
    assert found.named(["liver"])[0].number == 1
    with pytest.raises(UsageError, match="no structure 'lung'; it has liver"):
        found.named(["lung"])


def test_other_objects_and_folders_are_refused_in_a_sentence(tmp_path: Path) -> None:
    path = write_rtstruct(tmp_path / "s.dcm", [Region("a", [Drawn(circle(9, 0))])])
    dataset = pydicom.dcmread(path)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.save_as(tmp_path / "ct.dcm")
    with pytest.raises(FileError, match="neither an RT Structure Set nor a Segmentation"):
        read_structures(tmp_path / "ct.dcm")
    with pytest.raises(FileError, match="is a folder"):
        read_structures(tmp_path)
    del dataset.StructureSetROISequence
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    dataset.save_as(tmp_path / "none.dcm")
    with pytest.raises(FileError, match=r"no Structure Set ROI Sequence \(3006,0020\)"):
        read_structures(tmp_path / "none.dcm")


def test_a_file_cut_off_anywhere_is_a_sentence(tmp_path: Path) -> None:
    raw = write_rtstruct(tmp_path / "s.dcm", [Region("a", [Drawn(circle(9, 0, count=30))])]).read_bytes()
    whole = tmp_path / "cut.dcm"
    for length in range(140, len(raw) - 1, 37):
        whole.write_bytes(raw[:length])
        try:
            read_structures(whole)
        except FileError as error:
            assert str(whole) in str(error)


def test_a_million_points_are_read_in_about_a_second(tmp_path: Path) -> None:
    flat = b"\\".join(b"%.6f\\%.6f\\Z" % (x, y) for x, y, _ in circle(40, 0, count=1000))
    contours = [Drawn(flat.replace(b"Z", b"%.2f" % height)) for height in np.arange(1000) / 2]
    path = write_rtstruct(tmp_path / "s.dcm", [Region("big", contours)])
    start = time.process_time()
    (structure,) = read_structures(path).structures
    assert structure.point_count == 1_000_000
    # It takes 0.4 s; other work on the machine is not to fail it.
    assert time.process_time() - start < 3


def test_contours_of_a_number_that_two_structures_have_are_nobodys_and_told(tmp_path: Path) -> None:
    regions = [Region(name, [Drawn(circle(9, 0)), Drawn(circle(9, 3))]) for name in ("A", "B", "C")]
    path = write_rtstruct(tmp_path / "s.dcm", regions)
    dataset = pydicom.dcmread(path)
    for number in (0, 1):
        dataset.StructureSetROISequence[number].ROINumber = 5
        dataset.ROIContourSequence[number].ReferencedROINumber = 5
    dataset.save_as(path)
    told = left_out(path)
    assert "5 is that of 2 structures" in str(told["message"]) and told["contours"] == 4
    assert [structure.is_empty for structure in read_structures(path).structures] == [True, True, False]


def test_slices_are_as_far_apart_as_each_structure_has_them_not_as_two_lie_beside_each_other(tmp_path: Path) -> None:
    def drawn(*heights: float) -> list[Drawn]:
        return [Drawn(circle(10, height)) for height in heights]

    along = 3.0 * np.arange(10)
    regions = [Region("A", drawn(*along)), Region("B", drawn(*along + 1)), Region("two", drawn(0, 3))]
    found = read_structures(write_rtstruct(tmp_path / "s.dcm", [*regions, Region("single", drawn(0))]))
    area = np.pi * 10**2
    volumes = [structure.volume_mm3 for structure in found.structures]
    assert volumes == pytest.approx([30 * area, 30 * area, 6 * area, 3 * area], rel=1e-4)
    assert check_structures(found) == []
