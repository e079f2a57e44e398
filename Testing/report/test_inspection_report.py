"""The inspection report: said once, in order, at the right slices; nothing of a file acts on a screen."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from dicom_objects import PATIENT, REGISTERED, SOURCE, new_object, rigid, write_linear, write_matrices, write_slice
from DicomRegInspectorLib import inspect_paths
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.report.files import write_json
from DicomRegInspectorLib.report.text.inspection_report import inspection_report
from DicomRegInspectorLib.report.text.terminal import Style
from DicomRegInspectorLib.tasks.inspect import FileCounts


@dataclass(frozen=True)
class Found:
    """An inspection with findings only."""

    findings: tuple[Finding, ...]
    registrations: tuple = ()
    series: tuple = ()
    file_counts: FileCounts = field(default_factory=FileCounts)
    interval_tolerance: float = 0.05


def finding(number: int, severity: str = "error", code: str = "slice-gap", subject: str = "series 1.2.3") -> Finding:
    return Finding(code, severity, f"slices {number} and {number + 1} are far apart", subject)


def test_a_tilted_irregular_ct_is_told_in_its_own_numbers(tilted_irregular_ct: Path) -> None:
    report = inspection_report(inspect_paths([tilted_irregular_ct]), Style())
    flat = " ".join(report.split())
    assert "CT, 28 slices; spacing 4.002 mm (slices 1–14), 6.999 mm (slices 15–28); tilt 18.5°" in flat
    assert "1.081 mm between slices 14 and 15" in flat


def test_a_registration_is_summed_up_with_its_images(deformable_pair: Path) -> None:
    flat = " ".join(inspection_report(inspect_paths([deformable_pair]), Style()).split())
    assert "grid 128 × 128 × 28, 1.8 × 1.8 × 5 mm" in flat
    assert "registered frame: series 1; source frame: series 2" in flat


def test_the_largest_displacement_is_the_one_in_the_file(deformable_pair: Path) -> None:
    import pydicom

    item = pydicom.dcmread(deformable_pair / "registration.dcm").DeformableRegistrationSequence[0]
    vectors = np.frombuffer(item.DeformableRegistrationGridSequence[0].VectorGridData, "<f4").reshape(-1, 3)
    largest = np.linalg.norm(vectors.astype(float), axis=1).max()
    flat = " ".join(inspection_report(inspect_paths([deformable_pair / "registration.dcm"]), Style()).split())
    assert f"displacement up to {largest:.2f} mm" in flat


def test_matrices_are_told_in_words(tmp_path: Path) -> None:
    write_linear(tmp_path / "r.dcm", rigid(30.0, (1.0, 2.0, 3.5)), None)
    write_matrices(tmp_path / "m.dcm", {REGISTERED: np.eye(4), SOURCE: rigid(0.0, (0.0, -4.25, 0.0))})
    flat = " ".join(inspection_report(inspect_paths([tmp_path]), Style()).split())
    assert "pre-deformation matrix: rotation by 30.00°, translation (1, 2, 3.5) mm" in flat
    assert "item 1: matrix to the registered frame: identity" in flat
    assert "item 2: matrix to the registered frame: translation (0, -4.25, 0) mm" in flat


def test_the_most_severe_comes_first_and_each_kind_has_its_remedy_once() -> None:
    found = [finding(1, "info", "spacing-jitter"), finding(2, "warning", "gantry-tilt"), finding(3), finding(9)]
    report = inspection_report(Found(tuple(found)), Style())
    places = [report.index(word) for word in ("ERROR", "WARNING", "INFO")]
    assert places == sorted(places)
    for one in found:
        assert " ".join(report.split()).count(one.remedy) == 1
    assert "2 errors, 1 warning, 1 info" in report


def test_many_of_a_kind_are_folded_unless_all_are_wanted() -> None:
    found = Found(tuple(finding(number) for number in range(100, 140)))
    folded = inspection_report(found, Style())
    assert folded.count("far apart") == 6
    assert "and 34 more" in folded
    complete = inspection_report(found, Style(), complete=True)
    assert complete.count("far apart") == 40
    assert "more of this kind" not in complete


def test_the_same_said_twice_is_said_once() -> None:
    report = inspection_report(Found((finding(7), finding(7), finding(7))), Style())
    assert report.count("far apart") == 1
    assert "(3 times)" in report


@pytest.mark.parametrize("width", [40, 72, 120])
def test_lines_fit_the_terminal(tilted_irregular_ct: Path, width: int) -> None:
    report = inspection_report(inspect_paths([tilted_irregular_ct]), Style(width))
    # A UID cannot be broken; everything else can.
    assert all(len(line) <= width or "1.2.826" in line for line in report.splitlines()[:-1] if "[" not in line)


def test_nothing_of_a_file_acts_on_the_terminal(tmp_path: Path) -> None:
    nasty = "\x1b[2Jhead\r\n\x07\u202eevil\u2028x"
    name = tmp_path / "reg\x1b[31m\u202e.dcm"
    write_linear(name, series_description="lung\u202e\x1b[2J")
    hostile = Finding("slice-gap", "error", nasty, f"series {nasty}")
    for report in (
        inspection_report(inspect_paths([tmp_path]), Style()),
        inspection_report(Found((hostile,)), Style()),
    ):
        assert all(character == "\n" or character.isprintable() for character in report)
    assert "\\x1b[2Jhead" in inspection_report(Found((hostile,)), Style())


def test_the_patient_is_nowhere(tmp_path: Path) -> None:
    patient = new_object("1.2.840.10008.5.1.4.1.1.2", "CT", SeriesInstanceUID="1.2.3")
    write_linear(tmp_path / "r.dcm", registered_images=[patient], series_description=f"{PATIENT} thorax")
    write_slice(tmp_path / "s.dcm", 1.0, "1.2.3")
    inspection = inspect_paths([tmp_path])
    for text in (inspection_report(inspection, Style()), json.dumps(inspection.to_dict())):
        assert "Nemo" not in text
        assert "SECRET" not in text.upper().replace("SECRETARY", "")


def test_json_is_strict_and_written_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(
        path, {"a": float("nan"), "b": [np.float32(1.5), float("inf")], "c": "°", "d": np.arange(2), "e": "\udcff"}
    )

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    read = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert read == {"a": None, "b": [1.5, None], "c": "°", "d": [0, 1], "e": "\udcff"}
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text(encoding="utf-8"))["c"] == "°"
    assert os.listdir(tmp_path) == ["x.json"]


def test_json_goes_where_a_link_points_and_into_a_device(tmp_path: Path) -> None:
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("{}")
    link.symlink_to(target)
    write_json(link, {"a": 1})
    assert link.is_symlink()
    assert json.loads(target.read_text()) == {"a": 1}
    write_json(os.devnull, {"a": 1})
    assert not stat.S_ISREG(os.stat(os.devnull).st_mode)


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        write_json(tmp_path, {})
    with pytest.raises(UsageError, match="cannot be written"):
        write_json(tmp_path / "none" / "x.json", {})


def test_the_inspection_of_real_files_is_strict_json(deformable_pair: Path, tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", inspect_paths([deformable_pair]).to_dict())
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert not {"NaN", "Infinity"} & set(text.replace(",", " ").split())
    assert json.loads(text)["schema"] == 1


def test_series_are_told_while_headers_are_still_read(tmp_path: Path) -> None:
    for number in range(80):
        write_slice(tmp_path / f"{number:02}.dcm", number % 40, f"2.25.{1 + number // 40}")
    told: list[str] = []
    inspect_paths(tmp_path, lambda done, total, text: told.append(text))
    reading = [text for text in told if text.startswith("Reading headers")]
    assert reading == ["Reading headers", *(f"Reading headers: {count} image series so far" for count in (1, 2))]
