"""Objects that are no stacks of slices, and headers whose numbers are none, written as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mosaic_making as mosaics
import numpy as np
import volume_making as vm
from DicomRegInspectorLib import inspect_paths, load_series
from DicomRegInspectorLib.findings import Finding
from pydicom.dataset import Dataset
from shown import shows

SERIES = {"SeriesInstanceUID": "1.2.826.0.1.3680043.10.543.2", "FrameOfReferenceUID": "1.2.826.0.1.3680043.10.543.3"}
AXIAL = [1, 0, 0, 0, 1, 0]


def settings(number: int, **elements: Any) -> dict[str, Any]:
    """The same UIDs in every run."""
    return {**SERIES, "SOPInstanceUID": f"{SERIES['SeriesInstanceUID']}.{number}", "InstanceNumber": number, **elements}


def item(**values: Any) -> Dataset:
    one = Dataset()
    for name, value in values.items():
        setattr(one, name, value)
    return one


def frames(count: int, position: tuple[float, ...] | None, **elements: Any) -> Dataset:
    """A file of that many frames of 4 × 6 pixels."""
    values = np.zeros((count * 4, 6), np.uint16)
    one = vm.dataset(values, position, **settings(1, **elements))
    one.Rows, one.NumberOfFrames = 4, count
    return one


@shows("no-slice")
def a_dose_report() -> list[Finding]:
    """Six CT slices and a dose report, which is a Secondary Capture without a position."""
    for k in range(6):
        vm.save(vm.dataset(vm.pixels_of(1)[0], (0, 0, 2.5 * k), **settings(k + 1)), Path(f"ct/{k}.dcm"))
    report = settings(7, SOPClassUID="1.2.840.10008.5.1.4.1.1.7", ImageType=["DERIVED", "SECONDARY", "DOSE_INFO"])
    vm.save(vm.dataset(np.zeros((9, 9), np.uint8), None, **report), Path("ct/dose.dcm"))
    return list(inspect_paths("ct").findings)


@shows("slices-tiled")
def two_mosaics() -> list[Finding]:
    """Two mosaics of nine slices, as Siemens' scanners store functional MR."""
    for number in (1, 2):
        one = mosaics.mosaic(mosaics.slices_of(9), (0, 0, 0), AXIAL, normal=(0, 0, 1), **settings(number))
        vm.save(one, Path(f"mr/{number}.dcm"))
    return list(inspect_paths("mr").findings)


@shows("frames-unplaced")
def one_position() -> list[Finding]:
    """A CT of ten frames with a single Image Position (Patient), as some cone beam scanners export."""
    one = frames(10, (0, 0, 0), SliceThickness="0.3", SpacingBetweenSlices="0.3")
    return list(inspect_paths(vm.save(one, Path("cbct.dcm"))).findings)


@shows("frames-omitted")
def two_planes_without_a_frame() -> list[Finding]:
    """A segment on four of six planes, made a volume of."""
    one = frames(4, None, SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4", Modality="SEG")
    measures = item(PixelSpacing=[1, 1], SliceThickness="2.5", SpacingBetweenSlices="2.5")
    plane = item(ImageOrientationPatient=AXIAL)
    one.SharedFunctionalGroupsSequence = [item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[plane])]
    one.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 2.5 * k])],
            SegmentIdentificationSequence=[item(ReferencedSegmentNumber=1)],
        )
        for k in (0, 1, 4, 5)
    ]
    return list(load_series(vm.save(one, Path("segmentation.dcm"))).findings)


@shows("coordinates-not-patient")
def an_ultrasound_volume() -> list[Finding]:
    """An Enhanced US Volume of eight frames."""
    one = frames(8, None, SOPClassUID="1.2.840.10008.5.1.4.1.1.6.2", Modality="US")
    measures = item(PixelSpacing=[0.4, 0.4], SliceThickness="0.4")
    plane = item(ImageOrientationVolume=[1.0, 0, 0, 0, 1, 0])
    shared = item(PixelMeasuresSequence=[measures], PlaneOrientationVolumeSequence=[plane])
    one.SharedFunctionalGroupsSequence = [shared]
    one.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionVolumeSequence=[item(ImagePositionVolume=[0.0, 0, 0.4 * k])]) for k in range(8)
    ]
    return list(inspect_paths(vm.save(one, Path("ultrasound.dcm"))).findings)


@shows("dose-offsets-ambiguous")
def offsets_from_one_step_on() -> list[Finding]:
    """A dose whose offsets begin with 2.5 mm, its Image Position (Patient) at -40 mm."""
    one = frames(4, (0, 0, -40), SOPClassUID="1.2.840.10008.5.1.4.1.1.481.2", Modality="RTDOSE", ImageType=None)
    one.GridFrameOffsetVector = [2.5, 5.0, 7.5, 10.0]
    return list(inspect_paths(vm.save(one, Path("dose.dcm"))).findings)


@shows("number-invalid")
def commas_for_points() -> list[Finding]:
    """Six CT slices whose Pixel Spacing was written with commas."""
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    text, tag = b"0,75\\0,75 ", Tag(0x00280030)
    for k in range(6):
        one = vm.dataset(vm.pixels_of(1)[0], (0, 0, 2.5 * k), **settings(k + 1))
        one._dict[tag] = RawDataElement(tag, "DS", len(text), text, 0, False, True)
        vm.save(one, Path(f"ct/{k}.dcm"))
    return list(inspect_paths("ct").findings)


@shows("file-names-identify")
def a_folder_named_after_the_patient() -> list[Finding]:
    """Three CT slices in a folder that is called after the patient."""
    for k in range(3):
        who = {"PatientName": "Doe^Jane", "PatientID": "4711-A"}
        vm.save(vm.dataset(vm.pixels_of(1)[0], (0, 0, 2.5 * k), **settings(k + 1, **who)), Path(f"doe_jane/{k}.dcm"))
    return list(inspect_paths("doe_jane").findings)
