"""Dose grids and nuclear medicine: planes by their own rules, and several volumes in one series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import volume_making as vm
from DicomRegInspectorLib import inspect_paths, load_series
from pydicom.dataset import Dataset
from test_segmentations import item

RT_DOSE, NUCLEAR = "1.2.840.10008.5.1.4.1.1.481.2", vm.NUCLEAR


def dose(offsets: list[float], z: float, beam: int | None = None, **elements: Any) -> Dataset:
    count = len(offsets)
    values = np.arange(count * 6, dtype=np.uint32).reshape(count * 2, 3)
    more = {"SOPClassUID": RT_DOSE, "Modality": "RTDOSE", "SliceThickness": None, "ImageType": None}
    one = vm.dataset(values, (-10, -20, z), **{**more, **elements})
    one.Rows, one.NumberOfFrames, one.GridFrameOffsetVector = 2, count, offsets
    one.DoseSummationType, one.DoseGridScaling, one.DoseUnits = "BEAM" if beam else "PLAN", "0.001", "GY"
    if beam:
        group = item(ReferencedFractionGroupNumber=1, ReferencedBeamSequence=[item(ReferencedBeamNumber=beam)])
        plan = item(ReferencedSOPInstanceUID="1.2.3.77", ReferencedFractionGroupSequence=[group])
        one.ReferencedRTPlanSequence = [plan]
    return one


@pytest.mark.parametrize("rule", ["distances", "coordinates"])
@pytest.mark.parametrize("orientation", [[1, 0, 0, 0, 1, 0], [-1, 0, 0, 0, 1, 0], [-1, 0, 0, 0, -1, 0]])
def test_both_rules_for_offsets_give_the_planes(tmp_path: Path, rule: str, orientation: list[int]) -> None:
    up = np.cross(orientation[:3], orientation[3:])[2]
    steps = 2.5 * np.arange(5)
    offsets = steps if rule == "distances" else -40 + up * steps
    one = dose(offsets.tolist(), -40.0)
    one.ImageOrientationPatient = orientation
    path = vm.save(one, tmp_path / "dose.dcm")
    assert inspect_paths(path).findings == ()
    corners = load_series(path).slice_corners_lps_mm
    np.testing.assert_allclose(np.sort(corners[:, 2]), np.sort(-40 + up * steps))


@pytest.mark.parametrize(("offsets", "z"), [([2.5, 5.0, 7.5], -40.0), ([-30.0, -27.5, -25.0], -40.0)])
def test_offsets_that_fit_neither_rule_are_told(tmp_path: Path, offsets: list[float], z: float) -> None:
    (told,) = inspect_paths(vm.save(dose(offsets, z), tmp_path / "dose.dcm")).findings
    assert (told.code, told.severity) == ("dose-offsets-ambiguous", "warning")
    assert (told.evidence["first_offset_mm"], told.evidence["position_z_mm"]) == (offsets[0], z)


@pytest.mark.parametrize("told_apart", ["beams", "summation", "nothing but the files"])
def test_several_doses_of_one_series_are_a_set_each(tmp_path: Path, told_apart: str) -> None:
    for number in (1, 2, 3):
        beam = number if told_apart == "beams" else None
        one = dose([0.0, 3.0, 6.0, 9.0], -40.0, beam, InstanceNumber=number)
        if told_apart == "summation":
            one.DoseSummationType = ["PLAN", "FRACTION", "BRACHY"][number - 1]
        vm.save(one, tmp_path / f"{number}.dcm")
    (series,) = inspect_paths(tmp_path).series
    assert [len(stack.slices) for stack in series.stacks] == [4] * 3
    assert {finding.severity for finding in series.findings} == {"info"}
    assert load_series(tmp_path, stack=series.stacks[1].label).array.shape == (4, 2, 3)


def nuclear(kind: str, slices: list[int], step: float | None, **vectors: Any) -> Dataset:
    count = len(slices)
    values = np.arange(count * 6, dtype=np.uint16).reshape(count * 2, 3)
    more = {"SOPClassUID": NUCLEAR, "Modality": "NM", "ImageType": ["ORIGINAL", "PRIMARY", kind, "EMISSION"]}
    one = vm.dataset(values, None, **more, **vectors)
    one.Rows, one.NumberOfFrames, one.SliceVector = 2, count, slices
    if step:
        one.SpacingBetweenSlices = step
    plane = item(ImagePositionPatient=[-100, -90, 50], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    one.DetectorInformationSequence = [plane]
    return one


@pytest.mark.parametrize("step", [4.0, -4.0])
def test_a_gated_tomogram_is_a_set_for_each_gate(tmp_path: Path, step: float) -> None:
    slots = [gate for gate in range(1, 5) for _ in range(6)]
    one = nuclear("RECON GATED TOMO", list(range(1, 7)) * 4, step, TimeSlotVector=slots, RRIntervalVector=[1] * 24)
    path = vm.save(one, tmp_path / "one.dcm")
    (series,) = inspect_paths(path).series
    assert [(len(stack.slices), stack.nominal_spacing_mm) for stack in series.stacks] == [(6, 4.0)] * 4
    assert {finding.severity for finding in series.findings} == {"info"}
    values = np.arange(24 * 6).reshape(4, 6, 2, 3)
    order = slice(None) if step > 0 else slice(None, None, -1)
    np.testing.assert_array_equal(load_series(path, stack=3).array, values[2, order])


def test_two_energy_windows_are_two_sets(tmp_path: Path) -> None:
    one = nuclear("RECON TOMO", list(range(1, 6)) * 2, 4.0, EnergyWindowVector=[1] * 5 + [2] * 5)
    (series,) = inspect_paths(vm.save(one, tmp_path / "one.dcm")).series
    assert [stack.label for stack in series.stacks] == ["energy window 1", "energy window 2"]


def test_without_a_spacing_frames_are_not_placed_but_on_request(tmp_path: Path) -> None:
    path = vm.save(nuclear("RECON TOMO", list(range(1, 9)), None, SliceThickness="5"), tmp_path / "one.dcm")
    (told,) = inspect_paths(path).findings
    assert (told.code, told.severity, told.evidence["claimed_spacing_mm"]) == ("frames-unplaced", "warning", 5.0)
    volume = load_series(path, frame_spacing="claimed")
    np.testing.assert_allclose(volume.slice_corners_lps_mm[:, 2], 50 + 5.0 * np.arange(8))


@pytest.mark.parametrize("kind", ["STATIC", "WHOLE BODY", "TOMO", "GATED TOMO", "DYNAMIC"])
def test_projections_are_no_volume(tmp_path: Path, kind: str) -> None:
    one = nuclear(kind, [1] * 6, None)
    (told,) = inspect_paths(vm.save(one, tmp_path / "one.dcm")).findings
    assert (told.code, told.severity) == ("frames-unplaced", "info")


@pytest.mark.parametrize("broken", ["no position", "a short slice vector"])
def test_a_tomogram_that_cannot_be_placed_is_not_passed_over(tmp_path: Path, broken: str) -> None:
    one = nuclear("RECON TOMO", list(range(1, 9)), 4.0, NumberOfSlices=8)
    if broken == "no position":
        del one.DetectorInformationSequence
    else:
        one.SliceVector, one.EnergyWindowVector = [1, 2, 3], [1] * 8
    (told,) = inspect_paths(vm.save(one, tmp_path / "one.dcm")).findings
    assert (told.code, told.severity, told.evidence["frames"]) == ("frames-unplaced", "warning", 8)
