"""Series as scanners wrote them; the numbers expected were measured by hand from the files' own elements."""

from __future__ import annotations

import json
from pathlib import Path

import pydicom.data
import pytest
from DicomRegInspectorLib.series import Series, inspect_series, read_header
from series_making import codes, only

PYDICOM_FILES = Path(pydicom.data.__file__).parent / "test_files"


def series_of(folder: Path) -> Series:
    headers = [read_header(path) for path in sorted(folder.iterdir()) if path.suffix in ("", ".dcm")]
    (series,) = inspect_series(header for header in headers if header.is_image)
    return series


@pytest.fixture(scope="module")
def head_ct(request: pytest.FixtureRequest) -> Series:
    folder = request.getfixturevalue("tilted_irregular_ct")
    (series,) = inspect_series(read_header(path) for path in sorted(folder.glob("*.dcm")))
    return series


def test_the_head_ct_has_a_section_of_4_mm_and_one_of_7(head_ct: Series) -> None:
    first, second = head_ct.main_stack.sections
    assert (first.first, first.last, second.first, second.last) == (1, 14, 15, 28)
    # 4.22 and 7.38 mm of table travel along z, seen along a normal tilted by 18.5 degrees.
    assert first.spacing_mm == pytest.approx(4.22 * 0.9483237, abs=1e-3)
    assert second.spacing_mm == pytest.approx(7.38 * 0.9483237, abs=1e-3)


def test_the_head_ct_overlaps_between_slices_14_and_15(head_ct: Series) -> None:
    overlap = only(head_ct, "slice-overlap")
    assert overlap.evidence["slices"] == [14, 15]
    assert overlap.evidence["instance_numbers"] == [14, 15]
    assert overlap.evidence["interval_mm"] == pytest.approx(1.14 * 0.9483237, abs=1e-3)
    assert len(set(overlap.evidence["sop_instance_uids"])) == 2


def test_the_head_ct_changes_spacing_and_thickness_there(head_ct: Series) -> None:
    change = only(head_ct, "spacing-change")
    assert change.evidence["slices"] == [14, 15]
    assert (change.evidence["spacing_before_mm"], change.evidence["spacing_after_mm"]) == pytest.approx(
        (4.002, 6.999), abs=1e-3
    )
    thickness = only(head_ct, "thickness-change")
    assert thickness.evidence["slices"] == [14, 15]
    assert (thickness.evidence["thickness_before_mm"], thickness.evidence["thickness_after_mm"]) == (4.0, 7.0)


def test_the_head_cts_tilt_is_measured(head_ct: Series) -> None:
    tilt = only(head_ct, "gantry-tilt")
    assert tilt.evidence["tilt_deg"] == pytest.approx(18.5, abs=0.01)
    assert head_ct.to_dict()["tilt_deg"] == pytest.approx(18.5, abs=0.01)


def test_nothing_else_is_said_of_the_head_ct(head_ct: Series) -> None:
    assert sorted(codes(head_ct)) == ["gantry-tilt", "slice-overlap", "spacing-change", "thickness-change"]
    assert head_ct.is_volume


def test_the_head_cts_report_is_json_with_the_contracts_keys(head_ct: Series) -> None:
    report = json.loads(json.dumps(head_ct.to_dict()))
    assert report["slice_count"] == 28
    assert report["modality"] == "CT"
    assert len(report["positions_mm"]) == 28
    assert report["positions_mm"] == sorted(report["positions_mm"])
    assert report["nominal_spacing_mm"] == pytest.approx(4.002, abs=1e-3)
    assert set(report["findings"][0]) == {"code", "severity", "message", "subject", "about", "evidence"}


def test_the_order_of_the_files_changes_nothing(tilted_irregular_ct: Path, head_ct: Series) -> None:
    paths = sorted(tilted_irregular_ct.glob("*.dcm"))
    (turned,) = inspect_series(read_header(path) for path in paths[::-1])
    assert turned.to_dict() == head_ct.to_dict()


@pytest.mark.parametrize("side", ["fixed", "moving"])
def test_nothing_is_said_of_the_regular_pair(deformable_pair: Path, side: str) -> None:
    series = series_of(deformable_pair / side)
    assert codes(series) == []
    assert series.main_stack.nominal_spacing_mm == pytest.approx(5.0)


def test_the_brain_ct_has_a_gap_of_202_5_mm() -> None:
    series = series_of(PYDICOM_FILES / "dicomdirtests/77654033/CT2")
    gap = only(series, "slice-gap")
    assert codes(series) == ["slice-gap"]
    assert gap.evidence["slices"] == [1, 2]
    assert gap.evidence["instance_numbers"] == [18, 180]
    assert gap.evidence["gap_mm"] == pytest.approx(103.02 + 99.48, abs=1e-4)
    # Instance numbers 19 to 179 are not there.
    assert gap.evidence["missing_slices"] == 161
    assert "202.5 mm" in gap.message


def test_the_regular_heart_ct_gets_no_warning() -> None:
    series = series_of(PYDICOM_FILES / "dicomdirtests/98892001/CT5N")
    assert [finding for finding in series.findings if finding.severity != "info"] == []
    assert series.main_stack.nominal_spacing_mm == pytest.approx(2.5)
    assert series.is_volume


def test_projections_in_seven_orientations_are_no_volume() -> None:
    series = series_of(PYDICOM_FILES / "dicomdirtests/98892003/MR700")
    assert not series.is_volume
    assert series.main_stack is None
    assert len(series.stacks) == 7
    assert codes(series) == ["orientation-mixed"]
    report = series.to_dict()
    assert (report["nominal_spacing_mm"], report["positions_mm"], report["tilt_deg"]) == (None, [], None)


def test_a_pair_of_scouts_is_no_volume_and_no_reason_to_warn() -> None:
    series = series_of(PYDICOM_FILES / "dicomdirtests/98892001/CT2N")
    assert not series.is_volume
    assert [(finding.code, finding.severity) for finding in series.findings] == [("no-slice", "info")]
    assert series.findings[0].evidence["kind"] == "localizer"


@pytest.mark.parametrize("name", ["CR1", "CR2", "CR3"])
def test_radiographs_need_no_position(name: str) -> None:
    assert codes(series_of(PYDICOM_FILES / "dicomdirtests/77654033" / name)) == []
