"""Label volumes and Segmentations through registrations: the nearest label, what is said of each, what has no place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from applycases import (
    GRID_ORIGIN,
    GRID_SIZE,
    GRID_SPACING,
    REGISTERED,
    SOURCE,
    affine,
    ct_series,
    dciodvfy,
    deformable,
    field,
    itk_field,
    itk_image,
    read_values,
    write_volume,
)
from DicomRegInspectorLib.errors import DicomRegInspectorError
from DicomRegInspectorLib.samples.ct_files import made_uid
from DicomRegInspectorLib.tasks.apply.applied import Applied
from DicomRegInspectorLib.tasks.apply.request import ApplyRequest
from DicomRegInspectorLib.tasks.apply.run import apply_transform
from DicomRegInspectorLib.tasks.apply.transform import read_transform

sitk = pytest.importorskip("SimpleITK")

PLACES = affine((2.0, 2.0, 3.0), (-24.0, -20.0, -18.0))
SHAPE = (12, 20, 24)
SHIFT = (4.0, 2.0, -3.0)
"""Of whole voxels of these places."""


def apply(transform: Path, output: Path, given: Path, reference: Path, **options: Any) -> Applied:
    request = ApplyRequest(
        transform=read_transform(transform, inverse=options.pop("inverse", False)),
        input=str(given),
        output=output,
        reference=[str(reference)],
        **options,
    )
    return apply_transform("labels", request)


def blobs(*numbers: int) -> np.ndarray:
    """Labels in no order, in the middle and at the border."""
    labels = np.zeros(SHAPE, np.int64)
    labels[2:9, 4:15, 5:18] = np.random.default_rng(0).choice(numbers, (7, 11, 13))
    labels[0, 0, 0] = numbers[-1]
    return labels


@pytest.fixture
def shifted(tmp_path: Path) -> Path:
    """A registered point comes from the place SHIFT further on."""
    return deformable(tmp_path / "reg.dcm", np.tile(np.float32(SHIFT), (*GRID_SIZE[::-1], 1)))


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [(blobs(1, 2, 3), np.uint8), (blobs(1, 70_000, 3_000_000_000), np.uint32), (blobs(4, 5), np.float32)],
)
def test_labels_equal_simpleitks_nearest(tmp_path: Path, labels: np.ndarray, dtype: Any) -> None:
    registration = deformable(tmp_path / "reg.dcm", field(size=1.5))
    given = write_volume(tmp_path / "labels.nrrd", labels.astype(dtype), PLACES)
    apply(registration, tmp_path / "out.nrrd", given, given)
    image = itk_image(labels.astype(np.float64), PLACES)
    expected = sitk.GetArrayFromImage(sitk.Resample(image, image, itk_field(field(size=1.5)), sitk.sitkNearestNeighbor))
    found = read_values(tmp_path / "out.nrrd")
    assert found.dtype.kind == "u" and set(np.unique(found)) <= {0, *np.unique(labels)}
    assert np.mean(found == expected) > 0.9999


def test_what_of_a_label_has_no_place_is_told(tmp_path: Path, shifted: Path) -> None:
    """A label of 2x2 mm columns that reaches beyond the grid: 40 mm of its 100 mm have no place."""
    beyond = affine((2.0, 2.0, 2.0), (-60.0, -10.0, -10.0))
    labels = np.zeros((4, 4, 60), np.uint8)
    labels[1:3, 1:3, 5:55] = 7
    given = write_volume(tmp_path / "labels.nrrd", labels, beyond)
    reference = write_volume(tmp_path / "reference.nrrd", np.zeros((20, 20, 30), np.uint8), PLACES)
    (part,) = apply(shifted, tmp_path / "out.nrrd", given, reference).parts
    # The centres lie at x = -50 to 48; what comes from there is at x - 4, and the grid begins at -40 and ends at 40.
    x = -50 + 2 * np.arange(50) - SHIFT[0]
    assert part.volume_before_ml == pytest.approx(50 * 4 * 8 / 1000)
    assert part.undefined_percent == pytest.approx(100 * np.mean((x < -40) | (x > 40)))
    # The output's voxels reach from -25 to 35.
    assert part.outside_percent == pytest.approx(100 * np.mean((x >= -40) & (x <= 40) & ((x < -25) | (x >= 35))))
    assert part.measured == 200
    assert part.undefined_ml == pytest.approx(part.undefined_percent / 100 * 1.6)


def test_labels_without_a_place_are_findings_and_those_beyond_the_output_no_errors(tmp_path: Path) -> None:
    registration = deformable(tmp_path / "reg.dcm", np.zeros((*GRID_SIZE[::-1], 3), np.float32))
    labels = np.zeros((4, 4, 60), np.uint8)
    labels[:, :, 25:36] = 1
    labels[:, :, 0:20] = 2
    given = write_volume(tmp_path / "labels.nrrd", labels, affine((2.0, 2.0, 2.0), (-60.0, -10.0, -10.0)))
    # The output holds x = 0 to 20 mm: part of the first label, and none of the other, which begins beyond the grid.
    reference = write_volume(
        tmp_path / "reference.nrrd", np.zeros((4, 4, 11)), affine((2.0, 2.0, 2.0), (0.0, -10.0, -10.0))
    )
    applied = apply(registration, tmp_path / "out.nrrd", given, reference)
    told = [finding for finding in applied.findings if finding.code == "structure-not-carried"]
    assert [(finding.evidence["number"], finding.severity) for finding in told] == [(1, "warning"), (2, "error")]
    assert [part.undefined_percent for part in applied.parts] == [0, 50]


@pytest.mark.parametrize("inverse", [False, True])
def test_the_share_of_a_label_where_the_registration_folds_is_told(tmp_path: Path, inverse: bool) -> None:
    """D(x) falls by 2 mm for each mm over one cell of 5 mm, so that x + D(x) turns around there."""
    vectors = np.zeros((*GRID_SIZE[::-1], 3), np.float32)
    vectors[:, :, 9:, 0] = -10
    registration = deformable(tmp_path / "reg.dcm", vectors)
    labels = np.zeros((10, 10, 80), np.uint8)
    labels[:, :, 30:60] = 1
    lattice = affine((1.0, 1.0, 1.0), (-29.5, -5.0, -5.0))
    given = write_volume(tmp_path / "labels.nrrd", labels, lattice)
    applied = apply(registration, tmp_path / "out.nrrd", given, given, inverse=inverse)
    (part,) = applied.parts
    # The cell reaches from x = 0 to 5; the label, in the registered frame, is where x + D(x) is from 0 to 30.
    x = -29.5 + np.arange(80)
    moved = x + np.interp(x, (0, 5), (0, -10))
    own = labels[0, 0] == 1 if inverse else (moved > 0) & (moved < 30)
    assert part.folded_percent == pytest.approx(100 * np.mean((x[own] > 0) & (x[own] < 5)), abs=2)
    folded = [finding for finding in applied.findings if finding.code == "structure-folded"]
    assert len(folded) == (1 if part.folded_percent else 0)
    assert inverse == bool(folded)


def test_large_labels_are_measured_at_an_even_part_of_their_voxels(tmp_path: Path, shifted: Path) -> None:
    fine = affine((0.5, 0.5, 0.5), (-35.0, -15.0, -15.0))
    labels = np.ones((50, 50, 120), np.uint8)
    given = write_volume(tmp_path / "labels.nrrd", labels, fine)
    (part,) = apply(shifted, tmp_path / "out.nrrd", given, given).parts
    assert 4000 < part.measured < 6000
    x = -35 + 0.5 * np.arange(120) - SHIFT[0]
    y, z = (-15 + 0.5 * np.arange(50) - SHIFT[axis] for axis in (1, 2))
    inside = [
        (np.abs(along - low - length / 2) <= length / 2 + 0.25).mean()
        for along, low, length in ((x[x >= -40], -35, 59.5), (y, -15, 24.5), (z, -15, 24.5))
    ]
    undefined = 100 * np.mean(x < -40)
    assert part.undefined_percent == pytest.approx(undefined, abs=1)
    assert part.outside_percent == pytest.approx((100 - undefined) * (1 - np.prod(inside)), abs=2)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.full(SHAPE, 0.5, np.float32), "not whole"),
        (np.full(SHAPE, -3, np.int16), "negative numbers"),
        (np.zeros((*SHAPE, 3), np.uint8), "3 numbers for each voxel"),
    ],
)
def test_what_is_no_label_volume_is_refused(tmp_path: Path, shifted: Path, values: np.ndarray, said: str) -> None:
    given = write_volume(tmp_path / "labels.nrrd", values, PLACES)
    with pytest.raises(DicomRegInspectorError, match=said):
        apply(shifted, tmp_path / "out.nrrd", given, given)
    assert not (tmp_path / "out.nrrd").exists()


def segmentation(folder: Path, masks: np.ndarray, kind: str = "BINARY") -> Path:
    """A Segmentation by highdicom of (nk, nj, ni, segments) masks in a CT series of the source frame."""
    hd = pytest.importorskip("highdicom")
    from pydicom.sr.codedict import codes

    series = ct_series(folder / "source", np.zeros(SHAPE), SOURCE, origin=PLACES[:3, 3], study="other")
    images = [pydicom.dcmread(path) for path in sorted(series.iterdir())]
    algorithm = hd.AlgorithmIdentificationSequence("Finder", codes.DCM.ArtificialIntelligence, "2.1")
    described = [
        hd.seg.SegmentDescription(
            number,
            label,
            codes.SCT.Organ,
            code,
            "AUTOMATIC",
            algorithm_identification=algorithm,
            tracking_uid=made_uid("tracking", number),
            tracking_id=f"finding {number}",
        )
        for number, (label, code) in enumerate((("Liver", codes.SCT.Liver), ("Kidney, left", codes.SCT.Kidney)), 1)
    ]
    for item, colour in zip(described, ([40000, 35000, 41000], [20000, 30000, 31000]), strict=True):
        item.RecommendedDisplayCIELabValue = colour
    written = hd.seg.Segmentation(
        images, masks, kind, described, hd.UID(), 1, hd.UID(), 1, "Maker", "Model", "1", "123",
        max_fractional_value=200,
    )  # fmt: skip
    written.save_as(folder / "seg.dcm")
    return folder / "seg.dcm"


def masks_of(path: Path) -> dict[int, set[tuple[float, ...]]]:
    """Places of the voxels of each segment, by pydicom and NumPy alone."""
    data = pydicom.dcmread(path)
    shared = data.SharedFunctionalGroupsSequence[0]
    column, row = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    found: dict[int, set[tuple[float, ...]]] = {int(item.SegmentNumber): set() for item in data.SegmentSequence}
    frames = data.pixel_array.reshape(-1, data.Rows, data.Columns)
    for groups, pixels in zip(data.PerFrameFunctionalGroupsSequence, frames, strict=True):
        corner = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        j, i = np.nonzero(pixels)
        places = corner + np.stack([i * row, j * column, 0 * i], axis=1)
        number = int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        found[number] |= set(map(tuple, np.round(places, 2).tolist()))
    return found


def two(overlap: bool) -> np.ndarray:
    masks = np.zeros((*SHAPE, 2), np.uint8)
    masks[2:8, 4:12, 6:14, 0] = 1
    masks[4:10, 10 if overlap else 12 : 18, 8:20, 1] = 1
    return masks


@pytest.mark.parametrize("overlap", [False, True])
def test_segments_are_moved_with_all_that_is_said_of_them(tmp_path: Path, shifted: Path, overlap: bool) -> None:
    given = segmentation(tmp_path, two(overlap))
    reference = ct_series(tmp_path / "fixed", np.zeros((14, 22, 26)), REGISTERED, origin=(-28, -24, -15))
    applied = apply(shifted, tmp_path / "out.dcm", given, reference)
    before, after = masks_of(given), masks_of(tmp_path / "out.dcm")
    for number in (1, 2):
        assert (
            after[number] == {tuple(np.round(np.array(place) - SHIFT, 2).tolist()) for place in before[number]}
            and len(before[number]) > 300
        )
    made, was = pydicom.dcmread(tmp_path / "out.dcm"), pydicom.dcmread(given)
    assert made.SegmentSequence == was.SegmentSequence
    assert made.SegmentSequence[0].RecommendedDisplayCIELabValue == [40000, 35000, 41000]
    assert (made.StudyInstanceUID, made.FrameOfReferenceUID) == (made_uid("apply", "study"), REGISTERED)
    assert made.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == "1.2.3.4.5.6"
    assert made.SourceImageSequence[0].ReferencedSOPInstanceUID == was.SOPInstanceUID
    assert made.ReferencedSeriesSequence[0].SeriesInstanceUID == made_uid("apply", "fixed")
    assert [(part.name, part.volume_after_ml) for part in applied.parts] == [
        (name, pytest.approx(len(before[number]) * 0.012)) for number, name in ((1, "Liver"), (2, "Kidney, left"))
    ]
    assert dciodvfy(tmp_path / "out.dcm") - dciodvfy(given) == set()


def test_segments_become_labels_where_they_do_not_overlap(tmp_path: Path, shifted: Path) -> None:
    given = segmentation(tmp_path, two(False))
    reference = ct_series(tmp_path / "fixed", np.zeros((14, 22, 26)), REGISTERED, origin=(-28, -22, -15))
    apply(shifted, tmp_path / "out.nrrd", given, reference)
    found = read_values(tmp_path / "out.nrrd")
    assert [int((found == number).sum()) for number in (1, 2)] == [int(two(False)[..., n].sum()) for n in (0, 1)]
    (tmp_path / "again").mkdir()
    with pytest.raises(DicomRegInspectorError, match="segments overlap"):
        apply(shifted, tmp_path / "none.nrrd", segmentation(tmp_path / "again", two(True)), reference)


def test_segments_that_go_nowhere_are_told_or_refused(tmp_path: Path, shifted: Path) -> None:
    given = segmentation(tmp_path, two(False))
    # Slices that hold the lower segment only, and none.
    near = ct_series(tmp_path / "near", np.zeros((2, 22, 26)), REGISTERED, origin=(-28, -22, -9))
    applied = apply(shifted, tmp_path / "out.dcm", given, near)
    assert "Segment 2 (Kidney, left) has no voxel in the output." in applied.notes
    assert applied.parts[1].outside_percent == 100 and applied.parts[1].undefined_percent == 0
    far = ct_series(tmp_path / "far", np.zeros((3, 22, 26)), REGISTERED, origin=(-28, -22, 21))
    with pytest.raises(DicomRegInspectorError, match="nothing of it lies among"):
        apply(shifted, tmp_path / "far.dcm", given, far)
    assert not (tmp_path / "far.dcm").exists()


def test_the_grids_constants_are_what_the_tests_take_them_for() -> None:
    ends = np.array(GRID_ORIGIN) + np.array(GRID_SPACING) * (np.array(GRID_SIZE) - 1)
    assert (GRID_ORIGIN[0], ends[0]) == (-40, 40)
