"""What frames say for themselves: sets by it, places by functional groups, and frames without any place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import volume_making as vm
from DicomRegInspectorLib import inspect_paths, load_series
from DicomRegInspectorLib.errors import FileError
from pydicom.dataset import Dataset
from test_segmentations import item

ENHANCED_MR, ENHANCED_US = "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.6.2"
POSITION, STACK, TIME, DIRECTION = 0x00209057, 0x00209056, 0x00209128, 0x00189089


def enhanced(frames: list[tuple[float, dict[str, Any]]], pointers: tuple[int, ...] = (), **elements: Any) -> Dataset:
    """An enhanced MR; ``frames``: z in mm and further functional groups of each."""
    values = np.arange(len(frames) * 12, dtype=np.uint16).reshape(len(frames) * 3, 4)
    one = vm.dataset(values, None, **{"SOPClassUID": ENHANCED_MR, "Modality": "MR", **elements})
    one.Rows, one.NumberOfFrames = 3, len(frames)
    measures = item(PixelSpacing=[1.5, 2], SliceThickness="3")
    plane = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    one.SharedFunctionalGroupsSequence = [item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[plane])]
    one.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, z])], **groups) for z, groups in frames
    ]
    one.DimensionIndexSequence = [item(DimensionIndexPointer=pointer) for pointer in pointers]
    return one


def content(**values: Any) -> dict[str, list[Dataset]]:
    return {"FrameContentSequence": [item(**values)]}


def direction(vector: list[float] | None) -> dict[str, list[Dataset]]:
    diffusion = item(DiffusionBValue=1000.0 if vector else 0.0)
    if vector:
        diffusion.DiffusionGradientDirectionSequence = [item(DiffusionGradientOrientation=vector)]
    return {"MRDiffusionSequence": [diffusion]}


WAYS: dict[str, Any] = {
    "gradient direction": lambda t: direction([None, [1, 0, 0], [0, 1, 0], [0, 0.6, 0.8]][t]),
    "temporal position": lambda t: content(TemporalPositionIndex=t + 1),
    "effective echo time": lambda t: {"MREchoSequence": [item(EffectiveEchoTime=5.0 + 7 * t)]},
    "cardiac phase": lambda t: {"CardiacSynchronizationSequence": [item(NominalPercentageOfCardiacPhase=25.0 * t)]},
    "trigger delay": lambda t: {"CardiacSynchronizationSequence": [item(NominalCardiacTriggerDelayTime=80.0 * t)]},
    "breathing": lambda t: {"RespiratorySynchronizationSequence": [item(NominalPercentageOfRespiratoryPhase=25.0 * t)]},
    "frame type": lambda t: {"MRImageFrameTypeSequence": [item(FrameType=["ORIGINAL", "PRIMARY", "DIXON", "WFIO"[t]])]},
    "complex component": lambda t: {
        "MRImageFrameTypeSequence": [item(ComplexImageComponent=["REAL", "IMAGINARY", "PHASE", "MAGNITUDE"][t])]
    },
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("by_place", [True, False])
def test_frames_fall_into_sets_by_what_they_say(tmp_path: Path, way: str, by_place: bool) -> None:
    order = [(k, t) for k in range(5) for t in range(4)]
    if not by_place:
        order.sort(key=lambda one: one[1])
    path = vm.save(enhanced([(3.0 * k, WAYS[way](t)) for k, t in order]), tmp_path / "one.dcm")
    (series,) = inspect_paths(path).series
    assert [len(stack.slices) for stack in series.stacks] == [5] * 4 and series.is_multiphase
    assert {finding.severity for finding in series.findings} == {"info"}
    frames = np.arange(20 * 12).reshape(20, 3, 4)
    loaded = sorted(tuple(load_series(path, stack=t).array[:, 0, 0].tolist()) for t in range(1, 5))
    assert loaded == sorted(
        tuple(frames[[n for n, one in enumerate(order) if one[1] == t], 0, 0].tolist()) for t in range(4)
    )


@pytest.mark.parametrize("pointers", [(STACK, TIME, POSITION), (STACK, DIRECTION, POSITION), ()])
def test_dimension_index_values_alone_tell_sets_apart(tmp_path: Path, pointers: tuple[int, ...]) -> None:
    frames = [(2.0 * k, content(DimensionIndexValues=[1, t + 1, k + 1])) for t in range(3) for k in range(6)]
    (series,) = inspect_paths(vm.save(enhanced(frames, pointers), tmp_path / "one.dcm")).series
    assert [len(stack.slices) for stack in series.stacks] == [6] * 3 and series.is_multiphase


def test_a_position_stored_twice_with_one_index_is_a_duplicate(tmp_path: Path) -> None:
    frames = [(2.0 * k, content(DimensionIndexValues=[1, k + 1])) for k in (0, 1, 2, 2, 3, 4)]
    found = inspect_paths(vm.save(enhanced(frames, (STACK, POSITION)), tmp_path / "one.dcm")).findings
    assert "duplicate-position" in [finding.code for finding in found if finding.severity == "error"]


def test_the_parts_of_a_concatenation_are_one_volume(tmp_path: Path) -> None:
    for part in range(3):
        frames = [(3.0 * (4 * part + k), content(InStackPositionNumber=4 * part + k + 1)) for k in range(4)]
        one = enhanced(frames, ConcatenationUID="1.2.3.9", InConcatenationNumber=part + 1, InstanceNumber=1)
        vm.save(one, tmp_path / f"{part}.dcm")
    found = inspect_paths(tmp_path)
    assert found.findings == ()
    assert load_series(tmp_path).array.shape == (12, 3, 4)


@pytest.mark.parametrize("top", [(0, 0, 0), (5, 5, 500)])
def test_functional_groups_come_before_positions_at_the_top(tmp_path: Path, top: tuple[int, ...]) -> None:
    one = enhanced([(3.0 * k, {}) for k in range(6)])
    one.ImagePositionPatient, one.ImageOrientationPatient = list(top), [0, 1, 0, 0, 0, 1]
    path = vm.save(one, tmp_path / "one.dcm")
    assert inspect_paths(path).findings == ()
    np.testing.assert_allclose(load_series(path).slice_corners_lps_mm[:, 2], 3.0 * np.arange(6))


def test_an_ultrasound_volume_lies_in_its_own_coordinates(tmp_path: Path) -> None:
    one = enhanced([(0.0, {}) for _ in range(8)], SOPClassUID=ENHANCED_US, Modality="US")
    shared = one.SharedFunctionalGroupsSequence[0]
    del shared.PlaneOrientationSequence
    shared.PlaneOrientationVolumeSequence = [item(ImageOrientationVolume=[1.0, 0, 0, 0, 1, 0])]
    for k, frame in enumerate(one.PerFrameFunctionalGroupsSequence):
        del frame.PlanePositionSequence
        frame.PlanePositionVolumeSequence = [item(ImagePositionVolume=[0.0, 0, 0.4 * k])]
    path = vm.save(one, tmp_path / "one.dcm")
    (told,) = inspect_paths(path).findings
    assert (told.code, told.severity, told.evidence["frames"]) == ("coordinates-not-patient", "info", 8)
    volume = load_series(path)
    assert volume.array.shape == (8, 3, 4) and volume.spacing_mm[2] == pytest.approx(0.4)


def plain_frames(position: tuple[float, ...] | None, **elements: Any) -> Dataset:
    one = vm.dataset(vm.pixels_of(1, (10 * 5, 7))[0], position, **elements)
    one.Rows, one.NumberOfFrames = 5, 10
    return one


@pytest.mark.parametrize("claim", [{"SpacingBetweenSlices": 0.3}, {"SliceThickness": 0.3}])
def test_a_claimed_spacing_is_told_and_used_on_request_only(tmp_path: Path, claim: dict[str, float]) -> None:
    path = vm.save(plain_frames((1, 2, 3), **claim), tmp_path / "one.dcm")
    (told,) = inspect_paths(path).findings
    assert (told.code, told.severity) == ("frames-unplaced", "warning")
    assert (told.evidence["frames"], told.evidence["claimed_spacing_mm"]) == (10, 0.3)
    with pytest.raises(FileError, match=r"0\.3 mm"):
        load_series(path)
    volume = load_series(path, frame_spacing="claimed")
    np.testing.assert_allclose(volume.slice_corners_lps_mm, [[1, 2, 3 + 0.3 * k] for k in range(10)])
    assert [finding.evidence["assumed_spacing_mm"] for finding in volume.findings] == [0.3]
    assert load_series(path, frame_spacing=0.7).spacing_mm[2] == pytest.approx(0.7)


def test_frames_that_are_no_slices_are_a_remark(tmp_path: Path) -> None:
    one = plain_frames(None, SOPClassUID="1.2.840.10008.5.1.4.1.1.3.1", Modality="US", SliceThickness=None)
    (told,) = inspect_paths(vm.save(one, tmp_path / "one.dcm")).findings
    assert (told.code, told.severity, told.evidence["frames"]) == ("frames-unplaced", "info", 10)


def test_many_such_files_are_one_remark(tmp_path: Path) -> None:
    for number in range(6):
        one = plain_frames(None, SOPClassUID="1.2.840.10008.5.1.4.1.1.3.1", Modality="US", InstanceNumber=number)
        vm.save(one, tmp_path / f"{number}.dcm")
    (told,) = inspect_paths(tmp_path).findings
    assert (told.severity, told.evidence["files"], told.evidence["frames"]) == ("info", 6, 60)


def test_an_ultrasound_volume_without_positions_is_not_passed_over(tmp_path: Path) -> None:
    one = enhanced([(0.0, {}) for _ in range(8)], SOPClassUID=ENHANCED_US, Modality="US")
    for frame in one.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence
    (told,) = inspect_paths(vm.save(one, tmp_path / "one.dcm")).findings
    assert (told.code, told.severity, told.evidence["frames"]) == ("frames-unplaced", "warning", 8)


def test_tomosynthesis_is_placed_by_its_frames(tmp_path: Path) -> None:
    one = enhanced([(1.0 * k, {}) for k in range(9)], SOPClassUID="1.2.840.10008.5.1.4.1.1.13.1.3", Modality="MG")
    path = vm.save(one, tmp_path / "one.dcm")
    assert inspect_paths(path).findings == ()
    assert load_series(path).array.shape == (9, 3, 4)


def test_the_command_line_places_frames_as_asked_for(tmp_path: Path) -> None:
    import SimpleITK
    from DicomRegInspectorLib.cli import main

    path = vm.save(plain_frames((1, 2, 3), SpacingBetweenSlices=0.3), tmp_path / "one.dcm")
    given = ["regularize", str(path), "--mode", "resample", "--output"]
    assert main([*given, str(tmp_path / "refused.nrrd")]) == 2
    for asked, spacing in (("claimed", 0.3), ("0.8", 0.8)):
        output = tmp_path / f"{asked}.nrrd"
        assert main([*given, str(output), "--frame-spacing", asked]) == 0
        assert SimpleITK.ReadImage(str(output)).GetSpacing()[2] == pytest.approx(spacing)
    assert main([*given, str(tmp_path / "zero.nrrd"), "--frame-spacing", "0"]) == 2
