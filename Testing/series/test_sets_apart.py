"""Sets whose positions do not coincide, what only looks like them, and places that are points in plane."""

from __future__ import annotations

import random

import numpy as np
import pytest
from DicomRegInspectorLib.series import inspect_series
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from series_making import axial, codes, header, only, rotation
from sets_making import MR, VALUES, Sets, found, worse

seeds = st.integers(0, 10**9)
SCANS = st.sampled_from(["ACQUISITION_NUMBER", "ACQUISITION_TIME", "CONTENT_TIME", "SERIES_TIME", "CONTRAST_AGENT", ""])
"""What one scan differs from the next by; nothing but the order of Instance Number for the last."""


@settings(max_examples=150, deadline=None)
@given(
    SCANS,
    st.sampled_from([1.0, 2.0, 2.5, 5.0]),
    st.integers(8, 25),
    st.lists(st.floats(0.08, 0.92), min_size=1, max_size=3, unique=True),
    st.booleans(),
    st.sampled_from([0.0, 0.3]),
    seeds,
)
def test_phases_between_each_others_slices_are_sets_and_a_warning(
    name: str, spacing: float, places: int, shifts: list[float], even: bool, tilt: float, seed: int
) -> None:
    """Shifted by equal parts of the spacing, or by any."""
    parts = [k / (len(shifts) + 1) for k in range(len(shifts) + 1)] if even else sorted([0.0, *shifts])
    assume(min(np.diff([*parts, 1.0])) > 0.07)
    sets = Sets()
    for k, part in enumerate(parts):
        for p in range(places):
            z = spacing * (p + part)
            values = {name: VALUES[name](k)} if name else {}
            number = k * places + p + 1
            sets.add(k, (-100, tilt * z, z), decimals=4, INSTANCE_NUMBER=number, SLICE_THICKNESS=spacing, **values)
    (series,) = inspect_series(random.Random(seed).sample(sets.headers, len(sets.headers)))
    assert found(series) == sets.truth
    assert worse(series, but=["gantry-tilt"]) == ["acquisitions-mixed"]
    finding = only(series, "acquisitions-mixed")
    expected = max(min(part, 1 - part) for part in parts) * spacing
    assert finding.evidence["shift_mm"] == pytest.approx(expected, abs=2e-4)
    assert series.main_stack is None


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([0.5, 0.7, 1.0, 2.5]),
    st.sampled_from([1.0, 1.5, 2.0, 3.0]),
    st.integers(10, 60),
    st.sampled_from(["one", "each", "block"]),
    st.integers(2, 8),
    seeds,
)
def test_an_overlapping_reconstruction_is_one_stack(
    spacing: float, overlap: float, count: int, times: str, block: int, seed: int
) -> None:
    """Slices thicker than their distance, of one acquisition, of one time each or of several to a rotation."""
    images = [
        header(
            (0, 0, spacing * p),
            decimals=2,
            INSTANCE_NUMBER=p + 1,
            SLICE_THICKNESS=spacing * overlap,
            ACQUISITION_NUMBER=p // block if times == "block" else 1,
            CONTENT_TIME={"one": "100000", "each": f"1{p:05d}", "block": f"1{p // block:05d}"}[times],
        )
        for p in range(count)
    ]
    (series,) = inspect_series(random.Random(seed).sample(images, count))
    assert len(series.stacks) == 1
    assert worse(series) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 4), st.integers(10, 40), st.sampled_from([1.0, 1.1, 1.5]), st.booleans(), st.booleans())
def test_concatenations_of_one_mr_scan_are_one_stack(
    concatenations: int, count: int, distance: float, claimed: bool, numbered: bool
) -> None:
    spacing = 4.0 * distance
    images = [
        header(
            (0, 0, spacing * p),
            INSTANCE_NUMBER=p + 1,
            SLICE_THICKNESS=4,
            ACQUISITION_TIME=f"10{2 * (p % concatenations):02d}00",
            ACQUISITION_NUMBER=p % concatenations + 1 if numbered else 1,
            SPACING_BETWEEN_SLICES=spacing if claimed else None,
            **MR,
        )
        for p in range(count)
    ]
    (series,) = inspect_series(images)
    assert len(series.stacks) == 1
    assert worse(series) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(6, 20), st.integers(6, 20), st.sampled_from([0.3, 0.5, 2.0, 3.4]), st.sampled_from([1.0, 1.5, 2.0]))
def test_acquisitions_one_after_the_other_stay_one_stack_with_its_irregularity(
    first: int, second: int, gap: float, ratio: float
) -> None:
    heights = [2.0 * p for p in range(first)]
    heights += [heights[-1] + 2 * gap + 2 * ratio * p for p in range(second)]
    images = [
        header((0, 0, z), INSTANCE_NUMBER=k + 1, ACQUISITION_NUMBER=1 + (k >= first)) for k, z in enumerate(heights)
    ]
    (series,) = inspect_series(images)
    assert len(series.stacks) == 1
    assert any(finding.severity == "error" for finding in series.findings)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["TEMPORAL_POSITION", "ACQUISITION_TIME", "ACQUISITION_NUMBER", ""]),
    st.integers(3, 15),
    st.integers(5, 20),
    st.sampled_from([0.003, 0.01, 0.02, 0.05, 0.1]),
    seeds,
)
def test_volumes_that_drift_are_sets(name: str, count: int, places: int, step: float, seed: int) -> None:
    """As scanners write them that follow the head's motion."""
    chance, sets, drift = random.Random(seed), Sets(), 0.0
    for k in range(count):
        for p in range(places):
            values = {name: VALUES[name](k)} if name else {}
            position = (-100 + 2 * drift, -120, 3.0 * p + drift)
            sets.add(k, position, decimals=4, INSTANCE_NUMBER=k * places + p + 1, **values, **MR)
        drift += chance.choice([-1, 0, 1, 1]) * step
    (series,) = inspect_series(chance.sample(sets.headers, len(sets.headers)))
    assert found(series) == sets.truth
    assert set(worse(series)) <= {"acquisitions-mixed"}


@settings(max_examples=100, deadline=None)
@given(
    st.integers(2, 5),
    st.integers(3, 20),
    st.sampled_from([0.0, 0.3, 1.7]),
    st.sampled_from([140.0, 200.0, 256.0, 300.0]),
    st.booleans(),
    st.booleans(),
    st.tuples(*[st.floats(-3.1, 3.1)] * 3),
)
def test_stations_side_by_side_are_a_set_each(
    count: int, places: int, deeper: float, apart: float, grid: bool, numbered: bool, turn: tuple[float, float, float]
) -> None:
    sets, axes = Sets(), rotation(*turn)
    for k in range(count):
        corner = (k % 2 * apart, k // 2 * apart) if grid else (k * apart, 0.0)
        for p in range(places):
            position = axes @ np.array([*corner, 4.4 * p + deeper * k])
            values = {"INSTANCE_NUMBER": k * places + p + 1, "ACQUISITION_NUMBER": k + 1 if numbered else 1}
            sets.add(k, position, orientation=[*axes[:, 0], *axes[:, 1]], decimals=4, **values, **MR)
    (series,) = inspect_series(sets.headers)
    assert found(series) == sets.truth
    assert worse(series) == []
    assert [stack.label for stack in series.stacks] == [f"station {k + 1} of {count}" for k in range(count)]


def test_stations_are_divided_into_their_own_phases() -> None:
    sets = Sets()
    for station in range(2):
        for k in range(3):
            for p in range(6):
                sets.add(station * 3 + k, (300.0 * station, 0, 4.0 * p), INSTANCE_NUMBER=1, ECHO_TIME=f"{k + 2}.5")
    (series,) = inspect_series(sets.headers)
    assert found(series) == sets.truth
    assert series.stacks[4].label == "station 2 of 2, echo time 3.5 ms"


@settings(max_examples=100, deadline=None)
@given(
    st.integers(8, 60),
    st.sampled_from([0.5, 5.0, 60.0]),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([1.0, 5.0]),
    st.data(),
)
def test_a_step_in_plane_is_one_finding_at_its_slice(
    count: int, step: float, tilt: float, spacing: float, data: st.DataObject
) -> None:
    at = data.draw(st.integers(2, count - 2), "slices before the step")
    images = [
        header((-100 + step * (p >= at), tilt * spacing * p, spacing * p), decimals=3, INSTANCE_NUMBER=p + 1)
        for p in range(count)
    ]
    (series,) = inspect_series(images)
    finding = only(series, "in-plane-shift")
    assert finding.evidence["slices"] == [at + 1]
    assert finding.evidence["shift_mm"] == pytest.approx(step, abs=2e-3)
    assert set(worse(series)) == {"in-plane-shift"} | ({"gantry-tilt"} if tilt else set())
    if tilt:
        assert only(series, "gantry-tilt").evidence["tilt_deg"] == pytest.approx(np.degrees(np.arctan(tilt)), abs=0.05)


def test_a_part_scanned_again_between_the_first_scans_slices_is_a_set_of_its_own() -> None:
    first = axial([2.0 * p for p in range(30)], ACQUISITION_NUMBER=1)
    again = axial([41.1 + 2.0 * p for p in range(12)], ACQUISITION_NUMBER=2)
    (series,) = inspect_series([*first, *again])
    assert [len(stack.slices) for stack in series.stacks] == [30, 12]
    assert only(series, "acquisitions-mixed").severity == "warning"


def test_a_third_phase_between_two_that_coincide_lacks_nothing_and_is_shifted() -> None:
    images = [
        image
        for k in range(3)
        for image in axial([5.0 * p + 2.5 * (k == 2) for p in range(20)], ACQUISITION_NUMBER=k + 1, SLICE_THICKNESS=5)
    ]
    (series,) = inspect_series(images)
    assert [len(stack.slices) for stack in series.stacks] == [20, 20, 20]
    finding = only(series, "acquisitions-mixed")
    assert (finding.severity, finding.evidence["shift_mm"], finding.evidence["complete"]) == ("warning", 2.5, True)


def test_a_real_gap_in_one_of_two_shifted_phases_is_found() -> None:
    first = axial([5.0 * p for p in range(20) if p != 8], ACQUISITION_NUMBER=1, SLICE_THICKNESS=5)
    second = axial([5.0 * p + 1.3 for p in range(20)], ACQUISITION_NUMBER=2, SLICE_THICKNESS=5)
    (series,) = inspect_series([*first, *second])
    assert [len(stack.slices) for stack in series.stacks] == [19, 20]
    assert only(series, "slice-gap").evidence["missing_slices"] == 1
    assert "set 1 of 2 lacks the slice at 40 mm" in only(series, "acquisitions-mixed").message


@pytest.mark.parametrize(("tilt", "travel"), [(18.5, 2.5), (20.0, 5.0), (-22.0, 7.38)])
def test_spacing_along_the_table_of_a_tilted_gantry_is_explained(tilt: float, travel: float) -> None:
    angle = np.radians(tilt)
    plane = (1, 0, 0, 0, np.cos(angle), -np.sin(angle))
    images = [
        header((0, 0, travel * p), plane, INSTANCE_NUMBER=p + 1, SPACING_BETWEEN_SLICES=travel) for p in range(20)
    ]
    (series,) = inspect_series(images)
    assert codes(series) == ["gantry-tilt"]
    assert f"{travel * np.cos(angle):.3f}".rstrip("0") in series.findings[0].message
    assert series.findings[0].evidence["header_spacing_mm"] == travel
