"""Image series with one thing wrong, written as files; each maker's description stands in the manual."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from DicomRegInspectorLib import inspect_paths
from DicomRegInspectorLib.findings import Finding
from shown import shows
from stack_making import AXIAL, along_table, tilted, write_stack

SERIES, FRAME = "1.2.826.0.1.3680043.10.543.1", "1.2.826.0.1.3680043.10.543.2"


def inspected(
    positions: Sequence[Sequence[float]],
    orientation: Sequence[float] = AXIAL,
    per_slice: Sequence[dict[str, Any]] = (),
    decimals: int = 3,
) -> list[Finding]:
    """The findings of a series at these positions; ``per_slice`` sets elements."""
    uids = [
        {"SOPInstanceUID": f"{SERIES}.{number + 1}", "FrameOfReferenceUID": FRAME, "SpacingBetweenSlices": None}
        for number in range(len(positions))
    ]
    more = [*per_slice, *({} for _ in range(len(positions) - len(per_slice)))]
    settings = [one | other for one, other in zip(uids, more, strict=True)]
    write_stack(Path("ct"), positions, orientation, decimals=decimals, series_uid=SERIES, per_slice=settings)
    return list(inspect_paths("ct").findings)


def stack(count: int, spacing: float = 2.0) -> np.ndarray:
    return spacing * np.arange(count)


@shows("slice-gap")
def without_two_slices() -> list[Finding]:
    """A CT of twelve slices, 2 mm apart, of which the sixth and seventh were not copied."""
    return inspected(along_table(np.delete(stack(12), [5, 6])))


@shows("slice-overlap")
def two_scans_joined() -> list[Finding]:
    """Two scans of six slices, 2 mm apart, joined so that the second begins 0.5 mm after the first ends."""
    return inspected(along_table([*stack(6), *(10.5 + stack(6))]))


@shows("duplicate-position")
def one_slice_twice() -> list[Finding]:
    """A CT of ten slices; the fourth is there twice, as two instances that nothing in their headers tells apart."""
    return inspected(along_table(np.sort([*stack(10), 6.0])))


@shows("spacing-change")
def two_sections() -> list[Finding]:
    """A head scan with six slices 2 mm apart, and five more 5 mm apart."""
    heights = [*stack(6), *(15.0 + stack(5, 5.0))]
    return inspected(along_table(heights), per_slice=[{"SliceThickness": 2.0}] * 6 + [{"SliceThickness": 5.0}] * 5)


@shows("spacing-change")
def a_drift() -> list[Finding]:
    """Thirty slices whose distance grows from 2 to 2.09 mm, little by little."""
    return inspected(along_table(np.cumsum([0, *np.linspace(2.0, 2.09, 29)])))


@shows("spacing-jitter")
def few_decimals() -> list[Finding]:
    """Slices 0.58 mm apart, their positions written with one decimal: 0.6 and 0.5 mm in turn."""
    return inspected(along_table(stack(20, 0.58)), decimals=1)


@shows("position-missing")
def no_position() -> list[Finding]:
    """A CT of eight slices, one of them without Image Position (Patient)."""
    return inspected(along_table(stack(8)), per_slice=[{}, {}, {"ImagePositionPatient": None}])


@shows("position-constant")
def one_position() -> list[Finding]:
    """Five images, all with the same Image Position (Patient)."""
    return inspected(along_table([12.0] * 5))


@shows("orientation-mixed", "localizer-in-series")
def two_orientations() -> list[Finding]:
    """Eight axial slices with three coronal ones and a localizer in the same series."""
    coronal = {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
    scout = {**coronal, "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    places = [*along_table(stack(8)), *((-25.0, y, 20.0) for y in (0.0, 5.0, 10.0)), (-25.0, 4.0, 20.0)]
    return inspected(places, per_slice=[{}] * 8 + [coronal] * 3 + [scout])


@shows("orientation-invalid")
def not_perpendicular() -> list[Finding]:
    """Six slices whose row and column directions are not perpendicular."""
    return inspected(along_table(stack(6)), (1.0, 0.0, 0.0, 0.05, 0.99875, 0.0))


@shows("gantry-tilt")
def tilted_gantry() -> list[Finding]:
    """Fourteen slices under a gantry tilted by 12°, the table moving straight on; the header says 12°."""
    return inspected(along_table(stack(14, 3.0)), tilted(12.0), [{"GantryDetectorTilt": 12.0}] * 14)


@shows("in-plane-shift")
def one_slice_aside() -> list[Finding]:
    """Ten slices in line, but for the seventh, which lies 4 mm to the side."""
    places = along_table(stack(10))
    places[6] = (places[6][0] + 4.0, *places[6][1:])
    return inspected(places)


@shows("size-mixed", "pixel-spacing-mixed")
def another_matrix() -> list[Finding]:
    """Nine slices, two of which have half as many pixels, twice as large."""
    small = {"Rows": 24, "Columns": 20, "PixelSpacing": [3.0, 2.5], "PixelData": bytes(24 * 20 * 2)}
    return inspected(along_table(stack(9)), per_slice=[{}] * 7 + [small] * 2)


@shows("positions-restart")
def a_long_scan_in_two_parts() -> list[Finding]:
    """Two sections of a micro-CT scan, six slices each, 0.0125 mm apart, the positions of both from 0 mm on."""
    own = [{"AcquisitionNumber": number, "PixelSpacing": [0.0125, 0.0125]} for number in (1, 2)]
    sections = [{**one, "SliceThickness": 0.0125} for one in own for _ in range(6)]
    return inspected(along_table([*stack(6, 0.0125), *stack(6, 0.0125)]), per_slice=sections, decimals=6)


@shows("header-spacing-disagrees")
def header_says_otherwise() -> list[Finding]:
    """Ten slices 2 mm apart; Spacing Between Slices says 1 mm."""
    return inspected(along_table(stack(10)), per_slice=[{"SpacingBetweenSlices": 1.0}] * 10)


@shows("thickness-change")
def thicker_slices() -> list[Finding]:
    """Ten slices 2 mm apart, the last four 3 mm thick instead of 2 mm."""
    return inspected(along_table(stack(10)), per_slice=[{}] * 6 + [{"SliceThickness": 3.0}] * 4)


@shows("acquisitions-mixed")
def two_acquisitions() -> list[Finding]:
    """Twelve positions imaged twice, as acquisitions 1 and 2 of one series."""
    numbers = [{"AcquisitionNumber": number} for number in (1, 2) for _ in range(12)]
    return inspected(along_table([*stack(12), *stack(12)]), per_slice=numbers)


@shows("frame-of-reference-mixed")
def moved_between() -> list[Finding]:
    """Eight slices; the last three have another Frame of Reference UID."""
    return inspected(along_table(stack(8)), per_slice=[{}] * 5 + [{"FrameOfReferenceUID": f"{FRAME}.9"}] * 3)


@shows("geometry-ignored-by-readers")
def secondary_captures() -> list[Finding]:
    """Six images of Secondary Capture class that do say where they lie."""
    return inspected(along_table(stack(6)), per_slice=[{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}] * 6)


@shows("order-disagrees")
def numbered_otherwise() -> list[Finding]:
    """Ten slices; the instance numbers of the fourth and fifth are exchanged."""
    numbers = [{"InstanceNumber": number} for number in (1, 2, 3, 5, 4, 6, 7, 8, 9, 10)]
    return inspected(along_table(stack(10)), per_slice=numbers)
