"""Segmentations: empty frames are left out and segments overlap, and neither is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import volume_making as vm
from DicomRegInspectorLib import inspect_paths, load_series
from DicomRegInspectorLib.errors import UsageError
from pydicom.dataset import Dataset

SEGMENTATION, LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"


def item(**values: Any) -> Dataset:
    one = Dataset()
    for name, value in values.items():
        setattr(one, name, value)
    return one


def segmentation(
    frames: list[tuple[int, float]], *, spacing: float | None = None, fractional: bool = False, **elements: Any
) -> Dataset:
    """``frames``: segment number and z, mm, of each."""
    shape = (len(frames) * 4, 8)
    one = vm.dataset(np.zeros(shape, np.uint8), None, SOPClassUID=SEGMENTATION, Modality="SEG", **elements)
    one.Rows, one.NumberOfFrames = 4, len(frames)
    one.SegmentationType = "FRACTIONAL" if fractional else "BINARY"
    if not fractional:
        one.BitsAllocated, one.BitsStored, one.HighBit = 1, 1, 0
        one.PixelData = bytes(len(frames) * 4)
    measures = item(PixelSpacing=[1, 1], SliceThickness="2.5")
    if spacing:
        measures.SpacingBetweenSlices = spacing
    one.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[measures],
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        )
    ]
    one.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, z])],
             SegmentIdentificationSequence=[item(ReferencedSegmentNumber=segment)])
        for segment, z in frames
    ]  # fmt: skip
    return one


@pytest.mark.parametrize(
    "planes",
    [
        {1: range(3, 9), 2: range(20, 26), 3: range(5, 8)},
        {1: [0, 2]},
        {1: [0, 3, 7]},
        {1: range(4), 2: range(4), 3: range(4)},
        {1: [11], 2: [40], 3: [12]},
    ],
)
@pytest.mark.parametrize(("spacing", "fractional"), [(2.5, False), (None, False), (2.5, True)])
def test_sparse_and_overlapping_segments_are_sets_without_a_word(
    tmp_path: Path, planes: dict[int, Any], spacing: float | None, fractional: bool
) -> None:
    frames = [(segment, 2.5 * k) for segment, places in planes.items() for k in places]
    path = vm.save(segmentation(frames, spacing=spacing, fractional=fractional), tmp_path / "seg.dcm")
    (series,) = inspect_paths(path).series
    assert series.findings == ()
    assert {stack.label: len(stack.slices) for stack in series.stacks} == {
        f"segment {segment}": len(places) for segment, places in planes.items()
    }


def test_a_segment_is_loaded_by_its_name(tmp_path: Path) -> None:
    frames = [(1, 2.5 * k) for k in range(3)] + [(2, 2.5 * k) for k in range(1, 6)]
    one = segmentation(frames, spacing=2.5, fractional=True)
    values = np.random.default_rng(3).integers(0, 256, (8, 4, 8), dtype=np.uint8)
    one.PixelData = values.tobytes()
    path = vm.save(one, tmp_path / "seg.dcm")
    np.testing.assert_array_equal(load_series(path, stack="segment 1").array, values[:3])
    np.testing.assert_array_equal(load_series(path, stack="segment 2").array, values[3:])


def test_what_is_left_out_is_said_when_it_is_loaded(tmp_path: Path) -> None:
    path = vm.save(segmentation([(1, 0.0), (1, 2.5), (1, 12.5)], spacing=2.5), tmp_path / "seg.dcm")
    told = [finding for finding in load_series(path).findings if finding.code == "frames-omitted"]
    assert [(one.severity, one.evidence["planes_left_out"]) for one in told] == [("warning", 3)]


def test_two_files_of_one_series_do_not_repeat_each_other(tmp_path: Path) -> None:
    for number in (1, 2):
        one = segmentation([(1, 2.5 * k) for k in range(4)], spacing=2.5, InstanceNumber=number)
        vm.save(one, tmp_path / f"{number}.dcm")
    (series,) = inspect_paths(tmp_path).series
    assert [stack.label for stack in series.stacks] == ["segment 1 of file 1", "segment 1 of file 2"]
    assert series.findings == ()
    with pytest.raises(UsageError, match="segment 1 of file 2"):
        load_series(tmp_path)


def test_frames_off_the_lattice_are_still_found(tmp_path: Path) -> None:
    frames = [(1, z) for z in (0.0, 2.5, 5.0, 8.73, 11.23, 13.73)]
    path = vm.save(segmentation(frames, spacing=2.5), tmp_path / "seg.dcm")
    assert [finding.code for finding in inspect_paths(path).findings] == ["slice-gap"]


def test_a_label_map_is_one_volume(tmp_path: Path) -> None:
    one = segmentation([(1, 2.5 * k) for k in range(5)], spacing=2.5, fractional=True)
    one.SOPClassUID = LABEL_MAP
    for group in one.PerFrameFunctionalGroupsSequence:
        del group.SegmentIdentificationSequence
    (series,) = inspect_paths(vm.save(one, tmp_path / "seg.dcm")).series
    assert [len(stack.slices) for stack in series.stacks] == [5] and series.findings == ()


def test_without_planes_a_segmentation_is_of_a_projection(tmp_path: Path) -> None:
    one = segmentation([(1, 0.0), (2, 0.0)])
    del one.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
    for group in one.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence
    (told,) = inspect_paths(vm.save(one, tmp_path / "seg.dcm")).findings
    assert (told.code, told.severity, told.evidence["images"]) == ("no-slice", "info", 2)


def test_a_plane_that_lost_its_position_is_an_error(tmp_path: Path) -> None:
    one = segmentation([(1, 2.5 * k) for k in range(4)])
    del one.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence
    found = inspect_paths(vm.save(one, tmp_path / "seg.dcm")).findings
    assert "position-missing" in [finding.code for finding in found]
