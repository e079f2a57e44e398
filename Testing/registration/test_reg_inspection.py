"""Registrations, good and broken, inspected in folders: what is counted, what is found, and that nothing stops it."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import reference
import regfiles as rf
import regstrategies as rs
from DicomRegInspectorLib import inspect_paths
from DicomRegInspectorLib.errors import Cancelled, UsageError
from hypothesis import HealthCheck, given, settings
from regcases import BROKEN, UNTIDY, deformable


def codes(inspection) -> set[str]:
    return {finding.code for finding in inspection.findings}


def counts(inspection) -> dict[str, int]:
    """``file_counts``, whether it is a mapping or an object."""
    value = inspection.file_counts
    return dict(value) if isinstance(value, dict) else value.to_dict()


def strict_json(inspection) -> str:
    """The report as JSON; NaN and infinity, which JSON does not have, are refused."""
    return json.dumps(inspection.to_dict(), allow_nan=False)


# ---- What a report says ---------------------------------------------------------------------------------------------


def test_the_report_has_the_keys_that_scripts_rely_on(tmp_path: Path) -> None:
    spec = rf.Samples().full
    rf.write(tmp_path / "reg.dcm", spec)
    report = json.loads(strict_json(inspect_paths([tmp_path])))
    assert report["schema"] == 1
    assert set(report) >= {"schema", "registrations", "series", "findings"}
    (registration,) = report["registrations"]
    assert Path(registration["file"]).name == "reg.dcm"
    assert registration["sop_instance_uid"] == spec.sop_instance_uid
    (item,) = registration["items"]
    grid = spec.items[0].grid
    assert item["kind"] == "deformable"
    assert item["source_frame_of_reference_uid"] == "1.2.3.200"
    assert item["grid"]["dimensions"] == [7, 6, 5]
    assert item["grid"]["spacing_mm"] == list(grid.spacing)
    assert item["grid"]["origin_lps_mm"] == list(grid.origin)
    lengths = np.linalg.norm(grid.vectors.astype(float), axis=-1)
    assert item["displacement_mm"]["max"] == pytest.approx(lengths.max(), abs=1e-4)
    assert item["displacement_mm"]["mean"] == pytest.approx(lengths.mean(), abs=1e-4)
    assert set(item["displacement_mm"]) >= {"max", "mean", "p50", "p95", "p99"}
    assert report["series"] == []


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rs.deformables | rs.spatials, rs.encodings())
def test_a_registration_is_found_however_it_is_written(
    tmp_path: Path, spec: rf.RegistrationSpec, encoding: rf.Encoding
) -> None:
    rf.write(tmp_path / "no-extension", spec, encoding)
    inspection = inspect_paths(tmp_path)
    (registration,) = inspection.registrations
    assert len(registration.items) == len(spec.items)
    written = spec.items[0]
    if isinstance(written, rf.DeformableItem) and written.grid is not None:
        points = reference.points_inside(written.grid, 3, margin=1e-3)
        mapped = registration.items[0].map_points(points)
        np.testing.assert_allclose(mapped, reference.map_points(written, points), rtol=0, atol=1e-6)


@pytest.mark.parametrize("swapped", [rf.SPATIAL_CLASS, rf.FIDUCIALS_CLASS])
def test_a_registration_under_another_registration_class_is_found(tmp_path: Path, swapped: str) -> None:
    rf.write(tmp_path / "reg.dcm", replace(rf.Samples().full, sop_class=swapped))
    inspection = inspect_paths(tmp_path)
    assert [registration.kind for registration in inspection.registrations] == ["deformable"]
    assert "reg-sop-class-mismatch" in codes(inspection)


@pytest.mark.parametrize("name", [*UNTIDY])
def test_untidy_registrations_are_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "reg").write_bytes(UNTIDY[name]())
    inspection = inspect_paths(tmp_path)
    assert len(inspection.registrations) == 1, inspection.findings
    strict_json(inspection)


# ---- Broken files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*BROKEN])
def test_broken_content_is_a_finding_in_strict_json(tmp_path: Path, name: str) -> None:
    rf.write(tmp_path / "reg.dcm", BROKEN[name][0]())
    inspection = inspect_paths(tmp_path)
    text = strict_json(inspection)
    assert inspection.findings[0].severity == "error"
    assert inspection.findings[0].code in {*BROKEN[name][1], "file-unreadable"}
    assert "SECRET" not in text
    for finding in inspection.findings:
        assert "\n" not in finding.message
        assert finding.message


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    "values", [(1e20, -1e20), (3e38, -3e38), (3e38, 3e38), (1e-45, 0), (np.inf, -np.inf), (np.nan, 3e38)]
)
def test_vectors_of_absurd_size_are_measured_without_overflow(tmp_path: Path, values: tuple[float, float]) -> None:
    vectors = rf.smooth_vectors((4, 4, 4))
    vectors[1, 1, 1], vectors[2, 1, 1] = values
    rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((rf.DeformableItem(rf.GridSpec(vectors)),)))
    inspection = inspect_paths(tmp_path)
    strict_json(inspection)
    for finding in inspection.findings:
        assert "inf" not in finding.message.lower().replace("infinit", "").replace("info", "")


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("place", ["origin", "spacing", "pre"])
@pytest.mark.parametrize("value", [1e300, 1e-300, 1e38])
def test_geometry_of_absurd_size_is_judged_without_overflow(tmp_path: Path, place: str, value: float) -> None:
    grid, pre = rf.GridSpec(rf.smooth_vectors((4, 4, 4))), np.eye(4)
    if place == "origin":
        grid = replace(grid, origin=(value, 0.0, -value))
    elif place == "spacing":
        grid = replace(grid, spacing=(value, 1.0, 1.0))
    else:
        pre = np.diag([value, 1.0, 1.0, 1.0])
    path = rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((rf.DeformableItem(grid, pre),)))
    inspection = inspect_paths(tmp_path)
    strict_json(inspection)
    for registration in inspection.registrations:
        for item in registration.items:
            if item.problem is None:
                assert item.map_points(np.zeros((2, 3))).shape == (2, 3)
    assert path.exists()


def test_the_most_severe_findings_come_first(tmp_path: Path) -> None:
    rf.write(tmp_path / "a.dcm", deformable(), rf.Encoding(order="reversed"))
    rf.write(tmp_path / "b.dcm", BROKEN["zero resolution"][0]())
    severities = [finding.severity for finding in inspect_paths(tmp_path).findings]
    order = ["error", "warning", "info"]
    assert severities == sorted(severities, key=order.index)
    assert {"error", "warning"} <= set(severities)


def test_a_cut_registration_is_a_finding(tmp_path: Path) -> None:
    whole = rf.encode(deformable())
    for number, offset in enumerate(range(200, len(whole) - 300, 37)):
        (tmp_path / f"cut-{number}.dcm").write_bytes(whole[:offset])
    inspection = inspect_paths(tmp_path)
    assert len(inspection.findings) >= number + 1
    named = {Path(str(f.evidence.get("file", f.subject))).name for f in inspection.findings if f.severity == "error"}
    assert len(named) == number + 1
    assert {"file-truncated"} <= codes(inspection)
    strict_json(inspection)


def test_a_folder_of_everything_is_sorted_without_stopping(tmp_path: Path) -> None:
    rf.write(tmp_path / "good.dcm", rf.Samples().full)
    rf.write(tmp_path / "broken.dcm", BROKEN["no nodes"][0]())
    (tmp_path / "empty.dcm").write_bytes(b"")
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam\n" * 100)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 1000)
    (tmp_path / "cut.dcm").write_bytes(rf.encode(deformable())[:900])
    (tmp_path / "folder.dcm").mkdir()
    rf.write(tmp_path / "folder.dcm" / "inner", rf.Samples().matrices)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "nowhere").symlink_to(tmp_path / "not-there")
    (tmp_path / "round").symlink_to(tmp_path, target_is_directory=True)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.dcm")
    started = time.monotonic()
    inspection = inspect_paths(tmp_path)
    assert time.monotonic() - started < 10
    usable = [r for r in inspection.registrations if all(item.problem is None for item in r.items)]
    assert sorted(r.kind for r in usable) == ["deformable", "matrix"]
    assert {"file-truncated"} <= codes(inspection)
    assert counts(inspection)["not_dicom"] >= 3
    strict_json(inspection)


def test_the_same_file_reached_twice_is_one(tmp_path: Path) -> None:
    path = rf.write(tmp_path / "reg.dcm", rf.Samples().plain)
    (tmp_path / "link.dcm").symlink_to(path)
    assert len(inspect_paths([tmp_path, path, str(path)]).registrations) == 1


def test_ten_thousand_other_files_take_little_time_and_no_findings(tmp_path: Path) -> None:
    for folder in range(10):
        (tmp_path / str(folder)).mkdir()
        for number in range(1000):
            (tmp_path / str(folder) / f"{number}.txt").write_bytes(b"12.5;13.5\n" * (number % 50))
    rf.write(tmp_path / "5" / "reg", rf.Samples().plain)
    started = time.process_time()
    inspection = inspect_paths(tmp_path)
    assert time.process_time() - started < 10
    assert len(inspection.registrations) == 1
    assert (counts(inspection)["files"], counts(inspection)["not_dicom"]) == (10_001, 10_000)
    assert not inspection.findings


def test_a_folder_that_cannot_be_listed_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    rf.write(tmp_path / "reg.dcm", rf.Samples().plain)
    scandir = os.scandir

    def refuse(path=".", *args):
        if os.fspath(path) == str(locked):
            raise PermissionError(13, "Permission denied", str(locked))
        return scandir(path, *args)

    monkeypatch.setattr(os, "scandir", refuse)
    inspection = inspect_paths(tmp_path)
    assert len(inspection.registrations) == 1
    (finding,) = [f for f in inspection.findings if f.code == "file-unreadable"]
    assert "locked" in finding.message + finding.subject


@pytest.mark.parametrize("when", ["headers", "registration"])
def test_a_file_that_vanishes_meanwhile_is_a_finding(tmp_path: Path, when: str) -> None:
    path = rf.write(tmp_path / "reg.dcm", rf.Samples().plain)
    rf.write(tmp_path / "stays.dcm", rf.Samples().matrices)

    def progress(done: int, total: int, text: str) -> bool:
        if when in text.lower():
            path.unlink(missing_ok=True)
        return True

    inspection = inspect_paths(tmp_path, progress)
    assert not path.exists()
    assert [r.kind for r in inspection.registrations] == ["matrix"]
    assert "file-unreadable" in codes(inspection)


def test_progress_can_stop_it_and_counts_up(tmp_path: Path) -> None:
    for number in range(100):
        rf.write(tmp_path / f"{number}.dcm", rf.Samples().plain)
    calls: list[tuple[int, int]] = []

    def progress(done: int, total: int, text: str) -> bool:
        calls.append((done, total))
        assert text
        return True

    inspect_paths(tmp_path, progress)
    assert len(calls) > 3
    assert all(0 <= done <= total for done, total in calls)
    with pytest.raises(Cancelled):
        inspect_paths(tmp_path, lambda done, total, text: total == 0 or done < 50)


def test_paths_that_are_not_there_are_refused(tmp_path: Path) -> None:
    for paths in ([tmp_path / "nowhere"], [], [tmp_path, tmp_path / "nowhere"]):
        with pytest.raises(UsageError) as caught:
            inspect_paths(paths)
        assert "\n" not in str(caught.value)


def test_an_empty_folder_is_no_error(tmp_path: Path) -> None:
    inspection = inspect_paths(tmp_path)
    assert not inspection.registrations
    assert not inspection.series
    assert not [f for f in inspection.findings if f.severity == "error"]
