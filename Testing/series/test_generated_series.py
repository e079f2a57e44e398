"""Whole series with known geometry: oblique, sheared, mixed, repeated."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from DicomRegInspectorLib.series import inspect_series
from hypothesis import example, given, settings
from hypothesis import strategies as st
from series_making import axial, codes, header, only, rotation

angles = st.tuples(*[st.floats(-3.1, 3.1)] * 3)


def oblique(axes: np.ndarray, along: np.ndarray, in_plane: np.ndarray, decimals: int) -> list:
    """Headers at ``along`` mm on the normal and ``in_plane`` (n, 2) mm on rows and columns, from an odd origin."""
    corners = np.array([12.5, -81.25, 300.0]) + along[:, None] * axes[:, 2] + in_plane @ axes[:, :2].T
    cosines = [*axes[:, 0], *axes[:, 1]]
    return [header(corner, cosines, decimals=decimals, INSTANCE_NUMBER=k + 1) for k, corner in enumerate(corners)]


@settings(max_examples=150, deadline=None)
@given(angles, st.floats(0.4, 8.0), st.integers(3, 60), st.integers(1, 6), st.randoms())
@example((2.0, -2.3125, 0.0), 0.40625, 3, 1, Random(0))  # Rounding moves each slice by 0.08 mm along the normal.
def test_a_regular_oblique_stack_gets_no_warning(
    turn: tuple[float, float, float], spacing: float, count: int, decimals: int, shuffler: object
) -> None:
    headers = oblique(rotation(*turn), spacing * np.arange(count), np.zeros((count, 2)), decimals)
    shuffler.shuffle(headers)
    (series,) = inspect_series(headers)
    assert [finding for finding in series.findings if finding.severity != "info"] == []
    assert series.is_volume
    assert series.main_stack.nominal_spacing_mm == pytest.approx(spacing, abs=2 * 10.0**-decimals / (count - 1) + 1e-6)


@settings(max_examples=100, deadline=None)
@given(angles, st.floats(1.0, 8.0), st.integers(6, 60), st.integers(2, 6), st.floats(2, 40), st.floats(-3.1, 3.1))
def test_tilt_is_the_angle_it_was_made_with(
    turn: tuple[float, float, float], spacing: float, count: int, decimals: int, tilt: float, direction: float
) -> None:
    along = spacing * np.arange(count)
    shear = np.tan(np.radians(tilt)) * np.array([np.cos(direction), np.sin(direction)])
    (series,) = inspect_series(oblique(rotation(*turn), along, along[:, None] * shear, decimals))
    found = only(series, "gantry-tilt")
    allowed = np.degrees(2 * 10.0**-decimals / along[-1]) + 1e-3
    assert found.evidence["tilt_deg"] == pytest.approx(tilt, abs=allowed)
    assert [finding.code for finding in series.findings if finding.severity != "info"] == ["gantry-tilt"]


@settings(max_examples=100, deadline=None)
@given(angles, st.integers(8, 60), st.floats(0.3, 50), st.floats(-3.1, 3.1), st.booleans(), st.data())
def test_one_shifted_slice_is_named_and_nothing_else(
    turn: tuple[float, float, float], count: int, shift: float, direction: float, tilted: bool, data: st.DataObject
) -> None:
    along = 2.0 * np.arange(count)
    in_plane = along[:, None] * np.array([0.0, 0.3 if tilted else 0.0])
    which = data.draw(st.integers(0, count - 1), "shifted slice")
    in_plane[which] += shift * np.array([np.cos(direction), np.sin(direction)])
    (series,) = inspect_series(oblique(rotation(*turn), along, in_plane, 4))
    found = only(series, "in-plane-shift")
    assert len(found.evidence["slices"]) == 1
    assert found.evidence["instance_numbers"] == [which + 1]
    assert found.evidence["shift_mm"] == pytest.approx(shift, abs=0.01)
    assert ("gantry-tilt" in codes(series)) == tilted


def test_slice_numbers_in_evidence_are_places_along_the_stack() -> None:
    headers = axial([10.0, 8.0, 6.0, 0.0, -2.0])
    (series,) = inspect_series(headers)
    gap = only(series, "slice-gap")
    assert gap.evidence["slices"] == [2, 3]
    assert gap.evidence["positions_mm"] == [0.0, 6.0]
    assert gap.evidence["sop_instance_uids"] == [headers[3].sop_instance_uid, headers[2].sop_instance_uid]
    assert gap.evidence["missing_slices"] == 2
    assert codes(series) == ["slice-gap"]


def test_two_unexplained_slices_at_one_position_are_named() -> None:
    (series,) = inspect_series(axial([0.0, 1.0, 2.0, 2.0, 3.0, 4.0]))
    found = only(series, "duplicate-position")
    assert found.evidence["slices"] == [3, 4]
    assert found.evidence["instance_numbers"] == [3, 4]
    assert found.evidence["position_mm"] == 2.0
    assert series.main_stack.nominal_spacing_mm == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("element", "values"),
    [("TEMPORAL_POSITION", ["1", "2", "3"]), ("ECHO_TIME", ["4.6", "9.2", "13.8"]), ("TRIGGER_TIME", ["0", "40", "80"]),
     ("IMAGE_TYPE", ["ORIGINAL\\PRIMARY\\M", "ORIGINAL\\PRIMARY\\P", "ORIGINAL\\PRIMARY\\R"])],
)  # fmt: skip
def test_a_planned_series_of_volumes_is_one_remark(element: str, values: list[str]) -> None:
    headers = [one for value in values for one in axial(np.arange(20) * 2.5, **{element: value})]
    (series,) = inspect_series(headers)
    (finding,) = series.findings
    assert (finding.code, finding.severity) == ("acquisitions-mixed", "info")
    assert finding.evidence["complete"] and finding.evidence["number_of_sets"] == 3
    assert [len(stack.slices) for stack in series.stacks] == [20, 20, 20]
    assert series.is_volume
    assert series.to_dict()["nominal_spacing_mm"] == pytest.approx(2.5)


def test_b_values_and_echoes_together_explain_duplicates() -> None:
    headers = [
        one
        for b_value in (0.0, 1000.0)
        for echo in ("1", "2")
        for one in axial(np.arange(8) * 3.0, DIFFUSION_B_VALUE=np.float64(b_value).tobytes(), ECHO_NUMBERS=echo)
    ]
    (series,) = inspect_series(headers)
    (finding,) = series.findings
    assert finding.evidence["distinguished_by"] == ["b-value", "echo number"]
    assert len(series.stacks) == 4


def test_a_time_series_without_numbers_is_ordered_by_time() -> None:
    headers = [
        one
        for phase in range(5)
        for z in range(10)
        for one in axial([z * 2.0], ACQUISITION_TIME=f"10{phase:02d}{z:02d}")
    ]
    (series,) = inspect_series(headers)
    (finding,) = series.findings
    assert (finding.code, finding.severity) == ("acquisitions-mixed", "info")
    assert len(series.stacks) == 5
    times = {one.value("acquisition time")[:4] for one in series.stacks[3].slices}
    assert times == {"1003"}


def test_a_repeated_part_of_a_scan_is_explained_by_its_acquisition() -> None:
    headers = axial(np.arange(30) * 1.0, ACQUISITION_NUMBER="1") + axial(
        np.arange(25, 35) * 1.0, ACQUISITION_NUMBER="2"
    )
    (series,) = inspect_series(headers)
    (finding,) = series.findings
    assert (finding.code, finding.severity) == ("acquisitions-mixed", "warning")
    assert not finding.evidence["complete"]
    assert [entry["slices"] for entry in finding.evidence["sets"]] == [30, 10]


def test_hundreds_of_unexplained_duplicates_are_one_finding() -> None:
    (series,) = inspect_series(axial(np.arange(200) * 1.0) + axial(np.arange(200) * 1.0))
    assert codes(series).count("duplicate-position") == 1


def test_slices_all_at_one_position_are_said_to_be_so() -> None:
    (series,) = inspect_series(axial([5.0] * 12))
    assert codes(series) == ["position-constant"]
    assert not series.is_volume


def test_copies_of_a_file_are_counted_and_left_out() -> None:
    headers = axial([0.0, 1.0, 2.0, 3.0])
    (series,) = inspect_series(headers + headers[:2])
    (finding,) = series.findings
    assert (finding.severity, finding.evidence["copies"]) == ("info", 2)
    assert series.slice_count == 4


def test_slices_that_share_a_uid_are_not_copies() -> None:
    (series,) = inspect_series(axial([0.0, 1.0, 2.0, 3.0], SOP_INSTANCE_UID="1.2.3.4"))
    assert series.slice_count == 4


def test_a_localizer_stays_apart_from_the_volume() -> None:
    scout = header((0, 0, 0), (0, 1, 0, 0, 0, -1), IMAGE_TYPE="ORIGINAL\\PRIMARY\\LOCALIZER", INSTANCE_NUMBER="99")
    (series,) = inspect_series([*axial(np.arange(10) * 3.0), scout])
    assert codes(series) == ["localizer-in-series"]
    assert series.is_volume and len(series.main_stack.slices) == 10


@pytest.mark.parametrize(
    ("code", "values"),
    [("frame-of-reference-mixed", {"FRAME_OF_REFERENCE_UID": "1.2.99"}), ("size-mixed", {"ROWS": b"\x00\x01"}),
     ("pixel-spacing-mixed", {"PIXEL_SPACING": "0.7\\0.7"})],
)  # fmt: skip
def test_what_a_volume_has_one_of_is_checked(code: str, values: dict) -> None:
    (series,) = inspect_series([*axial(np.arange(10) * 3.0), *axial([30.0, 33.0, 36.0], **values)])
    found = only(series, code)
    assert found.evidence["counts"] == [10, 3]
    assert found.evidence["instances"] == 3
    assert [len(stack.slices) for stack in series.stacks] == [10, 3]


def test_orientations_within_rounding_are_one() -> None:
    exact = header((0, 0, 0), (0.99985, 0.01732, 0, -0.01732, 0.99985, 0), orientation_decimals=5)
    coarse = header((0, 0, 2), (0.99985, 0.01732, 0, -0.01732, 0.99985, 0), orientation_decimals=3)
    (series,) = inspect_series([exact, coarse])
    assert len(series.stacks) == 1


def test_slices_without_a_position_are_counted() -> None:
    (series,) = inspect_series([*axial(np.arange(5) * 2.0), header(None, INSTANCE_NUMBER="77")])
    found = only(series, "position-missing")
    assert found.evidence["instance_numbers"] == [77]
    assert found.severity == "error"


@pytest.mark.parametrize("position", [b"1\\2", b"1\\2\\nan", b"1\\2\\x", b"", b"1\\2\\1e999"])
def test_a_position_that_is_no_position_counts_as_missing(position: bytes) -> None:
    (series,) = inspect_series([header(None, IMAGE_POSITION=position), header((0, 0, 1)), header((0, 0, 2))])
    assert "position-missing" in codes(series)


@pytest.mark.parametrize(
    ("cosines", "severity"),
    [((1, 0, 0, 0.1, 1, 0), "error"), ((2, 0, 0, 0, 2, 0), "error"), ((1, 0, 0, 0.004, 1, 0), "warning"),
     ((0, 0, 0, 0, 0, 0), "error"), ((1, 0, 0, 1, 0, 0), "error")],
)  # fmt: skip
def test_directions_that_are_no_perpendicular_unit_vectors_are_found(cosines: tuple, severity: str) -> None:
    (series,) = inspect_series([header((0, 0, z), cosines, INSTANCE_NUMBER=z + 1) for z in range(4)])
    assert only(series, "orientation-invalid").severity == severity


def test_cosines_with_three_decimals_are_valid() -> None:
    turned = rotation(0.3, 0.4, 0.5)
    headers = [
        header(z * turned[:, 2], [*turned[:, 0], *turned[:, 1]], orientation_decimals=3, INSTANCE_NUMBER=z + 1)
        for z in range(10)
    ]
    (series,) = inspect_series(headers)
    assert [finding.code for finding in series.findings if finding.severity != "info"] == []


def test_readers_that_ignore_secondary_capture_geometry_are_warned_of() -> None:
    (series,) = inspect_series(axial(np.arange(5) * 2.0, SOP_CLASS_UID="1.2.840.10008.5.1.4.1.1.7", MODALITY="OT"))
    assert codes(series) == ["geometry-ignored-by-readers"]


def test_spacing_between_slices_is_compared_with_the_positions() -> None:
    (series,) = inspect_series(axial(np.arange(20) * 2.0, SPACING_BETWEEN_SLICES="2.5"))
    found = only(series, "header-spacing-disagrees")
    assert (found.evidence["header_spacing_mm"], found.evidence["measured_spacing_mm"]) == (2.5, 2.0)
    (agreeing,) = inspect_series(axial(np.arange(20) * 2.0, SPACING_BETWEEN_SLICES="-2.0"))
    assert codes(agreeing) == []


def test_overlapping_reconstruction_is_no_finding_and_skipped_tissue_only_a_remark() -> None:
    (overlapping,) = inspect_series(axial(np.arange(20) * 1.0, SLICE_THICKNESS="2.0"))
    assert codes(overlapping) == []
    (sparse,) = inspect_series(axial(np.arange(20) * 10.0, SLICE_THICKNESS="1.0"))
    assert [(finding.code, finding.severity) for finding in sparse.findings] == [("header-spacing-disagrees", "info")]


def test_instance_numbers_that_jump_about_are_said_to() -> None:
    (series,) = inspect_series(axial([0.0, 4.0, 8.0, 2.0, 6.0, 10.0]))
    found = only(series, "order-disagrees")
    assert found.evidence["ordered_by"] == "Instance Number"
    (falling,) = inspect_series(axial(np.arange(10)[::-1] * 1.0))
    assert codes(falling) == []


def test_coarse_positions_are_a_remark_with_their_precision() -> None:
    (series,) = inspect_series(axial(np.arange(60) * 0.58, decimals=1))
    (finding,) = series.findings
    assert (finding.code, finding.severity) == ("spacing-jitter", "info")
    assert finding.evidence["precision_mm"] == pytest.approx(0.1)
    assert series.main_stack.nominal_spacing_mm == pytest.approx(0.58, abs=0.003)


def test_a_single_image_has_no_spacing() -> None:
    (series,) = inspect_series(axial([3.0]))
    assert codes(series) == []
    report = series.to_dict()
    assert (report["slice_count"], report["nominal_spacing_mm"], report["tilt_deg"]) == (1, None, None)


def test_thousands_of_irregular_slices_give_a_bounded_report() -> None:
    positions = np.cumsum(np.random.default_rng(1).uniform(0.5, 5.0, 2000))
    (series,) = inspect_series(axial(positions))
    assert len(series.findings) < 120
    assert any("further_places" in finding.evidence for finding in series.findings)


def test_two_series_stay_two() -> None:
    first, second = inspect_series(axial([0.0, 1.0, 2.0]) + axial([0.0, 1.0, 2.0], SERIES_INSTANCE_UID="1.2.3.9"))
    assert (first.slice_count, second.slice_count) == (3, 3)


def test_patient_identity_is_never_kept() -> None:
    (series,) = inspect_series(axial([0.0, 1.0]))
    kept = {tag >> 16 for stack in series.stacks for one in stack.slices for tag in one.header.elements}
    assert 0x0010 not in kept
